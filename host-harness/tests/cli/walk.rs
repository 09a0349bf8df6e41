//! `docs/walkthrough.md`, as it is written: every block marked `sh`, in one shell, with curl alone.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// Longer than the walk takes, also on a machine that is slow.
const PATIENCE: Duration = Duration::from_secs(240);
/// The addresses of the page; whoever tests on a machine where they are taken gets others.
const PORTS: [&str; 3] = [":8400", ":8080", ":8081"];
const MARK: &str = "the block before this is over";

/// A block of commands, and what it prints; without that, nothing.
#[derive(Debug, PartialEq)]
struct Step {
    commands: String,
    prints: String,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    for fenced in page.split("\n```").skip(1).step_by(2) {
        let (language, text) = fenced.split_once('\n').unwrap();
        match language {
            "sh" => steps.push(Step { commands: text.into(), prints: String::new() }),
            "text" => steps.last_mut().expect("what is printed follows a command").prints = text.into(),
            other => panic!("a block of \"{other}\" is neither commands nor what they print"),
        }
    }
    steps
}

/// `...` stands for anything.
fn is_like(printed: &str, expected: &str) -> bool {
    let mut parts = expected.trim().split("...");
    let Some(mut rest) = printed.trim().strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    last.map_or(rest.is_empty(), |last| last.is_empty() || rest.is_empty() || printed.trim().ends_with(last))
}

#[test]
fn what_is_printed_may_differ_where_the_page_says_so_and_nowhere_else() {
    assert!(is_like("{\"a\":1}\n", "{\"a\":1}"));
    assert!(is_like("{\"a\":1,\"b\":1}", "{...\"b\":...}"));
    assert!(is_like("one x two x", "one ... x"));
    for (printed, expected) in [("a", ""), ("", "a"), ("ab", "a"), ("a b", "a...c"), ("a b c", "a...b"), ("xa", "a...")]
    {
        assert!(!is_like(printed, expected), "{printed} {expected}");
    }
    let page = "text\n```sh\none\ntwo\n```\nmore\n```text\n1\n```\n\n```sh\nthree\n```\n";
    let step = |commands: &str, prints: &str| Step { commands: commands.into(), prints: prints.into() };
    assert_eq!(steps(page), [step("one\ntwo", "1"), step("three", "")]);
}

#[test]
fn the_walk_from_an_empty_folder_to_people_in_salesforce_goes_as_it_is_written() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/walkthrough.md")).unwrap();
    let free: Vec<TcpListener> = PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let elsewhere = |text: &str| {
        let port = |at: usize| format!(":{}", free[at].local_addr().unwrap().port());
        PORTS.iter().enumerate().fold(text.to_owned(), |text, (at, named)| text.replace(named, &port(at)))
    };
    let steps = steps(&elsewhere(&page));
    assert!(steps.len() > 10, "{steps:#?}");
    drop(free);

    let folder = tempfile::tempdir().unwrap();
    let told: String = steps.iter().map(|step| format!("{}\necho; echo '{MARK}'\n", step.commands)).collect();
    let bin = Path::new(env!("CARGO_BIN_EXE_harness")).parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("set -eu; trap 'kill $(jobs -p); wait' EXIT\n{told}")])
        .current_dir(folder.path())
        .env("PATH", path.unwrap());
    for own in ["HARNESS_KEY", "HARNESS_ADMIN_TOKEN", "RUST_LOG"] {
        shell.env_remove(own);
    }
    // A group of its own, so that whatever it started ends with it.
    let child =
        shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let group = format!("-{}", child.id());
    let (is_over, over) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let _ = over.recv_timeout(PATIENCE);
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
    });
    let output = child.wait_with_output().unwrap();
    drop(is_over);
    watch.join().unwrap();

    let (printed, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(folder.path().join("serve.log")).unwrap_or_default();
    let mut printed = printed.split(MARK);
    for step in &steps {
        let printed = printed.next().unwrap_or_default();
        assert!(
            is_like(printed, &step.prints),
            "{}\nprinted\n{printed}\nand not\n{}\n{complained}\n{log}",
            step.commands,
            step.prints
        );
    }
    assert_eq!(output.status.code(), Some(0), "{complained}\n{log}");
    // Asked to end, a program says that it does.
    assert!(complained.lines().all(|line| line.starts_with("ending: ")), "{complained}");
}
