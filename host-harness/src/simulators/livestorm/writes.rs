//! Which write is which path. A path that is known answers 404 to a verb that it does not have, as in reading.

use super::{errors::Refusal, event_writes, session_writes, tags, users};
use crate::simulators::{
    World,
    request::{Answer, Call},
};

pub(super) fn route(world: &mut World, call: &Call, segments: &[&str]) -> Result<Answer, Refusal> {
    match (call.method.as_str(), segments) {
        ("POST", ["v1", "events"]) => event_writes::create(world, call),
        ("PATCH" | "PUT", ["v1", "events", id]) => event_writes::update(world, call, id),
        ("DELETE", ["v1", "events", id]) => event_writes::delete(world, id),
        ("POST", ["v1", "events", id, "tags"]) => tags::assign(world, call, id),
        ("DELETE", ["v1", "events", id, "tags"]) => tags::unassign(world, call, id),
        ("POST", ["v1", "events", id, "sessions"]) => session_writes::create(world, call, id),
        ("PATCH" | "PUT", ["v1", "sessions", id]) => session_writes::update(world, call, id),
        ("DELETE", ["v1", "sessions", id]) => session_writes::delete(world, id),
        ("POST", ["v1", "users"]) => users::invite(world, call),
        ("DELETE", ["v1", "users", id]) => users::remove(world, id),
        _ => Err(Refusal::not_found()),
    }
}
