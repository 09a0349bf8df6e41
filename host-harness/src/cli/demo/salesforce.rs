//! The demo with Salesforce for its destination: leads and contacts, and what they are in each session's campaign.

use super::{Ending, calls::Calls};
use crate::{
    cli::timeline::table,
    simulators::{Snapshot, snapshot::RecordSeen},
    stage::salesforce::REPLAY_FIELD,
};
use comfy_table::Table;
use serde::Serialize;
use std::{collections::BTreeMap, io::Write};

#[derive(Serialize)]
pub(super) struct Summary {
    campaigns: usize,
    leads: usize,
    contacts: usize,
    accounts: usize,
    /// Status -> how many.
    campaign_members: BTreeMap<String, usize>,
    #[serde(flatten)]
    ending: Ending,
}

pub(super) fn summary(snapshot: &Snapshot, ending: Ending) -> Summary {
    let mut campaign_members = BTreeMap::new();
    for member in &snapshot.campaign_members {
        *campaign_members.entry(said(member, "Status")).or_default() += 1;
    }
    Summary {
        campaigns: snapshot.campaigns.len(),
        leads: snapshot.leads.len(),
        contacts: snapshot.contacts.len(),
        accounts: snapshot.accounts.len(),
        campaign_members,
        ending,
    }
}

pub(super) fn print(out: &mut impl Write, snapshot: &Snapshot, calls: &Calls) -> std::io::Result<()> {
    writeln!(out, "\nWhat Salesforce now knows of each person")?;
    writeln!(out, "{}", people(snapshot))?;
    writeln!(out, "\nCalls to Salesforce per person")?;
    writeln!(out, "{}", per_person(calls))
}

fn people(snapshot: &Snapshot) -> Table {
    let mut table = table(&["person", "is", "company", "campaigns", "mapped fields"]);
    let accounts: BTreeMap<&str, String> =
        snapshot.accounts.iter().map(|account| (account.salesforce_id.as_str(), said(account, "Name"))).collect();
    let leads = snapshot.leads.iter().map(|lead| {
        let is = if lead.fields.get("IsConverted") == Some(&true.into()) { "converted lead" } else { "lead" };
        (lead, is, said(lead, "Company"))
    });
    let contacts = snapshot.contacts.iter().map(|contact| {
        let account = accounts.get(said(contact, "AccountId").as_str()).cloned();
        (contact, "contact", account.unwrap_or_default())
    });
    for (person, is, company) in contacts.chain(leads) {
        let id = &person.salesforce_id;
        // A lead that was converted may be named beside the contact that it became.
        let is_theirs = |member: &&RecordSeen| match said(member, "ContactId") {
            contact if contact.is_empty() => said(member, "LeadId") == *id,
            contact => contact == *id,
        };
        let members: Vec<&RecordSeen> = snapshot.campaign_members.iter().filter(is_theirs).collect();
        let campaigns = members.iter().map(|member| {
            let of = said(member, "CampaignId");
            let name = snapshot.campaigns.iter().find(|campaign| campaign.salesforce_id == of).map(|c| c.name.clone());
            let replay = Some(said(member, REPLAY_FIELD)).filter(|replay| !replay.is_empty());
            let replay = replay.map(|replay| format!(", {replay}")).unwrap_or_default();
            format!("{}: {}{replay}", name.unwrap_or(of), said(member, "Status"))
        });
        let mapped = mapped(person).into_iter().chain(members.iter().flat_map(|member| mapped(member)));
        table.add_row([
            format!("{}\n{}", said(person, "Email"), said(person, "Name")),
            is.to_owned(),
            company,
            campaigns.collect::<Vec<_>>().join("\n"),
            mapped.collect::<Vec<_>>().join("\n"),
        ]);
    }
    table
}

fn mapped(record: &RecordSeen) -> Vec<String> {
    let own = record.fields.iter().filter(|(name, _)| name.as_str() != REPLAY_FIELD);
    own.filter_map(|(name, value)| {
        let name = name.strip_suffix("__c")?.replace('_', " ");
        Some(format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    })
    .collect()
}

fn per_person(calls: &Calls) -> Table {
    let mut table = table(&["for", "people", "calls", "calls a person"]);
    for row in &calls.0 {
        // Tenths, rounded up: nothing costs less than it does.
        let each = row.people.filter(|people| *people > 0).map(|people| {
            let tenths = (10 * row.calls).div_ceil(people);
            format!("{}.{}", tenths / 10, tenths % 10)
        });
        let people = row.people.map(|people| people.to_string()).unwrap_or_default();
        table.add_row([row.what.to_owned(), people, row.calls.to_string(), each.unwrap_or_default()]);
    }
    table
}

fn said(record: &RecordSeen, field: &str) -> String {
    record.fields.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
