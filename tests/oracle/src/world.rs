//! What Account Engagement and Salesforce hold, as far as the connector is answerable for it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    pub campaigns: Vec<Campaign>,
    pub lists: Vec<List>,
    pub prospects: Vec<Prospect>,
    pub memberships: Vec<Membership>,
    pub activities: Vec<Activity>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Campaign {
    pub name: String,
    /// `2026-11-22`; nothing for on-demand sessions.
    pub starts_on: Option<String>,
    pub ends_on: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct List {
    pub name: String,
    /// Name of the campaign that it is tied to.
    pub campaign: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Prospect {
    pub email: String,
    /// Which of those with this address, in the order they were made: 0 is the first.
    pub nth: u32,
    pub fields: BTreeMap<String, String>,
    /// Where it came from. Expected: any of these will do. Observed: the one it has, or none.
    pub source_campaigns: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    pub list: String,
    pub email: String,
    pub nth: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Activity {
    pub kind: String,
    pub email: String,
    pub nth: u32,
    pub value: String,
    /// Seconds since 1970.
    pub at: u64,
}

impl World {
    /// What two ways to the same end must agree in (source campaigns are the first one handled, so they may differ).
    pub fn essence(&self) -> World {
        let mut w = self.clone();
        w.prospects.iter_mut().for_each(|p| p.source_campaigns.clear());
        w.campaigns.sort();
        w.lists.sort();
        w.prospects.sort();
        w.memberships.sort();
        w.activities.sort();
        w
    }
}
