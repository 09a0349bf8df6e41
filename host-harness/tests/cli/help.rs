//! What the program says of itself.

use crate::support::*;

#[test]
fn each_command_explains_itself_with_examples() {
    let commands = [
        "demo",
        "connect",
        "disconnect",
        "serve",
        "check",
        "map",
        "install",
        "uninstall",
        "run",
        "sessions",
        "sync",
        "backfill",
        "runs",
        "show",
        "why",
        "retry",
        "discard",
        "resync",
        "replay",
        "pause",
        "resume",
        "simulate",
        "inspect",
        "completion",
    ];
    for command in commands {
        let output = harness(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains("Examples:\n  harness "), "{}", stdout(&output));
        insta::assert_snapshot!(format!("help_{command}"), stdout(&output));
    }
    insta::assert_snapshot!("help", stdout(&harness(&["--help"])));
}

#[test]
fn a_wrong_command_line_is_answered_with_what_would_be_right() {
    let output = harness(&["dmeo"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("demo"), "{}", stderr(&output));
    assert!(stdout(&harness(&["--help"])).contains("Exit codes:"));
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&harness(&["completion", shell]));
        assert!(["run", "check", "--dry-run", "dry-run"].iter().any(|word| script.contains(word)), "{shell}");
        assert!(script.contains("harness"), "{shell}");
    }
    assert_eq!(harness(&["completion", "tcsh"]).status.code(), Some(2));
}

#[test]
fn nothing_is_coloured_where_nobody_looks() {
    for arguments in [&["--help"][..], &["dmeo"], &["inspect"]] {
        let output = harness(arguments);
        assert!(!format!("{}{}", stdout(&output), stderr(&output)).contains('\u{1b}'), "{arguments:?}");
    }
}
