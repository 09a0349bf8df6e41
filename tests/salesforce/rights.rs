//! What the org refuses altogether: a campaign that cannot be made is told with its cause, and once somebody has mended it,
//! everybody who waited goes on.

use super::*;
use host_harness::{
    clock::Timestamp,
    simulators::{
        World,
        salesforce::{CustomField, CustomKind, ValidationRule, ValidationTest, ValidationWhen},
    },
    stage::INSTALLATION,
};

/// Plays a webinar in an org that refuses its campaign for a day. Gives what is told of it.
async fn refused(spoil: fn(&mut World), mend: fn(&mut World)) -> String {
    let answers = [("last_name", "Lima"), ("company", "Lima")];
    let story =
        webinar(LEADS, Salesforce::default(), vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::set(&story).await;
    spoil(&mut theatre.stage.simulators.world());
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 2 * HOUR)).await;
    assert_eq!((theatre.observed().campaigns.len(), theatre.observed().leads.len()), (0, 0));
    let dead = dead_letters(&host).await;
    let told = dead.iter().filter_map(|task| task.failure.as_ref()).map(|f| format!("{} {}", f.problem, f.remedy));
    let told: Vec<String> = told.collect();
    assert!(!told.is_empty(), "{:#?}", tasks(&host).await);

    mend(&mut theatre.stage.simulators.world());
    for task in dead {
        host.engine.retry(INSTALLATION, task.id).await.unwrap();
    }
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    told.join("\n")
}

fn check(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
}

/// S3-26, S3-34: the user of the connection lacks a right of the prerequisites.
#[tokio::test]
async fn a_campaign_that_the_user_may_not_make_names_the_missing_right() {
    let told =
        refused(|world| world.salesforce.set_marketing_user(false), |world| world.salesforce.set_marketing_user(true))
            .await;
    check(&told, &["entity type cannot be inserted: Campaign", "Marketing User"]);
}

/// S3-27: the text is the admin's own.
#[tokio::test]
async fn a_campaign_that_a_validation_rule_refuses_is_told_with_the_rules_own_words() {
    let spoil = |world: &mut World| {
        world.salesforce.setup.validation_rules = vec![ValidationRule {
            object: "Campaign".into(),
            when: ValidationWhen { field: "ParentId".into(), is: ValidationTest::Blank },
            message: "Every campaign belongs to a programme".into(),
            field: Some("ParentId".into()),
        }];
    };
    let told = refused(spoil, |world| world.salesforce.setup.validation_rules.clear()).await;
    check(&told, &["Every campaign belongs to a programme", "validation rule"]);
}

/// S3-25, S3-27: nobody can take a required field away, but a session without a campaign says why it has none.
#[tokio::test]
async fn a_custom_field_that_every_campaign_must_have_is_named_where_the_session_has_none() {
    let answers = [("last_name", "Lima"), ("company", "Lima")];
    let story =
        webinar(LEADS, Salesforce::default(), vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::set(&story).await;
    theatre.stage.simulators.world().salesforce.add_custom_field(&CustomField {
        object: "Campaign".into(),
        name: "Region__c".into(),
        label: "Region".into(),
        kind: CustomKind::Text(80),
        required: true,
        unique: false,
        external_id: false,
    });
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 2 * HOUR)).await;
    let dead = dead_letters(&host).await;
    let failure = dead[0].failure.as_ref().unwrap();
    check(&failure.problem, &["REQUIRED_FIELD_MISSING", "Region__c"]);
    check(&failure.remedy, &["required field"]);
    let waiting: Vec<String> = tasks(&host).await.into_iter().filter_map(|task| task.waiting_for).collect();
    assert!(waiting.iter().any(|why| why.contains("ana@example.org")), "{waiting:#?}");
}
