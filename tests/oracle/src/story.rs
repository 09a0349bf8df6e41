//! A story: what people did in Livestorm and when, and how word of it reached the connector.

use crate::destination::{Destination, Salesforce};
use serde::{Deserialize, Serialize};

/// Times are seconds after `begins_at`; names of events and sessions are the story's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// Seconds since 1970. The installation is switched on at this second.
    pub begins_at: u64,
    /// Prospects that Account Engagement had before.
    pub prospects: Vec<Prior>,
    /// Addresses of the customer's own users of Livestorm.
    pub team: Vec<String>,
    /// What the customer maps to prospects beyond the defaults.
    pub mapping: Vec<MappedField>,
    /// In one second, one after the other.
    pub acts: Vec<Act>,
    #[serde(default)]
    pub destination: Destination,
    /// What Salesforce had before, and what of it is mapped.
    #[serde(default)]
    pub salesforce: Salesforce,
}

/// A field of the prospect, or of an object of Salesforce, and what of Livestorm fills it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedField {
    /// `fields.<id>`, `utm.source` (`medium`, `term`, `content`, `campaign`), `event.title`, `session.id`, all as of the
    /// registration; `attendance.attended` (`true` or `false`), `attendance.duration` (seconds), `attendance.messages`,
    /// `attendance.questions`, as of the session's end; `replay.watched` (`true`), as of the watching.
    pub source: String,
    /// As its owner names it, e.g. `Topics__c`.
    pub target: String,
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

/// What happens twice, or where it cannot, has not happened: Livestorm refuses it.
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
        /// The `utm_*` parameters of the link that they came by, without that prefix.
        utm: Vec<(String, String)>,
        team_member: bool,
    },
    SessionStarted {
        session: String,
    },
    SessionEnded {
        session: String,
    },
    /// A registrant is in the room, before the end. Word of it, if any, goes out after the end: `people.attended`.
    Attends {
        session: String,
        email: String,
        seconds: u64,
        messages: u32,
        questions: u32,
    },
    /// After the end, or on demand.
    WatchesReplay {
        session: String,
        email: String,
    },
    /// Somebody submits a form of Account Engagement that belongs to the campaign of this session, half an hour or more after the
    /// session was made and ten minutes or more before it ends; or to a campaign of the customer's own, which no session has. Nobody
    /// is told.
    SubmitsForm {
        session: Option<String>,
        email: String,
        /// Fields of the prospect, by Account Engagement's names. None is empty.
        fields: Vec<(String, String)>,
        /// A form of the customer's own that posts to a form handler.
        by_handler: bool,
    },
    /// A registrant is taken off the session. Nobody is told.
    Leaves {
        session: String,
        email: String,
    },
}

impl Happening {
    /// Whether Livestorm has a webhook for it in this dialect.
    pub fn is_told_in(&self, dialect: Dialect) -> bool {
        match self {
            Happening::Leaves { .. } | Happening::SubmitsForm { .. } => false,
            Happening::Attends { .. } | Happening::WatchesReplay { .. } => dialect == Dialect::Rest,
            Happening::EventCreated { .. }
            | Happening::SessionCreated { .. }
            | Happening::Registered { .. }
            | Happening::SessionStarted { .. }
            | Happening::SessionEnded { .. } => true,
        }
    }
}

impl Story {
    /// Whether word of an act ever reaches the connector.
    pub fn is_heard(act: &Act) -> bool {
        act.deliveries.iter().any(|delivery| act.what.is_told_in(delivery.dialect))
    }
}
