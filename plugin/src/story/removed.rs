//! Stories of people who are taken out of a session, which no webhook tells.

use super::{
    START,
    ends::{STARTS, activities, ended_attributes, row, session_ended, watched},
    queue::Story,
    registered, session_attributes, session_created,
    world::Fault,
};
use crate::{
    domain::registrant::Registration,
    host::{DAY, HOUR, Host, Instant, Level, MINUTE, Task},
    task,
    test_host::registration,
};
use serde_json::{Value, json};

const EACH: u64 = HOUR;
const REMOVE: &str = r#"{"removed_registrants": "remove"}"#;

/// Three people registered for a session in a week, webhooks told of them, and a reading has seen them.
fn with_people(settings: &str, page_size: usize) -> Story {
    let mut story = Story::new();
    story.set_up(&serde_json::from_str(settings).unwrap());
    story.world.borrow_mut().sessions.insert("S1".into(), session_attributes(START + 7 * DAY));
    story.deliver(&session_created("S1", START + 7 * DAY));
    story.settle();
    story.world.borrow_mut().page_size = page_size;
    for email in ["ana@example.org", "ben@example.org", "eve@example.org"] {
        story.deliver(&registered("S1", email, START + MINUTE, "Example"));
        story.world.borrow_mut().people.entry("S1".into()).or_default().push(row(email, None));
    }
    story.reconcile_until(START + DAY, EACH);
    assert_eq!(members(&story), ["ana@example.org", "ben@example.org", "eve@example.org"]);
    story
}

fn members(story: &Story) -> Vec<String> {
    let told = story.world.borrow().told();
    let mut members: Vec<String> =
        told["members"].as_array().unwrap().iter().map(|row| row[1].as_str().unwrap().to_string()).collect();
    members.sort();
    members
}

fn take_out(story: &Story, email: &str) -> Value {
    let mut world = story.world.borrow_mut();
    let people = world.people.get_mut("S1").unwrap();
    let place = people.iter().position(|row| row["attributes"]["email"] == email).unwrap();
    people.remove(place)
}

/// As a reading tells it that misses them.
fn removed(email: &str, registered_at: Instant) -> Task {
    let registration = Registration { registered_at: Some(registered_at), ..registration("S1", email) };
    task::removed(registration, false, registered_at)
}

fn told_of_removals(story: &Story) -> usize {
    story.host.lines(Level::Info).into_iter().filter(|code| code == "registrant-removed").count()
}

/// S1-3: no webhook tells of it.
#[test]
fn who_is_removed_is_told_and_stays_unless_the_settings_say_otherwise() {
    for page_size in [50, 2] {
        let mut story = with_people("{}", page_size);
        take_out(&story, "ben@example.org");
        story.reconcile_until(START + 3 * DAY, EACH);
        assert_eq!((members(&story).len(), told_of_removals(&story)), (3, 1), "{page_size}");

        let mut story = with_people(REMOVE, page_size);
        take_out(&story, "ben@example.org");
        story.reconcile_until(START + 3 * DAY, EACH);
        assert_eq!(members(&story), ["ana@example.org", "eve@example.org"], "{page_size}");
        assert_eq!((story.dead_letters(), told_of_removals(&story)), (vec![], 0));
        // What was told of them before and comes late does not bring them back.
        story.forget_done();
        story.deliver(&registered("S1", "ben@example.org", START + MINUTE, "Example"));
        story.settle();
        assert_eq!(members(&story), ["ana@example.org", "eve@example.org"]);
    }
}

#[test]
fn who_registers_again_is_back_by_the_webhook_or_by_the_next_reading() {
    for by_webhook in [false, true] {
        let mut story = with_people(REMOVE, 50);
        let mut ben = take_out(&story, "ben@example.org");
        story.reconcile_until(START + 2 * DAY, EACH);
        assert_eq!(members(&story).len(), 2);
        let at = START + 2 * DAY;
        ben["attributes"]["registrant_detail"]["created_at"] = json!(at / 1_000);
        story.world.borrow_mut().people.get_mut("S1").unwrap().push(ben.clone());
        if by_webhook {
            story.deliver(&registered("S1", "ben@example.org", at, "Another"));
            story.settle();
            assert_eq!(members(&story).len(), 3);
        }
        story.reconcile_until(START + 4 * DAY, EACH);
        assert_eq!(members(&story).len(), 3);
        // And removed once more.
        take_out(&story, "ben@example.org");
        story.reconcile_until(START + 6 * DAY, EACH);
        assert_eq!(members(&story), ["ana@example.org", "eve@example.org"]);
        let told = activities(&story);
        assert_eq!(told.len(), 3, "an activity cannot be taken back, and is not told twice: {told:?}");
    }
}

/// Whether a membership that was deleted can be made again is not known. It was we who deleted it: they are brought back, or a person is
/// asked to, and what they do meanwhile is told.
#[test]
fn who_was_taken_off_by_us_and_registers_again_is_brought_back() {
    for (refuses, soon, is_lost) in
        [(false, false, false), (false, true, true), (true, false, true), (true, true, false)]
    {
        let mut story = with_people(REMOVE, 50);
        story.world.borrow_mut().refuses_deleted_members = refuses;
        take_out(&story, "ben@example.org");
        if is_lost {
            story.world.borrow_mut().faults.push(("take off list", Fault::AnswerLost));
        }
        story.give(removed("ben@example.org", START + MINUTE));
        story.settle();
        assert_eq!(members(&story).len(), 2);
        story.advance(if soon { MINUTE / 2 } else { HOUR });
        story.deliver(&registered("S1", "ben@example.org", story.host.now(), "Another"));
        story.settle();
        let dead = story.dead_letters();
        if !refuses {
            assert_eq!((members(&story).len(), dead, story.host.lines(Level::Warning)), (3, vec![], vec![]), "{soon}");
            // And taken out once more, when reads may still show the membership of before.
            story.give(removed("ben@example.org", story.host.now()));
            story.settle();
            assert_eq!((members(&story).len(), story.dead_letters()), (2, vec![]), "{soon}");
            continue;
        }
        let [dead] = &dead[..] else { panic!("{dead:?}") };
        let words = ["NeedsAttention", "ben@example.org", "Product demo - 2026-11-29 15:00 UTC", "by hand", "retry"];
        assert!(words.iter().all(|word| dead.contains(word)), "{dead}");
        let mut replay = watched("ben@example.org", story.host.now());
        replay["data"]["attributes"]["registrant_detail"]["created_at"] = json!(story.host.now() / 1_000);
        story.deliver(&replay);
        story.settle();
        assert!(activities(&story).iter().any(|told| told.starts_with("ben@example.org watched_replay")));
        assert_eq!((members(&story).len(), story.dead_letters().len()), (2, 2));
        // Added by hand, as the remedy says.
        let deleted = story.world.borrow().deleted_memberships[0].1.value.clone();
        let at = story.host.now();
        story.world.borrow_mut().memberships.push(super::world::Row { at, value: deleted });
        story.advance(MINUTE);
        story.retry();
        story.settle();
        assert_eq!((members(&story).len(), story.dead_letters()), (3, vec![]), "{soon}");
        // Noted: nothing more is sent.
        let sent = story.sent();
        story.forget_done();
        story.deliver(&registered("S1", "ben@example.org", at, "Another"));
        story.settle();
        assert!(story.sent_since(sent).iter().all(|request| request.purpose != "add to list"));
    }
}

/// RULES 17: whom somebody else has taken off the list is left so, whatever Livestorm says afterwards.
#[test]
fn who_was_taken_off_by_somebody_else_stays_off() {
    let mut story = with_people(REMOVE, 50);
    let now = story.host.now();
    let mut world = story.world.borrow_mut();
    world.refuses_deleted_members = true;
    let deleted = world.memberships.remove(1);
    world.deleted_memberships.push((now, deleted));
    drop(world);
    story.advance(HOUR);
    take_out(&story, "ben@example.org");
    story.give(removed("ben@example.org", START + MINUTE));
    story.advance(HOUR);
    story.deliver(&registered("S1", "ben@example.org", story.host.now(), "Another"));
    story.settle();
    assert_eq!((members(&story).len(), story.dead_letters()), (2, vec![]));
    assert_eq!(story.host.lines(Level::Warning), ["membership-deleted"]);
}

/// A membership that could not be deleted stands, and whoever registers again is in the list as ever.
#[test]
fn who_could_not_be_taken_off_is_taken_off_by_a_retry_or_is_still_in() {
    for registers in [false, true] {
        let mut story = with_people(REMOVE, 50);
        story.world.borrow_mut().refuses_deleted_members = true;
        take_out(&story, "ben@example.org");
        let refusal = Fault::Answer(403, r#"{"code":46,"message":"no ability"}"#);
        story.world.borrow_mut().faults.push(("take off list", refusal));
        story.give(removed("ben@example.org", START + MINUTE));
        assert_eq!((members(&story).len(), story.dead_letters().len()), (3, 1));
        if registers {
            story.advance(HOUR);
            story.deliver(&registered("S1", "ben@example.org", story.host.now(), "Another"));
            story.settle();
            assert_eq!((members(&story).len(), story.dead_letters().len()), (3, 1));
        } else {
            story.retry();
            story.settle();
            assert_eq!((members(&story).len(), story.dead_letters()), (2, vec![]));
        }
    }
}

/// Their registration waits for the session's campaign, and is older than what takes it back.
#[test]
fn who_is_taken_out_while_their_registration_is_held_does_not_come_by_it() {
    for (settings, comes_back, expected) in [(REMOVE, false, 0), (REMOVE, true, 1), ("{}", false, 1)] {
        let mut story = Story::new();
        story.set_up(&serde_json::from_str(settings).unwrap());
        story.deliver(&session_created("S1", STARTS));
        story.deliver(&registered("S1", "ben@example.org", START + MINUTE, "Example"));
        story.advance(MINUTE);
        assert!(members(&story).is_empty() && story.waiting() > 0, "held");
        story.give(removed("ben@example.org", START + MINUTE));
        if comes_back {
            story.deliver(&registered("S1", "ben@example.org", story.host.now(), "Another"));
        }
        story.settle();
        assert_eq!((members(&story).len(), story.dead_letters()), (expected, vec![]), "{settings} {comes_back}");
        let told = story.host.lines(Level::Info).into_iter().filter(|code| code == "older-than-removal").count();
        assert_eq!(told, usize::from(settings == REMOVE), "{settings} {comes_back}");
    }
}

/// A read does not show yet what was made a moment ago.
#[test]
fn who_is_taken_out_right_after_they_have_registered_is_taken_off_the_list() {
    let mut story = with_people(REMOVE, 50);
    let at = story.host.now();
    story.deliver(&registered("S1", "zoe@example.org", at, "Example"));
    story.run_due();
    assert_eq!(members(&story).len(), 4);
    story.advance(MINUTE / 2);
    story.give(removed("zoe@example.org", at));
    story.settle();
    assert_eq!((members(&story).len(), story.dead_letters()), (3, vec![]));
    assert!(story.waits.last().unwrap().contains("zoe@example.org"), "{:?}", story.waits);
}

/// Livestorm forgets them with the session's end: what they did stands.
#[test]
fn who_attended_is_never_removed() {
    let mut story = Story::new();
    story.set_up(&serde_json::from_str(REMOVE).unwrap());
    story.deliver(&session_created("S1", STARTS));
    story.settle();
    story.world.borrow_mut().sessions.insert("S1".into(), ended_attributes());
    let people = vec![row("ana@example.org", Some((60, 0, 0))), row("ben@example.org", None)];
    story.world.borrow_mut().people.insert("S1".into(), people);
    story.reconcile_until(STARTS + HOUR, EACH);
    story.deliver(&session_ended());
    story.reconcile_until(STARTS + 3 * HOUR, EACH);
    story.world.borrow_mut().people.insert("S1".into(), Vec::new());
    story.reconcile_until(STARTS + 9 * DAY, EACH);
    assert_eq!(members(&story), ["ana@example.org"]);
    assert_eq!((told_of_removals(&story), story.dead_letters()), (1, vec![]));
    assert!(
        !story.keys("session/S1").iter().any(|key| key.starts_with("roster/")),
        "nobody is kept after the last reading"
    );
}

/// Pages of two: Ana leaves after page 0 was read and Zoe registers, so that the numbers stay, and Eve slips through unseen.
#[test]
fn who_slipped_through_between_two_pages_unnoticed_is_not_removed() {
    for (settings, are_members, taken_off, told) in [
        (REMOVE, &["ben@example.org", "eve@example.org", "zoe@example.org"][..], 1, 0),
        ("{}", &["ana@example.org", "ben@example.org", "eve@example.org", "zoe@example.org"], 0, 1),
    ] {
        let mut story = with_people(settings, 2);
        {
            let mut world = story.world.borrow_mut();
            world.leaves_after_page = Some((0, 0));
            world.comes_instead = Some(row("zoe@example.org", None));
            world.change_session("S1", START + DAY, |_| {});
        }
        story.reconcile_until(START + 2 * DAY, EACH);
        assert!(story.world.borrow().comes_instead.is_none(), "it was read");
        story.world.borrow_mut().change_session("S1", START + 2 * DAY, |_| {});
        story.reconcile_until(START + 4 * DAY, EACH);
        assert_eq!(members(&story), are_members);
        let sent = story.host.requests().into_iter().filter(|request| request.purpose == "take off list").count();
        assert_eq!((sent, told_of_removals(&story), story.dead_letters()), (taken_off, told, vec![]), "Ana alone");
    }
}

/// There is no last reading of what never took place.
#[test]
fn nobody_is_kept_of_a_session_that_is_long_over_or_never_began() {
    for status in ["canceled", "past_not_started"] {
        let mut story = with_people("{}", 2);
        let kept = |story: &Story| story.keys("session/S1").into_iter().filter(|key| key.starts_with("r")).count();
        assert_eq!(kept(&story), 3);
        story.world.borrow_mut().change_session("S1", START + DAY, |session| session["status"] = json!(status));
        story.reconcile_until(START + 36 * DAY, DAY);
        assert_eq!(kept(&story), 3, "{status}");
        story.reconcile_until(START + 39 * DAY, DAY);
        assert_eq!((kept(&story), story.dead_letters()), (0, vec![]), "{status}");
    }
}

/// Pages of two: one leaves and another comes between two pages, so that the number stays and somebody is on none of them.
#[test]
fn a_page_that_changes_while_it_is_read_removes_nobody_who_is_there() {
    let mut story = with_people(REMOVE, 2);
    // Ana leaves after page 0 was read: Eve slips to it, unseen.
    story.world.borrow_mut().leaves_after_page = Some((0, 0));
    story.world.borrow_mut().change_session("S1", START + DAY, |_| {});
    story.reconcile_until(START + 3 * DAY, EACH);
    assert_eq!(members(&story), ["ben@example.org", "eve@example.org"], "Ana alone is gone");
    assert!(story.host.lines(Level::Warning).is_empty());
}

/// A list that shows somebody no more, and a question that does: the question is newer.
#[test]
fn livestorm_is_asked_before_anybody_is_taken_off_a_list() {
    let mut story = with_people(REMOVE, 50);
    let ben = take_out(&story, "ben@example.org");
    story.reconcile();
    story.world.borrow_mut().people.get_mut("S1").unwrap().push(ben);
    story.give(removed("ben@example.org", START));
    assert_eq!(members(&story).len(), 3);
    let asked = story.host.requests().into_iter().filter(|request| request.purpose == "take off list").count();
    assert_eq!(asked, 0);
}

/// RULES 17: `optedOut` is touched by nobody.
#[test]
fn who_opted_out_of_the_list_stays_so() {
    let mut story = with_people(REMOVE, 50);
    story.world.borrow_mut().memberships.iter_mut().for_each(|row| row.value["optedOut"] = json!(true));
    take_out(&story, "ben@example.org");
    story.reconcile_until(START + 3 * DAY, EACH);
    assert_eq!((members(&story).len(), story.dead_letters()), (3, vec![]));
}

/// The setting is chosen, the answer to the deletion lost: it is deleted once, and the end is the same.
#[test]
fn a_deletion_whose_answer_was_lost_is_repeated() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::Answer(404, r#"{"code":109,"message":"not found"}"#)] {
        let mut story = with_people(REMOVE, 50);
        story.world.borrow_mut().faults.push(("take off list", fault.clone()));
        take_out(&story, "ben@example.org");
        story.reconcile_until(START + 3 * DAY, EACH);
        let left = if matches!(fault, Fault::Answer(..)) { 3 } else { 2 };
        assert_eq!((members(&story).len(), story.dead_letters()), (left, vec![]), "{fault:?}");
    }
}

/// A session is moved, and somebody is taken out of it. `fault` befalls the request that comes after so many others. What the world is then,
/// and how many requests there were but for lists of sessions.
fn moved_and_removed(fault: Option<(usize, Fault)>) -> (Value, usize) {
    let mut story = with_people(REMOVE, 50);
    let sent = story.sent();
    take_out(&story, "ben@example.org");
    let at = START + DAY;
    story.world.borrow_mut().change_session("S1", at, |session| {
        session["estimated_started_at"] = json!((START + 9 * DAY) / 1_000);
    });
    story.world.borrow_mut().fault_at = fault;
    story.reconcile_until(START + 3 * DAY, 12 * HOUR);
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    let requests = story.sent_since(sent).into_iter().filter(|request| request.purpose != "read sessions").count();
    let world = story.world.borrow();
    (json!([world.told(), world.campaigns[0].value["StartDate"]]), requests)
}

#[test]
fn whatever_goes_wrong_at_whatever_call_of_a_removal_or_a_move_the_world_ends_the_same() {
    let (expected, requests) = moved_and_removed(None);
    assert!(expected.to_string().contains("2026-12-01 15:00 UTC") && expected[1] == "2026-12-01", "{expected}");
    assert!(requests >= 8, "{requests}");
    for place in 0..requests + 4 {
        for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::Answer(503, "<html>")] {
            let (told, _) = moved_and_removed(Some((place, fault.clone())));
            assert_eq!(told, expected, "{fault:?} at {place}");
        }
    }
}
