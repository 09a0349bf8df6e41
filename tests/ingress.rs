//! The webhook server as a sender sees it: over a socket, byte by byte.

use crate::support::*;
use host_harness::{durable::TaskStatus, ingress::server::serve, stage::INSTALLATION};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

const ADDRESS: &str = "/hooks/demo/livestorm/simulated-address-secret";

struct Server {
    port: u16,
    stop: CancellationToken,
}

impl Server {
    async fn start(ingress: Arc<host_harness::ingress::Ingress>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, stop) = (listener.local_addr().unwrap().port(), CancellationToken::new());
        tokio::spawn(serve(ingress, listener, stop.clone()));
        Server { port, stop }
    }

    /// The status of the answer, or nothing where there is none.
    async fn send(&self, head: &str, body: &[u8]) -> Option<u16> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let length = body.len();
        let head = format!("{head} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        // A server that has answered already may have hung up.
        let _ = socket.write_all(body).await;
        let mut answer = vec![];
        let _ = socket.read_to_end(&mut answer).await;
        let line = String::from_utf8_lossy(&answer);
        line.split(' ').nth(1)?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// S1-1.
#[tokio::test]
async fn a_sender_is_told_what_became_of_its_delivery() {
    let theatre = Theatre::set(&story(vec![])).await;
    let host = theatre.open().await;
    let server = Server::start(host.ingress.clone()).await;
    let max = host.ingress.max_bytes(INSTALLATION, "livestorm", "simulated-address-secret").unwrap() as usize;
    let check = async |head: &str, body: &[u8], expect: u16| {
        assert_eq!(server.send(head, body).await, Some(expect), "{head}, {} bytes", body.len());
    };
    // Nothing follows from it, so it is done, at once or later: a dead letter would not count when the same comes again.
    let created = include_bytes!("../fixtures/livestorm/webhooks_native/event_created.json");
    check(&format!("POST {ADDRESS}"), created, 202).await;
    // The same again is taken again, and kept once.
    check(&format!("POST {ADDRESS}"), created, 202).await;
    check(&format!("POST {ADDRESS}"), &vec![b'x'; max + 1], 413).await;
    check(&format!("GET {ADDRESS}"), b"", 405).await;
    check("POST /hooks/demo/livestorm/guessed", b"{}", 404).await;
    check("POST /hooks/nobody/livestorm/simulated-address-secret", b"{}", 404).await;
    // To a stranger a body that is too large is no other news than a small one.
    check("POST /hooks/demo/livestorm/guessed", &vec![b'x'; max + 1], 404).await;
    check("POST /hooks/demo/livestorm-signed/simulated-address-secret", b"{}", 401).await;
    check("POST /", b"{}", 404).await;

    let kept = tasks(&host).await;
    assert_eq!(kept.len(), 1, "{kept:#?}");
    assert_eq!(kept[0].repeats, 1);
    theatre.stage.clock.run_until(host_harness::clock::Timestamp::MAX).await;
    assert_eq!(tasks(&host).await[0].status, TaskStatus::Done);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_kept() {
    let theatre = Theatre::set(&story(vec![])).await;
    let host = theatre.open().await;
    let server = Server::start(host.ingress.clone()).await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let half = format!("POST {ADDRESS} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{\"data\":");
    socket.write_all(half.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!(tasks(&host).await, vec![]);
}
