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
    /// Whether refusals of path, token, header, unit and quota come as JSON or as the XML of older days.
    pub auth_error_body: ErrorBody,
    /// Status of code 184, a token that opens nothing: 401, 400 or 403.
    pub bad_token_status: u16,
    /// Whether a business unit may be named by the 15 characters of its id.
    pub short_unit_id: ShortUnitId,
    /// How `x-api-usage` is written: `1/50000` or `api-usage=1/50000`.
    pub api_usage: ApiUsage,
    /// Whether a time that ends in `Z` is refused (code 7, 57 in a custom field) or taken.
    pub zulu_time: ZuluTime,
    /// Code for a page token that comes with other parameters: 154, 5 or 51.
    pub token_combined_code: u16,
    /// Code for an address that somebody has, where AMPSEA is off: 9 or 54.
    pub taken_address_code: u16,
    /// What `secondaryDeletedSearch` does where AMPSEA is off: nothing, or code 154.
    pub secondary_search_without_ampsea: SecondarySearch,
    /// Which of several prospects an upsert takes.
    pub upsert_takes: UpsertTakes,
    /// What a prospect made without a campaign brings: the default one, or code 153.
    pub campaign_left_out: CampaignLeftOut,
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
    /// Code for an extension or a type that is not there or not active, and for a value that is too long: 154, 51 or 109.
    pub activity_refused_code: u16,
    /// What a second activity of the same words and time is: another one, or the first again.
    pub equal_activity: EqualActivity,
    /// Activities a minute, above which code 66 comes; the page names a limit of their own and no figure. 0: none.
    pub activities_per_minute: u32,
    /// What `extensionSalesforceId` and `typeSalesforceId` bring, which some clients send: code 154, or nothing.
    pub activity_salesforce_ids: UndocumentedProperty,
    /// Whether an external activity moves `lastActivityAt`, and so which duplicate is the latest.
    pub activity_moves_last_activity: bool,
    /// Whether a second list of a name is refused with code 245.
    pub list_names_unique: bool,
    /// Whether a list's name of more than 50 characters is refused with code 138.
    pub list_name_limit: bool,
    /// Whether a list's name with `<`, `>`, `"`, `\\` or a control character is refused with code 139.
    pub list_name_characters: bool,
    /// What adding a prospect brings who has opted out of the list: code 58, or that they are in again.
    pub opted_out_membership: OptedOutMembership,
    /// What adding a prospect brings whose membership was deleted.
    pub deleted_membership: DeletedMembership,
    /// Whether two addresses that differ in case are two.
    pub email_match: CaseMatch,
    /// Whether a custom field with values to choose from takes another one, or refuses it (code 154).
    pub unlisted_value: UnlistedValue,
    /// Code for an action that the object does not have: 198 or 2.
    pub unknown_action_code: u16,
    /// What adding a tag or connecting a campaign answers: 200 with a body, or 204.
    pub action_status: UpdateStatus,
    /// Code for writing a member of a dynamic list: 55 or 154.
    pub dynamic_list_code: u16,
    /// Whether a campaign that is connected already can be connected with another one of Salesforce.
    pub reconnect_campaign: Reconnect,
    /// Whether an import makes whom it does not find, where `createOnNoMatch` is left out.
    pub import_creates_on_no_match: bool,
    /// How long an import takes from `Ready` to `Complete`.
    pub import_seconds: u32,
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
            bad_token_status: 401,
            short_unit_id: ShortUnitId::Refuse,
            api_usage: ApiUsage::Bare,
            zulu_time: ZuluTime::Refuse,
            token_combined_code: 154,
            taken_address_code: 9,
            secondary_search_without_ampsea: SecondarySearch::Ignore,
            upsert_takes: UpsertTakes::LatestActivity,
            campaign_left_out: CampaignLeftOut::Default,
            upsert_status: UpsertStatus::CreatedWhenMade,
            update_status: UpdateStatus::OkWithBody,
            unknown_field_code: 180,
            unsupported_filter_code: 5,
            write_deleted_code: 219,
            activities_readable: true,
            activity_without_prospect: ActivityWithoutProspect::Refuse,
            activity_refused_code: 154,
            equal_activity: EqualActivity::MakeAnother,
            activities_per_minute: 0,
            activity_salesforce_ids: UndocumentedProperty::Refuse,
            activity_moves_last_activity: true,
            list_names_unique: false,
            list_name_limit: false,
            list_name_characters: false,
            opted_out_membership: OptedOutMembership::AlreadyMember,
            deleted_membership: DeletedMembership::AlreadyMember,
            email_match: CaseMatch::Sensitive,
            unlisted_value: UnlistedValue::Refuse,
            unknown_action_code: 198,
            action_status: UpdateStatus::OkWithBody,
            dynamic_list_code: 55,
            reconnect_campaign: Reconnect::Refuse,
            import_creates_on_no_match: true,
            import_seconds: 120,
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
sides!(ShortUnitId { Refuse, Accept });
sides!(ApiUsage { Bare, Labelled });
sides!(ZuluTime { Refuse, Accept });
sides!(SecondarySearch { Ignore, Refuse });
sides!(
    /// Ties go by the latest update, then by the highest id; or the latest update goes first.
    UpsertTakes { LatestActivity, LatestUpdate }
);
sides!(CampaignLeftOut { Default, Refuse });
sides!(EqualActivity { MakeAnother, AnswerTheFirst });
sides!(UndocumentedProperty { Refuse, Ignore });
sides!(OptedOutMembership { AlreadyMember, InAgain });
sides!(UpsertStatus { CreatedWhenMade, AlwaysOk });
sides!(UpdateStatus { OkWithBody, NoContent });
sides!(ActivityWithoutProspect { Refuse, TakeAndLose });
sides!(
    /// A new membership, or code 58 as if it still stood.
    DeletedMembership { AlreadyMember, MakeAnother }
);
sides!(Reconnect { Refuse, Replace });
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
