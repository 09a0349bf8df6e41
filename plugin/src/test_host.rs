//! A host for tests: state in a map, a clock that tests move, answers by a function.

use crate::{
    domain::{
        email::Email,
        registrant::{Registration, Role},
        session::SessionId,
    },
    executor::{Flow, Waves},
    host::{Answer, Change, Context, Entry, Host, HttpError, Instant, Level, Limits, Line, Request, Response},
    settings::{self, Settings},
    work::Work,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// The bodies of Livestorm's help page on webhooks, to the letter.
pub mod fixtures {
    macro_rules! native {
        ($name:literal) => {
            include_str!(concat!("../../fixtures/livestorm/webhooks_native/", $name, ".json"))
        };
    }
    pub const EVENT_CREATED: &str = native!("event_created");
    pub const SESSION_CREATED: &str = native!("session_created");
    pub const EVENT_PUBLISHED: &str = native!("event_published");
    pub const NEW_REGISTRANT: &str = native!("new_registrant");
    pub const EVENT_STARTS: &str = native!("event_starts");
    pub const EVENT_ENDS: &str = native!("event_ends");
}

type Answers = Box<dyn Fn(&Request) -> Answer>;

pub struct TestHost {
    now: Cell<Instant>,
    answers: Answers,
    state: RefCell<BTreeMap<String, Entry>>,
    waves: RefCell<Vec<Vec<Request>>>,
    lines: RefCell<Vec<Line>>,
    changes: RefCell<Vec<Change>>,
}

impl TestHost {
    pub fn new(now: Instant, answers: impl Fn(&Request) -> Answer + 'static) -> Self {
        Self {
            now: Cell::new(now),
            answers: Box::new(answers),
            state: RefCell::default(),
            waves: RefCell::default(),
            lines: RefCell::default(),
            changes: RefCell::default(),
        }
    }

    pub fn set_now(&self, now: Instant) {
        self.now.set(now);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.waves.borrow().iter().flatten().cloned().collect()
    }

    pub fn wave_sizes(&self) -> Vec<usize> {
        self.waves.borrow().iter().map(Vec::len).collect()
    }

    pub fn state(&self, key: &str) -> Option<String> {
        self.state.borrow().get(key).map(|entry| entry.value.clone())
    }

    pub fn lines(&self, level: Level) -> Vec<String> {
        self.lines.borrow().iter().filter(|line| line.level == level).map(|line| line.code.clone()).collect()
    }

    pub fn changes_seen(&self) -> Vec<Change> {
        self.changes.borrow().clone()
    }

    /// Takes the state out, to put that of another ordering key in.
    pub fn swap_state(&self, state: BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
        self.state.replace(state)
    }

    pub fn everything_said(&self) -> String {
        format!("{:?} {:?} {:?}", self.lines.borrow(), self.changes.borrow(), self.state.borrow())
    }
}

/// What the contract promises to enforce, and the host would end the run for.
fn assert_within_the_contract(request: &Request) {
    assert!(request.purpose.len() <= 64, "{}", request.purpose);
    assert!(
        request.path.iter().all(|segment| !segment.is_empty() && segment != "." && segment != ".."),
        "{:?}",
        request.path
    );
    assert!(request.headers.iter().all(|(name, _)| name == "accept"), "{:?}", request.headers);
}

impl Host for TestHost {
    fn send_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        requests.iter().for_each(assert_within_the_contract);
        let answers = requests.iter().map(|request| (self.answers)(request)).collect();
        self.waves.borrow_mut().push(requests);
        answers
    }

    fn get(&self, key: &str) -> Option<String> {
        self.state(key)
    }

    fn get_many(&self, keys: &[String]) -> Vec<Option<String>> {
        assert!(keys.len() <= 1_000);
        keys.iter().map(|key| self.state(key)).collect()
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        let state = self.state.borrow();
        let entries = state.values().filter(|entry| entry.key.starts_with(prefix));
        let entries = entries.filter(|entry| after.is_none_or(|after| entry.key.as_str() > after));
        entries.take(limit.min(1_000) as usize).cloned().collect()
    }

    fn set(&self, entry: Entry) {
        assert!(entry.key.len() <= 256 && entry.value.len() <= 64 * 1024, "{}", entry.key);
        assert!(!entry.value.contains('@') || entry.subject.is_some(), "{} holds personal data of nobody", entry.key);
        self.state.borrow_mut().insert(entry.key.clone(), entry);
    }

    fn delete(&self, key: &str) {
        self.state.borrow_mut().remove(key);
    }

    fn now(&self) -> Instant {
        self.now.get()
    }

    fn log(&self, line: Line) {
        assert!(line.code.len() <= 64 && line.message.len() <= 1_000);
        assert!(!line.message.contains('@') || line.subject.is_some(), "{} names nobody", line.message);
        self.lines.borrow_mut().push(line);
    }

    fn changes(&self, changes: Vec<Change>) {
        self.changes.borrow_mut().extend(changes);
    }
}

pub fn answer(status: u16, body: &str) -> Answer {
    Ok(Response { status, headers: Vec::new(), body: body.into() })
}

pub fn ok(body: &str) -> Answer {
    answer(200, body)
}

pub fn unknown() -> Answer {
    Err(HttpError::Unknown("the connection was reset".into()))
}

pub fn context() -> Context {
    Context {
        installation: "test".into(),
        settings: "{}".into(),
        activated_at: 0,
        connections: ["livestorm", "salesforce", "account-engagement"].map(String::from).to_vec(),
        dry_run: false,
        limits: Limits {
            run_ms: 60_000,
            requests: 2_000,
            wave: 256,
            request_bytes: 4 << 20,
            response_bytes: 4 << 20,
            wave_bytes: 8 << 20,
            hold_ms: 5_000,
        },
    }
}

/// Runs one flow to its end.
pub fn on_host<T>(host: &TestHost, flow: impl AsyncFnOnce(&Work<'_>) -> T) -> T {
    let (waves, context) = (Waves::default(), context());
    let settings: Settings = settings::parse(&context.settings).expect("the settings of the test are right");
    let work = Work { host, waves: &waves, context: &context, settings: &settings };
    let flow: Flow<'_, T> = Box::pin(flow(&work));
    waves.run(host, context.limits.wave, vec![flow]).pop().expect("one flow has one end")
}

pub fn registration(session: &str, email: &str) -> Registration {
    Registration {
        session: SessionId::parse(session).expect("the test's session id is right"),
        event_id: Some("E1".into()),
        event_title: None,
        person_id: Some("P1".into()),
        email: Email::parse(email).ok(),
        email_problem: None,
        email_as_typed: None,
        role: Some(Role::Participant),
        guest_speaker: None,
        registered_at: Some(1_763_700_000_000),
        received_at: 1_763_700_005_000,
        values: Default::default(),
    }
}
