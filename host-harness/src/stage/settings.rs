//! What the customer of a story has set: their own settings, the destination, and the story's mapping after theirs.

use crate::simulators::account_engagement::CustomKind;
use oracle::{Destination, MappedField, Object, Story};
use serde_json::{Map, Value, json};

/// Settings that are no object are none of ours to correct.
pub(super) fn settings_of(story: &Story, own: &str) -> String {
    let own = settings_with("prospect", &story.mapping, own);
    let new_people = match story.destination {
        Destination::AccountEngagement => return own,
        Destination::AccountEngagementForms => {
            let Ok(Value::Object(mut with)) = serde_json::from_str(&own) else { return own };
            with.entry("registration").or_insert_with(|| "account_engagement_forms".into());
            return Value::Object(with).to_string();
        }
        Destination::SalesforceLeads => "leads",
        Destination::SalesforceContacts => "contacts",
    };
    let mapped = |object| {
        let all = story.salesforce.mapping.iter().filter(move |(of, _)| *of == object);
        all.map(|(_, mapped)| mapped.clone()).collect::<Vec<_>>()
    };
    let objects = [("lead", Object::Lead), ("contact", Object::Contact), ("campaign_member", Object::CampaignMember)];
    let own = objects.into_iter().fold(own, |own, (name, object)| settings_with(name, &mapped(object), &own));
    let Ok(Value::Object(mut with)) = serde_json::from_str(&own) else { return own };
    with.entry("destination").or_insert_with(|| "salesforce".into());
    let of_salesforce = with.entry("salesforce").or_insert_with(|| json!({}));
    if let Some(of_salesforce) = of_salesforce.as_object_mut() {
        of_salesforce.entry("new_people").or_insert_with(|| new_people.into());
    }
    Value::Object(with).to_string()
}

/// With rules for one object after those that stand there.
pub(super) fn settings_with(object: &str, mapping: &[MappedField], settings: &str) -> String {
    let Ok(Value::Object(mut with)) = serde_json::from_str(settings) else { return settings.to_owned() };
    if mapping.is_empty() {
        return settings.to_owned();
    }
    let fields = mapping.iter().map(|mapped| json!({ "source": mapped.source, "target": mapped.target }));
    let own = with.get("mapping").and_then(|own| own[object].as_array()).cloned().unwrap_or_default();
    let fields: Vec<Value> = own.into_iter().chain(fields).collect();
    let mapping = with.entry("mapping").or_insert_with(|| Value::Object(Map::new()));
    match mapping.as_object_mut() {
        Some(mapping) => mapping.insert(object.into(), fields.into()),
        None => return settings.to_owned(),
    };
    Value::Object(with).to_string()
}

/// What an admin would choose for a source.
pub(super) fn kind_of(source: &str) -> CustomKind {
    if is_number(source) { CustomKind::Number } else { CustomKind::Text }
}

pub(super) fn is_number(source: &str) -> bool {
    matches!(source, "attendance.duration" | "attendance.messages" | "attendance.questions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(source: &str) -> MappedField {
        MappedField { source: source.into(), target: "X__c".into() }
    }

    #[test]
    fn the_storys_mapping_stands_after_the_settings_own() {
        let rows = [
            (vec![], r#"{"a":1}"#, r#"{"a":1}"#),
            (vec![mapped("utm.source")], "{}", r#"{"mapping":{"prospect":[{"source":"utm.source","target":"X__c"}]}}"#),
            (
                vec![mapped("utm.source")],
                r#"{"a":1,"mapping":{"prospect":[7],"b":2}}"#,
                r#"{"a":1,"mapping":{"b":2,"prospect":[7,{"source":"utm.source","target":"X__c"}]}}"#,
            ),
            (vec![mapped("utm.source")], "no JSON", "no JSON"),
            (vec![mapped("utm.source")], r#"{"mapping":7}"#, r#"{"mapping":7}"#),
        ];
        for (mapping, settings, with) in rows {
            let story = Story { mapping, ..Story::default() };
            assert_eq!(settings_of(&story, settings), with, "{settings}");
        }
    }

    #[test]
    fn whoever_lets_people_register_by_forms_has_said_so() {
        let story = Story { destination: Destination::AccountEngagementForms, ..Story::default() };
        let found: Value = serde_json::from_str(&settings_of(&story, r#"{"answers":[]}"#)).unwrap();
        assert_eq!(found, json!({ "answers": [], "registration": "account_engagement_forms" }));
    }

    #[test]
    fn the_destination_and_what_is_mapped_to_each_object_stand_in_the_settings() {
        let check = |destination, mapping: &[(Object, MappedField)], own: &str, with: Value| {
            let salesforce = oracle::Salesforce { mapping: mapping.to_vec(), ..Default::default() };
            let story = Story { destination, salesforce, ..Story::default() };
            let found: Value = serde_json::from_str(&settings_of(&story, own)).unwrap();
            assert_eq!(found, with, "{own}");
        };
        let plain = json!({ "destination": "salesforce", "salesforce": { "new_people": "leads" } });
        check(Destination::SalesforceLeads, &[], "{}", plain);
        let plain =
            json!({ "destination": "salesforce", "salesforce": { "new_people": "leads", "duplicates": "report" } });
        check(Destination::SalesforceLeads, &[], r#"{"salesforce":{"duplicates":"report"}}"#, plain);
        let rule = json!({ "source": "utm.source", "target": "X__c" });
        check(
            Destination::SalesforceContacts,
            &[(Object::Contact, mapped("utm.source")), (Object::CampaignMember, mapped("utm.source"))],
            r#"{"mapping":{"contact":[7]}}"#,
            json!({
                "destination": "salesforce", "salesforce": { "new_people": "contacts" },
                "mapping": { "contact": [7, rule], "campaign_member": [rule] },
            }),
        );
    }
}
