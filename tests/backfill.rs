//! Sessions from before the installation was switched on: nothing of them without a request; on request all of them, once, with the
//! dates at which things happened.

use crate::{preflight::in_time, support::*};
use host_harness::{
    clock::{Clock, Timestamp},
    host::Host,
    runtime::contract::Cost,
    simulators::Options,
    stage::INSTALLATION,
    sync::Pass,
};
use oracle::{Act, Happening, Story};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const SESSIONS: u64 = 20;
const DAY: u64 = 24 * HOUR;

/// Twenty sessions in as many days, three people in each: one attends, one watches the recording.
fn past() -> Story {
    let mut acts = vec![event(0, "e", "Product demo")];
    for number in 0..SESSIONS {
        let (name, starts) = (format!("s{number}"), DAY + number * DAY);
        let happens = |at: u64, what: Happening| Act { at, what, deliveries: vec![rest(1)] };
        acts.push(session(1 + number, &name, "e", Some(starts as i64), &[rest(1)]));
        for person in 0..3 {
            let email = format!("p{person}-{}@example.org", number % 7);
            let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Example")];
            acts.push(registers(starts - 2 * HOUR + 60 * person, &name, &email, &answers, &[rest(1)]));
        }
        let email = |person: u64| format!("p{person}-{}@example.org", number % 7);
        let session = || name.clone();
        acts.push(happens(starts, Happening::SessionStarted { session: session() }));
        let attends =
            Happening::Attends { session: session(), email: email(0), seconds: 600, messages: 2, questions: 1 };
        acts.push(happens(starts + 60, attends));
        acts.push(happens(starts + HOUR, Happening::SessionEnded { session: session() }));
        acts.push(happens(starts + 5 * HOUR, Happening::WatchesReplay { session: session(), email: email(1) }));
    }
    story(acts)
}

/// As if nobody had told of anything.
fn unheard(mut story: Story) -> Story {
    story.acts.iter_mut().for_each(|act| act.deliveries.clear());
    story
}

async fn begin(host: &Host, parameters: &str, now: Timestamp) {
    let pass = Pass::taken("backfill", parameters.into(), None, None, now);
    host.engine.accept(INSTALLATION, vec![pass.task(None)]).await.unwrap();
}

/// Without signing in, which is the host's, and what was refused because it was time to.
fn sent(theatre: &Theatre) -> BTreeMap<String, u64> {
    let world = theatre.stage.simulators.world();
    let mut sent = BTreeMap::new();
    for request in world.requests.iter().filter(|r| r.status != Some(401) && !r.path.ends_with("/oauth2/token")) {
        *sent.entry(request.api.name().to_owned()).or_default() += 1;
    }
    sent
}

/// What was told of the cost, and what was sent, after the past was filled in by a host that died after so many minutes each.
async fn filled_in(dies_after: &[u64]) -> (Vec<Cost>, BTreeMap<String, u64>) {
    let story = past();
    let last = story.acts.iter().map(|act| act.at).max().unwrap();
    let activated_at = BEGINS_AT + last + HOUR;
    let mut theatre = Theatre::with(&story, Options::default(), "{}").await;
    theatre.stage = theatre.stage.activated_at(activated_at);
    let host = theatre.open().await;
    theatre.stage.play(&unheard(story.clone())).await;
    theatre.stage.clock.run_until(Timestamp::from_seconds(activated_at + HOUR)).await;
    let world = theatre.observed();
    let touched = world.campaigns.len() + world.lists.len() + world.prospects.len() + world.activities.len();
    assert_eq!(touched, 0, "nothing is touched that nobody asked for");

    let parameters = json!({"since": "2026-11-23"}).to_string();
    let told = {
        let (host, parameters) = (host.clone(), parameters.clone());
        let asked = async move {
            host.runtime.estimate(INSTALLATION, "backfill", &parameters, &host.asker(), &*host.engine).await
        };
        in_time(&theatre, asked).await.unwrap().unwrap()
    };
    let before = sent(&theatre);
    begin(&host, &parameters, theatre.stage.clock.now()).await;
    let mut host: Option<Arc<Host>> = Some(host);
    for minutes in dies_after {
        theatre.stage.clock.run_for(Duration::from_secs(60 * minutes)).await;
        drop(host.take());
        theatre.stage.close_host().await;
        host = Some(theatre.open().await);
    }
    let host = host.unwrap();
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    let after = sent(&theatre);

    // Asked for once more, nothing is written twice.
    begin(&host, &parameters, theatre.stage.clock.now()).await;
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    (told, after.into_iter().map(|(api, count)| (api.clone(), count - before.get(&api).unwrap_or(&0))).collect())
}

/// Its dates are those at which things happened: the oracle tells them.
#[tokio::test]
async fn past_sessions_are_filled_in_on_request_alone_and_once_whatever_is_cut() {
    filled_in(&[1, 40]).await;
}

#[tokio::test]
async fn what_it_costs_is_told_before_and_within_a_tenth() {
    let (told, sent) = filled_in(&[]).await;
    assert_eq!(told.len(), 3);
    for Cost { connection, least, most } in told {
        let sent = sent[&connection];
        assert!(most.abs_diff(sent) * 10 <= sent, "{connection}: {least} to {most} were told, {sent} were sent");
    }
}
