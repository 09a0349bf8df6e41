//! One run, from its input to its end. A run that was cut off goes the same way: its recording is played to a fresh instance
//! until it is over. Promises: what a `once` depends on is durable before it is sent; a work is held
//! whenever something is going on. Not here: which tasks (who keeps them), when (`serve`).
//!
//! Answers and notes wait in memory for the next durable write. They are lost in a crash, which is sound: no `once` was
//! begun after them, so asking once more repeats nothing. Any beginning of them may become durable at any time.

use super::{Conclusion, Drive, OpenRun, guard};
use crate::{
    clock::{Timestamp, Work},
    durable::{
        EngineError, Phase, SOURCES,
        journal::{self, Divergence, Ending, Record, Replay, Told},
        schedule::Key,
        state::{Overlay, Usage, written_key},
        wave::Queue,
    },
    effect::{
        Answer, Ask, Driver, End, Input, Lead, Note, Performer, Permit, Repeat, Reply, Request, RunId, SendError, Step,
    },
};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

/// Bytes of records that wait in memory for a durable write.
const WAITING_BYTES_MAX: usize = 8 << 20;

pub(super) struct Live {
    drive: Arc<Drive>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    lead: Lead,
    cancelled: Registered,
    replay: Replay,
    told: Told,
    overlay: Overlay,
    /// Recorded and not durable yet: made into text here, not by the one writer.
    buffer: Vec<String>,
    buffer_bytes: usize,
    /// How many records are durable.
    durable: u64,
    /// Of all records.
    journal_bytes: u64,
    /// The bound that it went over.
    over: Option<String>,
    state_asks: u32,
    waves: u32,
    /// From the first wave on.
    send_before: Option<Timestamp>,
    /// Nothing only while answers are waited for.
    work: Option<Work>,
}

/// Why a run does not go on.
enum Halt {
    Ends(Ending),
    Engine(EngineError),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Halt::Engine(error)
    }
}

impl From<Divergence> for Halt {
    fn from(divergence: Divergence) -> Self {
        broken(divergence.to_string())
    }
}

fn broken(why: String) -> Halt {
    Halt::Ends(Ending::Broken(why))
}

/// Where a person's word reaches the run, as long as it lives.
struct Registered {
    drive: Arc<Drive>,
    run: RunId,
    why: Arc<OnceLock<String>>,
}

impl Registered {
    fn new(drive: &Arc<Drive>, run: RunId) -> Registered {
        let why = Arc::new(OnceLock::new());
        guard(&drive.live).insert(run, why.clone());
        Registered { drive: drive.clone(), run, why }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        guard(&self.drive.live).remove(&self.run);
    }
}

/// What is left of a run: the keys in which something is to do now.
pub(super) type Left = Result<BTreeSet<Key>, EngineError>;

impl Live {
    /// What is recorded is durable. The work is the run's own from here on.
    pub fn new(
        drive: Arc<Drive>,
        driver: Arc<dyn Driver>,
        performer: Arc<dyn Performer>,
        open: OpenRun,
        work: Work,
    ) -> Live {
        let OpenRun { lead, recorded, bytes, .. } = open;
        let max = Usage { entries: drive.limits.state_entries_max, bytes: drive.limits.state_bytes_max };
        let mut told = Told::new(&lead);
        recorded.iter().for_each(|record| told.hear(record));
        Live {
            cancelled: Registered::new(&drive, lead.run),
            told,
            overlay: Overlay::new(max),
            buffer: vec![],
            buffer_bytes: 0,
            durable: recorded.len() as u64,
            journal_bytes: bytes,
            over: None,
            state_asks: 0,
            replay: Replay::new(recorded),
            waves: 0,
            send_before: None,
            work: Some(work),
            drive,
            driver,
            performer,
            lead,
        }
    }

    /// To the end, however it comes. A panic of the host ends this run as a trap of its guest would, and no other.
    pub async fn go(mut self) -> (Left, Option<Work>) {
        let ending = match AssertUnwindSafe(self.walk()).catch_unwind().await {
            Ok(Ok(ending)) | Ok(Err(Halt::Ends(ending))) => ending,
            Ok(Err(Halt::Engine(error))) => return (Err(error), self.work),
            Err(panic) => Ending::Broken(format!("the host panicked: {}", said(panic.as_ref()))),
        };
        self.conclude(ending).await
    }

    /// Ends it here and now with what is recorded.
    pub async fn conclude(mut self, ending: Ending) -> (Left, Option<Work>) {
        if self.work.is_none() {
            self.work = Some(self.drive.clock.begin());
        }
        (self.end(ending).await, self.work)
    }

    async fn end(&mut self, ending: Ending) -> Left {
        self.reach(0, 0, Phase::Ending)?;
        // A page that was read is read again and not played again: what it was answered is of no use any more.
        let is_page = self.lead.key.starts_with(SOURCES);
        let records = if is_page { Vec::new() } else { std::mem::take(&mut self.buffer) };
        let told = std::mem::replace(&mut self.told, Told::new(&self.lead));
        let conclusion = Conclusion { lead: self.lead.clone(), ending, told, first: self.durable, records };
        let left = self.drive.keeps.end(conclusion, self.drive.clock.now(), &self.drive.limits).await?;
        self.reach(0, 0, Phase::Ended)?;
        Ok(left)
    }

    async fn walk(&mut self) -> Result<Ending, Halt> {
        self.hear_of_cancel().await?;
        self.go_on()?;
        let mut run = self.driver.open(self.lead.clone()).await.map_err(|why| {
            let replaced = replaced(self.driver.as_ref(), &self.lead);
            replaced.map_or_else(|| broken(why), |why| Halt::Ends(Ending::GivenBack(why)))
        })?;
        let mut input = Input::Start;
        loop {
            self.go_on()?;
            input = match run.step(input).await {
                Step::Finished { notes, end } => {
                    self.hear(notes).await?;
                    self.replay.end()?;
                    return Ok(self.ending(end));
                }
                Step::Asks { notes, ask } => {
                    self.hear(notes).await?;
                    match ask {
                        Ask::Wave(requests) => self.wave(requests).await?,
                        ask => Input::Reply { at: None, reply: self.state(ask).await? },
                    }
                }
            };
        }
    }

    /// A word that came before this run was listening is in the file. The same word may have come both ways.
    async fn hear_of_cancel(&self) -> Result<(), EngineError> {
        if let Some(why) = self.drive.keeps.cancelled(&self.lead).await? {
            let _ = self.cancelled.why.set(why);
        }
        Ok(())
    }

    /// A person's word is heard between two effects, never inside one.
    fn go_on(&self) -> Result<(), Halt> {
        match self.cancelled.why.get() {
            Some(why) => Err(Halt::Ends(Ending::Cancelled(why.clone()))),
            None => self.within(),
        }
    }

    fn within(&self) -> Result<(), Halt> {
        self.over.clone().map_or(Ok(()), |bound| Err(broken(bound)))
    }

    /// The driver has checked the outcomes; a wrong list would leave a task running for ever, so they are checked again.
    fn ending(&self, end: End) -> Ending {
        let outcomes = match end {
            End::Outcomes(outcomes) => outcomes,
            End::Broken(why) => return Ending::Broken(why),
        };
        let given: BTreeSet<u32> = self.lead.input.assignments.iter().map(|a| a.id).collect();
        let answered: BTreeSet<u32> = outcomes.iter().map(|(id, _)| *id).collect();
        match given == answered && outcomes.len() == given.len() {
            true => Ending::Outcomes(outcomes),
            false => Ending::Broken(format!(
                "the call answered with {} outcomes for {} assignments, not one for each",
                outcomes.len(),
                given.len()
            )),
        }
    }

    /// A write that is recorded was judged when it was new, and stays. Only new ones are judged.
    async fn hear(&mut self, notes: Vec<Note>) -> Result<(), Halt> {
        let (sizes, usage) = self.sizes(&notes).await?;
        for note in notes {
            let known = self.replay.note(&note)?;
            if let Note::Write(write) = &note {
                let in_table = sizes.get(written_key(write)).copied();
                if !known {
                    self.overlay.judge(write, in_table, usage).map_err(broken)?;
                }
                self.overlay.write(write, in_table);
            }
            if !known {
                self.record(Record::Note(note)).await?;
                self.within()?;
            }
        }
        Ok(())
    }

    /// In the table: the sizes of the keys that are written for the first time, and what the installation holds by now.
    async fn sizes(&self, notes: &[Note]) -> Result<(HashMap<String, u64>, Usage), EngineError> {
        let written = notes.iter().filter_map(|note| match note {
            Note::Write(write) => Some(written_key(write)),
            Note::Log(_) | Note::Changes(_) => None,
        });
        let written: BTreeSet<&str> = written.collect();
        if written.is_empty() {
            return Ok(Default::default());
        }
        let keys: Vec<String> = written.into_iter().filter(|key| !self.overlay.knows(key)).map(str::to_owned).collect();
        self.drive.keeps.sizes(&self.lead, keys).await
    }

    async fn record(&mut self, record: Record) -> Result<(), EngineError> {
        let text = journal::written(&record)?;
        self.told.hear(&record);
        self.journal_bytes += text.len() as u64;
        let max = self.drive.limits.journal_bytes;
        if self.journal_bytes > max {
            self.over = Some(format!("the journal of a run may hold {max} bytes (journal_bytes)"));
        }
        self.buffer_bytes += text.len();
        self.buffer.push(text);
        if self.buffer_bytes > WAITING_BYTES_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), EngineError> {
        let records = std::mem::take(&mut self.buffer);
        self.buffer_bytes = 0;
        let first = self.durable;
        self.durable += records.len() as u64;
        self.drive.keeps.append(&self.lead, first, records).await
    }

    fn reach(&self, wave: u32, place: u32, phase: Phase) -> Result<(), EngineError> {
        self.drive.reach(self.lead.run, wave, place, phase)
    }

    async fn state(&mut self, ask: Ask) -> Result<Reply, Halt> {
        self.state_asks += 1;
        let max = self.drive.limits.state_asks;
        if self.state_asks > max {
            return Err(broken(format!("a run may ask for its state {max} times (state_asks)")));
        }
        if let Some(reply) = self.replay.state(&ask)? {
            return Ok(reply);
        }
        let reply = self.look_up(&ask).await?;
        self.record(Record::State { ask, reply: reply.clone() }).await?;
        Ok(reply)
    }

    /// Only this run's end changes the key's table, so the table is as of the run's start.
    async fn look_up(&self, ask: &Ask) -> Result<Reply, EngineError> {
        Ok(match ask {
            Ask::Wave(_) => Reply::Wave(vec![]),
            Ask::Get(keys) => {
                let in_table = keys.iter().filter(|key| !self.overlay.knows(key)).cloned().collect();
                let mut in_table = self.drive.keeps.get(&self.lead, in_table).await?.into_iter();
                let value = |key: &String| match self.overlay.get(key) {
                    Some(own) => own.map(|entry| entry.value.clone()),
                    None => in_table.next().flatten(),
                };
                Reply::Got(keys.iter().map(value).collect())
            }
            Ask::Scan { prefix, after, limit } => {
                let count = self.overlay.scan_from_table(*limit);
                let table = self.drive.keeps.scan(&self.lead, prefix, after.as_deref(), count).await?;
                Reply::Scanned(self.overlay.scan(table, prefix, after.as_deref(), *limit))
            }
        })
    }

    async fn wave(&mut self, requests: Vec<Request>) -> Result<Input, Halt> {
        let wave = self.waves;
        self.waves += 1;
        let began = self.drive.clock.now();
        let send_before = *self.send_before.get_or_insert(began.plus(self.drive.limits.run));
        let digests: Vec<String> = requests.iter().map(Request::digest).collect();
        let played = self.replay.wave(wave, &digests)?;
        let mut answers = Answers { wave, digests, got: played.answers };
        for place in played.interrupted {
            self.answered(&mut answers, place as usize, journal::interrupted()).await?;
        }
        let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
        for (place, request) in requests.into_iter().enumerate() {
            if answers.got[place].is_none() {
                let max = || self.performer.in_flight_max(&self.lead.installation, &request.connection);
                queues.entry(request.connection.clone()).or_insert_with(|| Queue::new(max())).push(place, request);
            }
        }
        let mut flying = FuturesUnordered::new();
        loop {
            // Whatever is under way is waited for; nothing more is sent.
            if self.go_on().is_ok() {
                for (place, request) in self.begin(&mut answers, &mut queues, send_before).await? {
                    let work = self.drive.clock.begin();
                    let permit = Permit {
                        installation: self.lead.installation.clone(),
                        run: self.lead.run,
                        wave,
                        place: place as u32,
                        lane: self.lead.input.lane(),
                        send_before,
                    };
                    let performer = self.performer.clone();
                    flying.push(async move {
                        let connection = request.connection.clone();
                        let (answer, work) = performer.perform(permit, request, work).await;
                        (place, connection, answer, work)
                    });
                }
            }
            if !flying.is_empty() {
                // Each request has its own; while all of them wait for a time, the clock may go on.
                self.work = None;
            }
            let Some((place, connection, answer, work)) = flying.next().await else { break };
            self.work = Some(work);
            if let Some(queue) = queues.get_mut(&connection) {
                queue.answered();
            }
            self.answered(&mut answers, place, answer).await?;
            self.reach(wave, place as u32, Phase::Answered)?;
        }
        self.go_on()?;
        answers.got.into_iter().collect::<Option<Vec<_>>>().map(journal::wave_input).ok_or_else(|| {
            Halt::Engine(EngineError::Corrupt(format!("run {}: wave {wave} was left unanswered", self.lead.run)))
        })
    }

    /// The next chunk of each connection that has room. On return each `once` in it is begun durably, and with it all that
    /// came before.
    async fn begin(
        &mut self,
        answers: &mut Answers,
        queues: &mut BTreeMap<String, Queue>,
        send_before: Timestamp,
    ) -> Result<Vec<(usize, Request)>, EngineError> {
        if self.drive.clock.now() > send_before {
            let late = SendError::Stopped(format!("the run's time was over at {send_before}"));
            for (place, _) in queues.values_mut().flat_map(Queue::give_up) {
                self.answered(answers, place, Err(late.clone())).await?;
            }
            return Ok(vec![]);
        }
        let chunk: Vec<(usize, Request)> = queues.values_mut().flat_map(Queue::chunk).collect();
        let once = chunk.iter().filter(|(_, request)| request.repeat == Repeat::Once);
        let once: Vec<u32> = once.map(|(place, _)| *place as u32).collect();
        if !once.is_empty() {
            for place in &once {
                let digest = answers.digests[*place as usize].clone();
                self.record(Record::Begin { wave: answers.wave, place: *place, digest }).await?;
            }
            self.flush().await?;
            for place in once {
                self.reach(answers.wave, place, Phase::Begun)?;
            }
        }
        Ok(chunk)
    }

    async fn answered(&mut self, answers: &mut Answers, place: usize, answer: Answer) -> Result<(), EngineError> {
        let at = self.drive.clock.now();
        let digest = answers.digests[place].clone();
        let record = Record::Answer { wave: answers.wave, place: place as u32, digest, at, answer: answer.clone() };
        self.record(record).await?;
        answers.got[place] = Some((at, answer));
        Ok(())
    }
}

/// Why the driver does not go on with a run: another component would ask for something else, and its ledger makes beginning
/// anew safe.
pub(super) fn replaced(driver: &dyn Driver, lead: &Lead) -> Option<String> {
    match driver.prepare(&lead.installation) {
        Some((component, _)) if component == lead.input.component => None,
        Some(_) => Some("another version of the connector is installed".into()),
        None => Some("the installation is not known here".into()),
    }
}

struct Answers {
    wave: u32,
    digests: Vec<String>,
    got: Vec<Option<(Timestamp, Answer)>>,
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
