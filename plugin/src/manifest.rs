//! What the connector is and needs. Pure. Paths come from the call tables, mapped fields from the mapping.

use crate::{
    account_engagement,
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE, Shape},
    host::{
        Algorithm, ConnectionNeed, DAY, Digest, EgressRule, Encoding, Finding, MINUTE, Manifest, Part, Signature,
        WebhookSource,
    },
    livestorm::{self, admit::BODY_BYTES_MAX},
    mapping, salesforce, settings,
};

/// Livestorm's native app signs nothing.
pub const SOURCE_UNSIGNED: &str = "livestorm";
/// Webhooks managed by its REST API can be signed.
pub const SOURCE_SIGNED: &str = "livestorm-signed";

/// The most tasks that one call takes: 50 people are 200 requests, well below the typical limits of a call.
const BATCH_TASKS: u32 = 50;
const BATCH_BYTES: u32 = 1024 * 1024;
/// How old a signature may be: Livestorm repeats for about 22 minutes, maybe with the first timestamp.
/// <https://developers.livestorm.co/docs/webhooks-1>, confirmed; that the timestamp stays the same is unknown.
const SIGNATURE_TOLERANCE_MS: u32 = 30 * 60 * 1_000;
const _: () = assert!(SIGNATURE_TOLERANCE_MS as u64 == 30 * MINUTE);

pub fn describe() -> Manifest {
    let need = |name: &str, title: &str, scopes: &[&str]| ConnectionNeed {
        name: name.into(),
        provider: name.into(),
        title: title.into(),
        scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
        required: true,
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
        title: "Livestorm to Account Engagement".into(),
        description:
            "Every Livestorm session becomes a campaign and a list in Account Engagement (Pardot); everybody who \
                      registers becomes a prospect in them, with external activities of what they did: registered, attended or \
                      not, for how long, messages, questions, replays."
                .into(),
        connections: vec![
            need(LIVESTORM, "Livestorm workspace", &["identity:read", "events:read", "admin:read"]),
            need(SALESFORCE, "Salesforce org", &["api", "refresh_token"]),
            need(ACCOUNT_ENGAGEMENT, "Account Engagement business unit", &["pardot_api", "refresh_token"]),
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
        exclusive: vec![vec![LIVESTORM.into(), ACCOUNT_ENGAGEMENT.into()]],
    }
}

pub fn validate(settings: &str) -> Vec<Finding> {
    settings::findings(settings)
}

/// What may leave: one rule a call, the mapped fields by name.
pub fn egress(settings: &str) -> Result<Vec<EgressRule>, Vec<Finding>> {
    let settings = settings::parse(settings)?;
    let fields = mapping::prospect_fields(&settings.mapping);
    Ok(calls().map(|shape| shape.egress(&fields)).collect())
}

/// Every call that is made.
pub fn calls() -> impl Iterator<Item = &'static Shape> {
    let livestorm = livestorm::calls::ALL.iter().map(|call| &call.shape);
    livestorm.chain(salesforce::calls::ALL).chain(account_engagement::calls::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Method;
    use std::collections::BTreeSet;

    #[test]
    fn every_call_has_its_rule_and_the_mapped_fields_are_named() {
        let rules = egress("{}").unwrap();
        assert_eq!(rules.len(), calls().count());
        let patch = rules.iter().find(|rule| rule.methods == [Method::Patch]).unwrap();
        assert_eq!(patch.path, ["api", "v5", "objects", "prospects", "*"]);
        assert_eq!(
            patch.body_fields,
            ["firstName", "lastName", "company", "jobTitle", "phone", "city", "country", "website"]
        );
        for rule in &rules {
            assert_eq!(rule.body_fields.is_empty(), rule.methods == [Method::Get], "{:?}", rule.path);
            assert!(!rule.path.iter().any(|segment| segment == "**" || segment.contains('{')), "{:?}", rule.path);
            assert!(!rule.methods.contains(&Method::Delete));
            assert!(!rule.reason.is_empty());
        }
        let distinct: BTreeSet<_> = rules.iter().map(|rule| (&rule.connection, &rule.methods, &rule.path)).collect();
        assert_eq!(distinct.len(), rules.len());
    }

    #[test]
    fn purposes_are_fixed_words_that_fit() {
        for shape in calls() {
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
