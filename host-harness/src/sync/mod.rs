//! The truth path on the host's side: a pass of a source is a chain of tasks of the host's own, one a page, on the source's own
//! ordering key.
//!
//! Promises: of a source one page is read at a time; rows were handed over before the next page is asked for; a pass that repeats
//! by itself begins again no sooner than its interval and its share of the quota allow. Not here: what a page holds (the
//! connector), where it is kept (`durable`), where rows are (`data_dir`).

pub mod plan;

use crate::{
    clock::Timestamp,
    effect::{Lane, SOURCES, SYNC, Subject, Task},
    runtime::contract::Page,
};
use plan::Spent;
use serde::{Deserialize, Serialize};

/// A pass of a source: the payload of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub source: String,
    pub parameters: String,
    pub cursor: Option<String>,
    /// Pages read so far.
    pub pages: u64,
    /// Requests sent so far, and those that the tasks of the pass will send.
    pub spent: Spent,
    /// Who takes its pages. Nothing: it repeats by itself, and gives tasks alone.
    pub taker: Option<String>,
    /// It repeats by itself, no sooner than so many milliseconds after it began.
    pub every_ms: Option<u64>,
    pub began_at: Timestamp,
    /// The host keeps its rows by itself, since then; see [`Keeper`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// It is read for the sake of one session or person alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Subject>,
}

/// Keeps the rows of passes that repeat by themselves. Calls may block.
pub trait Keeper: Send + Sync {
    /// Whether the rows of this pass are still to be kept. Else it ends, and does not repeat.
    fn wants(&self, installation: &str, pass: &Pass) -> bool;

    /// On return the page's rows are on the disk. The same page of the same pass, given again, takes the place of the first.
    /// `next_at`: of the last page, when the next pass begins.
    fn keep(
        &self,
        installation: &str,
        pass: &Pass,
        page: &Page,
        at: Timestamp,
        next_at: Option<Timestamp>,
    ) -> Result<(), String>;

    /// There was no page, for this reason.
    fn broke(&self, installation: &str, pass: &Pass, why: &str, again_at: Option<Timestamp>);
}

impl Pass {
    /// The first page of a pass that repeats by itself.
    pub fn repeating(source: &str, cursor: Option<String>, every_ms: u64, began_at: Timestamp) -> Pass {
        let every_ms = Some(every_ms);
        Pass { every_ms, ..Pass::taken(source, String::new(), cursor, None, began_at) }
    }

    /// The first page of a pass that repeats by itself, and whose rows are kept.
    pub fn kept(source: &str, cursor: Option<String>, every_ms: u64, began_at: Timestamp, since: u64) -> Pass {
        Pass { kept: Some(since), ..Pass::repeating(source, cursor, every_ms, began_at) }
    }

    /// The first page of a pass whose pages somebody takes, or whose tasks are all that comes of it.
    pub fn taken(
        source: &str,
        parameters: String,
        cursor: Option<String>,
        taker: Option<String>,
        began_at: Timestamp,
    ) -> Pass {
        let (spent, every_ms) = (Spent::default(), None);
        let source = source.into();
        Pass { source, parameters, cursor, pages: 0, spent, taker, every_ms, began_at, kept: None, about: None }
    }

    /// What a task of the host's own holds, if it is one of these.
    pub fn of(task: &Task) -> Option<Pass> {
        serde_json::from_str(&task.payload).ok().filter(|_| task.kind == SYNC)
    }

    pub fn next_page(self, cursor: String, spent: Spent) -> Pass {
        Pass { cursor: Some(cursor), pages: self.pages + 1, spent, ..self }
    }

    /// Of a source one pass at a time waits or runs; of those about somebody or something, one of each; of those that somebody takes,
    /// one page of each taker.
    pub fn task(&self, not_before: Option<Timestamp>) -> Task {
        let source = &self.source;
        let dedupe_key = match (&self.taker, self.kept, &self.about) {
            (Some(taker), ..) => format!("{SYNC}/{source}/{taker}/{}", self.pages),
            // One that has ended is known as done for a while; what is kept anew is another one.
            (None, Some(since), _) => format!("{SYNC}/{source}/kept/{since}"),
            (None, None, Some(Subject { kind, id })) => format!("{SYNC}/{source}/{kind}/{id}"),
            (None, None, None) => format!("{SYNC}/{source}"),
        };
        let of = self.about.as_ref().map(|about| format!(" of {} {}", about.kind, about.id)).unwrap_or_default();
        Task {
            kind: SYNC.into(),
            payload: serde_json::to_string(self).expect("a pass is plain data"),
            ordering_key: key(source),
            dedupe_key,
            lane: Lane::Bulk,
            not_before,
            title: format!("Read {source}{of}, page {}", self.pages + 1),
            // A session that is asked for need not be one.
            subject: self.about.clone().filter(Subject::is_person),
        }
    }
}

/// The ordering key of a source.
pub fn key(source: &str) -> String {
    format!("{SOURCES}{source}")
}
