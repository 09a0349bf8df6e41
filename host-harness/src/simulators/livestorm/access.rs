//! Whether the workspace's API is open to the token at all. A workspace must be validated by Livestorm first
//! (<https://developers.livestorm.co/docs/api-token-authentication>); one that is blocked is 403, `/ping` included (the vendor's
//! OpenAPI, as public clients carry it) [confirmed]. A plan without the API is taken for the same, and a token taken back for a wrong
//! one [inferred]. And what a token's scopes let it do: read, or read and write [confirmed].

use super::{Livestorm, Scope, errors::Refusal};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    #[default]
    Open,
    NotValidated,
    Blocked,
    NotInPlan,
    TokenRevoked,
}

impl Access {
    /// What everybody is told who has the right token.
    pub(super) fn refusal(self) -> Option<Refusal> {
        match self {
            Access::Open | Access::TokenRevoked => None,
            Access::NotValidated => Some(Refusal::closed("The workspace has not been validated yet.")),
            Access::Blocked => Some(Refusal::closed("The workspace is blocked.")),
            Access::NotInPlan => Some(Refusal::closed("The plan of this workspace has no access to the API.")),
        }
    }
}

impl Livestorm {
    /// Any of these scopes is enough; none is needed where there is none.
    pub(super) fn may(&self, verb: &str, scopes: &[Scope]) -> bool {
        let opens = |scope: &Scope| {
            !self.missing_scopes.contains(scope) && (verb == "GET" || !self.read_only_scopes.contains(scope))
        };
        scopes.is_empty() || scopes.iter().any(opens)
    }
}
