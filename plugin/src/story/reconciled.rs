//! Stories of lost webhooks: what the reconciliation finds, when, and what it costs.

use super::{
    START,
    ends::{ENDED, STARTS, activities, ended_attributes, row, session_ended, watched},
    queue::Story,
    registered, session_attributes, session_created,
};
use crate::{
    account_engagement::time,
    host::{DAY, HOUR, Host, MINUTE},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const EACH: u64 = 20 * MINUTE;
const EMAILS: [&str; 3] = ["ana@example.org", "ben@example.org", "eve@example.org"];

/// What may be lost.
const DELIVERIES: usize = 6;

/// A session from its making to eight days after its end. Of its webhooks those come that are not lost; a pass is made every three
/// hours where `is_reconciled`.
fn story(lost: [bool; DELIVERIES], is_reconciled: bool) -> Story {
    let mut story = Story::new();
    let go = |story: &mut Story, until: u64| match is_reconciled {
        true => story.reconcile_until(until, 3 * HOUR),
        false => {
            story.settle();
            story.advance_to(until.max(story.host.now()));
        }
    };
    let tell = |story: &mut Story, number: usize, body: &Value| {
        if !lost[number] {
            story.deliver(body);
        }
        story.run_due();
    };
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    tell(&mut story, 0, &session_created("S1", STARTS));
    go(&mut story, START + 2 * HOUR);
    for (number, email) in EMAILS.iter().enumerate() {
        let person = row(email, None);
        story.world.borrow_mut().people.entry("S1".into()).or_default().push(person);
        tell(&mut story, 1 + number, &registered("S1", email, START + MINUTE, "Example"));
    }
    go(&mut story, ENDED);
    {
        let mut world = story.world.borrow_mut();
        let ended = ended_attributes();
        world.change_session("S1", ENDED, |session| *session = ended);
        let rows = [Some((1_800, 2, 1)), None, Some((60, 0, 0))];
        let rows = std::iter::zip(EMAILS, rows).map(|(email, attended)| row(email, attended)).collect();
        world.people.insert("S1".into(), rows);
    }
    tell(&mut story, 4, &session_ended());
    go(&mut story, ENDED + 12 * HOUR);
    let seen_at = ENDED + 12 * HOUR;
    {
        let mut world = story.world.borrow_mut();
        let ben = &mut world.people.get_mut("S1").unwrap()[1];
        ben["attributes"]["registrant_detail"]["has_viewed_replay"] = json!(true);
        ben["attributes"]["replay_view_detail"] = json!({"watched_at": seen_at / 1_000});
    }
    tell(&mut story, 5, &watched("ben@example.org", seen_at));
    go(&mut story, ENDED + 8 * DAY);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    story
}

fn told(story: &Story) -> Value {
    story.world.borrow().told()
}

/// S0-33, S0-35, S1-3: reading tells what webhooks would have, whichever of them is lost.
#[test]
fn each_delivery_that_is_lost_alone_is_caught_up() {
    let expected = told(&story([false; DELIVERIES], false));
    assert_eq!(expected["activities"].as_array().map(Vec::len), Some(3 + 3 + 2 + 2 + 1));
    assert_eq!(told(&story([false; DELIVERIES], true)), expected, "nothing twice where nothing is lost");
    for number in 0..DELIVERIES {
        let lost = std::array::from_fn(|other| other == number);
        assert_eq!(told(&story(lost, true)), expected, "delivery {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// S1-3.
    #[test]
    fn whatever_subset_of_the_deliveries_is_lost_the_world_is_the_same_in_the_end(lost in any::<[bool; DELIVERIES]>()) {
        prop_assert_eq!(told(&story(lost, true)), told(&story([false; DELIVERIES], false)));
    }
}

/// RULES 21: what nothing follows from costs one request, at times two.
#[test]
fn an_idle_pass_is_one_request_and_gives_no_task() {
    let mut story = story([false; DELIVERIES], true);
    story.reconcile_until(ENDED + 9 * DAY, EACH);
    let sent = story.sent();
    let mut given = 0;
    for _ in 0..72 {
        given += story.reconcile();
        story.advance(EACH);
    }
    let requests = story.sent_since(sent);
    assert_eq!(given, 1, "whether the webhooks are there, which costs nothing where there are none");
    assert_eq!(requests.len(), 72 + 12, "the window is looked at every two hours");
    assert!(requests.iter().all(|request| request.purpose == "read sessions"));
}

/// When each lost delivery is made good: before the end at most half a day later, at the end with the reading, replays a day and a
/// week later.
#[test]
fn what_was_lost_comes_within_a_day_of_the_end() {
    let mut story = Story::new();
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", Some((60, 1, 1)))]);
    story.reconcile_until(ENDED + 2 * EACH, EACH);
    assert_eq!(activities(&story).len(), 5);
    let viewed = |story: &Story, number: usize, at: u64| {
        let mut person = row(EMAILS[number], Some((60, 1, 1)));
        person["attributes"]["registrant_detail"]["has_viewed_replay"] = json!(true);
        person["attributes"]["replay_view_detail"] = json!({"watched_at": at / 1_000});
        story.world.borrow_mut().people.insert("S1".into(), vec![person]);
    };
    viewed(&story, 0, ENDED + HOUR);
    story.reconcile_until(ENDED + DAY, EACH);
    assert_eq!(activities(&story).len(), 5);
    story.reconcile_until(ENDED + DAY + 2 * EACH, EACH);
    let replay = format!("ana@example.org watched_replay S1 {}", time(ENDED + HOUR));
    assert!(activities(&story).contains(&replay), "{:?}", activities(&story));
}

/// RULES 21: its webhook told of the end in time, and the first pass that sees it comes two days later.
#[test]
fn an_end_that_is_seen_late_is_read_again_all_the_same() {
    let mut story = super::ends::over(vec![row("ana@example.org", None)]);
    story.deliver(&session_ended());
    story.advance(HOUR);
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", Some((60, 0, 0)))]);
    story.advance(2 * DAY);
    let is_told = |story: &Story| activities(story).iter().any(|told| told.contains("session_attended"));
    assert!(!is_told(&story) && activities(&story).len() == 2, "{:?}", activities(&story));
    story.reconcile();
    story.settle();
    assert!(is_told(&story), "{:?}", activities(&story));
}

/// RULES 7, 8: sessions that have no part in this cost nothing after the first look.
#[test]
fn sessions_from_before_breakout_rooms_and_those_left_out_cost_nothing() {
    let mut story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        let mut old = session_attributes(STARTS);
        old["created_at"] = json!(START / 1_000 - 1_000_000);
        let mut room = session_attributes(STARTS);
        room["breakout_room_parent_session_id"] = json!("S1");
        world.sessions.insert("S1".into(), old);
        world.sessions.insert("S2".into(), room);
    }
    assert_eq!(story.reconcile(), 1, "the webhooks are looked at");
    assert_eq!(story.sent(), 1);
    // Passed over by the settings: its people are read, and once somebody turns out to have registered it is left out for good.
    let mut story = Story::new();
    story.set_up(&json!({"events": {"titles": ["workshop"]}}));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", None)]);
    story.reconcile_until(START + 3 * HOUR, EACH);
    let purposes = |story: &Story| {
        let requests = story.host.requests();
        requests.iter().filter(|request| request.purpose != "read sessions").map(|one| one.purpose.clone()).collect()
    };
    let first: Vec<String> = purposes(&story);
    let at = story.host.now();
    story.world.borrow_mut().change_session("S1", at, |_| {});
    story.reconcile_until(START + 2 * DAY, EACH);
    let later: Vec<String> = purposes(&story);
    assert_eq!(first, later);
    assert_eq!(first.iter().filter(|purpose| *purpose == "read people of session").count(), 1, "{first:?}");
}

/// S1-14: a draft whose event was published without a word.
#[test]
fn a_draft_that_was_published_unheard_gets_its_campaign() {
    let mut story = Story::new();
    story.set_up(&json!({"salesforce_campaign": {"campaign_when": "event_published"}}));
    let mut draft = session_attributes(STARTS);
    draft["status"] = json!("draft");
    story.world.borrow_mut().sessions.insert("S1".into(), draft);
    story.reconcile();
    assert_eq!(story.world.borrow().campaigns.len(), 0);
    story.advance(EACH);
    let at = story.host.now();
    story.world.borrow_mut().change_session("S1", at, |session| session["status"] = json!("upcoming"));
    story.reconcile();
    assert_eq!(story.world.borrow().campaigns.len(), 1);
}

/// RULES 21: replays of a session on demand are looked for once a week.
#[test]
fn a_session_on_demand_is_read_once_a_week() {
    let mut story = Story::new();
    let mut session = session_attributes(0);
    session["status"] = json!("on_demand");
    story.world.borrow_mut().event_attributes = json!({"scheduling_status": "on_demand"});
    story.world.borrow_mut().sessions.insert("S1".into(), session);
    story.reconcile_until(START + 2 * HOUR, EACH);
    let at = START + 2 * DAY;
    let mut person = registered("S1", "ana@example.org", at, "Example")["data"].take();
    person["attributes"]["registrant_detail"]["has_viewed_replay"] = json!(true);
    person["attributes"]["replay_view_detail"] = json!({"watched_at": at / 1_000 + 60});
    story.world.borrow_mut().people.insert("S1".into(), vec![person]);
    let sent = story.sent();
    story.reconcile_until(START + 22 * DAY, HOUR);
    let reads = story.sent_since(sent).iter().filter(|request| request.purpose == "read people of session").count();
    assert_eq!(reads, 3);
    assert_eq!(
        activities(&story),
        [
            format!("ana@example.org people_registered S1 {}", time(at)),
            format!("ana@example.org watched_on_demand S1 {}", time(at + MINUTE)),
        ]
    );
}

/// A pass that was away for three weeks begins where the last one ended.
#[test]
fn a_late_pass_catches_up() {
    let mut story = Story::new();
    story.reconcile();
    story.advance_to(ENDED + 20 * DAY);
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", None)]);
    story.reconcile();
    story.settle();
    assert_eq!(activities(&story).len(), 2);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

/// RULES 11.
#[test]
fn a_session_that_was_moved_takes_its_campaign_and_list_along() {
    for renamed in [false, true] {
        let mut story = super::with_linked_session();
        story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(START + 86_400_000));
        story.reconcile();
        if renamed {
            let mut world = story.world.borrow_mut();
            world.campaigns[0].value["Name"] = json!("Ours");
            world.lists[0].value["name"] = json!("Ours too");
        }
        story.advance(EACH);
        let at = story.host.now();
        story.world.borrow_mut().change_session("S1", at, |session| {
            session["estimated_started_at"] = json!((START + 3 * DAY) / 1_000);
        });
        story.reconcile();
        let sent = story.sent();
        story.settle();
        assert_eq!(story.dead_letters(), Vec::<String>::new());
        {
            let world = story.world.borrow();
            let campaign = &world.campaigns[0].value;
            assert_eq!((&campaign["StartDate"], &campaign["EndDate"]), (&json!("2026-11-25"), &json!("2026-11-25")));
            let name = "Product demo - 2026-11-25 15:00 UTC";
            let (of_campaign, of_list) = if renamed { ("Ours", "Ours too") } else { (name, name) };
            assert_eq!(
                (campaign["Name"].as_str(), world.lists[0].value["name"].as_str()),
                (Some(of_campaign), Some(of_list))
            );
        }
        // Told late by a webhook with the old date: nothing goes back.
        story.forget_done();
        story.deliver(&session_created("S1", START + 86_400_000));
        story.settle();
        let changes = |request: &crate::host::Request| request.method == crate::host::Method::Patch;
        assert!(!story.sent_since(sent).iter().any(changes));
    }
}

/// RULES 11.
#[test]
fn a_session_that_was_cancelled_is_told_and_its_campaign_aborted_where_that_is_chosen() {
    for (setting, aborted) in [("leave", false), ("abort", true)] {
        let mut story = super::with_linked_session();
        story.set_up(&json!({"salesforce_campaign": {"when_cancelled": setting}}));
        story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
        story.reconcile();
        story.advance(EACH);
        let at = story.host.now();
        story.world.borrow_mut().change_session("S1", at, |session| session["canceled_at"] = json!(at / 1_000));
        for _ in 0..3 {
            story.reconcile();
            story.advance(EACH);
        }
        let campaign = story.world.borrow().campaigns[0].value.clone();
        let expected = if aborted { (json!("Aborted"), json!(false)) } else { (Value::Null, json!(true)) };
        assert_eq!((campaign["Status"].clone(), campaign["IsActive"].clone()), expected);
        let told = story.host.lines(crate::host::Level::Warning);
        assert_eq!(told, ["session-cancelled"]);
    }
}

/// RULES 21: the host plans by what a page says of its tasks.
#[test]
fn what_the_tasks_will_ask_of_livestorm_is_told_before() {
    let mut story = story([true; DELIVERIES], true);
    let listed = |story: &Story| {
        let requests = story.host.requests();
        let (lists, others): (Vec<_>, Vec<_>) = requests
            .iter()
            .filter(|request| request.connection == crate::call::LIVESTORM)
            .partition(|request| request.purpose == "read sessions");
        (lists.len(), others.len())
    };
    let (_, asked) = listed(&story);
    // Nine looks at webhooks, of which there are none here.
    assert_eq!(story.costs, asked as u64 + 9);
    // Before a pass on request: one look.
    let (lists, _) = listed(&story);
    let costs = crate::connector::estimate(&story.host, &story.context, "reconcile", "").unwrap();
    assert_eq!(costs.len(), 1);
    assert!(costs[0].least == 1 && costs[0].most >= 6, "{costs:?}");
    assert_eq!(listed(&story).0, lists + 1);
    story.reconcile();
}

/// Switched off and on again, what is long over is not begun anew.
#[test]
fn a_pass_from_the_beginning_gives_nothing_of_what_is_long_over() {
    let mut story = story([false; DELIVERIES], true);
    story.reconcile_until(ENDED + 45 * DAY, DAY);
    assert_eq!(story.state("sync/reconcile", "session/S1"), None, "it is forgotten");
    story.forget_done();
    story.cursor = None;
    assert_eq!(story.reconcile(), 1, "the webhooks are looked at, and nothing else");
}

/// Bad input: cursors that cannot be gone on with.
#[test]
fn a_cursor_of_another_source_or_of_the_future_reads_nothing() {
    let story = Story::new();
    for cursor in [r#"{"source":"people","at":1,"of":{}}"#, r#"{"source":"reconcile","at":9999999999999,"of":{}}"#, "{"]
    {
        let end = crate::connector::sync(&story.host, &story.context, "reconcile", "", Some(cursor));
        assert!(matches!(end, Err(crate::host::Interruption::BadCursor(_))), "{cursor}: {end:?}");
    }
    assert_eq!(story.sent(), 0);
}

/// A page that is asked for once more with the same cursor says the same again.
#[test]
fn a_page_that_is_asked_for_once_more_says_the_same() {
    let story = Story::new();
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    let ask = || {
        story.host.swap_state(Default::default());
        crate::connector::sync(&story.host, &story.context, "reconcile", "", None).unwrap()
    };
    let first = ask();
    assert_eq!((first.tasks.len(), first.more), (2, true));
    assert_eq!(ask(), first);
}

/// One row that cannot be read, and a list that has become shorter while it was paged through.
#[test]
fn what_is_wrong_with_a_list_keeps_nothing_else_back() {
    let mut story = Story::new();
    {
        let mut world = story.world.borrow_mut();
        world.page_size = 1;
        let mut wrong = session_attributes(STARTS);
        wrong["estimated_started_at"] = json!({"at": "noon"});
        world.sessions.insert("S0".into(), wrong);
        world.sessions.insert("S1".into(), session_attributes(STARTS));
    }
    story.reconcile();
    assert_eq!(story.world.borrow().campaigns.len(), 1);
    assert!(story.host.lines(crate::host::Level::Warning).contains(&"session-unreadable".to_string()));
    let cursor = story.cursor.clone().unwrap();
    let later = cursor.replace(r#""page":0"#, r#""begun_at":1795363200000,"page":7,"step":"recent""#);
    assert_ne!(later, cursor);
    story.cursor = Some(later);
    assert_eq!(story.reconcile(), 0, "past the last page it goes on");
}

/// Moved there and back again: whoever registers is told of by the date that holds.
#[test]
fn a_session_that_is_moved_back_again_has_its_first_date() {
    let mut story = super::with_linked_session();
    story.set_up(&json!({"mapping": {"prospect": [{"source": "session.starts_at", "target": "Starts__c"}]}}));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(START + DAY));
    story.reconcile();
    for starts_at in [START + 3 * DAY, START + DAY, START + 3 * DAY, START + DAY] {
        story.advance(EACH);
        let at = story.host.now();
        story.world.borrow_mut().change_session("S1", at, |session| {
            session["estimated_started_at"] = json!(starts_at / 1_000);
        });
        story.reconcile();
        story.settle();
        let date = crate::calendar::day(starts_at);
        assert_eq!(story.world.borrow().campaigns[0].value["StartDate"], date.as_str());
    }
    story.deliver(&registered("S1", "ana@example.org", START + MINUTE, "Example"));
    story.settle();
    let world = story.world.borrow();
    assert_eq!(world.campaigns[0].value["StartDate"], "2026-11-23");
    assert_eq!(world.prospects[0].value["Starts__c"], "2026-11-23T15:00:00Z");
}

/// The answer to the making of its campaign was lost, and then it was moved: one campaign, with the new date.
#[test]
fn a_session_that_is_moved_while_its_campaign_is_in_doubt_has_one_campaign() {
    let mut story = Story::new();
    story.world.borrow_mut().faults.push(("create campaign", super::world::Fault::AnswerLost));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.reconcile();
    story.advance(30_000);
    let at = story.host.now();
    story.world.borrow_mut().change_session("S1", at, |session| {
        session["estimated_started_at"] = json!((START + 3 * DAY) / 1_000);
    });
    story.reconcile();
    story.settle();
    let world = story.world.borrow();
    assert_eq!((world.campaigns.len(), story.dead_letters()), (1, vec![]));
    assert_eq!(world.campaigns[0].value["Name"], "Product demo - 2026-11-25 15:00 UTC");
    assert_eq!(world.lists[0].value["name"], "Product demo - 2026-11-25 15:00 UTC");
}

#[test]
fn a_session_that_is_cancelled_before_its_campaign_was_made_gets_none() {
    let mut story = Story::new();
    let not_reached = crate::host::HttpError::NotSent("refused".into());
    story.world.borrow_mut().faults.push(("create campaign", super::world::Fault::Error(not_reached)));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.reconcile();
    story.advance(30_000);
    let at = story.host.now();
    story.world.borrow_mut().change_session("S1", at, |session| session["status"] = json!("canceled"));
    story.reconcile();
    story.settle();
    assert_eq!((story.world.borrow().campaigns.len(), story.dead_letters()), (0, vec![]));
}

/// RULES 21: what a pass costs keeps the next one away, so that many readings are spread over several.
#[test]
fn many_readings_are_spread_and_none_is_left_out() {
    let mut story = Story::new();
    for n in 0..30 {
        let mut world = story.world.borrow_mut();
        world.sessions.insert(format!("S{n:02}"), session_attributes(STARTS));
        let mut person = row("ana@example.org", None);
        person["attributes"]["registrant_detail"]["session_id"] = json!(format!("S{n:02}"));
        world.people.insert(format!("S{n:02}"), vec![person]);
    }
    let mut reads = Vec::new();
    for _ in 0..4 {
        let sent = story.sent();
        story.reconcile();
        let read = |request: &crate::host::Request| request.purpose == "read people of session";
        reads.push(story.sent_since(sent).into_iter().filter(read).count());
        story.advance(EACH);
    }
    assert_eq!(reads, [10, 10, 10, 0]);
}

/// RULES 13: that its host is in it makes nobody judge a session before its first registration.
#[test]
fn a_reading_of_the_host_alone_leaves_nothing_out() {
    let mut story = Story::new();
    story.set_up(&json!({"events": {"titles": ["workshop"]}}));
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    let mut host = row("olive@example.org", None);
    host["attributes"]["role"] = json!("team_member");
    story.world.borrow_mut().people.insert("S1".into(), vec![host.clone()]);
    story.reconcile_until(START + 3 * HOUR, EACH);
    story.world.borrow_mut().event_title = Some("Workshop".into());
    let people = vec![host, row("ana@example.org", None)];
    story.world.borrow_mut().people.insert("S1".into(), people);
    story.reconcile_until(START + 20 * HOUR, EACH);
    assert_eq!(activities(&story).len(), 1);
}

/// Bad input: a quota that ends in the middle, Livestorm that is away, a token that may not read.
#[test]
fn a_list_that_cannot_be_read_is_put_off_or_told_and_nothing_is_lost() {
    use crate::host::{HttpError, Interruption, Throttle};
    let until = START + 5 * HOUR;
    let quota = HttpError::Throttled(Throttle { until, reason: "the quota is used up".into() });
    for (fault, waits) in [
        (super::world::Fault::Error(quota), Some(until)),
        (super::world::Fault::Answer(503, "<html>"), Some(START + HOUR + MINUTE)),
        (super::world::Fault::Answer(403, "{}"), None),
    ] {
        let mut story = Story::new();
        story.world.borrow_mut().page_size = 1;
        for id in ["S1", "S2"] {
            story.world.borrow_mut().sessions.insert(id.into(), session_attributes(STARTS));
        }
        story.world.borrow_mut().faults.push(("read sessions", fault.clone()));
        let end = crate::connector::sync(&story.host, &story.context, "reconcile", "", None);
        match (end, waits) {
            (Err(Interruption::Later(wait)), Some(until)) => assert_eq!(wait.until, until, "{fault:?}"),
            (Err(Interruption::Failed(failure)), None) => {
                assert!(failure.remedy.contains("read access"), "{failure:?}")
            }
            (end, _) => panic!("{fault:?}: {end:?}"),
        }
        story.reconcile();
        assert_eq!(story.world.borrow().campaigns.len(), 2, "{fault:?}");
    }
}
