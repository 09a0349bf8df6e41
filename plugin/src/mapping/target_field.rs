//! Which fields of a prospect can be written, as what, and from what where the customer has chosen nothing (RULES 15).
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/prospect-v5.html>, confirmed.

use super::did_you_mean;

/// As what the API takes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
}

pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

const fn text(name: &'static str) -> Field {
    Field { name, kind: Kind::Text }
}

const fn flag(name: &'static str) -> Field {
    Field { name, kind: Kind::Boolean }
}

/// Standard fields that a mapping may write. Left out on purpose: what ties a prospect to other records, and `optedOut`,
/// which is never touched (RULES 17).
pub const STANDARD: &[Field] = &[
    text("salutation"),
    text("firstName"),
    text("lastName"),
    text("jobTitle"),
    text("company"),
    text("department"),
    text("industry"),
    text("website"),
    text("phone"),
    text("fax"),
    text("addressOne"),
    text("addressTwo"),
    text("city"),
    text("state"),
    text("zip"),
    text("country"),
    text("territory"),
    text("annualRevenue"),
    text("employees"),
    text("yearsInBusiness"),
    text("source"),
    text("comments"),
    text("notes"),
    Field { name: "score", kind: Kind::Number },
    flag("isDoNotCall"),
    flag("isDoNotEmail"),
    flag("isReviewed"),
    flag("isStarred"),
];

/// Fields that exist and are none of the mapping's business, with the reason.
const NOT_MAPPED: &[(&str, &str)] = &[
    ("email", "a prospect is told apart by it, so it is always the address of the registration."),
    ("optedOut", "whether somebody opted out is never touched."),
    ("campaignId", "the source campaign is the session's, and is written only when a prospect is made."),
    ("prospectAccountId", "it ties the prospect to another record."),
    ("salesforceId", "it ties the prospect to another record."),
    ("salesforceOwnerId", "it ties the prospect to another record."),
    ("userId", "it ties the prospect to another record."),
];

const READ_ONLY: &[&str] = &[
    "id",
    "assignedToId",
    "campaignParameter",
    "contentParameter",
    "mediumParameter",
    "sourceParameter",
    "termParameter",
    "convertedAt",
    "convertedFromObjectName",
    "convertedFromObjectType",
    "createdAt",
    "createdById",
    "updatedAt",
    "updatedById",
    "doNotSell",
    "emailBouncedAt",
    "emailBouncedReason",
    "isEmailHardBounced",
    "firstActivityAt",
    "firstAssignedAt",
    "firstReferrerQuery",
    "firstReferrerType",
    "firstReferrerUrl",
    "grade",
    "isDeleted",
    "lastActivityAt",
    "lifecycleStageId",
    "recentInteraction",
    "salesforceAccountId",
    "salesforceCampaignId",
    "salesforceContactId",
    "salesforceLastSync",
    "salesforceLeadId",
    "salesforceUrl",
];

pub fn standard(name: &str) -> Option<&'static Field> {
    STANDARD.iter().find(|field| field.name == name)
}

/// Custom fields carry `__c` in v5, which the field's id in the user interface does not.
pub fn is_custom(name: &str) -> bool {
    name.strip_suffix("__c").is_some_and(|id| {
        id.starts_with(|first: char| first.is_ascii_alphabetic())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// What is wrong with a target that somebody wrote, and what to do.
pub fn problem(name: &str) -> Option<(String, String)> {
    if standard(name).is_some() || is_custom(name) {
        return None;
    }
    if let Some((_, why)) = NOT_MAPPED.iter().find(|(other, _)| *other == name) {
        return Some((format!("{name} cannot be mapped: {why}"), "Choose another field.".into()));
    }
    if READ_ONLY.contains(&name) {
        return Some((format!("{name} cannot be written through the API."), "Choose another field.".into()));
    }
    let remedy = did_you_mean(name, STANDARD.iter().map(|field| field.name))
        .unwrap_or_else(|| format!("A custom field is written with its ending: {}__c.", name.trim_end_matches("__c")));
    Some((format!("a prospect has no field \"{name}\"."), remedy))
}

/// One field of the destination and the sources it is filled from, the first that is there.
pub struct Default {
    pub target: &'static str,
    pub sources: &'static [&'static str],
}

/// Livestorm's ids of standard questions differ a little between ages of workspaces; the first spelling is today's.
pub const PROSPECT_DEFAULTS: &[Default] = &[
    Default { target: "firstName", sources: &["fields.first_name"] },
    Default { target: "lastName", sources: &["fields.last_name"] },
    Default { target: "company", sources: &["fields.company", "fields.company_name", "fields.organization"] },
    Default { target: "jobTitle", sources: &["fields.job_title", "fields.job"] },
    Default { target: "phone", sources: &["fields.phone_number", "fields.phone"] },
    Default { target: "city", sources: &["fields.city"] },
    Default { target: "country", sources: &["fields.country"] },
    Default { target: "website", sources: &["fields.website", "fields.company_website", "fields.website_url"] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_writable_or_told_why_not() {
        let rows = [
            ("company", None),
            ("Livestorm_Minutes__c", None),
            ("compny", Some("Did you mean \"company\"?")),
            ("Livestorm_Minutes", Some("Livestorm_Minutes__c")),
            ("email", Some("another field")),
            ("optedOut", Some("another field")),
            ("grade", Some("another field")),
            ("1st__c", Some("ending")),
            ("__c", Some("ending")),
        ];
        for (name, said) in rows {
            let problem = problem(name).map(|(_, remedy)| remedy);
            match said {
                None => assert_eq!(problem, None, "{name}"),
                Some(said) => {
                    assert!(problem.as_ref().is_some_and(|remedy| remedy.contains(said)), "{name}: {problem:?}")
                }
            }
        }
    }

    #[test]
    fn every_default_writes_a_standard_field() {
        assert!(PROSPECT_DEFAULTS.iter().all(|default| standard(default.target).is_some()));
    }
}
