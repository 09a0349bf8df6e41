//! CampaignMember: a lead or a contact in a campaign. [confirmed] unless said otherwise,
//! <https://developer.salesforce.com/docs/atlas.en-us.220.0.object_reference.meta/object_reference/sforce_api_objects_campaignmember.htm>:
//! one row for a campaign and a lead, one for a campaign and a contact; of both ids the contact's alone is kept; none of
//! the three ids changes later; HasResponded follows the status. Mirrors of the person are read only. No status means the
//! campaign's default [inferred]; one that the campaign does not have is a switch [unknown].

use super::{
    Record, Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::{Fault, Refusal},
    leads,
};
use crate::simulators::unknowns::UndefinedMemberStatus;
use serde_json::{Map, Value, json};

pub(super) static MEMBER: ObjectType =
    ObjectType { name: "CampaignMember", prefix: "00v", writes: Writes::All, fields: &FIELDS };

static FIELDS: [Field; 22] = [
    Field::new("CampaignId", "Campaign ID", Reference("Campaign", "Campaign"), RequiredOnce),
    Field::new("LeadId", "Lead ID", Reference("Lead", "Lead"), CreateOnly),
    Field::new("ContactId", "Contact ID", Reference("Contact", "Contact"), CreateOnly),
    Field::new("Status", "Status", Text(40), Writable),
    Field::read_only("HasResponded", Boolean),
    Field::read_only("FirstRespondedDate", Date),
    Field::read_only("Name", Text(255)),
    Field::read_only("Salutation", Text(40)),
    Field::read_only("FirstName", Text(40)),
    Field::read_only("LastName", Text(80)),
    Field::read_only("Title", Text(128)),
    Field::read_only("Email", Email),
    Field::read_only("Phone", Text(40)),
    Field::read_only("CompanyOrAccount", Text(255)),
    Field::read_only("City", Text(40)),
    Field::read_only("State", Text(80)),
    Field::read_only("Country", Text(80)),
    Field::read_only("Type", Text(40)),
    Field::read_only("LeadOrContactId", Text(18)),
    Field::read_only("LeadOrContactOwnerId", Reference("User", "LeadOrContactOwner")),
    Field::read_only("LeadSource", Text(255)),
    Field::read_only("HasOptedOutOfEmail", Boolean),
];

impl Salesforce {
    pub(super) fn members_of(&self, campaign: &str) -> impl Iterator<Item = &Record> {
        self.children_of(campaign, MEMBER.name)
    }

    /// What must be so before a member is made or changed, and what is filled in.
    pub(super) fn member_checked(
        &self,
        fields: &mut Map<String, Value>,
        own: Option<&Record>,
        undefined: UndefinedMemberStatus,
    ) -> Result<(), Refusal> {
        let campaign = own.map_or_else(|| fields.get("CampaignId").cloned(), |own| Some(own.value("CampaignId")));
        let campaign = campaign.as_ref().and_then(Value::as_str).unwrap_or_default();
        if own.is_none() {
            let text =
                |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
            let lead = text(fields, "LeadId");
            let contact = text(fields, "ContactId");
            let (name, person) = match (lead, contact) {
                (_, Some(contact)) => {
                    fields.remove("LeadId");
                    ("ContactId", contact)
                }
                (Some(lead), None) => ("LeadId", lead),
                (None, None) => {
                    let message = "Required fields are missing: [LeadId, ContactId]";
                    return Err(Refusal::of(Fault::new("REQUIRED_FIELD_MISSING", message, &["LeadId", "ContactId"])));
                }
            };
            if name == "LeadId" && self.is_converted(&person) {
                return Err(leads::converted(400));
            }
            let own =
                |member: &Record, name: &str, id: &str| member.fields.get(name).and_then(Value::as_str) == Some(id);
            let mut rows = self.children_of(&person, MEMBER.name);
            if rows.any(|member| own(member, "CampaignId", campaign) && own(member, name, &person)) {
                return Err(Refusal::new(400, "DUPLICATE_VALUE", "Already a campaign member."));
            }
        }
        if own.is_some() && !fields.contains_key("Status") {
            return Ok(());
        }
        let default = || {
            let default = self.statuses_of(campaign).find(|status| status.value("IsDefault") == json!(true));
            default.map_or(Value::Null, |status| status.value("Label"))
        };
        let known = |label: &str| {
            let same = |known: &Value| known.as_str().is_some_and(|known| known.to_lowercase() == label.to_lowercase());
            self.statuses_of(campaign).map(|status| status.value("Label")).find(same)
        };
        let status = match fields.get("Status").and_then(Value::as_str) {
            None => default(),
            Some(label) => match (known(label), undefined) {
                (Some(known), _) => known,
                (None, UndefinedMemberStatus::Stored) => json!(label),
                (None, UndefinedMemberStatus::Default) => default(),
                (None, UndefinedMemberStatus::Refused) => {
                    let message = format!("Status: bad value for restricted picklist field: {label}");
                    let fault = Fault::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, &["Status"]);
                    return Err(Refusal::of(fault));
                }
            },
        };
        fields.insert("Status".into(), status);
        Ok(())
    }

    /// Fills in what follows from the status and the person, and counts it in its campaign.
    pub(super) fn member_written(&mut self, id: &str) {
        let Some(member) = self.records.now(id) else { return };
        let campaign = member.value("CampaignId");
        let campaign = campaign.as_str().unwrap_or_default().to_owned();
        let label = member.value("Status");
        let responded = self
            .statuses_of(&campaign)
            .any(|status| status.value("Label") == label && status.value("HasResponded") == json!(true));
        let mirrors = self.mirrors(member);
        let now = self.clock.now();
        self.records.change(id, now, |member| {
            member.fields.extend(mirrors);
            member.fields.insert("HasResponded".into(), json!(responded));
            if responded && member.value("FirstRespondedDate").is_null() {
                member.fields.insert("FirstRespondedDate".into(), json!(now.utc().date_naive().to_string()));
            }
        });
        self.count_member(id);
    }

    fn mirrors(&self, member: &Record) -> Map<String, Value> {
        let person = |name: &str| {
            let id = member.value(name);
            self.records.now(id.as_str()?).cloned()
        };
        let mut mirrors = Map::new();
        let (kind, person) = match (person("ContactId"), person("LeadId")) {
            (Some(contact), _) => ("Contact", contact),
            (None, Some(lead)) => ("Lead", lead),
            (None, None) => return mirrors,
        };
        let account = person.value("AccountId");
        let account = account.as_str().and_then(|id| self.records.now(id));
        let company = match kind {
            "Lead" => person.value("Company"),
            _ => account.map_or(Value::Null, |account| account.value("Name")),
        };
        let address = |name: &str| match kind {
            "Lead" => person.value(name),
            _ => person.value(&format!("Mailing{name}")),
        };
        for name in ["Name", "Salutation", "FirstName", "LastName", "Title", "Email", "Phone", "LeadSource"] {
            mirrors.insert(name.to_owned(), person.value(name));
        }
        for name in ["City", "State", "Country"] {
            mirrors.insert(name.to_owned(), address(name));
        }
        let opted_out = person.value("HasOptedOutOfEmail") == json!(true);
        for (name, value) in [
            ("Type", json!(kind)),
            ("CompanyOrAccount", company),
            ("LeadOrContactId", json!(person.id)),
            ("LeadOrContactOwnerId", person.value("OwnerId")),
            ("HasOptedOutOfEmail", json!(opted_out)),
        ] {
            mirrors.insert(name.to_owned(), value);
        }
        mirrors
    }

    /// The members that are this lead or contact.
    pub(super) fn memberships(&self, person: &str) -> Vec<String> {
        self.children_of(person, MEMBER.name).map(|member| member.id.clone()).collect()
    }
}

/// A lead has become a contact: its rows are the contact's, unless the contact has one of its own; or they stay where they
/// are.
pub(super) fn moved_to_contact(salesforce: &mut Salesforce, lead: &str, contact: Option<&str>) {
    let now = salesforce.clock.now();
    for id in salesforce.memberships(lead) {
        let Some(member) = salesforce.records.now(&id) else { continue };
        let campaign = member.value("CampaignId");
        let of_it = |other: &Record| other.value("CampaignId") == campaign;
        if let Some(contact) = contact.filter(|contact| !salesforce.children_of(contact, MEMBER.name).any(of_it)) {
            salesforce.records.change(&id, now, |member| {
                member.fields.insert("ContactId".into(), json!(contact));
                member.modified_at = now;
            });
            salesforce.filed(&id);
        }
        salesforce.member_written(&id);
    }
}
