//! RULES 25, counted where the calls arrive: what a person may cost in calls to Account Engagement, at a registration, at the end
//! of a session and at a replay, for one person and for thousands.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    simulators::{Api, Options},
};
use oracle::{Act, Happening, MappedField, Prior, Story};
use std::time::Duration;

const STARTS: u64 = 26 * HOUR;
const ENDS: u64 = STARTS + HOUR;
const REPLAY: u64 = STARTS + 12 * HOUR;

/// The `n`th of a crowd. Every second one is a prospect already, every tenth is two; two of five attend, and some of those write
/// or ask; every sixth of the others watches the replay.
struct Member(u64);

impl Member {
    fn email(&self) -> String {
        format!("p{}@example.org", self.0)
    }

    fn prospects(&self) -> usize {
        match self.0 {
            n if n % 10 == 5 => 2,
            n if n % 2 == 1 => 1,
            _ => 0,
        }
    }

    fn attends(&self) -> bool {
        self.0 % 5 < 2
    }

    fn writes(&self) -> bool {
        self.attends() && self.0.is_multiple_of(3)
    }

    fn asks(&self) -> bool {
        self.attends() && self.0.is_multiple_of(7)
    }

    fn watches(&self) -> bool {
        !self.attends() && self.0.is_multiple_of(6)
    }

    /// More, where several prospects share an address: the look-up, and the membership if another one is chosen.
    fn shared(&self) -> u64 {
        if self.prospects() > 1 { 2 } else { 0 }
    }

    fn registration(&self) -> u64 {
        4 + self.shared()
    }

    /// That they attended and how long, or that they did not; what they wrote and asked; and the fields, if any is mapped.
    fn end(&self, is_mapped: bool) -> u64 {
        let activities = if self.attends() { 2 + u64::from(self.writes()) + u64::from(self.asks()) } else { 1 };
        activities + u64::from(is_mapped) + self.shared()
    }

    fn replay(&self, is_mapped: bool) -> u64 {
        if self.watches() { 1 + u64::from(is_mapped) + self.shared() } else { 0 }
    }
}

fn crowd(people: u64) -> impl Iterator<Item = Member> {
    (0..people).map(Member)
}

fn happens(at: u64, what: Happening, is_told: bool) -> Act {
    Act { at, what, deliveries: if is_told { vec![rest(1)] } else { vec![] } }
}

fn webinar(people: u64, mapped: &[(&str, &str)]) -> Story {
    let session_name = || "s".to_string();
    let mut acts = vec![event(0, "e", "Product demo"), session(1, "s", "e", Some(STARTS as i64), &[rest(1)])];
    for member in crowd(people) {
        let answers = [("first_name", "Pat"), ("last_name", "Person"), ("company", "Example")];
        acts.push(registers(HOUR + member.0, "s", &member.email(), &answers, &[rest(1)]));
    }
    acts.push(happens(STARTS, Happening::SessionStarted { session: session_name() }, true));
    for member in crowd(people).filter(Member::attends) {
        let (messages, questions) = (member.writes().into(), member.asks().into());
        let (session, email) = (session_name(), member.email());
        let attends = Happening::Attends { session, email, seconds: 60 + member.0 % 3000, messages, questions };
        acts.push(happens(STARTS + HOUR / 2, attends, false));
    }
    acts.push(happens(ENDS, Happening::SessionEnded { session: session_name() }, true));
    for member in crowd(people).filter(Member::watches) {
        let watches = Happening::WatchesReplay { session: session_name(), email: member.email() };
        acts.push(happens(REPLAY + member.0, watches, true));
    }
    let prospects = crowd(people).flat_map(|member| {
        (0..member.prospects()).map(move |nth| Prior {
            email: member.email(),
            fields: vec![("firstName".into(), "P.".into())],
            last_active_before: Some(HOUR * (1 + nth as u64)),
        })
    });
    let mapping =
        mapped.iter().map(|(source, target)| MappedField { source: (*source).into(), target: (*target).into() });
    Story { prospects: prospects.collect(), mapping: mapping.collect(), ..story(acts) }
}

/// Fields of the attendance and of the replay are mapped, or none is.
const MAPPED: &[(&str, &str)] =
    &[("attendance.duration", "Livestorm_Seconds__c"), ("replay.watched", "Livestorm_Replay__c")];
const NOT_MAPPED: &[(&str, &str)] = &[];

async fn check(people: u64, mapped: &[(&str, &str)]) {
    let story = webinar(people, mapped);
    // Else calls that meet an old token are made twice.
    let options = Options { session_timeout: Duration::from_secs(48 * HOUR), ..Options::default() };
    let theatre = Theatre::with(&story, options, "{}").await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    let mut counted = 0;
    let mut calls_until = async |at: Timestamp| {
        theatre.stage.clock.run_until(at).await;
        let world = theatre.stage.simulators.world();
        let all = world.requests.iter().filter(|r| r.api == Api::AccountEngagement).count() as u64;
        all - std::mem::replace(&mut counted, all)
    };
    let after = |seconds: u64| Timestamp::from_seconds(BEGINS_AT + seconds);
    let set_up = calls_until(after(HOUR - 1)).await;
    let registration = calls_until(after(STARTS)).await;
    let end = calls_until(after(REPLAY - 1)).await;
    let replay = calls_until(Timestamp::MAX).await;

    let most = |of: &dyn Fn(&Member) -> u64| crowd(people).map(|member| of(&member)).sum::<u64>();
    let is_mapped = !mapped.is_empty();
    let rows = [
        ("registration", registration, most(&Member::registration)),
        ("end", end, most(&|m| m.end(is_mapped))),
        ("replay", replay, most(&|m| m.replay(is_mapped))),
    ];
    println!("{people} people, {} fields: {set_up} calls before, then {rows:?}", mapped.len());
    for (what, calls, most) in rows {
        assert!(calls <= most, "{what} of {people} people: {calls} calls, and {most} are the most");
    }
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new(), "{people} people");
}

#[tokio::test]
async fn a_person_costs_no_more_calls_than_the_rules_allow() {
    for people in [1, 10, 500] {
        check(people, MAPPED).await;
        check(people, NOT_MAPPED).await;
    }
}

#[tokio::test]
async fn a_session_of_five_thousand_costs_as_much_for_each_and_loses_nobody() {
    check(5_000, MAPPED).await;
}
