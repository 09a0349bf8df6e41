//! Where a value stands, in words of ours: `fields.<id>` for every question of the form, standard and custom; the rest is a list.
//!
//! Invariant: what lets anybody join as that person is a source under `secret.` alone, so that mapping it is an explicit
//! choice (RULES 16).

use super::{did_you_mean, target_field::Kind};
use crate::host::Finding;

/// When a source is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    Registered,
    Ended,
    Watched,
}

pub const FIELDS: &str = "fields.";
pub const REFERRER: &str = "referrer";
pub const ENDED_AT: &str = "session.ended_at";
pub const CONNECTION_LINK: &str = "secret.connection_link";
pub const PASSWORD_KEY: &str = "secret.password_key";

/// Every source but the form's questions, with what it is called in a list of choices.
pub const KNOWN: &[(&str, &str)] = &[
    ("person.email", "E-mail address"),
    ("person.timezone", "Time zone of the person"),
    ("utm.source", "UTM source"),
    ("utm.medium", "UTM medium"),
    ("utm.term", "UTM term"),
    ("utm.content", "UTM content"),
    ("utm.campaign", "UTM campaign"),
    (REFERRER, "Referrer"),
    ("registration.registered_at", "Time of registration"),
    ("registration.type", "Kind of registration"),
    ("registration.ip_city", "City by address"),
    ("registration.ip_country_code", "Country code by address"),
    ("registration.ip_country_name", "Country by address"),
    ("registration.browser_name", "Browser"),
    ("registration.browser_version", "Version of the browser"),
    ("registration.os_name", "Operating system"),
    ("registration.os_version", "Version of the operating system"),
    ("registration.screen_width", "Width of the screen"),
    ("registration.screen_height", "Height of the screen"),
    ("event.id", "Id of the event"),
    ("event.title", "Title of the event"),
    ("session.id", "Id of the session"),
    ("session.starts_at", "Start of the session"),
    ("session.campaign", "Name of the session's campaign"),
    (ENDED_AT, "End of the session"),
    ("attendance.attended", "Has attended"),
    ("attendance.rate", "Attendance rate in percent"),
    ("attendance.duration", "Attendance duration in seconds"),
    ("attendance.messages", "Messages sent"),
    ("attendance.questions", "Questions asked"),
    ("attendance.votes", "Votes"),
    ("attendance.up_votes", "Up-votes"),
    ("replay.watched", "Has watched the replay"),
    ("replay.watched_at", "When the replay was watched"),
    (CONNECTION_LINK, "Link by which anybody joins as this person (secret)"),
    (PASSWORD_KEY, "Key by which anybody joins as this person (secret)"),
];

/// Questions whose answer lets anybody join as that person.
const SECRETS: [&str; 2] = ["password_key", "connection_link"];

/// The path of a question of the form; none for a secret.
pub fn field(id: &str) -> Option<String> {
    (!SECRETS.contains(&id)).then(|| format!("{FIELDS}{id}"))
}

/// Whether it lets anybody join as that person.
pub fn is_secret(source: &str) -> bool {
    source.starts_with("secret.")
}

pub fn occasion(source: &str) -> Occasion {
    match source.split_once('.').map(|(group, _)| group) {
        Some("attendance") => Occasion::Ended,
        Some(_) if source == ENDED_AT => Occasion::Ended,
        Some("replay") => Occasion::Watched,
        _ => Occasion::Registered,
    }
}

pub fn kind(source: &str) -> Kind {
    match source {
        "attendance.attended" | "replay.watched" => Kind::Boolean,
        _ if source.starts_with("attendance.") => Kind::Number,
        _ => Kind::Text,
    }
}

/// What is wrong with a source that somebody wrote.
pub fn problem(place: &str, source: &str) -> Option<Finding> {
    if let Some(id) = source.strip_prefix(FIELDS) {
        if SECRETS.contains(&id) {
            let problem = format!("{place}: \"{source}\" is no source; it lets anybody join as that person.");
            return Some(Finding::wrong(place, &problem, &format!("If you mean it, write \"secret.{id}\".")));
        }
        return id.trim().is_empty().then(|| {
            Finding::wrong(
                place,
                &format!("{place}: no question is named."),
                "Write the id of the question: fields.company.",
            )
        });
    }
    if KNOWN.iter().any(|(known, _)| *known == source) {
        return None;
    }
    let known = KNOWN.iter().map(|(known, _)| *known);
    let remedy = did_you_mean(source, known).unwrap_or_else(|| {
        "Write fields.<id> for a question of the form, or one of utm., registration., event., session., attendance., replay. \
         (all in the documentation of the settings)."
            .into()
    });
    Some(Finding::wrong(place, &format!("{place}: there is no source \"{source}\"."), &remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an administrator reads of sources is what there is.
    #[test]
    fn the_guide_lists_every_source_and_no_other() {
        let guide = include_str!("../../../docs/admin-guide.md");
        let (_, table) = guide.split_once("| source | what it is | known when |\n|---|---|---|\n").unwrap();
        let rows: Vec<_> = table.lines().map_while(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
        let when = |source| match occasion(source) {
            Occasion::Registered => "somebody registers",
            Occasion::Ended => "the session has ended",
            Occasion::Watched => "it was watched",
        };
        let rest: Vec<_> =
            KNOWN.iter().map(|(source, title)| (*source, format!("{title} | {} |", when(source)))).collect();
        assert_eq!(rows.iter().map(|(source, rest)| (*source, rest.to_string())).collect::<Vec<_>>(), rest);
    }

    #[test]
    fn a_secret_is_never_a_source_by_accident() {
        assert_eq!(field("password_key"), None);
        assert_eq!(field("connection_link"), None);
        assert_eq!(field("company").as_deref(), Some("fields.company"));
        assert!(problem("/x", "fields.connection_link").is_some_and(|finding| finding.remedy.contains("secret.")));
        assert_eq!(problem("/x", CONNECTION_LINK), None);
    }

    #[test]
    fn each_source_has_its_occasion() {
        let rows = [
            ("fields.company", Occasion::Registered),
            ("utm.source", Occasion::Registered),
            (REFERRER, Occasion::Registered),
            ("event.title", Occasion::Registered),
            ("attendance.rate", Occasion::Ended),
            ("session.ended_at", Occasion::Ended),
            ("replay.watched_at", Occasion::Watched),
        ];
        for (source, expected) in rows {
            assert_eq!(occasion(source), expected, "{source}");
            assert_eq!(problem("/x", source), None, "{source}");
        }
        assert!(problem("/x", "fields.").is_some() && problem("/x", "").is_some() && problem("/x", "utm").is_some());
    }
}
