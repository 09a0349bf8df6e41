//! Which external activities there are, and what fact each one is.

use crate::domain::fact::Fact;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Registered,
    Attended,
    NotAttended,
    AttendanceDuration,
    MessagesSent,
    QuestionsAsked,
    WatchedReplay,
    WatchedOnDemand,
}

impl Activity {
    pub const fn fact(self) -> Fact {
        match self {
            Activity::Registered => Fact::Registered,
            Activity::Attended => Fact::Attended,
            Activity::NotAttended => Fact::NotAttended,
            Activity::AttendanceDuration => Fact::AttendanceDuration,
            Activity::MessagesSent => Fact::MessagesSent,
            Activity::QuestionsAsked => Fact::QuestionsAsked,
            Activity::WatchedReplay => Fact::WatchedReplay,
            Activity::WatchedOnDemand => Fact::WatchedOnDemand,
        }
    }

    /// What is being done when it is sent, for messages to people.
    pub const fn doing(self) -> &'static str {
        match self {
            Activity::Registered => "note the registration",
            Activity::Attended => "note the attendance",
            Activity::NotAttended => "note the absence",
            Activity::AttendanceDuration => "note how long the attendance was",
            Activity::MessagesSent => "note the number of messages",
            Activity::QuestionsAsked => "note the number of questions",
            Activity::WatchedReplay => "note that the replay was watched",
            Activity::WatchedOnDemand => "note that the on-demand session was watched",
        }
    }
}
