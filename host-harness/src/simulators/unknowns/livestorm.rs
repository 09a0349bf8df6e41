//! What Livestorm's pages leave open.

use super::CaseMatch;
use serde::{Deserialize, Serialize};

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
    /// What `include` of a thing that the list does not offer brings.
    pub unknown_include: UnknownInclude,
    /// What a filter by a word that the thing can never be brings: 400, or an empty list.
    pub unknown_filter_value: UnknownFilterValue,
    /// Whether `filter[title]` of events is the whole title or a part of it.
    pub title_filter: TitleFilter,
    /// `filter[attended]` while the session is live: what is shown, which is nobody yet, or who is in the room.
    pub attended_while_live: AttendedWhileLive,
    /// Which end of a list comes first.
    pub list_order: ListOrder,
    /// How many people `include=people` of one session brings at most, if it is capped.
    pub included_people_max: Option<usize>,
    /// A time not yet set: 0, as in all samples, or null, as the schema allows.
    pub unset_times: UnsetTimes,
    /// `event_id` of a session, as in every example, or `event_type_id`, as in one schema.
    pub session_event_field: SessionEventField,
    /// Whether `embed_url` of a session, which can be written, is read too.
    pub embed_url_shown: bool,
    /// Whether people of the whole workspace have a `registrant_detail`, which would be null.
    pub workspace_people_detail: bool,
    /// `type` of a chat message.
    pub chat_message_type: ChatMessageType,
    /// The flag of a question that was answered by word of mouth; two public clients differ.
    pub spoken_answer_field: SpokenAnswerField,
    /// Which of an error's `code` and `status` is a word, and whether numbers are texts.
    pub error_fields: ErrorFields,
    /// Whether an error that is not the quota's costs a call.
    pub failed_calls_count: bool,
    /// Whether `RateLimit-Reset` stands in every answer; one text says so, the other lists it for 429 alone.
    pub reset_header_always: bool,
    /// The scope that opens `/jobs` and `/people_attributes`.
    pub scope_of_jobs_and_attributes: ScopeOfTheRest,
    /// What `Accept` brings that does not take `application/vnd.api+json`, or is left out.
    pub odd_accept: OddAccept,
    /// What a body brings that is neither `application/vnd.api+json` nor `application/json`.
    pub other_content_type: OtherContentType,
    /// An attribute of the wrong type, or outside what it may be: 400 or 422.
    pub wrong_attribute_status: u16,
    /// What an attribute that PUT leaves out becomes.
    pub put_omitted: PutOmitted,
    /// Whether tagging answers 201 and untagging 204, as other writes do, or both 200.
    pub tag_status: TagStatus,
    /// Whether a session that has registrants can be deleted; the application lets nobody.
    pub delete_registered_session: DeleteRegisteredSession,
    /// A user invited twice: 409 or 422.
    pub user_exists_status: u16,
    /// The body of `/ping`.
    pub ping_body: PingBody,
    /// What a refused bearer token is told besides its challenge.
    pub bearer_refusal_body: BearerRefusalBody,
    /// How long an app's access token lives.
    pub oauth_expires_in_seconds: u64,
    /// Whether a refresh brings a new refresh token.
    pub oauth_refresh_rotates: bool,
    /// Where it does: what becomes of the old one.
    pub oauth_old_refresh_token: OldRefreshToken,
    /// Whether an app may name itself by HTTP Basic when it asks for tokens.
    pub oauth_basic: bool,
    /// Whether an owner who is nobody, and users filtered by address, end in a 500 of HTML, as one client reports.
    pub html_server_errors: bool,
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
    /// Who is registered already is refused with 409 by today's page, with 422 as a client of 2021 saw it.
    pub already_registered_status: u16,
    /// A field that the event's form does not have: 400 or 422.
    pub unknown_field_status: u16,
    /// Whether a session that is over or canceled still takes registrations by the API.
    pub ended_session: EndedSession,
    /// Whether a registrant removed by the API is gone from this session or, as in the application, from all of the event.
    pub removal: Removal,
    /// Whether the answer to a bulk registration stands in `data`; the page's sample does not.
    pub job_answer: JobAnswer,
    /// `total_fail` and `total_success`, or `total_failed` and `total_succeeded`: two pages differ.
    pub job_counters: JobCounters,
    /// How long a bulk registration takes.
    pub job_seconds: u64,
    /// How long after its end the rows of a job are not told yet; a vendor's tool warns of it.
    pub job_details_seconds: u64,
    /// None or too many of the tasks at once: 400 or 422.
    pub oversized_bulk_status: u16,
    /// Whether a registration by the API brings a webhook too.
    pub api_registration_is_told: bool,
    /// Whether a replay is told of once a person, or each time.
    pub replay_is_told: ReplayIsTold,
    /// The same event and address for the second time.
    pub duplicate_webhook: DuplicateWebhook,
    /// Whether a disabled webhook is still listed.
    pub disabled_webhooks: DisabledWebhooks,
    /// Whether other letters than ASCII are escaped in a webhook's body.
    pub webhook_text: WebhookText,
    /// Whether a webhook that is tried again is signed anew, or with the time of the first attempt.
    pub retry_signature: RetrySignature,
    /// What an answer brings that is neither well nor named by the page: 3xx, 457-499, above 511.
    pub unlisted_status: UnlistedStatus,
    /// Whether an address that cannot be reached disables its webhook at once or after the retries.
    pub unreachable: Unreachable,
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
            unknown_include: UnknownInclude::Ignore,
            unknown_filter_value: UnknownFilterValue::Refuse,
            title_filter: TitleFilter::Whole,
            attended_while_live: AttendedWhileLive::AsShown,
            list_order: ListOrder::OldestFirst,
            included_people_max: None,
            unset_times: UnsetTimes::Zero,
            session_event_field: SessionEventField::EventId,
            embed_url_shown: false,
            workspace_people_detail: false,
            chat_message_type: ChatMessageType::ChatMessages,
            spoken_answer_field: SpokenAnswerField::RespondedOrally,
            error_fields: ErrorFields::WordStatus,
            failed_calls_count: true,
            reset_header_always: false,
            scope_of_jobs_and_attributes: ScopeOfTheRest::Events,
            odd_accept: OddAccept::Answer,
            other_content_type: OtherContentType::Refuse,
            wrong_attribute_status: 422,
            put_omitted: PutOmitted::Kept,
            tag_status: TagStatus::ByVerb,
            delete_registered_session: DeleteRegisteredSession::Refuse,
            user_exists_status: 409,
            ping_body: PingBody::Empty,
            bearer_refusal_body: BearerRefusalBody::JsonApi,
            oauth_expires_in_seconds: 7200,
            oauth_refresh_rotates: true,
            oauth_old_refresh_token: OldRefreshToken::Dies,
            oauth_basic: false,
            html_server_errors: false,
            legacy_person_id: LegacyPersonId::Other,
            missing_scope_status: 403,
            attendance_ready_seconds: 5 * 60,
            absentees_listed: true,
            attendance_rate: AttendanceRate::Number,
            watched_at: WatchedAt::Seconds,
            updated_at_moves: true,
            already_registered_status: 409,
            unknown_field_status: 422,
            ended_session: EndedSession::Refuse,
            removal: Removal::Session,
            job_answer: JobAnswer::Bare,
            job_counters: JobCounters::FailAndSuccess,
            job_seconds: 10,
            job_details_seconds: 0,
            oversized_bulk_status: 422,
            api_registration_is_told: true,
            replay_is_told: ReplayIsTold::Once,
            duplicate_webhook: DuplicateWebhook::SecondRow,
            disabled_webhooks: DisabledWebhooks::Hidden,
            webhook_text: WebhookText::Plain,
            retry_signature: RetrySignature::Renewed,
            unlisted_status: UnlistedStatus::GiveUp,
            unreachable: Unreachable::AtOnce,
        }
    }
}

sides!(OversizedPage { Clamp, Refuse });
sides!(ItemsPerPage { PageSize, RowsOnPage });
sides!(MonthlyHeader { Monthly, Montly });
sides!(MonthlyWindow { ThirtyDaysFromFirstCall, CalendarMonth });
sides!(Bounds { Inclusive, Exclusive });
sides!(UnknownParameter { Refuse, Ignore });
sides!(UnknownInclude { Ignore, Refuse });
sides!(UnknownFilterValue { Refuse, MatchNothing });
sides!(TitleFilter { Whole, Part });
sides!(AttendedWhileLive { AsShown, InTheRoom });
sides!(ListOrder { OldestFirst, NewestFirst });
sides!(UnsetTimes { Zero, Null });
sides!(SessionEventField { EventId, EventTypeId });
sides!(ChatMessageType { ChatMessages, Messages });
sides!(SpokenAnswerField { RespondedOrally, ResponseOrally });
sides!(ErrorFields { WordStatus, WordCode, NumericTexts, Numbers });
sides!(ScopeOfTheRest { Events, Admin });
sides!(OddAccept { Answer, Refuse });
sides!(OtherContentType { Refuse, Read });
sides!(PutOmitted { Kept, Reset });
sides!(TagStatus { ByVerb, Ok });
sides!(DeleteRegisteredSession { Refuse, Delete });
sides!(BearerRefusalBody { JsonApi, Empty });
sides!(OldRefreshToken { Dies, Stays });
sides!(PingBody { Empty, Object });
sides!(LegacyPersonId { Other, SameAsRest });
sides!(AttendanceRate { Number, Text });
sides!(WatchedAt { Seconds, Milliseconds, Iso });
sides!(EndedSession { Refuse, Register });
sides!(Removal { Session, Event });
sides!(JobAnswer { Bare, Wrapped });
sides!(JobCounters { FailAndSuccess, FailedAndSucceeded });
sides!(ReplayIsTold { Once, EachView });
sides!(DuplicateWebhook { SecondRow, Conflict, Unprocessable });
sides!(DisabledWebhooks { Hidden, Shown });
sides!(WebhookText { Plain, Escaped });
sides!(RetrySignature { Renewed, First });
sides!(UnlistedStatus { GiveUp, Retry });
sides!(Unreachable { AtOnce, AfterRetries });
