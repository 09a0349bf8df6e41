//! Lead. Lengths and required fields: [confirmed] object reference, <https://developer.salesforce.com/docs/platform/data-models>.
//! Admins change them, so clients read describe. Status `Open - Not Contacted` by default: [inferred] from a new org. A
//! converted lead takes no change [confirmed], and its member rows move to the contact [inferred].

use super::{
    Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::Refusal,
};
use crate::simulators::{World, unknowns::ConvertedMembers};
use serde_json::{Map, Value, json};

pub(super) static LEAD: ObjectType = ObjectType { name: "Lead", prefix: "00Q", writes: Writes::All, fields: &FIELDS };

pub(super) const SALUTATIONS: [&str; 5] = ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."];
pub(super) const SOURCES: [&str; 5] = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"];
const STATUSES: [&str; 4] =
    ["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"];
const RATINGS: [&str; 3] = ["Hot", "Warm", "Cold"];

static FIELDS: [Field; 31] = [
    Field::new("LastName", "Last Name", Text(80), Required),
    Field::new("FirstName", "First Name", Text(40), Writable),
    Field::new("Salutation", "Salutation", Picklist(&SALUTATIONS), Writable),
    Field::read_only("Name", Text(121)),
    Field::new("Title", "Title", Text(128), Writable),
    Field::new("Company", "Company", Text(255), Required),
    Field::new("Street", "Street", Text(255), Writable),
    Field::new("City", "City", Text(40), Writable),
    Field::new("State", "State/Province", Text(80), Writable),
    Field::new("PostalCode", "Zip/Postal Code", Text(20), Writable),
    Field::new("Country", "Country", Text(80), Writable),
    Field::new("Phone", "Phone", Text(40), Writable),
    Field::new("MobilePhone", "Mobile Phone", Text(40), Writable),
    Field::new("Fax", "Fax", Text(40), Writable),
    Field::new("Email", "Email", Email, Writable),
    Field::new("Website", "Website", Text(255), Writable),
    Field::new("Description", "Description", LongText(32_000), Writable),
    Field::new("LeadSource", "Lead Source", Picklist(&SOURCES), Writable),
    Field::new("Status", "Status", Picklist(&STATUSES), Writable),
    Field::new("Industry", "Industry", Text(255), Writable),
    Field::new("Rating", "Rating", Picklist(&RATINGS), Writable),
    Field::new("AnnualRevenue", "Annual Revenue", Double, Writable),
    Field::new("NumberOfEmployees", "Employees", Integer, Writable),
    Field::new("OwnerId", "Owner ID", Reference("User", "Owner"), Writable),
    Field::read_only("IsConverted", Boolean),
    Field::read_only("ConvertedDate", Date),
    Field::read_only("ConvertedAccountId", Reference("Account", "ConvertedAccount")),
    Field::read_only("ConvertedContactId", Reference("Contact", "ConvertedContact")),
    Field::read_only("ConvertedOpportunityId", Text(18)),
    Field::new("HasOptedOutOfEmail", "Email Opt Out", Boolean, Writable),
    Field::read_only("LastActivityDate", Date),
];

pub(super) fn defaults(fields: &mut Map<String, Value>) {
    for (name, value) in
        [("Status", json!(STATUSES[0])), ("IsConverted", json!(false)), ("HasOptedOutOfEmail", json!(false))]
    {
        if fields.get(name).is_none_or(Value::is_null) {
            fields.insert(name.to_owned(), value);
        }
    }
}

/// `Name`, as it is told of a lead or a contact.
pub(super) fn full_name(fields: &Map<String, Value>) -> String {
    let part = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{} {}", part("FirstName"), part("LastName")).trim().to_owned()
}

pub(super) fn converted(status: u16) -> Refusal {
    Refusal::new(status, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
}

impl Salesforce {
    pub(super) fn is_converted(&self, lead: &str) -> bool {
        self.records.now(lead).is_some_and(|lead| lead.object == LEAD.name && lead.value("IsConverted") == json!(true))
    }
}

impl World {
    /// A salesperson converts a lead: to a contact that is there, or to a new one with an account of the lead's company.
    /// Gives the contact's id; nothing where there is no such lead or it is converted already.
    pub fn convert_lead(&mut self, lead: &str, contact: Option<&str>) -> Option<String> {
        let now = self.now();
        let salesforce = &mut self.salesforce;
        let known = salesforce.records.now(lead).filter(|record| record.object == LEAD.name && !record.is_deleted)?;
        if known.value("IsConverted") == json!(true) {
            return None;
        }
        let known = known.clone();
        let contact = match contact {
            Some(contact) => {
                salesforce.records.now(contact).filter(|record| record.object == "Contact" && !record.is_deleted)?;
                contact.to_owned()
            }
            None => {
                let account = salesforce.found("Account", json!({ "Name": known.value("Company") }));
                let mut fields = Map::from_iter([("AccountId".to_owned(), json!(account))]);
                for (of_lead, of_contact) in [
                    ("FirstName", "FirstName"),
                    ("LastName", "LastName"),
                    ("Name", "Name"),
                    ("Email", "Email"),
                    ("Title", "Title"),
                    ("Phone", "Phone"),
                    ("City", "MailingCity"),
                    ("State", "MailingState"),
                    ("Country", "MailingCountry"),
                    ("LeadSource", "LeadSource"),
                ] {
                    fields.insert(of_contact.to_owned(), known.value(of_lead));
                }
                salesforce.found("Contact", Value::Object(fields))
            }
        };
        let moved_to = match self.options.unknowns.salesforce.converted_members {
            ConvertedMembers::MoveToContact => Some(contact.as_str()),
            ConvertedMembers::StayWithLead => None,
        };
        let account = salesforce.records.now(&contact).map_or(Value::Null, |contact| contact.value("AccountId"));
        salesforce.records.change(lead, now, |record| {
            record.modified_at = now;
            for (name, value) in [
                ("IsConverted", json!(true)),
                ("Status", json!("Closed - Converted")),
                ("ConvertedDate", json!(now.utc().date_naive().to_string())),
                ("ConvertedContactId", json!(contact)),
                ("ConvertedAccountId", account),
            ] {
                record.fields.insert(name.to_owned(), value);
            }
        });
        super::campaign_members::moved_to_contact(salesforce, lead, moved_to);
        Some(contact)
    }
}
