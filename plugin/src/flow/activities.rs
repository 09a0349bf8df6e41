//! Which activities tell what somebody did in a session, with their values and dates (RULES 4 to 6).
//!
//! | what                      | activity             | value               | date                          |
//! |---------------------------|----------------------|---------------------|-------------------------------|
//! | registered                | people registered    | session id          | when they registered          |
//! | attended                  | session attended     | session id          | when the session ended        |
//! |                           | attendance duration  | seconds, as given   | the same                      |
//! |                           | messages, questions  | count, above zero   | the same                      |
//! | did not attend            | session not attended | session id          | the same                      |
//! | watched, live event       | watched replay       | session id          | when it was watched first     |
//! | watched, on-demand event  | watched on-demand    | session id          | the same                      |

use crate::{
    account_engagement::{activity::Activity, external_activity},
    domain::{attendance::Attendance, email::Email, session::SessionId},
    host::{Instant, Subject},
    mapping::template,
    task::Person,
    values::Values,
    work::Work,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub activity: Activity,
    pub value: String,
    pub at: Instant,
}

/// The activities that a task brings about. Those that were sent before are among them: the ledger knows.
pub fn of(
    work: &Work<'_>,
    person: &Person,
    registered_at: Instant,
    sources: &Values,
    email: &Email,
    is_on_demand: bool,
) -> Vec<Told> {
    let session = &person.registration.session;
    let values = &work.settings.account_engagement.activity_values;
    let told = |activity: Activity, at: Instant, number: Option<u64>| {
        let text = values.of(activity).map(|template| template::render(template, sources));
        let value = text.or(number.map(|number| number.to_string())).filter(|text| !text.is_empty());
        // A value is required; without one of the customer's it is the session's id.
        Told { activity, value: value.unwrap_or_else(|| session.to_string()), at }
    };
    let mut all = vec![told(Activity::Registered, registered_at, None)];
    if let Some(ended) = &person.ended
        && !is_on_demand
        && !is_taken_back(work, session, email, &ended.attendance)
    {
        all.extend(attendance(&ended.attendance).into_iter().map(|(activity, n)| told(activity, ended.at, n)));
    }
    if let Some(watched) = &person.watched {
        let activity = if is_on_demand { Activity::WatchedOnDemand } else { Activity::WatchedReplay };
        all.push(told(activity, watched.watched_at.unwrap_or(person.registration.received_at), None));
    }
    all
}

/// Pure: what attendance is told by, with the numbers among them.
pub fn attendance(attendance: &Attendance) -> Vec<(Activity, Option<u64>)> {
    if !attendance.attended {
        return vec![(Activity::NotAttended, None)];
    }
    let mut all = vec![(Activity::Attended, None)];
    all.extend(attendance.duration.map(|seconds| (Activity::AttendanceDuration, Some(seconds))));
    let counts = [(Activity::MessagesSent, attendance.messages), (Activity::QuestionsAsked, attendance.questions)];
    all.extend(counts.into_iter().filter(|(_, count)| *count > 0).map(|(activity, count)| (activity, Some(count))));
    all
}

/// A later read that differs: *attended* is written in addition, since an activity cannot be removed; an *attended* that was
/// told stays. Either is said.
fn is_taken_back(work: &Work<'_>, session: &SessionId, email: &Email, attendance: &Attendance) -> bool {
    let other = if attendance.attended { Activity::NotAttended } else { Activity::Attended };
    if !external_activity::was_told(work, session, email, other) {
        return false;
    }
    let (now, then) = match attendance.attended {
        true => (
            "attended",
            "the activity \"session not attended\" was sent before and cannot be removed, so there are both",
        ),
        false => ("did not attend", "the activity \"session attended\" was sent before and stays"),
    };
    let message = format!("Livestorm now says that {email} {now} in session {session}; {then}.");
    work.warn("attendance-changed", &message, Some(Subject::person(email.as_str())));
    !attendance.attended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_attendance_holds_row_by_row() {
        let attended =
            Attendance { attended: true, duration: Some(181), messages: 3, questions: 0, ..Attendance::default() };
        let rows = [
            (Attendance::default(), vec![(Activity::NotAttended, None)]),
            // Counts of somebody who did not attend are nobody's.
            (
                Attendance { messages: 3, duration: Some(9), ..Attendance::default() },
                vec![(Activity::NotAttended, None)],
            ),
            (
                attended.clone(),
                vec![
                    (Activity::Attended, None),
                    (Activity::AttendanceDuration, Some(181)),
                    (Activity::MessagesSent, Some(3)),
                ],
            ),
            (
                Attendance { duration: None, messages: 0, questions: 2, ..attended },
                vec![(Activity::Attended, None), (Activity::QuestionsAsked, Some(2))],
            ),
        ];
        for (given, expected) in rows {
            assert_eq!(attendance(&given), expected, "{given:?}");
        }
    }
}
