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
pub mod imports;
pub mod list_memberships;
pub mod lists;
pub mod prospects;
pub mod submissions;
pub mod tags;
pub mod visitor_activities;
pub mod visitors;

mod account;
mod body;
mod csv;
mod errors;
mod folders;
mod form_pages;
mod multipart;
mod prospect_rows;
mod prospect_submits;
mod query;
mod record;
mod users;
pub(super) mod zone;

#[cfg(test)]
mod tests;

pub use account::Edition;
pub use campaigns::{Campaign, Connector};
pub use custom_fields::{CustomField, CustomKind, NewCustomField};
pub use errors::fault;
pub use external_activities::{ActivityType, Extension, ExternalActivity};
pub use folders::Folders;
pub use form_fields::{DataFormat, FormField, NewField};
pub use form_handlers::{FormHandler, NewFormHandler};
pub use forms::{Form, NewForm};
pub use gate::{Ability, Host};
pub use imports::{Import, Status};
pub use list_memberships::ListMembership;
pub use lists::List;
pub use prospects::{NewProspect, Prospect};
pub use submissions::Submitted;
pub use tags::Tag;
pub use users::USER_ID;
pub use visitor_activities::VisitorActivity;
pub use visitors::Visitor;

use super::{
    World,
    lagged::Table,
    request::{Answer, Call, json, no_content, with_header},
    unknowns::{ApiUsage, UpdateStatus, UpsertStatus},
};
use crate::clock::{Clock, Timestamp};
use body::Body;
use chrono::NaiveDate;
use errors::{CONTENT_TYPE, Refusal};
use gate::{Action, Route};
use imports::Step;
use prospects::Upserted;
use record::{Kind, Path, Reading, View};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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
    pub imports: Table<u64, Import>,
    pub tags: Table<u64, Tag>,
    /// Which record has which tag.
    tagged: BTreeSet<(&'static str, u64, u64)>,
    pub edition: Edition,
    pub connector: Connector,
    /// `false`: code 201.
    pub is_active: bool,
    /// Which of the vendor's two hosts it answers at.
    pub host: Host,
    /// `false`: code 76.
    pub api_enabled: bool,
    /// Whether the unit has an administrator, as whom some of its work is run. `false`: code 203.
    pub has_admin: bool,
    /// Ids that `prospectAccountId` may have. Others: code 61.
    pub prospect_accounts: BTreeSet<u64>,
    /// Whether the API's user belongs to this unit. `false`: code 49.
    pub has_user: bool,
    /// Abilities that the user's role lacks. Code 46; a create without the View of its object answers 204.
    pub missing_abilities: BTreeSet<Ability>,
    pub calls: Calls,
    pub folders: Folders,
    /// How many of each there may be: code 67 above it. What is not named has no limit.
    pub most: BTreeMap<Asset, usize>,
    /// What stands in a form, an automation or the like: code 108 on DELETE.
    pub in_use: BTreeSet<(Asset, u64)>,
    /// By Salesforce ids of 18 characters.
    campaigns_by_salesforce_id: HashMap<String, u64>,
    /// By lower-case addresses, old ones included.
    prospects_by_email: HashMap<String, Vec<u64>>,
    memberships_by_prospect: HashMap<u64, Vec<u64>>,
}

/// What an account may have only so many of, and what cannot be deleted while it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asset {
    CustomField,
    List,
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
            imports: Table::new(),
            tags: Table::new(),
            tagged: BTreeSet::new(),
            edition: Edition::Plus,
            connector: Connector::Running { since: Timestamp(0) },
            is_active: true,
            host: Host::Production,
            api_enabled: true,
            has_admin: true,
            prospect_accounts: BTreeSet::new(),
            has_user: true,
            missing_abilities: BTreeSet::new(),
            calls: Calls::default(),
            folders: Folders::default(),
            most: BTreeMap::new(),
            in_use: BTreeSet::new(),
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
            Kind::Tag => self.tags.all().map(|tag| tag.id).collect(),
            Kind::ExternalActivity => self.external_activities.all().map(|activity| activity.id).collect(),
            Kind::Import => self.imports.all().map(|import| import.id).collect(),
            Kind::List => self.lists.all().map(|list| list.id).collect(),
            Kind::ListMembership => self.list_memberships.all().map(|membership| membership.id).collect(),
            Kind::Prospect => self.prospects.all().map(|prospect| prospect.id).collect(),
            Kind::Account | Kind::Elsewhere => vec![],
        }
    }

    /// Whether one more may be made beside the `live` ones. Code 67 where not [confirmed].
    fn has_room(&self, asset: Asset, live: usize) -> Result<(), Refusal> {
        let full = self.most.get(&asset).is_some_and(|most| live >= *most);
        if full { Err(Refusal::code(67)) } else { Ok(()) }
    }

    /// Code 108 for what is used in other places [confirmed].
    fn is_free(&self, asset: Asset, id: u64) -> Result<(), Refusal> {
        if self.in_use.contains(&(asset, id)) { Err(Refusal::code(108)) } else { Ok(()) }
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
        Err(refusal) => return gate::told(world, &refusal),
    };
    if let Err(refusal) = gate::identity(world, call) {
        return gate::told(world, &refusal);
    }
    let answer = match gate::quota(world, call) {
        Err(refusal) => gate::told(world, &refusal),
        Ok(()) => answer(world, call, route).unwrap_or_else(|refusal| refusal.answer()),
    };
    match call.header("x-return-api-usage") {
        Some("1") => {
            let used = world.account_engagement.calls.used;
            let max = world.options.limits.account_engagement_calls_per_day;
            let label = match world.options.unknowns.account_engagement.api_usage {
                ApiUsage::Bare => "",
                ApiUsage::Labelled => "api-usage=",
            };
            with_header(answer, "x-api-usage", &format!("{label}{used}/{max}"))
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
        Route::AssignVisitor(id) => {
            let id = number(id)?;
            let (body, paths) = action_body(world, call, Kind::Visitor)?;
            permitted()?;
            visitors::assign_to_prospect(world, id, body)?;
            Ok(made(world, Kind::Visitor, id, &paths, 200))
        }
        Route::Query(kind) => {
            let (body, capped) = query::run(View::of(world, kind), kind, call)?;
            permitted()?;
            let answer = json(200, CONTENT_TYPE, &body);
            Ok(if capped { with_header(answer, "pardot-warning", "203;paging limit reached") } else { answer })
        }
        Route::Read(kind, id) => {
            let paths = required_paths(world, call, kind)?;
            let id = number(id)?;
            permitted()?;
            let view = View::of(world, kind);
            if !view.exists(kind, id) {
                return Err(Refusal::code(109));
            }
            if call
                .header("if-modified-since")
                .and_then(zone::since)
                .is_some_and(|at| !view.changed_after(kind, id, at))
            {
                return Ok(not_modified());
            }
            let answer = json(200, CONTENT_TYPE, &view.show(kind, id, &paths));
            Ok(match view.is_deleted(kind, id) {
                true => with_header(answer, "pardot-warning", "201;record is in the recycle bin"),
                false => answer,
            })
        }
        Route::Create(Kind::Import) => {
            let paths = wanted_paths(world, Kind::Import, call.param("fields"))?;
            permitted()?;
            let id = imports::create(world, call)?;
            Ok(made(world, Kind::Import, id, &paths, 201))
        }
        Route::Import(id, step) => {
            let id = number(id)?;
            permitted()?;
            match step {
                Step::AddBatch => imports::add_batch(world, id, call).map(|()| no_content()),
                Step::Errors => imports::errors(world, id),
                Step::Cancel => {
                    let paths = wanted_paths(world, Kind::Import, call.param("fields"))?;
                    imports::cancel(world, id)?;
                    let done = View::truth(world).show(Kind::Import, id, &paths);
                    Ok(acted(world, &done))
                }
            }
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
                Kind::Tag => tags::create(world, body)?,
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
                Kind::CustomField => custom_fields::update(world, id, body)?,
                Kind::Import => imports::update(world, id, body)?,
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
            match kind {
                Kind::List => lists::delete(world, id)?,
                Kind::ListMembership => list_memberships::delete(world, id)?,
                Kind::CustomField => custom_fields::delete(world, id)?,
                Kind::Form => forms::delete(world, id),
                Kind::FormHandler => form_handlers::delete(world, id),
                Kind::FormHandlerField => form_fields::delete_of_handler(world, id),
                _ => prospects::delete(world, id),
            }
            Ok(no_content())
        }
        Route::UpsertLatestByEmail => {
            let (body, paths) = action_body(world, call, Kind::Prospect)?;
            permitted()?;
            let upserted = prospects::upsert_latest_by_email(world, body)?;
            let always_ok = world.options.unknowns.account_engagement.upsert_status == UpsertStatus::AlwaysOk;
            Ok(match upserted {
                Upserted::Made(id) if !always_ok => made(world, Kind::Prospect, id, &paths, 201),
                Upserted::Made(id) | Upserted::Updated(id) => made(world, Kind::Prospect, id, &paths, 200),
            })
        }
        Route::Undelete(kind) => {
            let (body, paths) = action_body(world, call, kind)?;
            permitted()?;
            let id = match kind {
                Kind::Form => forms::undelete(world, body)?,
                _ => prospects::undelete(world, body)?,
            };
            Ok(made(world, kind, id, &paths, 200))
        }
        Route::Act(kind, id, action) => {
            let paths = wanted_paths(world, kind, call.param("fields"))?;
            let (id, body) = (number(id)?, Body::read(call)?);
            permitted()?;
            writable(world, kind, id, world.options.unknowns.account_engagement.write_deleted_code)?;
            let done = match action {
                Action::AddTag => tags::add(world, kind, id, body)?,
                Action::RemoveTag => {
                    tags::remove(world, kind, id, body)?;
                    return Ok(no_content());
                }
                Action::ConnectSalesforceCampaign => {
                    campaigns::connect(world, id, body)?;
                    View::truth(world).show(kind, id, &paths)
                }
            };
            Ok(acted(world, &done))
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

/// What an action is given, and what of its record it answers: `fields` in the body, else in the query.
fn action_body(world: &World, call: &Call, kind: Kind) -> Result<(Body, Vec<Path>), Refusal> {
    let body = Body::read(call)?;
    let fields = fields_of_body(&body)?.or_else(|| call.param("fields").map(str::to_owned));
    let paths = wanted_paths(world, kind, fields.as_deref())?;
    Ok((body, paths))
}

/// `fields` of an action: an array in the body [inferred from public clients]. An empty one asks for nothing.
fn fields_of_body(body: &Body) -> Result<Option<String>, Refusal> {
    let names = |values: &Vec<Value>| {
        let names: Option<Vec<_>> = values.iter().map(Value::as_str).collect();
        names.map(|names| names.join(",")).ok_or_else(|| Refusal::about(154, "fields"))
    };
    match body.0.get("fields") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => names(values).map(|names| Some(names).filter(|names| !names.is_empty())),
        Some(_) => Err(Refusal::about(154, "fields")),
    }
}

/// The answer to an action that has something to tell.
fn acted(world: &World, done: &Value) -> Answer {
    match world.options.unknowns.account_engagement.action_status {
        UpdateStatus::OkWithBody => json(200, CONTENT_TYPE, done),
        UpdateStatus::NoContent => no_content(),
    }
}

fn not_modified() -> Answer {
    let mut answer = no_content();
    *answer.status_mut() = http::StatusCode::NOT_MODIFIED;
    answer
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
