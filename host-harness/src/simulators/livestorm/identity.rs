//! Who the token belongs to. `/ping` is 200 without a body, `/me` of a private token is the organisation, `/organization`
//! has name and slug: the vendor's OpenAPI, as public clients carry it [confirmed].

use super::{Livestorm, resource};
use serde_json::{Value, json};

/// `GET /v1/me` and `GET /v1/organization`
pub(super) fn organization(livestorm: &Livestorm) -> Value {
    let attributes = json!({ "name": "Example Organisation", "slug": "example-organisation", "parent_id": null });
    json!({ "data": resource("organizations", &livestorm.organization_id, attributes) })
}
