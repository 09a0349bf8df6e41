//! Stories of past sessions, which somebody asks for (RULES 7).

use super::{START, queue::Story, registered, session_attributes, world::Fault};
use crate::{
    account_engagement::time,
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE},
    connector,
    host::{Cost, DAY, HOUR, Interruption, Level, MINUTE, Page, Trigger},
};
use serde_json::{Value, json};

const SINCE: &str = r#"{"since": "2026-10-01"}"#;

/// When the session of that number began.
fn began(number: u64) -> u64 {
    START - (30 - number) * DAY
}

fn past(number: u64) -> Value {
    let mut attributes = session_attributes(began(number));
    attributes["status"] = json!("past");
    attributes["created_at"] = json!((began(number) - 10 * DAY) / 1_000);
    attributes["started_at"] = json!(began(number) / 1_000);
    attributes["ended_at"] = json!((began(number) + HOUR) / 1_000);
    attributes
}

fn person(number: u64, email: &str, attended: Option<(u64, u64, u64)>) -> Value {
    let mut row = registered(&format!("S{number}"), email, began(number) - DAY, "Example")["data"].take();
    let (seconds, messages, questions) = attended.unwrap_or_default();
    row["attributes"]["messages_count"] = json!(messages);
    row["attributes"]["questions_count"] = json!(questions);
    row["attributes"]["registrant_detail"]["attended"] = json!(attended.is_some());
    row["attributes"]["registrant_detail"]["attendance_duration"] = json!(seconds);
    row
}

/// Past sessions S1 and on, each with five people of whom one was in the one before, and one has watched the replay.
fn with_past_sessions(count: u64) -> Story {
    let story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        for number in 1..=count {
            world.sessions.insert(format!("S{number}"), past(number));
            let email = |who: u64| format!("p{}@example.org", 4 * number + who);
            let mut people: Vec<Value> = vec![
                person(number, &email(0), Some((1_800, 2, 1))),
                person(number, &email(1), None),
                person(number, &email(2), Some((60, 0, 0))),
                person(number, &email(3), Some((600, 0, 3))),
                person(number, &email(4), None),
            ];
            people[1]["attributes"]["registrant_detail"]["has_viewed_replay"] = json!(true);
            people[1]["attributes"]["replay_view_detail"] = json!({"watched_at": (began(number) + 2 * DAY) / 1_000});
            world.people.insert(format!("S{number}"), people);
        }
    }
    story
}

/// Page by page to the end of the request, and all that follows.
fn fill(story: &mut Story, parameters: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    loop {
        pages.push(story.page("backfill", parameters).unwrap());
        story.run_due();
        if !pages.last().is_some_and(|page| page.more) {
            story.settle();
            return pages;
        }
    }
}

/// The source campaign of somebody who was in two sessions is that of the one handled first (RULES 3).
fn told(story: &Story) -> Value {
    let mut told = story.world.borrow().told();
    let prospects = told["prospects"].as_array_mut().unwrap();
    prospects.iter_mut().for_each(|prospect| prospect["campaignId"] = Value::Null);
    prospects.sort_by_key(Value::to_string);
    told
}

/// S2-41, S2-59.
#[test]
fn without_a_request_nothing_of_the_past_is_touched() {
    let mut story = with_past_sessions(3);
    story.reconcile_until(START + 10 * DAY, 3 * HOUR);
    let world = story.world.borrow();
    assert_eq!((world.campaigns.len(), world.lists.len(), world.prospects.len(), world.activities.len()), (0, 0, 0, 0));
}

#[test]
fn a_past_session_gets_campaign_list_and_people_with_their_true_dates() {
    let mut story = with_past_sessions(1);
    let pages = fill(&mut story, SINCE);
    assert_eq!(pages.iter().map(|page| page.tasks.len()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    let began = began(1);
    let (registered, ended) = (time(began - DAY), time(began + HOUR));
    let expected = [
        format!("p4@example.org attendance_duration 1800 {ended}"),
        format!("p4@example.org messages_sent 2 {ended}"),
        format!("p4@example.org people_registered S1 {registered}"),
        format!("p4@example.org questions_asked 1 {ended}"),
        format!("p4@example.org session_attended S1 {ended}"),
        format!("p5@example.org people_registered S1 {registered}"),
        format!("p5@example.org session_not_attended S1 {ended}"),
        format!("p5@example.org watched_replay S1 {}", time(began + 2 * DAY)),
    ];
    assert_eq!(super::ends::activities(&story)[..8], expected);
    let world = story.world.borrow();
    let campaign = &world.campaigns[0].value;
    assert_eq!(campaign["Name"], "Product demo - 2026-10-24 15:00 UTC");
    assert_eq!((&campaign["StartDate"], &campaign["EndDate"]), (&json!("2026-10-24"), &json!("2026-10-24")));
    assert_eq!((world.lists.len(), world.memberships.len()), (1, 5));
    drop(world);
    assert!(!story.keys("session/S1").iter().any(|key| key.starts_with("roster/")), "nobody reads them any more");
}

/// RULES 7, 22: whom a webhook told of in vain is found by the request, and that says nothing of the webhooks.
#[test]
fn who_registers_for_an_old_session_is_left_out_before_a_request_and_written_after() {
    let mut story = with_past_sessions(1);
    let address = ("livestorm".to_string(), "https://hooks.example.org/made-up".to_string());
    story.trigger(&Trigger::Activated(vec![address], START));
    let hooks = story.world.borrow().webhooks.clone();
    assert_eq!(hooks.len(), 4);
    story.advance_to(START + 3 * HOUR);
    let late = |email: &str| registered("S1", email, START + 3 * HOUR, "Example");
    story.deliver(&late("early@example.org"));
    story.world.borrow_mut().people.get_mut("S1").unwrap().push(late("early@example.org")["data"].take());
    story.settle();
    assert_eq!(story.world.borrow().prospects.len(), 0);
    story.advance(DAY);
    fill(&mut story, SINCE);
    story.deliver(&late("late@example.org"));
    story.settle();
    let activities = super::ends::activities(&story);
    for email in ["early@example.org", "late@example.org"] {
        let of: Vec<&String> = activities.iter().filter(|told| told.starts_with(email)).collect();
        assert_eq!(of, [&format!("{email} people_registered S1 {}", time(START + 3 * HOUR))]);
    }
    assert_eq!(story.world.borrow().webhooks, hooks);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

#[test]
fn a_request_that_is_cut_twice_and_made_again_doubles_nothing() {
    let mut whole = with_past_sessions(7);
    let pages = fill(&mut whole, SINCE);
    assert_eq!(pages.iter().map(|page| page.tasks.len()).collect::<Vec<_>>(), [0, 5, 2, 0]);
    assert_eq!(told(&whole)["campaigns"].as_array().map(Vec::len), Some(7));
    let mut story = with_past_sessions(7);
    story.page("backfill", SINCE).unwrap();
    // Cut before it became durable: it says the same once more.
    let (lost, _) = story.page_lost("backfill", SINCE).unwrap();
    story.advance(HOUR);
    let page = story.page("backfill", SINCE).unwrap();
    assert_eq!(page, lost);
    story.run_due();
    let (lost, _) = story.page_lost("backfill", SINCE).unwrap();
    story.settle();
    assert_eq!(story.page("backfill", SINCE).unwrap(), lost);
    fill(&mut story, SINCE);
    assert_eq!(told(&story), told(&whole));
    // Another request, and one whose place is known no more.
    let sent = story.sent();
    story.advance(DAY);
    fill(&mut story, SINCE);
    let writes = story.sent_since(sent).into_iter().filter(|request| request.repeat != crate::host::Repeat::Read);
    assert_eq!(writes.map(|request| request.purpose).collect::<Vec<_>>(), Vec::<String>::new());
    story.forget_source("backfill");
    story.forget_done();
    fill(&mut story, SINCE);
    assert_eq!(told(&story), told(&whole));
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

/// A list whose rows move up while it is read, and people on more than one page.
#[test]
fn a_session_that_slips_between_two_pages_of_the_list_is_found() {
    let mut story = with_past_sessions(5);
    story.world.borrow_mut().page_size = 2;
    story.page("backfill", SINCE).unwrap();
    assert_eq!(story.page("backfill", SINCE).unwrap().tasks.len(), 2);
    story.world.borrow_mut().sessions.remove("S1");
    fill(&mut story, SINCE);
    assert_eq!(told(&story)["lists"].as_array().map(Vec::len), Some(4), "all but the one that is gone");
    assert_eq!(story.world.borrow().memberships.len(), 20);
    assert!(story.host.lines(Level::Info).contains(&"backfill-gone".to_string()));
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

/// In the middle of one request another one is made.
#[test]
fn another_request_begins_anew() {
    let mut story = with_past_sessions(7);
    story.page("backfill", SINCE).unwrap();
    story.page("backfill", SINCE).unwrap();
    let other = r#"{"since": "2026-10-28"}"#;
    assert!(story.page("backfill", other).unwrap().tasks.is_empty());
    let keys: Vec<String> =
        story.page("backfill", other).unwrap().tasks.into_iter().map(|task| task.ordering_key).collect();
    assert_eq!(keys, ["session/S5", "session/S6", "session/S7"]);
}

/// Each request of a session gone wrong, and the whole given again.
#[test]
fn interrupted_anywhere_and_given_again_nothing_is_doubled() {
    let mut whole = with_past_sessions(2);
    fill(&mut whole, SINCE);
    assert_eq!(told(&whole)["campaigns"].as_array().map(Vec::len), Some(2));
    for fault in [Fault::AnswerLost, Fault::RequestLost] {
        for cut in (0..whole.sent()).step_by(3) {
            let mut story = with_past_sessions(2);
            story.world.borrow_mut().fault_at = Some((cut, fault.clone()));
            while !story.page("backfill", SINCE).is_ok_and(|page| !page.more) {
                story.advance(2 * MINUTE);
            }
            story.settle();
            fill(&mut story, SINCE);
            assert_eq!(told(&story), told(&whole), "{fault:?} at {cut}");
            assert_eq!(story.dead_letters(), Vec::<String>::new());
        }
    }
}

#[test]
fn a_session_that_has_its_campaign_is_only_read() {
    let mut story = super::with_linked_session();
    let ended = super::ends::ended_attributes();
    story.world.borrow_mut().sessions.insert("S1".into(), ended);
    let row = super::ends::row("ana@example.org", Some((60, 0, 0)));
    story.world.borrow_mut().people.insert("S1".into(), vec![row]);
    story.advance_to(super::ends::ENDED + 8 * DAY);
    let sent = story.sent();
    fill(&mut story, SINCE);
    let purposes: Vec<String> = story.sent_since(sent).into_iter().map(|request| request.purpose).collect();
    assert_eq!(purposes[..4], ["read sessions", "read session", "read people of session", "look a prospect up"]);
    assert_eq!(super::ends::activities(&story).len(), 3);
    assert_eq!(story.world.borrow().campaigns.len(), 1);
}

/// RULES 8.
#[test]
fn what_gets_no_campaign_is_told_and_what_was_not_meant_is_not() {
    let mut story = with_past_sessions(3);
    {
        let mut world = story.world.borrow_mut();
        let of = |number: u64, status: &str| {
            let mut session = past(number);
            session["status"] = json!(status);
            session["ended_at"] = json!(0);
            session
        };
        world.sessions.insert("S4".into(), of(4, "past_not_started"));
        world.sessions.insert("S5".into(), of(5, "canceled"));
        world.sessions.insert("S6".into(), of(6, "live"));
        let mut room = past(7);
        room["breakout_room_parent_session_id"] = json!("S1");
        world.sessions.insert("S7".into(), room);
        let mut other = past(8);
        other["event_id"] = json!("E2");
        world.sessions.insert("S8".into(), other);
    }
    let pages = fill(&mut story, r#"{"since": "2026-10-25", "event": "E1"}"#);
    let keys = |page: &Page| page.tasks.iter().map(|task| task.ordering_key.clone()).collect::<Vec<_>>();
    assert_eq!(pages.iter().flat_map(keys).collect::<Vec<_>>(), ["session/S2", "session/S3"]);
    let lines = story.host.lines(Level::Info);
    assert_eq!(lines.iter().filter(|line| *line == "backfill-left-out").count(), 3);
    assert_eq!(story.world.borrow().campaigns.len(), 2);
}

/// S1-17 and RULES 21: on demand there is no date and no attendance.
#[test]
fn a_session_on_demand_is_filled_with_registrants_and_views() {
    let mut story = with_past_sessions(1);
    {
        let mut world = story.world.borrow_mut();
        world.event_attributes = json!({"scheduling_status": "on_demand"});
        let session = world.sessions.get_mut("S1").unwrap();
        session["status"] = json!("on_demand");
        session["estimated_started_at"] = json!(0);
        session["ended_at"] = json!(0);
    }
    fill(&mut story, SINCE);
    let activities = super::ends::activities(&story);
    assert_eq!(activities.len(), 6, "{activities:?}");
    assert!(activities.contains(&format!("p5@example.org watched_on_demand S1 {}", time(began(1) + 2 * DAY))));
    assert_eq!(story.world.borrow().campaigns[0].value["Name"], "Product demo");
}

#[test]
fn an_event_that_livestorm_does_not_know_and_wrong_parameters_are_told() {
    let mut story = with_past_sessions(1);
    let fault = Fault::Answer(404, "{}");
    story.world.borrow_mut().faults.push(("read sessions of event", fault));
    let unknown = r#"{"since": "2026-10-01", "event": "E9"}"#;
    story.page("backfill", unknown).unwrap();
    for (parameters, said) in [(unknown, "does not know the event E9"), ("", "not JSON")] {
        let Err(Interruption::Failed(failure)) = story.page("backfill", parameters) else { panic!("{parameters}") };
        assert!(failure.problem.contains(said), "{failure:?}");
    }
}

/// What was estimated, and what was sent, but for the looks for campaigns that come over.
#[test]
fn the_estimate_is_what_is_sent() {
    let mut story = with_past_sessions(12);
    let costs = connector::estimate(&story.host, &story.context, "backfill", SINCE).unwrap();
    let sent = story.sent();
    let pages = fill(&mut story, SINCE);
    let requests = story.sent_since(sent);
    let of = |costs: &[Cost], connection: &str| costs.iter().find(|cost| cost.connection == connection).cloned();
    for (connection, polls) in [(LIVESTORM, 0), (SALESFORCE, 0), (ACCOUNT_ENGAGEMENT, 15)] {
        let is_poll = |path: &[String]| path.last().is_some_and(|last| last == "campaigns");
        let sent = requests.iter().filter(|request| request.connection == connection);
        let sent = sent.filter(|request| connection == SALESFORCE || !is_poll(&request.path)).count() as u64;
        let cost = of(&costs, connection).unwrap();
        let most = cost.most - polls;
        assert!(sent <= most && most * 10 <= sent * 11, "{connection}: {sent} of at most {most}");
        assert!(
            cost.least <= sent + 1 && sent * 8 <= cost.least * 10,
            "{connection}: {sent} of at least {}",
            cost.least
        );
        // What the pages say of their tasks bounds it.
        let told: u64 = pages.iter().filter_map(|page| of(&page.costs, connection)).map(|cost| cost.most).sum();
        assert!(sent <= told + 2, "{connection}: {sent} of {told}");
    }
}
