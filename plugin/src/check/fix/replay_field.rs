//! Makes the campaign members' field for replays, and lets the profile of the connected user see and edit it: a new field is seen by
//! nobody through the API. Looks first at each step, so asking twice changes nothing twice.
//! <https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_customfield.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_fieldpermissions.htm>

use crate::{
    call::{Call, SALESFORCE, Shape},
    check::{
        body,
        crm::replay::{self, CODE, LABEL, MEMBER, PLACE, Replay},
        fine, rows, text,
    },
    host::{Answer, Finding, Host, Request, Severity},
    json,
    salesforce::{
        calls::{CHANGE_PERMISSION, CREATE_FIELD, DESCRIBE, PERMIT_FIELD, QUERY, TOOLING_QUERY, USERINFO},
        errors::ApiError,
        soql,
    },
    settings::Settings,
};
use serde_json::Value;

pub const CALLS: [&Shape; 7] = [
    &DESCRIBE.shape,
    &TOOLING_QUERY.shape,
    &USERINFO.shape,
    &QUERY.shape,
    &CREATE_FIELD.shape,
    &PERMIT_FIELD.shape,
    &CHANGE_PERMISSION.shape,
];

pub fn fix(host: &dyn Host, settings: &Settings) -> Result<Vec<Finding>, Finding> {
    match mend(host, settings) {
        Ok(done) => Ok(vec![fine(CODE, PLACE, &done)]),
        Err(why) => {
            let problem = format!("It was not mended: {why}.");
            let remedy = "Make the field by hand in Salesforce Setup > Object Manager > Campaign Member > Fields: a text, labelled \
                          \"Livestorm Replay Status\", that the connected user's profile may edit. Then check again.";
            Err(Finding::new(CODE, Severity::Blocker, PLACE, &problem, remedy))
        }
    }
}

/// What was done, or why nothing more was.
fn mend(host: &dyn Host, settings: &Settings) -> Result<String, String> {
    let name = replay::mendable(settings)
        .ok_or("the settings name a field of your own, and which one is meant is for a person to say")?;
    let developer_name = name.trim_end_matches("__c");
    let exists = format!(
        "SELECT Id FROM CustomField WHERE TableEnumOrId = '{MEMBER}' AND DeveloperName = {}",
        soql::quoted(developer_name)
    );
    let answers = host.send_all(vec![
        DESCRIBE.request(&[MEMBER], &[], None),
        TOOLING_QUERY.request(&[], &[("q", &exists)], None),
        USERINFO.request(&[], &[], None),
    ]);
    let [described, exists, user] = &answers[..] else { return Err("it was not looked at".into()) };
    let described = read("the fields of campaign members", described)?;
    match replay::look(settings, &described) {
        Replay::Writable(field) => {
            return Ok(format!("The field {} is there, and can be edited.", text(field, "name")));
        }
        Replay::Named(other) => {
            return Err(format!("the field is there under the name {other}: write that into /salesforce/replay_field"));
        }
        Replay::ReadOnly(_) | Replay::Absent => {}
    }
    let exists = rows(&read("the org's custom fields", exists)?, "records").next().is_some();
    let set = permission_set(host, &text(&read("the connected user", user)?, "user_id"))?;
    let full_name = format!("{MEMBER}.{name}");
    let was_absent = replay::look(settings, &described) == Replay::Absent && !exists;
    if was_absent {
        create(host, &full_name)?;
    }
    permit(host, &set, &full_name)?;
    Ok(match was_absent {
        true => format!("The field {name} of campaign members was made, and the connected user's profile may edit it."),
        false => format!("The connected user's profile may edit the field {name} of campaign members."),
    })
}

fn read(what: &str, answer: &Answer) -> Result<Value, String> {
    body(SALESFORCE, Some(answer)).map_err(|why| format!("{what} cannot be read: {why}"))
}

fn query(host: &dyn Host, what: &str, soql: &str) -> Result<Option<Value>, String> {
    let answers = host.send_all(vec![QUERY.request(&[], &[("q", soql)], None)]);
    let body = body(SALESFORCE, answers.first()).map_err(|why| format!("{what} cannot be read: {why}"))?;
    Ok(rows(&body, "records").next().cloned())
}

/// Every profile has a permission set of its own, which holds its rights to fields.
fn permission_set(host: &dyn Host, user: &str) -> Result<String, String> {
    let what = "the connected user's profile";
    let found = query(host, what, &format!("SELECT Id, ProfileId FROM User WHERE Id = {}", soql::quoted(user)))?;
    let profile = found.map(|row| text(&row, "ProfileId")).ok_or_else(|| format!("{what} is not shown"))?;
    let of_profile = format!(
        "SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true AND ProfileId = {}",
        soql::quoted(&profile)
    );
    let set = query(host, what, &of_profile)?;
    set.map(|row| text(&row, "Id")).ok_or_else(|| format!("the rights of {what} are not shown"))
}

fn create(host: &dyn Host, full_name: &str) -> Result<(), String> {
    let metadata = json::object(vec![
        ("label", LABEL.into()),
        ("type", "Text".into()),
        ("length", 255.into()),
        ("required", false.into()),
        ("description", "What a registrant has watched after a Livestorm session".into()),
    ]);
    let content = json::object(vec![("FullName", full_name.into()), ("Metadata", metadata)]);
    send(host, &CREATE_FIELD, CREATE_FIELD.request(&[], &[], Some(&content)))
}

fn permit(host: &dyn Host, set: &str, full_name: &str) -> Result<(), String> {
    let known = format!(
        "SELECT Id, PermissionsRead, PermissionsEdit FROM FieldPermissions WHERE ParentId = {} AND Field = {}",
        soql::quoted(set),
        soql::quoted(full_name)
    );
    let rights = || vec![("PermissionsRead", true.into()), ("PermissionsEdit", true.into())];
    match query(host, "who may see the field", &known)? {
        Some(row) if text(&row, "PermissionsRead") == "true" && text(&row, "PermissionsEdit") == "true" => Ok(()),
        Some(row) => {
            let content = json::object(rights());
            send(host, &CHANGE_PERMISSION, CHANGE_PERMISSION.request(&[&text(&row, "Id")], &[], Some(&content)))
        }
        None => {
            let mut content =
                vec![("ParentId", set.into()), ("SobjectType", MEMBER.into()), ("Field", full_name.into())];
            content.extend(rights());
            send(host, &PERMIT_FIELD, PERMIT_FIELD.request(&[], &[], Some(&json::object(content))))
        }
    }
}

/// Somebody may have made the same meanwhile.
fn send(host: &dyn Host, call: &Call, request: Request) -> Result<(), String> {
    let answers = host.send_all(vec![request]);
    match answers.first() {
        Some(Ok(response)) if response.is_success() => Ok(()),
        Some(Ok(response))
            if ["DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"].contains(&ApiError::of(response).code.as_str()) =>
        {
            Ok(())
        }
        other => Err(format!(
            "{} failed: {}",
            call.shape.purpose,
            body(SALESFORCE, other).err().map(String::from).unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::fix::egress,
        host::{EgressRule, Method},
        test_host::{TestHost, answer, ok},
    };

    /// What the org has: the field as it is described, whether it exists unseen, a permission (may it be edited), and how the
    /// field's making is answered.
    #[derive(Clone, Copy, Default)]
    struct Org {
        described: &'static str,
        exists: bool,
        permission: Option<bool>,
        refusal: Option<&'static str>,
    }

    fn host(org: Org) -> TestHost {
        TestHost::new(0, move |request| {
            let soql = request.query.first().map(|(_, query)| query.as_str()).unwrap_or_default();
            let rows = |rows: String| ok(&format!(r#"{{"records":[{rows}]}}"#));
            match request.purpose.as_str() {
                "describe" => ok(&format!(r#"{{"fields":[{}]}}"#, org.described)),
                "read own user" => ok(r#"{"user_id":"005000000000001AAA"}"#),
                "query set-up" => rows(if org.exists { r#"{"Id":"00N1"}"#.into() } else { String::new() }),
                "query" if soql.contains("FROM User") => rows(r#"{"Id":"005","ProfileId":"00e1"}"#.into()),
                "query" if soql.contains("FROM PermissionSet") => {
                    assert!(soql.contains("ProfileId = '00e1'"), "{soql}");
                    rows(r#"{"Id":"0PS1"}"#.into())
                }
                "query" => rows(match org.permission {
                    Some(edit) => format!(r#"{{"Id":"01k1","PermissionsRead":true,"PermissionsEdit":{edit}}}"#),
                    None => String::new(),
                }),
                "create field" if org.refusal.is_some() => answer(400, org.refusal.unwrap()),
                _ => answer(201, r#"{"id":"1","success":true}"#),
            }
        })
    }

    const WRITABLE: &str = r#"{"name":"Livestorm_Replay_Status__c","label":"Livestorm Replay Status","createable":true,"updateable":true}"#;
    const NAMED: &str = r#"{"name":"Replay__c","label":"Livestorm replay status","createable":true,"updateable":true}"#;
    const READ_ONLY: &str = r#"{"name":"Livestorm_Replay_Status__c","createable":false,"updateable":false}"#;

    fn sent(host: &TestHost) -> Vec<String> {
        let writes = host.requests().into_iter().filter(|request| request.method != Method::Get);
        writes.map(|request| request.purpose).collect()
    }

    /// S3-24.
    #[test]
    fn the_field_is_made_and_permitted_as_far_as_it_is_not() {
        let twice = r#"[{"errorCode":"DUPLICATE_DEVELOPER_NAME","message":"There is already a field of this name"}]"#;
        let rows: [(Org, &[&str]); 6] = [
            (Org::default(), &["create field", "permit field"]),
            (Org { refusal: Some(twice), ..Org::default() }, &["create field", "permit field"]),
            (Org { exists: true, ..Org::default() }, &["permit field"]),
            (Org { described: READ_ONLY, permission: Some(false), ..Org::default() }, &["change field permission"]),
            (Org { exists: true, permission: Some(true), ..Org::default() }, &[]),
            (Org { described: WRITABLE, ..Org::default() }, &[]),
        ];
        for (number, (org, expected)) in rows.into_iter().enumerate() {
            let host = host(org);
            let done = fix(&host, &Settings::default());
            assert!(done.as_ref().is_ok_and(|done| done[0].severity == Severity::Fine), "row {number}: {done:?}");
            assert_eq!(sent(&host), expected, "row {number}");
            let granted = egress(CODE);
            for request in host.requests() {
                let fits =
                    |rule: &EgressRule| rule.methods == [request.method] && rule.path.len() == request.path.len();
                assert!(granted.iter().any(fits), "row {number} sends what it did not ask for: {:?}", request.path);
            }
        }
    }

    #[test]
    fn what_is_for_a_person_to_say_is_left_to_them() {
        let refused = r#"[{"errorCode":"INSUFFICIENT_ACCESS","message":"insufficient access rights"}]"#;
        let own = Settings {
            salesforce: crate::settings::Salesforce { replay_field: Some("Seen__c".into()), ..Default::default() },
            ..Settings::default()
        };
        let rows: [(Org, Settings, &str, usize); 3] = [
            (Org { described: NAMED, ..Org::default() }, Settings::default(), "Replay__c", 0),
            (Org::default(), own, "a field of your own", 0),
            (Org { refusal: Some(refused), ..Org::default() }, Settings::default(), "insufficient access", 1),
        ];
        for (org, settings, said, writes) in rows {
            let host = host(org);
            let finding = fix(&host, &settings).unwrap_err();
            assert!(finding.problem.contains(said) && finding.remedy.contains("by hand"), "{finding:?}");
            assert_eq!(sent(&host).len(), writes, "{said}");
        }
    }
}
