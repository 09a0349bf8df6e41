//! RULES 24, counted where the calls arrive: what people may cost in calls to Salesforce, at a registration and at the end of a
//! session, where all of them wait.
//!
//! The key `people` is held until everybody waits, as after a pause or a night of Salesforce's own.

use super::*;
use host_harness::{clock::Timestamp, simulators::Api, stage::INSTALLATION};
use oracle::{Act, Happening};

const ENDS: u64 = STARTS + HOUR;
/// After the reading of who was there.
const READ: u64 = ENDS + HOUR;
const BATCH: u64 = 200;

/// The `n`th of a crowd: of three one is a contact already, one a lead and one new; two of five attend.
fn email(n: u64) -> String {
    format!("p{n}@example.org")
}

/// At most so many people share a company, so that some accounts are there, some are new and some are shared.
fn company(n: u64) -> String {
    format!("Company {}", n / 4)
}

fn crowd(destination: Destination, people: u64, ends: bool) -> Story {
    let mut acts = vec![];
    for n in 0..people {
        let (first, last, company) = (format!("Pat{n}"), format!("Person{n}"), company(n));
        let answers = [("first_name", first.as_str()), ("last_name", &last), ("company", &company)];
        acts.push(registers(HOUR + n % 60, "s", &email(n), &answers, &[rest(1)]));
        if ends && n % 5 < 2 {
            let (session, email) = ("s".to_owned(), email(n));
            let what = Happening::Attends { session, email, seconds: 60 + n, messages: 0, questions: 0 };
            acts.push(Act { at: STARTS + 60, what, deliveries: vec![] });
        }
    }
    if ends {
        let what = Happening::SessionEnded { session: "s".into() };
        acts.push(Act { at: ENDS, what, deliveries: vec![rest(1)] });
    }
    let account = |n: u64| oracle::PriorAccount { name: company(n).to_uppercase(), made_before: 9 * HOUR };
    let before = Salesforce {
        contacts: (0..people).filter(|n| n % 3 == 0).map(|n| contact(&email(n), 9 * HOUR)).collect(),
        leads: (0..people).filter(|n| n % 3 == 1).map(|n| lead(&email(n), 9 * HOUR)).collect(),
        accounts: (0..people).filter(|n| n % 8 == 0).map(account).collect(),
        mapping: vec![mapped(Object::CampaignMember, "attendance.duration", "Livestorm_Seconds__c")],
    };
    webinar(destination, before, acts)
}

/// Calls to Salesforce, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    people: u64,
    describes: u64,
    /// Campaigns, their statuses, tokens.
    others: u64,
}

impl Calls {
    fn so_far(theatre: &Theatre) -> Calls {
        let mut calls = Calls::default();
        for seen in theatre.stage.simulators.world().requests.iter().filter(|seen| seen.api == Api::Salesforce) {
            match seen.path.as_str() {
                path if path.ends_with("/composite") || path.contains("/query/") => calls.people += 1,
                path if path.ends_with("/describe") => calls.describes += 1,
                _ => calls.others += 1,
            }
        }
        calls
    }

    fn since(self, before: Calls) -> Calls {
        Calls {
            people: self.people - before.people,
            describes: self.describes - before.describes,
            others: self.others - before.others,
        }
    }
}

pub struct Counted {
    pub registration: u64,
    pub end: u64,
}

/// Plays a story whose people are all told of while the key `people` is held, and counts what they cost once it goes on.
pub async fn counted(theatre: &Theatre, host: &Host, story: &Story) -> Counted {
    let after = |seconds: u64| Timestamp::from_seconds(BEGINS_AT + seconds);
    let mut before = Calls::default();
    let mut cost_until = async |at: Timestamp| {
        theatre.stage.clock.run_until(at).await;
        let now = Calls::so_far(theatre);
        let cost = now.since(before);
        before = now;
        cost
    };
    theatre.stage.begin(story);
    let set_up = cost_until(after(HOUR - 1)).await;
    host.engine.pause(INSTALLATION, Some("people")).await.unwrap();
    let told = cost_until(after(2 * HOUR)).await;
    assert_eq!(told.people, 0, "somebody was written before all were told of");
    host.engine.resume(INSTALLATION, Some("people")).await.unwrap();
    let registration = cost_until(after(STARTS)).await;
    host.engine.pause(INSTALLATION, Some("people")).await.unwrap();
    let reading = cost_until(after(READ)).await;
    assert_eq!(reading.people, 0);
    host.engine.resume(INSTALLATION, Some("people")).await.unwrap();
    let end = cost_until(Timestamp::MAX).await;
    println!("session set-up {set_up:?}; registration {registration:?}; end {end:?}");
    assert!(set_up.others + told.others <= 3 + TOKENS, "a session's set-up took {set_up:?} and {told:?}");
    Counted { registration: registration.people, end: end.people }
}

/// Access tokens that are asked for beside.
const TOKENS: u64 = 1;

async fn check(destination: Destination, people: u64) {
    let story = crowd(destination, people, true);
    // Else calls that meet an old token are made twice.
    let options = Options { session_timeout: Duration::from_secs(96 * HOUR), ..lagging() };
    let theatre = Theatre::with(&story, options, "{}").await;
    let host = theatre.open().await;
    let Counted { registration, end } = counted(&theatre, &host, &story).await;

    let (few, of_a_batch) = if destination == LEADS { (12, 3) } else { (8, 4) };
    let batches = people.div_ceil(BATCH);
    let most = if people <= few { 2 } else { batches * of_a_batch };
    println!("{destination:?}, {people} people: registration {registration} of {most}, end {end} of {}", 2 * batches);
    assert!(registration <= most, "{people} registrations took {registration} calls, and {most} are the most");
    assert!(end <= 2 * batches, "the end of {people} people took {end} calls");
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new(), "{people} people");
}

#[tokio::test]
async fn people_cost_no_more_calls_than_the_rules_allow() {
    for people in [1, 12, 200] {
        check(LEADS, people).await;
    }
    for people in [1, 8, 12, 200] {
        check(CONTACTS, people).await;
    }
}

#[tokio::test]
async fn a_thousand_cost_as_much_for_each() {
    check(LEADS, 1_000).await;
    check(CONTACTS, 1_000).await;
}

#[tokio::test]
async fn five_thousand_leads_cost_as_much_for_each_and_nobody_is_lost() {
    check(LEADS, 5_000).await;
}

#[tokio::test]
async fn five_thousand_contacts_cost_as_much_for_each_and_nobody_is_lost() {
    check(CONTACTS, 5_000).await;
}

/// RULES 24: at the end three calls where somebody is new, of whose registration no webhook told; one more where contacts need
/// accounts that are new, as at a registration.
#[tokio::test]
async fn whom_the_end_tells_of_first_costs_what_a_registration_costs() {
    for destination in BOTH {
        let mut story = crowd(destination, 150, true);
        for act in story.acts.iter_mut().filter(|act| matches!(act.what, Happening::Registered { .. })) {
            act.deliveries.clear();
        }
        let options = Options { session_timeout: Duration::from_secs(96 * HOUR), ..lagging() };
        let theatre = Theatre::with(&story, options, "{}").await;
        let host = theatre.open().await;
        let Counted { registration, end } = counted(&theatre, &host, &story).await;
        let most = if destination == LEADS { 3 } else { 4 };
        assert_eq!(registration, 0);
        assert!(end <= most, "{destination:?}: {end} calls, and {most} are the most");
        assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    }
}
