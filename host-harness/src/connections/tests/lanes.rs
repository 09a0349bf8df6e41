//! Bulk and prompt requests of one account, the whole way, beside each other; and an account that allows less than its profile says.

use super::*;
use crate::clock::sleep;

/// What the provider says to a request that came at this time, as the how manieth of those under way.
type Says = dyn Fn(u64, usize) -> Sending + Send + Sync;

/// A provider whose answers take their time.
struct Slow {
    clock: SimulatedClock,
    takes: Duration,
    says: Box<Says>,
    under_way: AtomicUsize,
    answered: Mutex<Vec<(u64, u16)>>,
}

#[async_trait]
impl Transport for Slow {
    async fn send(&self, _: http::Request<Vec<u8>>, _: usize) -> Sending {
        Err(TransportError::NotSent("it takes time, so there must be a work".into()))
    }

    async fn send_at_work(&self, _: http::Request<Vec<u8>>, _: usize, work: Work) -> (Sending, Work) {
        let now = self.clock.now();
        let answer = (self.says)(now.0, self.under_way.fetch_add(1, Ordering::SeqCst) + 1);
        self.answered.lock().unwrap().push((now.0, answer.as_ref().unwrap().status().as_u16()));
        // A refusal costs the provider nothing, so it comes at once.
        let takes = if answer.as_ref().unwrap().status() == 429 { Duration::ZERO } else { self.takes };
        let work = sleep(&self.clock, work, now.plus(takes)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        (answer, work)
    }
}

#[derive(Clone)]
struct Account {
    clock: SimulatedClock,
    slow: Arc<Slow>,
    connections: Arc<Connections>,
    connection: &'static str,
}

fn account(
    connection: &'static str,
    takes: Duration,
    says: impl Fn(u64, usize) -> Sending + Send + Sync + 'static,
) -> Account {
    let clock = SimulatedClock::new(Timestamp::from_seconds(1_000_000));
    let slow = Arc::new(Slow {
        clock: clock.clone(),
        takes,
        says: Box::new(says),
        under_way: AtomicUsize::new(0),
        answered: Mutex::default(),
    });
    let store = CredentialStore::in_memory();
    store.put("sf", oauth(Some(ACCESS))).unwrap();
    store.put("ls", Secret::Token(LIVESTORM.into())).unwrap();
    let connections = Connections::new(Arc::new(clock.clone()), slow.clone(), store, ConnectionLimits::default());
    connections.install("one", bindings(), everything(), CallLimits::default(), Withheld::default()).unwrap();
    Account { clock, slow, connections: Arc::new(connections), connection }
}

impl Account {
    /// One request, as a run sends it: who is told to come later comes then.
    async fn reads(&self, lane: Lane, mut work: Work) -> (u32, Work) {
        let mut told_later = 0;
        loop {
            let (installation, send_before) = ("one".into(), Timestamp::MAX);
            let permit = Permit { installation, run: RunId(1), wave: 0, place: 0, lane, send_before };
            let answer;
            (answer, work) = self.connections.perform(permit, read(self.connection), work).await;
            let Err(SendError::Throttled { until, .. }) = answer else {
                assert_eq!(status(&answer), 200);
                return (told_later, work);
            };
            told_later += 1;
            work = sleep(&self.clock, work, until).await;
        }
    }

    /// Pages, so many of them side by side. How long all of them took.
    fn reads_pages(&self, pages: usize, side_by_side: usize, lane: Lane) -> tokio::task::JoinHandle<Duration> {
        let left = Arc::new(AtomicUsize::new(pages));
        let hands: Vec<_> = (0..side_by_side)
            .map(|_| {
                let (account, left, mut work) = (self.clone(), left.clone(), self.clock.begin());
                let take = move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                tokio::spawn(async move {
                    while take().is_ok() {
                        (_, work) = account.reads(lane, work).await;
                    }
                    account.clock.now()
                })
            })
            .collect();
        let began = self.clock.now();
        tokio::spawn(async move {
            let mut last = began;
            for hand in hands {
                last = last.max(hand.await.unwrap());
            }
            last.since(began)
        })
    }

    /// Somebody registers so many milliseconds from now, and four requests go out for that, one after the other. How long it took, and
    /// how often one was told to come later.
    fn registers(&self, after: u64) -> tokio::task::JoinHandle<(Duration, u32)> {
        let (account, work) = (self.clone(), self.clock.begin());
        let at = self.clock.now().plus(Duration::from_millis(after));
        tokio::spawn(async move {
            let (mut work, mut told_later) = (sleep(&account.clock, work, at).await, 0);
            for _ in 0..4 {
                let told;
                (told, work) = account.reads(Lane::Prompt, work).await;
                told_later += told;
            }
            (account.clock.now().since(at), told_later)
        })
    }
}

struct Beside {
    registrations: Vec<(Duration, u32)>,
    pages: Duration,
}

/// Registrations beside a read of so many pages, five side by side.
async fn beside(connection: &'static str, takes: Duration, pages: usize, one_in_ms: u64) -> Beside {
    let account = account(connection, takes, |_, _| fine());
    let reads = account.reads_pages(pages, 5, Lane::Bulk);
    let people: Vec<_> = (0..12).map(|nth| account.registers(1_010 + nth * one_in_ms)).collect();
    account.clock.run_until(Timestamp::MAX).await;
    let mut registrations = vec![];
    for person in people {
        registrations.push(person.await.unwrap());
    }
    Beside { registrations, pages: reads.await.unwrap() }
}

/// Livestorm: five in a second.
#[tokio::test]
async fn a_registration_beside_a_bulk_read_waits_for_no_more_than_the_turn_that_began_before_each_of_its_requests() {
    let takes = Duration::from_millis(300);
    let (alone, beside) = (beside("events", takes, 0, 3_390).await, beside("events", takes, 400, 3_390).await);
    assert!(alone.registrations.iter().all(|(took, told)| (*took, *told) == (4 * takes, 0)));
    let turn = Duration::from_millis(200);
    for (took, told_later) in &beside.registrations {
        assert!(*took < 4 * (takes + turn) && *told_later == 0, "{:?}", beside.registrations);
    }
    // 400 pages and 48 requests, five in a second: what prompt ones leave, bulk has.
    assert!(beside.pages <= Duration::from_secs(448 / 5 + 1), "{:?}", beside.pages);
}

/// Account Engagement: no rate for these, and four at once, of whom each takes long.
#[tokio::test]
async fn a_registration_beside_a_bulk_read_of_a_slow_provider_finds_a_slot_at_once() {
    let takes = Duration::from_secs(4);
    let beside = beside("ae", takes, 150, 17_000).await;
    assert!(beside.registrations.iter().all(|(took, told)| (*took, *told) == (4 * takes, 0)));
    // Three at once, and no more than one in five moments is not used.
    assert!(beside.pages <= takes * 150 / 3 * 5 / 4, "{:?}", beside.pages);
}

/// The profile says 5 in a second; it is one in four hundred milliseconds, and a little more now and then.
#[tokio::test]
async fn an_account_that_allows_half_is_asked_half_as_often_and_the_rest_is_told_in_its_usage() {
    let allowed = Mutex::new(Vec::<u64>::new());
    let account = account("events", Duration::from_millis(300), move |now, _| {
        let mut allowed = allowed.lock().unwrap();
        if allowed.iter().filter(|at| **at + 4_000 > now).count() >= 10 {
            return answer(429, &[], r#"{"errors":[{"title":"throttle limit"}]}"#);
        }
        allowed.push(now);
        fine()
    });
    let pace = || account.connections.usage("one").into_iter().find(|u| u.connection == "events").unwrap().pace;
    assert_eq!((pace().rate_percent, pace().slots, pace().refusals), (100, 5, 0));
    let began = account.clock.now();
    let reads = account.reads_pages(1_500, 5, Lane::Bulk);
    account.clock.run_for(Duration::from_secs(300)).await;
    assert!((40..=55).contains(&pace().rate_percent) && pace().slots == 5, "{:?}", pace());
    account.clock.run_until(Timestamp::MAX).await;
    let took = reads.await.unwrap();
    let answered = account.slow.answered.lock().unwrap().clone();
    let refused: Vec<u64> =
        answered.iter().filter(|(_, status)| *status == 429).map(|(at, _)| (at - began.0) / 60_000).collect();
    assert_eq!(pace().refusals, refused.len() as u64);
    let late = refused.iter().filter(|minute| **minute > 0).count() as u64;
    assert!(late <= 2 * took.as_secs() / 60, "{refused:?}");
    assert!(took.as_secs() * 80 <= 1_500 * 100 / 25 * 10, "used well: {took:?}");
    account.clock.run_for(Duration::from_secs(900)).await;
    assert_eq!(pace().rate_percent, 100, "after a while without refusals all is tried again");
}

/// The customer's other tools hold three of the five that code 66 counts.
#[tokio::test]
async fn an_account_that_allows_fewer_at_once_is_given_fewer_slots() {
    let account = account("ae", Duration::from_millis(500), |_, under_way| match under_way {
        ..=2 => fine(),
        _ => answer(429, &[], r#"{"code":66,"message":"You have exceeded your concurrent API request limit"}"#),
    });
    let pace = || account.connections.usage("one").into_iter().find(|u| u.connection == "ae").unwrap().pace;
    let reads = account.reads_pages(2_000, 5, Lane::Prompt);
    account.clock.run_for(Duration::from_secs(60)).await;
    assert_eq!((pace().slots, pace().rate_percent), (2, 100), "{:?}", pace());
    account.clock.run_until(Timestamp::MAX).await;
    let took = reads.await.unwrap();
    assert!(pace().refusals <= 3 + took.as_secs() / 60, "{:?}", pace());
    // Two at once, half a second each.
    assert!(took.as_secs() * 80 <= 2_000 / 4 * 100, "used well: {took:?}");
}
