//! Any order and any repetition of the story's deliveries ends in an equal world (RULES 3), with the read lag on.

use super::*;
use crate::order::{last_first, shuffled};
use host_harness::stage::story::salesforce_story;
use proptest::prelude::*;

fn ends_equal(story: &Story) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { drop(plays_well(story, lagging()).await) });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_ends_in_an_equal_world_of_leads(story in shuffled(salesforce_story(LEADS))) {
        ends_equal(&story);
    }

    #[test]
    fn any_order_and_repetition_ends_in_an_equal_world_of_contacts(story in shuffled(salesforce_story(CONTACTS))) {
        ends_equal(&story);
    }
}

#[tokio::test]
async fn words_that_come_last_first_end_in_an_equal_world() {
    for destination in BOTH {
        plays_well(&last_first(salesforce_story(destination)), lagging()).await;
    }
}
