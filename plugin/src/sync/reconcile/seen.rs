//! What follows from a session as it is listed, compared with what is remembered of it. Pure.
//!
//! | seen                                        | follows                                                            |
//! |---------------------------------------------|--------------------------------------------------------------------|
//! | for the first time, or a draft no more      | *session-created*                                                  |
//! | has ended                                   | *session-ended*: its people are read ten minutes after the end     |
//! | dated otherwise, or cancelled               | *session-changed*                                                  |
//! | more or fewer registrants, or changed       | *read-people*, at most once in 12 hours for each page of them      |
//! | ended a day ago, and a week ago             | *read-people*: late attendance, replays                            |
//! | on demand                                   | *read-people*, once a week                                         |
//! | made before the connector was, a breakout room, past when it was made | nothing                                  |
//!
//! Promises: webhooks lead to the same tasks, with the same dedupe keys; where nothing is new nothing follows.

use crate::{
    calendar::day,
    domain::session::{Session, SessionId, Status},
    flow::eligibility,
    host::{DAY, HOUR, Instant, Task},
    json::{At, Problem},
    livestorm::resources,
    task::{self, LAST_READING, READ_PEOPLE, Reading, SESSION_CREATED, SESSION_ENDED},
};

/// People of one page of a reading.
const PAGE: u64 = 50;
/// Before the end a reading is a convenience: at the end everybody is read in any case.
const PACE: u64 = 12 * HOUR;
const PACE_MAX: u64 = 2 * DAY;
/// After the end, with the words by which these readings are told apart.
const AFTER_THE_END: [(&str, u64); 2] = [("day", DAY), LAST_READING];
/// Replays of sessions on demand are watched for ever.
const ON_DEMAND: u64 = 7 * DAY;
/// So long after its end or its date nothing more is expected of a session.
const LONG_OVER: u64 = 30 * DAY;

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub session: Session,
    pub registrants: u64,
}

impl Row {
    pub fn read(row: &At<'_>) -> Result<Row, Problem> {
        let session = resources::session(row)?;
        let registrants = row.object("attributes")?.text_or_none("registrants_count");
        Ok(Row { session, registrants: registrants.and_then(|text| text.parse().ok()).unwrap_or_default() })
    }
}

/// What is remembered of a session that takes part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub starts_at: Option<Instant>,
    pub updated_at: Option<Instant>,
    pub registrants: u64,
    /// *Session-created* was given, of a draft or of one that is published.
    pub is_told: bool,
    pub is_draft: bool,
    pub is_cancelled: bool,
    pub is_on_demand: bool,
    pub ended_at: Option<Instant>,
    /// Something has changed since its people were read.
    pub is_stale: bool,
    pub read_at: Option<Instant>,
    /// How many of the readings after the end were given.
    pub after_the_end: u64,
}

plain!(Seen {
    starts_at,
    updated_at,
    registrants,
    is_told,
    is_draft,
    is_cancelled,
    is_on_demand,
    ended_at,
    is_stale,
    read_at,
    after_the_end,
});

/// What is to be remembered, and what follows. `known_since`: sessions made before it were seen, and are forgotten if they are not
/// remembered. None: nothing is remembered of it.
pub fn look(
    before: Option<&Seen>,
    row: &Row,
    at: Instant,
    activated_at: Instant,
    known_since: Option<Instant>,
) -> (Option<Seen>, Vec<Task>) {
    let session = &row.session;
    // As if it went on: what is cancelled, or was never started, may have a campaign by its webhook.
    let as_planned = Session { status: Status::Upcoming, ..session.clone() };
    let is_on_demand = session.status == Status::OnDemand;
    let judged = if is_on_demand { session } else { &as_planned };
    if eligibility::why_not(judged, activated_at).is_some() {
        return (None, Vec::new());
    }
    let over_at = session.ended_at.or(session.estimated_started_at).filter(|_| !is_on_demand);
    let is_long_over = over_at.is_some_and(|over_at| over_at + LONG_OVER < at);
    if before.is_none() && is_long_over && session.created_at < known_since {
        return (None, Vec::new());
    }
    let is_cancelled = session.status == Status::Canceled;
    let is_draft = session.status == Status::Draft;
    let never_began = is_cancelled || session.status == Status::PastNotStarted;
    let known = before.cloned().unwrap_or_default();
    let mut tasks = Vec::new();
    let is_to_be_told = !never_began && (!known.is_told || known.is_draft && !is_draft);
    if is_to_be_told {
        tasks.push(task::session_created(session.clone()));
    }
    let is_moved = before.is_some() && known.starts_at != session.estimated_started_at;
    if is_moved || is_cancelled && !known.is_cancelled {
        tasks.push(task::session_changed(session.clone()));
    }
    let ended_at = session.ended_at.filter(|_| !is_on_demand && !never_began);
    if let (Some(_), None) = (ended_at, known.ended_at) {
        tasks.push(task::session_ended(&session.id, session.event_id.clone(), ended_at, at));
    }
    let is_changed = known.registrants != row.registrants || known.updated_at != session.updated_at;
    let seen = Seen {
        starts_at: session.estimated_started_at,
        updated_at: session.updated_at,
        registrants: row.registrants,
        is_told: known.is_told || is_to_be_told,
        is_draft,
        is_cancelled,
        is_on_demand,
        ended_at: ended_at.or(known.ended_at),
        is_stale: known.is_stale || is_changed && row.registrants.max(known.registrants) > 0,
        ..known
    };
    (Some(seen), tasks)
}

/// How many of the readings after the end are due by then.
fn passed(ended_at: Instant, at: Instant) -> u64 {
    AFTER_THE_END.iter().take_while(|(_, since)| ended_at + since <= at).count() as u64
}

/// A reading that is due, and what is to be remembered then.
pub fn due(id: &SessionId, seen: &Seen, at: Instant) -> Option<(Seen, Task)> {
    let mut after = Seen { is_stale: false, read_at: Some(at), ..seen.clone() };
    let was_read_before = |since: u64| seen.read_at.is_none_or(|read_at| read_at + since <= at);
    let label = match seen.ended_at {
        _ if seen.is_cancelled => return None,
        Some(ended_at) => {
            // Both at once where a pass comes late: the later one sees all that the other would have.
            let passed = passed(ended_at, at);
            let last = AFTER_THE_END.get(passed.checked_sub(1)? as usize).filter(|_| passed > seen.after_the_end);
            after.after_the_end = passed;
            last?.0.to_string()
        }
        None if seen.is_on_demand && was_read_before(ON_DEMAND) => format!("on-demand-{}", day(at)),
        None if seen.is_stale && !seen.is_on_demand && was_read_before(pace(seen)) => format!("before-{at}"),
        None => return None,
    };
    let reading = Reading { session: id.clone(), ended_at: seen.ended_at, label: Some(label) };
    Some((after, task::read_people(&reading)))
}

fn pages(seen: &Seen) -> u64 {
    seen.registrants.div_ceil(PAGE).max(1)
}

fn pace(seen: &Seen) -> u64 {
    (PACE * pages(seen)).min(PACE_MAX)
}

/// What a task will ask of Livestorm, as far as can be told before.
pub fn requests(seen: &Seen, task: &Task) -> u64 {
    match task.kind.as_str() {
        // The title of its event.
        SESSION_CREATED => 1,
        SESSION_ENDED => 1 + pages(seen),
        READ_PEOPLE => pages(seen),
        _ => 0,
    }
}

/// Nothing more is expected of it.
pub fn is_over(seen: &Seen, at: Instant) -> bool {
    let over_at = seen.ended_at.or(seen.starts_at).filter(|_| !seen.is_on_demand);
    over_at.is_some_and(|over_at| over_at + LONG_OVER < at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    const CREATED: Instant = 1_795_359_600_000;
    const STARTS: Instant = CREATED + DAY;

    fn row(change: impl FnOnce(&mut Row)) -> Row {
        let session = Session {
            id: SessionId::parse("S1").unwrap(),
            event_id: Some("E1".into()),
            status: Status::Upcoming,
            created_at: Some(CREATED),
            estimated_started_at: Some(STARTS),
            ended_at: None,
            breakout_of: None,
            updated_at: Some(CREATED),
        };
        let mut row = Row { session, registrants: 3 };
        change(&mut row);
        row
    }

    fn ended(row: &mut Row) {
        (row.session.status, row.session.ended_at) = (Status::Past, Some(STARTS + HOUR));
    }

    fn kinds(before: Option<&Seen>, row: &Row, at: Instant) -> Vec<String> {
        let known_since = Some(CREATED + HOUR);
        let (_, tasks) = look(before, row, at, CREATED - HOUR, known_since);
        tasks.into_iter().map(|task| task.kind).collect()
    }

    fn seen(row: &Row) -> Seen {
        look(None, row, CREATED + HOUR, CREATED - HOUR, None).0.unwrap()
    }

    #[test]
    fn what_follows_from_a_session_seen_for_the_first_time() {
        let at = STARTS + 2 * HOUR;
        let rows: [(Row, &[&str]); 9] = [
            (row(|_| {}), &["session-created"]),
            (row(ended), &["session-created", "session-ended"]),
            (row(|row| row.session.status = Status::OnDemand), &["session-created"]),
            (row(|row| row.session.status = Status::Canceled), &["session-changed"]),
            (row(|row| row.session.status = Status::PastNotStarted), &[]),
            (row(|row| row.session.created_at = Some(CREATED - 2 * HOUR)), &[]),
            (row(|row| row.session.breakout_of = Some("S0".into())), &[]),
            (row(|row| row.session.estimated_started_at = Some(CREATED - 1)), &[]),
            (row(|row| row.session.created_at = None), &[]),
        ];
        for (row, expected) in rows {
            assert_eq!(kinds(None, &row, at), expected, "{row:?}");
        }
        // Seen by earlier passes, long over and forgotten.
        assert_eq!(kinds(None, &row(ended), STARTS + HOUR + LONG_OVER + 1), Vec::<String>::new());
        // Made since: nobody has seen it.
        let young = row(|row| {
            ended(row);
            row.session.created_at = Some(CREATED + 2 * HOUR);
        });
        assert_eq!(kinds(None, &young, STARTS + HOUR + LONG_OVER + 1).len(), 2);
    }

    #[test]
    fn what_follows_from_a_session_that_is_remembered() {
        let before = seen(&row(|_| {}));
        let draft = seen(&row(|row| row.session.status = Status::Draft));
        let over = seen(&row(ended));
        let rows: [(&Seen, Row, &[&str]); 8] = [
            (&before, row(|_| {}), &[]),
            (&before, row(|row| row.session.status = Status::Live), &[]),
            (&before, row(ended), &["session-ended"]),
            (&over, row(ended), &[]),
            (&draft, row(|_| {}), &["session-created"]),
            (&before, row(|row| row.session.estimated_started_at = Some(STARTS + 1)), &["session-changed"]),
            (&before, row(|row| row.session.status = Status::Canceled), &["session-changed"]),
            (
                &seen(&row(|row| row.session.status = Status::Canceled)),
                row(|row| row.session.status = Status::Canceled),
                &[],
            ),
        ];
        for (before, row, expected) in rows {
            assert_eq!(kinds(Some(before), &row, STARTS + 2 * HOUR), expected, "{before:?} {row:?}");
        }
    }

    /// RULES 21.
    #[test]
    fn people_are_read_when_something_has_changed_then_a_day_and_a_week_after_the_end() {
        let id = SessionId::parse("S1").unwrap();
        let label = |seen: &Seen, at| {
            let (after, task) = due(&id, seen, at)?;
            let reading: Reading = task::payload(&task).unwrap();
            assert_eq!(due(&id, &after, at).map(|_| ()), None, "once");
            reading.label
        };
        let before = seen(&row(|_| {}));
        assert_eq!(label(&before, STARTS), Some(format!("before-{STARTS}")));
        let read = Seen { read_at: Some(STARTS), ..before.clone() };
        assert_eq!([PACE - 1, PACE].map(|later| label(&read, STARTS + later).is_some()), [false, true]);
        let large = Seen { registrants: 101, ..read.clone() };
        assert_eq!([3 * PACE - 1, 3 * PACE].map(|later| label(&large, STARTS + later).is_some()), [false, true]);
        assert_eq!(label(&Seen { is_stale: false, ..read }, STARTS + PACE), None);
        assert_eq!(label(&Seen { is_cancelled: true, ..before }, STARTS), None);

        let (over, end) = (seen(&row(ended)), STARTS + HOUR);
        let word = |seen: &Seen, after: u64| label(seen, end + after);
        assert_eq!(word(&over, DAY - 1), None);
        assert_eq!(word(&over, DAY).as_deref(), Some("day"));
        assert_eq!(word(&over, 7 * DAY).as_deref(), Some("week"), "a late pass reads once");
        let once = Seen { after_the_end: 1, ..over };
        assert_eq!([word(&once, 6 * DAY), word(&once, 7 * DAY)], [None, Some("week".into())]);

        let late = look(None, &row(ended), end + 2 * DAY, CREATED - HOUR, None).0.unwrap();
        assert_eq!(
            [word(&late, 2 * DAY), word(&late, 7 * DAY)],
            [Some("day".into()), Some("week".into())],
            "*session-ended* may be long done"
        );

        let on_demand = seen(&row(|row| row.session.status = Status::OnDemand));
        assert!(label(&on_demand, STARTS).is_some_and(|label| label.starts_with("on-demand-")));
        let read = Seen { read_at: Some(STARTS), ..on_demand };
        assert_eq!([7 * DAY - 1, 7 * DAY].map(|later| label(&read, STARTS + later).is_some()), [false, true]);
        assert!(!is_over(&read, STARTS + 400 * DAY) && is_over(&once, end + LONG_OVER + 1));
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_listed_session_is_still_read() {
        let expected = Seen {
            starts_at: Some(1_645_459_200_000),
            updated_at: Some(1_645_461_000_000),
            registrants: 12,
            is_told: true,
            ended_at: Some(1_645_461_000_000),
            is_stale: true,
            read_at: Some(1_645_547_400_000),
            after_the_end: 1,
            ..Seen::default()
        };
        says("sync/reconcile", "session/S1", &expected);
    }
}
