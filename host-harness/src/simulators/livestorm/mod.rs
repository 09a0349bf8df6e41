//! Livestorm's public API, version 1. <https://developers.livestorm.co>.
//!
//! The private token is sent raw: with `Bearer` before it, it is taken for an OAuth token ([`oauth`]) and refused [inferred
//! from public clients]. The token is checked first, then the quota, then whether the workspace is open, the scope, the headers and
//! the path; every answer after the token tells the quota. So what is refused, a path that does not exist included, costs a
//! request too: whether it does is [unknown], and `failed_calls_count` a switch
//! (<https://developers.livestorm.co/docs/rate-limits-and-quotas>). Stories create events, sessions and registrations by the
//! functions of [`Livestorm`]; its webhooks are written in [`webhooks`] and sent by [`deliveries`].

pub mod access;
pub mod all_people;
pub mod attendance;
pub mod chat_messages;
pub mod deliveries;
pub mod events;
pub mod jobs;
pub mod oauth;
pub mod people;
pub mod people_attributes;
pub mod questions;
pub mod recordings;
pub mod registrations;
pub mod scopes;
pub mod sessions;
pub mod subscriptions;
pub mod tags;
pub mod users;
pub mod webhooks;

mod bodies;
mod errors;
mod event_writes;
mod filters;
mod identity;
mod includes;
mod negotiation;
mod paging;
mod quota;
mod session_writes;
mod times;
mod writes;

#[cfg(test)]
mod tests;

pub use access::Access;
pub use attendance::Attendance;
pub use chat_messages::ChatMessage;
pub use deliveries::{Delivery, DeliveryOutcome, NativeWebhook};
pub use events::{Event, FormField, NewEvent};
pub use jobs::{Job, JobTask};
pub use oauth::PartnerApp;
pub use people::{NewRegistrant, NotRegistered, Person, Registration, Role, Utm};
pub use people_attributes::PeopleAttribute;
pub use questions::Question;
pub use quota::Quota;
pub use recordings::Recording;
pub use scopes::Scope;
pub use sessions::{NewSession, Session};
pub use subscriptions::Subscription;
pub use tags::Tag;
pub use users::{NewTeamMember, TeamMember, TeamRole};
pub use webhooks::{Dialect, Occurrence};

use super::{
    World,
    ids::uuid,
    lagged::{Lagged, Table},
    request::{Answer, Call, json},
    unknowns::LivestormUnknowns,
};
use crate::clock::{Clock, Timestamp};
use errors::{CONTENT_TYPE, Refusal};
use oauth::Caller;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// One workspace.
#[derive(Debug)]
pub struct Livestorm {
    clock: Arc<dyn Clock>,
    pub organization_id: String,
    pub events: Table<String, Event>,
    pub sessions: Table<String, Session>,
    /// By session, in the order of registration.
    pub registrations: HashMap<String, Vec<Lagged<Registration>>>,
    /// By lower-case address.
    pub people: BTreeMap<String, Person>,
    /// The owner first.
    pub team: Table<String, TeamMember>,
    /// Questions, by slug.
    pub people_attributes: Table<String, PeopleAttribute>,
    pub subscriptions: Table<String, Subscription>,
    pub jobs: Table<String, Job>,
    pub chat_messages: Table<String, ChatMessage>,
    pub questions: Table<String, Question>,
    pub recordings: Table<String, Recording>,
    pub access: Access,
    pub partner_app: PartnerApp,
    /// What the token was not given.
    pub missing_scopes: BTreeSet<Scope>,
    /// What it was given for reading alone.
    pub read_only_scopes: BTreeSet<Scope>,
    pub quota: Quota,
    /// By session and person: what is not told before the session has ended.
    in_the_room: BTreeMap<(String, String), Attendance>,
    deliveries: deliveries::Deliveries,
    /// Requests yet to be answered as if the token were wrong.
    refusals_due: u32,
}

impl Livestorm {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Livestorm {
        let mut livestorm = Livestorm {
            clock,
            organization_id: uuid("organization", "1"),
            events: Table::new(),
            sessions: Table::new(),
            registrations: HashMap::new(),
            people: BTreeMap::new(),
            team: Table::new(),
            people_attributes: Table::new(),
            subscriptions: Table::new(),
            jobs: Table::new(),
            chat_messages: Table::new(),
            questions: Table::new(),
            recordings: Table::new(),
            access: Access::Open,
            partner_app: PartnerApp::default(),
            missing_scopes: BTreeSet::new(),
            read_only_scopes: BTreeSet::new(),
            quota: Quota::default(),
            in_the_room: BTreeMap::new(),
            deliveries: Default::default(),
            refusals_due: 0,
        };
        livestorm.add_team_member(NewTeamMember {
            email: "owner@livestorm-customer.example".into(),
            first_name: "Olive".into(),
            last_name: "Owner".into(),
            role: TeamRole::Host,
            pending_invite: false,
        });
        livestorm.add_builtin_attributes();
        livestorm
    }

    /// A draft, which has no session yet. Gives its id.
    pub fn create_event(&mut self, new: NewEvent) -> String {
        let now = self.clock.now();
        let id = uuid("event", &self.events.len().to_string());
        new.fields.iter().for_each(|field| self.know(field));
        let event = Event {
            id: id.clone(),
            owner_id: new.owner_id.unwrap_or_else(|| self.owner().id.clone()),
            tags: vec![],
            slug: new.slug.unwrap_or_else(|| slug(&new.title)),
            title: new.title,
            description: new.description,
            language: new.language,
            on_demand: new.on_demand,
            estimated_duration_minutes: new.estimated_duration_minutes,
            fields: new.fields,
            asks_for_email: new.asks_for_email,
            created_at: now,
            updated_at: now,
            published_at: None,
            flags: events::FLAGS.into_iter().chain(new.flags).collect(),
            said_status: None,
        };
        self.events.insert(id.clone(), now, event);
        self.happened(&Occurrence::EventCreated { event: id.clone() });
        id
    }

    /// Gives its id. The owner takes part as a team member from the start, and counts as a registrant [inferred].
    pub fn create_session(&mut self, event: &str, new: NewSession) -> String {
        let now = self.clock.now();
        let id = uuid("session", &self.sessions.len().to_string());
        let session = Session {
            id: id.clone(),
            event_id: event.to_owned(),
            name: new.name,
            timezone: new.timezone,
            estimated_started_at: new.starts_at,
            started_at: None,
            ended_at: None,
            canceled_at: None,
            created_at: now,
            updated_at: now,
            breakout_room_of: new.breakout_room_of,
            embed_url: None,
            said_status: None,
        };
        self.sessions.insert(id.clone(), now, session);
        let owner = self.owner().clone();
        let taking_part = NewRegistrant {
            email: owner.email,
            first_name: owner.first_name,
            last_name: owner.last_name,
            role: Role::TeamMember,
            ..NewRegistrant::default()
        };
        let owner = self.enter(&id, taking_part).expect("the owner is the first in a session that was made just now");
        self.happened(&Occurrence::SessionCreated { session: id.clone() });
        // Team members are told of like everybody [confirmed by public clients, which drop them].
        self.happened(&Occurrence::Registered { session: id.clone(), person: owner });
        id
    }

    /// `false` where there is no such event. Publishing twice changes nothing.
    pub fn publish(&mut self, event: &str) -> bool {
        let now = self.clock.now();
        let mut is_news = false;
        let is_there = self.events.change(event, now, |event| {
            if event.published_at.is_none() {
                event.published_at = Some(now);
                event.updated_at = now;
                is_news = true;
            }
        });
        if is_news {
            self.happened(&Occurrence::EventPublished { event: event.to_owned() });
        }
        is_there
    }

    /// Somebody registers by the web form. Gives the person's id, which is the same for an address in every session.
    pub fn register(&mut self, session: &str, new: NewRegistrant) -> Result<String, NotRegistered> {
        let is_told = !new.is_from_api || self.deliveries.unknowns.api_registration_is_told;
        let person = self.enter(session, new)?;
        if is_told {
            self.happened(&Occurrence::Registered { session: session.to_owned(), person: person.clone() });
        }
        Ok(person)
    }

    fn enter(&mut self, session: &str, new: NewRegistrant) -> Result<String, NotRegistered> {
        let now = self.clock.now();
        let no_session = || NotRegistered::NoSession(session.to_owned());
        let event_id = self.sessions.now(session).ok_or_else(no_session)?.event_id.clone();
        let form = self.events.now(&event_id).map_or(&[][..], |event| &event.fields);
        if let Some((id, _)) = new.fields.iter().find(|(id, _)| !form.iter().any(|asked| asked.id == *id)) {
            return Err(NotRegistered::NoField(id.clone()));
        }
        let key = new.email.to_lowercase();
        let people = self.registrations.entry(session.to_owned()).or_default();
        let known = self.people.get(&key).map(|person| person.id.as_str());
        let registered = |known: &str| people.iter().map(Lagged::now).any(|p| p.person_id == known && !p.is_removed);
        if known.is_some_and(registered) {
            return Err(NotRegistered::Already(new.email));
        }
        let made = Person { id: uuid("person", &key), created_at: now };
        let person = self.people.entry(key).or_insert(made).clone();
        let registration = Registration {
            person_id: person.id.clone(),
            person_created_at: person.created_at,
            event_id,
            session_id: session.to_owned(),
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            fields: new.fields,
            role: new.role,
            is_guest_speaker: new.is_guest_speaker,
            referrer: new.referrer,
            utm: new.utm,
            is_from_api: new.is_from_api,
            created_at: now,
            updated_at: now,
            attendance: None,
            attendance_rate: None,
            replay_watched_at: None,
            is_removed: false,
        };
        people.push(Lagged::new(now, registration));
        Ok(person.id)
    }

    /// Gives the member's id.
    pub fn add_team_member(&mut self, new: NewTeamMember) -> String {
        let now = self.clock.now();
        let key = new.email.to_lowercase();
        let id = uuid("person", &key);
        self.people.entry(key).or_insert(Person { id: id.clone(), created_at: now });
        let member = TeamMember {
            id: id.clone(),
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            role: new.role,
            pending_invite: new.pending_invite,
            created_at: now,
        };
        self.team.insert(id.clone(), now, member);
        id
    }

    /// The id of an address that the workspace has seen, in whatever case.
    pub fn person_id(&self, email: &str) -> Option<String> {
        self.people.get(&email.to_lowercase()).map(|person| person.id.clone())
    }

    /// Whose workspace it is.
    pub fn owner(&self) -> &TeamMember {
        self.team.all().next().expect("a workspace is made with its owner, who is never removed")
    }

    pub(super) fn refuse_token_once(&mut self) {
        self.refusals_due += 1;
    }
}

/// A resource as JSON:API writes it.
fn resource(kind: &str, id: &str, attributes: Value) -> Value {
    json!({ "id": id, "type": kind, "attributes": attributes })
}

fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

pub(super) fn handle(world: &mut World, call: &Call) -> Answer {
    if let Some(answer) = oauth::handle(world, call) {
        return answer;
    }
    let unknowns = world.options.unknowns.livestorm.clone();
    match taken(world, call) {
        Err(refusal) => refusal.answer(&unknowns),
        Ok(caller) => {
            let answer = route(world, call, &caller, &unknowns).unwrap_or_else(|refusal| refusal.answer(&unknowns));
            if !answer.status().is_success() && !unknowns.failed_calls_count {
                world.livestorm.quota.give_back();
            }
            world.livestorm.quota.note(answer, &world.options)
        }
    }
}

/// Who asks, where the request is let in at all.
fn taken(world: &mut World, call: &Call) -> Result<Caller, Refusal> {
    if let Some(due) = world.livestorm.refusals_due.checked_sub(1) {
        world.livestorm.refusals_due = due;
        return Err(Refusal::unauthorized());
    }
    let is_revoked = world.livestorm.access == Access::TokenRevoked;
    let now = world.clock.now();
    let caller = match (call.header("authorization"), call.bearer()) {
        (Some(token), _) if token == world.options.livestorm_token && !is_revoked => Caller::PrivateToken,
        (_, Some(token)) => Caller::App(world.livestorm.partner_app.granted(token, now)?.clone()),
        _ => return Err(Refusal::unauthorized()),
    };
    world.livestorm.quota.take(now, &world.options)?;
    Ok(caller)
}

/// A path that is known answers 404 to a verb that it does not have [inferred from public clients].
fn route(world: &mut World, call: &Call, caller: &Caller, unknowns: &LivestormUnknowns) -> Result<Answer, Refusal> {
    let when: Timestamp = world.now().minus(world.options.read_lag.livestorm);
    let segments = call.segments();
    world.livestorm.access.refusal().map_or(Ok(()), Err)?;
    let scopes = Scope::of(&segments, unknowns.scope_of_jobs_and_attributes);
    if !world.livestorm.lets(caller, call.method.as_str(), scopes) {
        return Err(Refusal::missing_scope(unknowns.missing_scope_status));
    }
    negotiation::settle(call, unknowns)?;
    let written = registrations::route(world, call, &segments);
    let written = written.or_else(|| jobs::route(world, call, &segments, when));
    if let Some(answered) = written.or_else(|| subscriptions::route(world, call, &segments, when)) {
        return answered;
    }
    let shown = match (call.method.as_str(), &segments[..]) {
        ("GET", ["v1", "ping"]) => return Ok(identity::ping(world)),
        ("GET", ["v1", "me"]) if matches!(caller, Caller::App(_)) => Ok(identity::user(&world.livestorm)),
        ("GET", ["v1", "me" | "organization"]) => identity::organization(world, call),
        ("GET", ["v1", "users"]) => users::list(world, call, when),
        ("GET", ["v1", "people_attributes"]) => people_attributes::list(world, call, when),
        ("GET", ["v1", "events"]) => events::list(world, call, when),
        ("GET", ["v1", "events", id]) => events::one(world, call, id, when),
        ("GET", ["v1", "events", id, "sessions"]) => sessions::list(world, call, Some(id), when),
        ("GET", ["v1", "sessions"]) => sessions::list(world, call, None, when),
        ("GET", ["v1", "sessions", id]) => sessions::one(world, call, id, when),
        ("GET", ["v1", "sessions", id, "people"]) => people::of_session(world, call, id, when),
        ("GET", ["v1", "sessions", id, "people", person]) => people::one(world, id, person, when),
        ("GET", ["v1", "sessions", id, "chat_messages"]) => chat_messages::list(world, call, id, when),
        ("GET", ["v1", "sessions", id, "questions"]) => questions::list(world, call, id, when),
        ("GET", ["v1", "sessions", id, "recordings"]) => recordings::list(world, call, id, when),
        ("GET", ["v1", "events", id, "people"]) => all_people::of_event(world, call, id, when),
        ("GET", ["v1", "events", id, "people", person]) => all_people::one_of_event(world, call, id, person, when),
        ("GET", ["v1", "people"]) => all_people::list(world, call, when),
        ("GET", ["v1", "people", id]) => all_people::one(world, call, id, when),
        _ => return writes::route(world, call, &segments),
    };
    shown.map(|body| json(200, CONTENT_TYPE, &body))
}
