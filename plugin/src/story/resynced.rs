//! Stories of a session, or a person, that somebody has read again.

use super::{START, queue::Story, registered, session_attributes, session_created, with_linked_session};
use crate::host::{DAY, HOUR, Interruption, Level, Page, Repeat};
use serde_json::{Value, json};

const SESSION: &str = r#"{"session": "S1"}"#;

/// Page by page to the end of the request, and all that follows.
fn again(story: &mut Story, parameters: &str) -> usize {
    let mut tasks = 0;
    loop {
        let page = story.page("resync", parameters).unwrap();
        tasks += page.tasks.len();
        story.run_due();
        if !page.more {
            story.settle();
            return tasks;
        }
    }
}

fn person(email: &str) -> String {
    json!({"person": email}).to_string()
}

/// In Livestorm's list, whether or not a webhook told of it.
fn is_in(story: &Story, session: &str, email: &str) -> Value {
    let delivery = registered(session, email, START + HOUR, "Example");
    let mut world = story.world.borrow_mut();
    let people = world.people.entry(session.into()).or_default();
    people.push(delivery["data"].clone());
    let count = people.len();
    let attributes = world.sessions.entry(session.into()).or_insert_with(|| session_attributes(START + DAY));
    attributes["registrants_count"] = count.into();
    delivery
}

fn writes_since(story: &Story, sent: usize) -> Vec<String> {
    let writes = story.sent_since(sent).into_iter().filter(|request| request.repeat != Repeat::Read);
    writes.map(|request| request.purpose).collect()
}

/// S1 and S2 are linked; ana and ben are in S1, and no webhook told of ben.
fn with_somebody_missed() -> Story {
    let mut story = with_linked_session();
    story.deliver(&session_created("S2", START + DAY));
    story.settle();
    let ana = is_in(&story, "S1", "ana@example.org");
    story.deliver(&ana);
    is_in(&story, "S1", "ben@example.org");
    is_in(&story, "S2", "carla@example.org");
    story.settle();
    assert_eq!(super::ends::activities(&story).len(), 1);
    story
}

#[test]
fn a_session_that_is_read_again_brings_whom_was_missed_and_doubles_nobody() {
    let mut story = with_somebody_missed();
    assert_eq!(again(&mut story, SESSION), 1);
    let told = super::ends::activities(&story);
    assert_eq!(told.iter().map(|line| &line[..3]).collect::<Vec<_>>(), ["ana", "ben"], "{told:?}");
    let sent = story.sent();
    story.advance(HOUR);
    assert_eq!(again(&mut story, SESSION), 1, "asked for again, it runs again");
    assert_eq!(writes_since(&story, sent), Vec::<String>::new());
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

#[test]
fn a_person_is_found_in_each_session_and_nobody_else_is_touched() {
    let mut story = with_somebody_missed();
    is_in(&story, "S2", "ben@example.org");
    assert_eq!(again(&mut story, &person("Ben@example.org")), 2);
    let told = super::ends::activities(&story);
    assert_eq!(told.iter().filter(|line| line.starts_with("ben")).count(), 2, "{told:?}");
    assert!(!told.iter().any(|line| line.starts_with("carla")), "{told:?}");
    let sent = story.sent();
    story.advance(HOUR);
    assert_eq!(again(&mut story, &person("ben@example.org")), 2);
    assert_eq!(writes_since(&story, sent), Vec::<String>::new());
    assert_eq!(story.dead_letters(), Vec::<String>::new());
}

#[test]
fn who_is_nowhere_is_told_as_that() {
    let mut story = with_somebody_missed();
    assert_eq!(again(&mut story, &person("dan@example.org")), 0);
    assert!(story.host.lines(Level::Info).contains(&"resync-person".to_string()));
}

/// A page that was lost says the same once more, and the list may have many.
#[test]
fn a_request_that_is_cut_says_the_same_again() {
    let mut story = with_somebody_missed();
    is_in(&story, "S2", "ben@example.org");
    story.world.borrow_mut().page_size = 1;
    let ben = person("ben@example.org");
    assert!(story.page("resync", &ben).unwrap().tasks.is_empty());
    let (lost, _) = story.page_lost("resync", &ben).unwrap();
    story.advance(HOUR);
    let page = story.page("resync", &ben).unwrap();
    let keys = |page: &Page| page.tasks.iter().map(|task| task.dedupe_key.clone()).collect::<Vec<_>>();
    assert_eq!((keys(&page), &page.cursor, page.more), (keys(&lost), &lost.cursor, true));
    assert_eq!(lost.tasks.len(), 1);
    assert_eq!(again(&mut story, &ben), 1);
}

#[test]
fn a_session_that_livestorm_does_not_know_is_refused_with_what_to_do() {
    let mut story = with_somebody_missed();
    let unknown = r#"{"session": "S9"}"#;
    story.page("resync", unknown).unwrap();
    let Err(Interruption::Failed(failure)) = story.page("resync", unknown) else { panic!("it is known") };
    assert!(failure.problem.contains("does not know the session S9"), "{failure:?}");
}
