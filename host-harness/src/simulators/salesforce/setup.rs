//! What this org's admin has set up beside records: fields of their own, duplicate and validation rules, assignment, hidden
//! records, and how long a write holds its parents. Nothing of it in a new org, so that records are taken as they come.
//!
//! An org's own fields make an `ObjectType` of its own (`own`), which stays in memory as long as the process: orgs are few.

use super::{
    Record, Salesforce,
    campaign_members::MEMBER,
    contacts::CONTACT,
    describe::{Access, Field, Kind, ObjectType},
    errors::Refusal,
    leads::LEAD,
};
use crate::{
    clock::Timestamp,
    simulators::{World, request::Call},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

pub use super::{
    duplicate_rules::{DuplicateAction, DuplicateMatch, DuplicateRule},
    validation_rules::{ValidationRule, ValidationTest, ValidationWhen},
};

#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub duplicate_rules: Vec<DuplicateRule>,
    pub validation_rules: Vec<ValidationRule>,
    /// Who owns a lead after the active assignment rule has run; nothing where there is no such rule.
    pub assigned_owner: Option<String>,
    /// Ids of records that the API's user may not see.
    pub hidden: BTreeSet<String>,
    /// How long the write of a member holds its campaign and person, and that of a contact its account.
    pub row_lock: Duration,
    /// How long a bulk job says that it is at work.
    pub bulk_job_time: Duration,
    /// Data calls are refused, tokens or not.
    pub api_off: Option<ApiOff>,
    /// Made, and permitted to nobody.
    pub(super) unseen_fields: Vec<CustomField>,
    pub(super) state_country_picklists: bool,
    pub(super) person_accounts: bool,
    pub(super) request: RequestOptions,
    locks: Vec<Lock>,
    own: HashMap<&'static str, &'static ObjectType>,
}

impl Setup {
    pub fn person_accounts(&self) -> bool {
        self.person_accounts
    }

    pub fn state_and_country_picklists(&self) -> bool {
        self.state_country_picklists
    }
}

/// For whom the API is off [inferred from public clients].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiOff {
    /// The edition comes without it.
    ForOrg,
    /// The user's profile lacks "API Enabled".
    ForUser,
}

#[derive(Clone, Debug)]
struct Lock {
    record: String,
    until: Timestamp,
    by: usize,
}

/// What a request's headers say, for all records that it writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestOptions {
    /// `Sforce-Duplicate-Rule-Header: allowSave=true` [confirmed]
    /// <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-duplicaterules.html>
    pub allow_save: bool,
    /// `Sforce-Auto-Assign: FALSE` [confirmed]
    /// <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-autoassign.html>
    pub unassigned: bool,
    /// Tells requests apart.
    number: usize,
}

impl RequestOptions {
    pub fn of(call: &Call, number: usize) -> RequestOptions {
        let header = |name: &str| call.header(name).unwrap_or_default().to_ascii_lowercase();
        let saves =
            |part: &str| part.split_once('=').is_some_and(|(k, v)| (k.trim(), v.trim()) == ("allowsave", "true"));
        RequestOptions {
            allow_save: header("sforce-duplicate-rule-header").split([';', ',']).any(saves),
            unassigned: header("sforce-auto-assign").trim() == "false",
            number,
        }
    }
}

/// A field that the admin has made.
#[derive(Clone, Debug)]
pub struct CustomField {
    /// Such as `CampaignMember`.
    pub object: String,
    /// Such as `Livestorm_Replay_Status__c`.
    pub name: String,
    pub label: String,
    pub kind: CustomKind,
    pub required: bool,
    pub unique: bool,
    pub external_id: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomKind {
    Text(usize),
    Number,
    Checkbox,
    Date,
    DateTime,
    Email,
    /// The values, and whether others are refused.
    Picklist(Vec<String>, bool),
}

impl World {
    /// A record that was there before, made at a moment of the past, as the API would have taken it. Gives its id, or says why it
    /// cannot be.
    pub fn add_salesforce_record(
        &mut self,
        object: &str,
        fields: Map<String, Value>,
        created_at: Timestamp,
    ) -> Result<String, String> {
        let known = ObjectType::anywhere(object).ok_or_else(|| format!("there is no object {object}"))?;
        let told = |refusal: Refusal| {
            let said: Vec<String> = refusal.faults.into_iter().map(|fault| fault.message).collect();
            format!("no {object} can be made of {fields:?}: {}", said.join("; "))
        };
        let id = super::sobjects::insert(self, known, fields.clone()).map_err(told)?;
        let now = self.now();
        self.salesforce.records.change(&id, now, |record| record.created_at = created_at);
        Ok(id)
    }

    /// As somebody in Salesforce deletes a record, with all that goes with it. `false` where there is none.
    pub fn delete_salesforce_record(&mut self, object: &str, id: &str) -> bool {
        ObjectType::anywhere(object).is_some_and(|known| super::sobjects::remove(self, known, id).is_ok())
    }
}

impl Salesforce {
    /// The object with this org's own fields.
    pub(super) fn own(&self, object: &'static ObjectType) -> &'static ObjectType {
        self.setup.own.get(object.name).copied().unwrap_or(object)
    }

    /// `false` where there is no such object, or a field of this name.
    pub fn add_custom_field(&mut self, custom: &CustomField) -> bool {
        let Some(object) = ObjectType::anywhere(&custom.object).map(|object| self.own(object)) else { return false };
        if object.field(&custom.name).is_some() {
            return false;
        }
        let name: &'static str = custom.name.clone().leak();
        let kind = match &custom.kind {
            CustomKind::Text(length) => Kind::Text(*length),
            CustomKind::Number => Kind::Double,
            CustomKind::Checkbox => Kind::Boolean,
            CustomKind::Date => Kind::Date,
            CustomKind::DateTime => Kind::DateTime,
            CustomKind::Email => Kind::Email,
            CustomKind::Picklist(values, restricted) => {
                if *restricted {
                    self.restricted_picklists.insert(format!("{}.{name}", object.name));
                }
                let values = values.iter().map(|value| &*value.clone().leak());
                Kind::Picklist(values.collect::<Vec<&'static str>>().leak())
            }
        };
        let access = if custom.required { Access::Required } else { Access::Writable };
        let mut field = Field::new(name, custom.label.clone().leak(), kind, access);
        field.unique = custom.unique;
        field.external_id = custom.external_id;
        self.extend(object, &[field]);
        true
    }

    /// The object has these fields too, from here on and in this org. Those that it has already stay.
    pub(super) fn extend(&mut self, object: &'static ObjectType, more: &[Field]) {
        let object = self.own(object);
        let new = more.iter().filter(|field| object.field(field.name).is_none());
        let fields: Vec<Field> = object.fields.iter().chain(new).copied().collect();
        let own = ObjectType { name: object.name, prefix: object.prefix, writes: object.writes, fields: fields.leak() };
        self.setup.own.insert(object.name, Box::leak(Box::new(own)));
    }

    /// Whether the API's user sees a record.
    pub(super) fn visible(&self, id: &str) -> bool {
        !self.setup.hidden.contains(id)
    }

    /// The breach of a unique field, if there is one.
    pub(super) fn unique(
        &self,
        object: &'static ObjectType,
        fields: &Map<String, Value>,
        own: Option<&str>,
    ) -> Result<(), Refusal> {
        for field in object.fields.iter().filter(|field| field.unique) {
            let Some(value) = fields.get(field.name).filter(|value| !value.is_null()) else { continue };
            let taken = |other: &&Record| own != Some(other.id.as_str()) && same(&other.value(field.name), value);
            if let Some(other) = self.all_of(object.name).find(taken) {
                let (name, id) = match self.visible(&other.id) {
                    true => (field.name, other.id.as_str()),
                    false => ("<unknown>", "<unknown>"),
                };
                let message = format!("duplicate value found: {name} duplicates value on record with id: {id}");
                return Err(Refusal::new(400, "DUPLICATE_VALUE", message));
            }
        }
        Ok(())
    }

    /// Live records whose field has this value.
    pub(super) fn with_value(&self, object: &'static ObjectType, field: &Field, value: &str) -> Vec<String> {
        let found = self.all_of(object.name).filter(|record| self.visible(&record.id));
        let found = found.filter(|record| match record.value(field.name) {
            Value::Number(number) => value.parse::<f64>().is_ok_and(|wanted| number.as_f64() == Some(wanted)),
            known => same(&known, &json!(value)),
        });
        found.map(|record| record.id.clone()).collect()
    }

    /// The active assignment rule runs when a lead is made or changed, unless the request says otherwise.
    pub(super) fn assign(&self, object: &ObjectType, fields: &mut Map<String, Value>) {
        if object.name == LEAD.name
            && !self.setup.request.unassigned
            && let Some(owner) = &self.setup.assigned_owner
        {
            fields.insert("OwnerId".into(), json!(owner));
        }
    }

    /// Takes hold of what a write touches, or is refused because another request has it still.
    pub(super) fn lock(
        &mut self,
        object: &ObjectType,
        fields: &Map<String, Value>,
        own: Option<&str>,
    ) -> Result<(), Refusal> {
        if self.setup.row_lock.is_zero() {
            return Ok(());
        }
        let (now, by) = (self.clock.now(), self.setup.request.number);
        self.setup.locks.retain(|lock| now < lock.until);
        let parents: &[&str] = match object.name {
            name if name == MEMBER.name => &["CampaignId", "LeadId", "ContactId"],
            name if name == CONTACT.name => &["AccountId"],
            _ => &[],
        };
        let known = own.and_then(|id| self.records.now(id));
        let parent = |name: &&str| {
            let value = fields.get(*name).cloned().or_else(|| known.map(|record| record.value(name)));
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        let parents: Vec<String> = parents.iter().filter_map(parent).collect();
        let touched = parents.iter().map(String::as_str).chain(own);
        if let Some(held) = self
            .setup
            .locks
            .iter()
            .filter(|lock| lock.by != by)
            .find(|lock| touched.clone().any(|id| id == lock.record))
        {
            let message = format!("unable to obtain exclusive access to this record or 1 records: {}", held.record);
            return Err(Refusal::new(400, "UNABLE_TO_LOCK_ROW", message));
        }
        let until = now.plus(self.setup.row_lock);
        self.setup.locks.extend(parents.into_iter().map(|record| Lock { record, until, by }));
        Ok(())
    }
}

/// Text without regard to case.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => a == b,
    }
}
