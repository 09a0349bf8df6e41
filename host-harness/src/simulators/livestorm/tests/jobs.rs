//! Bulk registrations and their jobs.

use super::*;
use crate::simulators::unknowns::{JobAnswer, JobCounters};
use proptest::prelude::*;

fn task(email: &str) -> Value {
    json!({"fields": [{"id": "email", "value": email}]})
}

fn bulk(tasks: &[Value]) -> String {
    json!({"data": {"type": "jobs", "attributes": {"tasks": tasks}}}).to_string()
}

fn path(session: &str) -> String {
    format!("/v1/sessions/{session}/people/bulk")
}

#[test]
fn a_bulk_registration_is_taken_at_once_and_its_job_ends_later() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    let tasks =
        [task("bo@example.org"), task("ana@example.org"), json!({"fields": [{"id": "shoe_size", "value": "44"}]})];
    let (status, job) = send(&simulators, "POST", &path(&session), &bulk(&tasks));
    assert_eq!(status, 202, "{job}");
    let organization = simulators.world().livestorm.organization_id.clone();
    let rows = [
        ("/type", json!("jobs")),
        ("/attributes/status", json!("processing")),
        ("/attributes/total_tasks", json!(3)),
        ("/attributes/total_processed_tasks", json!(0)),
        ("/attributes/organization_id", json!(organization)),
    ];
    for (pointer, value) in rows {
        assert_eq!(job.pointer(pointer), Some(&value), "{pointer}: {job}");
    }
    let id = job["id"].as_str().unwrap();
    let read = |path: &str| get(&simulators, &format!("/v1/jobs/{id}{path}"));
    wait(&clock, 9);
    assert_eq!(read("").1["data"]["attributes"]["status"], "processing");
    assert_eq!(read("/tasks").1["data"], json!([]));
    wait(&clock, 1);
    let ended = read("").1["data"]["attributes"].clone();
    let counts = json!({
        "status": "failed", "total_items": 3, "total_processed_items": 3, "total_fail": 2, "total_success": 1,
    });
    assert_eq!(ended, counts);
    let (status, tasks) = read("/tasks");
    let statuses: Vec<_> = (0..3).map(|n| tasks["data"][n]["attributes"]["status"].clone()).collect();
    assert_eq!((status, statuses), (200, vec![json!("succeeded"), json!("failed"), json!("failed")]));
    let of = |n: usize, pointer: &str| tasks["data"][n]["attributes"].pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(of(0, "/registrant/attributes/registrant_detail/registration_type"), "API");
    assert!(of(1, "/errors/0/detail").as_str().unwrap().contains("already been registered"));
    assert_eq!((of(1, "/errors/0/code"), of(2, "/errors/0/code")), (json!("409"), json!("422")));
}

#[test]
fn a_job_whose_tasks_all_went_well_has_ended_in_whatever_form_it_was_sent() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    let forms = [
        bulk(&[task("a@example.org")]),
        json!({"type": "jobs", "data": {"attributes": {"tasks": [{"attributes": task("b@example.org")}]}}}).to_string(),
    ];
    for body in forms {
        let (status, job) = send(&simulators, "POST", &path(&session), &body);
        assert_eq!(status, 202, "{job}");
        wait(&clock, 10);
        let (_, job) = get(&simulators, &format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
        assert_eq!(job["data"]["attributes"]["status"], "ended", "{body}");
    }
}

#[test]
fn bulk_takes_one_to_fifty_tasks_that_are_objects_for_a_session_that_is_there() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let many = |count: usize| bulk(&vec![task("bo@example.org"); count]);
    let rows = [
        (path(&session), many(50), 202),
        (path(&session), many(51), 422),
        (path(&session), many(0), 422),
        (path("none"), many(1), 404),
        (path(&session), bulk(&[json!("a@example.org")]), 422),
        (path(&session), bulk(&[json!({"attributes": []})]), 422),
        (path(&session), r#"{"data":{"type":"jobs","attributes":{"tasks":{}}}}"#.into(), 422),
        (path(&session), r#"{"data":{"type":"people","attributes":{"tasks":[]}}}"#.into(), 400),
        (path(&session), String::new(), 400),
    ];
    for (path, body, status) in rows {
        assert_eq!(send(&simulators, "POST", &path, &body).0, status, "{}", &body[..body.len().min(80)]);
    }
    simulators.world().options.unknowns.livestorm.oversized_bulk_status = 400;
    assert_eq!(send(&simulators, "POST", &path(&session), &many(51)).0, 400);
}

/// A client of the vendor's own found it.
#[test]
fn the_tasks_of_a_job_have_no_pages_and_break_where_one_is_asked_for() {
    let (simulators, _) = started();
    let job = simulators.world().livestorm.add_job(1, 0);
    let rows = [("", 200), ("?page[size]=50", 500), ("?page[number]=0", 500), ("?page=1", 500)];
    for (query, status) in rows {
        assert_eq!(get(&simulators, &format!("/v1/jobs/{job}/tasks{query}")).0, status, "{query}");
    }
    assert_eq!(get(&simulators, "/v1/jobs/none/tasks").0, 404);
}

#[test]
fn how_a_job_is_spelt_and_when_its_rows_are_told_are_switches() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    {
        let unknowns = &mut simulators.world().options.unknowns.livestorm;
        unknowns.job_answer = JobAnswer::Wrapped;
        unknowns.job_counters = JobCounters::FailedAndSucceeded;
        unknowns.job_seconds = 0;
        unknowns.job_details_seconds = 60;
    }
    let (_, job) = send(&simulators, "POST", &path(&session), &bulk(&[task("bo@example.org")]));
    assert_eq!(job["data"]["attributes"]["status"], "processing", "an answer of 202 is never the end");
    let id = job["data"]["id"].as_str().unwrap();
    let (_, job) = get(&simulators, &format!("/v1/jobs/{id}"));
    assert_eq!(job["data"]["attributes"]["total_succeeded"], 1);
    let rows = || get(&simulators, &format!("/v1/jobs/{id}/tasks")).1["data"].as_array().unwrap().len();
    assert_eq!(rows(), 0);
    wait(&clock, 60);
    assert_eq!(rows(), 1);
}

proptest! {
    /// What is no list of tasks is refused, and what is one is a job, whatever its tasks are.
    #[test]
    fn whatever_stands_in_a_task_it_is_one_of_the_job(
        emails in proptest::collection::vec("[a-c@. ]{0,6}|[a-c]@x\\.org", 0..60),
        odd in any::<u64>(),
    ) {
        let (simulators, clock) = started();
        let (_, session, _) = ana_registered(&simulators);
        let tasks: Vec<Value> = emails.iter().map(|email| task(email)).collect();
        let (status, job) = send(&simulators, "POST", &path(&session), &bulk(&tasks));
        let fits = (1..=50).contains(&tasks.len());
        prop_assert_eq!(status, if fits { 202 } else { 422 });
        if fits {
            wait(&clock, 10);
            let (_, rows) = get(&simulators, &format!("/v1/jobs/{}/tasks", job["id"].as_str().unwrap()));
            let rows = rows["data"].as_array().unwrap();
            prop_assert_eq!(rows.len(), tasks.len());
            let registered = rows.iter().filter(|row| row["attributes"]["status"] == "succeeded").count();
            prop_assert_eq!(simulators.world().livestorm.people_of(&session, Timestamp::MAX).count(), 2 + registered);
        }
        let body = json!({"data": {"attributes": {"tasks": [odd, {"fields": odd}]}}}).to_string();
        prop_assert_eq!(send(&simulators, "POST", &path(&session), &body).0, 422);
        let body = json!({"data": {"attributes": {"tasks": [{"fields": odd}]}}}).to_string();
        prop_assert_eq!(send(&simulators, "POST", &path(&session), &body).0, 202);
    }
}
