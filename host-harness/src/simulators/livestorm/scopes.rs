//! What a token may reach: Identity, Events, Admin and Webhooks (<https://developers.livestorm.co/docs/api-token-authentication>).
//! Each is none, read, or read and write. That jobs and people's attributes belong to Events is [inferred], and a switch. Whether a
//! missing scope is answered 401 or 403: two pages differ.

use crate::simulators::unknowns::ScopeOfTheRest;
use serde::{Deserialize, Serialize};

/// Given to a token when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    Identity,
    Events,
    Admin,
    Webhooks,
}

impl Scope {
    /// Which one opens a path. `/organization` is opened by two. Nothing: any token does.
    pub(super) fn of(segments: &[&str], rest: ScopeOfTheRest) -> &'static [Scope] {
        match segments {
            ["v1", "me", ..] => &[Scope::Identity],
            ["v1", "organization", ..] => &[Scope::Identity, Scope::Admin],
            ["v1", "users", ..] => &[Scope::Admin],
            ["v1", "webhooks", ..] => &[Scope::Webhooks],
            ["v1", "ping", ..] => &[],
            ["v1", "jobs" | "people_attributes", ..] if rest == ScopeOfTheRest::Admin => &[Scope::Admin],
            _ => &[Scope::Events],
        }
    }
}
