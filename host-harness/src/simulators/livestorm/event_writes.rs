//! Making, changing and deleting events by the API. <https://developers.livestorm.co/reference/post_events>; attributes as in the
//! vendor's OpenAPI, as public clients carry it: `copy_from_event_id`, `owner_id`, `title`, `slug`, `status`, `description` and the
//! flags, and sessions to be made with it [confirmed]. 201, 200 and 204; an owner who is nobody is 422 [confirmed].
//!
//! Promises: nothing is made or changed where anything is refused. A status `published` publishes, `draft` takes back
//! [inferred]; what a copy takes over is all but sessions, people and tags [inferred]; an event without a title is 422 [inferred].

use super::{
    Event, Livestorm, NewEvent,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    events::{FLAGS, Flags},
    includes::Includes,
    session_writes::SessionWish,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::{Answer, Call, json, no_content},
        unknowns::PutOmitted,
    },
};

/// All but this one can be written.
const READ_ONLY: &str = "registration_page_enabled";

/// What a request wants of an event: only what it names.
struct EventWish {
    owner: Option<String>,
    title: Option<String>,
    slug: Option<String>,
    description: Option<Option<String>>,
    is_published: Option<bool>,
    flags: Flags,
}

impl EventWish {
    fn read(body: &Body, world: &World) -> Result<EventWish, Refusal> {
        let owner = body.filled("owner_id")?;
        if owner.as_ref().is_some_and(|owner| world.livestorm.team.now(owner).is_none()) {
            let is_broken = world.options.unknowns.livestorm.html_server_errors;
            return Err(if is_broken { Refusal::broken() } else { Refusal::by_rule(422, "Owner must exist") });
        }
        let is_published = match body.filled("status")?.as_deref() {
            None => None,
            Some("published") => Some(true),
            Some("draft") => Some(false),
            Some(_) => return Err(body.wrong("status must be draft or published")),
        };
        let mut flags = Flags::new();
        for (name, _) in FLAGS.iter().filter(|(name, _)| *name != READ_ONLY) {
            if let Some(flag) = body.flag(name)? {
                flags.insert(name, Some(flag));
            }
        }
        Ok(EventWish {
            owner,
            title: body.not_blank("title")?,
            slug: body.filled("slug")?,
            description: body.text("description")?.map(|text| text.map(str::to_owned)),
            is_published,
            flags,
        })
    }

    /// PUT, where what it leaves out is as in a new event.
    fn whole(mut self) -> EventWish {
        for (name, value) in FLAGS.iter().filter(|(name, _)| *name != READ_ONLY) {
            self.flags.entry(name).or_insert(*value);
        }
        self.description.get_or_insert(None);
        self.is_published.get_or_insert(false);
        self
    }
}

impl Livestorm {
    /// Back to a draft. `false` where there is no such event.
    pub fn unpublish(&mut self, event: &str) -> bool {
        let now = self.clock.now();
        self.events.change(event, now, |event| {
            if event.published_at.take().is_some() {
                event.updated_at = now;
            }
        })
    }

    /// With its sessions and their registrants. `false` where there is no such event.
    pub fn delete_event(&mut self, event: &str) -> bool {
        let sessions: Vec<String> = self.sessions_of(event, Timestamp::MAX).map(|session| session.id.clone()).collect();
        sessions.iter().for_each(|session| {
            self.delete_session(session);
        });
        self.events.remove(event, self.clock.now())
    }

    fn grant(&mut self, event: &str, wish: EventWish) {
        let now = self.clock.now();
        self.events.change(event, now, |event| {
            event.owner_id = wish.owner.unwrap_or_else(|| event.owner_id.clone());
            event.title = wish.title.unwrap_or_else(|| event.title.clone());
            event.slug = wish.slug.unwrap_or_else(|| event.slug.clone());
            event.description = wish.description.unwrap_or_else(|| event.description.clone());
            event.flags.extend(wish.flags);
            event.updated_at = now;
        });
        self.set_published(event, wish.is_published);
    }

    /// After everything else, so that who is told of it is told the rest too.
    fn set_published(&mut self, event: &str, is_published: Option<bool>) {
        match is_published {
            Some(true) => self.publish(event),
            Some(false) => self.unpublish(event),
            None => true,
        };
    }
}

/// `POST /v1/events`
pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let unknowns = world.options.unknowns.livestorm.clone();
    let mut body = Body::read(call, "events", &unknowns)?;
    let wish = EventWish::read(&body, world)?;
    let source = match body.filled("copy_from_event_id")? {
        None => None,
        Some(id) => Some(
            world
                .livestorm
                .events
                .now(&id)
                .cloned()
                .ok_or_else(|| Refusal::by_rule(422, "copy_from_event_id must exist"))?,
        ),
    };
    let title = wish.title.clone().or_else(|| source.as_ref().map(|source| source.title.clone()));
    let title = title.ok_or_else(|| body.wrong("title can't be blank"))?;
    let with_sessions = body.related("sessions")?;
    let mut sessions = vec![];
    for session in with_sessions.iter().flatten() {
        sessions.push(SessionWish::read(&Body::of(session.clone(), "sessions", &unknowns)?)?.new_session());
    }
    let usual = source.map_or_else(NewEvent::default, copy);
    let id = world.livestorm.create_event(NewEvent {
        title,
        slug: wish.slug,
        owner_id: wish.owner,
        description: wish.description.unwrap_or(usual.description),
        flags: usual.flags.into_iter().chain(wish.flags).collect(),
        ..usual
    });
    for session in sessions {
        world.livestorm.create_session(&id, session);
    }
    world.livestorm.set_published(&id, wish.is_published);
    let names: &[&str] = if with_sessions.is_some() { &["sessions"] } else { &[] };
    shown(world, 201, &id, Includes::of(names))
}

/// Its owner is the one of the workspace, as of every event that names none [inferred].
fn copy(source: Event) -> NewEvent {
    NewEvent {
        on_demand: source.on_demand,
        description: source.description,
        language: source.language,
        estimated_duration_minutes: source.estimated_duration_minutes,
        fields: source.fields,
        asks_for_email: source.asks_for_email,
        flags: source.flags,
        ..NewEvent::default()
    }
}

/// `PATCH` and `PUT /v1/events/{id}`
pub(super) fn update(world: &mut World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let unknowns = world.options.unknowns.livestorm.clone();
    world.livestorm.events.now(id).ok_or_else(Refusal::not_found)?;
    let wish = EventWish::read(&Body::read(call, "events", &unknowns)?, world)?;
    let is_whole = call.method == http::Method::PUT && unknowns.put_omitted == PutOmitted::Reset;
    world.livestorm.grant(id, if is_whole { wish.whole() } else { wish });
    shown(world, 200, id, Includes::of(&[]))
}

/// `DELETE /v1/events/{id}`
pub(super) fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    match world.livestorm.delete_event(id) {
        true => Ok(no_content()),
        false => Err(Refusal::not_found()),
    }
}

/// A writer is shown what is true now, whatever readers see.
fn shown(world: &World, status: u16, id: &str, mut includes: Includes) -> Result<Answer, Refusal> {
    let livestorm = &world.livestorm;
    let event = livestorm.events.now(id).ok_or_else(Refusal::not_found)?;
    let row = livestorm.event_with(event, world.now(), &mut includes, &world.options.unknowns.livestorm);
    Ok(json(status, CONTENT_TYPE, &includes.body(row, None)))
}
