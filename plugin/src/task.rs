//! The tasks: their kinds, payloads, ordering keys and dedupe keys (RULES 1, 2). Keys share no state; they tell each other
//! by these.
//!
//! ```text
//! session/<id>   session-created, ensure-session, campaign-found
//! campaigns      await-campaign
//! people         session-ready, register
//! ```

use crate::{
    domain::{
        fact::Fact,
        registrant::Registration,
        session::{Session, SessionId},
    },
    host::{Instant, Lane, Subject, Task},
    mapping,
    plain::{Plain, from_text, to_text},
    text,
};

pub const SESSION_CREATED: &str = "session-created";
pub const ENSURE_SESSION: &str = "ensure-session";
pub const CAMPAIGN_FOUND: &str = "campaign-found";
pub const AWAIT_CAMPAIGN: &str = "await-campaign";
pub const SESSION_READY: &str = "session-ready";
pub const REGISTER: &str = "register";

pub const PEOPLE: &str = "people";
pub const CAMPAIGNS: &str = "campaigns";

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
    Linked { campaign: String, list: String, name: String, starts_at: Option<Instant>, linked_at: Instant },
    LeftOut { reason: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    pub registration: Registration,
    /// It waited already for its session once.
    pub held: bool,
}

plain!(SessionCreated { session });
plain!(EnsureSession { session, event_id });
plain!(AwaitCampaign { session, salesforce_id, made_at, name });
plain!(CampaignFound { session, salesforce_id, campaign });
plain!(SessionReady { session, link });
plain_forms!(Link { Linked "linked" { campaign, list, name, starts_at, linked_at }, LeftOut "left-out" { reason } });
plain!(Register { registration, held });

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

pub fn session_created(session: Session) -> Task {
    let values = to_text(&session);
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

/// `day`: an ensure that ended without an answer must not keep later ones away for the whole retention.
pub fn ensure_session(session: &SessionId, event_id: Option<String>, day: &str) -> Task {
    task(
        ENSURE_SESSION,
        to_text(&EnsureSession { session: session.clone(), event_id }),
        session_key(session),
        format!("{ENSURE_SESSION}/{session}/{day}"),
        &format!("Somebody registered for session {session}: is it linked?"),
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

pub fn register(registration: Registration) -> Task {
    let mapped = mapping::prospect_values(&registration.values);
    let values = mapped.iter().flat_map(|(field, value)| [field.as_str(), value.as_str()]);
    let dedupe = Fact::Registered.dedupe_key(&registration.session, Some(registration.person()), values);
    let title = format!("{} registered for session {}", registration.person(), registration.session);
    let subject = Subject::person(registration.person());
    task(REGISTER, to_text(&Register { registration, held: false }), PEOPLE.into(), dedupe, &title, subject)
}

/// The same once more, after the session was asked for.
pub fn held(registration: Registration, dedupe_key: &str) -> Task {
    let title = format!("{} registered for session {}, held", registration.person(), registration.session);
    let subject = Subject::person(registration.person());
    let dedupe = format!("{dedupe_key}/held");
    task(REGISTER, to_text(&Register { registration, held: true }), PEOPLE.into(), dedupe, &title, subject)
}

/// The payload of a task; what it holds instead, for the failure.
pub fn payload<P: Plain>(task: &Task) -> Result<P, String> {
    from_text(&task.payload).map_err(|error| format!("The payload of {} cannot be read: {error}", task.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{email::Email, registrant::Role};

    fn registration() -> Registration {
        Registration {
            session: SessionId::parse("S1").unwrap(),
            event_id: None,
            event_title: None,
            person_id: Some("P1".into()),
            email: Email::parse("Ana@example.org").ok(),
            email_problem: None,
            role: Some(Role::Participant),
            registered_at: Some(5),
            received_at: 7,
            values: [("fields.company", "Example")].into_iter().collect(),
        }
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

    #[test]
    fn an_unwritten_answer_makes_no_news() {
        let mut more = registration();
        more.values.insert("fields.colour", "red".into());
        assert_eq!(register(registration()).dedupe_key, register(more).dedupe_key);
    }

    #[test]
    fn a_payload_survives_its_way_through_the_queue() {
        let task = held(registration(), "k");
        assert_eq!(payload::<Register>(&task), Ok(Register { registration: registration(), held: true }));
        assert!(
            payload::<AwaitCampaign>(&task).is_err_and(|why| why.starts_with("The payload of register cannot be read"))
        );
    }
}
