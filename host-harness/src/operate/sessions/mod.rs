//! Which sessions the connector has met, which have a campaign, and why the others have none.
//!
//! Promises: reads what is kept, asks nobody and changes nothing. Not here: what the records mean (`records.rs`).

mod records;

pub use records::{Made as SessionRecord, Session};

use super::{Desk, OperateError, pages};
use crate::{
    durable::{EngineError, TaskFilter, journal::Record},
    effect::{RunId, SendError},
};
use records::{Kind, Records};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    pub installation: String,
    /// The newest first.
    pub sessions: Vec<Session>,
    /// How many have no campaign, and get none before a person does something.
    pub need_a_person: usize,
}

impl Desk {
    pub async fn sessions(&self, installation: &str) -> Result<Sessions, OperateError> {
        let engine = &*self.engine;
        let mut records = Records::default();
        pages::changes(engine, installation).await?.into_iter().for_each(|change| records.change(change));
        pages::lines(engine, installation).await?.into_iter().for_each(|line| records.line(line));
        let tasks = pages::tasks(engine, installation, TaskFilter::default()).await?;
        tasks.into_iter().for_each(|task| records.task(task));
        let mut sessions = records.sessions();
        for session in sessions.iter_mut().filter(|session| !session.has_campaign()) {
            for why in session.why.iter_mut().filter(|why| why.kind == Kind::Waiting) {
                let Some(run) = why.run else { continue };
                if let Some((problem, remedy)) = self.not_reached(installation, run).await? {
                    (why.kind, why.problem, why.remedy) = (Kind::Failed, problem, remedy.into());
                }
            }
        }
        let need_a_person = sessions.iter().filter(|session| session.needs_a_person()).count();
        Ok(Sessions { installation: installation.into(), sessions, need_a_person })
    }

    /// What kept a run from its provider, where that stays so until a person does something.
    async fn not_reached(
        &self,
        installation: &str,
        run: RunId,
    ) -> Result<Option<(String, &'static str)>, OperateError> {
        let tape = match self.engine.tape(installation, run).await {
            Err(EngineError::Unknown(_) | EngineError::Corrupt(_)) => return Ok(None),
            tape => tape?,
        };
        Ok(tape.entries.into_iter().find_map(|record| match record {
            Record::Answer { answer: Err(error), .. } => Some((error.to_string(), remedy(&error)?)),
            _ => None,
        }))
    }
}

fn remedy(error: &SendError) -> Option<&'static str> {
    match error {
        SendError::Unauthorized(_) => {
            Some("Connect the account again with `harness connect`; nothing is lost, and it goes on then.")
        }
        SendError::NotSent(_) => Some("See whether network and address are right; it is tried again by itself."),
        _ => None,
    }
}
