//! Which members and statuses hang on which campaign, lead or contact, and what each member adds to its campaign's counts:
//! so that the write of one member looks at that member alone. Promises: what is here follows the records; deleted records
//! stay listed and are passed over by whoever reads.

use super::{Record, Salesforce, campaign_member_statuses::STATUS, campaign_members::MEMBER};
use serde_json::{Value, json};
use std::collections::HashMap;

const COUNTS: [&str; 4] = ["NumberOfLeads", "NumberOfConvertedLeads", "NumberOfContacts", "NumberOfResponses"];

#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    /// By the id of a campaign, lead or contact, in the order in which they were made.
    children: HashMap<String, Vec<String>>,
    /// By the id of a member: in the order of `COUNTS`.
    counted: HashMap<String, [i64; 4]>,
}

impl Salesforce {
    /// A member or status was made, or has another parent.
    pub(super) fn filed(&mut self, id: &str) {
        let Some(record) = self.records.now(id).filter(|r| r.object == MEMBER.name || r.object == STATUS.name) else {
            return;
        };
        for name in ["CampaignId", "LeadId", "ContactId"] {
            if let Some(Value::String(parent)) = record.fields.get(name) {
                let children = self.membership.children.entry(parent.clone()).or_default();
                if !children.iter().rev().any(|child| child == id) {
                    children.push(id.to_owned());
                }
            }
        }
    }

    /// Live members or statuses of a campaign, lead or contact.
    pub(super) fn children_of<'a>(&'a self, parent: &str, object: &'a str) -> impl Iterator<Item = &'a Record> {
        let children = self.membership.children.get(parent).into_iter().flatten();
        children.filter_map(|id| self.records.now(id)).filter(move |r| r.object == object && !r.is_deleted)
    }

    /// The campaign's counts follow this member, as it is or as it is gone.
    pub(super) fn count_member(&mut self, id: &str) {
        let Some(member) = self.records.now(id) else { return };
        let Some(campaign) = member.fields.get("CampaignId").and_then(Value::as_str).map(str::to_owned) else { return };
        let text = |name: &str| member.fields.get(name).and_then(Value::as_str);
        let now = match member.is_deleted {
            true => [0; 4],
            false => {
                let converted = text("LeadId").is_some_and(|lead| self.is_converted(lead));
                let responded = member.fields.get("HasResponded") == Some(&json!(true));
                [text("LeadId").is_some(), converted, text("ContactId").is_some(), responded].map(i64::from)
            }
        };
        let before = self.membership.counted.insert(id.to_owned(), now).unwrap_or_default();
        if before == now {
            return;
        }
        let at = self.clock.now();
        self.records.change(&campaign, at, |record| {
            for (n, name) in COUNTS.into_iter().enumerate() {
                let known = record.fields.get(name).and_then(Value::as_i64).unwrap_or(0);
                record.fields.insert(name.to_owned(), json!(known - before[n] + now[n]));
            }
        });
    }
}
