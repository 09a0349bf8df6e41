//! Of mapped values the one with the newest source time wins, field by field, whatever the order of handling (RULES 3).
//!
//! Promises: the end is the same for every order and every repetition; an older value handled later writes nothing; nothing
//! is written where nothing changes.

use super::update_policy::{Standing, Update};
use crate::{
    host::{Instant, MINUTE},
    text::digest,
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
    /// When it was read, of what is read back from the source: a later read of the same moment corrects an earlier one.
    pub read_at: Option<Instant>,
    /// When we wrote it. None: it stood there already, or our write of it is old enough to be read.
    pub written_at: Option<Instant>,
    /// The value is of our writing.
    pub is_ours: Option<bool>,
}

plain!(Held { field, value, at, session, read_at, written_at, is_ours });

impl Held {
    fn stamp(&self) -> (Instant, &str, Option<Instant>, &str) {
        (self.at, &self.session, self.read_at, &self.value)
    }

    /// What can be written again: a long value is remembered by its digest alone.
    pub fn text(&self) -> Option<&str> {
        Some(self.value.as_str()).filter(|value| !value.starts_with(DIGEST))
    }
}

/// Longer values are remembered by a digest: the memory of a person has 64 KiB.
const REMEMBERED_BYTES_MAX: usize = 300;
const DIGEST: &str = "digest:";

fn remembered(value: &str) -> String {
    if value.len() <= REMEMBERED_BYTES_MAX && !value.starts_with(DIGEST) {
        value.into()
    } else {
        format!("{DIGEST}{}", digest([value]))
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

/// What one occasion says.
#[derive(Clone, Copy)]
pub struct News<'a> {
    pub values: &'a Values,
    pub at: Instant,
    pub session: &'a str,
    /// See [`Held::read_at`].
    pub read_at: Option<Instant>,
}

/// What is known of the destination when news come.
pub enum Known<'a> {
    /// A read showed these values. Of the fields in `unread` it could show nothing. `is_made_by_us`: so is the record.
    Read { standing: &'a Values, unread: &'a [String], is_made_by_us: bool },
    /// Nothing was read: the record is ours and too young to be read, or its id is known from before. `theirs`: fields that
    /// had somebody else's value when it was last read.
    Remembered { theirs: &'a [String], is_made_by_us: bool },
    /// It is being made.
    New,
}

/// What is to be held after the news, and which of it must be written over what stands at the destination.
pub fn decide(
    held: &[Held],
    news: &News<'_>,
    known: &Known<'_>,
    update: &dyn Fn(&str) -> Update,
    now: Instant,
) -> (Fields, Values) {
    let (mut after, mut writes) = (held.to_vec(), Values::default());
    for (field, value) in news.values.iter().filter(|(_, value)| !value.is_empty()) {
        let incoming = Held {
            field: field.clone(),
            value: remembered(value),
            at: news.at,
            session: news.session.into(),
            read_at: news.read_at,
            written_at: None,
            is_ours: None,
        };
        let before = of(held, field);
        if before.is_some_and(|before| before.stamp() >= incoming.stamp()) {
            continue;
        }
        let young = |held: &&Held| held.written_at.is_some_and(|at| now < at + OWN_WRITE_BELIEVED);
        let held_value = before.map(|before| before.value.clone());
        let (stands, is_theirs) = match (before.filter(young), known) {
            (Some(own), _) => (Some(own.value.clone()), false),
            (None, Known::Read { unread, .. }) if unread.contains(field) => (held_value.clone(), held_value.is_none()),
            (None, Known::Read { standing, .. }) => {
                let stands = standing.get(field).filter(|text| !text.is_empty()).map(|text| remembered(text));
                let is_theirs = stands.is_some() && stands != held_value;
                (stands, is_theirs)
            }
            (None, Known::Remembered { theirs, .. }) => {
                let is_theirs = held_value.is_none() && theirs.contains(field);
                (held_value.clone(), is_theirs)
            }
            (None, Known::New) => (None, false),
        };
        let is_ours = !is_theirs && before.is_some_and(|before| before.is_ours == Some(true));
        let standing = Standing {
            is_empty: !is_theirs && stands.is_none(),
            is_ours,
            is_made_by_us: match known {
                Known::New => true,
                Known::Read { is_made_by_us, .. } | Known::Remembered { is_made_by_us, .. } => *is_made_by_us,
            },
        };
        let same = stands.as_ref() == Some(&incoming.value);
        if !same && !update(field).allows(&standing) {
            continue;
        }
        let (written_at, is_ours) = if same {
            (before.filter(young).and_then(|own| own.written_at), is_ours)
        } else {
            writes.insert(field, value.clone());
            (Some(now), true)
        };
        hold(&mut after, field, Some(Held { written_at, is_ours: is_ours.then_some(true), ..incoming }));
    }
    (after, writes)
}

/// News of several occasions, one after another.
pub fn decide_all(
    held: &[Held],
    news: &[News<'_>],
    known: &Known<'_>,
    update: &dyn Fn(&str) -> Update,
    now: Instant,
) -> (Fields, Values) {
    let (mut after, mut all) = (held.to_vec(), Values::default());
    for one in news {
        let (held, writes) = decide(&after, one, known, update, now);
        after = held;
        writes.iter().for_each(|(field, value)| all.insert(field, value.clone()));
    }
    (after, all)
}

/// Of these fields, those whose value is of somebody else's writing.
pub fn theirs(held: &[Held], standing: &Values, unread: &[String], fields: &[&str]) -> Vec<String> {
    let is_theirs = |field: &&&str| {
        let stands = standing.get(field).filter(|text| !text.is_empty()).map(|text| remembered(text));
        let ours = of(held, field).filter(|held| held.is_ours == Some(true)).map(|held| &held.value);
        // What a query cannot show may be anybody's, unless we wrote it.
        if unread.iter().any(|other| other == **field) {
            ours.is_none()
        } else {
            stands.is_some() && stands.as_ref() != ours
        }
    };
    fields.iter().filter(is_theirs).map(|field| field.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decide(held: &[Held], news: &News<'_>, standing: Option<&Values>, now: Instant) -> (Fields, Values) {
        let known = standing.map_or(Known::Remembered { theirs: &[], is_made_by_us: false }, |standing| Known::Read {
            standing,
            unread: &[],
            is_made_by_us: false,
        });
        super::decide(held, news, &known, &|_| Update::Always, now)
    }

    fn map(rows: &[(&str, &str)]) -> Values {
        rows.iter().map(|(field, value)| (field.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_older_value_handled_later_writes_nothing() {
        let (held, writes) = decide(
            &Fields::new(),
            &News { values: &map(&[("city", "Oslo")]), at: 20, session: "B", read_at: None },
            Some(&map(&[])),
            100,
        );
        assert_eq!(writes, map(&[("city", "Oslo")]));
        let older = News { values: &map(&[("city", "Rome")]), at: 10, session: "A", read_at: None };
        let (after, writes) = decide(&held, &older, Some(&map(&[("city", "Oslo")])), 200);
        assert_eq!((after, writes), (held, map(&[])));
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        let news = News { values: &map(&[("city", "Oslo"), ("company", "")]), at: 20, session: "A", read_at: None };
        let (held, writes) =
            decide(&Fields::new(), &news, Some(&map(&[("city", "Oslo"), ("company", "Example")])), 100);
        assert!(writes.is_empty());
        assert_eq!(of(&held, "city").map(|held| held.written_at), Some(None));
        assert!(of(&held, "company").is_none(), "an empty value never overwrites");
    }

    #[test]
    fn our_own_young_write_is_believed_over_a_read_that_lags() {
        let first = News { values: &map(&[("city", "Oslo")]), at: 10, session: "A", read_at: None };
        let (held, _) = decide(&Fields::new(), &first, Some(&map(&[("city", "Rome")])), 1_000);
        let same = News { values: &map(&[("city", "Oslo")]), at: 20, session: "B", read_at: None };
        let lagging = map(&[("city", "Rome")]);
        assert!(decide(&held, &same, Some(&lagging), 1_000 + OWN_WRITE_BELIEVED - 1).1.is_empty());
        assert_eq!(decide(&held, &same, Some(&lagging), 1_000 + OWN_WRITE_BELIEVED).1, map(&[("city", "Oslo")]));
        let back = News { values: &map(&[("city", "Rome")]), at: 20, session: "B", read_at: None };
        assert_eq!(decide(&held, &back, Some(&lagging), 1_001).1, map(&[("city", "Rome")]), "the read is not believed");
    }

    #[test]
    fn a_policy_keeps_what_somebody_else_wrote_and_lets_our_own_follow_the_newest() {
        let check = |update: Update, standing: &[(&str, &str)], expected: &[&str]| {
            let (mut held, mut standing, mut written) = (Fields::new(), map(standing), vec![]);
            for (step, value) in ["A", "B"].into_iter().enumerate() {
                let values = map(&[("city", value)]);
                let at = 10 + step as u64;
                let news = News { values: &values, at, session: "S", read_at: None };
                let known = Known::Read { standing: &standing, unread: &[], is_made_by_us: false };
                let (after, writes) = super::decide(&held, &news, &known, &|_| update, 1_000_000 * at);
                held = after;
                writes.iter().for_each(|(field, value)| standing.insert(field, value.clone()));
                written.extend(writes.get("city").cloned());
            }
            assert_eq!(written, expected, "{update:?} over {standing:?}");
        };
        check(Update::Always, &[("city", "theirs")], &["A", "B"]);
        check(Update::WhenEmpty, &[("city", "theirs")], &[]);
        check(Update::WhenEmpty, &[], &["A", "B"]);
        check(Update::Never, &[], &[]);
        check(Update::Never, &[("city", "theirs")], &[]);
    }

    #[test]
    fn a_new_record_gets_everything_and_follows_the_newest_whatever_the_policy() {
        let first = map(&[("city", "Oslo")]);
        let news = News { values: &first, at: 10, session: "S", read_at: None };
        let (held, writes) = super::decide(&[], &news, &Known::New, &|_| Update::Never, 100);
        assert_eq!(writes, first);
        let second = map(&[("city", "Rome")]);
        let newer = News { values: &second, at: 20, session: "S", read_at: None };
        let known = Known::Remembered { theirs: &[], is_made_by_us: false };
        assert_eq!(super::decide(&held, &newer, &known, &|_| Update::Never, 100_000_000).1, second);
        let changed = map(&[("city", "by a person")]);
        let read = Known::Read { standing: &changed, unread: &[], is_made_by_us: false };
        assert!(super::decide(&held, &newer, &read, &|_| Update::Never, 100_000_000).1.is_empty());
    }

    #[test]
    fn a_field_that_cannot_be_read_is_written_always_or_where_it_is_ours() {
        let values = map(&[("Topics__c", "a")]);
        let news = News { values: &values, at: 10, session: "S", read_at: None };
        let (standing, unread) = (map(&[]), ["Topics__c".to_string()]);
        let known = Known::Read { standing: &standing, unread: &unread, is_made_by_us: false };
        assert_eq!(super::decide(&[], &news, &known, &|_| Update::Always, 1).1, values);
        assert!(super::decide(&[], &news, &known, &|_| Update::WhenEmpty, 1).1.is_empty());
        let theirs = Known::Remembered { theirs: &unread, is_made_by_us: false };
        assert!(super::decide(&[], &news, &theirs, &|_| Update::WhenEmpty, 1).1.is_empty());
        assert_eq!(
            super::decide(
                &[],
                &news,
                &Known::Remembered { theirs: &[], is_made_by_us: false },
                &|_| Update::WhenEmpty,
                1
            )
            .1,
            values
        );
    }

    /// What stands at the destination after these news in this order.
    fn play(news: &[(u64, u8, Values)], update: Update, is_made_by_us: bool) -> Values {
        let there = if is_made_by_us { map(&[]) } else { map(&[("city", "what a person wrote")]) };
        let (mut held, mut standing) = (Fields::new(), there);
        for (step, (at, session, values)) in news.iter().enumerate() {
            let session = session.to_string();
            let news = News { values, at: *at, session: &session, read_at: None };
            // Made by the first; then read, or known without a read, by turns.
            let known = match step % 2 {
                0 if step == 0 && is_made_by_us => Known::New,
                0 => Known::Read { standing: &standing, unread: &[], is_made_by_us },
                _ if is_made_by_us => Known::Remembered { theirs: &[], is_made_by_us },
                _ => Known::Read { standing: &standing, unread: &[], is_made_by_us },
            };
            let (after, writes) = super::decide(&held, &news, &known, &|_| update, 1_000_000 * step as u64);
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
            for update in [Update::Always, Update::WhenEmpty, Update::Never] {
                for is_made_by_us in [false, true] {
                    let (one, other) = (play(&news, update, is_made_by_us), play(&shuffled, update, is_made_by_us));
                    prop_assert_eq!(one, other, "{:?} {}", update, is_made_by_us);
                }
            }
        }
    }
}
