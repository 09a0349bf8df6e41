//! What an installation is told before it is switched on where Salesforce is its destination; and the field for replays, which
//! is made when they ask for it.

use crate::{
    preflight::{answered, check, fix, in_words, options, two_campaigns_of_one_session, writes},
    support::*,
};
use host_harness::{
    clock::Clock,
    connections::{Binding, Provider},
    host::{Host, InstallError, Installation},
    installation::InstallationFile,
    runtime::contract::{Finding, Severity},
    simulators::{
        World,
        faults::{Fault, FaultPlan, FaultRule, Selector},
        livestorm::{FormField, NewEvent},
        salesforce::{CustomField, CustomKind},
    },
    stage::{INSTALLATION, salesforce::REPLAY_FIELD},
};
use oracle::{Act, Happening, Story};
use std::{collections::BTreeMap, path::Path, sync::Arc};

const LEADS: &str = r#"{"destination": "salesforce"}"#;
const LABEL: &str = "Livestorm Replay Status";

/// Where every prerequisite is met but the field for replays.
async fn without_field(settings: &str) -> (Theatre, Arc<Host>) {
    let theatre = Theatre::with(&story(vec![]), Default::default(), settings).await;
    {
        let mut world = theatre.stage.simulators.world();
        let told =
            ["session.created", "people.registered", "session.ended", "people.watched_replay", "event.published"];
        for event in told {
            world.livestorm.add_subscription(event, "https://hooks.example.org/demo");
        }
        let company = FormField { required: true, ..FormField::text("company") };
        world.livestorm.create_event(NewEvent { fields: vec![company], ..NewEvent::default() });
    }
    let host = theatre.open().await;
    (theatre, host)
}

async fn in_order(settings: &str) -> (Theatre, Arc<Host>) {
    let (theatre, host) = without_field(settings).await;
    add(&mut theatre.stage.simulators.world(), "CampaignMember", REPLAY_FIELD, LABEL, CustomKind::Text(255), false);
    (theatre, host)
}

fn add(world: &mut World, object: &str, name: &str, label: &str, kind: CustomKind, required: bool) {
    let field = CustomField {
        object: object.into(),
        name: name.into(),
        label: label.into(),
        kind,
        required,
        unique: false,
        external_id: false,
    };
    assert!(world.salesforce.add_custom_field(&field));
}

/// Those that are not fine. The simulated org does not tell its duplicate rules.
fn wrong(findings: &[Finding]) -> Vec<&Finding> {
    let never_read = |f: &Finding| f.severity == Severity::Notice && f.code == "duplicate-rules";
    findings.iter().filter(|f| f.severity > Severity::Fine && !never_read(f)).collect()
}

/// S3-8: and nothing is asked of Account Engagement.
#[tokio::test]
async fn an_org_in_order_is_fine_in_every_point() {
    let contacts = r#"{"destination": "salesforce", "salesforce": {"new_people": "contacts"}}"#;
    for (settings, of_leads) in [(LEADS, true), (contacts, false)] {
        let (theatre, host) = in_order(settings).await;
        let findings = check(&theatre, &host).await;
        assert_eq!(in_words(&wrong(&findings)), [""; 0], "{findings:#?}");
        let told = |code: &str| findings.iter().any(|f| f.code == code);
        assert_eq!((told("company-on-form"), told("account-writable")), (of_leads, !of_leads));
        assert!(told("replay-field") && told("view-all") && !told("edition") && !told("extension"), "{findings:#?}");
        assert_eq!(writes(&theatre), [""; 0]);
        let world = theatre.stage.simulators.world();
        assert!(!world.requests.iter().any(|r| r.path.starts_with("/api/v5")), "{:#?}", world.requests);
    }
}

fn refused(path: &str, status: u16, body: &str) -> FaultPlan {
    let what = Fault::Answer { status, headers: vec![], body: body.into() };
    FaultPlan::rules([FaultRule::once(Selector::path(path), what)])
}

/// S3-9, S3-17, S3-24 to S3-27, S3-31, S3-34, S2-45. One row: what is broken, the findings, and words of the remedy of each.
#[tokio::test]
async fn each_prerequisite_that_is_missing_is_exactly_its_finding_and_says_what_to_do() {
    type Row = (fn(&mut World), &'static [(&'static str, &'static str)]);
    let rows: [Row; 14] = [
        (|w| assert!(w.salesforce.scopes.remove("api")), &[("Blocker salesforce-refused", "API Enabled")]),
        (
            |w| w.salesforce.set_profile("Marketing", false),
            &[("Notice system-administrator", "another user"), ("Warning view-all", "View All")],
        ),
        (
            |w| w.salesforce.set_marketing_user(false),
            &[
                ("Blocker campaign-createable", "right to create campaigns"),
                ("Blocker marketing-user", "tick Marketing User"),
            ],
        ),
        (two_campaigns_of_one_session, &[("Warning other-flow", "Leave one flow active")]),
        (
            |w| {
                let kinds = r#"{"createable":true,"fields":[{"name":"Type","type":"picklist","restrictedPicklist":true,"picklistValues":[{"value":"Fair","active":true}]}]}"#;
                w.faults = answered("/services/data/*/sobjects/Campaign/describe", kinds);
            },
            &[("Notice campaign-type", "Add Webinar")],
        ),
        (
            |w| add(w, "Campaign", "Cost_Center__c", "Cost centre", CustomKind::Text(20), true),
            &[("Blocker campaign-required-fields", "default value")],
        ),
        (
            |w| add(w, "Lead", "Region__c", "Region", CustomKind::Text(20), true),
            &[("Warning lead-required-fields", "transform `default`")],
        ),
        // New people become leads: no contact is made.
        (|w| add(w, "Contact", "Region__c", "Region", CustomKind::Text(20), true), &[]),
        (
            |w| add(w, "CampaignMember", "Origin__c", "Origin", CustomKind::Text(20), true),
            &[("Warning campaign-member-required-fields", "Map something to it")],
        ),
        (|w| w.salesforce.switch_on_person_accounts(), &[("Notice person-accounts", "Nothing is to be done")]),
        (|w| w.salesforce.switch_on_state_and_country_picklists(), &[]),
        (
            |w| {
                let body = r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#;
                w.faults = refused("/services/data/*/sobjects/Lead/describe", 404, body);
            },
            &[("Blocker lead-writable", "create and edit leads")],
        ),
        (
            |w| {
                let fields = vec![FormField::text("company")];
                w.livestorm.create_event(NewEvent { fields, ..NewEvent::default() });
            },
            &[("Notice company-on-form", "make it mandatory")],
        ),
        (
            |w| {
                let all: Vec<_> = w.livestorm.subscriptions.all().map(|s| s.id.clone()).collect();
                all.iter().for_each(|id| assert!(w.livestorm.disable_subscription(id)));
            },
            &[("Notice livestorm-webhooks", "Set up a webhook")],
        ),
    ];
    for (number, (spoil, expected)) in rows.into_iter().enumerate() {
        let (theatre, host) = in_order(LEADS).await;
        spoil(&mut theatre.stage.simulators.world());
        let findings = check(&theatre, &host).await;
        told(&findings, expected, &format!("row {number}"));
    }
}

fn told(findings: &[Finding], expected: &[(&str, &str)], row: &str) {
    let wrong = wrong(findings);
    let (found, remedies): (Vec<_>, Vec<_>) = expected.iter().copied().unzip();
    assert_eq!(in_words(&wrong), found, "{row}: {findings:#?}");
    for (finding, remedy) in wrong.iter().zip(remedies) {
        assert!(finding.remedy.contains(remedy), "{row}: {finding:?}");
    }
}

/// S3-23, S3-24.
#[tokio::test]
async fn a_field_for_replays_that_does_not_serve_is_told_for_what_it_is() {
    type Row = (&'static str, fn(&mut World), (&'static str, &'static str), bool);
    let own = r#"{"destination": "salesforce", "salesforce": {"replay_field": "Sen__c"}}"#;
    let rows: [Row; 4] = [
        (LEADS, |_| {}, ("Warning replay-field", "harness check --fix"), true),
        (
            LEADS,
            |w| add(w, "CampaignMember", "Replay__c", LABEL, CustomKind::Text(255), false),
            ("Warning replay-field", "Write Replay__c into"),
            false,
        ),
        (
            LEADS,
            |w| {
                let kind = CustomKind::Picklist(vec!["Watched replay".into()], true);
                add(w, "CampaignMember", REPLAY_FIELD, LABEL, kind, false);
            },
            ("Warning replay-values", "add the value to the picklist"),
            false,
        ),
        (
            own,
            |w| add(w, "CampaignMember", "Seen__c", "Seen", CustomKind::Text(255), false),
            ("Warning replay-field", "Did you mean \"Seen__c\"?"),
            false,
        ),
    ];
    for (number, (settings, spoil, expected, fixable)) in rows.into_iter().enumerate() {
        let (theatre, host) = without_field(settings).await;
        spoil(&mut theatre.stage.simulators.world());
        let findings = check(&theatre, &host).await;
        told(&findings, &[expected], &format!("row {number}"));
        assert_eq!(wrong(&findings)[0].fixable, fixable, "row {number}");
    }
}

/// What the guide tells people to copy.
#[tokio::test]
async fn the_sample_of_an_installation_is_in_order_where_its_fields_are() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/installations/salesforce.toml");
    let (theatre, host) = in_order(&InstallationFile::read(&file).unwrap().settings).await;
    {
        let mut world = theatre.stage.simulators.world();
        for object in ["Lead", "Contact"] {
            add(&mut world, object, "Livestorm_Topics__c", "Topics", CustomKind::Text(255), false);
        }
        add(&mut world, "CampaignMember", "Livestorm_Minutes__c", "Minutes", CustomKind::Number, false);
    }
    let findings = check(&theatre, &host).await;
    assert_eq!(in_words(&wrong(&findings)), [""; 0], "{findings:#?}");
}

#[tokio::test]
async fn a_mapped_field_that_is_not_there_is_told_with_the_place_of_its_rule() {
    let settings = r#"{"destination": "salesforce", "mapping": {
        "lead": [{"source": "fields.topics", "target": "Topcs__c"}],
        "campaign_member": [{"source": "attendance.duration", "target": "Seconds__c"}]}}"#;
    let (theatre, host) = in_order(settings).await;
    {
        let mut world = theatre.stage.simulators.world();
        add(&mut world, "Lead", "Topics__c", "Topics", CustomKind::Text(255), false);
        add(&mut world, "CampaignMember", "Seconds__c", "Seconds", CustomKind::Number, false);
    }
    let findings = check(&theatre, &host).await;
    let expected = [
        ("Warning mapped-field-missing", "Did you mean \"Topics__c\"?"),
        // A number that stands in a text, for all that the mapping knows.
        ("Notice mapped-field-kind", "transform `number`"),
    ];
    told(&findings, &expected, "two rules");
    let places: Vec<&str> = wrong(&findings).iter().map(|f| f.place.as_str()).collect();
    assert_eq!(places, ["/mapping/lead/0/target", "/mapping/campaign_member/0/target"]);
}

/// A webinar with one registrant, who watches it later.
fn replayed() -> Story {
    let act = |at: u64, what: Happening| Act { at, what, deliveries: vec![rest(1)] };
    let (session_id, email) = ("s".to_string(), "ana@example.org".to_string());
    story(vec![
        event(60, "e", "Product demo"),
        session(61, "s", "e", Some(3 * 3_600), &[rest(1)]),
        registers(120, "s", &email, &[("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")], &[rest(1)]),
        act(3 * HOUR, Happening::SessionStarted { session: session_id.clone() }),
        act(4 * HOUR, Happening::SessionEnded { session: session_id.clone() }),
        act(6 * HOUR, Happening::WatchesReplay { session: session_id, email }),
    ])
}

/// S3-16, S3-23, S3-24: under a grant of its own; and twice changes nothing twice.
#[tokio::test]
async fn the_field_for_replays_is_made_when_asked_for_and_replays_are_noted_in_it() {
    let (theatre, host) = without_field(LEADS).await;
    let done = fix(&theatre, &host, "replay-field").await.unwrap();
    assert_eq!(
        done.iter().map(|f| (f.code.as_str(), f.severity)).collect::<Vec<_>>(),
        [("replay-field", Severity::Fine)]
    );
    let findings = check(&theatre, &host).await;
    assert_eq!(in_words(&wrong(&findings)), [""; 0], "{findings:#?}");
    let written = writes(&theatre);
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].contains("/tooling/sobjects/CustomField") && written[1].contains("/sobjects/FieldPermissions"));
    fix(&theatre, &host, "replay-field").await.unwrap();
    assert_eq!(writes(&theatre), written, "twice");

    theatre.stage.play(&replayed()).await;
    let members = theatre.observed().members;
    let replays: Vec<_> = members.iter().map(|member| (member.email.as_str(), member.replay.as_deref())).collect();
    assert_eq!(replays, [("ana@example.org", Some("Watched replay"))], "{:#?}", log(&host).await);
}

/// Nobody's replay is lost to whoever makes the field while the connector is at work: it looks again within the hour.
#[tokio::test]
async fn a_field_that_is_made_meanwhile_is_used_within_the_hour() {
    let (theatre, host) = without_field(LEADS).await;
    let story = replayed();
    theatre.stage.begin(&story);
    theatre.stage.clock.run_for(std::time::Duration::from_secs(5 * HOUR)).await;
    assert!(codes(&host).await.contains("replay-field-missing"));
    add(&mut theatre.stage.simulators.world(), "CampaignMember", REPLAY_FIELD, LABEL, CustomKind::Text(255), false);
    theatre.stage.clock.run_until(host_harness::clock::Timestamp::MAX).await;
    let replays: Vec<_> = theatre.observed().members.into_iter().map(|member| member.replay).collect();
    assert_eq!(replays, [Some("Watched replay".to_string())], "{:#?}", log(&host).await);
}

#[tokio::test]
async fn a_field_that_cannot_be_made_says_why() {
    let (theatre, host) = without_field(LEADS).await;
    theatre.stage.simulators.world().salesforce.set_profile("Marketing", false);
    let finding = fix(&theatre, &host, "replay-field").await.unwrap_err();
    assert!(finding.problem.contains("insufficient access") && finding.remedy.contains("by hand"), "{finding:?}");
}

/// What needs no Account Engagement does without a connection to it; what needs it is told by the check.
#[tokio::test]
async fn without_account_engagement_salesforce_is_a_destination_all_the_same() {
    let (theatre, host) = in_order(LEADS).await;
    let binding = |provider| Binding {
        provider,
        address: Some("http://simulators.test".into()),
        account: match provider {
            Provider::Livestorm => "livestorm".into(),
            _ => "salesforce".into(),
        },
        business_unit: None,
        allow_private_addresses: true,
        reserve_percent: 0,
    };
    let bindings: BTreeMap<_, _> = [("livestorm", Provider::Livestorm), ("salesforce", Provider::Salesforce)]
        .map(|(name, provider)| (name.to_string(), binding(provider)))
        .into();
    let install = |settings: &str| {
        let installation = Installation {
            id: INSTALLATION.into(),
            settings: settings.into(),
            activated_at: theatre.stage.clock.now(),
            bindings: bindings.clone(),
            address_secret: None,
            signing_secrets: BTreeMap::new(),
            takes_unsigned: true,
        };
        host.install(host_harness::CONNECTOR, installation)
    };
    install(LEADS).await.unwrap();
    assert_eq!(in_words(&wrong(&check(&theatre, &host).await)), [""; 0]);
    match install("{}").await {
        Ok(_) => {
            let findings = check(&theatre, &host).await;
            let codes = in_words(&wrong(&findings));
            assert!(codes.contains(&"Blocker account-engagement-not-bound".to_string()), "{codes:?}");
        }
        Err(InstallError::Unbound { name, .. }) => panic!("{name} is not required by the manifest"),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_setting_can_be_is_what_the_org_has() {
    let (theatre, host) = in_order(LEADS).await;
    let (record_type, parent) = {
        let mut world = theatre.stage.simulators.world();
        add(&mut world, "Lead", "Topics__c", "Topics", CustomKind::Text(255), false);
        (world.salesforce.add_campaign_record_type("Webinars"), world.salesforce.add_campaign("All webinars"))
    };
    let rows: [(&str, &[&str]); 7] = [
        ("/mapping/lead/0/source", &["fields.company", "attendance.duration"]),
        ("/mapping/lead/0/target", &["Company", "Title", "Topics__c"]),
        ("/mapping/contact/1/target", &["Company", "MailingCity"]),
        ("/mapping/campaign_member/0/target", &[REPLAY_FIELD]),
        ("/salesforce/replay_field", &[REPLAY_FIELD]),
        ("/salesforce_campaign/record_type_id", &[record_type.as_str()]),
        ("/salesforce_campaign/parent_id", &[parent.as_str()]),
    ];
    for (setting, expected) in rows {
        let offered = options(&theatre, &host, setting).await.unwrap();
        for value in expected {
            assert!(offered.iter().any(|c| c.value == *value), "{setting}: {value} is not among {offered:#?}");
        }
        assert!(offered.iter().all(|c| !c.title.is_empty()), "{setting}: {offered:#?}");
        assert!(
            !offered.iter().any(|c| ["Email", "Id", "OwnerId"].contains(&c.value.as_str())),
            "{setting}: {offered:#?}"
        );
    }
}
