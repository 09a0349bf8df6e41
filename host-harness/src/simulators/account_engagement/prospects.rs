//! Prospects. <https://developer.salesforce.com/docs/marketing/pardot/guide/prospect-v5.html>, [confirmed]
//! unless said otherwise.
//!
//! With AMPSEA a plain POST makes another prospect of the same address; without it, code 9. `upsertLatestByEmail` takes
//! the live one with the latest activity, nothing being lowest, then the latest update, then the highest id. A campaign
//! that is written replaces the source campaign, on an old prospect too: keeping the first one is the client's business.

use super::{
    Ability, AccountEngagement,
    body::{Body, id},
    campaigns::DEFAULT_CAMPAIGN,
    errors::Refusal,
    lists::campaign_exists,
    record::{Field, Filter, Kind, Object, View},
    users,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        unknowns::{AccountEngagementUnknowns, CampaignLeftOut, CaseMatch, SecondarySearch, UpsertTakes},
    },
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) const TEXTS: [&str; 24] = [
    "salutation",
    "firstName",
    "lastName",
    "jobTitle",
    "company",
    "department",
    "industry",
    "website",
    "phone",
    "fax",
    "addressOne",
    "addressTwo",
    "city",
    "state",
    "zip",
    "country",
    "territory",
    "annualRevenue",
    "employees",
    "yearsInBusiness",
    "source",
    "comments",
    "notes",
    "salesforceId",
];
pub(super) const NUMBERS: [&str; 2] = ["score", "userId"];
pub(super) const FLAGS: [&str; 5] = ["isDoNotCall", "isDoNotEmail", "optedOut", "isReviewed", "isStarred"];

pub(super) static PROSPECT: Object = Object {
    path: "objects/prospects",
    fields: &[
        "id",
        "email",
        "campaignId",
        "salutation",
        "firstName",
        "lastName",
        "jobTitle",
        "company",
        "department",
        "industry",
        "website",
        "phone",
        "fax",
        "addressOne",
        "addressTwo",
        "city",
        "state",
        "zip",
        "country",
        "territory",
        "annualRevenue",
        "employees",
        "yearsInBusiness",
        "source",
        "comments",
        "notes",
        "salesforceId",
        "salesforceOwnerId",
        "score",
        "prospectAccountId",
        "userId",
        "isDoNotCall",
        "isDoNotEmail",
        "optedOut",
        "isReviewed",
        "isStarred",
        "assignedToId",
        "campaignParameter",
        "contentParameter",
        "mediumParameter",
        "sourceParameter",
        "termParameter",
        "convertedAt",
        "convertedFromObjectName",
        "convertedFromObjectType",
        "createdAt",
        "createdById",
        "updatedAt",
        "updatedById",
        "doNotSell",
        "emailBouncedAt",
        "emailBouncedReason",
        "isEmailHardBounced",
        "firstActivityAt",
        "firstAssignedAt",
        "firstReferrerQuery",
        "firstReferrerType",
        "firstReferrerUrl",
        "grade",
        "isDeleted",
        "lastActivityAt",
        "lifecycleStageId",
        "recentInteraction",
        "salesforceAccountId",
        "salesforceCampaignId",
        "salesforceContactId",
        "salesforceLastSync",
        "salesforceLeadId",
        "salesforceUrl",
    ],
    relations: &[
        ("campaign", Kind::Campaign, "campaignId"),
        ("assignedTo", Kind::User, "assignedToId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[
        Filter::Exact("email"),
        Filter::Exact("salesforceId"),
        Filter::IdList("idList"),
        Filter::Number("id"),
        Filter::Time("createdAt"),
        Filter::Time("updatedAt"),
        Filter::Time("lastActivityAt"),
        Filter::Number("userId"),
        Filter::Number("assignedToId"),
    ],
    sorts: &["id", "lastActivityAt", "createdAt", "updatedAt"],
};

/// Characters. Code 4 above it.
const EMAIL_MAX: usize = 255;

#[derive(Clone, Debug)]
pub struct Prospect {
    pub id: u64,
    pub email: String,
    pub campaign_id: u64,
    /// Standard and custom fields by their API names; null ones are left out.
    pub fields: BTreeMap<String, Value>,
    pub first_activity_at: Option<Timestamp>,
    pub last_activity_at: Option<Timestamp>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Prospect {
    pub(super) fn field(&self, name: &str, view: &View<'_>, when: Timestamp) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "email" => Field::text(&self.email),
            "campaignId" => Field::Int(self.campaign_id),
            "salesforceCampaignId" => {
                let campaign = view.world.account_engagement.campaigns.at(&self.campaign_id, when);
                Field::of(campaign.and_then(|campaign| campaign.salesforce_id.clone()))
            }
            "firstActivityAt" => Field::of(self.first_activity_at),
            "lastActivityAt" => Field::of(self.last_activity_at),
            "isDeleted" => Field::Bool(self.is_deleted),
            "assignedToId" => Field::of(self.assigned_to()),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => match self.fields.get(name) {
                Some(value) => Field::from(value),
                None if FLAGS.contains(&name) || ["doNotSell", "isEmailHardBounced"].contains(&name) => {
                    Field::Bool(false)
                }
                None if name == "score" => Field::Int(0),
                None => Field::Null,
            },
        }
    }

    /// Whom an admin or a rule has assigned them to, by the writable `userId`.
    pub fn assigned_to(&self) -> Option<u64> {
        self.fields.get("userId").and_then(Value::as_u64)
    }

    pub fn opted_out(&self) -> bool {
        self.fields.get("optedOut") == Some(&json!(true))
    }

    /// The greatest is the latest.
    fn latest(&self, takes: UpsertTakes) -> (Option<Timestamp>, Option<Timestamp>, u64) {
        match takes {
            UpsertTakes::LatestActivity => (self.last_activity_at, Some(self.updated_at), self.id),
            UpsertTakes::LatestUpdate => (Some(self.updated_at), self.last_activity_at, self.id),
        }
    }
}

/// What a story says about somebody who was there before it began.
#[derive(Clone, Debug)]
pub struct NewProspect {
    pub email: String,
    /// By API names.
    pub fields: BTreeMap<String, Value>,
    pub last_activity_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub is_deleted: bool,
}

impl NewProspect {
    pub fn new(email: &str) -> NewProspect {
        NewProspect {
            email: email.to_owned(),
            fields: BTreeMap::new(),
            last_activity_at: None,
            created_at: Timestamp::from_seconds(1_700_000_000),
            is_deleted: false,
        }
    }
}

impl AccountEngagement {
    /// Somebody from before the story: seen at once, whatever the read lag. Gives the id.
    pub fn add_prospect(&mut self, new: NewProspect) -> u64 {
        let prospect = Prospect {
            id: 0,
            email: new.email,
            campaign_id: DEFAULT_CAMPAIGN,
            fields: new.fields,
            first_activity_at: new.last_activity_at,
            last_activity_at: new.last_activity_at,
            is_deleted: new.is_deleted,
            created_at: new.created_at,
            updated_at: new.created_at,
        };
        self.insert_prospect(prospect, Timestamp(0))
    }

    /// Something that this person did elsewhere: it moves which of several is the latest.
    pub fn set_last_activity(&mut self, prospect: u64, at: Timestamp) -> bool {
        let now = self.clock.now();
        self.prospects.change(&prospect, now, |prospect| {
            prospect.first_activity_at.get_or_insert(at);
            prospect.last_activity_at = Some(at);
        })
    }

    fn insert_prospect(&mut self, mut prospect: Prospect, at: Timestamp) -> u64 {
        let id = 1_000_001 + self.prospects.len() as u64;
        prospect.id = id;
        self.prospects_by_email.entry(prospect.email.to_lowercase()).or_default().push(id);
        self.prospects.insert(id, at, prospect);
        id
    }

    /// Ids of all that ever had this address, in whatever case.
    pub(super) fn prospects_with(&self, email: &str) -> Vec<u64> {
        self.prospects_by_email.get(&email.to_lowercase()).cloned().unwrap_or_default()
    }

    /// Without "View prospects not assigned to self" a user is shown their own alone, and nobody says that there are others
    /// [inferred].
    pub(super) fn sees(&self, prospect: &Prospect) -> bool {
        self.may(Some(Ability::ViewProspectsNotAssignedToSelf)) || prospect.assigned_to() == Some(users::USER_ID)
    }

    /// Of those with this address, live or in the recycle bin, the one with the latest activity.
    pub(super) fn latest_with(&self, email: &str, email_match: CaseMatch, deleted: bool) -> Option<u64> {
        self.latest_of(email, email_match, deleted, UpsertTakes::LatestActivity, |_| true)
    }

    /// The same among those that the API's user sees: an upsert looks no further [inferred].
    fn latest_seen_with(&self, email: &str, unknowns: &AccountEngagementUnknowns, deleted: bool) -> Option<u64> {
        self.latest_of(email, unknowns.email_match, deleted, unknowns.upsert_takes, |prospect| self.sees(prospect))
    }

    fn latest_of(
        &self,
        email: &str,
        email_match: CaseMatch,
        deleted: bool,
        takes: UpsertTakes,
        counts: impl Fn(&Prospect) -> bool,
    ) -> Option<u64> {
        let those = self.prospects_with(email).into_iter().filter_map(|id| self.prospects.now(&id));
        let those = those.filter(|p| p.is_deleted == deleted && email_match.same(&p.email, email) && counts(p));
        those.max_by_key(|prospect| prospect.latest(takes)).map(|prospect| prospect.id)
    }
}

pub(super) fn is_address(email: &str) -> bool {
    address(email.to_owned()).is_ok()
}

/// What a body would change, checked.
pub(super) struct Changes {
    pub email: Option<String>,
    pub campaign_id: Option<u64>,
    pub(super) fields: Vec<(String, Value)>,
}

impl Changes {
    pub(super) fn read(world: &World, properties: Map<String, Value>) -> Result<Changes, Refusal> {
        let body = Body(properties);
        if body.has("userId") && body.has("salesforceOwnerId") {
            return Err(Refusal::code(125));
        }
        // Giving somebody to a user is an ability of its own [confirmed].
        let assigns = body.has("userId") || body.has("salesforceOwnerId");
        if assigns && !world.account_engagement.may(Some(Ability::AssignProspects)) {
            return Err(Refusal::code(46));
        }
        let email = match body.has("email") {
            true => Some(address(body.text("email")?.unwrap_or_default())?),
            false => None,
        };
        let campaign_id = match body.0.get("campaignId") {
            None => None,
            Some(value) => {
                let campaign = id(value).ok_or(Refusal::code(38))?;
                campaign_exists(world, campaign)?;
                Some(campaign)
            }
        };
        let own = body.0.into_iter().filter(|(name, _)| name != "email" && name != "campaignId");
        let fields = own.map(|(name, value)| stored(world, &name, value).map(|value| (name, value)));
        Ok(Changes { email, campaign_id, fields: fields.collect::<Result<_, _>>()? })
    }

    pub(super) fn apply(self, unit: &mut AccountEngagement, id: u64, now: Timestamp) {
        if let Some(email) = &self.email {
            let ids = unit.prospects_by_email.entry(email.to_lowercase()).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        unit.prospects.change(&id, now, |prospect| {
            prospect.email = self.email.unwrap_or_else(|| prospect.email.clone());
            prospect.campaign_id = self.campaign_id.unwrap_or(prospect.campaign_id);
            for (name, value) in self.fields {
                match value {
                    Value::Null => prospect.fields.remove(&name),
                    value => prospect.fields.insert(name, value),
                };
            }
            prospect.updated_at = now;
        });
    }

    pub(super) fn make(self, unit: &mut AccountEngagement, email: String, now: Timestamp) -> u64 {
        let fields = self.fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let prospect = Prospect {
            id: 0,
            email,
            campaign_id: self.campaign_id.unwrap_or(DEFAULT_CAMPAIGN),
            fields,
            first_activity_at: None,
            last_activity_at: None,
            is_deleted: false,
            created_at: now,
            updated_at: now,
        };
        unit.insert_prospect(prospect, now)
    }
}

/// Code 4 for what is no address, or too long to be one.
fn address(email: String) -> Result<String, Refusal> {
    let (name, domain) = email.split_once('@').unwrap_or_default();
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@' && c != ',';
    let fits = email.chars().count() <= EMAIL_MAX
        && !name.is_empty()
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
        && name.chars().chain(domain.chars()).all(plain);
    if fits { Ok(email) } else { Err(Refusal::code(4)) }
}

/// A field's value as it will be kept.
pub(super) fn stored(world: &World, name: &str, value: Value) -> Result<Value, Refusal> {
    if let Some(field) = world.account_engagement.custom_field(name) {
        return field.stored(world, value);
    }
    if FLAGS.contains(&name) {
        return if value.is_boolean() { Ok(value) } else { Err(Refusal::about(50, name)) };
    }
    if name == "prospectAccountId" && !value.is_null() {
        let known = id(&value).filter(|id| world.account_engagement.prospect_accounts.contains(id));
        return known.map(Value::from).ok_or(Refusal::code(61));
    }
    if NUMBERS.contains(&name) {
        return if value.is_u64() || value.is_null() { Ok(value) } else { Err(Refusal::about(56, name)) };
    }
    if TEXTS.contains(&name) || ["salesforceOwnerId", "prospectAccountId"].contains(&name) {
        return match value {
            Value::String(text) if text.is_empty() => Ok(Value::Null),
            Value::Null | Value::String(_) => Ok(value),
            _ => Err(Refusal::about(154, name)),
        };
    }
    match PROSPECT.fields.contains(&name) {
        true => Err(Refusal::about(180, name)),
        false => Err(Refusal::about(world.options.unknowns.account_engagement.unknown_field_code, name)),
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let email = body.required_text("email")?;
    let changes = Changes::read(world, body.0)?;
    let email_match = world.options.unknowns.account_engagement.email_match;
    if !world.options.ampsea && world.account_engagement.latest_with(&email, email_match, false).is_some() {
        return Err(Refusal::code(world.options.unknowns.account_engagement.taken_address_code));
    }
    has_campaign(world, &changes)?;
    let now = world.now();
    Ok(changes.make(&mut world.account_engagement, email, now))
}

/// To the recycle bin.
pub(super) fn delete(world: &mut World, id: u64) {
    let now = world.now();
    world.account_engagement.prospects.change(&id, now, |prospect| {
        prospect.is_deleted = true;
        prospect.updated_at = now;
    });
}

pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let changes = Changes::read(world, body.0)?;
    is_free(world, &changes, id)?;
    let now = world.now();
    changes.apply(&mut world.account_engagement, id, now);
    Ok(())
}

/// Without AMPSEA an address is one prospect's: code 54 for giving it to another one [confirmed by the code's text].
pub(super) fn is_free(world: &World, changes: &Changes, own: u64) -> Result<(), Refusal> {
    let Some(email) = changes.email.as_ref().filter(|_| !world.options.ampsea) else { return Ok(()) };
    let email_match = world.options.unknowns.account_engagement.email_match;
    match world.account_engagement.latest_with(email, email_match, false) {
        Some(other) if other != own => Err(Refusal::code(54)),
        _ => Ok(()),
    }
}

/// Whether whom these make has a source campaign, or gets the default one.
pub(super) fn has_campaign(world: &World, changes: &Changes) -> Result<(), Refusal> {
    let left_out = world.options.unknowns.account_engagement.campaign_left_out;
    match changes.campaign_id {
        None if left_out == CampaignLeftOut::Refuse => Err(Refusal::about(153, "campaignId")),
        _ => Ok(()),
    }
}

/// What an upsert did, for its status.
pub(super) enum Upserted {
    Made(u64),
    Updated(u64),
}

/// `POST /objects/prospects/do/upsertLatestByEmail`. `fields` is read by the caller, from the body or the query.
pub(super) fn upsert_latest_by_email(world: &mut World, body: Body) -> Result<Upserted, Refusal> {
    let body = body.only(&["matchEmail", "prospect", "fields", "secondaryDeletedSearch"])?;
    let Value::Object(properties) = body.required("prospect")?.clone() else {
        return Err(Refusal::about(154, "prospect"));
    };
    let own_email = Body(properties.clone()).text("email")?;
    let match_email = match (body.text("matchEmail")?, &own_email) {
        (Some(email), _) => email,
        (None, Some(email)) => email.clone(),
        (None, None) => return Err(Refusal::about(153, "email")),
    };
    let search_deleted = match body.flag("secondaryDeletedSearch")?.unwrap_or(false) {
        true if !world.options.ampsea => {
            let refuses = world.options.unknowns.account_engagement.secondary_search_without_ampsea;
            if refuses == SecondarySearch::Refuse {
                return Err(Refusal::about(154, "secondaryDeletedSearch"));
            }
            false
        }
        search => search,
    };
    let changes = Changes::read(world, properties)?;
    let email = address(own_email.unwrap_or_else(|| match_email.clone()))?;
    let (now, unknowns) = (world.now(), &world.options.unknowns.account_engagement);
    let unit = &world.account_engagement;
    let live = unit.latest_seen_with(&match_email, unknowns, false);
    let found = live.or_else(|| search_deleted.then(|| unit.latest_seen_with(&match_email, unknowns, true)).flatten());
    let Some(id) = found else {
        has_campaign(world, &changes)?;
        if !world.options.ampsea && unit.latest_seen_with(&email, unknowns, false).is_some() {
            return Err(Refusal::code(54));
        }
        return Ok(Upserted::Made(changes.make(&mut world.account_engagement, email, now)));
    };
    is_free(world, &changes, id)?;
    let unit = &mut world.account_engagement;
    unit.prospects.change(&id, now, |prospect| prospect.is_deleted = false);
    changes.apply(unit, id, now);
    Ok(Upserted::Updated(id))
}

/// `POST /objects/prospects/do/undelete`, whose being there is [confirmed] and whose body is [inferred]: the one with that
/// `id`, or of those in the recycle bin with that `email` the one with the latest activity.
pub(super) fn undelete(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = body.only(&["id", "email", "fields"])?;
    let (now, email_match) = (world.now(), world.options.unknowns.account_engagement.email_match);
    let ampsea = world.options.ampsea;
    let unit = &mut world.account_engagement;
    let found = match body.id("id", 3)? {
        Some(id) => unit.prospects.now(&id).filter(|prospect| prospect.is_deleted).map(|prospect| prospect.id),
        None => unit.latest_with(&body.required_text("email")?, email_match, true),
    };
    let id = found.ok_or(Refusal::code(109))?;
    let email = unit.prospects.now(&id).map(|prospect| prospect.email.clone()).unwrap_or_default();
    if !ampsea && unit.latest_with(&email, email_match, false).is_some() {
        return Err(Refusal::code(54));
    }
    unit.prospects.change(&id, now, |prospect| {
        prospect.is_deleted = false;
        prospect.updated_at = now;
    });
    Ok(id)
}
