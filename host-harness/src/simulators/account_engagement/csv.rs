//! Comma-separated values as RFC 4180 has them, read and written: what an import is fed with and what its errors come in.
//! Promises: what was written is read back as it was.

/// Rows of cells, the header first. Nothing where quotes are out of place.
pub(super) fn read(text: &str) -> Option<Vec<Vec<String>>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut cell) = (vec![], vec![], String::new());
    let mut quoted = false;
    // After a closing quote nothing but the end of the cell may come.
    let mut closed = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => (quoted, closed) = (false, true),
            _ if quoted => cell.push(c),
            '"' if cell.is_empty() && !closed => quoted = true,
            '"' => return None,
            ',' => {
                row.push(std::mem::take(&mut cell));
                closed = false;
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                closed = false;
            }
            _ if closed => return None,
            _ => cell.push(c),
        }
    }
    if quoted {
        return None;
    }
    if !cell.is_empty() || !row.is_empty() || closed {
        row.push(cell);
        rows.push(row);
    }
    Some(rows)
}

pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(written).collect();
    // A line of one empty cell would be an empty line.
    if cells == [""] { "\"\"\r\n".to_owned() } else { format!("{}\r\n", cells.join(",")) }
}

fn written(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_parted_by_commas_outside_of_quotes() {
        let rows: [(&str, Option<&[&[&str]]>); 9] = [
            ("", Some(&[])),
            ("a,b\n1,2", Some(&[&["a", "b"], &["1", "2"]])),
            ("\u{feff}a,b\r\n1,\r\n", Some(&[&["a", "b"], &["1", ""]])),
            ("\"a,\"\"b\"\"\",\"x\ny\"", Some(&[&["a,\"b\"", "x\ny"]])),
            ("\"\"", Some(&[&[""]])),
            ("a\n\nb", Some(&[&["a"], &[""], &["b"]])),
            ("\"a", None),
            ("a\"b", None),
            ("\"a\"b", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|rows| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
            let found = read(text);
            let found =
                found.as_ref().map(|rows| rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(rows in proptest::collection::vec(proptest::collection::vec("[a-z,\"\r\n ]{0,6}", 1..4), 0..5)) {
            let text: String = rows.iter().map(|row| line(row.iter().map(String::as_str))).collect();
            prop_assert_eq!(read(&text), Some(rows));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            read(&text);
        }
    }
}
