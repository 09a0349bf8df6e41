//! A dry run's requests: reads travel, writes are judged as ever, noted, and answered *dry run*.
//!
//! Promises: nothing but reads leaves, whatever a run was told of itself, and a request that calls itself a read and may write is
//! refused on its way (`envelope.rs`); a write that the rules refuse is refused here too; no
//! pace of a provider is leapt over, since requests travel in real time while the clock of the runs is simulated. Not here:
//! the copy of the store (`durable`), who shows it (`cli/`).
//!
//! A rehearsal comes to its end early where it can go no further: at a connection that does not work, or when what is asked
//! again and again would have to change at the provider first. Then no new run is to begin ([`Rehearsal::over`]).

use super::{Connections, Part};
use crate::{
    clock::{Clock, Timestamp, Work},
    effect::{Answer, Performer, Permit, Repeat, Request, RunId, SendError},
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// How often the same read goes out. In a dry run nothing changes at the providers, so who asks once more is waiting for
/// something that does not come; a look before and one after each step of a chain are far fewer.
const SAME_READ_MAX: u32 = 8;

/// A write that would have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedWrite {
    pub at: Timestamp,
    pub run: RunId,
    pub request: Request,
    /// What the request carries: these are the writes of it, and the reads among them.
    pub parts: Vec<Part>,
}

pub struct Rehearsal {
    connections: Arc<Connections>,
    /// The clock of the runs.
    clock: Arc<dyn Clock>,
    planned: Mutex<Vec<PlannedWrite>>,
    /// By digest.
    reads: Mutex<HashMap<String, u32>>,
    broken: Mutex<Option<(String, String)>>,
    over: CancellationToken,
}

impl Rehearsal {
    /// `clock` is that of the runs; the connections keep their own.
    pub fn new(connections: Arc<Connections>, clock: Arc<dyn Clock>) -> Rehearsal {
        Rehearsal {
            connections,
            clock,
            planned: Mutex::default(),
            reads: Mutex::default(),
            broken: Mutex::default(),
            over: CancellationToken::new(),
        }
    }

    /// In the order in which they would have been sent.
    pub fn planned(&self) -> Vec<PlannedWrite> {
        guard(&self.planned).clone()
    }

    /// Cancelled when it can go no further.
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// The connection that does not work, and why.
    pub fn broken(&self) -> Option<(String, String)> {
        guard(&self.broken).clone()
    }

    fn read_too_often(&self, request: &Request) -> bool {
        let mut reads = guard(&self.reads);
        let times = reads.entry(request.digest()).or_default();
        *times += 1;
        *times > SAME_READ_MAX
    }

    fn note_broken(&self, connection: &str, why: String) {
        guard(&self.broken).get_or_insert_with(|| (connection.to_owned(), why));
        self.over.cancel();
    }
}

#[async_trait]
impl Performer for Rehearsal {
    fn in_flight_max(&self, installation: &str, connection: &str) -> usize {
        self.connections.in_flight_max(installation, connection)
    }

    async fn perform(&self, permit: Permit, request: Request, work: Work) -> (Answer, Work) {
        if request.repeat != Repeat::Read {
            let parts = match self.connections.judge(&permit.installation, request.clone()) {
                Ok(parts) => parts,
                Err(refusal) => return (Err(refusal), work),
            };
            guard(&self.planned).push(PlannedWrite { at: self.clock.now(), run: permit.run, request, parts });
            return (Err(SendError::DryRun), work);
        }
        if self.read_too_often(&request) {
            self.over.cancel();
            return (Err(SendError::Stopped("a dry run waits for no provider".into())), work);
        }
        let real = self.connections.clock.clone();
        let time_left = permit.send_before.since(self.clock.now());
        let permit = Permit { send_before: real.now().plus(time_left), ..permit };
        let connection = request.connection.clone();
        // The work of the runs is held meanwhile: their clock stands still.
        let (answer, _) = self.connections.perform(permit, request, real.begin()).await;
        match &answer {
            Ok(response) if response.status >= 500 => {
                self.note_broken(&connection, format!("the provider answered {}", response.status));
            }
            Ok(_) | Err(SendError::Denied(_) | SendError::DryRun | SendError::Stopped(_)) => {}
            Err(broken) => self.note_broken(&connection, broken.to_string()),
        }
        (answer, work)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is kept behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
