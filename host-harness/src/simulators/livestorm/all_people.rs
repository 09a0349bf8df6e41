//! People across sessions: of one event, and of the whole workspace.
//!
//! Promises: an event's list tells less of each registrant, `event_id`, times and `fields`, whose values are null for team members
//! (answers that a public client recorded) [confirmed]; people of the workspace have no filter by time [confirmed], and whether they
//! have a `registrant_detail` is a switch. One row a person, oldest first: whom an event or the workspace has seen first [inferred];
//! names are those of the latest registration [inferred]. Who was taken off everything is gone [unknown].

use super::{Livestorm, Registration, Role, errors::Refusal, filters, includes::Includes, paging::page, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, request::Call, unknowns::LivestormUnknowns},
};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) const ROLES: [&str; 2] = ["participant", "team_member"];

/// Somebody, as the workspace knows them.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    role: Role,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Profile {
    fn of(registration: &Registration) -> Profile {
        Profile {
            id: registration.person_id.clone(),
            email: registration.email.clone(),
            first_name: registration.first_name.clone(),
            last_name: registration.last_name.clone(),
            role: registration.role,
            created_at: registration.person_created_at,
            updated_at: registration.updated_at,
        }
    }

    fn resource(&self, unknowns: &LivestormUnknowns) -> Value {
        let name = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut attributes = json!({
            "role": self.role.name(),
            "created_at": self.created_at.seconds(),
            "updated_at": self.updated_at.seconds(),
            "first_name": name(&self.first_name),
            "last_name": name(&self.last_name),
            "email": self.email,
        });
        if unknowns.workspace_people_detail {
            attributes["registrant_detail"] = Value::Null;
        }
        resource("people", &self.id, attributes)
    }
}

impl Livestorm {
    /// Everybody, in the order in which the workspace has seen them.
    fn profiles(&self, when: Timestamp) -> Vec<Profile> {
        let mut known: HashMap<String, Profile> = HashMap::new();
        let sessions = self.sessions.all_at(when);
        for registration in sessions.flat_map(|session| self.people_of(&session.id, when)) {
            let profile = known.entry(registration.person_id.clone()).or_insert_with(|| Profile::of(registration));
            if registration.updated_at >= profile.updated_at {
                *profile = Profile::of(registration);
            }
        }
        for member in self.team.all_at(when) {
            let made = self.people.get(&member.email.to_lowercase()).map_or(member.created_at, |p| p.created_at);
            let profile = Profile {
                id: member.id.clone(),
                email: member.email.clone(),
                first_name: member.first_name.clone(),
                last_name: member.last_name.clone(),
                role: Role::TeamMember,
                created_at: made,
                updated_at: member.created_at,
            };
            known.insert(member.id.clone(), profile);
        }
        let mut all: Vec<_> = known.into_values().collect();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        all
    }

    pub(super) fn profile(&self, person: &str, when: Timestamp) -> Option<Profile> {
        self.profiles(when).into_iter().find(|known| known.id == person)
    }

    /// Somebody in one session, whole.
    pub(super) fn person_in(
        &self,
        session: &str,
        person: &str,
        when: Timestamp,
        unknowns: &LivestormUnknowns,
    ) -> Option<Value> {
        let found = self.people_of(session, when).find(|known| known.person_id == person)?;
        Some(self.person_resource(found, unknowns))
    }

    /// A page of a session's people, with what is asked for besides: its event, itself, or each person again by itself.
    pub(super) fn people_with(
        &self,
        people: &[&Registration],
        when: Timestamp,
        includes: &mut Includes,
        unknowns: &LivestormUnknowns,
    ) -> Vec<Value> {
        let with = |person: &&Registration| {
            let mut row = self.person_resource(person, unknowns);
            if includes.has("event") {
                let event = self.events.at(&person.event_id, when);
                includes.relate(&mut row, "event", event.map(|event| self.event_resource(event, when, unknowns)));
            }
            if includes.has("session") {
                let session = self.sessions.at(&person.session_id, when);
                let session = session.map(|session| self.session_resource(session, when, unknowns));
                includes.relate(&mut row, "session", session);
            }
            if includes.has("people") {
                let profile = resource("people", &person.person_id, row["attributes"].clone());
                includes.relate_many(&mut row, "people", vec![profile]);
            }
            row
        };
        people.iter().map(with).collect()
    }

    /// All that an event's sessions know of each person, by the first time that one of them did.
    fn people_of_event(&self, event: &str, when: Timestamp) -> Vec<Vec<&Registration>> {
        let mut place: HashMap<&str, usize> = HashMap::new();
        let mut people: Vec<Vec<&Registration>> = vec![];
        let mut all: Vec<_> = self.sessions_of(event, when).flat_map(|s| self.people_of(&s.id, when)).collect();
        all.sort_by_key(|registration| registration.created_at);
        for registration in all {
            let next = people.len();
            let at = *place.entry(&registration.person_id).or_insert(next);
            if at == next {
                people.push(vec![]);
            }
            people[at].push(registration);
        }
        people
    }

    /// Of one person's registrations, which are never none.
    fn reduced(&self, registrations: &[&Registration], unknowns: &LivestormUnknowns) -> Option<Value> {
        let (first, last) = (registrations.first()?, registrations.iter().max_by_key(|r| r.updated_at)?);
        let mut attributes = self.person_attributes(last, unknowns);
        let mut fields = attributes["registrant_detail"]["fields"].take();
        if last.role == Role::TeamMember {
            let all = fields.as_array_mut().into_iter().flatten();
            all.for_each(|field| field["value"] = Value::Null);
        }
        for count in ["messages_count", "questions_count", "votes_count", "up_votes_count", "replay_view_detail"] {
            attributes.as_object_mut()?.remove(count);
        }
        attributes["registrant_detail"] = json!({
            "event_id": last.event_id,
            "created_at": first.created_at.seconds(),
            "updated_at": last.updated_at.seconds(),
            "fields": fields,
        });
        Some(resource("people", &last.person_id, attributes))
    }
}

/// `GET /v1/events/{id}/people`
pub(super) fn of_event(world: &World, call: &Call, event: &str, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.events.at(event, when).ok_or_else(Refusal::not_found)?;
    filters::known(call, &["role", "email"], unknowns)?;
    let role = filters::one_of(call, "role", &ROLES, unknowns)?;
    let email = filters::text(call, "email");
    let includes = Includes::read(call, &[], unknowns)?;
    let fits = |person: &Vec<&Registration>| {
        person.last().is_some_and(|last| {
            role.is_none_or(|role| role == last.role.name())
                && email.is_none_or(|email| unknowns.email_match.same(email, &last.email))
        })
    };
    let people = livestorm.people_of_event(event, when).into_iter().filter(fits).collect();
    let (people, meta) = page(call, people, unknowns)?;
    let rows: Vec<_> = people.iter().filter_map(|person| livestorm.reduced(person, unknowns)).collect();
    Ok(includes.body(json!(rows), Some(meta)))
}

/// `GET /v1/events/{id}/people/{id}`
pub(super) fn one_of_event(
    world: &World,
    call: &Call,
    event: &str,
    person: &str,
    when: Timestamp,
) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.events.at(event, when).ok_or_else(Refusal::not_found)?;
    filters::of_one(call, unknowns)?;
    let people = livestorm.people_of_event(event, when);
    let found = people.iter().find(|registrations| registrations.iter().any(|r| r.person_id == person));
    let row = found.and_then(|registrations| livestorm.reduced(registrations, unknowns));
    Ok(json!({ "data": row.ok_or_else(Refusal::not_found)? }))
}

/// `GET /v1/people`
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    filters::known(call, &["role", "email"], unknowns)?;
    let role = filters::one_of(call, "role", &ROLES, unknowns)?;
    let email = filters::text(call, "email");
    let includes = Includes::read(call, &[], unknowns)?;
    let fits = |person: &Profile| {
        role.is_none_or(|role| role == person.role.name())
            && email.is_none_or(|email| unknowns.email_match.same(email, &person.email))
    };
    let (people, meta) = page(call, livestorm.profiles(when).into_iter().filter(fits).collect(), unknowns)?;
    let rows: Vec<_> = people.iter().map(|person| person.resource(unknowns)).collect();
    Ok(includes.body(json!(rows), Some(meta)))
}

/// `GET /v1/people/{id}`
pub(super) fn one(world: &World, call: &Call, person: &str, when: Timestamp) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    let found = world.livestorm.profile(person, when).ok_or_else(Refusal::not_found)?;
    filters::of_one(call, unknowns)?;
    Ok(json!({ "data": found.resource(unknowns) }))
}
