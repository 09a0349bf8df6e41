//! Tags of events. `POST` and `DELETE /v1/events/{id}/tags` with the title in the body; `DELETE` takes the tag off this event
//! only (the vendor's OpenAPI, as public clients carry it) [confirmed]. Tagging makes a tag that is not there yet, and does
//! nothing twice [inferred from public clients]. Statuses are a switch.

use super::{
    Livestorm,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    resource,
};
use crate::simulators::{
    World,
    ids::uuid,
    request::{Answer, Call, json, no_content},
    unknowns::TagStatus,
};
use serde_json::{Value, json};

/// What a workspace sorts its events by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: String,
    pub title: String,
}

impl Tag {
    /// The same whatever the case of its title.
    fn titled(title: &str) -> Tag {
        Tag { id: uuid("tag", &title.to_lowercase()), title: title.to_owned() }
    }

    pub(super) fn resource(&self) -> Value {
        resource("tags", &self.id, json!({ "title": self.title }))
    }
}

impl Livestorm {
    /// `false` where there is no such event. A tag given twice is there once, whatever its case.
    pub fn tag_event(&mut self, event: &str, title: &str) -> bool {
        let now = self.clock.now();
        let tag = Tag::titled(title);
        self.events.change(event, now, |event| {
            if event.tags.iter().all(|known| known.id != tag.id) {
                event.tags.push(tag);
            }
            event.updated_at = now;
        })
    }

    /// `false` where there is no such event, or it has no such tag.
    pub fn untag_event(&mut self, event: &str, title: &str) -> bool {
        let now = self.clock.now();
        let tag = Tag::titled(title);
        let has_it = self.events.now(event).is_some_and(|event| event.tags.iter().any(|known| known.id == tag.id));
        has_it
            && self.events.change(event, now, |event| {
                event.tags.retain(|known| known.id != tag.id);
                event.updated_at = now;
            })
    }
}

/// `POST /v1/events/{id}/tags`
pub(super) fn assign(world: &mut World, call: &Call, event: &str) -> Result<Answer, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    world.livestorm.events.now(event).ok_or_else(Refusal::not_found)?;
    let title = Body::read(call, "tags", unknowns)?.needed_text("title")?;
    world.livestorm.tag_event(event, &title);
    let tags = world.livestorm.events.now(event).map_or(&[][..], |event| &event.tags);
    let tag = tags.iter().find(|tag| tag.id == Tag::titled(&title).id).ok_or_else(Refusal::not_found)?;
    let status = if unknowns.tag_status == TagStatus::ByVerb { 201 } else { 200 };
    Ok(json(status, CONTENT_TYPE, &json!({ "data": tag.resource() })))
}

/// `DELETE /v1/events/{id}/tags`
pub(super) fn unassign(world: &mut World, call: &Call, event: &str) -> Result<Answer, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    world.livestorm.events.now(event).ok_or_else(Refusal::not_found)?;
    let title = Body::read(call, "tags", unknowns)?.needed_text("title")?;
    if !world.livestorm.untag_event(event, &title) {
        return Err(Refusal::not_found());
    }
    Ok(match unknowns.tag_status {
        TagStatus::ByVerb => no_content(),
        TagStatus::Ok => json(200, CONTENT_TYPE, &json!({ "data": Tag::titled(&title).resource() })),
    })
}
