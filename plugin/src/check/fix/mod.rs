//! Mends what `check` called fixable, when a person has asked for it: the marketing app extension, its assignment, its activity
//! types; and for Salesforce as the destination the field for replays. Looks first, so asking twice changes nothing twice.

mod replay_field;

use super::{
    SALESFORCE, body,
    crm::replay,
    fine,
    salesforce::{ACTIVITY_TYPES, ASSIGNMENTS, EXTENSIONS, SetUp, TENANTS, label, type_code},
    text,
};
use crate::{
    account_engagement::activity::Activity,
    call::{Call, Shape},
    host::{EgressRule, Finding, Host, Severity},
    json,
    salesforce::calls::{
        ACTIVATE_ACTIVITY_TYPE, ACTIVATE_EXTENSION, ASSIGN_EXTENSION, CREATE_ACTIVITY_TYPE, CREATE_EXTENSION,
        TOOLING_QUERY,
    },
    settings::Settings,
};
use serde_json::Value;

/// What of the set-up in Account Engagement a code is about.
enum Fix {
    Extension,
    Assignment,
    ActivityType(Activity),
}

const ACTIVITIES: [(&str, Activity); 8] = [
    ("registered", Activity::Registered),
    ("attended", Activity::Attended),
    ("not_attended", Activity::NotAttended),
    ("attendance_duration", Activity::AttendanceDuration),
    ("messages_sent", Activity::MessagesSent),
    ("questions_asked", Activity::QuestionsAsked),
    ("watched_replay", Activity::WatchedReplay),
    ("watched_on_demand", Activity::WatchedOnDemand),
];

impl Fix {
    fn of(code: &str) -> Option<Fix> {
        match code {
            "extension" => Some(Fix::Extension),
            "extension-assignment" => Some(Fix::Assignment),
            _ => {
                let named = ACTIVITIES.iter().find(|(name, _)| type_code(name) == code);
                named.map(|(_, activity)| Fix::ActivityType(*activity))
            }
        }
    }

    fn calls(&self) -> Vec<&'static Shape> {
        let set_up = &TOOLING_QUERY.shape;
        match self {
            Fix::Extension => vec![set_up, &CREATE_EXTENSION.shape, &ACTIVATE_EXTENSION.shape],
            Fix::Assignment => vec![set_up, &ASSIGN_EXTENSION.shape],
            Fix::ActivityType(_) => vec![set_up, &CREATE_ACTIVITY_TYPE.shape, &ACTIVATE_ACTIVITY_TYPE.shape],
        }
    }
}

/// What may leave while this is mended; nothing for what cannot be.
pub fn egress(code: &str) -> Vec<EgressRule> {
    let calls = match code {
        replay::CODE => replay_field::CALLS.to_vec(),
        _ => Fix::of(code).map(|fix| fix.calls()).unwrap_or_default(),
    };
    calls.iter().map(|call| call.egress(&[])).collect()
}

pub fn fix(host: &dyn Host, settings: &Settings, code: &str) -> Result<Vec<Finding>, Finding> {
    if code == replay::CODE {
        return replay_field::fix(host, settings);
    }
    let fix = Fix::of(code).ok_or_else(|| {
        let problem = "This version of the connector mends nothing of this name by itself.";
        let remedy = "A check says what is to be done, and marks what can be mended from here.";
        Finding::new("not-offered", Severity::Notice, code, problem, remedy)
    })?;
    let queries = [EXTENSIONS, ASSIGNMENTS, ACTIVITY_TYPES, TENANTS];
    let asked = queries.iter().map(|soql| TOOLING_QUERY.request(&[], &[("q", soql)], None)).collect();
    let set_up =
        SetUp::read(&host.send_all(asked)).map_err(|why| failed(code, &format!("the set-up cannot be read: {why}")))?;
    let name = &settings.account_engagement.extension;
    let extension = set_up.extension(name);
    let done = match (&fix, extension) {
        (Fix::Extension, None) => {
            let body = json::object(vec![
                ("DeveloperName", name.as_str().into()),
                ("MasterLabel", name.as_str().into()),
                ("Description", "External activities of Livestorm webinars".into()),
                ("IsActive", true.into()),
            ]);
            send(host, code, &CREATE_EXTENSION, &[], &body)?;
            format!("The marketing app extension {name} was made and is active in automations.")
        }
        (Fix::Extension, Some(extension)) => {
            activate(host, code, &ACTIVATE_EXTENSION, extension)?;
            format!("The marketing app extension {name} is active in automations.")
        }
        (_, None) => return Err(failed(code, &format!("there is no extension {name} yet: mend `extension` first"))),
        (Fix::Assignment, Some(extension)) => {
            let extension = text(extension, "Id");
            match set_up.tenants(&extension) {
                (_, assigned) if !assigned.is_empty() => format!("The extension {name} is assigned already."),
                (not, _) => {
                    let [tenant] = &not[..] else {
                        let why = "there are several business units, and which one is meant is for a person to say";
                        return Err(failed(code, why));
                    };
                    let body = json::object(vec![
                        ("MarketingAppExtensionId", extension.into()),
                        ("ParentId", text(tenant, "Id").into()),
                    ]);
                    send(host, code, &ASSIGN_EXTENSION, &[], &body)?;
                    format!("The extension {name} was assigned to {}.", text(tenant, "PardotTenantName"))
                }
            }
        }
        (Fix::ActivityType(activity), Some(extension)) => {
            let extension = text(extension, "Id");
            let type_name = settings.account_engagement.activity_types.of(*activity);
            match set_up.activity_type(&extension, type_name) {
                Some(row) => {
                    activate(host, code, &ACTIVATE_ACTIVITY_TYPE, row)?;
                    format!("The activity type {type_name} is active in automations.")
                }
                None => {
                    let body = json::object(vec![
                        ("DeveloperName", type_name.into()),
                        ("MasterLabel", label(*activity).into()),
                        ("MarketingAppExtensionId", extension.into()),
                        ("IsActive", true.into()),
                    ]);
                    send(host, code, &CREATE_ACTIVITY_TYPE, &[], &body)?;
                    format!("The activity type {type_name} was made and is active in automations.")
                }
            }
        }
    };
    Ok(vec![fine(code, SALESFORCE, &done)])
}

/// Nothing is sent where nothing changes.
fn activate(host: &dyn Host, code: &str, call: &Call, row: &Value) -> Result<(), Finding> {
    if text(row, "IsActive") == "true" {
        return Ok(());
    }
    send(host, code, call, &[&text(row, "Id")], &json::object(vec![("IsActive", true.into())]))
}

fn send(host: &dyn Host, code: &str, call: &Call, ids: &[&str], content: &Value) -> Result<(), Finding> {
    let answers = host.send_all(vec![call.request(ids, &[], Some(content))]);
    match answers.first() {
        Some(Ok(response)) if response.is_success() => Ok(()),
        other => Err(failed(code, &body(SALESFORCE, other).err().map(String::from).unwrap_or_default())),
    }
}

fn failed(code: &str, why: &str) -> Finding {
    let problem = format!("It was not mended: {why}.");
    let remedy = "Do it by hand in Salesforce Setup > Marketing App Extensions, then check again.";
    Finding::new(code, Severity::Blocker, SALESFORCE, &problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Method, Request},
        test_host::{TestHost, answer, ok},
    };

    /// An org in which this stands: extension (active), assignment, type (active).
    fn org(extension: Option<bool>, assigned: bool, activity: Option<bool>, tenants: usize) -> TestHost {
        TestHost::new(0, move |request| {
            if request.method != Method::Get {
                return answer(201, r#"{"id":"1","success":true}"#);
            }
            let record = |is_active: Option<bool>, more: &str| match is_active {
                Some(active) => format!(r#"{{"Id":"X1","IsActive":{active},{more}}}"#),
                None => String::new(),
            };
            let soql = &request.query[0].1;
            let rows = if soql == EXTENSIONS {
                record(extension, r#""DeveloperName":"Livestorm""#)
            } else if soql == ACTIVITY_TYPES {
                record(activity, r#""DeveloperName":"people_registered","MarketingAppExtensionId":"X1""#)
            } else if soql == ASSIGNMENTS {
                if assigned { r#"{"MarketingAppExtensionId":"X1","ParentId":"T0"}"#.into() } else { String::new() }
            } else {
                let tenant = |number| format!(r#"{{"Id":"T{number}","PardotTenantName":"Unit {number}"}}"#);
                (0..tenants).map(tenant).collect::<Vec<_>>().join(",")
            };
            ok(&format!(r#"{{"records":[{rows}]}}"#))
        })
    }

    fn writes(host: &TestHost) -> Vec<Request> {
        host.requests().into_iter().filter(|request| request.method != Method::Get).collect()
    }

    #[test]
    fn each_code_mends_its_part_and_sends_nothing_where_all_is_well() {
        type Sent = Option<(Method, &'static str)>;
        let rows: [(&str, TestHost, Sent); 7] = [
            ("extension", org(None, false, None, 1), Some((Method::Post, "MarketingAppExtension"))),
            ("extension", org(Some(false), false, None, 1), Some((Method::Patch, "X1"))),
            ("extension", org(Some(true), true, None, 1), None),
            (
                "extension-assignment",
                org(Some(true), false, None, 1),
                Some((Method::Post, "MarketingAppExtAssignment")),
            ),
            ("extension-assignment", org(Some(true), true, None, 1), None),
            (
                "activity-type-registered",
                org(Some(true), true, None, 1),
                Some((Method::Post, "MarketingAppExtActivity")),
            ),
            ("activity-type-registered", org(Some(true), true, Some(false), 1), Some((Method::Patch, "X1"))),
        ];
        for (code, host, expected) in rows {
            let done = fix(&host, &Settings::default(), code);
            assert!(done.is_ok(), "{code}: {done:?}");
            let sent = writes(&host);
            let told = sent.first().map(|request| (request.method, request.path.last().cloned().unwrap_or_default()));
            assert_eq!(told, expected.map(|(method, last)| (method, last.to_string())), "{code}");
            let granted = egress(code);
            for request in host.requests() {
                let fits =
                    |rule: &EgressRule| rule.methods == [request.method] && rule.path.len() == request.path.len();
                assert!(granted.iter().any(fits), "{code} sends what it did not ask for");
            }
        }
    }

    #[test]
    fn what_cannot_be_mended_says_why_and_sends_nothing() {
        for (code, host, said) in [
            ("extension-assignment", org(Some(true), false, None, 2), "several business units"),
            ("activity-type-attended", org(None, false, None, 1), "mend `extension` first"),
            ("marketing-user", org(None, false, None, 1), "mends nothing"),
        ] {
            let finding = fix(&host, &Settings::default(), code).unwrap_err();
            assert!(finding.problem.contains(said), "{finding:?}");
            assert!(writes(&host).is_empty());
        }
        assert!(egress("marketing-user").is_empty());
    }
}
