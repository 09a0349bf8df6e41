//! The admin interface of a process that serves, and the commands that go through it.

use crate::{
    connect::{callback, connect, disconnect, ends, followed, given, link, secrets},
    serve::{Serving, bench, registration},
    support::*,
};
use serde_json::{Value, json};
use std::{
    io::{BufReader, Write},
    process::Output,
};

const ANA: &str = "ana@example.org";

/// The command about the file in the folder that is served.
fn about(bench: &Bench, command: &[&str]) -> Output {
    let mut whole = program(command);
    whole.arg("--installation").arg(bench.path("installations/acme.toml")).arg("--data").arg(bench.path("data"));
    whole.output().unwrap()
}

/// Text and code. What changes with the hour is not in it.
fn answered(bench: &Bench, command: &[&str]) -> (String, Option<i32>) {
    let output = about(bench, command);
    (stdout(&output) + &stderr(&output), output.status.code())
}

/// Nothing of what may stand nowhere.
fn holds_no_secret(bench: &Bench, text: &str) {
    let token = std::fs::read_to_string(bench.path("data/admin-token")).unwrap();
    for secret in secrets(bench).iter().chain([&token]) {
        assert!(secret.len() > 7 && !text.contains(secret.as_str()), "{secret}: {text}");
    }
}

#[test]
fn what_is_asked_while_it_serves_is_answered_as_it_is_when_nobody_serves() {
    let (bench, text) = bench();
    let mut serving = Serving::start(&bench);
    let acme = "/v1/installations/acme";
    let (status, standing) = serving.admin(&bench, "PUT", acme, &text);
    assert_eq!((status, &standing["status"]), (200, &json!("running")), "{standing}");
    assert_eq!(serving.deliver("acme", &registration(&bench, ANA)), 202);
    serving.until(|line| line["object"] == "CampaignMember");
    let mut said = standing.to_string();

    // It stands still, and goes on.
    let (paused, code) = answered(&bench, &["pause", "--json"]);
    assert_eq!((paused.trim(), code), ("{\"installation\":\"acme\",\"paused\":true}", Some(0)));
    assert_eq!(serving.deliver("acme", &registration(&bench, "ben@example.org")), 202);
    let (waits, _) = answered(&bench, &["why", "ben@example.org", "--json"]);
    assert!(waits.contains("\"known\":false"), "{waits}");
    let (resumed, code) = answered(&bench, &["resume"]);
    assert_eq!(
        (resumed.as_str(), code),
        ("acme goes on at once, with the `harness serve` that is running.\n", Some(0))
    );
    serving.until(|line| line["object"] == "CampaignMember");

    let (resync, code) = answered(&bench, &["resync", "--person", ANA]);
    assert!(code == Some(0) && resync.starts_with("It is read at once, with the `harness serve`"), "{resync}");
    let (checked, code) = answered(&bench, &["check"]);
    assert!(code == Some(0) && checked.contains("Nothing stands in the way."), "{checked}");

    // While it stands still nothing changes between the two times that it is asked.
    answered(&bench, &["pause"]);
    let (runs, listed) = loop {
        let (runs, code) = answered(&bench, &["runs", "--json", "--limit", "1000"]);
        assert_eq!(code, Some(0), "{runs}");
        let listed: Value = serde_json::from_str(&runs).unwrap();
        if !listed["runs"].as_array().unwrap().iter().any(|run| run["status"] == "open") {
            break (runs, listed);
        }
    };
    let is_it = |run: &&Value| run["kind"] == "tasks" && run["status"] == "done";
    let run = listed["runs"].as_array().unwrap().iter().rfind(is_it).unwrap()["run"].to_string();
    let commands: Vec<Vec<&str>> = vec![
        vec!["show", &run],
        vec!["show", &run, "--personal", "--json"],
        vec!["show", "99999"],
        vec!["why", ANA],
        vec!["why", "Ana@Example.org", "--json"],
        vec!["why", "nobody@else.example"],
        vec!["why", "ana"],
        vec!["replay", &run],
        vec!["replay", &run, "--settings", "--json"],
        vec!["retry", "99999"],
        vec!["retry", "--task", "99999"],
        vec!["retry", "--all-failed"],
        vec!["runs", "--status", "failed", "--person", ANA, "--since", "2026-01-01"],
    ];
    let there: Vec<_> = commands.iter().map(|command| answered(&bench, command)).collect();
    let told = serving.end();
    assert!(!bench.path("data/admin.json").exists() && bench.path("data/admin-token").exists());
    for (command, there) in commands.iter().zip(&there) {
        let here = answered(&bench, command);
        assert_eq!(&here, there, "{command:?}");
        said += &there.0;
    }
    let (resumed, _) = answered(&bench, &["resume"]);
    assert!(resumed.contains("goes on with the next `harness run` or `harness serve`"), "{resumed}");
    holds_no_secret(&bench, &(said + &told + &runs + &checked));
    // What an operator reads names nobody.
    assert!(!told.contains("example.org"), "{told}");
}

#[test]
fn accounts_are_connected_through_the_process_that_serves_and_the_installation_runs_then() {
    let (bench, text) = bench();
    let mut serving = Serving::start(&bench);
    let left_out = |text: &str, name: &str| {
        let is_it = |line: &&str| !(line.starts_with(name) && line.contains("{ file"));
        text.lines().filter(is_it).collect::<Vec<_>>().join("\n")
    };
    let text = left_out(&left_out(&text, "token ="), "refresh_token =");
    let (_, held) = serving.admin(&bench, "PUT", "/v1/installations/acme", &text);
    let places: Vec<_> = held["findings"].as_array().unwrap().iter().map(|f| &f["place"]).collect();
    assert_eq!(serde_json::json!(places), serde_json::json!(["secrets.livestorm", "secrets.salesforce"]), "{held}");
    std::fs::write(bench.path("installation.toml"), &text).unwrap();
    let check = about(&bench, &["check"]);
    assert!(
        check.status.code() == Some(1)
            && stderr(&check).contains("not connected, or for another app: `livestorm`, `salesforce`"),
        "{}",
        stderr(&check)
    );

    let token = bench.simulators.world().options.livestorm_token.clone();
    let output = given(connect(&bench, "livestorm", &[]), &token);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("livestorm is connected. Whether all is there"), "{}", stdout(&output));
    // Whatever it says to type next is about the same directory.
    let about = format!("--data {}", bench.path("data").display());
    assert!(stdout(&output).contains(&about), "{}", stdout(&output));
    let refused = given(connect(&bench, "livestrom", &[]), &token);
    assert!(stderr(&refused).contains("Give one of these: livestorm, salesforce"), "{}", stderr(&refused));

    // In a browser: what somebody else sends is not taken.
    let back = callback(&bench);
    let mut child = connect(&bench, "salesforce", &["--callback", &back]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let shown = link(&mut out);
    let forged = crate::connect::get(&format!("{back}?code=of-somebody-else&state=guessed"));
    assert!(forged.starts_with("HTTP/1.1 400") && forged.contains("Begin again"), "{forged}");
    let page = crate::connect::get(&followed(&shown));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Signed in"), "{page}");
    let (code, said) = ends(child, out);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("salesforce is connected at http://127.0.0.1:"), "{said}");
    serving.until(|line| line["message"] == "runs" && line["installation"] == "acme");

    // By hand, with the address and with the code alone.
    let answers: [fn(&str) -> String; 2] = [
        |address| format!("{address}\n"),
        |address| address.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned(),
    ];
    for answer in answers {
        let mut child = connect(&bench, "salesforce", &["--no-browser", "--callback", &back]).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let answer = answer(&followed(&link(&mut out)));
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let (code, said) = ends(child, out);
        assert_eq!(code, Some(0), "{said}");
    }
    // It runs on without an account that is disconnected, and says so.
    let cut = disconnect(&bench, "livestrom");
    assert!(stderr(&cut).contains("Give one of these: livestorm, salesforce"), "{}", stderr(&cut));
    let cut = disconnect(&bench, "livestorm");
    assert_eq!(cut.status.code(), Some(0), "{}", stderr(&cut));
    assert!(stdout(&cut).starts_with("livestorm is disconnected: what needs it waits."), "{}", stdout(&cut));
    assert!(stdout(&cut).contains(&about), "{}", stdout(&cut));
    let (_, standing) = serving.admin(&bench, "GET", "/v1/installations/acme", "");
    assert!(standing["runs"] == true && standing["paused"] == false, "{standing}");
    assert!(
        standing["why"].as_str().unwrap().contains("not connected, or for another app: `livestorm`."),
        "{standing}"
    );
    let (_, accounts) = serving.admin(&bench, "GET", "/v1/installations/acme/accounts", "");
    let connected: Vec<_> = accounts["accounts"].as_array().unwrap().iter().map(|one| &one["connected"]).collect();
    assert_eq!(connected, [false, true], "{accounts}");
    assert_eq!(given(connect(&bench, "livestorm", &[]), &token).status.code(), Some(0));
    let (_, standing) = serving.admin(&bench, "GET", "/v1/installations/acme", "");
    assert_eq!(standing["status"], "running", "{standing}");
    assert_eq!(serving.deliver("acme", &registration(&bench, ANA)), 202);
    serving.until(|line| line["object"] == "Lead");
    let (_, usage) = serving.admin(&bench, "GET", "/v1/installations/acme/usage", "");
    assert!(usage["accounts"][0]["left"].as_u64() < Some(10_000), "{usage}");
    let told = serving.end();
    holds_no_secret(&bench, &(told + &usage.to_string() + &said + &page + &forged));
}

#[test]
fn an_installation_that_is_deleted_takes_its_webhooks_back_and_can_come_again() {
    let (bench, text) = bench();
    let mut serving = Serving::start_with(&bench, &["--public-address", "http://127.0.0.1:9"]);
    let acme = "/v1/installations/acme";
    serving.admin(&bench, "PUT", acme, &text);
    serving.until(|line| line["object"] == "Webhook");
    let webhooks = || bench.simulators.world().livestorm.subscriptions.all().filter(|hook| !hook.is_deleted).count();
    assert!(webhooks() > 0);
    serving.until(|line| line["code"] == "webhooks-ready");
    let all = webhooks();

    // With another secret they are made at another address, and those at the old one are taken back.
    let secret = "madeUpAddressSecretOfAnotherDay";
    let moved = text.replace(&bench.path("hook").display().to_string(), &bench.file("hook-2", secret));
    assert_ne!(moved, text);
    serving.admin(&bench, "PUT", acme, &moved);
    serving.until(|line| line["code"] == "webhooks-ready");
    let addresses: Vec<String> = {
        let world = bench.simulators.world();
        world.livestorm.subscriptions.all().filter(|hook| !hook.is_deleted).map(|hook| hook.url.clone()).collect()
    };
    assert!(addresses.len() == all && addresses.iter().all(|url| url.ends_with(secret)), "{addresses:?}");
    serving.admin(&bench, "PUT", acme, &text);
    serving.until(|line| line["code"] == "webhooks-ready");

    let (status, gone) = serving.admin(&bench, "DELETE", acme, "");
    assert_eq!((status, gone), (200, json!({"installation": "acme", "switched_off": true, "left": []})));
    assert_eq!((webhooks(), bench.path("installations/acme.toml").exists()), (0, false));
    assert_eq!(serving.deliver("acme", "{}"), 404);
    assert_eq!(serving.admin(&bench, "GET", acme, "").0, 404);
    let (status, kept) = serving.admin(&bench, "GET", &format!("{acme}/runs"), "");
    assert!(status == 200 && !kept["runs"].as_array().unwrap().is_empty(), "{kept}");

    let (_, again) = serving.admin(&bench, "PUT", acme, &text);
    assert_eq!(again["status"], "running", "{again}");
    serving.until(|line| line["object"] == "Webhook");
    assert_eq!(serving.deliver("acme", &registration(&bench, ANA)), 202);
    serving.until(|line| line["object"] == "Lead");

    // A customer who leaves takes the token away too.
    bench.simulators.world().options.livestorm_token = "made-up-token-of-another-day".into();
    let (status, gone) = serving.admin(&bench, "DELETE", acme, "");
    assert_eq!((status, &gone["switched_off"]), (200, &json!(true)), "{gone}");
    assert!(gone["left"].to_string().contains("Remove the webhooks at Livestorm"), "{gone}");
    assert!(webhooks() > 0 && !bench.path("installations/acme.toml").exists());
    let told = serving.end();
    holds_no_secret(&bench, &told);
}

/// Whoever has the directory and answers no questions is told apart from one that does.
#[test]
fn a_token_that_was_given_is_asked_with_and_what_a_killed_process_noted_misleads_nobody() {
    let (bench, text) = bench();
    let file = bench.file("given-token", "made-up-token-that-was-given");
    crate::serve::put(&bench, "acme.toml", &text);
    let mut serving = Serving::start_with(&bench, &["--admin-token-file", &file]);
    serving.until(|line| line["message"] == "runs");
    assert!(!bench.path("data/admin-token").exists());
    assert_eq!(about(&bench, &["runs"]).status.code(), Some(0));
    let mut other = program(&["runs"]);
    other.env("HARNESS_ADMIN_TOKEN", "made-up-token-of-somebody-else");
    other.arg("--installation").arg(bench.path("installations/acme.toml")).arg("--data").arg(bench.path("data"));
    let output = other.output().unwrap();
    assert!(output.status.code() == Some(1) && stderr(&output).contains("the token is missing"), "{}", stderr(&output));
    let sessions = about(&bench, &["sessions"]);
    assert!(stdout(&sessions).starts_with("No session has been met yet"), "{}", stderr(&sessions));
    // A command that needs the directory for itself.
    let run = about(&bench, &["install"]);
    assert!(stderr(&run).contains("is in use by another process"), "{}", stderr(&run));

    drop(serving);
    assert!(bench.path("data/admin.json").exists(), "it was killed");
    assert_eq!(about(&bench, &["runs"]).status.code(), Some(0));
    assert!(!bench.path("data/admin.json").exists());
}
