//! Jobs, the bulk registrations. <https://developers.livestorm.co/reference/post_sessions-id-people-bulk>.
//!
//! At most 50 tasks, answered 202 at once [confirmed]; `processing`, then `ended` where all went well and `failed` where one did
//! not [confirmed]. Here a task is done when its job is made, and is told of when the job ends, `job_seconds` later [unknown]. The
//! page's prose and its sample disagree on the body, so both are taken: `type` within `data` or beside it, a task bare or in
//! `attributes` [confirmed]. Counters are spelt in three ways [confirmed]: the answer to the registration has one, the others
//! are a switch.

use super::{
    Livestorm, Occurrence,
    bodies::{Attributes, Body},
    errors::{CONTENT_TYPE, Refusal},
    registrations::Answers,
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::uuid,
        options::Options,
        request::{Answer, Call, json},
        unknowns::{JobAnswer, JobCounters, LivestormUnknowns},
    },
};
use serde_json::{Value, json};
use std::time::Duration;

/// One more and nothing is done. <https://developers.livestorm.co/reference/post_sessions-id-people-bulk>, confirmed.
const TASKS_MAX: usize = 50;

/// A bulk registration.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub succeeded: u32,
    pub failed: u32,
    /// In the order in which they were sent. None, of a job that ran elsewhere.
    pub tasks: Vec<JobTask>,
    pub ends_at: Timestamp,
}

/// One person of a bulk registration.
#[derive(Clone, Debug)]
pub struct JobTask {
    pub id: String,
    /// The registrant as REST gives them, or an error of JSON:API.
    pub outcome: Result<Value, Value>,
}

impl Job {
    fn total(&self) -> u32 {
        self.succeeded + self.failed
    }

    /// As it is when it has ended.
    pub(super) fn resource(&self, unknowns: &LivestormUnknowns) -> Value {
        self.resource_at(Timestamp::MAX, unknowns)
    }

    fn resource_at(&self, when: Timestamp, unknowns: &LivestormUnknowns) -> Value {
        let names = match unknowns.job_counters {
            JobCounters::FailAndSuccess => ["total_items", "total_processed_items", "total_fail", "total_success"],
            JobCounters::FailedAndSucceeded => {
                ["total_items", "total_processed_items", "total_failed", "total_succeeded"]
            }
        };
        resource("jobs", &self.id, self.attributes(when, names))
    }

    fn attributes(&self, when: Timestamp, names: [&str; 4]) -> Value {
        let is_over = when >= self.ends_at;
        let told = |count: u32| if is_over { count } else { 0 };
        let status = match self.failed {
            _ if !is_over => "processing",
            0 => "ended",
            _ => "failed",
        };
        let counts = [self.total(), told(self.total()), told(self.failed), told(self.succeeded)];
        let mut attributes = json!({ "status": status });
        for (name, count) in names.into_iter().zip(counts) {
            attributes[name] = json!(count);
        }
        attributes
    }

    /// The answer to the registration itself.
    fn accepted(&self, organization_id: &str, unknowns: &LivestormUnknowns) -> Value {
        let names = ["total_tasks", "total_processed_tasks", "total_fail", "total_success"];
        // Nothing is over at the moment in which it begins, however short it is.
        let mut attributes = self.attributes(Timestamp::default(), names);
        attributes["organization_id"] = json!(organization_id);
        attributes["source"] = json!("api");
        attributes["input"] = Value::Null;
        let job = resource("jobs", &self.id, attributes);
        match unknowns.job_answer {
            JobAnswer::Bare => job,
            JobAnswer::Wrapped => json!({ "data": job }),
        }
    }
}

impl JobTask {
    fn resource(&self) -> Value {
        let attributes = match &self.outcome {
            Ok(registrant) => json!({ "status": "succeeded", "errors": [], "registrant": registrant }),
            Err(error) => json!({ "status": "failed", "errors": [error], "registrant": null }),
        };
        resource("tasks", &self.id, attributes)
    }
}

impl Livestorm {
    /// One that has run elsewhere, and is over. Gives its id.
    pub fn add_job(&mut self, succeeded: u32, failed: u32) -> String {
        let (id, ends_at) = (self.next_job(), self.clock.now());
        self.jobs.insert(id.clone(), ends_at, Job { id: id.clone(), succeeded, failed, tasks: vec![], ends_at });
        self.happened(&Occurrence::JobEnded { job: id.clone() });
        id
    }

    fn next_job(&self) -> String {
        uuid("job", &self.jobs.len().to_string())
    }

    fn run_job(&mut self, session: &str, tasks: Vec<Attributes>, options: &Options) -> Job {
        let (id, now, unknowns) = (self.next_job(), self.clock.now(), &options.unknowns.livestorm);
        let mut done = vec![];
        for (number, task) in tasks.into_iter().enumerate() {
            let registered = Answers::read(Body::bare(task, unknowns))
                .and_then(|answers| answers.registrant(self.anonymous_address(session)));
            let registered = registered.and_then(|new| self.register_by_api(session, new, options));
            let outcome = registered.map_err(|refusal| refusal.error(unknowns)).map(|person| {
                let known = self.registration(session, &person);
                known.map(|known| self.person_resource(known, unknowns)).unwrap_or_default()
            });
            done.push(JobTask { id: uuid("task", &format!("{id}/{number}")), outcome });
        }
        let failed = u32::try_from(done.iter().filter(|task| task.outcome.is_err()).count()).unwrap_or(u32::MAX);
        let succeeded = u32::try_from(done.len()).unwrap_or(u32::MAX) - failed;
        let ends_at = now.plus(Duration::from_secs(unknowns.job_seconds));
        let job = Job { id: id.clone(), succeeded, failed, tasks: done, ends_at };
        self.jobs.insert(id.clone(), now, job.clone());
        self.happened_told_from(&Occurrence::JobEnded { job: id }, ends_at);
        job
    }
}

/// `None`: none of these paths.
pub(super) fn route(
    world: &mut World,
    call: &Call,
    segments: &[&str],
    when: Timestamp,
) -> Option<Result<Answer, Refusal>> {
    Some(match (call.method.as_str(), segments) {
        ("POST", ["v1", "sessions", session, "people", "bulk"]) => start(world, call, session),
        ("GET", ["v1", "jobs", id]) => one(world, id, when),
        ("GET", ["v1", "jobs", id, "tasks"]) => tasks(world, call, id, when),
        _ => return None,
    })
}

/// `POST /v1/sessions/{id}/people/bulk`
fn start(world: &mut World, call: &Call, session: &str) -> Result<Answer, Refusal> {
    world.livestorm.sessions.now(session).ok_or_else(Refusal::not_found)?;
    let unknowns = &world.options.unknowns.livestorm;
    let mut body = Body::with_attributes(call, "jobs", unknowns)?;
    let tasks = body.list("tasks")?.unwrap_or_default().into_iter().map(bare).collect::<Option<Vec<_>>>();
    let tasks = tasks.ok_or_else(|| body.wrong("each of the tasks must be an object"))?;
    if tasks.is_empty() || tasks.len() > TASKS_MAX {
        let told = format!("tasks must be at least one and at most {TASKS_MAX}");
        return Err(Refusal::by_rule(unknowns.oversized_bulk_status, told));
    }
    let job = world.livestorm.run_job(session, tasks, &world.options);
    let answer = job.accepted(&world.livestorm.organization_id, &world.options.unknowns.livestorm);
    Ok(json(202, CONTENT_TYPE, &answer))
}

/// A task itself, or what stands in its `attributes`.
fn bare(task: Value) -> Option<Attributes> {
    let Value::Object(mut task) = task else { return None };
    match task.remove("attributes") {
        None => Some(task),
        Some(Value::Object(inner)) => Some(inner),
        Some(_) => None,
    }
}

/// `GET /v1/jobs/{id}`
fn one(world: &World, id: &str, when: Timestamp) -> Result<Answer, Refusal> {
    let job = world.livestorm.jobs.at(id, when).ok_or_else(Refusal::not_found)?;
    let resource = job.resource_at(when, &world.options.unknowns.livestorm);
    Ok(json(200, CONTENT_TYPE, &json!({ "data": resource })))
}

/// `GET /v1/jobs/{id}/tasks`: in their order, nothing before the job has ended, and for a while longer as a switch says. It
/// has no pages, and breaks where it is asked for one [confirmed].
fn tasks(world: &World, call: &Call, id: &str, when: Timestamp) -> Result<Answer, Refusal> {
    if call.query.iter().any(|(name, _)| name == "page" || name.starts_with("page[")) {
        return Err(Refusal::by_rule(500, "Something went wrong."));
    }
    let job = world.livestorm.jobs.at(id, when).ok_or_else(Refusal::not_found)?;
    let lag = Duration::from_secs(world.options.unknowns.livestorm.job_details_seconds);
    let is_told = when >= job.ends_at.plus(lag);
    let rows: Vec<Value> = job.tasks.iter().filter(|_| is_told).map(JobTask::resource).collect();
    Ok(json(200, CONTENT_TYPE, &json!({ "data": rows })))
}
