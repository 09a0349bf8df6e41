//! Durable runs: what was accepted ends as done or as a dead letter, whatever dies on the way.
//!
//! An engine keeps tasks, and nothing beside them: a delivery is a task of the host's own kind. Tasks of one ordering key
//! run one batch at a time and share a memory; every request and answer of a run is in its journal, so that a run
//! that was cut off is played to a fresh instance and goes on. Promises are on each method of [`Engine`]. Not here:
//! what a task means (the connector), how a request is sent (`connections`).
//!
//! Invariant: nothing above [`Engine`] knows SQL. Invariant: a `once` request that was begun and has no recorded answer is
//! answered `unknown`, never sent again.

pub mod batch;
#[cfg(test)]
pub mod conformance;
pub mod dead_letter;
mod drive;
pub mod ending;
pub mod forget;
pub mod journal;
pub mod memory;
pub mod run;
pub mod schedule;
pub mod sqlite;
pub mod state;
pub mod wave;

pub use crate::effect::{DELIVERY, INBOX, SOURCES, SYNC};

use crate::{
    clock::{Clock, Timestamp},
    effect::{
        Assignment, Change, Driver, Entry, Failure, FailureClass, Lead, Level, Line, Performer, RunId, Subject, Task,
    },
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, task::Poll, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// Why a delivery that is done neither goes again nor can be played again.
pub const BODY_GONE: &str = "the body of a delivery is not kept once the tasks that came of it are durable; those can be \
                             looked at and given again";

/// Why neither waits for somebody to give it again.
const NOTHING_TO_RETRY: &str = "is not a dead letter, and was not put off";

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    New(TaskId),
    /// One with the same dedupe key waits, runs or was done within the retention: at least of the same ordering key, further an
    /// engine need not look. Counted, never an error.
    Already(TaskId),
    /// Its subject was forgotten ([`Engine::forget`]): it is counted and not kept.
    Forgotten,
}

/// One engine, many installations; every call but `serve` names the one it is about. A call whose caller goes away in the
/// middle has not happened or has happened in full.
#[async_trait]
pub trait Engine: Send + Sync {
    /// On return the tasks are durable: each runs, or becomes a dead letter, whatever dies. Answers in the order given.
    async fn accept(&self, installation: &str, tasks: Vec<Task>) -> Result<Vec<Accepted>, EngineError>;

    /// Works until `stop`: no new run begins then, those under way end, and what is not done waits for the next call. At most one
    /// `serve` at a time. Ends before only where the store fails: something odd in one key's rows stops that key, with a line
    /// in its installation's log, until somebody touches it.
    async fn serve(
        &self,
        driver: Arc<dyn Driver>,
        performer: Arc<dyn Performer>,
        stop: CancellationToken,
    ) -> Result<(), EngineError>;

    /// Waits until somebody serves, no run is under way and no task is due; then says when the next task is due, or nothing if none
    /// waits for a time. Refused where `serve` ends before.
    async fn idle(&self) -> Result<Option<Timestamp>, EngineError>;

    /// Ends a run between two effects, or a task before it runs. The task becomes a dead letter with `why`; of a run, each task
    /// that is not done by then. Durable on return; the run itself may take a moment to end.
    async fn cancel(&self, installation: &str, what: Cancel, why: &str) -> Result<(), EngineError>;

    /// No run of this key begins until `resume`; `None`: of no key of the installation. Survives a restart, and a run that the
    /// restart cut off does not go on: its tasks wait like the others. `resume` also
    /// looks again at tasks that wait because the driver did not know the installation.
    async fn pause(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError>;
    async fn resume(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError>;

    /// The driver knows this installation now, or knows it otherwise: keys of it that stood still are looked at again.
    fn installed(&self, installation: &str);

    /// A dead letter goes again, as a first attempt, and no sooner than its `not-before`. Refused where it is no task as the
    /// contract has it: nothing has changed about that. What the connector has put off goes on now, whatever it waits for; if
    /// that is not so yet, it is put off once more.
    async fn retry(&self, installation: &str, task: TaskId) -> Result<(), EngineError>;

    /// A dead letter is given up for good: it is deleted, and a line in the log says what it was. The same work, accepted again,
    /// is new. Refused where the task is no dead letter.
    async fn discard(&self, installation: &str, task: TaskId) -> Result<(), EngineError>;

    /// Tasks, oldest first, after `after`, at most 1,000.
    async fn tasks(
        &self,
        installation: &str,
        filter: TaskFilter,
        after: Option<TaskId>,
    ) -> Result<Vec<KeptTask>, EngineError>;

    /// Runs, oldest first, after `after`, at most 1,000.
    async fn runs(&self, installation: &str, after: Option<RunId>) -> Result<Vec<RunSummary>, EngineError>;

    /// Everything that is recorded of a run: enough to play it again with no engine, but for a delivery that is done
    /// ([`Tape::whole`]): its body is gone in the transaction that makes its tasks durable.
    async fn tape(&self, installation: &str, run: RunId) -> Result<Tape, EngineError>;

    /// A key's memory, in the order of its keys' bytes, after `after`, at most 1,000.
    async fn state(
        &self,
        installation: &str,
        key: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<Entry>, EngineError>;

    /// The customer's run log, oldest first, after the line `after`, at most 1,000.
    async fn log(&self, installation: &str, after: Option<u64>) -> Result<Vec<LogLine>, EngineError>;

    /// What became of records at providers, oldest first, after the change `after`, at most 1,000.
    async fn changes(&self, installation: &str, after: Option<u64>) -> Result<Vec<KeptChange>, EngineError>;

    /// How an installation stands at this moment: cheap enough to be asked of each of thousands, again and again.
    async fn counts(&self, installation: &str) -> Result<Counts, EngineError>;

    /// Deletes what is over and was kept long enough. What waits or runs, and state, is never touched. Others are kept from
    /// nothing meanwhile; one that is cut off has deleted some of it.
    async fn sweep(&self, installation: &str, keep: &Retention) -> Result<Swept, EngineError>;

    /// Deletes what names a person: whole recordings, tasks (one that waits is gone and no dead letter, since its
    /// text names them), lines and changes; of state what has them as its subject. From then on tasks with that subject are
    /// dropped, known by a salted hash, until [`Engine::allow_again`]. Of somebody else's work that waits or is dead, and of
    /// state that is not theirs, what still names them is only counted. [`EngineError::Busy`] while a run is open that may
    /// have seen them: ask again until it is done. Backups that were made before keep what they have.
    async fn forget(&self, installation: &str, subject: &Subject) -> Result<Forgotten, EngineError>;

    /// Whether tasks about this person are dropped.
    async fn is_forgotten(&self, installation: &str, subject: &Subject) -> Result<bool, EngineError>;

    /// Tasks about this person are taken in again.
    async fn allow_again(&self, installation: &str, subject: &Subject) -> Result<(), EngineError>;
}

/// Serves in a task of its own. A simulated clock stands still until the engine is under way.
pub fn start(
    engine: Arc<dyn Engine>,
    clock: &dyn Clock,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    stop: CancellationToken,
) -> JoinHandle<Result<(), EngineError>> {
    let work = clock.begin();
    tokio::spawn(async move {
        let mut serving = engine.serve(driver, performer, stop);
        // The first poll takes the engine to where it holds a work or a timer of its own.
        let first = std::future::poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx))).await;
        drop(work);
        match first {
            Poll::Ready(end) => end,
            Poll::Pending => serving.await,
        }
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    Run(RunId),
    Task(TaskId),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Any, where not given.
    pub status: Option<TaskStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    Waiting,
    Running,
    Done,
    Dead,
}

/// A task as the engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTask {
    pub id: TaskId,
    pub task: Task,
    pub status: TaskStatus,
    pub attempt: u32,
    /// How many follow-ups lie between it and a delivery.
    pub generation: u32,
    pub admitted_at: Timestamp,
    /// When it is given to the connector next.
    pub due: Timestamp,
    /// Why it waits, if the connector said so.
    pub waiting_for: Option<String>,
    /// The word that lets it go on before it is due.
    pub wake_on: Option<String>,
    /// Why it is a dead letter.
    pub failure: Option<Failure>,
    /// How often the same task was accepted again.
    pub repeats: u32,
    /// The run that has it, or had it last. Of one that waits: only while that is kept, since it tells what is waited for.
    pub run: Option<RunId>,
}

impl KeptTask {
    /// The connector said *later*.
    pub fn is_put_off(&self) -> bool {
        self.status == TaskStatus::Waiting && self.waiting_for.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    pub id: RunId,
    pub key: String,
    pub tasks: usize,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Nothing while it is open; else `done`, or why it broke.
    pub end: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tape {
    pub lead: Lead,
    pub entries: Vec<journal::Record>,
    /// Nothing while the run is open.
    pub end: Option<journal::Ending>,
}

impl Tape {
    /// Refused where the run cannot be played again.
    pub fn whole(&self) -> Result<(), EngineError> {
        let gone = |a: &Assignment| a.task.kind == DELIVERY && a.task.payload.is_empty();
        match self.lead.input.assignments.iter().any(gone) {
            true => Err(EngineError::Invalid(format!("run {} cannot be played again: {BODY_GONE}", self.lead.run))),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub id: u64,
    /// Nothing where the engine tells it of a task that did not run.
    pub run: Option<RunId>,
    /// For a connector's line, what its clock showed.
    pub at: Timestamp,
    #[serde(flatten)]
    pub line: Line,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChange {
    pub id: u64,
    pub run: RunId,
    pub at: Timestamp,
    #[serde(flatten)]
    pub change: Change,
}

/// How an installation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub waiting: u64,
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the first of those that wait was or is due: in the past, it is late.
    pub next_due: Option<Timestamp>,
    /// The whole of it; a key that is paused alone does not count.
    pub paused: bool,
}

/// How long what is over is kept, and how much of it, by installation. Tasks that are done are kept for
/// [`EngineLimits::dedupe_retention`]: they are how the same work is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs that have ended, with their journals.
    pub runs: Duration,
    /// Bytes of inputs and journals of runs that have ended; the oldest go first.
    pub journal_bytes_max: u64,
    /// The run log and the changes.
    pub log: Duration,
    /// Lines of the run log, and changes; the oldest go first.
    pub lines_max: u64,
    /// Dead letters that nobody has given again.
    pub dead: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            runs: Duration::from_secs(14 * DAY),
            journal_bytes_max: 1 << 30,
            log: Duration::from_secs(180 * DAY),
            lines_max: 1_000_000,
            dead: Duration::from_secs(180 * DAY),
        }
    }
}

/// What a sweep has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    pub done: u64,
    pub dead: u64,
    pub runs: u64,
    pub lines: u64,
    pub changes: u64,
}

/// What is gone of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    pub runs: u64,
    pub tasks: u64,
    pub lines: u64,
    pub changes: u64,
    pub state: u64,
    /// Tasks and entries of state that are not theirs and name them still.
    pub still_named: u64,
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forgotten { runs, tasks, lines, changes, state, still_named } = self;
        write!(
            f,
            "A person was forgotten: {runs} recordings, {tasks} tasks, {lines} lines, {changes} changes and {state} entries of \
             memory are gone; {still_named} that are not theirs still name them"
        )
    }
}

/// What an engine could not do. What the world does wrong is told apart from a walk that only a bug can take.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the store failed: {0}")]
    Store(String),
    #[error("the store holds something that cannot be: {0}")]
    Corrupt(String),
    #[error("there is no {0} here")]
    Unknown(String),
    #[error("{0}")]
    Invalid(String),
    /// Not now; the same call is right in a moment.
    #[error("{0}")]
    Busy(String),
    /// A probe stopped the engine: only tests do that.
    #[error("stopped at {0}")]
    Stopped(Point),
}

/// A place in a run where the process may die, by its name in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    pub run: RunId,
    pub wave: u32,
    pub place: u32,
    pub phase: Phase,
}

/// The phases of a request and of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The run is recorded, the guest has not begun.
    Opened,
    /// The begin of a chunk with a `once` is durable; nothing of the chunk is sent.
    Begun,
    /// The provider has answered; the answer is in memory alone.
    Answered,
    /// The run has ended; nothing of its end is durable.
    Ending,
    /// Its end is durable.
    Ended,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}, wave {}, place {}, {:?}", self.run, self.wave, self.place, self.phase)
    }
}

/// Watches a run pass its points. Returns false to die there: the engine then writes nothing more and `serve` ends with
/// [`EngineError::Stopped`].
pub trait Probe: Send + Sync {
    fn reached(&self, point: &Point) -> bool;
}

/// Nobody watches.
pub struct NoProbe;

impl Probe for NoProbe {
    fn reached(&self, _: &Point) -> bool {
        true
    }
}

const DAY: u64 = 86_400;

/// What an engine allows, on by default.
#[derive(Clone, Debug)]
pub struct EngineLimits {
    /// Runs side by side in all; installations take turns. Fewer than the runtime has instances, so that some are left
    /// for calls that are no runs.
    pub runs_max: usize,
    /// Runs side by side in one installation.
    pub runs_per_installation_max: usize,
    /// A run gets no permit later than this after its first wave: its waits end with `stopped`. The same as the runtime's
    /// `Limits::run_ms`, which the guest is told; the host sets this from that.
    pub run: Duration,
    /// Bytes of a run's journal. A run that goes beyond ends as broken; what is under way then is still written down.
    pub journal_bytes: u64,
    /// Questions of a run about its state. One more ends it as broken.
    pub state_asks: u32,
    /// A task with the same dedupe key is dropped for this long after the first was done.
    pub dedupe_retention: Duration,
    /// How long a task may be put off in all.
    pub give_up: Duration,
    /// Attempts of a task alone before it is a dead letter.
    pub attempts_max: u32,
    /// Follow-ups of follow-ups: the next generation is a dead letter.
    pub generations_max: u32,
    /// Entries, and bytes of keys and values together, that an installation's state holds at most. A write that goes beyond
    /// ends its run as broken. Runs side by side do not see each other's writes before they end: the bound can be passed by
    /// what all of them but one write.
    pub state_entries_max: u64,
    pub state_bytes_max: u64,
}

impl Default for EngineLimits {
    fn default() -> Self {
        EngineLimits {
            runs_max: 48,
            runs_per_installation_max: 2,
            run: Duration::from_secs(60),
            journal_bytes: 64 << 20,
            state_asks: 10_000,
            dedupe_retention: Duration::from_secs(14 * DAY),
            give_up: Duration::from_secs(7 * DAY),
            attempts_max: 4,
            generations_max: 16,
            state_entries_max: 1_000_000,
            state_bytes_max: 1 << 30,
        }
    }
}

/// A failure that the engine itself gives a task.
pub fn engine_failure(class: FailureClass, problem: impl Into<String>, remedy: impl Into<String>) -> Failure {
    Failure { class, problem: problem.into(), remedy: remedy.into() }
}

/// A line that the engine itself adds to the run log.
pub fn engine_line(level: Level, code: &str, message: String, subject: Option<Subject>) -> Line {
    Line { level, code: code.into(), message, subject, fields: vec![] }
}
