//! An event of Livestorm: what its sessions have in common.

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub title: String,
    pub scheduling: Option<Scheduling>,
    /// Address of the owner, where it is told.
    pub owner: Option<String>,
    /// Told where they were asked for.
    pub tags: Vec<String>,
}

/// When an event takes place, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
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
