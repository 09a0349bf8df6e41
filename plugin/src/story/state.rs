//! What the first version remembered, entry by entry: it is read for ever. Each type that is remembered reads its samples in
//! its own tests; here stands that no kind of entry is without one.

use crate::{
    mapping::newest::Held,
    plain::{Plain, from_text},
};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Debug, sync::LazyLock};

struct Sample {
    ordering_key: String,
    key: String,
    value: String,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let sample = |line| {
        let sample: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| sample[name].as_str().unwrap().to_string();
        Sample { ordering_key: text("ordering_key"), key: text("key"), value: sample["value"].to_string() }
    };
    include_str!("../../../fixtures/state/0.1.0.jsonl").lines().map(sample).collect()
});

static KINDS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| SAMPLES.iter().map(|sample| kind(&sample.ordering_key, &sample.key)).collect());

/// The value of the sample that stands there.
pub fn sample(ordering_key: &str, key: &str) -> &'static str {
    let found = SAMPLES.iter().find(|sample| sample.ordering_key == ordering_key && sample.key == key);
    &found.unwrap_or_else(|| panic!("no sample of {key} of {ordering_key}")).value
}

/// All samples of an ordering key, by key.
pub fn samples(ordering_key: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = SAMPLES.iter().filter(move |sample| sample.ordering_key == ordering_key);
    own.map(|sample| (sample.key.as_str(), sample.value.as_str()))
}

/// The sample that stands there says this, with nothing lost.
pub fn says<T: Plain + Debug + PartialEq>(ordering_key: &str, key: &str, expected: &T) {
    assert_eq!(from_text::<T>(sample(ordering_key, key)).as_ref(), Ok(expected), "{key} of {ordering_key}");
}

/// The field that stands in the samples of leads, contacts and members.
pub fn held() -> Held {
    Held {
        field: "Company".into(),
        value: "Example".into(),
        at: 1_644_845_990_000,
        session: "S1".into(),
        read_at: Some(1_644_845_990_001),
        written_at: Some(1_644_845_990_002),
        is_ours: Some(true),
    }
}

/// A key without what is different in every session and of every person.
fn kind(ordering_key: &str, key: &str) -> String {
    let whose = ordering_key.split('/').next().unwrap_or_default();
    let parts: Vec<&str> = key.split('/').collect();
    let kind = match parts[..] {
        ["fact", _, _, name] => format!("fact/{name}"),
        ["read" | "once", name, ..] => format!("{}/{name}", parts[0]),
        _ if parts.len() > 1 => format!("{}/", parts[0]),
        _ => key.to_string(),
    };
    format!("{whose}: {kind}")
}

/// Every story asks this of each entry that it leaves behind.
pub fn assert_has_a_sample(ordering_key: &str, key: &str) {
    let kind = kind(ordering_key, key);
    assert!(KINDS.contains(&kind), "fixtures/state/0.1.0.jsonl has no sample of {kind}");
}

#[test]
fn no_sample_stands_there_twice() {
    let places: BTreeSet<_> = SAMPLES.iter().map(|sample| (&sample.ordering_key, &sample.key)).collect();
    assert_eq!(places.len(), SAMPLES.len());
}
