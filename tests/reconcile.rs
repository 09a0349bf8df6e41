//! What webhooks missed is found by looking: whatever subset of them is lost, the world ends as if none had been.

use crate::support::*;
use host_harness::{
    simulators::Options,
    stage::story::{salesforce_story, story as demo_story},
};
use oracle::{Delivery, Destination, Story};
use proptest::prelude::*;
use std::time::Duration;

const DAY: u64 = 24 * HOUR;
/// The last reading of a session is seven days after its end, and what it finds may wait for its share of the quota.
const LONG_ENOUGH: Duration = Duration::from_secs(9 * DAY);

/// The same story, of which word comes only where `comes` says so. What must come of it is that of all words.
async fn ends_as_if_all_had_come(story: &Story, comes: &[bool]) {
    let mut lossy = story.clone();
    for (act, comes) in lossy.acts.iter_mut().zip(comes) {
        if !comes {
            act.deliveries.clear();
        }
    }
    let mut theatre = Theatre::with(story, Options::default(), "{}").await;
    theatre.stage = theatre.stage.looking_for(LONG_ENOUGH);
    let host = theatre.open().await;
    theatre.stage.play(&lossy).await;
    let problems = theatre.problems(story, &host).await;
    assert!(problems.is_empty(), "{problems:#?}\n{comes:?}\n{:#?}", log(&host).await);
}

/// Word of everything by REST, once and soon.
fn told(mut story: Story) -> Story {
    for act in &mut story.acts {
        if !act.deliveries.is_empty() {
            act.deliveries = vec![Delivery { dialect: oracle::Dialect::Rest, after: 1 }];
        }
    }
    story
}

/// S0-33, S0-35, S1-3.
#[tokio::test]
async fn with_no_webhook_at_all_everything_is_found_by_looking() {
    let story = told(demo_story());
    ends_as_if_all_had_come(&story, &vec![false; story.acts.len()]).await;
    let story = told(salesforce_story(Destination::SalesforceLeads));
    ends_as_if_all_had_come(&story, &vec![false; story.acts.len()]).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_webhooks_are_lost_the_world_ends_as_if_none_had_been(
        (comes, in_salesforce) in (proptest::collection::vec(any::<bool>(), 64), any::<bool>())
    ) {
        let story = told(if in_salesforce { salesforce_story(Destination::SalesforceLeads) } else { demo_story() });
        assert!(story.acts.len() <= comes.len());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ends_as_if_all_had_come(&story, &comes));
    }
}
