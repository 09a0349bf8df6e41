//! What a customer may choose for a setting: sources and targets of a mapping, extension and activity types.

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
        target_field::{Kind, Object},
    },
    salesforce::calls::TOOLING_QUERY,
};
use serde_json::Value;

/// The choices, or the finding why there are none. `setting` is a JSON pointer into the settings.
pub fn options(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    let parts: Vec<&str> = setting.split('/').skip(1).collect();
    match parts[..] {
        ["mapping", "prospect", _, "source"] => sources(host, setting),
        ["mapping", "prospect", _, "target"] => targets(host, setting),
        ["account_engagement", "extension"] => named(host, setting, EXTENSIONS),
        ["account_engagement", "activity_types", _] => named(host, setting, ACTIVITY_TYPES),
        _ => Err(not_offered(setting, "offers no choices for this setting: write the value")),
    }
}

fn choice(value: &str, title: &str, detail: &str) -> Choice {
    Choice {
        value: value.into(),
        title: title.into(),
        detail: Some(detail.to_string()).filter(|text| !text.is_empty()),
    }
}

fn ask(host: &dyn Host, call: &Call, query: &[(&str, &str)], setting: &str) -> Result<Value, Finding> {
    let answers = host.send_all(vec![call.request(&[], query, None)]);
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
        let targets = values("/mapping/prospect/7/target");
        assert!(targets.contains(&"company".to_string()) && targets.ends_with(&["Old__c".into(), "New__c".into()]));
        assert_eq!(values("/account_engagement/extension"), ["Livestorm"]);
        assert_eq!(values("/account_engagement/activity_types/attended"), ["Livestorm"]);
    }

    #[test]
    fn where_there_are_none_it_says_why() {
        assert_eq!(options(&host(), "/left_out/domains").map_err(|finding| finding.code), Err("not-offered".into()));
        let refused = TestHost::new(0, |_| answer(401, r#"{"code":184,"message":"token"}"#));
        let finding = options(&refused, "/mapping/prospect/0/target").unwrap_err();
        assert!(finding.problem.contains("code 184"), "{finding:?}");
    }
}
