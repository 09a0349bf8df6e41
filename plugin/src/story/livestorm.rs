//! Livestorm's list of sessions and its webhooks, as small as the stories allow.

use super::world::World;
use crate::{
    host::{Answer, Instant, Method, SECOND},
    test_host::{answer, ok},
};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub id: String,
    pub event: String,
    pub url: String,
    /// Listed, and nothing is sent to it.
    pub is_silent: bool,
}

impl World {
    /// `GET /v1/sessions`. What has changed after its making stands in `updated_at`, but for the number of registrants.
    pub(super) fn list_sessions<'a>(&self, query: &dyn Fn(&str) -> Option<&'a str>) -> Answer {
        let bound = |name: &str| query(&format!("filter[{name}]")).map(|text| text.parse::<u64>().unwrap());
        let holds = |at: Option<u64>, since: Option<u64>, until: Option<u64>| match at.filter(|at| *at > 0) {
            Some(at) => since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until),
            None => since.is_none() && until.is_none(),
        };
        let fits = |session: &Value| {
            let at = |name: &str| session[name].as_u64();
            holds(at("estimated_started_at"), bound("date_from"), bound("date_to"))
                && holds(at("created_at"), bound("created_since"), None)
                && holds(at("updated_at"), bound("updated_since"), None)
                && query("filter[status]").is_none_or(|status| session["status"] == status)
                && session["breakout_room_parent_session_id"].is_null()
        };
        let rows: Vec<Value> = self
            .sessions
            .iter()
            .filter(|(_, session)| fits(session))
            .map(|(id, session)| self.session_row(id, session))
            .collect();
        let (size, page) = (self.page_size, query("page[number]").unwrap().parse::<usize>().unwrap());
        let (records, pages) = (rows.len(), rows.len().div_ceil(size));
        if page > 0 && page >= pages {
            return answer(400, r#"{"errors":[{"detail":"there is no such page"}]}"#);
        }
        let shown: Vec<Value> = rows.into_iter().skip(page * size).take(size).collect();
        let next = (page + 1 < pages).then_some(page + 1);
        let meta = json!({"current_page": page, "next_page": next, "page_count": pages, "record_count": records});
        ok(&json!({"data": shown, "meta": meta}).to_string())
    }

    /// As a list shows it.
    pub(super) fn session_row(&self, id: &str, session: &Value) -> Value {
        let people = self.people.get(id).map(Vec::as_slice).unwrap_or_default();
        let attended = |row: &&Value| row["attributes"]["registrant_detail"]["attended"] == true;
        let mut attributes = session.clone();
        attributes["registrants_count"] = people.len().into();
        attributes["attendees_count"] = people.iter().filter(attended).count().into();
        json!({"id": id, "type": "sessions", "attributes": attributes})
    }

    pub(super) fn serve_webhooks(&mut self, method: Method, path: &[&str], body: &Value) -> Answer {
        match (method, path) {
            (Method::Get, []) => {
                let row = |hook: &Webhook| json!({"id": hook.id, "type": "webhooks", "attributes": {"event": hook.event, "url": hook.url}});
                let rows: Vec<Value> = self.webhooks_shown.as_ref().unwrap_or(&self.webhooks).iter().map(row).collect();
                ok(&json!({"data": rows, "meta": {"next_page": null}}).to_string())
            }
            (Method::Post, []) => {
                let attributes = &body["data"]["attributes"];
                let text = |name: &str| attributes[name].as_str().unwrap().to_string();
                let hook =
                    Webhook { id: format!("W{}", self.id()), event: text("event"), url: text("url"), is_silent: false };
                let id = hook.id.clone();
                self.webhooks.push(hook);
                answer(201, &json!({"data": {"id": id, "type": "webhooks", "attributes": attributes}}).to_string())
            }
            (Method::Delete, [id]) => {
                let before = self.webhooks.len();
                self.webhooks.retain(|hook| hook.id != *id);
                answer(if self.webhooks.len() < before { 204 } else { 404 }, "")
            }
            other => panic!("no such call: {other:?}"),
        }
    }

    /// Something of a session changes.
    pub fn change_session(&mut self, id: &str, at: Instant, change: impl FnOnce(&mut Value)) {
        let session = self.sessions.get_mut(id).unwrap();
        change(session);
        session["updated_at"] = (at / SECOND).into();
    }
}
