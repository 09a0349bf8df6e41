//! The story that the demo plays, and that the tests play in every order: an event with two sessions, another on demand, and
//! each kind of person who registers, comes, stays away or watches later.

mod forms;
mod salesforce;

pub use forms::forms_story;
pub use salesforce::salesforce_story;

use oracle::{Act, Delivery, Dialect, Happening, MappedField, Prior, Story};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// 2026-11-23T08:00:00Z.
pub const BEGINS_AT: u64 = 1_795_420_800;

/// When the two sessions begin, after the story's beginning.
const MORNING: u64 = 26 * HOUR;
const AFTERNOON: u64 = 31 * HOUR;

pub fn story() -> Story {
    let ana = Registers {
        utm: &[("source", "newsletter"), ("campaign", "autumn")],
        topics: "Onboarding",
        ..Registers::new("Ana.Lima@example.org", "Ana", "Lima", "Lima & Söhne")
    };
    let ben = Registers::new("ben@example.org", "Ben", "Okafor", "Okafor Ltd");
    let carla = Registers { topics: "Pricing", ..Registers::new("carla@example.org", "Carla", "Moreau", "Moreau SA") };
    let dan = Registers::new("dan+demo@example.org", "Dan", "O'Neill", "");
    let erin = Registers { team_member: true, ..Registers::new("erin@simulated-customer.example", "Erin", "Sato", "") };
    let faye = Registers { topics: "Security", ..Registers::new("faye@example.org", "Faye", "Ito", "Ito KK") };
    let gus = Registers::new("gus@example.org", "Gus", "Horn", "Horn AS");
    let someone = Registers::new("1795423380+0b5e@unknown.livestorm.co", "", "", "");
    let acts = vec![
        event(5, "demo", "Product demo", false),
        session(MINUTE, "morning", "demo", Some(MORNING), vec![by(Dialect::Native, 2)]),
        session(2 * MINUTE, "afternoon", "demo", Some(AFTERNOON), vec![by(Dialect::Rest, 3)]),
        event(3 * MINUTE, "course", "Getting started", true),
        session(4 * MINUTE, "course", "course", None, vec![by(Dialect::Rest, 1)]),
        // Nobody in Account Engagement has seen the campaign yet.
        ana.at(5 * MINUTE, "morning", &[by(Dialect::Rest, 1)]),
        ben.at(7 * MINUTE, "morning", &[by(Dialect::Native, 1)]),
        // Two prospects have this address; the same webhook comes twice.
        carla.at(35 * MINUTE, "morning", &[by(Dialect::Rest, 1), by(Dialect::Rest, 40)]),
        // For both sessions in the same second; word of it comes within a second too, long before a read would show the prospect.
        dan.at(40 * MINUTE, "morning", &[by(Dialect::Native, 2)]),
        dan.at(40 * MINUTE, "afternoon", &[by(Dialect::Rest, 3)]),
        erin.at(42 * MINUTE, "morning", &[by(Dialect::Native, 1)]),
        someone.at(43 * MINUTE, "afternoon", &[by(Dialect::Rest, 1)]),
        // Word of it is late, but what it tells happened when it happened.
        faye.at(50 * MINUTE, "morning", &[by(Dialect::Rest, 20 * MINUTE)]),
        gus.at(HOUR, "course", &[by(Dialect::Rest, 1)]),
        watches(HOUR + 30 * MINUTE, "course", "gus@example.org", vec![by(Dialect::Rest, 1)]),
        // The morning: Ana stays, Carla looks in, Dan listens, Ben and Faye do not come.
        starts(MORNING, "morning", vec![by(Dialect::Native, 1)]),
        attends(MORNING + 20 * MINUTE, "morning", "carla@example.org", (181, 0, 0)),
        attends(MORNING + 39 * MINUTE, "morning", "ana.lima@example.org", (2280, 3, 1)),
        attends(MORNING + 39 * MINUTE, "morning", "dan+demo@example.org", (2100, 0, 2)),
        ends(MORNING + 40 * MINUTE, "morning", vec![by(Dialect::Native, 2)]),
        // The afternoon, to which nobody comes.
        starts(AFTERNOON, "afternoon", vec![by(Dialect::Rest, 1)]),
        ends(AFTERNOON + 40 * MINUTE, "afternoon", vec![by(Dialect::Rest, 2)]),
        watches(AFTERNOON + 2 * HOUR, "morning", "ben@example.org", vec![by(Dialect::Rest, 1)]),
    ];
    let mapped = [
        ("fields.topics", "Topics__c"),
        ("utm.source", "Livestorm_Source__c"),
        ("attendance.attended", "Livestorm_Attended__c"),
        ("attendance.duration", "Livestorm_Seconds__c"),
        ("replay.watched", "Livestorm_Replay__c"),
    ];
    Story {
        begins_at: BEGINS_AT,
        prospects: vec![
            prior("ben@example.org", &[("firstName", "Benjamin"), ("lastName", "Okafor"), ("city", "Lagos")], Some(9)),
            prior("carla@example.org", &[("firstName", "Carla"), ("lastName", "Moreau")], Some(3)),
            prior("carla@example.org", &[("firstName", "C."), ("lastName", "Moreau-Roux")], Some(40)),
        ],
        team: vec!["erin@simulated-customer.example".into()],
        mapping: mapped.map(|(source, target)| MappedField { source: source.into(), target: target.into() }).to_vec(),
        acts,
        ..Story::default()
    }
}

fn happens(at: u64, what: Happening, deliveries: Vec<Delivery>) -> Act {
    Act { at, what, deliveries }
}

fn event(at: u64, event: &str, title: &str, on_demand: bool) -> Act {
    happens(at, Happening::EventCreated { event: event.into(), title: title.into(), on_demand }, vec![])
}

fn session(at: u64, session: &str, event: &str, starts: Option<u64>, deliveries: Vec<Delivery>) -> Act {
    let starts = starts.and_then(|starts| i64::try_from(starts).ok());
    happens(at, Happening::SessionCreated { session: session.into(), event: event.into(), starts }, deliveries)
}

/// Somebody, and what they fill in.
#[derive(Clone, Copy)]
struct Registers {
    email: &'static str,
    first_name: &'static str,
    last_name: &'static str,
    company: &'static str,
    topics: &'static str,
    utm: &'static [(&'static str, &'static str)],
    team_member: bool,
}

impl Registers {
    fn new(email: &'static str, first_name: &'static str, last_name: &'static str, company: &'static str) -> Registers {
        Registers { email, first_name, last_name, company, topics: "", utm: &[], team_member: false }
    }

    fn at(self, at: u64, session: &str, deliveries: &[Delivery]) -> Act {
        let answers = [
            ("first_name", self.first_name),
            ("last_name", self.last_name),
            ("company", self.company),
            ("topics", self.topics),
        ];
        let what = Happening::Registered {
            session: session.into(),
            email: self.email.into(),
            answers: owned(&answers),
            utm: owned(self.utm),
            team_member: self.team_member,
        };
        happens(at, what, deliveries.to_vec())
    }
}

fn starts(at: u64, session: &str, deliveries: Vec<Delivery>) -> Act {
    happens(at, Happening::SessionStarted { session: session.into() }, deliveries)
}

fn ends(at: u64, session: &str, deliveries: Vec<Delivery>) -> Act {
    happens(at, Happening::SessionEnded { session: session.into() }, deliveries)
}

/// Told of by nothing but the session's end.
fn attends(at: u64, session: &str, email: &str, (seconds, messages, questions): (u64, u32, u32)) -> Act {
    let (session, email) = (session.into(), email.into());
    happens(at, Happening::Attends { session, email, seconds, messages, questions }, vec![])
}

fn watches(at: u64, session: &str, email: &str, deliveries: Vec<Delivery>) -> Act {
    happens(at, Happening::WatchesReplay { session: session.into(), email: email.into() }, deliveries)
}

fn by(dialect: Dialect, after: u64) -> Delivery {
    Delivery { dialect, after }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn prior(email: &str, fields: &[(&str, &str)], days_ago: Option<u64>) -> Prior {
    Prior { email: email.into(), fields: owned(fields), last_active_before: days_ago.map(|days| days * 24 * HOUR) }
}
