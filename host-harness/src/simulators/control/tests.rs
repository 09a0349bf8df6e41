use super::*;

fn desk() -> Desk {
    Desk::new(
        MovableClock::new(Timestamp::from_seconds(1_795_420_800)),
        Options::default(),
        ([127, 0, 0, 1], 8400).into(),
    )
}

fn ask_with(desk: &Desk, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let request = http::Request::builder().method(method).uri(path).body(body.as_bytes().to_vec()).unwrap();
    let mut call = Call::new(request);
    for (name, value) in headers {
        call.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let answer = desk.answer(&call).unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default())
}

fn ask(desk: &Desk, method: &str, path: &str, body: &str) -> (u16, Value) {
    ask_with(desk, method, path, body, &[("host", "127.0.0.1:8400")])
}

#[test]
fn what_an_admin_sets_up_is_changed_in_part_holds_for_the_apis_and_may_stand_in_a_scenario() {
    let ping = |desk: &Desk| {
        let token = desk.simulators.world().options.livestorm_token.clone();
        let ping = http::Request::get("/v1/ping").header("authorization", token).body(vec![]).unwrap();
        desk.simulators.handle(ping).unwrap().status().as_u16()
    };
    let desk = desk();
    let before = ask(&desk, "GET", "/simulators/accounts", "").1;
    assert_eq!(ping(&desk), 200);
    let (status, after) = ask(&desk, "PATCH", "/simulators/accounts", r#"{"livestorm":{"access":"blocked"}}"#);
    assert_eq!((status, &after["livestorm"]["access"]), (200, &json!("blocked")));
    assert_eq!(after["salesforce"], before["salesforce"]);
    assert_eq!(ping(&desk), 403);
    assert_eq!(ask(&desk, "PUT", "/simulators/accounts", "{}"), (200, before));
    assert_eq!(ping(&desk), 200);
    let scenario = "title = \"Closed\"\naccounts.livestorm.access = \"not-in-plan\"";
    desk.begin(Some(Scenario::parse(scenario).unwrap()));
    assert_eq!(ping(&desk), 403);
}

#[test]
fn what_a_scenario_lets_happen_happens_at_its_time_however_far_the_clock_is_moved() {
    let desk = desk();
    assert_eq!(ask(&desk, "POST", "/simulators/scenario", r#"{"name":"one_session"}"#).0, 200);
    let (status, told) = ask(&desk, "POST", "/simulators/clock", r#"{"move_by_seconds":172800}"#);
    assert_eq!((status, &told["next_happening_at"]), (200, &Value::Null));
    assert_eq!(ask(&desk, "GET", "/simulators/scenario", "").1["failed"], json!([]));
    let world = desk.simulators.world();
    let session = world.livestorm.sessions.all().next().unwrap();
    assert_eq!(session.started_at.unwrap().to_string(), "2026-11-23T10:00:00Z");
    let (_, people) = world.livestorm.registrations.iter().next().unwrap();
    let watched = people.iter().filter_map(|p| p.now().replay_watched_at).next().unwrap();
    assert_eq!(watched.to_string(), "2026-11-24T08:00:00Z");
}

#[test]
fn nothing_that_a_carried_scenario_lets_happen_is_impossible() {
    for (name, _) in SCENARIOS {
        let desk = desk();
        desk.begin(Some(Scenario::named(name).unwrap()));
        desk.move_to(desk.clock.now().plus(Duration::from_secs(7 * 24 * 60 * 60)));
        assert_eq!(desk.on_stage().failed, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_web_page_from_elsewhere_cannot_use_the_desk() {
    let rows: [(&[(&str, &str)], u16); 8] = [
        (&[("host", "127.0.0.1:8400")], 200),
        (&[("host", "localhost:8400")], 200),
        (&[("host", "[::1]:8400")], 200),
        (&[("host", "localhost:8400"), ("origin", "http://localhost:8400")], 200),
        (&[("host", "localhost:8400"), ("origin", "http://elsewhere.example")], 403),
        (&[("host", "localhost:8400"), ("origin", "null")], 403),
        (&[("host", "elsewhere.example:8400")], 403),
        (&[], 403),
    ];
    for (headers, status) in rows {
        let desk = desk();
        assert_eq!(ask_with(&desk, "POST", "/simulators/reset", "", headers).0, status, "{headers:?}");
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_would_be_right() {
    let rows = [
        ("GET", "/simulators/nothing", "", 404, "GET /simulators lists"),
        ("DELETE", "/simulators/clock", "", 405, "GET /simulators/clock, POST /simulators/clock"),
        ("POST", "/simulators/clock", "{", 400, "EOF"),
        ("POST", "/simulators/clock", "{}", 400, "either move_by_seconds or move_to"),
        ("POST", "/simulators/clock", r#"{"move_by_seconds":-1}"#, 400, "move_by_seconds: "),
        ("POST", "/simulators/clock", r#"{"move_by_seconds":18446744073709551615}"#, 400, "ten years"),
        ("POST", "/simulators/clock", r#"{"move_to":"2020-01-01T00:00:00Z"}"#, 409, "does not go back"),
        ("PATCH", "/simulators/switches", r#"{"pardot":{}}"#, 400, "unknown field `pardot`"),
        ("PATCH", "/simulators/switches", "7", 400, "invalid type"),
        ("PUT", "/simulators/options", r#"{"ampsea":7}"#, 400, "ampsea: "),
        ("PATCH", "/simulators/accounts", r#"{"livestorm":{"access":"gone"}}"#, 400, "unknown variant `gone`"),
        ("POST", "/simulators/faults", r#"{"rules":[{}]}"#, 400, "missing field `what`"),
        ("POST", "/simulators/scenario", r#"{"name":"none"}"#, 404, "one_session"),
        ("POST", "/simulators/livestorm/start", r#"{"session":"x"}"#, 409, "no session \"x\""),
        ("POST", "/simulators/livestorm/dance", "{}", 404, "there is no /simulators/livestorm/dance"),
        ("POST", "/simulators/livestorm/add-form", r#"{"title":"x"}"#, 404, "GET /simulators lists"),
        ("POST", "/simulators/account-engagement/start", "{}", 404, "GET /simulators lists"),
        ("GET", "/simulators/account-engagement/add-form", "", 405, "POST /simulators/account-engagement/add-form"),
    ];
    for (method, path, body, status, wanted) in rows {
        let (given, told) = ask(&desk(), method, path, body);
        let told = told["error"].as_str().unwrap_or_default().to_owned();
        assert!(given == status && told.contains(wanted), "{method} {path} {body}: {given} {told}");
    }
}

#[test]
fn switches_options_and_faults_are_changed_while_it_runs_and_a_reset_takes_them_back() {
    let desk = desk();
    let patch = r#"{"livestorm":{"attendance_ready_seconds":7}}"#;
    assert_eq!(ask(&desk, "PATCH", "/simulators/switches", patch).0, 200);
    assert_eq!(ask(&desk, "PUT", "/simulators/options", r#"{"livestorm_calls_per_second":2}"#).0, 200);
    let fault = r#"{"rules":[{"path":"/v1/ping","what":"cut-before-effect"}],"seeded":{"seed":1,"odds":{}}}"#;
    assert_eq!(ask(&desk, "POST", "/simulators/faults", fault).0, 200);
    {
        let world = desk.simulators.world();
        assert_eq!(world.options.unknowns.livestorm.attendance_ready_seconds, 7);
        assert_eq!(world.options.limits.livestorm_calls_per_second, 2);
        assert_eq!(world.faults.rules.len(), 1);
        assert!(world.requests.is_empty(), "the desk's requests are not the APIs'");
    }
    assert_eq!(ask(&desk, "DELETE", "/simulators/faults", "").1, written(&FaultPlan::default()));
    assert_eq!(ask(&desk, "POST", "/simulators/reset", "").0, 200);
    assert_eq!(desk.simulators.world().options.limits.livestorm_calls_per_second, 5);
}

#[test]
fn a_native_webhook_is_set_up_by_hand_and_what_waits_for_it_is_shown() {
    let desk = desk();
    let path = "/simulators/livestorm/native_webhooks";
    let rows = [
        (r#"{"url":"http://127.0.0.1:9000/hook","event":"event.created"}"#, 200, ""),
        (r#"{"url":"https://hooks.example.org/"}"#, 200, ""),
        (r#"{"url":"http://hooks.example.org/"}"#, 400, "HTTPS"),
        (r#"{"url":"https://hooks.example.org/","event":"people.attended"}"#, 400, "people.registered"),
        (r#"{"url":"https://hooks.example.org/","events":[]}"#, 400, "unknown field"),
        ("{}", 400, "missing field `url`"),
    ];
    for (body, status, wanted) in rows {
        let (given, told) = ask(&desk, "POST", path, body);
        let told = told["error"].as_str().unwrap_or_default().to_owned();
        assert!(given == status && told.contains(wanted), "{body}: {given} {told}");
    }
    let event = r#"{"name":"demo","title":"Demo"}"#;
    assert_eq!(ask(&desk, "POST", "/simulators/livestorm/create-event", event).0, 200);
    let (_, seen) = ask(&desk, "GET", "/simulators/deliveries", "");
    let pending = seen["pending"].as_array().unwrap();
    assert_eq!((pending.len(), &seen["ended"], &seen["not_kept"]), (2, &json!([]), &json!(0)));
    assert_eq!((&pending[0]["event"], &pending[0]["attempts"]), (&json!("event.created"), &json!([])));
    let (_, listed) = ask(&desk, "GET", path, "");
    assert_eq!(listed["native_webhooks"][0]["event"], "event.created");
    assert_eq!(ask(&desk, "DELETE", "/simulators/deliveries", "").0, 405);
    assert_eq!(ask(&desk, "POST", "/simulators/reset", "").0, 200);
    assert_eq!(ask(&desk, "GET", path, "").1["native_webhooks"], json!([]));
}

#[test]
fn webhooks_that_are_there_from_the_beginning_hear_a_scenario_from_its_first_act_after_each_reset() {
    let mut options = Options::default();
    options.livestorm_webhooks.native = vec!["http://127.0.0.1:9000/".into(), "nothing".into()];
    let clock = MovableClock::new(Timestamp::from_seconds(1_795_420_800));
    let desk = Desk::new(clock, options, ([127, 0, 0, 1], 8400).into());
    desk.begin(Some(Scenario::named("one_session").unwrap()));
    for _ in 0..2 {
        let (_, seen) = ask(&desk, "GET", "/simulators/deliveries", "");
        assert_eq!(seen["pending"][0]["event"], "event.created");
        assert_eq!(ask(&desk, "POST", "/simulators/reset", "").0, 200);
    }
}

#[test]
fn how_webhooks_come_is_an_option_and_an_empty_secret_takes_signing_back() {
    let desk = desk();
    let shown = |body: &str| ask(&desk, "PUT", "/simulators/options", body).1;
    let set = shown(r#"{"livestorm_webhook_lag_seconds":600,"livestorm_webhook_secret":"made-up"}"#);
    assert_eq!(set["livestorm_webhook_lag_seconds"], 600);
    assert_eq!(set["livestorm_webhook_secret"], "made-up");
    assert_eq!(set["livestorm_webhooks_doubled"], false);
    assert_eq!(shown(r#"{"livestorm_webhook_secret":""}"#)["livestorm_webhook_secret"], Value::Null);
}

#[test]
fn a_webinar_is_played_by_hand() {
    let desk = desk();
    let acts = [
        ("create-event", r#"{"name":"demo","title":"Demo","publish":true}"#),
        ("schedule-session", r#"{"name":"now","event":"demo","starts_after":60}"#),
        ("register", r#"{"session":"now","email":"ana@example.org","first_name":"Ana"}"#),
        ("start", r#"{"session":"now"}"#),
        ("attend", r#"{"session":"now","email":"ana@example.org","seconds":600}"#),
        ("end", r#"{"session":"now"}"#),
        ("watch", r#"{"session":"now","email":"ana@example.org"}"#),
    ];
    for (act, body) in acts {
        let (status, told) = ask(&desk, "POST", &format!("/simulators/livestorm/{act}"), body);
        assert_eq!(status, 200, "{act}: {told}");
    }
}

#[test]
fn forms_are_made_and_submitted_by_hand() {
    let desk = desk();
    let act = |act: &str, body: &str| ask(&desk, "POST", &format!("/simulators/account-engagement/{act}"), body);
    for (kind, form) in [("add-form", "forms/7001"), ("add-form-handler", "form-handlers/8001")] {
        let (status, told) = act(kind, r#"{"name":"f","title":"Lunch"}"#);
        assert_eq!((status, &told["form"]), (200, &json!(form)));
        let (status, told) = act("submit-form", r#"{"form":"f","email":"ana@example.org"}"#);
        assert_eq!((status, &told["form"], &told["errors"]), (200, &json!(form), &json!([])));
    }
    assert_eq!(desk.simulators.world().account_engagement.visitor_activities.len(), 2);
}

#[test]
fn the_page_escapes_what_people_wrote_and_moves_the_clock() {
    let desk = desk();
    let evil = r#"{"name":"e","title":"<script>alert('x')</script>\"","publish":true}"#;
    ask(&desk, "POST", "/simulators/livestorm/create-event", evil);
    ask(&desk, "POST", "/simulators/livestorm/schedule-session", r#"{"event":"e","starts_after":60}"#);
    let shown = |path: &str| {
        let mut call = Call::new(http::Request::get(path).body(vec![]).unwrap());
        call.headers.insert("host", "localhost".parse().unwrap());
        desk.answer(&call).unwrap()
    };
    let page = shown("/");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let text = String::from_utf8(page.into_body()).unwrap();
    assert!(text.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;") && !text.contains("<script>alert"));

    let before = desk.clock.now();
    assert_eq!(ask(&desk, "POST", "/simulators/page/clock", "seconds=3600").0, 303);
    assert!(desk.clock.now().since(before) >= Duration::from_secs(3600));
    assert_eq!(ask(&desk, "POST", "/simulators/page/scenario", "name=busy_monday").0, 303);
    assert_eq!(desk.on_stage().scenario.as_ref().unwrap().title, "Busy Monday");
}
