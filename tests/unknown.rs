//! Writes whose outcome is unknown: the connector looks before it writes again, and what cannot be looked up is left to a
//! person rather than written twice.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    durable::TaskStatus,
    effect::FailureClass,
    simulators::{
        Api, Options,
        faults::{Fault, FaultPlan, FaultRule, Selector},
    },
    stage::story::story as demo_story,
};

const WRITES: [(Api, &str); 3] = [
    (Api::Salesforce, "/services/data/*/sobjects/Campaign"),
    (Api::AccountEngagement, "/api/v5/objects/lists"),
    (Api::AccountEngagement, "/api/v5/external-activities"),
];

fn fault(api: Api, path: &str, times: u32, what: Fault) -> FaultPlan {
    let on = Selector { api: Some(api), ..Selector::call("POST", path) };
    FaultPlan::rules([FaultRule { on, skip: 0, times, what }])
}

/// RULES 17: told *unknown*, it looks, sends if absent, and looks no sooner than reads are sure to show it.
#[tokio::test]
async fn an_answer_that_never_came_makes_nothing_twice_and_loses_nothing() {
    for (api, path) in WRITES {
        for what in [Fault::CutAfterEffect, Fault::CutBeforeEffect] {
            let faults = fault(api, path, 3, what.clone());
            let options = Options { faults, ..Options::default() };
            let (theatre, _host) = plays_well(&demo_story(), options).await;
            let world = theatre.stage.simulators.world();
            let refused = world.requests.iter().filter(|r| r.status.is_none()).count();
            assert!(refused > 0, "{path} {what:?}: no request was cut");
        }
    }
}

#[tokio::test]
async fn a_server_error_on_a_write_is_looked_into_and_then_written() {
    for (api, path) in WRITES {
        let broken = Fault::Answer { status: 503, headers: Default::default(), body: "busy".into() };
        let options = Options { faults: fault(api, path, 2, broken), ..Options::default() };
        plays_well(&demo_story(), options).await;
    }
}

/// RULES 17: where activities cannot be read back, it ends as *needs attention*, never as a second activity.
#[tokio::test]
async fn an_activity_that_cannot_be_looked_up_is_left_to_a_person() {
    let story = story(vec![
        event(0, "e", "Product demo"),
        session(1, "s", "e", Some(26 * 3600), &[rest(1)]),
        registers(HOUR, "s", "ana@example.org", &[("first_name", "Ana")], &[rest(1)]),
    ]);
    let mut options =
        Options { faults: fault(WRITES[2].0, WRITES[2].1, 1, Fault::CutAfterEffect), ..Options::default() };
    options.unknowns.account_engagement.activities_readable = false;
    let theatre = Theatre::with(&story, options, "{}").await;
    let host = theatre.open().await;
    theatre.stage.begin(&story);
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.observed().activities.len(), 1);
    let dead: Vec<_> = tasks(&host).await.into_iter().filter(|t| t.status == TaskStatus::Dead).collect();
    assert_eq!(dead.len(), 1, "{dead:#?}");
    let failure = dead[0].failure.clone().unwrap();
    assert_eq!(failure.class, FailureClass::NeedsAttention);
    assert!(failure.problem.contains("ana@example.org"), "{failure:?}");
    assert!(!failure.remedy.is_empty());
}

/// RULES 25: registration is at most four calls to Account Engagement.
#[tokio::test]
async fn a_registration_costs_at_most_four_calls() {
    let calls = |people: usize| async move {
        let mut acts = vec![event(0, "e", "Product demo"), session(1, "s", "e", Some(26 * 3600), &[rest(1)])];
        for i in 0..people {
            let email = format!("p{i}@example.org");
            acts.push(registers(HOUR + i as u64, "s", &email, &[("first_name", "P")], &[rest(1)]));
        }
        let (theatre, _host) = plays_well(&story(acts), Options::default()).await;
        let count = theatre.stage.simulators.world().request_counts();
        count["account-engagement"]
    };
    let (one, eleven) = (calls(1).await, calls(11).await);
    assert!(eleven - one <= 4 * 10, "{} calls for ten more people", eleven - one);
}
