//! Records as an engine gives them, and what is made of them.

use super::*;
use crate::{
    durable::TaskId,
    effect::{Change, Failure, FailureClass, Lane, Level, Line, Task},
};

fn subject(kind: &str, id: &str) -> Option<Subject> {
    Some(Subject { kind: kind.into(), id: id.into() })
}

/// One minute later with each run.
fn at(run: u64) -> Timestamp {
    Timestamp::from_seconds(1_795_420_800 + 60 * run)
}

fn failure(run: u64) -> Failure {
    Failure { class: FailureClass::NeedsAttention, problem: format!("problem {run}"), remedy: format!("remedy {run}") }
}

fn task(about: (&str, &str), dedupe_key: &str, status: TaskStatus, run: Option<u64>) -> KeptTask {
    let task = Task {
        kind: "any".into(),
        payload: "nobody reads this".into(),
        ordering_key: "any".into(),
        dedupe_key: dedupe_key.into(),
        lane: Lane::Prompt,
        not_before: None,
        title: format!("title of {dedupe_key}"),
        subject: subject(about.0, about.1),
    };
    KeptTask {
        id: TaskId(run.unwrap_or_default()),
        task,
        status,
        attempt: 1,
        generation: 1,
        admitted_at: at(run.unwrap_or_default()),
        due: at(9),
        waiting_for: run.filter(|_| status == TaskStatus::Waiting).map(|run| format!("waits {run}")),
        wake_on: None,
        failure: run.filter(|_| status == TaskStatus::Dead).map(failure),
        repeats: 0,
        run: run.map(RunId),
    }
}

fn change(about: (&str, &str), object: &str, action: Action, detail: &str, run: u64) -> KeptChange {
    let change = Change {
        connection: "salesforce".into(),
        object: object.into(),
        id: Some(format!("id of {object}")),
        action,
        subject: subject(about.0, about.1),
        detail: Some(detail.into()),
    };
    KeptChange { id: run, run: RunId(run), at: at(run), change }
}

fn line(session: &str, message: &str, remedy: Option<&str>, run: u64) -> LogLine {
    let fields = remedy.map(|remedy| vec![(REMEDY.into(), remedy.into())]).unwrap_or_default();
    let (code, message) = ("any-code".into(), message.into());
    let line = Line { level: Level::Info, code, message, subject: subject("session", session), fields };
    LogLine { id: run, run: Some(RunId(run)), at: at(run), line }
}

#[derive(Clone)]
enum Told {
    Task(KeptTask),
    Change(KeptChange),
    Line(LogLine),
}
use Told::{Change as C, Line as L, Task as T};

/// In whatever order they are read.
fn sessions(told: &[Told]) -> Vec<Session> {
    let read = |told: Vec<Told>| {
        let mut records = Records::default();
        for one in told {
            match one {
                T(task) => records.task(task),
                C(change) => records.change(change),
                L(line) => records.line(line),
            }
        }
        records.sessions()
    };
    let (there, back) = (read(told.to_vec()), read(told.iter().rev().cloned().collect()));
    let as_json = |sessions: &[Session]| serde_json::to_value(sessions).unwrap();
    assert_eq!(as_json(&there), as_json(&back));
    there
}

const S1: (&str, &str) = ("session", "S1");
const S2: (&str, &str) = ("session", "S2");
const ANA: (&str, &str) = ("person", "ana@example.org");
const BEN: (&str, &str) = ("person", "ben@example.org");

/// What the one session says of itself: kind and problem, and whether a person must do something.
fn why(told: &[Told]) -> (Vec<(Kind, String)>, bool) {
    let sessions = sessions(told);
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    let why = session.why.iter().map(|why| (why.kind, why.problem.clone())).collect();
    (why, session.needs_a_person())
}

#[test]
fn each_reason_for_no_campaign_is_told_and_only_a_failure_needs_a_person() {
    use Kind::{Failed, LeftOut, Waiting};
    use TaskStatus::{Dead, Done};
    let done = T(task(S1, "a/S1", Done, Some(1)));
    let dead = |run| T(task(S1, "a/S1", Dead, Some(run)));
    let waits = |run| T(task(S1, "b/S1", TaskStatus::Waiting, run));
    let never_ran = Some(Failure { problem: "cancelled".into(), ..failure(0) });
    let cancelled = T(KeptTask { failure: never_ran, ..task(S1, "a/S1", Dead, None) });
    let wanted = L(line("S1", "gets one", None, 1));
    let left_out = L(line("S1", "gets none", None, 2));
    let told = C(change(S1, CAMPAIGN, Action::LeftOut, "it is a breakout room", 3));
    type Row<'a> = (&'a [Told], &'a [(Kind, &'a str)], bool);
    let rows: [Row<'_>; 10] = [
        (std::slice::from_ref(&done), &[], false),
        (&[wanted.clone(), dead(3)], &[(Failed, "problem 3")], true),
        // Asked for anew each day, and refused in other words.
        (&[dead(3), dead(4)], &[(Failed, "problem 4"), (Failed, "problem 3")], true),
        (&[wanted.clone(), cancelled], &[(Failed, "cancelled")], true),
        (&[wanted.clone(), waits(Some(5))], &[(Waiting, "waits 5")], false),
        (&[waits(None)], &[(Waiting, "This is still to be done: title of b/S1.")], false),
        (&[wanted.clone(), left_out.clone(), done.clone()], &[(LeftOut, "gets none")], false),
        // Its end is still to be read, which is no reason.
        (&[left_out.clone(), waits(None)], &[(LeftOut, "gets none")], false),
        (&[left_out, told.clone()], &[(LeftOut, "it is a breakout room")], false),
        (&[told, dead(4)], &[(Failed, "problem 4")], true),
    ];
    for (told, expected, needs_a_person) in rows {
        let (why, is_needed) = why(told);
        let why: Vec<(Kind, &str)> = why.iter().map(|(kind, problem)| (*kind, problem.as_str())).collect();
        assert_eq!((&why[..], is_needed), (expected, needs_a_person));
    }
}

#[test]
fn a_campaign_that_was_made_later_ends_what_failed_before_and_not_what_fails_after() {
    let made = C(change(S1, CAMPAIGN, Action::Created, "Demo", 4));
    let dead = |run| T(task(S1, "a/S1", TaskStatus::Dead, Some(run)));
    assert_eq!(why(&[dead(3), made.clone()]), (vec![], false));
    for run in [4, 5] {
        assert_eq!(why(&[made.clone(), dead(run)]), (vec![(Kind::Failed, format!("problem {run}"))], false));
    }
}

#[test]
fn the_same_words_are_said_once() {
    let dead = task(S1, "a/S1", TaskStatus::Dead, Some(3));
    let sessions = sessions(&[T(dead.clone()), T(dead)]);
    assert_eq!((sessions[0].why.len(), sessions[0].tasks.failed), (1, 2));
    assert_eq!(sessions[0].why[0].remedy, "remedy 3");
}

#[test]
fn a_line_may_say_what_to_do() {
    let remedy = |given| sessions(&[L(line("S1", "gets none", given, 1))])[0].why[0].remedy.clone();
    assert_eq!(remedy(Some("Publish the event.")), "Publish the event.");
    assert_eq!(remedy(None), AS_YOU_LIKE);
}

/// Lists and campaigns alike: whoever joined is there by the name of what was joined.
#[test]
fn people_are_counted_where_their_tasks_and_memberships_say() {
    use TaskStatus::{Dead, Done, Running, Waiting};
    let made = |about, name: &str| C(change(about, CAMPAIGN, Action::Created, name, 1));
    let joined = |who, object: &str, name: &str| C(change(who, object, Action::Linked, name, 2));
    for object in MEMBERSHIPS {
        let sessions = sessions(&[
            made(S1, "One"),
            made(S2, "Two"),
            T(task(ANA, "registered/S1/x", Done, Some(2))),
            T(task(ANA, "attended/S1/x", Waiting, None)),
            T(task(ANA, "registered/S2/x", Dead, Some(2))),
            T(task(BEN, "registered/S1/y/held", Running, Some(3))),
            T(task(BEN, "registered/S11/y", Done, Some(3))),
            joined(ANA, object, "One"),
            // What is no membership says nothing, nor does a campaign of nobody's session.
            joined(BEN, "Prospect", "One"),
            joined(BEN, object, "Of somebody else"),
            C(change(BEN, object, Action::LeftOut, "Two", 3)),
        ]);
        let of = |id: &str| sessions.iter().find(|session| session.id == id).unwrap();
        assert_eq!(of("S1").people, People { there: 1, waiting: 2, failed: 0 });
        assert_eq!(of("S1").tasks, Tasks { waiting: 2, done: 1, failed: 0 });
        assert_eq!(of("S2").people, People { there: 0, waiting: 0, failed: 1 });
        assert_eq!(of("S2").tasks, Tasks { waiting: 0, done: 0, failed: 1 });
    }
}

#[test]
fn the_newest_comes_first_and_a_new_name_stands_for_the_old_one() {
    let renamed = [
        C(change(S1, CAMPAIGN, Action::Created, "Old", 1)),
        T(task(S2, "a/S2", TaskStatus::Done, Some(2))),
        C(change(ANA, "CampaignMember", Action::Created, "Old", 2)),
        T(task(ANA, "registered/S1/x", TaskStatus::Done, Some(2))),
    ];
    let told = sessions(&renamed);
    assert_eq!(told.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["S2", "S1"]);
    assert_eq!(told[1].met_at, When(at(1)));
    let mut records = Records::default();
    for one in renamed {
        match one {
            T(task) => records.task(task),
            C(change) => records.change(change),
            L(line) => records.line(line),
        }
    }
    records.change(change(S1, CAMPAIGN, Action::Updated, "New", 3));
    let told = records.sessions();
    assert_eq!(told[1].campaigns.iter().map(|made| made.name.as_str()).collect::<Vec<_>>(), ["New"]);
    assert_eq!(told[1].people.there, 1);
}

#[test]
fn how_many_have_registered_is_what_the_last_list_said() {
    let mut records = Records::default();
    let listed = |count: &str, run: u64| change(("session", "S1"), "Session", Action::Unchanged, count, run);
    records.change(listed("3", 1));
    records.change(listed("12", 2));
    records.task(task(("session", "S2"), "any/S2", TaskStatus::Done, Some(1)));
    let told: Vec<_> = records.sessions().into_iter().map(|session| (session.id, session.registrants)).collect();
    assert_eq!(told, [("S1".to_string(), Some(12)), ("S2".to_string(), None)]);
}
