//! What the connector is and needs. Pure. Paths come from the call tables, mapped fields from the mapping.

use crate::{
    account_engagement,
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE, Shape},
    host::{
        Algorithm, ConnectionNeed, DAY, Digest, EgressRule, Encoding, Finding, MINUTE, Manifest, Method, Part,
        Signature, WebhookSource,
    },
    livestorm::{self, admit::BODY_BYTES_MAX},
    mapping::{self, target_field::Object},
    salesforce::{self, operations::DUPLICATE_RULE},
    settings::{self, Destination, RemovedRegistrants, Settings, WhenCancelled},
};

/// Livestorm's native app signs nothing.
pub const SOURCE_UNSIGNED: &str = "livestorm";
/// Webhooks managed by its REST API can be signed.
pub const SOURCE_SIGNED: &str = "livestorm-signed";

/// The most tasks that one call takes: as many records as a collection of Salesforce has.
const BATCH_TASKS: u32 = 200;
const BATCH_BYTES: u32 = 1024 * 1024;
/// How old a signature may be: Livestorm repeats for about 22 minutes, maybe with the first timestamp.
/// <https://developers.livestorm.co/docs/webhooks-1>, confirmed; that the timestamp stays the same is unknown.
const SIGNATURE_TOLERANCE_MS: u32 = 30 * 60 * 1_000;
const _: () = assert!(SIGNATURE_TOLERANCE_MS as u64 == 30 * MINUTE);

pub fn describe() -> Manifest {
    let need = |name: &str, title: &str, scopes: &[&str], required: bool| ConnectionNeed {
        name: name.into(),
        provider: name.into(),
        title: title.into(),
        scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
        required,
    };
    let webhook = |name: &str, signature: Signature| WebhookSource {
        name: name.into(),
        signature,
        headers: Vec::new(),
        max_bytes: BODY_BYTES_MAX,
    };
    Manifest {
        name: "livestorm-salesforce".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        title: "Livestorm to Salesforce".into(),
        description:
            "Every Livestorm session becomes a campaign. In Account Engagement (Pardot), everybody who registers becomes a prospect \
             in its list, with external activities of what they did: registered, attended or not, for how long, messages, \
             questions, replays. In Salesforce CRM, they become a lead or contact and a member of the campaign, whose status says \
             what they did."
                .into(),
        connections: vec![
            // And events:write where people register by forms of Account Engagement: `check` says so.
            need(LIVESTORM, "Livestorm workspace", &["identity:read", "events:read", "admin:read", "webhooks:read", "webhooks:write"], true),
            need(SALESFORCE, "Salesforce org", &["api", "refresh_token"], true),
            // Not where Salesforce itself is the destination: `check` says where it is missing.
            need(ACCOUNT_ENGAGEMENT, "Account Engagement business unit", &["pardot_api", "refresh_token"], false),
        ],
        webhooks: vec![
            webhook(SOURCE_UNSIGNED, Signature::Unsigned),
            webhook(
                SOURCE_SIGNED,
                Signature::Digest(Digest {
                    header: "x-livestorm-signature".into(),
                    format: "{timestamp},{digest}".into(),
                    algorithm: Algorithm::Sha256,
                    parts: vec![Part::Timestamp, Part::Secret, Part::Body],
                    encoding: Encoding::HexLower,
                    tolerance_ms: SIGNATURE_TOLERANCE_MS,
                }),
            ),
        ],
        settings_schema: settings::SCHEMA.into(),
        batch_tasks: BATCH_TASKS,
        batch_bytes: BATCH_BYTES,
        give_up_ms: 7 * DAY,
        // RULES 20: a second flow between the same two would double everything.
        exclusive: vec![vec![LIVESTORM.into(), ACCOUNT_ENGAGEMENT.into()], vec![LIVESTORM.into(), SALESFORCE.into()]],
    }
}

pub fn validate(settings: &str) -> Vec<Finding> {
    settings::findings(settings)
}

/// What may leave: one rule a call, the mapped fields by name.
pub fn egress(settings: &str) -> Result<Vec<EgressRule>, Vec<Finding>> {
    let settings = settings::parse(settings)?;
    let fields = mapping::fields(&settings.mapping, Object::Prospect);
    let mut rules: Vec<EgressRule> = calls(&settings).map(|shape| shape.egress(&fields)).collect();
    let removes = settings.removed_registrants == RemovedRegistrants::Remove;
    if removes && settings.destination == Destination::AccountEngagement {
        rules.push(account_engagement::calls::LEAVE_LIST.shape.egress(&[]));
    }
    if settings.salesforce_campaign.when_cancelled == WhenCancelled::Abort {
        let update = salesforce::calls::UPDATE_CAMPAIGN.shape.egress(&[]);
        let rule = rules.iter_mut().filter(|rule| rule.path == update.path && rule.methods == update.methods);
        rule.for_each(|rule| rule.body_fields.extend(salesforce::calls::ABORTED.map(String::from)));
    }
    if settings.destination == Destination::Salesforce {
        rules.extend(salesforce::calls::parts(&settings));
        // A collection by itself makes statuses alone, and as a part of a call it makes people past a duplicate rule.
        let made = |rule: &&mut EgressRule| {
            rule.methods == [Method::Post] && rule.path.ends_with(&["composite".into(), "sobjects".into()])
        };
        rules.iter_mut().filter(made).for_each(|rule| rule.headers.push(DUPLICATE_RULE.to_lowercase()));
    }
    Ok(rules)
}

/// Every call that is made to get there.
pub fn calls(settings: &Settings) -> impl Iterator<Item = &'static Shape> {
    use account_engagement::calls::{ACTIVITIES, ALWAYS, FORM_FLOW};
    let own: Vec<&Shape> = match settings.destination {
        Destination::AccountEngagement if settings.registers_from_forms() => {
            [&livestorm::calls::REGISTER.shape].into_iter().chain(ALWAYS).chain(FORM_FLOW).collect()
        }
        Destination::AccountEngagement => {
            let set_up = [&salesforce::calls::TOOLING_QUERY.shape];
            set_up.into_iter().chain(ALWAYS).chain(ACTIVITIES).collect()
        }
        Destination::Salesforce => salesforce::calls::DESTINATION.to_vec(),
    };
    livestorm::calls::ALL.into_iter().chain(salesforce::calls::ALL).chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Method;
    use std::collections::BTreeSet;

    const REMOVING: &str = r#"{"removed_registrants": "remove"}"#;
    const FORMS: &str = r#"{"registration": "account_engagement_forms"}"#;
    const SALESFORCE_LEADS: &str = r#"{"destination": "salesforce"}"#;
    const SALESFORCE_CONTACTS: &str = r#"{"destination": "salesforce", "salesforce": {"new_people": "contacts"}}"#;

    #[test]
    fn every_call_has_its_rule_and_the_mapped_fields_are_named() {
        assert_eq!(egress("{}").unwrap().len(), calls(&Settings::default()).count());
        let rules = egress("{}").unwrap();
        let is_patch = |rule: &&EgressRule| rule.methods == [Method::Patch] && rule.path.contains(&"prospects".into());
        let patch = rules.iter().find(is_patch).unwrap();
        assert_eq!(patch.path, ["api", "v5", "objects", "prospects", "*"]);
        assert_eq!(
            patch.body_fields,
            ["firstName", "lastName", "company", "jobTitle", "phone", "city", "country", "website"]
        );
        for settings in ["{}", REMOVING, FORMS, SALESFORCE_LEADS, SALESFORCE_CONTACTS] {
            let rules = egress(settings).unwrap();
            for rule in &rules {
                let carries_nothing = [Method::Get, Method::Delete].contains(&rule.methods[0]);
                assert_eq!(rule.body_fields.is_empty(), carries_nothing, "{:?}", rule.path);
                assert!(!rule.path.iter().any(|segment| segment == "**" || segment.contains('{')), "{:?}", rule.path);
                let deletes = rule.methods.contains(&Method::Delete);
                let of_webhooks = rule.path == ["v1", "webhooks", "*"];
                let of_lists = rule.path == ["api", "v5", "objects", "list-memberships", "*"];
                assert!(!deletes || of_webhooks || of_lists && settings == REMOVING, "{:?}", rule.path);
                assert!(!rule.reason.is_empty() && !rule.body_fields.iter().any(|field| field == "*"));
            }
            let distinct: BTreeSet<_> =
                rules.iter().map(|rule| (&rule.connection, &rule.methods, &rule.path)).collect();
            assert_eq!(distinct.len(), rules.len(), "{settings}");
        }
    }

    /// S3-10, S3-11: whoever chose contacts has granted no lead.
    #[test]
    fn what_is_not_chosen_is_not_granted() {
        let makes = |settings: &str, object: &str| {
            let path = ["services", "data", "v62.0", "sobjects", object].map(str::to_string);
            egress(settings).unwrap().iter().any(|rule| rule.methods == [Method::Post] && rule.path == path)
        };
        for (object, granted) in [("Lead", [true, false]), ("Contact", [false, true]), ("Account", [false, true])] {
            assert_eq!([makes(SALESFORCE_LEADS, object), makes(SALESFORCE_CONTACTS, object)], granted, "{object}");
        }
        let rules = egress(SALESFORCE_LEADS).unwrap();
        assert!(rules.iter().all(|rule| rule.connection != ACCOUNT_ENGAGEMENT));
    }

    /// S2-35, RULES 19: nobody is registered unless it was chosen, and then nobody gets activities.
    #[test]
    fn each_way_in_is_granted_what_it_needs_and_no_more() {
        let granted = |settings: &str, method: Method, path: &[&str]| {
            egress(settings).unwrap().iter().any(|rule| rule.methods == [method] && rule.path == path)
        };
        for (method, path, by_livestorm, by_forms) in [
            (Method::Post, &["v1", "sessions", "*", "people"][..], false, true),
            (Method::Get, &["api", "v5", "objects", "visitor-activities"], false, true),
            (Method::Post, &["api", "v5", "external-activities"], true, false),
            (Method::Get, &["api", "v5", "external-activities"], true, false),
            (Method::Post, &["api", "v5", "objects", "list-memberships"], true, true),
        ] {
            assert_eq!(
                [granted("{}", method, path), granted(FORMS, method, path)],
                [by_livestorm, by_forms],
                "{path:?}"
            );
        }
    }

    #[test]
    fn purposes_are_fixed_words_that_fit() {
        for shape in ["{}", FORMS, SALESFORCE_LEADS].map(|text| settings::parse(text).unwrap()).iter().flat_map(calls) {
            assert!(!shape.purpose.is_empty() && shape.purpose.len() <= 64, "{}", shape.purpose);
        }
    }

    #[test]
    fn wrong_settings_grant_nothing() {
        assert!(egress(r#"{"left_out": 7}"#).is_err());
    }

    #[test]
    fn the_manifest_names_what_the_contract_wants() {
        let manifest = describe();
        let names: Vec<_> = manifest.connections.iter().map(|need| need.name.as_str()).collect();
        assert_eq!(names, ["livestorm", "salesforce", "account-engagement"]);
        assert_eq!(manifest.give_up_ms, 604_800_000);
        assert!(manifest.exclusive.iter().flatten().all(|name| names.contains(&name.as_str())));
        assert!(serde_json::from_str::<serde_json::Value>(&manifest.settings_schema).is_ok());
    }
}
