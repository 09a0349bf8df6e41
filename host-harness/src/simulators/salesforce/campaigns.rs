//! Campaign. Object reference, <https://developer.salesforce.com/docs/platform/data-models>. Name 80 and required, Type
//! and Status picklists that take any value unless the admin restricts them, dates without a time: [confirmed]. Status
//! Planned and IsActive false by default: [inferred]. Who lacks "Marketing User" cannot make one [confirmed].

use super::{
    Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::Refusal,
};
use serde_json::{Map, Value, json};

pub(super) static CAMPAIGN: ObjectType =
    ObjectType { name: "Campaign", prefix: "701", writes: Writes::All, fields: &FIELDS };

const TYPES: [&str; 12] = [
    "Conference",
    "Webinar",
    "Trade Show",
    "Public Relations",
    "Partners",
    "Referral Program",
    "Advertisement",
    "Banner Ads",
    "Direct Mail",
    "Email",
    "Telemarketing",
    "Other",
];
const STATUSES: [&str; 4] = ["Planned", "In Progress", "Completed", "Aborted"];

static FIELDS: [Field; 26] = [
    Field::new("Name", "Name", Text(80), Required),
    Field::new("ParentId", "Parent Campaign ID", Reference("Campaign", "Parent"), Writable),
    Field::new("Type", "Type", Picklist(&TYPES), Writable),
    Field::new("RecordTypeId", "Record Type ID", Reference("RecordType", "RecordType"), Writable),
    Field::new(
        "CampaignMemberRecordTypeId",
        "Record Type ID",
        Reference("RecordType", "CampaignMemberRecordType"),
        Writable,
    ),
    Field::new("Status", "Status", Picklist(&STATUSES), Writable),
    Field::new("StartDate", "Start Date", Date, Writable),
    Field::new("EndDate", "End Date", Date, Writable),
    Field::new("ExpectedRevenue", "Expected Revenue in Campaign", Double, Writable),
    Field::new("BudgetedCost", "Budgeted Cost in Campaign", Double, Writable),
    Field::new("ActualCost", "Actual Cost in Campaign", Double, Writable),
    Field::new("ExpectedResponse", "Expected Response (%)", Double, Writable),
    Field::new("NumberSent", "Num Sent in Campaign", Double, Writable),
    Field::new("IsActive", "Active", Boolean, Writable),
    Field::new("Description", "Description", LongText(32_000), Writable),
    Field::new("OwnerId", "Owner ID", Reference("User", "Owner"), Writable),
    Field::read_only("NumberOfLeads", Integer),
    Field::read_only("NumberOfConvertedLeads", Integer),
    Field::read_only("NumberOfContacts", Integer),
    Field::read_only("NumberOfResponses", Integer),
    Field::read_only("NumberOfOpportunities", Integer),
    Field::read_only("NumberOfWonOpportunities", Integer),
    Field::read_only("AmountAllOpportunities", Double),
    Field::read_only("AmountWonOpportunities", Double),
    Field::read_only("LastActivityDate", Date),
    Field::read_only("LastReferencedDate", DateTime),
];

/// What a new campaign has that its maker did not say.
pub(super) fn defaults(fields: &mut Map<String, Value>) {
    let counts = FIELDS.iter().filter(|field| field.access == ReadOnly && matches!(field.kind, Integer | Double));
    for field in counts {
        fields.entry(field.name).or_insert(json!(0));
    }
    for (name, value) in [("Status", json!("Planned")), ("IsActive", json!(false)), ("NumberSent", json!(0))] {
        if fields.get(name).is_none_or(Value::is_null) {
            fields.insert(name.to_owned(), value);
        }
    }
}

/// Whether the user may make campaigns (`User.UserPermissionsMarketingUser`).
pub(super) fn may_write(salesforce: &Salesforce, verb: &str) -> Result<(), Refusal> {
    match salesforce.is_marketing_user() {
        true => Ok(()),
        false => {
            let message = format!("entity type cannot be {verb}: Campaign");
            Err(Refusal::new(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message))
        }
    }
}
