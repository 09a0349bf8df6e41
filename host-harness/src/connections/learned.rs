//! What a provider account really allows, as far as its refusals have told. The profile's figures are those of a whole account; the
//! customer's other apps share it, and nobody tells us how much they take.
//!
//! A refusal lowers what it is about to four fifths: the rate where it says *too many in a short time*, the requests in flight
//! where it says *too many at once*. With time both rise again, evenly, up to the profile's figure. Why so: what is lowered by a part
//! and raised by a step ends near what is there, whoever else takes from it, and two hosts that do the same end with half each.
//!
//! Promises: never above the profile, never below the floor; what was under way when the rate was lowered does not lower it once more.
//! Pure, and kept in memory alone: a process that starts begins with the profile's figures and learns anew, which costs a few
//! refusals. Not here: how long nobody sends after a refusal (`book.rs`).

use crate::clock::Timestamp;

/// Shares are in millionths of the profile's figure.
const WHOLE: u64 = 1_000_000;
/// What is left of it after a refusal. Lower would be refused less often and leave more unused.
const LEFT_PERCENT: u64 = 80;
/// What comes back in a minute. Where half of the profile is really there, this is one refusal in a minute and nearly nine tenths used.
const RISE_PER_MINUTE: u64 = WHOLE / 10;
/// No refusal lowers the rate further: who is left with less is held off by `Retry-After`.
const FLOOR: u64 = WHOLE / 10;

/// Too many requests: of what kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    InTime,
    AtOnce,
}

#[derive(Debug, Default)]
pub struct Learned {
    rate: Share,
    slots: Share,
    refusals: u64,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    /// As of `since`.
    millionths: u64,
    since: Timestamp,
    lowered: Option<Timestamp>,
}

impl Default for Share {
    fn default() -> Share {
        Share { millionths: WHOLE, since: Timestamp(0), lowered: None }
    }
}

impl Share {
    fn at(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX);
        self.millionths.saturating_add(millis.saturating_mul(RISE_PER_MINUTE) / 60_000).min(WHOLE)
    }

    /// Of a request that began then. `from`: what the share is for whoever has to send by it.
    fn refused(&mut self, began: Timestamp, now: Timestamp, from: u64) {
        let counts = self.lowered.is_none_or(|lowered| began > lowered);
        self.millionths = if counts { from * LEFT_PERCENT / 100 } else { self.at(now) };
        self.since = now;
        if counts {
            self.lowered = Some(now);
        }
    }
}

impl Learned {
    /// A request that began at `began` was refused.
    pub fn refused(&mut self, too_many: TooMany, slots_max: usize, began: Timestamp, now: Timestamp) {
        self.refusals += 1;
        match too_many {
            TooMany::InTime => {
                self.rate.refused(began, now, self.rate.at(now));
                self.rate.millionths = self.rate.millionths.max(FLOOR);
            }
            // Of the whole number: else a refusal might lower a fraction that nobody sees.
            TooMany::AtOnce => {
                let used = self.slots(now, slots_max) as u64;
                self.slots.refused(began, now, (used * WHOLE).div_ceil(slots_max.max(1) as u64));
            }
        }
    }

    /// The milliseconds between two requests of a kind that the profile allows so many of in a second.
    pub fn interval_ms(&self, now: Timestamp, per_second: u32) -> u64 {
        (1_000 * WHOLE).div_ceil(u64::from(per_second.max(1)) * self.rate.at(now).max(1))
    }

    /// Of the profile's rate.
    pub fn rate_percent(&self, now: Timestamp) -> u64 {
        self.rate.at(now) * 100 / WHOLE
    }

    /// Requests in flight, where the profile allows so many. At least one.
    pub fn slots(&self, now: Timestamp, max: usize) -> usize {
        let share = u64::try_from(max).unwrap_or(u64::MAX).saturating_mul(self.slots.at(now)) / WHOLE;
        usize::try_from(share).unwrap_or(max).clamp(1, max.max(1))
    }

    /// How often the account has refused.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }
}

#[cfg(test)]
mod tests {
    use super::{TooMany::*, *};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_refusal_takes_a_fifth_and_a_minute_brings_a_tenth_back_up_to_the_profile() {
        let mut learned = Learned::default();
        // When it began and was refused, or nothing; when it is looked at; percent of the rate.
        for (refused, now, percent) in [
            (None, 0, 100),
            (Some((9, 10)), 10, 80),
            (None, 40, 85),
            (None, 70, 90),
            (Some((70, 70)), 70, 72),
            (None, 130, 82),
            (None, 9_999, 100),
        ] {
            if let Some((began, refused)) = refused {
                learned.refused(InTime, 5, at(began), at(refused));
            }
            assert_eq!(learned.rate_percent(at(now)), percent, "at {now}");
        }
        assert_eq!(learned.slots(at(70), 5), 5, "a rate that is too high says nothing of how many at once");
        assert_eq!(learned.refusals(), 2);
    }

    #[test]
    fn what_was_under_way_lowers_nothing_once_more_and_puts_the_rise_off() {
        let mut learned = Learned::default();
        for (began, refused) in [(8, 10), (9, 10), (10, 10), (9, 70)] {
            learned.refused(InTime, 5, at(began), at(refused));
        }
        assert_eq!(learned.rate_percent(at(70)), 90);
        learned.refused(InTime, 5, at(71), at(71));
        assert_eq!(learned.rate_percent(at(71)), 72);
    }

    #[test]
    fn nothing_lowers_the_rate_below_its_floor_or_the_slots_below_one() {
        for max in 1..6 {
            let mut learned = Learned::default();
            let mut seen = vec![learned.slots(at(0), max)];
            for second in 1..60 {
                learned.refused(InTime, max, at(second), at(second));
                learned.refused(AtOnce, max, at(second), at(second));
                seen.push(learned.slots(at(second), max));
            }
            assert_eq!(learned.rate_percent(at(59)), 10);
            let expect: Vec<usize> = (0..60).map(|refusals| max.saturating_sub(refusals).max(1)).collect();
            assert_eq!(seen, expect, "each refusal takes one");
            assert_eq!(learned.slots(at(99_999), max), max);
        }
    }

    #[test]
    fn requests_are_as_far_apart_as_the_rate_says() {
        let mut learned = Learned::default();
        assert_eq!(
            [5, 2, 3, 1, 0].map(|per_second| learned.interval_ms(at(0), per_second)),
            [200, 500, 334, 1_000, 1_000]
        );
        learned.refused(InTime, 5, at(1), at(1));
        assert_eq!(learned.interval_ms(at(1), 5), 250);
    }
}
