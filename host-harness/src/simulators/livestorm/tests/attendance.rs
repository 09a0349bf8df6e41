//! How a session goes, who was there, and who watched it later.

use super::*;
use crate::simulators::unknowns::{AttendanceRate, WatchedAt};

#[test]
fn a_session_goes_its_way_once_and_its_event_with_it() {
    type Step = fn(&mut Livestorm, &str) -> bool;
    /// Steps with whether each is taken, and the two statuses in the end.
    type Row<'a> = (&'a [(Step, bool)], &'a str, &'a str);
    let start: Step = |livestorm, session| livestorm.start_session(session);
    let end: Step = |livestorm, session| livestorm.end_session(session, &LivestormUnknowns::default());
    let cancel: Step = |livestorm, session| livestorm.cancel_session(session);
    let rows: [Row; 6] = [
        (&[], "upcoming", "upcoming"),
        (&[(start, true), (start, false), (cancel, false)], "live", "live"),
        (&[(start, true), (end, true), (end, false), (start, false)], "past", "ended"),
        (&[(end, true)], "past", "ended"),
        (&[(cancel, true), (cancel, false), (start, false), (end, false)], "canceled", "cancelled"),
        (&[(start, true), (end, true), (cancel, false)], "past", "ended"),
    ];
    for (steps, status, scheduling_status) in rows {
        let (simulators, _) = started();
        let (event, session, _) = ana_registered(&simulators);
        for (number, (step, taken)) in steps.iter().enumerate() {
            assert_eq!(step(&mut simulators.world().livestorm, &session), *taken, "{status}, step {number}");
        }
        let read = |path: String, name: &str| get(&simulators, &path).1["data"]["attributes"][name].clone();
        assert_eq!(read(format!("/v1/sessions/{session}"), "status"), status);
        assert_eq!(read(format!("/v1/events/{event}"), "scheduling_status"), scheduling_status);
    }
    let (simulators, _) = started();
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent { on_demand: true, ..Default::default() });
    let session = world.livestorm.create_session(&event, NewSession::default());
    for step in [start, end, cancel] {
        assert!(!step(&mut world.livestorm, &session), "nothing happens to a session that is on demand");
    }
}

#[test]
fn attendance_is_told_minutes_after_the_end_in_the_detail_and_counts_beside_it() {
    let (simulators, clock) = started();
    let (session, ana, bo) = session_over(&simulators, &clock);
    let ready = unknowns(&simulators).attendance_ready_seconds;
    wait(&clock, ready - 1);
    assert_eq!(person(&simulators, &session, &ana)["registrant_detail"]["attended"], false);
    wait(&clock, 1);
    let rows = [
        (&ana, "/registrant_detail/attended", json!(true)),
        (&ana, "/registrant_detail/attendance_rate", json!(25)),
        (&ana, "/registrant_detail/attendance_duration", json!(900)),
        (&ana, "/messages_count", json!(3)),
        (&ana, "/questions_count", json!(1)),
        (&ana, "/votes_count", json!(2)),
        (&ana, "/up_votes_count", json!(4)),
        (&bo, "/registrant_detail/attended", json!(false)),
        (&bo, "/registrant_detail/attendance_rate", json!(null)),
        (&bo, "/registrant_detail/attendance_duration", json!(0)),
        (&bo, "/messages_count", json!(0)),
    ];
    for (who, pointer, value) in rows {
        assert_eq!(person(&simulators, &session, who).pointer(pointer), Some(&value), "{pointer} of {who}");
    }
    for (attended, count) in [("true", 1), ("false", 2)] {
        let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[attended]={attended}"));
        assert_eq!(body["meta"]["record_count"], count, "attended {attended}; the owner did not join");
    }
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}"));
    assert_eq!(
        (&body["data"]["attributes"]["attendees_count"], &body["data"]["attributes"]["duration"]),
        (&json!(1), &json!(3600))
    );
    let unknowns = unknowns(&simulators);
    let late = simulators.world().livestorm.attend(&session, &bo, attendance(7200), &unknowns);
    assert!(late, "what Livestorm finds out later");
    assert_eq!(person(&simulators, &session, &bo)["registrant_detail"]["attendance_rate"], 100);
}

#[test]
fn a_replay_is_watched_after_the_end_and_its_first_time_stays() {
    let (simulators, clock) = started();
    let unknowns = unknowns(&simulators);
    let (_, upcoming, ana) = ana_registered(&simulators);
    assert!(!simulators.world().livestorm.watch_replay(&upcoming, &ana, &unknowns), "there is nothing to watch yet");
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent { on_demand: true, ..Default::default() });
    let session = world.livestorm.create_session(&event, NewSession::default());
    world.livestorm.publish(&event);
    assert_eq!(world.livestorm.register(&session, NewRegistrant::default()), Ok(ana.clone()));
    assert!(!world.livestorm.attend(&session, &ana, attendance(1), &unknowns), "on demand there is no attendance");
    let first = world.now().seconds();
    assert!(world.livestorm.watch_replay(&session, &ana, &unknowns));
    assert!(!world.livestorm.watch_replay(&session, "nobody", &unknowns));
    drop(world);
    wait(&clock, 60);
    assert!(simulators.world().livestorm.watch_replay(&session, &ana, &unknowns));
    let seen = person(&simulators, &session, &ana);
    assert_eq!(seen["replay_view_detail"], json!({ "watched_at": first }));
    assert_eq!(seen["registrant_detail"]["has_viewed_replay"], true);
    assert_eq!(seen["registrant_detail"]["attended"], false);
}

#[test]
fn switches_decide_how_attendance_and_replay_are_written() {
    type Turn = fn(&mut LivestormUnknowns);
    let rows: [(Turn, &str, Value); 6] = [
        (|_| {}, "/registrant_detail/attendance_rate", json!(25)),
        (|u| u.attendance_rate = AttendanceRate::Text, "/registrant_detail/attendance_rate", json!("25")),
        (|_| {}, "/replay_view_detail/watched_at", json!(1_795_427_000_u64)),
        (|u| u.watched_at = WatchedAt::Milliseconds, "/replay_view_detail/watched_at", json!(1_795_427_000_000_u64)),
        (|u| u.watched_at = WatchedAt::Iso, "/replay_view_detail/watched_at", json!("2026-11-23T09:43:20.000Z")),
        (|u| u.updated_at_moves = false, "/registrant_detail/updated_at", json!(1_795_420_400_u64)),
    ];
    for (turn, pointer, value) in rows {
        let clock = SimulatedClock::new(Timestamp::from_seconds(1_795_420_400));
        let simulators = Simulators::new(Arc::new(clock.clone()), Options::default());
        turn(&mut simulators.world().options.unknowns.livestorm);
        let (session, ana, _) = session_over(&simulators, &clock);
        wait(&clock, 3000);
        let unknowns = unknowns(&simulators);
        assert!(simulators.world().livestorm.watch_replay(&session, &ana, &unknowns));
        assert_eq!(person(&simulators, &session, &ana).pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn who_is_removed_is_gone_and_may_register_again() {
    let (simulators, _) = started();
    let (_, session, ana) = ana_registered(&simulators);
    assert!(simulators.world().livestorm.remove_registrant(&session, &ana));
    assert!(!simulators.world().livestorm.remove_registrant(&session, &ana));
    assert_eq!(person(&simulators, &session, &ana), json!(404));
    assert_eq!(get(&simulators, &format!("/v1/sessions/{session}/people")).1["meta"]["record_count"], 1);
    assert_eq!(simulators.world().livestorm.register(&session, NewRegistrant::default()), Ok(ana.clone()));
    assert_eq!(person(&simulators, &session, &ana)["email"], "ana@example.org");
}

#[test]
fn what_is_changed_soon_after_the_end_is_changed_at_once_and_does_not_hurry_attendance() {
    let (simulators, clock) = started();
    let (session, ana, bo) = session_over(&simulators, &clock);
    let unknowns = unknowns(&simulators);
    wait(&clock, 60);
    let path = format!("/v1/sessions/{session}/people/{ana}");
    let silva = json!({"fields": [{"id": "last_name", "value": "Silva"}]});
    let (status, answer) = write(&simulators, "PATCH", &path, "people", silva);
    let detail = &answer["data"]["attributes"]["registrant_detail"];
    assert_eq!((status, &detail["attended"], &detail["attendance_rate"]), (200, &json!(false), &json!(null)));
    assert_eq!(answer["data"]["attributes"], person(&simulators, &session, &ana), "read as it was answered");
    assert_eq!(answer["data"]["attributes"]["last_name"], "Silva");
    assert!(simulators.world().livestorm.watch_replay(&session, &ana, &unknowns));
    assert_eq!(person(&simulators, &session, &ana)["registrant_detail"]["has_viewed_replay"], true);
    assert!(simulators.world().livestorm.attend(&session, &bo, attendance(60), &unknowns));
    assert_eq!(person(&simulators, &session, &bo)["registrant_detail"]["attended"], false, "nobody is told yet");
    wait(&clock, unknowns.attendance_ready_seconds - 60);
    for who in [&ana, &bo] {
        assert_eq!(person(&simulators, &session, who)["registrant_detail"]["attended"], true);
    }
    assert_eq!(person(&simulators, &session, &ana)["last_name"], "Silva");
}

#[test]
fn a_rate_that_is_given_stands_and_who_is_taken_out_of_the_room_was_not_there() {
    let (simulators, clock) = started();
    let unknowns = unknowns(&simulators);
    let (_, session, ana) = ana_registered(&simulators);
    let bo = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    let bo = simulators.world().livestorm.register(&session, bo).unwrap();
    simulators.world().livestorm.start_session(&session);
    wait(&clock, 3600);
    let given = Attendance { rate: Some(42), ..attendance(900) };
    for who in [&ana, &bo] {
        assert!(simulators.world().livestorm.attend(&session, who, given.clone(), &unknowns));
    }
    assert!(simulators.world().livestorm.remove_registrant(&session, &ana));
    simulators.world().livestorm.register(&session, NewRegistrant::default()).unwrap();
    assert!(simulators.world().livestorm.end_session(&session, &unknowns));
    wait(&clock, unknowns.attendance_ready_seconds);
    let told = |who: &str| person(&simulators, &session, who)["registrant_detail"].clone();
    assert_eq!((&told(&bo)["attendance_rate"], &told(&bo)["attended"]), (&json!(42), &json!(true)));
    assert_eq!(told(&ana)["attended"], false, "who came back was not seen again");
}
