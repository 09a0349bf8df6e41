//! Who is next. Installations take turns; within one, keys take theirs in the order in which they got something to do; within
//! a key the lanes decide. So many runs are side by side in an installation and in all, and no more. Promises: no key
//! runs twice at a time; an installation that has something to do, and room, is not overtaken twice by the same other one,
//! nor is a key of it by another of its keys with work of the same lane; a timer is never early. Pure: it is told the time.
//!
//! Bulk takes minutes and has no end, prompt work is what somebody waits for: of the places, in an installation and in all, bulk leaves
//! some free ([`bulk_max`]), however much of it there is. It has its turn like all else, so that prompt work does not starve it.
//!
//! A run that waits for a provider that does not answer holds its place all the while. So installations whose runs take long
//! ([`SLOW`]) have half of all places together for a while, however many they are: the others wait once, for those who are not
//! known as slow yet, and then no more.
//!
//! Here stands only *when* a key has something to do. What that is, the store says when the key's turn has come, so a
//! stale hint costs one look and no more.

use super::run::Part;
use crate::{clock::Timestamp, effect::Lane};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A run that takes so long waits for a provider: a batch is sized to take less.
pub const SLOW: Duration = Duration::from_secs(20);
/// For how long that is remembered of its installation: quick runs between, such as those that take in deliveries, say nothing.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// An ordering key of an installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub installation: String,
    pub key: String,
}

/// When a key has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    pub at: Timestamp,
    /// When it has something that is not bulk, if so.
    pub prompt_at: Option<Timestamp>,
}

impl Next {
    /// Nothing of it is bulk.
    pub fn prompt(at: Timestamp) -> Next {
        Next { at, prompt_at: Some(at) }
    }
}

/// Of so many places, those that bulk may have: three quarters, at least one.
fn bulk_max(places: usize) -> usize {
    (places - places.div_ceil(4)).max(1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Until(Next),
    Ready {
        /// Its place in the line.
        turn: u64,
        /// The line in which it stands.
        lane: Lane,
        /// When it changes to the other.
        prompt_at: Option<Timestamp>,
    },
    Live {
        /// Something was said about it meanwhile.
        said: bool,
        since: Timestamp,
        lane: Lane,
    },
}

/// Who is ready, by turn.
#[derive(Debug, Default)]
struct Lines {
    prompt: BTreeMap<u64, Key>,
    bulk: BTreeMap<u64, Key>,
}

impl Lines {
    fn of(&mut self, lane: Lane) -> &mut BTreeMap<u64, Key> {
        match lane {
            Lane::Prompt => &mut self.prompt,
            Lane::Bulk => &mut self.bulk,
        }
    }

    fn first(&self, with_bulk: bool) -> Option<(u64, &Key)> {
        let bulk = self.bulk.first_key_value().filter(|_| with_bulk);
        self.prompt.first_key_value().into_iter().chain(bulk).map(|(turn, key)| (*turn, key)).min()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct LiveRuns {
    all: usize,
    bulk: usize,
}

#[derive(Debug)]
pub struct Schedule {
    runs_max: usize,
    runs_per_installation_max: usize,
    keys: BTreeMap<Key, Standing>,
    timers: BTreeSet<(Timestamp, Key)>,
    /// By installation.
    ready: BTreeMap<String, Lines>,
    live: BTreeMap<String, LiveRuns>,
    /// Whose runs took long, and until when that is remembered.
    slow: BTreeMap<String, Timestamp>,
    /// By installation: its last turn.
    had: BTreeMap<String, u64>,
    turns: u64,
}

impl Schedule {
    pub fn new(runs_max: usize, runs_per_installation_max: usize) -> Schedule {
        Schedule {
            runs_max: runs_max.max(1),
            runs_per_installation_max: runs_per_installation_max.max(1),
            keys: BTreeMap::new(),
            timers: BTreeSet::new(),
            ready: BTreeMap::new(),
            live: BTreeMap::new(),
            slow: BTreeMap::new(),
            had: BTreeMap::new(),
            turns: 0,
        }
    }

    /// The key has something to do then, or never. Of a live one it is only noted that something was said.
    pub fn set(&mut self, key: &Key, next: Option<Next>, now: Timestamp) {
        match self.keys.get_mut(key) {
            Some(Standing::Live { said, .. }) => *said = true,
            // It keeps its place.
            Some(Standing::Ready { turn, .. }) if next.is_some_and(|next| next.at <= now) => {
                let turn = *turn;
                self.forget(key);
                self.line_up(key.clone(), turn, next.and_then(|next| next.prompt_at), now);
            }
            _ => {
                self.forget(key);
                if let Some(next) = next {
                    self.wait(key.clone(), next, now);
                }
            }
        }
    }

    fn wait(&mut self, key: Key, next: Next, now: Timestamp) {
        if next.at <= now {
            self.turns += 1;
            self.line_up(key, self.turns, next.prompt_at, now);
        } else {
            self.timers.insert((next.at, key.clone()));
            self.keys.insert(key, Standing::Until(next));
        }
    }

    /// The next key to run; it is live from here on.
    pub fn begin(&mut self, now: Timestamp) -> Option<Key> {
        while let Some((at, key)) = self.timers.first().cloned()
            && at <= now
        {
            match self.forget(&key) {
                Some(Standing::Until(next)) => self.wait(key, next, now),
                Some(Standing::Ready { turn, prompt_at, .. }) => self.line_up(key, turn, prompt_at, now),
                Some(Standing::Live { .. }) | None => {}
            }
        }
        if self.live() >= self.runs_max {
            return None;
        }
        self.slow.retain(|_, until| *until > now);
        let of = |installation: &str| self.live.get(installation).copied().unwrap_or_default();
        let of_slow: usize = self.slow.keys().map(|installation| of(installation).all).sum();
        let room_for_slow = of_slow < self.runs_max.div_ceil(2);
        let free = |installation: &str| {
            of(installation).all < self.runs_per_installation_max
                && (room_for_slow || !self.slow.contains_key(installation))
        };
        let of_bulk: usize = self.live.values().map(|live| live.bulk).sum();
        let room_for_bulk = of_bulk < bulk_max(self.runs_max);
        let with_bulk =
            |installation: &str| room_for_bulk && of(installation).bulk < bulk_max(self.runs_per_installation_max);
        let first = |(installation, lines): (&String, &Lines)| {
            let had = self.had.get(installation);
            let first = lines.first(with_bulk(installation)).filter(|_| free(installation));
            first.map(|(turn, key)| ((had, turn), key.clone()))
        };
        let (_, key) = self.ready.iter().filter_map(first).min_by_key(|(turn, _)| *turn)?;
        let Some(Standing::Ready { lane, .. }) = self.forget(&key) else { return None };
        self.turns += 1;
        self.had.insert(key.installation.clone(), self.turns);
        let live = self.live.entry(key.installation.clone()).or_default();
        live.all += 1;
        live.bulk += usize::from(lane == Lane::Bulk);
        self.keys.insert(key.clone(), Standing::Live { said: false, since: now, lane });
        Some(key)
    }

    /// No longer live. What it does next is then said with `set`. Answers whether something was said about it meanwhile.
    pub fn ended(&mut self, key: &Key, now: Timestamp) -> bool {
        let Some(Standing::Live { said, since, lane }) = self.keys.get(key).copied() else { return false };
        if now.since(since) >= SLOW {
            self.slow.insert(key.installation.clone(), now.plus(REMEMBERED));
        }
        self.keys.remove(key);
        if let Some(live) = self.live.get_mut(&key.installation) {
            live.all -= 1;
            live.bulk -= usize::from(lane == Lane::Bulk);
            if live.all == 0 {
                self.live.remove(&key.installation);
            }
        }
        said
    }

    pub fn live(&self) -> usize {
        self.live.values().map(|live| live.all).sum()
    }

    /// When the next timer is due. Who is ready needs none, but to change lines: the end of a run calls it.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn forget(&mut self, key: &Key) -> Option<Standing> {
        let standing = self.keys.remove(key);
        match standing {
            Some(Standing::Until(Next { at, .. })) => {
                self.timers.remove(&(at, key.clone()));
            }
            Some(Standing::Ready { turn, lane, prompt_at }) => {
                if let Some(at) = prompt_at {
                    self.timers.remove(&(at, key.clone()));
                }
                if let Some(lines) = self.ready.get_mut(&key.installation) {
                    lines.of(lane).remove(&turn);
                    if lines.prompt.is_empty() && lines.bulk.is_empty() {
                        self.ready.remove(&key.installation);
                    }
                }
            }
            Some(Standing::Live { .. }) | None => {}
        }
        standing
    }

    fn line_up(&mut self, key: Key, turn: u64, prompt_at: Option<Timestamp>, now: Timestamp) {
        let lane = if prompt_at.is_some_and(|at| at <= now) { Lane::Prompt } else { Lane::Bulk };
        let prompt_at = prompt_at.filter(|at| *at > now);
        if let Some(at) = prompt_at {
            self.timers.insert((at, key.clone()));
        }
        self.ready.entry(key.installation.clone()).or_default().of(lane).insert(turn, key.clone());
        self.keys.insert(key, Standing::Ready { turn, lane, prompt_at });
    }
}

/// How many of a key's due tasks, given in the order of lane and age, make the next batch: the first, and those that follow it
/// in its lane and its part. Stopping at the first that does not fit, instead of looking further, is what keeps
/// anyone from being overtaken; a prompt task does not wait for bulk ones in its own batch.
pub fn batch(due: &[(Lane, Option<Part>)], tasks_max: usize) -> usize {
    let fits = |next: &&(Lane, Option<Part>)| Some(*next) == due.first();
    due.iter().take_while(fits).take(tasks_max.max(1)).count()
}

/// How much of a time put off was a pause, when that pause ends. `other` is when the pause of the other kind (key or
/// installation) began, if it goes on: its time is counted when it ends, and not twice.
pub fn paused(since: Timestamp, other: Option<Timestamp>, put_off_at: Timestamp, now: Timestamp) -> Duration {
    let until = other.map_or(now, |other| now.min(other));
    until.since(since.max(put_off_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(installation: u8, key: u8) -> Key {
        Key { installation: format!("i{installation}"), key: format!("k{key}") }
    }

    const NOW: Timestamp = Timestamp(100);

    fn prompt(at: Timestamp) -> Option<Next> {
        Some(Next::prompt(at))
    }

    fn bulk(at: Timestamp) -> Option<Next> {
        Some(Next { at, prompt_at: None })
    }

    #[test]
    fn keys_take_turns_and_an_installation_has_no_more_runs_than_allowed() {
        let mut s = Schedule::new(9, 2);
        for (i, k) in [(1, 1), (1, 2), (1, 3), (2, 1)] {
            s.set(&key(i, k), prompt(NOW), NOW);
        }
        let began: Vec<Key> = std::iter::from_fn(|| s.begin(NOW)).collect();
        assert_eq!(began, [key(1, 1), key(2, 1), key(1, 2)]);
        s.ended(&key(1, 1), NOW);
        s.set(&key(1, 1), prompt(NOW), NOW);
        assert_eq!(s.begin(NOW), Some(key(1, 3)), "the key that has run stands at the end of the line");
        assert_eq!(s.begin(NOW), None);
    }

    #[test]
    fn in_all_there_are_no_more_runs_than_allowed_and_installations_take_turns() {
        let mut s = Schedule::new(2, 2);
        for k in 1..=9 {
            s.set(&key(1, k), prompt(NOW), NOW);
        }
        assert_eq!([s.begin(NOW), s.begin(NOW), s.begin(NOW)], [Some(key(1, 1)), Some(key(1, 2)), None]);
        s.set(&key(2, 1), prompt(NOW), NOW);
        s.set(&key(2, 2), prompt(NOW), NOW);
        s.ended(&key(1, 1), NOW);
        assert_eq!([s.begin(NOW), s.begin(NOW)], [Some(key(2, 1)), None], "it came last and had nothing yet");
        s.ended(&key(1, 2), NOW);
        assert_eq!(s.begin(NOW), Some(key(1, 3)));
        s.ended(&key(1, 3), NOW);
        assert_eq!(s.begin(NOW), Some(key(2, 2)), "its turn is longer ago");
    }

    #[test]
    fn those_whose_runs_take_long_have_half_of_the_places_for_a_while() {
        let mut s = Schedule::new(4, 1);
        let all = |s: &mut Schedule, installations: std::ops::Range<u8>, now| {
            installations.for_each(|i| s.set(&key(i, 1), prompt(now), now));
            std::iter::from_fn(|| s.begin(now)).collect::<Vec<Key>>()
        };
        assert_eq!(all(&mut s, 0..4, NOW).len(), 4, "nobody knows yet");
        let later = NOW.plus(SLOW);
        for (i, at) in [(0, later), (1, later), (2, later), (3, later.minus(Duration::from_millis(1)))] {
            s.ended(&key(i, 1), at);
        }
        assert_eq!(all(&mut s, 0..4, later), [key(0, 1), key(1, 1), key(3, 1)], "two of the three who are slow");
        s.ended(&key(3, 1), later);
        assert_eq!(s.begin(later), None);
        s.ended(&key(0, 1), later);
        assert_eq!(s.begin(later), Some(key(2, 1)), "a quick run between says nothing");
        assert_eq!(
            all(&mut s, 4..7, later),
            [key(4, 1), key(5, 1)],
            "the others have the other half, and more where it is free"
        );
        for i in [1, 2, 4, 5] {
            s.ended(&key(i, 1), later);
        }
        assert_eq!(all(&mut s, 0..4, later.plus(REMEMBERED)).len(), 4, "in the end it is forgotten");
    }

    #[test]
    fn bulk_leaves_places_to_prompt_work_and_has_its_turn() {
        assert_eq!([1, 2, 3, 4, 10, 48].map(bulk_max), [1, 1, 2, 3, 7, 36]);
        let mut s = Schedule::new(9, 2);
        for k in 1..=3 {
            s.set(&key(1, k), bulk(NOW), NOW);
        }
        assert_eq!([s.begin(NOW), s.begin(NOW)], [Some(key(1, 1)), None], "one place is kept");
        s.set(&key(1, 4), prompt(NOW), NOW);
        assert_eq!([s.begin(NOW), s.begin(NOW)], [Some(key(1, 4)), None]);
        s.set(&key(1, 5), prompt(NOW), NOW);
        s.ended(&key(1, 1), NOW);
        assert_eq!(s.begin(NOW), Some(key(1, 2)), "prompt work does not starve it: it came before");
        s.ended(&key(1, 4), NOW);
        assert_eq!([s.begin(NOW), s.begin(NOW)], [Some(key(1, 5)), None], "bulk has what it may have");
        s.ended(&key(1, 5), NOW);
        assert_eq!(s.begin(NOW), None);
        s.ended(&key(1, 2), NOW);
        assert_eq!([s.begin(NOW), s.begin(NOW)], [Some(key(1, 3)), None]);

        let mut s = Schedule::new(4, 1);
        (1..=4).for_each(|i| s.set(&key(i, 1), bulk(NOW), NOW));
        let began: Vec<Key> = std::iter::from_fn(|| s.begin(NOW)).collect();
        assert_eq!(began, [key(1, 1), key(2, 1), key(3, 1)], "in all as well");
        s.set(&key(5, 1), prompt(NOW), NOW);
        assert_eq!(s.begin(NOW), Some(key(5, 1)));
    }

    #[test]
    fn a_key_in_line_becomes_prompt_when_it_has_prompt_work() {
        let mut s = Schedule::new(9, 2);
        s.set(&key(1, 1), bulk(NOW), NOW);
        assert_eq!(s.begin(NOW), Some(key(1, 1)));
        let then = Timestamp(150);
        s.set(&key(1, 2), Some(Next { at: NOW, prompt_at: Some(then) }), NOW);
        s.set(&key(1, 3), bulk(NOW), NOW);
        assert_eq!((s.begin(NOW), s.next_at()), (None, Some(then)));
        assert_eq!([s.begin(then), s.begin(then)], [Some(key(1, 2)), None], "its time has come");
        s.ended(&key(1, 2), then);
        assert_eq!((s.begin(then), s.next_at()), (None, None));
        s.set(&key(1, 3), prompt(then), then);
        assert_eq!(s.begin(then), Some(key(1, 3)), "or it was said");
        s.set(&key(1, 4), Some(Next { at: NOW, prompt_at: Some(Timestamp(200)) }), then);
        s.set(&key(1, 4), None, then);
        assert_eq!(s.next_at(), None);
    }

    #[test]
    fn what_is_said_about_a_live_key_is_not_lost() {
        let mut s = Schedule::new(2, 2);
        s.set(&key(1, 1), prompt(NOW), NOW);
        for said in [false, true, false] {
            s.set(&key(1, 1), prompt(NOW), NOW);
            assert_eq!(s.begin(NOW), Some(key(1, 1)));
            if said {
                s.set(&key(1, 1), None, NOW);
            }
            assert_eq!(s.ended(&key(1, 1), NOW), said);
        }
    }

    #[test]
    fn a_timer_is_never_early_and_a_newer_word_replaces_an_older_one() {
        let mut s = Schedule::new(9, 1);
        s.set(&key(1, 1), prompt(Timestamp(150)), NOW);
        s.set(&key(1, 2), prompt(Timestamp(140)), NOW);
        s.set(&key(1, 2), prompt(Timestamp(160)), NOW);
        assert_eq!(s.next_at(), Some(Timestamp(150)));
        assert_eq!(s.begin(Timestamp(149)), None);
        assert_eq!(s.begin(Timestamp(150)), Some(key(1, 1)));
        s.set(&key(1, 2), None, NOW);
        assert_eq!(s.next_at(), None);
    }

    #[test]
    fn a_batch_is_of_one_lane_and_one_part_and_skips_nobody() {
        use Lane::{Bulk, Prompt};
        let part = Some(Part(3));
        let check = |due: &[(Lane, Option<Part>)], max, expect| assert_eq!(batch(due, max), expect, "{due:?}");
        check(&[], 5, 0);
        check(&[(Prompt, None); 9], 5, 5);
        check(&[(Prompt, None)], 0, 1);
        check(&[(Prompt, None), (Bulk, None)], 5, 1);
        check(&[(Bulk, part), (Bulk, part), (Bulk, None), (Bulk, part)], 5, 2);
        check(&[(Bulk, None), (Bulk, part), (Bulk, None)], 5, 1);
    }

    #[test]
    fn a_pause_is_counted_once_however_pauses_overlap() {
        let ms = |since, other: Option<u64>, put_off, now| {
            paused(Timestamp(since), other.map(Timestamp), Timestamp(put_off), Timestamp(now)).as_millis()
        };
        assert_eq!(ms(10, None, 5, 30), 20);
        assert_eq!(ms(10, None, 15, 30), 15, "put off while it was paused");
        assert_eq!(ms(10, None, 40, 30), 0);
        // The key from 10 to 30, the installation from 20 to 50.
        assert_eq!(ms(10, Some(20), 5, 30) + ms(20, None, 5, 50), 40);
        // The installation within the key's pause.
        assert_eq!(ms(20, Some(10), 5, 30) + ms(10, None, 5, 50), 40);
    }

    impl Schedule {
        fn is_bulk(&self, key: &Key) -> bool {
            matches!(self.keys.get(key), Some(Standing::Live { lane: Lane::Bulk, .. }))
        }
    }

    proptest! {
        /// However words, turns and ends follow each other: no key runs twice at a time, no bound is passed, and nobody who is
        /// due is forgotten.
        #[test]
        fn nobody_is_run_twice_or_forgotten(
            steps in proptest::collection::vec(
                (0u8..3, 0u8..3, 0u8..4, proptest::option::of((0u64..20, proptest::option::of(0u64..20)))), 1..60
            ),
            max in 1usize..3, max_in_all in 1usize..5,
        ) {
            let mut s = Schedule::new(max_in_all, max);
            let mut live: Vec<Key> = vec![];
            let mut wanted: BTreeMap<Key, Timestamp> = BTreeMap::new();
            for (now, (what, i, k, next)) in (0u64..).zip(steps) {
                let (now, key) = (Timestamp(now), key(i, k));
                let next = next.map(|(at, more)| {
                    Next { at: Timestamp(at), prompt_at: more.map(|more| Timestamp(at + more)) }
                });
                match what {
                    0 => {
                        s.set(&key, next, now);
                        if !live.contains(&key) {
                            match next {
                                Some(next) => { wanted.insert(key, next.at); }
                                None => { wanted.remove(&key); }
                            }
                        }
                    }
                    1 => if let Some(began) = s.begin(now) {
                        prop_assert!(!live.contains(&began));
                        prop_assert!(wanted.remove(&began).is_some_and(|at| at <= now));
                        live.push(began.clone());
                        let beside = live.iter().filter(|k| k.installation == began.installation);
                        prop_assert!(beside.count() <= max && live.len() <= max_in_all);
                        let bulk: Vec<&String> = live.iter().filter(|key| s.is_bulk(key)).map(|key| &key.installation).collect();
                        let of_one = bulk.iter().filter(|of| ***of == began.installation).count();
                        prop_assert!(of_one <= bulk_max(max) && bulk.len() <= bulk_max(max_in_all));
                    },
                    _ => if !live.is_empty() {
                        s.ended(&live.remove(0), now);
                    },
                }
            }
            for key in live.drain(..) {
                s.ended(&key, Timestamp::MAX);
            }
            while let Some(began) = s.begin(Timestamp::MAX) {
                prop_assert!(wanted.remove(&began).is_some());
                s.ended(&began, Timestamp::MAX);
            }
            prop_assert!(wanted.is_empty());
        }
    }
}
