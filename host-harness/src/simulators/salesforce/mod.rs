//! Salesforce's REST API, for one org with one user.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest-resources.html>
//!
//! Order of checks: the address (414), token (401), what it may be used for (403), the day's requests (403), version,
//! path, then the call's own. Every answer to a known token tells the usage in `Sforce-Limit-Info`. Where do I add an
//! object: its fields as an `ObjectType` in a file of its own, and a line in `describe.rs`.

mod accounts;
mod batch;
mod bulk;
mod campaign_member_statuses;
mod campaign_members;
mod campaigns;
mod collections;
mod composite;
mod contacts;
mod custom_fields;
mod dates;
mod describe;
mod duplicate_rules;
mod errors;
mod leads;
mod limits;
mod membership;
mod oauth;
mod object_info;
mod org_features;
mod organization;
mod plan;
mod query;
mod rollback;
mod rules;
mod setup;
mod sobjects;
mod soql;
mod tooling;
mod tree;
mod user;
mod validation_rules;
mod view;

#[cfg(test)]
mod tests;

pub use oauth::{SignIn, SignInRefusal, Tokens};
pub use query::Cursor;
pub use setup::*;

use super::{
    World,
    lagged::Table,
    options::Options,
    request::{Answer, Call, answer, json, with_header},
};
use crate::clock::{Clock, Timestamp};
use describe::{ObjectType, Side};
use errors::{CONTENT_TYPE, Refusal};
use plan::Rows;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Versions that are answered: old ones are retired (410), young ones do not exist yet [inferred from public clients].
const VERSIONS: std::ops::RangeInclusive<u32> = 31..=68;
/// Of an address, path and query together [confirmed].
/// <https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-api.html>
const ADDRESS_BYTES_MAX: usize = 16_384;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A record of any object.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: String,
    pub object: &'static str,
    /// By the names of describe; what is missing is null.
    pub fields: Map<String, Value>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
}

impl Record {
    fn attributes(&self, version: &str) -> Value {
        let below = ObjectType::anywhere(self.object).map_or("", |object| object.side().path());
        let url = format!("/services/data/{version}/{below}sobjects/{}/{}", self.object, self.id);
        json!({ "attributes": { "type": self.object, "url": url } })
    }

    /// By the name of describe, system fields included.
    pub fn value(&self, name: &str) -> Value {
        match name {
            "Id" => json!(self.id),
            "IsDeleted" => json!(self.is_deleted),
            "CreatedDate" => json!(time(self.created_at)),
            "LastModifiedDate" | "SystemModstamp" => json!(time(self.modified_at)),
            "CreatedById" | "LastModifiedById" => json!(Salesforce::user_id()),
            _ => self.fields.get(name).cloned().unwrap_or(Value::Null),
        }
    }
}

/// `2026-11-22T14:21:18.000+0000`: whole seconds, and no colon in the offset [inferred from public clients].
fn time(at: Timestamp) -> String {
    at.utc().format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// One org.
#[derive(Debug)]
pub struct Salesforce {
    clock: Arc<dyn Clock>,
    pub records: Table<String, Record>,
    pub tokens: Tokens,
    /// What the customer has agreed to. Without `api` no data call is answered, without `pardot_api` none of Account
    /// Engagement's (code 184 there).
    pub scopes: BTreeSet<&'static str>,
    /// Fields such as `Campaign.Type` whose picklist the admin has restricted.
    pub restricted_picklists: BTreeSet<String>,
    pub setup: Setup,
    /// When the requests of the last 24 hours came.
    requests: VecDeque<Timestamp>,
    cursors: Vec<Cursor>,
    /// Of the Bulk API, in the order in which they were made.
    jobs: Vec<bulk::Job>,
    /// By prefix of the id.
    made: HashMap<&'static str, u64>,
    membership: membership::Membership,
}

impl Salesforce {
    pub(super) fn new(clock: Arc<dyn Clock>, options: &Options) -> Salesforce {
        let tokens = Tokens::new(clock.now(), options);
        let mut salesforce = Salesforce {
            clock,
            records: Table::new(),
            tokens,
            scopes: BTreeSet::from(oauth::SCOPES),
            restricted_picklists: BTreeSet::new(),
            setup: Setup::default(),
            requests: VecDeque::new(),
            cursors: vec![],
            jobs: vec![],
            made: HashMap::new(),
            membership: membership::Membership::default(),
        };
        let profile = salesforce.found_profile("System Administrator", true);
        salesforce.found(
            "User",
            json!({
                "Username": "integration@salesforce-customer.example",
                "Name": "Ida Integration",
                "FirstName": "Ida",
                "LastName": "Integration",
                "Email": "integration@salesforce-customer.example",
                "IsActive": true,
                "TimeZoneSidKey": "America/New_York",
                "ProfileId": profile,
                "UserPermissionsMarketingUser": true,
            }),
        );
        salesforce.found(
            "Organization",
            json!({
                "Name": "Example Customer",
                "InstanceName": "SIM1",
                "IsSandbox": false,
                "OrganizationType": "Enterprise Edition",
                "TimeZoneSidKey": "America/New_York",
            }),
        );
        salesforce.add_tenant(&options.business_unit_id);
        salesforce
    }

    /// A record that was there before the story. Gives its id.
    fn found(&mut self, object: &str, fields: Value) -> String {
        let object = ObjectType::anywhere(object).expect("the objects of a new org are all described");
        self.insert(object, fields.as_object().cloned().unwrap_or_default())
    }

    /// A record type that campaigns may have. Gives its id.
    pub fn add_campaign_record_type(&mut self, name: &str) -> String {
        let developer_name = name.replace(' ', "_");
        let fields =
            json!({ "Name": name, "DeveloperName": developer_name, "SobjectType": "Campaign", "IsActive": true });
        self.found("RecordType", fields)
    }

    /// A campaign that somebody made by hand. Gives its id.
    pub fn add_campaign(&mut self, name: &str) -> String {
        let mut fields = Map::from_iter([("Name".to_owned(), json!(name))]);
        campaigns::defaults(&mut fields);
        self.insert(&campaigns::CAMPAIGN, fields)
    }

    /// Another profile for the API's user.
    pub fn set_profile(&mut self, name: &str, modifies_all_data: bool) {
        let profile = self.found_profile(name, modifies_all_data);
        let now = self.clock.now();
        self.records.change(&Salesforce::user_id(), now, |user| {
            user.fields.insert("ProfileId".into(), json!(profile));
        });
    }

    /// By the profile of the API's user.
    fn modifies_all_data(&self) -> bool {
        let profile = self.records.now(&Salesforce::user_id()).map(|user| user.value("ProfileId"));
        let profile = profile.as_ref().and_then(Value::as_str).and_then(|id| self.records.now(id));
        profile.is_some_and(|profile| profile.value("PermissionsModifyAllData") == json!(true))
    }

    /// What a marketer does in the user interface. `false` where there is no such campaign.
    pub fn edit_campaign(&mut self, id: &str, field: &str, value: Value) -> bool {
        let now = self.clock.now();
        let Some(field) = campaigns::CAMPAIGN.field(field) else { return false };
        self.records.change(id, now, |record| {
            record.fields.insert(field.name.to_owned(), value);
            record.modified_at = now;
        })
    }

    pub fn is_marketing_user(&self) -> bool {
        let user = self.records.now(&Salesforce::user_id());
        user.is_some_and(|user| user.value("UserPermissionsMarketingUser") == json!(true))
    }

    pub fn set_marketing_user(&mut self, may: bool) {
        let now = self.clock.now();
        self.records.change(&Salesforce::user_id(), now, |user| {
            user.fields.insert("UserPermissionsMarketingUser".into(), json!(may));
        });
    }

    /// Every access token is refused from here on; refreshing helps.
    pub fn expire_tokens(&mut self) {
        self.tokens.expire();
    }

    /// The customer disconnects: refreshing does not help either.
    pub fn revoke_tokens(&mut self) {
        self.tokens.revoke();
    }

    /// The next refreshes meet another one that is under way (`oauth/`).
    pub fn refuse_next_refreshes(&mut self, times: u32) {
        self.tokens.refuse_next_refreshes(times);
    }

    /// Requests of the last 24 hours.
    pub fn requests_used(&mut self) -> u64 {
        let now = self.clock.now();
        while self.requests.front().is_some_and(|oldest| now >= oldest.plus(DAY)) {
            self.requests.pop_front();
        }
        self.requests.len() as u64
    }

    pub fn campaigns(&self) -> impl Iterator<Item = &Record> {
        self.records.all().filter(|record| record.object == "Campaign")
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Answer {
    if call.target_length > ADDRESS_BYTES_MAX {
        return too_long(world.options.unknowns.salesforce.long_address_status);
    }
    let segments = call.segments();
    let is_read = matches!(segments[..], ["services", "data", ..] | ["services", "oauth2", "userinfo"] | ["id", ..]);
    if is_read && call.method == http::Method::HEAD {
        return headers_only(routed(world, &Call { method: http::Method::GET, ..call.clone() }));
    }
    routed(world, call)
}

/// What GET would answer, without the body.
fn headers_only(mut answer: Answer) -> Answer {
    answer.body_mut().clear();
    answer
}

/// As the web server in front of all tells it, before anybody asks for a token [inferred from public clients].
fn too_long(status: u16) -> Answer {
    let reason = if status == 431 { "Request Header Fields Too Large" } else { "URI Too Long" };
    answer(
        status,
        "text/html;charset=iso-8859-1",
        format!("<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>").into(),
    )
}

fn routed(world: &mut World, call: &Call) -> Answer {
    match call.segments()[..] {
        ["services", "oauth2", "authorize"] => oauth::authorize(world, call),
        ["services", "oauth2", "token"] => oauth::token(world, call),
        ["services", "oauth2", "introspect"] => oauth::introspect(world, call),
        ["services", "oauth2", "revoke"] => oauth::revoke(world, call),
        ["services", "oauth2", "userinfo"] => oauth::userinfo(world, call),
        ["id", organization, user] => oauth::identity(world, call, organization, user),
        ["services", "data"] if call.method == http::Method::GET => json(200, CONTENT_TYPE, &versions()),
        ["services", "data"] => Refusal::method_not_allowed("GET,HEAD").answer(),
        ["services", "data", ..] => data(world, call),
        _ => Refusal::not_found().answer(),
    }
}

/// Told without a token [inferred from public clients].
fn versions() -> Value {
    let version =
        |n: u32| json!({ "label": release(n), "url": format!("/services/data/v{n}.0"), "version": format!("{n}.0") });
    VERSIONS.map(version).collect()
}

/// Three a year, named after the season: v62.0 is that of Winter '25 [confirmed]. As in the captured answers of public
/// clients, with an apostrophe.
fn release(version: u32) -> String {
    let season = ["Spring", "Summer", "Winter"][version as usize % 3];
    let year = (version + 13) / 3;
    format!("{season} '{year:02}")
}

/// Where a version's resources are, of those that are simulated [confirmed].
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-discoveryresource.html>
fn resources(version: &str) -> Value {
    let resource = |name: &str| (name.to_owned(), json!(format!("/services/data/{version}/{name}")));
    let named = ["sobjects", "query", "queryAll", "limits", "tooling", "composite", "jobs"];
    Value::Object(named.into_iter().map(resource).collect())
}

fn data(world: &mut World, call: &Call) -> Answer {
    let (now, max) = (world.now(), world.options.limits.salesforce_calls_per_day);
    world.salesforce.setup.request = setup::RequestOptions::of(call, world.requests.len());
    let token = call.bearer().filter(|token| world.salesforce.tokens.opens(token, now, &world.options));
    let Some(token) = token else { return Refusal::invalid_session().answer() };
    if !world.salesforce.allows(token, "api") {
        return Refusal::not_for_this_api(world.options.unknowns.salesforce.missing_scope_status).answer();
    }
    if let Some(for_whom) = world.salesforce.setup.api_off {
        return Refusal::api_off(for_whom).answer();
    }
    let used_up = world.salesforce.requests_used() >= max;
    let answer = if used_up && !world.options.unknowns.salesforce.daily_limit_is_soft {
        Refusal::requests_used_up().answer()
    } else {
        world.salesforce.requests.push_back(now);
        route(world, call).unwrap_or_else(|refusal| refusal.answer())
    };
    with_header(answer, "sforce-limit-info", &limits::usage(world))
}

/// Of `v62.0`.
fn version_number(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.strip_suffix(".0")?.parse().ok()
}

fn route(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let segments = call.segments();
    let ["services", "data", version, rest @ ..] = &segments[..] else { return Err(Refusal::not_found()) };
    match version_number(version) {
        Some(number) if VERSIONS.contains(&number) => {}
        Some(number) if number < *VERSIONS.start() => {
            return Err(Refusal::new(410, "UNSUPPORTED_API_VERSION", "This API version has been retired"));
        }
        _ => return Err(Refusal::not_found()),
    }
    if let ["tooling", rest @ ..] = rest {
        return tooling_route(world, call, version, rest);
    }
    match (call.method.as_str(), rest) {
        (_, ["composite", rest @ ..]) => composite::handle(world, call, version, rest),
        (_, ["jobs", "ingest", rest @ ..]) => bulk::handle(world, call, version, rest),
        ("GET", ["sobjects"]) => Ok(object_info::all(world, version, Side::Data)),
        (_, ["sobjects"]) => Err(Refusal::method_not_allowed("GET,HEAD")),
        (_, ["sobjects", rest @ ..]) => sobjects::handle(world, call, version, rest, Side::Data),
        ("GET", []) => Ok(json(200, CONTENT_TYPE, &resources(version))),
        ("GET", ["query"]) => query::first_page(world, call, version, Rows::Live, Side::Data),
        ("GET", ["queryAll"]) => query::first_page(world, call, version, Rows::All, Side::Data),
        ("GET", ["query" | "queryAll", locator]) => query::next_page(world, version, locator),
        ("GET", ["limits"]) => Ok(limits::limits(world, version)),
        ("GET", ["limits", "recordCount"]) => limits::record_count(world, call),
        (_, [] | ["query" | "queryAll", ..] | ["limits"] | ["limits", "recordCount"]) => {
            Err(Refusal::method_not_allowed("GET,HEAD"))
        }
        _ => Err(Refusal::not_found()),
    }
}

/// Below `/services/data/vNN.N/tooling/`.
fn tooling_route(world: &mut World, call: &Call, version: &str, rest: &[&str]) -> Result<Answer, Refusal> {
    match (call.method.as_str(), rest) {
        (_, ["sobjects", rest @ ..]) if !rest.is_empty() => sobjects::handle(world, call, version, rest, Side::Tooling),
        ("GET", ["sobjects"]) => Ok(object_info::all(world, version, Side::Tooling)),
        ("GET", ["query"]) => query::first_page(world, call, version, Rows::Live, Side::Tooling),
        ("GET", ["query", locator]) => query::next_page(world, version, locator),
        (_, ["sobjects"] | ["query", ..]) => Err(Refusal::method_not_allowed("GET,HEAD")),
        _ => Err(Refusal::not_found()),
    }
}

/// Whether the org has an object at all: some come with an edition.
fn offers(world: &World, object: &ObjectType) -> bool {
    let from_plus = object.side() == Side::Tooling
        && object.name != tooling::TENANT.name
        && object.name != custom_fields::CUSTOM_FIELD.name;
    if object.name == campaign_member_statuses::STATUS.name && !world.salesforce.is_marketing_user() {
        return false;
    }
    !from_plus || world.account_engagement.edition.has_external_activities()
}
