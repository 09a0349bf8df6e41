//! What the answers inside an answer say of the connection. An envelope is 200 whatever became of its parts.
//!
//! Only where no part took effect does the whole count as refused, and may go out again even if it is a `once`: each part was
//! turned away for the token or a limit, or was not begun or taken back for that (`…HALTED`). Otherwise the parts are the guest's
//! business: some of them are done.

use super::{Seen, Verdict, refusal};
use serde::Deserialize;
use serde_json::Value;

/// Of a part that was not begun, or taken back.
const HALTED: [&str; 2] = ["PROCESSING_HALTED", "BATCH_PROCESSING_HALTED"];

/// One of these, by what was sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// `composite`
    #[serde(default)]
    composite_response: Vec<Part>,
    /// `composite/batch`
    #[serde(default)]
    results: Vec<Part>,
    /// `composite/graph`
    #[serde(default)]
    graphs: Vec<Graph>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Graph {
    graph_response: Box<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(alias = "httpStatusCode")]
    status_code: u16,
    #[serde(alias = "result")]
    body: Value,
}

impl Answer {
    fn parts(self) -> Vec<Part> {
        let inner = self.graphs.into_iter().flat_map(|graph| graph.graph_response.parts());
        self.composite_response.into_iter().chain(self.results).chain(inner).collect()
    }
}

pub fn classify(seen: Seen<'_>) -> Verdict {
    let Ok(answer) = serde_json::from_slice::<Answer>(seen.body) else { return Verdict::Plain };
    let mut whole = Verdict::Plain;
    for Part { status_code: status, body } in answer.parts() {
        if HALTED.iter().any(|halted| body[0]["errorCode"] == *halted) {
            continue;
        }
        match refusal(Seen { status, body: body.to_string().as_bytes(), ..seen }) {
            Verdict::Plain | Verdict::InDoubt(_) => return Verdict::Plain,
            refused if whole == Verdict::Plain => whole = refused,
            _ => {}
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};
    use crate::connections::{
        learned::TooMany,
        profile::{Provider::Salesforce, tests::NOW},
    };
    use serde_json::json;
    use std::time::Duration;

    fn verdict(carries: bool, status: u16, answer: &Value) -> Verdict {
        let body = answer.to_string();
        let headers = http::HeaderMap::new();
        Salesforce.classify(Seen {
            now: NOW,
            status,
            headers: &headers,
            body: body.as_bytes(),
            refreshable: true,
            carries,
        })
    }

    fn check(parts: &[(u16, &str, &str)], expect: Verdict) {
        let body = |code: &str, message: &str| match code {
            "" => json!({ "id": "00Q1", "success": true }),
            _ => json!([{ "errorCode": code, "message": message }]),
        };
        let composite: Vec<Value> = parts
            .iter()
            .map(|(status, code, message)| json!({ "httpStatusCode": status, "body": body(code, message), "referenceId": "x" }))
            .collect();
        let batch: Vec<Value> = parts
            .iter()
            .map(|(status, code, message)| json!({ "statusCode": status, "result": body(code, message) }))
            .collect();
        let graph = |part: &Value| json!({ "graphId": "g", "graphResponse": { "compositeResponse": [part] }, "isSuccessful": false });
        let graphs: Vec<Value> = composite.iter().map(graph).collect();
        for answer in [
            json!({ "compositeResponse": composite }),
            json!({ "hasErrors": true, "results": batch }),
            json!({ "graphs": graphs }),
        ] {
            assert_eq!(verdict(true, 200, &answer), expect, "{answer}");
            assert_eq!(verdict(false, 200, &answer), Plain, "what carries nothing has no parts");
        }
    }

    #[test]
    fn the_whole_was_refused_where_no_part_took_effect() {
        let expired = (401, "INVALID_SESSION_ID", "Session expired or invalid");
        let halted = (400, "PROCESSING_HALTED", "");
        let used_up = (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
        let long = (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.");
        let made = (201, "", "");
        let token = || TokenExpired("Salesforce answered 401 INVALID_SESSION_ID".into());
        let quota = || QuotaGone {
            wait: Duration::from_secs(900),
            reason: "Salesforce's API calls of the last 24 hours are used up".into(),
        };
        check(&[expired], token());
        check(&[expired, expired], token());
        check(&[halted, expired, halted], token());
        check(&[expired, (412, "BATCH_PROCESSING_HALTED", "")], token());
        check(&[expired, used_up], token());
        check(&[used_up, used_up], quota());
        check(&[long], SlowDown(TooMany::AtOnce, Some(Duration::from_secs(3))));
        check(&[made, expired], Plain);
        check(&[made, used_up], Plain);
        check(&[expired, (400, "DUPLICATES_DETECTED", "")], Plain);
        check(&[expired, (503, "SERVER_UNAVAILABLE", "")], Plain);
        check(&[(400, "DUPLICATES_DETECTED", ""), halted], Plain);
        check(&[halted, halted], Plain);
        check(&[made, made], Plain);
        check(&[], Plain);
    }

    #[test]
    fn records_and_other_answers_say_nothing_of_the_connection() {
        for answer in [
            json!([{ "success": false, "errors": [{ "statusCode": "INVALID_SESSION_ID", "message": "x" }] }]),
            json!({ "hasErrors": true, "results": [{ "referenceId": "x", "errors": [{ "statusCode": "INVALID_SESSION_ID" }] }] }),
            json!({ "compositeResponse": [{ "httpStatusCode": 200, "body": [{ "errorCode": "INVALID_SESSION_ID" }] }, 1] }),
            json!("text"),
        ] {
            assert_eq!(verdict(true, 200, &answer), Plain);
        }
        let part = json!([{ "errorCode": "INVALID_SESSION_ID", "message": "x" }]);
        assert!(matches!(verdict(true, 401, &part), TokenExpired(_)));
    }
}
