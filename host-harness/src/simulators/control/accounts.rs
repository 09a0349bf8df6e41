//! What the customers' admins have set up at the three providers, as it is written in a scenario's `[accounts]` and at
//! `/simulators/accounts`: rights, sign-in, rules. Promises: what is left out of a scenario is as in a new account. Not here:
//! what no vendor page tells (`unknowns`), quotas and lags (`settings.rs`), records (`scenario`).

use crate::simulators::{
    World,
    account_engagement::{Ability, Edition},
    livestorm::{Access, Scope},
    salesforce::{ApiOff, DuplicateRule, SignIn, ValidationRule},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    pub livestorm: Livestorm,
    pub salesforce: Salesforce,
    pub account_engagement: AccountEngagement,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Livestorm {
    pub access: Access,
    /// What the private token was not given.
    pub missing_scopes: BTreeSet<Scope>,
    /// What it was given to read alone.
    pub read_only_scopes: BTreeSet<Scope>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Salesforce {
    pub sign_in: SignIn,
    pub api_off: Option<ApiOff>,
    /// Whether the API's user is a marketing user, who may write campaigns.
    pub marketing_user: bool,
    pub duplicate_rules: Vec<DuplicateRule>,
    pub validation_rules: Vec<ValidationRule>,
    /// Who owns a lead after the active assignment rule has run.
    pub assigned_owner: Option<String>,
    /// Ids of records that the API's user may not see.
    pub hidden: BTreeSet<String>,
    /// How long a write holds the rows above its own.
    pub row_lock_seconds: u64,
    pub bulk_job_seconds: u64,
    /// Once on, they stay.
    pub person_accounts: bool,
    pub state_and_country_picklists: bool,
}

impl Default for Salesforce {
    fn default() -> Salesforce {
        Salesforce {
            sign_in: SignIn::default(),
            api_off: None,
            marketing_user: true,
            duplicate_rules: vec![],
            validation_rules: vec![],
            assigned_owner: None,
            hidden: BTreeSet::new(),
            row_lock_seconds: 0,
            bulk_job_seconds: 0,
            person_accounts: false,
            state_and_country_picklists: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountEngagement {
    pub edition: Edition,
    pub is_active: bool,
    /// Whether the API's user belongs to the business unit.
    pub has_user: bool,
    pub missing_abilities: BTreeSet<Ability>,
}

impl Default for AccountEngagement {
    fn default() -> AccountEngagement {
        AccountEngagement {
            edition: Edition::Plus,
            is_active: true,
            has_user: true,
            missing_abilities: BTreeSet::new(),
        }
    }
}

impl Accounts {
    pub fn of(world: &World) -> Accounts {
        let (livestorm, salesforce, unit) = (&world.livestorm, &world.salesforce, &world.account_engagement);
        let setup = &salesforce.setup;
        Accounts {
            livestorm: Livestorm {
                access: livestorm.access,
                missing_scopes: livestorm.missing_scopes.clone(),
                read_only_scopes: livestorm.read_only_scopes.clone(),
            },
            salesforce: Salesforce {
                sign_in: salesforce.tokens.sign_in.clone(),
                api_off: setup.api_off,
                marketing_user: salesforce.is_marketing_user(),
                duplicate_rules: setup.duplicate_rules.clone(),
                validation_rules: setup.validation_rules.clone(),
                assigned_owner: setup.assigned_owner.clone(),
                hidden: setup.hidden.clone(),
                row_lock_seconds: setup.row_lock.as_secs(),
                bulk_job_seconds: setup.bulk_job_time.as_secs(),
                person_accounts: setup.person_accounts(),
                state_and_country_picklists: setup.state_and_country_picklists(),
            },
            account_engagement: AccountEngagement {
                edition: unit.edition,
                is_active: unit.is_active,
                has_user: unit.has_user,
                missing_abilities: unit.missing_abilities.clone(),
            },
        }
    }

    /// Nothing is changed where something of it cannot be.
    pub fn set(&self, world: &mut World) -> Result<(), String> {
        let now = Accounts::of(world).salesforce;
        let stays = |name: &str| Err(format!("salesforce.{name} cannot be switched off again; begin anew with reset"));
        if now.person_accounts && !self.salesforce.person_accounts {
            return stays("person_accounts");
        }
        if now.state_and_country_picklists && !self.salesforce.state_and_country_picklists {
            return stays("state_and_country_picklists");
        }
        let wanted = self.clone();
        world.livestorm.access = wanted.livestorm.access;
        world.livestorm.missing_scopes = wanted.livestorm.missing_scopes;
        world.livestorm.read_only_scopes = wanted.livestorm.read_only_scopes;

        let salesforce = &mut world.salesforce;
        salesforce.tokens.sign_in = wanted.salesforce.sign_in;
        salesforce.set_marketing_user(wanted.salesforce.marketing_user);
        if wanted.salesforce.person_accounts && !now.person_accounts {
            salesforce.switch_on_person_accounts();
        }
        if wanted.salesforce.state_and_country_picklists && !now.state_and_country_picklists {
            salesforce.switch_on_state_and_country_picklists();
        }
        let setup = &mut salesforce.setup;
        setup.api_off = wanted.salesforce.api_off;
        setup.duplicate_rules = wanted.salesforce.duplicate_rules;
        setup.validation_rules = wanted.salesforce.validation_rules;
        setup.assigned_owner = wanted.salesforce.assigned_owner;
        setup.hidden = wanted.salesforce.hidden;
        setup.row_lock = Duration::from_secs(wanted.salesforce.row_lock_seconds);
        setup.bulk_job_time = Duration::from_secs(wanted.salesforce.bulk_job_seconds);

        let unit = &mut world.account_engagement;
        unit.edition = wanted.account_engagement.edition;
        unit.is_active = wanted.account_engagement.is_active;
        unit.has_user = wanted.account_engagement.has_user;
        unit.missing_abilities = wanted.account_engagement.missing_abilities;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{SimulatedClock, Timestamp},
        simulators::Options,
    };
    use std::sync::Arc;

    fn world() -> World {
        World::new(Arc::new(SimulatedClock::new(Timestamp::from_seconds(1))), Options::default())
    }

    #[test]
    fn new_accounts_are_as_left_out() {
        assert_eq!(Accounts::of(&world()), Accounts::default());
    }

    #[test]
    fn whatever_is_set_is_told_so_and_what_cannot_go_back_changes_nothing() {
        let text = r#"{
            "livestorm": { "access": "blocked", "missing_scopes": ["webhooks"], "read_only_scopes": ["events"] },
            "salesforce": {
                "sign_in": { "requires_pkce": true, "refuses_authorization": true },
                "api_off": "for-user",
                "marketing_user": false,
                "duplicate_rules": [{ "name": "R", "entity": "Lead", "against": ["Lead"], "by": ["email"], "action": "block", "message": "M" }],
                "validation_rules": [{ "object": "Lead", "when": { "field": "Company", "is": "blank" }, "message": "M" }],
                "assigned_owner": "005SIM0000000000AA",
                "hidden": ["00QSIM0000000001AA"],
                "row_lock_seconds": 3,
                "bulk_job_seconds": 4,
                "person_accounts": true,
                "state_and_country_picklists": true
            },
            "account_engagement": { "edition": "growth", "is_active": false, "has_user": false, "missing_abilities": ["view-lists"] }
        }"#;
        let wanted: Accounts = serde_json::from_str(text).unwrap();
        let mut world = world();
        wanted.set(&mut world).unwrap();
        assert_eq!(Accounts::of(&world), wanted);
        for name in ["person_accounts", "state_and_country_picklists"] {
            let mut back = serde_json::to_value(&wanted).unwrap();
            back["salesforce"][name] = false.into();
            back["livestorm"]["access"] = "open".into();
            let back: Accounts = serde_json::from_value(back).unwrap();
            assert!(back.set(&mut world).unwrap_err().contains(name));
            assert_eq!(Accounts::of(&world), wanted);
        }
    }
}
