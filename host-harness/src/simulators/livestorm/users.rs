//! The workspace's team. <https://developers.livestorm.co/docs/objects>; attributes as in answers that a public client recorded
//! [confirmed]. Inviting is 201, removing 204 [confirmed]; who is invited has no name until they accept, is a moderator unless
//! said otherwise, and the owner cannot be removed [inferred]. Events of who is removed fall to the owner [inferred].

use super::{
    Livestorm,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    filters,
    paging::page,
    registrations::is_email,
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::{Answer, Call, json, no_content},
    },
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
    pub(super) fn resource(&self) -> Value {
        let attributes = json!({
            "role": self.role.name(),
            "created_at": self.created_at.seconds(),
            "updated_at": self.created_at.seconds(),
            "first_name": name(&self.first_name),
            "last_name": name(&self.last_name),
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

fn name(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

impl Livestorm {
    /// `false` where there is no such member, or it is the owner.
    pub fn remove_team_member(&mut self, member: &str) -> bool {
        let is_owner = self.owner().id == member;
        !is_owner && self.team.remove(member, self.clock.now())
    }
}

/// `GET /v1/users`. Here `filter[email]` never looks at case [confirmed].
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    filters::known(call, &["role", "pending_invite", "email"], unknowns)?;
    if unknowns.html_server_errors && filters::text(call, "email").is_some() {
        return Err(Refusal::broken());
    }
    let role = filters::one_of(call, "role", &["host", "moderator"], unknowns)?;
    let pending = filters::flag(call, "pending_invite")?;
    let fits = |member: &&TeamMember| {
        role.is_none_or(|role| role == member.role.name())
            && pending.is_none_or(|pending| pending == member.pending_invite)
            && filters::text(call, "email").is_none_or(|email| email.to_lowercase() == member.email.to_lowercase())
    };
    let (members, meta) = page(call, world.livestorm.team.all_at(when).filter(fits).collect(), unknowns)?;
    Ok(json!({ "data": members.into_iter().map(TeamMember::resource).collect::<Vec<_>>(), "meta": meta }))
}

/// `POST /v1/users`
pub(super) fn invite(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    let body = Body::read(call, "users", unknowns)?;
    let email = body.needed_text("email")?;
    if !is_email(&email) {
        return Err(body.wrong("email is invalid"));
    }
    let role = match body.filled("role")?.as_deref() {
        None | Some("moderator") => TeamRole::Moderator,
        Some("host") => TeamRole::Host,
        Some(_) => return Err(body.wrong("role must be host or moderator")),
    };
    if world.livestorm.team.all().any(|member| member.email.to_lowercase() == email.to_lowercase()) {
        return Err(Refusal::by_rule(unknowns.user_exists_status, "email has already been taken"));
    }
    let new = NewTeamMember { email, first_name: String::new(), last_name: String::new(), role, pending_invite: true };
    let id = world.livestorm.add_team_member(new);
    let member = world.livestorm.team.now(&id).ok_or_else(Refusal::not_found)?;
    Ok(json(201, CONTENT_TYPE, &json!({ "data": member.resource() })))
}

/// `DELETE /v1/users/{id}`
pub(super) fn remove(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    world.livestorm.team.now(id).ok_or_else(Refusal::not_found)?;
    match world.livestorm.remove_team_member(id) {
        true => Ok(no_content()),
        false => Err(Refusal::by_rule(422, "The owner can't be removed")),
    }
}
