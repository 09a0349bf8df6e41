//! A session is to have a campaign and a list (S2-16, S2-17). All work of one session stands under its own key, and four
//! kinds of task bring it on: *session created*, somebody asks for it (*ensure*), its campaign was *found*, and a past one is
//! asked for (`fill.rs`).
//!
//! ```text
//! seen -> wanted, or left out -> campaign in Salesforce -> (await-campaign) -> campaign found -> list -> session-ready
//! ```
//!
//! Promises: each step once, whatever comes first and however often; who asks is always answered, at once or when the chain
//! has come to its end. A renamed campaign or list changes nothing: links are ids (S2-67).

use crate::{
    account_engagement::{self, campaign::next_look},
    calendar::day,
    call::{Call, PLACEHOLDER},
    domain::{
        event::{Event, Scheduling},
        session::{self, Session, SessionId},
    },
    flow::{eligibility, event_filter, fill, naming::Name},
    host::{Completion, Entry, Instant, Level, Line, Subject, Task},
    json::{At, Problem},
    livestorm::{
        calls,
        errors::{Read, read},
        resources,
    },
    plain::{from_text, to_text},
    salesforce,
    settings::{CampaignWhen, Destination},
    stop::{Doing, Stop},
    task::{self, ENSURE_SESSION, Link, SESSION_CREATED},
    work::Work,
};
use serde_json::Value;

const KEY: &str = "session";

/// What is remembered of the session.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    pub session: Session,
    pub status: Status,
    /// Known from the first look at the event on.
    pub on_demand: Option<bool>,
}

impl Memory {
    /// Whether it takes part is decided.
    pub fn is_judged(&self) -> bool {
        self.session.created_at.is_some() && !matches!(self.status, Status::Seen { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Told by the webhook, not judged yet: a read in between failed, or it waits for its event to be published, or for
    /// somebody to register.
    Seen {
        event_id: Option<String>,
    },
    LeftOut {
        reason: String,
    },
    /// Waits for Salesforce.
    Wanted {
        name: Name,
    },
    /// Waits for Connected Campaigns.
    Awaited {
        name: Name,
        salesforce_id: String,
        made_at: Instant,
    },
    /// Waits for its list.
    Found {
        name: Name,
        salesforce_id: String,
        campaign: String,
    },
    Ready {
        name: Name,
        campaign: String,
        list: String,
        linked_at: Instant,
    },
    /// In Salesforce: its campaign waits for the statuses of its members.
    Made {
        name: Name,
        salesforce_id: String,
    },
    /// In Salesforce: members may come.
    Open {
        name: Name,
        salesforce_id: String,
    },
}

impl Status {
    /// Of its campaign, made or to be made.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Status::Seen { .. } | Status::LeftOut { .. } => None,
            Status::Wanted { name }
            | Status::Awaited { name, .. }
            | Status::Found { name, .. }
            | Status::Ready { name, .. }
            | Status::Made { name, .. }
            | Status::Open { name, .. } => Some(name),
        }
    }

    /// The same under another name.
    pub fn named(mut self, another: Name) -> Status {
        match &mut self {
            Status::Seen { .. } | Status::LeftOut { .. } => {}
            Status::Wanted { name }
            | Status::Awaited { name, .. }
            | Status::Found { name, .. }
            | Status::Ready { name, .. }
            | Status::Made { name, .. }
            | Status::Open { name, .. } => *name = another,
        }
        self
    }

    /// What is known of the session where its campaign was made for another destination than the settings name now. The campaign
    /// itself is in Salesforce either way, and its ledger knows it.
    fn turned(self, destination: Destination) -> Status {
        match (self, destination) {
            (
                Status::Awaited { name, .. } | Status::Found { name, .. } | Status::Ready { name, .. },
                Destination::Salesforce,
            )
            | (Status::Made { name, .. } | Status::Open { name, .. }, Destination::AccountEngagement) => {
                Status::Wanted { name }
            }
            (status, _) => status,
        }
    }
}

plain!(Memory { session, status, on_demand });
plain_forms!(Status {
    Seen "seen" { event_id },
    LeftOut "left-out" { reason },
    Wanted "wanted" { name },
    Awaited "awaited" { name, salesforce_id, made_at },
    Found "found" { name, salesforce_id, campaign },
    Ready "ready" { name, campaign, list, linked_at },
    Made "made" { name, salesforce_id },
    Open "open" { name, salesforce_id },
});

/// What a task brings: the session as far as it is now, and the day of the question where somebody asked.
pub struct Step {
    memory: Memory,
    asked: Option<String>,
}

impl Step {
    /// `asked`: what makes the answer another one than those before.
    pub fn of(memory: Memory, asked: Option<String>) -> Step {
        Step { memory, asked }
    }
}

/// Reads one of the three kinds of task; why it cannot be read.
pub fn step(work: &Work<'_>, task: &Task) -> Result<Step, Stop> {
    let step = || match task.kind.as_str() {
        SESSION_CREATED => created(work, task::payload(task)?),
        ENSURE_SESSION => ensure(work, task::payload(task)?),
        _ => campaign_found(work, task::payload(task)?),
    };
    step().map_err(Stop::bug)
}

fn created(work: &Work<'_>, task: task::SessionCreated) -> Result<Step, String> {
    let memory = match remembered(work)? {
        // What Livestorm did not know when it was asked, it tells now; and what was not judged yet is judged as it is now.
        Some(memory) if memory.is_judged() => memory,
        _ => {
            let event_id = task.session.event_id.clone();
            Memory { session: task.session, status: Status::Seen { event_id }, on_demand: None }
        }
    };
    Ok(Step { memory, asked: None })
}

fn ensure(work: &Work<'_>, task: task::EnsureSession) -> Result<Step, String> {
    let memory = match remembered(work)? {
        Some(memory) => memory,
        None => first_heard_of(task.session, task.event_id),
    };
    Ok(Step { memory, asked: Some(day(work.now())) })
}

/// A session that somebody registered for, or that has ended: nothing but its id is known.
fn first_heard_of(id: SessionId, event_id: Option<String>) -> Memory {
    let session = Session {
        id,
        event_id: None,
        status: String::new().into(),
        created_at: None,
        estimated_started_at: None,
        ended_at: None,
        breakout_of: None,
        updated_at: None,
    };
    Memory { session, status: Status::Seen { event_id }, on_demand: None }
}

/// Why the session has no part in this, as far as that was judged.
pub fn left_out(work: &Work<'_>) -> Result<Option<String>, String> {
    Ok(match remembered(work)?.map(|memory| memory.status) {
        Some(Status::LeftOut { reason }) => Some(reason),
        _ => None,
    })
}

/// Why the session has no part in this; nothing where it has. Judged now, where it was not yet.
pub async fn why_not(work: &Work<'_>, id: &SessionId, event_id: Option<String>) -> Result<Option<String>, Stop> {
    let memory = remembered(work).map_err(Stop::bug)?;
    let mut memory = memory.unwrap_or_else(|| first_heard_of(id.clone(), event_id));
    if let Status::Seen { event_id } = memory.status.clone() {
        if let Some(status) = judged(work, &mut memory, event_id, true).await? {
            memory.status = status;
        }
        remember(work, &memory);
    }
    Ok(match memory.status {
        Status::LeftOut { reason } => Some(reason),
        _ => None,
    })
}

/// Before the statuses of its members are written: labels that somebody has renamed meanwhile are made again.
pub async fn keep_open(work: &Work<'_>) -> Result<(), Stop> {
    let memory = remembered(work).map_err(Stop::bug)?;
    match memory.map(|memory| (memory.session.id, memory.status)) {
        Some((session, Status::Open { name, salesforce_id })) => {
            salesforce::member_status::ensure(work, &session, &salesforce_id, &name.campaign()).await
        }
        _ => Ok(()),
    }
}

fn campaign_found(work: &Work<'_>, task: task::CampaignFound) -> Result<Step, String> {
    let Some(mut memory) = remembered(work)? else {
        return Err(format!("A campaign was found for session {}, which is not remembered", task.session));
    };
    if let Status::Awaited { name, salesforce_id, .. } = memory.status {
        memory.status = Status::Found { name, salesforce_id, campaign: task.campaign };
    }
    Ok(Step { memory, asked: None })
}

pub fn remembered(work: &Work<'_>) -> Result<Option<Memory>, String> {
    let Some(text) = work.host.get(KEY) else { return Ok(None) };
    from_text(&text).map(Some).map_err(|error| format!("What is remembered of the session cannot be read ({error})"))
}

pub fn remember(work: &Work<'_>, memory: &Memory) {
    let value = to_text(memory);
    if work.host.get(KEY).as_ref() != Some(&value) {
        let subject = Some(Subject::session(memory.session.id.as_str()));
        work.host.set(Entry { key: KEY.into(), value, subject });
    }
}

/// First sight: is it wanted, and under what name? The answer is remembered, so an old session costs one read and not one a
/// registration (RULES 7). None: not yet, since nobody has asked for it, and its event is a draft or passed over by the filter
/// (RULES 8, 13).
async fn judged(
    work: &Work<'_>,
    memory: &mut Memory,
    event_id: Option<String>,
    is_asked_for: bool,
) -> Result<Option<Status>, Stop> {
    let session = &mut memory.session;
    let id = session.id.clone();
    let whom = format!("session {id}");
    let subject = Some(Subject::session(id.as_str()));
    let left_out = |reason: String| {
        work.info("session-left-out", &format!("Session {id} gets no campaign: {reason}"), subject.clone());
        Ok(Some(Status::LeftOut { reason }))
    };
    let not_yet = |code: &str, why: &str| {
        work.info(code, &format!("Session {id} gets no campaign yet: {why}"), subject.clone());
        Ok(None)
    };
    let doing = Doing { what: "read the session", whom: &whom };
    if session.created_at.is_none() {
        let Some(body) = resource(work, &calls::SESSION, id.as_str(), &[], &doing).await? else {
            return left_out("Livestorm does not know this session".into());
        };
        let read = parsed(&body, &doing, resources::session)?;
        if read.id != id {
            return Err(doing.bug("Livestorm answered with another session"));
        }
        *session = read;
    }
    let since = if fill::is_wanted(work) { 0 } else { work.context.activated_at };
    if let Some(reason) = eligibility::why_not(session, since) {
        return left_out(reason);
    }
    let waits_for_publishing = work.settings.campaign_when() == CampaignWhen::EventPublished;
    if waits_for_publishing && session.status == session::Status::Draft && !is_asked_for {
        return not_yet("session-waits", "its event is a draft, and the settings wait until it is published");
    }
    let doing = Doing { what: "read the event's title", whom: &whom };
    // Tags are told where they are asked for.
    let include: &[(&str, &str)] = if work.settings.events.tags.is_empty() { &[] } else { &[("include", "tags")] };
    let body = match session.event_id.clone().or(event_id) {
        Some(event_id) => resource(work, &calls::EVENT, &event_id, include, &doing).await?,
        None => None,
    };
    let Some(body) = body else {
        return left_out("Livestorm does not know its event".into());
    };
    let mut event = parsed(&body, &doing, resources::event)?;
    event.tags = resources::tags(&body);
    if let Some(why) = event_filter::why_not(&work.settings.events, &event) {
        return if is_asked_for { left_out(why) } else { not_yet("session-passed-over", &why) };
    }
    let told = on_demand(session, &event);
    let name = Name::new(&event.title, session.estimated_started_at.filter(|_| told != Some(true)));
    memory.on_demand = told;
    work.info("session-wanted", &format!("Session {id} gets the campaign {}", name.campaign()), subject.clone());
    Ok(Some(Status::Wanted { name }))
}

/// Whether the event is watched on demand. None: it is a draft, and does not say yet what it will be.
fn on_demand(session: &Session, event: &Event) -> Option<bool> {
    if session.status == session::Status::OnDemand || event.scheduling == Some(Scheduling::OnDemand) {
        return Some(true);
    }
    let undecided = ["draft", "not_scheduled"].map(|word| Some(Scheduling::Other(word.into())));
    let is_draft = session.status == session::Status::Draft || undecided.contains(&event.scheduling);
    (!is_draft).then_some(false)
}

/// As Livestorm says it now: asked when somebody has watched a session that was a draft when it was seen first.
pub async fn is_on_demand(work: &Work<'_>, id: &SessionId, event_id: Option<String>) -> Result<bool, Stop> {
    let whom = format!("session {id}");
    let doing = Doing { what: "read whether it is on demand", whom: &whom };
    let body = match event_id {
        Some(event_id) => resource(work, &calls::EVENT, &event_id, &[], &doing).await?,
        None => None,
    };
    // Gone meanwhile: it was watched after it took place, as far as anybody can tell.
    let Some(body) = body else { return Ok(false) };
    let event = parsed(&body, &doing, resources::event)?;
    Ok(event.scheduling == Some(Scheduling::OnDemand))
}

/// One resource, or none where Livestorm does not know it.
pub async fn resource(
    work: &Work<'_>,
    call: &Call,
    id: &str,
    query: &[(&str, &str)],
    doing: &Doing<'_>,
) -> Result<Option<Value>, Stop> {
    match read(work, call, &[id], query, doing).await? {
        Read::Body(body) => Ok(Some(body)),
        Read::Unknown => Ok(None),
        other => Err(other.stop(work.now(), doing)),
    }
}

pub fn parsed<T>(body: &Value, doing: &Doing<'_>, parse: fn(&At<'_>) -> Result<T, Problem>) -> Result<T, Stop> {
    let resource = At::root(body).and_then(|body| resources::resource(&body));
    resource
        .and_then(|resource| parse(&resource))
        .map_err(|problem| doing.bug(&format!("Livestorm's answer: {problem}")))
}

/// As far as it goes now. `asked`: the day of the question, where somebody asked.
pub async fn advance(work: &Work<'_>, step: Step) -> Result<Completion, Stop> {
    let Step { mut memory, asked } = step;
    let asked = asked.as_deref();
    let session = memory.session.id.clone();
    loop {
        remember(work, &memory);
        memory.status = match memory.status.clone().turned(work.settings.destination) {
            Status::Seen { event_id } => match judged(work, &mut memory, event_id.clone(), asked.is_some()).await? {
                Some(status) => status,
                None => {
                    memory.status = Status::Seen { event_id };
                    remember(work, &memory);
                    return Ok(Completion::default());
                }
            },
            Status::LeftOut { reason } => return Ok(done(answer(session, Link::LeftOut { reason }, asked))),
            Status::Wanted { name } => {
                let made = salesforce::campaign::ensure(work, &session, &name).await?;
                match work.settings.destination {
                    Destination::AccountEngagement => {
                        Status::Awaited { name, salesforce_id: made.id, made_at: made.at }
                    }
                    Destination::Salesforce => Status::Made { name, salesforce_id: made.id },
                }
            }
            Status::Made { name, salesforce_id } => {
                salesforce::member_status::ensure(work, &session, &salesforce_id, &name.campaign()).await?;
                Status::Open { name, salesforce_id }
            }
            Status::Open { name, salesforce_id } => {
                let reading = fill::reading(work, &memory.session);
                let link = Link::InSalesforce {
                    campaign: salesforce_id,
                    name: name.campaign(),
                    starts_at: name.starts_at(),
                    event_id: memory.session.event_id,
                    title: Some(name.title().into()),
                    on_demand: memory.on_demand,
                };
                return Ok(linked(answer(session, link, asked), reading));
            }
            Status::Awaited { name, salesforce_id, made_at } => {
                if salesforce_id == PLACEHOLDER {
                    // RULES 26: in a dry run the waiting is shown and taken as over.
                    let message = format!("Dry run: the wait for the campaign {} is taken as over", name.campaign());
                    work.host.log(Line::new(
                        Level::Info,
                        "dry-run-campaign",
                        &message,
                        Some(Subject::session(session.as_str())),
                    ));
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
                let reading = fill::reading(work, &memory.session);
                let link = Link::Linked {
                    campaign,
                    list,
                    name: name.campaign(),
                    starts_at: name.starts_at(),
                    linked_at,
                    event_id: memory.session.event_id,
                    title: Some(name.title().into()),
                    on_demand: memory.on_demand,
                };
                return Ok(linked(answer(session, link, asked), reading));
            }
        };
    }
}

fn answer(session: SessionId, link: Link, asked: Option<&str>) -> Task {
    task::session_ready(&task::SessionReady { session, link }, asked)
}

/// Who waits for it goes on, before its people come who are read now.
fn linked(answer: Task, reading: Option<Task>) -> Completion {
    Completion { follow_ups: [answer].into_iter().chain(reading).collect(), wakes: Vec::new() }
}

fn done(follow_up: Task) -> Completion {
    Completion { follow_ups: vec![follow_up], wakes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_session_is_still_read() {
        let some = |text: &str| Some(text.to_string());
        let name = || Name::new("Product demo", Some(1_645_459_200_000));
        let (salesforce_id, campaign) = ("701000000000001AAA".to_string(), "7".to_string());
        let forms = [
            Status::Seen { event_id: some("E1") },
            Status::LeftOut { reason: "it is a breakout room".into() },
            Status::Wanted { name: name() },
            Status::Awaited { name: name(), salesforce_id: salesforce_id.clone(), made_at: 1_644_845_100_000 },
            Status::Found { name: name(), salesforce_id, campaign: campaign.clone() },
            Status::Ready { name: name(), campaign, list: "9".into(), linked_at: 1_644_845_800_000 },
            Status::Made { name: name(), salesforce_id: "701000000000001AAA".into() },
            Status::Open { name: name(), salesforce_id: "701000000000001AAA".into() },
        ];
        for (number, status) in (1..).zip(forms) {
            let session = Session {
                id: SessionId::parse(&format!("S{number}")).unwrap(),
                event_id: some("E1"),
                status: session::Status::Past,
                created_at: Some(1_644_845_096_000),
                estimated_started_at: Some(1_645_459_200_000),
                ended_at: Some(1_645_461_000_000),
                breakout_of: some("S0"),
                updated_at: None,
            };
            says(&format!("session/S{number}"), KEY, &Memory { session, status, on_demand: Some(true) });
        }
    }
}
