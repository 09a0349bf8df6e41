//! Visitors: browsers that the tracking cookie knows, each of nobody or of a prospect.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/visitor-v5.html>. Read, query and `assignToProspect`,
//! all under "Prospect > Visitors > View", and the fields are [confirmed]; the filters are those of the other objects,
//! and the action's body is `{"prospectId": …}` [inferred]. Not here: `identifyCompany`, which asks a paid service.

use super::{
    AccountEngagement,
    body::Body,
    errors::Refusal,
    record::{Field, Filter, Kind, Object},
};
use crate::{clock::Timestamp, simulators::World};

pub(super) static VISITOR: Object = Object {
    path: "objects/visitors",
    fields: &[
        "id",
        "prospectId",
        "campaignId",
        "isIdentified",
        "doNotSell",
        "hostname",
        "ipAddress",
        "pageViewCount",
        "campaignParameter",
        "contentParameter",
        "mediumParameter",
        "sourceParameter",
        "termParameter",
        "createdAt",
        "updatedAt",
    ],
    relations: &[("prospect", Kind::Prospect, "prospectId"), ("campaign", Kind::Campaign, "campaignId")],
    filters: &[Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

#[derive(Clone, Debug)]
pub struct Visitor {
    pub id: u64,
    /// Nothing, as long as nobody knows whose browser it is.
    pub prospect_id: Option<u64>,
    /// Of the first asset that it came to.
    pub campaign_id: u64,
    pub page_views: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Visitor {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "prospectId" => Field::of(self.prospect_id),
            "campaignId" => Field::Int(self.campaign_id),
            "isIdentified" => Field::Bool(self.prospect_id.is_some()),
            "doNotSell" => Field::Bool(false),
            // Set aside for documentation by RFC 5737.
            "ipAddress" | "hostname" => Field::text("192.0.2.1"),
            "pageViewCount" => Field::Int(self.page_views),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            _ => Field::Null,
        }
    }
}

impl AccountEngagement {
    /// A browser that comes to a form: the one of its cookie, or a new one. Gives its id.
    pub(super) fn visit(&mut self, cookie: Option<u64>, campaign_id: u64, now: Timestamp) -> u64 {
        let seen = |visitor: &mut Visitor| {
            visitor.page_views += 1;
            visitor.updated_at = now;
        };
        match cookie.filter(|id| self.visitors.change(id, now, seen)) {
            Some(id) => id,
            None => {
                let id = 60_000_001 + self.visitors.len() as u64;
                let visitor =
                    Visitor { id, prospect_id: None, campaign_id, page_views: 1, created_at: now, updated_at: now };
                self.visitors.insert(id, now, visitor);
                id
            }
        }
    }

    /// From now on this browser is this prospect's.
    pub(super) fn identify(&mut self, visitor: u64, prospect: u64, now: Timestamp) {
        self.visitors.change(&visitor, now, |visitor| {
            visitor.prospect_id = Some(prospect);
            visitor.updated_at = now;
        });
    }
}

/// `POST /objects/visitors/<id>/do/assignToProspect`.
pub(super) fn assign_to_prospect(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let body = body.only(&["prospectId", "fields"])?;
    body.required("prospectId")?;
    let prospect = body.id("prospectId", 3)?.ok_or(Refusal::code(3))?;
    let now = world.now();
    let unit = &mut world.account_engagement;
    if unit.visitors.now(&id).is_none() {
        return Err(Refusal::code(109));
    }
    if !unit.prospects.now(&prospect).is_some_and(|prospect| !prospect.is_deleted && unit.sees(prospect)) {
        return Err(Refusal::code(3));
    }
    unit.identify(id, prospect, now);
    Ok(())
}
