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
    assert!(ask(&whereabouts, "GET", "/", "", "").contains("<h1>Simulated"));
}

#[test]
fn what_other_machines_could_reach_and_what_is_not_there_is_refused() {
    let rows = [
        (&["--listen", "0.0.0.0:0"][..], "--allow-remote"),
        (&["--scenario", "none"], "one_session"),
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
