//! What a customer may choose for a setting: sources and targets of a mapping, extension and activity types, and what new campaigns
//! and replays are tied to in Salesforce.

use super::{
    account_engagement::{CUSTOM_FIELD, api_name},
    body, not_offered, not_read, rows,
    salesforce::{ACTIVITY_TYPES, EXTENSIONS},
    text,
};
use crate::{
    account_engagement::calls::CUSTOM_FIELDS,
    call::{ACCOUNT_ENGAGEMENT, Call, LIVESTORM, SALESFORCE},
    host::{Choice, Finding, Host},
    livestorm::{calls::PEOPLE_ATTRIBUTES, paging},
    mapping::{
        source_path::{self, FIELDS},
        target_field::{self, Kind, Object, salesforce::COMPANY},
    },
    salesforce::calls::{DESCRIBE, QUERY, TOOLING_QUERY},
};
use serde_json::Value;

/// The choices, or the finding why there are none. `setting` is a JSON pointer into the settings.
pub fn options(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    let parts: Vec<&str> = setting.split('/').skip(1).collect();
    match parts[..] {
        ["mapping", "prospect" | "lead" | "contact" | "campaign_member", _, "source"] => sources(host, setting),
        ["mapping", "prospect", _, "target"] => targets(host, setting),
        ["mapping", object, _, "target"] => match SALESFORCE_OBJECTS.iter().find(|known| known.setting() == object) {
            Some(object) => fields(host, setting, *object),
            None => Err(not_offered(setting, "offers no choices for this setting: write the value")),
        },
        ["salesforce", "replay_field"] => replay_fields(host, setting),
        ["salesforce_campaign", "record_type_id"] => records(host, setting, RECORD_TYPES),
        ["salesforce_campaign", "parent_id"] => records(host, setting, PARENTS),
        ["account_engagement", "extension"] => named(host, setting, EXTENSIONS),
        ["account_engagement", "activity_types", _] => named(host, setting, ACTIVITY_TYPES),
        _ => Err(not_offered(setting, "offers no choices for this setting: write the value")),
    }
}

const SALESFORCE_OBJECTS: [Object; 3] = [Object::Lead, Object::Contact, Object::CampaignMember];
const RECORD_TYPES: &str = "SELECT Id, Name FROM RecordType WHERE SobjectType = 'Campaign' AND IsActive = true";
/// Those that were made last: a parent that is older can be written.
const PARENTS: &str = "SELECT Id, Name FROM Campaign ORDER BY CreatedDate DESC LIMIT 200";

fn choice(value: &str, title: &str, detail: &str) -> Choice {
    Choice {
        value: value.into(),
        title: title.into(),
        detail: Some(detail.to_string()).filter(|text| !text.is_empty()),
    }
}

fn ask(host: &dyn Host, call: &Call, query: &[(&str, &str)], setting: &str) -> Result<Value, Finding> {
    ask_of(host, call, &[], query, setting)
}

fn ask_of(host: &dyn Host, call: &Call, ids: &[&str], query: &[(&str, &str)], setting: &str) -> Result<Value, Finding> {
    let answers = host.send_all(vec![call.request(ids, query, None)]);
    let connection = call.shape.connection;
    body(connection, answers.first()).map_err(|why| {
        not_read("options-not-read", setting, "What can be chosen", &why, "Write the value, or check the connection.")
    })
}

/// The workspace's questions, page by page, and everything else that is known of a person.
fn sources(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    let mut choices = Vec::new();
    let mut page = Some(0);
    while let Some(number) = page {
        let number_text = number.to_string();
        let query = [("page[number]", number_text.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
        let body = ask(host, &PEOPLE_ATTRIBUTES, &query, setting)?;
        for row in rows(&body, "data") {
            let attributes = row.get("attributes").unwrap_or(row);
            let slug = text(attributes, "slug");
            if let Some(path) = source_path::field(&slug).filter(|path| path.len() > FIELDS.len()) {
                choices.push(choice(&path, &text(attributes, "name"), &text(attributes, "type")));
            }
        }
        page = crate::json::At::root(&body).ok().and_then(|body| paging::next(&body, number)).filter(|next| *next < 20);
    }
    debug_assert_eq!(PEOPLE_ATTRIBUTES.shape.connection, LIVESTORM);
    choices.extend(source_path::KNOWN.iter().map(|(path, title)| choice(path, title, "")));
    Ok(choices)
}

fn targets(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    let standard = Object::Prospect.standard().iter().map(|field| {
        let kind = match field.kind {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
        };
        choice(field.name, field.name, kind)
    });
    let mut choices: Vec<Choice> = standard.collect();
    let body = ask(host, &CUSTOM_FIELDS, &[("fields", CUSTOM_FIELD), ("limit", "1000")], setting)?;
    debug_assert_eq!(CUSTOM_FIELDS.shape.connection, ACCOUNT_ENGAGEMENT);
    choices.extend(rows(&body, "values").map(|row| choice(&api_name(row), &text(row, "name"), &text(row, "type"))));
    Ok(choices)
}

/// Every field that may be mapped and that the connected user may write.
fn fields(host: &dyn Host, setting: &str, object: Object) -> Result<Vec<Choice>, Finding> {
    let body = ask_of(host, &DESCRIBE, &[object.name()], &[], setting)?;
    let account = (object == Object::Contact).then(|| choice(COMPANY, "Name of a new contact's account", "string"));
    let fits = |row: &&Value| is_writable(row) && target_field::problem(object, &text(row, "name")).is_none();
    Ok(account.into_iter().chain(rows(&body, "fields").filter(fits).map(described)).collect())
}

/// Texts and picklists that somebody has made.
fn replay_fields(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    let body = ask_of(host, &DESCRIBE, &[Object::CampaignMember.name()], &[], setting)?;
    let fits = |row: &&Value| {
        is_writable(row)
            && target_field::is_custom(&text(row, "name"))
            && ["string", "textarea", "picklist"].contains(&text(row, "type").as_str())
    };
    Ok(rows(&body, "fields").filter(fits).map(described).collect())
}

fn is_writable(row: &Value) -> bool {
    ["createable", "updateable"].iter().all(|right| text(row, right) == "true")
}

fn described(row: &Value) -> Choice {
    choice(&text(row, "name"), &text(row, "label"), &text(row, "type"))
}

fn records(host: &dyn Host, setting: &str, soql: &str) -> Result<Vec<Choice>, Finding> {
    let body = ask(host, &QUERY, &[("q", soql)], setting)?;
    Ok(rows(&body, "records").map(|row| choice(&text(row, "Id"), &text(row, "Name"), "")).collect())
}

fn named(host: &dyn Host, setting: &str, soql: &str) -> Result<Vec<Choice>, Finding> {
    debug_assert_eq!(TOOLING_QUERY.shape.connection, SALESFORCE);
    let body = ask(host, &TOOLING_QUERY, &[("q", soql)], setting)?;
    Ok(rows(&body, "records").map(|row| choice(&text(row, "DeveloperName"), &text(row, "MasterLabel"), "")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{TestHost, answer, ok};

    fn host() -> TestHost {
        TestHost::new(0, |request| {
            ok(match (request.connection.as_str(), request.query[0].1.as_str()) {
                ("livestorm", "0") => {
                    r#"{"data": [{"attributes": {"slug": "topics", "name": "Topics", "type": "multiple_select"}},
                        {"attributes": {"slug": "connection_link", "name": "?"}}, {"attributes": {}}],
                        "meta": {"next_page": 1}}"#
                }
                ("livestorm", _) => {
                    r#"{"data": [{"attributes": {"slug": "city", "name": "City", "type": "text"}}], "meta": {}}"#
                }
                ("salesforce", _) => r#"{"records": [{"DeveloperName": "Livestorm", "MasterLabel": "Webinars"}]}"#,
                _ => {
                    r#"{"values": [{"name": "Old", "fieldId": "Old"}, {"name": "New", "apiFieldId": "New__c", "type": "number"}]}"#
                }
            })
        })
    }

    #[test]
    fn choices_are_those_of_the_account_and_everything_that_is_always_there() {
        let values = |setting: &str| -> Vec<String> {
            options(&host(), setting).unwrap().into_iter().map(|choice| choice.value).collect()
        };
        let sources = values("/mapping/prospect/0/source");
        assert_eq!(&sources[..2], ["fields.topics", "fields.city"]);
        assert!(sources.contains(&"attendance.duration".to_string()));
        assert_eq!(values("/mapping/campaign_member/0/source"), sources);
        let targets = values("/mapping/prospect/7/target");
        assert!(targets.contains(&"company".to_string()) && targets.ends_with(&["Old__c".into(), "New__c".into()]));
        assert_eq!(values("/account_engagement/extension"), ["Livestorm"]);
        assert_eq!(values("/account_engagement/activity_types/attended"), ["Livestorm"]);
    }

    /// Fields of an object, told apart by who may write them and of what kind they are.
    #[test]
    fn fields_of_salesforce_are_offered_where_they_can_be_mapped() {
        let described = r#"{"fields": [
            {"name": "Company", "label": "Company", "type": "string", "createable": true, "updateable": true},
            {"name": "Id", "label": "Id", "type": "id", "createable": false, "updateable": false},
            {"name": "Email", "label": "Email", "type": "email", "createable": true, "updateable": true},
            {"name": "Size__c", "label": "Size", "type": "double", "createable": true, "updateable": true},
            {"name": "Seen__c", "label": "Seen", "type": "picklist", "createable": true, "updateable": true},
            {"name": "Sum__c", "label": "Sum", "type": "string", "createable": false, "updateable": false}]}"#;
        let host = TestHost::new(0, move |request| match request.query.first() {
            None if request.path.iter().any(|segment| segment == "Contact") => {
                ok(&described.replace("Company", "Title"))
            }
            None => ok(described),
            Some(_) => ok(r#"{"records": [{"Id": "012", "Name": "Webinars"}]}"#),
        });
        let values = |setting: &str| -> Vec<String> {
            options(&host, setting).unwrap().into_iter().map(|choice| choice.value).collect()
        };
        assert_eq!(values("/mapping/lead/0/target"), ["Company", "Size__c", "Seen__c"]);
        assert_eq!(values("/mapping/campaign_member/2/target"), ["Size__c", "Seen__c"]);
        // No field of a contact, and offered all the same.
        assert_eq!(values("/mapping/contact/0/target"), ["Company", "Title", "Size__c", "Seen__c"]);
        assert_eq!(values("/salesforce/replay_field"), ["Seen__c"]);
        assert_eq!(values("/salesforce_campaign/record_type_id"), ["012"]);
        assert_eq!(values("/salesforce_campaign/parent_id"), ["012"]);
        assert_eq!(
            options(&host, "/mapping/opportunity/0/target").map_err(|finding| finding.code),
            Err("not-offered".into())
        );
    }

    #[test]
    fn where_there_are_none_it_says_why() {
        assert_eq!(options(&host(), "/left_out/domains").map_err(|finding| finding.code), Err("not-offered".into()));
        let refused = TestHost::new(0, |_| answer(401, r#"{"code":184,"message":"token"}"#));
        let finding = options(&refused, "/mapping/prospect/0/target").unwrap_err();
        assert!(finding.problem.contains("code 184"), "{finding:?}");
    }
}
