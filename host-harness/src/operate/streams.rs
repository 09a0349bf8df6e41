//! Streams: what can be read of them and when, and one page at a time for whoever takes it.
//!
//! Promises: a page is durable here before it is given; the cursor is the taker's to keep, and the same one given again gives its page
//! again, or newer; a pass begins no sooner than its interval and its share of the quota allow, whatever cursor it begins with. Not
//! here: what a page holds (the connector); who keeps rows on a schedule (`serve`).
//!
//! Invariant: of a stream one pass is under way at a time. Two takers who go on in turns begin anew each time, each with the
//! other's pass in the way.

use super::When;
use crate::{
    clock::{self, Timestamp, Work},
    data_dir::{DataDir, DataDirError, Keeping, Pace, Rows},
    durable::{Accepted, EngineError, KeptTask, TaskFilter, TaskId, TaskStatus},
    effect::{Failure, Wait},
    host::Host,
    runtime::{
        CallError, Taken,
        contract::{Interruption, Page, Row, RowChange, Source},
    },
    sync::{Pass, plan::Spent},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;
use utoipa::ToSchema;

/// How often it is looked whether a page is there, or has broken off.
const LOOK: Duration = Duration::from_millis(50);
/// Longer than a page takes that has waited for its turn.
const PATIENCE: Duration = Duration::from_secs(150);
/// When a record was found to be gone: the name that Singer's targets know.
pub const DELETED_AT: &str = "_sdc_deleted_at";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Streams {
    pub installation: String,
    pub streams: Vec<StreamShown>,
}

impl Streams {
    /// The one of this name.
    pub fn one(self, name: &str) -> Result<StreamShown, StreamError> {
        let names = self.streams.iter().map(|stream| stream.name.clone()).collect();
        let found = self.streams.into_iter().find(|stream| stream.name == name);
        found.ok_or_else(|| StreamError::NoStream { name: name.into(), names })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StreamShown {
    pub name: String,
    pub title: String,
    /// JSON Schema of a row's value.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// The names in a row's value that tell rows apart.
    pub primary_key: Vec<String>,
    /// Two passes begin at least so far apart.
    pub least_interval_minutes: u64,
    /// The next pass may begin from then on: the interval, and the calls that the last one took, are waited for.
    pub next_at: When,
    /// What the last pass took, or the one that is under way.
    pub last_pass: Option<PassShown>,
    /// How the host's own reading stands, where the installation file has it read by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kept: Option<Keeping>,
    /// What the next pass will cost, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost: Option<Vec<CostShown>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassShown {
    /// Of one that was begun before its time, when it might have begun.
    pub began_at: When,
    /// Pages read so far.
    pub pages: u64,
    /// It goes on: its last page said that there is more.
    pub more: bool,
    /// Requests so far, by connection.
    pub calls: Spent,
}

/// Requests on a connection, at least and at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostShown {
    pub connection: String,
    pub least: u64,
    pub most: u64,
    /// What the account has left, where its answers say so.
    pub left: Option<u64>,
}

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PageAsk {
    /// The one that came with the last page that was taken. Without one everything is told from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What that page said of it: in the middle of a pass there is nothing to wait for. Left out, the host knows it of the last pass
    /// that it has read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// Do not wait for the time at which the next pass may begin. What it takes in advance is waited for after it.
    pub now: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PageGiven {
    pub installation: String,
    pub stream: String,
    pub rows: Vec<RowGiven>,
    /// Where the next page, or the next pass, begins. Keep it once the rows are taken.
    pub cursor: String,
    /// More at once. False: the pass is over.
    pub more: bool,
    /// Requests of the pass so far, by connection.
    pub calls: Spent,
    /// What the accounts have left, where their answers say so.
    pub left: Spent,
    /// The next pass may begin from then on, as far as this one goes.
    pub next_at: When,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowGiven {
    pub change: RowChange,
    /// Of a deletion the primary key alone.
    #[schema(value_type = Object)]
    pub value: Value,
}

impl RowGiven {
    pub fn of(row: &Row) -> Result<RowGiven, StreamError> {
        let not_json =
            |e: serde_json::Error| StreamError::Broken(format!("a record of the connector is not JSON ({e})"));
        Ok(RowGiven { change: row.change, value: serde_json::from_str(&row.value).map_err(not_json)? })
    }

    /// As one line of a file has it.
    pub fn record(self, at: Timestamp) -> Value {
        let mut value = self.value;
        if self.change == RowChange::Delete {
            value[DELETED_AT] = at.to_string().into();
        }
        value
    }
}

/// Why there is no page, or no stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("there is no stream \"{name}\". Give one of these: {}", .names.join(", "))]
    NoStream { name: String, names: Vec<String> },
    #[error(
        "{stream} may be read again from {at} on: a pass begins no sooner than {least_interval_minutes} minutes after the one \
         before, and later where that one took many calls. Wait until then, or ask for it now"
    )]
    TooEarly { stream: String, at: Timestamp, least_interval_minutes: u64 },
    #[error("{0}")]
    BadCursor(String),
    #[error("not now: {}. Try again from {} on", .0.reason, .0.until)]
    Later(Wait),
    #[error("{} {}", .0.problem, .0.remedy)]
    Failed(Failure),
    #[error("the page could not be read: {0}. What was given before is kept; ask again to go on from there")]
    Broken(String),
    #[error("the installation `{0}` is paused, so nothing of it is read. Resume it first")]
    Paused(String),
    #[error(
        "{stream} is kept by `harness serve` itself, and of a stream one taker at a time goes on. Take its rows from {file}, or take \
         it out of streams.keep in the installation file"
    )]
    Kept { stream: String, file: String },
    #[error("the page has not had its turn yet: the installation has other work to do. Ask again with the same cursor")]
    Slow,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl From<Interruption> for StreamError {
    fn from(why: Interruption) -> StreamError {
        match why {
            Interruption::Later(wait) => StreamError::Later(wait),
            Interruption::BadCursor(why) => StreamError::BadCursor(why),
            Interruption::Failed(failure) => StreamError::Failed(failure),
        }
    }
}

/// What of an installation gives rows.
pub fn streams(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| !source.schema.is_empty())
}

/// The one of this name.
pub fn stream<'a>(sources: &'a [Source], name: &str) -> Result<&'a Source, StreamError> {
    streams(sources).find(|source| source.name == name).ok_or_else(|| StreamError::NoStream {
        name: name.into(),
        names: streams(sources).map(|source| source.name.clone()).collect(),
    })
}

/// That all of these are there.
pub fn are_streams(sources: &[Source], names: &[String]) -> Result<(), StreamError> {
    names.iter().try_for_each(|name| stream(sources, name).map(drop))
}

/// Reads the streams of one installation, on a host that serves.
pub struct Reader<'a> {
    pub host: &'a Host,
    pub data: &'a DataDir,
    /// Of streams that this host reads by itself.
    pub rows: Option<&'a Rows>,
    pub installation: &'a str,
}

/// No two pages are taken under one name.
static TAKERS: AtomicU64 = AtomicU64::new(0);

impl Reader<'_> {
    /// `cost_of`: of which stream the connector is asked what its next pass will cost. That takes a few calls itself.
    pub async fn streams(&self, cost_of: Option<&str>) -> Result<Streams, StreamError> {
        let sources = self.host.sources(self.installation);
        if let Some(name) = cost_of {
            stream(&sources, name)?;
        }
        let mut shown = vec![];
        for source in streams(&sources) {
            let cost = match cost_of == Some(source.name.as_str()) {
                true => Some(self.cost(source).await?),
                false => None,
            };
            shown.push(StreamShown { cost, ..self.shown(source)? });
        }
        Ok(Streams { installation: self.installation.into(), streams: shown })
    }

    fn shown(&self, source: &Source) -> Result<StreamShown, StreamError> {
        let not_json = |e| StreamError::Broken(format!("the connector's schema of {} is not JSON ({e})", source.name));
        let pace = self.data.pace(self.installation, &source.name)?;
        let next_at = self.next_after(source, pace.as_ref())?;
        let of = |Pace { began_at, spent, pages, more, .. }| PassShown {
            began_at: When(began_at),
            pages,
            more,
            calls: spent,
        };
        Ok(StreamShown {
            name: source.name.clone(),
            title: source.title.clone(),
            schema: serde_json::from_str(&source.schema).map_err(not_json)?,
            primary_key: source.primary_key.clone(),
            least_interval_minutes: source.min_interval_ms / 60_000,
            next_at: When(next_at),
            last_pass: pace.map(of),
            kept: self.keeping(source)?,
            cost: None,
        })
    }

    async fn cost(&self, source: &Source) -> Result<Vec<CostShown>, StreamError> {
        let (host, id) = (self.host, self.installation);
        let costs = host.runtime.estimate(id, &source.name, "", &host.asker(), &*host.engine).await??;
        let left = |connection: &str| host.connections.left(id, connection).map(|left| left.requests);
        let cost = costs.into_iter().map(|cost| CostShown {
            left: left(&cost.connection),
            connection: cost.connection,
            least: cost.least,
            most: cost.most,
        });
        Ok(cost.collect())
    }

    fn keeping(&self, source: &Source) -> Result<Option<Keeping>, StreamError> {
        match self.rows {
            Some(rows) => Ok(rows.keeping(self.installation, &source.name)?),
            None => Ok(None),
        }
    }

    /// When the next pass may begin.
    pub fn next_at(&self, source: &Source) -> Result<Timestamp, StreamError> {
        let pace = self.data.pace(self.installation, &source.name)?;
        self.next_after(source, pace.as_ref())
    }

    /// When the pass after this one may begin.
    fn next_after(&self, source: &Source, pace: Option<&Pace>) -> Result<Timestamp, StreamError> {
        let now = self.host.clock.now();
        let of = |Pace { began_at, spent, paid_at, pages, more }: &Pace| {
            // Of a pass that never came to its first page, the calls are waited for and nothing else.
            if *more && *pages == 0 {
                return *paid_at;
            }
            let next = self.host.runtime.next_pass(self.installation, *began_at, source.min_interval_ms, spent);
            next.max(*paid_at)
        };
        let kept = self.data.rows().next_at(self.installation, &source.name)?;
        Ok(pace.map(of).max(kept).unwrap_or(now))
    }

    /// One page: read, durable, then given.
    pub async fn page(&self, name: &str, ask: &PageAsk) -> Result<PageGiven, StreamError> {
        let (host, id, work) = (self.host, self.installation, self.host.clock.begin());
        let sources = host.sources(id);
        let source = stream(&sources, name)?;
        if let Some(Keeping { file, .. }) = self.keeping(source)? {
            return Err(StreamError::Kept { stream: name.into(), file });
        }
        let mut pace = self.begun(source, ask)?;
        if host.engine.counts(id).await?.paused {
            return Err(StreamError::Paused(id.into()));
        }
        let taker = format!("{}-{}-{}", host.clock.now().0, std::process::id(), TAKERS.fetch_add(1, Ordering::Relaxed));
        let mut pages = host.runtime.take_pages(&taker);
        let mut pass = Pass::taken(name, String::new(), ask.cursor.clone(), Some(taker), pace.began_at);
        (pass.pages, pass.spent) = (pace.pages, pace.spent.clone());
        let accepted = host.engine.accept(id, vec![pass.task(None)]).await?;
        let [Accepted::New(task) | Accepted::Already(task)] = accepted[..] else {
            return Err(StreamError::Broken("no page was asked for".into()));
        };
        let (Taken { page, spent, paid_at, .. }, work) = self.taken(&mut pages, task, work).await?;
        // What was spent stands, whatever becomes of the page.
        pace = Pace { spent, paid_at: paid_at.max(pace.paid_at), more: true, ..pace };
        self.data.note_pace(id, name, &pace)?;
        let Page { rows, cursor, more, .. } = page?;
        let _work = self.is_durable(task, work).await?;
        pace = Pace { pages: pace.pages + 1, more, ..pace };
        self.data.note_pace(id, name, &pace)?;
        let left = |connection: &String| Some((connection.clone(), host.connections.left(id, connection)?.requests));
        Ok(PageGiven {
            installation: id.into(),
            stream: name.into(),
            rows: rows.iter().map(RowGiven::of).collect::<Result<_, _>>()?,
            cursor,
            more,
            left: pace.spent.keys().filter_map(left).collect(),
            next_at: When(self.next_after(source, Some(&pace))?),
            calls: pace.spent,
        })
    }

    /// The pass that the page belongs to: the one that is under way, or one that may begin.
    fn begun(&self, source: &Source, ask: &PageAsk) -> Result<Pace, StreamError> {
        let before = self.data.pace(self.installation, &source.name)?;
        let knows = || ask.cursor.is_some() && before.as_ref().is_some_and(|pace| pace.more);
        let under_way = ask.more.unwrap_or_else(knows);
        if let Some(pace) = before.clone().filter(|_| under_way) {
            return Ok(pace);
        }
        let now = self.host.clock.now();
        let at = self.next_after(source, before.as_ref())?.max(now);
        if at > now && !ask.now && !under_way {
            return Err(StreamError::TooEarly {
                stream: source.name.clone(),
                at,
                least_interval_minutes: source.min_interval_ms / 60_000,
            });
        }
        // Begun before its time, it is paid back after what came before it.
        Ok(Pace { began_at: at, ..Pace::default() })
    }

    async fn taken(
        &self,
        pages: &mut UnboundedReceiver<Taken>,
        task: TaskId,
        mut work: Work,
    ) -> Result<(Taken, Work), StreamError> {
        let clock = &self.host.clock;
        let until = clock.now().plus(PATIENCE);
        loop {
            let look = clock.timer(clock.now().plus(LOOK));
            drop(work);
            work = tokio::select! {
                biased;
                Some(taken) = pages.recv() => return Ok((taken, clock.begin())),
                work = look => work,
            };
            self.looked_after(task).await?;
            if clock.now() > until {
                return Err(StreamError::Slow);
            }
        }
    }

    /// What the page remembers is kept.
    async fn is_durable(&self, task: TaskId, mut work: Work) -> Result<Work, StreamError> {
        let clock = &*self.host.clock;
        while self.looked_after(task).await?.status != TaskStatus::Done {
            work = clock::sleep(clock, work, clock.now().plus(LOOK)).await;
        }
        Ok(work)
    }

    /// As long as something can come of it.
    async fn looked_after(&self, task: TaskId) -> Result<KeptTask, StreamError> {
        let before = task.0.checked_sub(1).map(TaskId);
        let found = self.host.engine.tasks(self.installation, TaskFilter::default(), before).await?.into_iter().next();
        let gone = || StreamError::Broken("its task is gone".into());
        let kept = found.filter(|kept| kept.id == task).ok_or_else(gone)?;
        match kept.status {
            TaskStatus::Dead => {
                Err(StreamError::Broken(kept.failure.map(|failure| failure.problem).unwrap_or_default()))
            }
            // Whoever goes on later finds nobody who takes it.
            TaskStatus::Waiting if kept.attempt > 1 => {
                Err(StreamError::Broken(kept.waiting_for.clone().unwrap_or_default()))
            }
            _ => Ok(kept),
        }
    }
}
