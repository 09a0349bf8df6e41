//! An ordering key's memory as a run sees it: the table as of the run's start, and the run's own writes over it.
//!
//! Promises: a run sees what it wrote; the bounds hold. Pure: who owns the table reads it. Not here: when writes become
//! durable (`journal`), how they are applied.

use crate::effect::{Entry, Write};
use std::collections::BTreeMap;

/// Entries, and bytes of keys and values together, of an installation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub entries: u64,
    pub bytes: u64,
}

impl Usage {
    /// With `after` in the place of `before`; both are sizes in bytes of an entry that may not be there.
    pub fn replaced(self, before: Option<u64>, after: Option<u64>) -> Usage {
        let count = |size: Option<u64>| u64::from(size.is_some());
        Usage {
            entries: (self.entries + count(after)).saturating_sub(count(before)),
            bytes: (self.bytes + after.unwrap_or(0)).saturating_sub(before.unwrap_or(0)),
        }
    }
}

pub fn size(entry: &Entry) -> u64 {
    (entry.key.len() + entry.value.len()) as u64
}

pub fn written_key(write: &Write) -> &str {
    match write {
        Write::Set(entry) => &entry.key,
        Write::Delete(key) => key,
    }
}

#[derive(Debug)]
pub struct Overlay {
    max: Usage,
    /// What the own writes put in, and what they took away.
    more: Usage,
    less: Usage,
    written: BTreeMap<String, Option<Entry>>,
}

impl Overlay {
    pub fn new(max: Usage) -> Overlay {
        Overlay { max, more: Usage::default(), less: Usage::default(), written: BTreeMap::new() }
    }

    pub fn knows(&self, key: &str) -> bool {
        self.written.contains_key(key)
    }

    /// Whether there is room for the write, where the installation's table holds `usage` by now. An error names the bound that
    /// it would break. `in_table` is the size of the table's entry.
    pub fn judge(&self, write: &Write, in_table: Option<u64>, usage: Usage) -> Result<(), String> {
        let (before, after) = self.sizes(write, in_table);
        let now = Usage {
            entries: (usage.entries + self.more.entries).saturating_sub(self.less.entries),
            bytes: (usage.bytes + self.more.bytes).saturating_sub(self.less.bytes),
        };
        let then = now.replaced(before, after);
        if then.entries > self.max.entries && then.entries > now.entries {
            return Err(format!("the installation's state may hold {} entries (state_entries_max)", self.max.entries));
        }
        if then.bytes > self.max.bytes && then.bytes > now.bytes {
            return Err(format!("the installation's state may hold {} bytes (state_bytes_max)", self.max.bytes));
        }
        Ok(())
    }

    pub fn write(&mut self, write: &Write, in_table: Option<u64>) {
        let (before, after) = self.sizes(write, in_table);
        self.more = self.more.replaced(None, after);
        self.less = self.less.replaced(None, before);
        let own = match write {
            Write::Set(entry) => Some(entry.clone()),
            Write::Delete(_) => None,
        };
        self.written.insert(written_key(write).to_string(), own);
    }

    /// Before and after the write. What the table holds counts the first time that a key is written.
    fn sizes(&self, write: &Write, in_table: Option<u64>) -> (Option<u64>, Option<u64>) {
        let before = match self.written.get(written_key(write)) {
            Some(own) => own.as_ref().map(size),
            None => in_table,
        };
        match write {
            Write::Set(entry) => (before, Some(size(entry))),
            Write::Delete(_) => (before, None),
        }
    }

    /// Nothing where the table has the word.
    pub fn get(&self, key: &str) -> Option<Option<&Entry>> {
        self.written.get(key).map(Option::as_ref)
    }

    /// How many of the table's entries a scan needs so that `limit` are left: own deletions hide some.
    pub fn scan_from_table(&self, limit: u32) -> usize {
        limit as usize + self.written.values().filter(|own| own.is_none()).count()
    }

    /// `table` are the first entries after `after` that begin with `prefix`, as many as `scan_from_table` says.
    pub fn scan(&self, table: Vec<Entry>, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        let mut entries: BTreeMap<String, Entry> = table.into_iter().map(|e| (e.key.clone(), e)).collect();
        let within = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        for (key, own) in self.written.iter().filter(|(key, _)| within(key)) {
            match own {
                Some(entry) => entries.insert(key.clone(), entry.clone()),
                None => entries.remove(key),
            };
        }
        entries.into_values().take(limit as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(key: &str, value: &str) -> Entry {
        Entry { key: key.into(), value: value.into(), subject: None }
    }

    fn set(key: &str, value: &str) -> Write {
        Write::Set(entry(key, value))
    }

    #[test]
    fn a_write_that_goes_one_over_a_bound_is_refused_by_name_and_less_is_always_allowed() {
        let table = Usage { entries: 2, bytes: 10 };
        let mut full = Overlay::new(table);
        assert!(full.judge(&set("c", ""), None, table).unwrap_err().contains("2 entries (state_entries_max)"));
        assert!(full.judge(&set("a", "123456"), Some(5), table).unwrap_err().contains("10 bytes (state_bytes_max)"));
        let mut write = |write: Write, in_table| {
            full.judge(&write, in_table, table).unwrap();
            full.write(&write, in_table);
        };
        write(set("a", "1234"), Some(5));
        write(Write::Delete("b".into()), Some(5));
        write(set("c", "1234"), None);
        assert!(!full.knows("d"));
        let fuller = Usage { entries: 3, bytes: 11 };
        full.judge(&set("c", "123"), None, fuller).unwrap();
        assert!(full.judge(&set("c", "12345"), None, fuller).is_err(), "another run wrote meanwhile");
    }

    proptest! {
        /// A run that reads through its own writes sees what it would see had they been applied.
        #[test]
        fn own_writes_read_as_if_they_were_in_the_table(
            table in proptest::collection::btree_map("[ab]{1,3}", "[xy]", 0..12),
            writes in proptest::collection::vec(("[ab]{1,3}", proptest::option::of("[xy]")), 0..12),
            prefix in "[ab]{0,1}", after in proptest::option::of("[ab]{1,2}"), limit in 0u32..6,
        ) {
            let mut overlay = Overlay::new(Usage { entries: 99, bytes: 999 });
            let mut applied = table.clone();
            for (key, value) in &writes {
                let in_table = table.get(key).map(|v| (key.len() + v.len()) as u64);
                let write = match value {
                    Some(v) => { applied.insert(key.clone(), v.clone()); set(key, v) }
                    None => { applied.remove(key); Write::Delete(key.clone()) }
                };
                overlay.judge(&write, in_table, Usage::default()).unwrap();
                overlay.write(&write, in_table);
            }
            let scan = |from: &std::collections::BTreeMap<String, String>, limit: usize| -> Vec<Entry> {
                let within = |k: &str| k.starts_with(&prefix) && after.as_deref().is_none_or(|a| k > a);
                from.iter().filter(|(k, _)| within(k)).take(limit).map(|(k, v)| entry(k, v)).collect()
            };
            let needed = overlay.scan_from_table(limit);
            let seen = overlay.scan(scan(&table, needed), &prefix, after.as_deref(), limit);
            prop_assert_eq!(seen, scan(&applied, limit as usize));
        }
    }
}
