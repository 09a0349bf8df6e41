//! The preflight: one finding, by its code, for each prerequisite of the help pages and each line of their checklist (RULES 29).
//! What is looked at follows from the destination: the set-up of Account Engagement (`salesforce.rs`, `account_engagement.rs`), or
//! what leads, contacts and campaign members need (`crm/`).
//!
//! Promises: changes nothing; what could not be found out is a finding too; each names what a person does about it. Not here:
//! mending (`fix.rs`), what a setting can be (`options.rs`).

mod account_engagement;
mod crm;
pub mod fix;
mod forms;
mod livestorm;
pub mod options;
mod salesforce;

use crate::{
    account_engagement::errors::ApiError as EngagementError,
    calendar::moment,
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE},
    host::{Answer, Context, Finding, Host, HttpError, MINUTE, Request, Response, Severity},
    json,
    salesforce::errors::ApiError as SalesforceError,
    settings::{self, Destination, Settings},
};
use serde_json::Value;
use std::fmt;

/// Where nobody may be behind the address.
const NOBODY: &str = "See that its address and the network are right, and the provider's status page. Then check again in a few minutes.";
/// Where somebody is, and does not do what it is asked.
const UNWELL: &str = "Check again in a few minutes. If it stays so, see the provider's status page.";

/// What a part of the check asks, and what it makes of the answers.
struct Part {
    connection: &'static str,
    requests: Vec<Request>,
    judge: fn(&Settings, &[Answer]) -> Vec<Finding>,
}

pub fn check(host: &dyn Host, context: &Context) -> Vec<Finding> {
    let settings = match settings::parse(&context.settings) {
        Ok(settings) => settings,
        Err(findings) => return findings,
    };
    let is_bound = |connection: &str| context.connections.iter().any(|name| name == connection);
    let mut findings = settings::findings(&context.settings);
    let needed =
        |connection: &str| connection != ACCOUNT_ENGAGEMENT || settings.destination == Destination::AccountEngagement;
    for (connection, title) in TITLES.iter().filter(|(name, _)| needed(name) && !is_bound(name)) {
        let problem = format!("{title} is not connected.");
        let code = format!("{connection}-not-bound");
        findings.push(Finding::new(&code, Severity::Blocker, connection, &problem, "Bind a connection for it."));
    }
    let mut parts = vec![livestorm::part(&settings)];
    parts.extend(match settings.destination {
        Destination::AccountEngagement => vec![salesforce::part(&settings), account_engagement::part(&settings)],
        Destination::Salesforce => vec![crm::part(&settings)],
    });
    parts.retain(|part| is_bound(part.connection));
    let asked: Vec<Request> = parts.iter().flat_map(|part| part.requests.clone()).collect();
    let answers = if asked.is_empty() { Vec::new() } else { host.send_all(asked) };
    let mut rest = &answers[..];
    for part in &parts {
        let (own, others) = rest.split_at(part.requests.len().min(rest.len()));
        rest = others;
        findings.extend(judged(host, &settings, part, own));
    }
    if settings.registers_from_forms() {
        findings.extend([forms::results(&settings), forms::may_register()]);
        let is_blocked =
            |code: &str| findings.iter().any(|one| one.severity == Severity::Blocker && one.code.starts_with(code));
        // What does not answer is told already.
        if ![SALESFORCE, ACCOUNT_ENGAGEMENT].iter().any(|connection| is_blocked(connection)) {
            findings.extend(forms::ties(host));
        }
    }
    findings
}

/// Whether the connection answers at all; what hangs on it is judged only then.
fn judged(host: &dyn Host, settings: &Settings, part: &Part, answers: &[Answer]) -> Vec<Finding> {
    let Some(first) = answers.first() else { return Vec::new() };
    let reached = reached(part.connection, first);
    if reached.severity == Severity::Blocker {
        return vec![reached];
    }
    let mut findings = vec![reached];
    findings.extend((part.judge)(settings, &answers[1..]));
    if part.connection == SALESFORCE {
        findings.extend(salesforce::user(host, settings.destination, &answers[1..]));
    }
    findings
}

const TITLES: [(&str, &str); 3] =
    [(LIVESTORM, "Livestorm"), (SALESFORCE, "Salesforce"), (ACCOUNT_ENGAGEMENT, "Account Engagement")];

fn title(connection: &str) -> &'static str {
    TITLES.iter().find(|(name, _)| *name == connection).map_or("The provider", |(_, title)| title)
}

/// What a refusal says, in the provider's own words.
fn said(connection: &str, response: &Response) -> String {
    match connection {
        SALESFORCE => SalesforceError::of(response).said(),
        ACCOUNT_ENGAGEMENT => EngagementError::of(response).said(),
        _ => format!("Livestorm answered {}", response.status),
    }
}

fn reached(connection: &str, answer: &Answer) -> Finding {
    let title = title(connection);
    let (seen, remedy) = match connection {
        SALESFORCE => (salesforce::seen as fn(&Response) -> String, salesforce::SIGN_IN),
        ACCOUNT_ENGAGEMENT => (account_engagement::seen as fn(&Response) -> String, account_engagement::SIGN_IN),
        _ => (livestorm::seen as fn(&Response) -> String, livestorm::SIGN_IN),
    };
    let finding = |what: &str, severity, problem: &str, remedy: &str| {
        Finding::new(&format!("{connection}-{what}"), severity, connection, problem, remedy)
    };
    match readable(connection, answer) {
        Ok(response) => finding("reached", Severity::Fine, &format!("{title} answers. {}", seen(response)), ""),
        Err(Unread::Refused(why) | Unread::Unclear(why)) => {
            finding("refused", Severity::Blocker, &format!("{why}."), remedy)
        }
        Err(Unread::Denied(rule, remedy)) => {
            let problem = format!("The host does not let the request out: {rule}.");
            finding("denied", Severity::Blocker, &problem, &remedy)
        }
        Err(Unread::NotReached { why, remedy }) => {
            finding("not-reached", Severity::Blocker, &format!("{title} was not reached: {why}."), &remedy)
        }
    }
}

/// Why an answer tells nothing.
enum Unread {
    Refused(String),
    Denied(String, String),
    /// It may be read another time, and the remedy is that of the moment, whatever was to be read.
    NotReached {
        why: String,
        remedy: String,
    },
    /// It came, and makes no sense.
    Unclear(String),
}

impl Unread {
    fn not_reached(why: impl Into<String>, remedy: &str) -> Unread {
        Unread::NotReached { why: why.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Refused(why) | Unread::Denied(why, _) | Unread::NotReached { why, .. } | Unread::Unclear(why) => {
                f.write_str(why)
            }
        }
    }
}

impl From<Unread> for String {
    fn from(unread: Unread) -> String {
        unread.to_string()
    }
}

fn readable<'a>(connection: &str, answer: &'a Answer) -> Result<&'a Response, Unread> {
    match answer {
        Ok(response) if response.is_success() => Ok(response),
        Ok(response) if response.status >= 500 || response.status == 429 => {
            Err(Unread::not_reached(said(connection, response), UNWELL))
        }
        Ok(response) => Err(Unread::Refused(said(connection, response))),
        Err(HttpError::Unauthorized(why)) => {
            Err(Unread::Refused(format!("{} does not take the sign-in: {why}", title(connection))))
        }
        Err(HttpError::Denied(denial)) => {
            Err(Unread::Denied(format!("{} ({})", denial.rule, denial.layer), denial.remedy.clone()))
        }
        Err(HttpError::Throttled(throttle)) => {
            // In whole minutes, and not before.
            let until = moment(throttle.until.saturating_add(MINUTE - 1));
            let why = format!("{} (nothing is sent before {until})", throttle.reason);
            let remedy = format!(
                "Check again after {until}: nothing else was found wrong with it. If it stays so, see the provider's status page, and \
                 which other apps use up the account's requests."
            );
            Err(Unread::not_reached(why, &remedy))
        }
        Err(HttpError::NotSent(why)) => Err(Unread::not_reached(why, NOBODY)),
        Err(HttpError::Unusable(unusable)) => Err(Unread::not_reached(&unusable.problem, NOBODY)),
        Err(HttpError::Unknown(why) | HttpError::Stopped(why)) => Err(Unread::not_reached(why, UNWELL)),
        Err(HttpError::DryRun) => Err(Unread::not_reached("a read was answered as a dry run", UNWELL)),
    }
}

/// The body of an answer, or why it tells nothing.
fn body(connection: &str, answer: Option<&Answer>) -> Result<Value, Unread> {
    let answer = answer.ok_or_else(|| Unread::Unclear("it was not asked".into()))?;
    let response = readable(connection, answer)?;
    json::parse(&response.body).map_err(|why| Unread::Unclear(format!("its answer is not JSON: {why}")))
}

fn rows<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text(row: &Value, name: &str) -> String {
    row.get(name).and_then(json::scalar).unwrap_or_default()
}

fn fine(code: &str, place: &str, problem: &str) -> Finding {
    Finding::new(code, Severity::Fine, place, problem, "")
}

/// Something that could not be found out. `remedy`: where looking another time does not help.
fn not_read(code: &str, place: &str, what: &str, why: &Unread, remedy: &str) -> Finding {
    let remedy = match why {
        Unread::NotReached { remedy, .. } => remedy,
        _ => remedy,
    };
    Finding::new(code, Severity::Warning, place, &format!("{what} could not be read: {why}."), remedy)
}

/// The answer to what this version does not offer.
pub fn not_offered(place: &str, what: &str) -> Finding {
    let problem = format!("This version of the connector {what}.");
    Finding::new("not-offered", Severity::Notice, place, &problem, "Nothing is to be done.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{TestHost, answer, context, ok};
    use serde_json::json;

    /// Which answer an account in order gives, by the call's purpose and, for queries, what is queried.
    fn in_order(request: &Request) -> Value {
        let soql = request.query.first().map(|(_, value)| value.as_str()).unwrap_or_default();
        let of = |object: &str| soql.contains(&format!("FROM {object}"));
        let types = settings::Settings::default().account_engagement.activity_types;
        let record = |name: &str| json!({"Id": format!("A-{name}"), "DeveloperName": name, "MarketingAppExtensionId": "X1", "IsActive": true});
        match request.purpose.as_str() {
            "read webhooks" => {
                let events = ["session.created", "people.registered", "session.ended", "people.watched_replay"];
                json!({"data": events.map(|event| json!({"attributes": {"event": event}}))})
            }
            "test the connection" if request.connection == SALESFORCE => {
                json!({"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})
            }
            "test the connection" if request.connection == ACCOUNT_ENGAGEMENT => {
                json!({"id": 1, "company": "Example Ltd", "level": "Plus"})
            }
            "read own user" => json!({"user_id": "005000000000001AAA"}),
            "describe campaign" => json!({"createable": true}),
            "query" if of("User") => {
                json!({"records": [{"Id": "005", "Username": "a@example.org", "UserPermissionsMarketingUser": true,
                "Profile": {"Name": "System Administrator", "PermissionsModifyAllData": true}}]})
            }
            "query" => json!({"records": [{"Description": "Livestorm session S1, made by the Livestorm connector"},
                {"Description": null}, {"Description": "somebody else's"}]}),
            "query set-up" if of("MarketingAppExtension") => {
                json!({"records": [{"Id": "X1", "DeveloperName": "Livestorm", "IsActive": true}]})
            }
            "query set-up" if of("MarketingAppExtAssignment") => {
                json!({"records": [{"MarketingAppExtensionId": "X1", "ParentId": "T1"}]})
            }
            "query set-up" if of("MarketingAppExtActivity") => {
                json!({"records": types.all().iter().map(|(_, name)| record(name)).collect::<Vec<_>>()})
            }
            "query set-up" => json!({"records": [{"Id": "T1", "PardotTenantName": "Unit 1"}]}),
            "look for campaigns" => {
                json!({"values": [{"id": 1, "salesforceId": "701000000000001AAA"}, {"id": 2, "salesforceId": null}]})
            }
            "read custom fields" => {
                json!({"values": [{"apiFieldId": "Topics__c", "type": "Multi-Select"}, {"apiFieldId": "Minutes__c", "type": "Number"},
                {"fieldId": "Old", "type": "Text"}]})
            }
            _ => json!({"data": [], "values": []}),
        }
    }

    const MAPPED: &str = r#"{"mapping": {"prospect": [{"source": "fields.old", "target": "Old__c"},
        {"source": "attendance.duration", "target": "Minutes__c", "transforms": [{"number": {}}]}]}}"#;

    fn findings(settings: &str, spoil: impl Fn(&Request, &mut Value) -> Option<Answer> + 'static) -> Vec<Finding> {
        let host = TestHost::new(0, move |request| {
            let mut body = in_order(request);
            spoil(request, &mut body).unwrap_or_else(|| ok(&body.to_string()))
        });
        check(&host, &Context { settings: settings.into(), ..context() })
    }

    /// Those that are not fine, but for what can never be read.
    fn wrong(findings: &[Finding]) -> Vec<(&str, Severity)> {
        let never_read = ["abilities", "lightning-app"];
        let told = findings.iter().filter(|f| {
            f.severity != Severity::Fine && !(f.severity == Severity::Notice && never_read.contains(&f.code.as_str()))
        });
        told.map(|finding| (finding.code.as_str(), finding.severity)).collect()
    }

    /// S2-4 cannot be read, and is told for that.
    #[test]
    fn an_account_in_order_is_fine_in_every_point_and_says_what_was_seen() {
        let findings = findings(MAPPED, |_, _| None);
        assert_eq!(wrong(&findings), []);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(
            codes,
            [
                "livestorm-reached",
                "livestorm-scopes",
                "livestorm-webhooks",
                "salesforce-reached",
                "campaign-createable",
                "other-flow",
                "extension",
                "extension-assignment",
                "activity-type-registered",
                "activity-type-attended",
                "activity-type-not-attended",
                "activity-type-attendance-duration",
                "activity-type-messages-sent",
                "activity-type-questions-asked",
                "activity-type-watched-replay",
                "activity-type-watched-on-demand",
                "system-administrator",
                "marketing-user",
                "account-engagement-reached",
                "edition",
                "connected-campaigns",
                "abilities",
                "mapped-fields",
                "lightning-app",
            ]
        );
        let said: String = findings.iter().map(|finding| finding.problem.as_str()).collect();
        assert!(
            said.contains("14998 of 15000")
                && said.contains("\"Example Ltd\"")
                && said.contains("1 of the connector's"),
            "{said}"
        );
    }

    /// S2-2 to S2-9, S2-39, S2-40, S2-45: each prerequisite broken in turn is exactly its finding, with what to do.
    #[test]
    fn each_broken_prerequisite_is_exactly_its_finding() {
        type Spoil = fn(&Request, &mut Value) -> Option<Answer>;
        let rows: [(&str, Severity, bool, Spoil); 19] = [
            ("livestorm-refused", Severity::Blocker, false, |r, _| {
                (r.connection == LIVESTORM).then(|| answer(401, "{}"))
            }),
            ("livestorm-scopes", Severity::Blocker, false, |r, _| {
                (r.purpose == "read events").then(|| answer(403, "{}"))
            }),
            ("livestorm-scopes", Severity::Warning, false, |r, _| {
                (r.purpose == "read team members").then(|| answer(403, "{}"))
            }),
            ("livestorm-webhooks", Severity::Notice, false, |r, body| {
                if r.purpose == "read webhooks" {
                    body["data"] = json!([])
                }
                None
            }),
            ("salesforce-refused", Severity::Blocker, false, |r, _| {
                (r.connection == SALESFORCE).then(|| Err(HttpError::Unauthorized("refresh failed".into())))
            }),
            ("campaign-createable", Severity::Blocker, false, |r, body| {
                if r.purpose == "describe campaign" {
                    body["createable"] = json!(false)
                }
                None
            }),
            ("other-flow", Severity::Warning, false, |r, body| {
                if r.purpose == "query" && body["records"].as_array().is_some_and(|rows| rows.len() == 3) {
                    body["records"][1] = body["records"][0].clone()
                }
                None
            }),
            ("extension", Severity::Blocker, true, |r, body| {
                if r.query.iter().any(|(_, q)| q.ends_with("FROM MarketingAppExtension")) {
                    body["records"] = json!([])
                }
                None
            }),
            ("extension", Severity::Blocker, true, |r, body| {
                if r.query.iter().any(|(_, q)| q.ends_with("FROM MarketingAppExtension")) {
                    body["records"][0]["IsActive"] = json!(false)
                }
                None
            }),
            ("extension-assignment", Severity::Blocker, true, |r, body| {
                if r.query.iter().any(|(_, q)| q.contains("ExtAssignment")) {
                    body["records"] = json!([])
                }
                None
            }),
            ("activity-type-registered", Severity::Blocker, true, |r, body| {
                if r.query.iter().any(|(_, q)| q.contains("ExtActivity")) {
                    body["records"].as_array_mut().unwrap().remove(0);
                }
                None
            }),
            ("activity-type-attended", Severity::Blocker, true, |r, body| {
                if r.query.iter().any(|(_, q)| q.contains("ExtActivity")) {
                    body["records"][1]["IsActive"] = json!(false)
                }
                None
            }),
            ("system-administrator", Severity::Blocker, false, |r, body| {
                if r.query.iter().any(|(_, q)| q.contains("FROM User")) {
                    body["records"][0]["Profile"] = json!({"Name": "Marketing", "PermissionsModifyAllData": false})
                }
                None
            }),
            ("marketing-user", Severity::Blocker, false, |r, body| {
                if r.query.iter().any(|(_, q)| q.contains("FROM User")) {
                    body["records"][0]["UserPermissionsMarketingUser"] = json!(false)
                }
                None
            }),
            ("account-engagement-refused", Severity::Blocker, false, |r, _| {
                (r.connection == ACCOUNT_ENGAGEMENT).then(|| answer(401, r#"{"code":201,"message":"not found"}"#))
            }),
            ("edition", Severity::Blocker, false, |r, body| {
                if r.connection == ACCOUNT_ENGAGEMENT && r.purpose == "test the connection" {
                    body["level"] = json!("Growth")
                }
                None
            }),
            ("connected-campaigns", Severity::Warning, false, |r, body| {
                if r.purpose == "look for campaigns" {
                    body["values"] = json!([{"id": 2, "salesforceId": null}])
                }
                None
            }),
            ("abilities", Severity::Blocker, false, |r, _| {
                (r.purpose == "look a prospect up").then(|| answer(403, r#"{"code":46,"message":"lacks permissions"}"#))
            }),
            ("mapped-field-missing", Severity::Warning, false, |r, body| {
                if r.purpose == "read custom fields" {
                    body["values"][2]["fieldId"] = json!("Olds")
                }
                None
            }),
        ];
        for (code, severity, fixable, spoil) in rows {
            let findings = findings(MAPPED, spoil);
            assert_eq!(wrong(&findings), [(code, severity)]);
            let finding = findings.iter().find(|finding| finding.code == code).unwrap();
            assert!(!finding.remedy.is_empty() && finding.fixable == fixable, "{finding:?}");
        }
    }

    /// S2-35: where people register by forms of Account Engagement nothing is asked for that activities need.
    #[test]
    fn activity_types_are_not_asked_for_where_nobody_gets_activities() {
        let settings = r#"{"registration": "account_engagement_forms", "answers": [{"source": "Minutes__c", "target": "minutes"},
            {"source": "Gone__c", "target": "gone"}], "mapping": {"prospect": [
            {"source": "attendance.duration", "target": "Minutes__c", "transforms": [{"number": {}}]}]}}"#;
        let findings = findings(settings, |request, _| {
            assert!(!request.purpose.contains("set-up") && request.purpose != "look for an activity", "{request:?}");
            None
        });
        let told = [
            ("answer-field-missing", Severity::Warning),
            ("attendance-fields", Severity::Warning),
            ("livestorm-register", Severity::Notice),
            ("forms", Severity::Notice),
        ];
        assert_eq!(wrong(&findings), told);
        assert!(!findings.iter().any(|one| one.code.starts_with("activity") || one.code.starts_with("extension")));
    }

    #[test]
    fn a_mapping_that_does_not_fit_its_field_is_told() {
        let settings = r#"{"mapping": {"prospect": [{"source": "fields.topics", "target": "Topics__c"},
            {"source": "fields.size", "target": "Minutes__c"}, {"source": "fields.x", "target": "Minuts__c"}]}}"#;
        let findings = findings(settings, |_, _| None);
        let told: Vec<_> = findings
            .iter()
            .filter(|f| f.code.starts_with("mapped-field"))
            .map(|f| (f.code.as_str(), f.place.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("mapped-field-kind", "/mapping/prospect/0/target"),
                ("mapped-field-kind", "/mapping/prospect/1/target"),
                ("mapped-field-missing", "/mapping/prospect/2/target"),
            ]
        );
        assert!(findings.iter().any(|finding| finding.remedy == "Did you mean \"Minutes__c\"?"));
    }

    /// What has nothing to do with the address or the rights is not to be looked for there.
    #[test]
    fn who_does_not_answer_now_is_told_with_a_remedy_that_fits() {
        use crate::host::{Throttle, Unusable};
        type Says = fn() -> Answer;
        let used_up = || {
            let reason = "Salesforce's API calls of the last 24 hours are used up".to_string();
            Err(HttpError::Throttled(Throttle { until: 1_000, reason }))
        };
        let after = "Check again after 1970-01-01 00:01 UTC: nothing else was found wrong with it.";
        let rows: [(Says, &str, &str); 8] = [
            (used_up, "24 hours are used up (nothing is sent before 1970-01-01 00:01 UTC).", after),
            (|| answer(429, "{}"), "429", UNWELL),
            (|| answer(503, "<html>"), "503", UNWELL),
            (|| Err(HttpError::Unknown("connection reset".into())), "connection reset", UNWELL),
            (|| Err(HttpError::Stopped("the time is over".into())), "the time is over", UNWELL),
            (|| Err(HttpError::NotSent("no such host".into())), "no such host", NOBODY),
            (|| Err(HttpError::Unusable(Unusable { status: None, problem: "too long".into() })), "too long", NOBODY),
            (|| Err(HttpError::DryRun), "dry run", UNWELL),
        ];
        for (says, why, remedy) in rows {
            // From the first on: it is the connection's only finding.
            let all = findings(MAPPED, move |request, _| (request.connection == SALESFORCE).then(says));
            let of_it: Vec<&Finding> = all.iter().filter(|finding| finding.place == SALESFORCE).collect();
            let [finding] = of_it[..] else { panic!("{of_it:?}") };
            assert_eq!((finding.code.as_str(), finding.severity), ("salesforce-not-reached", Severity::Blocker));
            assert!(finding.problem.contains(why) && finding.remedy.starts_with(remedy), "{finding:?}");
            // In the middle of it: whatever was to be read is to be read another time.
            for connection in [LIVESTORM, SALESFORCE, ACCOUNT_ENGAGEMENT] {
                let is_later = move |request: &Request| {
                    request.connection == connection
                        && !["test the connection", "ping"].contains(&request.purpose.as_str())
                };
                let all = findings(MAPPED, move |request, _| is_later(request).then(says));
                let told: Vec<&Finding> = all.iter().filter(|finding| finding.problem.contains(why)).collect();
                assert!(!told.is_empty(), "{connection}: {all:?}");
                for finding in told {
                    assert!(finding.remedy.starts_with(remedy), "{finding:?}");
                    assert!(finding.severity != Severity::Blocker, "{finding:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_bound_and_what_is_not_reached_is_a_blocker_with_a_remedy() {
        let host = TestHost::new(0, |_| answer(503, "<html>"));
        let told: Vec<String> = check(&host, &context()).into_iter().map(|finding| finding.code).collect();
        assert_eq!(told, ["livestorm-not-reached", "salesforce-not-reached", "account-engagement-not-reached"]);
        let unbound = Context { connections: vec![], ..context() };
        let findings = check(&host, &unbound);
        assert_eq!(findings.len(), 3);
        assert!(findings.iter().all(|finding| finding.code.ends_with("-not-bound") && !finding.remedy.is_empty()));
        let wrong = Context { settings: r#"{"left_out": 7}"#.into(), ..context() };
        assert_eq!(check(&host, &wrong)[0].place, "/left_out");
    }
}
