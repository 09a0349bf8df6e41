//! The one clock. Everything of ours that asks for the time, or waits for one, asks here.
//!
//! Promises: time never goes back; a timer never fires early and fires once. A simulated clock stands still while any
//! [`Work`] is held, and otherwise leaps to the next timer, so hours pass in milliseconds and the same
//! story gives the same times. Not here: socket time-outs, which use real time.
//!
//! Invariant: whoever does something holds a `Work`; whoever waits for a timer holds none. A `Work` is handed over with
//! the message that continues it, never dropped first and begun again by the receiver: the clock would leap in between.

mod steady;

#[cfg(test)]
pub use steady::tried;
pub use steady::{LOOK, Steady};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// A point in time: milliseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// Reads `2026-11-22T15:00:00Z` and its like.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(at.timestamp_millis()).ok().map(Timestamp)
    }

    pub fn from_seconds(seconds: u64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1000))
    }

    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Nothing where `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// As a calendar knows it. Times beyond the year 262,000 are shown as its last.
    pub fn utc(self) -> DateTime<Utc> {
        i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

pub trait Clock: fmt::Debug + Send + Sync {
    fn now(&self) -> Timestamp;

    /// What the machine's clock shows, which may have been set back: for what somebody else's clock has signed.
    fn of_machine(&self) -> Timestamp {
        self.now()
    }

    /// Something is going on from here until the answer is dropped.
    fn begin(&self) -> Work;

    /// Fires at `at`, at once if that is past, and hands its owner a `Work`. Counts from this call on, not from the
    /// first poll: make the timer, then drop your own `Work`, then wait. Dropped: never fires.
    fn timer(&self, at: Timestamp) -> Timer;
}

/// Waits until `at`, without holding the clock up meanwhile.
pub async fn sleep(clock: &dyn Clock, work: Work, at: Timestamp) -> Work {
    let timer = clock.timer(at);
    drop(work);
    timer.await
}

/// Something is going on: a simulated clock does not move while this lives.
#[derive(Debug)]
pub struct Work(Option<Arc<Mutex<Simulated>>>);

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(clock) = self.0.take() {
            let mut c = lock(&clock);
            c.busy -= 1;
            c.settle();
        }
    }
}

/// See [`Clock::timer`].
pub struct Timer(Waiting);

enum Waiting {
    Simulated {
        clock: Arc<Mutex<Simulated>>,
        key: (Timestamp, u64),
    },
    /// Of a clock that no work holds up.
    Unheld(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
    Over,
}

impl Future for Timer {
    type Output = Work;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Work> {
        match &mut self.0 {
            Waiting::Unheld(wait) => wait.as_mut().poll(cx).map(|()| Work(None)),
            Waiting::Simulated { clock, key } => {
                let mut c = lock(clock);
                let entry = c.timers.get_mut(key).expect("a timer stays in the clock until it is taken or dropped");
                if !entry.fired {
                    entry.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                c.timers.remove(key);
                drop(c);
                // The clock began this work when it fired the timer.
                let work = Work(Some(clock.clone()));
                self.0 = Waiting::Over;
                Poll::Ready(work)
            }
            Waiting::Over => Poll::Pending,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Waiting::Simulated { clock, key } = &self.0 {
            let mut c = lock(clock);
            if c.timers.remove(key).is_some_and(|entry| entry.fired) {
                c.busy -= 1;
            }
            c.settle();
        }
    }
}

/// The machine's clock, as [`steady`] shows it: one for all of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

static OF_THIS_MACHINE: LazyLock<Steady<steady::ThisMachine>> = LazyLock::new(|| Steady::of(Default::default()));

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Clock::now(&*OF_THIS_MACHINE)
    }

    fn of_machine(&self) -> Timestamp {
        OF_THIS_MACHINE.of_machine()
    }

    fn begin(&self) -> Work {
        Work(None)
    }

    fn timer(&self, at: Timestamp) -> Timer {
        OF_THIS_MACHINE.timer(at)
    }
}

/// The machine's clock, so many times as fast since a moment: processes that are given the same moment and the same haste see
/// the same time. For trying out in minutes what takes hours.
#[derive(Clone, Copy, Debug)]
pub struct HurriedClock {
    pub since: Timestamp,
    /// At least 1.
    pub times: u32,
}

impl Clock for HurriedClock {
    fn now(&self) -> Timestamp {
        self.since.plus(SystemClock.now().since(self.since) * self.times)
    }

    fn begin(&self) -> Work {
        Work(None)
    }

    fn timer(&self, at: Timestamp) -> Timer {
        // Rather a moment later than too early.
        let after = at.since(self.since) / self.times + Duration::from_millis(1);
        SystemClock.timer(self.since.plus(after))
    }
}

/// A clock that runs in real time from wherever it was set, and that somebody may move forward. Work does not hold it up.
#[derive(Clone, Debug)]
pub struct MovableClock {
    /// What it showed, and when it showed that.
    set: Arc<Mutex<(Timestamp, std::time::Instant)>>,
    moved: tokio::sync::watch::Sender<()>,
}

impl MovableClock {
    pub fn new(now: Timestamp) -> MovableClock {
        MovableClock {
            set: Arc::new(Mutex::new((now, std::time::Instant::now()))),
            moved: tokio::sync::watch::Sender::new(()),
        }
    }

    fn set(&self) -> MutexGuard<'_, (Timestamp, std::time::Instant)> {
        // Whoever panicked left a time behind, which stays valid.
        self.set.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Timers that are due by then fire at once. A time that is past changes nothing.
    pub fn move_to(&self, at: Timestamp) {
        if at > self.now() {
            self.begin_anew(at);
        }
    }

    pub fn move_by(&self, duration: Duration) {
        self.move_to(self.now().plus(duration));
    }

    /// May go back: for a world that begins anew, and nothing else.
    pub fn begin_anew(&self, at: Timestamp) {
        *self.set() = (at, std::time::Instant::now());
        self.moved.send_replace(());
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let (at, since) = *self.set();
        at.plus(since.elapsed())
    }

    fn begin(&self) -> Work {
        Work(None)
    }

    fn timer(&self, at: Timestamp) -> Timer {
        let (clock, mut moved) = (self.clone(), self.moved.subscribe());
        Timer(Waiting::Unheld(Box::pin(async move {
            loop {
                let left = at.since(clock.now());
                if left.is_zero() {
                    return;
                }
                // A clone of the sender lives in here, so the channel stays open.
                let _ = tokio::time::timeout(left, moved.changed()).await;
            }
        })))
    }
}

/// A clock that tests and the demo move.
#[derive(Clone, Debug)]
pub struct SimulatedClock(Arc<Mutex<Simulated>>);

#[derive(Debug)]
struct Simulated {
    now: Timestamp,
    /// It leaps no further than this by itself.
    horizon: Timestamp,
    busy: usize,
    next_id: u64,
    timers: BTreeMap<(Timestamp, u64), Entry>,
    quiet: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Entry {
    fired: bool,
    waker: Option<Waker>,
}

fn lock(clock: &Mutex<Simulated>) -> MutexGuard<'_, Simulated> {
    // A panic elsewhere leaves plain numbers behind, which stay valid.
    clock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Simulated {
    fn next(&self) -> Option<(Timestamp, u64)> {
        self.timers.iter().find(|(key, entry)| !entry.fired && key.0 <= self.horizon).map(|(key, _)| *key)
    }

    fn settle(&mut self) {
        if self.busy > 0 {
            return;
        }
        match self.next() {
            Some(key) => {
                self.now = self.now.max(key.0);
                self.fire(key);
            }
            None => self.quiet.drain(..).for_each(Waker::wake),
        }
    }

    fn fire(&mut self, key: (Timestamp, u64)) {
        if let Some(entry) = self.timers.get_mut(&key) {
            entry.fired = true;
            self.busy += 1;
            if let Some(waker) = entry.waker.take() {
                waker.wake();
            }
        }
    }
}

impl SimulatedClock {
    /// Stands at `now` until somebody lets it run.
    pub fn new(now: Timestamp) -> SimulatedClock {
        SimulatedClock(Arc::new(Mutex::new(Simulated {
            now,
            horizon: now,
            busy: 0,
            next_id: 0,
            timers: BTreeMap::new(),
            quiet: vec![],
        })))
    }

    /// Lets time run until `until`, and stands there. Ends when nothing is going on and nothing is due before it.
    /// With [`Timestamp::MAX`] it ends when no timer is left, and stands where the last one fired.
    pub async fn run_until(&self, until: Timestamp) {
        self.settles_by(until).await;
        if until != Timestamp::MAX {
            let mut c = lock(&self.0);
            c.now = c.now.max(until);
        }
    }

    /// Lets time run until no timer is left, and stands where the last one fired; no further than `until`, and false where
    /// something is due after it.
    pub async fn settles_by(&self, until: Timestamp) -> bool {
        {
            let mut c = lock(&self.0);
            c.horizon = until;
            c.settle();
        }
        std::future::poll_fn(|cx| {
            let mut c = lock(&self.0);
            if c.busy == 0 && c.next().is_none() {
                c.horizon = c.now;
                return Poll::Ready(c.timers.is_empty());
            }
            c.quiet.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    pub async fn run_for(&self, duration: Duration) {
        self.run_until(self.now().plus(duration)).await
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).now
    }

    fn begin(&self) -> Work {
        lock(&self.0).busy += 1;
        Work(Some(self.0.clone()))
    }

    fn timer(&self, at: Timestamp) -> Timer {
        let mut c = lock(&self.0);
        let key = (at, c.next_id);
        c.next_id += 1;
        c.timers.insert(key, Entry::default());
        if at <= c.now {
            c.fire(key);
        } else {
            c.settle();
        }
        Timer(Waiting::Simulated { clock: self.0.clone(), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_time_is_read_and_written_as_people_write_it() {
        let t = Timestamp::parse("2026-11-22T15:00:00+00:00").unwrap();
        assert_eq!(t.to_string(), "2026-11-22T15:00:00Z");
        assert_eq!(Timestamp::parse("22.11.2026"), None);
    }

    #[tokio::test]
    async fn time_stands_still_while_somebody_works() {
        let clock = SimulatedClock::new(at(0));
        let work = clock.begin();
        let timer = clock.timer(at(5));
        let run = tokio::spawn({
            let clock = clock.clone();
            async move { clock.run_until(at(10)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(clock.now(), at(0));
        drop(work);
        let work = timer.await;
        assert_eq!(clock.now(), at(5));
        drop(work);
        run.await.unwrap();
        assert_eq!(clock.now(), at(10));
    }

    #[tokio::test]
    async fn timers_fire_in_their_order_and_no_further_than_allowed() {
        let clock = SimulatedClock::new(at(0));
        let seen = Arc::new(Mutex::new(vec![]));
        for s in [3, 1, 2, 9] {
            let (clock, seen, work) = (clock.clone(), seen.clone(), clock.begin());
            tokio::spawn(async move {
                let work = sleep(&clock, work, at(s)).await;
                seen.lock().unwrap().push(clock.now().seconds());
                drop(work);
            });
        }
        clock.run_for(4 * SECOND).await;
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        clock.run_until(Timestamp::MAX).await;
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 9]);
        assert_eq!(clock.now(), at(9));
    }

    #[tokio::test]
    async fn a_dropped_timer_holds_nobody_up() {
        let clock = SimulatedClock::new(at(0));
        drop(clock.timer(at(0)));
        drop(clock.timer(at(7)));
        clock.run_until(Timestamp::MAX).await;
        assert_eq!(clock.now(), at(0));
    }

    #[tokio::test]
    async fn what_goes_on_for_ever_is_told_apart_from_what_settles() {
        let clock = SimulatedClock::new(at(0));
        let rings = |each: u64, times: u64| {
            let (clock, mut work) = (clock.clone(), clock.begin());
            tokio::spawn(async move {
                for _ in 0..times {
                    let next = clock.now().plus(each as u32 * SECOND);
                    work = sleep(&clock, work, next).await;
                }
                drop(work);
            });
        };
        rings(7, 2);
        assert!(clock.settles_by(at(100)).await);
        assert_eq!(clock.now(), at(14), "it stands where the last one fired");
        rings(10, u64::MAX);
        assert!(!clock.settles_by(at(100)).await);
        assert_eq!(clock.now(), at(94));
    }

    #[tokio::test]
    async fn a_movable_clock_fires_what_a_move_makes_due_and_does_not_go_back() {
        let clock = MovableClock::new(at(1000));
        let (soon, later) = (clock.timer(at(4600)), clock.timer(at(1_000_000)));
        clock.move_by(3600 * SECOND);
        soon.await;
        assert!(clock.now() >= at(4600));
        clock.move_to(at(2000));
        assert!(clock.now() >= at(4600), "it does not go back");
        // Whoever waits already is woken too.
        let waiting = tokio::spawn(later);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.move_to(at(1_000_000));
        waiting.await.unwrap();
        // What is past fires at once, and what comes due by itself fires too.
        clock.timer(at(1)).await;
        let due = clock.now().plus(Duration::from_millis(1));
        clock.timer(due).await;
        assert!(clock.now() >= due);
    }
}
