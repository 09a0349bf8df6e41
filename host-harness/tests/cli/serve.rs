//! `harness serve`: the process as an operator runs it.

use crate::support::*;
use host_harness::simulators::livestorm::Dialect;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

pub const SECRET: &str = "made-up-address-secret";
/// Longer than anything here takes: who waits for what never comes is not waited for.
const PATIENCE: Duration = Duration::from_secs(240);

pub struct Serving {
    pub child: Child,
    pub address: String,
    admin: String,
    told: BufReader<ChildStderr>,
    /// All of it that was read.
    pub heard: String,
    /// Dropped, nobody is killed any more.
    _patience: mpsc::Sender<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Serving {
    pub fn start(bench: &Bench) -> Serving {
        Serving::start_with(bench, &[])
    }

    pub fn start_with(bench: &Bench, more: &[&str]) -> Serving {
        Serving::start_as(program(&[]), bench, more)
    }

    /// `command`: the program, or what ends in calling it with the arguments that it is given.
    pub fn start_as(mut command: Command, bench: &Bench, more: &[&str]) -> Serving {
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.arg("--config").arg(bench.path("installations")).arg("--data").arg(bench.path("data")).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = |begins: &str| {
            let line = lines.next().unwrap_or_default();
            line.strip_prefix(begins).map(str::to_owned).unwrap_or_else(|| {
                let all: Vec<String> = told.by_ref().lines().map_while(Result::ok).collect();
                panic!("{line}{all:#?}")
            })
        };
        let (address, admin) = (line("listening at http://"), line("admin interface at http://"));
        let (patience, waits) = mpsc::channel::<()>();
        let id = child.id();
        std::thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                signal("KILL", id);
            }
        });
        Serving { child, address, admin, told, heard: String::new(), _patience: patience }
    }

    /// Reads on up to such a line; false where it ends before.
    pub fn comes_to(&mut self, is: impl Fn(&Value) -> bool) -> bool {
        let mut lines = self.told.by_ref().lines().map_while(Result::ok);
        lines.any(|line| is(&serde_json::from_str(&line).unwrap_or_default()))
    }

    /// Reads what is told up to such a line, which it answers.
    pub fn until(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        for line in self.told.by_ref().lines() {
            let line = line.unwrap();
            self.heard += &line;
            self.heard.push('\n');
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if is(&line) {
                return line;
            }
        }
        panic!("it ended before: {}", self.heard)
    }

    pub fn until_says(&mut self, message: &str) -> Value {
        self.until(|line| line["message"].as_str().is_some_and(|said| said.contains(message)))
    }

    /// Status and body.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.try_ask(method, path, body).unwrap()
    }

    /// Nothing where nobody answers any more.
    pub fn try_ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        asked(&self.address, method, path, "", body).ok()
    }

    /// With the token, of the admin interface.
    pub fn admin(&self, bench: &Bench, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = std::fs::read_to_string(bench.path("data/admin-token")).unwrap();
        let token = format!("authorization: Bearer {token}\r\n");
        let (status, body) = asked(&self.admin, method, path, &token, body).unwrap();
        (status, serde_json::from_str(&body).unwrap_or_else(|e| panic!("{method} {path}: {e}: {body}")))
    }

    /// In order. All that it told since the start.
    pub fn end(&mut self) -> String {
        signal("TERM", self.child.id());
        self.told.read_to_string(&mut self.heard).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.heard);
        std::mem::take(&mut self.heard)
    }

    pub fn deliver(&self, installation: &str, body: &str) -> u16 {
        self.try_deliver(installation, body).unwrap()
    }

    /// Nothing where nobody answers any more.
    pub fn try_deliver(&self, installation: &str, body: &str) -> Option<u16> {
        let path = format!("/hooks/{installation}/livestorm/{SECRET}");
        Some(self.try_ask("POST", &path, body)?.0)
    }

    pub fn healthy(&self) -> Value {
        let (status, body) = self.ask("GET", "/healthz", "");
        assert_eq!(status, 200);
        serde_json::from_str::<Value>(&body).unwrap()["installations"].clone()
    }
}

/// Status and body. `more`: headers, each with its end of line.
fn asked(address: &str, method: &str, path: &str, more: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{more}");
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let cut_off = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_off)?;
    Ok((status, answer.split_once("\r\n\r\n").ok_or_else(cut_off)?.1.to_owned()))
}

pub fn signal(name: &str, id: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().unwrap().success());
}

/// A bench whose folder of installations is there, and the text of one.
pub fn bench() -> (Bench, String) {
    folder_of(Bench::new(), "destination = \"salesforce\"")
}

pub fn folder_of(bench: Bench, settings: &str) -> (Bench, String) {
    let whole = bench.installation();
    let whole = whole.replace("{ file = \"", &format!("{{ file = \"{}/", bench.folder.path().display()));
    let (id, rest) = whole.split_once('\n').unwrap();
    let hooks = format!("[webhooks]\naddress_secret = {{ file = \"{}\" }}\n", bench.file("hook", SECRET));
    std::fs::create_dir(bench.path("installations")).unwrap();
    let text = format!("{id}\n[settings]\n{settings}\n{rest}{hooks}");
    (bench, text)
}

pub fn put(bench: &Bench, name: &str, text: &str) -> PathBuf {
    // As a careful operator does: never half a file.
    let path = bench.path("installations").join(name);
    std::fs::write(bench.path("half"), text).unwrap();
    std::fs::rename(bench.path("half"), &path).unwrap();
    path
}

pub fn registration(bench: &Bench, email: &str) -> String {
    std::fs::read_to_string(bench.registration("body.json", email, Dialect::Native)).unwrap()
}

pub fn leads(bench: &Bench) -> usize {
    bench.snapshot().leads.len()
}

#[test]
fn installations_are_taken_up_changed_and_removed_without_a_restart_and_a_wrong_one_harms_itself_alone() {
    let (bench, text) = bench();
    let mut serving = Serving::start(&bench);
    assert_eq!(serving.healthy(), serde_json::json!({"running": 0, "held": 0, "broken": 0}));
    let acme = put(&bench, "acme.toml", &text);
    serving.until(|line| line["message"] == "runs" && line["installation"] == "acme");
    assert_eq!(serving.deliver("acme", &registration(&bench, "ana@example.org")), 202);
    serving.until(|line| line["object"] == "Lead");
    assert_eq!(leads(&bench), 1);

    // Somebody edits it into nonsense: it runs on as it was, and others would be told to send again.
    put(&bench, "acme.toml", "id = ");
    let said = serving.until_says("this is not TOML");
    assert_eq!((said["installation"].as_str(), said["level"].as_str()), (Some("acme"), Some("ERROR")), "{said}");
    assert_eq!(serving.deliver("acme", &registration(&bench, "ben@example.org")), 202);
    serving.until(|line| line["object"] == "Lead");
    assert_eq!((serving.deliver("nobody", "{}"), leads(&bench)), (503, 2));
    put(&bench, "acme.toml", &text);
    serving.until(|line| line["message"] == "runs" && line["installation"] == "acme");
    assert_eq!(serving.deliver("nobody", "{}"), 404);
    assert_eq!(serving.ask("POST", "/hooks/acme/livestorm/wrong", "{}").0, 404);

    // S2-45: a second flow between the same accounts, and one that names what is not there.
    put(&bench, "second.toml", &text.replace("id = \"acme\"", "id = \"second\""));
    let said = serving.until_says("is not switched on");
    assert_eq!(said["code"], "other-flow-active", "{said}");
    put(&bench, "third.toml", &text.replace("id = \"acme\"", "id = \"third\"").replace("/client-secret", "/gone"));
    assert!(serving.until_says("cannot be read")["message"].as_str().unwrap().contains("third.toml"));
    put(&bench, "twin.toml", &text);
    serving.until_says("is taken by");
    assert_eq!(serving.healthy(), serde_json::json!({"running": 1, "held": 1, "broken": 2}));
    let (_, measured) = serving.ask("GET", "/metrics", "");
    for line in [
        "harness_installations{status=\"running\"} 1",
        "harness_deliveries_refused_total{installation=\"acme\",reason=\"no-such-address\"} 1",
    ] {
        assert!(measured.contains(line), "{measured}");
    }

    // Who comes into its place is not asked for here.
    std::fs::remove_file(bench.path("installations").join("twin.toml")).unwrap();
    serving.until_says("nothing ran by it");
    std::fs::remove_file(acme).unwrap();
    serving.until_says("its file is gone");
    assert_eq!(serving.deliver("acme", "{}"), 503, "others are broken");
}

#[test]
fn what_was_taken_is_done_after_the_process_was_killed_and_an_end_in_order_leaves_nothing_half_way() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    for person in 0..20 {
        assert_eq!(serving.deliver("acme", &registration(&bench, &format!("p{person}@example.org"))), 202);
    }
    signal("KILL", serving.child.id());
    serving.child.wait().unwrap();
    let mut serving = Serving::start(&bench);
    while leads(&bench) < 20 {
        serving.until(|line| line["object"] == "Lead");
    }
    signal("TERM", serving.child.id());
    serving.until_says("ends");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    assert_eq!((leads(&bench), bench.snapshot().campaigns.len()), (20, 20), "nobody twice");
}

#[test]
fn what_cannot_be_served_is_said_and_nothing_is_begun() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    let serving = Serving::start(&bench);
    bench.file("half", "short");
    let rows = [
        (vec!["--listen", &serving.address, "--data", "other"], "nothing can listen at"),
        (vec!["--listen", "127.0.0.1:0", "--data", "data"], "is in use by another process"),
        (vec!["--listen", "127.0.0.1:0", "--data", "third", "--config", "none"], "cannot be read"),
        (vec!["--public-address", "http://hooks.example.org", "--data", "fourth"], "Give the https address"),
        (vec!["--admin", "0.0.0.0:0", "--data", "fifth"], "put a reverse proxy with TLS before it"),
        (vec!["--listen", "127.0.0.1:0", "--admin", &serving.admin, "--data", "sixth"], "another address with --admin"),
        (vec!["--listen", "127.0.0.1:0", "--admin-token-file", "half", "--data", "seventh"], "holds no token"),
    ];
    for (arguments, said) in rows {
        let mut command = program(&["serve"]);
        command.current_dir(bench.folder.path()).args(&arguments);
        for (argument, value) in [("--config", "installations"), ("--admin", "127.0.0.1:0")] {
            if !arguments.contains(&argument) {
                command.args([argument, value]);
            }
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}
