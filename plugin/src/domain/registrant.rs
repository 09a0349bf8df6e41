//! Somebody registered for a session: what one delivery or one row says of it.
//!
//! Invariant: neither `password_key` nor `connection_link` is in here, under any name: they let anybody join as that person
//! (RULES 16).

use super::{email::Email, session::SessionId};
use crate::{host::Instant, values::Values};

#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    pub session: SessionId,
    pub event_id: Option<String>,
    /// Where the delivery says it.
    pub event_title: Option<String>,
    pub person_id: Option<String>,
    /// None: there is no usable one, and `email_problem` says why.
    pub email: Option<Email>,
    pub email_problem: Option<String>,
    /// As it was typed, where that is another spelling: in some orgs a search has regard to case.
    pub email_as_typed: Option<String>,
    /// None: the delivery does not say (the legacy body never does).
    pub role: Option<Role>,
    /// Speaks there without belonging to the team.
    pub guest_speaker: Option<bool>,
    /// None: the delivery does not say.
    pub registered_at: Option<Instant>,
    pub received_at: Instant,
    /// Source path (`mapping::source_path`) to text; nothing empty.
    pub values: Values,
}

plain!(Registration {
    session,
    event_id,
    event_title,
    person_id,
    email,
    email_problem,
    email_as_typed,
    role,
    guest_speaker,
    registered_at,
    received_at,
    values,
});

impl Registration {
    /// What they registered for, as a person knows it where the delivery says it.
    pub fn event(&self) -> String {
        match &self.event_title {
            Some(title) => format!("\"{title}\""),
            None => format!("session {}", self.session),
        }
    }

    /// By what the person is told apart: the address, else Livestorm's id.
    pub fn person(&self) -> &str {
        match (&self.email, &self.person_id) {
            (Some(email), _) => email.as_str(),
            (None, Some(id)) => id,
            (None, None) => "somebody without address and id",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Participant,
    TeamMember,
    Other(String),
}

plain_text!(Role);

impl From<String> for Role {
    fn from(text: String) -> Self {
        match text.as_str() {
            "participant" => Role::Participant,
            "team_member" => Role::TeamMember,
            _ => Role::Other(text),
        }
    }
}

impl From<Role> for String {
    fn from(role: Role) -> String {
        match role {
            Role::Participant => "participant".into(),
            Role::TeamMember => "team_member".into(),
            Role::Other(text) => text,
        }
    }
}
