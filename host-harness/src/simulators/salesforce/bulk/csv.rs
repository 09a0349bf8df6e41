//! The tables that come and go with a bulk job.
//! <https://developer.salesforce.com/docs/platform/api-asynch/guide/datafiles-prepare-csv.html>
//!
//! Promises: a value may stand in quotation marks, and then hold delimiters, line ends and doubled quotation marks
//! (RFC 4180); empty lines say nothing; what is written here is read here. A byte order mark is a part of the first
//! value, as there.

/// Between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Backquote,
    Caret,
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

impl Delimiter {
    pub const ALL: [Delimiter; 6] = [
        Delimiter::Backquote,
        Delimiter::Caret,
        Delimiter::Comma,
        Delimiter::Pipe,
        Delimiter::Semicolon,
        Delimiter::Tab,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Delimiter::Backquote => "BACKQUOTE",
            Delimiter::Caret => "CARET",
            Delimiter::Comma => "COMMA",
            Delimiter::Pipe => "PIPE",
            Delimiter::Semicolon => "SEMICOLON",
            Delimiter::Tab => "TAB",
        }
    }

    fn character(self) -> char {
        match self {
            Delimiter::Backquote => '`',
            Delimiter::Caret => '^',
            Delimiter::Comma => ',',
            Delimiter::Pipe => '|',
            Delimiter::Semicolon => ';',
            Delimiter::Tab => '\t',
        }
    }
}

/// Between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnding {
    Lf,
    Crlf,
}

impl LineEnding {
    pub const ALL: [LineEnding; 2] = [LineEnding::Lf, LineEnding::Crlf];

    pub fn name(self) -> &'static str {
        match self {
            LineEnding::Lf => "LF",
            LineEnding::Crlf => "CRLF",
        }
    }

    fn text(self) -> &'static str {
        match self {
            LineEnding::Lf => "\n",
            LineEnding::Crlf => "\r\n",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub delimiter: Delimiter,
    pub line_ending: LineEnding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A quotation mark inside a value that does not begin with one, or after one that has ended.
    Quote,
    /// A row ends otherwise than was said.
    LineEnding,
}

/// All rows, the header being the first.
pub(super) fn read(text: &str, format: Format) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut rows = vec![];
    let mut rest = text;
    while !rest.is_empty() {
        let mut row = vec![];
        let quoted = rest.starts_with('"');
        let ending = loop {
            let (value, after) = read_value(rest, format)?;
            row.push(value);
            rest = after;
            match rest.strip_prefix(format.delimiter.character()) {
                Some(after) => rest = after,
                None => break [LineEnding::Crlf, LineEnding::Lf].into_iter().find(|e| rest.starts_with(e.text())),
            }
        };
        if let Some(ending) = ending {
            rest = &rest[ending.text().len()..];
            if ending != format.line_ending {
                return Err(Unreadable::LineEnding);
            }
        }
        let is_empty_line = !quoted && row.len() == 1 && row.iter().all(String::is_empty);
        if !is_empty_line {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A value, and what is left behind it: a delimiter, the end of a row, or nothing.
fn read_value(text: &str, format: Format) -> Result<(String, &str), Unreadable> {
    let ends = |rest: &str| {
        rest.is_empty()
            || rest.starts_with(format.delimiter.character())
            || LineEnding::ALL.iter().any(|ending| rest.starts_with(ending.text()))
    };
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.char_indices().map(|(at, _)| at).find(|at| ends(&text[*at..])).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return if value.contains('"') { Err(Unreadable::Quote) } else { Ok((value.to_owned(), rest)) };
    };
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('"').ok_or(Unreadable::Quote)?;
        value.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None if ends(after) => return Ok((value, after)),
            None => return Err(Unreadable::Quote),
        }
    }
}

/// Every value stands in quotation marks, as in the captured answers of public clients.
pub(super) fn write(rows: impl IntoIterator<Item = Vec<String>>, format: Format) -> String {
    let mut text = String::new();
    for row in rows {
        let values: Vec<_> = row.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
        text.push_str(&values.join(&format.delimiter.character().to_string()));
        text.push_str(format.line_ending.text());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: Format = Format { delimiter: Delimiter::Comma, line_ending: LineEnding::Lf };

    #[test]
    fn rows_are_read_by_their_marks() {
        let rows: [(&str, &[&[&str]]); 11] = [
            ("", &[]),
            ("\n\n", &[]),
            ("A,B\n1,2\n", &[&["A", "B"], &["1", "2"]]),
            ("A,B\n1,2", &[&["A", "B"], &["1", "2"]]),
            ("A,B\n,\n", &[&["A", "B"], &["", ""]]),
            ("A\n\"\"\n\nx\n", &[&["A"], &[""], &["x"]]),
            ("\"A\",\"B\"\n\"1,2\",\"say \"\"yes\"\"\"\n", &[&["A", "B"], &["1,2", "say \"yes\""]]),
            ("A\n\"two\nlines\"\n", &[&["A"], &["two\nlines"]]),
            ("A\n\"two\r\nlines\"\n", &[&["A"], &["two\r\nlines"]]),
            ("A\n a \n", &[&["A"], &[" a "]]),
            ("A\rB\n", &[&["A\rB"]]),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text, USUAL).unwrap(), expected, "{text:?}");
        }
        for text in ["a\"b\n", "\"a\"b\n", "\"a", "\"a\"\"\n", "\u{feff}\"A\"\n"] {
            assert_eq!(read(text, USUAL), Err(Unreadable::Quote), "{text:?}");
        }
        assert_eq!(read("A\r\n", USUAL), Err(Unreadable::LineEnding));
        let crlf = Format { line_ending: LineEnding::Crlf, ..USUAL };
        assert_eq!(read("A\nB\r\n", crlf), Err(Unreadable::LineEnding));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec("[a\"`^,|;\t\r\n ö]{0,6}", 1..4), 0..6),
            delimiter in prop::sample::select(&Delimiter::ALL[..]),
            line_ending in prop::sample::select(&LineEnding::ALL[..]),
        ) {
            let format = Format { delimiter, line_ending };
            prop_assert_eq!(read(&write(rows.clone(), format), format), Ok(rows));
        }

        #[test]
        fn whatever_is_sent_is_read_or_refused(text in "[a\"`,\r\n\u{feff}ö]{0,40}") {
            let _ = read(&text, USUAL);
        }
    }
}
