//! What an installation is told before it is switched on: a finding for each prerequisite and each line of the checklist of
//! spec 002, with what a person does about it; and what is mended when they ask for it.

use crate::support::*;
use host_harness::{
    clock::{Clock, Timestamp},
    connections::{Binding, Provider},
    effect::{self, EgressRule, Method, Performer, Permit, Repeat, RunId, SendError},
    host::{Host, InstallError, Installation},
    runtime::contract::{Choice, Context, Finding, Severity},
    simulators::{
        Api, World,
        account_engagement::{Ability, ActivityType, CustomKind, Edition, Extension, NewCustomField},
        faults::{Fault, FaultPlan, FaultRule, Selector},
        livestorm::{FormField, NewEvent, Scope},
        unknowns::ErrorBody,
    },
    stage::{ACTIVITY_TYPES as TYPES, EXTENSION, INSTALLATION},
    sync::plan::Plan,
};
use std::{collections::BTreeMap, sync::Arc};

/// The codes of their findings, in the same order.
const TYPE_CODES: [&str; 8] = [
    "activity-type-registered",
    "activity-type-attended",
    "activity-type-not-attended",
    "activity-type-attendance-duration",
    "activity-type-messages-sent",
    "activity-type-questions-asked",
    "activity-type-watched-replay",
    "activity-type-watched-on-demand",
];
const MAPPED: &str = r#"{"mapping": {"prospect": [{"source": "fields.topics", "target": "Topics__c"}]}}"#;

/// Where every prerequisite is met.
async fn in_order() -> (Theatre, Arc<Host>) {
    let theatre = Theatre::with(&story(vec![]), Default::default(), MAPPED).await;
    {
        let mut world = theatre.stage.simulators.world();
        world.add_connected_campaign("Spring fair");
        world.account_engagement.add_custom_field(NewCustomField::new("Topics__c", CustomKind::Text));
        for event in ["session.created", "people.registered", "session.ended", "people.watched_replay"] {
            world.livestorm.add_subscription(event, "https://hooks.example.org/demo");
        }
    }
    let host = theatre.open().await;
    (theatre, host)
}

/// A call that is not journaled holds the clock only while it waits for an answer: it runs on until the call is over.
pub async fn in_time<T: Send + 'static>(theatre: &Theatre, call: impl Future<Output = T> + Send + 'static) -> T {
    let calling = tokio::spawn(call);
    while !calling.is_finished() {
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        tokio::task::yield_now().await;
    }
    calling.await.unwrap()
}

pub async fn check(theatre: &Theatre, host: &Arc<Host>) -> Vec<Finding> {
    let host = host.clone();
    in_time(theatre, async move { host.runtime.check(INSTALLATION, &host.asker()).await }).await.unwrap()
}

pub async fn fix(theatre: &Theatre, host: &Arc<Host>, code: &str) -> Result<Vec<Finding>, Finding> {
    let (host, code) = (host.clone(), code.to_owned());
    in_time(theatre, async move { host.fix(INSTALLATION, &code).await }).await.unwrap()
}

pub async fn options(theatre: &Theatre, host: &Arc<Host>, setting: &str) -> Result<Vec<Choice>, Finding> {
    let (host, setting) = (host.clone(), setting.to_owned());
    in_time(theatre, async move { host.runtime.options(INSTALLATION, &setting, &host.asker()).await }).await.unwrap()
}

/// Those that are not fine, but for the two notices of what nobody can read.
fn wrong(findings: &[Finding]) -> Vec<&Finding> {
    let never_read = |f: &Finding| f.severity == Severity::Notice && ["abilities", "lightning-app"].contains(&&*f.code);
    findings.iter().filter(|f| f.severity > Severity::Fine && !never_read(f)).collect()
}

pub fn in_words(findings: &[&Finding]) -> Vec<String> {
    findings.iter().map(|f| format!("{:?} {}", f.severity, f.code)).collect()
}

/// Writes that the simulated services have seen.
pub fn writes(theatre: &Theatre) -> Vec<String> {
    let world = theatre.stage.simulators.world();
    let writes = world.requests.iter().filter(|r| r.method != "GET" && !r.path.starts_with("/services/oauth2"));
    writes.map(|r| format!("{} {} {:?}", r.method, r.path, r.status)).collect()
}

#[tokio::test]
async fn an_account_in_order_is_fine_in_every_point() {
    let (theatre, host) = in_order().await;
    let findings = check(&theatre, &host).await;
    assert_eq!(in_words(&wrong(&findings)), [""; 0]);
    let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    let before = [
        "livestorm-reached",
        "livestorm-scopes",
        "livestorm-webhooks",
        "salesforce-reached",
        "campaign-createable",
        "other-flow",
        "extension",
        "extension-assignment",
    ];
    let after = [
        "system-administrator",
        "marketing-user",
        "account-engagement-reached",
        "edition",
        "connected-campaigns",
        "abilities",
        "mapped-fields",
        "lightning-app",
    ];
    assert_eq!(codes, [&before[..], &TYPE_CODES, &after].concat());
    // S2-39: so that a person can compare.
    let unit = findings.iter().find(|f| f.code == "account-engagement-reached").unwrap();
    assert!(unit.problem.contains("\"Example Customer\""), "{unit:?}");
    assert_eq!(writes(&theatre), [""; 0]);
}

fn extension(world: &mut World, change: impl FnOnce(&mut Extension)) {
    let mut extension = Extension::ready(EXTENSION, &TYPES);
    change(&mut extension);
    world.set_extension(extension);
}

pub fn answered(path: &str, body: &str) -> FaultPlan {
    let what = Fault::Answer { status: 200, headers: vec![], body: body.into() };
    FaultPlan::rules([FaultRule::once(Selector::path(path), what)])
}

pub fn two_campaigns_of_one_session(world: &mut World) {
    for name in ["Product demo", "Product demo again"] {
        let id = world.salesforce.add_campaign(name);
        let description = "Livestorm session S1, made by the Livestorm connector";
        assert!(world.salesforce.edit_campaign(&id, "Description", description.into()));
    }
}

/// S2-2 to S2-9, S2-39, S2-40, S2-45. One row: what is broken, the findings, and words of the remedy of each.
#[tokio::test]
async fn each_prerequisite_that_is_missing_is_exactly_its_finding_and_says_what_to_do() {
    type Row = (fn(&mut World), &'static [(&'static str, &'static str)]);
    let rows: [Row; 29] = [
        (|w| w.options.livestorm_token = "another-token".into(), &[("Blocker livestorm-refused", "Make an API token")]),
        (|w| lacks(w, Scope::Events), &[("Blocker livestorm-scopes", "read access to Events")]),
        (|w| lacks(w, Scope::Admin), &[("Warning livestorm-scopes", "read access to Admin")]),
        (|w| lacks(w, Scope::Webhooks), &[("Notice livestorm-webhooks", "Set up a webhook")]),
        (
            |w| {
                let all: Vec<_> = w.livestorm.subscriptions.all().map(|s| s.id.clone()).collect();
                all.iter().for_each(|id| assert!(w.livestorm.disable_subscription(id)));
            },
            &[("Notice livestorm-webhooks", "Set up a webhook")],
        ),
        (
            |w| w.salesforce.revoke_tokens(),
            &[
                ("Blocker salesforce-refused", "Sign in again"),
                ("Blocker account-engagement-refused", "business unit id"),
            ],
        ),
        (|w| assert!(w.salesforce.scopes.remove("api")), &[("Blocker salesforce-refused", "API Enabled")]),
        (
            |w| w.salesforce.set_profile("Marketing", false),
            &[("Blocker system-administrator", "Salesforce administrator")],
        ),
        // Who is no Marketing User may not make campaigns either.
        (
            |w| w.salesforce.set_marketing_user(false),
            &[
                ("Blocker campaign-createable", "right to create campaigns"),
                ("Blocker marketing-user", "tick Marketing User"),
            ],
        ),
        (
            |w| {
                w.faults = answered("/services/data/*/sobjects/Campaign/describe", r#"{"createable":false}"#);
            },
            &[("Blocker campaign-createable", "Setup > Profiles > Campaigns")],
        ),
        (two_campaigns_of_one_session, &[("Warning other-flow", "Leave one flow active")]),
        (|w| assert!(w.remove_extension(EXTENSION)), &[("Blocker extension", "Marketing App Extensions")]),
        (|w| extension(w, |e| e.is_active = false), &[("Blocker extension", "Active in Automations")]),
        (|w| extension(w, |e| e.is_assigned = false), &[("Blocker extension-assignment", "Assign it")]),
        (
            |w| w.account_engagement.edition = Edition::Growth,
            // The set-up is no part of that edition.
            &[("Warning extension", "System Administrator"), ("Blocker edition", "Upgrade the edition")],
        ),
        (
            |w| w.options.business_unit_id = "0UvSIM000000999AAA".into(),
            &[("Blocker account-engagement-refused", "business unit id")],
        ),
        (|w| w.account_engagement.is_active = false, &[("Blocker account-engagement-refused", "business unit id")]),
        (|w| w.account_engagement.has_user = false, &[("Blocker account-engagement-refused", "belongs to this")]),
        (
            |w| assert!(w.salesforce.scopes.remove("pardot_api")),
            &[("Blocker account-engagement-refused", "scope pardot_api")],
        ),
        (
            |w| w.faults = answered("/api/v5/objects/campaigns", r#"{"values":[{"id":5000,"salesforceId":null}]}"#),
            &[("Warning connected-campaigns", "Switch Connected Campaigns on")],
        ),
        (|w| without(w, Ability::ViewProspects), &[("Blocker abilities", "prospects (view")]),
        (|w| without(w, Ability::ViewLists), &[("Blocker abilities", "lists (view")]),
        (|w| without(w, Ability::ViewExternalActivities), &[("Warning abilities", "external activities (view")]),
        (
            |w| without(w, Ability::ViewCampaigns),
            // Without them nobody would ever be released.
            &[
                ("Warning connected-campaigns", "Switch Connected Campaigns on"),
                ("Blocker abilities", "campaigns (view)"),
            ],
        ),
        (|w| without(w, Ability::ViewCustomFields), &[("Warning mapped-fields", "by hand")]),
        (
            |w| w.faults = answered("/api/v5/objects/custom-fields", r#"{"values":[]}"#),
            &[("Warning mapped-field-missing", "Prospect Fields")],
        ),
        (
            |w| w.faults = answered("/api/v5/objects/custom-fields", r#"{"values":[{"apiFieldId":"Topic__c"}]}"#),
            &[("Warning mapped-field-missing", "Did you mean \"Topic__c\"?")],
        ),
        (
            |w| {
                w.faults = answered(
                    "/api/v5/objects/custom-fields",
                    r#"{"values":[{"apiFieldId":"Topics__c","type":"number"}]}"#,
                );
            },
            &[("Notice mapped-field-kind", "transform `number`")],
        ),
        (
            |w| {
                w.faults = FaultPlan::rules([FaultRule {
                    on: Selector::api(Api::Livestorm),
                    skip: 0,
                    times: 100,
                    what: Fault::RefuseConnection,
                }]);
            },
            &[("Blocker livestorm-not-reached", "status page")],
        ),
    ];
    for (number, (spoil, expected)) in rows.into_iter().enumerate() {
        let (theatre, host) = in_order().await;
        spoil(&mut theatre.stage.simulators.world());
        let findings = check(&theatre, &host).await;
        let wrong = wrong(&findings);
        let (found, remedies): (Vec<_>, Vec<_>) = expected.iter().copied().unzip();
        assert_eq!(in_words(&wrong), found, "row {number}: {findings:#?}");
        for (finding, remedy) in wrong.iter().zip(remedies) {
            assert!(finding.remedy.contains(remedy), "row {number}: {finding:?}");
        }
        assert!(wrong.iter().all(|f| !f.problem.is_empty()), "row {number}: {wrong:#?}");
    }
}

/// A token that was made without this scope.
fn lacks(world: &mut World, scope: Scope) {
    world.livestorm.missing_scopes.insert(scope);
}

/// A role without this ability.
fn without(world: &mut World, ability: Ability) {
    world.account_engagement.missing_abilities.insert(ability);
}

/// A refusal is the same finding, whichever of the statuses that no page tells it comes with.
#[tokio::test]
async fn an_unknown_status_of_a_refusal_makes_no_other_finding() {
    type Row = (fn(&mut World), &'static str);
    let rows: [Row; 9] = [
        (
            |w| {
                lacks(w, Scope::Admin);
                w.options.unknowns.livestorm.missing_scope_status = 401;
            },
            "Warning livestorm-scopes",
        ),
        (
            |w| {
                lacks(w, Scope::Events);
                w.options.unknowns.livestorm.missing_scope_status = 401;
            },
            "Blocker livestorm-scopes",
        ),
        (
            |w| {
                lacks(w, Scope::Webhooks);
                w.options.unknowns.livestorm.missing_scope_status = 401;
            },
            "Notice livestorm-webhooks",
        ),
        (
            |w| {
                assert!(w.salesforce.scopes.remove("api"));
                w.options.unknowns.salesforce.missing_scope_status = 401;
            },
            "Blocker salesforce-refused",
        ),
        (
            |w| {
                w.account_engagement.has_user = false;
                w.options.unknowns.account_engagement.access_denied_status = 403;
            },
            "Blocker account-engagement-refused",
        ),
        (
            |w| {
                w.account_engagement.is_active = false;
                w.options.unknowns.account_engagement.auth_error_body = ErrorBody::Xml;
            },
            "Blocker account-engagement-refused",
        ),
        (|w| w.options.unknowns.account_engagement.activities_readable = false, "Warning abilities"),
        (
            |w| {
                w.options.limits.account_engagement_calls_per_day = 0;
                w.options.unknowns.account_engagement.daily_limit_status = 403;
            },
            "Blocker account-engagement-not-reached",
        ),
        (
            |w| {
                w.options.limits.account_engagement_calls_per_day = 0;
                w.options.unknowns.account_engagement.daily_limit_status = 429;
            },
            "Blocker account-engagement-not-reached",
        ),
    ];
    for (number, (turn, expected)) in rows.into_iter().enumerate() {
        let (theatre, host) = in_order().await;
        turn(&mut theatre.stage.simulators.world());
        let findings = check(&theatre, &host).await;
        assert_eq!(in_words(&wrong(&findings)), [expected], "row {number}: {findings:#?}");
    }
}

/// S2-5: nobody has ever seen a campaign come over, which may be as young as it is.
#[tokio::test]
async fn a_unit_that_no_campaign_has_come_to_is_warned_of_connected_campaigns() {
    let theatre = Theatre::set(&story(vec![])).await;
    let host = theatre.open().await;
    let findings = check(&theatre, &host).await;
    assert_eq!(in_words(&wrong(&findings)), ["Notice livestorm-webhooks", "Warning connected-campaigns"]);
}

/// S2-6, S2-7: what every installation needs and nobody has bound is refused before anything is asked. Account Engagement is needed
/// by one destination alone, and missed by the check.
#[tokio::test]
async fn an_installation_without_one_of_its_connections_is_refused_and_says_which() {
    let (theatre, host) = in_order().await;
    let binding = |provider| Binding {
        provider,
        address: Some("http://simulators.test".into()),
        account: "account".into(),
        business_unit: Some(theatre.stage.simulators.world().options.business_unit_id.clone()),
        allow_private_addresses: true,
        reserve_percent: 0,
    };
    let all = [
        ("livestorm", Provider::Livestorm),
        ("salesforce", Provider::Salesforce),
        ("account-engagement", Provider::AccountEngagement),
    ];
    for (missing, _) in all.into_iter().filter(|(name, _)| *name != "account-engagement") {
        let bound = all.into_iter().filter(|(name, _)| *name != missing);
        let installation = Installation {
            id: "half-bound".into(),
            settings: "{}".into(),
            activated_at: theatre.stage.clock.now(),
            bindings: bound.map(|(name, provider)| (name.to_string(), binding(provider))).collect(),
            address_secret: None,
            signing_secrets: BTreeMap::new(),
            takes_unsigned: true,
        };
        match host.install(host_harness::CONNECTOR, installation).await {
            Err(InstallError::Unbound { name, .. }) => assert_eq!(name, missing),
            other => panic!("{missing}: {other:?}"),
        }
    }
}

/// The connector's own answer, should it be asked all the same.
#[tokio::test]
async fn a_connection_that_is_not_bound_is_a_blocker() {
    let (theatre, host) = in_order().await;
    let component = host.runtime.compile(host_harness::CONNECTOR).unwrap();
    let context = Context {
        installation: "unbound".into(),
        settings: "{}".into(),
        activated_at: theatre.stage.clock.now(),
        connections: vec![],
        dry_run: false,
        limits: host.runtime.limits(),
    };
    host.runtime.install(component, context, 1, Plan::default());
    let checking = host.clone();
    let findings =
        in_time(&theatre, async move { checking.runtime.check("unbound", &checking.asker()).await }).await.unwrap();
    let expected =
        ["livestorm", "salesforce", "account-engagement"].map(|connection| format!("Blocker {connection}-not-bound"));
    assert_eq!(in_words(&wrong(&findings)), expected);
    assert!(findings.iter().all(|f| !f.remedy.is_empty()), "{findings:#?}");
}

/// The extension as it stands, its types by name.
fn set_up(theatre: &Theatre) -> Option<Extension> {
    let world = theatre.stage.simulators.world();
    let mut extension = world.salesforce.extension(EXTENSION, &world.options.business_unit_id)?;
    extension.types.sort_by(|a, b| a.name.cmp(&b.name));
    Some(extension)
}

/// Broken, told as fixable and how a person would, mended with one write, fine, and mended again with none.
async fn check_mended(code: &str, remedy: &str, spoil: impl FnOnce(&mut World)) {
    let (theatre, host) = in_order().await;
    let ready = set_up(&theatre);
    spoil(&mut theatre.stage.simulators.world());
    assert_ne!(set_up(&theatre), ready, "{code}");
    let findings = check(&theatre, &host).await;
    let told: Vec<_> = wrong(&findings).into_iter().map(|f| (f.code.as_str(), f.severity, f.fixable)).collect();
    assert_eq!(told, [(code, Severity::Blocker, true)]);
    assert!(wrong(&findings)[0].remedy.contains(remedy), "{code}: {findings:#?}");

    let done = fix(&theatre, &host, code).await.unwrap();
    assert_eq!(done.iter().map(|f| (f.code.as_str(), f.severity)).collect::<Vec<_>>(), [(code, Severity::Fine)]);
    assert_eq!(set_up(&theatre), ready, "{code}");
    let findings = check(&theatre, &host).await;
    assert_eq!(in_words(&wrong(&findings)), [""; 0], "{code}");
    let written = writes(&theatre);
    assert_eq!(written.len(), 1, "{code}: {written:?}");

    fix(&theatre, &host, code).await.unwrap();
    assert_eq!((set_up(&theatre), writes(&theatre)), (ready, written), "{code}: twice");
}

#[tokio::test]
async fn what_is_called_fixable_is_mended_with_one_write_and_mending_it_again_changes_nothing() {
    let (make, tick) =
        ("Make it in Salesforce Setup > Marketing App Extensions, name another", "Tick Active in Automations");
    check_mended("extension", tick, |w| extension(w, |e| e.is_active = false)).await;
    check_mended("extension-assignment", "Assign it in", |w| extension(w, |e| e.is_assigned = false)).await;
    for (name, code) in TYPES.into_iter().zip(TYPE_CODES) {
        check_mended(code, make, |w| extension(w, |e| e.types.retain(|t| t.name != name))).await;
        let inactive = |t: &mut ActivityType| t.is_active = t.name != name;
        check_mended(code, tick, |w| extension(w, |e| e.types.iter_mut().for_each(inactive))).await;
    }
}

/// S2-14, from an org in which nobody has set anything up: the check names the next thing, until nothing is left.
#[tokio::test]
async fn an_org_without_an_extension_is_mended_code_by_code_until_all_is_fine() {
    let (theatre, host) = in_order().await;
    let ready = set_up(&theatre);
    assert!(theatre.stage.simulators.world().remove_extension(EXTENSION));
    let mut mended = vec![];
    loop {
        let findings = check(&theatre, &host).await;
        let Some(next) = wrong(&findings).first().map(|f| f.code.clone()) else { break };
        fix(&theatre, &host, &next).await.unwrap();
        assert!(!mended.contains(&next), "{next} is mended, and is not");
        mended.push(next);
    }
    assert_eq!(mended, [&["extension", "extension-assignment"][..], &TYPE_CODES].concat());
    assert_eq!((set_up(&theatre), writes(&theatre).len()), (ready, 10));
}

#[tokio::test]
async fn what_cannot_be_mended_says_why_and_writes_nothing() {
    type Row = (&'static str, fn(&mut World), &'static str);
    let rows: [Row; 6] = [
        ("marketing-user", |w| w.salesforce.set_marketing_user(false), "mends nothing of this name"),
        ("no-such-code", |_| {}, "mends nothing of this name"),
        ("extension-assignment", |w| assert!(w.remove_extension(EXTENSION)), "mend `extension` first"),
        ("activity-type-registered", |w| assert!(w.remove_extension(EXTENSION)), "mend `extension` first"),
        ("extension", |w| w.account_engagement.edition = Edition::Growth, "cannot be read"),
        (
            "extension",
            |w| {
                extension(w, |e| e.is_active = false);
                w.salesforce.set_profile("Marketing", false);
            },
            "insufficient access",
        ),
    ];
    for (code, spoil, said) in rows {
        let (theatre, host) = in_order().await;
        spoil(&mut theatre.stage.simulators.world());
        let before = set_up(&theatre);
        let finding = fix(&theatre, &host, code).await.unwrap_err();
        assert!(finding.problem.contains(said) && !finding.remedy.is_empty(), "{code}: {finding:?}");
        assert_eq!(set_up(&theatre), before, "{code}");
    }
}

/// Sent in the name of `grant`, as a run of it would.
async fn sent(theatre: &Theatre, host: &Host, grant: &str, last: &str, fields: &[&str]) -> Result<u16, SendError> {
    let path = ["services", "data", "v62.0", "tooling", "sobjects", last].map(str::to_owned).to_vec();
    let body: serde_json::Map<_, _> = fields.iter().map(|name| (name.to_string(), "x".into())).collect();
    let body = effect::Body { content_type: "application/json".into(), bytes: serde_json::to_vec(&body).unwrap() };
    let request = effect::Request {
        connection: "salesforce".into(),
        method: Method::Post,
        path,
        query: vec![],
        headers: vec![],
        body: Some(body),
        repeat: Repeat::Idempotent,
        purpose: "mend".into(),
    };
    let permit = Permit {
        installation: grant.into(),
        run: RunId(0),
        wave: 0,
        place: 0,
        lane: effect::Lane::Prompt,
        send_before: theatre.stage.clock.now().plus(std::time::Duration::from_secs(60)),
    };
    let (connections, work) = (host.connections.clone(), theatre.stage.clock.begin());
    let sending = async move { connections.perform(permit, request, work).await.0 };
    in_time(theatre, sending).await.map(|response| response.status)
}

/// RULES 29: under a grant of its own.
#[tokio::test]
async fn what_a_fix_may_send_no_everyday_run_may_and_no_other_fix() {
    let (theatre, host) = in_order().await;
    assert!(theatre.stage.simulators.world().remove_extension(EXTENSION));
    let fields = ["DeveloperName", "MasterLabel", "Description", "IsActive"];
    let refused = |answer: Result<u16, SendError>, layer: &str| match answer {
        Err(SendError::Denied(denial)) => assert_eq!(denial.layer, layer, "{denial:?}"),
        other => panic!("{layer}: {other:?}"),
    };
    let other = host.runtime.fix_egress(INSTALLATION, "extension-assignment").await.unwrap().unwrap();
    host.connections.grant("another fix", INSTALLATION, other).unwrap();
    let own = host.runtime.fix_egress(INSTALLATION, "extension").await.unwrap().unwrap();
    assert!(own.iter().all(|rule: &EgressRule| rule.connection == "salesforce"), "{own:#?}");
    refused(sent(&theatre, &host, INSTALLATION, "MarketingAppExtension", &fields).await, "manifest");
    refused(sent(&theatre, &host, "another fix", "MarketingAppExtension", &fields).await, "manifest");
    assert_eq!(writes(&theatre), [""; 0]);

    fix(&theatre, &host, "extension").await.unwrap();
    assert_eq!(writes(&theatre).len(), 1);
    // The grant's own name, after the call.
    let gone = sent(&theatre, &host, &format!("{INSTALLATION}\nextension"), "MarketingAppExtension", &fields).await;
    assert!(gone.is_err(), "{gone:?}");
    refused(sent(&theatre, &host, INSTALLATION, "MarketingAppExtension", &fields).await, "manifest");
    assert_eq!(writes(&theatre).len(), 1);
}

#[tokio::test]
async fn what_a_setting_can_be_is_what_the_accounts_have() {
    let (theatre, host) = in_order().await;
    {
        let fields = vec![FormField::text("topics"), FormField::text("company")];
        theatre.stage.simulators.world().livestorm.create_event(NewEvent { fields, ..NewEvent::default() });
    }
    let rows: [(&str, &[&str]); 4] = [
        ("/mapping/prospect/0/source", &["fields.topics", "fields.company", "utm.source", "attendance.duration"]),
        ("/mapping/prospect/3/target", &["company", "jobTitle", "Topics__c"]),
        ("/account_engagement/extension", &[EXTENSION]),
        ("/account_engagement/activity_types/registered", &TYPES),
    ];
    for (setting, expected) in rows {
        let offered = options(&theatre, &host, setting).await.unwrap();
        for value in expected {
            assert!(offered.iter().any(|c| c.value == *value), "{setting}: {value} is not among {offered:#?}");
        }
        assert!(offered.iter().all(|c| !c.title.is_empty()), "{setting}: {offered:#?}");
        let secret = |c: &&Choice| c.value.contains("password_key") && !c.value.starts_with("secret.");
        assert_eq!(offered.iter().find(secret), None, "{setting}");
    }
    let none = options(&theatre, &host, "/left_out/domains").await.unwrap_err();
    assert_eq!(none.code, "not-offered");
    without(&mut theatre.stage.simulators.world(), Ability::ViewCustomFields);
    let refused = options(&theatre, &host, "/mapping/prospect/0/target").await.unwrap_err();
    assert!(refused.code == "options-not-read" && !refused.remedy.is_empty(), "{refused:?}");
}
