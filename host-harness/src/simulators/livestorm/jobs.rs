//! Jobs, the bulk registrations. <https://developers.livestorm.co/reference/post_sessions-id-people-bulk>. Counters have two
//! other spellings in other places [unknown]; these are the ones of the vendor's prose. Not here: starting one.

use super::{Livestorm, errors::Refusal, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid},
};
use serde_json::{Value, json};

/// A bulk registration that is over.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub succeeded: u32,
    pub failed: u32,
}

impl Job {
    pub(super) fn resource(&self) -> Value {
        let total = self.succeeded + self.failed;
        let attributes = json!({
            "status": if self.failed > 0 { "failed" } else { "ended" },
            "total_items": total,
            "total_processed_items": total,
            "total_fail": self.failed,
            "total_success": self.succeeded,
        });
        resource("jobs", &self.id, attributes)
    }
}

impl Livestorm {
    /// One that has run elsewhere, and is over. Gives its id.
    pub fn add_job(&mut self, succeeded: u32, failed: u32) -> String {
        let id = uuid("job", &self.jobs.len().to_string());
        self.jobs.insert(id.clone(), self.clock.now(), Job { id: id.clone(), succeeded, failed });
        id
    }
}

/// `GET /v1/jobs/{id}`
pub(super) fn one(world: &World, id: &str, when: Timestamp) -> Result<Value, Refusal> {
    let job = world.livestorm.jobs.at(id, when).ok_or_else(Refusal::not_found)?;
    Ok(json!({ "data": job.resource() }))
}
