//! Standard fields of leads, contacts and campaign members.
//! <https://developer.salesforce.com/docs/platform/data-models>, confirmed; an org's own describe goes before it.

use super::{Default, Field, Kind, flag, text};

const fn number(name: &'static str) -> Field {
    Field { name, kind: Kind::Number }
}

pub const LEAD: &[Field] = &[
    text("Salutation"),
    text("FirstName"),
    text("LastName"),
    text("Company"),
    text("Title"),
    text("Phone"),
    text("MobilePhone"),
    text("Fax"),
    text("Website"),
    text("Street"),
    text("City"),
    text("State"),
    text("StateCode"),
    text("PostalCode"),
    text("Country"),
    text("CountryCode"),
    text("Industry"),
    text("LeadSource"),
    text("Rating"),
    text("Status"),
    text("Description"),
    number("AnnualRevenue"),
    number("NumberOfEmployees"),
    flag("DoNotCall"),
];

pub const CONTACT: &[Field] = &[
    text("Salutation"),
    text("FirstName"),
    text("LastName"),
    // No field of a contact: the name of the account that a new one is linked to.
    text(COMPANY),
    text("Title"),
    text("Department"),
    text("Phone"),
    text("MobilePhone"),
    text("HomePhone"),
    text("OtherPhone"),
    text("Fax"),
    text("MailingStreet"),
    text("MailingCity"),
    text("MailingState"),
    text("MailingStateCode"),
    text("MailingPostalCode"),
    text("MailingCountry"),
    text("MailingCountryCode"),
    text("LeadSource"),
    text("Description"),
    text("AssistantName"),
    text("AssistantPhone"),
    text("Birthdate"),
    flag("DoNotCall"),
];

/// What a member has of its own are custom fields and the status.
pub const CAMPAIGN_MEMBER: &[Field] = &[];

pub const COMPANY: &str = "Company";

pub const NOT_MAPPED: &[(&str, &str)] = &[
    ("Email", "people are told apart by it, so it is always the address of the registration."),
    ("HasOptedOutOfEmail", "whether somebody opted out is never touched."),
    ("HasOptedOutOfFax", "whether somebody opted out is never touched."),
    ("AccountId", "the account is found by the company's name."),
    ("OwnerId", "who owns a record is the org's own rule."),
    ("RecordTypeId", "the connected user's default record type is taken."),
];

pub const MEMBER_NOT_MAPPED: &[(&str, &str)] = &[
    ("Status", "it tells the attendance; its labels are a setting of their own."),
    ("CampaignId", "it ties the member to the session's campaign."),
    ("LeadId", "it ties the member to the person."),
    ("ContactId", "it ties the member to the person."),
];

pub const READ_ONLY: &[&str] = &[
    "Id",
    "Name",
    "IsConverted",
    "ConvertedContactId",
    "ConvertedAccountId",
    "ConvertedOpportunityId",
    "ConvertedDate",
    "CreatedById",
    "CreatedDate",
    "LastModifiedById",
    "LastModifiedDate",
    "LastActivityDate",
    "IsDeleted",
    "SystemModstamp",
    "HasResponded",
    "FirstRespondedDate",
];

/// What the field mapping of Livestorm's own connector begins with.
/// <https://support.livestorm.co/article/map-fields-between-livestorm-salesforce>, confirmed.
pub const LEAD_DEFAULTS: &[Default] = &[
    Default { target: "FirstName", sources: &["fields.first_name"] },
    Default { target: "LastName", sources: &["fields.last_name"] },
    Default { target: COMPANY, sources: COMPANY_SOURCES },
    Default { target: "Title", sources: TITLE_SOURCES },
    Default { target: "Phone", sources: PHONE_SOURCES },
    Default { target: "City", sources: &["fields.city"] },
    Default { target: "Country", sources: &["fields.country"] },
    Default { target: "Website", sources: &["fields.website", "fields.company_website", "fields.website_url"] },
];

pub const CONTACT_DEFAULTS: &[Default] = &[
    Default { target: "FirstName", sources: &["fields.first_name"] },
    Default { target: "LastName", sources: &["fields.last_name"] },
    Default { target: COMPANY, sources: COMPANY_SOURCES },
    Default { target: "Title", sources: TITLE_SOURCES },
    Default { target: "Phone", sources: PHONE_SOURCES },
    Default { target: "MailingCity", sources: &["fields.city"] },
    Default { target: "MailingCountry", sources: &["fields.country"] },
];

const COMPANY_SOURCES: &[&str] = &["fields.company", "fields.company_name", "fields.organization"];
const TITLE_SOURCES: &[&str] = &["fields.job_title", "fields.job"];
const PHONE_SOURCES: &[&str] = &["fields.phone_number", "fields.phone"];
