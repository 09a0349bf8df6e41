//! `harness sessions`, on what the connector has kept of stories that were played on a simulated clock.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    simulators::{
        Options,
        livestorm::{Dialect, NewEvent, NewSession, Occurrence},
        salesforce::{ValidationRule, ValidationTest, ValidationWhen},
    },
    stage::{INSTALLATION, Stage, Travel, story::BEGINS_AT},
};
use oracle::{Act, Delivery, Destination, Happening, Story};
use std::{path::Path, process::Output, time::Duration};
use tempfile::TempDir;

const SAMPLE: &str = include_str!("../../../fixtures/installations/sample.toml");
const SALESFORCE: &str = include_str!("../../../fixtures/installations/salesforce.toml");
const GUIDE: &str = include_str!("../../../docs/admin-guide.md");
pub const HOUR: u64 = 3600;

/// Something in the world becomes otherwise, so many seconds after the beginning.
pub type Change = (u64, fn(&Stage));

pub fn told(at: u64, what: Happening) -> Act {
    Act { at, what, deliveries: vec![Delivery { dialect: oracle::Dialect::Rest, after: 1 }] }
}

pub fn created(at: u64, session: &str, starts: i64) -> Act {
    told(at, Happening::SessionCreated { session: session.into(), event: "demo".into(), starts: Some(starts) })
}

pub fn registered(at: u64, session: &str, email: &str) -> Act {
    let (session, email) = (session.into(), email.into());
    told(at, Happening::Registered { session, email, answers: vec![], utm: vec![], team_member: false })
}

/// A folder with an installation file and what was kept of the story.
pub async fn kept(acts: Vec<Act>, changes: Vec<Change>) -> TempDir {
    kept_in(Destination::default(), SAMPLE, acts, changes).await
}

async fn kept_in(destination: Destination, sample: &str, acts: Vec<Act>, changes: Vec<Change>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let installation = sample.replacen("id = \"example-customer\"", &format!("id = \"{INSTALLATION}\""), 1);
    std::fs::write(folder.path().join("installation.toml"), installation).unwrap();
    let event = Happening::EventCreated { event: "demo".into(), title: "Product demo".into(), on_demand: false };
    let event = Act { at: 1, what: event, deliveries: vec![] };
    let story = Story {
        begins_at: BEGINS_AT,
        prospects: vec![],
        team: vec![],
        mapping: vec![],
        destination,
        salesforce: oracle::Salesforce::default(),
        acts: std::iter::once(event).chain(acts).collect(),
    };
    let store = folder.path().join("data/harness.sqlite");
    let stage = Stage::set(&story, store, Options::default(), Travel::InProcess).await.unwrap();
    drop(stage.open_host(None).await.unwrap());
    stage.begin(&story);
    for (at, change) in changes {
        stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT).plus(Duration::from_secs(at))).await;
        change(&stage);
    }
    stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 4 * HOUR)).await;
    stage.close_host().await;
    folder
}

fn sessions(folder: &Path, more: &[&str]) -> Output {
    let mut command = program(&["sessions", "--installation"]);
    command.arg(folder.join("installation.toml")).arg("--data").arg(folder.join("data"));
    command.args(more).output().unwrap()
}

pub fn all_is_well(stage: &Stage) {
    let mut world = stage.simulators.world();
    world.salesforce.set_marketing_user(true);
    world.salesforce.setup.validation_rules.clear();
}

pub fn nobody_may_make_campaigns(stage: &Stage) {
    stage.simulators.world().salesforce.set_marketing_user(false);
}

fn a_rule_against_campaigns(stage: &Stage) {
    all_is_well(stage);
    let mut world = stage.simulators.world();
    world.salesforce.setup.validation_rules = vec![ValidationRule {
        object: "Campaign".into(),
        when: ValidationWhen { field: "IsActive".into(), is: ValidationTest::Equals(true.into()) },
        message: "Campaigns begin inactive: ask marketing operations".into(),
        field: None,
    }];
}

/// S3-25, S3-26, S3-27: one of each kind, on one page.
#[tokio::test(flavor = "multi_thread")]
async fn each_session_is_listed_with_its_campaign_or_with_why_it_has_none() {
    let acts = vec![
        created(60, "works", 30 * 3600),
        registered(120, "works", "ana@example.org"),
        registered(180, "works", "ben@example.org"),
        created(2 * HOUR, "no permission", 31 * 3600),
        registered(2 * HOUR + 60, "no permission", "ana@example.org"),
        created(2 * HOUR + 900, "rule", 32 * 3600),
        created(3 * HOUR, "past", -3600),
    ];
    let changes: Vec<Change> = vec![
        (2 * HOUR - 1, nobody_may_make_campaigns),
        (2 * HOUR + 800, a_rule_against_campaigns),
        (3 * HOUR - 1, all_is_well),
    ];
    let folder = kept(acts, changes).await;
    let text = sessions(folder.path(), &[]);
    assert_eq!(text.status.code(), Some(3), "{}\n{}", stdout(&text), stderr(&text));
    let lines: Vec<String> = stdout(&text).lines().map(|line| line.trim_end().to_owned()).collect();
    insta::assert_snapshot!("sessions", lines.join("\n"));
    let no_permission = lines.iter().position(|line| line.ends_with("session") && line.contains("82a3")).unwrap();
    for line in &lines[no_permission..no_permission + 3] {
        assert!(GUIDE.contains(&format!("\n    {line}\n")), "docs/admin-guide.md shows something else than\n{line}");
    }
    let json = sessions(folder.path(), &["--json"]);
    assert_eq!(json.status.code(), Some(3));
    insta::assert_json_snapshot!("sessions_json", object(&json));
}

/// S3-25, S3-26: the same where people become leads or contacts, who are members of the campaign itself.
#[tokio::test(flavor = "multi_thread")]
async fn in_salesforce_the_people_of_a_session_are_the_members_of_its_campaign() {
    for destination in [Destination::SalesforceLeads, Destination::SalesforceContacts] {
        let acts = vec![
            created(60, "works", 30 * 3600),
            registered(120, "works", "ana@example.org"),
            registered(180, "works", "ben@example.org"),
            created(2 * HOUR, "no permission", 31 * 3600),
            registered(2 * HOUR + 60, "no permission", "ana@example.org"),
        ];
        let changes: Vec<Change> = vec![(2 * HOUR - 1, nobody_may_make_campaigns)];
        let folder = kept_in(destination, SALESFORCE, acts, changes).await;
        let output = sessions(folder.path(), &["--json"]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let told = object(&output);
        let [newer, older] = &told["sessions"].as_array().unwrap()[..] else { panic!("{told}") };
        assert_eq!((&older["people"]["there"], &older["lists"]), (&2.into(), &serde_json::json!([])), "{older}");
        let name = older["campaigns"].to_string();
        assert!(name.contains("Product demo - 2026-11-24 14:00 UTC"), "{older}");
        assert!(newer["why"].to_string().contains("entity type cannot be inserted: Campaign"), "{newer}");
        let text = stdout(&sessions(folder.path(), &[]));
        assert!(text.contains("No campaign associated to the session") && text.contains("Marketing User"), "{text}");
    }
}

/// Nobody retries it: whoever registers next asks for the campaign.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_mended_goes_on_with_the_next_registration() {
    let acts = vec![
        created(60, "works", 30 * 3600),
        registered(120, "works", "ana@example.org"),
        registered(HOUR, "works", "ben@example.org"),
    ];
    let changes: Vec<Change> = vec![(50, nobody_may_make_campaigns), (HOUR - 1, all_is_well)];
    let folder = kept(acts, changes).await;
    let output = sessions(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let session = &object(&output)["sessions"][0];
    assert_eq!((&session["people"]["there"], &session["tasks"]["failed"]), (&2.into(), &2.into()), "{session}");
    assert_eq!(session["why"].as_array().map(Vec::len), Some(0), "{session}");
}

/// Left out, or waiting for something that comes by itself: nobody has to do anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_to_have_none_is_well() {
    let folder = kept(vec![created(60, "works", 30 * 3600), created(120, "past", -3600)], vec![]).await;
    let output = sessions(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let report = object(&output);
    let campaigns = |place: usize| report["sessions"][place]["campaigns"].as_array().map(Vec::len);
    assert_eq!((campaigns(0), campaigns(1)), (Some(0), Some(2)), "{report}");
    assert_eq!(report["sessions"][0]["why"][0]["kind"], "left-out", "{report}");
    let text = stdout(&sessions(folder.path(), &[]));
    assert!(text.contains("No campaign associated to the session") && text.contains("or gets it by itself"), "{text}");
}

#[test]
fn a_draft_that_waits_to_be_published_is_told_after_a_run() {
    let bench = Bench::new();
    let settings = "[settings.salesforce_campaign]\ncampaign_when = \"event_published\"\n";
    bench.file("installation.toml", bench.installation() + settings);
    let body = {
        let mut world = bench.simulators.world();
        let event = world.livestorm.create_event(NewEvent { title: "Draft".into(), ..NewEvent::default() });
        let session = world.livestorm.create_session(&event, NewSession::default());
        let unknowns = world.options.unknowns.livestorm.clone();
        world.livestorm.webhook_body(&Occurrence::SessionCreated { session }, Dialect::Native, &unknowns).unwrap()
    };
    let body = bench.file("draft.json", body);
    let run = bench.about(&["run", &body], &[]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}\n{}", stdout(&run), stderr(&run));
    let output = sessions(bench.folder.path(), &[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}\n{}", stderr(&output));
    assert!(text.contains("No campaign associated") && text.contains("wait until it is published"), "{text}");
}

/// The words for a person whose connection was taken away: it would wait for ever by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_waits_for_a_person_to_sign_in_is_told_as_such() {
    let taken_away = |stage: &Stage| stage.simulators.world().salesforce.revoke_tokens();
    let folder = kept(vec![created(60, "works", 30 * 3600)], vec![(50, taken_away)]).await;
    let output = sessions(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let report = object(&output);
    let session = &report["sessions"][0];
    assert_eq!((&report["need_a_person"], &session["tasks"]["waiting"]), (&1.into(), &1.into()), "{report}");
    let why = session["why"][0]["problem"].as_str().unwrap();
    assert!(why.contains("the connection needs a person"), "{report}");
}

#[test]
fn where_nothing_is_kept_it_says_so_and_makes_nothing() {
    let bench = Bench::new();
    let nothing = sessions(bench.folder.path(), &[]);
    assert_eq!(nothing.status.code(), Some(1), "{}", stdout(&nothing));
    assert!(stderr(&nothing).contains("nothing is kept in "), "{}", stderr(&nothing));
    assert!(!bench.path("data").exists());

    assert_eq!(bench.about(&["check"], &[]).output().unwrap().status.code(), Some(0));
    let none = sessions(bench.folder.path(), &[]);
    assert_eq!(none.status.code(), Some(0), "{}", stderr(&none));
    assert!(stdout(&none).starts_with("No session has been met yet"), "{}", stdout(&none));
    assert_eq!(object(&sessions(bench.folder.path(), &["--json"]))["sessions"].as_array().map(Vec::len), Some(0));

    let lock = std::fs::File::create(bench.path("data/lock")).unwrap();
    lock.lock().unwrap();
    let held = sessions(bench.folder.path(), &[]);
    assert_eq!(held.status.code(), Some(1));
    assert!(stderr(&held).contains("is in use by another process"), "{}", stderr(&held));
}
