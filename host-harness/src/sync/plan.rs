//! When a pass that repeats by itself begins again. Pure.
//!
//! Why: Livestorm's 10,000 calls in 30 days are 6.9 in half an hour. What a pass has cost is paid back by waiting, so that all
//! passes together stay below a share of the quota, and what webhooks bring about has the rest.

use crate::clock::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// Requests by connection.
pub type Spent = BTreeMap<String, u64>;

/// How many requests a provider account has in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub requests: u64,
    pub window: Duration,
}

/// What the passes of one installation may use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// By connection. What is not named has no quota.
    pub quotas: BTreeMap<String, Quota>,
    /// Hundredths of each quota, for all passes together.
    pub share: u64,
    /// How many sources share it.
    pub sources: u64,
}

/// The share of a quota that passes have unless the operator says otherwise, in hundredths.
pub const SHARE: u64 = 50;

impl Plan {
    /// The pass that began then, and spent this, begins again at this time.
    pub fn next(&self, began_at: Timestamp, every: Duration, spent: &Spent) -> Timestamp {
        let paid_back = spent.iter().filter_map(|(connection, requests)| {
            let quota = self.quotas.get(connection)?;
            let own = quota.requests.saturating_mul(self.share);
            // So many hundredths of the window for each request, whoever else shares it.
            let of_window = requests.saturating_mul(100).saturating_mul(self.sources.max(1));
            let millis = u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX);
            Some(Duration::from_millis(millis.saturating_mul(of_window) / own.max(1)))
        });
        began_at.plus(paid_back.fold(every, Duration::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn livestorm(sources: u64) -> Plan {
        let quota = Quota { requests: 10_000, window: Duration::from_secs(30 * DAY) };
        Plan { quotas: [("livestorm".into(), quota)].into(), share: 50, sources }
    }

    fn after(plan: &Plan, every: u64, spent: &[(&str, u64)]) -> u64 {
        let spent = spent.iter().map(|(connection, requests)| (connection.to_string(), *requests)).collect();
        plan.next(Timestamp(0), Duration::from_secs(every), &spent).0 / 1_000
    }

    #[test]
    fn a_pass_waits_until_its_share_of_the_quota_has_paid_for_it() {
        let rows = [
            (1, 600, vec![], 600),
            // 5,000 requests in 30 days are one in 518 seconds.
            (1, 600, vec![("livestorm", 1)], 600),
            (1, 600, vec![("livestorm", 2)], 1_036),
            (3, 600, vec![("livestorm", 2)], 3_110),
            (1, 1_800, vec![("livestorm", 100)], 51_840),
            (1, 120, vec![("account-engagement", 1_000)], 120),
        ];
        for (sources, every, spent, expected) in rows {
            assert_eq!(after(&livestorm(sources), every, &spent), expected, "{spent:?}");
        }
    }

    /// Whatever passes cost, what they spend in a window stays within the share.
    #[test]
    fn a_month_of_passes_stays_within_its_share() {
        for cost in [1, 2, 7, 400] {
            let plan = livestorm(2);
            let (mut now, mut used) = (Timestamp(0), 0);
            let spent: Spent = [("livestorm".to_string(), cost)].into();
            while now.0 < 30 * DAY * 1_000 {
                used += cost;
                now = plan.next(now, Duration::from_secs(600), &spent);
            }
            assert!(used <= 2_500 + cost, "{cost}: {used}");
        }
    }

    #[test]
    fn nonsense_does_not_overflow() {
        let plan = Plan { share: 0, ..livestorm(u64::MAX) };
        assert!(after(&plan, 1, &[("livestorm", u64::MAX)]) > 1);
    }
}
