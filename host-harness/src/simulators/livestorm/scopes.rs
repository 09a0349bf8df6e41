//! What a token may reach: Identity, Events, Admin and Webhooks (<https://developers.livestorm.co/docs/api-token-authentication>).
//! That jobs and questions belong to Events is [inferred]. Whether a missing scope is answered 401 or 403: two pages differ.

/// Given to a token when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Identity,
    Events,
    Admin,
    Webhooks,
}

impl Scope {
    /// Which one opens a path. `/organization` is opened by two. Nothing: any token does.
    pub(super) fn of(segments: &[&str]) -> &'static [Scope] {
        match segments {
            ["v1", "me", ..] => &[Scope::Identity],
            ["v1", "organization", ..] => &[Scope::Identity, Scope::Admin],
            ["v1", "users", ..] => &[Scope::Admin],
            ["v1", "webhooks", ..] => &[Scope::Webhooks],
            ["v1", "ping", ..] => &[],
            _ => &[Scope::Events],
        }
    }
}
