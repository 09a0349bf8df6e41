//! What a form, or a form handler, asks for: each field goes into one field of the prospect.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/form-handler-field-v5.html>: verbs, abilities, what a
//! create must say and the data formats are [confirmed]. `form-fields` has read, query and create alone, and its
//! fields, [confirmed, second-hand]; which of them a create must say is [inferred].
//!
//! Not here: values to choose from, dependent and progressive fields, and the order on the page.

use super::{
    AccountEngagement,
    body::Body,
    errors::Refusal,
    prospect_submits, prospects,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};

pub(super) static FORM_FIELD: Object = Object {
    path: "objects/form-fields",
    fields: &[
        "id",
        "formId",
        "prospectApiFieldId",
        "type",
        "dataFormat",
        "label",
        "description",
        "errorMessage",
        "cssClasses",
        "isRequired",
        "isAlwaysDisplay",
        "isMaintainInitialValue",
        "isDoNotPrefill",
        "sortOrder",
        "hasDependents",
        "hasProgressives",
        "hasValues",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("form", Kind::Form, "formId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[Filter::Number("id"), Filter::Number("formId"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

pub(super) static FORM_HANDLER_FIELD: Object = Object {
    path: "objects/form-handler-fields",
    fields: &[
        "id",
        "name",
        "formHandlerId",
        "dataFormat",
        "prospectApiFieldId",
        "fieldLabel",
        "isMaintainInitialValue",
        "isRequired",
        "errorMessage",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("formHandler", Kind::FormHandler, "formHandlerId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[
        Filter::Number("id"),
        Filter::Number("formHandlerId"),
        Filter::Time("createdAt"),
        Filter::Time("updatedAt"),
    ],
    sorts: &["id", "createdAt", "updatedAt"],
};

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    Text,
    Number,
    Email,
    BusinessEmail,
    DeliverableEmail,
}

impl DataFormat {
    const NAMES: [(DataFormat, &str); 5] = [
        (DataFormat::Text, "text"),
        (DataFormat::Number, "number"),
        (DataFormat::Email, "email"),
        (DataFormat::BusinessEmail, "email not from isps and free email providers"),
        (DataFormat::DeliverableEmail, "email with valid mail server"),
    ];

    fn name(self) -> &'static str {
        DataFormat::NAMES.iter().find(|(format, _)| *format == self).map_or("text", |(_, name)| name)
    }

    fn read(name: &str) -> Option<DataFormat> {
        DataFormat::NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(format, _)| *format)
    }

    /// Which providers are free, and which domains have no server, is a made-up few: a real list is nobody's fact.
    pub(super) fn fits(self, value: &str) -> bool {
        const FREE: [&str; 5] = ["gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "aol.com"];
        let domain = value.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default();
        match self {
            DataFormat::Text => true,
            DataFormat::Number => value.trim().parse::<f64>().is_ok_and(f64::is_finite),
            DataFormat::Email => prospects::is_address(value),
            DataFormat::BusinessEmail => prospects::is_address(value) && !FREE.contains(&domain.as_str()),
            // A name that no server ever has (RFC 2606).
            DataFormat::DeliverableEmail => prospects::is_address(value) && !domain.ends_with(".invalid"),
        }
    }
}

/// A field of a form or of a handler.
#[derive(Clone, Debug)]
pub struct FormField {
    pub id: u64,
    /// The form's or the handler's.
    pub owner: u64,
    /// A handler's: the name in what is posted. A form's: what people read.
    pub name: String,
    /// Of the prospect.
    pub api_field: String,
    pub format: DataFormat,
    pub is_required: bool,
    /// What a prospect has already is not written over.
    pub keeps_first: bool,
    pub error_message: Option<String>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl FormField {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "formId" | "formHandlerId" => Field::Int(self.owner),
            "name" | "label" | "fieldLabel" => Field::text(&self.name),
            "prospectApiFieldId" => Field::text(&self.api_field),
            "dataFormat" => Field::text(self.format.name()),
            "type" => Field::text("Text"),
            "errorMessage" => Field::of(self.error_message.clone()),
            "isRequired" => Field::Bool(self.is_required),
            "isMaintainInitialValue" => Field::Bool(self.keeps_first),
            "isAlwaysDisplay" | "isDoNotPrefill" | "hasDependents" | "hasProgressives" | "hasValues" => {
                Field::Bool(false)
            }
            "sortOrder" => Field::Int(self.id - FIRST_ID),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }
}

const FIRST_ID: u64 = 8501;

/// A field that comes with a new form or handler.
#[derive(Clone, Debug)]
pub struct NewField {
    pub name: String,
    pub api_field: String,
    pub format: DataFormat,
    pub is_required: bool,
    pub keeps_first: bool,
}

impl NewField {
    /// Under the name of the prospect's field.
    pub fn text(api_field: &str) -> NewField {
        NewField {
            name: api_field.to_owned(),
            api_field: api_field.to_owned(),
            format: DataFormat::Text,
            is_required: false,
            keeps_first: false,
        }
    }

    pub fn email() -> NewField {
        NewField { format: DataFormat::Email, is_required: true, ..NewField::text("email") }
    }

    /// The address, first and last name.
    pub fn usual() -> Vec<NewField> {
        vec![NewField::email(), NewField::text("firstName"), NewField::text("lastName")]
    }

    pub(super) fn of(self, owner: u64, now: Timestamp) -> FormField {
        FormField {
            id: 0,
            owner,
            name: self.name,
            api_field: self.api_field,
            format: self.format,
            is_required: self.is_required,
            keeps_first: self.keeps_first,
            error_message: None,
            is_deleted: false,
            created_at: now,
            updated_at: now,
        }
    }
}

impl World {
    /// Whether a form may have a field for it. By the prospect's API names.
    pub fn has_prospect_field(&self, api_field: &str) -> bool {
        prospect_submits::can_be_submitted(self, api_field)
    }
}

impl AccountEngagement {
    pub(super) fn insert_form_field(&mut self, mut field: FormField, at: Timestamp) -> u64 {
        field.id = FIRST_ID + self.form_fields.len() as u64;
        let id = field.id;
        self.form_fields.insert(id, at, field);
        id
    }

    pub(super) fn insert_form_handler_field(&mut self, mut field: FormField, at: Timestamp) -> u64 {
        field.id = FIRST_ID + self.form_handler_fields.len() as u64;
        let id = field.id;
        self.form_handler_fields.insert(id, at, field);
        id
    }
}

pub(super) fn create_for_form(world: &mut World, body: Body) -> Result<u64, Refusal> {
    const WRITABLE: [&str; 8] = [
        "formId",
        "prospectApiFieldId",
        "type",
        "dataFormat",
        "label",
        "errorMessage",
        "isRequired",
        "isMaintainInitialValue",
    ];
    let body = body.writes(&FORM_FIELD, &WRITABLE)?;
    body.required_text("label")?;
    if body.text("type")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("text")) {
        return Err(Refusal::about(154, "type"));
    }
    let form = owner(&body, "formId")?;
    if world.account_engagement.forms.now(&form).is_none_or(|form| form.is_deleted) {
        return Err(Refusal::about(154, "formId"));
    }
    let field = new_field(world, form, body)?;
    let now = world.now();
    Ok(world.account_engagement.insert_form_field(field, now))
}

pub(super) fn create_for_handler(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = body.writes(&FORM_HANDLER_FIELD, &HANDLER_WRITABLE)?;
    body.required_text("name")?;
    let handler = owner(&body, "formHandlerId")?;
    if world.account_engagement.form_handlers.now(&handler).is_none_or(|handler| handler.is_deleted) {
        return Err(Refusal::about(154, "formHandlerId"));
    }
    let field = new_field(world, handler, body)?;
    let now = world.now();
    Ok(world.account_engagement.insert_form_handler_field(field, now))
}

const HANDLER_WRITABLE: [&str; 7] = [
    "name",
    "formHandlerId",
    "dataFormat",
    "prospectApiFieldId",
    "isRequired",
    "isMaintainInitialValue",
    "errorMessage",
];

/// Gone: there is no recycle bin for it [inferred from its fields, which lack `isDeleted`].
pub(super) fn delete_of_handler(world: &mut World, id: u64) {
    let now = world.now();
    world.account_engagement.form_handler_fields.change(&id, now, |field| field.is_deleted = true);
}

/// Its handler stays [inferred].
pub(super) fn update_for_handler(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let old = world.account_engagement.form_handler_fields.now(&id).cloned().ok_or(Refusal::code(109))?;
    let body = body.writes(&FORM_HANDLER_FIELD, &HANDLER_WRITABLE)?;
    if body.has("formHandlerId") && body.id("formHandlerId", 154)? != Some(old.owner) {
        return Err(Refusal::about(180, "formHandlerId"));
    }
    let mut field = old;
    written(world, &mut field, &body)?;
    let now = world.now();
    field.updated_at = now;
    world.account_engagement.form_handler_fields.change(&id, now, |old| *old = field);
    Ok(())
}

fn owner(body: &Body, name: &str) -> Result<u64, Refusal> {
    body.required(name)?;
    body.id(name, 16)?.ok_or(Refusal::code(16))
}

fn new_field(world: &World, owner: u64, body: Body) -> Result<FormField, Refusal> {
    body.required_text("dataFormat")?;
    body.required_text("prospectApiFieldId")?;
    let mut field = NewField::text("").of(owner, world.now());
    written(world, &mut field, &body)?;
    Ok(field)
}

/// What a body says, checked. What it leaves out stays as it is.
fn written(world: &World, field: &mut FormField, body: &Body) -> Result<(), Refusal> {
    for name in ["name", "label"] {
        if body.has(name) {
            field.name = body.required_text(name)?;
        }
    }
    if body.has("dataFormat") {
        let format = DataFormat::read(&body.required_text("dataFormat")?);
        field.format = format.ok_or_else(|| Refusal::about(154, "dataFormat"))?;
    }
    if body.has("prospectApiFieldId") {
        let name = body.required_text("prospectApiFieldId")?;
        if !prospect_submits::can_be_submitted(world, &name) {
            return Err(Refusal::about(154, "prospectApiFieldId"));
        }
        field.api_field = name;
    }
    if body.has("errorMessage") {
        field.error_message = body.text("errorMessage")?;
    }
    field.is_required = body.flag("isRequired")?.unwrap_or(field.is_required);
    field.keeps_first = body.flag("isMaintainInitialValue")?.unwrap_or(field.keeps_first);
    Ok(())
}
