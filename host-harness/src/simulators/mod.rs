//! The three web APIs as plain web services over one world in memory: for the demo and other people's clients over HTTP,
//! for tests in the process.
//!
//! Seen from the API's consumer. Written from the vendors' pages and from public clients, not from what our connector
//! sends; where neither speaks there is a switch ([`unknowns`]). Immediate: everything but the tables' read lag and the
//! hand-over of a Salesforce campaign to Account Engagement, which take time. Where do I add an object: a file in its
//! API's folder.
//!
//! Invariant: nothing here knows the connector, its settings, or who calls.

pub mod account_engagement;
pub mod control;
pub mod faults;
pub mod lagged;
pub mod livestorm;
pub mod options;
pub mod salesforce;
pub mod scenario;
pub mod snapshot;
pub mod unknowns;
pub mod world;

mod ids;
mod in_process;
mod page;
mod poster;
mod request;
mod server;

pub use options::Options;
pub use request::Api;
pub use snapshot::Snapshot;
pub use world::World;

use crate::{clock::Clock, connections::transport::Transport};
use request::Call;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// No answer comes, by what the caller can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// There was no connection: nothing was done.
    Refused,
    /// The connection ended: it may have been done or not.
    Closed,
}

/// The three APIs. Clones share one world.
#[derive(Clone, Debug)]
pub struct Simulators {
    world: Arc<Mutex<World>>,
    /// Whoever waits for something to happen.
    stirred: Arc<Notify>,
}

impl Simulators {
    pub fn new(clock: Arc<dyn Clock>, options: Options) -> Simulators {
        Simulators { world: Arc::new(Mutex::new(World::new(clock, options))), stirred: Arc::default() }
    }

    /// One request, one transition of the world.
    pub fn handle(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, Cut> {
        let call = Call::new(request);
        let answer = self.world().handle(&call);
        self.stir();
        answer
    }

    /// Something may have happened.
    fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Waits until something may have happened since the last time. For one who waits.
    async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// The simulators, called in the process.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(in_process::InProcess(self.clone()))
    }

    /// The world, for stories to act on and tests to look at. Requests wait while this is held.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in a test that held the world leaves plain records behind, which stay readable.
        self.world.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests;
