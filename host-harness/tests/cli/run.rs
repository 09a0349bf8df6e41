//! `harness run`.

use crate::support::*;
use host_harness::simulators::livestorm::Dialect;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Output, Stdio},
};

const ANA: &str = "ana@example.org";

/// The purposes of the planned writes.
fn purposes(report: &Value) -> Vec<&str> {
    report["planned"].as_array().unwrap().iter().map(|w| w["purpose"].as_str().unwrap()).collect()
}

const WHOLE_CHAIN: [&str; 5] =
    ["create campaign", "create list", "create prospect", "add to list", "create external activity"];

/// S2-38: it can be tried before it is used.
#[test]
fn a_dry_run_shows_the_whole_chain_of_writes_with_their_values_and_for_whom() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    let shown = bench.about(&["run", &body], &["--dry-run"]).output().unwrap();
    let text = stdout(&shown);
    assert_eq!(shown.status.code(), Some(0), "{text}\n{}", stderr(&shown));
    let in_order = [
        "the wait for the campaign Product demo - ",
        "Dry run: 5 writes would be sent, none was.",
        "1. Salesforce: create campaign for ",
        "POST /services/data/",
        "Name        = Product demo - ",
        "2. Account Engagement: create list for ",
        "3. Account Engagement: create prospect for ana@example.org\n     POST /api/v5/objects/prospects/do/upsertLatestByEmail",
        "prospect.firstName  = Ana",
        "4. Account Engagement: add to list for ana@example.org",
        "5. Account Engagement: create external activity for ana@example.org",
        "type         = people_registered",
        "Nothing is left to do.",
    ];
    let mut rest = text.as_str();
    for part in in_order {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part}\n{text}"));
        rest = &rest[at..];
    }
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.campaigns.len(), snapshot.lists.len(), snapshot.prospects.len()), (0, 0, 0));
}

/// RULES 26, 28: the same where Salesforce is the destination, with what each call carries.
#[test]
fn a_dry_run_shows_leads_and_contacts_with_their_accounts_and_memberships() {
    for (new_people, expected) in
        [("leads", vec!["Lead", "CampaignMember"]), ("contacts", vec!["Account", "Contact", "CampaignMember"])]
    {
        let bench = Bench::new();
        let settings =
            format!("[settings]\ndestination = \"salesforce\"\n[settings.salesforce]\nnew_people = \"{new_people}\"\n");
        let whole = bench.installation();
        let (id, rest) = whole.split_once('\n').unwrap();
        bench.file("installation.toml", format!("{id}\n{settings}{rest}"));
        let body = r#"{"attendee": {"identify": "L1", "email": "ana@example.org", "first_name": "Ana", "last_name": "Lima",
            "fields": {"company": "Lima"}}, "webinar": {"identify": "EVENT", "title": "Product demo",
            "room_link": "https://app.livestorm.co/p/x/live?s=SESSION"}}"#;
        let made =
            std::fs::read_to_string(bench.registration("made.json", "ben@example.org", Dialect::Native)).unwrap();
        let session = made.split("live?s=").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let body = bench.file("ana.json", body.replace("SESSION", &session));
        let shown = bench.about(&["run", &body], &["--dry-run"]).output().unwrap();
        let text = stdout(&shown);
        assert_eq!(shown.status.code(), Some(0), "{text}\n{}", stderr(&shown));
        let mut rest = text.as_str();
        let parts = expected.iter().map(|object| format!("sobjects/{object}"));
        for part in ["create campaign for ".to_owned(), "create member statuses".into()].into_iter().chain(parts) {
            let at = rest.find(&part).unwrap_or_else(|| panic!("{part}\n{text}"));
            rest = &rest[at..];
        }
        assert!(text.contains("Nothing is left to do.") && text.contains("ana@example.org"), "{text}");
        let snapshot = bench.snapshot();
        assert_eq!((snapshot.campaigns.len(), snapshot.leads.len(), snapshot.contacts.len()), (0, 0, 0));
    }
}

#[test]
fn a_dry_run_leaves_the_data_directory_as_it_was() {
    let bench = Bench::new();
    let ana = bench.registration("ana.json", ANA, Dialect::Native);
    let ben = bench.registration("ben.json", "ben@example.org", Dialect::Native);

    // A fresh one: nothing but the token that Salesforce replaced, and the key that seals it.
    let first = bench.about(&["run", &ana], &["--dry-run", "--json"]).output().unwrap();
    assert_eq!(purposes(&object(&first)), WHOLE_CHAIN);
    let names: Vec<_> = bytes_of(&bench.path("data")).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["credentials.json", "key", "key-check", "lock"].map(|name| bench.path("data").join(name)));

    assert_eq!(bench.about(&["run", &ana], &[]).output().unwrap().status.code(), Some(0));
    let before = bytes_of(&bench.path("data"));
    let again = bench.about(&["run", &ben], &["--dry-run", "--json"]).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let planned = object(&again);
    let for_ben = planned["planned"].as_array().unwrap().iter().filter(|w| w["whom"][0] == "ben@example.org");
    assert_eq!(for_ben.count(), 3, "{planned}");
    assert!(bytes_of(&bench.path("data")) == before, "the same files with the same bytes");
}

#[test]
fn a_run_tells_what_was_done_and_what_waits_and_a_repeat_does_nothing_twice() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    let first = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let report = object(&first);
    assert_eq!((&report["known"], &report["problems"]), (&Value::from(false), &Value::from(Vec::<Value>::new())));
    let happened = report["happened"].to_string();
    assert!(happened.contains("is held") && happened.contains("\\\"Product demo - "), "{happened}");
    let waiting = report["waiting"].as_array().unwrap();
    assert!(!waiting.is_empty() && waiting.iter().all(|w| w["until"].as_str().is_some()), "{report}");
    assert_eq!(bench.snapshot().campaigns.len(), 1);

    let second = bench.about(&["run", &body], &[]).output().unwrap();
    let text = stdout(&second);
    assert_eq!(second.status.code(), Some(0), "{text}");
    assert!(text.contains("This delivery was taken in before") && text.contains("\nWaiting:\n- "), "{text}");
    assert_eq!(bench.snapshot().campaigns.len(), 1);
    assert!(!happened.contains("secret") && !text.contains("secret"));
}

#[test]
fn killed_half_way_and_run_again_it_finishes_and_doubles_nothing() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    let mut child = bench.about(&["run", &body], &[]).stdout(Stdio::null()).spawn().unwrap();
    let campaign_sent = || {
        let world = bench.simulators.world();
        world.requests.iter().any(|r| r.method == "POST" && r.path.ends_with("/sobjects/Campaign"))
    };
    while !campaign_sent() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its first write");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    // The run that was cut off believes that it writes.
    let writes =
        || bench.simulators.world().requests.iter().filter(|r| r.method != "GET" && !r.path.contains("oauth2")).count();
    let before = (writes(), bytes_of(&bench.path("data")));
    bench.about(&["run", &body], &["--dry-run"]).output().unwrap();
    assert!((writes(), bytes_of(&bench.path("data"))) == before, "a dry run in between changes nothing");

    let again = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}\n{}", stdout(&again), stderr(&again));
    assert_eq!(object(&again)["known"], true);
    assert_eq!(bench.snapshot().campaigns.len(), 1);
}

#[test]
fn with_wait_it_goes_on_until_nothing_is_left_and_ctrl_c_ends_it_in_order() {
    let bench = Bench::new();
    let ignored =
        bench.file("unpublished.json", include_bytes!("../../../fixtures/livestorm/webhooks_native/event_ends.json"));
    let over = bench.about(&["run", &ignored], &["--wait"]).output().unwrap();
    assert!(stdout(&over).ends_with("Nothing is left to do.\n"), "{}\n{}", stdout(&over), stderr(&over));

    let body = bench.registration("ana.json", ANA, Dialect::Native);
    let mut waits = bench.about(&["run", &body], &["--wait"]);
    let mut child = waits.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = said.find(|line| line.as_ref().unwrap().starts_with("waiting: "));
    assert!(waiting.is_some(), "it says what it waits for");
    interrupt(child.id());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("\nWaiting:\n- ") && text.contains("Ended by Ctrl-C."), "{text}");
}

fn interrupt(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}

#[test]
fn a_body_may_come_by_stdin_and_by_a_signed_source() {
    let bench = Bench::new();
    let body = std::fs::read(bench.registration("ana.json", ANA, Dialect::RestManaged)).unwrap();
    bench.file("signing-secret", "made-up-signing-secret");
    let signing = "[webhooks.signing_secrets]\nlivestorm-signed = [{ file = \"signing-secret\" }]\n";
    bench.file("installation.toml", bench.installation() + signing);
    let mut command = bench.about(&["run", "-"], &["--source", "livestorm-signed", "--dry-run", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(purposes(&object(&output)), WHOLE_CHAIN);
}

/// One command, its exit code, and what it says where.
fn check(output: Output, code: i32, says: &str) {
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{says}\n{all}");
    assert!(all.contains(says), "{says}\n{all}");
    assert!(!all.contains("panicked") && !all.contains("hush-hush"), "{all}");
}

#[test]
fn a_bad_input_is_told_with_what_to_do_and_nothing_is_made() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    let good = bench.installation();
    let with = |from: &str, to: &str| good.replacen(from, to, 1);
    let token = "token = { file = \"livestorm-token\" }";
    let rows = [
        ("id = \"acme\"\nid".to_owned(), "this is not TOML"),
        (format!("componnent = \"x\"\n{good}"), "Did you mean `component`?"),
        (with(token, "token = \"hush-hush\""), "Write { env = \"NAME\" }"),
        (
            with(token, "token = { env = \"NOBODY_SETS_THIS\" }"),
            "the environment variable `NOBODY_SETS_THIS` is not set",
        ),
        (with(token, "token = { file = \"nowhere\" }"), "nowhere cannot be read"),
        (
            with("token_url = \"", "token_url = \"login:"),
            "secrets.salesforce.token_url: this is no address to sign in at",
        ),
        (with("id = ", "component = \"no.wasm\"\nid = "), "no.wasm cannot be read"),
        (with("[connections.salesforce]", "[connections.crm]"), "connection"),
        (with("allow_private_addresses = true", ""), "http:// is for private addresses that the operator allows"),
    ];
    for (text, says) in rows {
        bench.file("installation.toml", text);
        check(bench.about(&["run", &body], &[]).output().unwrap(), 1, says);
    }
    bench.file("installation.toml", &good);
    let rows: [(&[&str], &[&str], i32, &str); 7] = [
        (&["run", "nowhere.json"], &[], 1, "the payload nowhere.json cannot be read"),
        (&["run", &body], &["--source", "pardot"], 1, "Give one of these: livestorm, livestorm-signed"),
        (
            &["run", &body],
            &["--source", "livestorm-signed"],
            1,
            "Add [webhooks.signing_secrets] with livestorm-signed =",
        ),
        (&["run", &body], &["--dry-run", "--wait"], 2, "cannot be used with"),
        (&["run", &body, "--activated-at", "soon"], &[], 2, "write it as 2026-11-23T08:00:00Z"),
        (&["run"], &[], 2, "<PAYLOAD>"),
        (&["run", &body], &["--data", "/dev/null/data"], 2, "cannot be used multiple times"),
    ];
    for (command, more, code, says) in rows {
        check(bench.about(command, more).output().unwrap(), code, says);
    }
    std::fs::remove_file(bench.path("installation.toml")).unwrap();
    check(
        bench.about(&["run", &body], &[]).output().unwrap(),
        1,
        "fixtures/installations/sample.toml is a commented one",
    );
    assert_eq!(bench.snapshot().campaigns.len(), 0);
}

#[test]
fn a_delivery_that_is_not_understood_is_kept_and_told() {
    let bench = Bench::new();
    let body = bench.file("no.json", "this is not JSON");
    for dry_run in [&["--dry-run"][..], &[]] {
        check(bench.about(&["run", &body], dry_run).output().unwrap(), 3, "a delivery was not understood");
    }
}

#[test]
fn a_connection_that_does_not_work_is_one_clear_problem() {
    let switched_on = || {
        let bench = Bench::new();
        assert_eq!(bench.about(&["check"], &[]).output().unwrap().status.code(), Some(0));
        bench
    };
    let bench = switched_on();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    bench.file("livestorm-token", "made-up-wrong-token");
    for more in [&["--dry-run"][..], &[]] {
        check(bench.about(&["run", &body], more).output().unwrap(), 3, "account `livestorm#");
    }
    let bench = switched_on();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    // Nobody listens where a listener has just been.
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let address = bench.simulators.world().options.base_url.clone();
    bench.file("installation.toml", bench.installation().replace(&address, &format!("http://{closed}")));
    for more in [&["--dry-run"][..], &[]] {
        check(bench.about(&["run", &body], more).output().unwrap(), 3, "nothing was sent");
    }
}

/// S2-2: while something stands in the way, it is not switched on, and the webhook is not taken in.
#[test]
fn what_cannot_work_is_not_switched_on() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    bench.simulators.world().salesforce.set_marketing_user(false);
    check(bench.about(&["run", &body], &[]).output().unwrap(), 3, "the delivery was not taken in: mend the above");
    let refused = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert!(object(&refused)["blockers"].as_u64().unwrap() > 0, "{}", stdout(&refused));
    assert_eq!(bench.about(&["check"], &[]).output().unwrap().status.code(), Some(3));
    assert!(!bench.path("data/activations.json").exists());
    assert_eq!(bench.snapshot().campaigns.len(), 0);

    bench.simulators.world().salesforce.set_marketing_user(true);
    let taken = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(taken.status.code(), Some(0), "{}", stderr(&taken));
    assert_eq!((object(&taken)["known"].as_bool(), bench.snapshot().campaigns.len()), (Some(false), 1));
    // Once it is on, a blocker of later does not switch it off: what cannot be done waits.
    bench.simulators.world().salesforce.set_marketing_user(false);
    assert_eq!(object(&bench.about(&["run", &body], &["--json"]).output().unwrap())["known"], true);
}

#[test]
fn a_directory_is_one_process_own_and_an_activation_stands() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    std::fs::create_dir(bench.path("data")).unwrap();
    let lock = std::fs::File::create(bench.path("data/lock")).unwrap();
    lock.lock().unwrap();
    for more in [&["--dry-run"][..], &[]] {
        check(bench.about(&["run", &body], more).output().unwrap(), 1, "is in use by another process");
    }
    drop(lock);
    assert_eq!(bench.about(&["run", &body], &[]).output().unwrap().status.code(), Some(0));
    let other = bench.about(&["run", &body], &["--activated-at", "2026-01-01T00:00:00Z"]).output().unwrap();
    check(other, 1, "`acme` was switched on at ");
    std::fs::write(bench.path("data/harness.sqlite"), "this is no store, and it is longer than a header").unwrap();
    for file in ["harness.sqlite-wal", "harness.sqlite-shm"] {
        let _ = std::fs::remove_file(bench.path("data").join(file));
    }
    check(bench.about(&["run", &body], &[]).output().unwrap(), 1, "harness.sqlite cannot be opened. Keep the file");
    std::fs::write(bench.path("data/credentials.json"), "{").unwrap();
    check(bench.about(&["run", &body], &[]).output().unwrap(), 1, "credentials.json: not a file of credentials");
}

#[test]
fn a_token_that_the_provider_replaced_is_used_by_the_next_call() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    assert_eq!(bench.about(&["run", &body], &[]).output().unwrap().status.code(), Some(0));
    bench.simulators.world().expire_tokens();
    let again = bench.about(&["check"], &[]).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
    let kept = std::fs::read_to_string(bench.path("data/credentials.json")).unwrap();
    assert!(!kept.contains("simulated-livestorm-token"), "what a person gave is not written down");
}
