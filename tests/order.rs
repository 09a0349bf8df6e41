//! Any order and any repetition of the story's deliveries ends in an equal world (RULES 3), with the read lag on.

use crate::support::*;
use host_harness::{
    simulators::{Options, options::CampaignDelay},
    stage::story::story as demo_story,
};
use oracle::{Act, Delivery, Dialect, Happening, Story};
use proptest::prelude::*;
use std::time::Duration;

/// Each act's word comes once to three times, in either dialect, and most of it within two hours: later than the campaign at the
/// slowest. One in four takes up to forty, so that an end overtakes registrations, and a replay the end.
fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let dialect = prop_oneof![Just(Dialect::Native), Just(Dialect::Rest)];
    // Often in one second or within the read lag of each other, else anywhere.
    let soon = prop_oneof![0..3u64, 0..120u64, 0..7200u64];
    let after = prop_oneof![3 => soon, 1 => 0..40 * HOUR];
    proptest::collection::vec((dialect, after).prop_map(|(dialect, after)| Delivery { dialect, after }), 1..=3)
}

/// A demo's story with the deliveries in any order.
pub fn shuffled(mut story: Story) -> impl Strategy<Value = Story> {
    // The same person again with other answers: the newest must win, whichever comes first.
    let changed = [("first_name", "Anna"), ("company", "Lima AG")];
    story.acts.push(registers(37 * 60, "afternoon", "ana.lima@example.org", &changed, &[rest(1)]));
    let told: Vec<bool> = story.acts.iter().map(|a| !a.deliveries.is_empty()).collect();
    // A replay that no webhook tells of may be seen by the reading after the end, and may come too late for it.
    let is_replay = |act: &Act| matches!(act.what, Happening::WatchesReplay { .. });
    let heard = |mut deliveries: Vec<Delivery>| {
        deliveries[0].dialect = Dialect::Rest;
        deliveries
    };
    let all = story.acts.iter().zip(told).map(|(act, told)| match (told, is_replay(act)) {
        (true, true) => deliveries().prop_map(heard).boxed(),
        (true, false) => deliveries().boxed(),
        (false, _) => Just(vec![]).boxed(),
    });
    let all: Vec<_> = all.collect();
    all.prop_map(move |deliveries| {
        let mut story = story.clone();
        story.acts.iter_mut().zip(deliveries).for_each(|(act, d)| act.deliveries = d);
        story
    })
}

/// Everything but the deliveries stays: the order of the acts, so that sources times are those of the story.
async fn ends_equal(story: Story, seed: u64) {
    let minutes = |m: u64| Duration::from_secs(60 * m);
    let campaign_delay = CampaignDelay::Drawn { seed, from: minutes(2), to: minutes(30) };
    plays_well(&story, Options { campaign_delay, ..Options::default() }).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_ends_in_an_equal_world(story in shuffled(demo_story()), seed in any::<u64>()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(ends_equal(story, seed));
    }
}

/// A replay before the ends, those before the registrations, and the sessions last.
pub fn last_first(mut story: Story) -> Story {
    let last = story.acts.iter().map(|act| act.at).max().unwrap();
    for act in &mut story.acts {
        act.deliveries.iter_mut().for_each(|delivery| delivery.after = 2 * (last - act.at));
    }
    story
}

#[tokio::test]
async fn words_that_come_last_first_end_in_an_equal_world() {
    plays_well(&last_first(demo_story()), Options::default()).await;
}
