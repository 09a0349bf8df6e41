//! How many tasks a run is given: as many as a key gets done in seconds. A key that is slow (a provider that is, or one that is asked as
//! often as it may be) gets fewer, so that others of its installation come to their turn and a crash has less to play again;
//! a key that is quick gets twice as many, up to what the connector takes.
//!
//! Promises: never more than the connector takes, never none. Pure, and not kept: after a start each key begins with all it may have.

use super::schedule::Key;
use std::{collections::HashMap, time::Duration};

/// A run that took less may be given twice as much the next time.
const QUICK: Duration = Duration::from_secs(5);
/// One that took longer gets half.
const SLOW: Duration = Duration::from_secs(10);
/// Beyond what any connector takes: nothing is to be remembered of such a key.
const MANY: usize = 1_024;

/// What keys are given that are not given all.
#[derive(Debug, Default)]
pub struct Batches(HashMap<Key, usize>);

impl Batches {
    /// `max`: as the connector says.
    pub fn size(&self, key: &Key, max: usize) -> usize {
        self.0.get(key).copied().unwrap_or(max).clamp(1, max.max(1))
    }

    /// So many tasks took so long.
    pub fn took(&mut self, key: &Key, tasks: usize, time: Duration) {
        if time > SLOW {
            self.0.insert(key.clone(), (tasks / 2).max(1));
        } else if time < QUICK
            && let Some(size) = self.0.get_mut(key)
            // Fewer than it might have had say nothing about more.
            && tasks >= *size
        {
            *size *= 2;
            if *size > MANY {
                self.0.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_key_gets_half_a_quick_one_twice_and_nobody_more_than_the_connector_takes() {
        let key = |name: &str| Key { installation: "a".into(), key: name.into() };
        let (people, other) = (key("people"), key("other"));
        let mut batches = Batches::default();
        assert_eq!(batches.size(&people, 200), 200, "all, as long as nothing is known");
        // Tasks, seconds, and what the next run gets.
        for (tasks, seconds, expect) in [
            (200, 3, 200),
            (200, 11, 100),
            (100, 60, 50),
            (50, 7, 50),
            (20, 1, 50),
            (50, 1, 100),
            (100, 4, 200),
            (200, 4, 200),
            (3, 30, 1),
            (1, 30, 1),
            (1, 1, 2),
        ] {
            batches.took(&people, tasks, Duration::from_secs(seconds));
            assert_eq!(batches.size(&people, 200), expect, "after {tasks} tasks in {seconds} s");
        }
        assert_eq!(batches.size(&other, 200), 200);
        assert_eq!(batches.size(&people, 1), 1);
        for _ in 0..12 {
            batches.took(&people, MANY, Duration::ZERO);
        }
        assert!(batches.0.is_empty(), "nothing is remembered of who is given all");
    }
}
