//! What somebody did in a session that has ended.

use crate::values::Values;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attendance {
    pub attended: bool,
    /// Percent, as given: a number or numeric text.
    pub rate: Option<String>,
    /// Seconds, as given: it can exceed the session's own duration.
    pub duration: Option<u64>,
    pub messages: u64,
    pub questions: u64,
    pub votes: u64,
    pub up_votes: u64,
}

plain!(Attendance { attended, rate, duration, messages, questions, votes, up_votes });

impl Attendance {
    /// Under the words of `mapping::source_path`.
    pub fn put(&self, values: &mut Values) {
        values.insert("attendance.attended", self.attended.to_string());
        let counts = [
            ("attendance.rate", self.rate.clone()),
            ("attendance.duration", self.duration.map(|seconds| seconds.to_string())),
            ("attendance.messages", Some(self.messages.to_string())),
            ("attendance.questions", Some(self.questions.to_string())),
            ("attendance.votes", Some(self.votes.to_string())),
            ("attendance.up_votes", Some(self.up_votes.to_string())),
        ];
        for (source, count) in counts {
            if let Some(count) = count {
                values.insert(source, count);
            }
        }
    }
}
