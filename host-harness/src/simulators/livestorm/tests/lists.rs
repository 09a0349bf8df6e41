//! Pages, filters and order, case by case.

use super::{
    lists_by_law::{ids, whole},
    *,
};
use crate::simulators::unknowns::{
    CaseMatch, ListOrder, OversizedPage, TitleFilter, UnknownFilterValue, UnknownParameter,
};

#[test]
fn a_page_is_asked_for_by_whole_numbers_from_0_and_sizes_from_1_to_50() {
    let (simulators, _) = started();
    (0..60).for_each(|_| drop(simulators.world().livestorm.create_event(NewEvent::default())));
    let rows = [
        ("", 200, 20),
        ("page[number]=0", 200, 20),
        ("page[number]=2", 200, 20),
        ("page[number]=3", 400, 0),
        ("page[size]=1", 200, 1),
        ("page[size]=50", 200, 50),
        ("page[size]=51", 200, 50),
        ("page[size]=18446744073709551615", 200, 50),
        ("page[size]=18446744073709551616", 400, 0),
        ("page[number]=18446744073709551615", 400, 0),
        ("page[size]=0", 400, 0),
        ("page[size]=-1", 400, 0),
        ("page[size]=ten", 400, 0),
        ("page[size]=", 400, 0),
        ("page[number]=1.0", 400, 0),
        ("page[number]=-1", 400, 0),
        ("page[number]=+1", 400, 0),
        ("page[number]=%201", 400, 0),
        ("page=1", 400, 0),
        ("page[offset]=1", 400, 0),
        ("per_page=10", 400, 0),
    ];
    for (query, status, count) in rows {
        let (answered, body) = get(&simulators, &format!("/v1/events?{query}"));
        assert_eq!((answered, body["data"].as_array().map_or(0, Vec::len)), (status, count), "{query}");
    }
    simulators.world().options.unknowns.livestorm.oversized_page = OversizedPage::Refuse;
    for (query, status) in [("page[size]=51", 400), ("page[size]=50", 200)] {
        assert_eq!(get(&simulators, &format!("/v1/events?{query}")).0, status, "{query}");
    }
}

/// Filters of the one side, and a list that does not know them or does not know their value.
#[test]
fn a_filter_that_a_list_does_not_have_or_a_value_that_it_cannot_be_is_answered_by_switches() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let unknown = [
        "/v1/events?filter[status]=draft".to_owned(),
        "/v1/events?filter[scheduling_status][]=draft".to_owned(),
        "/v1/sessions?filter[title]=x".to_owned(),
        "/v1/sessions?sort=created_at".to_owned(),
        "/v1/people?filter[updated_since]=1".to_owned(),
        "/v1/users?filter[name]=x".to_owned(),
        "/v1/webhooks?filter[url]=x".to_owned(),
        format!("/v1/events/{event}/people?filter[attended]=true"),
        format!("/v1/sessions/{session}/people?filter[status]=x"),
        format!("/v1/sessions/{session}/chat_messages?filter[author]=x"),
        format!("/v1/sessions/{session}/recordings?filter[file_type]=video"),
        format!("/v1/events/{event}?fields=title"),
        format!("/v1/events/{event}/people/{ana}?page[size]=1"),
        format!("/v1/sessions/{session}?filter[status]=draft"),
        format!("/v1/people/{ana}?page[number]=0"),
        "/v1/organization?x".to_owned(),
    ];
    for (side, status) in [(UnknownParameter::Refuse, 400), (UnknownParameter::Ignore, 200)] {
        simulators.world().options.unknowns.livestorm.unknown_parameter = side;
        for path in &unknown {
            assert_eq!(get(&simulators, path).0, status, "{path} {side:?}");
        }
    }
    let impossible = [
        "/v1/events?filter[scheduling_status]=canceled".to_owned(),
        "/v1/sessions?filter[status]=cancelled".to_owned(),
        "/v1/users?filter[role]=owner".to_owned(),
        "/v1/people?filter[role]=Participant".to_owned(),
        "/v1/people_attributes?filter[type]=number".to_owned(),
        format!("/v1/events/{event}/people?filter[role]=x"),
        format!("/v1/sessions/{session}/people?filter[role]="),
    ];
    for (side, status) in [(UnknownFilterValue::Refuse, 400), (UnknownFilterValue::MatchNothing, 200)] {
        simulators.world().options.unknowns.livestorm.unknown_filter_value = side;
        for path in &impossible {
            let (answered, body) = get(&simulators, path);
            assert_eq!(answered, status, "{path} {side:?}");
            assert!(status == 400 || body["meta"]["record_count"] == 0, "{path} {side:?}");
        }
    }
    for path in [
        "/v1/events?filter[created_since]=yesterday".to_owned(),
        "/v1/events?filter[everyone_can_speak]=1".to_owned(),
        "/v1/sessions?filter[include_breakout_rooms]=yes".to_owned(),
        "/v1/sessions?filter[date_to]=".to_owned(),
        format!("/v1/sessions/{session}/people?filter[attended]=TRUE"),
    ] {
        assert_eq!(get(&simulators, &path).0, 400, "{path}");
    }
}

/// No page tells the order of lists, what a title is compared by, or whether a person's address looks at case.
#[test]
fn switches_decide_the_order_of_a_list_and_how_a_title_and_an_address_are_found() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let second = simulators.world().livestorm.create_event(NewEvent { title: "Other".into(), ..Default::default() });
    for (order, expected) in [(ListOrder::OldestFirst, [&event, &second]), (ListOrder::NewestFirst, [&second, &event])]
    {
        simulators.world().options.unknowns.livestorm.list_order = order;
        assert_eq!(ids(&whole(&simulators, "/v1/events", "", 1)), expected, "{order:?}");
        let (_, sorted) = get(&simulators, "/v1/people_attributes?sort=slug");
        assert_eq!(sorted["data"][0]["attributes"]["slug"], "avatar", "an order that is asked for is that order");
    }
    for (side, whole, part) in [(TitleFilter::Whole, 1, 0), (TitleFilter::Part, 1, 1)] {
        simulators.world().options.unknowns.livestorm.title_filter = side;
        for (title, count) in [("product%20DEMO", whole), ("DEMO", part)] {
            let (_, body) = get(&simulators, &format!("/v1/events?filter[title]={title}"));
            assert_eq!(body["meta"]["record_count"], count, "{side:?} {title}");
        }
    }
    let paths =
        ["/v1/people".to_owned(), format!("/v1/events/{event}/people"), format!("/v1/sessions/{session}/people")];
    for (side, count) in [(CaseMatch::Insensitive, 1), (CaseMatch::Sensitive, 0)] {
        simulators.world().options.unknowns.livestorm.email_match = side;
        for path in &paths {
            let (_, body) = get(&simulators, &format!("{path}?filter[email]=ANA@example.org"));
            assert_eq!(body["meta"]["record_count"], count, "{path} {side:?}");
        }
    }
    let (_, body) = get(&simulators, "/v1/users?filter[email]=OWNER@livestorm-customer.example");
    assert_eq!(body["meta"]["record_count"], 1, "users are found in whatever case [confirmed]");
}

#[test]
fn attributes_are_sorted_by_each_name_either_way_and_tell_their_options() {
    let (simulators, clock) = started();
    wait(&clock, 60);
    let mut world = simulators.world();
    world.livestorm.add_attribute("topics", "A topic", "multiple_select");
    assert!(world.livestorm.describe_attribute("topics", Some("What for"), Some("Choose"), &["One", "Two"]));
    assert!(!world.livestorm.describe_attribute("none", None, None, &[]));
    let owner = world.livestorm.owner().id.clone();
    drop(world);
    let (_, body) = get(&simulators, "/v1/people_attributes?filter[slug]=topics");
    let now = simulators.world().now().seconds();
    let expected = json!({
        "slug": "topics", "name": "A topic", "type": "multiple_select", "builtin": false, "description": "What for",
        "placeholder": "Choose", "user_id": owner, "created_at": now, "updated_at": now, "options": [
            { "label": "One", "position": 0, "value": "One" }, { "label": "Two", "position": 1, "value": "Two" },
        ],
    });
    assert_eq!((&body["data"][0]["attributes"], &body["data"][0]["type"]), (&expected, &json!("people_attributes")));
    for name in ["slug", "name", "placeholder", "created_at", "updated_at"] {
        let read = |by: &str| {
            let (_, body) = get(&simulators, &format!("/v1/people_attributes?sort={by}&page[size]=50"));
            let rows = body["data"].as_array().unwrap().iter();
            rows.map(|row| row["attributes"][name].clone()).collect::<Vec<_>>()
        };
        let key = |value: &Value| (value.as_str().map(str::to_owned), value.as_u64());
        let mut up = read(name);
        assert!(up.is_sorted_by_key(key), "{name}: {up:?}");
        up.reverse();
        assert_eq!(read(&format!("-{name}")), up, "-{name}");
    }
    let rows = [
        ("filter[placeholder]=Choose", 1),
        ("filter[description]=What%20for", 1),
        ("filter[name]=A%20topic", 1),
        ("filter[type]=multiple_select", 1),
        ("filter[type]=email", 1),
        ("filter[builtin]=false", 1),
        ("filter[slug]=none", 0),
    ];
    for (query, count) in rows {
        let (_, body) = get(&simulators, &format!("/v1/people_attributes?{query}"));
        assert_eq!(body["meta"]["record_count"], count, "{query}");
    }
    let (_, body) = get(&simulators, &format!("/v1/people_attributes?filter[user_id]={owner}"));
    assert_eq!(body["meta"]["record_count"], 1);
}
