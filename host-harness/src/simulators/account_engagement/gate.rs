//! What a request must pass before its object is asked, in an order that no page gives [inferred]: route (192, 198),
//! method (60), token (49, 126, 184), header of the business unit (181), its form (182), its being there (201), the
//! user's place in it (49), requests in flight (66), the day's calls (122).

use super::{AccountEngagement, Calls, errors::Refusal, record::Kind, zone};
use crate::simulators::{World, ids::long_salesforce_id, request::Call, unknowns::ErrorBody};
use http::Method;

/// What a path and a method ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    UndeleteForm,
    AssignVisitor(&'a str),
    Query(Kind),
    Create(Kind),
    Read(Kind, &'a str),
    Update(Kind, &'a str),
    Delete(Kind, &'a str),
    Account,
    UpsertLatestByEmail,
    Undelete,
}

/// What the API's user may do, by the names of their Account Engagement role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    ViewForms,
    CreateForms,
    DeleteForms,
    ViewFormHandlers,
    CreateFormHandlers,
    DeleteFormHandlers,
    ViewVisitors,
    ViewUsers,
    ViewFolders,
    EditAccountSettings,
    ViewProspects,
    ViewProspectsNotAssignedToSelf,
    CreateProspects,
    DeleteProspects,
    ViewLists,
    CreateLists,
    DeleteLists,
    ViewCampaigns,
    ViewCustomFields,
    CreateCustomFields,
    ViewExternalActivities,
    CreateExternalActivities,
}

impl Route<'_> {
    /// A membership needs what its list needs [inferred].
    pub fn ability(self) -> Option<Ability> {
        match self {
            Route::Create(Kind::Form | Kind::FormField) => Some(Ability::CreateForms),
            Route::Delete(Kind::Form, _) | Route::UndeleteForm => Some(Ability::DeleteForms),
            Route::Create(Kind::FormHandler | Kind::FormHandlerField)
            | Route::Update(Kind::FormHandler | Kind::FormHandlerField, _) => Some(Ability::CreateFormHandlers),
            Route::Delete(Kind::FormHandler | Kind::FormHandlerField, _) => Some(Ability::DeleteFormHandlers),
            // To see visitors is enough to say whose they are [confirmed].
            Route::AssignVisitor(_) => Some(Ability::ViewVisitors),
            Route::Query(kind) | Route::Read(kind, _) => Some(view_of(kind)?),
            Route::Create(Kind::CustomField) => Some(Ability::CreateCustomFields),
            Route::Create(Kind::ExternalActivity) => Some(Ability::CreateExternalActivities),
            Route::Create(Kind::Prospect) | Route::Update(Kind::Prospect, _) | Route::UpsertLatestByEmail => {
                Some(Ability::CreateProspects)
            }
            Route::Delete(Kind::Prospect, _) | Route::Undelete => Some(Ability::DeleteProspects),
            Route::Create(_) | Route::Update(..) => Some(Ability::CreateLists),
            Route::Delete(..) => Some(Ability::DeleteLists),
            Route::Account => Some(Ability::EditAccountSettings),
        }
    }
}

pub(super) fn view_of(kind: Kind) -> Option<Ability> {
    match kind {
        Kind::Form | Kind::FormField => Some(Ability::ViewForms),
        Kind::FormHandler | Kind::FormHandlerField => Some(Ability::ViewFormHandlers),
        Kind::Visitor | Kind::VisitorActivity => Some(Ability::ViewVisitors),
        Kind::User => Some(Ability::ViewUsers),
        Kind::Folder => Some(Ability::ViewFolders),
        Kind::Prospect => Some(Ability::ViewProspects),
        Kind::List | Kind::ListMembership => Some(Ability::ViewLists),
        Kind::Campaign => Some(Ability::ViewCampaigns),
        Kind::CustomField => Some(Ability::ViewCustomFields),
        Kind::ExternalActivity => Some(Ability::ViewExternalActivities),
        Kind::Account | Kind::Elsewhere => None,
    }
}

/// Path and method.
pub(super) fn route<'a>(world: &World, method: &Method, segments: &[&'a str]) -> Result<Route<'a>, Refusal> {
    let rest = segments.get(2..).unwrap_or_default();
    let object = |name: &str| match name {
        "folders" => Some(Kind::Folder),
        "form-fields" => Some(Kind::FormField),
        "form-handler-fields" => Some(Kind::FormHandlerField),
        "form-handlers" => Some(Kind::FormHandler),
        "forms" => Some(Kind::Form),
        "users" => Some(Kind::User),
        "visitor-activities" => Some(Kind::VisitorActivity),
        "visitors" => Some(Kind::Visitor),
        "campaigns" => Some(Kind::Campaign),
        "custom-fields" => Some(Kind::CustomField),
        "lists" => Some(Kind::List),
        "list-memberships" => Some(Kind::ListMembership),
        "prospects" => Some(Kind::Prospect),
        _ => None,
    };
    let (kind, id) = match *rest {
        ["objects", "forms", "do", "undelete"] => {
            return if *method == Method::POST { Ok(Route::UndeleteForm) } else { Err(Refusal::code(60)) };
        }
        ["objects", "visitors", id, "do", "assignToProspect"] => {
            return if *method == Method::POST { Ok(Route::AssignVisitor(id)) } else { Err(Refusal::code(60)) };
        }
        ["objects", "account"] if *method == Method::GET => return Ok(Route::Account),
        ["objects", "account"] => return Err(Refusal::code(60)),
        ["objects", "prospects", "do", action @ ("upsertLatestByEmail" | "undelete")] => {
            return match (method, action) {
                (&Method::POST, "undelete") => Ok(Route::Undelete),
                (&Method::POST, _) => Ok(Route::UpsertLatestByEmail),
                _ => Err(Refusal::code(60)),
            };
        }
        ["external-activities"] => (Kind::ExternalActivity, None),
        ["external-activities", id] => (Kind::ExternalActivity, Some(id)),
        ["objects", name] => (object(name).ok_or_else(|| Refusal::about(192, name))?, None),
        ["objects", name, id] => (object(name).ok_or_else(|| Refusal::about(192, name))?, Some(id)),
        _ => return Err(Refusal::code(198)),
    };
    let readable = kind != Kind::ExternalActivity || world.options.unknowns.account_engagement.activities_readable;
    let creatable = !matches!(kind, Kind::Folder | Kind::User | Kind::Visitor | Kind::VisitorActivity);
    let writable =
        matches!(kind, Kind::List | Kind::ListMembership | Kind::Prospect | Kind::FormHandler | Kind::FormHandlerField);
    let deletable = writable || kind == Kind::Form;
    match (method, id) {
        (&Method::GET, None) if readable => Ok(Route::Query(kind)),
        (&Method::GET, Some(id)) if readable => Ok(Route::Read(kind, id)),
        (&Method::POST, None) if kind == Kind::Campaign => Err(Refusal::code(128)),
        (&Method::POST, None) if creatable => Ok(Route::Create(kind)),
        (&Method::PATCH, Some(id)) if writable => Ok(Route::Update(kind, id)),
        (&Method::DELETE, Some(id)) if deletable => Ok(Route::Delete(kind, id)),
        _ => Err(Refusal::code(60)),
    }
}

/// Token, unit and user. These refusals are the ones that may come as XML.
pub(super) fn identity(world: &World, call: &Call) -> Result<(), Refusal> {
    let authorization = call.header("authorization").ok_or(Refusal::code(49))?;
    if authorization.to_ascii_lowercase().starts_with("pardot ") {
        return Err(Refusal::code(126));
    }
    let token = call.bearer().ok_or(Refusal::code(184))?;
    // A token without the scope is told like a bad one [inferred].
    let has_scope = world.salesforce.scopes.contains("pardot_api");
    if !has_scope || !world.salesforce.tokens.opens(token, world.now(), &world.options) {
        return Err(Refusal::code(184));
    }
    let unit = call
        .header("pardot-business-unit-id")
        .ok_or_else(|| Refusal::about(181, "Pardot-Business-Unit-Id header not found on request."))?;
    if !unit.starts_with("0Uv") || unit.len() != 18 || long_salesforce_id(unit).is_none() {
        return Err(Refusal::about(182, "Pardot-Business-Unit-Id"));
    }
    if unit != world.options.business_unit_id || !world.account_engagement.is_active {
        return Err(Refusal::code(201));
    }
    if !world.account_engagement.has_user {
        let message = "User associated with access token is not valid for the Pardot Business Unit ID";
        let status = world.options.unknowns.account_engagement.access_denied_status;
        return Err(Refusal::message(49, message).status(status));
    }
    Ok(())
}

/// How a refusal of [`identity`] is written.
pub(super) fn told(world: &World, refusal: &Refusal) -> crate::simulators::request::Answer {
    match world.options.unknowns.account_engagement.auth_error_body {
        ErrorBody::Json => refusal.answer(),
        ErrorBody::Xml => refusal.answer_as_xml(),
    }
}

/// Requests in flight, and the calls of the day.
pub(super) fn quota(world: &mut World, call: &Call) -> Result<(), Refusal> {
    let (limits, unknowns) = (&world.options.limits, &world.options.unknowns.account_engagement);
    if call.in_flight.is_some_and(|count| count > limits.account_engagement_calls_in_flight) {
        return Err(Refusal::code(66).status(unknowns.concurrency_status));
    }
    let today = zone::day(world.clock.now(), unknowns.user_zone);
    let calls = &mut world.account_engagement.calls;
    if calls.day != Some(today) {
        *calls = Calls { day: Some(today), used: 0 };
    }
    if calls.used >= limits.account_engagement_calls_per_day {
        return Err(Refusal::code(122).status(unknowns.daily_limit_status));
    }
    calls.used += 1;
    Ok(())
}

impl AccountEngagement {
    pub(super) fn may(&self, ability: Option<Ability>) -> bool {
        ability.is_none_or(|ability| !self.missing_abilities.contains(&ability))
    }
}
