//! Every call to Salesforce, as data.

use crate::{
    call::{Call, SALESFORCE, Shape},
    host::Method,
    ledger::OnceCall,
};

pub const LIMITS: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/limits",
    "test the connection",
    "Tests the connection and reads how many API calls are left. Nothing leaves.",
);

pub const QUERY: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/query",
    "query",
    "Looks, after an answer was lost, whether a campaign was made; and, when the connection is checked, which rights its user \
     has and which campaigns the connector made. The campaign's name leaves.",
);

pub const USERINFO: Call = Call::read(
    SALESFORCE,
    "/services/oauth2/userinfo",
    "read own user",
    "Reads who the connected user is, when the connection is checked. Nothing leaves.",
);

pub const DESCRIBE_CAMPAIGN: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/sobjects/Campaign/describe",
    "describe campaign",
    "Reads whether the connected user may make campaigns, when the connection is checked. Nothing leaves.",
);

pub const TOOLING_QUERY: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/tooling/query",
    "query set-up",
    "Reads the marketing app extension, its assignment and its activity types, when the connection is checked. Nothing leaves.",
);

/// DeveloperNames are unique in an org, so a second sending is refused.
pub const CREATE_EXTENSION: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/tooling/sobjects/MarketingAppExtension",
    "create extension",
    &["MasterLabel", "DeveloperName", "IsActive", "Description"],
    "Makes the marketing app extension, because a person asked for it.",
));

pub const ACTIVATE_EXTENSION: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Patch,
    "/services/data/v62.0/tooling/sobjects/MarketingAppExtension/{id}",
    "activate extension",
    &["IsActive"],
    "Makes the marketing app extension active in automations, because a person asked for it.",
));

/// One extension is assigned to a business unit once.
pub const ASSIGN_EXTENSION: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/tooling/sobjects/MarketingAppExtAssignment",
    "assign extension",
    &["MarketingAppExtensionId", "ParentId"],
    "Assigns the marketing app extension to the business unit, because a person asked for it.",
));

pub const CREATE_ACTIVITY_TYPE: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/tooling/sobjects/MarketingAppExtActivity",
    "create activity type",
    &["DeveloperName", "MasterLabel", "MarketingAppExtensionId", "IsActive"],
    "Makes an activity type of the extension, because a person asked for it.",
));

pub const ACTIVATE_ACTIVITY_TYPE: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Patch,
    "/services/data/v62.0/tooling/sobjects/MarketingAppExtActivity/{id}",
    "activate activity type",
    &["IsActive"],
    "Makes an activity type active in automations, because a person asked for it.",
));

pub const CREATE_CAMPAIGN: OnceCall = OnceCall::new(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/sobjects/Campaign",
    "create campaign",
    &["Name", "Type", "StartDate", "EndDate", "IsActive", "Description", "RecordTypeId", "ParentId"],
    "Makes one campaign a session. The event's title, the session's date and its id leave.",
));

/// What everyday work and the preflight send. What a fix sends is granted for that call alone.
pub const ALL: [&Shape; 6] = [
    &LIMITS.shape,
    &QUERY.shape,
    &USERINFO.shape,
    &DESCRIBE_CAMPAIGN.shape,
    &TOOLING_QUERY.shape,
    &CREATE_CAMPAIGN.shape,
];
