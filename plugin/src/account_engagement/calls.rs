//! Every call to Account Engagement, as data.

use crate::{
    call::{ACCOUNT_ENGAGEMENT, Call, Shape},
    host::Method,
    ledger::OnceCall,
};

pub const ACCOUNT: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/account",
    "test the connection",
    "Reads the business unit's name, so that a person can compare. Nothing leaves.",
);

pub const CUSTOM_FIELDS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/custom-fields",
    "read custom fields",
    "Reads which custom fields there are, for the check of the mapping and the list of targets. Nothing leaves.",
);

pub const CAMPAIGNS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/campaigns",
    "look for campaigns",
    "Looks whether Connected Campaigns has brought our campaigns over. A time leaves.",
);

pub const CAMPAIGN: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/campaigns/{id}",
    "read the campaign of a form",
    "Reads, once for each campaign that a submitted form belongs to, which campaign of Salesforce it is. Its id leaves.",
);

pub const FORMS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/forms",
    "read forms",
    "Reads which form belongs to which campaign, when the connection is checked. Nothing leaves.",
);

pub const FORM_HANDLERS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/form-handlers",
    "read form handlers",
    "Reads which form handler belongs to which campaign, when the connection is checked. Nothing leaves.",
);

pub const VISITOR_ACTIVITIES: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/visitor-activities",
    "look for submissions",
    "Looks, every two minutes, who has submitted a form. A time and an id leave.",
);

pub const PROSPECT: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/prospects/{id}",
    "read prospect",
    "Reads what somebody has answered who submitted a form of a session's campaign. The prospect's id leaves.",
);

pub const LISTS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/lists",
    "look for a list",
    "Looks, after an answer was lost, whether a list was made. A time leaves.",
);

pub const CREATE_LIST: OnceCall = OnceCall::new(Shape::new(
    ACCOUNT_ENGAGEMENT,
    Method::Post,
    "/api/v5/objects/lists",
    "create list",
    &["name", "description", "campaignId"],
    "Makes one list a session. The event's title, the session's date and its id leave.",
));

pub const LIST: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/lists/{id}",
    "read list",
    "Reads, when its session was moved, whether a list has still the name that it was given. Its id leaves.",
);

pub const RENAME_LIST: Call = Call::idempotent(Shape::new(
    ACCOUNT_ENGAGEMENT,
    Method::Patch,
    "/api/v5/objects/lists/{id}",
    "rename list",
    &["name"],
    "Gives a list the new date of its session. The event's title and the date leave.",
));

pub const PROSPECTS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/prospects",
    "look a prospect up",
    "Looks a registrant up. The address leaves.",
);

pub const UPDATE_PROSPECT: Call = Call::idempotent(
    Shape::new(
        ACCOUNT_ENGAGEMENT,
        Method::Patch,
        "/api/v5/objects/prospects/{id}",
        "update prospect",
        &[],
        "Writes the mapped fields of a registrant who is a prospect already. The values of these fields leave.",
    )
    .with_mapped_fields(),
);

/// The mapped names stand within `prospect`; they are listed so that the customer approves fields and not a promise.
pub const UPSERT_PROSPECT: Call = Call::idempotent(
    Shape::new(
        ACCOUNT_ENGAGEMENT,
        Method::Post,
        "/api/v5/objects/prospects/do/upsertLatestByEmail",
        "create prospect",
        &["matchEmail", "prospect", "fields", "email", "campaignId"],
        "Makes a prospect of a registrant who is none yet. The address and the values of the mapped fields leave.",
    )
    .with_mapped_fields(),
);

pub const MEMBERSHIPS: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/objects/list-memberships",
    "read list membership",
    "Looks whether somebody opted out of a list or was taken off it. Ids leave.",
);

/// A second sending is answered with code 58 and changes nothing.
pub const JOIN_LIST: Call = Call::idempotent(Shape::new(
    ACCOUNT_ENGAGEMENT,
    Method::Post,
    "/api/v5/objects/list-memberships",
    "add to list",
    &["listId", "prospectId"],
    "Adds a registrant to the session's list. Ids leave.",
));

/// Where the customer has chosen that, and not in `ALL`. What is deleted already is not there.
pub const LEAVE_LIST: Call = Call::idempotent(Shape::new(
    ACCOUNT_ENGAGEMENT,
    Method::Delete,
    "/api/v5/objects/list-memberships/{id}",
    "take off list",
    &[],
    "Takes whoever was removed from the session in Livestorm off its list. Ids leave.",
));

pub const EXTERNAL_ACTIVITIES: Call = Call::read(
    ACCOUNT_ENGAGEMENT,
    "/api/v5/external-activities",
    "look for an activity",
    "Looks, after an answer was lost, whether an activity was made. A time leaves.",
);

pub const CREATE_EXTERNAL_ACTIVITY: OnceCall = OnceCall::new(Shape::new(
    ACCOUNT_ENGAGEMENT,
    Method::Post,
    "/api/v5/external-activities",
    "create external activity",
    &["extension", "type", "email", "value", "activityDate"],
    "Notes on the prospect what somebody did: registered, attended or not, how long, how many messages and questions, watched \
     the replay. The address, that value and the time leave.",
));

/// Where people register by forms of Account Engagement, and nowhere else.
pub const FORM_FLOW: [&Shape; 5] =
    [&CAMPAIGN.shape, &FORMS.shape, &FORM_HANDLERS.shape, &VISITOR_ACTIVITIES.shape, &PROSPECT.shape];

/// Where people register by Livestorm's forms alone: nobody gets activities otherwise.
pub const ACTIVITIES: [&Shape; 2] = [&EXTERNAL_ACTIVITIES.shape, &CREATE_EXTERNAL_ACTIVITY.shape];

pub const ALWAYS: [&Shape; 12] = [
    &ACCOUNT.shape,
    &CUSTOM_FIELDS.shape,
    &CAMPAIGNS.shape,
    &LISTS.shape,
    &CREATE_LIST.shape,
    &LIST.shape,
    &RENAME_LIST.shape,
    &PROSPECTS.shape,
    &UPDATE_PROSPECT.shape,
    &UPSERT_PROSPECT.shape,
    &MEMBERSHIPS.shape,
    &JOIN_LIST.shape,
];
