//! The simulators over HTTP. A cut closes the connection without an answer, and so does a
//! refused connection, which is found out only once its request is read. Requests in flight to Account Engagement
//! are counted here, for its limit on them; everything else is one call of `Simulators::handle`.

use super::{
    Simulators,
    control::Desk,
    request::{Api, Call, InFlight},
};
use axum::{
    body::Body,
    extract::{
        Request, State,
        connect_info::{ConnectInfo, Connected},
    },
    serve::{IncomingStream, Listener},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// Bytes of a request's body. Somewhat more than the largest upload that any of the APIs takes, which refuses what is larger
/// in its own words: <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>, code 204.
const BODY_BYTES_MAX: usize = 64 << 20;

impl Simulators {
    /// Serves until `stop`, then ends as soon as the requests in hand are answered.
    pub async fn listen(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let served = Served { simulators: self.clone(), desk: None, in_flight: Arc::default() };
        listen(served, listener, stop).await
    }
}

impl Desk {
    /// Serves the APIs and the desk until `stop`, then ends as soon as the requests in hand are answered.
    pub async fn listen(self: Arc<Desk>, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let simulators = self.simulators().clone();
        listen(Served { simulators, desk: Some(self), in_flight: Arc::default() }, listener, stop).await
    }
}

async fn listen(served: Served, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let app = axum::Router::new().fallback(serve).with_state(served);
    let app = app.into_make_service_with_connect_info::<CutSwitch>();
    axum::serve(CuttableListener(listener), app).with_graceful_shutdown(stop.cancelled_owned()).await
}

#[derive(Clone)]
struct Served {
    simulators: Simulators,
    desk: Option<Arc<Desk>>,
    in_flight: Arc<AtomicUsize>,
}

async fn serve(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<CutSwitch>,
    request: Request,
) -> http::Response<Body> {
    let (mut head, body) = request.into_parts();
    let segments = Call::new(http::Request::builder().uri(head.uri.clone()).body(vec![]).unwrap_or_default()).segments;
    let slot = is_counted(&segments).then(|| Slot::take(&served.in_flight));
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        cut.cut();
        return http::Response::new(Body::empty());
    };
    if let Some(slot) = &slot {
        head.extensions.insert(InFlight(slot.count));
    }
    let request = http::Request::from_parts(head, body.to_vec());
    if let Some(desk) = &served.desk {
        desk.catch_up();
        if Api::of(&segments).is_none()
            && let Some(answer) = desk.answer(&Call::new(request.clone()))
        {
            return answer.map(Body::from);
        }
    }
    match served.simulators.handle(request) {
        Ok(answer) => answer.map(Body::from),
        Err(_) => {
            cut.cut();
            http::Response::new(Body::empty())
        }
    }
}

/// Whether a request counts among those of the business unit: those to the public addresses of forms do not.
fn is_counted(segments: &[String]) -> bool {
    segments.first().is_some_and(|first| first == "api")
}

/// A request to Account Engagement from its head to its answer.
struct Slot {
    in_flight: Arc<AtomicUsize>,
    count: usize,
}

impl Slot {
    fn take(in_flight: &Arc<AtomicUsize>) -> Slot {
        let count = in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        Slot { in_flight: in_flight.clone(), count }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Shared by a connection and whoever serves it.
#[derive(Clone, Default)]
struct CutSwitch(Arc<AtomicBool>);

impl CutSwitch {
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for CutSwitch {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> CutSwitch {
        stream.io().switch.clone()
    }
}

struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        (CuttableStream { stream, switch: CutSwitch::default() }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A TCP stream that takes no more bytes once it is cut, so that no answer leaves and the connection is closed.
struct CuttableStream {
    stream: TcpStream,
    switch: CutSwitch,
}

impl CuttableStream {
    fn writable(&self) -> io::Result<()> {
        match self.switch.is_cut() {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the fault plan")),
            false => Ok(()),
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.writable()?;
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{SimulatedClock, Timestamp},
        simulators::{
            Options,
            faults::{Fault, FaultRule, Selector},
        },
    };

    /// Sends one request as bytes and gives back all that comes until the connection ends.
    async fn exchange(address: SocketAddr, path: &str, token: &str) -> String {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\r\n")
            .into_bytes();
        let mut sent = 0;
        while sent < request.len() {
            stream.writable().await.unwrap();
            sent += stream.try_write(&request[sent..]).unwrap();
        }
        let mut received = vec![];
        loop {
            stream.readable().await.unwrap();
            let mut buffer = [0; 4096];
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => received.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        String::from_utf8(received).unwrap()
    }

    #[tokio::test]
    async fn over_http_an_answer_comes_and_a_cut_closes_the_connection_without_one() {
        let mut options = Options::default();
        for what in [Fault::CutBeforeEffect, Fault::CutAfterEffect, Fault::RefuseConnection] {
            options.faults.rules.push(FaultRule::once(Selector::path("/v1/me"), what));
        }
        let token = options.livestorm_token.clone();
        let simulators = Simulators::new(Arc::new(SimulatedClock::new(Timestamp::from_seconds(1))), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (simulators, stop) = (simulators.clone(), stop.clone());
            async move { simulators.listen(listener, stop).await }
        });

        assert!(exchange(address, "/v1/ping", &token).await.starts_with("HTTP/1.1 200 OK"));
        for _ in 0..3 {
            assert_eq!(exchange(address, "/v1/me", &token).await, "");
        }
        assert!(exchange(address, "/v1/me", &token).await.starts_with("HTTP/1.1 200 OK"));
        assert!(exchange(address, "/elsewhere", &token).await.starts_with("HTTP/1.1 404"));
        let statuses: Vec<_> = simulators.world().requests.iter().map(|seen| seen.status).collect();
        assert_eq!(statuses, [Some(200), None, None, None, Some(200)]);

        stop.cancel();
        serving.await.unwrap().unwrap();
    }

    #[test]
    fn requests_to_the_api_count_and_forms_in_public_do_not() {
        for (path, counts) in
            [("/api/v5/objects/lists", true), ("/l/900001/2026-11-23/1b59f", false), ("/v1/events", false)]
        {
            let call = Call::new(http::Request::get(path).body(vec![]).unwrap());
            assert_eq!(is_counted(&call.segments), counts, "{path}");
        }
    }

    #[test]
    fn a_slot_is_free_again_when_its_request_is_over() {
        let in_flight = Arc::new(AtomicUsize::new(0));
        let first = Slot::take(&in_flight);
        let second = Slot::take(&in_flight);
        assert_eq!((first.count, second.count), (1, 2));
        drop(first);
        assert_eq!(Slot::take(&in_flight).count, 2);
    }
}
