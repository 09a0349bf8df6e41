//! A session is to have a campaign and a list (S2-16, S2-17). All work of one session stands under its own key, and three
//! kinds of task bring it on: *session created*, somebody asks for it (*ensure*), its campaign was *found*.
//!
//! ```text
//! seen -> wanted, or left out -> campaign in Salesforce -> (await-campaign) -> campaign found -> list -> session-ready
//! ```
//!
//! Promises: each step once, whatever comes first and however often; who asks is always answered, at once or when the chain
//! has come to its end. A renamed campaign or list changes nothing: links are ids (S2-67).

use crate::{
    account_engagement::{self, PLACEHOLDER, campaign::next_look},
    domain::session::{Session, SessionId},
    flow::{
        eligibility,
        naming::{Name, day},
    },
    host::{Completion, Entry, Instant, Level, Line, Subject, Task},
    livestorm::{
        calls,
        errors::{Read, read},
        resources,
    },
    json::At,
    salesforce,
    stop::{Doing, Stop},
    task::{self, Link},
    work::Work,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const KEY: &str = "session";

/// What is remembered of the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Memory {
    session: Session,
    #[serde(flatten)]
    status: Status,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Status {
    LeftOut { reason: String },
    /// Waits for Salesforce.
    Wanted { name: Name },
    /// Waits for Connected Campaigns.
    Awaited { name: Name, salesforce_id: String, made_at: Instant },
    /// Waits for its list.
    Found { name: Name, salesforce_id: String, campaign: String },
    Ready { name: Name, campaign: String, list: String, linked_at: Instant },
}

pub async fn created(work: &Work<'_>, task: task::SessionCreated) -> Result<Completion, Stop> {
    let memory = match remembered(work, &task.session.id)? {
        Some(memory) => memory,
        None => judged(work, &task.session.id, Some(task.session.clone()), None).await?,
    };
    advance(work, memory, None).await
}

pub async fn ensure(work: &Work<'_>, task: task::EnsureSession) -> Result<Completion, Stop> {
    let asked = day(work.now());
    let memory = match remembered(work, &task.session)? {
        Some(memory) => memory,
        None => judged(work, &task.session, None, task.event_id).await?,
    };
    advance(work, memory, Some(&asked)).await
}

pub async fn campaign_found(work: &Work<'_>, task: task::CampaignFound) -> Result<Completion, Stop> {
    let doing = Doing { what: "take over its campaign", whom: task.session.as_str() };
    let Some(mut memory) = remembered(work, &task.session)? else {
        return Err(doing.bug("A campaign was found for a session that is not remembered"));
    };
    if let Status::Awaited { name, salesforce_id, .. } = &memory.status {
        let (name, salesforce_id) = (name.clone(), salesforce_id.clone());
        memory.status = Status::Found { name, salesforce_id, campaign: task.campaign };
        remember(work, &memory);
    }
    advance(work, memory, None).await
}

fn remembered(work: &Work<'_>, session: &SessionId) -> Result<Option<Memory>, Stop> {
    let Some(text) = work.host.get(KEY) else { return Ok(None) };
    let doing = Doing { what: "bring on", whom: session.as_str() };
    let memory = serde_json::from_str(&text);
    memory.map(Some).map_err(|error| doing.bug(&format!("What is remembered of the session cannot be read ({error})")))
}

fn remember(work: &Work<'_>, memory: &Memory) {
    let value = serde_json::to_string(memory).expect("a memory holds texts and numbers only");
    let subject = Some(Subject::session(memory.session.id.as_str()));
    work.host.set(Entry { key: KEY.into(), value, subject });
}

/// First sight: is it wanted, and under what name? The answer is remembered, so an old session costs one read and not one a
/// registration (RULES 7).
async fn judged(
    work: &Work<'_>,
    id: &SessionId,
    told: Option<Session>,
    event_id: Option<String>,
) -> Result<Memory, Stop> {
    let left_out = |session: Session, reason: String| {
        let message = format!("Session {id} gets no campaign: {reason}");
        work.info("session-left-out", &message, Some(Subject::session(id.as_str())));
        let memory = Memory { session, status: Status::LeftOut { reason } };
        remember(work, &memory);
        memory
    };
    let whom = format!("session {id}");
    let doing = Doing { what: "read the session", whom: &whom };
    let session = match told.filter(|session| session.created_at.is_some()) {
        Some(session) => session,
        None => match resource(work, &calls::SESSION, id.as_str(), &doing, resources::session).await? {
            Some(session) if session.id == *id => session,
            Some(_) => return Err(doing.bug("Livestorm answered with another session")),
            None => {
                let unknown = Session {
                    id: id.clone(),
                    event_id,
                    status: String::new().into(),
                    created_at: None,
                    estimated_started_at: None,
                    breakout_of: None,
                };
                return Ok(left_out(unknown, "Livestorm does not know this session".into()));
            }
        },
    };
    if let Some(reason) = eligibility::why_not(&session, work.context.activated_at) {
        return Ok(left_out(session, reason));
    }
    let doing = Doing { what: "read the event's title", whom: &whom };
    let event = match session.event_id.clone().or(event_id) {
        Some(event_id) => resource(work, &calls::EVENT, &event_id, &doing, resources::event).await?,
        None => None,
    };
    let Some(event) = event else {
        return Ok(left_out(session, "Livestorm does not know its event".into()));
    };
    let on_demand = session.status == crate::domain::session::Status::OnDemand
        || event.scheduling == Some(crate::domain::event::Scheduling::OnDemand);
    let name = Name::new(&event.title, session.estimated_started_at.filter(|_| !on_demand));
    let message = format!("Session {id} gets the campaign {}", name.campaign());
    work.info("session-wanted", &message, Some(Subject::session(id.as_str())));
    let memory = Memory { session, status: Status::Wanted { name } };
    remember(work, &memory);
    Ok(memory)
}

/// One resource, or none where Livestorm does not know it.
async fn resource<T>(
    work: &Work<'_>,
    call: &crate::call::Call,
    id: &str,
    doing: &Doing<'_>,
    parse: impl Fn(&At<'_>) -> Result<T, crate::json::Problem>,
) -> Result<Option<T>, Stop> {
    let body: Value = match read(work, call, &[id], &[], doing).await? {
        Read::Body(body) => body,
        Read::Unknown => return Ok(None),
        other => return Err(other.stop(work.now(), doing)),
    };
    let parsed = At::root(&body).and_then(|body| resources::resource(&body)).and_then(|resource| parse(&resource));
    parsed.map(Some).map_err(|problem| doing.bug(&format!("Livestorm's answer: {problem}")))
}

/// As far as it goes now. `asked`: the day of the question, where somebody asked.
async fn advance(work: &Work<'_>, mut memory: Memory, asked: Option<&str>) -> Result<Completion, Stop> {
    let session = memory.session.id.clone();
    loop {
        memory.status = match memory.status {
            Status::LeftOut { reason } => return Ok(done(answer(session, Link::LeftOut { reason }, asked))),
            Status::Wanted { name } => {
                let made = salesforce::campaign::ensure(work, &session, &name).await?;
                Status::Awaited { name, salesforce_id: made.id, made_at: made.at }
            }
            Status::Awaited { name, salesforce_id, made_at } => {
                if salesforce_id == PLACEHOLDER {
                    // RULES 26: in a dry run the waiting is shown and taken as over.
                    let message = format!("Dry run: the wait for the campaign {} is taken as over", name.campaign());
                    work.host.log(Line::new(Level::Info, "dry-run-campaign", &message, Some(Subject::session(session.as_str()))));
                    Status::Found { name, salesforce_id, campaign: PLACEHOLDER.into() }
                } else {
                    let payload = task::AwaitCampaign { session, salesforce_id, made_at, name: name.campaign() };
                    return Ok(done(task::await_campaign(&payload, Some(next_look(work.now(), made_at)))));
                }
            }
            Status::Found { name, salesforce_id: _, campaign } => {
                let list = account_engagement::list::ensure(work, &session, &name, &campaign).await?;
                Status::Ready { name, campaign, list, linked_at: work.now() }
            }
            Status::Ready { name, campaign, list, linked_at } => {
                let link =
                    Link::Linked { campaign, list, name: name.campaign(), starts_at: name.starts_at(), linked_at };
                return Ok(done(answer(session, link, asked)));
            }
        };
        remember(work, &memory);
    }
}

fn answer(session: SessionId, link: Link, asked: Option<&str>) -> Task {
    task::session_ready(&task::SessionReady { session, link }, asked)
}

fn done(follow_up: Task) -> Completion {
    Completion { follow_ups: vec![follow_up], wakes: Vec::new() }
}
