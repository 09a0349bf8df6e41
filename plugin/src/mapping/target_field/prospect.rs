//! Fields of a prospect.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/prospect-v5.html>, confirmed.

use super::{Default, Field, Kind, flag, text};

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
pub const NOT_MAPPED: &[(&str, &str)] = &[
    ("email", "a prospect is told apart by it, so it is always the address of the registration."),
    ("optedOut", "whether somebody opted out is never touched."),
    ("campaignId", "the source campaign is the session's, and is written only when a prospect is made."),
    ("prospectAccountId", "it ties the prospect to another record."),
    ("salesforceId", "it ties the prospect to another record."),
    ("salesforceOwnerId", "it ties the prospect to another record."),
    ("userId", "it ties the prospect to another record."),
];

pub const READ_ONLY: &[&str] = &[
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

/// Livestorm's ids of standard questions differ a little between ages of workspaces; the first spelling is today's.
pub const DEFAULTS: &[Default] = &[
    Default { target: "firstName", sources: &["fields.first_name"] },
    Default { target: "lastName", sources: &["fields.last_name"] },
    Default { target: "company", sources: &["fields.company", "fields.company_name", "fields.organization"] },
    Default { target: "jobTitle", sources: &["fields.job_title", "fields.job"] },
    Default { target: "phone", sources: &["fields.phone_number", "fields.phone"] },
    Default { target: "city", sources: &["fields.city"] },
    Default { target: "country", sources: &["fields.country"] },
    Default { target: "website", sources: &["fields.website", "fields.company_website", "fields.website_url"] },
];
