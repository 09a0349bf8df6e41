//! The process that serves dies at a point of a run, over and over, as if killed with -9, and is started again each time.
//!
//! At 30 points by seed; `CRASH_POINTS=all cargo test crash` goes to every one from the first that a start passes to the last that the
//! same work can bring. Nobody waits between a death and the next start: what is left of several deaths is done beside what comes
//! new. Most of the time is what a start takes, which compiles the connector; so two stories are told side by side.

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

/// Account Engagement shows what was written after a minute, and a campaign is waited for by the minute. A run may take one: three
/// seconds here, and what is not sent by then is sent by another.
const HASTE: u32 = 20;
/// What comes with each start.
const PEOPLE: usize = 3;
/// So many points are passed at least with that, once the session's campaign is there.
const POINTS: u64 = 18;
/// And so many of what is sent once: an activity for each.
const ONCE: u64 = PEOPLE as u64;
const SEED: u64 = 0x5eed_0001;
/// Who serves tells of itself, and of nothing else; and when it has nothing to do.
const TELLS: &str = "warn,host_harness::serve=info,host_harness::durable=debug";

struct Story {
    bench: Bench,
    clock: HurriedClock,
    session: String,
    people: usize,
    /// Not taken yet: whoever sent them sends them again.
    to_send: Vec<String>,
    /// How often it died by itself, and not because nothing was left to do before that point.
    died: usize,
}

impl Story {
    /// Switched on, and killed with the first people taken.
    fn begin(activities_readable: bool) -> Story {
        let clock = HurriedClock { since: SystemClock.now(), times: HASTE };
        let mut options =
            Options { campaign_delay: CampaignDelay::Fixed(Duration::from_secs(5)), ..Options::default() };
        options.unknowns.account_engagement.activities_readable = activities_readable;
        let (bench, text) = folder_of(Bench::with(Arc::new(clock), options), "");
        put(&bench, "acme.toml", &text);
        let mut story = Story { bench, clock, session: String::new(), people: 0, to_send: vec![], died: 0 };
        let mut serving = story.starts(&[]);
        // Nothing from before it is switched on is touched.
        assert!(serving.comes_to(|line| line["message"] == "runs"));
        story.session = story.session_in_a_month();
        story.people_register();
        story.send(&serving);
        assert!(story.to_send.is_empty());
        signal("KILL", serving.child.id());
        story
    }

    fn session_in_a_month(&self) -> String {
        let mut world = self.bench.simulators.world();
        let event = world.livestorm.create_event(NewEvent { title: "Product demo".into(), ..NewEvent::default() });
        world.livestorm.publish(&event);
        let in_a_month = self.clock.now().plus(Duration::from_secs(30 * 86_400));
        world.livestorm.create_session(&event, NewSession { starts_at: Some(in_a_month), ..NewSession::default() })
    }

    fn starts(&self, more: &[&str]) -> Serving {
        let hurry = format!("{},{}", self.clock.since.0, self.clock.times);
        let mut command: Command = program(&[]);
        command.env("RUST_LOG", TELLS);
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
        let mut serving = self.starts(&["--die-at", point]);
        let mut has_come = false;
        if serving.comes_to(|line| line["message"] == "runs") {
            self.send(&serving);
            has_come = self.comes_to_rest(&mut serving, 0);
        }
        match has_come {
            true => signal("KILL", serving.child.id()),
            false => self.died += 1,
        }
        assert_eq!(serving.child.wait().unwrap().code(), None, "killed by a signal");
    }

    /// Started once more, until nothing is left to do but to look again some time.
    fn ends(&mut self) {
        let mut serving = self.starts(&[]);
        assert!(serving.comes_to(|line| line["message"] == "runs"));
        self.send(&serving);
        assert!(self.to_send.is_empty());
        // On a slow machine the campaign is old before anybody lives to see it, and is looked for every quarter of an hour.
        let mut is_whole = false;
        while !is_whole {
            assert!(self.comes_to_rest(&mut serving, 180), "it ended before");
            is_whole = !self.bench.snapshot().lists.is_empty();
        }
        signal("TERM", serving.child.id());
        serving.until_says("ends");
        assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    }

    /// Until nothing runs and nothing is due for so many seconds; false where it dies before.
    fn comes_to_rest(&self, serving: &mut Serving, seconds: u64) -> bool {
        // What is told may be from before the last delivery was taken, so it is asked too.
        while serving.comes_to(|line| line["message"] == "nothing is due") {
            let Some((_, measured)) = serving.try_ask("GET", "/metrics", "") else { continue };
            let value = |name: &str| measured.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok());
            let running = value("harness_tasks{installation=\"acme\",status=\"running\"} ").unwrap();
            let next_due = value("harness_next_due_timestamp_seconds{installation=\"acme\"} ");
            if running == 0 && next_due.is_none_or(|at| at > self.clock.now().seconds() + seconds) {
                return true;
            }
        }
        false
    }

    fn runs(&self) -> Value {
        let mut command = program(&["runs", "--json", "--limit", "1000", "--installation"]);
        command.arg(self.bench.path("installations/acme.toml")).arg("--data").arg(self.bench.path("data"));
        object(&command.output().unwrap())
    }

    fn dead_letters(&self) -> Vec<Value> {
        self.runs()["dead_letters"].as_array().unwrap().clone()
    }

    /// What was cut off went on from its recording: what of it was not in flight is in no doubt.
    fn no_run_was_given_back(&self) {
        let runs = self.runs();
        assert!(runs["runs"].as_array().unwrap().len() > 10, "{runs}");
        assert!(!runs["runs"].to_string().contains("given back"), "{runs}");
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

#[test]
fn killed_at_thirty_points_it_loses_no_registration_and_writes_none_twice() {
    let points = points();
    let died: usize = std::thread::scope(|threads| {
        let halves = points.chunks(points.len().div_ceil(2));
        let told: Vec<_> = halves.map(|points| threads.spawn(|| dies_at_each(points))).collect();
        told.into_iter().map(|half| half.join().unwrap()).sum()
    });
    println!("{died} of {} points were come to", points.len());
    assert!(died >= points.len() / 2, "{died} of {} points were come to", points.len());
}

/// How often it died by itself.
fn dies_at_each(points: &[String]) -> usize {
    let mut story = Story::begin(true);
    points.iter().for_each(|point| story.dies_at(point));
    story.ends();
    story.nothing_is_there_twice();
    let seen = story.bench.snapshot();
    assert_eq!(seen.prospects.len(), story.people);
    assert_eq!(seen.external_activities.len(), story.people, "each is registered");
    assert_eq!(seen.list_memberships.len(), story.people);
    assert_eq!(story.dead_letters(), Vec::<Value>::new());
    story.no_run_was_given_back();
    story.died
}

/// RULES 17: an activity may be there or not, and nobody can look: a person is asked, and none is made a second time.
#[test]
fn killed_while_an_activity_is_written_that_nobody_can_read_it_asks_a_person() {
    let mut story = Story::begin(false);
    // The campaign is there by then: from here on activities are all that is written once.
    story.ends();
    // Nothing of it was sent, then all of it, then some; and each person is known to have it or is asked about.
    for point in ["begun,1", "written,1", "written,2"] {
        story.dies_at(point);
    }
    assert_eq!(story.died, 3, "it dies while an activity is written");
    story.ends();
    story.nothing_is_there_twice();
    let (seen, asked) = (story.bench.snapshot(), story.dead_letters());
    let has = |email: &str| seen.external_activities.iter().any(|activity| activity.email == email);
    let named = |email: &str| asked.iter().any(|letter| letter.to_string().contains(email));
    let of = |which: &dyn Fn(&str) -> bool| {
        let emails = (0..story.people).map(|person| format!("p{person}@example.org"));
        emails.filter(|email| which(email)).count()
    };
    assert_eq!(of(&|email| !has(email) && !named(email)), 0, "nothing is known of somebody");
    assert!(of(&|email| has(email) && named(email)) > 0, "it is there, and nobody could know");
    assert!(of(&|email| !has(email) && named(email)) > 0, "it is not there, and nobody could know");
    assert!(asked.iter().all(|letter| letter["problem"].as_str().unwrap().contains("activity")), "{asked:#?}");
}

/// The points at which one process after the other dies: any, and those where it is at stake that something is written twice.
fn points() -> Vec<String> {
    if std::env::var("CRASH_POINTS").is_ok_and(|which| which == "all") {
        let any = (1..=POINTS).flat_map(|point| [point, POINTS + 1 - point]).map(|point| format!("any,{point}"));
        let once = (1..=ONCE).flat_map(|point| [format!("begun,{point}"), format!("written,{point}")]);
        return any.chain(once.clone()).chain(once).collect();
    }
    let mut drawn = SEED;
    let mut draw = |below: u64| {
        // Knuth's; the upper half is good enough to choose points by.
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (drawn >> 33) % below
    };
    let point = || match draw(4) {
        0 => format!("begun,{}", draw(ONCE) + 1),
        1 => format!("written,{}", draw(ONCE) + 1),
        _ => format!("any,{}", draw(POINTS) + 1),
    };
    std::iter::repeat_with(point).take(30).collect()
}
