//! Somebody's membership in a session's campaign: our memory of it (`member/<session>/<email>` of the key `people`) and its status.
//!
//! Promises: a status never steps back (RULES 3): registered, not attended, attended.

use crate::{
    domain::{email::Email, session::SessionId},
    host::{Entry, Subject},
    mapping::newest::Fields,
    plain::{from_text, to_text},
    settings::Settings,
    stop::{Doing, Stop},
    text,
    work::Work,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    pub id: String,
    pub campaign: String,
    /// The furthest that we have written or seen.
    pub standing: Standing,
    /// What stands in the field for replays, of our writing.
    pub replay: Option<String>,
    pub fields: Fields,
    pub theirs: Option<Vec<String>>,
    /// Somebody has taken it away, and it stays away.
    pub is_gone: Option<bool>,
    /// Its status says that they are not in the session any more.
    pub is_removed: Option<bool>,
}

plain!(Memory { id, campaign, standing, replay, fields, theirs, is_gone, is_removed });

/// In the order in which it may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Anything that is not ours.
    Other,
    Registered,
    NotAttended,
    Attended,
}

plain_text!(Standing);

impl From<String> for Standing {
    fn from(text: String) -> Self {
        match text.as_str() {
            "registered" => Standing::Registered,
            "not-attended" => Standing::NotAttended,
            "attended" => Standing::Attended,
            _ => Standing::Other,
        }
    }
}

impl From<Standing> for String {
    fn from(standing: Standing) -> String {
        let word = match standing {
            Standing::Other => "other",
            Standing::Registered => "registered",
            Standing::NotAttended => "not-attended",
            Standing::Attended => "attended",
        };
        word.into()
    }
}

impl Standing {
    /// What the label of a status says.
    pub fn of(label: &str, settings: &Settings) -> Standing {
        let statuses = &settings.salesforce.member_statuses;
        let is = |other: &str| other.trim().eq_ignore_ascii_case(label.trim());
        match label {
            label if is(&statuses.attended) && !label.is_empty() => Standing::Attended,
            _ if is(&statuses.not_attended) => Standing::NotAttended,
            _ if is(&statuses.registered) => Standing::Registered,
            _ => Standing::Other,
        }
    }

    pub fn label(self, settings: &Settings) -> &str {
        let statuses = &settings.salesforce.member_statuses;
        match self {
            Standing::Other | Standing::Registered => &statuses.registered,
            Standing::NotAttended => &statuses.not_attended,
            Standing::Attended => &statuses.attended,
        }
    }
}

fn state_key(session: &SessionId, email: &Email) -> String {
    text::state_key("member", &[session.as_str(), email.as_str()])
}

pub fn remembered(
    work: &Work<'_>,
    session: &SessionId,
    email: &Email,
    doing: &Doing<'_>,
) -> Result<Option<Memory>, Stop> {
    let Some(text) = work.host.get(&state_key(session, email)) else { return Ok(None) };
    let read = from_text(&text).map(Some);
    read.map_err(|why| doing.bug(&format!("What is remembered of the membership cannot be read ({why})")))
}

pub fn remember(work: &Work<'_>, session: &SessionId, email: &Email, memory: &Memory) {
    let (key, value) = (state_key(session, email), to_text(memory));
    if work.host.get(&key).as_ref() != Some(&value) {
        work.host.set(Entry { key, value, subject: Some(Subject::person(email.as_str())) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::{held, says};

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_membership_is_still_read() {
        let held = held();
        let memory = Memory {
            id: "00v000000000001AAA".into(),
            campaign: "701000000000001AAA".into(),
            standing: Standing::Attended,
            replay: Some("Watched replay".into()),
            fields: vec![held],
            theirs: Some(vec!["Minutes__c".into()]),
            is_gone: Some(true),
            is_removed: Some(true),
        };
        let (session, email) = (SessionId::parse("S1").unwrap(), Email::parse("ana@example.org").unwrap());
        says("people", &state_key(&session, &email), &memory);
    }

    #[test]
    fn a_label_is_known_whatever_its_case_and_others_stand_before_all_of_ours() {
        let settings = Settings::default();
        let of = |label: &str| Standing::of(label, &settings);
        assert_eq!(
            ["attended", "Not Attended ", "REGISTERED"].map(of),
            [Standing::Attended, Standing::NotAttended, Standing::Registered]
        );
        assert_eq!(["Sent", "Responded", ""].map(of), [Standing::Other; 3]);
        for standing in [Standing::Registered, Standing::NotAttended, Standing::Attended] {
            assert_eq!(of(standing.label(&settings)), standing);
            assert!(Standing::Other < standing);
        }
        assert!(Standing::Registered < Standing::NotAttended && Standing::NotAttended < Standing::Attended);
    }
}
