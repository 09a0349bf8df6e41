//! Somebody watched the replay of a live session, or an on-demand session.

use crate::{calendar, host::Instant, values::Values};

#[derive(Clone, Debug, PartialEq)]
pub struct ReplayView {
    /// The earliest that is known. None: Livestorm does not say.
    pub watched_at: Option<Instant>,
}

plain!(ReplayView { watched_at });

impl ReplayView {
    /// Under the words of `mapping::source_path`.
    pub fn put(&self, values: &mut Values) {
        values.insert("replay.watched", "true".into());
        if let Some(at) = self.watched_at {
            values.insert("replay.watched_at", format!("{}Z", calendar::iso(at)));
        }
    }
}
