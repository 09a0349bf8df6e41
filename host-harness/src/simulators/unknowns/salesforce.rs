//! What Salesforce's pages leave open.

use super::CaseMatch;
use serde::{Deserialize, Serialize};

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
    /// What becomes of a member's status that its campaign does not have.
    pub undefined_member_status: UndefinedMemberStatus,
    /// Status of an upsert that found its record: 200 with `created: false`, or 204 of older versions.
    pub upsert_updated_status: u16,
    /// What `Sforce-Limit-Info` tells beside the org's usage: its page has told of all three.
    pub limit_info: LimitInfo,
    /// Rows of a page at most. A page may be shorter than asked, and nothing says when; it has one row at least.
    pub query_page_rows_max: usize,
    /// How the key of a duplicate's details is spelt.
    pub duplicate_key: DuplicateKey,
    /// Status of a duplicate that may be saved all the same: 400, or 300 by one client's word.
    pub duplicate_alert_status: u16,
    /// Status for an address that is too long: 414 or 431.
    pub long_address_status: u16,
    /// What becomes of a signed assertion that ends more than three minutes ahead.
    pub far_assertion_expiry: FarExpiry,
    /// Status of a composite's part that was taken back or lacks a reference: 400 or 412.
    pub halted_part_status: u16,
    /// How a record that is not there is refused at its own address.
    pub missing_record: MissingRecord,
    /// How `=` and `IN` compare addresses of email: an org with encryption may look at their case.
    pub email_match: CaseMatch,
    /// What becomes of a lead's rows in campaigns when it is converted.
    pub converted_members: ConvertedMembers,
    /// What may be changed of a person account through its contact.
    pub person_contact: PersonContact,
    /// A second member status of the same label in a campaign.
    pub second_status_label: SecondStatusLabel,
    /// A member status that says that it is the default where there is one.
    pub second_default_status: SecondDefaultStatus,
}

impl Default for SalesforceUnknowns {
    fn default() -> Self {
        SalesforceUnknowns {
            refresh_race: RefreshRace::AlreadyBeingProcessed,
            entity_is_deleted_status: 404,
            missing_scope_status: 403,
            daily_limit_is_soft: false,
            undefined_member_status: UndefinedMemberStatus::Refused,
            upsert_updated_status: 200,
            limit_info: LimitInfo::OrgAlone,
            query_page_rows_max: 2000,
            duplicate_key: DuplicateKey::DuplicateResut,
            duplicate_alert_status: 400,
            long_address_status: 414,
            far_assertion_expiry: FarExpiry::Refused,
            halted_part_status: 400,
            missing_record: MissingRecord::NotFound,
            email_match: CaseMatch::Insensitive,
            converted_members: ConvertedMembers::MoveToContact,
            person_contact: PersonContact::NameRefused,
            second_status_label: SecondStatusLabel::Refused,
            second_default_status: SecondDefaultStatus::TakesOver,
        }
    }
}

sides!(RefreshRace { AlreadyBeingProcessed, ExpiredAuthorizationCode });

sides!(UndefinedMemberStatus { Refused, Default, Stored });
sides!(LimitInfo { OrgAlone, WithApp, WithBursts });
sides!(DuplicateKey { DuplicateResut, DuplicateResult });
sides!(FarExpiry { Refused, Taken });
sides!(MissingRecord { NotFound, InvalidCrossReferenceKey });
sides!(ConvertedMembers { MoveToContact, StayWithLead });
sides!(PersonContact { NameRefused, Refused, Taken });
sides!(SecondStatusLabel { Refused, Taken });
sides!(SecondDefaultStatus { TakesOver, Refused });
