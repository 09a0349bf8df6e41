//! The streams against a small Livestorm: lists with pages, filters, a quota that ends, rows that move between two pages. And
//! somebody who takes pages, keeps the cursor, and at times loses it.

mod people;
mod taking;
mod unified;

use crate::{
    connector::{estimate, sources, sync},
    host::{
        Answer, DAY, Entry, HOUR, HttpError, Instant, Interruption, MINUTE, Request, Row, RowChange, SECOND, Throttle,
    },
    test_host::{TestHost, answer, context, ok},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// 2026-11-22T15:00:00Z.
const NOW: Instant = 1_795_359_600_000;

type Rows = Vec<Value>;
type Happens = fn(&mut Livestorm);

/// What lies in Livestorm.
struct Livestorm {
    events: Rows,
    sessions: Rows,
    people: BTreeMap<String, Rows>,
    /// It gives pages of this size, whatever is asked for.
    page_size: usize,
    asked: usize,
    /// Quota that is left.
    calls_left: Option<usize>,
    /// What happens after so many requests.
    happens: Option<(usize, Happens)>,
}

fn seconds(at: Instant) -> u64 {
    at / SECOND
}

/// A session that is to start then; the fields that tests move are set by `set`.
fn session(id: &str, event: &str, status: &str, starts_at: Instant) -> Value {
    json!({"id": id, "type": "sessions", "attributes": {"event_id": event, "status": status, "timezone": "Europe/Paris",
        "room_link": "https://app.livestorm.co/p/E1/live?s=S1", "name": null, "attendees_count": 0, "registrants_count": 0,
        "duration": null, "estimated_started_at": seconds(starts_at), "started_at": 0, "ended_at": 0, "canceled_at": 0,
        "created_at": seconds(NOW - 20 * DAY), "updated_at": seconds(NOW - 20 * DAY),
        "breakout_room_parent_session_id": null}})
}

fn event(id: &str, title: &str) -> Value {
    json!({"id": id, "type": "events", "attributes": {"title": title, "slug": "product-demo", "status": "published",
        "scheduling_status": "upcoming", "estimated_duration": 30, "registration_page_enabled": true,
        "recording_public": null, "everyone_can_speak": false, "language": "en", "published_at": seconds(NOW - 20 * DAY),
        "created_at": seconds(NOW - 21 * DAY), "updated_at": seconds(NOW - 20 * DAY),
        "owner": {"attributes": {"email": "owner@example.org"}}}})
}

fn person(id: &str, email: &str, session: &str, at: Instant) -> Value {
    json!({"id": id, "type": "people", "attributes": {"role": "participant", "email": email, "first_name": "Ana",
        "last_name": "Lund", "timezone": null, "messages_count": 0, "questions_count": 0, "votes_count": 0,
        "up_votes_count": 0, "replay_view_detail": null, "created_at": seconds(at), "updated_at": seconds(at),
        "registrant_detail": {"event_id": "E1", "session_id": session, "created_at": seconds(at),
            "updated_at": seconds(at), "referrer": "https://example.org", "utm_source": "mail", "ip_city": null,
            "password_key": "made-up-password", "connection_link": "https://app.livestorm.co/p/E1/live?key=made-up-password",
            "attended": false, "attendance_rate": null, "attendance_duration": 0, "has_viewed_replay": false,
            "is_guest_speaker": false,
            "fields": [{"id": "email", "value": email}, {"id": "first_name", "value": "Ana"},
                {"id": "company", "value": "Example"}, {"id": "topics", "value": ["x", "y"], "custom": true},
                {"id": "password_key", "value": "made-up-password"}, {"id": "why", "value": null, "custom": true}]}}})
}

impl Livestorm {
    /// Three sessions of two events, of which one is over, and people in more than one of them.
    fn new() -> Livestorm {
        let mut livestorm = Livestorm {
            events: vec![event("E1", "Product demo"), event("E2", "Onboarding")],
            sessions: vec![
                session("S1", "E1", "past", NOW - 2 * HOUR),
                session("S2", "E1", "upcoming", NOW + DAY),
                session("S3", "E2", "upcoming", NOW + 40 * DAY),
            ],
            people: BTreeMap::new(),
            page_size: 2,
            asked: 0,
            calls_left: None,
            happens: None,
        };
        livestorm.set("S1", "started_at", seconds(NOW - 2 * HOUR));
        livestorm.set("S1", "ended_at", seconds(NOW - HOUR));
        livestorm.set("S1", "duration", 3_600);
        for (id, email, session, ago) in [
            ("P1", "Ana@Example.org", "S1", 9),
            ("P2", "bo@example.org", "S1", 8),
            ("P3", "cy@example.org", "S1", 7),
            ("P1", "ana@example.org", "S2", 6),
            ("P4", "ANA@EXAMPLE.ORG", "S2", 5),
            ("P5", "di@example.org", "S3", 4),
        ] {
            livestorm.register(person(id, email, session, NOW - ago * DAY));
        }
        livestorm.came("S1", "P1");
        livestorm
    }

    fn at(&mut self, list: fn(&mut Livestorm) -> &mut Rows, id: &str) -> &mut Value {
        let row = list(self).iter_mut().find(|row| row["id"] == id);
        &mut row.unwrap_or_else(|| panic!("there is no {id}"))["attributes"]
    }

    fn set(&mut self, session: &str, name: &str, value: impl Into<Value>) {
        self.at(|livestorm| &mut livestorm.sessions, session)[name] = value.into();
    }

    fn register(&mut self, person: Value) {
        let session = person["attributes"]["registrant_detail"]["session_id"].as_str().unwrap().to_string();
        self.people.entry(session.clone()).or_default().push(person);
        self.count(&session);
    }

    fn unregister(&mut self, session: &str, id: &str) {
        self.people.get_mut(session).unwrap().retain(|person| person["id"] != id);
        self.count(session);
    }

    fn count(&mut self, session: &str) {
        let count = self.people.get(session).map_or(0, Vec::len);
        self.set(session, "registrants_count", count);
    }

    fn person(&mut self, session: &str, id: &str) -> &mut Value {
        let people = self.people.get_mut(session).unwrap();
        &mut people.iter_mut().find(|person| person["id"] == id).unwrap()["attributes"]
    }

    /// Livestorm may say nothing of it in the session's row.
    fn came(&mut self, session: &str, id: &str) {
        let detail = &mut self.person(session, id)["registrant_detail"];
        detail["attended"] = true.into();
        detail["attendance_rate"] = 80.into();
        detail["attendance_duration"] = 2_880.into();
    }

    fn answer(&mut self, request: &Request, now: Instant) -> Answer {
        if self.calls_left == Some(0) {
            return Err(HttpError::Throttled(Throttle {
                until: now + HOUR,
                reason: "the month's calls are used up".into(),
            }));
        }
        self.calls_left = self.calls_left.map(|left| left - 1);
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let query = |name: &str| request.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let time = |name: &str| query(name).map(|value| value.parse::<u64>().unwrap());
        let held = |row: &Value| {
            let of = |name: &str| row["attributes"][name].as_u64().unwrap_or_default();
            let starts_at = of("estimated_started_at");
            time("filter[date_from]").is_none_or(|from| starts_at >= from)
                && time("filter[date_to]").is_none_or(|to| starts_at <= to && starts_at > 0)
                && time("filter[updated_since]").is_none_or(|since| of("updated_at") >= since)
        };
        let rows = match path[..] {
            ["v1", "events"] => self.events.iter().filter(|row| held(row)).cloned().collect(),
            ["v1", "sessions"] => self.sessions.iter().filter(|row| held(row)).cloned().collect(),
            ["v1", "sessions", id, "people"] if self.sessions.iter().any(|row| row["id"] == id) => {
                self.people.get(id).cloned().unwrap_or_default()
            }
            _ => return answer(404, r#"{"errors":[{"detail":"not found"}]}"#),
        };
        assert_eq!(query("page[size]"), Some("50"));
        let (page, pages) =
            (query("page[number]").unwrap().parse::<usize>().unwrap(), rows.len().div_ceil(self.page_size));
        self.asked += 1;
        let body = json!({"data": rows.iter().skip(page * self.page_size).take(self.page_size).collect::<Vec<_>>(),
            "meta": {"current_page": page, "next_page": (page + 1 < pages).then_some(page + 1), "page_count": pages,
                "record_count": rows.len(), "items_per_page": self.page_size}});
        if let Some((_, happens)) = self.happens.take_if(|(after, _)| *after == self.asked) {
            happens(self);
        }
        if page > 0 && page >= pages {
            return answer(400, r#"{"errors":[{"detail":"there is no such page"}]}"#);
        }
        ok(&body.to_string())
    }
}

/// Somebody who takes the pages of one stream.
struct Taker {
    stream: &'static str,
    host: TestHost,
    livestorm: Rc<RefCell<Livestorm>>,
    cursor: Option<String>,
    /// All that was told.
    rows: Vec<Row>,
}

type State = BTreeMap<String, Entry>;

impl Taker {
    fn of(stream: &'static str, livestorm: Livestorm) -> Taker {
        let livestorm = Rc::new(RefCell::new(livestorm));
        let behind = livestorm.clone();
        let host = TestHost::new(NOW, move |request| behind.borrow_mut().answer(request, NOW));
        Taker { stream, host, livestorm, cursor: None, rows: Vec::new() }
    }

    fn now_is(&self, now: Instant) {
        self.host.set_now(now);
    }

    fn change(&self, change: impl FnOnce(&mut Livestorm)) {
        change(&mut self.livestorm.borrow_mut());
    }

    fn state(&self) -> State {
        let state = self.host.swap_state(State::new());
        self.host.swap_state(state.clone());
        state
    }

    fn requests(&self) -> usize {
        self.host.requests().len()
    }

    /// Whether there is more.
    fn page(&mut self) -> Result<bool, Interruption> {
        let before = self.requests();
        let page = sync(&self.host, &context(), self.stream, "", self.cursor.as_deref())?;
        assert!(page.rows.len() <= 300 && page.tasks.is_empty());
        assert!(page.cursor.len() < 1_024 && !page.cursor.contains('@'), "{}", page.cursor);
        assert!(self.requests() <= before + 1, "one request a page");
        self.cursor = Some(page.cursor);
        self.rows.extend(page.rows);
        Ok(page.more)
    }

    /// The rows of one pass.
    fn pass(&mut self) -> Vec<Row> {
        let before = self.rows.len();
        while self.page().unwrap() {}
        self.rows[before..].to_vec()
    }

    /// The values of one pass by key. One row a key.
    fn told(&mut self) -> BTreeMap<String, Value> {
        let rows = self.pass();
        let told = last_rows(self.stream, &rows);
        assert_eq!(told.len(), rows.len(), "a key was told twice");
        told
    }

    /// Keys of a pass, deleted ones in brackets.
    fn keys(&mut self) -> Vec<String> {
        let told = self.told();
        told.into_iter().map(|(key, value)| if value.is_null() { format!("({key})") } else { key }).collect()
    }
}

/// The last row of each key; null: deleted.
fn last_rows(stream: &str, rows: &[Row]) -> BTreeMap<String, Value> {
    let key = if stream == "people" { "email" } else { "id" };
    let parsed = rows.iter().map(|row| {
        let value: Value = serde_json::from_str(&row.value).unwrap();
        let id = value[key].as_str().unwrap().to_string();
        (id, if row.change == RowChange::Delete { Value::Null } else { value })
    });
    parsed.collect()
}

fn schema_of(stream: &str) -> Value {
    let source = sources(&context()).into_iter().find(|source| source.name == stream).unwrap();
    serde_json::from_str(&source.schema).unwrap()
}

/// All that is in `rows` is as the schema of the stream says.
fn assert_valid<'a>(stream: &str, rows: impl IntoIterator<Item = &'a Value>) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("schema.json", schema_of(stream)).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    for row in rows {
        if let Err(problem) = schemas.validate(row, schema) {
            panic!("{problem:#} {row:#}");
        }
    }
}
