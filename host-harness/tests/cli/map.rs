//! `harness map`.

use crate::support::*;
use host_harness::simulators::livestorm::Dialect;
use std::process::Output;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/installations/sample.toml");

fn map(payload: &str, more: &[&str]) -> Output {
    harness(&[&["map", "--installation", SAMPLE, "--payload", payload], more].concat())
}

#[test]
fn a_mapping_is_shown_without_an_account_and_without_a_secret() {
    let bench = Bench::new();
    let body = bench.registration("ana.json", "ana@example.org", Dialect::Native);
    let output = map(&body, &["--json"]);
    let mapped = object(&output);
    // Values, or one finding that says why there are none.
    match mapped.get("finding") {
        None => {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let value = &mapped["values"][0];
            assert!(value["source"].is_string() && value["target"].is_string(), "{mapped}");
            assert!(stdout(&map(&body, &[])).contains("written"));
        }
        Some(finding) => {
            assert_eq!(output.status.code(), Some(3), "{mapped}");
            assert!(finding["problem"].is_string() && finding["remedy"].is_string(), "{mapped}");
            assert!(stdout(&map(&body, &[])).contains("What to do: "));
        }
    }
    assert_eq!(bench.simulators.world().requests.len(), 0, "nobody was asked");
}

#[test]
fn what_cannot_be_mapped_is_told() {
    let bench = Bench::new();
    let body = bench.file("no.json", "this is not JSON");
    assert_eq!(map(&body, &[]).status.code(), Some(3));
    let nowhere = map("nowhere.json", &[]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(stderr(&nowhere).contains("the payload nowhere.json cannot be read"), "{}", stderr(&nowhere));
}

/// The guide for administrators shows a command of this folder and what it prints.
#[test]
fn the_guide_shows_what_is_printed() {
    const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let guide = std::fs::read_to_string(format!("{WORKSPACE}/docs/admin-guide.md")).unwrap();
    let command = guide.lines().find(|line| line.starts_with("    harness map --installation fixtures/")).unwrap();
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let output = program(&arguments).current_dir(WORKSPACE).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let printed: Vec<String> = stdout(&output).lines().map(|line| format!("    {}", line.trim_end())).collect();
    let printed = printed.join("\n");
    assert!(guide.contains(&printed), "docs/admin-guide.md shows something else than\n{printed}");

    // The rules that it explains are those of the file.
    let file = std::fs::read_to_string(format!("{WORKSPACE}/fixtures/installations/attendance.toml")).unwrap();
    let (_, rules) = file.split_once("\n\n# Has attended").unwrap();
    let (rules, _) = rules.split_once("\n\n[connections.").unwrap();
    for line in rules.lines().skip(1).filter(|line| !line.is_empty()) {
        assert!(guide.contains(&format!("\n    {line}\n")), "{line}");
    }
}
