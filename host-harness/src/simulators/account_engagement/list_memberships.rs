//! List memberships. <https://developer.salesforce.com/docs/marketing/pardot/guide/list-membership-v5.html>.
//! Adding a member a second time is code 58; only `optedOut` can be changed; the members of a dynamic list are its rule's
//! [confirmed].

use super::{
    AccountEngagement,
    body::Body,
    errors::Refusal,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        unknowns::{DeletedMembership, OptedOutMembership},
    },
};

pub(super) static LIST_MEMBERSHIP: Object = Object {
    path: "objects/list-memberships",
    fields: &[
        "id",
        "listId",
        "prospectId",
        "optedOut",
        "isDeleted",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("list", Kind::List, "listId"),
        ("prospect", Kind::Prospect, "prospectId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[
        Filter::Number("listId"),
        Filter::Number("prospectId"),
        Filter::Number("id"),
        Filter::Time("createdAt"),
        Filter::Time("updatedAt"),
    ],
    sorts: &["id", "createdAt", "updatedAt", "listId"],
};

#[derive(Clone, Debug)]
pub struct ListMembership {
    pub id: u64,
    pub list_id: u64,
    pub prospect_id: u64,
    pub opted_out: bool,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ListMembership {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "listId" => Field::Int(self.list_id),
            "prospectId" => Field::Int(self.prospect_id),
            "optedOut" => Field::Bool(self.opted_out),
            "isDeleted" => Field::Bool(self.is_deleted),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = body.only(&["listId", "prospectId", "optedOut"])?;
    body.required("listId")?;
    body.required("prospectId")?;
    let (list_id, prospect_id) = (body.id("listId", 55)?.unwrap_or(0), body.id("prospectId", 3)?.unwrap_or(0));
    let opted_out = body.flag("optedOut")?.unwrap_or(false);
    let now = world.now();
    let unit = &world.account_engagement;
    // Whom the API's user does not see is not there [inferred].
    let there = unit.prospects.now(&prospect_id).filter(|prospect| !prospect.is_deleted && unit.sees(prospect));
    there.ok_or(Refusal::code(3))?;
    takes_members(world, list_id)?;
    let (unit, unknowns) = (&mut world.account_engagement, &world.options.unknowns.account_engagement);
    let stands = |membership: &ListMembership| {
        let deleted_counts = unknowns.deleted_membership == DeletedMembership::AlreadyMember;
        membership.list_id == list_id && (deleted_counts || !membership.is_deleted)
    };
    let mut known = unit.memberships_of(prospect_id).into_iter().filter_map(|id| unit.list_memberships.now(&id));
    let opted_out_is_in = unknowns.opted_out_membership == OptedOutMembership::InAgain;
    match known.find(|membership| stands(membership)).map(|known| (known.id, known.opted_out && !known.is_deleted)) {
        None => {}
        Some((id, true)) if opted_out_is_in => {
            unit.list_memberships.change(&id, now, |membership| {
                membership.opted_out = opted_out;
                membership.updated_at = now;
            });
            return Ok(id);
        }
        Some(_) => return Err(Refusal::code(58)),
    }
    Ok(insert(unit, list_id, prospect_id, opted_out, now))
}

pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let opted_out = body.writes(&LIST_MEMBERSHIP, &["optedOut"])?.flag("optedOut")?;
    is_static(world, list_of(world, id))?;
    let now = world.now();
    world.account_engagement.list_memberships.change(&id, now, |membership| {
        membership.opted_out = opted_out.unwrap_or(membership.opted_out);
        membership.updated_at = now;
    });
    Ok(())
}

pub(super) fn delete(world: &mut World, id: u64) -> Result<(), Refusal> {
    is_static(world, list_of(world, id))?;
    let now = world.now();
    world.account_engagement.list_memberships.change(&id, now, |membership| {
        membership.is_deleted = true;
        membership.updated_at = now;
    });
    Ok(())
}

fn list_of(world: &World, id: u64) -> u64 {
    world.account_engagement.list_memberships.now(&id).map_or(0, |membership| membership.list_id)
}

/// Members of a dynamic list come and go by its rule, and are not to be written [confirmed]; which code says so is
/// [unknown].
fn is_static(world: &World, list: u64) -> Result<(), Refusal> {
    let code = world.options.unknowns.account_engagement.dynamic_list_code;
    let dynamic = world.account_engagement.lists.now(&list).is_some_and(|list| list.is_dynamic);
    if dynamic { Err(Refusal::code(code)) } else { Ok(()) }
}

/// Whether the list is there and its members may be written.
pub(super) fn takes_members(world: &World, list: u64) -> Result<(), Refusal> {
    world.account_engagement.lists.now(&list).filter(|list| !list.is_deleted).ok_or(Refusal::code(55))?;
    is_static(world, list)
}

/// Makes somebody a member, or no member: who is it already stays as they are.
pub(super) fn put(unit: &mut AccountEngagement, list_id: u64, prospect_id: u64, is_member: bool, at: Timestamp) {
    let mut known = unit.memberships_of(prospect_id).into_iter().filter_map(|id| unit.list_memberships.now(&id));
    let known = known.find(|membership| membership.list_id == list_id).map(|membership| membership.id);
    match known {
        Some(id) if unit.list_memberships.now(&id).is_some_and(|known| known.is_deleted == is_member) => {
            unit.list_memberships.change(&id, at, |membership| {
                membership.is_deleted = !is_member;
                membership.updated_at = at;
            });
        }
        Some(_) => {}
        None if is_member => {
            insert(unit, list_id, prospect_id, false, at);
        }
        None => {}
    }
}

fn insert(unit: &mut AccountEngagement, list_id: u64, prospect_id: u64, opted_out: bool, at: Timestamp) -> u64 {
    let id = 700_001 + unit.list_memberships.len() as u64;
    let membership =
        ListMembership { id, list_id, prospect_id, opted_out, is_deleted: false, created_at: at, updated_at: at };
    unit.list_memberships.insert(id, at, membership);
    unit.memberships_by_prospect.entry(prospect_id).or_default().push(id);
    id
}
