//! Reading the body of a write: JSON in `application/json`, and nothing in it that the object does not have
//! (codes 150 to 154, <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>).

use super::{errors::Refusal, record::Object};
use crate::simulators::request::Call;
use serde_json::{Map, Value};

/// Bytes of a request's body: code 204 above it [confirmed].
pub(super) const UPLOAD_BYTES_MAX: usize = 50 << 20;

/// The properties of a body.
#[derive(Debug)]
pub(super) struct Body(pub Map<String, Value>);

impl Body {
    pub fn read(call: &Call) -> Result<Body, Refusal> {
        if call.body.len() > UPLOAD_BYTES_MAX {
            return Err(Refusal::code(204));
        }
        let media_type = call.header("content-type").and_then(|kind| kind.split(';').next());
        if !media_type.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Refusal::code(151));
        }
        if call.body.is_empty() {
            return Err(Refusal::code(152));
        }
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(properties)) => Ok(Body(properties)),
            _ => Err(Refusal::code(150)),
        }
    }

    pub fn only(self, known: &[&str]) -> Result<Body, Refusal> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(Refusal::about(154, unknown)),
            None => Ok(self),
        }
    }

    /// Code 180 for what a reader of the object sees and a writer may not set, 154 for what it does not have.
    pub fn writes(self, object: &Object, writable: &[&str]) -> Result<Body, Refusal> {
        let read_only = |name: &&String| object.fields.contains(&name.as_str()) && !writable.contains(&name.as_str());
        match self.0.keys().find(read_only) {
            Some(name) => Err(Refusal::about(180, name)),
            None => self.only(writable),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn required(&self, name: &str) -> Result<&Value, Refusal> {
        self.0.get(name).filter(|value| !value.is_null()).ok_or_else(|| Refusal::about(153, name))
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::about(154, name)),
        }
    }

    pub fn required_text(&self, name: &str) -> Result<String, Refusal> {
        self.text(name)?.filter(|text| !text.trim().is_empty()).ok_or_else(|| Refusal::about(153, name))
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Refusal::about(50, name)),
        }
    }

    /// An id of another record. `code` is for what cannot be one.
    pub fn id(&self, name: &str, code: u16) -> Result<Option<u64>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => id(value).map(Some).ok_or_else(|| Refusal::code(code)),
        }
    }
}

/// A whole number, also as text.
pub(super) fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
