//! The simulated APIs by themselves, as somebody starts them to try a client.

use crate::support::*;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

/// The running program, and what it printed until it was ready.
struct Simulated {
    child: Child,
    printed: String,
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Simulated {
    /// Reads what it prints up to a line that begins so.
    fn start(arguments: &[&str], last_line: &str) -> Simulated {
        let arguments = [&["simulate", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = program(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = String::new();
        while !printed.lines().last().is_some_and(|line| line.starts_with(last_line)) {
            printed += &lines.next().expect("it prints where it is").unwrap();
            printed.push('\n');
        }
        Simulated { child, printed }
    }
}

fn exchange(base_url: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let address = base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn the_printed_credentials_open_the_three_apis_and_the_clock_moves() {
    let simulated = Simulated::start(&["--json", "--starts-at", "2026-11-23T08:00:00Z"], "{");
    let told: Value = serde_json::from_str(&simulated.printed).unwrap();
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let base = text("/base_url");
    let livestorm = format!("authorization: {}\r\n", text("/livestorm_token"));
    let bearer = format!("authorization: Bearer {}\r\n", text("/salesforce/access_token"));
    let unit = format!("{bearer}pardot-business-unit-id: {}\r\n", text("/business_unit_id"));
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}&client_id={}&client_secret={}",
        text("/salesforce/refresh_token"),
        text("/salesforce/client_id"),
        text("/salesforce/client_secret")
    );
    let rows = [
        ("GET", "/v1/events", livestorm.as_str(), ""),
        ("GET", "/services/data/v62.0/sobjects/Campaign/describe", &bearer, ""),
        ("GET", "/api/v5/objects/campaigns?fields=id", &unit, ""),
        ("POST", "/services/oauth2/token", "content-type: application/x-www-form-urlencoded\r\n", &refresh),
    ];
    for (method, path, headers, body) in rows {
        let (status, answer) = exchange(&base, method, path, headers, body);
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let (status, moved) = exchange(&base, "POST", "/simulators/clock", "", r#"{"move_by_seconds":7200}"#);
    assert_eq!(status, 200);
    assert!(moved.starts_with(r#"{"now":"2026-11-23T10:0"#), "{moved}");
    // Two hours are the life of a session.
    assert_eq!(exchange(&base, "GET", "/services/data/v62.0/limits", &bearer, "").0, 401);
    let (_, seen) = exchange(&base, "GET", "/simulators/requests", "", "");
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["all"], 5, "what moves the world is no request of an API: {seen}");
    assert_eq!(
        (&seen["newest"][0]["status"], &seen["newest"][4]["path"]),
        (&Value::from(401), &Value::from("/v1/events"))
    );
}

#[test]
fn the_printed_installation_is_one_that_check_takes() {
    let simulated = Simulated::start(&[], "token_url");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("simulated.toml");
    let (above, installation) = simulated.printed.split_once("write into an installation file:\n").unwrap();
    std::fs::write(&file, installation).unwrap();
    let set = above.lines().find(|line| line.trim().starts_with("LIVESTORM_TOKEN=")).unwrap();
    let data = folder.path().join("data");
    let arguments = ["check", "--json", "--installation", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let mut check = program(&arguments);
    check.envs(set.split_whitespace().map(|pair| pair.split_once('=').unwrap()));
    let output = check.output().unwrap();
    let report = stdout(&output);
    for code in ["livestorm-reached", "salesforce-reached", "account-engagement-reached"] {
        assert!(report.contains(code), "{report}\n{}", stderr(&output));
    }
}

#[test]
fn an_address_that_others_reach_is_refused_and_a_taken_one_says_what_to_do() {
    let output = harness(&["simulate", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Listen on 127.0.0.1"), "{}", stderr(&output));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = harness(&["simulate", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--listen 127.0.0.1:0 takes a free port"), "{}", stderr(&output));
}
