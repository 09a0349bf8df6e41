//! A session has ended: ten minutes later its people are read (RULES 4, 6).
//!
//! Promises: whoever tells of an end, and however often, brings one reading about, and none where there is no attendance. Not here:
//! the reading itself (`reading.rs`).

use super::{reading, session_scheduled};
use crate::{
    domain::session::Status,
    host::{Completion, DAY, Entry, HOUR, Instant, MINUTE, Subject, Task},
    livestorm::{calls::SESSION, resources},
    stop::{Doing, Stop},
    task::{self, Reading},
    work::Work,
};

/// Livestorm says of a session that it has ended a little after it has.
const NOT_ENDED_YET: u64 = 2 * MINUTE;
const WAITS_KEY: &str = "read/waits-since";

/// Since when an end is waited for that Livestorm does not confirm.
fn waits_since(work: &Work<'_>) -> Instant {
    let noted = work.host.get(WAITS_KEY).and_then(|text| text.parse().ok());
    noted.unwrap_or_else(|| {
        work.host.set(Entry { key: WAITS_KEY.into(), value: work.now().to_string(), subject: None });
        work.now()
    })
}

/// The end is there, and so is what was seen: read on.
pub async fn ended(work: &Work<'_>, task: &Task) -> Result<Completion, Stop> {
    let task: task::SessionEnded = task::payload(task).map_err(Stop::bug)?;
    let id = task.session;
    let whom = format!("session {id}");
    let doing = Doing { what: "read who took part", whom: &whom };
    let nothing = |code: &str, why: &str| {
        let message = format!("Session {id} has ended, and nothing is written of it: {why}");
        work.info(code, &message, Some(Subject::session(id.as_str())));
        Ok(Completion::default())
    };
    if let Some(why) = session_scheduled::why_not(work, &id, task.event_id).await? {
        return nothing("ended-left-out", &why);
    }
    let Some(body) = session_scheduled::resource(work, &SESSION, id.as_str(), &[], &doing).await? else {
        return nothing("ended-gone", "it is not in Livestorm any more");
    };
    let session = session_scheduled::parsed(&body, &doing, resources::session)?;
    if session.status == Status::OnDemand {
        return nothing("ended-on-demand", "an on-demand session has no attendance");
    }
    if matches!(session.status, Status::Canceled | Status::PastNotStarted) {
        return nothing("ended-never-begun", "it did not take place");
    }
    let Some(ended_at) = session.ended_at.or(task.ended_at) else {
        let waits_since = waits_since(work);
        let waited = work.now().saturating_sub(waits_since);
        if waited >= DAY {
            work.host.delete(WAITS_KEY);
            return nothing("ended-not-told", "Livestorm has not said for a day that it has ended");
        }
        let next = if waited < 30 * MINUTE { NOT_ENDED_YET } else { HOUR };
        return Err(doing.later(work.now() + next, "Livestorm does not say yet that it has ended"));
    };
    if work.host.get(WAITS_KEY).is_some() {
        work.host.delete(WAITS_KEY);
    }
    if work.now() < ended_at + task::ATTENDANCE_READY {
        return Err(doing.later(ended_at + task::ATTENDANCE_READY, "attendance is ready ten minutes after the end"));
    }
    session_scheduled::keep_open(work).await?;
    let reading = Reading { session: id.clone(), ended_at: Some(ended_at), label: None };
    match reading::begin(work, &reading).await? {
        Some(completion) => Ok(completion),
        None => nothing("ended-nobody", "nobody is in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Host,
        story::state::sample,
        test_host::{TestHost, on_host},
    };

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn since_when_the_first_version_waits_for_an_end_is_still_read() {
        let host = TestHost::new(1_645_463_000_000, |_| panic!("nothing is asked"));
        let value = sample("session/S1", WAITS_KEY).into();
        host.set(Entry { key: WAITS_KEY.into(), value, subject: None });
        assert_eq!(on_host(&host, async |work| waits_since(work)), 1_645_461_660_000);
    }
}
