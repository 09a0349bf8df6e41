//! What Account Engagement's pages leave open.

use super::CaseMatch;
use serde::{Deserialize, Serialize};

/// No page of <https://developer.salesforce.com/docs/marketing/pardot/guide/overview.html> tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountEngagementUnknowns {
    /// Status of code 66, too many at once: 400, 403 or 429.
    pub concurrency_status: u16,
    /// Status of code 122, the day's calls are used: 400, 403 or 429.
    pub daily_limit_status: u16,
    /// Status of code 49, a user of another business unit: 401 or 403.
    pub access_denied_status: u16,
    /// Whether refusals of token, header and unit come as JSON or as the XML of older days.
    pub auth_error_body: ErrorBody,
    /// 200 for everything, or 201 where the upsert made a prospect.
    pub upsert_status: UpsertStatus,
    /// 200 with a body, or 204.
    pub update_status: UpdateStatus,
    /// Code for a field that does not exist: 180 or 154.
    pub unknown_field_code: u16,
    /// Code for a filter that the object does not have: 5, 51 or 154.
    pub unsupported_filter_code: u16,
    /// Code for writing to a record in the recycle bin: 219 or 109.
    pub write_deleted_code: u16,
    /// Whether external activities can be read and queried; older copies of the page list create only.
    pub activities_readable: bool,
    /// Whether an activity for an address that nobody has is refused (code 4) or taken and lost.
    pub activity_without_prospect: ActivityWithoutProspect,
    /// Whether an external activity moves `lastActivityAt`, and so which duplicate is the latest.
    pub activity_moves_last_activity: bool,
    /// Whether a second list of a name is refused with code 245.
    pub list_names_unique: bool,
    /// Whether a list's name of more than 50 characters is refused with code 138.
    pub list_name_limit: bool,
    /// What adding a prospect brings whose membership was deleted.
    pub deleted_membership: DeletedMembership,
    /// Whether two addresses that differ in case are two.
    pub email_match: CaseMatch,
    /// Whether a custom field with values to choose from takes another one, or refuses it (code 154).
    pub unlisted_value: UnlistedValue,
    /// Length of `salesforceId`: 18 or 15.
    pub salesforce_id_length: IdLength,
    /// What a query of visitor activities does with a filter on campaign, form or form handler, which v4 has.
    pub activity_form_filters: FormFilters,
    /// Whether `typeName` names what was used ("Form") or the type ("Success").
    pub activity_type_name: ActivityTypeName,
    /// Whether visitor activities come to be seen in the order of their ids.
    pub activity_lateness: Lateness,
    /// What becomes of a prospect in the recycle bin who submits a form.
    pub deleted_submitter: DeletedSubmitter,
    /// The zone of the API's user, in which times are answered.
    pub user_zone: Zone,
}

impl Default for AccountEngagementUnknowns {
    fn default() -> Self {
        AccountEngagementUnknowns {
            concurrency_status: 400,
            daily_limit_status: 400,
            access_denied_status: 401,
            auth_error_body: ErrorBody::Json,
            upsert_status: UpsertStatus::CreatedWhenMade,
            update_status: UpdateStatus::OkWithBody,
            unknown_field_code: 180,
            unsupported_filter_code: 5,
            write_deleted_code: 219,
            activities_readable: true,
            activity_without_prospect: ActivityWithoutProspect::Refuse,
            activity_moves_last_activity: true,
            list_names_unique: false,
            list_name_limit: false,
            deleted_membership: DeletedMembership::AlreadyMember,
            email_match: CaseMatch::Sensitive,
            unlisted_value: UnlistedValue::Refuse,
            salesforce_id_length: IdLength::Eighteen,
            activity_form_filters: FormFilters::Refuse,
            activity_type_name: ActivityTypeName::Asset,
            activity_lateness: Lateness::None,
            deleted_submitter: DeletedSubmitter::Restore,
            user_zone: Zone::NewYork,
        }
    }
}

sides!(ErrorBody { Json, Xml });
sides!(UpsertStatus { CreatedWhenMade, AlwaysOk });
sides!(UpdateStatus { OkWithBody, NoContent });
sides!(ActivityWithoutProspect { Refuse, TakeAndLose });
sides!(
    /// A new membership, or code 58 as if it still stood.
    DeletedMembership { AlreadyMember, MakeAnother }
);
sides!(UnlistedValue { Accept, Refuse });
sides!(IdLength { Eighteen, Fifteen });
sides!(FormFilters { Refuse, Accept, Ignore });
sides!(ActivityTypeName { Asset, Type });
sides!(
    /// Every second one is seen a quarter of an hour later than the rest, or none is.
    Lateness { None, EverySecond }
);
sides!(DeletedSubmitter { Restore, MakeAnother });
sides!(
    /// With daylight saving time where the place has it.
    Zone { Utc, NewYork }
);
