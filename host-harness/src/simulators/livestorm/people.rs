//! People in a session. <https://developers.livestorm.co/docs/objects>; attributes as in the vendor's OpenAPI and in
//! answers that public clients recorded, [confirmed] unless said otherwise. Counts and the replay stand beside
//! `registrant_detail`, attendance in it. A person's id is one and the same in all sessions of the workspace
//! [inferred].

use super::{
    Attendance, Event, Livestorm, Occurrence,
    all_people::ROLES,
    errors::Refusal,
    filters::{self, Span},
    includes::Includes,
    paging::page,
    resource,
    webhooks::iso,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::uuid,
        lagged::Lagged,
        request::{Call, encode},
        unknowns::{AttendanceRate, AttendedWhileLive, LivestormUnknowns, ReplayIsTold, WatchedAt},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Participant,
    TeamMember,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Participant => "participant",
            Role::TeamMember => "team_member",
        }
    }
}

/// What a story says about somebody who registers by the web form.
#[derive(Clone, Debug)]
pub struct NewRegistrant {
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// Answers to questions of the event's form: a text, a list of texts, or null.
    pub fields: Vec<(String, Value)>,
    pub role: Role,
    pub is_guest_speaker: bool,
    pub referrer: Option<String>,
    pub utm: Utm,
    /// Not by the web form: there is no browser, and no place.
    pub is_from_api: bool,
}

impl Default for NewRegistrant {
    fn default() -> Self {
        NewRegistrant {
            email: "ana@example.org".into(),
            first_name: "Ana".into(),
            last_name: "Lima".into(),
            fields: vec![],
            role: Role::Participant,
            is_guest_speaker: false,
            referrer: None,
            utm: Utm::default(),
            is_from_api: false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
    pub campaign: Option<String>,
}

/// Why somebody was not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRegistered {
    #[error("no session {0}")]
    NoSession(String),
    /// <https://developers.livestorm.co/docs/requests>: 409.
    #[error("{0} has already been registered")]
    Already(String),
    #[error("The field '{0}' doesn't exist")]
    NoField(String),
}

/// Somebody the workspace knows, by address.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    /// When the workspace first saw them, which may be long before this registration.
    pub created_at: Timestamp,
}

/// One person in one session.
#[derive(Clone, Debug)]
pub struct Registration {
    pub person_id: String,
    pub person_created_at: Timestamp,
    pub event_id: String,
    pub session_id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub fields: Vec<(String, Value)>,
    pub role: Role,
    pub is_guest_speaker: bool,
    pub referrer: Option<String>,
    pub utm: Utm,
    pub is_from_api: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Nothing for who was not in the room, or not told of yet.
    pub attendance: Option<Attendance>,
    /// Percent.
    pub attendance_rate: Option<u32>,
    /// The first time.
    pub replay_watched_at: Option<Timestamp>,
    /// Somebody has taken them off the session. Permanent, and no webhook tells [confirmed].
    pub is_removed: bool,
}

impl Registration {
    /// Whoever holds it joins as this person. Team members have none.
    pub(super) fn password_key(&self) -> Option<String> {
        let key = uuid("password", &format!("{}/{}", self.session_id, self.person_id)).replace('-', "");
        (self.role == Role::Participant).then(|| key[key.len() - 22..].to_owned())
    }

    /// A name that an API registration left out is null [inferred].
    fn shown<'a>(&self, name: &'a str) -> Option<&'a str> {
        (!self.is_from_api || !name.is_empty()).then_some(name)
    }

    pub(super) fn connection_link(&self) -> String {
        let room = format!("https://app.livestorm.co/p/{}/live", self.event_id);
        let email = encode(&self.email);
        match self.password_key() {
            Some(key) => format!("{room}?email={email}&key={key}&s={}", self.session_id),
            None => format!("{room}?email={email}&s={}", self.session_id),
        }
    }
}

/// The browser of somebody who used the web form. Everybody's the same.
pub(super) const BROWSER: [(&str, &str); 6] = [
    ("browser_version", "143.0"),
    ("browser_name", "Firefox"),
    ("os_name", "Linux"),
    ("os_version", "6.12"),
    ("screen_height", "900"),
    ("screen_width", "1440"),
];
/// `PLACE` of everybody.
pub(super) const PLACE: [(&str, &str); 3] =
    [("ip_city", "Lisboa"), ("ip_country_code", "PT"), ("ip_country_name", "Portugal")];

impl Livestorm {
    /// By which people join, of everybody: for whoever looks whether one got about.
    pub fn password_keys(&self) -> Vec<String> {
        let all = self.registrations.values().flatten().filter_map(|person| person.now().password_key());
        let all: std::collections::BTreeSet<String> = all.collect();
        all.into_iter().collect()
    }

    pub(super) fn people_of(&self, session: &str, when: Timestamp) -> impl Iterator<Item = &Registration> {
        let people = self.registrations.get(session).into_iter().flatten().filter_map(move |person| person.at(when));
        people.filter(|person| !person.is_removed)
    }

    pub(super) fn registration(&self, session: &str, person: &str) -> Option<&Registration> {
        let people = self.registrations.get(session)?;
        people.iter().map(Lagged::now).find(|known| known.person_id == person && !known.is_removed)
    }

    /// Somebody watches the recording of a session that has ended, or an on-demand event. Once is kept, whatever follows
    /// [unknown]. `false` where that cannot be.
    pub fn watch_replay(&mut self, session: &str, person: &str, unknowns: &LivestormUnknowns) -> bool {
        let now = self.clock.now();
        let ended = self.sessions.now(session).is_some_and(|session| session.ended_at.is_some());
        let mut is_first = false;
        let watched = (ended || self.is_on_demand(session))
            && self.change_registration(session, person, now, |registration| {
                is_first = registration.replay_watched_at.is_none();
                registration.replay_watched_at.get_or_insert(now);
                if unknowns.updated_at_moves {
                    registration.updated_at = now;
                }
            });
        if watched && (is_first || unknowns.replay_is_told == ReplayIsTold::EachView) {
            self.happened(&Occurrence::WatchedReplay { session: session.to_owned(), person: person.to_owned() });
        }
        watched
    }

    /// Somebody is taken off a session, and may register again. `false` where they were not on it.
    pub fn remove_registrant(&mut self, session: &str, person: &str) -> bool {
        let now = self.clock.now();
        self.in_the_room.remove(&(session.to_owned(), person.to_owned()));
        self.change_registration(session, person, now, |registration| registration.is_removed = true)
    }

    pub(super) fn person_attributes(&self, person: &Registration, unknowns: &LivestormUnknowns) -> Value {
        let event = self.events.now(&person.event_id);
        let answer = |id: &str| match id {
            "email" => Some(person.email.as_str()),
            "first_name" => person.shown(&person.first_name),
            _ => person.shown(&person.last_name),
        };
        let usual = event.into_iter().flat_map(Event::usual_questions);
        let mut fields: Vec<Value> =
            usual.map(|id| json!({ "id": id, "type": "text", "value": answer(id), "required": true })).collect();
        let form = event.map_or(&[][..], |event| &event.fields);
        for asked in form {
            let value = person.fields.iter().find(|(id, _)| *id == asked.id).map_or(&Value::Null, |(_, value)| value);
            let mut field = json!({ "id": asked.id, "type": asked.kind, "value": value, "required": asked.required });
            if asked.custom {
                field["custom"] = json!(true);
            }
            fields.push(field);
        }
        let attendance = person.attendance.clone().unwrap_or_default();
        let is_participant = person.role == Role::Participant;
        let by_form = is_participant && !person.is_from_api;
        let mut detail = json!({
            "event_id": person.event_id,
            "session_id": person.session_id,
            "created_at": person.created_at.seconds(),
            "updated_at": person.updated_at.seconds(),
            "fields": fields,
            "referrer": person.referrer,
            "utm_source": person.utm.source,
            "utm_medium": person.utm.medium,
            "utm_term": person.utm.term,
            "utm_content": person.utm.content,
            "utm_campaign": person.utm.campaign,
            "password_key": person.password_key(),
            "connection_link": person.connection_link(),
            "attended": person.attendance.is_some(),
            "attendance_rate": person.attendance_rate.map(|rate| match unknowns.attendance_rate {
                AttendanceRate::Number => json!(rate),
                AttendanceRate::Text => json!(rate.to_string()),
            }),
            "attendance_duration": attendance.seconds,
            "has_viewed_replay": person.replay_watched_at.is_some(),
            "registration_type": person.is_from_api.then_some("API"),
            "is_highlighted": false,
            "is_guest_speaker": person.is_guest_speaker,
            "session_role": if is_participant { Value::Null } else { json!("team_member") },
        });
        for (name, value) in BROWSER.iter().chain(&PLACE) {
            detail[*name] = if by_form { json!(value) } else { Value::Null };
        }
        json!({
            "role": person.role.name(),
            "created_at": person.person_created_at.seconds(),
            "updated_at": person.updated_at.seconds(),
            "timezone": (!person.is_from_api).then_some("Europe/Lisbon"),
            "first_name": person.shown(&person.first_name),
            "last_name": person.shown(&person.last_name),
            "email": person.email,
            "avatar_link": null,
            "registrant_detail": detail,
            "messages_count": attendance.messages,
            "questions_count": attendance.questions,
            "votes_count": attendance.votes,
            "up_votes_count": attendance.up_votes,
            "replay_view_detail": person.replay_watched_at.map(|at| json!({ "watched_at": match unknowns.watched_at {
                WatchedAt::Seconds => json!(at.seconds()),
                WatchedAt::Milliseconds => json!(at.0),
                WatchedAt::Iso => json!(iso(at)),
            }})),
        })
    }

    pub(super) fn person_resource(&self, person: &Registration, unknowns: &LivestormUnknowns) -> Value {
        resource("people", &person.person_id, self.person_attributes(person, unknowns))
    }
}

/// `GET /v1/sessions/{id}/people`
pub(super) fn of_session(world: &World, call: &Call, session: &str, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.sessions.at(session, when).ok_or_else(Refusal::not_found)?;
    let known = ["role", "attended", "email", "created_since", "created_until", "updated_since", "updated_until"];
    filters::known(call, &known, unknowns)?;
    let role = filters::one_of(call, "role", &ROLES, unknowns)?;
    let attended = filters::flag(call, "attended")?;
    let mut includes = Includes::read(call, &["event", "session", "people"], unknowns)?;
    let is_told = unknowns.attended_while_live == AttendedWhileLive::AsShown;
    let was_there = |person: &Registration| person.attendance.is_some() || !is_told && livestorm.is_in_the_room(person);
    let created = Span::read(call, "created_since", "created_until", unknowns)?;
    let updated = Span::read(call, "updated_since", "updated_until", unknowns)?;
    let fits = |person: &&Registration| {
        role.is_none_or(|role| person.role.name() == role)
            && attended.is_none_or(|attended| was_there(person) == attended)
            && filters::text(call, "email").is_none_or(|email| unknowns.email_match.same(email, &person.email))
            && created.holds(person.created_at)
            && updated.holds(person.updated_at)
    };
    let (people, meta) = page(call, livestorm.people_of(session, when).filter(fits).collect(), unknowns)?;
    let rows = livestorm.people_with(&people, when, &mut includes, unknowns);
    Ok(includes.body(json!(rows), Some(meta)))
}

/// `GET /v1/sessions/{id}/people/{id}`
pub(super) fn one(world: &World, session: &str, person: &str, when: Timestamp) -> Result<Value, Refusal> {
    world.livestorm.sessions.at(session, when).ok_or_else(Refusal::not_found)?;
    let mut people = world.livestorm.people_of(session, when);
    let person = people.find(|known| known.person_id == person).ok_or_else(Refusal::not_found)?;
    Ok(json!({ "data": world.livestorm.person_resource(person, &world.options.unknowns.livestorm) }))
}
