//! Text in a query. What is quoted is escaped; identifiers are never made of text from outside.

use crate::{calendar, host::Instant};

/// A quoted literal: the escapes of the SOQL guide, "Quoted String Escape Sequences".
pub fn quoted(text: &str) -> String {
    let mut literal = String::from("'");
    for letter in text.chars() {
        match letter {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            '"' => literal.push_str("\\\""),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\u{8}' => literal.push_str("\\b"),
            '\u{c}' => literal.push_str("\\f"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

/// Several literals, for `IN`.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// As it stands in an address: all but letters, digits and `-_.~` is encoded.
pub fn encoded(text: &str) -> String {
    let mut address = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

/// A time, unquoted.
pub fn time(at: Instant) -> String {
    format!("{}Z", calendar::iso(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(quoted("O'Brien"), r"'O\'Brien'");
        assert_eq!(quoted("' OR Name != '"), r"'\' OR Name != \''");
        assert_eq!(quoted("a\\"), r"'a\\'");
        assert_eq!(quoted("\"q\"\n\t"), r#"'\"q\"\n\t'"#);
        assert_eq!(list(["a", "O'B"]), r"'a','O\'B'");
        assert_eq!(encoded("a+b@ü.example"), "a%2Bb%40%C3%BC.example");
        assert_eq!(time(1_795_359_600_000), "2026-11-22T15:00:00Z");
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_quotes(text in ".*") {
            let literal = quoted(&text);
            let mut inner = literal[1..literal.len() - 1].chars();
            while let Some(letter) = inner.next() {
                prop_assert_ne!(letter, '\'');
                if letter == '\\' {
                    prop_assert!(inner.next().is_some());
                }
            }
        }
    }
}
