//! Many deliveries at once, into the process that serves. What it takes of memory is printed:
//! `cargo test --locked --test cli load -- --nocapture`.

use crate::{
    serve::{SECRET, Serving, folder_of, put, signal},
    support::*,
};
use host_harness::simulators::livestorm::{Dialect, NewEvent, NewRegistrant, NewSession, Occurrence};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

const DELIVERIES: usize = 5_000;
const CONNECTIONS: usize = 500;

#[test]
fn five_thousand_deliveries_over_five_hundred_connections_are_all_taken_and_none_is_lost() {
    let (bench, text) = folder_of(Bench::new(), "destination = \"salesforce\"");
    put(&bench, "acme.toml", &text);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    signal("TERM", serving.child.id());
    serving.until_says("ends");
    serving.child.wait().unwrap();
    // Taken and kept is what is to be seen, and not how fast it is worked off.
    let paused = bench.about(&["pause"], &[]).output().unwrap();
    assert_eq!(paused.status.code(), Some(0), "{}", stderr(&paused));

    let bodies = bodies(&bench);
    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let before = memory(&serving);
    let each: Vec<&[String]> = bodies.chunks(DELIVERIES / CONNECTIONS).collect();
    assert_eq!(each.len(), CONNECTIONS);
    let address = &serving.address;
    let taken: usize = std::thread::scope(|scope| {
        let sending: Vec<_> = each.iter().map(|bodies| scope.spawn(|| taken(address, bodies))).collect();
        sending.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(taken, DELIVERIES, "each is answered with 202");
    println!("peak resident memory: {before} MiB before, {} MiB after {DELIVERIES} deliveries", memory(&serving));
    signal("KILL", serving.child.id());
    serving.child.wait().unwrap();

    let mut serving = Serving::start(&bench);
    serving.until(|line| line["message"] == "runs");
    let (_, measured) = serving.ask("GET", "/metrics", "");
    let waiting = "harness_tasks{installation=\"acme\",status=\"waiting\"} ";
    let waiting = measured.lines().find_map(|line| line.strip_prefix(waiting)?.parse::<usize>().ok()).unwrap();
    // With what the installation does by itself.
    assert!((DELIVERIES..DELIVERIES + 5).contains(&waiting), "{waiting}");
    assert!(measured.contains("harness_paused{installation=\"acme\"} 1"), "{measured}");
    let rate = "harness_account_rate_percent{installation=\"acme\",connection=\"livestorm\"} 100";
    assert!(measured.contains(rate), "{measured}");
}

/// As many people register for one session.
fn bodies(bench: &Bench) -> Vec<String> {
    let mut world = bench.simulators.world();
    let event = world.livestorm.create_event(NewEvent { title: "Product demo".into(), ..NewEvent::default() });
    world.livestorm.publish(&event);
    let session = world.livestorm.create_session(&event, NewSession::default());
    let unknowns = world.options.unknowns.livestorm.clone();
    let mut body = |number: usize| {
        let person = NewRegistrant { email: format!("p{number}@example.org"), ..NewRegistrant::default() };
        let person = world.livestorm.register(&session, person).unwrap();
        let happened = Occurrence::Registered { session: session.clone(), person };
        String::from_utf8(world.livestorm.webhook_body(&happened, Dialect::Native, &unknowns).unwrap()).unwrap()
    };
    (0..DELIVERIES).map(&mut body).collect()
}

/// How many of them are, one after the other over one connection.
fn taken(address: &str, bodies: &[String]) -> usize {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let deliver = |body: &String| {
        let head = format!("POST /hooks/acme/livestorm/{SECRET} HTTP/1.1\r\nhost: {address}\r\n");
        let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(whole.as_bytes()).unwrap();
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "it was cut off");
            length = line.to_lowercase().strip_prefix("content-length: ").map_or(length, |n| n.trim().parse().unwrap());
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
        status.starts_with("HTTP/1.1 202")
    };
    bodies.iter().map(deliver).filter(|taken| *taken).count()
}

/// MiB that were resident at most; 0 where the system does not say so.
fn memory(serving: &Serving) -> u64 {
    let told = std::fs::read_to_string(format!("/proc/{}/status", serving.child.id())).unwrap_or_default();
    let peak =
        told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    peak.unwrap_or_default() / 1024
}
