//! What is posted to whom, when, and again.

use super::{subscriptions::webhook, *};
use crate::simulators::{
    livestorm::{Delivery, DeliveryOutcome, deliveries::End, subscriptions::TRIGGERS},
    unknowns::{ReplayIsTold, RetrySignature, UnlistedStatus, Unreachable, WebhookText},
};

const URL: &str = "https://hooks.example.org/livestorm";

fn due(simulators: &Simulators) -> Vec<Delivery> {
    simulators.world().deliveries_due(usize::MAX)
}

/// Posts all that is due, with this outcome. What it was: event or `attendee` and the like, and the person's address.
fn posted(simulators: &Simulators, outcome: DeliveryOutcome) -> Vec<(String, String)> {
    let due = due(simulators);
    let told = due.iter().map(|delivery| {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let email = body["data"]["attributes"]["email"].as_str().or(body["attendee"]["email"].as_str());
        let name = body["data"]["meta"]["webhook"]["event"].as_str().map(str::to_owned);
        let legacy = || body.as_object().unwrap().keys().next().unwrap().clone();
        (name.unwrap_or_else(legacy), email.unwrap_or_default().to_owned())
    });
    let told = told.collect();
    due.iter().for_each(|delivery| simulators.world().delivery_ended(delivery.id, outcome));
    told
}

const WELL: DeliveryOutcome = DeliveryOutcome::Answered(204);

fn told(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(event, email)| ((*event).to_owned(), (*email).to_owned())).collect()
}

fn subscribed(simulators: &Simulators, events: &[&str]) -> Vec<String> {
    let made = events.iter().map(|event| send(simulators, "POST", "/v1/webhooks", &webhook(URL, event)).1);
    made.map(|made| made["data"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn with_nobody_subscribed_nothing_waits() {
    let (simulators, clock) = started();
    session_over(&simulators, &clock);
    assert_eq!(simulators.world().next_delivery_at(), None);
    assert_eq!(due(&simulators), []);
}

#[test]
fn a_webinars_life_is_told_in_its_order_and_attendance_once_it_is_ready() {
    let (simulators, clock) = started();
    subscribed(&simulators, &TRIGGERS);
    let (session, _, bo) = session_over(&simulators, &clock);
    let owner = "owner@livestorm-customer.example";
    let first = [
        ("event.created", ""),
        ("session.created", ""),
        ("people.registered", owner),
        ("event.published", ""),
        ("people.registered", "ana@example.org"),
        ("people.registered", "bo@example.org"),
        ("session.started", ""),
        ("session.ended", ""),
    ];
    assert_eq!(posted(&simulators, WELL), told(&first));
    let ready = unknowns(&simulators).attendance_ready_seconds;
    let ready_at = simulators.world().now().plus(Duration::from_secs(ready));
    assert_eq!(simulators.world().next_delivery_at(), Some(ready_at));
    wait(&clock, ready - 1);
    assert_eq!(due(&simulators), []);
    wait(&clock, 1);
    let attendance = [("people.attended", "ana@example.org"), ("people.not_attended", "bo@example.org")];
    assert_eq!(posted(&simulators, WELL), told(&attendance));
    let unknowns = unknowns(&simulators);
    for watch in 0..2 {
        assert!(simulators.world().livestorm.watch_replay(&session, &bo, &unknowns));
        let expected = if watch == 0 { told(&[("people.watched_replay", "bo@example.org")]) } else { vec![] };
        assert_eq!(posted(&simulators, WELL), expected, "once a person");
    }
    let each = LivestormUnknowns { replay_is_told: ReplayIsTold::EachView, ..unknowns };
    assert!(simulators.world().livestorm.watch_replay(&session, &bo, &each));
    assert_eq!(posted(&simulators, WELL).len(), 1);
    assert_eq!(simulators.world().next_delivery_at(), None);
}

#[test]
fn nothing_is_told_of_what_is_changed_cancelled_or_taken_away() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    subscribed(&simulators, &TRIGGERS);
    {
        let mut world = simulators.world();
        let options = world.options.clone();
        world.livestorm.add_native_webhook("http://127.0.0.1:9000/all", None, &options).unwrap();
    }
    let (one, person) = (format!("/v1/sessions/{session}"), format!("/v1/sessions/{session}/people/{ana}"));
    let rows = [
        ("PATCH", &person, "people", json!({"fields": [{"id": "last_name", "value": "Silva"}]}), 200),
        ("PATCH", &one, "sessions", json!({"estimated_started_at": "2026-11-24 15:00:00"}), 200),
        ("PATCH", &format!("/v1/events/{event}"), "events", json!({"title": "Later", "status": "draft"}), 200),
        ("DELETE", &person, "people", json!({}), 204),
        ("DELETE", &one, "sessions", json!({}), 204),
        ("DELETE", &format!("/v1/events/{event}"), "events", json!({}), 204),
    ];
    for (method, path, kind, attributes, status) in rows {
        assert_eq!(write(&simulators, method, path, kind, attributes).0, status, "{method} {path}");
        assert_eq!(posted(&simulators, WELL), [], "{method} {path}");
    }
    let (_, session, _) = ana_registered(&simulators);
    posted(&simulators, WELL);
    assert!(simulators.world().livestorm.cancel_session(&session));
    assert_eq!(simulators.world().next_delivery_at(), None);
}

#[test]
fn a_replay_is_told_of_for_an_event_on_demand_too() {
    let (simulators, _) = started();
    subscribed(&simulators, &["people.watched_replay"]);
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent { on_demand: true, ..Default::default() });
    world.livestorm.publish(&event);
    let session = world.livestorm.create_session(&event, NewSession::default());
    let ana = world.livestorm.register(&session, NewRegistrant::default()).unwrap();
    let unknowns = world.options.unknowns.livestorm.clone();
    assert!(world.livestorm.watch_replay(&session, &ana, &unknowns));
    let due = world.deliveries_due(usize::MAX);
    let body: Value = serde_json::from_slice(&due[0].body).unwrap();
    assert_eq!((due.len(), &body["data"]["attributes"]["registrant_detail"]["attended"]), (1, &json!(false)));
    let watched_at = world.now().seconds();
    assert_eq!(body["data"]["attributes"]["replay_view_detail"]["watched_at"], watched_at);
}

#[test]
fn a_registration_by_the_api_and_a_job_that_ends_are_told() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    subscribed(&simulators, &["people.registered", "job.ended"]);
    let one = |email: &str| json!({"fields": [{"id": "email", "value": email}]});
    let person = |email: &str| json!({"data": {"type": "people", "attributes": one(email)}}).to_string();
    let path = format!("/v1/sessions/{session}/people");
    assert_eq!(send(&simulators, "POST", &path, &person("bo@example.org")).0, 201);
    let tasks = json!({"data": {"attributes": {"tasks": [one("cy@example.org"), one("bo@example.org")]}}});
    assert_eq!(send(&simulators, "POST", &format!("{path}/bulk"), &tasks.to_string()).0, 202);
    let registered = [("people.registered", "bo@example.org"), ("people.registered", "cy@example.org")];
    assert_eq!(posted(&simulators, WELL), told(&registered));
    wait(&clock, 10);
    let ended = due(&simulators);
    let body: Value = serde_json::from_slice(&ended[0].body).unwrap();
    assert_eq!((ended.len(), &body["data"]["type"]), (1, &json!("jobs")));
    assert_eq!(body["data"]["attributes"]["status"], "failed");
    simulators.world().options.unknowns.livestorm.api_registration_is_told = false;
    assert_eq!(send(&simulators, "POST", &path, &person("di@example.org")).0, 201);
    assert_eq!(posted(&simulators, WELL), []);
}

#[test]
fn a_body_is_of_its_moment_and_names_its_webhook() {
    let (simulators, clock) = started();
    let ids = subscribed(&simulators, &["people.registered", "people.registered"]);
    let (_, session, ana) = ana_registered(&simulators);
    wait(&clock, 60);
    simulators.world().livestorm.remove_registrant(&session, &ana);
    let due = due(&simulators);
    let webhooks: Vec<_> = due.iter().map(|delivery| delivery.subscription.clone()).collect();
    assert_eq!(webhooks, [ids.clone(), ids].concat(), "the owner and Ana, told to each");
    for delivery in &due {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!(body["data"]["meta"]["webhook"]["id"], json!(delivery.subscription));
        assert_eq!(body.to_string().into_bytes(), delivery.body, "compact");
    }
}

#[test]
fn the_native_app_hears_its_six_events_in_its_own_words_and_unsigned() {
    let (simulators, clock) = started();
    simulators.world().options.livestorm_webhooks.secret = Some("made-up".into());
    {
        let mut world = simulators.world();
        let options = world.options.clone();
        world.livestorm.add_native_webhook("http://127.0.0.1:9000/all", None, &options).unwrap();
        world.livestorm.add_native_webhook("http://127.0.0.1:9000/one", Some("session.ended"), &options).unwrap();
        for (url, event) in [(URL, "people.attended"), ("http://example.org", "session.ended")] {
            assert!(world.livestorm.add_native_webhook(url, Some(event), &options).is_err(), "{url} {event}");
        }
    }
    session_over(&simulators, &clock);
    wait(&clock, 3600);
    let due = due(&simulators);
    assert!(due.iter().all(|delivery| delivery.headers.iter().all(|(name, _)| name != "x-livestorm-signature")));
    let one = due.iter().filter(|delivery| delivery.url.ends_with("/one")).count();
    assert_eq!(one, 1);
    due.iter().for_each(|delivery| {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!(body["data"].is_null(), body["webinar"].is_object(), "{body}");
    });
    let all: Vec<_> = due.iter().filter(|delivery| delivery.url.ends_with("/all")).collect();
    let attendees = all.iter().filter(|delivery| delivery.body.starts_with(br#"{"attendee""#)).count();
    assert_eq!((all.len(), attendees), (7, 2), "the owner is no new registrant");
}

#[test]
fn a_failure_is_tried_again_five_times_and_then_the_webhook_is_disabled() {
    let (simulators, clock) = started();
    let (_, session, ana) = ana_registered(&simulators);
    let ids = subscribed(&simulators, &["session.started", "people.watched_replay", "session.ended"]);
    simulators.world().livestorm.start_session(&session);
    let failures = [
        DeliveryOutcome::Answered(400),
        DeliveryOutcome::Answered(456),
        DeliveryOutcome::Answered(500),
        DeliveryOutcome::Answered(511),
        DeliveryOutcome::TimedOut,
        DeliveryOutcome::Answered(404),
    ];
    for (number, (failure, wait_seconds)) in failures.into_iter().zip([30, 60, 150, 360, 720, 0]).enumerate() {
        let due = due(&simulators);
        assert_eq!((due.len(), due[0].attempt as usize), (1, number + 1));
        assert_eq!(super::deliveries::due(&simulators), [], "it is under way");
        assert_eq!(simulators.world().next_delivery_at(), None);
        simulators.world().delivery_ended(due[0].id, failure);
        if wait_seconds > 0 {
            assert_eq!(get(&simulators, "/v1/webhooks").1["meta"]["record_count"], 3);
            let next = simulators.world().now().plus(Duration::from_secs(wait_seconds));
            assert_eq!(simulators.world().next_delivery_at(), Some(next), "{failure:?}");
            wait(&clock, wait_seconds);
        }
    }
    let listed = get(&simulators, "/v1/webhooks?filter[event]=session.started").1;
    assert_eq!(listed["meta"]["record_count"], 0, "disabled, and hidden");
    assert_eq!(get(&simulators, "/v1/webhooks").1["meta"]["record_count"], 2, "the others go on");
    let seen = simulators.world().deliveries_seen();
    assert_eq!((seen.pending.len(), seen.ended.len()), (0, 1));
    assert_eq!((seen.ended[0].end, seen.ended[0].attempts.len()), (Some(End::Failed), 6));
    assert_eq!(seen.ended[0].webhook, ids[0]);
    let unknowns = unknowns(&simulators);
    simulators.world().livestorm.end_session(&session, &unknowns);
    assert!(simulators.world().livestorm.watch_replay(&session, &ana, &unknowns));
    assert_eq!(posted(&simulators, WELL).len(), 2);
}

#[test]
fn what_an_outcome_is_followed_by_is_told_by_the_page_or_a_switch() {
    use DeliveryOutcome::{Answered, NoAnswer, TimedOut};
    let (give_up, retry) = (UnlistedStatus::GiveUp, UnlistedStatus::Retry);
    let (at_once, later) = (Unreachable::AtOnce, Unreachable::AfterRetries);
    let rows = [
        (Answered(200), give_up, at_once, Some(End::Delivered), true),
        (Answered(299), give_up, at_once, Some(End::Delivered), true),
        (Answered(400), give_up, at_once, None, true),
        (Answered(456), give_up, at_once, None, true),
        (Answered(457), give_up, at_once, Some(End::GivenUp), true),
        (Answered(457), retry, at_once, None, true),
        (Answered(499), give_up, at_once, Some(End::GivenUp), true),
        (Answered(500), give_up, at_once, None, true),
        (Answered(511), give_up, at_once, None, true),
        (Answered(512), give_up, at_once, Some(End::GivenUp), true),
        (Answered(302), give_up, at_once, Some(End::GivenUp), true),
        (Answered(302), retry, at_once, None, true),
        (TimedOut, give_up, at_once, None, true),
        (NoAnswer, give_up, at_once, Some(End::Failed), false),
        (NoAnswer, give_up, later, None, true),
    ];
    for (outcome, unlisted_status, unreachable, end, stays) in rows {
        let (simulators, _) = started();
        let (_, session, _) = ana_registered(&simulators);
        let unknowns = LivestormUnknowns { unlisted_status, unreachable, ..unknowns(&simulators) };
        simulators.world().options.unknowns.livestorm = unknowns;
        subscribed(&simulators, &["session.started"]);
        simulators.world().livestorm.start_session(&session);
        posted(&simulators, outcome);
        let seen = simulators.world().deliveries_seen();
        assert_eq!(seen.ended.first().and_then(|ended| ended.end), end, "{outcome:?} {unlisted_status:?}");
        assert_eq!(seen.pending.len(), usize::from(end.is_none()), "{outcome:?}");
        assert_eq!(get(&simulators, "/v1/webhooks").1["meta"]["record_count"], u64::from(stays), "{outcome:?}");
    }
}

#[test]
fn what_waits_for_a_deleted_webhook_is_dropped_and_an_outcome_from_elsewhere_means_nothing() {
    let (simulators, _) = started();
    let ids = subscribed(&simulators, &["people.registered"]);
    ana_registered(&simulators);
    let under_way = due(&simulators);
    let other = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    let session = simulators.world().livestorm.sessions.all().next().unwrap().id.clone();
    simulators.world().livestorm.register(&session, other).unwrap();
    assert_eq!(send(&simulators, "DELETE", &format!("/v1/webhooks/{}", ids[0]), "").0, 204);
    assert_eq!(simulators.world().next_delivery_at(), None);
    simulators.world().delivery_ended(under_way[0].id, DeliveryOutcome::Answered(500));
    simulators.world().delivery_ended(under_way[1].id, WELL);
    simulators.world().delivery_ended(under_way[1].id, WELL);
    simulators.world().delivery_ended(u64::MAX, WELL);
    let ends: Vec<_> = simulators.world().deliveries_seen().ended.iter().filter_map(|seen| seen.end).collect();
    assert_eq!(ends, [End::Dropped, End::Dropped, End::Delivered]);
}

#[test]
fn a_rest_webhook_is_signed_once_there_is_a_secret_and_again_as_a_switch_says() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    subscribed(&simulators, &["session.started"]);
    simulators.world().livestorm.start_session(&session);
    let signed = |delivery: &Delivery| {
        let named = delivery.headers.iter().find(|(name, _)| name == "x-livestorm-signature");
        named.map(|(_, value)| value.clone())
    };
    let first = due(&simulators);
    assert_eq!(signed(&first[0]), None, "unsigned until it is set up");
    let first_at = simulators.world().now().seconds();
    simulators.world().options.livestorm_webhooks.secret = Some("made-up".into());
    simulators.world().delivery_ended(first[0].id, DeliveryOutcome::Answered(503));
    let mut wait_seconds = [30, 60].into_iter();
    for side in [RetrySignature::Renewed, RetrySignature::First] {
        simulators.world().options.unknowns.livestorm.retry_signature = side;
        wait(&clock, wait_seconds.next().unwrap());
        let again = due(&simulators);
        assert_eq!(again[0].body, first[0].body);
        let at = if side == RetrySignature::First { first_at } else { simulators.world().now().seconds() };
        assert_eq!(signed(&again[0]), Some(webhooks::signature("made-up", at, &first[0].body)), "{side:?}");
        simulators.world().delivery_ended(again[0].id, DeliveryOutcome::Answered(503));
    }
}

#[test]
fn webhooks_come_late_twice_and_out_of_order_where_the_options_say_so() {
    let (simulators, clock) = started();
    {
        let options = &mut simulators.world().options.livestorm_webhooks;
        options.lag = Duration::from_secs(600);
        options.doubled = true;
    }
    subscribed(&simulators, &["people.registered"]);
    ana_registered(&simulators);
    wait(&clock, 599);
    assert_eq!(due(&simulators), []);
    wait(&clock, 1);
    assert_eq!(posted(&simulators, WELL).len(), 4, "the owner and Ana, twice each");
    {
        let options = &mut simulators.world().options.livestorm_webhooks;
        options.lag = Duration::ZERO;
        options.doubled = false;
        options.spread = Duration::from_secs(3600);
    }
    get(&simulators, "/v1/ping");
    let session = simulators.world().livestorm.sessions.all().next().unwrap().id.clone();
    let emails: Vec<String> = (0..20).map(|n| format!("p{n}@example.org")).collect();
    for email in &emails {
        let new = NewRegistrant { email: email.clone(), ..Default::default() };
        simulators.world().livestorm.register(&session, new).unwrap();
    }
    let mut seen = vec![];
    let next = || simulators.world().next_delivery_at();
    while let Some(at) = next() {
        let left = at.since(simulators.world().now());
        futures_util::FutureExt::now_or_never(clock.run_for(left)).unwrap();
        seen.extend(posted(&simulators, WELL).into_iter().map(|(_, email)| email));
    }
    assert_ne!(seen, emails);
    seen.sort_unstable();
    let mut sorted = emails;
    sorted.sort_unstable();
    assert_eq!(seen, sorted, "nobody is lost");
}

#[test]
fn what_is_due_longest_is_posted_first_and_no_more_than_is_asked_for() {
    for (at_most, taken) in [(0, &[][..]), (2, &[1, 1]), (3, &[1, 1, 2]), (9, &[1, 1, 2])] {
        let (simulators, clock) = started();
        subscribed(&simulators, &["session.started", "job.ended", "event.created"]);
        let (_, session, _) = ana_registered(&simulators);
        assert_eq!(posted(&simulators, DeliveryOutcome::Answered(500)).len(), 1);
        wait(&clock, 20);
        simulators.world().livestorm.start_session(&session);
        simulators.world().livestorm.add_job(1, 0);
        wait(&clock, 20);
        let due = simulators.world().deliveries_due(at_most);
        let attempts: Vec<_> = due.iter().map(|delivery| delivery.attempt).collect();
        assert_eq!(attempts, taken, "the second attempt is due for ten seconds, the others for twenty");
    }
}

#[test]
fn a_disabled_webhook_hears_nothing_and_what_waits_for_it_is_dropped_whichever_made_it() {
    let (simulators, clock) = started();
    {
        let mut world = simulators.world();
        let options = world.options.clone();
        world.livestorm.add_native_webhook("http://127.0.0.1:9000/all", None, &options).unwrap();
    }
    subscribed(&simulators, &["session.started", "people.registered", "people.registered"]);
    let (_, session, _) = ana_registered(&simulators);
    assert_eq!(due(&simulators).len(), 8, "four of the native app, two for each of the others");
    simulators.world().livestorm.start_session(&session);
    let waits: Vec<u64> = simulators.world().deliveries_seen().pending.iter().map(|seen| seen.id).collect();
    let not_begun = *waits.last().unwrap();
    simulators.world().delivery_ended(not_begun, WELL);
    assert_eq!(simulators.world().deliveries_seen().pending.len(), 10, "what is not under way cannot have ended");
    for id in &waits[..8] {
        simulators.world().delivery_ended(*id, DeliveryOutcome::NoAnswer);
    }
    let seen = simulators.world().deliveries_seen();
    let webhook = &seen.ended[0].webhook;
    assert!(simulators.world().livestorm.native_webhooks()[0].is_disabled, "{webhook}");
    let pending: Vec<_> = seen.pending.iter().map(|seen| (seen.event, seen.url.as_str())).collect();
    assert_eq!(pending, [("session.started", URL)], "the native app's was dropped");
    let ends: Vec<_> = seen.ended.iter().filter_map(|seen| seen.end).collect();
    assert_eq!(ends.iter().filter(|end| **end == End::Failed).count(), 3, "one for each webhook: {ends:?}");
    wait(&clock, 60);
    let bo = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    simulators.world().livestorm.register(&session, bo).unwrap();
    assert_eq!(simulators.world().deliveries_seen().pending.len(), 1, "nobody hears of Bo");
    assert_eq!(get(&simulators, "/v1/webhooks").1["meta"]["record_count"], 1);
}

#[test]
fn no_more_than_a_thousand_ended_ones_are_remembered_and_the_first_go() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    subscribed(&simulators, &["session.started"]);
    for _ in 0..1001 {
        simulators.world().livestorm.happened(&Occurrence::SessionStarted { session: session.clone() });
    }
    let second = simulators.world().deliveries_seen().pending[1].id;
    posted(&simulators, WELL);
    let seen = simulators.world().deliveries_seen();
    assert_eq!((seen.ended.len(), seen.ended[0].id), (1000, second));
}

#[test]
fn what_waits_for_nobody_who_posts_is_bounded() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    (0..2000).for_each(|_| {
        simulators.world().livestorm.add_subscription("session.started", URL);
    });
    simulators.world().livestorm.start_session(&session);
    let mut world = simulators.world();
    (0..10).for_each(|_| {
        world.livestorm.happened(&Occurrence::SessionStarted { session: session.clone() });
    });
    let seen = world.deliveries_seen();
    assert_eq!((seen.pending.len(), seen.not_kept), (20_000, 2_000));
}

#[test]
fn whether_other_letters_than_ascii_are_escaped_is_a_switch_and_the_text_the_same() {
    let (simulators, _) = started();
    let event =
        simulators.world().livestorm.create_event(NewEvent { title: "Söhne 🎥 \"x\"".into(), ..Default::default() });
    let world = simulators.world();
    let mut bodies = vec![];
    for webhook_text in [WebhookText::Plain, WebhookText::Escaped] {
        let unknowns = LivestormUnknowns { webhook_text, ..Default::default() };
        let told = Occurrence::EventCreated { event: event.clone() };
        let body = world.livestorm.webhook_body(&told, Dialect::RestManaged, &unknowns).unwrap();
        assert_eq!(body.is_ascii(), webhook_text == WebhookText::Escaped);
        bodies.push(serde_json::from_slice::<Value>(&body).unwrap());
    }
    assert_eq!(bodies[0], bodies[1]);
}
