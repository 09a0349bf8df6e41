//! What a customer may set. `settings.schema.json` is for the form, and has the defaults; a test holds it against these
//! structs.
//!
//! Promises: a mistake is told with its JSON pointer and the corrected form; settings without a finding always parse.

use crate::{
    domain::email::Email,
    host::{Finding, Severity},
    json,
    plain::Plain,
    values::Values,
};
use serde_json::{Map, Value};

pub const SCHEMA: &str = include_str!("settings.schema.json");

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub account_engagement: AccountEngagement,
    pub salesforce_campaign: SalesforceCampaign,
    pub left_out: LeftOut,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AccountEngagement {
    pub extension: String,
    /// DeveloperNames of the eight activities that the help page on the Account Engagement flow lists, by activity.
    pub activity_types: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SalesforceCampaign {
    pub record_type_id: Option<String>,
    pub parent_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    pub addresses: Vec<String>,
    pub domains: Vec<String>,
}

plain!(Settings { account_engagement, salesforce_campaign, left_out });
plain!(AccountEngagement { extension, activity_types });
plain!(SalesforceCampaign { record_type_id, parent_id });
plain!(LeftOut { addresses, domains });

/// The settings, or everything that is wrong with them. A notice or a warning keeps nobody from working.
pub fn parse(text: &str) -> Result<Settings, Vec<Finding>> {
    let (settings, findings) = read(text);
    match settings {
        Some(settings) if findings.iter().all(|finding| finding.severity < Severity::Blocker) => Ok(settings),
        _ => Err(findings),
    }
}

/// Everything worth saying about the settings. Nothing: fine.
pub fn findings(text: &str) -> Vec<Finding> {
    read(text).1
}

fn read(text: &str) -> (Option<Settings>, Vec<Finding>) {
    let value = match json::parse(text.as_bytes()) {
        Ok(value) => value,
        Err(why) => {
            return (None, vec![wrong("/", &format!("These settings are not JSON: {why}."), "Correct the text.")]);
        }
    };
    // A test reads it: it is JSON.
    let schema = json::parse(SCHEMA.as_bytes()).unwrap_or(Value::Null);
    let mut findings = Vec::new();
    against(&schema, &value, "", &mut findings);
    if !findings.is_empty() {
        return (None, findings);
    }
    match Settings::read(&completed(&schema, Some(&value))) {
        Ok(settings) => {
            meant(&settings, &mut findings);
            (Some(settings), findings)
        }
        Err(field) => {
            (None, vec![wrong("/", &format!("These settings cannot be read: {field}."), "Correct the text.")])
        }
    }
}

/// The settings with the schema's default for each that is left out.
fn completed(schema: &Value, value: Option<&Value>) -> Value {
    let Some(properties) = schema["properties"].as_object() else {
        return value.unwrap_or(&schema["default"]).clone();
    };
    let mut all = Map::new();
    for (name, inner) in properties {
        all.insert(name.clone(), completed(inner, value.and_then(|value| value.get(name))));
    }
    Value::Object(all)
}

fn wrong(place: &str, problem: &str, remedy: &str) -> Finding {
    Finding::new("settings-wrong", Severity::Blocker, place, problem, remedy)
}

/// What the schema says, with a pointer and a correction. Knows the words that our schema uses.
fn against(schema: &Value, value: &Value, place: &str, findings: &mut Vec<Finding>) {
    let here = if place.is_empty() { "/" } else { place };
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.contains(&name) {
        let problem = format!("{here}: {} was found where this is wanted: {}.", json::kind(value), types.join(" or "));
        findings.push(wrong(
            here,
            &problem,
            "Write a value of that kind, or leave the setting out to take its default.",
        ));
        return;
    }
    let length_max =
        |word: &str| schema[word].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    match value {
        Value::String(text) if text.chars().count() > length_max("maxLength") => {
            let most = length_max("maxLength");
            findings.push(wrong(here, &format!("{here}: longer than {most} characters."), "Shorten it."));
        }
        Value::String(text) if text.is_empty() && schema["minLength"].is_number() => {
            findings.push(wrong(here, &format!("{here} is empty."), "Fill it, or leave it out to take its default."));
        }
        Value::Array(items) => {
            if items.len() > length_max("maxItems") {
                let most = length_max("maxItems");
                findings.push(wrong(
                    here,
                    &format!("{here}: more than {most} entries."),
                    "Use a domain instead of addresses.",
                ));
            }
            for (number, item) in items.iter().enumerate() {
                against(&schema["items"], item, &format!("{place}/{number}"), findings);
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                let inner_place = format!("{place}/{key}");
                match schema["properties"].get(key) {
                    Some(inner_schema) => against(inner_schema, inner, &inner_place, findings),
                    None => {
                        let known: Vec<&str> = schema["properties"]
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(key, _)| key.as_str())
                            .collect();
                        let problem = format!("{inner_place}: there is no setting \"{key}\".");
                        let remedy = nearest(key, &known).map_or_else(
                            || format!("Known here: {}.", known.join(", ")),
                            |near| format!("Did you mean \"{near}\"?"),
                        );
                        findings.push(wrong(&inner_place, &problem, &remedy));
                    }
                }
            }
        }
        _ => {}
    }
}

/// What a schema cannot say.
fn meant(settings: &Settings, findings: &mut Vec<Finding>) {
    let engagement = &settings.account_engagement;
    let types = &engagement.activity_types;
    let places = types.iter().map(|(activity, name)| (format!("/account_engagement/activity_types/{activity}"), name));
    for (place, name) in places.chain([("/account_engagement/extension".to_string(), &engagement.extension)]) {
        if !is_developer_name(name) {
            let problem = format!("{place}: \"{name}\" cannot be a DeveloperName.");
            let remedy = "Copy the API name from Salesforce Setup > Marketing App Extensions: letters, digits and single \
                          underscores, beginning with a letter.";
            findings.push(wrong(&place, &problem, remedy));
        }
    }
    for (activity, name) in types.iter() {
        let same = |(other, taken): &&(String, String)| other < activity && taken == name;
        if let Some((other, _)) = types.iter().find(same) {
            let place = format!("/account_engagement/activity_types/{activity}");
            let problem = format!("{place}: \"{name}\" is also the type of {other}, so the two cannot be told apart.");
            let remedy = "Give each activity a type of its own.";
            findings.push(Finding::new("activity-types-equal", Severity::Warning, &place, &problem, remedy));
        }
    }
    let campaign = &settings.salesforce_campaign;
    for (place, id, prefix) in [
        ("/salesforce_campaign/record_type_id", &campaign.record_type_id, "012"),
        ("/salesforce_campaign/parent_id", &campaign.parent_id, "701"),
    ] {
        if let Some(id) = id.as_deref().filter(|id| !id.is_empty())
            && !(matches!(id.len(), 15 | 18)
                && id.starts_with(prefix)
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            let problem = format!("{place}: \"{id}\" is not an id of that kind.");
            let remedy = format!("Copy the id from Salesforce: 15 or 18 letters and digits, beginning with {prefix}.");
            findings.push(wrong(place, &problem, &remedy));
        }
    }
    for (number, address) in settings.left_out.addresses.iter().enumerate() {
        if let Err(why) = Email::parse(address) {
            let place = format!("/left_out/addresses/{number}");
            findings.push(wrong(
                &place,
                &format!("{place}: \"{address}\" is no address: {why}."),
                "Correct or remove it.",
            ));
        }
    }
    for (number, domain) in settings.left_out.domains.iter().enumerate() {
        if Email::parse(&format!("x@{}", domain.trim().trim_start_matches('@'))).is_err() {
            let place = format!("/left_out/domains/{number}");
            findings.push(wrong(&place, &format!("{place}: \"{domain}\" is no domain."), "Write it like example.org."));
        }
    }
}

/// Letters, digits, underscore; begins with a letter, ends without underscore, none doubled.
/// `tooling_api_objects_marketingappextactivity`, confirmed.
fn is_developer_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.split('_').all(|part| !part.is_empty())
}

/// The known name that differs least, if it is like enough to have been meant.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|name| (distance(word, name), *name)).min()?;
    (near.0 <= 1 + word.len() / 4).then_some(near.1)
}

/// Insertions, deletions and replacements between two words.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, letter) in from.chars().enumerate() {
        let mut corner = row[0];
        row[0] = number + 1;
        for (place, other) in to.iter().enumerate() {
            let replaced = corner + usize::from(letter != *other);
            corner = row[place + 1];
            row[place + 1] = replaced.min(corner + 1).min(row[place] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A value of its own for every leaf of the schema, so that one which is not read or read twice shows.
    fn filled(schema: &Value, place: &str) -> Value {
        assert!(schema["title"].is_string(), "{place} has a title for the form");
        match schema["properties"].as_object() {
            Some(inner) => {
                assert_eq!(schema["additionalProperties"], json!(false), "{place}");
                inner.iter().map(|(name, inner)| (name.clone(), filled(inner, &format!("{place}/{name}")))).collect()
            }
            None if schema["type"] == "array" => json!([place]),
            None => json!(place),
        }
    }

    #[test]
    fn the_checked_in_schema_has_the_fields_of_the_structs() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let filled = filled(&schema, "");
        assert_eq!(Settings::read(&filled).unwrap().write(), filled);
    }

    #[test]
    fn no_settings_are_the_defaults() {
        let settings = parse("{}").unwrap();
        assert_eq!(settings.account_engagement.extension, "Livestorm");
        assert_eq!(settings.account_engagement.activity_types["registered"], "people_registered");
        assert_eq!(settings.account_engagement.activity_types.len(), 8);
        assert_eq!(settings.left_out, LeftOut { addresses: vec![], domains: vec![] });
        assert_eq!(parse(&settings.write().to_string()), Ok(settings));
    }

    fn check(settings: Value, place: &str, said: &str) {
        let findings = findings(&settings.to_string());
        let [finding] = &findings[..] else { panic!("one finding expected: {findings:?}") };
        assert_eq!(finding.place, place);
        let all = format!("{} {}", finding.problem, finding.remedy);
        assert!(all.contains(said), "{all}");
        assert_eq!(parse(&settings.to_string()).is_err(), finding.severity == Severity::Blocker);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_the_corrected_form() {
        check(json!({"acount_engagement": {}}), "/acount_engagement", "Did you mean \"account_engagement\"?");
        check(json!({"account_engagement": {"extention": "X"}}), "/account_engagement/extention", "\"extension\"?");
        check(json!({"left_out": {"zzz": []}}), "/left_out/zzz", "Known here: addresses, domains");
        check(json!({"left_out": {"domains": "example.org"}}), "/left_out/domains", "a text was found");
        check(json!({"left_out": {"domains": [7]}}), "/left_out/domains/0", "a number was found");
        check(json!({"left_out": {"domains": ["a b"]}}), "/left_out/domains/0", "is no domain");
        check(json!({"left_out": {"addresses": ["ana"]}}), "/left_out/addresses/0", "exactly one @");
        check(json!({"account_engagement": {"extension": ""}}), "/account_engagement/extension", "is empty");
        check(json!({"account_engagement": {"extension": "My App"}}), "/account_engagement/extension", "DeveloperName");
        check(
            json!({"salesforce_campaign": {"record_type_id": "701000000000001"}}),
            "/salesforce_campaign/record_type_id",
            "beginning with 012",
        );
        check(
            json!({"account_engagement": {"activity_types": {"attended": "people_registered"}}}),
            "/account_engagement/activity_types/registered",
            "told apart",
        );
        check(json!([]), "/", "an array was found");
    }

    #[test]
    fn an_id_that_is_right_makes_no_finding() {
        let settings = json!({"salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": null}});
        assert_eq!(findings(&settings.to_string()), vec![]);
    }

    proptest! {
        #[test]
        fn settings_without_a_blocker_always_parse(text in ".{0,60}") {
            let _ = parse(&text);
            let wrapped = json!({"left_out": {"domains": [text]}}).to_string();
            let blocked = findings(&wrapped).iter().any(|finding| finding.severity == Severity::Blocker);
            prop_assert_eq!(parse(&wrapped).is_err(), blocked);
        }
    }
}
