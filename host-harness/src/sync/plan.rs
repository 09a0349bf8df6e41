//! When a pass begins again. Pure but for the ledgers.
//!
//! Why: Livestorm's 10,000 calls in 30 days are 6.9 in half an hour. What passes have cost is paid back by waiting, so that all of
//! an account together, of whatever source and installation, stay below a share of its quota, and what webhooks bring about has
//! the rest. A ledger lives as long as the process: what waits already stands in the tasks, and only what was not paid back yet is
//! forgotten with it.

use crate::clock::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Requests by connection.
pub type Spent = BTreeMap<String, u64>;

/// How many requests a provider account has in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub requests: u64,
    pub window: Duration,
}

/// Until when the share of an account is spent in advance.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Timestamp>);

impl Ledger {
    pub fn until(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(|p| p.into_inner())
    }

    fn spend(&self, now: Timestamp, cost: Duration) -> Timestamp {
        let mut until = self.0.lock().unwrap_or_else(|p| p.into_inner());
        *until = until.max(now).plus(cost);
        *until
    }
}

/// What the passes of one installation may use.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By connection. What is not named has no quota.
    pub accounts: BTreeMap<String, (Quota, Arc<Ledger>)>,
    /// Hundredths of each quota, for all passes together.
    pub share: u64,
}

/// The share of a quota that passes have unless the operator says otherwise, in hundredths.
pub const SHARE: u64 = 50;

impl Plan {
    /// So much was spent, with what its tasks will send. From when on the next may be, as far as the accounts go.
    pub fn pay(&self, now: Timestamp, spent: &Spent) -> Timestamp {
        let paid = spent.iter().filter_map(|(connection, requests)| {
            let (quota, ledger) = self.accounts.get(connection)?;
            Some(ledger.spend(now, self.cost(quota, *requests)))
        });
        paid.fold(now, Timestamp::max)
    }

    /// The pass that began then, and spent this, begins again at this time, if no other spends anything.
    pub fn next(&self, began_at: Timestamp, every: Duration, spent: &Spent) -> Timestamp {
        let costs = spent.iter().filter_map(|(connection, requests)| {
            let (quota, _) = self.accounts.get(connection)?;
            Some(self.cost(quota, *requests))
        });
        began_at.plus(costs.fold(every, Duration::max))
    }

    /// So many hundredths of the window for each request.
    fn cost(&self, quota: &Quota, requests: u64) -> Duration {
        let own = quota.requests.saturating_mul(self.share);
        let millis = u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(millis.saturating_mul(requests.saturating_mul(100)) / own.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn livestorm() -> Plan {
        let quota = Quota { requests: 10_000, window: Duration::from_secs(30 * DAY) };
        Plan { accounts: [("livestorm".into(), (quota, Arc::default()))].into(), share: 50 }
    }

    fn spent(of: &[(&str, u64)]) -> Spent {
        of.iter().map(|(connection, requests)| (connection.to_string(), *requests)).collect()
    }

    #[test]
    fn a_pass_waits_until_its_share_of_the_quota_has_paid_for_it() {
        let rows = [
            (600, &[][..], 600),
            // 5,000 requests in 30 days are one in 518 seconds.
            (600, &[("livestorm", 1)], 600),
            (600, &[("livestorm", 2)], 1_036),
            (1_800, &[("livestorm", 100)], 51_840),
            (120, &[("account-engagement", 1_000)], 120),
        ];
        for (every, of, expected) in rows {
            let next = livestorm().next(Timestamp(0), Duration::from_secs(every), &spent(of));
            assert_eq!(next.0 / 1_000, expected, "{of:?}");
        }
    }

    #[test]
    fn what_others_spend_of_the_account_is_waited_for_too_and_idle_time_saves_nothing_up() {
        let (one, hour) = (livestorm(), 3_600_000);
        let other = one.clone();
        let pay = |plan: &Plan, now: u64| plan.pay(Timestamp(now), &spent(&[("livestorm", 10)])).0;
        let ten = 5_184_000;
        assert_eq!([pay(&one, 0), pay(&other, 1_000), pay(&one, 2_000)], [ten, 2 * ten, 3 * ten]);
        assert_eq!(pay(&other, 9 * hour), 9 * hour + ten);
        assert_eq!(one.pay(Timestamp(7), &spent(&[("account-engagement", 1)])), Timestamp(7));
    }

    /// Whatever passes cost and however many there are, what they spend in a window stays within the share.
    #[test]
    fn a_month_of_passes_stays_within_its_share() {
        for cost in [1, 2, 7, 400] {
            let plan = livestorm();
            let (mut due, mut used) = ([Timestamp(0); 3], 0);
            loop {
                let next = due.iter().copied().enumerate().min_by_key(|(_, at)| *at).unwrap();
                let (pass, now) = next;
                if now.0 >= 30 * DAY * 1_000 {
                    break;
                }
                used += cost;
                due[pass] = plan.pay(now, &spent(&[("livestorm", cost)])).max(now.plus(Duration::from_secs(600)));
            }
            assert!(used <= 5_000 + 3 * cost, "{cost}: {used}");
        }
    }

    #[test]
    fn nonsense_does_not_overflow() {
        let plan = Plan { share: 0, ..livestorm() };
        assert!(plan.pay(Timestamp(0), &spent(&[("livestorm", u64::MAX)])).0 > 1);
    }
}
