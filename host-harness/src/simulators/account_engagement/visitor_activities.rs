//! Visitor activities: what people did with forms and the like.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/visitor-activity-v5.html>: read and query only, the
//! fields and the ability "Prospect > Visitors > View" are [confirmed]; so are the codes of the types
//! (<https://developer.salesforce.com/docs/marketing/pardot/guide/object-field-reference>), and the filters by type,
//! prospect, visitor, id and times [confirmed, second-hand].
//!
//! Whether a query can ask for a campaign or a form is [unknown; a switch], what `typeName` says is [unknown; a
//! switch], and so is whether an activity may come to be seen after younger ones [a switch]. What makes activities is
//! in `submissions`; what no form makes, a story adds.

use super::{
    AccountEngagement,
    record::{Field, Filter, Kind, Object},
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        options::Options,
        unknowns::{ActivityTypeName, FormFilters, Lateness},
    },
};
use std::time::Duration;

pub(super) static VISITOR_ACTIVITY: Object = Object {
    path: "objects/visitor-activities",
    fields: &[
        "id",
        "type",
        "typeName",
        "details",
        "campaignId",
        "prospectId",
        "visitorId",
        "formId",
        "formHandlerId",
        "landingPageId",
        "emailId",
        "emailTemplateId",
        "listEmailId",
        "customRedirectId",
        "fileId",
        "opportunityId",
        "siteSearchQueryId",
        "paidSearchAdId",
        "multivariateTestVariationId",
        "visitId",
        "visitorPageViewId",
        "createdAt",
        "updatedAt",
    ],
    relations: &[
        ("campaign", Kind::Campaign, "campaignId"),
        ("prospect", Kind::Prospect, "prospectId"),
        ("visitor", Kind::Visitor, "visitorId"),
        ("form", Kind::Form, "formId"),
        ("formHandler", Kind::FormHandler, "formHandlerId"),
        ("landingPage", Kind::Elsewhere, "landingPageId"),
        ("email", Kind::Elsewhere, "emailId"),
        ("emailTemplate", Kind::Elsewhere, "emailTemplateId"),
        ("listEmail", Kind::Elsewhere, "listEmailId"),
        ("customRedirect", Kind::Elsewhere, "customRedirectId"),
        ("file", Kind::Elsewhere, "fileId"),
        ("opportunity", Kind::Elsewhere, "opportunityId"),
    ],
    filters: &[
        Filter::Number("type"),
        Filter::Number("prospectId"),
        Filter::Number("visitorId"),
        Filter::Number("id"),
        Filter::Time("createdAt"),
        Filter::Time("updatedAt"),
    ],
    sorts: &["id", "createdAt", "updatedAt"],
};

/// What no record here is, so that a path through it can be asked for and leads nowhere.
pub(super) static ELSEWHERE: Object = Object {
    path: "",
    fields: &["id", "name", "isDeleted", "createdAt", "updatedAt"],
    relations: &[],
    filters: &[],
    sorts: &[],
};

/// Asked for by v4, and by no page of v5.
static FORM_FILTERS: [Filter; 3] =
    [Filter::Number("campaignId"), Filter::Number("formId"), Filter::Number("formHandlerId")];

/// How much later a late one is seen.
const LATE: Duration = Duration::from_secs(15 * 60);

pub const VIEW: u64 = 2;
pub const ERROR: u64 = 3;
/// A form was submitted.
pub const SUCCESS: u64 = 4;

const TYPES: [(u64, &str); 38] = [
    (1, "Click"),
    (VIEW, "View"),
    (ERROR, "Error"),
    (SUCCESS, "Success"),
    (5, "Session"),
    (6, "Sent"),
    (7, "Search"),
    (8, "New Opportunity"),
    (9, "Opportunity Won"),
    (10, "Opportunity Lost"),
    (11, "Open"),
    (12, "Unsubscribe Page"),
    (13, "Bounced"),
    (14, "Spam Complaint"),
    (15, "Email Preference Page"),
    (16, "Resubscribed"),
    (17, "Click (Third Party)"),
    (18, "Opportunity Reopened"),
    (19, "Opportunity Linked"),
    (20, "Visit"),
    (21, "Custom URL Click"),
    (22, "Olark Chat"),
    (23, "Invited to Webinar"),
    (24, "Attended Webinar"),
    (25, "Registered for Webinar"),
    (26, "Social Post Click"),
    (27, "Video View"),
    (28, "Event Registered"),
    (29, "Event Checked In"),
    (30, "Video Conversion"),
    (31, "UserVoice Suggestion"),
    (32, "UserVoice Comment"),
    (33, "UserVoice Ticket"),
    (34, "Video Watched (>= 75% watched)"),
    (35, "Indirect Unsubscribe Open"),
    (36, "Indirect Bounce"),
    (37, "Indirect Resubscribed"),
    (38, "Opportunity Unlinked"),
];

#[derive(Clone, Debug)]
pub struct VisitorActivity {
    pub id: u64,
    /// 1 to 38.
    pub kind: u64,
    pub details: String,
    pub campaign_id: Option<u64>,
    pub prospect_id: Option<u64>,
    pub visitor_id: Option<u64>,
    pub form_id: Option<u64>,
    pub form_handler_id: Option<u64>,
    pub created_at: Timestamp,
}

impl VisitorActivity {
    /// Of nothing and nobody.
    pub fn new(kind: u64, details: &str) -> VisitorActivity {
        VisitorActivity {
            id: 0,
            kind,
            details: details.to_owned(),
            campaign_id: None,
            prospect_id: None,
            visitor_id: None,
            form_id: None,
            form_handler_id: None,
            created_at: Timestamp(0),
        }
    }

    pub(super) fn field(&self, name: &str, options: &Options) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "type" => Field::Int(self.kind),
            "typeName" => Field::of(self.type_name(options).map(str::to_owned)),
            "details" => Field::text(&self.details),
            "campaignId" => Field::of(self.campaign_id),
            "prospectId" => Field::of(self.prospect_id),
            "visitorId" => Field::of(self.visitor_id),
            "formId" => Field::of(self.form_id),
            "formHandlerId" => Field::of(self.form_handler_id),
            "createdAt" | "updatedAt" => Field::time(self.created_at),
            _ => Field::Null,
        }
    }

    pub(in crate::simulators) fn type_name(&self, options: &Options) -> Option<&'static str> {
        let asset = match options.unknowns.account_engagement.activity_type_name {
            ActivityTypeName::Type => None,
            ActivityTypeName::Asset => {
                self.form_id.map(|_| "Form").or_else(|| self.form_handler_id.map(|_| "Form Handler"))
            }
        };
        asset.or_else(|| TYPES.iter().find(|(code, _)| *code == self.kind).map(|(_, name)| *name))
    }
}

impl World {
    /// Something that somebody did just now. Gives its id.
    pub fn add_visitor_activity(&mut self, activity: VisitorActivity) -> u64 {
        let (now, lateness) = (self.now(), self.options.unknowns.account_engagement.activity_lateness);
        self.account_engagement.insert_visitor_activity(activity, now, lateness)
    }
}

impl AccountEngagement {
    fn insert_visitor_activity(&mut self, mut activity: VisitorActivity, now: Timestamp, lateness: Lateness) -> u64 {
        let number = self.visitor_activities.len() as u64;
        activity.id = 700_000_001 + number;
        activity.created_at = now;
        let is_late = lateness == Lateness::EverySecond && number.is_multiple_of(2);
        let seen_from = if is_late { now.plus(LATE) } else { now };
        let id = activity.id;
        self.visitor_activities.insert(id, seen_from, activity);
        id
    }
}

/// Filters that an object has by a switch alone.
pub(super) fn more_filters(options: &Options, kind: Kind) -> &'static [Filter] {
    match options.unknowns.account_engagement.activity_form_filters {
        FormFilters::Accept if kind == Kind::VisitorActivity => &FORM_FILTERS,
        _ => &[],
    }
}

/// Whether a parameter is taken and does nothing.
pub(super) fn ignores(options: &Options, kind: Kind, name: &str) -> bool {
    let named = |filter: &Filter| matches!(filter, Filter::Number(field) if *field == name);
    kind == Kind::VisitorActivity
        && options.unknowns.account_engagement.activity_form_filters == FormFilters::Ignore
        && FORM_FILTERS.iter().any(named)
}
