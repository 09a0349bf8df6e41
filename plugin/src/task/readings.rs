//! Reading who is in a session: at its end, later, and of past ones that somebody asks for.

use super::{
    FILL_SESSION, FORGET_PEOPLE, READ_PAGE, READ_PEOPLE, SESSION_ENDED, SETTLE_READ, UNREADABLE, session_key, task,
};
use crate::{
    domain::session::SessionId,
    host::{DAY, Instant, Lane, MINUTE, Subject, Task},
    plain::{Plain, field, put, to_text},
    text,
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct SessionEnded {
    pub session: SessionId,
    pub event_id: Option<String>,
    /// As the webhook says it; the session itself is read anyway.
    pub ended_at: Option<Instant>,
}

/// A reading of all the people of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub session: SessionId,
    /// None: it has not ended, or has no end.
    pub ended_at: Option<Instant>,
    /// Which one it is. None: the one at the end.
    pub label: Option<String>,
}

/// After it nobody reads them any more.
pub const LAST_READING: (&str, u64) = ("week", 7 * DAY);

impl Reading {
    pub fn is_last(&self) -> bool {
        let asked_at: Option<Instant> = self.request().and_then(|asked_at| asked_at.parse().ok());
        let is_late = |asked_at| self.ended_at.is_some_and(|ended_at| ended_at + LAST_READING.1 <= asked_at);
        self.label.as_deref() == Some(LAST_READING.0) || asked_at.is_some_and(is_late)
    }

    /// A past session was asked for: by what the request is told apart.
    pub fn request(&self) -> Option<&str> {
        self.label.as_deref()?.strip_prefix(FILLING)
    }

    /// By what it is told apart from others of its session.
    fn name(&self) -> String {
        match (&self.label, self.ended_at) {
            (Some(label), _) => label.clone(),
            (None, ended_at) => ended_at.unwrap_or_default().to_string(),
        }
    }
}

pub(crate) const FILLING: &str = "fill-";

/// A past session that somebody has asked for. `asked_at`: when, by which requests are told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct FillSession {
    pub session: SessionId,
    pub event_id: Option<String>,
    pub asked_at: Instant,
}

impl FillSession {
    /// Of its reading.
    pub fn label(&self) -> String {
        format!("{FILLING}{}", self.asked_at)
    }
}

/// One page of a session's people.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPage {
    pub reading: Reading,
    pub page: u64,
}

/// The pages are read. `rest`: of what follows more than a call may give was left, under these keys.
#[derive(Clone, Debug, PartialEq)]
pub struct SettleRead {
    pub reading: Reading,
    pub rest: Option<Vec<String>>,
}

/// Nothing more is expected of the session.
#[derive(Clone, Debug, PartialEq)]
pub struct ForgetPeople {
    pub session: SessionId,
}

/// A row of a session's people that this version cannot read: kept, so that a later one can.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    pub row: String,
    pub ended_at: Option<Instant>,
    pub problem: String,
}

/// As the first version wrote it: all names side by side.
impl Plain for ReadPage {
    fn write(&self) -> Value {
        let mut value = self.reading.write();
        if let Value::Object(map) = &mut value {
            put(map, "page", self.page.write());
        }
        value
    }

    fn read(value: &Value) -> Result<Self, &'static str> {
        Ok(Self { reading: Reading::read(value)?, page: field(value, "page")? })
    }
}

/// As the first version wrote it: all names side by side.
impl Plain for SettleRead {
    fn write(&self) -> Value {
        let mut value = self.reading.write();
        if let Value::Object(map) = &mut value {
            put(map, "rest", self.rest.write());
        }
        value
    }

    fn read(value: &Value) -> Result<Self, &'static str> {
        Ok(Self { reading: Reading::read(value)?, rest: field(value, "rest")? })
    }
}

/// Livestorm has attendance ready "a few minutes" after the end (spec 002, test protocol, step 7).
pub const ATTENDANCE_READY: u64 = 10 * MINUTE;

plain!(FillSession { session, event_id, asked_at });
plain!(ForgetPeople { session });
plain!(SessionEnded { session, event_id, ended_at });
plain!(Reading { session, ended_at, label });
plain!(Unreadable { row, ended_at, problem });

/// Whoever tells of an end, and however often, brings one read about (RULES 6).
pub fn session_ended(
    session: &SessionId,
    event_id: Option<String>,
    ended_at: Option<Instant>,
    received_at: Instant,
) -> Task {
    let payload = SessionEnded { session: session.clone(), event_id, ended_at };
    let title = format!("Who took part in session {session}");
    let not_before = Some(ended_at.unwrap_or(received_at).min(received_at) + ATTENDANCE_READY);
    let dedupe = format!("{SESSION_ENDED}/{session}");
    let subject = Subject::session(session.as_str());
    let key = session_key(session);
    Task { not_before, lane: Lane::Bulk, ..task(SESSION_ENDED, to_text(&payload), key, dedupe, &title, subject) }
}

/// What webhooks did not tell is found. Not the reading at the end, which `session_ended` brings about.
pub fn read_people(reading: &Reading) -> Task {
    let session = &reading.session;
    let dedupe = format!("{READ_PEOPLE}/{session}/{}", reading.name());
    let title = format!("Who is in session {session}");
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(READ_PEOPLE, to_text(reading), session_key(session), dedupe, &title, subject) }
}

pub fn fill_session(payload: &FillSession) -> Task {
    let session = &payload.session;
    let dedupe = format!("{FILL_SESSION}/{session}/{}", payload.asked_at);
    let title = format!("Campaign, list and people of the past session {session}");
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(FILL_SESSION, to_text(payload), session_key(session), dedupe, &title, subject) }
}

pub fn read_page(reading: &Reading, page: u64) -> Task {
    let session = &reading.session;
    let payload = to_text(&ReadPage { reading: reading.clone(), page });
    let dedupe = format!("{READ_PAGE}/{session}/{}/{page}", reading.name());
    let title = format!("Page {} of the people of session {session}", page + 1);
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(READ_PAGE, payload, session_key(session), dedupe, &title, subject) }
}

/// Whether the pages of that reading fit together.
pub fn settle_read(reading: &Reading) -> Task {
    let session = &reading.session;
    let payload = to_text(&SettleRead { reading: reading.clone(), rest: None });
    let dedupe = format!("{SETTLE_READ}/{session}/{}", reading.name());
    let title = format!("Settle who took part in session {session}");
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(SETTLE_READ, payload, session_key(session), dedupe, &title, subject) }
}

/// What stands under these keys is still to be given.
pub fn rest_of_read(reading: &Reading, part: usize, keys: &[String]) -> Task {
    let payload = to_text(&SettleRead { reading: reading.clone(), rest: Some(keys.to_vec()) });
    let settle = settle_read(reading);
    let title = text::fit(&format!("{}, part {}", settle.title, part + 2), 200);
    Task { payload, dedupe_key: format!("{}/{part}", settle.dedupe_key), title, ..settle }
}

/// `at`: when it was seen that nothing more is expected. A session that is dated anew may be over again.
pub fn forget_people(session: &SessionId, at: Instant) -> Task {
    let payload = to_text(&ForgetPeople { session: session.clone() });
    let dedupe = format!("{FORGET_PEOPLE}/{session}/{at}");
    let title = format!("Forget who was in session {session}");
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(FORGET_PEOPLE, payload, session_key(session), dedupe, &title, subject) }
}

/// `mark`: who it is, without saying it. After the end a row says more than before it.
pub fn unreadable(session: &SessionId, payload: &Unreadable, mark: &str) -> Task {
    let row = text::digest([payload.row.as_str()]);
    let dedupe = format!("{UNREADABLE}/{session}/{mark}/{}", &row[..12]);
    let title = format!("A person of session {session} who cannot be read");
    let subject = Subject::session(session.as_str());
    Task { lane: Lane::Bulk, ..task(UNREADABLE, to_text(payload), session_key(session), dedupe, &title, subject) }
}
