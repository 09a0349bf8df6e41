//! What the vendors' pages confirm of their APIs, fact by fact (`docs/conformance/`), and which tests hold the simulators to
//! it. Prints the share that is covered. Whether a test earns its row is for whoever reads it.

use crate::support::sources::{files, read};
use std::collections::BTreeSet;

const FOLDER: &str = "docs/conformance";

/// `| fact | source | tests |`
struct Fact {
    says: String,
    source: String,
    /// Nothing where it is not covered; the row says why.
    tests: Vec<String>,
}

#[test]
fn each_confirmed_fact_names_tests_that_exist_or_says_why_none_does() {
    let known = test_names();
    let mut wrong = vec![];
    let (mut covered_of_all, mut all) = (0, 0);
    let pages: Vec<_> =
        files("md").into_iter().filter(|page| page.starts_with(FOLDER) && !page.ends_with("README.md")).collect();
    assert!(!pages.is_empty(), "{FOLDER} has no page");
    for page in pages {
        let name = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let facts = facts(&read(&page));
        let covered = facts.iter().filter(|fact| !fact.tests.is_empty()).count();
        println!("{name}: {covered} of {} confirmed facts are held by a test", facts.len());
        for fact in &facts {
            if fact.source.is_empty() {
                wrong.push(format!("{name}: \"{}\" names no source", fact.says));
            }
            let missing = fact.tests.iter().filter(|test| !known.contains(*test));
            wrong.extend(missing.map(|test| format!("{name}: \"{}\" names {test}, which is no test", fact.says)));
        }
        if facts.is_empty() {
            wrong.push(format!("{name}: no table of facts"));
        }
        covered_of_all += covered;
        all += facts.len();
    }
    println!("all: {covered_of_all} of {all}, {} %", covered_of_all * 100 / all.max(1));
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_row_is_a_fact_its_source_and_its_tests() {
    let page = "# Title\n\n| fact | source | test |\n|---|---|---|\n| a \\| b | <https://x.test> | `one`, `two_2` |\n| c | y | - no clock |\n";
    let facts = facts(page);
    assert_eq!(facts.len(), 2);
    assert_eq!((facts[0].says.as_str(), facts[0].tests.join("+").as_str()), ("a | b", "one+two_2"));
    assert_eq!((facts[1].source.as_str(), facts[1].tests.len()), ("y", 0));
}

fn facts(page: &str) -> Vec<Fact> {
    page.lines().filter_map(fact).collect()
}

fn fact(line: &str) -> Option<Fact> {
    let line = line.trim().strip_prefix('|')?.strip_suffix('|')?.replace("\\|", "\u{0}");
    let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    let [says, source, tests] = <[String; 3]>::try_from(cells).ok()?;
    if says == "fact" || says.starts_with("---") {
        return None;
    }
    let tests =
        if tests.starts_with('-') { vec![] } else { tests.split('`').skip(1).step_by(2).map(own_name).collect() };
    Some(Fact { says, source, tests })
}

/// A test may be named with its module.
fn own_name(test: &str) -> String {
    test.rsplit("::").next().unwrap_or(test).to_owned()
}

/// Functions that follow an attribute of a test; inside `proptest!` that is the same.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files("rs") {
        let text = read(&file);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && let Some((_, rest)) = line.split_once("fn ") {
                names.extend(rest.split('(').next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}
