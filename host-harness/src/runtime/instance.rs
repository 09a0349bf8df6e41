//! One call of a guest as a coroutine: a store of its own, limits, and imports that become questions to whoever drives it.
//!
//! Promises: nothing of a guest survives its call; the same inputs give the same steps; a limit that is reached names itself.
//! Not here: WIT types (`versions/`), what happens to a question (`durable`, or the caller of a call that is not journaled).
//!
//! Invariant: the guest's future borrows nothing of its driver, so a run can be dropped at any point.

use super::limits::Limits;
use crate::{
    clock::Timestamp,
    effect::{
        Answer, Ask, Change, Denial, Entry, Input, Line, Note, Repeat, Reply, Request, SendError, Subject, Write,
    },
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline, format_err};

/// How many ticks the engine has made, whatever its guests did.
pub(super) type Ticks = Arc<AtomicU64>;

/// What a call may do through its imports. The table is in `wit/world.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// Every import traps.
    None,
    /// `read` requests, the clock, the log; no state.
    Look,
    /// Every request, the clock, the log; no state.
    Mend,
    /// `read` requests, and everything else.
    Read,
    /// Everything.
    All,
}

/// The host's side of one guest: the data of its store.
pub(super) struct Caller {
    rights: Rights,
    limits: Limits,
    now: Timestamp,
    said: mpsc::UnboundedSender<Said>,
    memory: Memory,
    requests: u32,
    log_lines: u32,
    log_bytes: usize,
    state_written_bytes: usize,
    ticks: u32,
    all_ticks: Ticks,
    /// Set when a tick went by while the guest waited: the next interruption is that one, and no computing of its own.
    waited: bool,
}

enum Said {
    Note(Note),
    Ask(Ask, oneshot::Sender<Input>),
}

/// Refuses memory above the limit, and says so; wasmtime's own limiter would leave a bare `unreachable`.
struct Memory {
    bytes_max: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.bytes_max {
            return Err(format_err!("limit memory-bytes: {desired} wanted, {} allowed", self.bytes_max));
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        const ELEMENTS_MAX: usize = 20_000;
        if desired > ELEMENTS_MAX {
            return Err(format_err!("limit table elements: {desired} wanted, {ELEMENTS_MAX} allowed"));
        }
        Ok(true)
    }
}

impl Caller {
    fn may(&self, what: &str, least: Rights) -> wasmtime::Result<()> {
        let allowed = match self.rights {
            Rights::None => false,
            Rights::Look | Rights::Mend => least == Rights::Look,
            Rights::Read | Rights::All => true,
        };
        if allowed { Ok(()) } else { Err(format_err!("`{what}` is not allowed in this call")) }
    }

    fn note(&self, note: Note) {
        // The driver is gone only when the run is being dropped; then nobody misses the note.
        let _ = self.said.send(Said::Note(note));
    }

    async fn ask(&mut self, ask: Ask) -> wasmtime::Result<Reply> {
        let (answer, answered) = oneshot::channel();
        self.said.send(Said::Ask(ask, answer)).map_err(|_| format_err!("the run was dropped"))?;
        let before = self.all_ticks.load(Ordering::Relaxed);
        let answered = answered.await.map_err(|_| format_err!("the run was dropped"))?;
        // A tick that went by while it waited is not its own; one that did not go by is not forgiven.
        self.waited = self.all_ticks.load(Ordering::Relaxed) != before;
        match answered {
            Input::Reply { at, reply } => {
                self.now = at.unwrap_or(self.now).max(self.now);
                Ok(reply)
            }
            Input::Start => Err(format_err!("a run was started twice: this is a bug of the host")),
        }
    }

    pub(super) fn now(&self) -> wasmtime::Result<Timestamp> {
        self.may("clock", Rights::Look)?;
        Ok(self.now)
    }

    pub(super) async fn send_all(&mut self, requests: Vec<Request>) -> wasmtime::Result<Vec<Answer>> {
        self.may("http", Rights::Look)?;
        // What is decided here depends on the requests alone, so a replay decides the same.
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(requests.len());
        let mut wave = vec![];
        for (place, request) in requests.into_iter().enumerate() {
            match self.refusal(place, &request) {
                Some(refusal) => answers.push(Some(Err(refusal))),
                None => {
                    self.requests += 1;
                    answers.push(None);
                    wave.push(request);
                }
            }
        }
        let mut replies = if wave.is_empty() {
            vec![]
        } else {
            let sent = wave.len();
            match self.ask(Ask::Wave(wave)).await? {
                Reply::Wave(replies) if replies.len() == sent => replies,
                _ => return Err(format_err!("a wave was answered wrongly: this is a bug of the host")),
            }
        }
        .into_iter();
        let mut bytes_left = self.limits.wave_bytes as usize;
        Ok(answers
            .into_iter()
            .filter_map(|refused| refused.or_else(|| replies.next().map(|a| fit(a, &mut bytes_left))))
            .collect())
    }

    fn refusal(&self, place: usize, request: &Request) -> Option<SendError> {
        let denied = |layer: &str, rule: String, remedy: &str| {
            Some(SendError::Denied(Denial { layer: layer.into(), rule, remedy: remedy.into() }))
        };
        if [Rights::Look, Rights::Read].contains(&self.rights) && request.repeat != Repeat::Read {
            return denied("class", "this call may only read".into(), "send it from `on-trigger.handle`");
        }
        if place >= self.limits.wave as usize {
            return denied("form", format!("a wave has at most {} requests", self.limits.wave), "send smaller waves");
        }
        if self.requests >= self.limits.requests {
            return Some(SendError::Stopped(format!("the call has sent its {} requests", self.limits.requests)));
        }
        None
    }

    pub(super) async fn get_many(&mut self, keys: Vec<String>) -> wasmtime::Result<Vec<Option<String>>> {
        self.may("state", Rights::All)?;
        self.batch(keys.len())?;
        for key in &keys {
            over("state-key-bytes", key.len(), self.limits.state_key_bytes)?;
        }
        let asked = keys.len();
        match self.ask(Ask::Get(keys)).await? {
            Reply::Got(values) if values.len() == asked => Ok(values),
            _ => Err(format_err!("state was answered wrongly: this is a bug of the host")),
        }
    }

    pub(super) async fn scan(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Entry>> {
        self.may("state", Rights::All)?;
        let limit = limit.min(u32::try_from(self.limits.state_batch).unwrap_or(u32::MAX));
        match self.ask(Ask::Scan { prefix, after, limit }).await? {
            Reply::Scanned(entries) => Ok(entries),
            _ => Err(format_err!("state was answered wrongly: this is a bug of the host")),
        }
    }

    pub(super) fn write_many(&mut self, writes: Vec<Write>) -> wasmtime::Result<()> {
        self.may("state", Rights::All)?;
        self.batch(writes.len())?;
        for write in writes {
            let (key, value, subject) = match &write {
                Write::Set(entry) => (&entry.key, entry.value.len(), entry.subject.as_ref()),
                Write::Delete(key) => (key, 0, None),
            };
            over("state-key-bytes", key.len(), self.limits.state_key_bytes)?;
            over("state-value-bytes", value, self.limits.state_value_bytes)?;
            self.state_written_bytes += key.len() + value + subject_bytes(subject)?;
            over("state-written-bytes", self.state_written_bytes, self.limits.state_written_bytes)?;
            self.note(Note::Write(write));
        }
        Ok(())
    }

    fn batch(&self, entries: usize) -> wasmtime::Result<()> {
        over("state-batch", entries, self.limits.state_batch)
    }

    pub(super) fn log(&mut self, line: Line) -> wasmtime::Result<()> {
        self.may("report", Rights::Look)?;
        over("line code", line.code.len(), CODE_BYTES_MAX)?;
        let fields = line.fields.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        self.count_log(1, line.code.len() + line.message.len() + fields + subject_bytes(line.subject.as_ref())?)?;
        self.note(Note::Log(line));
        Ok(())
    }

    pub(super) fn changes(&mut self, changes: Vec<Change>) -> wasmtime::Result<()> {
        self.may("report", Rights::Look)?;
        let mut bytes = 0;
        for c in &changes {
            let texts = [Some(&c.connection), Some(&c.object), c.id.as_ref(), c.detail.as_ref()];
            bytes += texts.into_iter().flatten().map(String::len).sum::<usize>() + subject_bytes(c.subject.as_ref())?;
        }
        self.count_log(u32::try_from(changes.len()).unwrap_or(u32::MAX), bytes)?;
        self.note(Note::Changes(changes));
        Ok(())
    }

    fn count_log(&mut self, lines: u32, bytes: usize) -> wasmtime::Result<()> {
        self.log_lines = self.log_lines.saturating_add(lines);
        self.log_bytes = self.log_bytes.saturating_add(bytes);
        over("log-lines", self.log_lines as usize, self.limits.log_lines as usize)?;
        over("log-bytes", self.log_bytes, self.limits.log_bytes)
    }

    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if std::mem::take(&mut self.waited) {
            return Ok(UpdateDeadline::Yield(1));
        }
        self.ticks += 1;
        if self.ticks > self.limits.computing_ticks {
            return Err(format_err!("limit computing-ticks: it computed for {} of ten milliseconds", self.ticks - 1));
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Sizes of a line's code and of a subject, from `report.wit` and `types.wit`.
const CODE_BYTES_MAX: usize = 64;
const SUBJECT_KIND_BYTES_MAX: usize = 32;
const SUBJECT_ID_BYTES_MAX: usize = 320;

fn subject_bytes(subject: Option<&Subject>) -> wasmtime::Result<usize> {
    let Some(subject) = subject else { return Ok(0) };
    over("subject kind", subject.kind.len(), SUBJECT_KIND_BYTES_MAX)?;
    over("subject id", subject.id.len(), SUBJECT_ID_BYTES_MAX)?;
    Ok(subject.kind.len() + subject.id.len())
}

fn over(limit: &str, used: usize, allowed: usize) -> wasmtime::Result<()> {
    if used > allowed { Err(format_err!("limit {limit}: {used} wanted, {allowed} allowed")) } else { Ok(()) }
}

/// The answers of a wave share `wave-bytes`: once one does not fit, none after it does, however small.
fn fit(answer: Answer, bytes_left: &mut usize) -> Answer {
    let response = answer?;
    if response.body.len() <= *bytes_left {
        *bytes_left -= response.body.len();
        return Ok(response);
    }
    *bytes_left = 0;
    Err(SendError::Unusable {
        status: Some(response.status),
        problem: "the answers of this wave are larger than `wave-bytes` allows".into(),
    })
}

/// Who calls, with which rights and limits, and when.
pub(super) struct Call {
    pub rights: Rights,
    pub limits: Limits,
    pub now: Timestamp,
    pub ticks: Ticks,
}

pub(super) enum Next<T> {
    Asks { notes: Vec<Note>, ask: Ask },
    Finished { notes: Vec<Note>, result: Result<T, String> },
}

/// A guest under way.
pub(super) struct Coroutine<T> {
    said: mpsc::UnboundedReceiver<Said>,
    guest: Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send>>,
    answer: Option<oneshot::Sender<Input>>,
}

impl<T> Coroutine<T> {
    /// Nothing of the guest runs before the first step.
    pub(super) fn new<F, G>(engine: &Engine, call: Call, guest: F) -> Result<Coroutine<T>, wasmtime::Error>
    where
        F: FnOnce(Store<Caller>) -> G,
        G: Future<Output = wasmtime::Result<T>> + Send + 'static,
    {
        let (said, hear) = mpsc::unbounded_channel();
        let limits = call.limits;
        let mut store = Store::new(
            engine,
            Caller {
                rights: call.rights,
                limits,
                now: call.now,
                said,
                memory: Memory { bytes_max: limits.memory_bytes },
                requests: 0,
                log_lines: 0,
                log_bytes: 0,
                state_written_bytes: 0,
                ticks: 0,
                all_ticks: call.ticks,
                waited: false,
            },
        );
        store.limiter(|caller| &mut caller.memory);
        store.set_fuel(limits.fuel)?;
        // A guest that yields would otherwise be metered by the time of day; this is by its own work.
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| context.data_mut().tick());
        Ok(Coroutine { said: hear, guest: Box::pin(guest(store)), answer: None })
    }

    pub(super) async fn step(&mut self, input: Input) -> Next<T> {
        if let Some(answer) = self.answer.take() {
            // Fails only where the guest is gone; the next poll then says how it ended.
            let _ = answer.send(input);
        }
        let mut notes = vec![];
        loop {
            let said = tokio::select! {
                biased;
                Some(said) = self.said.recv() => said,
                result = &mut self.guest => {
                    while let Ok(Said::Note(note)) = self.said.try_recv() {
                        notes.push(note);
                    }
                    return Next::Finished { notes, result: result.map_err(in_words) };
                }
            };
            match said {
                Said::Note(note) => notes.push(note),
                Said::Ask(ask, answer) => {
                    self.answer = Some(answer);
                    return Next::Asks { notes, ask };
                }
            }
        }
    }
}

/// What ended a call, without the backtrace of a stripped module: the reason stands last in the chain.
fn in_words(error: wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => "limit fuel: it computed for too long".into(),
        Some(trap) => format!("the connector stopped itself ({trap}); its last words, if any, are in the run log"),
        None => error.root_cause().to_string(),
    }
}
