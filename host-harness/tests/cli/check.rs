//! `harness check`.

use crate::support::*;

#[test]
fn without_a_blocker_all_is_well() {
    let bench = Bench::new();
    let text = bench.about(&["check"], &[]).output().unwrap();
    assert_eq!(text.status.code(), Some(0), "{}\n{}", stdout(&text), stderr(&text));
    assert!(stdout(&text).contains("livestorm-reached"), "{}", stdout(&text));
    let json = bench.about(&["check"], &["--json"]).output().unwrap();
    let checked = object(&json);
    assert_eq!(checked["blockers"], 0);
    assert!(checked["findings"].as_array().unwrap().iter().any(|f| f["place"] == "account-engagement"), "{checked}");
}

#[test]
fn a_blocker_is_shown_with_its_remedy_and_tells_a_script() {
    let bench = Bench::new();
    bench.file("livestorm-token", "made-up-wrong-token");
    let output = bench.about(&["check"], &[]).output().unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("BLOCKER") && text.contains("livestorm-refused") && text.contains("1 blocker"), "{text}");
    assert!(!text.contains("made-up-wrong-token"), "{text}");

    let settings = "[settings.account_engagement]\nextention = \"Livestorm\"\n";
    bench.file("installation.toml", bench.installation() + settings);
    let checked = object(&bench.about(&["check"], &["--json"]).output().unwrap());
    let finding = &checked["findings"][0];
    assert_eq!((finding["severity"].as_str(), checked["blockers"].as_u64()), (Some("blocker"), Some(1)), "{checked}");
    assert!(finding["place"].as_str().unwrap().starts_with("/account_engagement"), "{checked}");
}

#[test]
fn what_the_connector_cannot_mend_it_says_and_a_script_is_told() {
    let bench = Bench::new();
    let output = bench.about(&["check"], &["--fix", "no-such-finding"]).output().unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{text}\n{}", stderr(&output));
    assert!(text.contains("Mending no-such-finding:") && text.contains("not mended: "), "{text}");
    let json = bench.about(&["check"], &["--json", "--fix", "no-such-finding"]).output().unwrap();
    assert_eq!(object(&json)["mended"][0]["done"].as_array().map(Vec::len), Some(0));
}
