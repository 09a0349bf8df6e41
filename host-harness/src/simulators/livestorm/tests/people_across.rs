//! People of an event and of the whole workspace.

use super::*;

#[test]
fn an_events_people_are_told_in_fewer_words_and_team_members_without_answers() {
    let (simulators, clock) = started();
    let (event, _, ana) = ana_registered(&simulators);
    let start = simulators.world().now().seconds();
    wait(&clock, 60);
    let second = simulators.world().livestorm.create_session(&event, NewSession::default());
    let again = NewRegistrant { first_name: "Anna".into(), ..Default::default() };
    simulators.world().livestorm.register(&second, again).unwrap();
    let (status, body) = get(&simulators, &format!("/v1/events/{event}/people"));
    assert_eq!((status, &body["meta"]["record_count"]), (200, &json!(2)), "one row a person, in however many sessions");
    let (owner, row) = (&body["data"][0], &body["data"][1]);
    let expected = json!({ "id": ana, "type": "people", "attributes": {
        "role": "participant", "created_at": start, "updated_at": start + 60, "timezone": "Europe/Lisbon",
        "first_name": "Anna", "last_name": "Lima", "email": "ana@example.org", "avatar_link": null,
        "registrant_detail": { "event_id": event, "created_at": start, "updated_at": start + 60, "fields": [
            { "id": "email", "type": "text", "value": "ana@example.org", "required": true },
            { "id": "first_name", "type": "text", "value": "Anna", "required": true },
            { "id": "last_name", "type": "text", "value": "Lima", "required": true },
            { "id": "company", "type": "text", "value": null, "required": false },
        ] },
    } });
    assert_eq!(row, &expected);
    let values: Vec<_> = owner["attributes"]["registrant_detail"]["fields"].as_array().unwrap().iter().collect();
    assert_eq!(owner["attributes"]["role"], "team_member");
    assert!(values.iter().all(|field| field["value"].is_null()), "{values:?}");
    assert_eq!(get(&simulators, &format!("/v1/events/{event}/people/{ana}")).1["data"], expected);
    let rows = [
        ("filter[role]=participant", 200, 1),
        ("filter[role]=team_member", 200, 1),
        ("filter[email]=ANA@example.org", 200, 1),
        ("filter[email]=ana", 200, 0),
        ("filter[role]=host", 400, 0),
        ("filter[updated_since]=1", 400, 0),
    ];
    for (query, status, count) in rows {
        let (answered, body) = get(&simulators, &format!("/v1/events/{event}/people?{query}"));
        let found = body["meta"]["record_count"].as_u64().unwrap_or(0);
        assert_eq!((answered, found), (status, count), "{query}");
    }
    for path in [format!("/v1/events/{event}/people/nobody"), format!("/v1/events/none/people/{ana}")] {
        assert_eq!(get(&simulators, &path).0, 404, "{path}");
    }
}

#[test]
fn who_registered_for_an_event_first_is_first_whatever_the_session() {
    let (simulators, clock) = started();
    let (event, first, ana) = ana_registered(&simulators);
    let second = simulators.world().livestorm.create_session(&event, NewSession::default());
    let mut expected = vec![simulators.world().livestorm.owner().id.clone(), ana];
    for (session, email) in [(&second, "bo@example.org"), (&first, "cy@example.org")] {
        wait(&clock, 60);
        let new = NewRegistrant { email: email.into(), ..Default::default() };
        expected.push(simulators.world().livestorm.register(session, new).unwrap());
    }
    let (_, body) = get(&simulators, &format!("/v1/events/{event}/people"));
    let ids: Vec<_> = body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn the_workspaces_people_are_told_in_the_fewest_words_and_not_by_time() {
    let (simulators, clock) = started();
    let (event, session, ana) = ana_registered(&simulators);
    wait(&clock, 60);
    let second = simulators.world().livestorm.create_session(&event, NewSession::default());
    simulators.world().livestorm.register(&second, NewRegistrant::default()).unwrap();
    let bo = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    let bo = simulators.world().livestorm.register(&second, bo).unwrap();
    let (status, body) = get(&simulators, "/v1/people");
    assert_eq!((status, &body["meta"]["record_count"]), (200, &json!(3)));
    let start = simulators.world().now().seconds() - 60;
    let (_, one) = get(&simulators, &format!("/v1/people/{ana}"));
    let expected = json!({ "id": ana, "type": "people", "attributes": {
        "role": "participant", "email": "ana@example.org", "first_name": "Ana", "last_name": "Lima",
        "created_at": start, "updated_at": start + 60,
    } });
    assert_eq!(one, json!({ "data": expected }));
    assert!(body["data"].as_array().unwrap().contains(&expected));
    assert_eq!(body["data"][2]["id"], json!(bo), "who came last is last");
    let rows = [
        ("filter[role]=team_member", 200, 1),
        ("filter[email]=Bo@example.org", 200, 1),
        ("filter[updated_since]=1", 400, 0),
    ];
    for (query, status, count) in rows {
        let (answered, body) = get(&simulators, &format!("/v1/people?{query}"));
        let found = body["meta"]["record_count"].as_u64().unwrap_or(0);
        assert_eq!((answered, found), (status, count), "{query}");
    }
    assert_eq!(get(&simulators, "/v1/people/none").0, 404);
    simulators.world().options.unknowns.livestorm.workspace_people_detail = true;
    let (_, one) = get(&simulators, &format!("/v1/people/{ana}"));
    assert_eq!(one["data"]["attributes"].get("registrant_detail"), Some(&Value::Null));
    for session in [&session, &second] {
        assert!(simulators.world().livestorm.remove_registrant(session, &ana));
    }
    assert_eq!(get(&simulators, &format!("/v1/people/{ana}")).0, 404, "taken off everything");
    assert_eq!(get(&simulators, &format!("/v1/events/{event}/people/{ana}")).0, 404);
}
