//! What a write says: a JSON:API document, `{"data":{"type","attributes","relationships"}}`, sent as `application/vnd.api+json` or
//! `application/json` [confirmed]; what else the header may say is settled in `negotiation.rs`. Promises: what is no such document
//! is 400, "malformed" (<https://developers.livestorm.co/docs/requests>); an attribute of the wrong type, or outside what it may be,
//! is refused with the status of its switch; what the object does not have is left alone [inferred from public clients]; a type that
//! is left out is taken for the right one [inferred].

use super::errors::Refusal;
use crate::simulators::{request::Call, unknowns::LivestormUnknowns};
use serde_json::{Map, Value};

pub(super) type Attributes = Map<String, Value>;

pub(super) struct Body {
    attributes: Attributes,
    relationships: Value,
    wrong: u16,
}

impl Body {
    /// An update may say nothing but what is related, so attributes may be left out.
    pub fn read(call: &Call, kind: &str, unknowns: &LivestormUnknowns) -> Result<Body, Refusal> {
        Body::of(data(call)?, kind, unknowns)
    }

    /// Of what says nothing without attributes.
    pub fn with_attributes(call: &Call, kind: &str, unknowns: &LivestormUnknowns) -> Result<Body, Refusal> {
        let data = data(call)?;
        if !data.get("attributes").is_some_and(Value::is_object) {
            return Err(Refusal::bad_request("data.attributes must be an object."));
        }
        Body::of(data, kind, unknowns)
    }

    /// Attributes that stand by themselves.
    pub fn bare(attributes: Attributes, unknowns: &LivestormUnknowns) -> Body {
        Body { attributes, relationships: Value::Null, wrong: unknowns.wrong_attribute_status }
    }

    /// Of a resource, which may stand in another one's relationships.
    pub fn of(mut data: Value, kind: &str, unknowns: &LivestormUnknowns) -> Result<Body, Refusal> {
        if !data.is_object() || data.get("type").is_some_and(|found| found != kind) {
            return Err(Refusal::bad_request(format!("type must be {kind}.")));
        }
        let attributes = match data.get_mut("attributes").map(Value::take) {
            None | Some(Value::Null) => Attributes::new(),
            Some(Value::Object(attributes)) => attributes,
            Some(_) => return Err(Refusal::bad_request("attributes must be an object.")),
        };
        let relationships = data.get_mut("relationships").map(Value::take).unwrap_or_default();
        Ok(Body { relationships, ..Body::bare(attributes, unknowns) })
    }

    pub fn wrong(&self, why: impl Into<String>) -> Refusal {
        Refusal::by_rule(self.wrong, why)
    }

    /// Nothing: it is left out. Nothing in something: null.
    pub fn text(&self, name: &str) -> Result<Option<Option<&str>>, Refusal> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(_) => Err(self.wrong(format!("{name} must be a text"))),
        }
    }

    /// Left out, null and empty are the same.
    pub fn filled(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.text(name)?.flatten().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// What may be left out, but not blank.
    pub fn not_blank(&self, name: &str) -> Result<Option<String>, Refusal> {
        let said = self.attributes.contains_key(name);
        match self.filled(name)? {
            None if said => Err(self.wrong(format!("{name} can't be blank"))),
            text => Ok(text),
        }
    }

    pub fn needed_text(&self, name: &str) -> Result<String, Refusal> {
        self.filled(name)?.ok_or_else(|| self.wrong(format!("{name} can't be blank")))
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(format!("{name} must be true or false"))),
        }
    }

    /// Left out and null are the same.
    pub fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.attributes.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(rows)) => Ok(Some(rows)),
            Some(_) => Err(self.wrong(format!("{name} must be a list"))),
        }
    }

    /// What is related by this name: a list as the vendor's examples write it, or `{"data": []}` as JSON:API does. Nothing:
    /// it is left out.
    pub fn related(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        let Some(mut related) = self.relationships.get_mut(name).map(Value::take) else { return Ok(None) };
        if let Some(data) = related.get_mut("data") {
            related = data.take();
        }
        match related {
            Value::Null => Ok(None),
            Value::Array(related) => Ok(Some(related)),
            _ => Err(Refusal::bad_request(format!("{name} must be a list."))),
        }
    }
}

fn data(call: &Call) -> Result<Value, Refusal> {
    let Ok(Value::Object(mut document)) = serde_json::from_slice(&call.body) else {
        return Err(Refusal::bad_request("The body must be a JSON object."));
    };
    let data = document.remove("data").filter(Value::is_object);
    data.ok_or_else(|| Refusal::bad_request("data must be an object."))
}
