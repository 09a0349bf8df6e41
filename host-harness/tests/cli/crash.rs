//! The process that serves dies at a point of a run, over and over, as if killed with -9, and is started again each time.
//!
//! At 30 points by seed; with `CRASH_POINTS=all` at every one from the first that a start passes to the last that the same work can bring.
//! Both live in real time, and are asked for: `cargo test --locked --test cli crash -- --ignored`.

use crate::{
    serve::{Serving, folder_of, put, signal},
    support::*,
};
use host_harness::{
    clock::{Clock, HurriedClock, SystemClock},
    simulators::{
        Options,
        livestorm::{Dialect, NewEvent, NewRegistrant, NewSession, Occurrence},
        options::CampaignDelay,
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, process::Command, sync::Arc, time::Duration};

/// Account Engagement shows what was written after a minute, and a campaign is waited for by the minute; a run may take one, also
/// on a machine that is slow.
const HASTE: u32 = 5;
/// What comes with each start.
const PEOPLE: usize = 3;
/// So many points are passed at least with that.
const POINTS: u64 = 18;
const SEED: u64 = 0x5eed_0001;

struct Story {
    bench: Bench,
    clock: HurriedClock,
    session: String,
    people: usize,
    /// Not taken yet: whoever sent them sends them again.
    to_send: Vec<String>,
}

impl Story {
    fn begin(activities_readable: bool) -> Story {
        let clock = HurriedClock { since: SystemClock.now(), times: HASTE };
        let mut options =
            Options { campaign_delay: CampaignDelay::Fixed(Duration::from_secs(5)), ..Options::default() };
        options.unknowns.account_engagement.activities_readable = activities_readable;
        let (bench, text) = folder_of(Bench::with(Arc::new(clock), options), "");
        put(&bench, "acme.toml", &text);
        let mut story = Story { bench, clock, session: String::new(), people: 0, to_send: vec![] };
        // Nothing from before it is switched on is touched.
        story.ends();
        story.session = story.session_in_a_month();
        // The campaign is there by then, and need not be waited for each time.
        story.people_register();
        story.ends();
        assert_eq!(story.bench.snapshot().campaigns.len(), 1);
        story
    }

    fn session_in_a_month(&self) -> String {
        let mut world = self.bench.simulators.world();
        let event = world.livestorm.create_event(NewEvent { title: "Product demo".into(), ..NewEvent::default() });
        world.livestorm.publish(&event);
        let in_a_month = self.clock.now().plus(Duration::from_secs(30 * 86_400));
        world.livestorm.create_session(&event, NewSession { starts_at: Some(in_a_month), ..NewSession::default() })
    }

    fn start_as(&self, command: Command, more: &[&str]) -> Serving {
        let hurry = format!("{},{}", self.clock.since.0, self.clock.times);
        Serving::start_as(command, &self.bench, &[&["--hurry", &hurry], more].concat())
    }

    fn people_register(&mut self) {
        let mut world = self.bench.simulators.world();
        for _ in 0..PEOPLE {
            let email = format!("p{}@example.org", self.people);
            self.people += 1;
            let person = NewRegistrant { email, ..NewRegistrant::default() };
            let person = world.livestorm.register(&self.session, person).unwrap();
            let happened = Occurrence::Registered { session: self.session.clone(), person };
            let unknowns = world.options.unknowns.livestorm.clone();
            let body = world.livestorm.webhook_body(&happened, Dialect::Native, &unknowns).unwrap();
            self.to_send.push(String::from_utf8(body).unwrap());
        }
    }

    /// What is not answered with 2xx stays to be sent.
    fn send(&mut self, serving: &Serving) {
        self.to_send.retain(|body| serving.try_deliver("acme", body) != Some(202));
    }
}

impl Story {
    /// People register, and at this point it dies. Whoever was told that it was taken does not send again.
    fn dies_at(&mut self, point: &str) {
        self.people_register();
        let mut serving = self.start_as(program(&[]), &["--die-at", point]);
        if serving.comes_to(|line| line["message"] == "runs") {
            self.send(&serving);
            let mut ends = 0;
            // Where the point lies beyond all that is to be done, it is killed from outside.
            while serving.comes_to(|line| line["message"] == "the run ends") {
                ends += 1;
                if ends == 12 {
                    signal("KILL", serving.child.id());
                }
            }
        }
        assert_eq!(serving.child.wait().unwrap().code(), None, "killed by a signal");
    }

    /// Started once more, until nothing is left to do but to look again some time.
    fn ends(&mut self) {
        let mut quiet = program(&[]);
        // Nobody reads meanwhile.
        quiet.env("RUST_LOG", "warn,host_harness::serve=info");
        let mut serving = self.start_as(quiet, &[]);
        assert!(serving.comes_to(|line| line["message"] == "runs"));
        self.send(&serving);
        assert!(self.to_send.is_empty());
        while !self.is_idle(&serving) {
            std::thread::sleep(Duration::from_millis(100));
        }
        signal("TERM", serving.child.id());
        serving.until_says("ends");
        assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    }

    fn dead_letters(&self) -> Vec<Value> {
        let mut command = program(&["runs", "--json", "--installation"]);
        command.arg(self.bench.path("installations/acme.toml")).arg("--data").arg(self.bench.path("data"));
        object(&command.output().unwrap())["dead_letters"].as_array().unwrap().clone()
    }

    /// One of each for each, whatever died.
    fn nothing_is_there_twice(&self) {
        let seen = self.bench.snapshot();
        let once = |emails: Vec<&String>| {
            let unlike: BTreeSet<_> = emails.iter().collect();
            assert_eq!(unlike.len(), emails.len(), "somebody is there twice: {emails:?}");
        };
        once(seen.prospects.iter().map(|prospect| &prospect.email).collect());
        once(seen.external_activities.iter().map(|activity| &activity.email).collect());
        assert_eq!((seen.campaigns.len(), seen.lists.len()), (1, 1));
        assert!(seen.list_memberships.len() <= self.people);
    }
}

impl Story {
    /// Nothing runs, and what waits is for later: to look for what webhooks missed, for the session's end.
    fn is_idle(&self, serving: &Serving) -> bool {
        let (_, measured) = serving.ask("GET", "/metrics", "");
        let value = |name: &str| measured.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok());
        let running = value("harness_tasks{installation=\"acme\",status=\"running\"} ").unwrap();
        let next_due = value("harness_next_due_timestamp_seconds{installation=\"acme\"} ");
        running == 0 && next_due.is_none_or(|at| at > self.clock.now().seconds() + 180)
    }
}

#[test]
#[ignore = "minutes of real time: cargo test --locked --test cli crash -- --ignored"]
fn killed_at_thirty_points_it_loses_no_registration_and_writes_none_twice() {
    let mut story = Story::begin(true);
    for point in points() {
        story.dies_at(&format!("any,{point}"));
    }
    story.ends();
    story.nothing_is_there_twice();
    let seen = story.bench.snapshot();
    assert_eq!(seen.prospects.len(), story.people);
    assert_eq!(seen.external_activities.len(), story.people, "each is registered");
    assert_eq!(seen.list_memberships.len(), story.people);
    assert_eq!(story.dead_letters(), Vec::<Value>::new());
}

/// RULES 17: an activity may be there or not, and nobody can look: a person is asked, and none is made a second time.
#[test]
#[ignore = "minutes of real time: cargo test --locked --test cli crash -- --ignored"]
fn killed_while_an_activity_is_written_that_nobody_can_read_it_asks_a_person() {
    let mut story = Story::begin(false);
    let mut asked = vec![];
    for round in 0..30 {
        story.dies_at(&format!("answered,{}", round % 8 + 1));
        if round % 3 == 2 {
            story.ends();
            asked = story.dead_letters();
        }
        if !asked.is_empty() {
            break;
        }
    }
    assert!(!asked.is_empty(), "it never died between an activity and its answer");
    story.nothing_is_there_twice();
    let seen = story.bench.snapshot();
    let has = |email: &str| seen.external_activities.iter().any(|activity| activity.email == email);
    let named = |email: &str| asked.iter().any(|letter| letter.to_string().contains(email));
    for person in 0..story.people {
        let email = format!("p{person}@example.org");
        assert!(has(&email) || named(&email), "nothing is known of {email}");
    }
    assert!(asked.iter().all(|letter| letter["problem"].as_str().unwrap().contains("activity")), "{asked:#?}");
}

/// The points at which one process after the other dies.
fn points() -> Vec<u64> {
    if std::env::var("CRASH_POINTS").is_ok_and(|which| which == "all") {
        return (1..=POINTS).flat_map(|point| [point, POINTS + 1 - point]).collect();
    }
    let mut drawn = SEED;
    let next = || {
        // Knuth's; the upper half is good enough to choose points by.
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (drawn >> 33) % POINTS + 1
    };
    std::iter::repeat_with(next).take(30).collect()
}
