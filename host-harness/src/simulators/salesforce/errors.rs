//! How Salesforce refuses: an array of `{message, errorCode, fields}` on data calls, an object at the token endpoint
//! [inferred from public clients]. Codes: <https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html>.

use super::setup::ApiOff;
use crate::simulators::request::{Answer, json, with_header};
use serde_json::{Value, json};

pub(super) const CONTENT_TYPE: &str = "application/json;charset=UTF-8";

/// Then come the verbs.
const METHOD_NOT_ALLOWED: &str = "HTTP Method not allowed. Allowed are ";

/// A data call refused. Several faults of one record are told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub faults: Vec<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub code: &'static str,
    pub message: String,
    pub fields: Vec<String>,
    /// A key of its own in the answer, as that of a duplicate.
    pub more: Option<(&'static str, Value)>,
}

impl Fault {
    pub fn new(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Fault {
        Fault {
            code,
            message: message.into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            more: None,
        }
    }
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, faults: vec![Fault::new(code, message, &[])] }
    }

    pub fn of(fault: Fault) -> Refusal {
        Refusal { status: 400, faults: vec![fault] }
    }

    pub fn invalid_session() -> Refusal {
        Refusal::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    /// A token without the scope `api`.
    pub fn not_for_this_api(status: u16) -> Refusal {
        Refusal::new(status, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    }

    pub fn api_off(for_whom: ApiOff) -> Refusal {
        match for_whom {
            ApiOff::ForOrg => {
                let message = "API is not enabled for this Organization or Partner";
                Refusal::new(403, "API_DISABLED_FOR_ORG", message)
            }
            ApiOff::ForUser => Refusal::new(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user"),
        }
    }

    pub fn requests_used_up() -> Refusal {
        Refusal::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    }

    pub fn not_found() -> Refusal {
        Refusal::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// A record that is not there: 400 where another record names it, 404 at its own address.
    pub fn linked_to_nothing(status: u16) -> Refusal {
        Refusal::new(status, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    }

    pub fn method_not_allowed(allowed: &str) -> Refusal {
        Refusal::new(405, "METHOD_NOT_ALLOWED", format!("{METHOD_NOT_ALLOWED}{allowed}"))
    }

    /// What stands in the header `Allow` (RFC 9110, section 15.5.6).
    fn allowed(&self) -> Option<&str> {
        self.faults.iter().find_map(|fault| fault.message.strip_prefix(METHOD_NOT_ALLOWED))
    }

    pub fn no_column(field: &str, object: &str) -> Refusal {
        Refusal::new(400, "INVALID_FIELD", format!("No such column '{field}' on sobject of type {object}"))
    }

    pub fn malformed_query(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "MALFORMED_QUERY", message)
    }

    /// As it is told of one record among several: `statusCode`, and `fields` even where there are none.
    pub fn of_record(&self) -> Vec<Value> {
        let told =
            |fault: &Fault| json!({ "statusCode": fault.code, "message": fault.message, "fields": fault.fields });
        self.faults.iter().map(told).collect()
    }

    pub fn answer(&self) -> Answer {
        let faults: Vec<Value> = self
            .faults
            .iter()
            .map(|fault| {
                let mut told = json!({ "message": fault.message, "errorCode": fault.code });
                if !fault.fields.is_empty() {
                    told["fields"] = json!(fault.fields);
                }
                if let Some((key, value)) = &fault.more {
                    told[*key] = value.clone();
                }
                told
            })
            .collect();
        let answer = json(self.status, CONTENT_TYPE, &Value::Array(faults));
        match self.allowed() {
            Some(allowed) => with_header(answer, "allow", allowed),
            None => answer,
        }
    }
}
