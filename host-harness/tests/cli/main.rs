//! The program as a person runs it: what it prints, and with which exit code it ends.

// A test that cannot go on says so by panicking; clippy knows that of test functions alone, not of what they share.
#![allow(clippy::unwrap_used)]

mod admin;
mod check;
mod connect;
mod crash;
mod harm;
mod help;
mod load;
mod map;
mod operate;
mod rows;
mod run;
mod serve;
mod sessions;
mod simulate;
mod support;
mod sync;
mod walk;

use serde_json::Value;
use support::{harness, stderr, stdout};

#[test]
fn the_demo_ends_well_and_says_so_in_one_object() {
    let output = harness(&["demo", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let last: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    assert_eq!(last["problems"], Value::Array(vec![]));
    let requests = last["requests"].as_object().unwrap();
    assert!(["livestorm", "salesforce", "account-engagement"].iter().all(|c| requests[*c].as_u64() > Some(0)));
    let without_requests = {
        let mut v = last.clone();
        v.as_object_mut().unwrap().remove("requests");
        v
    };
    insta::assert_json_snapshot!(without_requests);
}

#[test]
fn the_demo_of_salesforce_ends_well_and_says_so_in_one_object() {
    let output = harness(&["demo", "--destination", "salesforce", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut last: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    let requests = last.as_object_mut().unwrap().remove("requests").unwrap();
    assert_eq!(requests["account-engagement"], 0, "nobody has signed in to it");
    assert!(requests["salesforce"].as_u64() > Some(0), "{requests}");
    let expected = serde_json::json!({
        "campaigns": 3,
        "leads": 8,
        "contacts": 2,
        "accounts": 3,
        "campaign_members": { "Attended": 3, "Not attended": 4, "Registered": 1 },
        "held": 0,
        "left_out": 2,
        "problems": [],
    });
    assert_eq!(last, expected);
}

/// S2-35, S2-55 to S2-57.
#[test]
fn the_demo_of_forms_ends_well_and_gives_nobody_activities() {
    let output = harness(&["demo", "--flow", "pardot-forms", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut last: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    let requests = last.as_object_mut().unwrap().remove("requests").unwrap();
    assert!(requests["account-engagement"].as_u64() > Some(0), "{requests}");
    let expected = serde_json::json!({
        "campaigns": 2,
        "lists": 2,
        "prospects": 9,
        "list_memberships": 7,
        "external_activities": 0,
        "forms": 4,
        "submissions": 11,
        "registrants": 7,
        "registered_by_forms": 6,
        "held": 1,
        "left_out": 2,
        "problems": [],
    });
    assert_eq!(last, expected);
}

#[test]
fn the_demo_of_forms_tells_which_form_is_whose_and_who_came_by_which() {
    let output = harness(&["demo", "--flow", "pardot-forms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "ben@example.org submits the form of \"morning\"",
        "ben@example.org is registered by form 7001",
        "dan+demo@example.org is registered by form handler 8001",
        "The oracle finds no difference",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let (_, registrants) = text.split_once("\nWho is registered in Livestorm").unwrap();
    let row = |email: &str| registrants.lines().find(|line| line.contains(email)).unwrap().to_string();
    assert!(row("faye@example.org").contains("a form of Account Engagement"), "{registrants}");
    assert!(row("ana.lima@example.org").contains("Livestorm's form"), "{registrants}");
    let output = harness(&["demo", "--flow", "pardot-forms", "--destination", "salesforce"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn the_demo_of_salesforce_tells_whom_each_address_meant_and_what_each_person_cost() {
    let output = harness(&["demo", "--destination", "salesforce"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let (people, rest) =
        text.split_once("\nWhat Salesforce now knows of each person").unwrap().1.split_once("\nCalls").unwrap();
    insta::assert_snapshot!("salesforce_people", people);
    assert!(rest.contains("calls a person"), "{rest}");
    assert!(text.contains("The oracle finds no difference"), "{text}");
}

#[test]
fn the_demo_tells_a_person_the_story() {
    let output = harness(&["demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    // How many calls it took is measured elsewhere; the order of what happens at one second is nobody's promise.
    let (timeline, rest) = text.split_once("\nWhat Account Engagement now knows").unwrap();
    let mut lines: Vec<&str> = timeline.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!("timeline", lines.join("\n"));
    let (people, _) = rest.split_once("\nCalls per system").unwrap();
    insta::assert_snapshot!("people", people);
    assert!(text.contains("The oracle finds no difference"), "{text}");
}

#[test]
fn inspect_shows_what_the_bundled_component_is() {
    let output = harness(&["inspect", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let inspected: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(inspected["size"].as_u64() > Some(0), "{}", inspected["size"]);
    insta::assert_json_snapshot!(
        "inspect",
        serde_json::json!({
            "imports": inspected["imports"],
            "exports": inspected["exports"],
            "name": inspected["manifest"]["name"],
            "connections": inspected["manifest"]["connections"],
            "webhooks": inspected["manifest"]["webhooks"],
        })
    );
    let text = stdout(&harness(&["inspect"]));
    assert!(text.contains("ipaas:connector/http@0.1.0"), "{text}");
}

#[test]
fn a_foreign_component_is_refused_by_name_and_a_missing_file_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.wasm");
    // An empty component: the magic, the version and the layer, and nothing else.
    std::fs::write(&file, b"\0asm\x0d\0\x01\0").unwrap();
    let output = harness(&["inspect", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("does not implement the contract"), "{}", stderr(&output));

    let output = harness(&["inspect", "no-such-file.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no-such-file.wasm"), "{}", stderr(&output));
}
