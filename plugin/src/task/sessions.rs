//! What becomes of a session: its campaign, its list, and who is told when both are there.

use super::{
    AWAIT_CAMPAIGN, CAMPAIGN_FOUND, CAMPAIGNS, ENSURE_SESSION, EVENT_PUBLISHED, PEOPLE, SESSION_CHANGED,
    SESSION_CREATED, SESSION_READY, session_key, task,
};
use crate::{
    domain::{
        fact::Fact,
        session::{Session, SessionId, Status},
    },
    host::{Instant, Subject, Task},
    plain::to_text,
    text,
};

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

#[derive(Clone, Debug, PartialEq)]
pub struct EventPublished {
    pub event_id: String,
}

plain!(SessionCreated { session });
plain!(EnsureSession { session, event_id });
plain!(AwaitCampaign { session, salesforce_id, made_at, name });
plain!(CampaignFound { session, salesforce_id, campaign });
plain!(SessionReady { session, link });
plain_forms!(Link {
    Linked "linked" { campaign, list, name, starts_at, linked_at, event_id, title, on_demand },
    InSalesforce "in-salesforce" { campaign, name, starts_at, event_id, title, on_demand },
    LeftOut "left-out" { reason },
});
plain!(EventPublished { event_id });

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
