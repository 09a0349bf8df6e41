//! The simulators' world in the oracle's words. A translation: nothing is judged here, and nothing is left out but what the
//! connector is not answerable for.

mod salesforce;

use crate::simulators::Snapshot;
use oracle::{Activity, Campaign, List, Membership, Prospect, Registrant, World};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn observe(snapshot: &Snapshot) -> World {
    let mut prospects: Vec<_> = snapshot.prospects.iter().collect();
    prospects.sort_by_key(|p| p.id);
    // Prospect id -> address, and which of those with this address it is.
    let mut who: BTreeMap<u64, (String, u32)> = BTreeMap::new();
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for p in &prospects {
        let email = p.email.to_lowercase();
        let nth = count.entry(email.clone()).or_default();
        who.insert(p.id, (email, *nth));
        *nth += 1;
    }
    let of = |id: Option<u64>, email: &str| {
        let known = id.and_then(|id| who.get(&id)).cloned();
        known.unwrap_or_else(|| (format!("{email} (no prospect)"), 0))
    };
    let mut world = World {
        campaigns: snapshot
            .campaigns
            .iter()
            .map(|c| Campaign { name: c.name.clone(), starts_on: c.start_date.clone(), ends_on: c.end_date.clone() })
            .collect(),
        lists: snapshot
            .lists
            .iter()
            .map(|l| List { name: l.name.clone(), campaign: l.campaign_name.clone() })
            .collect(),
        prospects: prospects
            .iter()
            .map(|p| {
                let (email, nth) = of(Some(p.id), &p.email);
                let fields = p.fields.iter().filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect();
                // A campaign that Salesforce does not know is Account Engagement's own, which every prospect has for want of another.
                let source = p.source_campaign_salesforce_id.as_ref().and(p.source_campaign_name.clone());
                Prospect { email, nth, fields, source_campaigns: source.into_iter().collect() }
            })
            .collect(),
        memberships: snapshot
            .list_memberships
            .iter()
            .map(|m| {
                let (email, nth) = of(Some(m.prospect_id), &m.prospect_email);
                Membership { list: m.list_name.clone(), email, nth }
            })
            .collect(),
        activities: snapshot
            .external_activities
            .iter()
            .map(|a| {
                let (email, nth) = of(a.prospect_id, &a.email);
                Activity { kind: a.kind.clone(), email, nth, value: a.value.clone(), at: a.activity_date.seconds() }
            })
            .collect(),
        registrants: snapshot
            .registrants
            .iter()
            .map(|r| Registrant { session: r.session_id.clone(), email: r.email.to_lowercase() })
            .collect(),
        ..World::default()
    };
    salesforce::observe(snapshot, &mut world);
    world
}

/// Nothing where the field is as good as empty.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(s) => Some(s.clone()).filter(|s| !s.is_empty()),
        other => Some(other.to_string()),
    }
}
