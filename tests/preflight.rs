//! What an installation is told before it is switched on, and the exports whose work comes later: they answer truthfully.

use crate::support::*;
use host_harness::{
    runtime::contract::{Finding, Severity},
    stage::INSTALLATION,
};

async fn check(spoil: impl FnOnce(&Theatre)) -> Vec<Finding> {
    let theatre = Theatre::set(&story(vec![])).await;
    let host = theatre.open().await;
    spoil(&theatre);
    let (runtime, asker) = (host.runtime.clone(), host.asker());
    let checking = tokio::spawn(async move { runtime.check(INSTALLATION, &asker).await });
    theatre.stage.clock.run_until(host_harness::clock::Timestamp::MAX).await;
    checking.await.unwrap().unwrap()
}

fn by_place<'a>(findings: &'a [Finding], place: &str) -> &'a Finding {
    let found: Vec<_> = findings.iter().filter(|f| f.place == place).collect();
    assert_eq!(found.len(), 1, "{place}: {findings:#?}");
    found[0]
}

#[tokio::test]
async fn each_bound_connection_has_one_finding_that_a_read_proves() {
    let findings = check(|_| {}).await;
    assert_eq!(findings.len(), 3, "{findings:#?}");
    for place in ["livestorm", "salesforce", "account-engagement"] {
        assert_eq!(by_place(&findings, place).severity, Severity::Fine, "{findings:#?}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_work_is_a_blocker_that_says_what_to_do() {
    let findings =
        check(|t| t.stage.simulators.world().options.livestorm_token = "another-livestorm-token".into()).await;
    let livestorm = by_place(&findings, "livestorm");
    assert_eq!(livestorm.severity, Severity::Blocker, "{findings:#?}");
    assert!(!livestorm.remedy.is_empty(), "{livestorm:?}");
    assert_eq!(by_place(&findings, "salesforce").severity, Severity::Fine);

    let findings = check(|t| t.stage.simulators.world().options.business_unit_id = "0UvSIM000000999AAA".into()).await;
    let unit = by_place(&findings, "account-engagement");
    assert_eq!(unit.severity, Severity::Blocker, "{findings:#?}");
    assert!(
        unit.problem.to_lowercase().contains("business unit") || unit.remedy.to_lowercase().contains("business unit")
    );
}

#[tokio::test]
async fn what_is_not_offered_yet_says_so() {
    let theatre = Theatre::set(&story(vec![])).await;
    let host = theatre.open().await;
    let asker = host.asker();
    let refused = host.runtime.options(INSTALLATION, "/mapping", &asker).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "not-offered");
    let refused = host.fix(INSTALLATION, "activity-type-missing").await.unwrap().unwrap_err();
    assert_eq!(refused.code, "not-offered");
    assert_eq!(host.runtime.sync_sources(INSTALLATION).await.unwrap(), Vec::<String>::new());
    let page = host.runtime.sync_page(INSTALLATION, "people", None, &asker).await.unwrap();
    assert!(page.unwrap_err().starts_with("bad-cursor: "));
}
