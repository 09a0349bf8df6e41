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
    "look for a campaign",
    "Looks, after an answer was lost, whether a campaign was made. The campaign's name leaves.",
);

pub const CREATE_CAMPAIGN: OnceCall = OnceCall::new(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/sobjects/Campaign",
    "create campaign",
    &["Name", "Type", "StartDate", "EndDate", "IsActive", "Description", "RecordTypeId", "ParentId"],
    "Makes one campaign a session. The event's title, the session's date and its id leave.",
));

pub const ALL: [&Shape; 3] = [&LIMITS.shape, &QUERY.shape, &CREATE_CAMPAIGN.shape];
