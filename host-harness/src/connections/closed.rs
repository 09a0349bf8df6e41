//! Whether a provider account works, as far as the answers to its requests show, and what is told of that. Pure.
//!
//! | # | it was | an answer shows it | told |
//! |---|---|---|---|
//! | 1 | open | open | nothing |
//! | 2 | open | closed | that it is closed, and why |
//! | 3 | closed | closed for the same reason, until whenever | nothing |
//! | 4 | closed | closed for another reason | that it is closed, and why |
//! | 5 | closed | open | that it is open |
//!
//! Promises: a change is told once, however many requests meet it; a closed account is open only once its provider has done what it
//! was asked. Not here: whether a request may start (`book.rs`), to whom it is told (`mod.rs`).

use crate::{
    clock::Timestamp,
    effect::{Answer, SendError},
};
use std::time::Duration;

/// A shorter pause is pace, and needs nobody. Shorter than the rest of a provider that does not answer.
const TOLD_FROM: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its provider asks to slow down.
    Pace,
    Quota,
    /// Its provider does not answer.
    Outage,
    SignIn,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Why::Pace => "pace",
            Why::Quota => "quota",
            Why::Outage => "outage",
            Why::SignIn => "sign-in",
        }
    }

    /// What a person does about it.
    fn remedy(self) -> &'static str {
        match self {
            Why::Pace => "What waits goes on by itself then",
            Why::Quota => {
                "What waits goes on by itself; where this happens often, leave the account more calls, or ask its provider for more"
            }
            Why::Outage => {
                "It is tried again by itself; where this lasts, see the provider's status page and the network of this host"
            }
            Why::SignIn => "What waits goes on by itself once that is mended",
        }
    }
}

/// Nobody sends before then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub until: Timestamp,
    pub why: Why,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Open,
    /// Without a time: until a person has mended it.
    Closed {
        why: Why,
        until: Option<Timestamp>,
        reason: String,
    },
}

/// What the answer to a request shows. `hold`: what holds for the account now. Nothing: it shows neither.
pub fn shown(answer: &Answer, hold: Option<Hold>, now: Timestamp) -> Option<Shown> {
    match (answer, hold) {
        (Err(SendError::Unauthorized(reason)), _) => {
            Some(Shown::Closed { why: Why::SignIn, until: None, reason: reason.clone() })
        }
        (_, Some(Hold { until, why, reason })) => {
            (until >= now.plus(TOLD_FROM)).then_some(Shown::Closed { why, until: Some(until), reason })
        }
        (Ok(response), None) if response.status < 500 => Some(Shown::Open),
        _ => None,
    }
}

/// How an account stands.
#[derive(Debug, Default)]
pub struct Standing(Option<Why>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// In words: what, until when, why, and what to do.
    Closed {
        why: Why,
        said: String,
    },
    Opened {
        was: Why,
    },
}

impl Standing {
    pub fn closed(&self) -> Option<Why> {
        self.0
    }

    /// What there is to tell, by the table above.
    pub fn becomes(&mut self, shown: Shown) -> Option<Change> {
        match shown {
            Shown::Open => self.0.take().map(|was| Change::Opened { was }),
            Shown::Closed { why, .. } if self.0 == Some(why) => None,
            Shown::Closed { why, until, reason } => {
                self.0 = Some(why);
                let before = until.map(|until| format!(" before {until}")).unwrap_or_default();
                Some(Change::Closed { why, said: format!("nothing is sent{before}: {reason}. {}", why.remedy()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Why::*, *};
    use crate::effect::Response;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn answered(status: u16) -> Answer {
        Ok(Response { status, headers: vec![], body: vec![] })
    }

    fn closed(why: Why) -> Shown {
        Shown::Closed { why, until: Some(NOW), reason: "a reason".into() }
    }

    #[test]
    fn the_table_row_by_row() {
        let mut standing = Standing::default();
        let rows = [
            (1, Shown::Open, None),
            (2, closed(Quota), Some("closed")),
            (3, closed(Quota), None),
            (3, Shown::Closed { why: Quota, until: None, reason: "another".into() }, None),
            (4, closed(Outage), Some("closed")),
            (4, closed(SignIn), Some("closed")),
            (5, Shown::Open, Some("opened")),
            (1, Shown::Open, None),
            (2, closed(SignIn), Some("closed")),
        ];
        for (row, shown, told) in rows {
            let was = standing.closed();
            let is = match &shown {
                Shown::Open => None,
                Shown::Closed { why, .. } => Some(*why),
            };
            let change = standing.becomes(shown);
            assert_eq!(standing.closed(), is, "row {row}");
            match (&change, told) {
                (None, None) => {}
                (Some(Change::Closed { why, said }), Some("closed")) => {
                    assert_eq!(Some(*why), is, "row {row}");
                    let expect = format!("nothing is sent before 1970-01-01T00:16:40Z: a reason. {}", why.remedy());
                    assert_eq!(*said, expect, "row {row}");
                }
                (Some(Change::Opened { was: told }), Some("opened")) => assert_eq!(Some(*told), was, "row {row}"),
                _ => panic!("row {row}: {change:?}"),
            }
        }
    }

    #[test]
    fn an_answer_shows_that_it_is_open_or_closed_or_neither() {
        let hold = |millis: u64, why| Some(Hold { until: Timestamp(NOW.0 + millis), why, reason: "r".into() });
        let throttled = || Err(SendError::Throttled { until: NOW, reason: "the rate is used up".into() });
        let refused = || Err(SendError::Unauthorized("refused".into()));
        let closed = |why, millis: Option<u64>, reason: &str| {
            let until = millis.map(|millis| Timestamp(NOW.0 + millis));
            Some(Shown::Closed { why, until, reason: reason.into() })
        };
        let rows = [
            (answered(200), None, Some(Shown::Open)),
            (answered(404), None, Some(Shown::Open)),
            (answered(503), None, None),
            (throttled(), None, None),
            (Err(SendError::NotSent("refused".into())), None, None),
            (Err(SendError::Unknown("reset".into())), None, None),
            // Of the last seconds of a hold nothing is told, and it is not open either.
            (answered(200), hold(9_999, Pace), None),
            (throttled(), hold(9_999, Quota), None),
            (throttled(), hold(10_000, Pace), closed(Pace, Some(10_000), "r")),
            (throttled(), hold(3_600_000, Quota), closed(Quota, Some(3_600_000), "r")),
            // The answer that brought the hold about.
            (answered(200), hold(3_600_000, Quota), closed(Quota, Some(3_600_000), "r")),
            (answered(503), hold(30_000, Outage), closed(Outage, Some(30_000), "r")),
            (refused(), None, closed(SignIn, None, "refused")),
            (refused(), hold(30_000, Outage), closed(SignIn, None, "refused")),
        ];
        for (answer, hold, expect) in rows {
            assert_eq!(shown(&answer, hold.clone(), NOW), expect, "{answer:?} {hold:?}");
        }
    }
}
