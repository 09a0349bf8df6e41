//! `harness sync`, `harness install`, `harness uninstall`.

use crate::{serve, support::*};
use host_harness::simulators::livestorm::{Dialect, NewEvent, NewRegistrant, NewSession};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Stdio,
};

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// S0-3, S0-4: new and changed people alone, half an hour apart.
#[test]
fn a_stream_is_told_once_then_what_is_new_and_not_too_often() {
    let bench = Bench::new();
    bench.registration("ana.json", "Ana@Example.org", Dialect::Native);
    let sync = |more: &[&str]| bench.about(&["sync", "people"], more).output().unwrap();
    let first = sync(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let told = rows(&stdout(&first));
    assert_eq!((told.len(), told[0]["email"].as_str()), (1, Some("ana@example.org")));
    assert!(stderr(&first).contains("calls to livestorm"), "{}", stderr(&first));
    let soon = sync(&[]);
    assert_eq!((soon.status.code(), stdout(&soon).as_str()), (Some(1), ""));
    assert!(stderr(&soon).contains("or say --now"), "{}", stderr(&soon));
    // Nor from another state, or none: the calls were spent.
    let elsewhere = bench.path("elsewhere.json");
    for more in [&["--full"][..], &["--state", elsewhere.to_str().unwrap()]] {
        let early = sync(more);
        assert_eq!((early.status.code(), stdout(&early).as_str()), (Some(1), ""), "{more:?}");
    }
    let again = sync(&["--now"]);
    assert_eq!((again.status.code(), stdout(&again).as_str()), (Some(0), ""), "{}", stderr(&again));
    assert!(stderr(&again).contains("warning: begun before its time"), "{}", stderr(&again));
    bench.registration("bo.json", "bo@example.org", Dialect::Native);
    let news = rows(&stdout(&sync(&["--now"])));
    assert_eq!((news.len(), news[0]["email"].as_str()), (1, Some("bo@example.org")));
    assert_eq!(rows(&stdout(&sync(&["--full", "--now"]))).len(), 2);
    let unknown = bench.about(&["sync", "persons"], &[]).output().unwrap();
    assert!(stderr(&unknown).contains("Give one of these: people, events, sessions"), "{}", stderr(&unknown));
}

#[test]
fn singers_messages_begin_with_the_schema_and_end_with_the_state_which_can_be_given_on() {
    let bench = Bench::new();
    bench.registration("ana.json", "ana@example.org", Dialect::Native);
    let state = bench.path("state.json");
    let singer = ["--format", "singer", "--now", "--state", state.to_str().unwrap()];
    let first = bench.about(&["sync", "people"], &singer).output().unwrap();
    let messages = rows(&stdout(&first));
    let kinds: Vec<&str> = messages.iter().filter_map(|m| m["type"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"SCHEMA"), Some(&"STATE")));
    assert_eq!(kinds.iter().filter(|kind| **kind == "RECORD").count(), 1);
    assert_eq!(messages[0]["key_properties"], serde_json::json!(["email"]));
    let kept: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    assert_eq!(&kept, &messages.last().unwrap()["value"]);
    let second = rows(&stdout(&bench.about(&["sync", "people"], &singer).output().unwrap()));
    assert!(second.iter().all(|message| message["type"] != "RECORD"), "{second:?}");
    std::fs::write(&state, r#"{"bookmarks": {"#).unwrap();
    let cut = bench.about(&["sync", "people"], &singer).output().unwrap();
    assert_eq!((cut.status.code(), stdout(&cut).as_str()), (Some(1), ""));
    assert!(stderr(&cut).contains("say --full to begin anew"), "{}", stderr(&cut));
}

#[test]
fn while_serve_has_the_directory_it_gives_the_pages_and_what_it_remembers_is_not_taken_for_the_other_memory() {
    let (bench, text) = serve::bench();
    serve::put(&bench, "acme.toml", &text);
    bench.registration("ana.json", "ana@example.org", Dialect::Native);
    let sync = |more: &[&str]| bench.about(&["sync", "people"], more).output().unwrap();
    let mut serving = serve::Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let first = sync(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let told = rows(&stdout(&first));
    assert_eq!((told.len(), told[0]["email"].as_str()), (1, Some("ana@example.org")));
    assert!(stderr(&first).contains("calls to livestorm"), "{}", stderr(&first));
    let soon = sync(&[]);
    assert_eq!((soon.status.code(), stdout(&soon).as_str()), (Some(1), ""));
    assert!(stderr(&soon).contains("or say --now"), "{}", stderr(&soon));
    bench.registration("bo.json", "bo@example.org", Dialect::Native);
    let news = sync(&["--now", "--format", "singer"]);
    let messages = rows(&stdout(&news));
    let records: Vec<&Value> = messages.iter().filter(|message| message["type"] == "RECORD").collect();
    assert!(records.len() == 1 && records[0]["record"]["email"] == "bo@example.org", "{messages:?}");
    let unknown = bench.about(&["sync", "persons"], &[]).output().unwrap();
    assert!(stderr(&unknown).contains("Give one of these: people, events, sessions"), "{}", stderr(&unknown));
    serving.end();

    let alone = sync(&["--now"]);
    assert_eq!((alone.status.code(), rows(&stdout(&alone)).len()), (Some(0), 2), "{}", stderr(&alone));
    assert!(stderr(&alone).contains("everything is told once more"), "{}", stderr(&alone));
}

/// Whatever ends it, the next call goes on from the page that was cut.
#[test]
fn killed_in_the_middle_it_goes_on_and_tells_nobody_twice_but_those_of_the_page_that_was_cut() {
    let bench = Bench::new();
    {
        let mut world = bench.simulators.world();
        let event = world.livestorm.create_event(NewEvent::default());
        world.livestorm.publish(&event);
        let session = world.livestorm.create_session(&event, NewSession::default());
        for person in 0..420 {
            let new = NewRegistrant { email: format!("p{person}@example.org"), ..NewRegistrant::default() };
            world.livestorm.register(&session, new).unwrap();
        }
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut program = bench.about(&["sync", "people"], &[]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    for line in lines.take(5) {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        *seen.entry(row["email"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    program.kill().unwrap();
    program.wait().unwrap();
    let rest = bench.about(&["sync", "people"], &["--now"]).output().unwrap();
    assert_eq!(rest.status.code(), Some(0), "{}", stderr(&rest));
    for row in rows(&stdout(&rest)) {
        *seen.entry(row["email"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), 420);
    assert!(seen.values().all(|times| *times <= 2), "{seen:?}");
}

/// S1-3: webhooks are added when it is switched on, and deleted when it is switched off. Given again, nothing is done twice.
#[test]
fn switched_on_its_webhooks_are_made_and_switched_off_they_are_gone() {
    let bench = Bench::new();
    bench.file("hook", "made-up-address-secret");
    let whole = bench.installation() + "[webhooks]\naddress_secret = { file = \"hook\" }\n";
    bench.file("installation.toml", &whole);
    let hooks = || bench.simulators.world().livestorm.subscriptions.all().filter(|hook| !hook.is_deleted).count();
    let install = || bench.about(&["install"], &["--public-address", "https://hooks.example.org/"]).output().unwrap();
    for _ in 0..2 {
        let installed = install();
        assert_eq!(installed.status.code(), Some(0), "{}{}", stdout(&installed), stderr(&installed));
        assert!(stdout(&installed).contains("acme is switched on."), "{}", stdout(&installed));
        assert!(!format!("{}{}", stdout(&installed), stderr(&installed)).contains("secret"));
        assert_eq!(hooks(), 4);
    }
    // S2-45: a second flow between the same accounts.
    bench.file("installation.toml", whole.replace("id = \"acme\"", "id = \"second\""));
    let refused = install();
    assert_eq!(refused.status.code(), Some(3), "{}", stdout(&refused));
    assert!(stdout(&refused).contains("`acme` is switched on"), "{}", stdout(&refused));
    bench.file("installation.toml", &whole);
    for _ in 0..2 {
        let gone = bench.about(&["uninstall"], &[]).output().unwrap();
        assert_eq!((gone.status.code(), hooks()), (Some(0), 0), "{}{}", stdout(&gone), stderr(&gone));
    }
    // It stays so, whatever else is asked.
    let checked = bench.about(&["check"], &[]).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", stdout(&checked));
    assert!(stderr(&checked).contains("stays so until: harness install"), "{}", stderr(&checked));
    let body = bench.file("delivery.json", "{}");
    let taken = bench.about(&["run", &body], &[]).output().unwrap();
    assert_eq!(taken.status.code(), Some(1), "{}", stdout(&taken));
    assert!(stderr(&taken).contains("Switch it on again with `harness install`"), "{}", stderr(&taken));
    assert_eq!(install().status.code(), Some(0));
    assert_eq!(hooks(), 4, "made once more");
    let wrong = bench.about(&["install"], &["--public-address", "http://hooks.example.org"]).output().unwrap();
    assert!(stderr(&wrong).contains("Give the https address"), "{}", stderr(&wrong));
}
