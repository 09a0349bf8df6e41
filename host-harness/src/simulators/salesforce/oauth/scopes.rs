//! What a token may be used for.
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_tokens_scopes.htm>
//!
//! Promises: whoever asks for no scope gets all that the app has [inferred from public clients]. Those of the app are
//! `api`, `pardot_api`, `refresh_token` and `id`, and `full` for all of them but the refresh token. `openid` is not
//! among them, because an id token would have to be signed.

use std::collections::BTreeSet;

/// What a connection asks for.
pub(in crate::simulators::salesforce) const SCOPES: [&str; 3] = ["api", "pardot_api", "refresh_token"];

/// Of the app too, and not for the customer to take away.
const OTHERS: [&str; 3] = ["id", "full", "web"];

/// Known by Salesforce, and not the app's.
const FOREIGN: [&str; 16] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "chatter_api",
    "wave_api",
    "eclair_api",
    "custom_permissions",
    "lightning",
    "visualforce",
    "content",
    "cdp_ingest_api",
    "cdp_query_api",
    "cdp_profile_api",
    "chatbot_api",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scopes(BTreeSet<&'static str>);

impl Scopes {
    /// What the app has, and its customer has agreed to.
    pub fn all() -> Scopes {
        Scopes(SCOPES.into_iter().collect())
    }

    /// As they are asked for, parted by spaces, of an app that has `allowed`. Else the text of `invalid_scope`.
    pub fn asked(text: &str, allowed: &BTreeSet<&'static str>) -> Result<Scopes, &'static str> {
        if text.trim().is_empty() {
            return Ok(Scopes(allowed.clone()));
        }
        let mut scopes = BTreeSet::new();
        for name in text.split_whitespace() {
            // Two names of one thing.
            let name = if name == "offline_access" { "refresh_token" } else { name };
            if let Some(other) = OTHERS.into_iter().find(|other| *other == name) {
                scopes.insert(other);
            } else if let Some(given) = allowed.get(name) {
                scopes.insert(given);
            } else if FOREIGN.contains(&name) || SCOPES.contains(&name) {
                return Err("the requested scope is not allowed");
            } else {
                return Err("the requested scope is invalid, unknown, or malformed");
            }
        }
        Ok(Scopes(scopes))
    }

    pub fn without(&self, scope: &str) -> Scopes {
        Scopes(self.0.iter().copied().filter(|own| *own != scope).collect())
    }

    /// What is left of a scope once the customer has agreed to `allowed` only.
    pub fn cover(&self, scope: &str, allowed: &BTreeSet<&'static str>) -> bool {
        let whole = scope != "refresh_token" && self.0.contains("full");
        (whole || self.0.contains(scope)) && (allowed.contains(scope) || OTHERS.contains(&scope))
    }

    /// As they are told, parted by spaces.
    pub fn told(&self, allowed: &BTreeSet<&'static str>) -> String {
        let left = self.0.iter().copied().filter(|scope| self.cover(scope, allowed));
        left.collect::<Vec<_>>().join(" ")
    }
}
