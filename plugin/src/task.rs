//! The tasks: their kinds, payloads, ordering keys and dedupe keys (RULES 1, 2). Keys share no state; they tell each other
//! by these.
//!
//! ```text
//! event/<id>     event-published
//! session/<id>   session-created, session-changed, ensure-session, campaign-found, session-ended, read-people, read-page, settle-read,
//!                unreadable-person, fill-session, forget-people
//! campaigns      await-campaign
//! webhooks       set-up-webhooks, check-webhooks, renew-webhooks, remove-webhooks
//! people         session-ready, register, attendance, replay, removed, form-submitted
//! ```

use crate::{
    call::LIVESTORM,
    domain::{
        attendance::Attendance,
        email::Email,
        fact::Fact,
        registrant::Registration,
        replay_view::ReplayView,
        session::{Session, SessionId, Status},
    },
    host::{DAY, Instant, Lane, MINUTE, Subject, Task},
    mapping::source_path::Occasion,
    plain::{Plain, field, from_text, put, to_text},
    settings::Settings,
    text,
};
use serde_json::Value;

pub const SESSION_CREATED: &str = "session-created";
pub const ENSURE_SESSION: &str = "ensure-session";
pub const CAMPAIGN_FOUND: &str = "campaign-found";
pub const AWAIT_CAMPAIGN: &str = "await-campaign";
pub const SESSION_READY: &str = "session-ready";
pub const SESSION_ENDED: &str = "session-ended";
pub const READ_PAGE: &str = "read-page";
pub const SETTLE_READ: &str = "settle-read";
pub const EVENT_PUBLISHED: &str = "event-published";
pub const REGISTER: &str = "register";
pub const ATTENDANCE: &str = "attendance";
pub const REPLAY: &str = "replay";
pub const REMOVED: &str = "removed";
pub const UNREADABLE: &str = "unreadable-person";
pub const SESSION_CHANGED: &str = "session-changed";
pub const READ_PEOPLE: &str = "read-people";
pub const FILL_SESSION: &str = "fill-session";
pub const FORGET_PEOPLE: &str = "forget-people";

pub const SET_UP_WEBHOOKS: &str = "set-up-webhooks";
pub const CHECK_WEBHOOKS: &str = "check-webhooks";
pub const RENEW_WEBHOOKS: &str = "renew-webhooks";
pub const REMOVE_WEBHOOKS: &str = "remove-webhooks";
pub const FORM_SUBMITTED: &str = "form-submitted";

pub const PEOPLE: &str = "people";
pub const CAMPAIGNS: &str = "campaigns";
pub const WEBHOOKS: &str = "webhooks";

/// The contract's bound on a payload, less a little.
pub const PAYLOAD_BYTES_MAX: usize = 60 * 1024;

#[derive(Clone, Debug, PartialEq)]
pub struct SessionCreated {
    pub session: Session,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EnsureSession {
    pub session: SessionId,
    pub event_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AwaitCampaign {
    pub session: SessionId,
    pub salesforce_id: String,
    pub made_at: Instant,
    /// For people.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CampaignFound {
    pub session: SessionId,
    pub salesforce_id: String,
    /// The id in Account Engagement.
    pub campaign: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SessionReady {
    pub session: SessionId,
    pub link: Link,
}

/// What registrations of a session are written to. The memory of `people` under `session/<id>`.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    Linked {
        campaign: String,
        list: String,
        name: String,
        starts_at: Option<Instant>,
        linked_at: Instant,
        event_id: Option<String>,
        title: Option<String>,
        on_demand: Option<bool>,
    },
    /// In Salesforce: its campaign with the statuses of the members is there.
    InSalesforce {
        campaign: String,
        name: String,
        starts_at: Option<Instant>,
        event_id: Option<String>,
        title: Option<String>,
        on_demand: Option<bool>,
    },
    LeftOut {
        reason: String,
    },
}

impl Link {
    /// The same, with what was found out since.
    pub fn with_on_demand(mut self, answer: bool) -> Link {
        match &mut self {
            Link::Linked { on_demand, .. } | Link::InSalesforce { on_demand, .. } => *on_demand = Some(answer),
            Link::LeftOut { .. } => {}
        }
        self
    }
}

/// Something that a person did in a session: registered, and with `ended` or `watched` what came after it. The payload of
/// *register*, *attendance*, *replay* and *removed*.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub registration: Registration,
    /// It waited already for its session once.
    pub held: bool,
    pub ended: Option<Ended>,
    pub watched: Option<ReplayView>,
    /// True: seen in a reading of the session's people, and not told by a webhook.
    pub found: Option<bool>,
}

/// The session has ended, and this is what the person did in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub at: Instant,
    pub attendance: Attendance,
}

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

plain!(FillSession { session, event_id, asked_at });

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

plain!(ForgetPeople { session });

/// A row of a session's people that this version cannot read: kept, so that a later one can.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    pub row: String,
    pub ended_at: Option<Instant>,
    pub problem: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventPublished {
    pub event_id: String,
}

/// Where the provider is to send what it tells. The address holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub source: String,
    pub url: String,
}

/// The connector was switched on.
#[derive(Clone, Debug, PartialEq)]
pub struct SetUpWebhooks {
    pub addresses: Vec<Address>,
}

/// `at`: when it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckWebhooks {
    pub at: Instant,
}

/// Somebody registered then, and no webhook has told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RenewWebhooks {
    pub session: SessionId,
    pub registered_at: Instant,
}

plain!(Address { source, url });
plain!(SetUpWebhooks { addresses });
plain!(CheckWebhooks { at });
plain!(RenewWebhooks { session, registered_at });

/// Somebody has submitted a form of Account Engagement, or a form that posts to one of its handlers.
#[derive(Clone, Debug, PartialEq)]
pub struct FormSubmitted {
    /// The visitor activity's id.
    pub activity: String,
    pub campaign: String,
    pub form: Option<String>,
    pub handler: Option<String>,
    /// None: Account Engagement does not know who it was.
    pub prospect: Option<String>,
    /// As far as it is known before the prospect is read.
    pub email: Option<Email>,
    pub submitted_at: Instant,
    /// It waited already for its session once.
    pub held: bool,
}

impl FormSubmitted {
    /// By what the person is told apart.
    pub fn person(&self) -> String {
        match (&self.email, &self.prospect) {
            (Some(email), _) => email.as_str().into(),
            (None, Some(prospect)) => format!("prospect {prospect}"),
            (None, None) => "somebody unknown".into(),
        }
    }

    /// What was submitted, for people.
    pub fn what(&self) -> String {
        match (&self.form, &self.handler) {
            (Some(form), _) => format!("form {form}"),
            (None, Some(handler)) => format!("form handler {handler}"),
            (None, None) => "a form".into(),
        }
    }
}

plain!(SessionCreated { session });
plain!(FormSubmitted { activity, campaign, form, handler, prospect, email, submitted_at, held });
plain!(EnsureSession { session, event_id });
plain!(AwaitCampaign { session, salesforce_id, made_at, name });
plain!(CampaignFound { session, salesforce_id, campaign });
plain!(SessionReady { session, link });
plain_forms!(Link {
    Linked "linked" { campaign, list, name, starts_at, linked_at, event_id, title, on_demand },
    InSalesforce "in-salesforce" { campaign, name, starts_at, event_id, title, on_demand },
    LeftOut "left-out" { reason },
});
plain!(Person { registration, held, ended, watched, found });
plain!(Ended { at, attendance });
plain!(SessionEnded { session, event_id, ended_at });
plain!(Reading { session, ended_at, label });
plain!(EventPublished { event_id });
plain!(Unreadable { row, ended_at, problem });

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

pub fn session_key(session: &SessionId) -> String {
    format!("session/{session}")
}

fn task(kind: &str, payload: String, ordering_key: String, dedupe_key: String, title: &str, subject: Subject) -> Task {
    Task {
        kind: kind.into(),
        payload,
        ordering_key,
        dedupe_key,
        lane: Lane::Prompt,
        not_before: None,
        title: text::fit(title, 200),
        subject: Some(subject),
    }
}

/// Told anew where that changes what becomes of it: dated otherwise, or no draft any more. Not by the way in which it goes on.
pub fn session_created(session: Session) -> Task {
    let is_draft = session.status == Status::Draft;
    let values =
        to_text(&Session { status: String::new().into(), ended_at: None, updated_at: None, ..session.clone() });
    let values = format!("{values}{is_draft}");
    let id = session.id.clone();
    task(
        SESSION_CREATED,
        to_text(&SessionCreated { session }),
        session_key(&id),
        Fact::SessionHasCampaign.dedupe_key(&id, None, [values.as_str()]),
        &format!("Campaign and list for session {id}"),
        Subject::session(id.as_str()),
    )
}

/// It is dated otherwise, or cancelled. There and back again is news each time, as long as Livestorm says when.
pub fn session_changed(session: Session) -> Task {
    let values = to_text(&Session { ended_at: None, ..session.clone() });
    let (id, dedupe) = (session.id.clone(), text::digest([values.as_str()]));
    let title = format!("What has changed of session {id}");
    task(
        SESSION_CHANGED,
        to_text(&SessionCreated { session }),
        session_key(&id),
        format!("{SESSION_CHANGED}/{id}/{dedupe}"),
        &title,
        Subject::session(id.as_str()),
    )
}

/// `day`: an ensure that ended without an answer must not keep later ones away for the whole retention.
pub fn ensure_session(session: &SessionId, event_id: Option<String>, day: &str) -> Task {
    task(
        ENSURE_SESSION,
        to_text(&EnsureSession { session: session.clone(), event_id }),
        session_key(session),
        format!("{ENSURE_SESSION}/{session}/{day}"),
        &format!("Campaign of session {session}, asked for by a registration"),
        Subject::session(session.as_str()),
    )
}

pub fn await_campaign(payload: &AwaitCampaign, not_before: Option<Instant>) -> Task {
    let dedupe = format!("{AWAIT_CAMPAIGN}/{}/{}", payload.session, payload.salesforce_id);
    let title = format!("Wait until Account Engagement shows the campaign {}", payload.name);
    let subject = Subject::session(payload.session.as_str());
    Task { not_before, ..task(AWAIT_CAMPAIGN, to_text(payload), CAMPAIGNS.into(), dedupe, &title, subject) }
}

pub fn campaign_found(payload: &CampaignFound) -> Task {
    let dedupe = format!("{CAMPAIGN_FOUND}/{}/{}", payload.session, payload.campaign);
    let title = format!("List for session {}", payload.session);
    let subject = Subject::session(payload.session.as_str());
    task(CAMPAIGN_FOUND, to_text(payload), session_key(&payload.session), dedupe, &title, subject)
}

/// `asked`: the day of the question that this answers, so that a repeated question is answered again.
pub fn session_ready(payload: &SessionReady, asked: Option<&str>) -> Task {
    let link = to_text(&payload.link);
    let dedupe =
        format!("{SESSION_READY}/{}/{}", payload.session, text::digest([link.as_str(), asked.unwrap_or_default()]));
    let title = format!("Registrations for session {} may go on", payload.session);
    task(SESSION_READY, to_text(payload), PEOPLE.into(), dedupe, &title, Subject::session(payload.session.as_str()))
}

/// Livestorm has attendance ready "a few minutes" after the end (spec 002, test protocol, step 7).
pub const ATTENDANCE_READY: u64 = 10 * MINUTE;

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

/// `day`: published, drawn back and published again is news.
pub fn event_published(event_id: &str, day: &str) -> Task {
    let payload = to_text(&EventPublished { event_id: event_id.into() });
    let short = text::fit(event_id, 100);
    let subject = Subject { kind: "event".into(), id: text::fit(event_id, 320) };
    let key = format!("event/{short}");
    task(
        EVENT_PUBLISHED,
        payload,
        key,
        format!("{EVENT_PUBLISHED}/{short}/{day}"),
        "Sessions of a published event",
        subject,
    )
}

pub fn register(registration: Registration, settings: &Settings) -> Task {
    let mapped = settings.written(&registration.values, Occasion::Registered);
    let values = mapped.iter().map(String::as_str);
    let dedupe = Fact::Registered.dedupe_key(&registration.session, Some(registration.person()), values);
    let title = format!("{} registered for session {}", registration.person(), registration.session);
    person(
        REGISTER,
        Person { registration, held: false, ended: None, watched: None, found: None },
        dedupe,
        &title,
        Lane::Prompt,
    )
}

/// Of the values, those that a mapping reads: a session may have thousands of people.
pub fn attendance(mut registration: Registration, ended: Ended, settings: &Settings) -> Task {
    registration.values.retain(|source| settings.reads(source));
    let mut sources = registration.values.clone();
    ended.attendance.put(&mut sources);
    let mapped = settings.written(&sources, Occasion::Ended);
    let told = to_text(&ended);
    let values = mapped.iter().map(String::as_str);
    let values = values.chain([told.as_str()]);
    let fact = if ended.attendance.attended { Fact::Attended } else { Fact::NotAttended };
    let dedupe = fact.dedupe_key(&registration.session, Some(registration.person()), values);
    let title = format!("What {} did in session {}", registration.person(), registration.session);
    let payload = Person { registration, held: false, ended: Some(ended), watched: None, found: None };
    person(ATTENDANCE, payload, dedupe, &title, Lane::Bulk)
}

pub fn replay(registration: Registration, watched: ReplayView, settings: &Settings) -> Task {
    let mut sources = registration.values.clone();
    watched.put(&mut sources);
    let mapped = settings.written(&sources, Occasion::Watched);
    let values = mapped.iter().map(String::as_str);
    let dedupe = Fact::WatchedReplay.dedupe_key(&registration.session, Some(registration.person()), values);
    let title = format!("{} watched session {}", registration.person(), registration.session);
    let payload = Person { registration, held: false, ended: None, watched: Some(watched), found: None };
    person(REPLAY, payload, dedupe, &title, Lane::Prompt)
}

fn person(kind: &str, payload: Person, dedupe: String, title: &str, lane: Lane) -> Task {
    let subject = Subject::person(payload.registration.person());
    Task { lane, ..task(kind, to_text(&payload), PEOPLE.into(), dedupe, title, subject) }
}

/// Whoever is not in the session any more. `at`: when that was seen.
pub fn removed(registration: Registration, has_attended: bool, at: Instant) -> Task {
    let times = [registration.registered_at.unwrap_or_default(), at].map(|time| time.to_string());
    let values = times.iter().map(String::as_str);
    let dedupe = Fact::Removed.dedupe_key(&registration.session, Some(registration.person()), values);
    let title = format!("{} is not in session {} any more", registration.person(), registration.session);
    let ended = has_attended.then(|| Ended { at, attendance: Attendance { attended: true, ..Attendance::default() } });
    let payload = Person { registration, held: false, ended, watched: None, found: Some(true) };
    person(REMOVED, payload, dedupe, &title, Lane::Bulk)
}

/// Of somebody who was taken for removed since then, and is there: news, whatever was done before.
pub fn back(task: Task, removed_at: Instant) -> Task {
    Task { dedupe_key: format!("{}/{removed_at}", task.dedupe_key), ..task }
}

fn of_webhooks(kind: &str, payload: String, dedupe: String, title: &str) -> Task {
    let subject = Subject { kind: "webhook".into(), id: LIVESTORM.into() };
    task(kind, payload, WEBHOOKS.into(), dedupe, title, subject)
}

pub fn set_up_webhooks(payload: &SetUpWebhooks, at: Instant) -> Task {
    let dedupe = format!("{SET_UP_WEBHOOKS}/{at}");
    of_webhooks(SET_UP_WEBHOOKS, to_text(payload), dedupe, "Set up the webhooks at Livestorm")
}

pub fn check_webhooks(at: Instant) -> Task {
    let dedupe = format!("{CHECK_WEBHOOKS}/{at}");
    of_webhooks(
        CHECK_WEBHOOKS,
        to_text(&CheckWebhooks { at }),
        dedupe,
        "See whether the webhooks at Livestorm are there",
    )
}

pub fn renew_webhooks(payload: &RenewWebhooks) -> Task {
    let dedupe = format!("{RENEW_WEBHOOKS}/{}", payload.registered_at);
    of_webhooks(RENEW_WEBHOOKS, to_text(payload), dedupe, "A webhook of Livestorm may be silent")
}

pub fn remove_webhooks(at: Instant) -> Task {
    of_webhooks(REMOVE_WEBHOOKS, "{}".into(), format!("{REMOVE_WEBHOOKS}/{at}"), "Remove the webhooks at Livestorm")
}

/// As somebody seen in a reading that was asked for. They may have been told of before, and left out because of the session's age, so
/// the task is another one: the ledger knows what is written. That no webhook has told of them says nothing of the webhooks.
pub fn filled(task: Task, request: &str) -> Task {
    Task { lane: Lane::Bulk, dedupe_key: format!("{}/{request}", task.dedupe_key), ..task }
}

/// As somebody seen in a reading: nobody waits for it.
pub fn found(task: Task) -> Task {
    match payload::<Person>(&task) {
        Ok(person) => Task { lane: Lane::Bulk, payload: to_text(&Person { found: Some(true), ..person }), ..task },
        Err(_) => task,
    }
}

/// Reads lag 60 seconds behind: until then the prospect may not show what was answered.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>, confirmed.
const ANSWERS_READY: u64 = MINUTE;

pub fn form_submitted(payload: &FormSubmitted) -> Task {
    let dedupe = format!("{FORM_SUBMITTED}/{}", text::fit(&payload.activity, 100));
    let title = format!("{} submitted {}", payload.person(), payload.what());
    let subject = Subject::person(&payload.person());
    let not_before = Some(payload.submitted_at + ANSWERS_READY);
    Task { not_before, ..task(FORM_SUBMITTED, to_text(payload), PEOPLE.into(), dedupe, &title, subject) }
}

/// The same once more, after the session was asked for.
pub fn form_held(of: &Task, payload: &FormSubmitted) -> Task {
    after_waiting(of, to_text(&FormSubmitted { held: true, ..payload.clone() }))
}

/// The same once more, after the session was asked for.
pub fn held(of: &Task, payload: Person) -> Task {
    after_waiting(of, to_text(&Person { held: true, ..payload }))
}

fn after_waiting(of: &Task, payload: String) -> Task {
    Task {
        payload,
        dedupe_key: format!("{}/held", of.dedupe_key),
        title: text::fit(&format!("{}, held", of.title), 200),
        not_before: None,
        ..of.clone()
    }
}

/// The payload of a task; what it holds instead, for the failure.
pub fn payload<P: Plain>(task: &Task) -> Result<P, String> {
    from_text(&task.payload).map_err(|error| format!("The payload of {} cannot be read: {error}", task.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{registrant::Role, session};
    use std::collections::{BTreeMap, BTreeSet};

    fn registration() -> Registration {
        Registration {
            session: SessionId::parse("S1").unwrap(),
            event_id: None,
            event_title: None,
            person_id: Some("P1".into()),
            email: Email::parse("Ana@example.org").ok(),
            email_problem: None,
            email_as_typed: None,
            role: Some(Role::Participant),
            guest_speaker: None,
            registered_at: Some(5),
            received_at: 7,
            values: [("fields.company", "Example")].into_iter().collect(),
        }
    }

    fn register(registration: Registration) -> Task {
        super::register(registration, &Settings::default())
    }

    #[test]
    fn the_same_news_has_the_same_dedupe_key_whenever_and_in_whatever_dialect_it_comes() {
        let first = register(registration());
        let legacy = Registration {
            received_at: 900,
            registered_at: None,
            role: None,
            person_id: Some("another id".into()),
            ..registration()
        };
        assert_eq!(first.dedupe_key, register(legacy).dedupe_key);
        let newer = Registration { values: [("fields.company", "Other")].into_iter().collect(), ..registration() };
        assert_ne!(first.dedupe_key, register(newer).dedupe_key);
        assert_eq!(first.subject, Some(Subject::person("ana@example.org")));
    }

    /// S0-35: a webhook's body and a row of the list, hours later.
    #[test]
    fn a_session_is_the_same_news_by_whatever_way_it_is_told_and_however_far_it_has_come() {
        let told = Session {
            id: SessionId::parse("S1").unwrap(),
            event_id: Some("E1".into()),
            status: Status::Upcoming,
            created_at: Some(1),
            estimated_started_at: Some(2),
            ended_at: None,
            breakout_of: None,
            updated_at: Some(1),
        };
        let key = |session: &Session| session_created(session.clone()).dedupe_key;
        let listed = Session { status: Status::Past, ended_at: Some(3), updated_at: Some(4), ..told.clone() };
        assert_eq!(key(&told), key(&listed));
        let draft = Session { status: Status::Draft, ..told.clone() };
        let moved = Session { estimated_started_at: Some(5), ..told.clone() };
        assert!(key(&draft) != key(&told) && key(&moved) != key(&told));
    }

    #[test]
    fn an_unwritten_answer_makes_no_news() {
        let mut more = registration();
        more.values.insert("fields.colour", "red".into());
        assert_eq!(register(registration()).dedupe_key, register(more).dedupe_key);
    }

    #[test]
    fn a_payload_survives_its_way_through_the_queue() {
        let first = register(registration());
        let task = held(&first, payload(&first).unwrap());
        let person = Person { registration: registration(), held: true, ended: None, watched: None, found: None };
        assert_eq!(payload::<Person>(&task), Ok(person));
        assert!(
            payload::<AwaitCampaign>(&task).is_err_and(|why| why.starts_with("The payload of register cannot be read"))
        );
    }

    #[test]
    fn whoever_tells_of_an_end_brings_the_same_read_about() {
        let session = SessionId::parse("S1").unwrap();
        let told = session_ended(&session, None, Some(1_000_000), 1_060_000);
        let by_person = session_ended(&session, Some("E1".into()), None, 1_200_000);
        assert_eq!(told.dedupe_key, by_person.dedupe_key);
        assert_eq!(told.not_before, Some(1_000_000 + ATTENDANCE_READY));
        assert_eq!(by_person.not_before, Some(1_200_000 + ATTENDANCE_READY));
    }

    #[test]
    fn attendance_that_differs_is_news_and_the_same_is_not() {
        let settings = Settings::default();
        let task = |duration| {
            let attendance = Attendance { attended: true, duration, ..Attendance::default() };
            attendance_of(attendance, &settings)
        };
        assert_eq!(task(Some(181)).dedupe_key, task(Some(181)).dedupe_key);
        assert_ne!(task(Some(181)).dedupe_key, task(Some(182)).dedupe_key);
        assert_eq!(task(None).lane, Lane::Bulk);
    }

    fn attendance_of(attendance: Attendance, settings: &Settings) -> Task {
        super::attendance(registration(), Ended { at: 9, attendance }, settings)
    }

    /// The kinds that this file names; its other words are ordering keys.
    fn kinds() -> BTreeSet<&'static str> {
        let words = include_str!("task.rs").lines().filter(|line| line.starts_with("pub const "));
        let words = words.filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
        words.filter(|word| ![PEOPLE, CAMPAIGNS, WEBHOOKS].contains(word)).collect()
    }

    /// Payloads as the first version queued them, by their kinds.
    struct Samples(BTreeMap<String, Vec<String>>);

    impl Samples {
        fn of_the_first_version() -> Self {
            let mut samples: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for line in include_str!("../../fixtures/tasks/0.1.0.jsonl").lines() {
                let sample: serde_json::Value = serde_json::from_str(line).unwrap();
                let kind = sample["kind"].as_str().unwrap().to_string();
                samples.entry(kind).or_default().push(sample["payload"].to_string());
            }
            Self(samples)
        }

        /// The samples of the kind say this, with nothing lost.
        fn say<P: Plain + std::fmt::Debug + PartialEq>(&self, kind: &str, expected: Vec<P>) {
            let read = |text: &String| {
                payload::<P>(&Task { kind: kind.into(), payload: text.clone(), ..register(registration()) })
            };
            let samples = self.0.get(kind).map(Vec::as_slice).unwrap_or_default();
            let read: Result<Vec<P>, String> = samples.iter().map(read).collect();
            assert_eq!(read, Ok(expected), "{kind}");
        }
    }

    #[test]
    fn every_kind_of_task_has_a_sample_of_the_first_version() {
        let samples = Samples::of_the_first_version();
        assert_eq!(samples.0.keys().map(String::as_str).collect::<BTreeSet<_>>(), kinds());
    }

    /// Payloads that an earlier version has queued are handled by every later one.
    #[test]
    fn payloads_of_the_first_version_are_still_read() {
        let samples = Samples::of_the_first_version();
        let id = |text: &str| SessionId::parse(text).unwrap();
        let some = |text: &str| Some(text.to_string());
        let (s1, event_id) = (id("S1"), some("E1"));
        let session = Session {
            id: s1.clone(),
            event_id: event_id.clone(),
            status: session::Status::Draft,
            created_at: Some(1_644_845_096_000),
            estimated_started_at: Some(1_645_459_200_000),
            ended_at: None,
            breakout_of: None,
            updated_at: None,
        };
        let room = Session {
            id: id("S3"),
            event_id: event_id.clone(),
            status: session::Status::Past,
            created_at: Some(1_644_845_097_000),
            estimated_started_at: Some(1_645_459_201_000),
            ended_at: Some(1_645_461_002_000),
            breakout_of: some("S1"),
            updated_at: None,
        };
        let moved = Session { updated_at: Some(1_644_845_098_000), ..room.clone() };
        samples.say(SESSION_CREATED, vec![SessionCreated { session }, SessionCreated { session: room }]);
        samples.say(SESSION_CHANGED, vec![SessionCreated { session: moved }]);
        samples.say(
            FILL_SESSION,
            vec![FillSession { session: s1.clone(), event_id: event_id.clone(), asked_at: 1_645_470_000_000 }],
        );
        samples.say(ENSURE_SESSION, vec![EnsureSession { session: s1.clone(), event_id: event_id.clone() }]);
        let (salesforce_id, name) = ("701000000000001AAA".to_string(), "Product demo - 2022-02-21 16:00 UTC");
        let await_campaign = AwaitCampaign {
            session: s1.clone(),
            salesforce_id: salesforce_id.clone(),
            made_at: 1_644_845_100_000,
            name: name.into(),
        };
        samples.say(AWAIT_CAMPAIGN, vec![await_campaign]);
        samples.say(CAMPAIGN_FOUND, vec![CampaignFound { session: s1.clone(), salesforce_id, campaign: "7".into() }]);
        let linked = |event_id, title, on_demand| Link::Linked {
            campaign: "7".into(),
            list: "9".into(),
            name: name.into(),
            starts_at: Some(1_645_459_200_000),
            linked_at: 1_644_845_800_000,
            event_id,
            title,
            on_demand,
        };
        let in_salesforce = Link::InSalesforce {
            campaign: "701000000000001AAA".into(),
            name: name.into(),
            starts_at: Some(1_645_459_200_000),
            event_id: event_id.clone(),
            title: some("Product demo"),
            on_demand: Some(true),
        };
        let ready = |session: &str, link| SessionReady { session: id(session), link };
        samples.say(
            SESSION_READY,
            vec![
                ready("S1", linked(None, None, None)),
                ready("S2", Link::LeftOut { reason: "it is cancelled".into() }),
                ready("S3", linked(event_id.clone(), some("Product demo"), Some(true))),
                ready("S4", in_salesforce),
            ],
        );
        let ended_at = 1_645_461_000_000;
        samples.say(
            SESSION_ENDED,
            vec![SessionEnded { session: s1.clone(), event_id: event_id.clone(), ended_at: Some(ended_at) }],
        );
        let ended_at = Some(ended_at);
        let at_the_end = Reading { session: s1.clone(), ended_at, label: None };
        let later = Reading { label: some("day"), ..at_the_end.clone() };
        samples.say(READ_PEOPLE, vec![later]);
        samples.say(READ_PAGE, vec![ReadPage { reading: at_the_end.clone(), page: 3 }]);
        let keys = ["roster/0a52723b4299c6df", "read/missed/0123456789ab"].map(String::from).to_vec();
        let settle = |rest| SettleRead { reading: at_the_end.clone(), rest };
        samples.say(SETTLE_READ, vec![settle(None), settle(Some(keys))]);
        samples.say(FORGET_PEOPLE, vec![ForgetPeople { session: s1.clone() }]);
        let row = r#"{"attributes":{"email":7},"id":"P9","type":"people"}"#.into();
        let problem = "/attributes/email: a text was expected, found a number".into();
        samples.say(UNREADABLE, vec![Unreadable { row, ended_at, problem }]);
        samples.say(EVENT_PUBLISHED, vec![EventPublished { event_id: "E1".into() }]);

        let addresses = vec![Address { source: "livestorm".into(), url: "https://hooks.example.org/made-up".into() }];
        samples.say(SET_UP_WEBHOOKS, vec![SetUpWebhooks { addresses }]);
        samples.say(CHECK_WEBHOOKS, vec![CheckWebhooks { at: 1_644_932_400_000 }]);
        samples.say(RENEW_WEBHOOKS, vec![RenewWebhooks { session: s1.clone(), registered_at: 1_644_845_990_000 }]);

        let ana = Registration {
            session: s1,
            event_id,
            event_title: some("Product demo"),
            person_id: some("P1"),
            email: Email::parse("ana@example.org").ok(),
            email_problem: None,
            email_as_typed: None,
            role: Some(Role::Participant),
            guest_speaker: None,
            registered_at: Some(1_644_845_990_000),
            received_at: 1_644_846_000_000,
            values: [("fields.company", "Example"), ("fields.first_name", "Ana")].into_iter().collect(),
        };
        let registered = Person { registration: ana.clone(), held: false, ended: None, watched: None, found: None };
        samples.say(REGISTER, vec![registered]);
        let gone = Person {
            registration: Registration { event_id: None, event_title: None, values: Default::default(), ..ana.clone() },
            held: false,
            ended: None,
            watched: None,
            found: Some(true),
        };
        samples.say(REMOVED, vec![gone]);
        let attendance = Attendance {
            attended: true,
            rate: some("87.5"),
            duration: Some(1_575),
            messages: 4,
            questions: 3,
            votes: 2,
            up_votes: 1,
        };
        let ana = Registration { guest_speaker: Some(true), ..ana };
        let ended = ended_at.map(|at| Ended { at, attendance });
        samples
            .say(ATTENDANCE, vec![Person { registration: ana.clone(), held: true, ended, watched: None, found: None }]);
        let nobody = Registration { email: None, email_problem: some("there is none"), ..ana };
        let watched = Some(ReplayView { watched_at: Some(1_645_547_400_000) });
        let submitted = FormSubmitted {
            activity: "700000001".into(),
            campaign: "7".into(),
            form: some("31"),
            handler: None,
            prospect: some("1007"),
            email: Email::parse("ana@example.org").ok(),
            submitted_at: 1_644_845_980_000,
            held: false,
        };
        let by_handler = FormSubmitted {
            form: None,
            handler: some("32"),
            prospect: None,
            email: None,
            held: true,
            ..submitted.clone()
        };
        samples.say(FORM_SUBMITTED, vec![submitted, by_handler]);
        samples.say(REPLAY, vec![Person { registration: nobody, held: false, ended: None, watched, found: None }]);
    }
}
