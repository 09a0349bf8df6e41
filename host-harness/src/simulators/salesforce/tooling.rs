//! What an admin sets up so that Account Engagement takes external activities: an extension, its assignment to a business
//! unit, and its activity types, each of them active. The one truth about them, for both APIs.
//! <https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_marketingappextactivity.htm>,
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/external-activity-guide.html>
//!
//! Not active unless said so, and unknown to an org below the edition Plus [confirmed]; the codes of refusals, the prefixes
//! of ids, and that "Modify All Data" is the right that it takes [inferred]. A unit's id is the id of its `PardotTenant`
//! [inferred from the assignment's `ParentId`].

use super::{
    Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::{Fault, Refusal},
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        account_engagement::{ActivityType, Extension},
        ids::long_salesforce_id,
    },
};
use serde_json::{Map, Value, json};

pub(super) static TENANT: ObjectType =
    ObjectType { name: "PardotTenant", prefix: "0Uv", writes: Writes::None, fields: &TENANT_FIELDS };

static TENANT_FIELDS: [Field; 8] = [
    Field::read_only("PardotTenantId", Text(18)),
    Field::read_only("PardotTenantName", Text(80)),
    Field::read_only("CreationStatus", Picklist(&STATUSES)),
    Field::read_only("PardotTenantStatusCode", Text(80)),
    Field::read_only("DeveloperName", Text(80)),
    Field::read_only("MasterLabel", Text(80)),
    Field::read_only("InitialPardotAdminId", Reference("User", "InitialPardotAdmin")),
    Field::read_only("Language", Text(40)),
];

const STATUSES: [&str; 10] = [
    "Creating",
    "Created",
    "Updating",
    "Updated",
    "Deleting",
    "Deleted",
    "Error",
    "Backfilled",
    "Deprovisioning",
    "Deprovisioned",
];

pub(super) static EXTENSION: ObjectType =
    ObjectType { name: "MarketingAppExtension", prefix: "7mE", writes: Writes::All, fields: &EXTENSION_FIELDS };

static EXTENSION_FIELDS: [Field; 4] = [
    Field::new("MasterLabel", "Label", Text(80), Required),
    Field::new("DeveloperName", "API Name", Text(80), Required),
    Field::new("IsActive", "Active in Automations", Boolean, Writable),
    Field::new("Description", "Description", Text(255), Writable),
];

pub(super) static ASSIGNMENT: ObjectType =
    ObjectType { name: "MarketingAppExtAssignment", prefix: "7mA", writes: Writes::All, fields: &ASSIGNMENT_FIELDS };

static ASSIGNMENT_FIELDS: [Field; 2] = [
    Field::new(
        "MarketingAppExtensionId",
        "Marketing App Extension ID",
        Reference("MarketingAppExtension", "MarketingAppExtension"),
        Required,
    ),
    Field::new("ParentId", "Business Unit ID", Reference("PardotTenant", "Parent"), Required),
];

pub(super) static ACTIVITY: ObjectType =
    ObjectType { name: "MarketingAppExtActivity", prefix: "7mT", writes: Writes::All, fields: &ACTIVITY_FIELDS };

static ACTIVITY_FIELDS: [Field; 6] = [
    Field::new("MasterLabel", "Label", Text(80), Required),
    Field::new("DeveloperName", "API Name", Text(80), Required),
    Field::new(
        "MarketingAppExtensionId",
        "Marketing App Extension ID",
        Reference("MarketingAppExtension", "MarketingAppExtension"),
        Required,
    ),
    Field::new("IsActive", "Active in Automations", Boolean, Writable),
    Field::new("EndpointUrl", "Endpoint URL", Text(255), Writable),
    Field::new("Description", "Description", Text(255), Writable),
];

/// The objects of the Tooling API, which the data API does not know.
pub(super) static OBJECTS: [&ObjectType; 5] =
    [&TENANT, &EXTENSION, &ASSIGNMENT, &ACTIVITY, &super::custom_fields::CUSTOM_FIELD];

/// What must be so before one of these is made or changed, `own` being the one that is changed.
pub(super) fn checked(
    salesforce: &Salesforce,
    object: &ObjectType,
    fields: &Map<String, Value>,
    own: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(name) = fields.get("DeveloperName").and_then(Value::as_str) {
        if !is_developer_name(name) {
            let message = "The API Name field can only contain underscores and alphanumeric characters. It must be unique, begin \
                           with a letter, not include spaces, not end with an underscore, and not contain two consecutive \
                           underscores.";
            return Err(Refusal::of(Fault::new("FIELD_INTEGRITY_EXCEPTION", message, &["DeveloperName"])));
        }
        let taken = salesforce.all_of(object.name).any(|other| {
            Some(other.id.as_str()) != own
                && other.value("DeveloperName").as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
        });
        if taken {
            let message = format!("This API Name is already used by another {}: {name}", object.name);
            return Err(Refusal::of(Fault::new("DUPLICATE_DEVELOPER_NAME", message, &["DeveloperName"])));
        }
    }
    let same = |name: &str, other: &super::Record| fields.get(name).is_some_and(|value| *value == other.value(name));
    let assigned = |other: &&super::Record| same("MarketingAppExtensionId", other) && same("ParentId", other);
    if object.name == ASSIGNMENT.name
        && let Some(other) = salesforce.all_of(object.name).find(assigned)
    {
        let message =
            format!("duplicate value found: MarketingAppExtensionId duplicates value on record with id: {}", other.id);
        return Err(Refusal::new(400, "DUPLICATE_VALUE", message));
    }
    Ok(())
}

/// Letters, digits and single underscores, a letter first and no underscore last [confirmed].
fn is_developer_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.ends_with('_')
        && !name.contains("__")
}

/// Whether the user may set these up.
pub(super) fn may_write(salesforce: &Salesforce) -> Result<(), Refusal> {
    match salesforce.modifies_all_data() {
        true => Ok(()),
        false => Err(Refusal::new(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")),
    }
}

impl Salesforce {
    pub(super) fn all_of<'a>(&'a self, object: &'a str) -> impl Iterator<Item = &'a super::Record> {
        self.records.all().filter(move |record| record.object == object && !record.is_deleted)
    }

    /// The business unit, which was there before the story.
    pub(super) fn add_tenant(&mut self, business_unit: &str) {
        let fields = json!({
            "PardotTenantId": business_unit,
            "PardotTenantName": "Example Customer",
            "CreationStatus": "Created",
            "DeveloperName": "Example_Customer",
            "MasterLabel": "Example Customer",
            "InitialPardotAdminId": Salesforce::user_id(),
            "Language": "en_US",
        });
        let now = self.clock.now();
        let tenant = super::Record {
            id: long_salesforce_id(business_unit).unwrap_or_else(|| business_unit.to_owned()),
            object: TENANT.name,
            fields: fields.as_object().cloned().unwrap_or_default(),
            is_deleted: false,
            created_at: now,
            modified_at: now,
        };
        self.records.insert(tenant.id.clone(), Timestamp(0), tenant);
    }

    /// An extension by its DeveloperName, as it concerns one business unit.
    pub fn extension(&self, name: &str, business_unit: &str) -> Option<Extension> {
        let is = |record: &super::Record, field: &str, value: &str| record.value(field) == json!(value);
        let known = self.all_of(EXTENSION.name).find(|record| is(record, "DeveloperName", name))?;
        let belongs = |record: &&super::Record| is(record, "MarketingAppExtensionId", &known.id);
        let active = |record: &super::Record| record.value("IsActive") == json!(true);
        let types = self.all_of(ACTIVITY.name).filter(belongs).filter_map(|record| {
            Some(ActivityType { name: record.value("DeveloperName").as_str()?.to_owned(), is_active: active(record) })
        });
        Some(Extension {
            name: name.to_owned(),
            is_active: active(known),
            is_assigned: self
                .all_of(ASSIGNMENT.name)
                .filter(belongs)
                .any(|record| is(record, "ParentId", business_unit)),
            types: types.collect(),
        })
    }
}

impl World {
    /// What an admin sets up; an extension of this name that is there already is replaced.
    pub fn set_extension(&mut self, extension: Extension) {
        self.remove_extension(&extension.name);
        let salesforce = &mut self.salesforce;
        let label = extension.name.replace('_', " ");
        let fields = json!({ "MasterLabel": label, "DeveloperName": extension.name, "IsActive": extension.is_active });
        let id = salesforce.found(EXTENSION.name, fields);
        if extension.is_assigned {
            let unit = self.options.business_unit_id.clone();
            salesforce.found(ASSIGNMENT.name, json!({ "MarketingAppExtensionId": id, "ParentId": unit }));
        }
        for kind in extension.types {
            let fields = json!({
                "MasterLabel": kind.name.replace('_', " "),
                "DeveloperName": kind.name,
                "MarketingAppExtensionId": id,
                "IsActive": kind.is_active,
            });
            salesforce.found(ACTIVITY.name, fields);
        }
    }

    /// `false` where there is none of this name.
    pub fn remove_extension(&mut self, name: &str) -> bool {
        let (now, salesforce) = (self.now(), &mut self.salesforce);
        let known = salesforce.all_of(EXTENSION.name).find(|record| record.value("DeveloperName") == json!(name));
        let Some(id) = known.map(|record| record.id.clone()) else { return false };
        let with = [ASSIGNMENT.name, ACTIVITY.name].into_iter().flat_map(|object| salesforce.all_of(object));
        let with = with.filter(|record| record.value("MarketingAppExtensionId") == json!(id));
        let gone: Vec<_> = with.map(|record| record.id.clone()).chain([id.clone()]).collect();
        for id in gone {
            salesforce.records.change(&id, now, |record| record.is_deleted = true);
        }
        true
    }
}
