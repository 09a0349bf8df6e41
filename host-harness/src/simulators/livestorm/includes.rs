//! `include`: names of what is related, in a comma list [confirmed]; a client repeats the parameter instead, which is taken
//! too [inferred]. What is related stands in `relationships` by its id, and once in `included`, however many rows point at it.

use super::errors::Refusal;
use crate::simulators::{
    request::Call,
    unknowns::{LivestormUnknowns, UnknownInclude},
};
use serde_json::{Value, json};
use std::collections::HashSet;

/// What a request asks for besides its rows.
pub(super) struct Includes {
    asked: Vec<String>,
    included: Vec<Value>,
    /// Links to what is there.
    there: HashSet<String>,
}

impl Includes {
    pub fn read(call: &Call, offered: &[&str], unknowns: &LivestormUnknowns) -> Result<Includes, Refusal> {
        let lists = call.query.iter().filter(|(name, _)| name == "include").map(|(_, list)| list);
        let names: Vec<&str> =
            lists.flat_map(|list| list.split(',')).map(str::trim).filter(|n| !n.is_empty()).collect();
        if let Some(name) = names.iter().find(|name| !offered.contains(name))
            && unknowns.unknown_include == UnknownInclude::Refuse
        {
            return Err(Refusal::bad_request(format!("{name} cannot be included here")));
        }
        let asked = names.into_iter().filter(|name| offered.contains(name)).map(str::to_owned).collect();
        Ok(Includes { asked, included: vec![], there: HashSet::new() })
    }

    /// Those names, whatever the request says.
    pub fn of(names: &[&str]) -> Includes {
        Includes {
            asked: names.iter().map(|name| (*name).to_owned()).collect(),
            included: vec![],
            there: HashSet::new(),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.asked.iter().any(|asked| asked == name)
    }

    pub fn relate_many(&mut self, row: &mut Value, name: &str, related: Vec<Value>) {
        let links: Vec<_> = related.iter().map(link).collect();
        row["relationships"][name] = json!({ "data": links });
        related.into_iter().for_each(|related| self.add(related));
    }

    pub fn relate(&mut self, row: &mut Value, name: &str, related: Option<Value>) {
        row["relationships"][name] = json!({ "data": related.as_ref().map(link) });
        related.into_iter().for_each(|related| self.add(related));
    }

    /// Without a relationship.
    pub fn add(&mut self, related: Value) {
        if self.there.insert(link(&related).to_string()) {
            self.included.push(related);
        }
    }

    /// A whole body. `included` stands in it where something that there is was asked for.
    pub fn body(self, data: Value, meta: Option<Value>) -> Value {
        let mut body = json!({ "data": data });
        if let Some(meta) = meta {
            body["meta"] = meta;
        }
        if !self.asked.is_empty() {
            body["included"] = json!(self.included);
        }
        body
    }
}

fn link(resource: &Value) -> Value {
    json!({ "id": resource["id"], "type": resource["type"] })
}
