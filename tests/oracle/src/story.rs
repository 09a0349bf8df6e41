//! A story: what people did in Livestorm and when, and how word of it reached the connector.

use serde::{Deserialize, Serialize};

/// Times are seconds after `begins_at`; names of events and sessions are the story's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// Seconds since 1970. The installation is switched on at this second.
    pub begins_at: u64,
    /// Prospects that Account Engagement had before.
    pub prospects: Vec<Prior>,
    /// Addresses of the customer's own users of Livestorm.
    pub team: Vec<String>,
    pub acts: Vec<Act>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prior {
    pub email: String,
    /// Names as Account Engagement has them, e.g. `firstName`.
    pub fields: Vec<(String, String)>,
    /// Seconds before the story began. `None`: never active.
    pub last_active_before: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub at: u64,
    pub what: Happening,
    /// How the connector hears of it; more than one is the same news again, none is a webhook that was lost.
    pub deliveries: Vec<Delivery>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub dialect: Dialect,
    /// Seconds after the act.
    pub after: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dialect {
    /// The "Webhooks" app in Livestorm's settings: unsigned, registrations as `webinar` and `attendee`.
    Native,
    /// Webhooks made by the REST API: JSON:API throughout.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    EventCreated {
        event: String,
        title: String,
        on_demand: bool,
    },
    SessionCreated {
        session: String,
        event: String,
        /// Seconds after the story began; negative is before. `None`: no date.
        starts: Option<i64>,
    },
    Registered {
        session: String,
        email: String,
        /// The answers of the form, by Livestorm's names, e.g. `first_name`. Empty ones were left empty.
        answers: Vec<(String, String)>,
        team_member: bool,
    },
}

impl Story {
    /// Whether word of an act ever reaches the connector.
    pub fn is_heard(act: &Act) -> bool {
        !act.deliveries.is_empty()
    }
}
