//! A switch for everything that no vendor page says. The default is the safest to expect, or else the likeliest;
//! tests turn each switch, so the connector is proved against every side of it.

macro_rules! sides {
    ($(#[$doc:meta])* $name:ident { $($side:ident),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($side),+ }
    };
}

mod account_engagement;
mod livestorm;
mod salesforce;

pub use account_engagement::*;
pub use livestorm::*;
pub use salesforce::*;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unknowns {
    pub livestorm: LivestormUnknowns,
    pub salesforce: SalesforceUnknowns,
    pub account_engagement: AccountEngagementUnknowns,
}

sides!(CaseMatch { Sensitive, Insensitive });

impl CaseMatch {
    pub fn same(self, a: &str, b: &str) -> bool {
        match self {
            CaseMatch::Sensitive => a == b,
            CaseMatch::Insensitive => a.to_lowercase() == b.to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_named_in_scenario_files_and_the_rest_keeps_its_default() {
        let read: Unknowns =
            serde_json::from_str(r#"{"account_engagement":{"auth_error_body":"xml","user_zone":"utc"}}"#).unwrap();
        assert_eq!(read.account_engagement.auth_error_body, ErrorBody::Xml);
        assert_eq!(read.livestorm, LivestormUnknowns::default());
        assert!(serde_json::from_str::<Unknowns>(r#"{"pardot":{}}"#).is_err());
    }
}
