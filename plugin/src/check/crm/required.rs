//! Custom fields without which the org takes no new record, and which nothing fills (S3-26, S3-27, S3-31). What the org requires of
//! its own standard fields has a fallback; validation rules cannot be read, and are seen in the refusal.

use super::{SALESFORCE, is};
use crate::{
    check::{fine, rows, text},
    host::{Finding, Severity},
    mapping::{self, target_field::Object},
    settings::{NewPeople, Settings},
};
use serde_json::Value;

pub fn findings(settings: &Settings, campaigns: &Value, objects: &[(&'static str, Value)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unfilled = missing(campaigns, &[]);
    if !unfilled.is_empty() {
        let problem = format!(
            "A new campaign must have {}, which the connector does not fill: Salesforce makes no campaign, so no session has one.",
            unfilled.join(", ")
        );
        let remedy = "Give the field a default value, or make it optional (Salesforce Setup > Object Manager > Campaign > Fields).";
        findings.push(Finding::new("campaign-required-fields", Severity::Blocker, SALESFORCE, &problem, remedy));
    }
    for (object, described) in objects {
        let Some((code, plural, mapped)) = made(settings, object) else { continue };
        let filled = mapped.map(|object| mapping::fields(&settings.mapping, object)).unwrap_or_default();
        let unfilled = missing(described, &filled);
        if unfilled.is_empty() {
            continue;
        }
        let problem =
            format!("New {plural} must have {}, which no rule fills: Salesforce takes none.", unfilled.join(", "));
        let (place, remedy) = match mapped {
            Some(object) => (
                format!("/mapping/{}", object.setting()),
                "Map something to it, with the transform `default` for who says nothing; or give the field a default value in \
                 Salesforce, or make it optional.",
            ),
            None => (SALESFORCE.to_string(), "Give the field a default value in Salesforce, or make it optional."),
        };
        findings.push(Finding::new(code, Severity::Warning, &place, &problem, remedy));
    }
    if findings.is_empty() {
        findings.push(fine("required-fields", SALESFORCE, "No other field has to be filled in a new record."));
    }
    findings
}

/// Only where new ones are made, whom the mapping knows as what.
fn made(settings: &Settings, object: &str) -> Option<(&'static str, &'static str, Option<Object>)> {
    match (object, settings.salesforce.new_people) {
        ("Lead", NewPeople::Leads) => Some(("lead-required-fields", "leads", Some(Object::Lead))),
        ("Contact", NewPeople::Contacts) => Some(("contact-required-fields", "contacts", Some(Object::Contact))),
        ("Account", _) => Some(("account-required-fields", "accounts", None)),
        ("CampaignMember", _) => {
            Some(("campaign-member-required-fields", "campaign members", Some(Object::CampaignMember)))
        }
        _ => None,
    }
}

/// A box that is not ticked is a value, and a default fills by itself.
fn missing(described: &Value, filled: &[&str]) -> Vec<String> {
    let is_needed = |row: &&Value| {
        let is_given = ["defaultValue", "defaultValueFormula"]
            .iter()
            .any(|name| row.get(*name).is_some_and(|value| !value.is_null()));
        is(row, "custom")
            && is(row, "createable")
            && row.get("nillable").and_then(Value::as_bool) == Some(false)
            && !is(row, "defaultedOnCreate")
            && !is_given
            && !values_default(row)
    };
    let named = |row: &Value| {
        let (name, label) = (text(row, "name"), text(row, "label"));
        (!filled.contains(&name.as_str())).then(|| format!("{name} (\"{label}\")"))
    };
    rows(described, "fields").filter(is_needed).filter_map(named).collect()
}

fn values_default(field: &Value) -> bool {
    text(field, "type") == "boolean" || rows(field, "picklistValues").any(|row| is(row, "defaultValue"))
}
