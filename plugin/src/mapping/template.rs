//! Text with sources in braces, for the value of an activity: `{event.title}` (RULES 5).

use super::source_path::{self, Occasion};
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
pub fn sources(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(source, _)| source.trim())
}

/// `occasion`: what the activity tells of. What is known later would make the value depend on what comes first, and an activity
/// cannot be corrected.
pub fn problem(place: &str, template: &str, occasion: Occasion) -> Option<Finding> {
    sources(template).find_map(|source| {
        if let Some(problem) = source_path::problem(place, source) {
            return Some(problem);
        }
        let known_at = source_path::occasion(source);
        if source_path::is_secret(source) {
            let problem =
                format!("{place}: \"{source}\" lets anybody join as that person, and an activity cannot be removed.");
            return Some(Finding::wrong(place, &problem, "Take it out."));
        }
        (known_at != Occasion::Registered && known_at != occasion).then(|| {
            let problem = format!("{place}: \"{source}\" is not known when this activity is sent.");
            Finding::wrong(place, &problem, "Name a source of the registration, the event or the session.")
        })
    })
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
        let problem = |template, occasion| problem("/x", template, occasion);
        assert_eq!(problem("{session.id} {event.title}", Occasion::Registered), None);
        assert_eq!(problem("{attendance.rate}", Occasion::Ended), None);
        assert!(
            problem("{event.titel}", Occasion::Ended).is_some_and(|finding| finding.remedy.contains("event.title"))
        );
        for (template, occasion) in [
            ("{attendance.rate}", Occasion::Registered),
            ("{attendance.rate}", Occasion::Watched),
            ("{replay.watched_at}", Occasion::Ended),
            ("{secret.connection_link}", Occasion::Registered),
        ] {
            assert!(problem(template, occasion).is_some(), "{template}");
        }
    }
}
