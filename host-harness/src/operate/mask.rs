//! What is shown of a person where nobody asked for it: `a…@example.org`, and of a name its first letter.
//!
//! An address is known by its shape, a name by where it stands in a task or a body. Not here: values of bodies and queries, which are
//! not shown at all then (`show.rs`).

use crate::durable::Tape;
use serde_json::Value;
use std::collections::BTreeSet;

/// How the names of fields end that hold somebody's name, or a number to call.
const NAMES: [&str; 5] = ["firstname", "lastname", "fullname", "phone", "mobile"];
const LENGTH_MIN: usize = 2;

/// Hides, unless `personal`.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    personal: bool,
    names: BTreeSet<String>,
}

impl Mask {
    pub fn new(tape: &Tape, personal: bool) -> Mask {
        let mut mask = Mask { personal, names: BTreeSet::new() };
        for assignment in &tape.lead.input.assignments {
            mask.learn(assignment.task.payload.as_bytes());
        }
        mask
    }

    /// Names in a document, or in one that is told as a text in it.
    pub fn learn(&mut self, document: &[u8]) {
        if let Ok(value) = serde_json::from_slice(document) {
            self.names_in("", &value);
        }
    }

    fn names_in(&mut self, field: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.names_in(name, value)),
            Value::Array(values) => values.iter().for_each(|value| self.names_in(field, value)),
            Value::String(text) if text.starts_with(['{', '[']) => self.learn(text.as_bytes()),
            Value::String(text) => {
                let plain: String = field.chars().filter(char::is_ascii_alphanumeric).collect();
                let plain = plain.to_ascii_lowercase();
                if text.chars().count() >= LENGTH_MIN && NAMES.iter().any(|name| plain.ends_with(name)) {
                    self.names.insert(text.clone());
                }
            }
            _ => {}
        }
    }

    pub fn text(&self, text: &str) -> String {
        if self.personal {
            return text.into();
        }
        // The longest first: a name may be a part of another one.
        let mut names: Vec<&String> = self.names.iter().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.iter().fold(without_addresses(text), |text, name| whole_words(&text, name))
    }
}

fn in_address(c: char) -> bool {
    c.is_alphanumeric() || ".!%&'+-_~@".contains(c)
}

/// An address stands between characters that no address has.
fn without_addresses(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| !in_address(c)) {
        let word = part.trim_end_matches(|c| !in_address(c));
        let bare = word.trim_start_matches('\'');
        match bare.rsplit_once('@') {
            Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
                shown.push_str(&word[..word.len() - bare.len()]);
                shown.extend(name.chars().next());
                shown.push_str("…@");
                shown.push_str(domain);
                shown.push_str(&part[word.len()..]);
            }
            _ => shown.push_str(part),
        }
    }
    shown
}

fn whole_words(text: &str, name: &str) -> String {
    let first: String = name.chars().take(1).collect();
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let is_inside = before.chars().next_back().is_some_and(char::is_alphanumeric)
            || after.chars().next().is_some_and(char::is_alphanumeric);
        shown.push_str(before);
        shown.push_str(&if is_inside { name.to_owned() } else { format!("{first}…") });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(personal: bool) -> Mask {
        let mut mask = Mask { personal, names: BTreeSet::new() };
        mask.learn(
            br#"{"values": {"fields.first_name": "Ana", "LastName": "Lima Souza", "fields.company": "Example"},
            "row": "{\"last_name\": \"Ng\"}", "phone": "+1 555 0100", "event_title": "Ana's demo"}"#,
        );
        mask
    }

    #[test]
    fn addresses_and_names_are_hidden_wherever_they_stand() {
        let rows = [
            ("ana@example.org registered for S1", "a…@example.org registered for S1"),
            ("(Ana.Lima+x@example.org), \"b@example.org\"", "(A…@example.org), \"b…@example.org\""),
            ("/people/ana@example.org", "/people/a…@example.org"),
            ("Ana Lima Souza of Example, +1 555 0100", "A… L… of Example, +…"),
            ("Anastasia, Ng", "Anastasia, N…"),
            ("at 10@ no address, @home", "at 10@ no address, @home"),
        ];
        for (text, expected) in rows {
            assert_eq!(mask(false).text(text), expected);
            assert_eq!(mask(true).text(text), text);
        }
    }

    proptest! {
        /// Whatever stands around it.
        #[test]
        fn no_address_is_left(name in "[a-z][a-z.+]{2,10}", before in "[ (\"<:,;']{0,2}", after in "[ )\">:,;']{0,2}") {
            let shown = mask(false).text(&format!("x{before}{name}@example.org{after}"));
            prop_assert!(!shown.contains(&format!("{name}@")), "{}", shown);
        }
    }
}
