//! A session was moved or cancelled, which no webhook tells (RULES 11).
//!
//! | the session | its campaign, and in Account Engagement its list                                               |
//! |-------------|------------------------------------------------------------------------------------------------|
//! | is moved    | the dates follow; the names as long as they are those that we gave                              |
//! | is cancelled| left and told; by a setting the campaign is aborted and made inactive                           |
//!
//! Promises: of two words about a session the later one holds; nothing is sent that changes nothing, so a repeat is harmless. What has
//! no campaign yet gets it under its new date, or none where it is cancelled.

use super::{
    naming::Name,
    session_scheduled::{self, Memory, Status, Step},
};
use crate::{
    account_engagement::list,
    calendar::moment,
    call::SALESFORCE,
    domain::session::{self, Session},
    host::{Action, Completion, MINUTE, Subject, Task},
    salesforce::campaign,
    settings::{Destination, WhenCancelled},
    stop::{Doing, Stop},
    task,
    work::Work,
};

/// *Session-created*: of one that is known, what has changed since counts as well.
pub async fn created(work: &Work<'_>, of: &Task) -> Result<Completion, Stop> {
    let task::SessionCreated { session } = task::payload(of).map_err(Stop::bug)?;
    match session_scheduled::remembered(work).map_err(Stop::bug)? {
        Some(memory) if memory.is_judged() && is_news(&memory.session, &session) => follow(work, memory, session).await,
        _ => session_scheduled::advance(work, session_scheduled::step(work, of)?).await,
    }
}

pub async fn changed(work: &Work<'_>, of: &Task) -> Result<Completion, Stop> {
    let task::SessionCreated { session } = task::payload(of).map_err(Stop::bug)?;
    match session_scheduled::remembered(work).map_err(Stop::bug)? {
        Some(memory) if is_news(&memory.session, &session) => follow(work, memory, session).await,
        // Nothing was made of it, or it is known by now.
        _ => Ok(Completion::default()),
    }
}

fn is_news(before: &Session, now: &Session) -> bool {
    let is_later = now.updated_at.is_some() && now.updated_at >= before.updated_at;
    let is_cancelled = |session: &Session| session.status == session::Status::Canceled;
    let is_moved = before.estimated_started_at != now.estimated_started_at;
    is_later && (is_moved || is_cancelled(now) && !is_cancelled(before))
}

async fn follow(work: &Work<'_>, mut memory: Memory, now: Session) -> Result<Completion, Stop> {
    let before = std::mem::replace(&mut memory.session, now);
    let session = &memory.session;
    let is_cancelled = session.status == session::Status::Canceled && before.status != session::Status::Canceled;
    let is_dated = memory.on_demand != Some(true) && before.estimated_started_at != session.estimated_started_at;
    let name = match memory.status.name() {
        Some(name) => name.clone(),
        // Not judged yet, or left out: it is judged by what it is now, or stays out.
        None => {
            session_scheduled::remember(work, &memory);
            return Ok(Completion::default());
        }
    };
    if matches!(memory.status, Status::Wanted { .. }) {
        if campaign::is_begun(work) {
            let whom = name.campaign();
            let doing = Doing { what: "note the new date", whom: &whom };
            return Err(doing.later(work.now() + MINUTE, "whether its campaign was made is not known yet"));
        }
        if is_cancelled {
            memory.status = Status::LeftOut { reason: "it is cancelled".into() };
            return session_scheduled::advance(work, Step::of(memory)).await;
        }
    }
    if is_cancelled {
        cancelled(work, session, &name).await?;
    }
    if is_dated {
        let after = Name::new(name.title(), session.estimated_started_at);
        moved(work, session, &memory.status, &name, &after).await?;
        memory.status = memory.status.named(after);
    }
    session_scheduled::advance(work, Step::of(memory)).await
}

async fn moved(work: &Work<'_>, session: &Session, status: &Status, name: &Name, after: &Name) -> Result<(), Stop> {
    if !matches!(status, Status::Wanted { .. }) {
        campaign::date(work, &session.id, name, after).await?;
    }
    if let (Status::Ready { list, .. }, Destination::AccountEngagement) = (status, work.settings.destination) {
        list::rename(work, &session.id, list, name, after).await?;
    }
    let when = session.estimated_started_at.map_or("no date yet".to_string(), moment);
    let message = format!("Session {} was moved: {} becomes {}", session.id, name.campaign(), when);
    work.info("session-moved", &message, Some(Subject::session(session.id.as_str())));
    Ok(())
}

async fn cancelled(work: &Work<'_>, session: &Session, name: &Name) -> Result<(), Stop> {
    let subject = Subject::session(session.id.as_str());
    let (id, name) = (&session.id, name.campaign());
    match work.settings.salesforce_campaign.when_cancelled {
        WhenCancelled::Leave => {
            let message = format!(
                "Session {id} was cancelled in Livestorm. Its campaign {name} is left as it is, and so are its people. \
                 End it in Salesforce if you wish, or set salesforce_campaign.when_cancelled to abort"
            );
            work.warn("session-cancelled", &message, Some(subject.clone()));
            work.changed(SALESFORCE, "Campaign", None, Action::LeftOut, &subject, "its session was cancelled");
            Ok(())
        }
        WhenCancelled::Abort => {
            campaign::abort(work, id, &name).await?;
            let message = format!("Session {id} was cancelled in Livestorm, and its campaign {name} is aborted");
            work.warn("session-cancelled", &message, Some(subject));
            Ok(())
        }
    }
}
