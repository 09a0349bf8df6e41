//! Of mapped values the one with the newest source time wins, field by field, whatever the order of handling (RULES 3).
//!
//! Promises: the end is the same for every order and every repetition; an older value handled later writes nothing; nothing
//! is written where nothing changes.

use crate::{
    host::{Instant, MINUTE},
    values::Values,
};

/// Reads may be older than a write of ours for this long; until then our own write is believed.
const OWN_WRITE_BELIEVED: u64 = 2 * MINUTE;

/// What we hold to be the newest value of one field, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub field: String,
    pub value: String,
    /// Source time.
    pub at: Instant,
    /// Breaks a tie of equal times, so that the order of handling never does.
    pub session: String,
    /// When we wrote it. None: it stood there already.
    pub written_at: Option<Instant>,
}

plain!(Held { field, value, at, session, written_at });

impl Held {
    fn stamp(&self) -> (Instant, &str, &str) {
        (self.at, &self.session, &self.value)
    }
}

/// One for each field.
pub type Fields = Vec<Held>;

pub fn of<'a>(fields: &'a [Held], field: &str) -> Option<&'a Held> {
    fields.iter().find(|held| held.field == field)
}

/// Puts what is held of a field in the place of what was.
pub fn hold(fields: &mut Fields, field: &str, held: Option<Held>) {
    fields.retain(|held| held.field != field);
    fields.extend(held);
}

/// The news of one registration.
pub struct News<'a> {
    pub values: &'a Values,
    pub at: Instant,
    pub session: &'a str,
}

/// What is to be held after the news, and which of it must be written over what stands at the destination. `standing` is
/// what a read showed: None where nothing was read, because the record is ours and too young to be read.
pub fn decide(held: &[Held], news: &News<'_>, standing: Option<&Values>, now: Instant) -> (Fields, Values) {
    let (mut after, mut writes) = (held.to_vec(), Values::default());
    for (field, value) in news.values.iter().filter(|(_, value)| !value.is_empty()) {
        let incoming = Held {
            field: field.clone(),
            value: value.clone(),
            at: news.at,
            session: news.session.into(),
            written_at: None,
        };
        let before = of(held, field);
        if before.is_some_and(|before| before.stamp() >= incoming.stamp()) {
            continue;
        }
        let young = |held: &&Held| held.written_at.is_some_and(|at| now < at + OWN_WRITE_BELIEVED);
        let stands = match (before.filter(young), standing) {
            (Some(own), _) => Some(&own.value),
            (None, Some(standing)) => standing.get(field),
            (None, None) => before.map(|before| &before.value),
        };
        let written_at = if stands == Some(value) {
            before.filter(young).and_then(|own| own.written_at)
        } else {
            writes.insert(field, value.clone());
            Some(now)
        };
        hold(&mut after, field, Some(Held { written_at, ..incoming }));
    }
    (after, writes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(rows: &[(&str, &str)]) -> Values {
        rows.iter().map(|(field, value)| (field.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_older_value_handled_later_writes_nothing() {
        let (held, writes) = decide(
            &Fields::new(),
            &News { values: &map(&[("city", "Oslo")]), at: 20, session: "B" },
            Some(&map(&[])),
            100,
        );
        assert_eq!(writes, map(&[("city", "Oslo")]));
        let older = News { values: &map(&[("city", "Rome")]), at: 10, session: "A" };
        let (after, writes) = decide(&held, &older, Some(&map(&[("city", "Oslo")])), 200);
        assert_eq!((after, writes), (held, map(&[])));
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        let news = News { values: &map(&[("city", "Oslo"), ("company", "")]), at: 20, session: "A" };
        let (held, writes) =
            decide(&Fields::new(), &news, Some(&map(&[("city", "Oslo"), ("company", "Example")])), 100);
        assert!(writes.is_empty());
        assert_eq!(of(&held, "city").map(|held| held.written_at), Some(None));
        assert!(of(&held, "company").is_none(), "an empty value never overwrites");
    }

    #[test]
    fn our_own_young_write_is_believed_over_a_read_that_lags() {
        let first = News { values: &map(&[("city", "Oslo")]), at: 10, session: "A" };
        let (held, _) = decide(&Fields::new(), &first, Some(&map(&[("city", "Rome")])), 1_000);
        let same = News { values: &map(&[("city", "Oslo")]), at: 20, session: "B" };
        let lagging = map(&[("city", "Rome")]);
        assert!(decide(&held, &same, Some(&lagging), 1_000 + OWN_WRITE_BELIEVED - 1).1.is_empty());
        assert_eq!(decide(&held, &same, Some(&lagging), 1_000 + OWN_WRITE_BELIEVED).1, map(&[("city", "Oslo")]));
        let back = News { values: &map(&[("city", "Rome")]), at: 20, session: "B" };
        assert_eq!(decide(&held, &back, Some(&lagging), 1_001).1, map(&[("city", "Rome")]), "the read is not believed");
    }

    /// What stands at the destination after these news in this order.
    fn play(news: &[(u64, u8, Values)]) -> Values {
        let (mut held, mut standing) = (Fields::new(), map(&[("city", "what a person wrote")]));
        for (step, (at, session, values)) in news.iter().enumerate() {
            let session = session.to_string();
            let news = News { values, at: *at, session: &session };
            let (after, writes) = decide(&held, &news, Some(&standing), 1_000_000 * step as u64);
            held = after;
            writes.iter().for_each(|(field, value)| standing.insert(field, value.clone()));
        }
        standing
    }

    proptest! {
        #[test]
        fn the_newest_value_of_each_field_wins_in_every_order(
            news in prop::collection::vec(
                (0u64..4, 0u8..3, prop::collection::btree_map("city|company|phone", "[ab]{0,1}", 0..3)), 1..7),
            seed in prop::collection::vec(any::<prop::sample::Index>(), 12),
        ) {
            let news: Vec<_> = news.into_iter().map(|(at, by, values)| (at, by, values.into_iter().collect())).collect();
            let mut shuffled = news.clone();
            for (place, index) in seed.iter().enumerate() {
                let other = index.index(shuffled.len());
                let place = place % shuffled.len();
                shuffled.swap(place, other);
            }
            shuffled.extend(news.iter().take(2).cloned());
            prop_assert_eq!(play(&news), play(&shuffled));
        }
    }
}
