//! Sessions. <https://developers.livestorm.co/docs/objects>; attributes as in the vendor's OpenAPI and in answers that
//! public clients recorded [confirmed]. A draft session is one whose event is not published; "canceled" is spelt with
//! one l here, with two on events.

use super::{
    Livestorm, Occurrence,
    errors::Refusal,
    filters::{self, Span},
    includes::Includes,
    paging::page,
    resource, times,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::Call,
        unknowns::{LivestormUnknowns, SessionEventField},
    },
};
use serde_json::{Value, json};
use std::time::Duration;

/// "canceled" with one l.
const STATUSES: [&str; 7] = ["upcoming", "live", "on_demand", "past", "past_not_started", "canceled", "draft"];

/// What a story says about a new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Nothing for the single session of an on-demand event.
    pub starts_at: Option<Timestamp>,
    pub name: Option<String>,
    /// IANA.
    pub timezone: String,
    /// The session that this is a breakout room of.
    pub breakout_room_of: Option<String>,
}

impl Default for NewSession {
    fn default() -> Self {
        NewSession { starts_at: None, name: None, timezone: "Europe/Paris".into(), breakout_room_of: None }
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub event_id: String,
    pub name: Option<String>,
    pub timezone: String,
    pub estimated_started_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub breakout_room_of: Option<String>,
    pub embed_url: Option<String>,
    /// A status that no page names, instead of the one that follows.
    pub said_status: Option<String>,
}

impl Session {
    pub(super) fn room_link(&self) -> String {
        format!("https://app.livestorm.co/p/{}/live?s={}", self.event_id, self.id)
    }

    /// Nothing before the end.
    pub(super) fn length(&self) -> Option<Duration> {
        self.started_at.zip(self.ended_at).map(|(start, end)| end.since(start))
    }
}

impl Livestorm {
    /// The host opens the room. `false` where there is no such session, or it is on demand, canceled or was opened before.
    pub fn start_session(&mut self, session: &str) -> bool {
        let started = self.step(session, |session, now| {
            let may = session.started_at.is_none() && session.canceled_at.is_none();
            session.started_at = session.started_at.or(may.then_some(now));
            may
        });
        if started {
            self.happened(&Occurrence::SessionStarted { session: session.to_owned() });
        }
        started
    }

    /// The host ends it; one that was never opened was open for no time. From `attendance_ready_seconds` later, readers
    /// learn who was in the room. `false` where there is no such session, or it is on demand, canceled or over.
    pub fn end_session(&mut self, session: &str, unknowns: &LivestormUnknowns) -> bool {
        let ended = self.step(session, |session, now| {
            let may = session.ended_at.is_none() && session.canceled_at.is_none();
            if may {
                session.started_at.get_or_insert(now);
                session.ended_at = Some(now);
            }
            may
        });
        if ended {
            let ready_at = self.clock.now().plus(Duration::from_secs(unknowns.attendance_ready_seconds));
            self.tell_attendance(session, ready_at, unknowns);
            self.end_happened(session, ready_at);
        }
        ended
    }

    /// `false` where there is no such session, or it has begun.
    pub fn cancel_session(&mut self, session: &str) -> bool {
        self.step(session, |session, now| {
            let may = session.started_at.is_none() && session.canceled_at.is_none();
            session.canceled_at = session.canceled_at.or(may.then_some(now));
            may
        })
    }

    fn step(&mut self, session: &str, step: impl FnOnce(&mut Session, Timestamp) -> bool) -> bool {
        let now = self.clock.now();
        if self.is_on_demand(session) {
            return false;
        }
        let mut taken = false;
        self.sessions.change(session, now, |session| {
            taken = step(session, now);
            if taken {
                session.updated_at = now;
            }
        });
        taken
    }

    pub(super) fn is_on_demand(&self, session: &str) -> bool {
        let event = self.sessions.now(session).and_then(|session| self.events.now(&session.event_id));
        event.is_some_and(|event| event.on_demand)
    }

    pub(super) fn sessions_of<'a>(&'a self, event: &'a str, when: Timestamp) -> impl Iterator<Item = &'a Session> {
        self.sessions.all_at(when).filter(move |session| session.event_id == event)
    }

    /// From here on a session has a status that no page names: clients are told to be ready for one.
    pub fn say_session_status(&mut self, session: &str, status: Option<&str>) -> bool {
        let now = self.clock.now();
        self.sessions.change(session, now, |session| session.said_status = status.map(str::to_owned))
    }

    pub(in crate::simulators) fn session_status<'a>(&self, session: &'a Session, when: Timestamp) -> &'a str {
        if let Some(said) = &session.said_status {
            return said;
        }
        let event = self.events.at(&session.event_id, when);
        let now = self.clock.now();
        match event {
            _ if session.canceled_at.is_some() => "canceled",
            Some(event) if event.published_at.is_none() => "draft",
            Some(event) if event.on_demand => "on_demand",
            _ if session.ended_at.is_some() => "past",
            _ if session.started_at.is_some() => "live",
            _ if session.estimated_started_at.is_some_and(|at| at < now) => "past_not_started",
            _ => "upcoming",
        }
    }

    pub(super) fn session_attributes(&self, session: &Session, when: Timestamp, unknowns: &LivestormUnknowns) -> Value {
        let people: Vec<_> = self.people_of(&session.id, when).collect();
        let time = |at: Option<Timestamp>| times::written(at, unknowns);
        let event_field = match unknowns.session_event_field {
            SessionEventField::EventId => "event_id",
            SessionEventField::EventTypeId => "event_type_id",
        };
        let mut attributes = json!({
            event_field: session.event_id,
            "status": self.session_status(session, when),
            "timezone": session.timezone,
            "room_link": session.room_link(),
            "name": session.name,
            "attendees_count": people.iter().filter(|person| person.attendance.is_some()).count(),
            "duration": session.length().map(|length| length.as_secs()),
            "estimated_started_at": time(session.estimated_started_at),
            "started_at": time(session.started_at),
            "ended_at": time(session.ended_at),
            "canceled_at": time(session.canceled_at),
            "created_at": session.created_at.seconds(),
            "updated_at": session.updated_at.seconds(),
            "registrants_count": people.len(),
            "breakout_room_parent_session_id": session.breakout_room_of,
        });
        if unknowns.embed_url_shown {
            attributes["embed_url"] = json!(session.embed_url);
        }
        attributes
    }

    pub(super) fn session_resource(&self, session: &Session, when: Timestamp, unknowns: &LivestormUnknowns) -> Value {
        resource("sessions", &session.id, self.session_attributes(session, when, unknowns))
    }

    /// With what is asked for.
    fn session_with(
        &self,
        session: &Session,
        when: Timestamp,
        includes: &mut Includes,
        unknowns: &LivestormUnknowns,
    ) -> Value {
        let mut row = self.session_resource(session, when, unknowns);
        if includes.has("event") {
            let event = self.events.at(&session.event_id, when);
            includes.relate(&mut row, "event", event.map(|event| self.event_resource(event, when, unknowns)));
        }
        if includes.has("people") {
            let max = unknowns.included_people_max.unwrap_or(usize::MAX);
            let people = self.people_of(&session.id, when).take(max);
            let people = people.map(|person| self.person_resource(person, unknowns)).collect();
            includes.relate_many(&mut row, "people", people);
        }
        row
    }
}

/// `GET /v1/sessions`, and with an event `GET /v1/events/{id}/sessions`, which alone has `include`.
pub(super) fn list(world: &World, call: &Call, event: Option<&str>, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    if let Some(event) = event {
        livestorm.events.at(event, when).ok_or_else(Refusal::not_found)?;
    }
    let known = [
        "status",
        "date_from",
        "date_to",
        "created_since",
        "created_until",
        "updated_since",
        "updated_until",
        "include_breakout_rooms",
    ];
    filters::known(call, &known, unknowns)?;
    let planned = Span::read(call, "date_from", "date_to", unknowns)?;
    let created = Span::read(call, "created_since", "created_until", unknowns)?;
    let updated = Span::read(call, "updated_since", "updated_until", unknowns)?;
    let breakout_rooms = filters::flag(call, "include_breakout_rooms")?.unwrap_or(false);
    let status = filters::one_of(call, "status", &STATUSES, unknowns)?;
    let offered: &[&str] = if event.is_some() { &["event", "people"] } else { &[] };
    let mut includes = Includes::read(call, offered, unknowns)?;
    let fits = |session: &&Session| {
        event.is_none_or(|event| session.event_id == event)
            && (breakout_rooms || session.breakout_room_of.is_none())
            && status.is_none_or(|status| status == livestorm.session_status(session, when))
            && session.estimated_started_at.map_or(planned.is_open(), |at| planned.holds(at))
            && created.holds(session.created_at)
            && updated.holds(session.updated_at)
    };
    let (sessions, meta) = page(call, livestorm.sessions.all_at(when).filter(fits).collect(), unknowns)?;
    let rows: Vec<Value> =
        sessions.into_iter().map(|session| livestorm.session_with(session, when, &mut includes, unknowns)).collect();
    Ok(includes.body(json!(rows), Some(meta)))
}

/// `GET /v1/sessions/{id}`
pub(super) fn one(world: &World, call: &Call, id: &str, when: Timestamp) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    let session = world.livestorm.sessions.at(id, when).ok_or_else(Refusal::not_found)?;
    filters::of_one(call, unknowns)?;
    let mut includes = Includes::read(call, &["people"], unknowns)?;
    let row = world.livestorm.session_with(session, when, &mut includes, unknowns);
    Ok(includes.body(row, None))
}
