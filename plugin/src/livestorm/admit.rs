//! A raw delivery becomes tasks, or the reason why not. Pure.
//!
//! Promises: whatever bytes arrive, there is an answer; what is refused is told with what was found and where.
//! Invariant: `password_key` and `connection_link` end here, unless a mapping names them (RULES 16).

use super::{resources::Secrets, webhook_json_api, webhook_legacy};
use crate::{
    host::{Admission, Delivery, Task},
    json::{self, At, Problem},
    mapping::{self, source_path},
    settings::Settings,
    task,
};

/// The largest body taken. The largest of the help page's, an event with its attendees, has about 1 KB a person.
pub const BODY_BYTES_MAX: u32 = 1024 * 1024;

/// What the customer's settings ask of a delivery.
pub struct Wanted<'a> {
    pub settings: &'a Settings,
    pub secrets: Secrets,
}

impl<'a> Wanted<'a> {
    pub fn new(settings: &'a Settings) -> Self {
        let reads = |source| mapping::reads(&settings.mapping, settings.objects(), source);
        let secrets = Secrets {
            connection_link: reads(source_path::CONNECTION_LINK),
            password_key: reads(source_path::PASSWORD_KEY),
        };
        Self { settings, secrets }
    }
}

pub fn admit(delivery: &Delivery, settings: &Settings) -> Admission {
    let wanted = Wanted::new(settings);
    let value = match json::parse(&delivery.body) {
        Ok(value) => value,
        Err(why) => return Admission::Refused(format!("not JSON: {why}")),
    };
    let admission = At::root(&value).and_then(|body| {
        if body.has("data") {
            webhook_json_api::admit(&body, delivery.received_at, &wanted)
        } else if body.has("webinar") {
            webhook_legacy::admit(&body, delivery.received_at, &wanted)
        } else {
            let found = body.entries().map(|(name, _)| name.as_str()).take(5).collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "nothing".into() } else { crate::text::fit(&found, 100) };
            Err(Problem { place: "/".into(), wanted: "`data` or `webinar`", found })
        }
    });
    match admission {
        Ok(Admission::Tasks(tasks)) => match tasks.into_iter().map(|task| within_bounds(task, settings)).collect() {
            Ok(tasks) => Admission::Tasks(tasks),
            Err(why) => Admission::Refused(why),
        },
        Ok(other) => other,
        Err(problem) => Admission::Refused(problem.to_string()),
    }
}

/// A payload has at most 64 KiB. A form with very long answers keeps those that are written somewhere.
fn within_bounds(task: Task, settings: &Settings) -> Result<Task, String> {
    let fits = |task: &Task| task.payload.len() <= task::PAYLOAD_BYTES_MAX;
    if fits(&task) {
        return Ok(task);
    }
    if let Ok(mut person) = task::payload::<task::Person>(&task) {
        person.registration.values.retain(|source| settings.reads(source));
        let smaller = Task { payload: crate::plain::to_text(&person), ..task.clone() };
        if fits(&smaller) {
            return Ok(smaller);
        }
    }
    Err(format!(
        "{} needs {} bytes, at most {} fit into a task",
        task.title,
        task.payload.len(),
        task::PAYLOAD_BYTES_MAX
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::registrant::{Registration, Role},
        domain::session::Status,
        host::{Lane, Subject},
        test_host::fixtures,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const RECEIVED: u64 = 1_763_800_000_000;

    fn delivered(body: &[u8]) -> Admission {
        delivered_under(body, &Settings::default())
    }

    fn delivered_under(body: &[u8], settings: &Settings) -> Admission {
        let delivery = Delivery {
            source: "livestorm".into(),
            headers: vec![],
            body: body.to_vec(),
            received_at: RECEIVED,
            verified: false,
        };
        admit(&delivery, settings)
    }

    fn check(body: &str, expected: Admission) {
        assert_eq!(delivered(body.as_bytes()), expected, "{body}");
    }

    fn ignored(why: &str) -> Admission {
        Admission::Ignored(why.into())
    }

    fn refused(body: &Value, why: &str) {
        let Admission::Refused(said) = delivered(body.to_string().as_bytes()) else { panic!("{body} must be refused") };
        assert_eq!(said, why);
    }

    fn one(body: &Value) -> Task {
        match delivered(body.to_string().as_bytes()) {
            Admission::Tasks(mut tasks) if tasks.len() == 1 => tasks.remove(0),
            other => panic!("one task expected: {other:?}"),
        }
    }

    fn registration(task: &Task) -> Registration {
        task::payload::<task::Person>(task).unwrap().registration
    }

    /// S1-5 to S1-10, S1-12, S1-15, S1-16: each body to the letter.
    #[test]
    fn the_six_bodies_of_the_specification_are_understood() {
        let without = |what: &str, why: &str| ignored(&format!("{what} nothing follows from it: {why}"));
        check(fixtures::EVENT_CREATED, without("`event.created` is understood and", super::super::EVENT_CREATED));
        check(fixtures::EVENT_PUBLISHED, without("An event was published and", super::super::EVENT_PUBLISHED));
        check(fixtures::EVENT_STARTS, without("`event starts` is understood and", super::super::SESSION_STARTED));

        // S1-10, S1-18: attendance is not taken from the body, which brings the read of it about.
        let task = one(&serde_json::from_str(fixtures::EVENT_ENDS).unwrap());
        assert_eq!((task.kind.as_str(), task.lane), ("session-ended", Lane::Bulk));
        let ended = task::payload::<task::SessionEnded>(&task).unwrap();
        assert_eq!(ended.session.as_str(), "w0a1475e-fe2d-4wad-a007-6c27364bfeba");
        assert_eq!(ended.ended_at, Some(1_621_327_684_528));
        assert_eq!(task.not_before, Some(1_621_327_684_528 + task::ATTENDANCE_READY));

        let task = one(&serde_json::from_str(fixtures::SESSION_CREATED).unwrap());
        assert_eq!(task.ordering_key, "session/1e9d9b14-f990-4e19-a436-9a7dd6a5780a");
        assert_eq!(task.kind, "session-created");
        let session = task::payload::<task::SessionCreated>(&task).unwrap().session;
        assert_eq!(session.event_id.as_deref(), Some("71cfa73b-6fbe-4f55-b219-28f4b195ae94"));
        assert_eq!((session.status, session.created_at), (Status::Draft, Some(1_644_845_096_000)));
        assert_eq!((session.estimated_started_at, session.breakout_of), (Some(1_645_459_200_000), None));

        let task = one(&serde_json::from_str(fixtures::NEW_REGISTRANT).unwrap());
        assert_eq!((task.kind.as_str(), task.ordering_key.as_str()), ("register", "people"));
        assert_eq!(task.subject, Some(Subject::person("john@doe.com")));
        let john = registration(&task);
        assert_eq!(john.session.as_str(), "fqa1475e-fe2d-4egd-a007-6c27364bfeba");
        assert_eq!((john.role.as_ref(), john.registered_at, john.received_at), (None, None, RECEIVED));
        assert_eq!(john.values["fields.first_name"], "John");
        assert_eq!(john.event_title.as_deref(), Some("Product demo"));
    }

    /// S1-2: more triggers than the native app has, and bodies that say more.
    #[test]
    fn the_ten_bodies_of_webhooks_that_rest_manages_are_understood() {
        macro_rules! rest {
            ($name:literal) => {
                include_str!(concat!("../../../fixtures/livestorm/webhooks_rest/", $name, ".json"))
            };
        }
        let rows: [(&str, Option<&str>); 10] = [
            (rest!("event_created"), None),
            (rest!("event_published"), None),
            (rest!("session_created"), Some("session-created")),
            (rest!("session_started"), None),
            (rest!("session_ended"), Some("session-ended")),
            (rest!("people_registered"), Some("register")),
            (rest!("people_attended"), Some("session-ended")),
            (rest!("people_not_attended"), Some("session-ended")),
            (rest!("people_watched_replay"), Some("replay")),
            (rest!("job_ended"), None),
        ];
        for (body, kind) in rows {
            match (delivered(body.as_bytes()), kind) {
                (Admission::Ignored(why), None) => assert!(why.contains("nothing follows from it"), "{why}"),
                (Admission::Tasks(tasks), Some(kind)) => assert_eq!(tasks[0].kind, kind),
                other => panic!("{other:?}\n{body}"),
            }
        }
        let person = registration(&one(&serde_json::from_str(rest!("people_registered")).unwrap()));
        assert_eq!((person.role, person.registered_at.is_some()), (Some(Role::Participant), true));
    }

    #[test]
    fn no_secret_of_a_person_reaches_a_task() {
        let mut body: Value = serde_json::from_str(fixtures::NEW_REGISTRANT).unwrap();
        body["attendee"]["fields"] =
            json!({"password_key": "w68d21e717ae84ec4915d4", "connection_link": "https://app.livestorm.co"});
        let task = one(&body);
        let all = format!("{task:?}");
        assert!(
            !all.contains("w68d21e717ae84ec4915d4")
                && !all.contains("connection_link")
                && !all.contains("app.livestorm")
        );
        let task = one(&registered());
        assert!(!format!("{task:?}").contains("secretkey"));
    }

    fn registered() -> Value {
        json!({"data": {"id": "P1", "type": "people",
            "attributes": {"role": "participant", "email": "Ana+News@Example.org", "first_name": "Ana", "last_name": "O'Lund",
                "registrant_detail": {"event_id": "E1", "session_id": "S1", "created_at": 1_763_700_000, "utm_source": "mail",
                    "password_key": "secretkey", "connection_link": "https://app.livestorm.co/p/E1/live?key=secretkey&s=S1",
                    "fields": [{"id": "email", "value": "Ana+News@Example.org"}, {"id": "first_name", "value": "A."},
                        {"id": "company", "value": "Éxample & Söhne"}, {"id": "topics", "value": ["x", "y"], "custom": true}]}},
            "meta": {"webhook": {"id": "W1", "event": "people.registered", "organization_id": "O1"}}}})
    }

    #[test]
    fn a_registration_of_the_new_dialect_brings_role_time_and_answers() {
        let task = one(&registered());
        let ana = registration(&task);
        assert_eq!(ana.email.as_ref().map(|email| email.as_str()), Some("ana+news@example.org"));
        assert_eq!((ana.role, ana.registered_at), (Some(Role::Participant), Some(1_763_700_000_000)));
        let values = ana.values.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect::<Vec<_>>();
        assert_eq!(
            values,
            [
                ("fields.company", "Éxample & Söhne"),
                ("fields.first_name", "Ana"),
                ("fields.last_name", "O'Lund"),
                ("fields.topics", "x; y"),
                ("registration.registered_at", "2025-11-21T04:40:00Z"),
                ("utm.source", "mail")
            ]
        );
    }

    /// S1-17: the ids that the dialects have for one person differ. S1-22: answers as an object.
    #[test]
    fn both_dialects_lead_to_the_same_dedupe_key() {
        let legacy = json!({"attendee": {"identify": "other", "email": "ana+news@example.org", "first_name": "Ana",
                "last_name": "O'Lund", "created_at": "2021-03-12T09:26:43.700Z",
                "fields": {"company": "Éxample & Söhne", "topics": ["x", "y"]}},
            "webinar": {"identify": "E1", "title": "Demo", "room_link": "https://app.livestorm.co/p/E1/live?s=S1"}});
        assert_eq!(one(&legacy).dedupe_key, one(&registered()).dedupe_key);
    }

    #[test]
    fn somebody_without_a_usable_address_is_told_apart_by_the_id() {
        for email in [json!(null), json!(""), json!("not an address")] {
            let mut body = registered();
            body["data"]["attributes"]["email"] = email;
            let task = one(&body);
            assert_eq!(task.subject, Some(Subject::person("P1")));
            assert!(registration(&task).email_problem.is_some());
        }
    }

    #[test]
    fn events_without_consequence_are_ignored_and_say_so() {
        let named = |name: &str| json!({"data": {"id": "x", "meta": {"webhook": {"event": name}}}}).to_string();
        for name in ["event.created", "session.started", "job.ended", "job.created"] {
            let Admission::Ignored(why) = delivered(named(name).as_bytes()) else { panic!("{name} is ignored") };
            assert!(why.starts_with(&format!("`{name}` is understood and nothing follows from it: ")), "{why}");
        }
        check(&named("session.exploded"), ignored("`session.exploded` is no event that this connector knows"));
        let outside = json!({"data": {"id": "x"}, "meta": {"webhook": {"event": "job.ended"}}}).to_string();
        assert!(matches!(delivered(outside.as_bytes()), Admission::Ignored(_)));
    }

    #[test]
    fn whoever_tells_of_an_end_brings_the_one_read_of_attendance_about() {
        let ended = json!({"data": {"id": "S1", "type": "sessions",
            "attributes": {"event_id": "E1", "status": "past", "ended_at": 1_763_700_000},
            "meta": {"webhook": {"event": "session.ended"}}}});
        let mut keys = vec![one(&ended).dedupe_key];
        for name in ["people.attended", "people.not_attended"] {
            let mut body = registered();
            body["data"]["meta"]["webhook"]["event"] = json!(name);
            let task = one(&body);
            assert_eq!((task.kind.as_str(), task.ordering_key.as_str()), ("session-ended", "session/S1"));
            keys.push(task.dedupe_key);
        }
        keys.dedup();
        assert_eq!(keys, ["session-ended/S1"]);
    }

    #[test]
    fn a_replay_is_a_task_of_its_person_with_its_time() {
        let mut body = registered();
        body["data"]["meta"]["webhook"]["event"] = json!("people.watched_replay");
        body["data"]["attributes"]["replay_view_detail"] = json!({"watched_at": 1_763_790_000});
        let task = one(&body);
        assert_eq!((task.kind.as_str(), task.ordering_key.as_str()), ("replay", "people"));
        let watched = task::payload::<task::Person>(&task).unwrap().watched.unwrap();
        assert_eq!(watched.watched_at, Some(1_763_790_000_000));
        body["data"]["attributes"]["replay_view_detail"] = json!(null);
        assert_eq!(one(&body).dedupe_key, task.dedupe_key, "the same fact, whenever it was");
    }

    /// RULES 8: the legacy body names no session, so the event's sessions are read, where they wait for this.
    /// S1-7, S1-14.
    #[test]
    fn a_published_event_is_looked_into_where_its_sessions_wait_for_that() {
        let settings =
            crate::settings::parse(r#"{"salesforce_campaign": {"campaign_when": "event_published"}}"#).unwrap();
        let rest = json!({"data": {"id": "a695b8cb-8467-4a95-b259-75b622bd91b0", "type": "events", "attributes": {"title": "x"},
            "meta": {"webhook": {"event": "event.published"}}}}).to_string();
        for body in [fixtures::EVENT_PUBLISHED, &rest] {
            let Admission::Tasks(tasks) = delivered_under(body.as_bytes(), &settings) else {
                panic!("a task is expected")
            };
            assert_eq!((tasks.len(), tasks[0].kind.as_str()), (1, "event-published"));
            assert_eq!(tasks[0].ordering_key, "event/a695b8cb-8467-4a95-b259-75b622bd91b0");
            assert!(matches!(delivered(body.as_bytes()), Admission::Ignored(_)));
        }
    }

    /// S1-21: mapped by explicit choice, and by nothing else.
    #[test]
    fn a_secret_reaches_a_task_where_a_mapping_names_it() {
        let settings = crate::settings::parse(
            r#"{"mapping": {"prospect": [{"source": "secret.connection_link", "target": "Join_Link__c"}]}}"#,
        )
        .unwrap();
        for body in [registered().to_string(), fixtures::NEW_REGISTRANT.to_string()] {
            let Admission::Tasks(tasks) = delivered_under(body.as_bytes(), &settings) else {
                panic!("a task is expected")
            };
            let values = registration(&tasks[0]).values;
            assert!(
                values
                    .get("secret.connection_link")
                    .is_some_and(|link| link.starts_with("https://app.livestorm.co/p/"))
            );
            assert_eq!(values.get("secret.password_key"), None);
        }
    }

    #[test]
    fn what_is_refused_is_told_with_what_was_found_and_where() {
        let Admission::Refused(why) = delivered(br#"{"data": {"id": "#) else { panic!("cut JSON must be refused") };
        assert!(why.contains("it ends too early (line 1, column "), "{why}");
        let Admission::Refused(why) = delivered(b"\xff\xfe{}") else { panic!("bytes must be refused") };
        assert!(why.starts_with("not JSON"), "{why}");
        refused(&json!([]), "/: an object was expected, found an array");
        refused(&json!({}), "/: `data` or `webinar` was expected, found nothing");
        refused(&json!({"event": "x", "payload": {}}), "/: `data` or `webinar` was expected, found event, payload");
        refused(&json!({"data": []}), "/data: an object was expected, found an array");
        refused(&json!({"data": {"id": "x"}}), "/data/meta/webhook/event: a text was expected, found nothing");
        refused(&json!({"webinar": "x"}), "/webinar: an object was expected, found a text");
        refused(&json!({"webinar": {}}), "/webinar/identify: a text was expected, found nothing");
        let change = |pointer: &str, value: Value| {
            let mut body = registered();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        let detail = "/data/attributes/registrant_detail";
        refused(&change("/data/type", json!("sessions")), "/data/type: people was expected, found \"sessions\"");
        refused(
            &change("/data/attributes/email", json!(7)),
            "/data/attributes/email: a text was expected, found a number",
        );
        refused(
            &change(detail, json!("x")),
            "/data/attributes/registrant_detail: an object was expected, found a text",
        );
        refused(
            &change(&format!("{detail}/created_at"), json!("yesterday")),
            "/data/attributes/registrant_detail/created_at: a time (epoch seconds or ISO 8601) was expected, found \"yesterday\"",
        );
        refused(
            &change(&format!("{detail}/session_id"), json!("a b")),
            "/data/attributes/registrant_detail/session_id: a session id (at most 100 plain characters) was expected, found \"a b\"",
        );
        let mut nobody = change("/data/attributes/email", json!(null));
        nobody["data"]["id"] = json!(null);
        refused(
            &nobody,
            "/data/attributes/email: an e-mail address, or an id of the person, was expected, found nothing",
        );
        let mut legacy: Value = serde_json::from_str(fixtures::NEW_REGISTRANT).unwrap();
        legacy["webinar"]["room_link"] = json!("https://app.livestorm.co/p/E1/live");
        refused(&legacy, "/webinar/room_link: an address with a session id (s=) was expected, found one without");
    }

    #[test]
    fn a_form_with_very_long_answers_keeps_those_that_are_written() {
        let mut body = registered();
        body["data"]["attributes"]["registrant_detail"]["fields"] =
            json!([{"id": "essay", "value": "x".repeat(100_000)}, {"id": "company", "value": "Example"}]);
        assert!(registration(&one(&body)).values.get("fields.essay").is_none());
        body["data"]["attributes"]["registrant_detail"]["fields"] =
            json!([{"id": "company", "value": "x".repeat(100_000)}]);
        let Admission::Refused(why) = delivered(body.to_string().as_bytes()) else { panic!("too long") };
        assert!(why.contains("at most 61440 fit into a task"), "{why}");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        let name = prop_oneof![
            "data|attributes|meta|webhook|event|type|id|email|registrant_detail|fields|session_id|created_at"
                .prop_map(String::from),
            "attendee|webinar|room_link|identify|value|started_at|ended_at".prop_map(String::from),
            ".{0,6}".prop_map(String::from),
        ];
        leaf.prop_recursive(5, 60, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = delivered(&bytes);
        }

        #[test]
        fn any_json_has_an_answer(body in any_json()) {
            let _ = delivered(body.to_string().as_bytes());
        }

        /// Any one value of a real body replaced by anything.
        #[test]
        fn any_wrong_value_in_a_real_body_has_an_answer(place in any::<prop::sample::Index>(), value in any_json()) {
            fn places(value: &Value, place: String, all: &mut Vec<String>) {
                match value {
                    Value::Object(map) => map.iter().for_each(|(k, v)| places(v, format!("{place}/{k}"), all)),
                    Value::Array(rows) => rows.iter().enumerate().for_each(|(k, v)| places(v, format!("{place}/{k}"), all)),
                    _ => {}
                }
                all.push(place);
            }
            for mut body in [registered(), serde_json::from_str(fixtures::NEW_REGISTRANT).unwrap(),
                serde_json::from_str(fixtures::SESSION_CREATED).unwrap()] {
                let mut all = vec![];
                places(&body, String::new(), &mut all);
                *body.pointer_mut(&all[place.index(all.len())]).unwrap() = value.clone();
                let Admission::Tasks(tasks) = delivered(body.to_string().as_bytes()) else { continue };
                for task in tasks {
                    prop_assert!(task.ordering_key.len() <= 128 && task.dedupe_key.len() <= 200 && task.title.len() <= 200);
                    prop_assert!(task.payload.len() <= 64 * 1024);
                }
            }
        }
    }
}
