//! The connector of the laws: an async script over the imports, stepped like a component.

use crate::{
    clock::Timestamp,
    effect::{
        Answer, Ask, Assignment, Completion, Driver, End, Entry, Input, Lead, Level, Line, Method, Note, Outcome,
        Repeat, Reply, Request, Run, SendError, Step, Task, Wait, Write,
    },
};
use async_trait::async_trait;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// One outcome for each assignment, or a trap.
pub type Handled = Result<Vec<(u32, Outcome)>, String>;
type Script = dyn Fn(Lead, Imports) -> Pin<Box<dyn Future<Output = Handled> + Send>> + Send + Sync;

/// A driver whose guests follow one script.
pub struct Guests {
    script: Box<Script>,
    pub component: Mutex<String>,
    /// Installed as soon as the next run is prepared, and before it is opened.
    pub next_component: Mutex<Option<String>>,
    pub known: AtomicBool,
    batch_tasks: AtomicUsize,
    /// What was opened, in order; a resumed run comes twice.
    pub opened: Mutex<Vec<Lead>>,
    /// Runs under way and the most of them, for all keys together.
    live: Arc<Mutex<(Vec<String>, usize)>>,
}

impl Guests {
    pub fn new<F, G>(script: F) -> Guests
    where
        F: Fn(Lead, Imports) -> G + Send + Sync + 'static,
        G: Future<Output = Handled> + Send + 'static,
    {
        Guests {
            script: Box::new(move |lead, imports| Box::pin(script(lead, imports))),
            component: Mutex::new("component-1".into()),
            next_component: Mutex::default(),
            known: AtomicBool::new(true),
            batch_tasks: AtomicUsize::new(100),
            opened: Mutex::default(),
            live: Arc::default(),
        }
    }

    /// Guests that answer each task for itself, one after the other.
    pub fn each<F, G>(script: F) -> Guests
    where
        F: Fn(Assignment, Imports) -> G + Send + Sync + 'static,
        G: Future<Output = Result<Outcome, String>> + Send + 'static,
    {
        let script = Arc::new(script);
        Guests::new(move |lead, imports| {
            let script = script.clone();
            async move {
                let mut outcomes = vec![];
                for assignment in lead.input.assignments {
                    let id = assignment.id;
                    outcomes.push((id, script(assignment, imports.clone()).await?));
                }
                Ok(outcomes)
            }
        })
    }

    pub fn batches_of(self, tasks: usize) -> Guests {
        self.batch_tasks.store(tasks, SeqCst);
        self
    }

    pub fn open_leads(&self) -> Vec<Lead> {
        self.opened.lock().unwrap().clone()
    }

    /// Payloads in the order in which they were given to guests.
    pub fn payloads(&self) -> Vec<String> {
        let leads = self.open_leads();
        leads.into_iter().flat_map(|lead| lead.input.assignments).map(|a| a.task.payload).collect()
    }

    pub fn most_live(&self) -> usize {
        self.live.lock().unwrap().1
    }

    fn enter(&self, lead: &Lead) -> Alive {
        let mut live = self.live.lock().unwrap();
        let place = format!("{}/{}", lead.installation, lead.key);
        assert!(!live.0.contains(&place), "law broken: two live runs of {place}");
        live.0.push(place.clone());
        live.1 = live.1.max(live.0.len());
        Alive { place, live: self.live.clone() }
    }
}

struct Alive {
    place: String,
    live: Arc<Mutex<(Vec<String>, usize)>>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.live.lock().unwrap().0.retain(|place| *place != self.place);
    }
}

#[async_trait]
impl Driver for Guests {
    fn prepare(&self, _: &str) -> Option<(String, serde_json::Value)> {
        let mut installed = self.component.lock().unwrap();
        let component = installed.clone();
        if let Some(next) = self.next_component.lock().unwrap().take() {
            *installed = next;
        }
        self.known.load(SeqCst).then(|| (component, serde_json::json!({"settings": {}})))
    }

    fn batch_tasks(&self, _: &str, _: &str) -> usize {
        self.batch_tasks.load(SeqCst)
    }

    async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String> {
        self.opened.lock().unwrap().push(lead.clone());
        if let Some(word) = lead.input.assignments.iter().find_map(|a| a.task.payload.strip_prefix("open: ")) {
            assert_ne!(word, "panic", "the host does what it must not");
            return Err(format!("it does not open: {word}"));
        }
        if lead.input.component != *self.component.lock().unwrap() {
            return Err("another component is installed than the one that began this run".into());
        }
        let alive = self.enter(&lead);
        Ok(Box::new(self.run(lead, Some(alive))))
    }
}

impl Guests {
    /// A run that no engine drives.
    pub fn alone(&self, lead: Lead) -> impl Run {
        self.run(lead, None)
    }

    fn run(&self, lead: Lead, alive: Option<Alive>) -> ScriptRun {
        let (sender, asks) = mpsc::unbounded_channel();
        let now = Arc::new(Mutex::new(lead.input.started_at));
        let imports = Imports { asks: sender, notes: Arc::default(), now: now.clone() };
        let notes = imports.notes.clone();
        ScriptRun { script: (self.script)(lead, imports), asks, notes, now, reply: None, _alive: alive }
    }
}

struct ScriptRun {
    script: Pin<Box<dyn Future<Output = Handled> + Send>>,
    asks: mpsc::UnboundedReceiver<(Ask, oneshot::Sender<Reply>)>,
    notes: Arc<Mutex<Vec<Note>>>,
    now: Arc<Mutex<Timestamp>>,
    reply: Option<oneshot::Sender<Reply>>,
    _alive: Option<Alive>,
}

#[async_trait]
impl Run for ScriptRun {
    async fn step(&mut self, input: Input) -> Step {
        if let Input::Reply { at, reply } = input {
            let mut now = self.now.lock().unwrap();
            *now = at.unwrap_or(*now);
            self.reply.take().expect("a reply follows a question").send(reply).expect("the script waits for it");
        }
        let ask = tokio::select! {
            biased;
            Some((ask, reply)) = self.asks.recv() => Ok((ask, reply)),
            end = &mut self.script => Err(end),
        };
        let notes = std::mem::take(&mut *self.notes.lock().unwrap());
        match ask {
            Ok((ask, reply)) => {
                self.reply = Some(reply);
                Step::Asks { notes, ask }
            }
            Err(Ok(outcomes)) => Step::Finished { notes, end: End::Outcomes(outcomes) },
            Err(Err(why)) => Step::Finished { notes, end: End::Broken(why) },
        }
    }
}

/// What a script may do.
#[derive(Clone)]
pub struct Imports {
    asks: mpsc::UnboundedSender<(Ask, oneshot::Sender<Reply>)>,
    notes: Arc<Mutex<Vec<Note>>>,
    now: Arc<Mutex<Timestamp>>,
}

impl Imports {
    async fn ask(&self, ask: Ask) -> Reply {
        let (sender, reply) = oneshot::channel();
        self.asks.send((ask, sender)).expect("the run is there as long as its script");
        reply.await.expect("the run answers or is dropped with its script")
    }

    pub async fn send_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        match self.ask(Ask::Wave(requests)).await {
            Reply::Wave(answers) => answers,
            other => panic!("a wave was answered with {other:?}"),
        }
    }

    pub async fn send(&self, request: Request) -> Answer {
        self.send_all(vec![request]).await.remove(0)
    }

    pub async fn get_many(&self, keys: Vec<String>) -> Vec<Option<String>> {
        match self.ask(Ask::Get(keys)).await {
            Reply::Got(values) => values,
            other => panic!("a get was answered with {other:?}"),
        }
    }

    pub async fn get(&self, key: &str) -> Option<String> {
        self.get_many(vec![key.into()]).await.remove(0)
    }

    pub async fn scan(&self, prefix: &str, limit: u32) -> Vec<String> {
        match self.ask(Ask::Scan { prefix: prefix.into(), after: None, limit }).await {
            Reply::Scanned(entries) => entries.into_iter().map(|e| format!("{}={}", e.key, e.value)).collect(),
            other => panic!("a scan was answered with {other:?}"),
        }
    }

    pub fn note(&self, note: Note) {
        self.notes.lock().unwrap().push(note);
    }

    pub fn set(&self, key: &str, value: &str) {
        self.note(Note::Write(Write::Set(Entry { key: key.into(), value: value.into(), subject: None })));
    }

    pub fn delete(&self, key: &str) {
        self.note(Note::Write(Write::Delete(key.into())));
    }

    pub fn log(&self, code: &str) {
        let message = format!("it is {code}");
        self.note(Note::Log(Line { level: Level::Info, code: code.into(), message, subject: None, fields: vec![] }));
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
}

pub fn request(repeat: Repeat, path: &str) -> Request {
    let method = match repeat {
        Repeat::Read => Method::Get,
        Repeat::Idempotent => Method::Put,
        Repeat::Once => Method::Post,
    };
    Request {
        connection: "crm".into(),
        method,
        path: path.split('/').map(str::to_string).collect(),
        query: vec![],
        headers: vec![],
        body: None,
        repeat,
        purpose: "a law".into(),
    }
}

pub fn done() -> Outcome {
    Outcome::Done(Completion::default())
}

pub fn followed_by(follow_ups: Vec<Task>) -> Outcome {
    Outcome::Done(Completion { follow_ups, ..Completion::default() })
}

pub fn later(until: Timestamp, wake_on: Option<&str>) -> Outcome {
    let wake_on = wake_on.map(str::to_string);
    Outcome::Later(Wait { until, reason: "the campaign is not there yet".into(), wake_on, pause: None })
}

/// The four steps of `state.wit`: each person gets one activity, whatever dies. `boom` traps every time, first right
/// after its effect, so that those of its wave that follow it find their entries `sending`.
pub async fn register(lead: Lead, imports: Imports) -> Handled {
    let people: Vec<(u32, String)> = lead.input.assignments.iter().map(|a| (a.id, a.task.payload.clone())).collect();
    let activity = |who: &str| format!("activities/{who}");
    let ledger = imports.get_many(people.iter().map(|(_, who)| who.clone()).collect()).await;
    let with = |entry: Option<&str>| -> Vec<&(u32, String)> {
        people.iter().zip(&ledger).filter(|(_, e)| e.as_deref() == entry).map(|(person, _)| person).collect()
    };

    let looked_for = with(Some("sending"));
    let looks = looked_for.iter().map(|(_, who)| request(Repeat::Read, &activity(who))).collect();
    let mut to_send = with(None);
    for (person, answer) in looked_for.into_iter().zip(imports.send_all(looks).await) {
        match answer.map_err(|e| e.to_string())?.status {
            404 => to_send.push(person),
            _ => imports.set(&person.1, "sent"),
        }
    }

    to_send.iter().for_each(|(_, who)| imports.set(who, "sending"));
    let sends = to_send.iter().map(|(_, who)| request(Repeat::Once, &activity(who))).collect();
    let mut unknown = vec![];
    for ((id, who), answer) in to_send.into_iter().zip(imports.send_all(sends).await) {
        if who == "boom" {
            return Err("boom".into());
        }
        match answer {
            Ok(_) => imports.set(who, "sent"),
            Err(SendError::Unknown(_)) => unknown.push(*id),
            Err(_) => imports.delete(who),
        }
    }
    if people.iter().any(|(_, who)| who == "boom") {
        return Err("boom".into());
    }
    let wait = imports.now().plus(Duration::from_secs(60));
    let outcome = |id| if unknown.contains(&id) { later(wait, None) } else { done() };
    Ok(people.iter().map(|(id, _)| (*id, outcome(*id))).collect())
}
