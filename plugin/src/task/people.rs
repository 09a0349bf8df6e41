//! What a person did: registered, attended, watched, is gone, has submitted a form.

use super::{ATTENDANCE, FORM_SUBMITTED, PEOPLE, REGISTER, REMOVED, REPLAY, payload, task};
use crate::{
    domain::{attendance::Attendance, email::Email, fact::Fact, registrant::Registration, replay_view::ReplayView},
    host::{Instant, Lane, MINUTE, Subject, Task},
    mapping::source_path::Occasion,
    plain::to_text,
    settings::Settings,
    text,
};

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

plain!(FormSubmitted { activity, campaign, form, handler, prospect, email, submitted_at, held });
plain!(Person { registration, held, ended, watched, found });
plain!(Ended { at, attendance });

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
