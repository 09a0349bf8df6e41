//! The preflight: one finding for each connection, proved by a read.
//!
//! Promises: changes nothing; what could not be found out is a finding too; each names what a person does about it.

use crate::{
    account_engagement,
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE},
    host::{Answer, Context, Finding, Host, HttpError, Request, Response, Severity},
    json, livestorm, salesforce,
};
use serde_json::Value;

struct Probe {
    connection: &'static str,
    title: &'static str,
    request: Request,
    /// What was seen; for people.
    seen: fn(&Response) -> String,
    refused: fn(&Response) -> String,
    remedy: &'static str,
}

fn probes() -> [Probe; 3] {
    [
        Probe {
            connection: LIVESTORM,
            title: "Livestorm",
            request: livestorm::calls::PING.request(&[], &[], None),
            seen: |_| "The token is taken.".into(),
            refused: |response| format!("Livestorm answered {}", response.status),
            remedy: "Make an API token in Livestorm (Account settings > Apps > API) with read access to Events and Admin, and \
                     enter it for this connection.",
        },
        Probe {
            connection: SALESFORCE,
            title: "Salesforce",
            request: salesforce::calls::LIMITS.request(&[], &[], None),
            seen: |response| {
                let body = json::parse(&response.body).unwrap_or(Value::Null);
                let number = |name: &str| body["DailyApiRequests"].get(name).and_then(json::scalar);
                match (number("Remaining"), number("Max")) {
                    (Some(left), Some(most)) => format!("{left} of {most} API calls are left today."),
                    _ => "The sign-in is taken.".into(),
                }
            },
            refused: |response| salesforce::errors::ApiError::of(response).said(),
            remedy: "Sign in again as a user with API access; a Salesforce administrator gives it by the permission API Enabled.",
        },
        Probe {
            connection: ACCOUNT_ENGAGEMENT,
            title: "Account Engagement",
            request: account_engagement::calls::ACCOUNT.request(&[], &[("fields", "id,company,level")], None),
            seen: |response| {
                let body = json::parse(&response.body).unwrap_or(Value::Null);
                let text = |name: &str| body.get(name).and_then(json::scalar).unwrap_or_else(|| "not told".into());
                format!(
                    "The business unit belongs to \"{}\" (id {}, edition {}). Compare this with the one that you mean.",
                    text("company"),
                    text("id"),
                    text("level")
                )
            },
            refused: |response| account_engagement::errors::ApiError::of(response).said(),
            remedy: "Check the business unit id (Salesforce Setup > Business Unit Setup), the host (pi.pardot.com, or \
                     pi.demo.pardot.com for sandboxes and developer orgs), the scope pardot_api, and that the connected user \
                     belongs to this business unit.",
        },
    ]
}

pub fn check(host: &dyn Host, context: &Context) -> Vec<Finding> {
    let (bound, missing): (Vec<Probe>, Vec<Probe>) =
        probes().into_iter().partition(|probe| context.connections.iter().any(|name| name == probe.connection));
    let answers = if bound.is_empty() {
        Vec::new()
    } else {
        host.send_all(bound.iter().map(|probe| probe.request.clone()).collect())
    };
    let mut findings: Vec<Finding> = bound.iter().zip(&answers).map(|(probe, answer)| judge(probe, answer)).collect();
    findings.extend(missing.iter().map(|probe| {
        let code = format!("{}-not-bound", probe.connection);
        let problem = format!("{} is not connected.", probe.title);
        Finding::new(&code, Severity::Blocker, probe.connection, &problem, "Bind a connection for it.")
    }));
    findings
}

fn judge(probe: &Probe, answer: &Answer) -> Finding {
    let connection = probe.connection;
    let finding = |what: &str, severity, problem: &str, remedy: &str| {
        Finding::new(&format!("{connection}-{what}"), severity, connection, problem, remedy)
    };
    let not_reached = |why: &str| {
        let problem = format!("{} was not reached: {why}.", probe.title);
        finding(
            "not-reached",
            Severity::Blocker,
            &problem,
            "Check again in a few minutes; see the provider's status page.",
        )
    };
    match answer {
        Ok(response) if response.is_success() => {
            finding("reached", Severity::Fine, &format!("{} answers. {}", probe.title, (probe.seen)(response)), "")
        }
        Ok(response) if response.status >= 500 => not_reached(&(probe.refused)(response)),
        Ok(response) => finding("refused", Severity::Blocker, &format!("{}.", (probe.refused)(response)), probe.remedy),
        Err(HttpError::Unauthorized(why)) => {
            let problem = format!("{} does not take the sign-in: {why}.", probe.title);
            finding("refused", Severity::Blocker, &problem, probe.remedy)
        }
        Err(HttpError::Denied(denial)) => {
            let problem = format!("The host does not let the request out: {} ({}).", denial.rule, denial.layer);
            finding("denied", Severity::Blocker, &problem, &denial.remedy)
        }
        Err(HttpError::Throttled(throttle)) => not_reached(&throttle.reason),
        Err(HttpError::NotSent(why) | HttpError::Unknown(why) | HttpError::Stopped(why)) => not_reached(why),
        Err(HttpError::Unusable(unusable)) => not_reached(&unusable.problem),
        Err(HttpError::DryRun) => not_reached("a read was answered as a dry run"),
    }
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

    fn codes(host: &TestHost, context: &Context) -> Vec<(String, Severity)> {
        check(host, context).into_iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    #[test]
    fn each_connection_that_answers_is_fine_and_says_what_was_seen() {
        let host = TestHost::new(0, |request| match request.connection.as_str() {
            "salesforce" => ok(r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998}}"#),
            "account-engagement" => ok(r#"{"id":1,"company":"Example Ltd","level":"Plus"}"#),
            _ => ok(""),
        });
        let findings = check(&host, &context());
        assert!(findings.iter().all(|finding| finding.severity == Severity::Fine), "{findings:?}");
        let said: Vec<_> = findings.iter().map(|finding| finding.problem.as_str()).collect();
        assert!(said[1].contains("14998 of 15000") && said[2].contains("\"Example Ltd\""), "{said:?}");
        assert_eq!(host.wave_sizes(), [3]);
    }

    #[test]
    fn whatever_does_not_answer_is_a_blocker_with_a_remedy() {
        let host = TestHost::new(0, |request| match request.connection.as_str() {
            "salesforce" => Err(HttpError::Unauthorized("refresh failed".into())),
            "account-engagement" => answer(401, r#"{"code":201,"message":"not found"}"#),
            _ => answer(503, "<html>"),
        });
        let expected = ["livestorm-not-reached", "salesforce-refused", "account-engagement-refused"];
        let expected: Vec<_> = expected.iter().map(|code| (code.to_string(), Severity::Blocker)).collect();
        assert_eq!(codes(&host, &context()), expected);
        assert!(check(&host, &context()).iter().all(|finding| !finding.remedy.is_empty()));
        let unbound = Context { connections: vec![], ..context() };
        assert!(codes(&host, &unbound).iter().all(|(code, _)| code.ends_with("-not-bound")));
    }
}
