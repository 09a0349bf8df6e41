//! What a refusal of Salesforce means. By its code: `errorCode` in an array on data calls, `statusCode` in what is answered of
//! one record among many, `error` in an object where the sign-in failed.

use crate::{
    call::SALESFORCE,
    host::{FailureClass, Instant, MINUTE, Response, SECOND},
    json,
    ledger::Judged,
    stop::{Doing, Stop},
    text,
};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiError {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub fields: Vec<String>,
    /// Of a duplicate rule: the records that it takes for the same person.
    pub candidates: Vec<String>,
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
    /// A text is longer than its field.
    TooLong,
    /// The record is deleted, merged or converted.
    Gone,
    /// A duplicate rule stands in the way.
    Duplicates,
    /// It is there already.
    AlreadyThere,
    /// Another part that it builds on has failed.
    Halted,
    /// No address that Salesforce takes.
    Invalid,
    /// A person must do something, which depends on what was written.
    NeedsAttention(Cause),
    Bug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    MayNot,
    /// A required field or a rule of the org.
    Rule,
    /// Something that it is tied to.
    Linked,
    Storage,
    Unclear,
}

/// What was being written: the remedy depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Campaign,
    Person,
    Member,
}

impl ApiError {
    pub fn of(response: &Response) -> Self {
        let body = json::parse(&response.body).unwrap_or(Value::Null);
        Self::in_body(response.status, &body)
    }

    /// The first error of an array, or the one that the body is.
    pub fn in_body(status: u16, body: &Value) -> Self {
        let first = body.get(0).unwrap_or(body);
        let text = |name: &str| first.get(name).and_then(json::scalar).unwrap_or_default();
        let fields = first.get("fields").and_then(Value::as_array).into_iter().flatten();
        let codes = [text("errorCode"), text("statusCode"), text("error")];
        Self {
            status,
            code: codes.into_iter().find(|code| !code.is_empty()).unwrap_or_default(),
            message: text::fit(text("message").trim(), 800),
            fields: fields.filter_map(json::scalar).collect(),
            candidates: candidates(first),
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
            || self
                .message
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .any(|word| word == field)
    }

    /// Of a text that is too long: `Last Name: data value too large: x (max length=80)`.
    pub fn length_max(&self) -> Option<usize> {
        let digits = self.message.rsplit("max length=").next()?;
        digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok().filter(|most| *most > 0)
    }

    pub fn verdict(&self) -> Verdict {
        verdict(&self.code, self.status)
    }

    pub fn judged(&self) -> Judged {
        if self.verdict() == Verdict::NotKnown { Judged::InDoubt(self.said()) } else { Judged::Refused }
    }

    pub fn stop(&self, now: Instant, doing: &Doing<'_>, about: About) -> Stop {
        let said = self.said();
        let attention = |remedy: &str| doing.needs_attention(&format!("{said}."), remedy);
        match self.verdict() {
            Verdict::SignIn => {
                doing.later(now + 15 * MINUTE, &format!("the connection must be signed in again ({said})"))
            }
            Verdict::LimitReached => doing.pause(now + 15 * MINUTE, &said, SALESFORCE),
            Verdict::Locked => doing.later(now + 10 * SECOND, &said),
            Verdict::NotKnown => doing.later(now + MINUTE, &said),
            Verdict::FieldRefused => attention(match about {
                About::Campaign => {
                    "Let the connected user see and edit this field of Campaign, and check the record type and the parent in \
                     the connector's settings; then retry."
                }
                About::Person | About::Member => {
                    "Let the connected user see and edit this field, or take it out of the connector's mapping; then retry."
                }
            }),
            Verdict::Duplicates => attention(match about {
                About::Campaign => RULE_CAMPAIGN,
                About::Person | About::Member => {
                    "A duplicate rule of your org keeps this person from being saved. See in Salesforce whether it is \
                     somebody who is there already; give that record this address, or exempt the connected user from the \
                     rule; then retry."
                }
            }),
            // The object itself is hidden from who may not make it.
            Verdict::Gone if about == About::Campaign && self.code == "NOT_FOUND" => attention(may_not(about)),
            Verdict::Gone => attention(linked(about)),
            Verdict::AlreadyThere => attention(rule(about)),
            Verdict::Invalid => doing.failed(
                FailureClass::Invalid,
                &format!("{said}."),
                "Salesforce does not take this address. Correct it in Livestorm, where the person can register again.",
            ),
            Verdict::NeedsAttention(cause) => attention(match cause {
                Cause::MayNot => may_not(about),
                Cause::Rule => rule(about),
                Cause::Linked => linked(about),
                Cause::Storage => "The org's storage is full. Free some or buy more, then retry.",
                Cause::Unclear => "A Salesforce administrator must settle this; then retry.",
            }),
            Verdict::TooLong | Verdict::Halted | Verdict::Bug => doing.bug(&said),
        }
    }
}

/// Both spellings are met; who reads one alone misses half of the orgs.
/// Captured answers of public clients, confirmed.
fn candidates(error: &Value) -> Vec<String> {
    let result = ["duplicateResut", "duplicateResult"].into_iter().find_map(|name| error.get(name));
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let matches = result.map(|result| list(result, "matchResults")).unwrap_or_default();
    let records = matches.iter().flat_map(|found| list(found, "matchRecords"));
    records.filter_map(|found| found.get("record")?.get("Id").and_then(json::scalar)).collect()
}

const RULE_CAMPAIGN: &str = "A required field or a validation rule of your org keeps the campaign from being made. Exempt the \
                             connected user from it, or give the field a default value; then retry.";

fn may_not(about: About) -> &'static str {
    match about {
        About::Campaign => {
            "Give the connected user the right to create campaigns, and tick Marketing User on the user's record in Salesforce \
             Setup > Users; if a trigger or a flow refused it, its text says why. Then retry."
        }
        About::Person | About::Member => {
            "Give the connected user the right to create and edit leads, contacts, accounts and campaign members in \
             Salesforce; if a trigger or a flow refused it, its text says why. Then retry."
        }
    }
}

fn rule(about: About) -> &'static str {
    match about {
        About::Campaign => RULE_CAMPAIGN,
        About::Person | About::Member => {
            "A required field or a validation rule of your org keeps this record from being saved. Map an answer to the field \
             that it names, give the field a default value, or exempt the connected user; then retry."
        }
    }
}

fn linked(about: About) -> &'static str {
    match about {
        About::Campaign => {
            "Check the record type and the parent campaign in the connector's settings (/salesforce_campaign), and that the \
             connected user may use them; then retry."
        }
        About::Person => {
            "The record was deleted or cannot be seen by the connected user. See it in Salesforce, then retry."
        }
        About::Member => {
            "The session's campaign or the person was deleted, or the connected user may not see it. Restore it from the recycle \
             bin of Salesforce, then retry."
        }
    }
}

/// <https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html>, and what public clients have met.
pub fn verdict(code: &str, status: u16) -> Verdict {
    match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" | "invalid_grant" => Verdict::SignIn,
        "REQUEST_LIMIT_EXCEEDED" => Verdict::LimitReached,
        "UNABLE_TO_LOCK_ROW" => Verdict::Locked,
        "SERVER_UNAVAILABLE" | "UNKNOWN_EXCEPTION" | "QUERY_TIMEOUT" => Verdict::NotKnown,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        | "INVALID_FIELD"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "INVALID_TYPE_ON_FIELD_IN_RECORD"
        | "INVALID_PERSON_ACCOUNT_OPERATION"
        | "FIELD_INTEGRITY_EXCEPTION" => Verdict::FieldRefused,
        "STRING_TOO_LONG" => Verdict::TooLong,
        "ENTITY_IS_DELETED" | "CANNOT_UPDATE_CONVERTED_LEAD" | "NOT_FOUND" | "INVALID_CROSS_REFERENCE_KEY" => {
            Verdict::Gone
        }
        "DUPLICATES_DETECTED" => Verdict::Duplicates,
        "DUPLICATE_VALUE" => Verdict::AlreadyThere,
        "PROCESSING_HALTED" => Verdict::Halted,
        "INVALID_EMAIL_ADDRESS" => Verdict::Invalid,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INVALID_TYPE" => Verdict::NeedsAttention(Cause::MayNot),
        "REQUIRED_FIELD_MISSING" | "FIELD_CUSTOM_VALIDATION_EXCEPTION" => Verdict::NeedsAttention(Cause::Rule),
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" | "MALFORMED_ID" => Verdict::NeedsAttention(Cause::Linked),
        "STORAGE_LIMIT_EXCEEDED" => Verdict::NeedsAttention(Cause::Storage),
        "JSON_PARSER_ERROR" | "MALFORMED_QUERY" | "METHOD_NOT_ALLOWED" | "UNSUPPORTED_MEDIA_TYPE" => Verdict::Bug,
        _ => match status {
            401 => Verdict::SignIn,
            403 => Verdict::NeedsAttention(Cause::MayNot),
            429 => Verdict::LimitReached,
            408 | 500.. => Verdict::NotKnown,
            _ => Verdict::NeedsAttention(Cause::Unclear),
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
        let attention = Verdict::NeedsAttention;
        let rows = [
            ("INVALID_SESSION_ID", 401, Verdict::SignIn),
            ("REQUEST_LIMIT_EXCEEDED", 403, Verdict::LimitReached),
            ("UNABLE_TO_LOCK_ROW", 400, Verdict::Locked),
            ("SERVER_UNAVAILABLE", 503, Verdict::NotKnown),
            ("UNKNOWN_EXCEPTION", 500, Verdict::NotKnown),
            ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", 400, Verdict::FieldRefused),
            ("FIELD_INTEGRITY_EXCEPTION", 400, Verdict::FieldRefused),
            ("STRING_TOO_LONG", 400, Verdict::TooLong),
            ("CANNOT_UPDATE_CONVERTED_LEAD", 400, Verdict::Gone),
            ("ENTITY_IS_DELETED", 404, Verdict::Gone),
            ("INVALID_CROSS_REFERENCE_KEY", 400, Verdict::Gone),
            ("DUPLICATES_DETECTED", 300, Verdict::Duplicates),
            ("DUPLICATE_VALUE", 400, Verdict::AlreadyThere),
            ("PROCESSING_HALTED", 400, Verdict::Halted),
            ("INVALID_EMAIL_ADDRESS", 400, Verdict::Invalid),
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400, attention(Cause::MayNot)),
            ("INSUFFICIENT_ACCESS_OR_READONLY", 403, attention(Cause::MayNot)),
            ("REQUIRED_FIELD_MISSING", 400, attention(Cause::Rule)),
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, attention(Cause::Rule)),
            ("STORAGE_LIMIT_EXCEEDED", 400, attention(Cause::Storage)),
            ("JSON_PARSER_ERROR", 400, Verdict::Bug),
            ("", 502, Verdict::NotKnown),
            ("", 401, Verdict::SignIn),
            ("SOMETHING_NEW", 400, attention(Cause::Unclear)),
        ];
        for (code, status, expected) in rows {
            assert_eq!(verdict(code, status), expected, "{code} {status}");
        }
    }

    /// S3-26, S3-27, S3-31.
    #[test]
    fn a_refusal_is_told_in_salesforces_own_words_with_a_remedy_for_what_was_written() {
        let body = r#"[{"message":"Required fields are missing: [Region__c]","errorCode":"REQUIRED_FIELD_MISSING","fields":["Region__c"]}]"#;
        let error = answered(400, body);
        assert_eq!(
            error.said(),
            "Salesforce answered REQUIRED_FIELD_MISSING: Required fields are missing: [Region__c] (Region__c)"
        );
        for (about, remedy) in [(About::Campaign, "the campaign"), (About::Person, "Map an answer")] {
            let doing = Doing { what: "make it", whom: "Demo" };
            let Stop::Failed(failure) = error.stop(0, &doing, about) else { panic!("fails") };
            assert!(failure.problem.contains("Region__c") && failure.remedy.contains(remedy), "{failure:?}");
        }
        assert_eq!(answered(503, "<html>").said(), "Salesforce answered status 503");
    }

    #[test]
    fn a_refusal_is_about_the_field_that_it_names() {
        let body = r#"[{"message":"Campaign Type: bad value for restricted picklist field: Webinar","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Type"]}]"#;
        assert!(answered(400, body).is_about("Type"));
        assert!(!answered(400, body).is_about("RecordTypeId"));
        let unnamed = r#"[{"message":"Unable to create/update fields: My_Field__c. Please check the security settings","errorCode":"INVALID_FIELD_FOR_INSERT_UPDATE"}]"#;
        assert!(answered(400, unnamed).is_about("My_Field__c") && !answered(400, unnamed).is_about("Field__c"));
    }

    #[test]
    fn a_record_among_many_tells_its_error_by_another_name() {
        let body = serde_json::json!([{"statusCode": "STRING_TOO_LONG",
            "message": "Last Name: data value too large: Lund (max length=80)", "fields": ["LastName"]}]);
        let error = ApiError::in_body(400, &body);
        assert_eq!((error.code.as_str(), error.length_max()), ("STRING_TOO_LONG", Some(80)));
    }

    #[test]
    fn who_a_duplicate_rule_means_is_told_in_either_spelling() {
        for name in ["duplicateResut", "duplicateResult"] {
            let record = |id: &str| serde_json::json!({"record": {"Id": id}});
            let body = serde_json::json!([{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?",
                name: {"matchResults": [{"matchRecords": [record("003A"), record("003B")]}, {"matchRecords": [record("00QA")]}]}}]);
            assert_eq!(ApiError::in_body(400, &body).candidates, ["003A", "003B", "00QA"], "{name}");
        }
    }
}
