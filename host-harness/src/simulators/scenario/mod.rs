//! A scenario: what the three accounts hold when it begins, and what happens in Livestorm as its clock moves on.
//!
//! Promises: a mistake in a file is told with its place; the same file makes the same world. Not here: moving the clock
//! and doing what is due (`control`); what an act does (`acts.rs`).

mod acts;

pub use acts::{Act, Names};

use super::{
    World,
    account_engagement::{CustomKind, Extension, NewCustomField, NewProspect},
    control::{accounts::Accounts, settings::Settings},
    faults::FaultPlan,
    unknowns::Unknowns,
};
use crate::clock::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// The scenarios that the program carries with it, by name.
pub const SCENARIOS: [(&str, &str); 4] = [
    ("one_session", include_str!("../../../../fixtures/scenarios/one_session.toml")),
    ("late_webhooks", include_str!("../../../../fixtures/scenarios/late_webhooks.toml")),
    ("busy_monday", include_str!("../../../../fixtures/scenarios/busy_monday.toml")),
    ("bad_day", include_str!("../../../../fixtures/scenarios/bad_day.toml")),
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub title: String,
    #[serde(default)]
    pub about: String,
    /// `2026-11-23T08:00:00Z`. Left out: now.
    pub starts_at: Option<Time>,
    #[serde(default)]
    pub switches: Unknowns,
    /// As `/simulators/options` has them.
    #[serde(default)]
    pub options: Settings,
    /// As `/simulators/accounts` has them.
    #[serde(default)]
    pub accounts: Accounts,
    #[serde(default)]
    pub faults: FaultPlan,
    #[serde(default)]
    pub salesforce: SalesforceBefore,
    #[serde(default)]
    pub account_engagement: AccountEngagementBefore,
    #[serde(default)]
    pub happening: Vec<Happening>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesforceBefore {
    /// By name.
    pub campaigns: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountEngagementBefore {
    pub extension: Option<ExtensionBefore>,
    /// API name -> kind.
    pub custom_fields: BTreeMap<String, FieldKind>,
    pub prospects: Vec<ProspectBefore>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionBefore {
    pub name: String,
    pub types: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    Text,
    Textarea,
    Checkbox,
    Dropdown,
    MultiSelect,
    Number,
    Date,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProspectBefore {
    pub email: String,
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}

/// Written as people write times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(pub Timestamp);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Time, String> {
        let wrong = || format!("{text:?} is not a time; write it like 2026-11-23T08:00:00Z");
        Timestamp::parse(&text).map(Time).ok_or_else(wrong)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happening {
    /// Seconds after the scenario's beginning.
    #[serde(default)]
    pub after: u64,
    /// Instead of `after`.
    pub at: Option<Time>,
    pub what: Act,
}

impl Happening {
    pub fn due(&self, begins_at: Timestamp) -> Timestamp {
        self.at.map_or(begins_at.plus(Duration::from_secs(self.after)), |Time(at)| at)
    }
}

impl Scenario {
    /// One that the program carries with it.
    pub fn named(name: &str) -> Result<Scenario, String> {
        let wanted = name.replace('-', "_");
        let names = || SCENARIOS.map(|(name, _)| name).join(", ");
        let (_, text) = SCENARIOS
            .iter()
            .find(|(known, _)| *known == wanted)
            .ok_or_else(|| format!("there is no scenario {name:?}; there are {}", names()))?;
        Scenario::parse(text)
    }

    pub fn parse(text: &str) -> Result<Scenario, String> {
        let parsed = toml::Deserializer::parse(text).map_err(|e| format!("this is not TOML: {e}"))?;
        serde_path_to_error::deserialize(parsed).map_err(|e| format!("{}: {}", e.path(), e.inner().message()))
    }

    /// What was there before it began.
    pub fn furnish(&self, world: &mut World) {
        self.accounts.set(world).expect("in a new world nothing is on yet that could not be switched off");
        for name in &self.salesforce.campaigns {
            world.salesforce.add_campaign(name);
        }
        let before = &self.account_engagement;
        if let Some(extension) = &before.extension {
            let types: Vec<&str> = extension.types.iter().map(String::as_str).collect();
            world.set_extension(Extension::ready(&extension.name, &types));
        }
        for (name, kind) in &before.custom_fields {
            let kind = match kind {
                FieldKind::Text => CustomKind::Text,
                FieldKind::Textarea => CustomKind::Textarea,
                FieldKind::Checkbox => CustomKind::Checkbox,
                FieldKind::Dropdown => CustomKind::Dropdown,
                FieldKind::MultiSelect => CustomKind::MultiSelect,
                FieldKind::Number => CustomKind::Number,
                FieldKind::Date => CustomKind::Date,
            };
            world.account_engagement.add_custom_field(NewCustomField::new(name, kind));
        }
        for prospect in &before.prospects {
            let fields = prospect.fields.clone();
            world.account_engagement.add_prospect(NewProspect { fields, ..NewProspect::new(&prospect.email) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_the_program_carries_is_read() {
        for (name, _) in SCENARIOS {
            let scenario = Scenario::named(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!scenario.title.is_empty() && !scenario.happening.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let rows = [
            ("title = 1", "title: "),
            ("title = \"x\"\nhappened = 1", "happened: unknown field"),
            ("title = \"x\"\n[[happening]]\nwhat.start = { sesion = \"a\" }", "happening[0].what.start.sesion: "),
            ("title = \"x\"\nstarts_at = \"monday\"", "starts_at: \"monday\" is not a time"),
        ];
        for (text, wanted) in rows {
            let told = Scenario::parse(text).unwrap_err();
            assert!(told.starts_with(wanted), "{text}: {told}");
        }
        assert!(Scenario::named("nothing").unwrap_err().contains("one_session"));
    }
}
