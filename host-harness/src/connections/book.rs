//! Who of those that wait for a provider account starts next, when, and who is not to wait any longer. Pure.
//!
//! Why spread evenly and not in bursts: five requests in one instant are answered with 429 as soon as the network
//! pushes two seconds together; one every 200 ms never is, and costs a lone request nothing. Why slots beside a rate: a slow
//! provider is not to be met with more and more open requests.
//!
//! Of those whose time has come:
//!
//! | # | who goes | if |
//! |---|---|---|
//! | 1 | a bulk request that was passed over four times | a slot is free, and one more or no other bulk request in flight |
//! | 2 | the prompt request that came first | a slot is free |
//! | 3 | the bulk request that came first | one slot stays free for a prompt one; where the account has one slot, that one |
//!
//! So a prompt request waits for the turn that began just before it came, and for no other of bulk; and bulk gets one turn in five, or
//! has a request in flight, however many prompt ones there are.
//!
//! Promises: nobody takes a time or a slot before it starts, so what waits costs nobody a turn; after "slow down" and "quota gone"
//! nobody starts until then; after three failures in a row only one probes; who would start later than it may wait for is told so
//! as soon as that can be foreseen. Slots are not foreseen: nobody knows how long an answer takes.

use super::{
    closed::{Hold, Why},
    learned::{Learned, TooMany},
    profile::{Pace, Rate},
};
use crate::{
    clock::Timestamp,
    effect::{Lane, Method, SendError},
};
use std::time::Duration;

/// Prompt requests that may go before a bulk one whose time has come, in a row: bulk has one turn in five.
const PASSED_MAX: u32 = 4;
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

impl Patience {
    fn ends(&self) -> Timestamp {
        self.held_until.min(self.send_before)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A request that has started, and holds a slot until [`Book::ended`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub at: Timestamp,
    lane: Lane,
    /// Whether a rate holds for it.
    paced: bool,
}

#[derive(Debug)]
pub struct Book {
    meters: Vec<Meter>,
    slots_max: usize,
    learned: Learned,
    /// Who waits, the first first.
    line: Vec<Waiting>,
    in_flight: InFlight,
    hold: Option<Hold>,
    circuit: Circuit,
    tickets: u64,
}

#[derive(Debug)]
struct Meter {
    rate: Rate,
    /// Nobody of this kind starts before.
    next: Timestamp,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    lane: Lane,
    /// The meters that hold for it.
    meters: Vec<usize>,
    patience: Patience,
    /// How often a prompt request went before it though its time had come.
    passed: u32,
}

#[derive(Debug, Default)]
struct InFlight {
    prompt: usize,
    bulk: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Timestamp },
    Probing { until: Timestamp },
}

impl Book {
    pub fn new(pace: Pace) -> Book {
        let meters = pace.rates.iter().map(|rate| Meter { rate: *rate, next: Timestamp(0) }).collect();
        Book {
            meters,
            slots_max: pace.in_flight_max,
            learned: Learned::default(),
            line: vec![],
            in_flight: InFlight::default(),
            hold: None,
            circuit: Circuit::Closed { failures: 0 },
            tickets: 0,
        }
    }

    /// Waits from now on, until it is called or leaves.
    pub fn join(&mut self, lane: Lane, method: Method, path: &[String], patience: Patience) -> Ticket {
        let applies = |(_, meter): &(usize, &Meter)| (meter.rate.applies)(method, path);
        let meters = self.meters.iter().enumerate().filter(applies).map(|(at, _)| at).collect();
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.line.push(Waiting { ticket, lane, meters, patience, passed: 0 });
        ticket
    }

    pub fn leave(&mut self, ticket: Ticket) {
        self.line.retain(|waiting| waiting.ticket != ticket);
    }

    /// Somebody who waits no longer: it starts now, or is told why not. To be asked after each change, until there is nobody.
    pub fn call(&mut self, now: Timestamp) -> Option<(Ticket, Result<Start, NoStart>)> {
        if let Some(place) = self.next(now) {
            return Some(self.start(place, now));
        }
        let (place, why) = (0..self.line.len()).find_map(|place| Some((place, self.refusal(place, now)?)))?;
        Some((self.line.remove(place).ticket, Err(why)))
    }

    /// When somebody may be called though nothing else happens, once [`Book::call`] has called all that could be.
    pub fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.line.iter().flat_map(|waiting| [self.time(waiting, now), waiting.patience.ends()]);
        times.filter(|at| *at > now).min()
    }

    pub fn ended(&mut self, start: Start) {
        let of_lane = match start.lane {
            Lane::Prompt => &mut self.in_flight.prompt,
            Lane::Bulk => &mut self.in_flight.bulk,
        };
        *of_lane = of_lane.saturating_sub(1);
    }

    /// Nobody sends before `until`. A shorter hold never ends a longer one.
    pub fn hold(&mut self, until: Timestamp, why: Why, reason: &str) {
        if self.hold.as_ref().is_none_or(|hold| hold.until < until) {
            self.hold = Some(Hold { until, why, reason: reason.to_owned() });
        }
    }

    /// The account refused it: too many. Where no rate holds for it, the slots are all that can be lowered.
    pub fn refused(&mut self, start: Start, too_many: TooMany, now: Timestamp) {
        let about = if start.paced { too_many } else { TooMany::AtOnce };
        self.learned.refused(about, self.slots_max, start.at, now);
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

    /// Until when nobody sends, and why.
    pub fn closed(&self, now: Timestamp) -> Option<Hold> {
        let circuit = match self.circuit {
            Circuit::Open { until } if until > now => {
                Some(Hold { until, why: Why::Outage, reason: "the provider does not answer".into() })
            }
            _ => None,
        };
        self.held(now).cloned().into_iter().chain(circuit).max_by_key(|hold| hold.until)
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.prompt + self.in_flight.bulk
    }

    pub fn slots(&self, now: Timestamp) -> usize {
        self.learned.slots(now, self.slots_max)
    }

    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    fn held(&self, now: Timestamp) -> Option<&Hold> {
        self.hold.as_ref().filter(|hold| hold.until > now)
    }

    /// Before then it cannot start, whoever else waits.
    fn time(&self, waiting: &Waiting, now: Timestamp) -> Timestamp {
        let opens = self.held(now).map_or(now, |hold| hold.until);
        waiting.meters.iter().map(|meter| self.meters[*meter].next).fold(opens, Timestamp::max)
    }

    fn rests(&self, now: Timestamp) -> Option<Timestamp> {
        match self.circuit {
            Circuit::Open { until } | Circuit::Probing { until } if until > now => Some(until),
            _ => None,
        }
    }

    /// Where in the line the next one stands, by the table above.
    fn next(&self, now: Timestamp) -> Option<usize> {
        if self.rests(now).is_some() {
            return None;
        }
        let free = self.slots(now).saturating_sub(self.in_flight());
        let kept = usize::from(self.slots(now) > 1);
        let ready = |w: &Waiting| now <= w.patience.send_before && self.time(w, now) <= now;
        let first = |of: &dyn Fn(&Waiting) -> bool| self.line.iter().position(|w| of(w) && ready(w));
        let bulk_slot = free > kept || (free > 0 && self.in_flight.bulk == 0);
        first(&|w| w.lane == Lane::Bulk && w.passed >= PASSED_MAX && bulk_slot)
            .or_else(|| first(&|w| w.lane == Lane::Prompt && free > 0))
            .or_else(|| first(&|w| w.lane == Lane::Bulk && free > kept))
    }

    fn start(&mut self, place: usize, now: Timestamp) -> (Ticket, Result<Start, NoStart>) {
        let Waiting { ticket, lane, meters, .. } = self.line.remove(place);
        match lane {
            Lane::Prompt => {
                let passed = |w: &&Waiting| w.lane == Lane::Bulk && self.time(w, now) <= now;
                if let Some(place) = self.line.iter().position(|w| passed(&w)) {
                    self.line[place].passed += 1;
                }
                self.in_flight.prompt += 1;
            }
            Lane::Bulk => self.in_flight.bulk += 1,
        }
        for meter in &meters {
            self.meters[*meter].next = now.plus(self.interval(*meter, now));
        }
        if let Circuit::Open { .. } | Circuit::Probing { .. } = self.circuit {
            self.circuit = Circuit::Probing { until: now.plus(PROBE_MAX) };
        }
        (ticket, Ok(Start { at: now, lane, paced: !meters.is_empty() }))
    }

    /// Why it does not wait any longer.
    fn refusal(&self, place: usize, now: Timestamp) -> Option<NoStart> {
        let Waiting { lane, patience, .. } = self.line[place];
        if now > patience.send_before {
            return Some(NoStart::Over);
        }
        if let Some(until) = self.rests(now) {
            let reason =
                format!("the provider did not answer {FAILURES_MAX} times in a row; one request tries again then");
            return Some(NoStart::Later { until, reason });
        }
        let at = self.foreseen(place, now);
        if at > patience.held_until && at > now {
            let held = self.held(now).map(|hold| hold.reason.clone());
            let reason = held.unwrap_or_else(|| "the provider's rate is used up by requests that wait already".into());
            return Some(NoStart::Later { until: at, reason });
        }
        if at > patience.send_before || now >= patience.send_before {
            return Some(NoStart::Over);
        }
        let what = match lane {
            Lane::Prompt => "as many requests as it allows",
            Lane::Bulk => "as many requests as bulk may have",
        };
        let reason = || format!("the provider is slow: {what} are in flight");
        (now >= patience.held_until).then(|| NoStart::Later { until: now.plus(SLOT_AGAIN), reason: reason() })
    }

    /// When it starts if nobody else comes and there are slots enough.
    fn foreseen(&self, place: usize, now: Timestamp) -> Timestamp {
        let waiting = &self.line[place];
        let opens = self.held(now).map_or(now, |hold| hold.until);
        let times = waiting.meters.iter().map(|meter| {
            let turns = u32::try_from(self.before(place, *meter)).unwrap_or(u32::MAX);
            self.meters[*meter].next.max(opens).plus(self.interval(*meter, now).saturating_mul(turns))
        });
        times.fold(opens, Timestamp::max)
    }

    /// How many of those that a meter holds for start before it.
    fn before(&self, place: usize, meter: usize) -> usize {
        let lane = self.line[place].lane;
        let of = |lane: Lane| move |w: &&Waiting| w.lane == lane && w.meters.contains(&meter);
        let (ahead, passed_max) = (self.line[..place].iter().filter(of(lane)).count(), PASSED_MAX as usize);
        let other = self.line.iter().filter(of(if lane == Lane::Bulk { Lane::Prompt } else { Lane::Bulk })).count();
        let passed = self.line.iter().find(of(Lane::Bulk)).map_or(0, |w| w.passed as usize);
        ahead
            + match lane {
                Lane::Prompt => other.min((passed + ahead) / passed_max),
                Lane::Bulk => other.min((passed_max * (ahead + 1)).saturating_sub(passed)),
            }
    }

    fn interval(&self, meter: usize, now: Timestamp) -> Duration {
        Duration::from_millis(self.learned.interval_ms(now, self.meters[meter].rate.per_second))
    }
}

#[cfg(test)]
mod tests;
