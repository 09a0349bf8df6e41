//! A record whose readers are behind its writers, and a table of such records.
//!
//! Promises: a change made at `t` is seen by a reader that lags by `d` from `t + d` on, exactly, and not a millisecond
//! sooner; who asks for the truth sees it at once. Not here: how far a reader lags (`Options::read_lag`).
//! Account Engagement's read cache is up to 60 s behind writes [confirmed].
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>

use crate::clock::Timestamp;
use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// All states that one record has had, each with the time from which it held.
#[derive(Clone, Debug)]
pub struct Lagged<T> {
    /// By time, oldest first. Never empty.
    versions: Vec<(Timestamp, T)>,
}

impl<T: Clone> Lagged<T> {
    pub fn new(at: Timestamp, first: T) -> Lagged<T> {
        Lagged { versions: vec![(at, first)] }
    }

    /// The truth.
    pub fn now(&self) -> &T {
        &self.newest().1
    }

    /// What a reader sees who is shown the world as it was at `when`. Nothing, where the record did not yet exist.
    pub fn at(&self, when: Timestamp) -> Option<&T> {
        let seen = self.versions.partition_point(|(from, _)| *from <= when);
        seen.checked_sub(1).map(|newest| &self.versions[newest].1)
    }

    /// The states after the one that held at `when`, oldest first, each with the time from which it held.
    pub fn after(&self, when: Timestamp) -> impl Iterator<Item = &(Timestamp, T)> {
        self.versions.iter().skip_while(move |(from, _)| *from <= when)
    }

    /// Two changes at one moment are one version: nobody can look in between.
    pub fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut T)) {
        let (newest_at, mut next) = self.newest().clone();
        change(&mut next);
        let at = at.max(newest_at);
        if at == newest_at {
            self.versions.pop();
        }
        self.versions.push((at, next));
    }

    /// Of what holds at `at` and of all that is to come after it: what readers are still to learn stays for them to learn, and
    /// nothing has to wait for it.
    pub fn change_from(&mut self, at: Timestamp, change: impl FnMut(&mut T)) {
        let before = self.versions.partition_point(|(from, _)| *from < at);
        let has_one = self.versions.get(before).is_some_and(|(from, _)| *from == at);
        if let Some((_, state)) = before.checked_sub(1).map(|last| self.versions[last].clone()).filter(|_| !has_one) {
            self.versions.insert(before, (at, state));
        }
        self.versions[before..].iter_mut().map(|(_, state)| state).for_each(change);
    }

    fn newest(&self) -> &(Timestamp, T) {
        self.versions.last().expect("a record is made with its first version, and no version is ever taken away")
    }
}

/// Records by id, in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Table<K, T> {
    rows: Vec<(K, Lagged<T>)>,
    position: HashMap<K, usize>,
    /// From when until when a record was gone, oldest first. No end: it is gone now.
    gone: HashMap<K, Vec<(Timestamp, Option<Timestamp>)>>,
}

impl<K: Clone + Eq + Hash, T: Clone> Table<K, T> {
    pub fn new() -> Table<K, T> {
        Table { rows: vec![], position: HashMap::new(), gone: HashMap::new() }
    }

    /// An id that is taken already keeps its record and its place; the record is replaced as by a change. What is gone comes
    /// again, and readers who are behind still miss it for as long as it was gone.
    pub fn insert(&mut self, id: K, at: Timestamp, record: T) {
        if let Some((_, until)) = self.gone.get_mut(&id).and_then(|all| all.last_mut()) {
            until.get_or_insert(at);
        }
        match self.position.get(&id) {
            Some(&position) => self.rows[position].1.change(at, |old| *old = record),
            None => {
                self.position.insert(id.clone(), self.rows.len());
                self.rows.push((id, Lagged::new(at, record)));
            }
        }
    }

    pub fn record<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> Option<&Lagged<T>>
    where
        K: Borrow<Q>,
    {
        self.position.get(id).map(|&position| &self.rows[position].1)
    }

    /// Readers see it until `at`. `false` where there is no such record.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, id: &Q, at: Timestamp) -> bool
    where
        K: Borrow<Q>,
    {
        match self.position.get_key_value(id) {
            Some((own, _)) if self.is_there(id) => {
                self.gone.entry(own.clone()).or_default().push((at, None));
                true
            }
            _ => false,
        }
    }

    fn was_there<Q: Eq + Hash + ?Sized>(&self, id: &Q, when: Timestamp) -> bool
    where
        K: Borrow<Q>,
    {
        let mut gone = self.gone.get(id).into_iter().flatten();
        !gone.any(|(from, until)| *from <= when && until.is_none_or(|until| when < until))
    }

    fn is_there<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.gone.get(id).and_then(|all| all.last()).is_none_or(|(_, until)| until.is_some())
    }

    /// The truth about one record.
    pub fn now<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.record(id).filter(|_| self.is_there(id)).map(Lagged::now)
    }

    pub fn at<Q: Eq + Hash + ?Sized>(&self, id: &Q, when: Timestamp) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.record(id).filter(|_| self.was_there(id, when))?.at(when)
    }

    /// `false` where there is no such record.
    pub fn change<Q: Eq + Hash + ?Sized>(&mut self, id: &Q, at: Timestamp, change: impl FnOnce(&mut T)) -> bool
    where
        K: Borrow<Q>,
    {
        match self.position.get(id) {
            Some(&position) if self.is_there(id) => {
                self.rows[position].1.change(at, change);
                true
            }
            _ => false,
        }
    }

    /// Takes the newest record away as if it had never been: no API does that, but tests of whoever looks at the world do.
    pub fn forget_last(&mut self) -> Option<T> {
        let (id, record) = self.rows.pop()?;
        self.position.remove(&id);
        self.gone.remove(&id);
        Some(record.now().clone())
    }

    /// The truth about all, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter().filter(|(id, _)| self.is_there(id)).map(|(_, record)| record.now())
    }

    pub fn all_at(&self, when: Timestamp) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter().filter(move |(id, _)| self.was_there(id, when)).filter_map(move |(_, record)| record.at(when))
    }

    /// How many have been made, those that are gone included: what ids are counted from.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Default for Table<K, T> {
    fn default() -> Self {
        Table::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn a_change_is_seen_from_its_own_moment_and_not_a_millisecond_before() {
        let mut record = Lagged::new(at(10), "made");
        record.change(at(20), |text| *text = "changed");
        let rows = [
            (Timestamp(9_999), None),
            (at(10), Some(&"made")),
            (Timestamp(19_999), Some(&"made")),
            (at(20), Some(&"changed")),
            (Timestamp::MAX, Some(&"changed")),
        ];
        for (when, expected) in rows {
            assert_eq!(record.at(when), expected, "at {when}");
        }
        assert_eq!(record.now(), &"changed");
    }

    #[test]
    fn a_change_of_all_from_a_moment_on_does_not_hurry_what_is_to_come() {
        let mut record = Lagged::new(at(10), String::from("made"));
        record.change(at(30), |text| text.push_str(" later"));
        for moment in [20, 20, 5] {
            record.change_from(at(moment), |text| text.push('!'));
        }
        let rows = [(10, "made!"), (19, "made!"), (20, "made!!!"), (29, "made!!!"), (30, "made later!!!")];
        for (when, expected) in rows {
            assert_eq!(record.at(at(when)).map(String::as_str), Some(expected), "at {when}");
        }
        assert_eq!(record.at(at(9)), None);
    }

    #[test]
    fn an_id_inserted_twice_is_one_record_in_its_first_place() {
        let mut table = Table::new();
        table.insert(1u64, at(1), "a");
        table.insert(2u64, at(1), "b");
        table.insert(1u64, at(2), "c");
        assert_eq!(table.all().collect::<Vec<_>>(), [&"c", &"b"]);
        assert_eq!(table.at(&1, at(1)), Some(&"a"));
    }

    #[test]
    fn what_is_removed_is_gone_from_its_moment_and_may_come_again() {
        let mut table = Table::new();
        table.insert(1u64, at(1), "a");
        table.insert(2u64, at(1), "b");
        assert!(table.remove(&1, at(5)));
        assert!(!table.remove(&1, at(6)) && !table.remove(&3, at(6)));
        assert!(!table.change(&1, at(6), |text| *text = "x"));
        assert_eq!((table.now(&1), table.at(&1, at(4)), table.at(&1, at(5))), (None, Some(&"a"), None));
        assert_eq!(table.all().collect::<Vec<_>>(), [&"b"]);
        assert_eq!((table.all_at(at(4)).count(), table.all_at(at(5)).count(), table.len()), (2, 1, 2));
        table.insert(1u64, at(9), "c");
        assert_eq!(table.now(&1), Some(&"c"));
        let rows = [(4, Some(&"a")), (5, None), (8, None), (9, Some(&"c"))];
        for (when, expected) in rows {
            assert_eq!(table.at(&1, at(when)), expected, "a reader who is behind, at {when}");
            assert_eq!(table.all_at(at(when)).count(), if expected.is_some() { 2 } else { 1 }, "at {when}");
        }
        assert!(table.remove(&1, at(12)));
        assert_eq!((table.now(&1), table.at(&1, at(11)), table.at(&1, at(12))), (None, Some(&"c"), None));
        assert_eq!(table.at(&1, Timestamp::MAX), None);
    }

    proptest! {
        /// The oracle keeps every change and looks for the last one that is not too young.
        #[test]
        fn a_reader_sees_the_last_change_that_is_old_enough(mut times in proptest::collection::vec(0u64..50, 1..20), when in 0u64..60) {
            times.sort_unstable();
            let mut record = Lagged::new(Timestamp(times[0]), 0usize);
            for (number, time) in times.iter().enumerate().skip(1) {
                record.change(Timestamp(*time), |n| *n = number);
            }
            let expected = times.iter().rposition(|time| *time <= when);
            prop_assert_eq!(record.at(Timestamp(when)), expected.as_ref());
        }
    }
}
