//! Salesforce CRM as the destination, in both ways of making new people. `RULES n` is `plugin/RULES.md`, `S3-n` a sentence of the
//! documents.

mod bad_input;
mod calls;
mod crash;
mod failures;
mod order;
mod org;
mod rights;
mod sessions;
mod story;

use crate::support::*;
use host_harness::{
    durable::{KeptTask, TaskStatus},
    host::Host,
    simulators::Options,
};
use oracle::{Destination, MappedField, Object, PriorContact, PriorLead, Salesforce, Story};
use serde_json::Value;
use std::time::Duration;

const LEADS: Destination = Destination::SalesforceLeads;
const CONTACTS: Destination = Destination::SalesforceContacts;
const BOTH: [Destination; 2] = [LEADS, CONTACTS];

/// When the session of the stories begins.
const STARTS: u64 = 26 * HOUR;

fn to(destination: Destination, before: Salesforce, acts: Vec<oracle::Act>) -> Story {
    Story { destination, salesforce: before, ..story(acts) }
}

/// One session, told of at once, and what else happens.
fn webinar(destination: Destination, before: Salesforce, more: Vec<oracle::Act>) -> Story {
    let scene = vec![event(0, "e", "Product demo"), session(1, "s", "e", Some(STARTS as i64), &[rest(1)])];
    to(destination, before, [scene, more].concat())
}

/// Ana registers, which is told of so many seconds later, attends for ten minutes, and the session ends.
fn ana_from_the_beginning_to_the_end(answers: &[(&str, &str)], told_after: u64) -> Vec<oracle::Act> {
    let (session, email) = (|| "s".to_owned(), "ana@example.org");
    let attends =
        oracle::Happening::Attends { session: session(), email: email.into(), seconds: 600, messages: 0, questions: 0 };
    let ends = oracle::Happening::SessionEnded { session: session() };
    vec![
        registers(HOUR, "s", email, answers, &[rest(told_after)]),
        oracle::Act { at: STARTS + 60, what: attends, deliveries: vec![] },
        oracle::Act { at: STARTS + HOUR, what: ends, deliveries: vec![rest(1)] },
    ]
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn lead(email: &str, made_before: u64) -> PriorLead {
    let fields = owned(&[("LastName", "Known"), ("Company", "Known & Sons")]);
    PriorLead { email: email.into(), fields, made_before, converted_to: None }
}

fn contact(email: &str, made_before: u64) -> PriorContact {
    PriorContact { email: email.into(), fields: owned(&[("LastName", "Known")]), made_before, account: None }
}

fn mapped(object: Object, source: &str, target: &str) -> (Object, MappedField) {
    (object, MappedField { source: source.into(), target: target.into() })
}

/// Reads are behind our own writes by as much as rule 2 speaks of.
fn lagging() -> Options {
    let mut options = Options::default();
    options.read_lag.salesforce = Duration::from_secs(60);
    options
}

/// What Salesforce truly holds of an object, by the names of its fields.
fn records(theatre: &Theatre, object: &str) -> Vec<Value> {
    let world = theatre.stage.simulators.world();
    let all = world.salesforce.records.all().filter(|record| record.object == object && !record.is_deleted);
    all.map(|record| {
        let mut fields = record.fields.clone();
        fields.insert("Id".into(), record.id.clone().into());
        Value::Object(fields)
    })
    .collect()
}

async fn dead_letters(host: &Host) -> Vec<KeptTask> {
    tasks(host).await.into_iter().filter(|task| task.status == TaskStatus::Dead).collect()
}
