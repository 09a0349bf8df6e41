//! How fast a provider account is used, by all installations together.
//!
//! Why spread evenly and not in bursts: five requests in one instant are answered with 429 as soon as the network
//! pushes two seconds together; one every 200 ms never is, and costs a lone request nothing. Why slots beside a rate: a slow
//! provider is not to be met with more and more open requests.
//!
//! [`Book`] is pure: who may start when. [`Lane`] waits for it. Promises: after "slow down" and "quota gone" nobody sends
//! until then; after three failures in a row only one probes. Not here: whether to send again (`retry.rs`).
//!
//! Invariant: a slot is never held while waiting for a time. Whoever waits, for a time or for a slot, has given up its `Work`; a
//! slot that comes free is handed on with one.
//!
//! The figures are fixed for now (`profile/`).

use super::profile::{Left, Pace, Rate};
use crate::{
    clock::{self, Clock, Timestamp, Work},
    effect::{Method, SendError},
    sync::plan::Ledger,
};
use futures_util::future::{self, Either};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::oneshot;

/// After so many failures in a row the provider is taken for gone.
const FAILURES_MAX: u32 = 3;
/// How long it is left alone then, before one request tries.
const REST: Duration = Duration::from_secs(30);
/// A probe that says nothing for so long is forgotten. Longer than a request may take.
const PROBE_MAX: Duration = Duration::from_secs(60);
/// What those are told who find all slots taken for too long.
const SLOT_AGAIN: Duration = Duration::from_secs(1);

/// Why a request does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoStart {
    /// Later than it may wait for.
    Later { until: Timestamp, reason: String },
    /// Its permit ends before.
    Over,
}

impl From<NoStart> for SendError {
    fn from(why: NoStart) -> SendError {
        match why {
            NoStart::Later { until, reason } => SendError::Throttled { until, reason },
            NoStart::Over => SendError::Stopped("the time for sending in this call is over".into()),
        }
    }
}

/// Until when a request may wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub held_until: Timestamp,
    pub send_before: Timestamp,
}

/// The times promised so far. Pure.
#[derive(Debug)]
pub struct Book {
    meters: Vec<Meter>,
    hold: Option<(Timestamp, String)>,
    circuit: Circuit,
}

#[derive(Debug)]
struct Meter {
    rate: Rate,
    next: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Timestamp },
    Probing { until: Timestamp },
}

impl Meter {
    fn interval(&self) -> Duration {
        Duration::from_millis(u64::from(1000u32.div_ceil(self.rate.per_second.max(1))))
    }
}

impl Book {
    pub fn new(rates: &[Rate]) -> Book {
        let meters = rates.iter().map(|rate| Meter { rate: *rate, next: Timestamp(0) }).collect();
        Book { meters, hold: None, circuit: Circuit::Closed { failures: 0 } }
    }

    fn held(&self, now: Timestamp) -> Option<(Timestamp, &str)> {
        self.hold.as_ref().filter(|(until, _)| *until > now).map(|(until, reason)| (*until, reason.as_str()))
    }

    /// Until when nobody sends, and why.
    pub fn closed(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        let circuit = match self.circuit {
            Circuit::Open { until } if until > now => Some((until, "the provider does not answer".to_owned())),
            _ => None,
        };
        let held = self.held(now).map(|(until, reason)| (until, reason.to_owned()));
        held.into_iter().chain(circuit).max_by_key(|(until, _)| *until)
    }

    /// Promises a time to start at, which no other request of the same kind gets.
    pub fn reserve(
        &mut self,
        now: Timestamp,
        method: Method,
        path: &[String],
        patience: Patience,
    ) -> Result<Timestamp, NoStart> {
        if now > patience.send_before {
            return Err(NoStart::Over);
        }
        let gone = |until| {
            let reason =
                format!("the provider did not answer {FAILURES_MAX} times in a row; one request tries again then");
            Err(NoStart::Later { until, reason })
        };
        match self.circuit {
            Circuit::Open { until } | Circuit::Probing { until } if until > now => return gone(until),
            _ => {}
        }
        let (mut at, mut reason) = (now, None);
        if let Some((until, why)) = self.held(now) {
            (at, reason) = (until, Some(why.to_owned()));
        }
        let applies = |meter: &&mut Meter| (meter.rate.applies)(method, path);
        at = self.meters.iter_mut().filter(applies).map(|m| m.next).fold(at, Timestamp::max);
        if at > patience.held_until && at > now {
            let reason =
                reason.unwrap_or_else(|| "the provider's rate is used up by requests that wait already".into());
            return Err(NoStart::Later { until: at, reason });
        }
        if at > patience.send_before {
            return Err(NoStart::Over);
        }
        for meter in self.meters.iter_mut().filter(applies) {
            meter.next = at.plus(meter.interval());
        }
        if let Circuit::Open { .. } | Circuit::Probing { .. } = self.circuit {
            self.circuit = Circuit::Probing { until: at.plus(PROBE_MAX) };
        }
        Ok(at)
    }

    /// Whether the promised time still holds when the slot is there. Whoever waited for the slot longer than his turn
    /// lasts has to take another: else all who waited would start together.
    pub fn confirm(&self, promised: Timestamp, now: Timestamp, method: Method, path: &[String]) -> bool {
        let turn = self.meters.iter().filter(|m| (m.rate.applies)(method, path)).map(Meter::interval).min();
        self.held(now).is_none() && turn.is_none_or(|turn| now.since(promised) < turn)
    }

    /// Nobody sends before `until`. A shorter hold never ends a longer one.
    pub fn hold(&mut self, until: Timestamp, reason: &str) {
        if self.hold.as_ref().is_none_or(|(held, _)| *held < until) {
            self.hold = Some((until, reason.to_owned()));
        }
    }

    pub fn answered(&mut self) {
        self.circuit = Circuit::Closed { failures: 0 };
    }

    pub fn failed(&mut self, now: Timestamp) {
        self.circuit = match self.circuit {
            Circuit::Closed { failures } if failures + 1 < FAILURES_MAX => Circuit::Closed { failures: failures + 1 },
            // One that began before does not make the rest longer.
            Circuit::Open { until } if until > now => Circuit::Open { until },
            _ => Circuit::Open { until: now.plus(REST) },
        };
    }
}

/// One provider account, as all its requests share it.
#[derive(Debug)]
pub struct Lane {
    clock: Arc<dyn Clock>,
    slots: Arc<Mutex<Slots>>,
    book: Mutex<Book>,
    /// A token that was refused though it was fresh: no refresh helps until then.
    refused: Mutex<Option<(u64, Timestamp)>>,
    /// Requests left in the account's window, as an answer last said.
    left: Mutex<Option<Left>>,
    ledger: Arc<Ledger>,
}

#[derive(Debug)]
struct Slots {
    free: usize,
    /// Who waits for one, the first first. Some may have gone.
    line: VecDeque<oneshot::Sender<(Slot, Work)>>,
}

/// The right to have one request in flight.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Mutex<Slots>>,
    clock: Arc<dyn Clock>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots);
        let next = std::iter::from_fn(|| slots.line.pop_front()).find(|next| !next.is_closed());
        let Some(next) = next else {
            slots.free += 1;
            return;
        };
        drop(slots);
        let slot = Slot { slots: self.slots.clone(), clock: self.clock.clone() };
        // Who has gone in between hands it on.
        let _ = next.send((slot, self.clock.begin()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves plain numbers behind, which stay valid.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Lane {
    pub fn new(pace: Pace, clock: Arc<dyn Clock>) -> Lane {
        Lane {
            clock,
            slots: Arc::new(Mutex::new(Slots { free: pace.in_flight_max, line: VecDeque::new() })),
            book: Mutex::new(Book::new(pace.rates)),
            refused: Mutex::new(None),
            left: Mutex::new(None),
            ledger: Arc::default(),
        }
    }

    /// Waits for the request's turn and for a slot.
    pub async fn admit(
        &self,
        mut work: Work,
        method: Method,
        path: &[String],
        patience: Patience,
    ) -> (Result<Slot, NoStart>, Work) {
        loop {
            let now = self.clock.now();
            let at = match lock(&self.book).reserve(now, method, path, patience) {
                Ok(at) => at,
                Err(why) => return (Err(why), work),
            };
            if at > now {
                work = clock::sleep(&*self.clock, work, at).await;
            }
            let slot;
            (slot, work) = self.slot(work, patience).await;
            let Some(slot) = slot else {
                let now = self.clock.now();
                let over = now >= patience.send_before;
                let reason = "the provider is slow: as many requests as it allows are in flight".to_owned();
                let later = NoStart::Later { until: now.plus(SLOT_AGAIN), reason };
                return (Err(if over { NoStart::Over } else { later }), work);
            };
            let now = self.clock.now();
            if now > patience.send_before {
                return (Err(NoStart::Over), work);
            }
            if lock(&self.book).confirm(at, now, method, path) {
                return (Ok(slot), work);
            }
        }
    }

    async fn slot(&self, work: Work, patience: Patience) -> (Option<Slot>, Work) {
        let (given, slot) = oneshot::channel();
        {
            let mut slots = lock(&self.slots);
            if slots.free > 0 {
                slots.free -= 1;
                return (Some(Slot { slots: self.slots.clone(), clock: self.clock.clone() }), work);
            }
            slots.line.push_back(given);
        }
        let timer = self.clock.timer(patience.held_until.min(patience.send_before));
        drop(work);
        match future::select(slot, timer).await {
            Either::Left((Ok((slot, work)), _)) => (Some(slot), work),
            Either::Left((Err(_), timer)) => (None, timer.await),
            Either::Right((work, _)) => (None, work),
        }
    }

    pub fn note_left(&self, left: Left) {
        *lock(&self.left) = Some(left);
    }

    pub fn left(&self) -> Option<Left> {
        *lock(&self.left)
    }

    pub fn closed(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        lock(&self.book).closed(now)
    }

    pub fn free_slots(&self) -> usize {
        lock(&self.slots).free
    }

    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }

    pub fn hold(&self, until: Timestamp, reason: &str) {
        lock(&self.book).hold(until, reason);
    }

    pub fn answered(&self) {
        lock(&self.book).answered();
    }

    pub fn failed(&self, now: Timestamp) {
        lock(&self.book).failed(now);
    }

    /// Whether the token of this generation was refused just after it was made.
    pub fn refused_fresh(&self, generation: u64, now: Timestamp) -> bool {
        lock(&self.refused).is_some_and(|(g, until)| g == generation && now < until)
    }

    pub fn refuse_fresh(&self, generation: u64, until: Timestamp) {
        *lock(&self.refused) = Some((generation, until));
    }

    pub fn accepted(&self) {
        *lock(&self.refused) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimulatedClock;
    use proptest::prelude::*;

    const RATES: &[Rate] = &[Rate { per_second: 5, applies: |_, _| true }];
    const TWO: &[Rate] = &[
        Rate { per_second: 5, applies: |_, _| true },
        Rate { per_second: 2, applies: |method, _| method == Method::Post },
    ];

    fn patient(seconds: u64) -> Patience {
        Patience { held_until: Timestamp::from_seconds(seconds), send_before: Timestamp::MAX }
    }

    fn reserve(book: &mut Book, now: u64, method: Method) -> Result<u64, NoStart> {
        book.reserve(Timestamp(now), method, &[], Patience { held_until: Timestamp(now + 5_000), ..patient(0) })
            .map(|t| t.0)
    }

    #[test]
    fn requests_are_spread_evenly_and_whoever_would_wait_too_long_is_told_until_when() {
        let mut book = Book::new(RATES);
        let times: Vec<u64> = (0..26).map(|_| reserve(&mut book, 1_000, Method::Get).unwrap()).collect();
        assert_eq!(times[..4], [1_000, 1_200, 1_400, 1_600]);
        assert_eq!(times[25], 6_000);
        let Err(NoStart::Later { until, .. }) = reserve(&mut book, 1_000, Method::Get) else { panic!("too late") };
        assert_eq!(until, Timestamp(6_200));
        // Who is refused takes nobody's turn.
        assert_eq!(reserve(&mut book, 2_000, Method::Get), Ok(6_200));
    }

    #[test]
    fn a_rate_of_its_own_holds_its_kind_back_and_no_other() {
        let mut book = Book::new(TWO);
        assert_eq!(reserve(&mut book, 1_000, Method::Post), Ok(1_000));
        assert_eq!(reserve(&mut book, 1_000, Method::Get), Ok(1_200));
        assert_eq!(reserve(&mut book, 1_000, Method::Post), Ok(1_500));
        assert_eq!(reserve(&mut book, 3_000, Method::Get), Ok(3_000));
    }

    #[test]
    fn a_held_account_is_held_for_everybody_and_a_shorter_hold_does_not_end_it() {
        let mut book = Book::new(RATES);
        book.hold(Timestamp(4_000), "asked to slow down");
        book.hold(Timestamp(2_000), "shorter");
        assert_eq!(reserve(&mut book, 1_000, Method::Get), Ok(4_000));
        book.hold(Timestamp(90_000), "quota gone");
        assert!(!book.confirm(Timestamp(4_000), Timestamp(4_000), Method::Get, &[]));
        assert_eq!(
            reserve(&mut book, 1_000, Method::Get),
            Err(NoStart::Later { until: Timestamp(90_000), reason: "quota gone".into() })
        );
    }

    #[test]
    fn nothing_is_promised_after_its_permit_ends() {
        let mut book = Book::new(RATES);
        let patience = Patience { held_until: Timestamp(9_000), send_before: Timestamp(1_100) };
        let mut at = |now| book.reserve(Timestamp(now), Method::Get, &[], patience);
        assert_eq!(at(1_000), Ok(Timestamp(1_000)));
        assert_eq!(at(1_000), Err(NoStart::Over));
        assert_eq!(at(1_101), Err(NoStart::Over));
    }

    #[test]
    fn after_three_failures_one_probe_goes_and_its_answer_decides() {
        let mut book = Book::new(&[]);
        let later = |until| matches!(until, Err(NoStart::Later { .. }));
        book.failed(Timestamp(0));
        book.failed(Timestamp(0));
        book.answered();
        book.failed(Timestamp(0));
        book.failed(Timestamp(0));
        assert_eq!(reserve(&mut book, 0, Method::Get), Ok(0));
        book.failed(Timestamp(0));
        assert!(later(reserve(&mut book, 0, Method::Get)));
        assert_eq!(reserve(&mut book, 30_000, Method::Get), Ok(30_000));
        assert!(later(reserve(&mut book, 30_000, Method::Get)), "the probe is on its way");
        book.failed(Timestamp(31_000));
        assert!(later(reserve(&mut book, 60_000, Method::Get)));
        assert_eq!(reserve(&mut book, 61_000, Method::Get), Ok(61_000));
        book.answered();
        assert_eq!(reserve(&mut book, 61_000, Method::Get), Ok(61_000));
    }

    proptest! {
        #[test]
        fn no_second_has_more_starts_than_the_rate(gaps in proptest::collection::vec((0u64..700, any::<bool>()), 1..80)) {
            let mut book = Book::new(TWO);
            let (mut now, mut all, mut posts) = (10_000, vec![], vec![]);
            for (gap, post) in gaps {
                now += gap;
                let method = if post { Method::Post } else { Method::Get };
                if let Ok(at) = reserve(&mut book, now, method) {
                    prop_assert!(at >= now);
                    all.push(at);
                    if post { posts.push(at) }
                }
            }
            for (mut times, most) in [(all, 5), (posts, 2)] {
                times.sort_unstable();
                for (i, from) in times.iter().enumerate() {
                    prop_assert!(times[i..].iter().filter(|t| **t < from + 1_000).count() <= most);
                }
            }
        }
    }

    #[tokio::test]
    async fn slots_are_not_held_while_waiting_for_a_time() {
        let clock = SimulatedClock::new(Timestamp(0));
        let lane = Arc::new(Lane::new(Pace { in_flight_max: 1, rates: RATES }, Arc::new(clock.clone())));
        let started = Arc::new(Mutex::new(vec![]));
        for _ in 0..4 {
            let (clock, lane, started, work) = (clock.clone(), lane.clone(), started.clone(), clock.begin());
            tokio::spawn(async move {
                let (slot, work) = lane.admit(work, Method::Get, &[], patient(5)).await;
                started.lock().unwrap().push(clock.now().0);
                tokio::task::yield_now().await;
                drop(slot.unwrap());
                drop(work);
            });
        }
        clock.run_until(Timestamp::MAX).await;
        assert_eq!(*started.lock().unwrap(), [0, 200, 400, 600]);
    }

    /// Each holds its slot for four seconds.
    #[tokio::test]
    async fn a_slot_is_handed_on_in_line_and_who_waits_for_one_too_long_is_throttled() {
        let clock = SimulatedClock::new(Timestamp(0));
        let lane = Arc::new(Lane::new(Pace { in_flight_max: 1, rates: &[] }, Arc::new(clock.clone())));
        let ended = Arc::new(Mutex::new(vec![]));
        for nth in 0..4 {
            let (clock, lane, ended, work) = (clock.clone(), lane.clone(), ended.clone(), clock.begin());
            tokio::spawn(async move {
                let (slot, work) = lane.admit(work, Method::Get, &[], patient(9)).await;
                let began = clock.now().seconds();
                let work = clock::sleep(&clock, work, clock.now().plus(Duration::from_secs(4))).await;
                ended.lock().unwrap().push((nth, began, slot.is_ok()));
                drop(slot);
                drop(work);
            });
        }
        clock.run_until(Timestamp::MAX).await;
        assert_eq!(*ended.lock().unwrap(), [(0, 0, true), (1, 4, true), (2, 8, true), (3, 9, false)]);
        let (slot, _) = lane.admit(clock.begin(), Method::Get, &[], patient(99)).await;
        assert!(slot.is_ok(), "who has gone holds nothing");
    }

    #[test]
    fn whoever_missed_his_turn_takes_another() {
        let book = Book::new(RATES);
        assert!(book.confirm(Timestamp(1_000), Timestamp(1_199), Method::Get, &[]));
        assert!(!book.confirm(Timestamp(1_000), Timestamp(1_200), Method::Get, &[]));
        assert!(Book::new(&[]).confirm(Timestamp(1_000), Timestamp(9_999), Method::Get, &[]));
    }
}
