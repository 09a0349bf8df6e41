//! Which events take part, by title, tag and owner (RULES 13). Pure.

use crate::{domain::event::Event, settings::Events, text::lower};

/// Why an event does not take part. Of each list that is filled one entry must fit.
pub fn why_not(filter: &Events, event: &Event) -> Option<String> {
    let title = lower(&event.title);
    if !filter.titles.is_empty() && !filter.titles.iter().any(|word| title.contains(&lower(word.trim()))) {
        return Some("the settings take events with certain words in the title, and this one has none of them".into());
    }
    let same = |one: &str, other: &str| lower(one.trim()) == lower(other.trim());
    if !filter.tags.is_empty() && !filter.tags.iter().any(|tag| event.tags.iter().any(|other| same(tag, other))) {
        return Some("the settings take events with certain tags, and this one has none of them".into());
    }
    let owner = event.owner.as_deref().unwrap_or_default();
    if !filter.owners.is_empty() && !filter.owners.iter().any(|address| same(address, owner)) {
        return Some("the settings take events of certain owners, and this one has another".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_of_each_filled_list_must_fit() {
        let event = Event {
            id: "E1".into(),
            title: "Product Démo".into(),
            scheduling: None,
            owner: Some("Olive@example.org".into()),
            tags: vec!["Marketing".into()],
        };
        let filter = |titles: &[&str], tags: &[&str], owners: &[&str]| {
            let all = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
            Events { titles: all(titles), tags: all(tags), owners: all(owners) }
        };
        let rows = [
            (filter(&[], &[], &[]), None),
            (filter(&["DÉMO"], &["x", " marketing"], &["olive@EXAMPLE.org"]), None),
            (filter(&["workshop"], &[], &[]), Some("words in the title")),
            (filter(&["demo"], &[], &[]), Some("words in the title")),
            (filter(&[], &["sales"], &[]), Some("certain tags")),
            (filter(&["démo"], &[], &["ben@example.org"]), Some("certain owners")),
        ];
        for (filter, said) in rows {
            let why = why_not(&filter, &event);
            assert_eq!(why.is_some(), said.is_some(), "{filter:?}");
            assert!(said.is_none_or(|said| why.as_ref().is_some_and(|why| why.contains(said))), "{why:?}");
        }
    }
}
