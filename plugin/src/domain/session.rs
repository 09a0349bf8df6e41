//! A session: one date of an event. It gets a campaign and a list of its own (S2-71).

use crate::host::Instant;

/// Opaque. Short and plain enough to stand in a path, an ordering key and the value of an activity (100 characters).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(String);

impl SessionId {
    pub const BYTES_MAX: usize = 100;

    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let id = text.trim();
        if id.is_empty() {
            return Err("it is empty");
        }
        if id.len() > Self::BYTES_MAX {
            return Err("it is longer than 100 bytes");
        }
        if id == "." || id == ".." || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\') {
            return Err("it holds something that cannot stand in an address");
        }
        Ok(Self(id.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

plain_text!(SessionId);

impl TryFrom<String> for SessionId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        SessionId::parse(&text).map_err(|why| format!("not a session id: {why}"))
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> String {
        id.0
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub event_id: Option<String>,
    pub status: Status,
    pub created_at: Option<Instant>,
    /// None: on demand, or not yet dated.
    pub estimated_started_at: Option<Instant>,
    /// None: it has not ended.
    pub ended_at: Option<Instant>,
    /// Set: this is a breakout room of that session.
    pub breakout_of: Option<String>,
    /// Of two words of it the later one holds.
    pub updated_at: Option<Instant>,
}

plain!(Session { id, event_id, status, created_at, estimated_started_at, ended_at, breakout_of, updated_at });

/// Livestorm's own words. What is new stays readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Draft,
    Upcoming,
    Live,
    OnDemand,
    Past,
    PastNotStarted,
    Canceled,
    Other(String),
}

plain_text!(Status);

impl From<String> for Status {
    fn from(text: String) -> Self {
        match text.as_str() {
            "draft" => Status::Draft,
            "upcoming" => Status::Upcoming,
            "live" => Status::Live,
            "on_demand" => Status::OnDemand,
            "past" => Status::Past,
            "past_not_started" => Status::PastNotStarted,
            // Sessions are spelt with one l, events with two.
            "canceled" | "cancelled" => Status::Canceled,
            _ => Status::Other(text),
        }
    }
}

impl From<Status> for String {
    fn from(status: Status) -> String {
        match status {
            Status::Draft => "draft".into(),
            Status::Upcoming => "upcoming".into(),
            Status::Live => "live".into(),
            Status::OnDemand => "on_demand".into(),
            Status::Past => "past".into(),
            Status::PastNotStarted => "past_not_started".into(),
            Status::Canceled => "canceled".into(),
            Status::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_opaque_but_fits_where_it_must_stand() {
        for id in
            ["1e9d9b14-f990-4e19-a436-9a7dd6a5780a", "fqa1475e-fe2d-4egd-a007-6c27364bfeba", "S1", &"x".repeat(100)]
        {
            assert_eq!(SessionId::parse(id).map(String::from).as_deref(), Ok(id));
        }
        for id in ["", "  ", ".", "..", "a/b", "a b", "é", "a\\b", &"x".repeat(101)] {
            assert!(SessionId::parse(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn an_unknown_status_stays_readable() {
        assert_eq!(String::from(Status::from("rehearsal".to_string())), "rehearsal");
        for word in ["draft", "upcoming", "live", "on_demand", "past", "past_not_started", "canceled"] {
            let status = Status::from(word.to_string());
            assert!(!matches!(status, Status::Other(_)), "{word}");
            assert_eq!(String::from(status), word);
        }
    }
}
