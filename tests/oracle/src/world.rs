//! What Account Engagement and Salesforce hold, and whom Livestorm has registered, as far as the connector is answerable for it.

use crate::destination::{Destination, Object};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    pub campaigns: Vec<Campaign>,
    pub lists: Vec<List>,
    pub prospects: Vec<Prospect>,
    pub memberships: Vec<Membership>,
    pub activities: Vec<Activity>,
    /// Expected: which of them was chosen. Observed: says nothing.
    #[serde(default)]
    pub destination: Destination,
    #[serde(default)]
    pub leads: Vec<Person>,
    #[serde(default)]
    pub contacts: Vec<Person>,
    #[serde(default)]
    pub accounts: Vec<Account>,
    #[serde(default)]
    pub member_statuses: Vec<MemberStatus>,
    #[serde(default)]
    pub members: Vec<Member>,
    /// In Livestorm; judged where the connector registers people.
    #[serde(default)]
    pub registrants: Vec<Registrant>,
}

/// Somebody whom Livestorm has registered for a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Registrant {
    /// Its id in Livestorm.
    pub session: String,
    pub email: String,
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

/// A lead or a contact of Salesforce.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    pub email: String,
    /// Which lead, or which contact, of those with this address, the oldest first: 0 is the oldest.
    pub nth: u32,
    /// Those that may be mapped, by Salesforce's names. Without the address.
    pub fields: BTreeMap<String, String>,
    /// Of a contact, as accounts are named here. Expected: any of these will do, and an empty one is none. Observed: the one it has.
    pub accounts: BTreeSet<String>,
}

/// An account of Salesforce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// In lower case: names that differ in case alone are one company.
    pub name: String,
}

/// What a member of a campaign can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberStatus {
    pub campaign: String,
    pub label: String,
    pub is_response: bool,
}

/// A member of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    pub campaign: String,
    pub is: Object,
    pub email: String,
    /// As of the person.
    pub nth: u32,
    pub status: String,
    /// The field that says whether they watched later.
    pub replay: Option<String>,
    /// The other custom fields.
    pub fields: BTreeMap<String, String>,
}

impl World {
    /// What two ways to the same end must agree in. Source campaigns, and the accounts of who has named several companies, are
    /// those of the first one handled, so they may differ.
    pub fn essence(&self) -> World {
        let mut w = self.clone();
        w.prospects.iter_mut().for_each(|p| p.source_campaigns.clear());
        w.campaigns.sort();
        w.lists.sort();
        w.prospects.sort();
        w.memberships.sort();
        w.activities.sort();
        w.destination = Destination::default();
        w.contacts.iter_mut().for_each(|c| c.accounts.clear());
        w.accounts.clear();
        w.leads.sort();
        w.contacts.sort();
        w.member_statuses.sort();
        w.members.sort();
        w.registrants.sort();
        w
    }
}
