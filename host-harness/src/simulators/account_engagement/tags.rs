//! Tags, and which record has which. Which objects take `do/addTag` and `do/removeTag`, and the abilities, are [confirmed]
//! (<https://developer.salesforce.com/docs/marketing/pardot/guide/prospect-v5.html>); that a body names the tag by `tagId`
//! and that adding one answers the tagged object are [inferred from public clients].
//!
//! Promises: a record has a tag once. What removing a tag brings that the record has not: code 109 [inferred].

use super::{
    Ability, AccountEngagement,
    body::Body,
    errors::Refusal,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};
use serde_json::{Value, json};

pub(super) static TAG: Object = Object {
    path: "objects/tags",
    fields: &["id", "name", "createdAt", "updatedAt", "createdById", "updatedById"],
    relations: &[("createdBy", Kind::User, "createdById"), ("updatedBy", Kind::User, "updatedById")],
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt", "name"],
};

#[derive(Clone, Debug)]
pub struct Tag {
    pub id: u64,
    pub name: String,
    pub created_at: Timestamp,
}

impl Tag {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "createdAt" | "updatedAt" => Field::time(self.created_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }
}

impl AccountEngagement {
    /// One that was there before the story. Gives its id.
    pub fn add_tag(&mut self, name: &str) -> u64 {
        self.insert_tag(name.to_owned(), Timestamp(0))
    }

    fn insert_tag(&mut self, name: String, at: Timestamp) -> u64 {
        let id = 6001 + self.tags.len() as u64;
        self.tags.insert(id, at, Tag { id, name, created_at: at });
        id
    }

    /// Ids of the tags that a record has.
    fn tags_of(&self, kind: Kind, id: u64) -> Vec<u64> {
        let own = self.tagged.range((kind.object().path, id, 0)..=(kind.object().path, id, u64::MAX));
        own.map(|(.., tag)| *tag).collect()
    }

    pub fn tags_of_prospect(&self, id: u64) -> Vec<u64> {
        self.tags_of(Kind::Prospect, id)
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let name = body.only(&["name"])?.required_text("name")?;
    if world.account_engagement.tags.all().any(|tag| tag.name == name) {
        return Err(Refusal::code(245));
    }
    let now = world.now();
    Ok(world.account_engagement.insert_tag(name, now))
}

/// Gives the tagged object. A second time changes nothing.
pub(super) fn add(world: &mut World, kind: Kind, id: u64, body: Body) -> Result<Value, Refusal> {
    let tag = wanted(world, body)?;
    world.account_engagement.tagged.insert((kind.object().path, id, tag));
    Ok(json!({ "objectType": object_type(kind), "objectId": id, "tagId": tag }))
}

pub(super) fn remove(world: &mut World, kind: Kind, id: u64, body: Body) -> Result<(), Refusal> {
    let tag = wanted(world, body)?;
    let had = world.account_engagement.tagged.remove(&(kind.object().path, id, tag));
    if had { Ok(()) } else { Err(Refusal::code(109)) }
}

fn wanted(world: &World, body: Body) -> Result<u64, Refusal> {
    let body = body.only(&["tagId"])?;
    body.required("tagId")?;
    let tag = body.id("tagId", 16)?.unwrap_or_default();
    if !world.account_engagement.may(Some(Ability::CreateTags)) {
        return Err(Refusal::code(46));
    }
    world.account_engagement.tags.now(&tag).map(|tag| tag.id).ok_or(Refusal::code(109))
}

/// How a tagged object names the kind of what it tags [inferred].
fn object_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Campaign => "Campaign",
        Kind::List => "List",
        Kind::Form => "Form",
        Kind::FormHandler => "Form Handler",
        _ => "Prospect",
    }
}
