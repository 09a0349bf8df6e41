//! Livestorm's two limits: 5 requests a second, and 10,000 in 30 days [confirmed].
//! <https://developers.livestorm.co/docs/rate-limits-and-quotas>
//!
//! The limit is one of the workspace [inferred]. The second is a sliding one: no second, wherever it begins, holds more
//! than five answered requests.

use super::errors::Refusal;
use crate::{
    clock::Timestamp,
    simulators::{
        options::Options,
        request::{Answer, with_header},
        unknowns::{MonthlyHeader, MonthlyWindow},
    },
};
use chrono::{Datelike, NaiveDate};
use std::{collections::VecDeque, time::Duration};

const INTERVAL: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What has been used.
#[derive(Clone, Debug, Default)]
pub struct Quota {
    /// When the requests of the last second came.
    recent: VecDeque<Timestamp>,
    /// When the 30 days began.
    opened: Option<Timestamp>,
    pub used: u64,
}

impl Quota {
    /// Takes one request, or says why not.
    pub(super) fn take(&mut self, now: Timestamp, options: &Options) -> Result<(), Refusal> {
        let unknowns = &options.unknowns.livestorm;
        if self.opened.is_none_or(|opened| now >= end_of_window(opened, unknowns.monthly_window)) {
            self.opened = Some(now);
            self.used = 0;
        }
        while self.recent.front().is_some_and(|oldest| now >= oldest.plus(INTERVAL)) {
            self.recent.pop_front();
        }
        let ends = end_of_window(self.opened.unwrap_or(now), unknowns.monthly_window);
        let wait = match self.recent.front() {
            _ if self.used >= options.limits.livestorm_calls_per_month => Some(ends.since(now)),
            Some(oldest) if self.recent.len() >= options.limits.livestorm_calls_per_second as usize => {
                Some(oldest.plus(INTERVAL).since(now))
            }
            _ => None,
        };
        let Some(wait) = wait else {
            self.used += 1;
            self.recent.push_back(now);
            return Ok(());
        };
        if unknowns.refused_calls_count {
            self.used += 1;
        }
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let mut refusal = Refusal::too_many_requests()
            .with("retry-after", seconds.to_string())
            .with("ratelimit-reset", ends.seconds().to_string());
        for (name, value) in self.interval_headers(options) {
            refusal = refusal.with(name, value);
        }
        if unknowns.monthly_headers_on_429 {
            for (name, value) in self.monthly_headers(options) {
                refusal = refusal.with(name, value);
            }
        }
        Err(refusal)
    }

    /// Gives back what a request has cost that was refused for another reason than the quota.
    pub(super) fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// The headers of an answered request.
    pub(super) fn note(&self, answer: Answer, options: &Options) -> Answer {
        let unknowns = &options.unknowns.livestorm;
        let ends = self.opened.map(|opened| end_of_window(opened, unknowns.monthly_window).seconds().to_string());
        let reset = ends.filter(|_| unknowns.reset_header_always).map(|ends| ("ratelimit-reset", ends));
        let headers = self.monthly_headers(options).into_iter().chain(self.interval_headers(options)).chain(reset);
        headers.fold(answer, |answer, (name, value)| with_header(answer, name, &value))
    }

    fn interval_headers(&self, options: &Options) -> [(&'static str, String); 2] {
        let limit = options.limits.livestorm_calls_per_second;
        let used = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        [
            ("ratelimit-interval-limit", limit.to_string()),
            ("ratelimit-interval-remaining", limit.saturating_sub(used).to_string()),
        ]
    }

    fn monthly_headers(&self, options: &Options) -> [(&'static str, String); 2] {
        let limit = options.limits.livestorm_calls_per_month;
        let names = match options.unknowns.livestorm.monthly_header {
            MonthlyHeader::Monthly => ["ratelimit-monthly-limit", "ratelimit-monthly-remaining"],
            MonthlyHeader::Montly => ["ratelimit-montly-limit", "ratelimit-montly-remaining"],
        };
        [(names[0], limit.to_string()), (names[1], limit.saturating_sub(self.used).to_string())]
    }
}

fn end_of_window(opened: Timestamp, window: MonthlyWindow) -> Timestamp {
    match window {
        MonthlyWindow::ThirtyDaysFromFirstCall => opened.plus(WINDOW),
        MonthlyWindow::CalendarMonth => {
            let day = opened.utc().date_naive();
            let (year, month) = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
            let first = NaiveDate::from_ymd_opt(year, month, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
            let seconds = first.map(|at| at.and_utc().timestamp()).and_then(|seconds| u64::try_from(seconds).ok());
            seconds.map_or(opened.plus(WINDOW), Timestamp::from_seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::unknowns::LivestormUnknowns;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn the_sixth_request_of_any_second_is_refused_and_told_when_to_come_back() {
        let (mut quota, options, start) = (Quota::default(), Options::default(), at("2026-11-22T15:00:00Z"));
        for n in 0..5 {
            assert_eq!(quota.take(start.plus(Duration::from_millis(n * 100)), &options), Ok(()));
        }
        let refused = quota
            .take(start.plus(Duration::from_millis(999)), &options)
            .unwrap_err()
            .answer(&LivestormUnknowns::default());
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["ratelimit-interval-remaining"], "0");
        assert!(!refused.headers().contains_key("ratelimit-monthly-remaining"));
        assert!(String::from_utf8_lossy(refused.body()).contains("throttle limit"));
        assert_eq!(quota.take(start.plus(INTERVAL), &options), Ok(()));
        assert!(
            quota.take(start.plus(INTERVAL), &options).is_err(),
            "the second request of that moment is one too many"
        );
    }

    #[test]
    fn whether_a_refused_call_counts_is_a_switch() {
        for (counts, used) in [(true, 8), (false, 5)] {
            let (mut quota, mut options, start) = (Quota::default(), Options::default(), at("2026-11-22T15:00:00Z"));
            options.unknowns.livestorm.refused_calls_count = counts;
            let answered = (0..8).filter(|_| quota.take(start, &options).is_ok()).count();
            assert_eq!((answered, quota.used), (5, used));
        }
    }

    #[test]
    fn the_month_ends_where_its_switch_says() {
        let rows = [
            (MonthlyWindow::ThirtyDaysFromFirstCall, "2026-12-22T15:00:00Z"),
            (MonthlyWindow::CalendarMonth, "2026-12-01T00:00:00Z"),
        ];
        for (window, end) in rows {
            let (mut quota, mut options) = (Quota::default(), Options::default());
            options.unknowns.livestorm.monthly_window = window;
            options.limits.livestorm_calls_per_month = 1;
            let start = at("2026-11-22T15:00:00Z");
            assert_eq!(quota.take(start, &options), Ok(()));
            let later = start.plus(Duration::from_secs(60));
            let refused = quota.take(later, &options).unwrap_err().answer(&LivestormUnknowns::default());
            assert_eq!(refused.headers()["ratelimit-reset"], at(end).seconds().to_string(), "{window:?}");
            assert_eq!(refused.headers()["retry-after"], at(end).since(later).as_secs().to_string());
            assert_eq!(quota.take(at(end), &options), Ok(()));
        }
    }
}
