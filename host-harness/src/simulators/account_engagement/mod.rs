//! Account Engagement's API, version 5, for one business unit.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>.
//!
//! Queries and reads show the unit as it was `Options::read_lag` ago, exactly; writes act on the truth. Tokens are
//! Salesforce's. Where do I add an object: a file with its `Object`, a `Kind`, a line in `gate::route`.

pub mod campaigns;
pub mod custom_fields;
pub mod external_activities;
pub mod form_fields;
pub mod form_handlers;
pub mod forms;
pub mod gate;
pub mod list_memberships;
pub mod lists;
pub mod prospects;
pub mod submissions;
pub mod visitor_activities;
pub mod visitors;

mod account;
mod body;
mod errors;
mod folders;
mod form_pages;
mod query;
mod record;
mod users;
mod zone;

#[cfg(test)]
mod tests;

pub use account::Edition;
pub use campaigns::{Campaign, Connector};
pub use custom_fields::{CustomField, CustomKind, NewCustomField};
pub use external_activities::{ActivityType, Extension, ExternalActivity};
pub use form_fields::{DataFormat, FormField, NewField};
pub use form_handlers::{FormHandler, NewFormHandler};
pub use forms::{Form, NewForm};
pub use gate::Ability;
pub use list_memberships::ListMembership;
pub use lists::List;
pub use prospects::{NewProspect, Prospect};
pub use submissions::Submitted;
pub use users::USER_ID;
pub use visitor_activities::VisitorActivity;
pub use visitors::Visitor;

use super::{
    World,
    lagged::Table,
    request::{Answer, Call, json, no_content, with_header},
    unknowns::{UpdateStatus, UpsertStatus},
};
use crate::clock::{Clock, Timestamp};
use body::Body;
use chrono::NaiveDate;
use errors::{CONTENT_TYPE, Refusal};
use gate::Route;
use prospects::Upserted;
use record::{Kind, Path, Reading, View};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// One business unit.
#[derive(Debug)]
pub struct AccountEngagement {
    clock: Arc<dyn Clock>,
    pub campaigns: Table<u64, Campaign>,
    pub forms: Table<u64, Form>,
    pub form_fields: Table<u64, FormField>,
    pub form_handlers: Table<u64, FormHandler>,
    pub form_handler_fields: Table<u64, FormField>,
    pub visitors: Table<u64, Visitor>,
    pub visitor_activities: Table<u64, VisitorActivity>,
    pub lists: Table<u64, List>,
    pub list_memberships: Table<u64, ListMembership>,
    pub prospects: Table<u64, Prospect>,
    pub external_activities: Table<u64, ExternalActivity>,
    pub custom_fields: Table<u64, CustomField>,
    pub edition: Edition,
    pub connector: Connector,
    /// `false`: code 201.
    pub is_active: bool,
    /// Whether the API's user belongs to this unit. `false`: code 49.
    pub has_user: bool,
    /// Abilities that the user's role lacks. Code 46; a create without the View of its object answers 204.
    pub missing_abilities: BTreeSet<Ability>,
    pub calls: Calls,
    /// By Salesforce ids of 18 characters.
    campaigns_by_salesforce_id: HashMap<String, u64>,
    /// By lower-case addresses, old ones included.
    prospects_by_email: HashMap<String, Vec<u64>>,
    memberships_by_prospect: HashMap<u64, Vec<u64>>,
}

/// Calls of one day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    day: Option<NaiveDate>,
    pub used: u64,
}

impl AccountEngagement {
    pub(super) fn new(clock: Arc<dyn Clock>) -> AccountEngagement {
        let mut unit = AccountEngagement {
            clock,
            campaigns: Table::new(),
            forms: Table::new(),
            form_fields: Table::new(),
            form_handlers: Table::new(),
            form_handler_fields: Table::new(),
            visitors: Table::new(),
            visitor_activities: Table::new(),
            lists: Table::new(),
            list_memberships: Table::new(),
            prospects: Table::new(),
            external_activities: Table::new(),
            custom_fields: Table::new(),
            edition: Edition::Plus,
            connector: Connector::Running { since: Timestamp(0) },
            is_active: true,
            has_user: true,
            missing_abilities: BTreeSet::new(),
            calls: Calls::default(),
            campaigns_by_salesforce_id: HashMap::new(),
            prospects_by_email: HashMap::new(),
            memberships_by_prospect: HashMap::new(),
        };
        unit.add_campaign("Website Tracking".into(), None, Timestamp(0));
        unit
    }

    fn ids(&self, kind: Kind) -> Vec<u64> {
        match kind {
            Kind::Folder => folders::ids(),
            Kind::Form => self.forms.all().map(|form| form.id).collect(),
            Kind::FormField => self.form_fields.all().map(|field| field.id).collect(),
            Kind::FormHandler => self.form_handlers.all().map(|handler| handler.id).collect(),
            Kind::FormHandlerField => self.form_handler_fields.all().map(|field| field.id).collect(),
            Kind::User => vec![USER_ID],
            Kind::Visitor => self.visitors.all().map(|visitor| visitor.id).collect(),
            Kind::VisitorActivity => self.visitor_activities.all().map(|activity| activity.id).collect(),
            Kind::Campaign => self.campaigns.all().map(|campaign| campaign.id).collect(),
            Kind::CustomField => self.custom_fields.all().map(|field| field.id).collect(),
            Kind::ExternalActivity => self.external_activities.all().map(|activity| activity.id).collect(),
            Kind::List => self.lists.all().map(|list| list.id).collect(),
            Kind::ListMembership => self.list_memberships.all().map(|membership| membership.id).collect(),
            Kind::Prospect => self.prospects.all().map(|prospect| prospect.id).collect(),
            Kind::Account | Kind::Elsewhere => vec![],
        }
    }

    fn memberships_of(&self, prospect: u64) -> Vec<u64> {
        self.memberships_by_prospect.get(&prospect).cloned().unwrap_or_default()
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Answer {
    if call.segments.first().is_some_and(|first| first == "l") {
        return form_pages::handle(world, call);
    }
    campaigns::mirror(world);
    let segments = call.segments();
    let route = match gate::route(world, &call.method, &segments) {
        Ok(route) => route,
        Err(refusal) => return refusal.answer(),
    };
    if let Err(refusal) = gate::identity(world, call) {
        return gate::told(world, &refusal);
    }
    let answer = match gate::quota(world, call).and_then(|()| answer(world, call, route)) {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(),
    };
    match call.header("x-return-api-usage") {
        Some("1") => {
            let used = world.account_engagement.calls.used;
            let max = world.options.limits.account_engagement_calls_per_day;
            with_header(answer, "x-api-usage", &format!("{used}/{max}"))
        }
        _ => answer,
    }
}

fn answer(world: &mut World, call: &Call, route: Route<'_>) -> Result<Answer, Refusal> {
    let allowed = world.account_engagement.may(route.ability());
    let permitted = || if allowed { Ok(()) } else { Err(Refusal::code(46)) };
    match route {
        Route::Account => {
            let paths = required_paths(world, call, Kind::Account)?;
            permitted()?;
            Ok(json(200, CONTENT_TYPE, &View::lagging(world).show(Kind::Account, 0, &paths)))
        }
        Route::UndeleteForm => {
            let body = Body::read(call)?;
            let fields = fields_of_body(&body)?.or_else(|| call.param("fields").map(str::to_owned));
            let paths = wanted_paths(world, Kind::Form, fields.as_deref())?;
            permitted()?;
            let id = forms::undelete(world, body)?;
            Ok(made(world, Kind::Form, id, &paths, 200))
        }
        Route::AssignVisitor(id) => {
            let id = number(id)?;
            let body = Body::read(call)?;
            let fields = fields_of_body(&body)?.or_else(|| call.param("fields").map(str::to_owned));
            let paths = wanted_paths(world, Kind::Visitor, fields.as_deref())?;
            permitted()?;
            visitors::assign_to_prospect(world, id, body)?;
            Ok(made(world, Kind::Visitor, id, &paths, 200))
        }
        Route::Query(kind) => {
            let (body, capped) = query::run(View::lagging(world), kind, call)?;
            permitted()?;
            let answer = json(200, CONTENT_TYPE, &body);
            Ok(if capped { with_header(answer, "pardot-warning", "203;paging limit reached") } else { answer })
        }
        Route::Read(kind, id) => {
            let paths = required_paths(world, call, kind)?;
            let id = number(id)?;
            permitted()?;
            let view = View::lagging(world);
            if !view.exists(kind, id) {
                return Err(Refusal::code(109));
            }
            let answer = json(200, CONTENT_TYPE, &view.show(kind, id, &paths));
            Ok(match view.is_deleted(kind, id) {
                true => with_header(answer, "pardot-warning", "201;record is in the recycle bin"),
                false => answer,
            })
        }
        Route::Create(kind) => {
            let paths = wanted_paths(world, kind, call.param("fields"))?;
            let body = Body::read(call)?;
            permitted()?;
            let id = match kind {
                Kind::Form => forms::create(world, body)?,
                Kind::FormField => form_fields::create_for_form(world, body)?,
                Kind::FormHandler => form_handlers::create(world, body)?,
                Kind::FormHandlerField => form_fields::create_for_handler(world, body)?,
                Kind::List => lists::create(world, body)?,
                Kind::ListMembership => list_memberships::create(world, body)?,
                Kind::CustomField => custom_fields::create(world, body)?,
                Kind::ExternalActivity => external_activities::create(world, body)?,
                _ => prospects::create(world, body)?,
            };
            Ok(made(world, kind, id, &paths, 201))
        }
        Route::Update(kind, id) => {
            let paths = wanted_paths(world, kind, call.param("fields"))?;
            let (id, body) = (number(id)?, Body::read(call)?);
            permitted()?;
            writable(world, kind, id, world.options.unknowns.account_engagement.write_deleted_code)?;
            match kind {
                Kind::FormHandler => form_handlers::update(world, id, body)?,
                Kind::FormHandlerField => form_fields::update_for_handler(world, id, body)?,
                Kind::List => lists::update(world, id, body)?,
                Kind::ListMembership => list_memberships::update(world, id, body)?,
                _ => prospects::update(world, id, body)?,
            }
            Ok(match world.options.unknowns.account_engagement.update_status {
                UpdateStatus::OkWithBody => json(200, CONTENT_TYPE, &View::truth(world).show(kind, id, &paths)),
                UpdateStatus::NoContent => no_content(),
            })
        }
        Route::Delete(kind, id) => {
            let id = number(id)?;
            permitted()?;
            writable(world, kind, id, 109)?;
            let now = world.now();
            let unit = &mut world.account_engagement;
            match kind {
                Kind::List => unit.lists.change(&id, now, |list| list.is_deleted = true),
                Kind::ListMembership => unit.list_memberships.change(&id, now, |m| m.is_deleted = true),
                Kind::Form => unit.forms.change(&id, now, |form| form.is_deleted = true),
                Kind::FormHandler => unit.form_handlers.change(&id, now, |handler| handler.is_deleted = true),
                Kind::FormHandlerField => unit.form_handler_fields.change(&id, now, |field| field.is_deleted = true),
                _ => unit.prospects.change(&id, now, |prospect| prospect.is_deleted = true),
            };
            Ok(no_content())
        }
        Route::UpsertLatestByEmail => {
            let body = Body::read(call)?;
            let fields = fields_of_body(&body)?.or_else(|| call.param("fields").map(str::to_owned));
            let paths = wanted_paths(world, Kind::Prospect, fields.as_deref())?;
            permitted()?;
            let upserted = prospects::upsert_latest_by_email(world, body)?;
            let always_ok = world.options.unknowns.account_engagement.upsert_status == UpsertStatus::AlwaysOk;
            Ok(match upserted {
                Upserted::Made(id) if !always_ok => made(world, Kind::Prospect, id, &paths, 201),
                Upserted::Made(id) | Upserted::Updated(id) => made(world, Kind::Prospect, id, &paths, 200),
            })
        }
        Route::Undelete => {
            let body = Body::read(call)?;
            let fields = fields_of_body(&body)?.or_else(|| call.param("fields").map(str::to_owned));
            let paths = wanted_paths(world, Kind::Prospect, fields.as_deref())?;
            permitted()?;
            let id = prospects::undelete(world, body)?;
            Ok(made(world, Kind::Prospect, id, &paths, 200))
        }
    }
}

fn required_paths(world: &World, call: &Call, kind: Kind) -> Result<Vec<Path>, Refusal> {
    let fields = call.param("fields").ok_or_else(|| Refusal::about(13, "fields"))?;
    record::paths(world, kind, fields, Reading::One)
}

/// The answer to a write shows the id, unless it was asked for more.
fn wanted_paths(world: &World, kind: Kind, fields: Option<&str>) -> Result<Vec<Path>, Refusal> {
    record::paths(world, kind, fields.unwrap_or("id"), Reading::One)
}

/// `fields` of an action: an array in the body [inferred from public clients].
fn fields_of_body(body: &Body) -> Result<Option<String>, Refusal> {
    let names = |values: &Vec<Value>| {
        let names: Option<Vec<_>> = values.iter().map(Value::as_str).collect();
        names.map(|names| names.join(",")).ok_or_else(|| Refusal::about(154, "fields"))
    };
    match body.0.get("fields") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => names(values).map(Some),
        Some(_) => Err(Refusal::about(154, "fields")),
    }
}

fn number(id: &str) -> Result<u64, Refusal> {
    id.parse().map_err(|_| Refusal::code(16))
}

/// Whether there is such a record in truth, outside the recycle bin.
fn writable(world: &World, kind: Kind, id: u64, code_if_deleted: u16) -> Result<(), Refusal> {
    let truth = View::truth(world);
    match truth.exists(kind, id) {
        false => Err(Refusal::code(109)),
        true if truth.is_deleted(kind, id) => Err(Refusal::code(code_if_deleted)),
        true => Ok(()),
    }
}

/// The answer to a write that left a record: its address, and what of it was asked for. Who may not see it gets nothing.
fn made(world: &World, kind: Kind, id: u64, paths: &[Path], status: u16) -> Answer {
    let truth = View::truth(world);
    if !world.account_engagement.may(gate::view_of(kind)) || !truth.exists(kind, id) {
        return no_content();
    }
    let answer = json(status, CONTENT_TYPE, &truth.show(kind, id, paths));
    if status == 201 { with_header(answer, "location", &format!("{}/{id}", kind.path())) } else { answer }
}
