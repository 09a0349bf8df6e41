//! One truth behind three APIs. Stories and tests act on it and look at it; requests come in through `handle`.
//!
//! Promises: times come from the clock alone; every request is noted with its API and status. Invariant: neither body,
//! query nor token of a request is kept.

use super::{
    Cut,
    account_engagement::{self, AccountEngagement},
    faults::{Fault, FaultPlan, written},
    livestorm::{self, Livestorm},
    options::Options,
    request::{Answer, Api, Call, answer},
    salesforce::{self, Salesforce},
};
use crate::clock::{Clock, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

/// A request, as the world remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    pub at: Timestamp,
    pub api: Api,
    pub method: String,
    pub path: String,
    /// Nothing, where the connection was refused or cut.
    pub status: Option<u16>,
}

#[derive(Debug)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub options: Options,
    pub faults: FaultPlan,
    /// How often each kind of fault was met: by a request that only reads, and by one that writes.
    pub struck: BTreeMap<&'static str, [u64; 2]>,
    pub livestorm: Livestorm,
    pub salesforce: Salesforce,
    pub account_engagement: AccountEngagement,
    pub requests: Vec<SeenRequest>,
}

impl World {
    pub fn new(clock: Arc<dyn Clock>, options: Options) -> World {
        let mut livestorm = Livestorm::new(clock.clone());
        livestorm.follow(&options);
        for url in &options.livestorm_webhooks.native {
            // Whoever gives them has had them checked.
            let _ = livestorm.add_native_webhook(url, None, &options);
        }
        World {
            faults: options.faults.clone(),
            struck: BTreeMap::new(),
            livestorm,
            salesforce: Salesforce::new(clock.clone(), &options),
            account_engagement: AccountEngagement::new(clock.clone()),
            requests: vec![],
            clock,
            options,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many requests each API has had, those that were cut or refused included.
    pub fn request_counts(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = Api::ALL.iter().map(|api| (api.name().to_owned(), 0)).collect();
        for seen in &self.requests {
            *counts.entry(seen.api.name().to_owned()).or_default() += 1;
        }
        counts
    }

    /// All access tokens of Salesforce and Account Engagement are worth nothing from here on.
    pub fn expire_tokens(&mut self) {
        self.salesforce.expire_tokens();
    }

    /// The whole of what a request does. A path that belongs to no API is answered 404 and not noted.
    pub(super) fn handle(&mut self, call: &Call) -> Result<Answer, Cut> {
        let Some(api) = Api::of(&call.segments) else {
            return Ok(answer(404, "text/plain", b"no simulated API answers here".to_vec()));
        };
        let at = self.now();
        self.livestorm.follow(&self.options);
        let fault = self.faults.next(api, call.method.as_str(), &call.path);
        if let Some(fault) = &fault {
            let writes = usize::from(call.method != http::Method::GET);
            self.struck.entry(fault.name()).or_default()[writes] += 1;
        }
        let outcome = match fault {
            None => Ok(self.answer(api, call)),
            Some(Fault::Answer { status, headers, body }) => Ok(written(status, &headers, &body)),
            Some(Fault::RefuseConnection) => Err(Cut::Refused),
            Some(Fault::CutBeforeEffect) => Err(Cut::Closed),
            Some(Fault::CutAfterEffect) => {
                self.answer(api, call);
                Err(Cut::Closed)
            }
            Some(Fault::ExpireToken) => {
                match api {
                    // Livestorm's private token does not expire; the nearest is one that is refused once.
                    Api::Livestorm => self.livestorm.refuse_token_once(),
                    Api::Salesforce | Api::AccountEngagement => self.expire_tokens(),
                }
                Ok(self.answer(api, call))
            }
        };
        self.requests.push(SeenRequest {
            at,
            api,
            method: call.method.to_string(),
            path: call.path.clone(),
            status: outcome.as_ref().ok().map(|answer| answer.status().as_u16()),
        });
        outcome
    }

    fn answer(&mut self, api: Api, call: &Call) -> Answer {
        match api {
            Api::Livestorm => livestorm::handle(self, call),
            Api::Salesforce => salesforce::handle(self, call),
            Api::AccountEngagement => account_engagement::handle(self, call),
        }
    }
}
