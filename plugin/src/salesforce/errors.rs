//! What a refusal of Salesforce means. By `errorCode`; an array on data calls, an object where the sign-in failed.

use crate::{
    call::SALESFORCE,
    host::{Instant, MINUTE, Response, SECOND},
    json,
    ledger::Judged,
    stop::{Doing, Stop},
    text,
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub fields: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    SignIn,
    /// The day's calls are used up, or too many run at once.
    LimitReached,
    /// Locked by somebody else at the moment.
    Locked,
    /// It broke off there; whether it was written is not known.
    NotKnown,
    /// A value or field is not taken; `ApiError::fields` or the text says which.
    FieldRefused,
    /// With what a person does about it.
    NeedsAttention(&'static str),
    Bug,
}

impl ApiError {
    pub fn of(response: &Response) -> Self {
        let body = json::parse(&response.body).unwrap_or(Value::Null);
        let first = body.get(0).unwrap_or(&body);
        let text = |name: &str| first.get(name).and_then(json::scalar).unwrap_or_default();
        let fields = first.get("fields").and_then(Value::as_array).into_iter().flatten();
        Self {
            status: response.status,
            code: [text("errorCode"), text("error")].into_iter().find(|code| !code.is_empty()).unwrap_or_default(),
            message: text::fit(text("message").trim(), 800),
            fields: fields.filter_map(json::scalar).collect(),
        }
    }

    pub fn said(&self) -> String {
        let code = if self.code.is_empty() { format!("status {}", self.status) } else { self.code.clone() };
        match (self.message.is_empty(), self.fields.is_empty()) {
            (true, _) => format!("Salesforce answered {code}"),
            (false, true) => format!("Salesforce answered {code}: {}", self.message),
            (false, false) => format!("Salesforce answered {code}: {} ({})", self.message, self.fields.join(", ")),
        }
    }

    /// Whether it is about this field.
    pub fn is_about(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == field)
            || self.message.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == field)
    }

    pub fn verdict(&self) -> Verdict {
        verdict(&self.code, self.status)
    }

    pub fn judged(&self) -> Judged {
        if self.verdict() == Verdict::NotKnown { Judged::InDoubt(self.said()) } else { Judged::Refused }
    }

    pub fn stop(&self, now: Instant, doing: &Doing<'_>) -> Stop {
        let said = self.said();
        match self.verdict() {
            Verdict::SignIn => {
                doing.later(now + 15 * MINUTE, &format!("the connection must be signed in again ({said})"))
            }
            Verdict::LimitReached => doing.pause(now + 15 * MINUTE, &said, SALESFORCE),
            Verdict::Locked => doing.later(now + 10 * SECOND, &said),
            Verdict::NotKnown => doing.later(now + MINUTE, &said),
            Verdict::FieldRefused => doing.needs_attention(&format!("{said}."), FIELDS),
            Verdict::NeedsAttention(remedy) => doing.needs_attention(&format!("{said}."), remedy),
            Verdict::Bug => doing.bug(&said),
        }
    }
}

const FIELDS: &str = "Let the connected user see and edit this field of Campaign, and check the record type and the parent in \
                      the connector's settings; then retry.";
const MAY_NOT: &str = "Give the connected user the right to create campaigns, and tick Marketing User on the user's record in \
                       Salesforce Setup > Users; if a trigger or a flow refused it, its text says why. Then retry.";
const RULE: &str = "A required field or a validation rule of your org keeps the campaign from being made. Exempt the connected \
                    user from it, or give the field a default value; then retry.";
const LINKED: &str = "Check the record type and the parent campaign in the connector's settings (/salesforce_campaign), and \
                      that the connected user may use them; then retry.";
const SUPPORT: &str = "A Salesforce administrator must settle this; then retry.";

/// <https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html>, and what public clients have met.
pub fn verdict(code: &str, status: u16) -> Verdict {
    match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" | "invalid_grant" => Verdict::SignIn,
        "REQUEST_LIMIT_EXCEEDED" => Verdict::LimitReached,
        "UNABLE_TO_LOCK_ROW" => Verdict::Locked,
        "SERVER_UNAVAILABLE" | "UNKNOWN_EXCEPTION" | "QUERY_TIMEOUT" => Verdict::NotKnown,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" | "INVALID_FIELD" | "INVALID_FIELD_FOR_INSERT_UPDATE" => {
            Verdict::FieldRefused
        }
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INVALID_TYPE"
        | "NOT_FOUND" => Verdict::NeedsAttention(MAY_NOT),
        "REQUIRED_FIELD_MISSING"
        | "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        | "FIELD_INTEGRITY_EXCEPTION"
        | "DUPLICATES_DETECTED"
        | "DUPLICATE_VALUE" => Verdict::NeedsAttention(RULE),
        "INVALID_CROSS_REFERENCE_KEY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        | "MALFORMED_ID"
        | "ENTITY_IS_DELETED" => Verdict::NeedsAttention(LINKED),
        "STORAGE_LIMIT_EXCEEDED" => {
            Verdict::NeedsAttention("The org's storage is full. Free some or buy more, then retry.")
        }
        "JSON_PARSER_ERROR"
        | "MALFORMED_QUERY"
        | "INVALID_TYPE_ON_FIELD_IN_RECORD"
        | "METHOD_NOT_ALLOWED"
        | "UNSUPPORTED_MEDIA_TYPE"
        | "STRING_TOO_LONG" => Verdict::Bug,
        _ => match status {
            401 => Verdict::SignIn,
            403 => Verdict::NeedsAttention(MAY_NOT),
            429 => Verdict::LimitReached,
            408 | 500.. => Verdict::NotKnown,
            _ => Verdict::NeedsAttention(SUPPORT),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> ApiError {
        ApiError::of(&Response { status, headers: vec![], body: body.into() })
    }

    #[test]
    fn every_code_that_matters_is_a_verdict() {
        type Row = (&'static str, u16, fn(Verdict) -> bool);
        let rows: [Row; 16] = [
            ("INVALID_SESSION_ID", 401, |v| v == Verdict::SignIn),
            ("REQUEST_LIMIT_EXCEEDED", 403, |v| v == Verdict::LimitReached),
            ("UNABLE_TO_LOCK_ROW", 400, |v| v == Verdict::Locked),
            ("SERVER_UNAVAILABLE", 503, |v| v == Verdict::NotKnown),
            ("UNKNOWN_EXCEPTION", 500, |v| v == Verdict::NotKnown),
            ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", 400, |v| v == Verdict::FieldRefused),
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400, |v| v == Verdict::NeedsAttention(MAY_NOT)),
            ("INSUFFICIENT_ACCESS_OR_READONLY", 403, |v| v == Verdict::NeedsAttention(MAY_NOT)),
            ("REQUIRED_FIELD_MISSING", 400, |v| v == Verdict::NeedsAttention(RULE)),
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, |v| v == Verdict::NeedsAttention(RULE)),
            ("INVALID_CROSS_REFERENCE_KEY", 400, |v| v == Verdict::NeedsAttention(LINKED)),
            ("STORAGE_LIMIT_EXCEEDED", 400, |v| matches!(v, Verdict::NeedsAttention(_))),
            ("JSON_PARSER_ERROR", 400, |v| v == Verdict::Bug),
            ("", 502, |v| v == Verdict::NotKnown),
            ("", 401, |v| v == Verdict::SignIn),
            ("SOMETHING_NEW", 400, |v| v == Verdict::NeedsAttention(SUPPORT)),
        ];
        for (code, status, expected) in rows {
            assert!(expected(verdict(code, status)), "{code} {status}: {:?}", verdict(code, status));
        }
    }

    #[test]
    fn a_refusal_is_told_in_salesforces_own_words() {
        let body = r#"[{"message":"Required fields are missing: [Region__c]","errorCode":"REQUIRED_FIELD_MISSING","fields":["Region__c"]}]"#;
        let error = answered(400, body);
        assert_eq!(
            error.said(),
            "Salesforce answered REQUIRED_FIELD_MISSING: Required fields are missing: [Region__c] (Region__c)"
        );
        let Stop::Failed(failure) = error.stop(0, &Doing { what: "make the campaign", whom: "Demo" }) else {
            panic!("fails")
        };
        assert!(failure.problem.contains("Region__c") && failure.remedy.contains("default value"));
        assert_eq!(answered(503, "<html>").said(), "Salesforce answered status 503");
    }

    #[test]
    fn a_refusal_is_about_the_field_that_it_names() {
        let body = r#"[{"message":"Campaign Type: bad value for restricted picklist field: Webinar","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Type"]}]"#;
        assert!(answered(400, body).is_about("Type"));
        assert!(!answered(400, body).is_about("RecordTypeId"));
        let unnamed = r#"[{"message":"Unable to create/update fields: Type. Please check the security settings","errorCode":"INVALID_FIELD_FOR_INSERT_UPDATE"}]"#;
        assert!(answered(400, unnamed).is_about("Type"));
    }
}
