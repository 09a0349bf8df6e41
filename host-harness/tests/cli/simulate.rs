//! `simulate`: the simulators as somebody else's client finds them.

use crate::support::*;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn simulate(more: &[&str]) -> (Running, Value) {
    let mut command = program(&["simulate", "--listen", "127.0.0.1:0", "--json"]);
    let mut child = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child), serde_json::from_str(&line).unwrap())
}

fn ask(whereabouts: &Value, method: &str, path: &str, headers: &str, body: &str) -> String {
    let address = whereabouts["base_url"].as_str().unwrap().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_apis_answer_to_the_credentials_that_are_printed_and_the_clock_moves_the_scenario_on() {
    let (_running, whereabouts) = simulate(&["--scenario", "one_session"]);
    assert!(whereabouts["business_unit_id"].as_str().unwrap().starts_with("0Uv"));
    let token = format!("authorization: {}\r\n", whereabouts["livestorm_token"].as_str().unwrap());
    assert!(ask(&whereabouts, "GET", "/v1/events", &token, "").contains("Product demo"));
    let bearer = format!("authorization: Bearer {}\r\n", whereabouts["salesforce"]["access_token"].as_str().unwrap());
    assert!(ask(&whereabouts, "GET", "/services/data/v62.0/limits", &bearer, "").starts_with("HTTP/1.1 200"));
    let moved = ask(&whereabouts, "POST", "/simulators/clock", "", r#"{"move_by_seconds":9700}"#);
    assert!(moved.starts_with("HTTP/1.1 200"), "{moved}");
    assert!(ask(&whereabouts, "GET", "/v1/sessions", &token, "").contains("\"past\""));
    assert!(ask(&whereabouts, "GET", "/", "", "").contains("<h1>Simulators"));
}

#[test]
fn what_other_machines_could_reach_and_what_is_not_there_is_refused() {
    let rows = [
        (&["--listen", "0.0.0.0:0"][..], "--allow-remote"),
        (&["--scenario", "none"], "one_session"),
        (&["--webhooks", "http://hooks.example.org/"], "HTTPS"),
        (&["--scenario", "./none.toml"], "./none.toml"),
    ];
    for (more, wanted) in rows {
        let output = harness(&[&["simulate"], more].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}

#[test]
fn the_printed_installation_is_one_that_check_takes() {
    let mut child = program(&["simulate", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _running = Running(child);
    let mut printed = String::new();
    while !printed.lines().last().is_some_and(|line| line.starts_with("token_url")) {
        printed += &lines.next().expect("it prints where it is").unwrap();
        printed.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("simulated.toml");
    std::fs::write(&file, &printed).unwrap();
    let data = folder.path().join("data");
    let arguments = ["check", "--json", "--installation", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let set = printed.lines().filter_map(|line| line.split_once("export ")?.1.split_once('='));
    let output = program(&arguments).envs(set).output().unwrap();
    let report = stdout(&output);
    for code in ["livestorm-reached", "salesforce-reached", "account-engagement-reached"] {
        assert!(report.contains(code), "{report}\n{}", stderr(&output));
    }
}

/// What Livestorm would post reaches whoever listens, over the network, and its failure is tried again as the clock moves.
#[test]
fn webhooks_are_posted_to_whoever_listens() {
    let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let (_running, whereabouts) = simulate(&["--webhooks", &url]);
    let take = |status: &str| {
        let (stream, _) = receiver.accept().unwrap();
        let mut from = BufReader::new(stream);
        let (mut head, mut line) = (String::new(), String::new());
        while from.read_line(&mut line).unwrap() > 2 {
            head += &std::mem::take(&mut line).to_lowercase();
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        from.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
        write!(from.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        head
    };
    // An outcome is noted a moment after the answer; each question takes a while too.
    let comes_to =
        |wanted: &str| (0..20_000).any(|_| ask(&whereabouts, "GET", "/simulators/deliveries", "", "").contains(wanted));
    ask(&whereabouts, "POST", "/simulators/livestorm/create-event", "", r#"{"title":"Demo"}"#);
    assert!(take("503 Busy").starts_with("post /hook http/1.1\r\n"));
    assert!(comes_to(r#""answered":503"#));
    ask(&whereabouts, "POST", "/simulators/clock", "", r#"{"move_by_seconds":31}"#);
    take("204 No Content");
    assert!(comes_to(r#""end":"delivered""#));
}
