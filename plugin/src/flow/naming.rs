//! Names of campaigns and lists: `{title} - 2026-11-22 15:00 UTC` (RULES 9, S2-72). On demand: the title alone.
//!
//! Invariant: the title is cut, never the date; a name has at most 80 characters (Salesforce's `Campaign.Name`).

use crate::{
    calendar::{day, moment},
    host::Instant,
};

pub const CHARACTERS_MAX: usize = 80;
/// Account Engagement has a code (138) for names over 50 and does not say of which objects.
const SHORT_CHARACTERS_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    title: String,
    starts_at: Option<Instant>,
}

plain!(Name { title, starts_at });

impl Name {
    /// `starts_at`: none for on-demand sessions and those not yet dated.
    pub fn new(title: &str, starts_at: Option<Instant>) -> Self {
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let title = title.chars().map(plain).collect::<String>().trim().to_string();
        let title = if title.is_empty() { "Livestorm event".into() } else { title };
        Self { title, starts_at }
    }

    pub fn campaign(&self) -> String {
        self.within(CHARACTERS_MAX, "")
    }

    /// `number`: from 2 on where equal names are in use.
    pub fn list(&self, short: bool, number: u32) -> String {
        let most = if short { SHORT_CHARACTERS_MAX } else { CHARACTERS_MAX };
        let number = if number > 1 { format!(" ({number})") } else { String::new() };
        self.within(most, &number)
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn starts_at(&self) -> Option<Instant> {
        self.starts_at
    }

    /// The UTC date of the name.
    pub fn date(&self) -> Option<String> {
        self.starts_at.map(day)
    }

    fn within(&self, characters_max: usize, number: &str) -> String {
        let date = self.starts_at.map_or_else(String::new, |at| format!(" - {}", moment(at)));
        let rest = characters_max.saturating_sub(date.chars().count() + number.chars().count());
        let title: String = self.title.chars().take(rest).collect();
        format!("{}{date}{number}", title.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Instant = 1_795_359_600_000;

    /// S2-72, S2-76.
    #[test]
    fn a_name_is_title_and_date_in_utc() {
        assert_eq!(Name::new("Product demo", Some(AT)).campaign(), "Product demo - 2026-11-22 15:00 UTC");
        assert_eq!(Name::new("Product demo", None).campaign(), "Product demo");
        assert_eq!(Name::new(" \n", Some(AT)).campaign(), "Livestorm event - 2026-11-22 15:00 UTC");
        assert_eq!(Name::new("a\r\nb", None).campaign(), "a  b");
        assert_eq!(Name::new("x", Some(AT)).date().as_deref(), Some("2026-11-22"));
    }

    #[test]
    fn a_long_title_is_cut_and_the_date_never() {
        let name = Name::new(&"🎉é".repeat(150), Some(AT));
        assert_eq!(name.campaign().chars().count(), 80);
        assert!(name.campaign().starts_with("🎉é🎉"));
        assert!(name.campaign().ends_with(" - 2026-11-22 15:00 UTC"));
        assert_eq!(name.list(true, 1).chars().count(), 50);
        assert!(name.list(true, 12).ends_with(" - 2026-11-22 15:00 UTC (12)"));
        assert_eq!(name.list(false, 1), name.campaign());
        assert_eq!(Name::new(&"x".repeat(300), None).campaign(), "x".repeat(80));
    }

    proptest! {
        #[test]
        fn every_name_fits_and_ends_with_its_date(title in ".{0,300}", at in 0u64..253_402_300_799_999, number in 1u32..20) {
            let name = Name::new(&title, Some(at));
            let date = format!(" - {}", moment(at));
            prop_assert!(name.campaign().chars().count() <= 80);
            prop_assert!(name.campaign().ends_with(&date));
            prop_assert!(name.list(true, number).chars().count() <= 50);
            prop_assert!(name.list(true, number).contains(&date));
            prop_assert!(Name::new(&title, None).campaign().chars().count() <= 80);
            prop_assert!(!name.campaign().contains(char::is_control));
        }
    }
}
