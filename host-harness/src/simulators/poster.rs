//! Posts Livestorm's webhooks: the hand that `livestorm/deliveries.rs` leaves to somebody.
//!
//! Promises: what is due by the desk's clock is posted then, and what a scenario lets happen happens meanwhile, with nobody
//! asking; an answer is waited for as long as the delivery says, in real time, and no longer; no redirect is followed, since
//! the transport follows none. Not here: what an outcome leads to. Invariant: the world is not held while anything is waited for.

use super::{
    control::Desk,
    livestorm::{Delivery, DeliveryOutcome},
};
use crate::{
    clock::Clock,
    connections::transport::{Transport, TransportError},
};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Posts at the same time. More wait, and are not under way yet.
const UNDER_WAY_MAX: usize = 32;
/// Nobody reads an answer to a webhook, but a longer one is not taken in.
const ANSWER_BYTES_MAX: usize = 1 << 20;

impl Desk {
    /// Until `stop`, which lets go of what is under way.
    pub async fn post_webhooks(&self, transport: Arc<dyn Transport>, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            self.catch_up();
            let room = UNDER_WAY_MAX.saturating_sub(under_way.len());
            let (due, next) = {
                let mut world = self.simulators.world();
                let due = world.deliveries_due(room);
                // Where there is no room left, the next end of a post makes some.
                let next = if due.len() < room { world.next_delivery_at() } else { None };
                (due, next)
            };
            for delivery in due {
                let transport = transport.clone();
                under_way.spawn(async move { (delivery.id, post(&*transport, &delivery).await) });
            }
            let next = next.into_iter().chain(self.next_happening_at()).min().map(|at| self.clock.timer(at));
            let timer = async {
                match next {
                    Some(timer) => drop(timer.await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.simulators.stirred() => {}
                () = timer => {}
                Some(posted) = under_way.join_next() => {
                    // A post that panicked has no outcome, and stays under way.
                    if let Ok((id, outcome)) = posted {
                        self.simulators.world().delivery_ended(id, outcome);
                    }
                }
            }
        }
    }
}

async fn post(transport: &dyn Transport, delivery: &Delivery) -> DeliveryOutcome {
    let mut request = http::Request::post(&delivery.url);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(delivery.body.clone()) else { return DeliveryOutcome::NoAnswer };
    let answer = tokio::time::timeout(delivery.timeout, transport.send(request, ANSWER_BYTES_MAX)).await;
    match answer {
        Err(_) => DeliveryOutcome::TimedOut,
        Ok(Ok(answer)) => DeliveryOutcome::Answered(answer.status().as_u16()),
        Ok(Err(TransportError::Unusable { status: Some(status), .. })) => DeliveryOutcome::Answered(status),
        Ok(Err(_)) => DeliveryOutcome::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{MovableClock, Timestamp},
        simulators::{Options, livestorm::NewEvent, livestorm::NewSession, request::Call, scenario::Scenario},
    };
    use async_trait::async_trait;
    use std::{collections::VecDeque, sync::Mutex, time::Duration};

    /// Answers each post by the next of these statuses, 204 once they are used up; 0 never answers, and 1 is a 500 whose body
    /// cannot be used.
    #[derive(Default)]
    struct Receiver {
        statuses: Mutex<VecDeque<u16>>,
        got: Mutex<Vec<http::Request<Vec<u8>>>>,
    }

    #[async_trait]
    impl Transport for Receiver {
        async fn send(
            &self,
            request: http::Request<Vec<u8>>,
            _: usize,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            self.got.lock().unwrap().push(request);
            let status = self.statuses.lock().unwrap().pop_front().unwrap_or(204);
            if status == 0 {
                std::future::pending::<()>().await;
            }
            if status == 1 {
                return Err(TransportError::Unusable { status: Some(500), problem: "too long".into() });
            }
            Ok(http::Response::builder().status(status).body(vec![]).unwrap())
        }
    }

    /// A desk with a poster, and a native webhook for all that happens.
    async fn posting(statuses: &[u16]) -> (Arc<Desk>, Arc<Receiver>, CancellationToken) {
        let clock = MovableClock::new(Timestamp::from_seconds(1_795_420_800));
        let desk = Arc::new(Desk::new(clock, Options::default(), ([127, 0, 0, 1], 8400).into()));
        let receiver =
            Arc::new(Receiver { statuses: Mutex::new(statuses.iter().copied().collect()), ..Default::default() });
        let stop = CancellationToken::new();
        let (posts, to, until) = (desk.clone(), receiver.clone(), stop.clone());
        tokio::spawn(async move { posts.post_webhooks(to, until).await });
        subscribe(&desk);
        (desk, receiver, stop)
    }

    fn ask(desk: &Desk, path: &str, body: &str) -> u16 {
        let mut call = Call::new(http::Request::post(path).body(body.as_bytes().to_vec()).unwrap());
        call.headers.insert("host", "localhost".parse().unwrap());
        desk.answer(&call).unwrap().status().as_u16()
    }

    fn subscribe(desk: &Desk) {
        let url = r#"{"url":"http://127.0.0.1:9/hook"}"#;
        assert_eq!(ask(desk, "/simulators/livestorm/native_webhooks", url), 200);
    }

    /// Lets everybody who can go on do so until this many have ended, or nobody can any more.
    async fn ended(desk: &Desk, count: usize) -> usize {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            if desk.simulators.world().deliveries_seen().ended.len() >= count {
                break;
            }
        }
        desk.simulators.world().deliveries_seen().ended.len()
    }

    #[tokio::test]
    async fn an_act_is_posted_at_once_and_a_failure_again_as_the_clock_moves() {
        let (desk, receiver, stop) = posting(&[503, 204]).await;
        let event = r#"{"name":"demo","title":"Demo"}"#;
        assert_eq!(ask(&desk, "/simulators/livestorm/create-event", event), 200);
        assert_eq!(ended(&desk, 1).await, 0, "the first was answered 503");
        assert_eq!(receiver.got.lock().unwrap().len(), 1);
        desk.move_to(desk.clock.now().plus(Duration::from_secs(31)));
        assert_eq!(ended(&desk, 1).await, 1);
        {
            let got = receiver.got.lock().unwrap();
            assert_eq!((got.len(), got[0].body()), (2, got[1].body()));
            assert_eq!(
                (got[0].uri().to_string().as_str(), got[0].method().as_str()),
                ("http://127.0.0.1:9/hook", "POST")
            );
            assert_eq!(got[0].headers()["content-type"], "application/json");
        }
        stop.cancel();
    }

    #[tokio::test]
    async fn an_answer_whose_body_cannot_be_used_counts_by_its_status() {
        let (desk, _, stop) = posting(&[1]).await;
        assert_eq!(ask(&desk, "/simulators/livestorm/create-event", r#"{"title":"Demo"}"#), 200);
        ended(&desk, 1).await;
        let seen = desk.simulators.world().deliveries_seen();
        assert_eq!(seen.pending[0].attempts[0].outcome, Some(DeliveryOutcome::Answered(500)));
        stop.cancel();
    }

    #[tokio::test]
    async fn a_request_that_changes_the_world_wakes_the_poster() {
        let (desk, _, stop) = posting(&[]).await;
        ended(&desk, 1).await;
        {
            let mut world = desk.simulators.world();
            let event = world.livestorm.create_event(NewEvent::default());
            let session = world.livestorm.create_session(&event, NewSession::default());
            world.livestorm.start_session(&session);
        }
        assert_eq!(ended(&desk, 1).await, 0, "nobody has said that something happened");
        let request = http::Request::get("/v1/ping").body(vec![]).unwrap();
        desk.simulators.handle(request).unwrap();
        assert_eq!(ended(&desk, 3).await, 3);
        stop.cancel();
    }

    #[tokio::test]
    async fn the_late_scenario_posts_its_webhooks_late() {
        let (desk, receiver, stop) = posting(&[]).await;
        desk.begin(Some(Scenario::named("late_webhooks").unwrap()));
        subscribe(&desk);
        let begun = desk.clock.now();
        desk.move_to(begun.plus(Duration::from_secs(5 * 3600)));
        ended(&desk, 1).await;
        let lag = desk.simulators.world().options.livestorm_webhooks.lag;
        assert!(lag >= Duration::from_secs(600));
        desk.move_to(begun.plus(Duration::from_secs(5 * 3600)).plus(lag * 3));
        ended(&desk, 3).await;
        let posted = receiver.got.lock().unwrap().len();
        let seen = desk.simulators.world().deliveries_seen();
        assert!(posted >= 3 && seen.pending.is_empty(), "{posted} {seen:?}");
        let lateness = |seen: &crate::simulators::livestorm::deliveries::DeliverySeen| {
            let at = |text: &str| Timestamp::parse(text).unwrap();
            at(&seen.attempts[0].at).since(at(&seen.happened_at))
        };
        assert!(seen.ended.iter().all(|seen| lateness(seen) >= lag - Duration::from_secs(1)), "{seen:?}");
        stop.cancel();
    }

    #[tokio::test]
    async fn no_more_are_under_way_than_can_be_posted_at_once_and_nobody_is_forgotten() {
        let (desk, receiver, stop) = posting(&[0; UNDER_WAY_MAX]).await;
        desk.simulators.world().options.livestorm_webhooks.timeout = Duration::from_secs(2);
        let native = r#"{"url":"http://127.0.0.1:9/other"}"#;
        (0..UNDER_WAY_MAX).for_each(|_| {
            ask(&desk, "/simulators/livestorm/native_webhooks", native);
        });
        assert_eq!(ask(&desk, "/simulators/livestorm/create-event", r#"{"title":"Demo"}"#), 200);
        ended(&desk, 1).await;
        let begun = |desk: &Desk| {
            let seen = desk.simulators.world().deliveries_seen().pending;
            (seen.len(), seen.iter().filter(|seen| !seen.attempts.is_empty()).count())
        };
        assert_eq!(begun(&desk), (UNDER_WAY_MAX + 1, UNDER_WAY_MAX));
        while receiver.got.lock().unwrap().len() <= UNDER_WAY_MAX {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ended(&desk, 1).await, 1, "the last, which was answered");
        stop.cancel();
    }

    /// The clock goes by itself, as it does for whoever only listens.
    #[tokio::test]
    async fn what_a_scenario_lets_happen_is_posted_with_nobody_asking() {
        let (desk, receiver, stop) = posting(&[]).await;
        let scenario = r#"
            title = "In a second"
            about = "An event, and its publication a second later."
            starts_at = "2026-11-23T08:00:00Z"

            [[happening]]
            what.create-event = { name = "demo", title = "Demo" }

            [[happening]]
            after = 1
            what.publish = { event = "demo" }
        "#;
        desk.begin(Some(Scenario::parse(scenario).unwrap()));
        subscribe(&desk);
        let begun = std::time::Instant::now();
        while receiver.got.lock().unwrap().is_empty() && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(receiver.got.lock().unwrap().len(), 1, "the publication");
        stop.cancel();
    }

    /// Real time, as sockets know no other.
    #[tokio::test]
    async fn who_does_not_answer_in_time_is_waited_for_no_longer_than_that() {
        let (desk, receiver, stop) = posting(&[0]).await;
        desk.simulators.world().options.livestorm_webhooks.timeout = Duration::from_millis(500);
        let event = r#"{"name":"demo","title":"Demo"}"#;
        assert_eq!(ask(&desk, "/simulators/livestorm/create-event", event), 200);
        ended(&desk, 1).await;
        assert_eq!(desk.simulators.world().next_delivery_at(), None, "it is under way");
        let outcome = || desk.simulators.world().deliveries_seen().pending[0].attempts[0].outcome;
        let begun = std::time::Instant::now();
        while outcome().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(4), "not as long as usual");
        assert_eq!(outcome(), Some(DeliveryOutcome::TimedOut));
        assert_eq!(receiver.got.lock().unwrap().len(), 1, "it is tried again later");
        stop.cancel();
    }
}
