//! Every call to Salesforce, as data.

use super::{
    describe::REPLAY_NAMES,
    field::code_of,
    operations::{AUTO_ASSIGN, DUPLICATE_RULE},
};
use crate::{
    call::{Call, Harmless, SALESFORCE, Shape},
    host::{EgressRule, Method},
    ledger::OnceCall,
    mapping::{
        self,
        target_field::{Object, salesforce::COMPANY},
    },
    settings::{NewPeople, Settings},
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
    "Looks, after an answer was lost, whether a campaign was made, and how it stands when its session was moved or cancelled; when the connection is checked, which rights its user has and \
     which campaigns the connector made; and, where Salesforce is the destination, registrants among contacts and leads and their \
     companies among accounts. The campaign's name leaves, and then addresses and names of companies.",
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

/// A name is a field's once on an object, so a second sending is refused.
pub const CREATE_FIELD: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/tooling/sobjects/CustomField",
    "create field",
    &["FullName", "Metadata"],
    "Makes the campaign members' field for replays, because a person asked for it.",
));

/// One for each field of a permission set, so a second sending is refused.
pub const PERMIT_FIELD: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/sobjects/FieldPermissions",
    "permit field",
    &["ParentId", "SobjectType", "Field", "PermissionsRead", "PermissionsEdit"],
    "Lets the connected user's profile see and edit the field for replays, because a person asked for it.",
));

pub const CHANGE_PERMISSION: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Patch,
    "/services/data/v62.0/sobjects/FieldPermissions/{id}",
    "change field permission",
    &["PermissionsRead", "PermissionsEdit"],
    "Lets the connected user's profile see and edit the field for replays, because a person asked for it.",
));

pub const CREATE_CAMPAIGN: OnceCall = OnceCall::new(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/sobjects/Campaign",
    "create campaign",
    &["Name", "Type", "StartDate", "EndDate", "IsActive", "Description", "RecordTypeId", "ParentId"],
    "Makes one campaign a session. The event's title, the session's date and its id leave.",
));

/// Status and activity where the customer has chosen that; `manifest.rs` grants them then.
pub const UPDATE_CAMPAIGN: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Patch,
    "/services/data/v62.0/sobjects/Campaign/{id}",
    "update campaign",
    &["Name", "StartDate", "EndDate"],
    "Follows a session that was moved, or cancelled: dates and name of its campaign, and that it is aborted where that is chosen. \
     They leave.",
));
pub const ABORTED: [&str; 2] = ["Status", "IsActive"];

/// Up to five queries in one call.
pub const SEARCH: Call = Call {
    shape: Shape::new(
        SALESFORCE,
        Method::Post,
        COMPOSITE,
        "search",
        COMPOSITE_FIELDS,
        "Looks registrants up among contacts and leads, and their companies among accounts, many in one call. Addresses and names \
         of companies leave.",
    ),
    repeat: Harmless::Read,
};

/// The rest of a long answer.
pub const QUERY_MORE: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/query/{id}",
    "query more",
    "Reads the next page of a long answer. Nothing leaves.",
);

/// Changes of records, and members of campaigns: a second sending changes nothing, or is refused as there already.
pub const WRITE: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    COMPOSITE,
    "write people and members",
    COMPOSITE_FIELDS,
    "Writes mapped fields of leads and contacts, and makes them members of the session's campaign, many in one call. What each may \
     carry stands with the parts.",
));

/// With new people or accounts in it: a second sending would make them twice.
pub const CREATE: OnceCall = OnceCall::new(Shape::new(
    SALESFORCE,
    Method::Post,
    COMPOSITE,
    "create people and members",
    COMPOSITE_FIELDS,
    "Looks registrants up, makes or updates leads, contacts and accounts, and makes them members of the session's campaign, many in \
     one call. What each part may carry stands with it.",
));

const COMPOSITE: &str = "/services/data/v62.0/composite";
const COMPOSITE_FIELDS: &[&str] = &["allOrNone", "compositeRequest"];

pub const DESCRIBE: Call = Call::read(
    SALESFORCE,
    "/services/data/v62.0/sobjects/{object}/describe",
    "describe",
    "Reads which fields there are, how long they are and who may write them. Nothing leaves.",
);

pub const CREATE_STATUSES: Call = Call::idempotent(Shape::new(
    SALESFORCE,
    Method::Post,
    "/services/data/v62.0/composite/sobjects",
    "create member statuses",
    &["allOrNone", "records"],
    "Makes the statuses of its members on a new campaign. What they carry stands with the records.",
));

/// What everyday work and the preflight send, whatever the destination. What a fix sends is granted for that call alone.
pub const ALL: [&Shape; 7] = [
    &LIMITS.shape,
    &QUERY.shape,
    &QUERY_MORE.shape,
    &USERINFO.shape,
    &DESCRIBE_CAMPAIGN.shape,
    &CREATE_CAMPAIGN.shape,
    &UPDATE_CAMPAIGN.shape,
];

/// Where Salesforce is the destination itself.
pub const DESTINATION: [&Shape; 3] = [&CREATE.shape, &DESCRIBE.shape, &CREATE_STATUSES.shape];

/// What the parts of a composite call and the records of a collection may carry: judged by the host like requests of their own
/// (RULES 28).
pub fn parts(settings: &Settings) -> Vec<EgressRule> {
    let rule = |methods: &[Method], path: &[&str], fields: Vec<String>, headers: &[&str], reason: &str| EgressRule {
        connection: SALESFORCE.into(),
        methods: methods.to_vec(),
        path: ["services", "data", "v62.0"].iter().chain(path).map(|segment| segment.to_string()).collect(),
        body_fields: fields,
        headers: headers.iter().map(|header| header.to_lowercase()).collect(),
        reason: reason.into(),
    };
    let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let mapped = |object: Object, more: &[&str]| {
        let names = mapping::fields(&settings.mapping, object);
        let mut fields: Vec<String> = list(more);
        for name in names.into_iter().filter(|name| object != Object::Contact || *name != COMPANY) {
            let code = Some(code_of(name)).filter(|code| !code.is_empty());
            fields.extend([name.to_string()].into_iter().chain(code).filter(|name| !more.contains(&name.as_str())));
        }
        fields
    };
    let (post, patch) = (&[Method::Post], &[Method::Patch]);
    let made = "Makes a registrant whose address nobody has. The address and the values of the mapped fields leave.";
    let changed = "Writes the mapped fields of a registrant who is there already. The values of these fields leave.";
    let mut rules = vec![
        rule(
            patch,
            &["composite", "sobjects"],
            list(&["allOrNone", "records"]),
            &[AUTO_ASSIGN, DUPLICATE_RULE],
            changed,
        ),
        rule(patch, &["sobjects", "Lead", "*"], mapped(Object::Lead, &[]), &[AUTO_ASSIGN, DUPLICATE_RULE], changed),
        rule(
            patch,
            &["sobjects", "Contact", "*"],
            mapped(Object::Contact, &[]),
            &[AUTO_ASSIGN, DUPLICATE_RULE],
            changed,
        ),
    ];
    match settings.salesforce.new_people {
        NewPeople::Leads => {
            let fields = mapped(Object::Lead, &["Email", "LastName", COMPANY]);
            rules.push(rule(post, &["sobjects", "Lead"], fields, &[DUPLICATE_RULE], made));
        }
        NewPeople::Contacts => {
            let fields = mapped(Object::Contact, &["Email", "LastName", "AccountId"]);
            rules.push(rule(post, &["sobjects", "Contact"], fields, &[DUPLICATE_RULE], made));
            let reason = "Makes the account of a company that no account has the name of. The company's name leaves.";
            rules.push(rule(post, &["sobjects", "Account"], list(&["Name"]), &[DUPLICATE_RULE], reason));
        }
    }
    let replay = match settings.salesforce.replay_field.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => vec![name],
        None => REPLAY_NAMES.to_vec(),
    };
    let told = [vec!["Status"], replay].concat();
    let tied = [told.clone(), vec!["CampaignId", "LeadId", "ContactId"]].concat();
    let reason = "Makes a registrant a member of the session's campaign, with what they did in it.";
    rules.push(rule(post, &["sobjects", "CampaignMember"], mapped(Object::CampaignMember, &tied), &[], reason));
    let fields = mapped(Object::CampaignMember, &told);
    rules.push(rule(patch, &["sobjects", "CampaignMember", "*"], fields, &[AUTO_ASSIGN], reason));
    let status = list(&["CampaignId", "Label", "SortOrder", "HasResponded", "IsDefault"]);
    let reason = "Makes a status that members of the campaign may have. Its label leaves.";
    rules.push(rule(post, &["sobjects", "CampaignMemberStatus"], status, &[], reason));
    rules
}
