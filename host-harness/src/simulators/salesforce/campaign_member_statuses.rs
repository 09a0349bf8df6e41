//! CampaignMemberStatus: which labels a campaign's members may have. [confirmed] unless said otherwise,
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_campaignmemberstatus.htm>:
//! a new campaign has `Sent` (the default) and `Responded`; SortOrder is unique in a campaign; one is the default and one
//! is a response at all times; the default and what members have cannot be deleted. A second label of the same text is
//! refused like a second SortOrder, and a new default takes the place of the old [inferred]; both are switches.

use super::{
    Record, Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::Refusal,
};
use crate::simulators::unknowns::{SalesforceUnknowns, SecondDefaultStatus, SecondStatusLabel};
use serde_json::{Map, Value, json};

pub(super) static STATUS: ObjectType =
    ObjectType { name: "CampaignMemberStatus", prefix: "01Y", writes: Writes::All, fields: &FIELDS };

static FIELDS: [Field; 5] = [
    Field::new("CampaignId", "Campaign ID", Reference("Campaign", "Campaign"), RequiredOnce),
    Field::new("Label", "Label", Text(765), RequiredOnce),
    Field::new("SortOrder", "Sort Order", Integer, Writable),
    Field::new("IsDefault", "Default", Boolean, Writable),
    Field::new("HasResponded", "Responded", Boolean, Writable),
];

fn refused() -> Refusal {
    let message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
    Refusal::new(400, "DUPLICATE_VALUE", message)
}

impl Salesforce {
    pub(super) fn statuses_of(&self, campaign: &str) -> impl Iterator<Item = &Record> {
        self.children_of(campaign, STATUS.name)
    }

    pub(super) fn add_first_statuses(&mut self, campaign: &str) {
        for (order, (label, responded)) in [("Sent", false), ("Responded", true)].into_iter().enumerate() {
            let fields = json!({
                "CampaignId": campaign, "Label": label, "SortOrder": order + 1,
                "IsDefault": !responded, "HasResponded": responded,
            });
            self.found(STATUS.name, fields);
        }
    }

    /// What must be so before a status is made or changed, `own` being the one that is changed; and what is filled in.
    pub(super) fn status_checked(
        &self,
        fields: &mut Map<String, Value>,
        own: Option<&Record>,
        unknowns: &SalesforceUnknowns,
    ) -> Result<(), Refusal> {
        let campaign = own.map_or_else(|| fields.get("CampaignId").cloned(), |own| Some(own.value("CampaignId")));
        let campaign = campaign.as_ref().and_then(Value::as_str).unwrap_or_default();
        let others: Vec<_> =
            self.statuses_of(campaign).filter(|other| own.is_none_or(|own| own.id != other.id)).collect();
        if own.is_none() {
            for name in ["IsDefault", "HasResponded"] {
                if fields.get(name).is_none_or(Value::is_null) {
                    fields.insert(name.to_owned(), json!(false));
                }
            }
            if fields.get("SortOrder").is_none_or(Value::is_null) {
                let last = others.iter().filter_map(|other| other.value("SortOrder").as_i64()).max().unwrap_or(0);
                fields.insert("SortOrder".into(), json!(last.saturating_add(1)));
            }
        }
        let same = |name: &str| {
            let wanted = fields.get(name).filter(|value| !value.is_null());
            wanted.is_some_and(|wanted| others.iter().any(|other| alike(&other.value(name), wanted)))
        };
        let second_default = fields.get("IsDefault") == Some(&json!(true))
            && others.iter().any(|other| other.value("IsDefault") == json!(true));
        if same("SortOrder")
            || (same("Label") && unknowns.second_status_label == SecondStatusLabel::Refused)
            || (second_default && unknowns.second_default_status == SecondDefaultStatus::Refused)
        {
            return Err(refused());
        }
        let without = |name: &str| {
            let now = fields.get(name).cloned().or_else(|| own.map(|own| own.value(name)));
            now != Some(json!(true)) && others.iter().all(|other| other.value(name) != json!(true))
        };
        if without("IsDefault") || (own.is_some() && without("HasResponded")) {
            return Err(refused());
        }
        Ok(())
    }

    /// A new default takes the place of the old.
    pub(super) fn status_written(&mut self, id: &str) {
        let Some(own) = self.records.now(id).filter(|own| own.value("IsDefault") == json!(true)) else { return };
        let campaign = own.value("CampaignId");
        let campaign = campaign.as_str().unwrap_or_default();
        let others: Vec<_> = self
            .statuses_of(campaign)
            .filter(|other| other.id != id && other.value("IsDefault") == json!(true))
            .map(|other| other.id.clone())
            .collect();
        let now = self.clock.now();
        for other in others {
            self.records.change(&other, now, |status| {
                status.fields.insert("IsDefault".into(), json!(false));
                status.modified_at = now;
            });
        }
    }

    pub(super) fn status_removable(&self, id: &str) -> Result<(), Refusal> {
        let Some(own) = self.records.now(id) else { return Ok(()) };
        let campaign = own.value("CampaignId");
        let campaign = campaign.as_str().unwrap_or_default();
        let used = self.members_of(campaign).any(|member| alike(&member.value("Status"), &own.value("Label")));
        let responds = |status: &Record| status.value("HasResponded") == json!(true);
        let last = responds(own) && !self.statuses_of(campaign).any(|other| other.id != id && responds(other));
        match own.value("IsDefault") == json!(true) || used || last {
            true => Err(Refusal::new(
                400,
                "DELETE_FAILED",
                "This member status is the default, in use, or the last that counts as a response",
            )),
            false => Ok(()),
        }
    }
}

/// Text without regard to case, numbers by value.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_lowercase() == b.to_lowercase(),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}
