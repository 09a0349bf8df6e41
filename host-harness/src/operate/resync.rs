//! One session or one person is read again at the source, because somebody asks: what was missed comes, and what is written stays as
//! it is. Not here: what is read (the connector's source of this name).

use super::{Desk, OperateError, person};
use crate::{durable::Accepted, sync::Pass};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// The connector's source.
pub(super) const SOURCE: &str = "resync";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Resync)]
pub enum What {
    /// By its id at the source.
    Session(String),
    /// By address.
    Person(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resynced {
    pub installation: String,
    /// The task that reads.
    pub task: u64,
    /// False: another one is under way, and this is to be asked for again when it is over.
    pub accepted: bool,
}

impl Desk {
    pub async fn resync(&self, installation: &str, what: &What) -> Result<Resynced, OperateError> {
        let sources = self.runtime.sources_of(installation).await?;
        if !sources.iter().any(|source| source.name == SOURCE) {
            return Err(OperateError::NoResync(SOURCE));
        }
        let parameters = match what {
            What::Session(session) => json!({"session": session}),
            What::Person(email) => json!({"person": person(email)?}),
        };
        let pass = Pass::taken(SOURCE, parameters.to_string(), None, None, self.clock.now());
        let accepted = self.engine.accept(installation, vec![pass.task(None)]).await?;
        let (task, accepted) = match accepted.first() {
            Some(Accepted::Already(task)) => (task.0, false),
            Some(Accepted::New(task)) => (task.0, true),
            // A pass is about nobody.
            Some(Accepted::Forgotten) | None => (0, false),
        };
        Ok(Resynced { installation: installation.into(), task, accepted })
    }
}
