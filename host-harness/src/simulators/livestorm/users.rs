//! The workspace's team. <https://developers.livestorm.co/docs/objects>; attributes [inferred from public clients].

use super::{errors::Refusal, filters, paging::page, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, request::Call},
};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamRole {
    Host,
    Moderator,
}

impl TeamRole {
    fn name(self) -> &'static str {
        match self {
            TeamRole::Host => "host",
            TeamRole::Moderator => "moderator",
        }
    }
}

/// What a story says about a new team member.
#[derive(Clone, Debug)]
pub struct NewTeamMember {
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role: TeamRole,
    pub pending_invite: bool,
}

#[derive(Clone, Debug)]
pub struct TeamMember {
    pub id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role: TeamRole,
    pub pending_invite: bool,
    pub created_at: Timestamp,
}

impl TeamMember {
    fn resource(&self) -> Value {
        let attributes = json!({
            "role": self.role.name(),
            "created_at": self.created_at.seconds(),
            "updated_at": self.created_at.seconds(),
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "avatar_link": null,
            "locale": "en",
            "pending_invite": self.pending_invite,
            "website_link": null,
            "linkedin_link": null,
            "facebook_link": null,
            "twitter_handle": null,
        });
        resource("users", &self.id, attributes)
    }
}

/// `GET /v1/users`. Here `filter[email]` never looks at case [confirmed].
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    filters::known(call, &["role", "pending_invite", "email"], unknowns)?;
    let pending = filters::flag(call, "pending_invite")?;
    let fits = |member: &&TeamMember| {
        filters::text(call, "role").is_none_or(|role| role == member.role.name())
            && pending.is_none_or(|pending| pending == member.pending_invite)
            && filters::text(call, "email").is_none_or(|email| email.to_lowercase() == member.email.to_lowercase())
    };
    let (members, meta) = page(call, world.livestorm.team.all_at(when).filter(fits).collect(), unknowns)?;
    Ok(json!({ "data": members.into_iter().map(TeamMember::resource).collect::<Vec<_>>(), "meta": meta }))
}
