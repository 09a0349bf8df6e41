//! Streams that `harness serve` reads by itself, in files.

use crate::{
    serve::{Serving, bench, put},
    support::*,
};
use host_harness::simulators::livestorm::{Dialect, NewEvent, NewRegistrant, NewSession};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// One more than a page tells.
const PEOPLE: usize = 301;
const KEEP: &str = "[streams]\nkeep = [\"people\"]\n";

fn file(bench: &Bench) -> PathBuf {
    bench.path("data/rows/acme/people.jsonl")
}

fn told(bench: &Bench) -> Vec<String> {
    let text = std::fs::read_to_string(file(bench)).unwrap_or_default();
    // The last line may be half-written while somebody writes.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let email = |line: &str| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_owned();
    whole.lines().map(email).collect()
}

/// Wherever a run ends. That it dies where the rows of a page are on the disk and the engine does not know of it is seen to in the
/// library's own tests.
#[test]
fn whenever_it_is_killed_each_row_is_in_the_file_once() {
    let (bench, text) = bench();
    {
        let mut world = bench.simulators.world();
        let event = world.livestorm.create_event(NewEvent::default());
        world.livestorm.publish(&event);
        let session = world.livestorm.create_session(&event, NewSession::default());
        for person in 0..PEOPLE {
            let new = NewRegistrant { email: format!("p{person}@example.org"), ..NewRegistrant::default() };
            world.livestorm.register(&session, new).unwrap();
        }
    }
    put(&bench, "acme.toml", &(text + KEEP));
    // Some runs end early in each process: those that were open, while nobody knows the installation yet.
    for point in (4..10).cycle().take(40) {
        let mut serving = Serving::start_with(&bench, &["--die-at", &format!("ending,{point}")]);
        if serving.comes_to(|line| line["message"] == "the run ends" && told(&bench).len() >= PEOPLE) {
            break;
        }
        assert_eq!(serving.child.wait().unwrap().code(), None, "killed by a signal");
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    told(&bench).into_iter().for_each(|email| *seen.entry(email).or_default() += 1);
    assert_eq!(seen.len(), PEOPLE);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
}

#[test]
fn somebody_who_is_forgotten_is_in_no_file_whether_or_not_it_serves() {
    let (bench, text) = bench();
    for email in ["ana@example.org", "bo@example.org"] {
        bench.registration("body.json", email, Dialect::Native);
    }
    put(&bench, "acme.toml", &(text + KEEP));
    let mut serving = Serving::start(&bench);
    assert!(serving.comes_to(|line| line["message"] == "the run ends" && told(&bench).len() == 2));
    // A marketplace that asks for the pages, too, is told where they are.
    let sync = bench.about(&["sync", "people", "--now"], &[]).output().unwrap();
    assert_eq!(sync.status.code(), Some(1));
    assert!(stderr(&sync).contains("is kept by `harness serve` itself"), "{}", stderr(&sync));
    let forget = |email: &str| {
        let mut command = program(&["forget", email, "--json", "--installation"]);
        let forgotten = command.arg(bench.path("installation.toml")).arg("--data").arg(bench.path("data")).output();
        object(&forgotten.unwrap())
    };
    assert_eq!(forget("Ana@Example.org")["rows"], 1);
    assert_eq!(told(&bench), ["bo@example.org"]);
    serving.end();
    assert_eq!(forget("bo@example.org")["rows"], 1);
    assert!(told(&bench).is_empty());
}
