//! The story that the demo plays, and that the tests play in every order: one event, two sessions, and each kind of person who
//! registers.

use oracle::{Act, Delivery, Dialect, Happening, Prior, Story};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// 2026-11-23T08:00:00Z.
pub const BEGINS_AT: u64 = 1_795_420_800;

pub fn story() -> Story {
    let acts = vec![
        happens(
            5,
            Happening::EventCreated { event: "demo".into(), title: "Product demo".into(), on_demand: false },
            vec![],
        ),
        session(MINUTE, "morning", 26 * HOUR, vec![by(Dialect::Native, 2)]),
        session(2 * MINUTE, "afternoon", 31 * HOUR, vec![by(Dialect::Rest, 3)]),
        // Nobody in Account Engagement has seen the campaign yet.
        registers(
            5 * MINUTE,
            "morning",
            "Ana.Lima@example.org",
            "Ana",
            "Lima",
            "Lima & Söhne",
            &[by(Dialect::Rest, 1)],
        ),
        registers(7 * MINUTE, "morning", "ben@example.org", "Ben", "Okafor", "Okafor Ltd", &[by(Dialect::Native, 1)]),
        // Two prospects have this address; the same webhook comes twice.
        registers(
            35 * MINUTE,
            "morning",
            "carla@example.org",
            "Carla",
            "Moreau",
            "Moreau SA",
            &[by(Dialect::Rest, 1), by(Dialect::Rest, 40)],
        ),
        // For both sessions in the same second; word of it comes within a second too, long before a read would show the prospect.
        registers(40 * MINUTE, "morning", "dan+demo@example.org", "Dan", "O'Neill", "", &[by(Dialect::Native, 2)]),
        registers(40 * MINUTE, "afternoon", "dan+demo@example.org", "Dan", "O'Neill", "", &[by(Dialect::Rest, 3)]),
        happens(
            42 * MINUTE,
            Happening::Registered {
                session: "morning".into(),
                email: "erin@simulated-customer.example".into(),
                answers: answers("Erin", "Sato", ""),
                team_member: true,
            },
            vec![by(Dialect::Native, 1)],
        ),
        registers(
            43 * MINUTE,
            "afternoon",
            "1795423380+0b5e@unknown.livestorm.co",
            "",
            "",
            "",
            &[by(Dialect::Rest, 1)],
        ),
    ];
    Story {
        begins_at: BEGINS_AT,
        prospects: vec![
            prior("ben@example.org", &[("firstName", "Benjamin"), ("lastName", "Okafor"), ("city", "Lagos")], Some(9)),
            prior("carla@example.org", &[("firstName", "Carla"), ("lastName", "Moreau")], Some(3)),
            prior("carla@example.org", &[("firstName", "C."), ("lastName", "Moreau-Roux")], Some(40)),
        ],
        team: vec!["erin@simulated-customer.example".into()],
        acts,
    }
}

fn happens(at: u64, what: Happening, deliveries: Vec<Delivery>) -> Act {
    Act { at, what, deliveries }
}

fn session(at: u64, session: &str, starts: u64, deliveries: Vec<Delivery>) -> Act {
    let starts = i64::try_from(starts).ok();
    happens(at, Happening::SessionCreated { session: session.into(), event: "demo".into(), starts }, deliveries)
}

fn registers(
    at: u64,
    session: &str,
    email: &str,
    first: &str,
    last: &str,
    company: &str,
    deliveries: &[Delivery],
) -> Act {
    let what = Happening::Registered {
        session: session.into(),
        email: email.into(),
        answers: answers(first, last, company),
        team_member: false,
    };
    happens(at, what, deliveries.to_vec())
}

fn answers(first: &str, last: &str, company: &str) -> Vec<(String, String)> {
    [("first_name", first), ("last_name", last), ("company", company)]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .to_vec()
}

fn by(dialect: Dialect, after: u64) -> Delivery {
    Delivery { dialect, after }
}

fn prior(email: &str, fields: &[(&str, &str)], days_ago: Option<u64>) -> Prior {
    Prior {
        email: email.into(),
        fields: fields.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        last_active_before: days_ago.map(|days| days * 24 * HOUR),
    }
}
