//! Whether each mapped field is there, may be written and takes what is mapped to it. What does not fit is left out when it is
//! written, so none of it is a blocker.

use super::{field, is, is_restricted, values};
use crate::{
    check::{fine, rows, text},
    host::{Finding, Severity},
    mapping::{
        self, Transform,
        target_field::{Kind, Object, salesforce::COMPANY},
    },
    settings::Settings,
    text::nearest,
};
use serde_json::Value;

pub fn findings(settings: &Settings, objects: &[(&'static str, Value)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    for object in settings.objects() {
        let Some((_, described)) = objects.iter().find(|(name, _)| *name == object.name()) else { continue };
        for (number, rule) in mapping::rules(&settings.mapping, *object).iter().enumerate() {
            if *object == Object::Contact && rule.target == COMPANY {
                continue;
            }
            count += 1;
            // Defaults come after the rules, and have no place of their own.
            let own = number < settings.mapping.of(*object).len();
            let place = match own {
                true => format!("/mapping/{}/{number}/target", object.setting()),
                false => format!("/mapping/{}", object.setting()),
            };
            let made = mapping::kind_of(&settings.mapping, *object, rule.target);
            findings.extend(finding(&place, *object, described, rule.target, made, rule.transforms));
        }
    }
    if findings.is_empty() {
        findings.push(fine(
            "mapped-fields",
            "/mapping",
            &format!("All {count} mapped fields are there and can be written."),
        ));
    }
    findings
}

fn finding(
    place: &str,
    object: Object,
    described: &Value,
    target: &str,
    made: Kind,
    transforms: &[Transform],
) -> Option<Finding> {
    let of = object.name();
    let told = |code: &str, severity, problem: &str, remedy: &str| {
        Some(Finding::new(code, severity, place, &format!("{place}: {problem}"), remedy))
    };
    let Some(field) = field(described, target) else {
        let names: Vec<String> = rows(described, "fields").map(|row| text(row, "name")).collect();
        let problem = format!("{of} has no field {target} that the connected user sees; its value is left out.");
        let remedy = nearest(target, names.iter().map(String::as_str)).map_or_else(
            || {
                format!(
                    "Make it in Salesforce Setup > Object Manager > {of} > Fields, let the connected user's profile see and edit it, \
                     or map another."
                )
            },
            |near| format!("Did you mean \"{near}\"?"),
        );
        return told("mapped-field-missing", Severity::Warning, &problem, &remedy);
    };
    if !(is(field, "createable") && is(field, "updateable")) {
        let problem = format!("{target} of {of} cannot be written by the connected user; its value is left out.");
        let remedy = "Let the connected user's profile edit it (Set Field-Level Security), or map another. Formulas cannot be written \
                      at all.";
        return told("mapped-field-read-only", Severity::Warning, &problem, remedy);
    }
    let kind = text(field, "type");
    let (problem, remedy) = match kind.as_str() {
        "int" | "long" | "double" | "currency" | "percent" if made != Kind::Number => {
            ("is a number, and what is mapped to it need not be one".to_string(), "Add the transform `number`.")
        }
        "boolean" if made != Kind::Boolean => {
            ("is a checkbox, and what is mapped to it need not be true or false".into(), "Add the transform `boolean`.")
        }
        "date" | "datetime" if made != Kind::Text => {
            (format!("is a {kind}, and a {made:?} is mapped to it"), "Map a date.")
        }
        "reference" => ("takes the id of another record alone".into(), "Map an id of that kind, or another field."),
        _ if is_restricted(field) => return restricted(field, target, transforms, &told),
        _ => return None,
    };
    told("mapped-field-kind", Severity::Notice, &format!("{target} {problem}; what does not fit is left out."), remedy)
}

/// Texts that the rule itself writes can be compared now; what people answer, only then.
fn restricted(
    field: &Value,
    target: &str,
    transforms: &[Transform],
    told: &dyn Fn(&str, Severity, &str, &str) -> Option<Finding>,
) -> Option<Finding> {
    let values = values(field);
    let fixed = transforms.iter().flat_map(|transform| match transform {
        Transform::Default(text) => vec![text],
        Transform::Choices(choices) => choices.map.values().collect(),
        _ => Vec::new(),
    });
    let is_value = |text: &str| {
        let is_label = |row: &Value| text.trim().eq_ignore_ascii_case(&self::text(row, "label"));
        values.iter().any(|value| value.eq_ignore_ascii_case(text.trim()))
            || rows(field, "picklistValues").any(is_label)
    };
    let unknown: Vec<String> = fixed.filter(|text| !is_value(text)).map(|text| format!("\"{text}\"")).collect();
    if unknown.is_empty() {
        return None;
    }
    let problem = format!(
        "{target} takes {} alone, and {} is none of these; it is left out.",
        values.join(", "),
        unknown.join(", ")
    );
    told(
        "mapped-field-value",
        Severity::Warning,
        &problem,
        "Write one of its values, or add the value to the picklist.",
    )
}
