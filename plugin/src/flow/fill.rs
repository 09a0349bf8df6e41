//! A past session was asked for (RULES 7): it gets its campaign and list whatever its age, and once it is linked its people are read
//! as after its end.
//!
//! | the session                                             | what follows                                                  |
//! |---------------------------------------------------------|---------------------------------------------------------------|
//! | has no campaign                                         | it is judged anew, its age aside; the reading when it is linked |
//! | has one                                                 | the reading                                                   |
//! | has not ended, was cancelled, never begun, is a breakout room | a line                                                   |
//!
//! Promises: that it is wanted is noted first, so that nobody who asks in between takes it for too old; the note tells whether the
//! reading was given, so that a repeat of any step doubles nothing. Not here: which sessions (`sync/backfill`).

use super::{
    eligibility,
    session_scheduled::{self, Memory, Step},
};
use crate::{
    domain::session::{Session, Status},
    host::{Completion, Entry, Subject, Task},
    livestorm::{calls::SESSION, resources},
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    task::{self, Reading},
    work::Work,
};

const KEY: &str = "fill";

/// Somebody has asked for the session.
#[derive(Debug, PartialEq)]
struct Wish {
    /// By what the reading is told apart.
    label: String,
    is_read: bool,
}

plain!(Wish { label, is_read });

fn wish(work: &Work<'_>) -> Option<Wish> {
    from_text(&work.host.get(KEY)?).ok()
}

fn note(work: &Work<'_>, session: &Session, wish: &Wish) {
    let subject = Some(Subject::session(session.id.as_str()));
    work.host.set(Entry { key: KEY.into(), value: to_text(wish), subject });
}

/// Whatever its age.
pub fn is_wanted(work: &Work<'_>) -> bool {
    wish(work).is_some()
}

/// The session is linked: its people are read, where that was asked for and not given yet.
pub fn reading(work: &Work<'_>, session: &Session) -> Option<Task> {
    let wish = wish(work).filter(|wish| !wish.is_read)?;
    let ended_at = session.ended_at.filter(|_| session.status != Status::OnDemand);
    let reading = Reading { session: session.id.clone(), ended_at, label: Some(wish.label.clone()) };
    note(work, session, &Wish { is_read: true, ..wish });
    Some(task::read_people(&reading))
}

pub async fn fill(work: &Work<'_>, of: &Task) -> Result<Completion, Stop> {
    let task: task::FillSession = task::payload(of).map_err(Stop::bug)?;
    let (label, id) = (task.label(), task.session);
    let whom = format!("session {id}");
    let doing = Doing { what: "fill in", whom: &whom };
    let subject = Some(Subject::session(id.as_str()));
    let nothing = |code: &str, why: &str| {
        work.info(code, &format!("Session {id} is not filled in: {why}"), subject.clone());
        Ok(Completion::default())
    };
    let Some(body) = session_scheduled::resource(work, &SESSION, id.as_str(), &[], &doing).await? else {
        return nothing("backfill-gone", "it is not in Livestorm any more");
    };
    let session = session_scheduled::parsed(&body, &doing, resources::session)?;
    if session.id != id {
        return Err(doing.bug("Livestorm answered with another session"));
    }
    if let Some(why) = eligibility::why_not(&session, 0) {
        return nothing("backfill-left-out", &why);
    }
    match (session.ended_at, &session.status) {
        (_, Status::OnDemand) => {}
        (Some(ended_at), _) if work.now() < ended_at + task::ATTENDANCE_READY => {
            return Err(doing.later(ended_at + task::ATTENDANCE_READY, "attendance is ready ten minutes after the end"));
        }
        (Some(_), _) => {}
        (None, Status::Past) => {
            let message = format!(
                "Livestorm does not say when session {id} ended, so who registered is written, and no attendance. See in \
                 Livestorm who took part"
            );
            work.warn("backfill-no-end", &message, subject.clone());
        }
        (None, _) => return nothing("backfill-not-over", "it has not ended"),
    }
    note(work, &session, &Wish { label: label.clone(), is_read: false });
    let memory = match session_scheduled::remembered(work).map_err(Stop::bug)? {
        // What has been made of it stays; how it ended is news.
        Some(memory) if memory.status.name().is_some() => {
            let Session { ended_at, status, .. } = session;
            Memory { session: Session { ended_at, status, ..memory.session }, ..memory }
        }
        _ => {
            let event_id = session.event_id.clone().or(task.event_id);
            Memory { session, status: session_scheduled::Status::Seen { event_id }, on_demand: None }
        }
    };
    session_scheduled::keep_open(work).await?;
    session_scheduled::advance(work, Step::of(memory, Some(label))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_wish_is_still_read() {
        says("session/S1", KEY, &Wish { label: "fill-1645470000000".into(), is_read: true });
    }
}
