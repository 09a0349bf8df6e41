//! Text with sources in braces, for the value of an activity: `{event.title}` (RULES 5).

use super::source_path;
use crate::{host::Finding, values::Values};

/// At most this many characters are a value.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/external-activities-v5.html>, confirmed.
pub const CHARACTERS_MAX: usize = 100;

/// The text with what the sources say in the places of the braces; nothing where they say nothing.
pub fn render(template: &str, sources: &Values) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, within)) = rest.split_once('{') {
        text.push_str(before);
        match within.split_once('}') {
            Some((source, after)) => {
                text.push_str(sources.get(source.trim()).map_or("", String::as_str));
                rest = after;
            }
            None => {
                text.push('{');
                rest = within;
            }
        }
    }
    text.push_str(rest);
    text.trim().chars().take(CHARACTERS_MAX).collect()
}

/// The sources that a template names.
fn sources(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(source, _)| source.trim())
}

pub fn problem(place: &str, template: &str) -> Option<Finding> {
    sources(template).find_map(|source| source_path::problem(place, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_filled_and_the_rest_stays() {
        let values: Values = [("event.title", "Démo"), ("session.id", "S1")].into_iter().collect();
        let rows = [
            ("{session.id}", "S1"),
            ("{event.title} ({ session.id })", "Démo (S1)"),
            ("{utm.source}", ""),
            ("plain", "plain"),
            ("{open", "{open"),
            ("a}b", "a}b"),
        ];
        for (template, expected) in rows {
            assert_eq!(render(template, &values), expected, "{template}");
        }
        assert_eq!(render(&"ü".repeat(150), &values).chars().count(), 100);
    }

    #[test]
    fn a_source_that_does_not_exist_is_told() {
        assert_eq!(problem("/x", "{session.id} {event.title}"), None);
        assert!(problem("/x", "{event.titel}").is_some_and(|finding| finding.remedy.contains("event.title")));
    }
}
