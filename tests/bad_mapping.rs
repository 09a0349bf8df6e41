//! Mapped fields that Account Engagement has not, or takes otherwise, and settings that say what nobody means: the person is
//! written all the same, and a line says what was not; a typo is refused before anything runs.

use crate::support::*;
use host_harness::{
    durable::LogLine,
    host::InstallError,
    simulators::{
        Options,
        account_engagement::{CustomKind, NewCustomField},
        unknowns::UnlistedValue,
    },
    stage::StageError,
};
use oracle::{MappedField, Prior, Story};
use serde_json::{Value, json};

const TOPICS: &str = "Topics__c";
const SETTINGS: &str = r#"{"mapping": {"prospect": [{"source": "fields.topics", "target": "Topics__c"}]}}"#;

/// Somebody new and somebody known, with the same answer.
fn two_people() -> Story {
    let answers = [("first_name", "Ana"), ("topics", "Pricing")];
    let known = Prior { email: "ben@example.org".into(), fields: vec![], last_active_before: Some(HOUR) };
    let acts = vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)]),
        registers(HOUR + 60, "s", "ben@example.org", &answers, &[rest(1)]),
    ];
    Story { prospects: vec![known], ..story(acts) }
}

fn field(kind: CustomKind, values: &[&str]) -> Option<NewCustomField> {
    let values = values.iter().map(|value| value.to_string()).collect();
    Some(NewCustomField { values, ..NewCustomField::new(TOPICS, kind) })
}

/// What stands in the way of the mapped field's value.
struct Row {
    field: Option<NewCustomField>,
    set: fn(&mut Options),
    /// Whether the value is written; else words of the line that each of the two gets.
    written: Result<(), &'static str>,
}

async fn check(number: usize, row: Row) {
    let told = two_people();
    let mut options = Options::default();
    (row.set)(&mut options);
    let theatre = Theatre::with(&told, options, SETTINGS).await;
    if let Some(field) = row.field {
        theatre.stage.simulators.world().account_engagement.add_custom_field(field);
    }
    let host = theatre.open().await;
    theatre.stage.play(&told).await;
    let mapping = match row.written {
        Ok(()) => vec![MappedField { source: "fields.topics".into(), target: TOPICS.into() }],
        Err(_) => vec![],
    };
    let lines = log(&host).await;
    let problems = theatre.problems(&Story { mapping, ..told }, &host).await;
    assert!(problems.is_empty(), "row {number}: {problems:#?}\n{lines:#?}");
    for email in ["ana@example.org", "ben@example.org"] {
        let of = |l: &&LogLine| l.line.message.contains(email) && l.line.message.contains(TOPICS);
        let said: Vec<&String> = lines.iter().filter(of).map(|l| &l.line.message).collect();
        match row.written {
            Ok(()) => assert_eq!(said, [""; 0], "row {number}"),
            Err(why) => assert!(said.len() == 1 && said[0].contains(why), "row {number}, {email}: {said:?}"),
        }
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_written_is_left_out_with_a_line_and_the_person_is_written() {
    let accept: fn(&mut Options) = |o| o.unknowns.account_engagement.unlisted_value = UnlistedValue::Accept;
    let refuse: fn(&mut Options) = |o| o.unknowns.account_engagement.unlisted_value = UnlistedValue::Refuse;
    let as_it_is: fn(&mut Options) = |_| {};
    let rows = [
        Row { field: None, set: |o| o.unknowns.account_engagement.unknown_field_code = 180, written: Err("code 180") },
        Row { field: None, set: |o| o.unknowns.account_engagement.unknown_field_code = 154, written: Err("code 154") },
        Row { field: field(CustomKind::Dropdown, &["Security"]), set: refuse, written: Err("code 154") },
        Row { field: field(CustomKind::Dropdown, &["Security"]), set: accept, written: Ok(()) },
        Row { field: field(CustomKind::Dropdown, &["Security", "Pricing"]), set: refuse, written: Ok(()) },
        Row { field: field(CustomKind::Number, &[]), set: as_it_is, written: Err("code 56") },
        Row { field: field(CustomKind::Date, &[]), set: as_it_is, written: Err("code 57") },
        // What holds several values cannot be queried (code 224), and is written all the same.
        Row { field: field(CustomKind::MultiSelect, &["Pricing", "Security"]), set: refuse, written: Ok(()) },
        Row { field: field(CustomKind::Checkbox, &["Pricing"]), set: refuse, written: Ok(()) },
        Row {
            field: Some(NewCustomField {
                records_multiple_responses: true,
                ..NewCustomField::new(TOPICS, CustomKind::Text)
            }),
            set: as_it_is,
            written: Ok(()),
        },
    ];
    for (number, row) in rows.into_iter().enumerate() {
        check(number, row).await;
    }
}

/// What the settings are refused for: the pointers, and all that is said.
async fn refused(settings: &str) -> Option<(Vec<String>, String)> {
    let theatre = Theatre::with(&story(vec![]), Options::default(), settings).await;
    match theatre.stage.open_host(None).await {
        Ok(_) => None,
        Err(StageError::Install(InstallError::Settings(findings))) => {
            assert!(findings.iter().all(|f| !f.remedy.is_empty()), "{findings:#?}");
            let said = findings.iter().map(|f| format!("{} {}", f.problem, f.remedy)).collect();
            Some((findings.into_iter().map(|f| f.place).collect(), said))
        }
        Err(other) => panic!("{settings}: {other}"),
    }
}

/// Every place at which a setting has a name, with that name misspelt.
fn misspelt(settings: &Value) -> Vec<(String, Value)> {
    fn places(value: &Value, place: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, inner)| {
                let place = format!("{place}/{name}");
                // The customer's own words stand there.
                if !place.ends_with("/choices/map/red") {
                    all.push(place.clone());
                }
                places(inner, &place, all);
            }),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{place}/{n}"), all))
            }
            _ => {}
        }
    }
    let mut all = vec![];
    places(settings, "", &mut all);
    let spoil = |place: String| {
        let mut spoilt = settings.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        let parent = spoilt.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        let value = parent.remove(name).unwrap();
        parent.insert(format!("{name}s"), value);
        (format!("{place}s"), spoilt)
    };
    all.into_iter().map(spoil).collect()
}

#[tokio::test]
async fn a_typo_anywhere_in_the_settings_is_refused_at_install_with_its_pointer() {
    let every_option: Value = serde_json::from_str(include_str!("../fixtures/settings/every_option.json")).unwrap();
    assert_eq!(refused(&every_option.to_string()).await, None);
    let misspelt = misspelt(&every_option);
    assert!(misspelt.len() > 50, "{}", misspelt.len());
    for (place, settings) in misspelt {
        let (places, said) = refused(&settings.to_string()).await.unwrap_or_else(|| panic!("{place} is accepted"));
        assert!(places.contains(&place), "{place}: {places:?}");
        let meant = place.rsplit('/').next().unwrap().trim_end_matches('s');
        assert!(said.contains(meant), "{place}: {said}");
    }
}

#[tokio::test]
async fn a_mapping_that_cannot_be_meant_is_refused_at_install_with_its_pointer() {
    let rule =
        |source: &str, target: &str| json!({ "mapping": { "prospect": [{ "source": source, "target": target }] } });
    let rows = [
        (rule("fields.company", "lastActivityAt"), "/mapping/prospect/0/target", "cannot be written"),
        (rule("fields.company", "email"), "/mapping/prospect/0/target", "cannot be mapped"),
        (rule("fields.company", "compny"), "/mapping/prospect/0/target", "Did you mean \"company\"?"),
        (rule("fields.company", "Topics"), "/mapping/prospect/0/target", "Topics__c"),
        (rule("atendance.rate", "Rate__c"), "/mapping/prospect/0/source", "Did you mean \"attendance.rate\"?"),
        (rule("fields.password_key", "Key__c"), "/mapping/prospect/0/source", "secret.password_key"),
        (json!({ "left_out": { "domains": ["a b"] } }), "/left_out/domains/0", "example.org"),
        (json!({ "account_engagement": { "extension": "My App" } }), "/account_engagement/extension", "DeveloperName"),
        (json!([]), "/", "an array was found"),
    ];
    for (settings, place, said) in rows {
        let (places, all) = refused(&settings.to_string()).await.unwrap_or_else(|| panic!("{settings} is accepted"));
        assert_eq!(places, [place], "{settings}");
        assert!(all.contains(said), "{settings}: {all}");
    }
    assert_eq!(refused("{").await.map(|(places, _)| places), Some(vec!["/".to_string()]));
}
