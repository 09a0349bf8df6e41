//! Codes and their texts: <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>. A refusal is
//! `{"code", "message"}` [confirmed]; those of token, header and unit can come as the XML of older days [inferred from
//! public clients].

use crate::simulators::request::{Answer, answer, json};
use serde_json::json;

pub(super) const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// A request refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: u16,
    pub message: String,
}

impl Refusal {
    /// With the code's own text and the status that nearly every code has.
    pub fn code(code: u16) -> Refusal {
        let status = match code {
            60 | 108 | 128 => 405,
            49 | 184 => 401,
            92 | 109 | 192 | 198 => 404,
            _ => 400,
        };
        Refusal { status, code, message: text(code).to_owned() }
    }

    /// With what the code is about: `One or more required parameters are missing: fields`.
    pub fn about(code: u16, subject: &str) -> Refusal {
        Refusal { message: format!("{}: {subject}", text(code)), ..Refusal::code(code) }
    }

    pub fn message(code: u16, message: &str) -> Refusal {
        Refusal { message: message.to_owned(), ..Refusal::code(code) }
    }

    pub fn status(self, status: u16) -> Refusal {
        Refusal { status, ..self }
    }

    pub fn answer(&self) -> Answer {
        json(self.status, CONTENT_TYPE, &json!({ "code": self.code, "message": self.message }))
    }

    pub fn answer_as_xml(&self) -> Answer {
        let message = self.message.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rsp stat=\"fail\" version=\"1.0\">\n   \
             <err code=\"{}\">{message}</err>\n</rsp>\n",
            self.code
        );
        answer(self.status, "text/xml; charset=utf-8", body.into_bytes())
    }
}

/// Up to 177 the vendor's own words; above, the sense is confirmed and the words are near.
fn text(code: u16) -> &'static str {
    match code {
        3 => "Invalid prospect ID",
        4 => "Invalid prospect email address",
        5 => "Invalid query parameters",
        7 => "Invalid timestamp",
        9 => "A prospect with the specified email address already exists",
        13 => "One or more required parameters are missing",
        16 => "Invalid ID",
        19 => "Invalid value specified for sort_by",
        20 => "Invalid value specified for sort_order",
        21 => "Invalid value specified for offset",
        23 => "Invalid value specified for limit",
        27 => "Parameter deleted must be true or false",
        38 => "Invalid campaign ID",
        46 => "This API user lacks sufficient permissions for the requested operation",
        49 => "Access Denied",
        50 => "Invalid boolean",
        51 => "Invalid parameter",
        55 => "Invalid list ID",
        56 => "Invalid number entered for field",
        57 => "Invalid date entered for field",
        58 => "That prospect is already a member of that list. Update the membership instead.",
        60 => "Invalid HTTP request method",
        66 => "You have exceeded your concurrent request limit.  Please wait, before trying again",
        97 => "The folder ID provided does not exist",
        109 => "The requested record was not found.",
        122 => "Daily API rate limit met",
        125 => "Cannot accept both userId and salesforceOwnerId.",
        126 => "Invalid authentication mechanism",
        128 => "Cannot create campaigns",
        138 => "Name must be 50 characters or less.",
        150 => "Input needs to be valid JSON",
        151 => "Unsupported content-type",
        152 => "Request body can't be empty",
        153 => "Missing required property in request",
        154 => "Invalid property in request",
        180 => "The field is invalid or not writable",
        181 => "A required header is missing",
        182 => "A header value is invalid",
        184 => "access_token is invalid, unknown, or malformed",
        192 => "The object does not exist",
        198 => "The endpoint does not exist",
        201 => "The business unit was not found or is inactive",
        209 => "A query can filter by at most three fields",
        210 => "The nextPageToken has expired",
        211 => "The nextPageToken is invalid",
        219 => "Deleted records cannot be updated",
        224 => "The field cannot be queried",
        245 => "The name is already in use",
        _ => "Invalid request",
    }
}
