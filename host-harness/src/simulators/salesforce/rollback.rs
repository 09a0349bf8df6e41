//! What a request has written, taken back as if it had never come: for requests that are all or nothing. Promises: records,
//! numbers of ids, fields and setup stand as they stood. Not here: the count of requests, which goes on.

use super::{Record, Salesforce, membership::Membership, setup::Setup};
use crate::simulators::lagged::Table;
use std::collections::{BTreeSet, HashMap};

pub(super) struct Saved {
    records: Table<String, Record>,
    made: HashMap<&'static str, u64>,
    setup: Setup,
    restricted_picklists: BTreeSet<String>,
    membership: Membership,
}

impl Salesforce {
    pub(super) fn saved(&self) -> Saved {
        Saved {
            records: self.records.clone(),
            made: self.made.clone(),
            setup: self.setup.clone(),
            restricted_picklists: self.restricted_picklists.clone(),
            membership: self.membership.clone(),
        }
    }

    pub(super) fn restore(&mut self, saved: Saved) {
        self.records = saved.records;
        self.made = saved.made;
        self.setup = saved.setup;
        self.restricted_picklists = saved.restricted_picklists;
        self.membership = saved.membership;
    }
}
