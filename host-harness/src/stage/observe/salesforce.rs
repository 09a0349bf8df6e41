//! Leads, contacts, accounts and members of the simulated Salesforce, in the oracle's words.

use super::text;
use crate::{
    simulators::{Snapshot, snapshot::RecordSeen},
    stage::salesforce::REPLAY_FIELD,
};
use oracle::{Account, Member, MemberStatus, Object, Person, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The standard fields that a customer may map, of whichever object.
const MAPPED: [&str; 10] = [
    "FirstName",
    "LastName",
    "Company",
    "Title",
    "Phone",
    "City",
    "Country",
    "MailingCity",
    "MailingCountry",
    "Website",
];

/// Adds to a world what Salesforce holds of it. Records stand in the order in which they were made.
pub(super) fn observe(snapshot: &Snapshot, world: &mut World) {
    let accounts: BTreeMap<&str, String> =
        snapshot.accounts.iter().map(|a| (a.salesforce_id.as_str(), said(a, "Name").to_lowercase())).collect();
    let account = |contact: &RecordSeen| {
        let id = said(contact, "AccountId");
        accounts.get(id.as_str()).cloned().unwrap_or_default()
    };
    let leads = people(&snapshot.leads, |_| None);
    let contacts = people(&snapshot.contacts, |contact| Some(account(contact)));
    let campaigns: BTreeMap<&str, &str> =
        snapshot.campaigns.iter().map(|c| (c.salesforce_id.as_str(), c.name.as_str())).collect();
    let campaign = |of: &RecordSeen| {
        let id = said(of, "CampaignId");
        campaigns.get(id.as_str()).map_or_else(|| format!("{id} (no campaign)"), |name| (*name).to_owned())
    };
    let statuses = snapshot.member_statuses.iter().map(|status| MemberStatus {
        campaign: campaign(status),
        label: said(status, "Label"),
        is_response: status.fields.get("HasResponded") == Some(&Value::Bool(true)),
    });
    let members = snapshot.campaign_members.iter().map(|member| {
        let (is, id, all) = match said(member, "ContactId") {
            id if id.is_empty() => (Object::Lead, said(member, "LeadId"), &leads),
            id => (Object::Contact, id, &contacts),
        };
        let (email, nth) = all.get(&id).map_or_else(|| (format!("{id} (nobody)"), 0), |p| (p.email.clone(), p.nth));
        Member {
            campaign: campaign(member),
            is,
            email,
            nth,
            status: said(member, "Status"),
            replay: Some(said(member, REPLAY_FIELD)).filter(|replay| !replay.is_empty()),
            fields: fields(member, |name| name.ends_with("__c") && name != REPLAY_FIELD),
        }
    });
    world.member_statuses = statuses.collect();
    world.members = members.collect();
    world.accounts = accounts_of(&snapshot.accounts);
    world.leads = leads.into_values().collect();
    world.contacts = contacts.into_values().collect();
}

fn accounts_of(records: &[RecordSeen]) -> Vec<Account> {
    records.iter().map(|account| Account { name: said(account, "Name").to_lowercase() }).collect()
}

/// By their ids.
fn people(records: &[RecordSeen], account: impl Fn(&RecordSeen) -> Option<String>) -> BTreeMap<String, Person> {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    let numbered = records.iter().map(|record| {
        let email = said(record, "Email").to_lowercase();
        let next = count.entry(email.clone()).or_default();
        let nth = std::mem::replace(next, *next + 1);
        let fields = fields(record, |name| name.ends_with("__c") || MAPPED.contains(&name));
        let accounts: BTreeSet<String> = account(record).into_iter().collect();
        (record.salesforce_id.clone(), Person { email, nth, fields, accounts })
    });
    numbered.collect()
}

fn fields(record: &RecordSeen, is_meant: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let meant = record.fields.iter().filter(|(name, _)| is_meant(name));
    meant.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

fn said(record: &RecordSeen, field: &str) -> String {
    record.fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
