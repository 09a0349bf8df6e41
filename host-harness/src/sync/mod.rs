//! The truth path on the host's side: a pass of a source is a chain of tasks of the host's own, one a page, on the source's own
//! ordering key.
//!
//! Promises: of a source one page is read at a time; rows were handed over before the next page is asked for; a pass that repeats
//! by itself begins again no sooner than its interval and its share of the quota allow. Not here: what a page holds (the
//! connector), where it is kept (`durable`).

pub mod plan;

use crate::{
    clock::Timestamp,
    effect::{Lane, SOURCES, SYNC, Task},
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
}

impl Pass {
    /// The first page of a pass that repeats by itself.
    pub fn repeating(source: &str, cursor: Option<String>, every_ms: u64, began_at: Timestamp) -> Pass {
        let every_ms = Some(every_ms);
        Pass { every_ms, ..Pass::taken(source, String::new(), cursor, None, began_at) }
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
        Pass { source: source.into(), parameters, cursor, pages: 0, spent, taker, every_ms, began_at }
    }

    /// What a task of the host's own holds, if it is one of these.
    pub fn of(task: &Task) -> Option<Pass> {
        serde_json::from_str(&task.payload).ok().filter(|_| task.kind == SYNC)
    }

    pub fn next_page(self, cursor: String, spent: Spent) -> Pass {
        Pass { cursor: Some(cursor), pages: self.pages + 1, spent, ..self }
    }

    /// Of a source one pass at a time waits or runs; of those that somebody takes, one page of each taker.
    pub fn task(&self, not_before: Option<Timestamp>) -> Task {
        let source = &self.source;
        let dedupe_key = match &self.taker {
            Some(taker) => format!("{SYNC}/{source}/{taker}/{}", self.pages),
            None => format!("{SYNC}/{source}"),
        };
        Task {
            kind: SYNC.into(),
            payload: serde_json::to_string(self).expect("a pass is plain data"),
            ordering_key: key(source),
            dedupe_key,
            lane: Lane::Bulk,
            not_before,
            title: format!("Read {source}, page {}", self.pages + 1),
            subject: None,
        }
    }
}

/// The ordering key of a source.
pub fn key(source: &str) -> String {
    format!("{SOURCES}{source}")
}
