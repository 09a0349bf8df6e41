//! What goes wrong around the process that serves: clients that dawdle, a disk that is full, a store that is none, an operator who
//! takes an installation away while it works.

use crate::{
    serve::{SECRET, Serving, bench, leads, put, registration, signal},
    support::*,
};
use host_harness::simulators::livestorm::Dialect;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    process::Command,
};

#[test]
fn who_sends_slowly_or_half_holds_up_nobody() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let connect = || TcpStream::connect(&serving.address).unwrap();
    let head = format!("POST /hooks/acme/livestorm/{SECRET} HTTP/1.1\r\nhost: {}\r\n", serving.address);
    let body = registration(&bench, "ana@example.org");
    // Nothing, half a head, a head alone, half a body.
    let dawdling: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = connect();
            let sent = match number % 4 {
                0 => String::new(),
                1 => head[..20].to_owned(),
                2 => format!("{head}content-length: {}\r\n\r\n", body.len()),
                _ => format!("{head}content-length: {}\r\n\r\n{}", body.len(), &body[..body.len() / 2]),
            };
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(serving.deliver("acme", &body), 202);
    // It has said all it has to say, and listens on.
    let mut half_closed = connect();
    let ben = registration(&bench, "ben@example.org");
    half_closed.write_all(format!("{head}content-length: {}\r\n\r\n{ben}", ben.len()).as_bytes()).unwrap();
    half_closed.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    half_closed.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    while leads(&bench) < 2 {
        serving.until(|line| line["object"] == "Lead");
    }
    assert_eq!(serving.healthy()["running"], 1);
    drop(dawdling);
}

#[test]
fn an_installation_that_is_taken_away_while_it_works_goes_on_when_it_is_back() {
    let (bench, text) = bench();
    let acme = put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let bodies: Vec<String> = (0..20).map(|n| registration(&bench, &format!("p{n}@example.org"))).collect();
    for body in &bodies {
        assert_eq!(serving.deliver("acme", body), 202);
    }
    std::fs::remove_file(acme).unwrap();
    serving.until_says("is gone");
    assert_eq!(serving.deliver("acme", &bodies[0]), 404);
    put(&bench, "acme.toml", &text);
    serving.until(|line| line["message"] == "runs");
    while leads(&bench) < bodies.len() {
        serving.until(|line| line["object"] == "Lead");
    }
    assert_eq!(leads(&bench), bodies.len(), "nobody twice");
}

/// The disk is as full as a process finds it that may write no larger files.
#[test]
fn on_a_full_disk_nothing_is_taken_that_is_not_kept_and_what_was_taken_is_done_later() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    signal("TERM", serving.child.id());
    serving.until_says("ends");
    serving.child.wait().unwrap();

    let mut command = Command::new("sh");
    let confined = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
    // In blocks of 512 bytes: some room beyond what is there.
    let size = |name: &str| std::fs::metadata(bench.path("data").join(name)).map_or(0, |metadata| metadata.len());
    let blocks = size("harness.sqlite").max(size("harness.sqlite-wal")) / 512 + 400;
    command.args(["-c", confined, "sh", &blocks.to_string(), env!("CARGO_BIN_EXE_harness")]).env_remove("HARNESS_KEY");
    let mut serving = Serving::start_as(command, &bench, &[]);
    serving.until(|line| line["message"] == "runs");
    let mut taken = 0;
    for number in 0..400 {
        let body = registration(&bench, &format!("p{number}@example.org"));
        // Once the store has failed it may have ended, with a word on why.
        match serving.try_deliver("acme", &body) {
            Some(202) => taken += 1,
            Some(503) | None => break,
            Some(other) => panic!("{other}"),
        }
    }
    assert!(0 < taken && taken < 400, "{taken}");
    drop(serving);

    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    while leads(&bench) < taken {
        serving.until(|line| line["object"] == "Lead");
    }
}

#[test]
fn a_store_that_is_none_is_said_and_not_replaced() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    drop({
        let mut serving = Serving::start(&bench);
        serving.until(|line| line["message"] == "runs");
        serving
    });
    let store = bench.path("data/harness.sqlite");
    // What it had not written back yet would mend it.
    for beside in ["data/harness.sqlite-wal", "data/harness.sqlite-shm"] {
        drop(std::fs::remove_file(bench.path(beside)));
    }
    for wreck in [&b"this is no store"[..], &[0xff; 8192]] {
        std::fs::write(&store, wreck).unwrap();
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(bench.path("installations")).arg("--data").arg(bench.path("data"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("cannot be opened. Keep the file"), "{}", stderr(&output));
        assert_eq!(std::fs::read(&store).unwrap(), wreck, "it is as it was");
    }
}

#[test]
fn a_backup_that_is_put_in_the_place_of_what_was_lost_goes_on_from_there() {
    let (bench, text) = bench();
    put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let ana = registration(&bench, "ana@example.org");
    assert_eq!(serving.deliver("acme", &ana), 202);
    serving.until(|line| line["object"] == "Lead");
    // While it serves.
    let mut command = program(&["backup"]);
    command.arg("--data").arg(bench.path("data")).arg("--to").arg(bench.path("backup"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("keep it elsewhere"), "{}", stdout(&output));
    drop(serving);

    std::fs::copy(bench.path("data/key"), bench.path("backup/key")).unwrap();
    std::fs::remove_dir_all(bench.path("data")).unwrap();
    std::fs::rename(bench.path("backup"), bench.path("data")).unwrap();
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    // It knows what it did: the same news makes nothing anew.
    assert_eq!(serving.deliver("acme", &ana), 202);
    let ben = std::fs::read_to_string(bench.registration("ben.json", "ben@example.org", Dialect::Native)).unwrap();
    assert_eq!(serving.deliver("acme", &ben), 202);
    while leads(&bench) < 2 {
        serving.until(|line| line["object"] == "Lead");
    }
    assert_eq!(bench.snapshot().campaigns.len(), 2, "one a session");
}
