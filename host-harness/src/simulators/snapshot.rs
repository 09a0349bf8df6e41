//! What is true, in plain data: for an oracle to compare, and for tests of oracles to spoil.
//!
//! Promises: the truth, not what a lagging reader sees; nothing deleted; the order in which things were made. Not here:
//! what should be true.

use super::{
    World,
    account_engagement::campaigns::mirror,
    lagged::Lagged,
    livestorm::{Livestorm, Registration, Role},
};
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub campaigns: Vec<CampaignSeen>,
    pub lists: Vec<ListSeen>,
    pub prospects: Vec<ProspectSeen>,
    pub list_memberships: Vec<ListMembershipSeen>,
    pub external_activities: Vec<ExternalActivitySeen>,
    /// By the name of the API.
    pub requests: BTreeMap<String, u64>,
    #[serde(default)]
    pub leads: Vec<RecordSeen>,
    #[serde(default)]
    pub contacts: Vec<RecordSeen>,
    #[serde(default)]
    pub accounts: Vec<RecordSeen>,
    #[serde(default)]
    pub campaign_members: Vec<RecordSeen>,
    #[serde(default)]
    pub member_statuses: Vec<RecordSeen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<FormSeen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form_handlers: Vec<FormSeen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visitor_activities: Vec<VisitorActivitySeen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrants: Vec<RegistrantSeen>,
}

/// A participant who is registered for a session in Livestorm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrantSeen {
    pub session_id: String,
    pub email: String,
    pub is_from_api: bool,
}

/// A Salesforce record of another object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSeen {
    pub salesforce_id: String,
    /// What is not null, by the names of describe.
    pub fields: BTreeMap<String, Value>,
}

/// A Salesforce campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignSeen {
    pub salesforce_id: String,
    /// Nothing, until Connected Campaigns has brought it over.
    pub account_engagement_id: Option<u64>,
    pub name: String,
    /// `2026-11-22`
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSeen {
    pub id: u64,
    pub name: String,
    pub description: Option<String>,
    pub campaign_id: Option<u64>,
    pub campaign_salesforce_id: Option<String>,
    pub campaign_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProspectSeen {
    pub id: u64,
    pub email: String,
    /// What is not null, by API names. Without the address and the campaign.
    pub fields: BTreeMap<String, Value>,
    pub source_campaign_id: u64,
    pub source_campaign_salesforce_id: Option<String>,
    pub source_campaign_name: Option<String>,
    pub opted_out: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMembershipSeen {
    pub list_id: u64,
    pub list_name: String,
    pub prospect_id: u64,
    pub prospect_email: String,
    pub opted_out: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalActivitySeen {
    pub extension: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub email: String,
    /// Nothing where it was taken and lost.
    pub prospect_id: Option<u64>,
    pub value: String,
    pub activity_date: Timestamp,
}

/// A form, or a form handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSeen {
    pub id: u64,
    pub name: String,
    pub campaign_id: u64,
    pub campaign_name: Option<String>,
    /// Where it is found and posted to.
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorActivitySeen {
    pub id: u64,
    #[serde(rename = "type")]
    pub kind: u64,
    pub details: String,
    pub campaign_id: Option<u64>,
    pub form_id: Option<u64>,
    pub form_handler_id: Option<u64>,
    pub prospect_id: Option<u64>,
    pub prospect_email: Option<String>,
    pub created_at: Timestamp,
}

impl World {
    pub fn snapshot(&mut self) -> Snapshot {
        mirror(self);
        let unit = &self.account_engagement;
        let text = |value: Value| value.as_str().map(str::to_owned);
        let campaigns =
            self.salesforce.campaigns().filter(|campaign| !campaign.is_deleted).map(|campaign| CampaignSeen {
                salesforce_id: campaign.id.clone(),
                account_engagement_id: unit.campaign_of(&campaign.id).map(|campaign| campaign.id),
                name: text(campaign.value("Name")).unwrap_or_default(),
                start_date: text(campaign.value("StartDate")),
                end_date: text(campaign.value("EndDate")),
                description: text(campaign.value("Description")),
            });
        let lists = unit.lists.all().filter(|list| !list.is_deleted).map(|list| {
            let campaign = list.campaign_id.and_then(|id| unit.campaigns.now(&id));
            ListSeen {
                id: list.id,
                name: list.name.clone(),
                description: list.description.clone(),
                campaign_id: list.campaign_id,
                campaign_salesforce_id: campaign.and_then(|campaign| campaign.salesforce_id.clone()),
                campaign_name: campaign.map(|campaign| campaign.name.clone()),
            }
        });
        let prospects = unit.prospects.all().filter(|prospect| !prospect.is_deleted).map(|prospect| {
            let campaign = unit.campaigns.now(&prospect.campaign_id);
            ProspectSeen {
                id: prospect.id,
                email: prospect.email.clone(),
                fields: prospect.fields.clone(),
                source_campaign_id: prospect.campaign_id,
                source_campaign_salesforce_id: campaign.and_then(|campaign| campaign.salesforce_id.clone()),
                source_campaign_name: campaign.map(|campaign| campaign.name.clone()),
                opted_out: prospect.opted_out(),
            }
        });
        let memberships = unit.list_memberships.all().filter(|membership| !membership.is_deleted).map(|membership| {
            let (list, prospect) = (unit.lists.now(&membership.list_id), unit.prospects.now(&membership.prospect_id));
            ListMembershipSeen {
                list_id: membership.list_id,
                list_name: list.map(|list| list.name.clone()).unwrap_or_default(),
                prospect_id: membership.prospect_id,
                prospect_email: prospect.map(|prospect| prospect.email.clone()).unwrap_or_default(),
                opted_out: membership.opted_out,
            }
        });
        let activities = unit.external_activities.all().map(|activity| ExternalActivitySeen {
            extension: activity.extension.clone(),
            kind: activity.kind.clone(),
            email: activity.email.clone(),
            prospect_id: activity.prospect_id,
            value: activity.value.clone(),
            activity_date: activity.activity_date,
        });
        let form = |id: u64, name: &str, campaign_id: u64, path: String| {
            let campaign_name = unit.campaigns.now(&campaign_id).map(|campaign| campaign.name.clone());
            FormSeen { id, name: name.to_owned(), campaign_id, campaign_name, path }
        };
        let forms = unit.forms.all().filter(|form| !form.is_deleted);
        let forms = forms.map(|f| form(f.id, &f.name, f.campaign_id, f.path()));
        let handlers = unit.form_handlers.all().filter(|handler| !handler.is_deleted);
        let handlers = handlers.map(|h| form(h.id, &h.name, h.campaign_id, h.path()));
        let visitor_activities = unit.visitor_activities.all().map(|activity| {
            let prospect = activity.prospect_id.and_then(|id| unit.prospects.now(&id));
            VisitorActivitySeen {
                id: activity.id,
                kind: activity.kind,
                details: activity.details.clone(),
                campaign_id: activity.campaign_id,
                form_id: activity.form_id,
                form_handler_id: activity.form_handler_id,
                prospect_id: activity.prospect_id,
                prospect_email: prospect.map(|prospect| prospect.email.clone()),
                created_at: activity.created_at,
            }
        });
        let seen = |object: &str| {
            let live = self.salesforce.records.all().filter(|record| record.object == object && !record.is_deleted);
            let fields = |fields: &serde_json::Map<String, Value>| {
                fields
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            };
            live.map(|record| RecordSeen { salesforce_id: record.id.clone(), fields: fields(&record.fields) }).collect()
        };
        Snapshot {
            campaigns: campaigns.collect(),
            lists: lists.collect(),
            prospects: prospects.collect(),
            list_memberships: memberships.collect(),
            external_activities: activities.collect(),
            requests: self.request_counts(),
            leads: seen("Lead"),
            contacts: seen("Contact"),
            accounts: seen("Account"),
            campaign_members: seen("CampaignMember"),
            member_statuses: seen("CampaignMemberStatus"),
            forms: forms.collect(),
            form_handlers: handlers.collect(),
            visitor_activities: visitor_activities.collect(),
            registrants: self.livestorm.registrants_seen(),
        }
    }
}

impl Livestorm {
    /// By session, and of each in the order in which they came.
    fn registrants_seen(&self) -> Vec<RegistrantSeen> {
        let mut sessions: Vec<_> = self.registrations.iter().collect();
        sessions.sort_by_key(|(id, _)| id.as_str());
        let of = |(id, people): (&String, &Vec<Lagged<Registration>>)| {
            let seen = |person: &Registration| RegistrantSeen {
                session_id: id.clone(),
                email: person.email.clone(),
                is_from_api: person.is_from_api,
            };
            people
                .iter()
                .map(Lagged::now)
                .filter(|person| person.role == Role::Participant)
                .map(seen)
                .collect::<Vec<_>>()
        };
        sessions.into_iter().flat_map(of).collect()
    }
}

/// Ways to spoil a snapshot, so that tests see whether an oracle notices. Each says whether there was such a thing.
impl Snapshot {
    pub fn remove_campaign(&mut self, index: usize) -> bool {
        remove(&mut self.campaigns, index)
    }

    pub fn remove_list(&mut self, index: usize) -> bool {
        remove(&mut self.lists, index)
    }

    pub fn remove_prospect(&mut self, index: usize) -> bool {
        remove(&mut self.prospects, index)
    }

    pub fn remove_list_membership(&mut self, index: usize) -> bool {
        remove(&mut self.list_memberships, index)
    }

    pub fn remove_external_activity(&mut self, index: usize) -> bool {
        remove(&mut self.external_activities, index)
    }

    pub fn repeat_external_activity(&mut self, index: usize) -> bool {
        repeat(&mut self.external_activities, index)
    }

    pub fn repeat_campaign(&mut self, index: usize) -> bool {
        repeat(&mut self.campaigns, index)
    }

    pub fn repeat_prospect(&mut self, index: usize) -> bool {
        repeat(&mut self.prospects, index)
    }

    pub fn set_prospect_field(&mut self, index: usize, name: &str, value: Value) -> bool {
        let prospect = self.prospects.get_mut(index);
        prospect.map(|prospect| prospect.fields.insert(name.to_owned(), value)).is_some()
    }
}

fn remove<T>(rows: &mut Vec<T>, index: usize) -> bool {
    let there = index < rows.len();
    if there {
        rows.remove(index);
    }
    there
}

fn repeat<T: Clone>(rows: &mut Vec<T>, index: usize) -> bool {
    let again = rows.get(index).cloned();
    let there = again.is_some();
    rows.extend(again);
    there
}
