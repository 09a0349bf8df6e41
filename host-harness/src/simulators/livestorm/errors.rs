//! How Livestorm refuses: `{"errors":[{title, detail, code, status}]}`, all of them strings [inferred from public
//! clients]. The code is the number, the status a word, as one of them was answered in 2026; `error_fields` has the other
//! ways. Which HTTP status means what: <https://developers.livestorm.co/docs/requests>.

use crate::simulators::{
    request::{Answer, answer, json, with_header},
    unknowns::{BearerRefusalBody, ErrorFields, LivestormUnknowns},
};
use serde_json::{Value, json};

pub(super) const CONTENT_TYPE: &str = "application/vnd.api+json";

const CHALLENGE: &str = "www-authenticate";

/// A request refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    title: &'static str,
    word: &'static str,
    detail: String,
    headers: Vec<(&'static str, String)>,
    is_page: bool,
}

impl Refusal {
    fn new(status: u16, title: &'static str, word: &'static str, detail: impl Into<String>) -> Refusal {
        Refusal { status, title, word, detail: detail.into(), headers: vec![], is_page: false }
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
        Refusal::unauthorized().with(CHALLENGE, challenge)
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

    /// The workspace, not the token, may not.
    pub fn closed(detail: &str) -> Refusal {
        Refusal::new(403, "Forbidden", "forbidden", detail)
    }

    pub fn not_acceptable() -> Refusal {
        Refusal::new(406, "Not Acceptable", "not_acceptable", format!("Only {CONTENT_TYPE} is written here."))
    }

    pub fn unsupported_media_type() -> Refusal {
        Refusal::new(415, "Unsupported Media Type", "unsupported_media_type", format!("Send {CONTENT_TYPE}."))
    }

    /// Livestorm's own failure, a page of HTML, as one client met it [confirmed as reported].
    pub fn broken() -> Refusal {
        Refusal { is_page: true, ..Refusal::by_rule(500, "") }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Refusal {
        self.headers.push((name, value.into()));
        self
    }

    /// One of the `errors`.
    pub fn error(&self, unknowns: &LivestormUnknowns) -> Value {
        let text = json!(self.status.to_string());
        let (code, status) = match unknowns.error_fields {
            ErrorFields::WordStatus => (text, json!(self.word)),
            ErrorFields::WordCode => (json!(self.word), text),
            ErrorFields::NumericTexts => (text.clone(), text),
            ErrorFields::Numbers => (json!(self.status), json!(self.status)),
        };
        json!({ "title": self.title, "detail": self.detail, "code": code, "status": status })
    }

    pub fn answer(&self, unknowns: &LivestormUnknowns) -> Answer {
        if self.is_page {
            let page = "<!DOCTYPE html><html><body><h1>We're sorry, but something went wrong.</h1></body></html>";
            return answer(self.status, "text/html; charset=utf-8", page.into());
        }
        let is_challenged = self.headers.iter().any(|(name, _)| *name == CHALLENGE);
        let answer = match unknowns.bearer_refusal_body {
            BearerRefusalBody::Empty if is_challenged => answer(self.status, CONTENT_TYPE, vec![]),
            BearerRefusalBody::Empty | BearerRefusalBody::JsonApi => {
                json(self.status, CONTENT_TYPE, &json!({ "errors": [self.error(unknowns)] }))
            }
        };
        self.headers.iter().fold(answer, |answer, (name, value)| with_header(answer, name, value))
    }
}
