//! Every sentence that is promised (`docs/requirements.md`) is shown by a test that cites it; what no test can show stands in
//! a document. Whether a citation is earned is for whoever reads it.
//!
//! The oracle is no test: it says what must be so, and shows nothing of the product by itself.

use crate::support::sources::{files, read};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const PROMISES: &str = "docs/requirements.md";

/// Said to people and shown by nothing that runs, besides what is marked as outside the software.
const FOR_PEOPLE: &str = "S1-24, S2-10, S2-15, S2-36, S2-64, S2-75, S2-77, S3-24";
const OUTSIDE: &str = "*(outside the software)*";

#[test]
fn every_sentence_is_cited_by_a_test_or_stands_in_a_document() {
    let promises = read(PROMISES);
    let rows: Vec<(&str, &str)> = promises.lines().filter_map(row).collect();
    let for_people: BTreeSet<String> = cited(FOR_PEOPLE)
        .into_iter()
        .chain(rows.iter().filter(|(_, says)| says.contains(OUTSIDE)).map(|(id, _)| id.to_string()))
        .collect();
    let (by_tests, by_documents) = (citations(&tests()), citations(&documents()));
    let bare: Vec<&str> = rows
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| !if for_people.contains(*id) { &by_documents } else { &by_tests }.contains(*id))
        .collect();
    assert_eq!(bare, Vec::<&str>::new(), "neither a test nor a document cites these");

    let known: BTreeSet<String> = rows.iter().map(|(id, _)| id.to_string()).collect();
    let everywhere = citations(&[files("rs"), pages()].concat().iter().map(read).collect::<Vec<_>>());
    let unknown: Vec<&String> = everywhere.difference(&known).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "these are cited, and {PROMISES} has no such sentence");
}

#[test]
fn ranges_and_lists_count_for_each() {
    let ids = |text: &str| cited(text).into_iter().collect::<Vec<_>>();
    assert_eq!(ids("/// S2-8, S2-9 to S2-11; (S1-2)"), ["S1-2", "S2-10", "S2-11", "S2-8", "S2-9"]);
    assert_eq!(ids("SC-1 to SC-3, SCS-4"), ["SC-1", "SC-2", "SC-3"]);
    assert_eq!(ids("S2-7 to the end, XS2-8, S2-, S2-4b, S4-1"), ["S2-7"]);
    let file = "/// S2-1\nfn rule() {}\n#[cfg(test)]\nmod tests { /* S2-2 */ }";
    assert_eq!(test_part(Path::new("plugin/src/x.rs"), file, &[]), "\nmod tests { /* S2-2 */ }");
    assert_eq!(test_part(Path::new("plugin/src/story/x.rs"), file, &[PathBuf::from("plugin/src/story")]), file);
    assert_eq!(test_part(Path::new("tests/x.rs"), file, &[]), file);
}

/// `| S1-4 | what it says |`.
fn row(line: &str) -> Option<(&str, &str)> {
    let (id, says) = line.strip_prefix("| ")?.split_once(" | ")?;
    cited(id).contains(id).then_some((id, says))
}

/// The ids that a text names; `S2-26 to S2-30` names five.
fn cited(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut last: Option<(char, u32, usize)> = None;
    for (at, _) in text.match_indices('S') {
        if text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let Some((page, rest)) = text[at + 1..].split_once('-') else { continue };
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let is_whole = !rest[number.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
        let (["C" | "0" | "1" | "2" | "3"], Ok(number), true) = ([page], number.parse::<u32>(), is_whole) else {
            continue;
        };
        let page = page.chars().next().unwrap_or_default();
        let from = last.filter(|(of, first, end)| *of == page && *first < number && &text[*end..at] == " to ");
        ids.extend((from.map_or(number, |(_, first, _)| first)..=number).map(|n| format!("S{page}-{n}")));
        last = Some((page, number, at + 1 + 2 + number.to_string().len()));
    }
    ids
}

fn citations(texts: &[String]) -> BTreeSet<String> {
    texts.iter().flat_map(|text| cited(text)).collect()
}

/// What of each file is a test. This one only speaks of ids.
fn tests() -> Vec<String> {
    let sources = files("rs");
    let modules: Vec<PathBuf> = sources.iter().flat_map(|file| test_modules(file, &read(file))).collect();
    let is_one = |file: &&PathBuf| !file.ends_with("tests/citations.rs") && !file.starts_with("tests/oracle");
    sources.iter().filter(is_one).map(|file| test_part(file, &read(file), &modules).to_owned()).collect()
}

fn test_part<'a>(file: &Path, text: &'a str, modules: &[PathBuf]) -> &'a str {
    let is_of = |module: &PathBuf| file.starts_with(module) || *file == module.with_extension("rs");
    if file.iter().any(|part| part == "tests") || modules.iter().any(is_of) {
        return text;
    }
    text.find("#[cfg(test)]\nmod tests {").map_or("", |at| &text[at + "#[cfg(test)]".len()..])
}

/// Where the modules stand that a file declares for tests alone.
fn test_modules(file: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = ["lib.rs", "main.rs", "mod.rs"].iter().any(|name| file.ends_with(name));
    let folder = if is_root { file.parent().map(Path::to_path_buf) } else { Some(file.with_extension("")) };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|after| {
        let (name, _) = after.strip_prefix("pub ").unwrap_or(after).strip_prefix("mod ")?.split_once(';')?;
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| folder.as_ref().map(|at| at.join(name)))?
    });
    declared.collect()
}

fn documents() -> Vec<String> {
    pages().iter().filter(|file| !file.ends_with(PROMISES)).map(read).collect()
}

fn pages() -> Vec<PathBuf> {
    files("md")
}
