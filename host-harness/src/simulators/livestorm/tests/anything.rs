//! Whatever is sent, nothing fails.

use super::*;
use crate::simulators::{
    request::encode,
    unknowns::{Bounds, OversizedPage, UnknownFilterValue, UnknownParameter},
};
use proptest::prelude::*;

/// Names and values that a query may be made of, well formed or not.
fn any_query() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        Just("page[number]"),
        Just("page[size]"),
        Just("include"),
        Just("sort"),
        Just("url_expires_in"),
        Just("filter[status]"),
        Just("filter[role]"),
        Just("filter[email]"),
        Just("filter[attended]"),
        Just("filter[title]"),
        Just("filter[tag]"),
        Just("filter[scheduling_status]"),
        Just("filter[everyone_can_speak]"),
        Just("filter[created_since]"),
        Just("filter[updated_until]"),
        Just("filter[date_from]"),
        Just("filter[date_to]"),
        Just("filter[include_breakout_rooms]"),
        Just("filter[builtin]"),
        Just("filter[]"),
        Just("filter"),
        Just("page"),
    ]
    .prop_map(str::to_owned);
    let values = prop_oneof![
        any::<u64>().prop_map(|n| n.to_string()),
        any::<i128>().prop_map(|n| n.to_string()),
        (0u32..60).prop_map(|n| n.to_string()),
        Just("true".to_owned()),
        Just("1e99".to_owned()),
        Just("9999-12-31T23:59:59Z".to_owned()),
        Just("-0001-01-01".to_owned()),
        Just("+262142-12-31".to_owned()),
        Just("sessions,tags,people,event,session,asker,,".to_owned()),
        Just("-slug".to_owned()),
        ".*".prop_map(|text| encode(&text)),
    ];
    let pair = (prop_oneof![4 => names, 1 => ".*".prop_map(|text| encode(&text))], values)
        .prop_map(|(name, value)| format!("{name}={value}"));
    proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_query_is_answered_otherwise_than_well_or_400(query in any_query(), lax in any::<bool>()) {
        let (simulators, clock) = started();
        let (session, ana, _) = session_over(&simulators, &clock);
        simulators.world().livestorm.write_in_chat(&session, &ana, "x");
        simulators.world().livestorm.ask_question(&session, &ana, "x");
        if lax {
            let unknowns = &mut simulators.world().options.unknowns.livestorm;
            unknowns.unknown_parameter = UnknownParameter::Ignore;
            unknowns.unknown_filter_value = UnknownFilterValue::MatchNothing;
            unknowns.oversized_page = OversizedPage::Refuse;
            unknowns.date_bounds = Bounds::Exclusive;
        }
        let event = simulators.world().livestorm.events.all().next().unwrap().id.clone();
        for path in [
            "/v1/ping", "/v1/me", "/v1/organization", "/v1/events", "/v1/sessions", "/v1/people", "/v1/users", "/v1/webhooks",
            "/v1/people_attributes", &format!("/v1/events/{event}"), &format!("/v1/events/{event}/people"),
            &format!("/v1/events/{event}/sessions"), &format!("/v1/sessions/{session}"),
            &format!("/v1/sessions/{session}/people"), &format!("/v1/sessions/{session}/chat_messages"),
            &format!("/v1/sessions/{session}/questions"), &format!("/v1/sessions/{session}/recordings"),
        ] {
            let (status, _) = get(&simulators, &format!("{path}?{query}"));
            prop_assert!(status == 200 || status == 400, "{path}?{query}: {status}");
        }
    }

    #[test]
    fn no_path_verb_or_body_is_answered_by_a_failure(
        segments in proptest::collection::vec(prop_oneof![
            Just("events".to_owned()), Just("sessions".to_owned()), Just("people".to_owned()), Just("tags".to_owned()),
            Just("users".to_owned()), Just("EVENT".to_owned()), Just("SESSION".to_owned()), ".{0,8}".prop_map(|text| encode(&text)),
        ], 0..5),
        verb in prop_oneof![Just("GET"), Just("POST"), Just("PATCH"), Just("PUT"), Just("DELETE"), Just("HEAD"), Just("OPTIONS"), Just("PURGE")],
        body in any_body(),
    ) {
        let (simulators, _) = started();
        let (event, session, _) = ana_registered(&simulators);
        let path = format!("/v1/{}", segments.join("/")).replace("EVENT", &event).replace("SESSION", &session);
        let (status, _) = send(&simulators, verb, &path, &body);
        prop_assert!((200..500).contains(&status), "{verb} {path} {body}: {status}");
    }

    #[test]
    fn no_attribute_of_a_write_is_answered_by_a_failure(
        name in prop_oneof![
            Just("title"), Just("slug"), Just("status"), Just("owner_id"), Just("copy_from_event_id"), Just("description"),
            Just("chat_enabled"), Just("estimated_started_at"), Just("timezone"), Just("embed_url"), Just("name"),
            Just("email"), Just("role"),
        ],
        value in any_value(),
    ) {
        let (simulators, _) = started();
        let (event, session, _) = ana_registered(&simulators);
        for (verb, path, kind) in [
            ("POST", "/v1/events".to_owned(), "events"),
            ("PATCH", format!("/v1/events/{event}"), "events"),
            ("PUT", format!("/v1/events/{event}"), "events"),
            ("POST", format!("/v1/events/{event}/tags"), "tags"),
            ("POST", format!("/v1/events/{event}/sessions"), "sessions"),
            ("PATCH", format!("/v1/sessions/{session}"), "sessions"),
            ("PUT", format!("/v1/sessions/{session}"), "sessions"),
            ("POST", "/v1/users".to_owned(), "users"),
        ] {
            let (status, _) = write(&simulators, verb, &path, kind, json!({ name: value }));
            prop_assert!([200, 201, 400, 422].contains(&status), "{verb} {path} {name}={value}: {status}");
        }
        for path in ["/v1/events", "/v1/sessions", "/v1/users", "/v1/people"] {
            prop_assert_eq!(get(&simulators, path).0, 200, "what was taken can be read");
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2026-11-28 10:30:00")),
        Just(json!("+99999-01-01T00:00:00Z")),
        Just(json!("9999-12-31T23:59:59Z")),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("data|type|attributes|id|relationships|sessions|people", inner, 0..3)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn any_body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        ".{0,20}",
        any_value().prop_map(|value| value.to_string()),
        any_value().prop_map(|value| json!({ "data": value }).to_string()),
        (any_value(), any_value()).prop_map(|(attributes, related)| {
            json!({ "data": { "attributes": attributes, "relationships": { "sessions": related, "people": related } } }).to_string()
        }),
    ]
}
