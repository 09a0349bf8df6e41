//! Who somebody is in Salesforce: our memory of them (`salesforce-person/<email>` of the key `people`), and the choice among the
//! records that have their address (RULES 18).
//!
//! | records with the address                            | chosen                                  |
//! |-----------------------------------------------------|-----------------------------------------|
//! | contacts, whatever else                             | the oldest contact (S3-28, S3-30)       |
//! | leads, one not converted among them                 | the oldest that is not converted (S3-29)|
//! | converted leads alone                               | the contact that the oldest became (S3-32)|
//! | none                                                | a new one is made                       |

use crate::{
    domain::email::Email,
    host::{Entry, Instant, MINUTE, Subject},
    json::scalar,
    mapping::{newest::Fields, target_field::Object},
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    text,
    values::Values,
    work::Work,
};
use serde_json::Value;

/// Reads lag behind our own writes; an id of ours that is younger than this is used without asking (RULES 2).
const TRUSTED: u64 = 2 * MINUTE;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub record: Option<Record>,
    pub fields: Fields,
    /// Mapped fields that had somebody else's value when the record was last read.
    pub theirs: Option<Vec<String>>,
    /// What was about to be written when no answer came: if it stands there at the next look, it is of our writing.
    pub tried: Option<Fields>,
    /// Since when a duplicate rule names a record that no read shows.
    pub unseen_since: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `Lead` or `Contact`.
    pub kind: String,
    pub id: String,
    /// Set where we made it.
    pub made_at: Option<Instant>,
    /// The mirror of a person account: its name is the account's.
    pub is_person_account: Option<bool>,
}

plain!(Memory { record, fields, theirs, tried, unseen_since });
plain!(Record { kind, id, made_at, is_person_account });

impl Record {
    pub fn object(&self) -> Object {
        if self.kind == Object::Contact.name() { Object::Contact } else { Object::Lead }
    }

    pub fn young_until(&self) -> Option<Instant> {
        self.made_at.map(|at| at + TRUSTED)
    }

    pub fn is_young(&self, now: Instant) -> bool {
        self.young_until().is_some_and(|until| now < until)
    }
}

fn state_key(email: &Email) -> String {
    text::state_key("salesforce-person", &[email.as_str()])
}

/// Of the note that stands while it is not known whether a record was made.
pub fn note_key(email: &Email) -> String {
    text::state_key("once", &["person", email.as_str()])
}

pub fn remembered(work: &Work<'_>, email: &Email, doing: &Doing<'_>) -> Result<Memory, Stop> {
    let Some(text) = work.host.get(&state_key(email)) else { return Ok(Memory::default()) };
    from_text(&text).map_err(|why| doing.bug(&format!("What is remembered of the person cannot be read ({why})")))
}

pub fn remember(work: &Work<'_>, email: &Email, memory: &Memory) {
    let (key, value) = (state_key(email), to_text(memory));
    if work.host.get(&key).as_ref() != Some(&value) {
        work.host.set(Entry { key, value, subject: Some(Subject::person(email.as_str())) });
    }
}

/// The record that is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub object: Object,
    pub id: String,
    /// What stands there.
    pub values: Values,
    /// It was read, and not just told by the lead that became it.
    pub is_read: bool,
    /// The mirror of a person account: its name is the account's.
    pub is_person_account: bool,
    /// Its memberships in the campaigns that were asked for.
    pub members: Vec<Value>,
}

/// `gone`: ids that are there no more, whatever a read says.
pub fn choose(contacts: &[Value], leads: &[Value], email: &Email, gone: &[String]) -> Option<Found> {
    let has_address =
        |row: &&Value| row.get("Email").and_then(scalar).is_some_and(|text| text::lower(&text) == email.as_str());
    let is_there = |row: &&Value| id(row).is_some_and(|id| !gone.contains(&id));
    let is_converted = |row: &&Value| row.get("IsConverted").and_then(Value::as_bool) == Some(true);
    let of = |rows: &'_ [Value]| -> Vec<Value> { rows.iter().filter(has_address).filter(is_there).cloned().collect() };
    let rows_of_contacts = contacts;
    let (contacts, leads) = (of(contacts), of(leads));
    if let Some(contact) = oldest(&contacts.iter().collect::<Vec<_>>()) {
        return found(Object::Contact, contact, &leads);
    }
    if let Some(lead) = oldest(&leads.iter().filter(|row| !is_converted(row)).collect::<Vec<_>>()) {
        return found(Object::Lead, lead, &[]);
    }
    let became = |row: &Value| row.get("ConvertedContactId").and_then(scalar).filter(|id| !gone.contains(id));
    let converted: Vec<&Value> = leads.iter().filter(|row| became(row).is_some()).collect();
    let id = became(oldest(&converted)?)?;
    // Whatever its address is now: the search asks for these by their ids.
    if let Some(contact) = rows_of_contacts.iter().find(|row| self::id(row).is_some_and(|other| same_id(&other, &id))) {
        return found(Object::Contact, contact, &leads);
    }
    let members = converted_members(&id, &leads);
    Some(Found {
        object: Object::Contact,
        id,
        values: Values::default(),
        is_read: false,
        is_person_account: false,
        members,
    })
}

/// By creation, then by id.
fn oldest<'a>(rows: &[&'a Value]) -> Option<&'a Value> {
    let age = |row: &&&'a Value| {
        let created = row.get("CreatedDate").and_then(Value::as_str).map(str::to_string);
        (crate::calendar::parse(created.as_deref().unwrap_or_default()), id(row))
    };
    rows.iter().min_by_key(age).copied()
}

fn found(object: Object, row: &Value, leads: &[Value]) -> Option<Found> {
    let id = id(row)?;
    let values = values(row);
    let is_person_account = row.get("IsPersonAccount").and_then(Value::as_bool) == Some(true);
    let mut members = children(row);
    members.extend(converted_members(&id, leads));
    Some(Found { object, id, values, is_read: true, is_person_account, members })
}

/// What stands in a row, as texts.
pub fn values(row: &Value) -> Values {
    let mut values = Values::default();
    for (name, value) in row.as_object().into_iter().flatten() {
        if let Some(text) = scalar(value).filter(|text| !text.is_empty()) {
            values.insert(name, text);
        }
    }
    values
}

/// Memberships of the leads that became this contact: they may have stayed with the lead.
fn converted_members(contact: &str, leads: &[Value]) -> Vec<Value> {
    let became = |row: &&Value| row.get("ConvertedContactId").and_then(scalar).is_some_and(|id| same_id(&id, contact));
    leads.iter().filter(became).flat_map(children).collect()
}

fn children(row: &Value) -> Vec<Value> {
    row.get("CampaignMembers")
        .and_then(|rows| rows.get("records"))
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

pub fn id(row: &Value) -> Option<String> {
    row.get("Id").and_then(scalar).filter(|id| !id.is_empty())
}

/// 15 characters say all; the three after them are a checksum.
pub fn same_id(one: &str, other: &str) -> bool {
    let short = |id: &str| id.get(..15).unwrap_or(id).to_string();
    short(one) == short(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::{held, says};
    use serde_json::json;

    fn chosen(contacts: Value, leads: Value) -> Option<(Object, String, usize)> {
        let email = Email::parse("ana@example.org").unwrap();
        let rows = |rows: Value| -> Vec<Value> { rows.as_array().unwrap().clone() };
        let found = choose(&rows(contacts), &rows(leads), &email, &["003GONE".into()]);
        found.map(|found| (found.object, found.id, found.members.len()))
    }

    fn row(id: &str, day: u32, more: Value) -> Value {
        let mut row =
            json!({"Id": id, "Email": "Ana@Example.org", "CreatedDate": format!("2026-01-{day:02}T10:00:00.000+0000")});
        more.as_object().unwrap().iter().for_each(|(name, value)| row[name] = value.clone());
        row
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_person_is_still_read() {
        let held = held();
        let record = Record {
            kind: "Lead".into(),
            id: "00Q000000000001AAA".into(),
            made_at: Some(1_645_000_000_000),
            is_person_account: Some(true),
        };
        let (fields, tried) = (vec![held.clone()], Some(vec![held]));
        let unseen_since = Some(1_645_000_000_001);
        let memory = Memory { record: Some(record), fields, theirs: Some(vec!["Title".into()]), tried, unseen_since };
        says("people", &state_key(&Email::parse("ana@example.org").unwrap()), &memory);
    }

    /// S3-3 to S3-7, S3-28 to S3-30, S3-32.
    #[test]
    fn of_all_records_with_the_address_one_is_meant() {
        let none = || json!({});
        let became = |id: &str| json!({"IsConverted": true, "ConvertedContactId": id});
        let member = json!({"CampaignMembers": {"records": [{"Id": "00v1", "CampaignId": "701A"}]}});
        let two_contacts = || json!([row("003B", 2, none()), row("003A", 1, none())]);
        let some = |object, id: &str, members| Some((object, id.to_string(), members));
        assert_eq!(chosen(json!([]), json!([])), None);
        assert_eq!(chosen(two_contacts(), json!([row("00QA", 1, none())])), some(Object::Contact, "003A", 0));
        assert_eq!(
            chosen(json!([row("003GONE", 1, none())]), json!([row("00QA", 1, none())])),
            some(Object::Lead, "00QA", 0)
        );
        let leads = json!([row("00QB", 3, none()), row("00QA", 2, none()), row("00QC", 1, became("003C"))]);
        assert_eq!(chosen(json!([]), leads), some(Object::Lead, "00QA", 0));
        let leads = json!([row("00QB", 3, became("003B")), row("00QA", 2, became("003A"))]);
        assert_eq!(chosen(json!([]), leads), some(Object::Contact, "003A", 0));
        let equal = json!([row("00QB", 1, none()), row("00QA", 1, none())]);
        assert_eq!(chosen(json!([]), equal), some(Object::Lead, "00QA", 0), "by id where both are as old");
        let other = json!([{"Id": "003A", "Email": "ana@example.com", "CreatedDate": "2026-01-01T10:00:00.000+0000"}]);
        assert_eq!(chosen(other, json!([])), None);
        // The contact has another address, and was asked for by its id.
        let mut contact = row("003A", 1, none());
        contact["Email"] = "other@example.org".into();
        contact["CampaignMembers"] = member["CampaignMembers"].clone();
        let leads = json!([row("00QA", 2, became("003A"))]);
        assert_eq!(chosen(json!([contact]), leads.clone()), some(Object::Contact, "003A", 1));
        assert_eq!(chosen(json!([]), leads), some(Object::Contact, "003A", 0));
        // The membership of a lead stays with it in some orgs, and is the contact's all the same.
        let mut converted = row("00QA", 1, became("003A"));
        converted["CampaignMembers"] = member["CampaignMembers"].clone();
        assert_eq!(chosen(json!([row("003A", 2, none())]), json!([converted])), some(Object::Contact, "003A", 1));
    }
}
