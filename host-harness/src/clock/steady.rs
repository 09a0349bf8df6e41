//! The machine's clock as all that is ours sees it: it may be set, and time here never goes back.
//!
//! Set forward, or after a sleep of the machine, time here leaps with it: what is due by then is due. Set back, time here goes at half
//! the speed until the two meet: what waits for a minute waits for two, and not for as long as the clock was set back. Timers look
//! again and again, since nobody tells them.
//!
//! Promises: time never goes back while the process lives; a timer never fires early, fires once, and no later than a look after it
//! is due. Not here: a process that is started after the clock was set back. It believes the machine, and what waits for a time waits
//! for as much longer.

use super::{Clock, Timer, Timestamp, Waiting, Work};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

/// How long a timer sleeps at most before it looks again.
pub const LOOK: Duration = Duration::from_secs(10);
/// What is set by less is nobody's concern.
const TOLD: Duration = Duration::from_secs(60);

pub type Passing = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What a machine knows of time.
pub trait Machine: fmt::Debug + Send + Sync {
    /// Since 1970, as its clock is set.
    fn shows(&self) -> Duration;

    /// Since some moment, whatever is set.
    fn ran(&self) -> Duration;

    /// Waits for as long, by `ran`.
    fn pass(&self, time: Duration) -> Passing;
}

/// The one that this runs on.
#[derive(Clone, Debug)]
pub struct ThisMachine(Instant);

impl Default for ThisMachine {
    fn default() -> Self {
        ThisMachine(Instant::now())
    }
}

impl Machine for ThisMachine {
    fn shows(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn ran(&self) -> Duration {
        self.0.elapsed()
    }

    fn pass(&self, time: Duration) -> Passing {
        Box::pin(tokio::time::sleep(time))
    }
}

/// What was shown last, and how long the machine had run by then.
#[derive(Debug)]
struct Shown {
    at: Duration,
    ran: Duration,
    /// By how much the machine's clock is behind, as far as it was told.
    told_behind: Duration,
}

/// The machine's clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Forward(Duration),
    Back(Duration),
}

impl Shown {
    /// Pure: it is told what the machine knows.
    fn read(&mut self, shows: Duration, ran: Duration) -> (Duration, Option<Set>) {
        let passed = ran.saturating_sub(self.ran);
        let goes_on = self.at.saturating_add(passed);
        self.at = if shows >= goes_on { shows } else { shows.max(self.at + passed / 2) };
        self.ran = self.ran.max(ran);
        let behind = self.at.saturating_sub(shows);
        let set = if shows.saturating_sub(goes_on) >= TOLD {
            Some(Set::Forward(shows - goes_on))
        } else {
            (behind >= self.told_behind + TOLD).then_some(Set::Back(behind))
        };
        self.told_behind = if set.is_some() { behind } else { self.told_behind.min(behind) };
        (self.at, set)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Steady<M> {
    machine: M,
    shown: Arc<Mutex<Shown>>,
}

impl<M: Machine> Steady<M> {
    pub fn of(machine: M) -> Steady<M> {
        let shown = Shown { at: machine.shows(), ran: machine.ran(), told_behind: Duration::ZERO };
        Steady { machine, shown: Arc::new(Mutex::new(shown)) }
    }

    async fn until(&self, at: Timestamp) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            self.machine.pass(left.min(LOOK)).await;
        }
    }
}

impl<M: Machine> Steady<M> {
    fn now(&self) -> Timestamp {
        let (at, set) = {
            // Whoever panicked left a time behind, which stays valid.
            let mut shown = self.shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            shown.read(self.machine.shows(), self.machine.ran())
        };
        match set {
            Some(Set::Back(by)) => tracing::warn!(
                seconds = by.as_secs(),
                "the machine's clock was set back. Here time goes on at half the speed until the two meet, and what waits for a time \
                 waits longer; whoever wants the machine's time at once starts this again"
            ),
            Some(Set::Forward(by)) => tracing::info!(
                seconds = by.as_secs(),
                "the machine's clock was set forward, or the machine slept: what has come due by that is done now"
            ),
            None => {}
        }
        in_milliseconds(at)
    }
}

fn in_milliseconds(since_1970: Duration) -> Timestamp {
    Timestamp(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

impl<M: Machine + Clone + 'static> Clock for Steady<M> {
    fn now(&self) -> Timestamp {
        Steady::now(self)
    }

    fn of_machine(&self) -> Timestamp {
        in_milliseconds(self.machine.shows())
    }

    fn begin(&self) -> Work {
        Work(None)
    }

    fn timer(&self, at: Timestamp) -> Timer {
        let clock = self.clone();
        Timer(Waiting::Unheld(Box::pin(async move { clock.until(at).await })))
    }
}

/// A machine that stands still until a test lets it run, and whose clock a test sets.
#[cfg(test)]
pub mod tried {
    use super::*;
    use tokio::sync::watch;

    #[derive(Clone, Debug)]
    pub struct Tried {
        /// What it shows, and for how long it ran.
        knows: Arc<Mutex<(Duration, Duration)>>,
        ran: watch::Sender<Duration>,
    }

    impl Tried {
        pub fn new(at: Timestamp) -> Tried {
            let knows = (Duration::from_millis(at.0), Duration::ZERO);
            Tried { knows: Arc::new(Mutex::new(knows)), ran: watch::Sender::new(Duration::ZERO) }
        }

        pub fn runs_for(&self, time: Duration) {
            let ran = {
                let mut knows = self.knows.lock().unwrap();
                *knows = (knows.0 + time, knows.1 + time);
                knows.1
            };
            self.ran.send_replace(ran);
        }

        pub fn is_set_back(&self, by: Duration) {
            self.knows.lock().unwrap().0 -= by;
        }

        pub fn is_set_forward(&self, by: Duration) {
            self.knows.lock().unwrap().0 += by;
        }
    }

    impl Machine for Tried {
        fn shows(&self) -> Duration {
            self.knows.lock().unwrap().0
        }

        fn ran(&self) -> Duration {
            self.knows.lock().unwrap().1
        }

        fn pass(&self, time: Duration) -> Passing {
            let until = self.ran() + time;
            let mut ran = self.ran.subscribe();
            Box::pin(async move {
                let _ = ran.wait_for(|ran| *ran >= until).await;
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{tried::Tried, *};
    use std::task::Poll;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn time_leaps_forward_with_the_machine_and_is_slower_until_the_machine_has_caught_up() {
        let start = Duration::from_secs(100_000);
        let mut shown = Shown { at: start, ran: Duration::ZERO, told_behind: Duration::ZERO };
        // What the machine shows and for how long it ran; what is shown, and what is told, in seconds.
        let rows = [
            ((100_010, 10), 100_010, None),
            ((100_050, 20), 100_050, None),
            ((103_620, 30), 103_620, Some(Set::Forward(Duration::from_secs(3_560)))),
            // Back by an hour: half of what passes.
            ((100_030, 40), 103_625, Some(Set::Back(Duration::from_secs(3_595)))),
            ((100_030, 40), 103_625, None),
            ((103_620, 3_630), 105_420, None),
            // Back by some more, which is told anew.
            ((102_630, 3_640), 105_425, Some(Set::Back(Duration::from_secs(2_795)))),
            // They have met.
            ((109_000, 10_010), 109_000, None),
            ((109_010, 10_020), 109_010, None),
        ];
        let mut last = start;
        for ((shows, ran), expected, told) in rows {
            let (at, set) = shown.read(Duration::from_secs(shows), Duration::from_secs(ran));
            assert_eq!((at, set), (Duration::from_secs(expected), told), "{shows} after {ran}");
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn who_asks_all_the_time_is_told_the_same_time() {
        let (start, ms) = (Duration::from_secs(100_000), Duration::from_millis(1));
        let mut shown = Shown { at: start, ran: Duration::ZERO, told_behind: Duration::ZERO };
        let set_back = start - HOUR;
        for times in 1..=20_000 {
            shown.read(set_back + ms * times / 10, ms * times / 10);
        }
        assert_eq!(shown.at, start + SECOND);
    }

    fn is_over(timer: &mut Timer) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        matches!(Pin::new(timer).poll(&mut context), Poll::Ready(_))
    }

    #[test]
    fn a_timer_waits_twice_as_long_at_most_where_the_clock_is_set_back() {
        let machine = Tried::new(Timestamp::from_seconds(100_000));
        let clock = Steady::of(machine.clone());
        let mut timer = clock.timer(Timestamp::from_seconds(100_030));
        assert!(!is_over(&mut timer));
        machine.is_set_back(HOUR);
        for _ in 0..59 {
            machine.runs_for(SECOND);
            assert!(!is_over(&mut timer));
        }
        machine.runs_for(SECOND);
        assert!(is_over(&mut timer));
        assert_eq!(clock.of_machine(), Timestamp::from_seconds(96_460));
        assert_eq!(clock.now(), Timestamp::from_seconds(100_030));
    }

    #[test]
    fn a_timer_that_a_leap_makes_due_fires_with_the_next_look() {
        let machine = Tried::new(Timestamp::from_seconds(100_000));
        let clock = Steady::of(machine.clone());
        let mut timer = clock.timer(Timestamp::from_seconds(186_400));
        assert!(!is_over(&mut timer));
        machine.is_set_forward(24 * HOUR);
        machine.runs_for(LOOK);
        assert!(is_over(&mut timer));
    }
}
