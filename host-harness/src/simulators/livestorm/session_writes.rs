//! Making, changing and deleting sessions by the API: `name`, `estimated_started_at`, `timezone`, and `embed_url` on a change
//! (the vendor's OpenAPI, as public clients carry it, and Livestorm's own sample) [confirmed]. 201, 200 and 204.
//!
//! Promises: nothing is made or changed where anything is refused. The application deletes no session that somebody has
//! registered for (<https://support.livestorm.co/article/73-recurring-events>); that the API answers 422 is [inferred], and a switch.

use super::{
    Livestorm, NewRegistrant, NewSession, Role,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    times,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::{Answer, Call, json, no_content},
        unknowns::{DeleteRegisteredSession, LivestormUnknowns, PutOmitted},
    },
};
use serde_json::{Value, json};

/// What a request wants of a session: only what it names.
pub(super) struct SessionWish {
    name: Option<Option<String>>,
    estimated_started_at: Option<Option<Timestamp>>,
    timezone: Option<String>,
    embed_url: Option<Option<String>>,
}

impl SessionWish {
    pub fn read(body: &Body) -> Result<SessionWish, Refusal> {
        let estimated_started_at = match body.text("estimated_started_at")? {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => {
                let read = times::read(text.trim());
                Some(Some(read.ok_or_else(|| body.wrong("estimated_started_at must be a time"))?))
            }
        };
        let timezone = body.not_blank("timezone")?;
        if timezone.as_deref().is_some_and(|zone| !times::is_zone(zone)) {
            return Err(body.wrong("timezone must be one of the IANA database"));
        }
        let owned = |text: Option<Option<&str>>| text.map(|text| text.map(str::to_owned));
        Ok(SessionWish {
            name: owned(body.text("name")?),
            estimated_started_at,
            timezone,
            embed_url: owned(body.text("embed_url")?),
        })
    }

    pub fn new_session(self) -> NewSession {
        let usual = NewSession::default();
        NewSession {
            starts_at: self.estimated_started_at.flatten(),
            name: self.name.flatten(),
            timezone: self.timezone.unwrap_or(usual.timezone),
            breakout_room_of: None,
        }
    }

    /// PUT, where what it leaves out is as in a new session.
    fn whole(mut self) -> SessionWish {
        self.name.get_or_insert(None);
        self.estimated_started_at.get_or_insert(None);
        self.timezone.get_or_insert_with(|| NewSession::default().timezone);
        self.embed_url.get_or_insert(None);
        self
    }
}

impl Livestorm {
    /// With its registrants. `false` where there is no such session.
    pub fn delete_session(&mut self, session: &str) -> bool {
        let people: Vec<String> = self.people_of(session, Timestamp::MAX).map(|p| p.person_id.clone()).collect();
        people.iter().for_each(|person| {
            self.remove_registrant(session, person);
        });
        self.sessions.remove(session, self.clock.now())
    }
}

/// `POST /v1/events/{id}/sessions`
pub(super) fn create(world: &mut World, call: &Call, event: &str) -> Result<Answer, Refusal> {
    let unknowns = world.options.unknowns.livestorm.clone();
    world.livestorm.events.now(event).ok_or_else(Refusal::not_found)?;
    let mut body = Body::read(call, "sessions", &unknowns)?;
    let people = body.related("people")?.unwrap_or_default();
    let people = people.iter().map(|person| taking_part(&body, world, person)).collect::<Result<Vec<_>, _>>()?;
    let new = SessionWish::read(&body)?.new_session();
    let id = world.livestorm.create_session(event, new);
    for person in people {
        // The owner is there already, and nobody is there twice.
        let _ = world.livestorm.register(&id, person);
    }
    shown(world, 201, &id, &unknowns)
}

/// `{"data": {"type": "people", "id", "role"}}`: somebody whom the workspace knows, who takes part from the start.
fn taking_part(body: &Body, world: &World, related: &Value) -> Result<NewRegistrant, Refusal> {
    let said = related.get("data").unwrap_or(related);
    let role = match said.get("role").and_then(Value::as_str) {
        Some("team_member") => Role::TeamMember,
        Some("participant") => Role::Participant,
        _ => return Err(body.wrong("role must be team_member or participant")),
    };
    let id = said.get("id").and_then(Value::as_str).unwrap_or_default();
    let known = world.livestorm.profile(id, world.now());
    let known = known.ok_or_else(|| Refusal::by_rule(422, "people must exist"))?;
    Ok(NewRegistrant {
        email: known.email,
        first_name: known.first_name,
        last_name: known.last_name,
        role,
        ..NewRegistrant::default()
    })
}

/// `PATCH` and `PUT /v1/sessions/{id}`
pub(super) fn update(world: &mut World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let unknowns = world.options.unknowns.livestorm.clone();
    world.livestorm.sessions.now(id).ok_or_else(Refusal::not_found)?;
    let wish = SessionWish::read(&Body::read(call, "sessions", &unknowns)?)?;
    let is_whole = call.method == http::Method::PUT && unknowns.put_omitted == PutOmitted::Reset;
    let wish = if is_whole { wish.whole() } else { wish };
    let now = world.now();
    world.livestorm.sessions.change(id, now, |session| {
        session.name = wish.name.unwrap_or_else(|| session.name.clone());
        session.estimated_started_at = wish.estimated_started_at.unwrap_or(session.estimated_started_at);
        session.timezone = wish.timezone.unwrap_or_else(|| session.timezone.clone());
        session.embed_url = wish.embed_url.unwrap_or_else(|| session.embed_url.clone());
        session.updated_at = now;
    });
    shown(world, 200, id, &unknowns)
}

/// `DELETE /v1/sessions/{id}`
pub(super) fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let rule = world.options.unknowns.livestorm.delete_registered_session;
    let livestorm = &mut world.livestorm;
    livestorm.sessions.now(id).ok_or_else(Refusal::not_found)?;
    let has_registrants = livestorm.people_of(id, Timestamp::MAX).any(|person| person.role == Role::Participant);
    if has_registrants && rule == DeleteRegisteredSession::Refuse {
        return Err(Refusal::by_rule(422, "A session that has registrants can't be deleted"));
    }
    livestorm.delete_session(id);
    Ok(no_content())
}

fn shown(world: &World, status: u16, id: &str, unknowns: &LivestormUnknowns) -> Result<Answer, Refusal> {
    let session = world.livestorm.sessions.now(id).ok_or_else(Refusal::not_found)?;
    let row = world.livestorm.session_resource(session, world.now(), unknowns);
    Ok(json(status, CONTENT_TYPE, &json!({ "data": row })))
}
