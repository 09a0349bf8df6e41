//! Lists, held against an oracle that knows each row from its answer alone.

use super::*;
use crate::simulators::request::encode;
use proptest::prelude::*;

/// One event, its sessions and their people, by drawn numbers.
#[derive(Clone, Debug)]
struct Drawn {
    title: usize,
    is_published: bool,
    everyone_can_speak: bool,
    on_demand: bool,
    tag: Option<usize>,
    waits: u64,
    sessions: Vec<DrawnSession>,
}

#[derive(Clone, Debug)]
struct DrawnSession {
    starts_in: Option<i64>,
    /// 0 nothing, 1 started, 2 ended, 3 canceled.
    went: u8,
    is_breakout: bool,
    people: Vec<(usize, bool, u64)>,
}

const TITLES: [&str; 4] = ["Demo", "demo", "Product Demo", "Ümläut"];
const TAGS: [&str; 3] = ["EMEA", "emea", "Other"];
const PEOPLE: [&str; 5] =
    ["ana@example.org", "ANA@example.org", "bo+1@example.org", "cy@example.org", "dé@example.org"];

fn drawn_session() -> impl Strategy<Value = DrawnSession> {
    let people = proptest::collection::vec((0..PEOPLE.len(), any::<bool>(), 0u64..3), 0..6);
    (proptest::option::of(-7200i64..7200), 0u8..4, proptest::bool::weighted(0.2), people)
        .prop_map(|(starts_in, went, is_breakout, people)| DrawnSession { starts_in, went, is_breakout, people })
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let sessions = proptest::collection::vec(drawn_session(), 0..4);
    let flags = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.2));
    (0..TITLES.len(), flags, proptest::option::of(0..TAGS.len()), 0u64..3, sessions).prop_map(
        |(title, (is_published, everyone_can_speak, on_demand), tag, waits, sessions)| Drawn {
            title,
            is_published,
            everyone_can_speak,
            on_demand,
            tag,
            waits,
            sessions,
        },
    )
}

fn populate(simulators: &Simulators, clock: &SimulatedClock, events: &[Drawn]) {
    let unknowns = unknowns(simulators);
    for drawn in events {
        wait(clock, drawn.waits);
        let mut world = simulators.world();
        let now = world.now();
        let new = NewEvent { title: TITLES[drawn.title].into(), on_demand: drawn.on_demand, ..Default::default() };
        let event = world.livestorm.create_event(new);
        world.livestorm.set_event_flag(&event, "everyone_can_speak", Some(drawn.everyone_can_speak));
        if let Some(tag) = drawn.tag {
            world.livestorm.tag_event(&event, TAGS[tag]);
        }
        if drawn.is_published {
            world.livestorm.publish(&event);
        }
        drop(world);
        let mut first: Option<String> = None;
        for session in &drawn.sessions {
            let starts_at =
                session.starts_in.map(|seconds| Timestamp::from_seconds(now.seconds().saturating_add_signed(seconds)));
            let breakout_room_of = first.clone().filter(|_| session.is_breakout);
            let new = NewSession { starts_at, breakout_room_of, ..Default::default() };
            let id = simulators.world().livestorm.create_session(&event, new);
            first.get_or_insert_with(|| id.clone());
            for (person, comes, waits) in &session.people {
                wait(clock, *waits);
                let new = NewRegistrant { email: PEOPLE[*person].into(), ..Default::default() };
                let mut world = simulators.world();
                if let Ok(person) = world.livestorm.register(&id, new)
                    && *comes
                {
                    world.livestorm.attend(&id, &person, attendance(60), &unknowns);
                }
            }
            let mut world = simulators.world();
            match session.went {
                1 => world.livestorm.start_session(&id),
                2 => world.livestorm.end_session(&id, &unknowns),
                3 => world.livestorm.cancel_session(&id),
                _ => true,
            };
        }
    }
    wait(clock, 400);
}

/// All rows, by following the pages from 0.
pub(super) fn whole(simulators: &Simulators, path: &str, query: &str, size: usize) -> Vec<Value> {
    let (mut rows, mut next) = (vec![], Some(0));
    while let Some(number) = next {
        let (status, body) = get(simulators, &format!("{path}?page[size]={size}&page[number]={number}&{query}"));
        assert_eq!(status, 200, "{path}?{query}: {body}");
        let (meta, page) = (&body["meta"], body["data"].as_array().unwrap());
        let count = meta["record_count"].as_u64().unwrap();
        assert_eq!(meta["current_page"], json!(number));
        assert_eq!(meta["previous_page"].as_u64(), u64::checked_sub(number, 1));
        assert_eq!(meta["page_count"], json!(count.div_ceil(size.min(50) as u64)));
        assert_eq!(meta["items_per_page"], json!(size.min(50)));
        assert!(page.len() <= size.min(50));
        rows.extend(page.iter().cloned());
        next = meta["next_page"].as_u64();
        if next.is_none() {
            assert_eq!(rows.len() as u64, count, "{path}?{query}");
            let beyond = get(simulators, &format!("{path}?page[size]={size}&page[number]={}&{query}", number + 1));
            assert_eq!(beyond.0, 400, "{path}?{query}: a page beyond the last");
        }
    }
    rows
}

pub(super) fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// A filter, and what a row must be for it.
type Law = (String, Box<dyn Fn(&Value) -> bool>);

fn law(query: impl Into<String>, holds: impl Fn(&Value) -> bool + 'static) -> Law {
    (query.into(), Box::new(holds))
}

fn time_laws(filters: [&str; 2], field: fn(&Value) -> u64, at: u64) -> Vec<Law> {
    let iso = Timestamp::from_seconds(at).utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let [since, until] = filters;
    vec![
        law(format!("filter[{since}]={at}"), move |row| field(row) >= at),
        law(format!("filter[{until}]={at}"), move |row| field(row) <= at),
        law(format!("filter[{since}]={}", encode(&iso)), move |row| field(row) >= at),
        law(format!("filter[{since}]={at}&filter[{until}]={at}"), move |row| field(row) == at),
    ]
}

fn is(pointer: &'static str, value: impl Into<Value>) -> impl Fn(&Value) -> bool {
    let value = value.into();
    move |row| row.pointer(pointer) == Some(&value)
}

fn seconds(pointer: &'static str) -> impl Fn(&Value) -> u64 {
    move |row| row.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

fn event_laws(at: u64) -> Vec<Law> {
    let mut laws = vec![
        law("filter[everyone_can_speak]=true", is("/attributes/everyone_can_speak", true)),
        law("filter[everyone_can_speak]=false", is("/attributes/everyone_can_speak", false)),
        law("filter[title]=DEMO", |row| row["attributes"]["title"].as_str().unwrap().eq_ignore_ascii_case("demo")),
        law(format!("filter[title]={}", encode("ümläut")), is("/attributes/title", "Ümläut")),
    ];
    for status in ["live", "upcoming", "on_demand", "ended", "not_started", "draft", "cancelled", "not_scheduled"] {
        laws.push(law(format!("filter[scheduling_status]={status}"), is("/attributes/scheduling_status", status)));
    }
    laws.extend(time_laws(["created_since", "created_until"], |row| seconds("/attributes/created_at")(row), at));
    laws.extend(time_laws(["updated_since", "updated_until"], |row| seconds("/attributes/updated_at")(row), at));
    laws
}

fn session_laws(at: u64) -> Vec<Law> {
    let mut laws = vec![];
    for status in ["upcoming", "live", "on_demand", "past", "past_not_started", "canceled", "draft"] {
        laws.push(law(format!("filter[status]={status}"), is("/attributes/status", status)));
    }
    laws.extend(time_laws(["created_since", "created_until"], |row| seconds("/attributes/created_at")(row), at));
    laws.extend(time_laws(["updated_since", "updated_until"], |row| seconds("/attributes/updated_at")(row), at));
    // A session that is not planned has no date that could be within any.
    let planned = |row: &Value| seconds("/attributes/estimated_started_at")(row);
    laws.push(law(format!("filter[date_from]={at}"), move |row| planned(row) >= at));
    laws.push(law(format!("filter[date_to]={at}"), move |row| (1..=at).contains(&planned(row))));
    laws
}

fn people_laws(at: u64) -> Vec<Law> {
    let mut laws = vec![
        law("filter[role]=participant", is("/attributes/role", "participant")),
        law("filter[role]=team_member", is("/attributes/role", "team_member")),
        law("filter[attended]=true", is("/attributes/registrant_detail/attended", true)),
        law("filter[attended]=false", is("/attributes/registrant_detail/attended", false)),
    ];
    for email in PEOPLE {
        let same =
            move |row: &Value| row["attributes"]["email"].as_str().unwrap().to_lowercase() == email.to_lowercase();
        laws.push(law(format!("filter[email]={}", encode(email)), same));
    }
    let created = |row: &Value| seconds("/attributes/registrant_detail/created_at")(row);
    laws.extend(time_laws(["created_since", "created_until"], created, at));
    laws.extend(time_laws(["updated_since", "updated_until"], |row| seconds("/attributes/updated_at")(row), at));
    laws
}

fn check(simulators: &Simulators, path: &str, usual: &str, laws: &[Law], size: usize) {
    let all = whole(simulators, path, usual, 50);
    assert_eq!(whole(simulators, path, usual, size), all, "{path} in pages of {size}");
    for (query, holds) in laws {
        let found = whole(simulators, path, &format!("{usual}&{query}"), size);
        let expected: Vec<Value> = all.iter().filter(|row| holds(row)).cloned().collect();
        assert_eq!(ids(&found), ids(&expected), "{path}?{query}");
    }
    let pairs = laws.iter().zip(laws.iter().rev()).take(laws.len() / 2);
    for ((one, holds_one), (other, holds_other)) in pairs {
        let name = |query: &str| query.split('=').next().unwrap_or_default().to_owned();
        if name(one) == name(other) || one.contains('&') || other.contains('&') {
            continue;
        }
        let found = whole(simulators, path, &format!("{usual}&{one}&{other}"), size);
        let expected: Vec<Value> = all.iter().filter(|row| holds_one(row) && holds_other(row)).cloned().collect();
        assert_eq!(ids(&found), ids(&expected), "{path}?{one}&{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn concatenated_pages_are_the_whole_list_and_filters_what_anyone_would_pick_from_it(
        events in proptest::collection::vec(drawn(), 0..6), size in 1usize..60, offset in 0u64..12,
    ) {
        let (simulators, clock) = started();
        simulators.world().options.limits.livestorm_calls_per_second = u32::MAX;
        simulators.world().options.limits.livestorm_calls_per_month = u64::MAX;
        let at = simulators.world().now().seconds() + offset;
        populate(&simulators, &clock, &events);
        check(&simulators, "/v1/events", "", &event_laws(at), size);
        check(&simulators, "/v1/sessions", "", &session_laws(at), size);
        check(&simulators, "/v1/sessions", "filter[include_breakout_rooms]=true", &session_laws(at + 400), size);
        let shown = whole(&simulators, "/v1/sessions", "", 50).len();
        let rooms = simulators.world().livestorm.sessions.all().filter(|s| s.breakout_room_of.is_some()).count();
        prop_assert_eq!(whole(&simulators, "/v1/sessions", "filter[include_breakout_rooms]=true", 50).len(), shown + rooms);
        let sessions: Vec<String> = simulators.world().livestorm.sessions.all().map(|s| s.id.clone()).take(3).collect();
        for session in sessions {
            check(&simulators, &format!("/v1/sessions/{session}/people"), "", &people_laws(at), size);
        }
        let roles_and_addresses: Vec<Law> =
            people_laws(at).into_iter().filter(|(query, _)| query.contains("role") || query.contains("email")).collect();
        let ids: Vec<String> = simulators.world().livestorm.events.all().map(|e| e.id.clone()).take(3).collect();
        for event in ids {
            check(&simulators, &format!("/v1/events/{event}/people"), "", &roles_and_addresses, size);
        }
        check(&simulators, "/v1/people", "", &roles_and_addresses, size);
    }

    /// Each person of a session is in that of its event and in the workspace's, once; and nobody else is.
    #[test]
    fn the_people_of_sessions_events_and_the_workspace_agree(events in proptest::collection::vec(drawn(), 0..5)) {
        let (simulators, clock) = started();
        simulators.world().options.limits.livestorm_calls_per_second = u32::MAX;
        populate(&simulators, &clock, &events);
        let mut everybody: BTreeSet<String> =
            simulators.world().livestorm.team.all().map(|member| member.id.clone()).collect();
        let all: Vec<String> = simulators.world().livestorm.events.all().map(|e| e.id.clone()).collect();
        let as_set = |rows: Vec<Value>| ids(&rows).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        for event in all {
            let sessions = whole(&simulators, &format!("/v1/events/{event}/sessions"), "filter[include_breakout_rooms]=true", 50);
            let mut here = BTreeSet::new();
            for session in ids(&sessions) {
                here.extend(as_set(whole(&simulators, &format!("/v1/sessions/{session}/people"), "", 50)));
            }
            let found = whole(&simulators, &format!("/v1/events/{event}/people"), "", 50);
            prop_assert_eq!(found.len(), here.len());
            prop_assert_eq!(&as_set(found), &here);
            everybody.extend(here);
        }
        let found = whole(&simulators, "/v1/people", "", 50);
        prop_assert_eq!(found.len(), everybody.len());
        prop_assert_eq!(as_set(found), everybody);
    }
}
