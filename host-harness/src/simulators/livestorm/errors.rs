//! How Livestorm refuses: `{"errors":[{title, detail, code, status}]}`, all of them strings [inferred from public
//! clients]. The code is the number, the status a word, as one of them was answered in 2026. Which status means what:
//! <https://developers.livestorm.co/docs/requests>.

use crate::simulators::request::{Answer, json, with_header};
use serde_json::{Value, json};

pub(super) const CONTENT_TYPE: &str = "application/vnd.api+json";

/// A request refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    title: &'static str,
    word: &'static str,
    detail: String,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(status: u16, title: &'static str, word: &'static str, detail: impl Into<String>) -> Refusal {
        Refusal { status, title, word, detail: detail.into(), headers: vec![] }
    }

    pub fn bad_request(detail: impl Into<String>) -> Refusal {
        Refusal::new(400, "Bad Request", "bad_request", detail)
    }

    pub fn unauthorized() -> Refusal {
        Refusal::new(401, "Unauthorized", "unauthorized", "The API token is missing or invalid.")
    }

    /// A private token behind `Bearer` is looked up among the OAuth tokens, and is none of them [inferred from public
    /// clients, who saw it with a made-up token].
    pub fn not_an_oauth_token() -> Refusal {
        let challenge = r#"Bearer realm="Doorkeeper", error="invalid_token""#;
        Refusal::unauthorized().with("www-authenticate", challenge)
    }

    /// 401 or 403: two pages of the vendor differ.
    pub fn missing_scope(status: u16) -> Refusal {
        match status {
            401 => Refusal::unauthorized(),
            status => Refusal::new(status, "Forbidden", "forbidden", "The API token lacks the permission for this."),
        }
    }

    pub fn not_found() -> Refusal {
        Refusal::new(404, "Not Found", "not_found", "The requested resource could not be found.")
    }

    /// With one of the statuses that the vendor names for a rule, a conflict and the like; which one is often a switch.
    pub fn by_rule(status: u16, detail: impl Into<String>) -> Refusal {
        let (title, word) = match status {
            402 => ("Payment Required", "payment_required"),
            409 => ("Conflict", "conflict"),
            422 => ("Unprocessable Entity", "unprocessable_entity"),
            500 => ("Internal Server Error", "internal_server_error"),
            _ => ("Bad Request", "bad_request"),
        };
        Refusal::new(status, title, word, detail)
    }

    pub fn too_many_requests() -> Refusal {
        Refusal::new(429, "Too Many Requests", "too_many_requests", "You have reached your throttle limit.")
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Refusal {
        self.headers.push((name, value.into()));
        self
    }

    /// One of the `errors`.
    pub fn error(&self) -> Value {
        json!({
            "title": self.title,
            "detail": self.detail,
            "code": self.status.to_string(),
            "status": self.word,
        })
    }

    pub fn answer(&self) -> Answer {
        let body = json!({ "errors": [self.error()] });
        let answer = json(self.status, CONTENT_TYPE, &body);
        self.headers.iter().fold(answer, |answer, (name, value)| with_header(answer, name, value))
    }
}
