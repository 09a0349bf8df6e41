//! How fast a provider account is used, by all installations together: [`Gate`] waits for what `book.rs` decides.
//!
//! Promises: whoever may start, or is not to wait any longer, is told in the moment in which that is known; a slot that comes free is
//! handed on at once. Not here: who goes first and why (`book.rs`), what refusals teach (`learned.rs`), whether to send again
//! (`retry.rs`).
//!
//! Invariant: a slot is never held while waiting for a time. Whoever waits, for a time or for a slot, has given up its `Work`; what
//! it is told comes with one.

use super::{
    book::{Book, NoStart, Patience, Start, Ticket},
    closed::{self, Change, Hold, Standing, Why},
    learned::TooMany,
    profile::{Left, Pace},
};
use crate::{
    clock::{Clock, Timestamp, Work},
    effect::{Answer, Lane, Method},
    sync::plan::Ledger,
};
use futures_util::future::{self, Either};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::oneshot;

/// One provider account, as all its requests share it.
#[derive(Debug)]
pub struct Gate {
    desk: Arc<Desk>,
    /// A token that was refused though it was fresh: no refresh helps until then.
    refused: Mutex<Option<(u64, Timestamp)>>,
    /// Requests left in the account's window, as an answer last said.
    left: Mutex<Option<Left>>,
    standing: Mutex<Standing>,
    ledger: Arc<Ledger>,
}

/// What has become of the account's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceNow {
    pub in_flight: usize,
    /// Requests in flight that are allowed now.
    pub slots: usize,
    /// Of the profile's rate.
    pub rate_percent: u64,
    pub refusals: u64,
}

#[derive(Debug)]
struct Desk {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    book: Book,
    /// Who waits, and where it hears.
    ears: BTreeMap<Ticket, oneshot::Sender<Told>>,
}

type Told = (Result<Slot, NoStart>, Work);

/// The right to have one request in flight.
#[derive(Debug)]
pub struct Slot {
    desk: Arc<Desk>,
    start: Start,
}

impl Slot {
    pub fn start(&self) -> Start {
        self.start
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.desk.change(|book, _| book.ended(self.start));
    }
}

/// A place in the line, for as long as somebody stands there.
struct Place {
    desk: Arc<Desk>,
    ticket: Ticket,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.desk.lock().ears.remove(&self.ticket);
        self.desk.change(|book, _| book.leave(self.ticket));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves plain numbers behind, which stay valid.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Whoever may start by this, or is not to wait any longer, hears of it. When to look again.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Book, Timestamp)) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut inner = self.lock();
        change(&mut inner.book, now);
        let mut called = vec![];
        while let Some((ticket, start)) = inner.book.call(now) {
            called.push((inner.ears.remove(&ticket), start));
        }
        let look_again = inner.book.look_again(now);
        drop(inner);
        for (ear, start) in called {
            let slot = start.map(|start| Slot { desk: self.clone(), start });
            // Who has gone meanwhile hands it on.
            let _ = ear.map(|ear| ear.send((slot, self.clock.begin())));
        }
        look_again
    }
}

impl Gate {
    pub fn new(pace: Pace, clock: Arc<dyn Clock>) -> Gate {
        let inner = Mutex::new(Inner { book: Book::new(pace), ears: BTreeMap::new() });
        Gate {
            desk: Arc::new(Desk { clock, inner }),
            refused: Mutex::new(None),
            left: Mutex::new(None),
            standing: Mutex::default(),
            ledger: Arc::default(),
        }
    }

    /// Waits for the request's turn and for a slot.
    pub async fn admit(&self, mut work: Work, lane: Lane, method: Method, path: &[String], patience: Patience) -> Told {
        let (ear, mut told) = oneshot::channel();
        let place = {
            let mut inner = self.desk.lock();
            let ticket = inner.book.join(lane, method, path, patience);
            inner.ears.insert(ticket, ear);
            Place { desk: self.desk.clone(), ticket }
        };
        loop {
            let look_again = place.desk.change(|_, _| {});
            // Who waits has an end to its patience; should there be none, nothing but another's end could wake it.
            let timer = self.desk.clock.timer(look_again.unwrap_or(patience.held_until));
            drop(work);
            match future::select(&mut told, timer).await {
                Either::Left((Ok(told), _)) => return told,
                // Nobody drops an ear but its place.
                Either::Left((Err(_), timer)) => return (Err(NoStart::Over), timer.await),
                Either::Right((woken, _)) => work = woken,
            }
        }
    }

    pub fn note_left(&self, left: Left) {
        *lock(&self.left) = Some(left);
    }

    pub fn left(&self) -> Option<Left> {
        *lock(&self.left)
    }

    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }

    pub fn closed(&self, now: Timestamp) -> Option<Hold> {
        self.desk.lock().book.closed(now)
    }

    /// What the account does not work for, as its answers last showed.
    pub fn closed_for(&self) -> Option<Why> {
        lock(&self.standing).closed()
    }

    /// What there is to tell of the account, now that one of its requests was answered like this.
    pub fn shown(&self, answer: &Answer) -> Option<Change> {
        let now = self.desk.clock.now();
        let shown = closed::shown(answer, self.closed(now), now)?;
        lock(&self.standing).becomes(shown)
    }

    pub fn pace(&self, now: Timestamp) -> PaceNow {
        let book = &self.desk.lock().book;
        PaceNow {
            in_flight: book.in_flight(),
            slots: book.slots(now),
            rate_percent: book.learned().rate_percent(now),
            refusals: book.learned().refusals(),
        }
    }

    pub fn hold(&self, until: Timestamp, why: Why, reason: &str) {
        self.desk.change(|book, _| book.hold(until, why, reason));
    }

    /// The account said of this request: too many.
    pub fn refused(&self, start: Start, too_many: TooMany) {
        self.desk.change(|book, now| book.refused(start, too_many, now));
    }

    pub fn answered(&self) {
        self.desk.change(|book, _| book.answered());
    }

    pub fn failed(&self) {
        self.desk.change(Book::failed);
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
    use crate::{
        clock::{self, SimulatedClock},
        connections::profile::Rate,
    };
    use Lane::{Bulk, Prompt};
    use std::time::Duration;

    const RATES: &[Rate] = &[Rate { per_second: 5, applies: |_, _| true }];

    fn patient(seconds: u64) -> Patience {
        Patience { held_until: Timestamp::from_seconds(seconds), send_before: Timestamp::MAX }
    }

    fn gate(in_flight_max: usize, rates: &'static [Rate]) -> (SimulatedClock, Arc<Gate>) {
        let clock = SimulatedClock::new(Timestamp(0));
        let gate = Arc::new(Gate::new(Pace { in_flight_max, rates }, Arc::new(clock.clone())));
        (clock, gate)
    }

    #[tokio::test]
    async fn slots_are_not_held_while_waiting_for_a_time() {
        let (clock, gate) = gate(1, RATES);
        let started = Arc::new(Mutex::new(vec![]));
        for _ in 0..4 {
            let (clock, gate, started, work) = (clock.clone(), gate.clone(), started.clone(), clock.begin());
            tokio::spawn(async move {
                let (slot, work) = gate.admit(work, Prompt, Method::Get, &[], patient(5)).await;
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
        let (clock, gate) = gate(1, &[]);
        let ended = Arc::new(Mutex::new(vec![]));
        for (nth, lane) in [Prompt, Bulk, Prompt, Prompt].into_iter().enumerate() {
            let (clock, gate, ended, work) = (clock.clone(), gate.clone(), ended.clone(), clock.begin());
            tokio::spawn(async move {
                let (slot, work) = gate.admit(work, lane, Method::Get, &[], patient(9)).await;
                let began = clock.now().seconds();
                let work = clock::sleep(&clock, work, clock.now().plus(Duration::from_secs(4))).await;
                ended.lock().unwrap().push((nth, began, slot.is_ok()));
                drop(slot);
                drop(work);
            });
        }
        clock.run_until(Timestamp::MAX).await;
        assert_eq!(*ended.lock().unwrap(), [(0, 0, true), (2, 4, true), (3, 8, true), (1, 9, false)]);
        let (slot, _) = gate.admit(clock.begin(), Prompt, Method::Get, &[], patient(99)).await;
        assert!(slot.is_ok(), "who has gone holds nothing");
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_or_with_what_it_was_given_hands_it_on() {
        let (clock, gate) = gate(1, RATES);
        let (first, work) = gate.admit(clock.begin(), Prompt, Method::Get, &[], patient(5)).await;
        let waits = |lane| {
            let (gate, work) = (gate.clone(), clock.begin());
            tokio::spawn(async move { gate.admit(work, lane, Method::Get, &[], patient(60)).await.0.is_ok() })
        };
        let (gone, stays) = (waits(Prompt), waits(Bulk));
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        // It is handed the slot, and is gone before it hears of that.
        gone.abort();
        drop(first);
        drop(work);
        clock.run_until(Timestamp::MAX).await;
        assert!(gone.await.unwrap_err().is_cancelled());
        assert!(stays.await.unwrap());
        assert_eq!(gate.pace(clock.now()).in_flight, 0);
    }

    #[tokio::test]
    async fn who_waits_hears_at_once_that_the_account_is_closed_for_longer_than_it_may_wait() {
        let (clock, gate) = gate(1, RATES);
        let (_slot, work) = gate.admit(clock.begin(), Prompt, Method::Get, &[], patient(5)).await;
        let waiting = {
            let (clock, gate, work) = (clock.clone(), gate.clone(), clock.begin());
            tokio::spawn(async move {
                let (slot, _work) = gate.admit(work, Prompt, Method::Get, &[], patient(5)).await;
                (slot.unwrap_err(), clock.now())
            })
        };
        drop(work);
        clock.run_until(Timestamp(1_000)).await;
        gate.hold(Timestamp(60_000), Why::Quota, "quota gone");
        clock.run_until(Timestamp::MAX).await;
        let later = NoStart::Later { until: Timestamp(60_000), reason: "quota gone".into() };
        assert_eq!(waiting.await.unwrap(), (later, Timestamp(1_000)));
    }
}
