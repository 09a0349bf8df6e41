//! What a customer may set about leads, contacts and members of Salesforce campaigns (RULES 18).

use serde::Deserialize;

/// # Salesforce CRM
///
/// Only where Salesforce CRM is the destination.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Salesforce {
    /// # What a new person becomes
    ///
    /// leads: a lead. contacts: a contact and never a lead, linked to the account of the company that they gave; without a company,
    /// a contact alone.
    pub new_people: NewPeople,
    /// # Company where none was given
    ///
    /// Salesforce makes no lead without one.
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub fallback_company: String,
    /// # Last name where none was given
    ///
    /// Salesforce makes neither lead nor contact without one.
    #[cfg_attr(test, schemars(length(min = 1, max = 80)))]
    pub fallback_last_name: String,
    pub member_statuses: MemberStatuses,
    /// # Whether a registration is a response
    ///
    /// Whether the status of registrants counts as responded on campaigns that are made from now on.
    pub registered_is_response: bool,
    /// # Field for replays
    ///
    /// API name of the campaign members' field. Empty: the custom field that is labelled "Livestorm Replay Status".
    #[cfg_attr(test, schemars(length(max = 80)))]
    pub replay_field: Option<String>,
    pub replay_values: ReplayValues,
    /// # Where a duplicate rule meets somebody with another address
    ///
    /// save: the person is saved beside them, if the rule allows that. report: the person is kept back, and reported.
    pub duplicates: Duplicates,
    /// # Run assignment rules on updates
    ///
    /// Otherwise an update of a lead leaves its owner alone.
    pub assignment_rules: bool,
}

impl Default for Salesforce {
    fn default() -> Self {
        Self {
            new_people: NewPeople::default(),
            fallback_company: "[not provided]".into(),
            fallback_last_name: "[not provided]".into(),
            member_statuses: MemberStatuses::default(),
            registered_is_response: false,
            replay_field: None,
            replay_values: ReplayValues::default(),
            duplicates: Duplicates::default(),
            assignment_rules: false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NewPeople {
    #[default]
    Leads,
    Contacts,
}

/// # Statuses of campaign members
///
/// Labels; each is made on every campaign.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct MemberStatuses {
    /// # Registered
    #[cfg_attr(test, schemars(length(min = 1, max = 40)))]
    pub registered: String,
    /// # Attended
    #[cfg_attr(test, schemars(length(min = 1, max = 40)))]
    pub attended: String,
    /// # Did not attend
    #[cfg_attr(test, schemars(length(min = 1, max = 40)))]
    pub not_attended: String,
    /// # Removed
    ///
    /// From the session in Livestorm. Made and given only where removed_registrants is remove.
    #[cfg_attr(test, schemars(length(min = 1, max = 40)))]
    pub removed: String,
}

impl Default for MemberStatuses {
    fn default() -> Self {
        Self {
            registered: "Registered".into(),
            attended: "Attended".into(),
            not_attended: "Not attended".into(),
            removed: "Removed".into(),
        }
    }
}

/// # Values of the field for replays
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct ReplayValues {
    /// # Has watched the replay
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub watched_replay: String,
    /// # Has watched on demand
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub watched_on_demand: String,
}

impl Default for ReplayValues {
    fn default() -> Self {
        Self { watched_replay: "Watched replay".into(), watched_on_demand: "Watched on-demand".into() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    #[default]
    Save,
    Report,
}
