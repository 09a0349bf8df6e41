//! The field of campaign members in which replays are noted (S3-23, S3-24): whether it is there, may be written and takes what is
//! written. Without it all else is written.

use super::{field, is, is_restricted, values};
use crate::{
    check::{fine, rows, text},
    host::{Finding, Severity},
    salesforce::describe::{REPLAY_LABEL, REPLAY_NAMES},
    settings::Settings,
    text::nearest,
};
use serde_json::Value;

pub const CODE: &str = "replay-field";
pub const LABEL: &str = "Livestorm Replay Status";
pub const MEMBER: &str = "CampaignMember";
pub const PLACE: &str = "/salesforce/replay_field";

/// What the org has of it.
#[derive(Debug, PartialEq)]
pub enum Replay<'a> {
    Writable(&'a Value),
    /// There, and the connected user may not edit it.
    ReadOnly(String),
    /// Labelled like it, under a name that the settings would have to say.
    Named(String),
    Absent,
}

pub fn chosen(settings: &Settings) -> Option<&str> {
    settings.salesforce.replay_field.as_deref().filter(|name| !name.is_empty())
}

/// The field that a fix makes; none where the settings name one of the customer's own.
pub fn mendable(settings: &Settings) -> Option<&str> {
    let name = chosen(settings).unwrap_or(REPLAY_NAMES[0]);
    REPLAY_NAMES.contains(&name).then_some(name)
}

pub fn look<'a>(settings: &Settings, members: &'a Value) -> Replay<'a> {
    let names = chosen(settings).map_or(REPLAY_NAMES.to_vec(), |name| vec![name]);
    let found: Vec<&Value> = names.iter().filter_map(|name| field(members, name)).collect();
    if let Some(field) = found.iter().find(|row| is(row, "createable") && is(row, "updateable")) {
        return Replay::Writable(field);
    }
    if let Some(field) = found.first() {
        return Replay::ReadOnly(text(field, "name"));
    }
    let is_labelled =
        |row: &&Value| text(row, "name").ends_with("__c") && text(row, "label").trim().to_lowercase() == REPLAY_LABEL;
    match rows(members, "fields").find(is_labelled) {
        Some(field) => Replay::Named(text(field, "name")),
        None => Replay::Absent,
    }
}

pub fn finding(settings: &Settings, members: &Value) -> Finding {
    let consequence = "Until then who watches a replay is not noted there; all else is written.";
    let warn = |problem: &str, remedy: &str, fixable: bool| {
        let mut finding = Finding::new(CODE, Severity::Warning, PLACE, &format!("{problem} {consequence}"), remedy);
        finding.fixable = fixable;
        finding
    };
    let can_mend = mendable(settings).is_some();
    let or_mend = if can_mend { ", or let `harness check --fix` do it" } else { "" };
    match look(settings, members) {
        Replay::Writable(field) => values_fit(settings, field),
        Replay::ReadOnly(name) => warn(
            &format!("The connected user may not edit the field {name} of campaign members."),
            &format!(
                "Let the user's profile see and edit it (Salesforce Setup > Object Manager > Campaign Member > Fields > Set \
                 Field-Level Security){or_mend}."
            ),
            can_mend,
        ),
        Replay::Named(name) => warn(
            &format!("The field \"{LABEL}\" of campaign members is called {name}."),
            &format!("Write {name} into the setting {PLACE}."),
            false,
        ),
        Replay::Absent => {
            let wanted = chosen(settings).map_or(format!("\"{LABEL}\""), str::to_string);
            let names: Vec<String> = rows(members, "fields").map(|row| text(row, "name")).collect();
            let custom = names.iter().map(String::as_str).filter(|name| name.ends_with("__c"));
            let remedy = match chosen(settings).and_then(|name| nearest(name, custom)) {
                Some(near) => format!("Did you mean \"{near}\"?"),
                None => format!(
                    "Make it in Salesforce Setup > Object Manager > Campaign Member > Fields: a text of 255 characters, labelled \
                     \"{LABEL}\", that the user's profile may edit{or_mend}."
                ),
            };
            warn(&format!("Campaign members have no field {wanted} that the connected user sees."), &remedy, can_mend)
        }
    }
}

fn values_fit(settings: &Settings, field: &Value) -> Finding {
    let name = text(field, "name");
    let ours = &settings.salesforce.replay_values;
    let written = [("watched_replay", &ours.watched_replay), ("watched_on_demand", &ours.watched_on_demand)];
    let known = values(field);
    let length = field.get("length").and_then(Value::as_u64).filter(|length| *length > 0);
    let takes = |value: &str| match is_restricted(field) {
        true => known.iter().any(|other| other.eq_ignore_ascii_case(value)),
        false => length.is_none_or(|most| value.encode_utf16().count() as u64 <= most),
    };
    let Some((setting, value)) = written.into_iter().find(|(_, value)| !takes(value)) else {
        return fine(CODE, PLACE, &format!("Replays are noted in the field {name} of campaign members."));
    };
    let place = format!("/salesforce/replay_values/{setting}");
    let (problem, remedy) = match is_restricted(field) {
        true => (
            format!(
                "The field {name} takes {} alone, and \"{value}\" is none of these: it is left out.",
                known.join(", ")
            ),
            "Write one of its values into the setting, or add the value to the picklist in Salesforce.",
        ),
        false => (
            format!(
                "The field {name} has {} characters, and \"{value}\" is longer: it is cut.",
                length.unwrap_or_default()
            ),
            "Write a shorter value into the setting, or make the field longer in Salesforce.",
        ),
    };
    Finding::new("replay-values", Severity::Warning, &place, &problem, remedy)
}
