//! An event was published, and its sessions wait for that (`campaign_when`). The webhook names no session, so they are read.

use crate::{
    host::{Completion, Task},
    json::At,
    livestorm::{
        calls::EVENT_SESSIONS,
        errors::{Read, read_all},
        resources,
    },
    stop::{Doing, Stop},
    task,
    work::Work,
};

/// A task for each session; their own keys do the rest.
pub async fn all(work: &Work<'_>, of: &Task) -> Result<Completion, Stop> {
    let task::EventPublished { event_id } = task::payload(of).map_err(Stop::bug)?;
    let whom = format!("event {event_id}");
    let doing = Doing { what: "read the sessions", whom: &whom };
    let rows = match read_all(work, &EVENT_SESSIONS, &[&event_id], &[], &doing).await? {
        Ok(rows) => rows,
        // Deleted meanwhile: there is nothing to make a campaign for.
        Err(Read::Unknown) => {
            work.info("event-gone", &format!("The published {whom} is not in Livestorm any more"), None);
            return Ok(Completion::default());
        }
        Err(other) => return Err(other.stop(work.now(), &doing)),
    };
    let session = |row| At::root(row).and_then(|row| resources::session(&row));
    let sessions = rows.iter().map(session).collect::<Result<Vec<_>, _>>();
    let sessions = sessions.map_err(|problem| doing.bug(&format!("Livestorm's answer: {problem}")))?;
    Ok(Completion { follow_ups: sessions.into_iter().map(task::session_created).collect(), wakes: Vec::new() })
}
