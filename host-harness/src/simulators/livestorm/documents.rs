//! What a request brings: a JSON:API document, `{"data":{"type","attributes"}}`, sent as `application/vnd.api+json` or
//! `application/json` [confirmed]; what else the header may say is settled in `negotiation.rs`. What is no such document is 400,
//! "malformed" (<https://developers.livestorm.co/docs/requests>).

use super::errors::Refusal;
use crate::simulators::request::Call;
use serde_json::{Map, Value};

pub(super) type Attributes = Map<String, Value>;

/// The body as an object.
pub(super) fn object(call: &Call) -> Result<Attributes, Refusal> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(document)) => Ok(document),
        _ => Err(Refusal::bad_request("The body must be a JSON object.")),
    }
}

/// `data.attributes` of a document of this type. A type that is left out is taken for it [inferred].
pub(super) fn attributes(call: &Call, kind: &str) -> Result<Attributes, Refusal> {
    let mut document = object(call)?;
    let Some(Value::Object(data)) = document.get_mut("data") else {
        return Err(Refusal::bad_request("data must be an object."));
    };
    if data.get("type").is_some_and(|found| found != kind) {
        return Err(Refusal::bad_request(format!("data.type must be {kind}.")));
    }
    match data.remove("attributes") {
        Some(Value::Object(attributes)) => Ok(attributes),
        _ => Err(Refusal::bad_request("data.attributes must be an object.")),
    }
}

/// A text, or nothing where it is left out or null.
pub(super) fn text(attributes: &Attributes, name: &str) -> Result<Option<String>, Refusal> {
    match attributes.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad_request(format!("{name} must be a text."))),
    }
}
