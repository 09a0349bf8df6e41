//! Dates by their distance from today, such as `TODAY` and `LAST_N_DAYS:30`, in the time zone of the API's user [confirmed].
//! <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm>
//!
//! A week begins on Sunday, as in the United States; the fiscal year is the calendar's, as in a new org. The last n days end
//! with today, while the last n weeks, months, quarters and years end before the present one [confirmed].

use chrono::{Datelike, Days, Months, NaiveDate};
use std::{fmt, ops::Range};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// So many units from the present one.
    At(i32),
    Last,
    Next,
    Ago,
}

/// Such a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relative {
    name: &'static str,
    unit: Unit,
    span: Span,
    /// What stands after the colon, if something does.
    n: Option<u32>,
}

static NAMED: [(&str, Unit, Span); 23] = [
    ("YESTERDAY", Unit::Day, Span::At(-1)),
    ("TODAY", Unit::Day, Span::At(0)),
    ("TOMORROW", Unit::Day, Span::At(1)),
    ("LAST_WEEK", Unit::Week, Span::At(-1)),
    ("THIS_WEEK", Unit::Week, Span::At(0)),
    ("NEXT_WEEK", Unit::Week, Span::At(1)),
    ("LAST_MONTH", Unit::Month, Span::At(-1)),
    ("THIS_MONTH", Unit::Month, Span::At(0)),
    ("NEXT_MONTH", Unit::Month, Span::At(1)),
    ("LAST_QUARTER", Unit::Quarter, Span::At(-1)),
    ("THIS_QUARTER", Unit::Quarter, Span::At(0)),
    ("NEXT_QUARTER", Unit::Quarter, Span::At(1)),
    ("LAST_FISCAL_QUARTER", Unit::Quarter, Span::At(-1)),
    ("THIS_FISCAL_QUARTER", Unit::Quarter, Span::At(0)),
    ("NEXT_FISCAL_QUARTER", Unit::Quarter, Span::At(1)),
    ("LAST_YEAR", Unit::Year, Span::At(-1)),
    ("THIS_YEAR", Unit::Year, Span::At(0)),
    ("NEXT_YEAR", Unit::Year, Span::At(1)),
    ("LAST_FISCAL_YEAR", Unit::Year, Span::At(-1)),
    ("THIS_FISCAL_YEAR", Unit::Year, Span::At(0)),
    ("NEXT_FISCAL_YEAR", Unit::Year, Span::At(1)),
    ("LAST_90_DAYS", Unit::Day, Span::Last),
    ("NEXT_90_DAYS", Unit::Day, Span::Next),
];

static COUNTED: [(&str, Unit, Span); 21] = [
    ("LAST_N_DAYS", Unit::Day, Span::Last),
    ("NEXT_N_DAYS", Unit::Day, Span::Next),
    ("N_DAYS_AGO", Unit::Day, Span::Ago),
    ("LAST_N_WEEKS", Unit::Week, Span::Last),
    ("NEXT_N_WEEKS", Unit::Week, Span::Next),
    ("N_WEEKS_AGO", Unit::Week, Span::Ago),
    ("LAST_N_MONTHS", Unit::Month, Span::Last),
    ("NEXT_N_MONTHS", Unit::Month, Span::Next),
    ("N_MONTHS_AGO", Unit::Month, Span::Ago),
    ("LAST_N_QUARTERS", Unit::Quarter, Span::Last),
    ("NEXT_N_QUARTERS", Unit::Quarter, Span::Next),
    ("N_QUARTERS_AGO", Unit::Quarter, Span::Ago),
    ("LAST_N_FISCAL_QUARTERS", Unit::Quarter, Span::Last),
    ("NEXT_N_FISCAL_QUARTERS", Unit::Quarter, Span::Next),
    ("N_FISCAL_QUARTERS_AGO", Unit::Quarter, Span::Ago),
    ("LAST_N_YEARS", Unit::Year, Span::Last),
    ("NEXT_N_YEARS", Unit::Year, Span::Next),
    ("N_YEARS_AGO", Unit::Year, Span::Ago),
    ("LAST_N_FISCAL_YEARS", Unit::Year, Span::Last),
    ("NEXT_N_FISCAL_YEARS", Unit::Year, Span::Next),
    ("N_FISCAL_YEARS_AGO", Unit::Year, Span::Ago),
];

impl Relative {
    pub fn read(text: &str) -> Option<Relative> {
        let (name, n) = match text.split_once(':') {
            Some((name, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => (name, Some(n.parse().ok()?)),
            Some(_) => return None,
            None => (text, None),
        };
        let table: &[(&'static str, Unit, Span)] = if n.is_some() { &COUNTED } else { &NAMED };
        let &(name, unit, span) = table.iter().find(|row| row.0.eq_ignore_ascii_case(name))?;
        Some(Relative { name, unit, span, n })
    }

    /// The days that are meant, the end left out.
    pub fn days(self, today: NaiveDate) -> Range<NaiveDate> {
        // 90 is in the name of those that have no number of their own.
        let n = i64::from(self.n.unwrap_or(90));
        let (from, to) = match self.span {
            Span::At(at) => (i64::from(at), i64::from(at) + 1),
            Span::Last if self.unit == Unit::Day => (-n, 1),
            Span::Last => (-n, 0),
            Span::Next => (1, n + 1),
            Span::Ago => (-n, -n + 1),
        };
        start(self.unit, from, today)..start(self.unit, to, today)
    }
}

/// The first day of the unit that is so far from today's.
fn start(unit: Unit, distance: i64, today: NaiveDate) -> NaiveDate {
    let by_days = |first: Option<NaiveDate>, days: i64| match days < 0 {
        true => first?.checked_sub_days(Days::new(days.unsigned_abs())),
        false => first?.checked_add_days(Days::new(days.unsigned_abs())),
    };
    let by_months = |first: Option<NaiveDate>, months: i64| {
        let many = u32::try_from(months.unsigned_abs()).ok().map(Months::new)?;
        if months < 0 { first?.checked_sub_months(many) } else { first?.checked_add_months(many) }
    };
    let first_of = |month: u32| NaiveDate::from_ymd_opt(today.year(), month, 1);
    let day = match unit {
        Unit::Day => by_days(Some(today), distance),
        Unit::Week => by_days(Some(today), distance * 7 - i64::from(today.weekday().num_days_from_sunday())),
        Unit::Month => by_months(first_of(today.month()), distance),
        Unit::Quarter => by_months(first_of(today.month0() / 3 * 3 + 1), distance * 3),
        Unit::Year => by_months(first_of(1), distance * 12),
    };
    day.unwrap_or(if distance < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.n.map_or(Ok(()), |n| write!(f, ":{n}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_means_its_days() {
        let today: NaiveDate = "2026-11-23".parse().unwrap();
        let rows = [
            ("TODAY", "2026-11-23", "2026-11-24"),
            ("yesterday", "2026-11-22", "2026-11-23"),
            ("TOMORROW", "2026-11-24", "2026-11-25"),
            ("THIS_WEEK", "2026-11-22", "2026-11-29"),
            ("LAST_WEEK", "2026-11-15", "2026-11-22"),
            ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
            ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
            ("LAST_FISCAL_YEAR", "2025-01-01", "2026-01-01"),
            ("LAST_90_DAYS", "2026-08-25", "2026-11-24"),
            ("LAST_N_DAYS:1", "2026-11-22", "2026-11-24"),
            ("NEXT_N_DAYS:2", "2026-11-24", "2026-11-26"),
            ("N_DAYS_AGO:2", "2026-11-21", "2026-11-22"),
            ("LAST_N_MONTHS:2", "2026-09-01", "2026-11-01"),
            ("NEXT_N_YEARS:1", "2027-01-01", "2028-01-01"),
            ("N_QUARTERS_AGO:1", "2026-07-01", "2026-10-01"),
        ];
        for (text, from, to) in rows {
            let read = Relative::read(text).unwrap();
            assert_eq!(read.days(today), from.parse().unwrap()..to.parse().unwrap(), "{text}");
            assert_eq!(Relative::read(&read.to_string()), Some(read));
        }
        for text in ["LAST_N_DAYS", "TODAY:1", "LAST_N_DAYS:", "LAST_N_DAYS:-1", "LAST_N_DAYS:99999999999", "SOON"] {
            assert_eq!(Relative::read(text), None, "{text}");
        }
        for (name, ..) in COUNTED {
            let far = Relative::read(&format!("{name}:{}", u32::MAX)).unwrap();
            far.days(today);
        }
    }
}
