//! The connected app and who may sign in to it, as an admin may set them while the simulators run. In a new world
//! everything is allowed.
//!
//! That a denied approval is told at the callback address as `access_denied` is
//! <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm> [confirmed]; the other codes
//! and all texts are those that public clients have met [inferred].

use serde::{Deserialize, Serialize};

/// How the app is set up, beside its credentials in the options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// Callback addresses of the app; one of them must be sent to the letter. Empty: every absolute address is one.
    pub redirect_uris: Vec<String>,
    /// Whether the app demands PKCE. Where it does not, a challenge that was sent is checked all the same.
    pub requires_pkce: bool,
    /// Whether codes and refresh tokens are worth something only together with the app's secret.
    pub requires_secret: bool,
    /// The user at the browser says no.
    pub refuses_authorization: bool,
    /// Nobody gets a token, for this reason.
    pub refusal: Option<SignInRefusal>,
}

impl Default for SignIn {
    fn default() -> Self {
        SignIn {
            redirect_uris: vec![],
            requires_pkce: false,
            requires_secret: true,
            refuses_authorization: false,
            refusal: None,
        }
    }
}

impl SignIn {
    /// Whether an address is one of the app's.
    pub(super) fn leads_back_to(&self, address: &str) -> bool {
        match &self.redirect_uris[..] {
            [] if address.contains('#') || !address.is_ascii() => false,
            [] => address.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some()),
            known => known.iter().any(|known| known == address),
        }
    }
}

/// Why nobody gets a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInRefusal {
    /// The user was deactivated. Sessions end too [inferred].
    InactiveUser,
    /// The org is locked, closed or suspended. Sessions end too [inferred].
    InactiveOrg,
    /// Only users whom the admin has approved may use the app.
    InvalidAppAccess,
    /// Trouble with the user or the password.
    AuthenticationFailure,
    /// From an address, or at an hour, that the profile forbids.
    IpRestricted,
}

impl SignInRefusal {
    pub const ALL: [SignInRefusal; 5] = [
        SignInRefusal::InactiveUser,
        SignInRefusal::InactiveOrg,
        SignInRefusal::InvalidAppAccess,
        SignInRefusal::AuthenticationFailure,
        SignInRefusal::IpRestricted,
    ];

    /// `error` and `error_description`.
    pub(super) fn told(self) -> (&'static str, &'static str) {
        match self {
            SignInRefusal::InactiveUser => ("inactive_user", "user is inactive"),
            SignInRefusal::InactiveOrg => ("inactive_org", "organization is inactive"),
            SignInRefusal::InvalidAppAccess => ("invalid_app_access", "user is not admin approved to access this app"),
            SignInRefusal::AuthenticationFailure => ("invalid_grant", "authentication failure"),
            SignInRefusal::IpRestricted => ("invalid_grant", "ip restricted"),
        }
    }

    /// Whether tokens that were given before are worth nothing meanwhile.
    pub(super) fn ends_sessions(self) -> bool {
        matches!(self, SignInRefusal::InactiveUser | SignInRefusal::InactiveOrg)
    }
}
