//! What a request must pass before its object is asked, in an order that no page gives [inferred]: route (192, 198),
//! method (60), token (49, 126, 184, 199), header of the business unit (181), its form (182), its being there (201), and
//! on this host (201), the API being on (76) and an administrator there (203), the user's place in it (49), requests in flight (66), the day's calls (122).

use super::{AccountEngagement, Calls, errors::Refusal, imports::Step, record::Kind, zone};
use crate::simulators::{
    World,
    ids::long_salesforce_id,
    request::{Answer, Call},
    unknowns::{ErrorBody, ShortUnitId},
};
use http::Method;
use serde::{Deserialize, Serialize};

/// What a path and a method ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    AssignVisitor(&'a str),
    Query(Kind),
    Create(Kind),
    Read(Kind, &'a str),
    Update(Kind, &'a str),
    Delete(Kind, &'a str),
    Account,
    UpsertLatestByEmail,
    Undelete(Kind),
    Act(Kind, &'a str, Action),
    Import(&'a str, Step),
}

/// What is done to one record by `…/do/<action>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    AddTag,
    RemoveTag,
    ConnectSalesforceCampaign,
}

impl Action {
    /// Of the objects here, those that take it [confirmed].
    /// <https://developer.salesforce.com/docs/marketing/pardot/guide/campaign-v5.html> and those of lists, prospects, forms
    /// and form handlers.
    fn of(kind: Kind, name: &str) -> Option<Action> {
        match (kind, name) {
            (Kind::Campaign, "connectSalesforceCampaign") => Some(Action::ConnectSalesforceCampaign),
            (Kind::Campaign | Kind::List | Kind::Prospect | Kind::Form | Kind::FormHandler, name) => match name {
                "addTag" => Some(Action::AddTag),
                "removeTag" => Some(Action::RemoveTag),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where a business unit answers: <https://developer.salesforce.com/docs/marketing/pardot/guide/authentication.html>
/// [confirmed].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// `pi.pardot.com`
    Production,
    /// `pi.demo.pardot.com`: of sandboxes and developer orgs.
    Demo,
}

impl Host {
    /// A simulator has an address of its own; who calls it by one of the vendor's names means that one.
    fn is_meant(self, host: Option<&str>) -> bool {
        let name = host.map(|host| host.split(':').next().unwrap_or(host).to_ascii_lowercase());
        match name.as_deref() {
            Some("pi.pardot.com") => self == Host::Production,
            Some("pi.demo.pardot.com") => self == Host::Demo,
            _ => true,
        }
    }
}

/// What the API's user may do, by the names of their Account Engagement role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    AssignProspects,
    ViewLists,
    CreateLists,
    DeleteLists,
    ViewCampaigns,
    CreateCampaigns,
    ViewCustomFields,
    CreateCustomFields,
    DeleteCustomFields,
    ViewTags,
    CreateTags,
    ViewExternalActivities,
    CreateExternalActivities,
    ImportProspects,
}

impl Route<'_> {
    /// A membership needs what its list needs [inferred]. Tagging needs the Create of tags besides [confirmed]: that is
    /// asked where the tag is.
    pub fn ability(self) -> Option<Ability> {
        match self {
            Route::Create(Kind::Form | Kind::FormField) => Some(Ability::CreateForms),
            Route::Delete(Kind::Form, _) | Route::Undelete(Kind::Form) => Some(Ability::DeleteForms),
            Route::Create(Kind::FormHandler | Kind::FormHandlerField)
            | Route::Update(Kind::FormHandler | Kind::FormHandlerField, _) => Some(Ability::CreateFormHandlers),
            Route::Delete(Kind::FormHandler | Kind::FormHandlerField, _) => Some(Ability::DeleteFormHandlers),
            // To see visitors is enough to say whose they are [confirmed].
            Route::AssignVisitor(_) => Some(Ability::ViewVisitors),
            Route::Query(kind) | Route::Read(kind, _) => Some(view_of(kind)?),
            Route::Create(Kind::CustomField) | Route::Update(Kind::CustomField, _) => Some(Ability::CreateCustomFields),
            Route::Delete(Kind::CustomField, _) => Some(Ability::DeleteCustomFields),
            Route::Create(Kind::Tag) => Some(Ability::CreateTags),
            Route::Create(Kind::Import) | Route::Update(Kind::Import, _) | Route::Import(..) => {
                Some(Ability::ImportProspects)
            }
            Route::Act(Kind::Form, ..) => Some(Ability::CreateForms),
            Route::Act(Kind::FormHandler, ..) => Some(Ability::CreateFormHandlers),
            Route::Act(Kind::Campaign, ..) => Some(Ability::CreateCampaigns),
            Route::Act(Kind::Prospect, ..) => Some(Ability::CreateProspects),
            Route::Create(Kind::ExternalActivity) => Some(Ability::CreateExternalActivities),
            Route::Create(Kind::Prospect) | Route::Update(Kind::Prospect, _) | Route::UpsertLatestByEmail => {
                Some(Ability::CreateProspects)
            }
            Route::Delete(Kind::Prospect, _) | Route::Undelete(_) => Some(Ability::DeleteProspects),
            Route::Create(_) | Route::Update(..) | Route::Act(..) => Some(Ability::CreateLists),
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
        Kind::Import => Some(Ability::ImportProspects),
        Kind::Tag => Some(Ability::ViewTags),
        Kind::Account | Kind::Elsewhere => None,
    }
}

/// Path and method.
pub(super) fn route<'a>(world: &World, method: &Method, segments: &[&'a str]) -> Result<Route<'a>, Refusal> {
    let rest = match segments {
        ["api", "v5", rest @ ..] => rest,
        // `/api/<object>/version/<3 or 4>/do/<operation>`: the unit has version 5 alone [confirmed that the code is there].
        ["api", "v3" | "v4", ..] | ["api", _, "version", "3" | "4", ..] => return Err(Refusal::code(89)),
        _ => return Err(Refusal::code(198)),
    };
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
        "tags" => Some(Kind::Tag),
        _ => None,
    };
    let no_action = |action: &str| {
        let code = world.options.unknowns.account_engagement.unknown_action_code;
        Refusal::about(code, action).status(404)
    };
    let only = |verb: &Method, route| if method == verb { Ok(route) } else { Err(Refusal::code(60)) };
    let (kind, id) = match *rest {
        ["objects", "account"] => return only(&Method::GET, Route::Account),
        ["objects", "forms", "do", "undelete"] => return only(&Method::POST, Route::Undelete(Kind::Form)),
        ["objects", "prospects", "do", "undelete"] => return only(&Method::POST, Route::Undelete(Kind::Prospect)),
        ["objects", "prospects", "do", "upsertLatestByEmail"] => {
            return only(&Method::POST, Route::UpsertLatestByEmail);
        }
        ["objects", "visitors", id, "do", "assignToProspect"] => {
            return only(&Method::POST, Route::AssignVisitor(id));
        }
        ["objects", name, id, "do", action] => {
            let kind = object(name).ok_or_else(|| Refusal::about(192, name))?;
            let action = Action::of(kind, action).ok_or_else(|| no_action(action))?;
            return only(&Method::POST, Route::Act(kind, id, action));
        }
        ["objects", name, "do", action] => {
            return Err(object(name).map_or_else(|| Refusal::about(192, name), |_| no_action(action)));
        }
        ["imports"] => (Kind::Import, None),
        ["imports", id] => (Kind::Import, Some(id)),
        ["imports", id, "batches"] => return only(&Method::POST, Route::Import(id, Step::AddBatch)),
        ["imports", id, "errors"] => return only(&Method::GET, Route::Import(id, Step::Errors)),
        ["imports", id, "do", "cancel"] => return only(&Method::POST, Route::Import(id, Step::Cancel)),
        ["imports", _, "do", action] => return Err(no_action(action)),
        ["external-activities"] => (Kind::ExternalActivity, None),
        ["external-activities", id] => (Kind::ExternalActivity, Some(id)),
        ["objects", name] => (object(name).ok_or_else(|| Refusal::about(192, name))?, None),
        ["objects", name, id] => (object(name).ok_or_else(|| Refusal::about(192, name))?, Some(id)),
        _ => return Err(Refusal::code(198)),
    };
    let readable = kind != Kind::ExternalActivity || world.options.unknowns.account_engagement.activities_readable;
    let creatable = !matches!(kind, Kind::Folder | Kind::User | Kind::Visitor | Kind::VisitorActivity);
    let form_handling = matches!(kind, Kind::FormHandler | Kind::FormHandlerField);
    let emptied =
        form_handling || matches!(kind, Kind::CustomField | Kind::List | Kind::ListMembership | Kind::Prospect);
    let deletable = emptied || kind == Kind::Form;
    let writable = emptied || kind == Kind::Import;
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
    // A key of older days, alone or beside a token, opens nothing [confirmed].
    if call.param("api_key").or(call.param("user_key")).is_some() {
        return Err(Refusal::code(199));
    }
    let unknowns = &world.options.unknowns.account_engagement;
    let bad_token = || Refusal::code(184).status(unknowns.bad_token_status);
    let token = call.bearer().ok_or_else(bad_token)?;
    // A token without the scope is told like a bad one [inferred].
    let has_scope = world.salesforce.allows(token, "pardot_api");
    if !has_scope || !world.salesforce.tokens.opens(token, world.now(), &world.options) {
        return Err(bad_token());
    }
    let unit = call
        .header("pardot-business-unit-id")
        .ok_or_else(|| Refusal::about(181, "Pardot-Business-Unit-Id header not found on request."))?;
    let takes = |unit: &&str| unit.len() == 18 || unknowns.short_unit_id == ShortUnitId::Accept;
    let unit = Some(unit).filter(|unit| unit.starts_with("0Uv")).filter(takes).and_then(long_salesforce_id);
    let unit = unit.ok_or_else(|| Refusal::about(182, "Pardot-Business-Unit-Id"))?;
    let own = &world.account_engagement;
    if unit != world.options.business_unit_id || !own.is_active || !own.host.is_meant(call.header("host")) {
        return Err(Refusal::code(201));
    }
    if !own.api_enabled {
        return Err(Refusal::code(76));
    }
    if !own.has_admin {
        return Err(Refusal::code(203));
    }
    if !world.account_engagement.has_user {
        let message = "User associated with access token is not valid for the Pardot Business Unit ID";
        let status = world.options.unknowns.account_engagement.access_denied_status;
        return Err(Refusal::message(49, message).status(status));
    }
    Ok(())
}

/// How a refusal of path, [`identity`] or [`quota`] is written.
pub(super) fn told(world: &World, refusal: &Refusal) -> Answer {
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
