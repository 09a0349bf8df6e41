//! Campaigns. <https://developer.salesforce.com/docs/marketing/pardot/guide/campaign-v5.html>. There is no create, update
//! or delete: with Connected Campaigns on, Salesforce is their master [confirmed].
//!
//! The Salesforce connector brings a campaign after `Options::campaign_delay`, and what changes later after two minutes;
//! a campaign of a record type that is not synced never comes [inferred]; while the connector is paused, none does.
//! The read cache lies on top: a campaign that came at ten minutes is shown at eleven.

use super::{
    AccountEngagement,
    body::Body,
    errors::Refusal,
    folders::FOLDER_ID,
    imports,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::{draw, long_salesforce_id},
        options::{CampaignDelay, Options},
        salesforce::Record,
        unknowns::{IdLength, Reconnect},
    },
};
use serde_json::Value;
use std::time::Duration;

pub(super) static CAMPAIGN: Object = Object {
    path: "objects/campaigns",
    fields: &[
        "id",
        "name",
        "isDeleted",
        "folderId",
        "cost",
        "parentCampaignId",
        "salesforceId",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("folder", Kind::Folder, "folderId"),
        ("parentCampaign", Kind::Campaign, "parentCampaignId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

/// Where prospects go that are made without a campaign [inferred].
pub const DEFAULT_CAMPAIGN: u64 = 5000;
/// The connector syncs as often as every two minutes [confirmed].
/// <https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.pardot_sf_connector_considerations.htm>
const CHANGE_DELAY: Duration = Duration::from_secs(2 * 60);

#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: u64,
    pub name: String,
    /// 18 characters. Nothing for a campaign that Salesforce does not know.
    pub salesforce_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Since when Salesforce has had the version that is here.
    pub(super) salesforce_modified_at: Timestamp,
}

impl Campaign {
    pub(super) fn field(&self, name: &str, options: &Options) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "isDeleted" => Field::Bool(false),
            "salesforceId" => Field::of(self.salesforce_id.as_ref().map(|id| {
                match options.unknowns.account_engagement.salesforce_id_length {
                    IdLength::Eighteen => id.clone(),
                    IdLength::Fifteen => id.chars().take(15).collect(),
                }
            })),
            "folderId" => Field::Int(FOLDER_ID),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }
}

/// The Salesforce connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    Running {
        since: Timestamp,
    },
    Paused,
    /// Connected Campaigns is not switched on for this unit.
    Off,
}

impl World {
    /// Somebody pauses the Salesforce connector: no campaign arrives and none changes.
    pub fn pause_campaign_sync(&mut self) {
        mirror(self);
        self.account_engagement.connector = Connector::Paused;
    }

    /// Somebody switches Connected Campaigns off, or has never switched it on.
    pub fn switch_connected_campaigns_off(&mut self) {
        mirror(self);
        self.account_engagement.connector = Connector::Off;
    }

    /// A campaign that Salesforce and this unit have had since before the story. Gives its Salesforce id.
    pub fn add_connected_campaign(&mut self, name: &str) -> String {
        let id = self.salesforce.add_campaign(name);
        self.account_engagement.add_campaign(name.to_owned(), Some(id.clone()), Timestamp(0));
        id
    }

    /// A campaign of this unit that Salesforce does not know. Gives its id.
    pub fn add_unconnected_campaign(&mut self, name: &str) -> u64 {
        self.account_engagement.add_campaign(name.to_owned(), None, Timestamp(0))
    }

    /// What waited arrives now; what is younger keeps its delay.
    pub fn resume_campaign_sync(&mut self) {
        self.account_engagement.connector = Connector::Running { since: self.now() };
        mirror(self);
    }
}

/// Brings over what is due, and does the jobs that are. Called before anything looks at this business unit, so nobody can tell that it was not
/// brought over when it was due.
pub(in crate::simulators) fn mirror(world: &mut World) {
    if let Connector::Running { since } = world.account_engagement.connector {
        arrivals(world, since);
        changes(world, since);
    }
    imports::settle(world);
}

/// New campaigns, in the order of their arrival, each as it is in Salesforce at that moment.
fn arrivals(world: &mut World, since: Timestamp) {
    let now = world.now();
    let mut due: Vec<(Timestamp, &Record)> = vec![];
    for (number, campaign) in world.salesforce.campaigns().enumerate() {
        if world.account_engagement.campaign_of(&campaign.id).is_some() {
            continue;
        }
        let at = campaign.created_at.plus(delay(world.options.campaign_delay, number as u64)).max(since);
        let then = world.salesforce.records.at(&campaign.id, at).filter(|then| at <= now && !then.is_deleted);
        due.extend(then.filter(|then| is_synced(&world.options, then.value("RecordTypeId"))).map(|then| (at, then)));
    }
    due.sort_by_key(|(at, then)| (*at, &then.id));
    for (at, then) in due {
        let unit = &mut world.account_engagement;
        let id = unit.add_campaign(name(then.value("Name")), Some(then.id.clone()), at);
        unit.campaigns.change(&id, at, |campaign| campaign.salesforce_modified_at = then.modified_at);
    }
}

/// What was changed in Salesforce after the version that is here, change by change: each comes when it is due, and none
/// that the arrival has brought along.
fn changes(world: &mut World, since: Timestamp) {
    let settled = world.now().minus(CHANGE_DELAY);
    for campaign in world.salesforce.campaigns() {
        let known = world.account_engagement.campaign_of(&campaign.id);
        let Some((id, taken)) = known.map(|known| (known.id, known.salesforce_modified_at)) else { continue };
        let versions = world.salesforce.records.record(&campaign.id).into_iter().flat_map(|record| record.after(taken));
        for (from, then) in versions.take_while(|(from, _)| *from <= settled) {
            let (at, name) = (from.plus(CHANGE_DELAY).max(since), name(then.value("Name")));
            world.account_engagement.campaigns.change(&id, at, |campaign| {
                campaign.salesforce_modified_at = *from;
                if campaign.name != name {
                    campaign.name = name;
                    campaign.updated_at = at;
                }
            });
        }
    }
}

/// `POST …/do/connectSalesforceCampaign`: joins a campaign of this unit with one of Salesforce [confirmed]; the body names it
/// [inferred from public clients, which spell it two ways]. From then on its name follows Salesforce. Refused where
/// Connected Campaigns is off: code 218 [confirmed].
pub(super) fn connect(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    if world.account_engagement.connector == Connector::Off {
        return Err(Refusal::code(218));
    }
    let body = body.only(&["salesforceId", "salesforceCampaignId"])?;
    let name = if body.has("salesforceCampaignId") { "salesforceCampaignId" } else { "salesforceId" };
    let wanted = long_salesforce_id(&body.required_text(name)?);
    let known = wanted.filter(|wanted| world.salesforce.campaigns().any(|c| c.id == *wanted && !c.is_deleted));
    let salesforce_id = known.ok_or_else(|| Refusal::about(154, name))?;
    let now = world.now();
    let reconnect = world.options.unknowns.account_engagement.reconnect_campaign;
    let unit = &mut world.account_engagement;
    // One campaign here has at most one there, and the other way round.
    if unit.campaign_of(&salesforce_id).is_some_and(|other| other.id != id) {
        return Err(Refusal::about(154, name));
    }
    let own = unit.campaigns.now(&id).and_then(|campaign| campaign.salesforce_id.clone());
    match own {
        Some(own) if own == salesforce_id => return Ok(()),
        Some(_) if reconnect == Reconnect::Refuse => return Err(Refusal::about(154, name)),
        Some(own) => unit.campaigns_by_salesforce_id.remove(&own),
        None => None,
    };
    unit.campaigns_by_salesforce_id.insert(salesforce_id.clone(), id);
    unit.campaigns.change(&id, now, |campaign| {
        campaign.salesforce_id = Some(salesforce_id);
        campaign.salesforce_modified_at = Timestamp(0);
        campaign.updated_at = now;
    });
    Ok(())
}

fn name(value: Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn is_synced(options: &Options, record_type: Value) -> bool {
    let Some(synced) = &options.synced_record_types else { return true };
    record_type.as_str().is_some_and(|id| synced.iter().any(|synced| synced == id))
}

fn delay(delay: CampaignDelay, number: u64) -> Duration {
    match delay {
        CampaignDelay::Fixed(delay) => delay,
        CampaignDelay::Drawn { seed, from, to } => {
            let choices = to.saturating_sub(from).as_secs() + 1;
            from + Duration::from_secs(draw(seed, number) % choices)
        }
    }
}

impl AccountEngagement {
    pub(super) fn add_campaign(&mut self, name: String, salesforce_id: Option<String>, at: Timestamp) -> u64 {
        let id = DEFAULT_CAMPAIGN + self.campaigns.len() as u64;
        if let Some(salesforce_id) = &salesforce_id {
            self.campaigns_by_salesforce_id.insert(salesforce_id.clone(), id);
        }
        let campaign = Campaign { id, name, salesforce_id, created_at: at, updated_at: at, salesforce_modified_at: at };
        self.campaigns.insert(id, at, campaign);
        id
    }

    /// By the Salesforce id of 18 characters.
    pub fn campaign_of(&self, salesforce_id: &str) -> Option<&Campaign> {
        self.campaigns_by_salesforce_id.get(salesforce_id).and_then(|id| self.campaigns.now(id))
    }
}
