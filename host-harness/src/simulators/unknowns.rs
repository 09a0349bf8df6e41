//! A switch for everything that no vendor page says. The default is the safest to expect, or else the likeliest;
//! tests turn each switch, so the connector is proved against every side of it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unknowns {
    pub livestorm: LivestormUnknowns,
    pub salesforce: SalesforceUnknowns,
    pub account_engagement: AccountEngagementUnknowns,
}

/// No page of <https://developers.livestorm.co> tells, or two tell differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LivestormUnknowns {
    /// Whether `page[size]` above 50 is cut to 50 or answered with 400.
    pub oversized_page: OversizedPage,
    /// How many pages an empty list has: 0 or 1.
    pub empty_list_pages: u32,
    /// Whether `items_per_page` is the page size or the rows on this page.
    pub items_per_page: ItemsPerPage,
    /// `RateLimit-Monthly-…` or, as in 2021, `RateLimit-Montly-…`.
    pub monthly_header: MonthlyHeader,
    /// Whether a 429 carries the monthly headers too; one text says so, the other does not list them.
    pub monthly_headers_on_429: bool,
    /// When the 10,000 begin anew.
    pub monthly_window: MonthlyWindow,
    /// Whether calls answered 429 count as used.
    pub refused_calls_count: bool,
    /// Whether `…_since` and `…_until` include the moment itself.
    pub date_bounds: Bounds,
    /// Whether `filter[email]` of a person looks at case.
    pub email_match: CaseMatch,
    /// What an unknown query parameter brings: 400, or nothing.
    pub unknown_parameter: UnknownParameter,
    /// Whether the legacy `identify` of a person is the id that REST gives (RULES 1, spec S1-17).
    pub legacy_person_id: LegacyPersonId,
    /// 401 or 403: two pages differ.
    pub missing_scope_status: u16,
    /// How long after the end of a session REST tells who was there: "a few minutes" (spec 002).
    pub attendance_ready_seconds: u64,
    /// Whether who did not come stands in the legacy `attendees[]` too.
    pub absentees_listed: bool,
    /// Whether `attendance_rate` is a number or a text that is one.
    pub attendance_rate: AttendanceRate,
    /// Unit of `replay_view_detail.watched_at`.
    pub watched_at: WatchedAt,
    /// Whether a person's `updated_at` moves with attendance and replay.
    pub updated_at_moves: bool,
}

impl Default for LivestormUnknowns {
    fn default() -> Self {
        LivestormUnknowns {
            oversized_page: OversizedPage::Clamp,
            empty_list_pages: 0,
            items_per_page: ItemsPerPage::PageSize,
            monthly_header: MonthlyHeader::Monthly,
            monthly_headers_on_429: false,
            monthly_window: MonthlyWindow::ThirtyDaysFromFirstCall,
            refused_calls_count: true,
            date_bounds: Bounds::Inclusive,
            email_match: CaseMatch::Insensitive,
            unknown_parameter: UnknownParameter::Refuse,
            legacy_person_id: LegacyPersonId::Other,
            missing_scope_status: 403,
            attendance_ready_seconds: 5 * 60,
            absentees_listed: true,
            attendance_rate: AttendanceRate::Number,
            watched_at: WatchedAt::Seconds,
            updated_at_moves: true,
        }
    }
}

/// No page of <https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest-resources.html> tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesforceUnknowns {
    /// How two refreshes at once are refused: in today's words, or in those of 2024.
    pub refresh_race: RefreshRace,
    /// Status for a record that is deleted: 404 or 400.
    pub entity_is_deleted_status: u16,
    /// Status for a token without the scope `api`: 401 or 403.
    pub missing_scope_status: u16,
    /// Whether calls past the daily limit are let through for a while. `false` refuses at once.
    pub daily_limit_is_soft: bool,
}

impl Default for SalesforceUnknowns {
    fn default() -> Self {
        SalesforceUnknowns {
            refresh_race: RefreshRace::AlreadyBeingProcessed,
            entity_is_deleted_status: 404,
            missing_scope_status: 403,
            daily_limit_is_soft: false,
        }
    }
}

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
            user_zone: Zone::NewYork,
        }
    }
}

macro_rules! sides {
    ($(#[$doc:meta])* $name:ident { $($side:ident),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($side),+ }
    };
}

sides!(OversizedPage { Clamp, Refuse });
sides!(ItemsPerPage { PageSize, RowsOnPage });
sides!(MonthlyHeader { Monthly, Montly });
sides!(MonthlyWindow { ThirtyDaysFromFirstCall, CalendarMonth });
sides!(Bounds { Inclusive, Exclusive });
sides!(CaseMatch { Sensitive, Insensitive });
sides!(UnknownParameter { Refuse, Ignore });
sides!(LegacyPersonId { Other, SameAsRest });
sides!(AttendanceRate { Number, Text });
sides!(WatchedAt { Seconds, Milliseconds, Iso });
sides!(RefreshRace { AlreadyBeingProcessed, ExpiredAuthorizationCode });
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
sides!(
    /// With daylight saving time where the place has it.
    Zone { Utc, NewYork }
);

impl CaseMatch {
    pub fn same(self, a: &str, b: &str) -> bool {
        match self {
            CaseMatch::Sensitive => a == b,
            CaseMatch::Insensitive => a.to_lowercase() == b.to_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_named_in_scenario_files_and_the_rest_keeps_its_default() {
        let read: Unknowns =
            serde_json::from_str(r#"{"account_engagement":{"auth_error_body":"xml","user_zone":"utc"}}"#).unwrap();
        assert_eq!(read.account_engagement.auth_error_body, ErrorBody::Xml);
        assert_eq!(read.livestorm, LivestormUnknowns::default());
        assert!(serde_json::from_str::<Unknowns>(r#"{"pardot":{}}"#).is_err());
    }
}
