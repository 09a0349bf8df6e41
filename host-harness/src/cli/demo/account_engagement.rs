//! The demo with Account Engagement for its destination: prospects with their lists and activities.

use super::Ending;
use crate::{
    cli::timeline::table,
    simulators::{Snapshot, snapshot::ExternalActivitySeen},
};
use comfy_table::Table;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

#[derive(Serialize)]
pub(super) struct Summary {
    campaigns: usize,
    lists: usize,
    prospects: usize,
    list_memberships: usize,
    /// Type -> how many.
    external_activities: BTreeMap<String, usize>,
    #[serde(flatten)]
    ending: Ending,
}

pub(super) fn summary(snapshot: &Snapshot, ending: Ending) -> Summary {
    let mut external_activities = BTreeMap::new();
    for activity in &snapshot.external_activities {
        *external_activities.entry(activity.kind.clone()).or_default() += 1;
    }
    Summary {
        campaigns: snapshot.campaigns.len(),
        lists: snapshot.lists.len(),
        prospects: snapshot.prospects.len(),
        list_memberships: snapshot.list_memberships.len(),
        external_activities,
        ending,
    }
}

pub(super) fn print(out: &mut impl Write, snapshot: &Snapshot) -> std::io::Result<()> {
    writeln!(out, "\nWhat Account Engagement now knows of each person")?;
    writeln!(out, "{}", people(snapshot))
}

pub(super) fn people(snapshot: &Snapshot) -> Table {
    let mut table = table(&["person", "company", "source campaign", "lists", "activities", "mapped fields"]);
    for p in &snapshot.prospects {
        let field = |name: &str| p.fields.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let source = p.source_campaign_name.clone().unwrap_or_default();
        let lists: BTreeSet<&str> =
            snapshot.list_memberships.iter().filter(|m| m.prospect_id == p.id).map(|m| m.list_name.as_str()).collect();
        // Of numbers the value says something; else it is the id of the session.
        let told = |a: &ExternalActivitySeen| match a.value.parse::<u64>() {
            Ok(number) => format!("{} {number}", a.kind),
            Err(_) => a.kind.clone(),
        };
        let activities: Vec<String> =
            snapshot.external_activities.iter().filter(|a| a.prospect_id == Some(p.id)).map(told).collect();
        let mapped = p.fields.iter().filter_map(|(name, value)| {
            let name = name.strip_suffix("__c")?.replace('_', " ");
            Some(format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        });
        table.add_row([
            format!("{}\n{} {}", p.email, field("firstName"), field("lastName")),
            field("company"),
            source,
            lists.into_iter().collect::<Vec<_>>().join("\n"),
            activities.join("\n"),
            mapped.collect::<Vec<_>>().join("\n"),
        ]);
    }
    table
}
