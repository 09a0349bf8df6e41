//! The network: the only HTTP client of this program.
//!
//! Promises: dials only addresses that may be dialled, and checks them when it dials; follows no redirect, uses no proxy,
//! keeps no cookie, sends no referer, repeats nothing by itself; an answer's body is counted after decompression. Says
//! *not sent* only where no connection came about; every later error is *unknown*.
//!
//! Invariant: a plain client of the crate below is built in [`NetworkTransport`] and nowhere else. A second path to the
//! network is the commonest hole there is.

use super::{
    addresses::{self, Reach},
    transport::{Transport, TransportError},
};
use async_trait::async_trait;
use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect, retry,
};
use std::{
    error::Error,
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Real time: sockets know no other.
#[derive(Clone, Copy, Debug)]
pub struct SocketTimes {
    pub connect: Duration,
    /// From dialling to the last byte of the body.
    pub total: Duration,
    /// A connection that the server is just closing makes a needless *unknown*: idle ones are soon let go.
    pub idle: Duration,
}

impl Default for SocketTimes {
    fn default() -> SocketTimes {
        SocketTimes { connect: Duration::from_secs(10), total: Duration::from_secs(30), idle: Duration::from_secs(4) }
    }
}

/// Goes with a request to say which addresses it may reach. Without it: public ones, encrypted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial(pub Reach);

pub struct NetworkTransport {
    times: SocketTimes,
    /// One a reach, since a pooled connection must not serve another one. Built when first used: a machine without root
    /// certificates can still reach its own loopback.
    clients: [OnceLock<Result<Client, String>>; 3],
}

impl NetworkTransport {
    pub fn new(times: SocketTimes) -> NetworkTransport {
        // Somebody else in the process may have chosen one already: then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        NetworkTransport { times, clients: [const { OnceLock::new() }; 3] }
    }

    fn client(&self, reach: Reach) -> Result<&Client, TransportError> {
        let place = match reach {
            Reach::Public => 0,
            Reach::PublicAndPrivate => 1,
            Reach::PrivateOnly => 2,
        };
        self.clients[place]
            .get_or_init(|| self.build(reach).map_err(|e| causes(&e)))
            .as_ref()
            .map_err(|e| TransportError::NotSent(format!("the HTTP client cannot be built: {e}")))
    }

    fn build(&self, reach: Reach) -> reqwest::Result<Client> {
        let builder: ClientBuilder = Client::builder()
            .http1_only()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .no_proxy()
            .gzip(true)
            .deflate(true)
            .connect_timeout(self.times.connect)
            .timeout(self.times.total)
            .pool_idle_timeout(self.times.idle)
            .dns_resolver(Arc::new(Resolver(reach)))
            .user_agent(concat!("host-harness/", env!("CARGO_PKG_VERSION")));
        match reach {
            // No TLS there, so no certificates are looked for.
            Reach::PrivateOnly => builder.tls_certs_only([]),
            Reach::Public | Reach::PublicAndPrivate => builder.https_only(true),
        }
        .build()
    }
}

/// The network for what the operator's own program posts wherever it is told, as a simulator posts webhooks: `https` to
/// public and private addresses, `http` to private ones alone. Not for what a guest asks for.
#[derive(Debug)]
pub struct AnyAddress(pub NetworkTransport);

#[async_trait]
impl Transport for AnyAddress {
    async fn send(
        &self,
        mut request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let is_plain = request.uri().scheme_str() == Some("http");
        let reach = if is_plain { Reach::PrivateOnly } else { Reach::PublicAndPrivate };
        request.extensions_mut().insert(Dial(reach));
        self.0.send(request, body_bytes_max).await
    }
}

impl fmt::Debug for NetworkTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkTransport").field("times", &self.times).finish_non_exhaustive()
    }
}

/// Asks the system and hands on what may be dialled. A name with one forbidden address is forbidden: else whoever
/// answers for it could try both.
struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                addresses::may_dial(address.ip(), reach)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[async_trait]
impl Transport for NetworkTransport {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let reach = request.extensions().get::<Dial>().map_or(Reach::Public, |d| d.0);
        let request = reqwest::Request::try_from(request)
            .map_err(|_| TransportError::NotSent("the request has no address that can be dialled".into()))?;
        // A literal skips the resolver. Judged as the client understands it, not as it was written.
        let host = request.url().host_str().unwrap_or_default();
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            addresses::may_dial(ip, reach).map_err(|e| TransportError::NotSent(e.to_string()))?;
        }
        if reach == Reach::PrivateOnly && request.url().scheme() != "http" {
            return Err(TransportError::NotSent("this connection is for http:// alone".into()));
        }
        let mut answer = self.client(reach)?.execute(request).await.map_err(broken)?;
        let status = answer.status();
        let mut body = vec![];
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > body_bytes_max => {
                    return Err(TransportError::Unusable {
                        status: Some(status.as_u16()),
                        problem: format!("the answer has more than {body_bytes_max} bytes (limits.response-bytes)"),
                    });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(e) if undecodable(&e) => {
                    return Err(TransportError::Unusable { status: Some(status.as_u16()), problem: causes(&e) });
                }
                Err(e) => return Err(broken(e)),
            }
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

fn broken(error: reqwest::Error) -> TransportError {
    let before = error.is_connect() || error.is_builder();
    // Of the address the host alone is told: a query has people in it.
    let host = error.url().and_then(|url| url.host_str()).map(|host| format!("{host}: ")).unwrap_or_default();
    let text = format!("{host}{}", causes(&error.without_url()));
    if before { TransportError::NotSent(text) } else { TransportError::Unknown(text) }
}

/// Whether the bytes were whole and made no sense. Anything else may be a connection that ended inside the body.
fn undecodable(error: &reqwest::Error) -> bool {
    use std::io::{Error, ErrorKind};
    let invalid =
        |e: &Error| matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) && !error.is_timeout();
    let mut cause = error.source();
    while let Some(e) = cause {
        if e.downcast_ref().is_some_and(invalid) {
            return true;
        }
        cause = e.source();
    }
    false
}

/// The error and what caused it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let said = e.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::mpsc,
    };

    /// 100,000 times the letter a, as gzip packs it.
    fn bomb() -> Vec<u8> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.decode(BOMB).unwrap()
    }
    const BOMB: &str = "H4sIAAAAAAACA+3BMQEAAADCoKzrX8IaHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaH+uIboIYBAA==";

    fn times() -> SocketTimes {
        SocketTimes {
            connect: Duration::from_secs(5),
            total: Duration::from_millis(1_500),
            idle: Duration::from_secs(4),
        }
    }

    /// A server that says these bytes to whoever asks, closes, and tells what it was asked.
    async fn server(says: Vec<u8>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut heard = vec![];
                while !heard.windows(4).any(|w| w == b"\r\n\r\n") {
                    let mut buffer = [0; 4096];
                    match socket.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(n) => heard.extend_from_slice(&buffer[..n]),
                    }
                }
                let _ = tell.send(String::from_utf8_lossy(&heard).into_owned());
                let _ = socket.write_all(&says).await;
                let _ = socket.shutdown().await;
            }
        });
        (address, asked)
    }

    async fn ask(uri: &str, reach: Option<Reach>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let mut request = http::Request::get(uri).header("authorization", "Bearer t").body(vec![]).unwrap();
        if let Some(reach) = reach {
            request.extensions_mut().insert(Dial(reach));
        }
        NetworkTransport::new(times()).send(request, 10_000).await
    }

    async fn told(says: &[u8]) -> Result<http::Response<Vec<u8>>, TransportError> {
        let (address, _asked) = server(says.to_vec()).await;
        ask(&format!("http://{address}/x?q=ana%40example.org"), Some(Reach::PrivateOnly)).await
    }

    #[tokio::test]
    async fn what_may_go_to_any_address_goes_to_this_machine_and_not_in_the_clear_elsewhere() {
        let (address, _asked) = server(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
        let anywhere = AnyAddress(NetworkTransport::new(times()));
        let post = |uri: String| http::Request::post(uri).body(vec![]).unwrap();
        assert_eq!(anywhere.send(post(format!("http://{address}/")), 100).await.unwrap().status(), 204);
        let public = anywhere.send(post("http://8.8.8.8/".into()), 100).await;
        assert!(matches!(public, Err(TransportError::NotSent(_))), "{public:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (elsewhere, mut asked_there) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let says = format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
        let answer = told(says.as_bytes()).await.unwrap();
        assert_eq!(answer.status(), 302);
        assert!(asked_there.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_request_goes_out_as_it_was_built() {
        let (address, mut asked) = server(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
        let uri = format!("http://{address}/a%2Fb/%2E%2E%2Fx?q=a%2Bb%20c");
        assert_eq!(ask(&uri, Some(Reach::PrivateOnly)).await.unwrap().status(), 204);
        let asked = asked.recv().await.unwrap();
        assert!(asked.starts_with("GET /a%2Fb/%2E%2E%2Fx?q=a%2Bb%20c HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("accept-encoding: ") && !asked.contains("referer"), "{asked}");
    }

    #[tokio::test]
    async fn bytes_are_counted_after_decompression() {
        let body = bomb();
        assert!(body.len() < 1_000);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut says = head.into_bytes();
        says.extend(&body);
        let error = told(&says).await.unwrap_err();
        let problem = "the answer has more than 10000 bytes (limits.response-bytes)".to_owned();
        assert_eq!(error, TransportError::Unusable { status: Some(200), problem });
    }

    #[tokio::test]
    async fn what_cannot_be_decompressed_cannot_be_used() {
        let error =
            told(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\n\r\nnot gzip at all").await;
        assert!(matches!(error, Err(TransportError::Unusable { status: Some(200), .. })), "{error:?}");
    }

    #[tokio::test]
    async fn a_refused_connection_is_certainly_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = ask(&format!("http://{address}/"), Some(Reach::PrivateOnly)).await.unwrap_err();
        assert!(matches!(error, TransportError::NotSent(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_after_sending_is_unknown_and_the_error_names_no_address() {
        for says in [
            &b""[..],
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe",
        ] {
            let error = told(says).await.unwrap_err();
            assert!(matches!(error, TransportError::Unknown(_)), "{says:?}: {error:?}");
            assert!(!error.to_string().contains("ana"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_unknown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = ask(&format!("http://{address}/"), Some(Reach::PrivateOnly)).await.unwrap_err();
        assert!(matches!(error, TransportError::Unknown(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_into_the_house_is_not_dialled() {
        for (uri, reach) in [
            ("https://localhost:1/", Some(Reach::Public)),
            ("https://localhost:1/", None),
            ("https://127.0.0.1:1/", None),
            ("https://[::1]:1/", None),
            ("https://2130706433:1/", None),
            ("https://169.254.169.254/", Some(Reach::PublicAndPrivate)),
            ("http://8.8.8.8/", Some(Reach::PrivateOnly)),
            ("http://127.0.0.1:1/", None),
            ("https://127.0.0.1:1/", Some(Reach::PrivateOnly)),
        ] {
            let error = ask(uri, reach).await.unwrap_err();
            assert!(matches!(error, TransportError::NotSent(_)), "{uri}: {error:?}");
            let said = error.to_string();
            let right = ["private", "no connection may reach", "http://", "scheme"].iter().any(|w| said.contains(w));
            assert!(right || said.contains("cannot be built"), "{uri}: {said}");
        }
    }

    /// The environment of a process cannot be changed safely while its threads run, so this test runs itself again in
    /// one whose environment names a proxy.
    #[tokio::test]
    async fn proxies_of_the_environment_are_not_used() {
        if let Ok(address) = std::env::var("CLIENT_TEST_DIRECT") {
            ask(&format!("http://{address}/direct"), Some(Reach::PrivateOnly)).await.unwrap();
            return;
        }
        let (address, mut asked) = server(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
        let (proxy, mut asked_proxy) = server(b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec()).await;
        // The test's own name, without the crate's.
        let (_, module) = module_path!().split_once("::").unwrap();
        let name = format!("{module}::proxies_of_the_environment_are_not_used");
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &name]).env("CLIENT_TEST_DIRECT", address.to_string()).env_remove("NO_PROXY");
        for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            child.env(variable, format!("http://{proxy}"));
        }
        let ran = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        assert!(asked.try_recv().unwrap().starts_with("GET /direct "));
        assert!(asked_proxy.try_recv().is_err());
    }

    #[test]
    fn nothing_of_a_request_is_printed() {
        assert!(!format!("{:?}", NetworkTransport::new(times())).contains("client"));
    }
}
