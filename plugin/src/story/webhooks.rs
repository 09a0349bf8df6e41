//! Stories of the webhooks at Livestorm: made, removed, gone, silent.

use super::{
    START,
    ends::{ENDED, STARTS, activities, ended_attributes, row},
    queue::Story,
    registered, session_attributes, session_created,
    world::Fault,
};
use crate::{
    account_engagement::time,
    host::{Action, DAY, HOUR, Level, MINUTE, Trigger},
};
use serde_json::json;

const URL: &str = "https://hooks.example.org/made-up-secret";
const SIGNED: &str = "https://hooks.example.org/made-up-signed";

fn activated() -> Trigger {
    Trigger::Activated(vec![("livestorm".into(), URL.into()), ("livestorm-signed".into(), SIGNED.into())], 0)
}

fn switched_on() -> Story {
    let mut story = Story::new();
    story.trigger(&activated());
    story.settle();
    story
}

/// Events and addresses, sorted.
fn hooks(story: &Story) -> Vec<(String, String)> {
    let world = story.world.borrow();
    let mut hooks: Vec<_> = world.webhooks.iter().map(|hook| (hook.event.clone(), hook.url.clone())).collect();
    hooks.sort();
    hooks
}

fn ours(url: &str) -> Vec<(String, String)> {
    let events = ["people.registered", "people.watched_replay", "session.created", "session.ended"];
    events.map(|event| (event.to_string(), url.to_string())).to_vec()
}

fn somebody_elses(story: &Story) {
    let id = "W-theirs".to_string();
    let hook = super::livestorm::Webhook {
        id,
        event: "people.registered".into(),
        url: "https://example.com/theirs".into(),
        is_silent: false,
    };
    story.world.borrow_mut().webhooks.push(hook);
}

/// S1-2, S1-3.
#[test]
fn switched_on_twice_there_is_one_webhook_of_each_kind_and_the_address_is_said_nowhere() {
    let mut story = switched_on();
    assert_eq!(hooks(&story), ours(URL));
    story.trigger(&activated());
    story.advance(HOUR);
    story.trigger(&activated());
    story.settle();
    assert_eq!(hooks(&story), ours(URL));
    assert!(!story.host.everything_said().contains("made-up"), "{}", story.host.everything_said());
    let made = story.host.changes_seen().iter().filter(|change| change.action == Action::Created).count();
    assert_eq!((made, story.dead_letters()), (4, vec![]));
}

#[test]
fn the_address_of_the_source_that_is_chosen_is_registered_and_the_other_one_goes() {
    let mut story = switched_on();
    story.set_up(&json!({"webhooks": {"signed": true}, "salesforce_campaign": {"campaign_when": "event_published"}}));
    story.advance(DAY);
    story.reconcile();
    let mut expected = ours(SIGNED);
    expected.insert(0, ("event.published".into(), SIGNED.into()));
    assert_eq!(hooks(&story), expected);
}

#[test]
fn a_host_without_an_address_makes_none_and_says_so() {
    let mut story = Story::new();
    story.trigger(&Trigger::Activated(Vec::new(), 0));
    story.reconcile();
    story.trigger(&Trigger::Deactivating(0));
    assert!(story.host.lines(Level::Info).contains(&"webhooks-no-address".to_string()));
    let purposes: Vec<_> = story.host.requests().iter().map(|request| request.purpose.clone()).collect();
    assert_eq!(purposes, ["read sessions", "read webhooks"], "what may be there of an earlier address is looked for");
}

/// RULES 10: exactly ours go, twice is once, and switched on again it is as before.
#[test]
fn switched_off_ours_are_removed_and_no_others() {
    let mut story = switched_on();
    somebody_elses(&story);
    for _ in 0..2 {
        story.trigger(&Trigger::Deactivating(0));
        story.settle();
        assert_eq!(hooks(&story), [("people.registered".to_string(), "https://example.com/theirs".to_string())]);
    }
    // A pass that had asked for them before it was switched off.
    story.trigger(&activated());
    story.settle();
    assert_eq!(hooks(&story).len(), 5);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

/// The token is no good when it is switched off, and good when it is switched on again before the removal is tried once more.
#[test]
fn what_was_asked_for_last_is_what_holds_whichever_is_done_last() {
    let addresses = || vec![("livestorm".to_string(), URL.to_string())];
    let mut story = switched_on();
    let off = Trigger::Deactivating(story_now(&story));
    story.advance(MINUTE);
    story.trigger(&Trigger::Activated(addresses(), story_now(&story)));
    story.trigger(&off);
    story.settle();
    assert_eq!(hooks(&story), ours(URL));
    assert!(story.host.lines(Level::Info).contains(&"webhooks-switched-on".to_string()));

    let on = Trigger::Activated(addresses(), story_now(&story));
    story.advance(MINUTE);
    story.trigger(&Trigger::Deactivating(story_now(&story)));
    story.trigger(&on);
    story.settle();
    assert_eq!(hooks(&story), []);
    story.advance(MINUTE);
    story.trigger(&Trigger::Activated(addresses(), story_now(&story)));
    story.settle();
    assert_eq!((hooks(&story), story.dead_letters()), (ours(URL), vec![]));
}

#[test]
fn an_answer_that_was_lost_makes_no_second_one() {
    for fault in [Fault::AnswerLost, Fault::RequestLost] {
        let mut story = Story::new();
        story.world.borrow_mut().faults.push(("make webhook", fault.clone()));
        story.trigger(&activated());
        story.settle();
        assert_eq!(hooks(&story), ours(URL), "{fault:?}");
        // And one that is made while it is switched off is found.
        let mut story = Story::new();
        story.world.borrow_mut().faults.push(("make webhook", fault.clone()));
        story.trigger(&activated());
        story.trigger(&Trigger::Deactivating(0));
        story.settle();
        assert_eq!((hooks(&story), story.dead_letters()), (vec![], vec![]), "{fault:?}");
    }
}

/// What Livestorm refuses is told without the address, should it be quoted.
#[test]
fn a_refusal_is_told_without_the_address() {
    let refusals = [
        (403, r#"{"errors":[{"detail":"no scope"}]}"#, "write access to Webhooks"),
        (422, r#"{"errors":[{"detail":"url https://hooks.example.org/made-up-secret is invalid"}]}"#, "HTTPS"),
    ];
    for (status, body, remedy) in refusals {
        let mut story = Story::new();
        story.world.borrow_mut().faults.push(("make webhook", Fault::Answer(status, body)));
        story.trigger(&activated());
        let dead = story.dead_letters();
        assert!(dead.len() == 1 && dead[0].contains(remedy) && !dead[0].contains("made-up"), "{dead:?}");
        story.retry();
        story.settle();
        assert_eq!(hooks(&story), ours(URL));
    }
}

/// S1-3: Livestorm disabled it and lists it no more, or somebody deleted it.
#[test]
fn a_webhook_that_is_gone_is_made_again_within_a_day_and_the_gap_is_filled() {
    let mut story = switched_on();
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.deliver(&session_created("S1", STARTS));
    story.reconcile_until(START + 2 * HOUR, 20 * MINUTE);
    story.world.borrow_mut().webhooks.retain(|hook| hook.event != "people.registered");
    story.world.borrow_mut().people.insert("S1".into(), vec![row("ana@example.org", None)]);
    story.reconcile_until(START + DAY + 2 * HOUR, 20 * MINUTE);
    assert_eq!(hooks(&story), ours(URL));
    assert!(story.host.lines(Level::Warning).contains(&"webhooks-made-again".to_string()));
    assert_eq!(activities(&story), [format!("ana@example.org people_registered S1 {}", time(START + MINUTE))]);
}

/// Livestorm disabled them, and lists them all the same.
#[test]
fn webhooks_that_are_silent_are_made_anew_once_a_day_at_most() {
    let mut story = switched_on();
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(START + 9 * DAY));
    story.deliver(&session_created("S1", START + 9 * DAY));
    story.world.borrow_mut().webhooks.iter_mut().for_each(|hook| hook.is_silent = true);
    story.reconcile_until(START + 3 * HOUR, 20 * MINUTE);
    let made = |story: &Story| story.host.changes_seen().iter().filter(|one| one.action == Action::Created).count();
    let made_at_first = made(&story);
    let mut people = Vec::new();
    for n in 0..6 {
        let email = format!("p{n}@example.org");
        people.push(registered("S1", &email, START + (3 + 4 * n) * HOUR, "Example")["data"].take());
        story.world.borrow_mut().people.insert("S1".into(), people.clone());
        story.reconcile_until(START + (7 + 4 * n) * HOUR, 20 * MINUTE);
    }
    let world = story.world.borrow();
    assert!(world.webhooks.iter().all(|hook| !hook.is_silent));
    drop(world);
    assert_eq!(hooks(&story), ours(URL));
    let told = story.host.lines(Level::Warning).into_iter().filter(|code| code == "webhooks-renewed").count();
    assert_eq!(told, 1);
    let webhooks = story.host.changes_seen().iter().filter(|one| one.object == "Webhook").count();
    assert_eq!(webhooks, 4 + 8, "four made, four removed, four made anew");
    assert!(made(&story) > made_at_first);
}

/// Stopped between the deleting and the making.
#[test]
fn a_renewal_that_was_stopped_half_way_comes_to_its_end() {
    for purpose in ["make webhook", "delete webhook", "read webhooks"] {
        let mut story = switched_on();
        let before: Vec<String> = story.world.borrow().webhooks.iter().map(|hook| hook.id.clone()).collect();
        story.advance(3 * HOUR);
        story.world.borrow_mut().faults.push((purpose, Fault::Answer(503, "<html>")));
        let session = crate::domain::session::SessionId::parse("S1").unwrap();
        story.give(crate::flow::webhooks::silence(&session, story_now(&story) - HOUR));
        story.settle();
        assert_eq!(hooks(&story), ours(URL), "{purpose}");
        let world = story.world.borrow();
        assert!(world.webhooks.iter().all(|hook| !before.contains(&hook.id)), "{purpose}: all are new");
    }
}

/// Registrations that webhooks have told of make no noise.
#[test]
fn what_a_webhook_has_told_of_is_no_silence() {
    let mut story = switched_on();
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(STARTS));
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    for n in 0..3 {
        let email = format!("p{n}@example.org");
        let body = registered("S1", &email, story_now(&story), "Example");
        story.deliver(&body);
        let row = body["data"].clone();
        story.world.borrow_mut().people.entry("S1".into()).or_default().push(row);
        story.reconcile_until(story_now(&story) + 2 * HOUR, 20 * MINUTE);
    }
    // Their attendance is found by reading, and says of their registration what is known.
    story.reconcile_until(ENDED, 20 * MINUTE);
    story.world.borrow_mut().change_session("S1", ENDED, |session| *session = ended_attributes());
    story.reconcile_until(ENDED + HOUR, 20 * MINUTE);
    assert_eq!(activities(&story).len(), 6);
    assert_eq!(story.host.lines(Level::Warning), Vec::<String>::new());
}

fn story_now(story: &Story) -> u64 {
    story.world.borrow().now
}

/// Reads lag behind writes.
#[test]
fn an_old_list_makes_no_second_one_and_keeps_none_that_is_deleted() {
    let mut story = Story::new();
    story.world.borrow_mut().webhooks_shown = Some(Vec::new());
    story.trigger(&activated());
    story.trigger(&activated());
    assert_eq!(hooks(&story), ours(URL));
    let before = story.world.borrow().webhooks.clone();
    story.world.borrow_mut().webhooks_shown = Some(before);
    story.trigger(&Trigger::Deactivating(0));
    assert_eq!(hooks(&story), []);
    story.trigger(&activated());
    assert_eq!(hooks(&story), ours(URL));
}

/// What Livestorm has not deleted is not taken for gone: the task is retried, or it is switched off again.
#[test]
fn a_webhook_that_could_not_be_deleted_is_deleted_later() {
    let fail = |story: &Story| {
        let refusal = Fault::Answer(403, r#"{"errors":[{"detail":"no scope"}]}"#);
        story.world.borrow_mut().faults.push(("delete webhook", refusal));
    };
    let refused = |story: &Story| assert!(matches!(&story.dead_letters()[..], [one] if one.contains("write access")));
    // The address has changed.
    let mut story = switched_on();
    story.set_up(&json!({"webhooks": {"signed": true}}));
    fail(&story);
    story.advance(DAY);
    story.reconcile();
    refused(&story);
    story.retry();
    story.settle();
    assert_eq!((hooks(&story), story.dead_letters()), (ours(SIGNED), vec![]));
    // Ours by their address alone.
    for by_retry in [true, false] {
        let mut story = switched_on();
        somebody_elses(&story);
        story.forget_entries("webhooks", "hook/");
        fail(&story);
        // Reads lag behind.
        let shown = story.world.borrow().webhooks.clone();
        story.world.borrow_mut().webhooks_shown = Some(shown);
        story.trigger(&Trigger::Deactivating(0));
        refused(&story);
        assert_eq!(hooks(&story).len(), 2);
        match by_retry {
            true => story.retry(),
            false => story.trigger(&Trigger::Deactivating(0)),
        }
        story.settle();
        assert_eq!(hooks(&story), [("people.registered".to_string(), "https://example.com/theirs".to_string())]);
        story.trigger(&activated());
        assert_eq!((hooks(&story).len(), story.dead_letters().len()), (5, usize::from(!by_retry)));
    }
}

/// A list that shows one long after it was deleted is right: it is there.
#[test]
fn what_is_listed_long_after_it_was_deleted_is_there() {
    let mut story = switched_on();
    let before = story.world.borrow().webhooks.clone();
    story.trigger(&Trigger::Deactivating(0));
    story.world.borrow_mut().webhooks = before;
    story.advance(HOUR);
    story.trigger(&Trigger::Deactivating(0));
    story.settle();
    assert_eq!(hooks(&story), []);
}

/// A pass had asked for them before they were removed.
#[test]
fn a_check_from_before_it_was_switched_off_makes_none_again() {
    let mut story = switched_on();
    let asked_at = story_now(&story);
    story.advance(MINUTE);
    story.trigger(&Trigger::Deactivating(story_now(&story)));
    story.give(crate::task::check_webhooks(asked_at));
    assert_eq!(hooks(&story), []);
    // Switched on again, and what the host told of that was taken for a repeat: the first pass makes up for it.
    story.advance(HOUR);
    story.give(crate::task::check_webhooks(story_now(&story)));
    assert_eq!(hooks(&story), ours(URL));
}

/// Livestorm repeats a webhook for 22 minutes, and may still be telling.
#[test]
fn a_registration_of_this_hour_is_no_silence() {
    let mut story = switched_on();
    story.advance(4 * HOUR);
    story.deliver(&session_created("S1", START + 9 * DAY));
    story.settle();
    let at = story_now(&story);
    let row = registered("S1", "ana@example.org", at, "Example")["data"].take();
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(START + 9 * DAY));
    story.world.borrow_mut().people.insert("S1".into(), vec![row]);
    story.advance(30 * MINUTE);
    story.reconcile();
    story.settle();
    assert_eq!((activities(&story).len(), story.host.lines(Level::Warning)), (1, vec![]));
}

/// RULES 26.
#[test]
fn a_dry_run_shows_what_would_be_made_and_makes_nothing() {
    let mut story = Story::new();
    story.world.borrow_mut().dry_run = true;
    story.trigger(&activated());
    story.settle();
    let made = story.host.changes_seen().iter().filter(|change| change.action == Action::Created).count();
    assert_eq!((hooks(&story), made, story.dead_letters()), (vec![], 4, vec![]));
}
