use super::*;
use crate::{
    clock::SimulatedClock,
    simulators::{
        Options, Simulators,
        unknowns::{AttendanceRate, LegacyPersonId, LivestormUnknowns, WatchedAt},
    },
};
use http::Method;
use std::{collections::BTreeSet, time::Duration};

mod anything;
mod doors;
mod event_writes;
mod in_a_session;
mod lists;
mod lists_by_law;
mod partners;
mod people_across;
mod session_writes;
mod shapes;
mod team;

const MONDAY: &str = "2026-11-23T09:00:00Z";

fn started() -> (Simulators, SimulatedClock) {
    let clock = SimulatedClock::new(Timestamp::parse(MONDAY).unwrap());
    let mut options = Options::default();
    options.limits.livestorm_calls_per_second = 1000;
    (Simulators::new(Arc::new(clock.clone()), options), clock)
}

fn ask(simulators: &Simulators, method: Method, path: &str, token: &str) -> (u16, http::HeaderMap, Value) {
    let uri = format!("http://x.test{path}");
    let request = http::Request::builder().method(method).uri(uri).header("authorization", token).body(vec![]).unwrap();
    let answer = simulators.handle(request).unwrap();
    let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    (answer.status().as_u16(), answer.headers().clone(), body)
}

fn get(simulators: &Simulators, path: &str) -> (u16, Value) {
    let token = simulators.world().options.livestorm_token.clone();
    let (status, _, body) = ask(simulators, Method::GET, path, &token);
    (status, body)
}

/// An event with a session at 15:00, and Ana in it.
fn ana_registered(simulators: &Simulators) -> (String, String, String) {
    let mut world = simulators.world();
    let event =
        world.livestorm.create_event(NewEvent { fields: vec![FormField::text("company")], ..Default::default() });
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    world.livestorm.publish(&event);
    let ana = NewRegistrant { fields: vec![("company".into(), json!("Example Ltd"))], ..Default::default() };
    let person = world.livestorm.register(&session, ana).unwrap();
    (event, session, person)
}

#[test]
fn the_token_is_sent_raw_and_bearer_is_refused() {
    let (simulators, _) = started();
    let token = simulators.world().options.livestorm_token.clone();
    let rows = [
        (token.clone(), 200, false),
        (format!("Bearer {token}"), 401, true),
        ("wrong".to_owned(), 401, false),
        (String::new(), 401, false),
    ];
    for (sent, status, challenged) in rows {
        let (answered, headers, body) = ask(&simulators, Method::GET, "/v1/ping", &sent);
        assert_eq!(answered, status, "{sent:?}");
        assert_eq!(headers.contains_key("www-authenticate"), challenged, "{sent:?}");
        assert_eq!(headers.contains_key("ratelimit-monthly-remaining"), status == 200, "{sent:?}");
        if status == 401 {
            assert_eq!(body["errors"][0]["status"], "unauthorized");
            assert_eq!(body["errors"][0]["code"], "401");
        }
    }
    simulators.world().livestorm.refuse_token_once();
    assert_eq!(get(&simulators, "/v1/ping").0, 401);
    assert_eq!(get(&simulators, "/v1/ping").0, 200);
}

#[test]
fn each_call_answers_its_resource_or_404() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let rows = [
        ("/v1/me".to_owned(), 200, "/data/type", json!("organizations")),
        ("/v1/organization".to_owned(), 200, "/data/attributes/slug", json!("example-organisation")),
        ("/v1/users".to_owned(), 200, "/data/0/attributes/role", json!("host")),
        ("/v1/users?filter[email]=OWNER@livestorm-customer.example".to_owned(), 200, "/meta/record_count", json!(1)),
        ("/v1/users?filter[role]=moderator".to_owned(), 200, "/meta/record_count", json!(0)),
        ("/v1/events".to_owned(), 200, "/data/0/id", json!(event)),
        ("/v1/events?include=sessions".to_owned(), 200, "/included/0/id", json!(session)),
        ("/v1/events?filter[titel]=x".to_owned(), 400, "/errors/0/code", json!("400")),
        (format!("/v1/events/{event}"), 200, "/data/attributes/scheduling_status", json!("upcoming")),
        (format!("/v1/events/{event}/sessions"), 200, "/data/0/id", json!(session)),
        ("/v1/sessions?filter[status]=upcoming".to_owned(), 200, "/meta/record_count", json!(1)),
        ("/v1/sessions?filter[status]=past".to_owned(), 200, "/meta/record_count", json!(0)),
        (format!("/v1/sessions/{session}"), 200, "/data/attributes/registrants_count", json!(2)),
        (format!("/v1/sessions/{session}/people"), 200, "/meta/record_count", json!(2)),
        (format!("/v1/sessions/{session}/people?page[number]=1"), 400, "/errors/0/code", json!("400")),
        (format!("/v1/sessions/{event}/people"), 404, "/errors/0/status", json!("not_found")),
        ("/v1/events/none".to_owned(), 404, "/errors/0/status", json!("not_found")),
        ("/v1/polls".to_owned(), 404, "/errors/0/status", json!("not_found")),
    ];
    for (path, status, pointer, value) in rows {
        let (answered, body) = get(&simulators, &path);
        assert_eq!((answered, body.pointer(pointer)), (status, Some(&value)), "{path}: {body}");
    }
}

/// Not said on <https://developers.livestorm.co/docs/rate-limits-and-quotas>, so the dearer is assumed.
#[test]
fn what_is_refused_after_the_token_costs_a_request_too() {
    let (simulators, _) = started();
    let used = || simulators.world().livestorm.quota.used;
    for (path, status) in [("/v1/polls", 404), ("/v1/events/none", 404), ("/v1/events?filter[titel]=x", 400)] {
        let before = used();
        assert_eq!(get(&simulators, path).0, status, "{path}");
        assert_eq!(used(), before + 1, "{path}");
    }
    let before = used();
    assert_eq!(ask(&simulators, Method::GET, "/v1/ping", "wrong").0, 401);
    assert_eq!(used(), before);
    simulators.world().options.limits.livestorm_calls_per_month = before;
    assert_eq!(get(&simulators, "/v1/polls").0, 429, "the quota comes before the path");
}

#[test]
fn people_are_filtered_by_address_role_and_time() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    let start = simulators.world().now().seconds();
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(60)));
    let bo = NewRegistrant { email: "Bo+1@example.org".into(), ..Default::default() };
    simulators.world().livestorm.register(&session, bo).unwrap();
    let rows = [
        ("filter[email]=bo%2B1@example.org".to_owned(), 1),
        ("filter[email]=bo+1@example.org".to_owned(), 0),
        ("filter[role]=participant".to_owned(), 2),
        ("filter[role]=team_member".to_owned(), 1),
        (format!("filter[created_since]={}", start + 1), 1),
        (format!("filter[created_until]={start}"), 2),
        ("filter[attended]=true".to_owned(), 0),
    ];
    for (query, count) in rows {
        let (status, body) = get(&simulators, &format!("/v1/sessions/{session}/people?{query}"));
        assert_eq!((status, body["meta"]["record_count"].as_u64()), (200, Some(count)), "{query}");
    }
}

#[test]
fn one_address_is_one_person_in_every_session_and_registers_once_in_each() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let mut world = simulators.world();
    let second = world.livestorm.create_session(&event, NewSession::default());
    let again = || NewRegistrant { email: "ANA@example.org".into(), ..Default::default() };
    assert_eq!(world.livestorm.register(&session, again()), Err(NotRegistered::Already("ANA@example.org".into())));
    assert_eq!(world.livestorm.register(&second, again()), Ok(ana));
    let wrong = NewRegistrant { fields: vec![("shoe_size".into(), json!("44"))], ..again() };
    assert_eq!(world.livestorm.register(&session, wrong), Err(NotRegistered::NoField("shoe_size".into())));
    assert!(matches!(world.livestorm.register("none", again()), Err(NotRegistered::NoSession(_))));
}

#[test]
fn a_breakout_room_is_hidden_until_it_is_asked_for() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let room = NewSession { breakout_room_of: Some(session.clone()), ..Default::default() };
    simulators.world().livestorm.create_session(&event, room);
    let rows = [("/v1/sessions", 1), ("/v1/sessions?filter[include_breakout_rooms]=true", 2)];
    for (path, count) in rows {
        assert_eq!(get(&simulators, path).1["meta"]["record_count"], count, "{path}");
    }
}

#[test]
fn an_unset_time_is_zero_and_what_has_not_happened_is_null() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}"));
    for (name, value) in
        [("started_at", json!(0)), ("ended_at", json!(0)), ("canceled_at", json!(0)), ("duration", json!(null))]
    {
        assert_eq!(body["data"]["attributes"][name], value, "{name}");
    }
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[role]=participant"));
    let person = &body["data"][0]["attributes"];
    assert_eq!(person["replay_view_detail"], json!(null));
    assert_eq!(person["messages_count"], 0);
    assert_eq!(person["registrant_detail"]["attendance_rate"], json!(null));
    assert_eq!(person["registrant_detail"]["attendance_duration"], 0);
    let asked = json!({"id": "company", "type": "text", "value": "Example Ltd", "required": false});
    assert_eq!(person["registrant_detail"]["fields"][3], asked, "custom stands at questions of the workspace alone");
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[role]=team_member"));
    assert_eq!(body["data"][0]["attributes"]["registrant_detail"]["password_key"], json!(null));
}

/// Every path to a value, `attributes/title` and the like.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                into.insert(format!("{at}/{name}"));
                paths(value, &format!("{at}/{name}"), into);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| paths(row, &format!("{at}/*"), into)),
        _ => {}
    }
}

fn wait(clock: &SimulatedClock, seconds: u64) {
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(seconds))).unwrap();
}

fn unknowns(simulators: &Simulators) -> LivestormUnknowns {
    simulators.world().options.unknowns.livestorm.clone()
}

fn attendance(seconds: u64) -> Attendance {
    Attendance { seconds, messages: 3, questions: 1, votes: 2, up_votes: 4, ..Attendance::default() }
}

/// Ana was there, Bo was not, and an hour after the beginning it is over.
fn session_over(simulators: &Simulators, clock: &SimulatedClock) -> (String, String, String) {
    let unknowns = unknowns(simulators);
    let (_, session, ana) = ana_registered(simulators);
    let bo = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    let bo = simulators.world().livestorm.register(&session, bo).unwrap();
    assert!(simulators.world().livestorm.start_session(&session));
    wait(clock, 3600);
    assert!(simulators.world().livestorm.attend(&session, &ana, attendance(900), &unknowns));
    assert!(simulators.world().livestorm.end_session(&session, &unknowns));
    (session, ana, bo)
}

fn person(simulators: &Simulators, session: &str, person: &str) -> Value {
    let (status, body) = get(simulators, &format!("/v1/sessions/{session}/people/{person}"));
    if status == 200 { body["data"]["attributes"].clone() } else { json!(status) }
}

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
fn an_event_has_tags_and_an_owner() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let mut world = simulators.world();
    let omar = NewTeamMember {
        email: "omar@livestorm-customer.example".into(),
        first_name: "Omar".into(),
        last_name: "Other".into(),
        role: TeamRole::Moderator,
        pending_invite: false,
    };
    let omar = world.livestorm.add_team_member(omar);
    assert!(world.livestorm.set_event_owner(&event, &omar) && !world.livestorm.set_event_owner(&event, "nobody"));
    for title in ["Product", "EMEA", "product"] {
        assert!(world.livestorm.tag_event(&event, title));
    }
    drop(world);
    let rows = [
        (format!("/v1/events/{event}"), "/data/attributes/owner/attributes/first_name", Some(json!("Omar"))),
        (format!("/v1/events/{event}"), "/included", None),
        (format!("/v1/events/{event}?include=tags"), "/included/1/attributes/title", Some(json!("EMEA"))),
        (format!("/v1/events/{event}?include=tags"), "/included/2", None),
        (format!("/v1/events/{event}?include=tags"), "/data/relationships/tags/data/0/type", Some(json!("tags"))),
        (format!("/v1/events/{event}?include=sessions,tags"), "/included/0/id", Some(json!(session))),
        ("/v1/events?filter[tag]=emea,other".to_owned(), "/meta/record_count", Some(json!(1))),
        ("/v1/events?filter[tag]=other".to_owned(), "/meta/record_count", Some(json!(0))),
    ];
    for (path, pointer, value) in rows {
        let (status, body) = get(&simulators, &path);
        assert_eq!((status, body.pointer(pointer)), (200, value.as_ref()), "{path} {pointer}");
    }
}

#[test]
fn webhooks_questions_and_jobs_are_listed() {
    let (simulators, _) = started();
    ana_registered(&simulators);
    let mut world = simulators.world();
    world.livestorm.add_attribute("topics", "Topics", "multiple_select");
    let heard = world.livestorm.add_subscription("people.registered", "https://hooks.example.org/1");
    let dead = world.livestorm.add_subscription("session.ended", "https://hooks.example.org/2");
    assert!(world.livestorm.disable_subscription(&dead));
    let job = world.livestorm.add_job(2, 1);
    drop(world);
    let rows = [
        ("/v1/webhooks".to_owned(), "/meta/record_count", json!(1)),
        ("/v1/webhooks".to_owned(), "/data/0/id", json!(heard)),
        ("/v1/webhooks?filter[event]=session.ended".to_owned(), "/meta/record_count", json!(0)),
        ("/v1/people_attributes?filter[builtin]=true".to_owned(), "/meta/record_count", json!(11)),
        ("/v1/people_attributes?filter[builtin]=false".to_owned(), "/data/0/attributes/slug", json!("topics")),
        ("/v1/people_attributes?page[size]=5&page[number]=2".to_owned(), "/meta/page_count", json!(3)),
        ("/v1/people_attributes?sort=-slug".to_owned(), "/data/0/attributes/slug", json!("website")),
        ("/v1/people_attributes?sort=size".to_owned(), "/errors/0/code", json!("400")),
        (format!("/v1/jobs/{job}"), "/data/attributes/status", json!("failed")),
        ("/v1/jobs/none".to_owned(), "/errors/0/code", json!("404")),
    ];
    for (path, pointer, value) in rows {
        assert_eq!(get(&simulators, &path).1.pointer(pointer), Some(&value), "{path} {pointer}");
    }
}

#[test]
fn a_path_needs_its_scope_and_what_lacks_it_is_answered_by_a_switch() {
    let (simulators, _) = started();
    let rows = [
        ("/v1/ping", None),
        ("/v1/me", Some(Scope::Identity)),
        ("/v1/events", Some(Scope::Events)),
        ("/v1/people_attributes", Some(Scope::Events)),
        ("/v1/users", Some(Scope::Admin)),
        ("/v1/webhooks", Some(Scope::Webhooks)),
    ];
    let scopes = [Scope::Identity, Scope::Events, Scope::Admin, Scope::Webhooks];
    for status in [403, 401] {
        simulators.world().options.unknowns.livestorm.missing_scope_status = status;
        for (path, needed) in rows {
            for missing in scopes {
                simulators.world().livestorm.missing_scopes = BTreeSet::from([missing]);
                let expected = if needed == Some(missing) { status } else { 200 };
                assert_eq!(get(&simulators, path).0, expected, "{path} without {missing:?}");
            }
        }
    }
    simulators.world().livestorm.missing_scopes = BTreeSet::from([Scope::Identity]);
    assert_eq!(get(&simulators, "/v1/organization").0, 200, "either of two scopes opens it");
}

/// S1-11, S1-12, S1-14, S1-18, S1-19.
#[test]
fn native_bodies_have_exactly_the_fields_of_the_documents() {
    const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/livestorm/webhooks_native");
    let (simulators, clock) = started();
    let unknowns = LivestormUnknowns { absentees_listed: false, ..unknowns(&simulators) };
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent::default());
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    let person = world.livestorm.register(&session, NewRegistrant::default()).unwrap();
    drop(world);
    let check = |file: &str, occurrence: Occurrence| {
        let document = std::fs::read(format!("{DOCUMENTS}/{file}.json")).unwrap();
        let built = simulators.world().livestorm.webhook_body(&occurrence, Dialect::Native, &unknowns).unwrap();
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        paths(&serde_json::from_slice(&document).unwrap(), "", &mut wanted);
        paths(&serde_json::from_slice(&built).unwrap(), "", &mut found);
        assert_eq!(found, wanted, "{file}");
        serde_json::from_slice::<Value>(&built).unwrap()
    };
    // Minutes in the one dialect, seconds in the other.
    let created = check("event_created", Occurrence::EventCreated { event: event.clone() });
    assert_eq!(created["data"]["attributes"]["estimated_duration"], json!(30));
    check("session_created", Occurrence::SessionCreated { session: session.clone() });
    let published = check("event_published", Occurrence::EventPublished { event });
    assert_eq!(published["webinar"]["estimated_duration"], json!(1800));
    check("new_registrant", Occurrence::Registered { session: session.clone(), person: person.clone() });
    simulators.world().livestorm.start_session(&session);
    check("event_starts", Occurrence::SessionStarted { session: session.clone() });
    wait(&clock, 91);
    simulators.world().livestorm.attend(&session, &person, attendance(181), &unknowns);
    simulators.world().livestorm.end_session(&session, &unknowns);
    let ended = check("event_ends", Occurrence::SessionEnded { session });
    let rows = [
        ("duration", json!(91)),
        ("nb_attended", json!(1)),
        ("nb_registered", json!(2)),
        ("ended_at", json!("2026-11-23T09:01:31.000Z")),
    ];
    for (name, value) in rows {
        assert_eq!(ended["webinar"][name], value, "{name}");
    }
    let attendee = &ended["webinar"]["attendees"][0];
    assert_eq!((&attendee["attendance_duration"], &attendee["attendance_rate"]), (&json!(181), &json!(100)));
}

/// Spec 001 does not say; its one example has nobody who was absent.
#[test]
fn whether_absentees_stand_among_the_legacy_attendees_is_a_switch() {
    let (simulators, clock) = started();
    let (session, ..) = session_over(&simulators, &clock);
    for (absentees_listed, here) in [(true, vec![false, true, false]), (false, vec![true])] {
        let unknowns = LivestormUnknowns { absentees_listed, ..unknowns(&simulators) };
        let told = Occurrence::SessionEnded { session: session.clone() };
        let body = simulators.world().livestorm.webhook_body(&told, Dialect::Native, &unknowns).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let attendees = body["webinar"]["attendees"].as_array().unwrap();
        let found: Vec<_> = attendees.iter().map(|person| person["is_attendance"].as_bool().unwrap()).collect();
        assert_eq!(found, here);
        assert_eq!(body["webinar"]["nb_attended"], 1);
    }
}

/// Each REST name, told of one story: an event whose session Ana attends and Bo does not, and whose recording Bo watches.
fn told_by_rest(simulators: &Simulators, clock: &SimulatedClock) -> Vec<(Occurrence, Value)> {
    let mut told = vec![];
    let mut tell = |occurrence: Occurrence| {
        let world = simulators.world();
        let unknowns = &world.options.unknowns.livestorm;
        let body = world.livestorm.webhook_body(&occurrence, Dialect::RestManaged, unknowns).unwrap();
        told.push((occurrence, serde_json::from_slice(&body).unwrap()));
    };
    let unknowns = unknowns(simulators);
    let event = simulators.world().livestorm.create_event(NewEvent {
        fields: vec![FormField::text("company"), FormField::text("topics")],
        ..Default::default()
    });
    tell(Occurrence::EventCreated { event: event.clone() });
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = simulators.world().livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    tell(Occurrence::SessionCreated { session: session.clone() });
    wait(clock, 60);
    simulators.world().livestorm.publish(&event);
    tell(Occurrence::EventPublished { event });
    wait(clock, 60);
    let ana = NewRegistrant {
        fields: vec![("company".into(), json!("Lima & Söhne")), ("topics".into(), json!("Webinars"))],
        referrer: Some("https://www.example.org/events".into()),
        utm: Utm { source: Some("newsletter".into()), campaign: Some("autumn".into()), ..Default::default() },
        ..Default::default()
    };
    let ana = simulators.world().livestorm.register(&session, ana).unwrap();
    tell(Occurrence::Registered { session: session.clone(), person: ana.clone() });
    let bo = NewRegistrant {
        email: "bo@example.org".into(),
        first_name: "Bo".into(),
        last_name: "Berg".into(),
        ..Default::default()
    };
    let bo = simulators.world().livestorm.register(&session, bo).unwrap();
    wait(clock, 6 * 3600);
    simulators.world().livestorm.start_session(&session);
    tell(Occurrence::SessionStarted { session: session.clone() });
    wait(clock, 1800);
    simulators.world().livestorm.attend(&session, &ana, attendance(1650), &unknowns);
    simulators.world().livestorm.end_session(&session, &unknowns);
    tell(Occurrence::SessionEnded { session: session.clone() });
    tell(Occurrence::Attended { session: session.clone(), person: ana });
    tell(Occurrence::NotAttended { session: session.clone(), person: bo.clone() });
    wait(clock, 24 * 3600);
    simulators.world().livestorm.watch_replay(&session, &bo, &unknowns);
    tell(Occurrence::WatchedReplay { session, person: bo });
    let job = simulators.world().livestorm.add_job(2, 1);
    tell(Occurrence::JobEnded { job });
    told
}

/// `UPDATE_FIXTURES=1 cargo test -p host-harness webhooks_rest` writes them anew.
#[test]
fn the_samples_in_webhooks_rest_are_what_the_simulator_writes() {
    const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/livestorm/webhooks_rest");
    let (simulators, clock) = started();
    let told = told_by_rest(&simulators, &clock);
    let names: BTreeSet<_> = told.iter().map(|(occurrence, _)| occurrence.name()).collect();
    assert_eq!((told.len(), names.len()), (10, 10), "each name once: {names:?}");
    for (occurrence, body) in told {
        let path = format!("{SAMPLES}/{}.json", occurrence.name().replace('.', "_"));
        let written = format!("{}\n", serde_json::to_string_pretty(&body).unwrap());
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written, "{path}");
    }
}

#[test]
fn a_rest_managed_body_is_the_resource_with_its_webhook_and_organisation() {
    let (simulators, clock) = started();
    let told = told_by_rest(&simulators, &clock);
    for (occurrence, mut body) in told {
        let meta = body["data"].as_object_mut().unwrap().remove("meta").unwrap();
        assert_eq!(meta["webhook"]["event"], occurrence.name());
        assert_eq!(meta["webhook"]["organization_id"], json!(simulators.world().livestorm.organization_id));
        let id = body["data"]["id"].as_str().unwrap();
        let path = match &occurrence {
            Occurrence::EventCreated { .. } | Occurrence::EventPublished { .. } => format!("/v1/events/{id}"),
            Occurrence::SessionCreated { .. } | Occurrence::SessionStarted { .. } | Occurrence::SessionEnded { .. } => {
                format!("/v1/sessions/{id}")
            }
            Occurrence::Registered { session, .. }
            | Occurrence::Attended { session, .. }
            | Occurrence::NotAttended { session, .. }
            | Occurrence::WatchedReplay { session, .. } => format!("/v1/sessions/{session}/people/{id}"),
            Occurrence::JobEnded { .. } => format!("/v1/jobs/{id}"),
        };
        let (_, read) = get(&simulators, &path);
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        paths(&read["data"], "", &mut wanted);
        paths(&body["data"], "", &mut found);
        // Watched since then: what was null has become an object.
        wanted.remove("/attributes/replay_view_detail/watched_at");
        found.remove("/attributes/replay_view_detail/watched_at");
        assert_eq!(found, wanted, "{occurrence:?}");
        if let Occurrence::WatchedReplay { .. } | Occurrence::SessionEnded { .. } | Occurrence::JobEnded { .. } =
            occurrence
        {
            assert_eq!(body["data"], read["data"], "nothing has changed since: {occurrence:?}");
        }
    }
}

#[test]
fn the_native_app_has_no_word_for_four_of_the_ten() {
    let (simulators, clock) = started();
    let silent: Vec<_> = told_by_rest(&simulators, &clock)
        .into_iter()
        .filter(|(occurrence, _)| {
            let world = simulators.world();
            let unknowns = &world.options.unknowns.livestorm;
            world.livestorm.webhook_body(occurrence, Dialect::Native, unknowns).is_none()
        })
        .map(|(occurrence, _)| occurrence.name())
        .collect();
    assert_eq!(silent, ["people.attended", "people.not_attended", "people.watched_replay", "job.ended"]);
}

#[test]
fn whether_the_legacy_id_is_the_rest_id_is_a_switch() {
    let (simulators, _) = started();
    let (_, session, person) = ana_registered(&simulators);
    let world = simulators.world();
    for (legacy_person_id, same) in [(LegacyPersonId::Other, false), (LegacyPersonId::SameAsRest, true)] {
        let mut unknowns = world.options.unknowns.livestorm.clone();
        unknowns.legacy_person_id = legacy_person_id;
        let told = Occurrence::Registered { session: session.clone(), person: person.clone() };
        let body = world.livestorm.webhook_body(&told, Dialect::Native, &unknowns).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["attendee"]["identify"] == json!(person), same);
        assert!(body["webinar"]["room_link"].as_str().unwrap().ends_with(&format!("?s={session}")));
        assert_eq!(body["attendee"]["fields"], json!({ "company": "Example Ltd" }));
    }
}

#[test]
fn a_signature_is_the_digest_of_time_secret_and_body() {
    let digest = "fd3ca61dda14c127d4019824da21936d03e2383be875930f47c94c6851dbea4c";
    let body = br#"{"data":{"id":"x"}}"#;
    assert_eq!(webhooks::signature("test-secret", 1_700_000_000, body), format!("1700000000,{digest}"));
}

mod deliveries;
mod jobs;
mod registrations;
mod subscriptions;
