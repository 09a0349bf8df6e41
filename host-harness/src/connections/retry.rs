//! May a request be sent again, and if not, why not. Pure.
//!
//! | # | what came of it | read, idempotent | once |
//! |---|---|---|---|
//! | 1 | certainly not sent | twice more | twice more |
//! | 2 | token refused | one refresh, once more | the same: it was refused |
//! | 3 | slow down, no longer than `hold_ms` | once more | the same: it was refused |
//! | 4 | slow down, longer; quota gone | no: throttled | no: throttled |
//! | 5 | 502, 503, 504, reset, time-out | twice more | never: it may have been done |
//! | 6 | another 5xx | no: a response | never: it may have been done |
//! | 7 | any other answer | no: a response | no: a response |
//!
//! Rows 1 and 5 share their two; a wait that ends after the permit does is no wait (`mod.rs`).
//! A delay is spread by the permit's own numbers: the same story waits the same times.

use crate::effect::{Permit, Repeat};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What came of one sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    NotSent,
    /// It left, or may have, and no answer came.
    NoAnswer,
    /// 5xx, or an answer that means the same.
    ServerError {
        status: u16,
        retry_after: Option<Duration>,
    },
    TokenRefused {
        /// A refresh may help.
        refreshable: bool,
    },
    SlowDown(Option<Duration>),
    QuotaGone,
    Settled,
}

/// What was done so far to send one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// After rows 1 and 5.
    pub resent: u32,
    pub slowed: u32,
    pub refreshed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// After this delay, from now.
    After(Duration),
    /// As soon as the account, which is held for so long, may send.
    Held(Duration),
    Refreshed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    MightWriteTwice,
    TriedEnough,
    /// Longer than the run may wait for.
    WaitTooLong(Duration),
    /// The token was refused, and no refresh helps.
    StillRefused,
    /// It is answered.
    Answered,
}

const RESENT_MAX: u32 = 2;
/// Of a provider that says "slow down" and not for how long.
pub const SLOW_DOWN_DEFAULT: Duration = Duration::from_secs(2);
const FIRST_DELAY: Duration = Duration::from_millis(250);

pub fn may_resend(
    repeat: Repeat,
    outcome: Outcome,
    tries: Tries,
    hold: Duration,
    permit: &Permit,
) -> Result<Resend, WhyNot> {
    let again = |at_least: Duration| match tries.resent {
        RESENT_MAX.. => Err(WhyNot::TriedEnough),
        _ if at_least > hold => Err(WhyNot::WaitTooLong(at_least)),
        n => Ok(Resend::After(spread(permit, n).max(at_least))),
    };
    match outcome {
        Outcome::NotSent => again(Duration::ZERO),
        Outcome::TokenRefused { refreshable } if refreshable && tries.refreshed == 0 => Ok(Resend::Refreshed),
        Outcome::TokenRefused { .. } => Err(WhyNot::StillRefused),
        Outcome::SlowDown(wait) => match wait.unwrap_or(SLOW_DOWN_DEFAULT) {
            wait if wait > hold => Err(WhyNot::WaitTooLong(wait)),
            _ if tries.slowed > 0 => Err(WhyNot::TriedEnough),
            wait => Ok(Resend::Held(wait)),
        },
        Outcome::QuotaGone => Err(WhyNot::WaitTooLong(Duration::MAX)),
        Outcome::NoAnswer | Outcome::ServerError { .. } if repeat == Repeat::Once => Err(WhyNot::MightWriteTwice),
        Outcome::NoAnswer => again(Duration::ZERO),
        Outcome::ServerError { status: 502..=504, retry_after } => again(retry_after.unwrap_or_default()),
        Outcome::ServerError { .. } | Outcome::Settled => Err(WhyNot::Answered),
    }
}

/// 250 to 500 ms, then 500 to 1,000: requests that broke together do not come back together.
pub fn spread(permit: &Permit, tries: u32) -> Duration {
    let text = format!("{}/{}/{}/{}/{tries}", permit.installation, permit.run, permit.wave, permit.place);
    let digest = Sha256::digest(text);
    let part = f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX);
    let base = FIRST_DELAY * 2u32.pow(tries.min(8));
    Duration::from_millis((base + base.mul_f64(part)).as_millis().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        effect::{Lane, RunId},
    };
    use Outcome::*;
    use Repeat::{Idempotent, Once, Read};

    const HOLD: Duration = Duration::from_secs(5);

    fn permit(place: u32) -> Permit {
        let (installation, run, lane, send_before) = ("i".into(), RunId(1), Lane::Prompt, Timestamp::MAX);
        Permit { installation, run, wave: 0, place, lane, send_before }
    }

    fn tries(resent: u32, slowed: u32, refreshed: u32) -> Tries {
        Tries { resent, slowed, refreshed }
    }

    fn check(row: u32, repeat: Repeat, outcome: Outcome, tries: Tries, expect: Result<Resend, WhyNot>) {
        let got = may_resend(repeat, outcome, tries, HOLD, &permit(0));
        assert_eq!(got, expect, "row {row}: {repeat:?} {outcome:?} {tries:?}");
    }

    #[test]
    fn the_table_row_by_row() {
        let s = Duration::from_secs;
        let after = |n| Ok(Resend::After(spread(&permit(0), n)));
        let error = |status| ServerError { status, retry_after: None };
        for repeat in [Read, Idempotent, Once] {
            check(1, repeat, NotSent, tries(0, 0, 0), after(0));
            check(1, repeat, NotSent, tries(1, 1, 1), after(1));
            check(1, repeat, NotSent, tries(2, 0, 0), Err(WhyNot::TriedEnough));
            check(2, repeat, TokenRefused { refreshable: true }, tries(2, 1, 0), Ok(Resend::Refreshed));
            check(2, repeat, TokenRefused { refreshable: true }, tries(0, 0, 1), Err(WhyNot::StillRefused));
            check(2, repeat, TokenRefused { refreshable: false }, tries(0, 0, 0), Err(WhyNot::StillRefused));
            check(3, repeat, SlowDown(Some(s(5))), tries(2, 0, 1), Ok(Resend::Held(s(5))));
            check(3, repeat, SlowDown(None), tries(0, 0, 0), Ok(Resend::Held(SLOW_DOWN_DEFAULT)));
            check(3, repeat, SlowDown(Some(s(1))), tries(0, 1, 0), Err(WhyNot::TriedEnough));
            check(4, repeat, SlowDown(Some(s(6))), tries(0, 0, 0), Err(WhyNot::WaitTooLong(s(6))));
            check(4, repeat, QuotaGone, tries(0, 0, 0), Err(WhyNot::WaitTooLong(Duration::MAX)));
            check(7, repeat, Settled, tries(0, 0, 0), Err(WhyNot::Answered));
        }
        for repeat in [Read, Idempotent] {
            for outcome in [NoAnswer, error(502), error(503), error(504)] {
                check(5, repeat, outcome, tries(0, 1, 1), after(0));
                check(5, repeat, outcome, tries(1, 0, 0), after(1));
                check(5, repeat, outcome, tries(2, 0, 0), Err(WhyNot::TriedEnough));
            }
            let waits = |seconds| ServerError { status: 503, retry_after: Some(s(seconds)) };
            check(5, repeat, waits(4), tries(0, 0, 0), Ok(Resend::After(s(4))));
            check(5, repeat, waits(6), tries(0, 0, 0), Err(WhyNot::WaitTooLong(s(6))));
            check(6, repeat, error(500), tries(0, 0, 0), Err(WhyNot::Answered));
        }
        for outcome in [NoAnswer, error(500), error(502), error(503), error(504), error(599)] {
            check(6, Once, outcome, tries(0, 0, 0), Err(WhyNot::MightWriteTwice));
        }
    }

    #[test]
    fn a_delay_is_the_same_for_the_same_permit_and_spread_over_others() {
        assert_eq!(spread(&permit(3), 1), spread(&permit(3), 1));
        let delays: Vec<u128> = (0..100).map(|place| spread(&permit(place), 0).as_millis()).collect();
        assert!(delays.iter().all(|d| (250..=500).contains(d)));
        let distinct: std::collections::BTreeSet<_> = delays.iter().collect();
        assert!(distinct.len() > 50, "{distinct:?}");
    }
}
