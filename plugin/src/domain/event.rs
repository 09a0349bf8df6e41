//! An event of Livestorm: what its sessions have in common.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub scheduling: Option<Scheduling>,
}

/// When an event takes place, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Scheduling {
    OnDemand,
    /// Everything else that Livestorm says, known and unknown.
    Other(String),
}

impl From<String> for Scheduling {
    fn from(text: String) -> Self {
        if text == "on_demand" { Scheduling::OnDemand } else { Scheduling::Other(text) }
    }
}

impl From<Scheduling> for String {
    fn from(scheduling: Scheduling) -> String {
        match scheduling {
            Scheduling::OnDemand => "on_demand".into(),
            Scheduling::Other(text) => text,
        }
    }
}
