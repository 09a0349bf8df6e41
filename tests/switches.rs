//! What no vendor page tells is a switch of the simulators. Whichever way each of them stands, the demo's story ends well.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    durable::TaskStatus,
    simulators::{
        Api, Options, World,
        account_engagement::{CustomKind, NewCustomField},
        livestorm::Scope,
        unknowns::Unknowns,
    },
    stage::story::{salesforce_story, story as demo_story},
};
use oracle::{Destination, Happening, MappedField, Story};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// A switch, sides of it, and what brings about that it matters. Where nothing is said, the story itself does, or nobody asks.
type Switch = (&'static str, Value, Option<fn(&mut World)>);

fn switches() -> Vec<Switch> {
    vec![
        ("/livestorm/oversized_page", json!(["refuse"]), None),
        ("/livestorm/empty_list_pages", json!([1]), None),
        ("/livestorm/items_per_page", json!(["rows-on-page"]), None),
        ("/livestorm/monthly_header", json!(["montly"]), None),
        ("/livestorm/monthly_headers_on_429", json!([true]), Some(too_fast)),
        ("/livestorm/monthly_window", json!(["calendar-month"]), None),
        ("/livestorm/refused_calls_count", json!([false]), Some(too_fast)),
        ("/livestorm/date_bounds", json!(["exclusive"]), None),
        ("/livestorm/email_match", json!(["sensitive"]), None),
        ("/livestorm/unknown_parameter", json!(["ignore"]), None),
        ("/livestorm/unknown_include", json!(["refuse"]), None),
        ("/livestorm/unknown_filter_value", json!(["match-nothing"]), None),
        ("/livestorm/title_filter", json!(["part"]), None),
        ("/livestorm/attended_while_live", json!(["in-the-room"]), None),
        ("/livestorm/list_order", json!(["newest-first"]), None),
        ("/livestorm/included_people_max", json!([1]), None),
        ("/livestorm/unset_times", json!(["null"]), None),
        ("/livestorm/session_event_field", json!(["event-type-id"]), None),
        ("/livestorm/embed_url_shown", json!([true]), None),
        ("/livestorm/workspace_people_detail", json!([true]), None),
        ("/livestorm/chat_message_type", json!(["messages"]), None),
        ("/livestorm/spoken_answer_field", json!(["response-orally"]), None),
        ("/livestorm/error_fields", json!(["word-code", "numeric-texts", "numbers"]), Some(too_fast)),
        ("/livestorm/failed_calls_count", json!([false]), None),
        ("/livestorm/reset_header_always", json!([true]), None),
        ("/livestorm/scope_of_jobs_and_attributes", json!(["admin"]), None),
        ("/livestorm/odd_accept", json!(["refuse"]), None),
        ("/livestorm/other_content_type", json!(["read"]), None),
        ("/livestorm/wrong_attribute_status", json!([400]), None),
        ("/livestorm/put_omitted", json!(["reset"]), None),
        ("/livestorm/tag_status", json!(["ok"]), None),
        ("/livestorm/delete_registered_session", json!(["delete"]), None),
        ("/livestorm/user_exists_status", json!([422]), None),
        ("/livestorm/ping_body", json!(["object"]), None),
        ("/livestorm/bearer_refusal_body", json!(["empty"]), None),
        ("/livestorm/oauth_expires_in_seconds", json!([60]), None),
        ("/livestorm/oauth_refresh_rotates", json!([false]), None),
        ("/livestorm/oauth_old_refresh_token", json!(["stays"]), None),
        ("/livestorm/oauth_basic", json!([true]), None),
        ("/livestorm/html_server_errors", json!([true]), None),
        ("/livestorm/legacy_person_id", json!(["same-as-rest"]), None),
        ("/livestorm/missing_scope_status", json!([401, 403]), Some(no_scope_for_the_team)),
        ("/livestorm/attendance_ready_seconds", json!([0, 599]), None),
        ("/livestorm/absentees_listed", json!([false]), None),
        ("/livestorm/attendance_rate", json!(["text"]), None),
        ("/livestorm/watched_at", json!(["milliseconds", "iso"]), None),
        ("/livestorm/updated_at_moves", json!([false]), None),
        ("/livestorm/already_registered_status", json!([422]), None),
        ("/livestorm/unknown_field_status", json!([400]), None),
        ("/livestorm/ended_session", json!(["register"]), None),
        ("/livestorm/removal", json!(["event"]), None),
        ("/livestorm/job_answer", json!(["wrapped"]), None),
        ("/livestorm/job_counters", json!(["failed-and-succeeded"]), None),
        ("/livestorm/job_seconds", json!([0]), None),
        ("/livestorm/job_details_seconds", json!([60]), None),
        ("/livestorm/oversized_bulk_status", json!([400]), None),
        ("/livestorm/api_registration_is_told", json!([false]), None),
        ("/livestorm/replay_is_told", json!(["each-view"]), None),
        ("/livestorm/duplicate_webhook", json!(["conflict", "unprocessable"]), None),
        ("/livestorm/disabled_webhooks", json!(["shown"]), None),
        ("/livestorm/webhook_text", json!(["escaped"]), None),
        ("/livestorm/retry_signature", json!(["first"]), None),
        ("/livestorm/unlisted_status", json!(["retry"]), None),
        ("/livestorm/unreachable", json!(["after-retries"]), None),
        ("/salesforce/refresh_race", json!(["already-being-processed", "expired-authorization-code"]), Some(a_race)),
        ("/salesforce/entity_is_deleted_status", json!([400]), None),
        ("/salesforce/missing_scope_status", json!([401]), None),
        ("/salesforce/daily_limit_is_soft", json!([true]), None),
        ("/salesforce/daily_limit_is_soft", json!([false]), Some(few_calls_a_day)),
        ("/salesforce/undefined_member_status", json!(["default", "stored"]), None),
        ("/salesforce/upsert_updated_status", json!([204]), None),
        ("/salesforce/limit_info", json!(["with-app", "with-bursts"]), None),
        ("/salesforce/query_page_rows_max", json!([1]), None),
        ("/salesforce/duplicate_key", json!(["duplicate-result"]), None),
        ("/salesforce/duplicate_alert_status", json!([300]), None),
        ("/salesforce/long_address_status", json!([431]), None),
        ("/salesforce/far_assertion_expiry", json!(["taken"]), None),
        ("/salesforce/halted_part_status", json!([412]), None),
        ("/salesforce/missing_record", json!(["invalid-cross-reference-key"]), None),
        ("/salesforce/email_match", json!(["sensitive"]), None),
        ("/salesforce/converted_members", json!(["stay-with-lead"]), None),
        ("/salesforce/person_contact", json!(["refused", "taken"]), None),
        ("/salesforce/second_status_label", json!(["taken"]), None),
        ("/salesforce/second_default_status", json!(["refused"]), None),
        ("/account_engagement/concurrency_status", json!([403, 429]), None),
        ("/account_engagement/daily_limit_status", json!([400, 403, 429]), Some(few_calls_a_day)),
        ("/account_engagement/access_denied_status", json!([403]), None),
        ("/account_engagement/auth_error_body", json!(["json", "xml"]), Some(short_sessions)),
        ("/account_engagement/bad_token_status", json!([400, 403]), Some(short_sessions)),
        ("/account_engagement/short_unit_id", json!(["accept"]), None),
        ("/account_engagement/api_usage", json!(["labelled"]), None),
        ("/account_engagement/zulu_time", json!(["accept"]), None),
        ("/account_engagement/token_combined_code", json!([5, 51]), None),
        ("/account_engagement/taken_address_code", json!([54]), None),
        ("/account_engagement/secondary_search_without_ampsea", json!(["refuse"]), None),
        ("/account_engagement/upsert_takes", json!(["latest-update"]), None),
        ("/account_engagement/campaign_left_out", json!(["refuse"]), None),
        ("/account_engagement/upsert_status", json!(["always-ok"]), None),
        ("/account_engagement/update_status", json!(["no-content"]), None),
        ("/account_engagement/unknown_field_code", json!([154]), None),
        ("/account_engagement/unsupported_filter_code", json!([51, 154]), None),
        ("/account_engagement/write_deleted_code", json!([109]), None),
        ("/account_engagement/activities_readable", json!([false]), None),
        ("/account_engagement/activity_without_prospect", json!(["take-and-lose"]), None),
        ("/account_engagement/activity_refused_code", json!([51, 109]), None),
        ("/account_engagement/equal_activity", json!(["answer-the-first"]), None),
        ("/account_engagement/activities_per_minute", json!([60]), None),
        ("/account_engagement/activity_salesforce_ids", json!(["ignore"]), None),
        ("/account_engagement/activity_moves_last_activity", json!([false]), None),
        ("/account_engagement/list_names_unique", json!([true]), None),
        ("/account_engagement/list_name_limit", json!([true]), None),
        ("/account_engagement/list_name_characters", json!([true]), None),
        ("/account_engagement/opted_out_membership", json!(["in-again"]), None),
        ("/account_engagement/deleted_membership", json!(["make-another"]), None),
        ("/account_engagement/email_match", json!(["insensitive"]), None),
        ("/account_engagement/unlisted_value", json!(["accept"]), None),
        ("/account_engagement/unknown_action_code", json!([2]), None),
        ("/account_engagement/action_status", json!(["no-content"]), None),
        ("/account_engagement/dynamic_list_code", json!([154]), None),
        ("/account_engagement/reconnect_campaign", json!(["replace"]), None),
        ("/account_engagement/import_creates_on_no_match", json!([false]), None),
        ("/account_engagement/import_seconds", json!([0]), None),
        ("/account_engagement/salesforce_id_length", json!(["fifteen"]), None),
        ("/account_engagement/activity_form_filters", json!(["accept", "ignore"]), None),
        ("/account_engagement/activity_type_name", json!(["type"]), None),
        ("/account_engagement/activity_lateness", json!(["every-second"]), None),
        ("/account_engagement/deleted_submitter", json!(["make-another"]), None),
        ("/account_engagement/user_zone", json!(["utc"]), None),
    ]
}

fn too_fast(world: &mut World) {
    world.options.limits.livestorm_calls_per_second = 1;
}

fn few_calls_a_day(world: &mut World) {
    world.options.limits.account_engagement_calls_per_day = 20;
    world.options.limits.salesforce_calls_per_day = 2;
}

fn not_quite_enough_calls_a_day(world: &mut World) {
    world.options.limits.salesforce_calls_per_day = 12;
}

fn no_scope_for_the_team(world: &mut World) {
    world.livestorm.missing_scopes.insert(Scope::Admin);
}

fn a_race(world: &mut World) {
    world.salesforce.refuse_next_refreshes(1);
}

fn short_sessions(world: &mut World) {
    world.options.session_timeout = Duration::from_secs(600);
}

fn turned(switch: &str, side: &Value) -> Options {
    let mut unknowns = serde_json::to_value(Unknowns::default()).unwrap();
    *unknowns.pointer_mut(switch).unwrap_or_else(|| panic!("there is no switch {switch}")) = side.clone();
    Options { unknowns: serde_json::from_value(unknowns).unwrap(), ..Options::default() }
}

/// Requests that were not answered well.
fn refusals(theatre: &Theatre) -> Vec<(Api, Option<u16>)> {
    let world = theatre.stage.simulators.world();
    let refused = world.requests.iter().filter(|r| r.status.is_none_or(|status| status >= 400));
    refused.map(|r| (r.api, r.status)).collect()
}

/// Whichever way each of these stands.
async fn ends_well(story: &Story, switches: impl Iterator<Item = Switch>) {
    let (usual, _host) = plays_well(story, Options::default()).await;
    for (switch, sides, when) in switches {
        for side in sides.as_array().unwrap() {
            let theatre = Theatre::with(story, turned(switch, side), "{}").await;
            if let Some(when) = when {
                when(&mut theatre.stage.simulators.world());
            }
            let host = theatre.open().await;
            theatre.stage.play(story).await;
            let problems = theatre.problems(story, &host).await;
            assert!(problems.is_empty(), "{switch} = {side}: {problems:#?}");
            if when.is_some() {
                assert_ne!(refusals(&theatre), refusals(&usual), "{switch} = {side}: nobody met it");
            }
        }
    }
}

#[tokio::test]
async fn whichever_way_a_switch_stands_the_story_of_the_demo_ends_well() {
    ends_well(&demo_story(), switches().into_iter()).await;
}

/// The same with Salesforce as the destination, for what its own pages do not tell.
#[tokio::test]
async fn whichever_way_a_switch_of_salesforce_stands_leads_and_contacts_end_well() {
    for destination in [Destination::SalesforceLeads, Destination::SalesforceContacts] {
        let of_salesforce = switches().into_iter().filter(|(switch, ..)| switch.starts_with("/salesforce/"));
        let few: fn(&mut World) = few_calls_a_day;
        let plenty: fn(&mut World) = not_quite_enough_calls_a_day;
        // Two calls a day are too few where everything is made of them.
        let enough = |when: fn(&mut World)| if std::ptr::fn_addr_eq(when, few) { plenty } else { when };
        let rows = of_salesforce.map(|(switch, sides, when)| (switch, sides, when.map(enough)));
        ends_well(&salesforce_story(destination), rows).await;
    }
}

/// A switch that is added gets its row.
#[test]
fn every_switch_has_its_row() {
    let unknowns = serde_json::to_value(Unknowns::default()).unwrap();
    let apis = unknowns.as_object().unwrap().iter();
    let all = apis
        .flat_map(|(api, switches)| switches.as_object().unwrap().keys().map(move |switch| format!("/{api}/{switch}")));
    let rows: BTreeSet<String> = switches().into_iter().map(|(switch, ..)| switch.to_string()).collect();
    assert_eq!(rows, all.collect::<BTreeSet<_>>());
}

/// Of the same story, whatever form Livestorm gives its values.
#[tokio::test]
async fn in_whatever_form_a_value_is_told_the_same_is_written() {
    let settings = json!({ "mapping": { "prospect": [
        { "source": "attendance.rate", "target": "Rate__c" },
        { "source": "replay.watched_at", "target": "Watched__c" },
    ] } });
    let mut worlds = vec![];
    for (switch, side) in [
        ("/livestorm/attendance_rate", "number"),
        ("/livestorm/attendance_rate", "text"),
        ("/livestorm/watched_at", "milliseconds"),
        ("/livestorm/watched_at", "iso"),
    ] {
        let story = demo_story();
        let theatre = Theatre::with(&story, turned(switch, &side.into()), &settings.to_string()).await;
        for target in ["Rate__c", "Watched__c"] {
            let field = NewCustomField::new(target, CustomKind::Text);
            theatre.stage.simulators.world().account_engagement.add_custom_field(field);
        }
        let _host = theatre.open().await;
        theatre.stage.play(&story).await;
        let world = theatre.observed().essence();
        for target in ["Rate__c", "Watched__c"] {
            assert!(world.prospects.iter().any(|p| p.fields.contains_key(target)), "{switch} = {side}: no {target}");
        }
        worlds.push(world);
    }
    assert!(worlds.iter().all(|world| *world == worlds[0]), "{worlds:#?}");
}

const STARTS: u64 = 26 * HOUR;

/// RULES 17: one in the recycle bin is not restored; who is looked up anew is somebody new, in the list too.
#[tokio::test]
async fn a_prospect_that_was_deleted_meanwhile_is_made_anew_under_either_code() {
    for code in [219, 109] {
        let (session_name, email) = (|| "s".to_string(), "ana@example.org");
        let happens =
            |at, what, deliveries: &[oracle::Delivery]| oracle::Act { at, what, deliveries: deliveries.to_vec() };
        let attends = Happening::Attends {
            session: session_name(),
            email: email.into(),
            seconds: 600,
            messages: 0,
            questions: 0,
        };
        let mapping = [("attendance.duration", "Seconds__c")];
        let story = Story {
            mapping: mapping
                .map(|(source, target)| MappedField { source: source.into(), target: target.into() })
                .to_vec(),
            ..story(vec![
                event(0, "e", "Product demo"),
                session(1, "s", "e", Some(STARTS as i64), &[rest(1)]),
                registers(HOUR, "s", email, &[("first_name", "Ana")], &[rest(1)]),
                happens(STARTS, Happening::SessionStarted { session: session_name() }, &[]),
                happens(STARTS + 60, attends, &[]),
                happens(STARTS + HOUR, Happening::SessionEnded { session: session_name() }, &[rest(1)]),
            ])
        };
        let theatre = Theatre::with(&story, turned("/account_engagement/write_deleted_code", &code.into()), "{}").await;
        let host = theatre.open().await;
        theatre.stage.begin(&story);
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + STARTS)).await;
        {
            let mut world = theatre.stage.simulators.world();
            let (now, id) = (world.now(), world.account_engagement.prospects.all().next().unwrap().id);
            assert!(world.account_engagement.prospects.change(&id, now, |p| p.is_deleted = true));
        }
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        let world = theatre.observed();
        assert_eq!(world.prospects.len(), 1, "code {code}");
        let prospect = &world.prospects[0];
        assert_eq!((&*prospect.fields["firstName"], &*prospect.fields["Seconds__c"]), ("Ana", "600"), "code {code}");
        assert!(world.memberships.iter().any(|m| m.email == email), "code {code}: {:#?}", world.memberships);
        let told = |kind: &str| world.activities.iter().filter(|a| a.kind == kind && a.email == email).count();
        assert_eq!(
            (told("session_attended"), told("attendance_duration")),
            (1, 1),
            "code {code}: {:#?}",
            world.activities
        );
        let left: Vec<_> = tasks(&host).await.into_iter().filter(|t| t.status != TaskStatus::Done).collect();
        assert!(left.is_empty(), "code {code}: {left:#?}");
    }
}

/// RULES 9: names of lists that are too long are cut, and those that are taken get an ending; each session keeps its own.
#[tokio::test]
async fn lists_whose_names_are_refused_are_made_under_others_and_take_everybody() {
    let title = "A very long title of an event that goes on and on about everything";
    let acts = vec![
        event(0, "e", title),
        session(1, "a", "e", Some(STARTS as i64), &[rest(1)]),
        session(2, "b", "e", Some(STARTS as i64), &[rest(1)]),
        registers(HOUR, "a", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
        registers(HOUR, "b", "ben@example.org", &[("first_name", "Ben")], &[rest(1)]),
    ];
    let mut options = Options::default();
    options.unknowns.account_engagement.list_name_limit = true;
    options.unknowns.account_engagement.list_names_unique = true;
    let theatre = Theatre::with(&story(acts.clone()), options, "{}").await;
    let host = theatre.open().await;
    theatre.stage.play(&story(acts)).await;
    let world = theatre.observed();
    let names: BTreeSet<&str> = world.lists.iter().map(|l| l.name.as_str()).collect();
    assert_eq!((names.len(), world.lists.len()), (2, 2), "{names:?}");
    assert!(names.iter().all(|name| name.chars().count() <= 50 && name.contains("2026-11-24 10:00")), "{names:?}");
    let members: BTreeSet<(&str, &str)> = world.memberships.iter().map(|m| (&*m.list, &*m.email)).collect();
    assert_eq!(members.iter().map(|(list, _)| *list).collect::<BTreeSet<_>>(), names);
    assert_eq!(members.len(), 2, "{members:?}");
    assert!(tasks(&host).await.iter().all(|t| t.status == TaskStatus::Done));
}
