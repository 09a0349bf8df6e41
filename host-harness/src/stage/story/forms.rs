//! The story of people who register by forms of Account Engagement: forms and a form handler of a session's campaign, a form of the
//! customer's own, Livestorm's form beside them, and each kind of person who comes by one of them.

use super::{
    AFTERNOON, BEGINS_AT, HOUR, MINUTE, MORNING, Registers, attends, by, ends, event, happens, owned, prior, session,
    starts, watches,
};
use oracle::{Act, Destination, Dialect, Happening, MappedField, Story};

pub fn forms_story() -> Story {
    let ana = Registers::new("ana.lima@example.org", "Ana", "Lima", "Lima & Söhne");
    let faye = Registers::new("faye@example.org", "Faye", "Ito", "Ito KK");
    let acts = vec![
        event(5, "demo", "Product demo", false),
        session(MINUTE, "morning", "demo", Some(MORNING), vec![by(Dialect::Native, 2)]),
        session(2 * MINUTE, "afternoon", "demo", Some(AFTERNOON), vec![by(Dialect::Rest, 3)]),
        // Livestorm's form goes on working beside the others.
        ana.at(10 * MINUTE, "morning", &[by(Dialect::Rest, 1)]),
        // New; there already; of several with that address; to a form handler; for both sessions.
        submits(45 * MINUTE, Some("morning"), "ben@example.org", &["Ben", "Okafor", "Okafor Ltd"], false),
        submits(46 * MINUTE, Some("morning"), "carla@example.org", &["Carla", "Moreau", "Moreau SA"], false),
        submits(47 * MINUTE, Some("morning"), "dan+demo@example.org", &["Dan", "O'Neill", ""], true),
        submits(47 * MINUTE, Some("afternoon"), "dan+demo@example.org", &["Dan", "O'Neill", ""], false),
        // The same form twice, within a poll and later.
        submits(50 * MINUTE, Some("morning"), "gus@example.org", &["Gus", "Horn", "Horn AS"], false),
        submits(50 * MINUTE + 5, Some("morning"), "gus@example.org", &["Gus", "Horn", "Horn AS"], false),
        submits(2 * HOUR, Some("morning"), "gus@example.org", &["Gus", "Horn", "Horn AS"], false),
        // Both ways, in both orders.
        submits(HOUR, Some("morning"), "ana.lima@example.org", &["Ana", "Lima", "Lima & Söhne"], false),
        submits(HOUR, Some("morning"), "faye@example.org", &["Faye", "Ito", "Ito KK"], false),
        faye.at(90 * MINUTE, "morning", &[by(Dialect::Rest, 1)]),
        // The team, and a form that is no session's.
        submits(HOUR, Some("morning"), "erin@simulated-customer.example", &["Erin", "Sato", ""], false),
        submits(HOUR, None, "hal@example.org", &["Hal", "Berg", "Berg GmbH"], false),
        starts(MORNING, "morning", vec![by(Dialect::Native, 1)]),
        attends(MORNING + 20 * MINUTE, "morning", "carla@example.org", (181, 0, 0)),
        attends(MORNING + 39 * MINUTE, "morning", "ben@example.org", (2280, 3, 1)),
        ends(MORNING + 40 * MINUTE, "morning", vec![by(Dialect::Native, 2)]),
        starts(AFTERNOON, "afternoon", vec![by(Dialect::Rest, 1)]),
        ends(AFTERNOON + 40 * MINUTE, "afternoon", vec![by(Dialect::Rest, 2)]),
        watches(AFTERNOON + 2 * HOUR, "morning", "gus@example.org", vec![by(Dialect::Rest, 1)]),
    ];
    let mapped = [
        ("attendance.attended", "Livestorm_Attended__c"),
        ("attendance.duration", "Livestorm_Seconds__c"),
        ("attendance.messages", "Livestorm_Messages__c"),
        ("attendance.questions", "Livestorm_Questions__c"),
        ("replay.watched", "Livestorm_Replay__c"),
    ];
    Story {
        begins_at: BEGINS_AT,
        prospects: vec![
            prior("carla@example.org", &[("firstName", "C."), ("city", "Lyon")], Some(40)),
            prior("carla@example.org", &[("firstName", "Carla"), ("lastName", "Moreau")], Some(3)),
        ],
        team: vec!["erin@simulated-customer.example".into()],
        mapping: mapped.map(|(source, target)| MappedField { source: source.into(), target: target.into() }).to_vec(),
        acts,
        destination: Destination::AccountEngagementForms,
        ..Story::default()
    }
}

/// First name, last name, company.
fn submits(at: u64, session: Option<&str>, email: &str, answers: &[&str; 3], by_handler: bool) -> Act {
    let fields: Vec<(&str, &str)> = ["firstName", "lastName", "company"].into_iter().zip(*answers).collect();
    let fields = owned(&fields.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>());
    let what = Happening::SubmitsForm { session: session.map(str::to_owned), email: email.into(), fields, by_handler };
    happens(at, what, vec![])
}
