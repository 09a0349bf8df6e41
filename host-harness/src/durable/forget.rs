//! Whom somebody asked to forget: how they are found in what is kept, and how they are known again without being kept.
//!
//! Promises: what is left of a person is a salted hash. A text names a person where it contains their id, however upper
//! and lower case are mixed, as it is or as it stands in an address of the web or in JSON. So a text about `joanna@...` names
//! `anna@...` too: of recordings rather too much goes than too little. Work is another thing ([`Named::in_work`]). Pure.

use super::{KeptTask, TaskStatus};
use crate::effect::{RunId, Subject};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub const NOBODY: &str = "there is nobody to forget: the subject has no id";

/// Told once, with no name.
pub const CAME_BACK: &str = "Work came about somebody who was forgotten here, and was dropped. What more comes of it is \
                             counted and not told";

pub fn under_way(run: RunId) -> String {
    format!(
        "run {run} is under way and may name the person; from here on nothing new about them is taken in, and what is recorded \
         is not yet gone. Ask again in a moment. A run that was cut off ends only where somebody serves"
    )
}

/// The same for the same person in the same installation of the same store.
pub fn hash(salt: &[u8], installation: &str, subject: &Subject) -> String {
    let mut digest = Sha256::new_with_prefix(salt);
    for part in [installation, &subject.kind, &subject.id.trim().to_lowercase()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

/// How a person is found.
#[derive(Clone, Debug)]
pub struct Named {
    kind: String,
    id: String,
    /// Forms of the id, in lower case.
    forms: Vec<String>,
}

/// What becomes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Goes,
    Stays,
    /// It is somebody else's work, and names them.
    StaysAndNames,
}

impl Named {
    /// Nothing where the subject has no id: every text would name it.
    pub fn new(subject: &Subject) -> Option<Named> {
        let id = subject.id.trim().to_lowercase();
        if id.is_empty() {
            return None;
        }
        let in_json = Value::from(id.clone()).to_string();
        let whole = utf8_percent_encode(&id, NON_ALPHANUMERIC).to_string().to_lowercase();
        let mut forms = vec![id.clone(), in_json[1..in_json.len() - 1].into(), id.replace('@', "%40"), whole];
        forms.dedup();
        Some(Named { kind: subject.kind.clone(), id, forms })
    }

    pub fn is(&self, subject: Option<&Subject>) -> bool {
        subject.is_some_and(|s| s.kind == self.kind && s.id.trim().to_lowercase() == self.id)
    }

    pub fn within(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.forms.iter().any(|form| text.contains(form))
    }

    /// Whether a text in which work stands names them and not one whose address only contains theirs: no more of an
    /// address stands before or after it. JSON, in JSON too, is looked through value by value.
    pub fn in_work(&self, text: &str) -> bool {
        match serde_json::from_str(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => self.in_value(&value),
            _ => self.stands_in(text) || self.stands_in(&percent_decode_str(text).decode_utf8_lossy()),
        }
    }

    fn in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.in_work(text),
            Value::Array(values) => values.iter().any(|value| self.in_value(value)),
            Value::Object(fields) => fields.iter().any(|(name, value)| self.stands_in(name) || self.in_value(value)),
            _ => false,
        }
    }

    fn stands_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let of_an_address = |c: char| c.is_alphanumeric() || "+-_".contains(c);
        text.match_indices(&self.id).any(|(at, found)| {
            let before = text[..at].chars().next_back();
            let mut after = text[at + found.len()..].chars();
            let (next, second) = (after.next(), after.next());
            // A full stop may end a sentence; before a letter it does not.
            let goes_on =
                next.is_some_and(of_an_address) || next == Some('.') && second.is_some_and(char::is_alphanumeric);
            !before.is_some_and(|c| of_an_address(c) || c == '.') && !goes_on
        })
    }

    /// Nobody else's work is lost: of a task that somebody else is the subject of, only the end is deleted.
    pub fn judge(&self, kept: &KeptTask) -> Verdict {
        let task = &kept.task;
        let failure = kept.failure.iter().flat_map(|f| [&f.problem, &f.remedy]);
        let texts = [&task.payload, &task.title, &task.dedupe_key, &task.ordering_key];
        let mut texts = texts.into_iter().chain(failure).chain(&kept.waiting_for);
        let about_nobody = task.subject.is_none() && texts.clone().any(|text| self.in_work(text));
        let is_theirs = self.is(task.subject.as_ref()) || about_nobody;
        match kept.status {
            TaskStatus::Waiting | TaskStatus::Dead if is_theirs => Verdict::Goes,
            TaskStatus::Done if is_theirs || texts.any(|text| self.within(text)) => Verdict::Goes,
            // Its run is open, and that is looked at.
            TaskStatus::Running | TaskStatus::Done => Verdict::Stays,
            _ if texts.any(|text| self.within(text)) => Verdict::StaysAndNames,
            _ => Verdict::Stays,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ana() -> Named {
        Named::new(&Subject { kind: "person".into(), id: "Ana@Example.org".into() }).unwrap()
    }

    #[test]
    fn a_text_names_a_person_and_work_only_the_whole_address() {
        let rows = [
            ("ana@example.org", true, true),
            ("ANA@example.ORG registered.", true, true),
            ("mail <ana@example.org>.", true, true),
            ("to=ana%40example.org&x", true, true),
            ("ana%40example%2eorg", true, true),
            (r#"{"to":["x",{"body":"{\"email\":\"ana@example.org\"}"}]}"#, true, true),
            (r#"{"text":"one\nana@example.org"}"#, true, true),
            (r#"{"ana@example.org":1}"#, true, true),
            ("joanna.ana@example.org", true, false),
            ("diana@example.org", true, false),
            (r#"{"email":"lu+ana@example.org"}"#, true, false),
            ("ana@example.org.uk", true, false),
            ("ana@example.orga", true, false),
            ("ana@example.com", false, false),
            ("", false, false),
        ];
        for (text, within, in_work) in rows {
            assert_eq!((ana().within(text), ana().in_work(text)), (within, in_work), "{text}");
        }
    }

    /// Who is the task's subject, what its text says, and what becomes of it waiting, running, done, dead.
    #[test]
    fn of_work_that_is_somebody_elses_only_the_end_is_deleted() {
        use TaskStatus::*;
        use Verdict::*;
        let rows = [
            (Some("ana@example.org"), "anything", [Goes, Stays, Goes, Goes]),
            (Some("ANA@example.org"), "anything", [Goes, Stays, Goes, Goes]),
            (None, "of ana@example.org", [Goes, Stays, Goes, Goes]),
            (None, "of diana@example.org", [StaysAndNames, Stays, Goes, StaysAndNames]),
            (Some("ben@example.org"), "a guest of ana@example.org", [StaysAndNames, Stays, Goes, StaysAndNames]),
            (Some("ben@example.org"), "anything", [Stays; 4]),
        ];
        for (subject, text, expect) in rows {
            let mut task = crate::durable::conformance::task("a", "k", text);
            task.subject = subject.map(|id| Subject { kind: "person".into(), id: id.into() });
            let verdicts = [Waiting, Running, Done, Dead].map(|status| {
                ana().judge(&KeptTask {
                    id: crate::durable::TaskId(1),
                    task: task.clone(),
                    status,
                    attempt: 1,
                    generation: 0,
                    admitted_at: Default::default(),
                    due: Default::default(),
                    waiting_for: None,
                    wake_on: None,
                    failure: None,
                    repeats: 0,
                    run: None,
                })
            });
            assert_eq!(verdicts, expect, "{subject:?}, {text}");
        }
    }

    #[test]
    fn nobody_is_named_by_an_empty_id() {
        assert!(Named::new(&Subject { kind: "person".into(), id: " ".into() }).is_none());
    }

    #[test]
    fn a_hash_is_of_one_person_one_installation_one_store() {
        let of = |salt: &[u8], installation, kind: &str, id: &str| {
            hash(salt, installation, &Subject { kind: kind.into(), id: id.into() })
        };
        let ana = of(b"salt", "i", "person", "ana@example.org");
        assert_eq!(ana, of(b"salt", "i", "person", "Ana@Example.ORG"));
        let others = [
            of(b"other", "i", "person", "ana@example.org"),
            of(b"salt", "j", "person", "ana@example.org"),
            of(b"salt", "i", "account", "ana@example.org"),
            of(b"salt", "i", "person", "ben@example.org"),
            of(b"salt", "ip", "erson", "ana@example.org"),
        ];
        assert!(!others.contains(&ana) && !ana.contains("ana"));
    }
}
