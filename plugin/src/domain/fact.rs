//! A fact is what must become true once (RULES 1). Its key is session, person and fact; the workspace is the
//! installation's. Every dialect and every stream leads to the same key.

use super::session::SessionId;
use crate::text;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    SessionHasCampaign,
    SessionHasList,
    Registered,
    Listed,
    Attended,
    NotAttended,
    AttendanceDuration,
    MessagesSent,
    QuestionsAsked,
    WatchedReplay,
    WatchedOnDemand,
    Removed,
}

impl Fact {
    pub const fn name(self) -> &'static str {
        match self {
            Fact::SessionHasCampaign => "campaign",
            Fact::SessionHasList => "list",
            Fact::Registered => "registered",
            Fact::Listed => "listed",
            Fact::Attended => "attended",
            Fact::NotAttended => "not-attended",
            Fact::AttendanceDuration => "duration",
            Fact::MessagesSent => "messages",
            Fact::QuestionsAsked => "questions",
            Fact::WatchedReplay => "replay",
            Fact::WatchedOnDemand => "on-demand",
            Fact::Removed => "removed",
        }
    }

    /// The key of this fact of a person in the state.
    pub fn state_key(self, session: &SessionId, person: &str) -> String {
        text::state_key("fact", &[session.as_str(), person, self.name()])
    }

    /// The same news is dropped, newer values pass: the fact's key and a digest of the values it would write. At most 178
    /// bytes, however long the address is, and without the address.
    pub fn dedupe_key<'a>(
        self,
        session: &SessionId,
        person: Option<&str>,
        values: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let person = person.map_or(String::new(), |person| format!("{}/", text::digest([person])));
        format!("{}/{session}/{person}{}", self.name(), text::digest(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_in_two_sessions_is_two_facts() {
        let [first, second] = ["S1", "S2"].map(|id| SessionId::parse(id).unwrap());
        assert_ne!(Fact::Registered.state_key(&first, "a@b.c"), Fact::Registered.state_key(&second, "a@b.c"));
        assert_ne!(
            Fact::Registered.dedupe_key(&first, Some("a@b.c"), []),
            Fact::Registered.dedupe_key(&second, Some("a@b.c"), [])
        );
    }

    #[test]
    fn a_dedupe_key_fits_however_long_its_parts_are() {
        let session = SessionId::parse(&"s".repeat(100)).unwrap();
        let person = "p".repeat(255);
        let key = Fact::Registered.dedupe_key(&session, Some(&person), ["v"]);
        assert!(key.len() + "/held".len() <= 200, "{} bytes", key.len());
        assert!(!key.contains("ppp"));
        assert!(Fact::Registered.state_key(&session, &person).len() <= 256);
    }
}
