//! A pass of a stream: where it stands for whoever asks (`Place`, the cursor) and what is known of it here (`Pass`, the state).
//!
//! The cursor says who was told what, the state what was found. So they may drift apart, and nothing is lost: an older
//! cursor is told all that changed since; a state that is lost, or older than the cursor, is gathered anew.

use super::reading;
use crate::{
    host::{DAY, Entry, HOUR, Instant},
    plain::{from_text, to_text},
    work::Work,
};

/// All sessions are listed, and the people of each are read, at least so often (RULES 21).
pub const WEEK: u64 = 7 * DAY;
/// How far each pass looks back behind the one before it: more than Livestorm's repeats of a webhook take, about 22 minutes,
/// and more than two passes are apart.
const LOOK_BACK: u64 = HOUR;
const KEY: &str = "pass";

/// The cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// When the last pass that was told to its end began; 0: none was.
    pub done: Instant,
    /// When the pass that is going on began.
    pub pass: Option<Instant>,
    /// The pass has gathered, and all up to this key was told.
    pub told: Option<String>,
}

plain!(Place { done, pass, told });

impl Place {
    /// The latest time in it.
    pub fn at(&self) -> Instant {
        self.pass.unwrap_or_default().max(self.done)
    }
}

/// What is remembered of the last pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    pub started: Instant,
    /// Lists only what was updated since, and what is near; none: everything.
    pub since: Option<Instant>,
    /// Reads the people of every session, whether or not it is due.
    pub all: bool,
    /// How many of its lists are read.
    pub lists: u64,
    /// The session up to which people are read, and the one being read.
    pub after: String,
    pub session: Option<String>,
    /// Everything is gathered.
    pub over: bool,
    pub listed_at: Option<Instant>,
    /// When the last pass began that listed everything.
    pub full_at: Option<Instant>,
    /// The last pass in which anything changed.
    pub changed_in: Instant,
}

plain!(Pass { started, since, all, lists, after, session, over, listed_at, full_at, changed_in });

impl Pass {
    pub fn last(work: &Work<'_>) -> Option<Pass> {
        work.host.get(KEY).and_then(|text| from_text(&text).ok())
    }

    /// The pass after `last`, for somebody who was told everything up to `done`.
    pub fn after(last: Option<Pass>, done: Instant, now: Instant) -> Pass {
        let (listed_at, full_at, before, changed_in) = match &last {
            Some(last) => (last.listed_at, last.full_at, last.started, last.changed_in),
            None => (None, None, 0, 0),
        };
        let started = now.max(done + 1).max(before + 1);
        let is_full = done == 0 || full_at.is_none_or(|at| at + WEEK <= started);
        Pass {
            started,
            since: listed_at.filter(|_| !is_full).map(|at| at.saturating_sub(LOOK_BACK)),
            all: done == 0,
            lists: 0,
            after: String::new(),
            session: None,
            over: false,
            listed_at,
            full_at,
            changed_in,
        }
    }

    /// The pass that the cursor speaks of, or a new one where the state knows nothing of it.
    pub fn open(work: &Work<'_>, place: &mut Place) -> Pass {
        let last = Pass::last(work);
        let is_it = |last: &&Pass| place.pass == Some(last.started) && (place.told.is_none() || last.over);
        if let Some(pass) = last.as_ref().filter(is_it) {
            return pass.clone();
        }
        let pass = Pass::after(last, place.done, work.now());
        reading::forget(work);
        *place = Place { done: place.done, pass: Some(pass.started), told: None };
        pass
    }

    pub fn keep(&self, work: &Work<'_>) {
        work.host.set(Entry { key: KEY.into(), value: to_text(self), subject: None });
    }

    /// The people of a session are read.
    pub fn done_with(&mut self, session_key: String) {
        self.after = session_key;
        self.session = None;
    }

    pub fn all_listed(&mut self) {
        self.listed_at = Some(self.started);
        if self.since.is_none() {
            self.full_at = Some(self.started);
        }
    }
}
