//! The whole way, with a transport that follows a script and a clock that leaps: the bench of it. Each subject has its file.

mod again;
mod dry_runs;
mod envelopes;
mod grants;
mod lanes;
mod opened;
mod secrets;
mod standing;
mod waits;
mod where_to;

use super::*;
use crate::{
    clock::SimulatedClock,
    effect::{Body, Lane, Method, RunId},
};
use secrecy::SecretString;
use std::sync::atomic::{AtomicUsize, Ordering};

const REFRESH: &str = "refresh-token-1";
const ACCESS: &str = "00D!access-token-1";
const CLIENT_SECRET: &str = "client-secret-1";
const LIVESTORM: &str = "livestorm.private.token";
const UNIT: &str = "0Uv000000000001CAA";

type Sending = Result<http::Response<Vec<u8>>, TransportError>;

/// One request as it reached the provider.
#[derive(Clone)]
struct Got {
    at_ms: u64,
    method: String,
    uri: String,
    headers: http::HeaderMap,
    body: String,
}

impl Got {
    fn token(&self) -> &str {
        self.headers.get("authorization").map_or("", |v| v.to_str().unwrap())
    }

    fn is_refresh(&self) -> bool {
        self.uri.ends_with("/services/oauth2/token")
    }
}

/// What the provider says to a request, and to the how manieth.
type Script = dyn Fn(&Got, usize) -> Sending + Send + Sync;

struct Fake {
    clock: SimulatedClock,
    script: Box<Script>,
    got: Mutex<Vec<Got>>,
    in_flight: AtomicUsize,
    in_flight_most: AtomicUsize,
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: http::Request<Vec<u8>>, _: usize) -> Sending {
        let got = Got {
            at_ms: self.clock.now().0,
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().clone()).unwrap(),
        };
        let number = {
            let mut all = self.got.lock().unwrap();
            all.push(got.clone());
            all.len()
        };
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        (self.script)(&got, number)
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Sending {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(body.as_bytes().to_vec()).unwrap())
}

fn fine() -> Sending {
    answer(200, &[], "{}")
}

fn tokens(number: usize) -> Sending {
    let body = serde_json::json!({
        "access_token": format!("00D!access-token-{number}"),
        "refresh_token": format!("refresh-token-{number}"),
        "instance_url": "https://example.my.salesforce.com",
    });
    answer(200, &[], &body.to_string())
}

fn expired() -> Sending {
    answer(401, &[], r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
}

fn not_sent() -> Sending {
    Err(TransportError::NotSent("connection refused".into()))
}

fn reset() -> Sending {
    Err(TransportError::Unknown("connection reset".into()))
}

fn oauth(access_token: Option<&str>) -> Secret {
    Secret::OAuth(Box::new(OAuth {
        token_url: "https://login.salesforce.com".into(),
        client_id: "client".into(),
        client_secret: Some(CLIENT_SECRET.into()),
        refresh_token: REFRESH.into(),
        access_token: access_token.map(SecretString::from),
        instance_url: access_token.map(|_| "https://example.my.salesforce.com".into()),
    }))
}

fn bind(provider: Provider, account: &str) -> Binding {
    Binding {
        provider,
        address: None,
        account: account.into(),
        business_unit: (provider == Provider::AccountEngagement).then(|| UNIT.into()),
        allow_private_addresses: false,
        reserve_percent: 0,
    }
}

fn bindings() -> BTreeMap<String, Binding> {
    BTreeMap::from([
        ("crm".to_owned(), bind(Provider::Salesforce, "sf")),
        ("ae".to_owned(), bind(Provider::AccountEngagement, "sf")),
        ("events".to_owned(), bind(Provider::Livestorm, "ls")),
    ])
}

fn everything() -> Vec<EgressRule> {
    use Method::{Delete, Get, Patch, Post};
    ["crm", "ae", "events"]
        .map(|connection| EgressRule {
            connection: connection.into(),
            methods: vec![Get, Post, Patch, Delete],
            path: vec!["**".into()],
            body_fields: vec!["*".into()],
            headers: vec!["x-a".into()],
            reason: "a test".into(),
        })
        .to_vec()
}

struct World {
    clock: SimulatedClock,
    fake: Arc<Fake>,
    store: CredentialStore,
    connections: Arc<Connections>,
}

/// `script` is given the request and its number, from 1.
fn world(script: impl Fn(&Got, usize) -> Sending + Send + Sync + 'static) -> World {
    world_with(CredentialStore::in_memory(), Some(ACCESS), script)
}

fn world_with(
    store: CredentialStore,
    access_token: Option<&str>,
    script: impl Fn(&Got, usize) -> Sending + Send + Sync + 'static,
) -> World {
    let clock = SimulatedClock::new(Timestamp::from_seconds(1_000_000));
    let fake = Arc::new(Fake {
        clock: clock.clone(),
        script: Box::new(script),
        got: Mutex::default(),
        in_flight: AtomicUsize::new(0),
        in_flight_most: AtomicUsize::new(0),
    });
    store.put("sf", oauth(access_token)).unwrap();
    store.put("ls", Secret::Token(LIVESTORM.into())).unwrap();
    let connections =
        Connections::new(Arc::new(clock.clone()), fake.clone(), store.clone(), ConnectionLimits::default());
    for installation in ["one", "two"] {
        connections
            .install(installation, bindings(), everything(), CallLimits::default(), Withheld::default())
            .unwrap();
    }
    World { clock, fake, store, connections: Arc::new(connections) }
}

fn request(connection: &str, repeat: Repeat) -> Request {
    Request {
        connection: connection.into(),
        method: if repeat == Repeat::Read { Method::Get } else { Method::Post },
        path: vec!["services".into(), "x".into()],
        query: vec![],
        headers: vec![],
        body: None,
        repeat,
        purpose: "try".into(),
    }
}

fn read(connection: &str) -> Request {
    request(connection, Repeat::Read)
}

impl World {
    fn permit(&self, place: usize) -> Permit {
        let (place, lane) = (place.try_into().unwrap(), Lane::Prompt);
        Permit { installation: "one".into(), run: RunId(1), wave: 0, place, lane, send_before: Timestamp::MAX }
    }

    /// All at once.
    async fn all(&self, requests: Vec<(Permit, Request)>) -> Vec<Answer> {
        let work: Vec<Work> = requests.iter().map(|_| self.clock.begin()).collect();
        let tasks: Vec<_> = requests
            .into_iter()
            .zip(work)
            .map(|((permit, request), work)| {
                let connections = self.connections.clone();
                tokio::spawn(async move { connections.perform(permit, request, work).await.0 })
            })
            .collect();
        self.clock.run_until(Timestamp::MAX).await;
        let mut answers = vec![];
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    }

    async fn one(&self, request: Request) -> Answer {
        self.all(vec![(self.permit(0), request)]).await.remove(0)
    }

    async fn many(&self, n: usize, request: &Request) -> Vec<Answer> {
        self.all((0..n).map(|place| (self.permit(place), request.clone())).collect()).await
    }

    fn got(&self) -> Vec<Got> {
        self.fake.got.lock().unwrap().clone()
    }

    /// Times of sending, from the beginning.
    fn times(&self) -> Vec<u64> {
        self.got().iter().map(|g| g.at_ms - 1_000_000_000).collect()
    }

    fn refreshes(&self) -> usize {
        self.got().iter().filter(|g| g.is_refresh()).count()
    }
}

fn status(answer: &Answer) -> u16 {
    answer.as_ref().unwrap_or_else(|e| panic!("no response: {e}")).status
}
