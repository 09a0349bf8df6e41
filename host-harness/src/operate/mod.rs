//! What people ask a host about an installation: its runs, one of them, one person; and what they have it do again.
//!
//! Promises: plain questions and answers, the same for the command line and for whoever asks over HTTP, with times as text; a question
//! changes nothing, and what changes something says of each thing what was done with it. Not here: how it is shown (`cli/`), where it
//! is kept (`durable/`), what a task means (the connector).
//!
//! Invariant: nothing here prints, and nothing here knows SQL. Invariant: `show` and `replay` tell nothing of a person unless that is
//! asked for.

mod forget;
mod letters;
mod mask;
mod pages;
mod pause;
mod played;
mod replay;
mod resync;
mod retry;
mod runs;
mod sessions;
mod show;
mod streams;
mod why;
mod words;

pub use forget::{Forgetting, Whom};
pub use letters::{DeadLetter, Discarded, Discarding, Which, remedy};
pub use pages::tasks;
pub use pause::Paused;
pub use replay::{Difference, DifferenceKind, EffectKind, Field, Instead, Replayed};
pub use resync::{Resynced, What as Resync};
pub use retry::{Retried, Retrying};
pub use runs::{Failed, RunFilter, RunKind, RunRow, RunStatus, Runs, SignedOut};
pub use sessions::{Session, SessionRecord, Sessions};
pub use show::{Moment, Parameter, Shown, ShownTask, TaskEnd, What};
pub use streams::{
    CostShown, DELETED_AT, PageAsk, PageGiven, PassShown, Reader, RowGiven, StreamError, StreamShown, Streams,
    are_streams, stream, streams,
};
pub use why::{Searched, Story, Told, ToldKind};
pub use words::{about, sentence, title, waiting};

use crate::{
    clock::{Clock, Timestamp},
    data_dir::DataDirError,
    durable::{Engine, EngineError},
    host::in_words,
    runtime::{CallError, Refused, Runtime, contract::Finding},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, sync::Arc};
use utoipa::ToSchema;

/// Where it is asked.
pub struct Desk {
    pub engine: Arc<dyn Engine>,
    /// Knows the component of an installation, where a run is to be played or a source to be asked for.
    pub runtime: Arc<Runtime>,
    pub clock: Arc<dyn Clock>,
}

/// What could not be answered or done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the other component cannot be tried: {0}")]
    Refused(#[from] Refused),
    #[error(
        "there is no run {run} of `{installation}` here; perhaps it is no longer kept. `harness runs` lists those that are"
    )]
    NoSuchRun { installation: String, run: u64 },
    #[error(
        "there is no task {task} of `{installation}` here. `harness runs` lists the dead letters with their numbers"
    )]
    NoSuchTask { installation: String, task: u64 },
    #[error(
        "run {run} has no dead letter, so there is nothing to give again or up. `harness show {run}` says how its tasks ended"
    )]
    NoDeadLetter { run: u64 },
    #[error(
        "nobody with the address {person} was forgotten in `{installation}`, so what comes about them is taken in already"
    )]
    NotForgotten { installation: String, person: String },
    #[error(
        "{person} was forgotten in `{installation}`, so nothing about them is taken in. If they are to be known again, `harness forget \
         {person} --allow-again`"
    )]
    IsForgotten { installation: String, person: String },
    #[error(
        "that is no id of a session. It stands in the address of the session's page in Livestorm, like 71cfa73b-6fbe-4f55-b219-28f4b195ae94"
    )]
    NoSession,
    #[error("\"{0}\" is no address of a person. Give it whole, like ana@example.org")]
    NoAddress(String),
    #[error(
        "this version of the connector cannot read one session or one person again. Install one that has the source `{0}`"
    )]
    NoResync(&'static str),
    #[error("run {run} cannot be played: {why}")]
    NotPlayed { run: u64, why: String },
    #[error("run {run} is not played with these settings, since the connector refuses them: {}", in_words(.findings))]
    RefusedSettings { run: u64, findings: Vec<Finding> },
}

/// A time, as text for whoever reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct When(pub Timestamp);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let wrong = || D::Error::custom(format!("{text} is no time; write it as 2026-11-23T08:00:00Z"));
        Timestamp::parse(&text).map(When).ok_or_else(wrong)
    }
}

/// As tasks name a person: addresses in lower case.
fn person(email: &str) -> Result<String, OperateError> {
    let person = email.trim().to_lowercase();
    match person.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => Ok(person),
        _ => Err(OperateError::NoAddress(email.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_text_to_whoever_asks() {
        let when = When(Timestamp::parse("2026-11-23T08:00:00Z").unwrap());
        let text = serde_json::to_string(&when).unwrap();
        assert_eq!(text, "\"2026-11-23T08:00:00Z\"");
        assert_eq!(serde_json::from_str::<When>(&text).unwrap(), when);
        assert!(serde_json::from_str::<When>("\"soon\"").unwrap_err().to_string().contains("soon is no time"));
    }

    #[test]
    fn a_person_is_asked_for_by_an_address_however_it_is_written() {
        assert_eq!(person(" Ana@Example.org ").unwrap(), "ana@example.org");
        for no in ["ana", "@example.org", "ana@", ""] {
            assert!(person(no).unwrap_err().to_string().contains("no address of a person"), "{no}");
        }
    }
}
