//! `harness runs`, `show`, `why`, `retry`, `resync`, `replay`, `pause` and `resume`: on what the connector has kept of stories that were
//! played on a simulated clock, and on installations of the simulated APIs.

use crate::{
    sessions::{Change, HOUR, all_is_well, created, kept, nobody_may_make_campaigns, registered, told},
    support::*,
};
use host_harness::simulators::livestorm::{Dialect, NewRegistrant};
use oracle::{Act, Happening};
use serde_json::Value;
use std::{path::Path, process::Output};
use tempfile::TempDir;

const ANA: &str = "ana@example.org";
const CARLA: &str = "carla@example.org";

fn by_name(at: u64, session: &str, email: &str) -> Act {
    let answers = [("first_name", "Annabel"), ("last_name", "Lima"), ("company", "Example")];
    let answers = answers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (session, email) = (session.into(), email.into());
    told(at, Happening::Registered { session, email, answers, utm: vec![], team_member: false })
}

/// Ana and Ben are written; Carla is held, since nobody may make the campaign of her session.
async fn a_story() -> TempDir {
    let acts = vec![
        created(60, "works", 30 * 3600),
        by_name(120, "works", ANA),
        registered(180, "works", "ben@example.org"),
        created(2 * HOUR, "no permission", 31 * 3600),
        registered(2 * HOUR + 60, "no permission", CARLA),
    ];
    let changes: Vec<Change> = vec![(2 * HOUR - 1, nobody_may_make_campaigns), (3 * HOUR, all_is_well)];
    kept(acts, changes).await
}

fn about(folder: &Path, command: &[&str]) -> Output {
    let mut whole = program(command);
    whole.arg("--installation").arg(folder.join("installation.toml")).arg("--data").arg(folder.join("data"));
    whole.output().unwrap()
}

/// One object, and the exit code.
fn asked(folder: &Path, command: &[&str]) -> (Value, i32) {
    let output = about(folder, &[command, &["--json"]].concat());
    (object(&output), output.status.code().unwrap())
}

fn lines(output: &Output) -> String {
    stdout(output).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn runs(report: &Value) -> &Vec<Value> {
    report["runs"].as_array().unwrap()
}

/// The newest run of which this stands among its titles, ended so.
fn run_of(folder: &Path, title: &str, status: &str) -> String {
    let (report, _) = asked(folder, &["runs", "--limit", "1000"]);
    let is_it = |run: &&Value| run["what"].as_str().unwrap().contains(title) && run["status"] == status;
    runs(&report).iter().find(is_it).unwrap_or_else(|| panic!("{title}: {report}"))["run"].to_string()
}

fn store(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("data/harness.sqlite")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_and_dead_letters_are_told_whatever_is_left_of_their_run() {
    let folder = a_story().await;
    let folder = folder.path();
    let (all, code) = asked(folder, &["runs", "--limit", "1000"]);
    assert_eq!(code, 3, "{all}");
    let numbers: Vec<u64> = runs(&all).iter().map(|run| run["run"].as_u64().unwrap()).collect();
    assert!(numbers.len() > 8 && numbers.is_sorted_by(|newer, older| newer > older), "{numbers:?}");
    assert_eq!(all["more"], false);
    let of = |name: &str, value: &str| runs(&all).iter().filter(|run| run[name] == value).count();
    assert_eq!(of("kind", "delivery"), 5, "{all}");
    assert!(of("status", "failed") >= 1 && of("status", "put-off") >= 1 && of("status", "done") > 5, "{all}");
    let failed = runs(&all).iter().find(|run| run["status"] == "failed").unwrap();
    assert!(failed["failures"][0]["problem"].as_str().unwrap().contains("entity type cannot be inserted"), "{failed}");
    assert!(failed["begun"].as_str().unwrap().ends_with('Z') && failed["took_ms"].is_u64(), "{failed}");

    let (few, _) = asked(folder, &["runs", "--limit", "2"]);
    assert_eq!((runs(&few).len(), &few["more"]), (2, &true.into()));
    let (late, _) = asked(folder, &["runs", "--since", runs(&all)[1]["begun"].as_str().unwrap()]);
    assert_eq!(
        runs(&late).len(),
        runs(&all).iter().filter(|run| run["begun"].as_str() >= runs(&all)[1]["begun"].as_str()).count()
    );
    let (of_status, _) = asked(folder, &["runs", "--status", "failed"]);
    assert!(runs(&of_status).iter().all(|run| run["status"] == "failed") && !runs(&of_status).is_empty());
    let (of_ana, code) = asked(folder, &["runs", "--person", "Ana@Example.org"]);
    assert!(runs(&of_ana).len() >= 2 && runs(&of_ana).len() < runs(&all).len(), "{of_ana}");
    assert_eq!((code, of_ana["dead_letters"].as_array().map(Vec::len)), (0, Some(0)), "nobody's but hers");

    let letter = &all["dead_letters"][0];
    let remedy = letter["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!("`harness retry --task {}`", letter["task"])), "{letter}");
    assert_eq!(letter["run_is_kept"], true);
    store(folder).execute_batch("DELETE FROM run; DELETE FROM journal").unwrap();
    let (gone, code) = asked(folder, &["runs", "--since", "2100-01-01"]);
    assert_eq!((code, runs(&gone).len()), (3, 0));
    assert_eq!(
        (&gone["dead_letters"][0]["task"], &gone["dead_letters"][0]["run_is_kept"]),
        (&letter["task"], &false.into())
    );
    let text = stdout(&about(folder, &["runs"]));
    assert!(text.contains("No such run is kept") && text.contains("which is no longer kept"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_with_its_requests_and_nothing_of_a_person_unless_asked() {
    let folder = a_story().await;
    let folder = folder.path();
    let run = run_of(folder, ", held", "done");
    let shown = about(folder, &["show", &run]);
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    insta::assert_snapshot!("show", lines(&shown));
    let (object, _) = asked(folder, &["show", &run]);
    let of_kind = |kind: &str| object["timeline"].as_array().unwrap().iter().filter(|one| one["kind"] == kind).count();
    assert!(of_kind("request") >= 3 && of_kind("record") >= 2, "{object}");
    assert_eq!(object["not_played"], Value::Null);

    let (whole, _) = asked(folder, &["show", &run, "--personal"]);
    let (whole, object) = (whole.to_string(), object.to_string());
    for personal in [ANA, "ben@example.org", "Annabel", "firstName\":\"", "\"sent\"", "\"received\""] {
        assert!(whole.contains(personal) && !object.contains(personal), "{personal}: {object}");
    }
    assert!(object.contains("a…@example.org"), "{object}");
    // Secrets are in no recording.
    assert!(!whole.to_lowercase().contains("bearer") && !whole.contains("simulated-"), "{whole}");

    let failed = run_of(folder, "asked for by a registration", "failed");
    let text = stdout(&about(folder, &["show", &failed]));
    assert!(
        text.contains("  failed: Could not make the campaign") && text.contains("`harness retry --task "),
        "{text}"
    );

    let missing = about(folder, &["show", "99999"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("there is no run 99999") && stderr(&missing).contains("harness runs"));
}

/// The same connector to the letter, and another component by its digest.
fn other_component(folder: &Path) -> String {
    let mut bytes = host_harness::CONNECTOR.to_vec();
    bytes.extend(b"\0\x05\x04note");
    let file = folder.join("other.wasm");
    std::fs::write(&file, bytes).unwrap();
    file.to_str().unwrap().to_owned()
}

fn installed(folder: &Path, change: impl Fn(String) -> String) {
    let file = folder.join("installation.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, change(text)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_version_is_installed_what_can_be_shown_is_shown() {
    let folder = a_story().await;
    let folder = folder.path();
    let run = run_of(folder, ", held", "done");
    other_component(folder);
    installed(folder, |text| format!("component = \"other.wasm\"\n{text}"));
    let (shown, code) = asked(folder, &["show", &run]);
    assert_eq!(code, 0);
    assert!(shown["not_played"].as_str().unwrap().contains("another version"), "{shown}");
    let answers = shown["timeline"].as_array().unwrap().iter().filter(|one| one["kind"] == "answer");
    assert!(answers.clone().count() >= 3 && answers.clone().any(|one| one["status"] == 200), "{shown}");
    assert!(!shown.to_string().contains(ANA), "{shown}");
    // Without the version that had it, a replay compares by digests.
    let (replayed, code) = asked(folder, &["replay", &run]);
    assert_eq!((code, &replayed["same"]), (0, &true.into()), "{replayed}");
    assert!(replayed["remarks"][0].as_str().unwrap().contains("digests"), "{replayed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_what_was_done_what_waits_and_what_to_do() {
    let folder = a_story().await;
    let folder = folder.path();
    let well = about(folder, &["why", "Ana@example.org"]);
    assert_eq!(well.status.code(), Some(0), "{}\n{}", stdout(&well), stderr(&well));
    insta::assert_snapshot!("why", lines(&well));
    let text = stdout(&well);
    assert!(text.contains("All that arrived of ana@example.org is done"), "{text}");

    let (held, code) = asked(folder, &["why", CARLA]);
    assert_eq!((code, &held["needs_a_person"]), (3, &true.into()), "{held}");
    let stands = held["stands"].as_str().unwrap();
    assert!(stands.contains("Marketing User") && stands.contains("`harness retry --task "), "{stands}");
    let kinds: Vec<&str> = held["told"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(kinds.starts_with(&["arrived"]) && kinds.ends_with(&["failed"]) && kinds.contains(&"waits"), "{held}");
    assert!(!held.to_string().contains("ana@"), "{held}");

    let (unknown, code) = asked(folder, &["why", "carlo@example.org"]);
    assert_eq!((code, &unknown["known"], &unknown["alike"]), (3, &false.into(), &CARLA.into()), "{unknown}");
    let stands = unknown["stands"].as_str().unwrap();
    assert!(stands.contains("tasks, ") && stands.contains("harness resync --person carlo@example.org"), "{stands}");
    let (unknown, _) = asked(folder, &["why", "somebody@else.example"]);
    assert_eq!(unknown["alike"], Value::Null);
    assert_eq!(about(folder, &["why", "carla"]).status.code(), Some(1));
}

/// What failed of a session is told no more once the next registration has brought its campaign.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_mended_is_no_longer_waited_for() {
    let acts = vec![created(60, "works", 30 * 3600), registered(120, "works", ANA), registered(HOUR, "works", CARLA)];
    let changes: Vec<Change> = vec![(50, nobody_may_make_campaigns), (HOUR - 1, all_is_well)];
    let folder = kept(acts, changes).await;
    let (told, code) = asked(folder.path(), &["why", ANA]);
    assert_eq!((code, &told["needs_a_person"]), (0, &false.into()), "{told}");
    assert!(told["stands"].as_str().unwrap().starts_with("All that arrived of"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_goes_again_once_and_each_is_answered() {
    let folder = a_story().await;
    let folder = folder.path();
    let (report, _) = asked(folder, &["runs"]);
    let (task, run) = (report["dead_letters"][0]["task"].to_string(), report["dead_letters"][0]["run"].to_string());
    let (retried, code) = asked(folder, &["retry", &run]);
    assert_eq!(code, 0, "{retried}");
    assert!(retried["tasks"].as_array().unwrap().iter().all(|one| one["went_again"] == true), "{retried}");
    let (again, code) = asked(folder, &["retry", "--task", &task]);
    assert_eq!((code, &again["tasks"][0]["went_again"]), (3, &false.into()), "{again}");
    assert!(again["tasks"][0]["refused"].as_str().unwrap().contains("not a dead letter"), "{again}");
    let none = about(folder, &["retry", &run]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("has no dead letter"), "{}", stderr(&none));
    assert!(stderr(&about(folder, &["retry", "99999"])).contains("there is no run 99999"));
    assert!(stderr(&about(folder, &["retry", "--task", "99999"])).contains("there is no task 99999"));
    assert_eq!(about(folder, &["retry", "--all-failed"]).status.code(), Some(0));
    let (report, code) = asked(folder, &["runs"]);
    assert_eq!((code, report["dead_letters"].as_array().map(Vec::len)), (0, Some(0)), "{report}");
    assert_eq!(about(folder, &["retry", "--all-failed"]).status.code(), Some(0));
    assert_eq!(about(folder, &["retry"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_given_up_is_gone_and_told_as_that() {
    let folder = a_story().await;
    let folder = folder.path();
    let (report, _) = asked(folder, &["runs"]);
    let (task, run) = (report["dead_letters"][0]["task"].to_string(), report["dead_letters"][0]["run"].to_string());
    let shown = about(folder, &["runs"]);
    assert!(stdout(&shown).contains("given up with `harness discard --task N`"), "{}", stdout(&shown));
    let (given_up, code) = asked(folder, &["discard", "--task", &task]);
    assert_eq!((code, &given_up["tasks"][0]["given_up"]), (0, &true.into()), "{given_up}");
    assert!(stderr(&about(folder, &["discard", "--task", &task])).contains(&format!("there is no task {task}")));
    assert!(stderr(&about(folder, &["retry", "--task", &task])).contains(&format!("there is no task {task}")));
    let (story, _) = asked(folder, &["why", CARLA]);
    assert!(story.to_string().contains("Given up by a person"), "{story}");
    let (rest, code) = asked(folder, &["discard", "--all-failed"]);
    assert_eq!(code, 0, "{rest}");
    let (report, code) = asked(folder, &["runs"]);
    assert_eq!((code, report["dead_letters"].as_array().map(Vec::len)), (0, Some(0)), "{report}");
    assert!(stderr(&about(folder, &["discard", &run])).contains("has no dead letter"));
    assert_eq!(about(folder, &["discard"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_the_same_and_a_changed_mapping_shows_as_exactly_that() {
    let folder = a_story().await;
    let folder = folder.path();
    let (all, _) = asked(folder, &["runs", "--limit", "1000"]);
    let mut played = vec![];
    for run in runs(&all) {
        // One of each kind and end.
        if played.contains(&(&run["kind"], &run["status"])) {
            continue;
        }
        played.push((&run["kind"], &run["status"]));
        let number = run["run"].to_string();
        if run["kind"] == "delivery" {
            let output = about(folder, &["replay", &number]);
            assert_eq!(output.status.code(), Some(1));
            assert!(stderr(&output).contains("the body of a delivery is not kept"), "{}", stderr(&output));
            continue;
        }
        let (replayed, code) = asked(folder, &["replay", &number]);
        assert_eq!((code, &replayed["same"]), (0, &true.into()), "{run}: {replayed}");
    }
    let run = run_of(folder, ", held", "done");
    let other = other_component(folder);
    let (replayed, code) = asked(folder, &["replay", &run, "--component", &other]);
    assert_eq!((code, &replayed["same"]), (0, &true.into()), "{replayed}");
    assert_ne!(replayed["component"], replayed["played_with"]);

    let mapping = "[[settings.mapping.prospect]]\nsource = \"fields.first_name\"\ntarget = \"jobTitle\"\n\n[connections.livestorm]";
    installed(folder, |text| text.replacen("[connections.livestorm]", mapping, 1));
    let (replayed, code) = asked(folder, &["replay", &run, "--settings", "--personal"]);
    assert_eq!(code, 3, "{replayed}");
    insta::assert_json_snapshot!("replay_with_another_mapping", replayed["differences"]);
    assert_eq!(replayed["never_recorded"], Value::Array(vec![]));
    let (masked, _) = asked(folder, &["replay", &run, "--settings"]);
    assert!(!masked.to_string().contains("Annabel") && !masked.to_string().contains(ANA), "{masked}");

    installed(folder, |text| {
        text.replacen("[connections.livestorm]", "[settings]\nlist_name = 7\n\n[connections.livestorm]", 1)
    });
    let output = about(folder, &["replay", &run, "--settings"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("run {run} is not played with these settings")) && said.contains("list_name"),
        "{said}"
    );

    // A recording of something else.
    let changed = "UPDATE journal SET record = replace(record, '\"digest\":\"', '\"digest\":\"0') WHERE run = ?";
    store(folder).execute(changed, [&run]).unwrap();
    let output = about(folder, &["replay", &run]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("diverged from its recording: wave 0"), "{}", stdout(&output));
}

/// No account is needed to look, and nothing is made where nothing is.
#[test]
fn where_nothing_is_kept_it_says_so_and_makes_nothing() {
    let bench = Bench::new();
    for command in
        [&["runs"][..], &["why", ANA], &["pause"], &["retry", "--all-failed"], &["show", "1"], &["replay", "1"]]
    {
        let output = about(bench.folder.path(), command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(stderr(&output).contains("nothing is kept in "), "{}", stderr(&output));
    }
    assert!(!bench.path("data").exists());
}

/// RULES 27.
#[test]
fn a_paused_installation_takes_what_comes_and_writes_nothing_until_it_is_resumed() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    assert_eq!(bench.about(&["check"], &[]).output().unwrap().status.code(), Some(0));
    let (paused, code) = asked(bench.folder.path(), &["pause"]);
    assert_eq!((code, &paused["paused"]), (0, &true.into()));
    let run = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert_eq!(object(&run)["known"], false, "it is taken");
    assert_eq!(bench.snapshot().campaigns.len(), 0, "and nothing is written");
    let (story, code) = asked(bench.folder.path(), &["why", ANA]);
    let stands = story["stands"].as_str().unwrap();
    assert!(code == 3 && stands.contains("1 delivery waits unread, and may be about ana"), "{stands}");
    let (resumed, code) = asked(bench.folder.path(), &["resume"]);
    assert_eq!((code, &resumed["paused"]), (0, &false.into()));
    let run = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!((run.status.code(), &object(&run)["known"]), (Some(0), &true.into()));
    assert_eq!(bench.snapshot().campaigns.len(), 1);
}

/// Ben's webhook never came; he is in the same session.
#[test]
fn a_person_of_whom_no_webhook_told_is_found_when_asked_for() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", ANA, Dialect::Native);
    assert_eq!(bench.about(&["run", &body], &[]).output().unwrap().status.code(), Some(0));
    {
        let told = std::fs::read_to_string(&body).unwrap();
        let session = told.split("live?s=").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let mut world = bench.simulators.world();
        let ben = NewRegistrant { email: "ben@example.org".into(), ..NewRegistrant::default() };
        world.livestorm.register(&session, ben).unwrap();
    }
    let folder = bench.folder.path();
    assert_eq!(about(folder, &["why", "ben@example.org"]).status.code(), Some(3));
    let (asked_for, code) = asked(folder, &["resync", "--person", "ben@example.org"]);
    assert_eq!((code, &asked_for["accepted"]), (0, &true.into()));
    let (again, code) = asked(folder, &["resync", "--person", "ben@example.org"]);
    assert_eq!((code, &again["accepted"]), (3, &false.into()), "one at a time");
    assert_eq!(bench.about(&["run", &body], &[]).output().unwrap().status.code(), Some(0));
    let (why, _) = asked(folder, &["why", "ben@example.org"]);
    let is = |kind: &str| why["told"].as_array().unwrap().iter().any(|one| one["kind"] == kind);
    assert!(why["known"] == true && is("arrived") && is("waits"), "{why}");
    let (pages, _) = asked(folder, &["runs", "--limit", "1000"]);
    assert!(runs(&pages).iter().any(|run| run["kind"] == "page"), "{pages}");
    assert_eq!(about(folder, &["resync"]).status.code(), Some(2));
}

#[tokio::test]
async fn who_is_forgotten_is_named_in_no_byte_and_comes_again_only_when_that_is_allowed() {
    let folder = a_story().await;
    let folder = folder.path();
    let named = |person: &str| {
        let data = bytes_of(&folder.join("data"));
        data.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).to_lowercase().contains(person))
    };
    assert!(named(ANA));
    let (gone, code) = asked(folder, &["forget", "Ana@Example.org"]);
    assert_eq!((gone["person"].as_str(), gone["still_named"].as_u64(), code), (Some(ANA), Some(0), 0), "{gone}");
    assert!(gone["tasks"].as_u64() > Some(0) && gone["runs"].as_u64() > Some(0), "{gone}");
    assert!(!named(ANA), "a byte of her is left");
    let (story, code) = asked(folder, &["why", ANA]);
    assert_eq!((&story["known"], code), (&Value::Bool(false), 3));
    assert!(story["stands"].as_str().unwrap().contains("was forgotten here"), "{story}");
    assert!(named(CARLA), "and nobody else");
    assert_eq!(about(folder, &["forget", ANA, "--allow-again"]).status.code(), Some(0));
    let again = about(folder, &["forget", ANA, "--allow-again"]);
    assert!(stderr(&again).contains("nobody with the address ana@example.org was forgotten"), "{}", stderr(&again));
    assert!(stderr(&about(folder, &["forget", "ana"])).contains("no address of a person"));
}
