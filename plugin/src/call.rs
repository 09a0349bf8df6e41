//! An API call, written once, as data: the client sends it, the manifest declares it, the operator grants it.
//!
//! Invariant: a `Call` is read or idempotent. What would write twice is a `ledger::OnceCall`, and only the ledger sends it.

use crate::{
    host::{Body, EgressRule, Method, Repeat, Request},
    json,
};
use serde_json::Value;

pub const LIVESTORM: &str = "livestorm";
pub const SALESFORCE: &str = "salesforce";
pub const ACCOUNT_ENGAGEMENT: &str = "account-engagement";

/// What a dry run puts where an id would be.
pub const PLACEHOLDER: &str = "dry-run";

/// Where a call goes and what it may carry.
pub struct Shape {
    pub connection: &'static str,
    pub method: Method,
    /// `{id}` stands for one segment that is filled in.
    pub path: &'static str,
    /// Fixed words for people and metrics.
    pub purpose: &'static str,
    /// Top-level names of the body.
    pub body_fields: &'static [&'static str],
    /// True where the names of mapped fields come on top of `body_fields`.
    pub mapped: bool,
    /// For the customer: what leaves by this, and why.
    pub reason: &'static str,
}

/// Livestorm documents its answers as JSON:API and nothing says what it does without this header.
const ACCEPT: (&str, &str) = ("accept", "application/vnd.api+json");

impl Shape {
    pub const fn new(
        connection: &'static str,
        method: Method,
        path: &'static str,
        purpose: &'static str,
        body_fields: &'static [&'static str],
        reason: &'static str,
    ) -> Self {
        Self { connection, method, path, purpose, body_fields, mapped: false, reason }
    }

    pub const fn with_mapped_fields(mut self) -> Self {
        self.mapped = true;
        self
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        if self.connection == LIVESTORM { &[ACCEPT] } else { &[] }
    }

    /// The request of this call. `pub(crate)` for `Call::request` and the ledger; everyone else goes through those.
    pub(crate) fn build(&self, ids: &[&str], query: &[(&str, &str)], body: Option<&Value>, repeat: Repeat) -> Request {
        let mut ids = ids.iter();
        let path = self.path.split('/').filter(|segment| !segment.is_empty());
        let path = path
            .map(|segment| if segment.starts_with('{') { ids.next().copied().unwrap_or_default() } else { segment });
        Request {
            connection: self.connection.into(),
            method: self.method,
            path: path.map(str::to_string).collect(),
            query: query.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            headers: self.headers().iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: body
                .map(|value| Body { content_type: "application/json".into(), bytes: json::text(value).into_bytes() }),
            repeat,
            purpose: self.purpose.into(),
        }
    }

    /// What the host is asked to let through for this call.
    pub fn egress(&self, mapped_fields: &[&str]) -> EgressRule {
        let mut body_fields: Vec<String> = self.body_fields.iter().map(|name| name.to_string()).collect();
        if self.mapped {
            body_fields.extend(mapped_fields.iter().map(|name| name.to_string()));
        }
        let path = self.path.split('/').filter(|segment| !segment.is_empty());
        EgressRule {
            connection: self.connection.into(),
            methods: vec![self.method],
            path: path.map(|segment| if segment.starts_with('{') { "*".into() } else { segment.into() }).collect(),
            body_fields,
            headers: self.headers().iter().map(|(name, _)| name.to_string()).collect(),
            reason: self.reason.into(),
        }
    }
}

/// What the host may repeat by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harmless {
    Read,
    Idempotent,
}

pub struct Call {
    pub shape: Shape,
    pub repeat: Harmless,
}

impl Call {
    pub const fn read(
        connection: &'static str,
        path: &'static str,
        purpose: &'static str,
        reason: &'static str,
    ) -> Self {
        Self { shape: Shape::new(connection, Method::Get, path, purpose, &[], reason), repeat: Harmless::Read }
    }

    pub const fn idempotent(shape: Shape) -> Self {
        Self { shape, repeat: Harmless::Idempotent }
    }

    pub fn request(&self, ids: &[&str], query: &[(&str, &str)], body: Option<&Value>) -> Request {
        let repeat = match self.repeat {
            Harmless::Read => Repeat::Read,
            Harmless::Idempotent => Repeat::Idempotent,
        };
        self.shape.build(ids, query, body, repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fill_the_places_of_a_path_and_become_stars_in_the_rule() {
        let call = Call::read(LIVESTORM, "/v1/sessions/{id}/people", "read people", "reads");
        let request = call.request(&["s 1"], &[("page[number]", "0")], None);
        assert_eq!(request.path, ["v1", "sessions", "s 1", "people"]);
        assert_eq!(request.headers, [("accept".to_string(), "application/vnd.api+json".to_string())]);
        assert_eq!(call.shape.egress(&[]).path, ["v1", "sessions", "*", "people"]);
    }
}
