//! Custom fields of prospects. <https://developer.salesforce.com/docs/marketing/pardot/guide/custom-field-v5.html>; their
//! fields, kinds and filters, and that a prospect names one with `__c`, are [confirmed]. How `valuesPrefill` is written, and
//! which ability makes one, is [inferred], and so are that `fieldId` and `type` stay as they were made, and that a deleted one
//! is gone: there is no `isDeleted`.
//!
//! Promises: a value of the wrong kind is refused with the code of its kind; what holds several values can be read with one
//! prospect and not queried (224).

use super::{
    AccountEngagement, Asset,
    body::Body,
    errors::Refusal,
    record::{Field, Filter, Kind, Object},
    users, zone,
};
use crate::{
    clock::Timestamp,
    simulators::{World, unknowns::UnlistedValue},
};
use serde_json::{Value, json};

pub(super) static CUSTOM_FIELD: Object = Object {
    path: "objects/custom-fields",
    fields: &[
        "id",
        "name",
        "fieldId",
        "apiFieldId",
        "type",
        "isRequired",
        "isRecordMultipleResponses",
        "isUseValues",
        "salesforceId",
        "valuesPrefill",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[("createdBy", Kind::User, "createdById"), ("updatedBy", Kind::User, "updatedById")],
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

#[derive(Clone, Debug)]
pub struct CustomField {
    pub id: u64,
    /// What people read.
    pub name: String,
    /// Without the `__c`.
    pub field_id: String,
    pub kind: CustomKind,
    pub is_required: bool,
    pub records_multiple_responses: bool,
    /// What may be chosen from. Empty: anything.
    pub values: Vec<String>,
    /// The Salesforce field that it is synced with.
    pub salesforce_id: Option<String>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomKind {
    Text,
    RadioButton,
    Checkbox,
    Dropdown,
    Textarea,
    MultiSelect,
    Hidden,
    Number,
    Date,
    CrmUser,
}

impl CustomKind {
    const NAMES: [(CustomKind, &str); 10] = [
        (CustomKind::Text, "text"),
        (CustomKind::RadioButton, "radio button"),
        (CustomKind::Checkbox, "checkbox"),
        (CustomKind::Dropdown, "dropdown"),
        (CustomKind::Textarea, "textarea"),
        (CustomKind::MultiSelect, "multi-select"),
        (CustomKind::Hidden, "hidden"),
        (CustomKind::Number, "number"),
        (CustomKind::Date, "date"),
        (CustomKind::CrmUser, "crm user"),
    ];

    /// Written in small letters in answers [confirmed].
    fn name(self) -> &'static str {
        CustomKind::NAMES.iter().find(|(kind, _)| *kind == self).map_or("text", |(_, name)| name)
    }

    fn read(name: &str) -> Option<CustomKind> {
        CustomKind::NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(kind, _)| *kind)
    }
}

/// What a story says about a field that was there before it began.
#[derive(Clone, Debug)]
pub struct NewCustomField {
    /// With its `__c`.
    pub api_name: String,
    pub kind: CustomKind,
    pub records_multiple_responses: bool,
    pub values: Vec<String>,
}

impl NewCustomField {
    pub fn new(api_name: &str, kind: CustomKind) -> NewCustomField {
        NewCustomField { api_name: api_name.to_owned(), kind, records_multiple_responses: false, values: vec![] }
    }
}

impl CustomField {
    pub fn api_name(&self) -> String {
        format!("{}__c", self.field_id)
    }

    pub(super) fn holds_several(&self) -> bool {
        self.records_multiple_responses || matches!(self.kind, CustomKind::MultiSelect | CustomKind::Checkbox)
    }

    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "fieldId" => Field::text(&self.field_id),
            "apiFieldId" => Field::text(self.api_name()),
            "type" => Field::text(self.kind.name()),
            "isRequired" => Field::Bool(self.is_required),
            "isRecordMultipleResponses" => Field::Bool(self.records_multiple_responses),
            "isUseValues" => Field::Bool(!self.values.is_empty()),
            "valuesPrefill" => Field::of((!self.values.is_empty()).then(|| self.values.join("\n"))),
            "salesforceId" => Field::of(self.salesforce_id.clone()),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }

    /// A prospect's value as it will be kept.
    pub(super) fn stored(&self, world: &World, value: Value) -> Result<Value, Refusal> {
        let refused = |code| Err(Refusal::about(code, &self.api_name()));
        let number = |text: &str| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        let zulu = world.options.unknowns.account_engagement.zulu_time;
        let day = |text: &str| text.parse::<chrono::NaiveDate>().is_ok() || zone::read(text, zulu).is_some();
        let value = match (self.kind, value) {
            (_, Value::Null) => return Ok(Value::Null),
            (_, Value::String(text)) if text.is_empty() => return Ok(Value::Null),
            (CustomKind::Number, Value::Number(value)) => json!(value),
            (CustomKind::Number, Value::String(text)) if number(&text) => json!(text),
            (CustomKind::Number, _) => return refused(56),
            (CustomKind::Date, Value::String(text)) if day(&text) => json!(text),
            (CustomKind::Date, _) => return refused(57),
            (_, Value::Array(values)) if self.holds_several() && values.iter().all(Value::is_string) => json!(values),
            (_, Value::String(text)) => json!(text),
            (_, Value::Number(number)) => json!(number.to_string()),
            _ => return refused(154),
        };
        let chosen = value.as_array().map_or_else(|| vec![&value], |values| values.iter().collect());
        let listed = |value: &&Value| value.as_str().is_some_and(|text| self.values.iter().any(|known| known == text));
        let takes_all = world.options.unknowns.account_engagement.unlisted_value == UnlistedValue::Accept;
        match self.values.is_empty() || takes_all || chosen.iter().all(listed) {
            true => Ok(value),
            false => refused(154),
        }
    }
}

impl AccountEngagement {
    /// Seen at once, whatever the read lag. One of that name that is there already is kept. Gives its id.
    pub fn add_custom_field(&mut self, new: NewCustomField) -> u64 {
        if let Some(known) = self.custom_field(&new.api_name) {
            return known.id;
        }
        let field_id = new.api_name.strip_suffix("__c").unwrap_or(&new.api_name).to_owned();
        let field = CustomField {
            id: 0,
            name: field_id.replace('_', " "),
            field_id,
            kind: new.kind,
            is_required: false,
            records_multiple_responses: new.records_multiple_responses,
            values: new.values,
            salesforce_id: None,
            is_deleted: false,
            created_at: Timestamp::from_seconds(1_700_000_000),
            updated_at: Timestamp::from_seconds(1_700_000_000),
        };
        self.insert_custom_field(field, Timestamp(0))
    }

    /// By its name with `__c`.
    pub fn custom_field(&self, api_name: &str) -> Option<&CustomField> {
        let field_id = api_name.strip_suffix("__c")?;
        self.custom_fields.all().find(|field| field.field_id == field_id && !field.is_deleted)
    }

    fn insert_custom_field(&mut self, mut field: CustomField, at: Timestamp) -> u64 {
        let id = 4001 + self.custom_fields.len() as u64;
        field.id = id;
        self.custom_fields.insert(id, at, field);
        id
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = writable(body, &[])?;
    let (name, field_id) = (body.required_text("name")?, body.required_text("fieldId")?);
    let kind = CustomKind::read(&body.required_text("type")?).ok_or_else(|| Refusal::about(154, "type"))?;
    if !field_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Refusal::about(154, "fieldId"));
    }
    if world.account_engagement.custom_field(&format!("{field_id}__c")).is_some() {
        return Err(Refusal::code(245));
    }
    let live = world.account_engagement.custom_fields.all().filter(|field| !field.is_deleted).count();
    world.account_engagement.has_room(Asset::CustomField, live)?;
    // To name values is to use them, here and in a change.
    let uses_values = body.flag("isUseValues")?.unwrap_or_else(|| body.has("valuesPrefill"));
    let values = body.text("valuesPrefill")?.filter(|_| uses_values).unwrap_or_default();
    let now = world.now();
    let field = CustomField {
        id: 0,
        name,
        field_id,
        kind,
        is_required: body.flag("isRequired")?.unwrap_or(false),
        records_multiple_responses: body.flag("isRecordMultipleResponses")?.unwrap_or(false),
        values: values.lines().map(str::to_owned).collect(),
        salesforce_id: body.text("salesforceId")?,
        is_deleted: false,
        created_at: now,
        updated_at: now,
    };
    Ok(world.account_engagement.insert_custom_field(field, now))
}

/// Properties that a body may have. Code 180 for those that a reader sees and a writer may not set.
fn writable(body: Body, fixed: &[&str]) -> Result<Body, Refusal> {
    const WRITABLE: [&str; 8] = [
        "name",
        "fieldId",
        "type",
        "isRequired",
        "isRecordMultipleResponses",
        "isUseValues",
        "valuesPrefill",
        "salesforceId",
    ];
    match fixed.iter().find(|name| body.has(name)) {
        Some(name) => Err(Refusal::about(180, name)),
        None => body.writes(&CUSTOM_FIELD, &WRITABLE),
    }
}

pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let body = writable(body, &["fieldId", "type"])?;
    let name = if body.has("name") { Some(body.required_text("name")?) } else { None };
    let (is_required, multiple) = (body.flag("isRequired")?, body.flag("isRecordMultipleResponses")?);
    let (uses_values, values) = (body.flag("isUseValues")?, body.text("valuesPrefill")?);
    let salesforce_id = body.text("salesforceId")?;
    let now = world.now();
    world.account_engagement.custom_fields.change(&id, now, |field| {
        field.name = name.unwrap_or_else(|| field.name.clone());
        field.is_required = is_required.unwrap_or(field.is_required);
        field.records_multiple_responses = multiple.unwrap_or(field.records_multiple_responses);
        match (uses_values.unwrap_or(!field.values.is_empty() || values.is_some()), values) {
            (false, _) => field.values.clear(),
            (true, Some(values)) => field.values = values.lines().map(str::to_owned).collect(),
            (true, None) => {}
        }
        if body.has("salesforceId") {
            field.salesforce_id = salesforce_id;
        }
        field.updated_at = now;
    });
    Ok(())
}

/// Gone, and with it what prospects had in it. One that is used elsewhere stays: code 108.
pub(super) fn delete(world: &mut World, id: u64) -> Result<(), Refusal> {
    let now = world.now();
    let unit = &mut world.account_engagement;
    unit.is_free(Asset::CustomField, id)?;
    let api_name = unit.custom_fields.now(&id).map(CustomField::api_name).unwrap_or_default();
    unit.custom_fields.change(&id, now, |field| field.is_deleted = true);
    let holders: Vec<u64> =
        unit.prospects.all().filter(|p| p.fields.contains_key(&api_name)).map(|prospect| prospect.id).collect();
    for prospect in holders {
        unit.prospects.change(&prospect, now, |prospect| {
            prospect.fields.remove(&api_name);
        });
    }
    Ok(())
}
