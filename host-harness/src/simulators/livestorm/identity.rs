//! Who the token belongs to. `/ping` is 200 without a body, or with an empty object, as a switch says; `/me` of a private token is
//! the organisation, `/organization` has name and slug, and may be asked to include itself: the vendor's OpenAPI, as public clients
//! carry it [confirmed]; `/me` of an app's token is the user who consented [confirmed].

use super::{
    Livestorm,
    errors::{CONTENT_TYPE, Refusal},
    filters,
    includes::Includes,
    resource,
};
use crate::simulators::{
    World,
    request::{Answer, Call, answer},
    unknowns::PingBody,
};
use serde_json::{Value, json};

/// `GET /v1/ping`
pub(super) fn ping(world: &World) -> Answer {
    let body: &[u8] = match world.options.unknowns.livestorm.ping_body {
        PingBody::Empty => b"",
        PingBody::Object => b"{}",
    };
    answer(200, CONTENT_TYPE, body.to_vec())
}

/// `GET /v1/me` and `GET /v1/organization`
pub(super) fn organization(world: &World, call: &Call) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    let attributes = json!({ "name": "Example Organisation", "slug": "example-organisation", "parent_id": null });
    let row = resource("organizations", &world.livestorm.organization_id, attributes);
    filters::of_one(call, unknowns)?;
    let mut includes = Includes::read(call, &["organization"], unknowns)?;
    if includes.has("organization") {
        includes.add(row.clone());
    }
    Ok(includes.body(row, None))
}

/// `GET /v1/me` of an app, which the owner has let in.
pub(super) fn user(livestorm: &Livestorm) -> Value {
    json!({ "data": livestorm.owner().resource() })
}
