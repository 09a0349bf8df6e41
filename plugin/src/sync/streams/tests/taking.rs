//! All three streams: what is declared, what a record says, and that pages, passes, cursors and state may be lost apart.

use super::*;
use crate::story::state::samples;

const STREAMS: [&str; 3] = ["people", "events", "sessions"];

/// S0-4, S0-15, S0-21: half an hour, which the host keeps (RULES 22).
#[test]
fn three_streams_are_declared_with_a_schema_that_names_their_key() {
    let sources: Vec<_> = sources(&context()).into_iter().filter(|source| !source.schema.is_empty()).collect();
    assert_eq!(sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), STREAMS);
    for source in sources {
        assert_eq!((source.min_interval_ms, source.scheduled, source.parameters.as_str()), (30 * MINUTE, true, ""));
        let schema = schema_of(&source.name);
        for key in &source.primary_key {
            assert_eq!(schema["properties"][key]["type"], "string", "{key}");
        }
        for (name, property) in schema["properties"].as_object().unwrap() {
            let property = property["$ref"].as_str().map_or(property, |to| schema.pointer(&to[1..]).unwrap());
            assert!(property["title"].is_string() && property["description"].is_string(), "{name}");
        }
        assert_valid(&source.name, []);
    }
}

/// S0-14, S0-16 to S0-19, S0-31, S0-32.
#[test]
fn an_event_says_what_it_is_called_and_when_it_takes_place() {
    let mut taker = Taker::of("events", Livestorm::new());
    let told = taker.told();
    assert_valid("events", told.values());
    assert_eq!(told.keys().collect::<Vec<_>>(), ["E1", "E2"]);
    let mut demo = told["E1"].clone();
    let settings = demo["settings"].take();
    assert_eq!(
        demo,
        json!({"id": "E1", "title": "Product demo", "slug": "product-demo", "status": "published",
            "scheduling_status": "upcoming", "estimated_duration": 30, "timezone": "Europe/Paris",
            "scheduled_at": "2026-11-23T15:00:00Z", "settings": null, "published_at": "2026-11-02T15:00:00Z",
            "created_at": "2026-11-01T15:00:00Z", "updated_at": "2026-11-02T15:00:00Z"})
    );
    assert_eq!(
        (&settings["registration_page_enabled"], &settings["everyone_can_speak"]),
        (&json!(true), &json!(false))
    );
    assert_eq!((&settings["recording_public"], &settings["language"]), (&json!(null), &json!("en")));
}

/// S0-20, S0-22 to S0-25.
#[test]
fn a_session_says_when_it_was_how_long_and_how_many_came() {
    let mut livestorm = Livestorm::new();
    livestorm.set("S1", "attendees_count", 1);
    livestorm.sessions.push(session("S4", "E1", "on_demand", 0));
    let mut taker = Taker::of("sessions", livestorm);
    let told = taker.told();
    assert_valid("sessions", told.values());
    assert_eq!(told.keys().collect::<Vec<_>>(), ["S1", "S2", "S3", "S4"]);
    assert_eq!(
        told["S1"],
        json!({"id": "S1", "event_id": "E1", "name": null, "status": "past", "timezone": "Europe/Paris",
            "scheduled_at": "2026-11-22T13:00:00Z", "started_at": "2026-11-22T13:00:00Z",
            "ended_at": "2026-11-22T14:00:00Z", "canceled_at": null, "duration": 3_600, "registrants_count": 3,
            "attendees_count": 1, "created_at": "2026-11-02T15:00:00Z", "updated_at": "2026-11-02T15:00:00Z"})
    );
    assert_eq!((&told["S4"]["status"], &told["S4"]["scheduled_at"]), (&json!("on_demand"), &json!(null)));
}

/// S0-3, S0-15, S0-21: the second pass lists what is near and what was updated, and no more.
#[test]
fn a_pass_in_which_nothing_changed_reads_the_lists_and_tells_nothing() {
    for (stream, lists) in [("people", 2), ("events", 3), ("sessions", 2)] {
        let mut livestorm = Livestorm::new();
        livestorm.page_size = 50;
        let mut taker = Taker::of(stream, livestorm);
        taker.pass();
        taker.now_is(NOW + 30 * MINUTE);
        let (requests, state) = (taker.requests(), taker.state());
        assert_eq!(taker.keys(), Vec::<String>::new(), "{stream}");
        assert_eq!(taker.requests() - requests, lists, "{stream}");
        let records = |state: &State| {
            state.iter().filter(|(key, _)| *key != "pass").map(|(_, entry)| entry.clone()).collect::<Vec<_>>()
        };
        assert_eq!(records(&taker.state()), records(&state), "nothing is written that is as it was");
    }
}

/// S0-15, S0-21.
#[test]
fn what_changed_is_told_alone() {
    let mut sessions = Taker::of("sessions", Livestorm::new());
    sessions.pass();
    sessions.now_is(NOW + HOUR);
    sessions.change(|livestorm| livestorm.set("S2", "status", "live"));
    // Far away, so that only the time of its update shows it.
    sessions.change(|livestorm| livestorm.set("S3", "status", "canceled"));
    assert_eq!(sessions.keys(), ["S2"]);
    sessions.change(|livestorm| livestorm.set("S3", "updated_at", seconds(NOW + HOUR)));
    assert_eq!(sessions.keys(), ["S3"]);

    let mut events = Taker::of("events", Livestorm::new());
    events.pass();
    events.now_is(NOW + HOUR);
    events.change(|livestorm| {
        // Its next session is over: the last one counts.
        livestorm.set("S2", "status", "past");
        let event = livestorm.at(|livestorm| &mut livestorm.events, "E2");
        event["title"] = "Welcome".into();
        event["updated_at"] = seconds(NOW + HOUR).into();
    });
    let told = events.told();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["E2"], "S2 was the next one and is the last one");
    events.change(|livestorm| livestorm.set("S2", "estimated_started_at", seconds(NOW + 2 * DAY)));
    assert_eq!(events.told()["E1"]["scheduled_at"], "2026-11-24T15:00:00Z");
}

/// What is not in the list of everything any more was deleted; said after a week at the latest.
#[test]
fn what_was_deleted_is_told_as_deleted_by_a_reading_of_everything() {
    for (stream, gone) in [("events", "(E2)"), ("sessions", "(S3)"), ("people", "(di@example.org)")] {
        let mut taker = Taker::of(stream, Livestorm::new());
        taker.pass();
        taker.change(|livestorm| {
            livestorm.events.retain(|event| event["id"] != "E2");
            livestorm.sessions.retain(|session| session["id"] != "S3");
        });
        taker.now_is(NOW + 6 * DAY);
        assert_eq!(taker.keys(), Vec::<String>::new(), "{stream}");
        taker.now_is(NOW + 8 * DAY);
        assert_eq!(taker.keys(), [gone], "{stream}");
        taker.now_is(NOW + 16 * DAY);
        assert_eq!(taker.keys(), Vec::<String>::new(), "{stream}");
    }
}

/// A row moved up while the list was read, so that one was never seen; that is no deletion, and the list is read again.
#[test]
fn a_list_that_moves_while_it_is_read_deletes_nobody() {
    for stream in STREAMS {
        let mut taker = Taker::of(stream, Livestorm::new());
        taker.pass();
        let everything = last_rows(stream, &taker.rows);
        taker.cursor = None;
        taker.now_is(NOW + DAY);
        // After the first page of sessions: the last one is on no page of this reading.
        taker.change(|livestorm| {
            let session = livestorm.sessions.remove(0);
            livestorm.sessions.push(session);
            livestorm.happens = Some((livestorm.asked + 1, |livestorm| livestorm.sessions.rotate_right(1)));
        });
        taker.rows.clear();
        assert_eq!(taker.told().keys().collect::<Vec<_>>(), everything.keys().collect::<Vec<_>>(), "{stream}");
    }
}

/// Rows are taken away while the last page is about to be read: 400 is the end of the list.
#[test]
fn a_page_past_the_last_is_an_end_and_no_error() {
    let mut livestorm = Livestorm::new();
    livestorm.happens = Some((1, |livestorm| {
        livestorm.sessions.pop();
    }));
    let mut taker = Taker::of("sessions", livestorm);
    assert_eq!(taker.keys(), ["S1", "S2"]);
}

/// The calls of the month end in the middle of a list: nothing is lost of what was read, and nothing is read twice.
#[test]
fn a_quota_that_ends_within_a_pass_is_waited_for_and_nothing_is_read_twice() {
    for stream in STREAMS {
        let mut whole = Taker::of(stream, Livestorm::new());
        let expected = whole.told();
        for calls in 0..whole.requests() {
            let mut taker = Taker::of(stream, Livestorm::new());
            taker.change(|livestorm| livestorm.calls_left = Some(calls));
            let stopped = loop {
                match taker.page() {
                    Ok(more) => assert!(more),
                    Err(why) => break why,
                }
            };
            let Interruption::Later(wait) = stopped else { panic!("{stopped:?}") };
            assert_eq!(wait.until, NOW + HOUR);
            assert!(wait.reason.contains("the month's calls are used up"), "{}", wait.reason);
            taker.now_is(NOW + HOUR);
            taker.change(|livestorm| livestorm.calls_left = None);
            assert_eq!(taker.told(), expected);
            assert_eq!(taker.livestorm.borrow().asked, whole.requests());
        }
    }
}

/// Whoever takes the pages is killed before they have kept the cursor: the page is asked for once more, be its state
/// written or not.
#[test]
fn a_page_that_is_asked_for_once_more_says_the_same_again() {
    for stream in STREAMS {
        let mut whole = Taker::of(stream, Livestorm::new());
        let expected = whole.told();
        for state_is_kept in [true, false] {
            let mut taker = Taker::of(stream, Livestorm::new());
            loop {
                let (cursor, state, rows) = (taker.cursor.clone(), taker.state(), taker.rows.len());
                let more = taker.page().unwrap();
                let told = taker.rows.split_off(rows);
                if !state_is_kept {
                    taker.host.swap_state(state);
                }
                let was_first = cursor.is_none();
                let next = std::mem::replace(&mut taker.cursor, cursor);
                assert_eq!(taker.page(), Ok(more), "{stream}");
                assert_eq!(taker.rows[rows..], told);
                assert!(was_first || taker.cursor == next || state_is_kept, "{:?} {next:?}", taker.cursor);
                if !more {
                    break;
                }
            }
            assert_eq!(last_rows(stream, &taker.rows), expected, "{stream}, {state_is_kept}");
        }
    }
}

/// The cursor says who was told what, the state what was found; either may be older, or lost.
#[test]
fn an_older_cursor_is_told_all_that_changed_since_and_a_lost_state_is_gathered_anew() {
    let mut taker = Taker::of("sessions", Livestorm::new());
    taker.pass();
    let (first, state) = (taker.cursor.clone(), taker.state());
    taker.now_is(NOW + HOUR);
    taker.change(|livestorm| livestorm.set("S1", "attendees_count", 1));
    assert_eq!(taker.keys(), ["S1"]);
    taker.now_is(NOW + 2 * HOUR);
    taker.change(|livestorm| livestorm.set("S2", "status", "live"));
    assert_eq!(taker.keys(), ["S2"]);
    let last = taker.cursor.clone();

    taker.now_is(NOW + 3 * HOUR);
    taker.cursor.clone_from(&first);
    assert_eq!(taker.keys(), ["S1", "S2"], "the cursor is older");
    taker.host.swap_state(state);
    taker.cursor.clone_from(&last);
    assert_eq!(taker.keys(), ["S1", "S2"], "the state is older");
    taker.host.swap_state(State::new());
    assert_eq!(taker.keys(), ["S1", "S2", "S3"], "the state is lost");
    taker.cursor = None;
    assert_eq!(taker.keys(), ["S1", "S2", "S3"], "the cursor is lost");
    assert_eq!(taker.keys(), Vec::<String>::new());
}

/// Of a pass that was never ended nothing is taken for told.
#[test]
fn a_pass_that_was_given_up_is_made_good_by_the_next() {
    for stream in STREAMS {
        let mut whole = Taker::of(stream, Livestorm::new());
        let (expected, mut pages) = (whole.told(), 0);
        loop {
            let mut taker = Taker::of(stream, Livestorm::new());
            taker.pass();
            let (cursor, rows) = (taker.cursor.clone(), taker.rows.len());
            taker.host.swap_state(State::new());
            taker.now_is(NOW + HOUR);
            let is_over = (0..pages).any(|_| !taker.page().unwrap());
            taker.now_is(NOW + DAY);
            taker.cursor = cursor;
            taker.rows.truncate(rows);
            if is_over {
                break;
            }
            assert_eq!(taker.told(), expected, "{stream} given up after {pages}");
            pages += 1;
        }
        assert!(pages >= 3);
    }
}

#[test]
fn a_cursor_of_the_future_of_another_stream_or_cut_off_reads_nothing() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    let good = taker.cursor.clone().unwrap();
    let (requests, state) = (taker.requests(), taker.state());
    let mut other = Taker::of("events", Livestorm::new());
    other.page().unwrap();
    let mut refused = |cursor: &str, now: Instant, expected: &str| {
        taker.now_is(now);
        taker.cursor = Some(cursor.into());
        let Err(Interruption::BadCursor(why)) = taker.page() else { panic!("{cursor}") };
        assert!(why.contains(expected), "{why}");
        assert_eq!((taker.requests(), taker.state()), (requests, state.clone()));
    };
    refused(&good, NOW - DAY, "it lies in the future");
    refused(&other.cursor.unwrap(), NOW, "it is of the source events");
    refused(&good[..good.len() / 2], NOW, "it is not JSON");
    refused(&good.replace("\"done\":", "\"gone\":"), NOW, "`done` in it is wrong");
}

/// Before a pass it is said what it costs.
#[test]
fn the_cost_is_told_before_a_pass_and_holds() {
    for stream in STREAMS {
        let mut taker = Taker::of(stream, Livestorm::new());
        taker.change(|livestorm| livestorm.page_size = 50);
        for at in [NOW, NOW + HOUR, NOW + 8 * DAY] {
            taker.now_is(at);
            let before = taker.requests();
            let [cost] = &estimate(&taker.host, &context(), stream, "").unwrap()[..] else { panic!("one connection") };
            let asked = taker.requests() - before;
            assert!(asked <= 3, "{asked}");
            taker.pass();
            let calls = (taker.requests() - before - asked) as u64;
            assert!((cost.least..=cost.most).contains(&calls), "{stream}: {calls} of {cost:?}");
            assert_eq!(cost.connection, "livestorm");
        }
    }
}

/// Where the first version stood, in the middle of a pass, is gone on from by every later one: no page is read again that it
/// had read, and the same is told.
#[test]
fn what_the_first_version_left_is_gone_on_with() {
    for (stream, pages, cursor) in [
        ("people", 3, r#"{"at":1795359600000,"of":{"done":0,"pass":1795359600000},"source":"people"}"#),
        ("events", 3, r#"{"at":1795359600000,"of":{"done":0,"pass":1795359600000,"told":""},"source":"events"}"#),
        ("sessions", 1, r#"{"at":1795359600000,"of":{"done":0,"pass":1795359600000},"source":"sessions"}"#),
    ] {
        let mut whole = Taker::of(stream, Livestorm::new());
        let expected = whole.told();
        let mut taker = Taker::of(stream, Livestorm::new());
        let entry = |(key, value): (&str, &str)| {
            (key.to_string(), Entry { key: key.into(), value: value.into(), subject: None })
        };
        taker.host.swap_state(samples(&format!("sync/{stream}")).map(entry).collect());
        taker.cursor = Some(cursor.into());
        assert_eq!(taker.told(), expected, "{stream}");
        assert_eq!(taker.requests(), whole.requests() - pages, "{stream}");
    }
}
