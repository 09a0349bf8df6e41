//! The whole way, with a transport that follows a script and a clock that leaps.

mod envelopes;
mod lanes;
mod opened;
mod standing;

use super::*;
use crate::{
    clock::SimulatedClock,
    effect::{Body, Lane, Method, RunId},
    vault::Vault,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

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

// Addresses and injection

#[tokio::test]
async fn each_connection_leads_to_its_provider_and_is_signed_there() {
    let w = world(|_, _| fine());
    for connection in ["crm", "ae", "events"] {
        let mut r = read(connection);
        r.query = vec![("q".into(), "a+b c".into())];
        assert_eq!(status(&w.one(r).await), 200);
    }
    let got = w.got();
    let uris: Vec<&str> = got.iter().map(|g| g.uri.as_str()).collect();
    assert_eq!(
        uris,
        [
            "https://example.my.salesforce.com/services/x?q=a%2Bb%20c",
            "https://pi.pardot.com/services/x?q=a%2Bb%20c",
            "https://api.livestorm.co/services/x?q=a%2Bb%20c"
        ]
    );
    let bearer = format!("Bearer {ACCESS}");
    assert_eq!(got.iter().map(Got::token).collect::<Vec<_>>(), [&*bearer, &*bearer, LIVESTORM]);
    assert_eq!(got[1].headers["pardot-business-unit-id"], UNIT);
    assert!(got.iter().all(|g| g.method == "GET"));
}

#[tokio::test]
async fn an_installation_may_give_another_address_and_only_the_operator_a_private_one() {
    let w = world(|_, _| fine());
    let mut b = bindings();
    b.get_mut("crm").unwrap().address = Some("http://127.0.0.1:8080".into());
    let refused =
        w.connections.install("one", b.clone(), everything(), CallLimits::default(), Withheld::default()).unwrap_err();
    assert!(refused.to_string().starts_with("connection `crm`: http:// is for private addresses"), "{refused}");
    b.get_mut("crm").unwrap().allow_private_addresses = true;
    w.connections.install("one", b, everything(), CallLimits::default(), Withheld::default()).unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.got()[0].uri, "http://127.0.0.1:8080/services/x");
}

#[tokio::test]
async fn an_address_that_the_provider_gives_is_checked_like_any_other() {
    let w = world_with(CredentialStore::in_memory(), None, |got, _| {
        assert!(got.is_refresh(), "nothing may be sent to {}", got.uri);
        let body = r#"{"access_token":"00D!access-token-2","instance_url":"https://169.254.169.254"}"#;
        answer(200, &[], body)
    });
    let Err(SendError::Denied(denial)) = w.one(read("crm")).await else { panic!("must be refused") };
    assert_eq!(denial.layer, "installation");
}

#[tokio::test]
async fn what_is_kept_of_a_quota_for_others_is_not_sent_and_is_looked_for_again() {
    let usage = ["api-usage=79/100", "api-usage=81/100", "api-usage=40/100"];
    let w = world(move |_, number| answer(200, &[("sforce-limit-info", usage[number - 1])], "{}"));
    let mut b = bindings();
    b.get_mut("crm").unwrap().reserve_percent = 91;
    let refused =
        w.connections.install("one", b.clone(), everything(), CallLimits::default(), Withheld::default()).unwrap_err();
    assert_eq!(refused.to_string(), "connection `crm`: reserve_percent is 91. Give a share from 0 to 90");
    b.get_mut("crm").unwrap().reserve_percent = 20;
    w.connections.install("one", b, everything(), CallLimits::default(), Withheld::default()).unwrap();
    // 21 are left, then 19.
    for _ in 0..2 {
        assert_eq!(status(&w.one(read("crm")).await), 200);
    }
    let Err(SendError::Throttled { until, reason }) = w.one(read("crm")).await else { panic!("kept for others") };
    assert_eq!(until, w.clock.now().plus(Duration::from_secs(3600)));
    assert!(reason.contains("of the account's 100 calls 19 are left, and 20 % are kept for others"), "{reason}");
    assert_eq!(w.got().len(), 2);
    w.clock.run_until(until).await;
    assert_eq!(status(&w.one(read("crm")).await), 200, "more is left by then");
}

// What is refused before sending

#[tokio::test]
async fn what_is_refused_is_not_sent() {
    let w = world(|_, _| fine());
    let mut rules = everything();
    rules[0].path = vec!["services".into()];
    w.connections
        .install(
            "one",
            bindings(),
            rules,
            CallLimits { request_bytes: 10, ..CallLimits::default() },
            Withheld::default(),
        )
        .unwrap();
    let mut big = read("events");
    big.body = Some(Body { content_type: "text/plain".into(), bytes: vec![b'x'; 11] });
    let mut secret = read("events");
    secret.query = vec![("token".into(), LIVESTORM.into())];
    for (request, layer) in [(read("crm"), "manifest"), (read("mail"), "installation"), (big, "form"), (secret, "form")]
    {
        let Err(SendError::Denied(denial)) = w.one(request).await else { panic!("{layer} must refuse") };
        assert_eq!(denial.layer, layer);
        assert!(!denial.remedy.is_empty() && !format!("{denial:?}").contains(LIVESTORM));
    }
    w.connections.remove("one");
    assert!(matches!(w.one(read("events")).await, Err(SendError::Stopped(_))));
    assert!(w.got().is_empty());
}

#[tokio::test]
async fn nothing_starts_after_its_permit_ends() {
    let w = world(|_, _| not_sent());
    let mut permit = w.permit(0);
    permit.send_before = Timestamp(999_999_999);
    let answers = w.all(vec![(permit.clone(), read("crm"))]).await;
    assert!(matches!(answers[0], Err(SendError::Stopped(_))));
    assert!(w.got().is_empty());
    // Here the first try fits, and its answer stands.
    permit.send_before = Timestamp(1_000_000_000);
    let answers = w.all(vec![(permit, read("crm"))]).await;
    assert!(matches!(answers[0], Err(SendError::NotSent(_))));
    assert_eq!(w.got().len(), 1);
}

// Tokens

#[tokio::test]
async fn the_first_use_without_a_token_refreshes_first() {
    let w =
        world_with(CredentialStore::in_memory(), None, |got, n| if got.is_refresh() { tokens(n + 1) } else { fine() });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    let got = w.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].uri, "https://login.salesforce.com/services/oauth2/token");
    assert_eq!(
        got[0].body,
        "grant_type=refresh_token&refresh_token=refresh-token-1&client_id=client&client_secret=client-secret-1"
    );
    assert_eq!(got[1].token(), "Bearer 00D!access-token-2");
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_and_the_request_is_sent_once_more_whatever_its_class() {
    for repeat in [Repeat::Read, Repeat::Idempotent, Repeat::Once] {
        let w = world(|got, _| match got.token() {
            _ if got.is_refresh() => tokens(2),
            "Bearer 00D!access-token-2" => answer(201, &[], "made"),
            _ => expired(),
        });
        assert_eq!(status(&w.one(request("crm", repeat)).await), 201);
        assert_eq!(w.got().len(), 3);
    }
}

#[tokio::test]
async fn many_refused_at_once_refresh_once_and_connections_of_one_grant_share_it() {
    let w = world(|got, _| match got.token() {
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => fine(),
        _ => expired(),
    });
    let of = |place: usize| (w.permit(place), read(["crm", "ae"][place % 2]));
    let answers = w.all((0..20).map(of).collect()).await;
    assert!(answers.iter().all(|a| status(a) == 200));
    assert_eq!(w.refreshes(), 1);
}

fn stored(path: &Path) -> String {
    let opened = Vault::simulated().open("credentials", &std::fs::read_to_string(path).unwrap()).unwrap();
    String::from_utf8(opened.expose_secret().to_vec()).unwrap()
}

#[tokio::test]
async fn a_rotated_token_is_on_the_disk_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let seen = path.clone();
    let w =
        world_with(CredentialStore::open(&path, Vault::simulated()).unwrap(), Some(ACCESS), move |got, _| {
            match got.token() {
                _ if got.is_refresh() => tokens(2),
                "Bearer 00D!access-token-2" => {
                    assert!(stored(&seen).contains("refresh-token-2"));
                    fine()
                }
                _ => expired(),
            }
        });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert!(!stored(&path).contains(REFRESH));
}

#[tokio::test]
async fn a_token_that_could_not_be_stored_is_not_used_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let store = CredentialStore::open(inside.join("c.json"), Vault::simulated()).unwrap();
    let gone = inside.clone();
    let w = world_with(store, Some(ACCESS), move |got, _| {
        if got.is_refresh() {
            std::fs::remove_dir_all(&gone).unwrap();
            return tokens(2);
        }
        if got.token() == "Bearer 00D!access-token-2" { fine() } else { expired() }
    });
    let answer = w.one(read("crm")).await;
    assert!(matches!(answer, Err(SendError::Throttled { .. })), "{answer:?}");
    assert_eq!(w.got().len(), 2);
    std::fs::create_dir(&inside).unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 1, "the refresh token of the first is spent");
    assert!(stored(&inside.join("c.json")).contains("refresh-token-2"));
}

#[tokio::test]
async fn a_refresh_that_meets_another_waits_and_tries_again() {
    let w = world(|got, n| match got.token() {
        _ if got.is_refresh() && n == 2 => answer(
            400,
            &[],
            r#"{"error":"invalid_grant","error_description":"token request is already being processed"}"#,
        ),
        // What the same meeting was answered in 2024.
        _ if got.is_refresh() && n == 3 => {
            answer(400, &[], r#"{"error":"invalid_grant","error_description":"expired authorization code"}"#)
        }
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => fine(),
        _ => expired(),
    });
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 3);
    assert_eq!(w.times(), [0, 0, 500, 1_500, 1_500]);
}

#[tokio::test]
async fn a_withdrawn_grant_needs_a_person_and_is_not_tried_again_at_once() {
    let w = world(|got, _| {
        if got.is_refresh() {
            let body =
                format!(r#"{{"error":"invalid_grant","error_description":"expired access/refresh token {REFRESH}"}}"#);
            return answer(400, &[], &body);
        }
        expired()
    });
    for _ in 0..3 {
        let Err(SendError::Unauthorized(said)) = w.one(request("crm", Repeat::Once)).await else {
            panic!("a person is needed")
        };
        assert_eq!(
            said,
            "account `sf` cannot sign in (invalid_grant: expired access/refresh token [secret]). Its permission was \
             withdrawn or has ended. Connect the account again"
        );
    }
    assert_eq!(w.refreshes(), 1);
    w.connections.mended("sf").await;
    assert!(w.one(read("crm")).await.is_err());
    assert_eq!(w.refreshes(), 2);
    w.store.put("sf", oauth(Some("00D!access-token-9"))).unwrap();
    assert!(w.one(read("crm")).await.is_err());
    assert_eq!(w.refreshes(), 3, "another credential is another chance");
}

/// What a person mends by `harness connect` while the host serves.
#[tokio::test]
async fn who_is_connected_anew_goes_on_at_once() {
    let w = world(|got, _| match got.token() {
        "Bearer 00D!access-token-9" => fine(),
        _ if got.is_refresh() => answer(400, &[], r#"{"error":"invalid_grant","error_description":"revoked"}"#),
        _ => expired(),
    });
    assert!(matches!(w.one(read("crm")).await, Err(SendError::Unauthorized(_))));
    w.connections.connect("sf", oauth(Some("00D!access-token-9"))).await.unwrap();
    assert_eq!(status(&w.one(read("crm")).await), 200);
    assert_eq!(w.refreshes(), 1);
    assert!(w.connections.connect("sf", Secret::Token("short".into())).await.is_err());
    assert_eq!(status(&w.one(read("crm")).await), 200, "what cannot be kept replaces nothing");
}

#[tokio::test]
async fn who_is_disconnected_sends_nothing_more_not_even_what_waits_already_and_goes_on_once_connected_again() {
    let w = world(|_, _| fine());
    let waiting: Vec<_> = (0..3)
        .map(|place| {
            let (connections, permit, work) = (w.connections.clone(), w.permit(place), w.clock.begin());
            tokio::spawn(async move { connections.perform(permit, read("events"), work).await.0 })
        })
        .collect();
    w.clock.run_for(Duration::from_millis(100)).await;
    assert!(w.connections.disconnect("ls").await.unwrap());
    w.clock.run_until(Timestamp::MAX).await;
    let said = "no credentials for account `ls`. Connect the account";
    let mut sent = 0;
    for answer in waiting {
        match answer.await.unwrap() {
            Err(SendError::Unauthorized(why)) => assert_eq!(why, said),
            answer => sent += u32::from(status(&answer) == 200),
        }
    }
    assert_eq!((sent, w.got().len()), (1, 1));
    assert_eq!(w.one(read("events")).await, Err(SendError::Unauthorized(said.into())));
    assert_eq!(status(&w.one(read("crm")).await), 200, "another account is another matter");
    assert!(!w.connections.disconnect("ls").await.unwrap());
    w.connections.connect("ls", Secret::Token(LIVESTORM.into())).await.unwrap();
    assert_eq!(status(&w.one(read("events")).await), 200);
}

#[tokio::test]
async fn a_token_that_is_refused_even_when_fresh_is_not_refreshed_for_every_request() {
    let w = world(|got, n| {
        if got.is_refresh() {
            return tokens(n);
        }
        answer(400, &[], r#"{"code":49,"message":"Access Denied"}"#)
    });
    for _ in 0..5 {
        let Err(SendError::Unauthorized(said)) = w.one(read("ae")).await else { panic!("a person is needed") };
        assert!(said.contains("code 49"), "{said}");
    }
    assert_eq!(w.refreshes(), 1);
    w.connections.mended("sf").await;
    assert!(w.one(read("ae")).await.is_err());
    assert_eq!(w.refreshes(), 2);
}

#[tokio::test]
async fn a_refresh_ends_even_if_who_asked_for_it_is_gone() {
    let w = world(|got, _| if got.is_refresh() { tokens(2) } else { expired() });
    let connections = w.connections.clone();
    let (permit, work) = (w.permit(0), w.clock.begin());
    let task = tokio::spawn(async move { connections.perform(permit, read("crm"), work).await.0 });
    while w.refreshes() == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    w.clock.run_until(Timestamp::MAX).await;
    let access = w.store.access("sf").unwrap().unwrap();
    assert_eq!(access.token.expose_secret(), "00D!access-token-2");
}

/// S0-1: a key that was pasted goes with each request, and cannot be renewed.
#[tokio::test]
async fn a_private_token_that_is_refused_needs_a_person() {
    let w = world(|_, _| answer(401, &[], ""));
    assert!(matches!(w.one(read("events")).await, Err(SendError::Unauthorized(_))));
    assert_eq!(w.got().len(), 1);
    w.store.remove("ls").unwrap();
    let Err(SendError::Unauthorized(said)) = w.one(read("events")).await else { panic!("a person is needed") };
    assert_eq!(said, "no credentials for account `ls`. Connect the account");
}

// Sending again

#[tokio::test]
async fn once_is_never_sent_again_after_it_may_have_left() {
    let scripts: [fn(&Got, usize) -> Sending; 6] = [
        |_, _| reset(),
        |_, _| answer(500, &[], "oops"),
        |_, _| answer(503, &[("retry-after", "1")], ""),
        |_, _| answer(504, &[], ""),
        |_, _| answer(400, &[], r#"{"code":202,"message":"request timed out"}"#),
        |_, _| Err(TransportError::Unusable { status: Some(502), problem: "too long".into() }),
    ];
    for script in scripts {
        let w = world(script);
        let got = w.one(request("ae", Repeat::Once)).await;
        assert!(matches!(got, Err(SendError::Unknown(_))), "{got:?}");
        assert_eq!(w.got().len(), 1);
    }
}

#[tokio::test]
async fn what_was_certainly_not_sent_is_sent_twice_more_whatever_its_class() {
    for repeat in [Repeat::Read, Repeat::Idempotent, Repeat::Once] {
        let w = world(|_, n| if n < 3 { not_sent() } else { answer(201, &[], "") });
        assert_eq!(status(&w.one(request("crm", repeat)).await), 201);
        let w = world(|_, _| not_sent());
        assert_eq!(w.one(request("crm", repeat)).await, Err(SendError::NotSent("connection refused".into())));
        let times = w.times();
        assert_eq!(times.len(), 3);
        assert!((250..=500).contains(&times[1]) && (500..=1_000).contains(&(times[2] - times[1])), "{times:?}");
    }
}

#[tokio::test]
async fn a_read_is_sent_twice_more_and_then_told_as_it_is() {
    let w = world(|_, _| answer(503, &[], "busy"));
    assert_eq!(status(&w.one(read("crm")).await), 503);
    assert_eq!(w.got().len(), 3);
    let w = world(|_, n| if n == 1 { reset() } else { fine() });
    assert_eq!(status(&w.one(request("crm", Repeat::Idempotent)).await), 200);
    let w = world(|_, _| reset());
    assert_eq!(w.one(read("crm")).await, Err(SendError::Unknown("connection reset".into())));
    let w = world(|_, _| answer(500, &[], "a bug"));
    assert_eq!(status(&w.one(read("crm")).await), 500);
    assert_eq!(w.got().len(), 1);
    let w = world(|_, _| answer(404, &[], "none"));
    assert_eq!(status(&w.one(request("crm", Repeat::Once)).await), 404);
}

#[tokio::test]
async fn an_answer_that_breaks_a_limit_is_unusable() {
    let w = world(|_, _| answer(200, &[], &"x".repeat(101)));
    let limits = CallLimits { response_bytes: 100, ..CallLimits::default() };
    w.connections.install("one", bindings(), everything(), limits, Withheld::default()).unwrap();
    let problem = "the answer has more than 100 bytes (limits.response-bytes)".to_owned();
    let expect = Err(SendError::Unusable { status: Some(200), problem });
    assert_eq!(w.one(request("crm", Repeat::Once)).await, expect);
    assert_eq!(w.got().len(), 1);
}

// Pace

#[tokio::test]
async fn a_short_wait_is_waited_and_a_second_one_is_the_guests() {
    for repeat in [Repeat::Read, Repeat::Once] {
        let w = world(|_, n| if n == 1 { answer(429, &[("retry-after", "3")], "") } else { answer(201, &[], "") });
        assert_eq!(status(&w.one(request("events", repeat)).await), 201);
        assert_eq!(w.times(), [0, 3_000]);
        let w = world(|_, _| answer(429, &[("retry-after", "3")], ""));
        let Err(SendError::Throttled { until, .. }) = w.one(request("events", repeat)).await else {
            panic!("must be throttled")
        };
        assert_eq!(until, Timestamp(1_000_006_000));
        assert_eq!(w.times(), [0, 3_000]);
    }
}

#[tokio::test]
async fn a_used_up_quota_holds_the_account_for_every_installation_and_for_no_other_account() {
    let w = world(|got, _| {
        if got.uri.contains("pardot") {
            return answer(403, &[], r#"{"code":122,"message":"Daily API rate limit met"}"#);
        }
        fine()
    });
    let mut other = w.permit(0);
    other.installation = "two".into();
    for permit in [w.permit(0), other] {
        let answers = w.all(vec![(permit, request("ae", Repeat::Once))]).await;
        let Err(SendError::Throttled { until, reason }) = &answers[0] else { panic!("must be throttled") };
        assert_eq!(*until, Timestamp::from_seconds(1_003_600));
        assert_eq!(reason, "Account Engagement's API calls of this day are used up");
    }
    assert_eq!(w.got().len(), 1);
    assert_eq!(status(&w.one(read("crm")).await), 200);
}

#[tokio::test]
async fn requests_are_spread_and_what_would_wait_too_long_is_throttled() {
    let w = world(|_, _| fine());
    let answers = w.many(30, &read("events")).await;
    let times = w.times();
    assert_eq!(times, (0..26).map(|i| i * 200).collect::<Vec<u64>>());
    assert_eq!(answers.iter().filter(|a| matches!(a, Err(SendError::Throttled { .. }))).count(), 4);
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_provider_allows() {
    let w = world(|_, _| fine());
    assert!(w.many(40, &read("ae")).await.iter().all(|a| status(a) == 200));
    assert_eq!(w.fake.in_flight_most.load(Ordering::SeqCst), 4);
    assert_eq!(w.connections.in_flight_max("one", "ae"), 4);
    assert_eq!(w.connections.in_flight_max("one", "crm"), 5);
    assert_eq!(w.connections.in_flight_max("one", "nothing"), 1);
}

#[tokio::test]
async fn external_activities_go_out_two_a_second() {
    let w = world(|_, _| answer(201, &[], ""));
    let mut r = request("ae", Repeat::Once);
    r.path = vec!["api".into(), "v5".into(), "external-activities".into()];
    w.many(4, &r).await;
    assert_eq!(w.times(), [0, 500, 1_000, 1_500]);
}

/// A token that expired is mended by the time; who then finds no room is told of that, and not to sign in again.
#[tokio::test]
async fn an_expired_token_and_a_full_rate_together_need_no_person() {
    let w = world(|got, _| match got.token() {
        _ if got.is_refresh() => tokens(2),
        "Bearer 00D!access-token-2" => answer(201, &[], ""),
        _ => expired(),
    });
    let mut r = request("ae", Repeat::Once);
    r.path = vec!["api".into(), "v5".into(), "external-activities".into()];
    let answers = w.many(14, &r).await;
    let throttled = answers.iter().filter(|a| matches!(a, Err(SendError::Throttled { .. }))).count();
    let made = answers.iter().filter(|a| matches!(a, Ok(r) if r.status == 201)).count();
    assert_eq!((throttled > 0, throttled + made), (true, 14), "{answers:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_left_alone_for_a_while() {
    let w = world(|_, n| if n <= 3 { reset() } else { fine() });
    assert!(matches!(w.one(read("crm")).await, Err(SendError::Unknown(_))));
    let Err(SendError::Throttled { until, .. }) = w.one(read("crm")).await else { panic!("must be throttled") };
    assert_eq!(w.got().len(), 3);
    w.clock.run_until(until).await;
    assert!(w.many(5, &read("crm")).await.iter().any(|a| matches!(a, Ok(r) if r.status == 200)));
    assert_eq!(w.got().len(), 4, "one probe");
    assert!(w.many(5, &read("crm")).await.iter().all(|a| status(a) == 200));
}

#[tokio::test]
async fn the_same_story_takes_the_same_time() {
    let mut told = vec![];
    for _ in 0..2 {
        let w = world(|_, n| if n % 3 == 0 { not_sent() } else { fine() });
        w.many(12, &read("events")).await;
        told.push(w.times());
    }
    assert_eq!(told[0], told[1]);
}

// Secrets

#[tokio::test]
async fn the_address_of_webhooks_goes_out_whole_and_links_by_which_people_join_come_in_where_the_settings_name_them() {
    let w = world(|got, _| answer(201, &[], &got.body));
    let told = r#"{"connection_link":"https://app.livestorm.co/p/1?key=made-up","url":"https://h.example/hooks/one/s/{address-secret}"}"#;
    let without = told.replace("https://app.livestorm.co/p/1?key=made-up", scrub::MARK);
    let asks = r#"{"mapping":{"prospect":[{"source":"secret.connection_link","target":"Link__c"}]}}"#;
    for (settings, seen) in [("{}", without.as_str()), (asks, told)] {
        let withheld = Withheld::of(Some("made-up-address-secret".into()), settings);
        w.connections.install("one", bindings(), everything(), CallLimits::default(), withheld).unwrap();
        for (path, is_told) in [("webhooks", true), ("events", false)] {
            let mut r = request("events", Repeat::Once);
            r.path = vec!["v1".into(), path.into()];
            r.body = Some(Body { content_type: "application/json".into(), bytes: told.into() });
            let answers = w.all(vec![(w.permit(0), r)]).await;
            assert_eq!(String::from_utf8(answers[0].clone().unwrap().body).unwrap(), seen, "{settings} {path}");
            let sent = w.fake.got.lock().unwrap().last().unwrap().body.clone();
            assert_eq!(sent.contains("/made%2Dup%2Daddress%2Dsecret\""), is_told, "{sent}");
            assert_eq!(sent.contains(scrub::IN_ADDRESS), !is_told, "{sent}");
        }
    }
    let address = w.connections.without_secret("one", "https://h.example/hooks/one/s/made%2Dup%2Daddress%2Dsecret");
    assert_eq!(address, "https://h.example/hooks/one/s/{address-secret}");
}

#[tokio::test]
async fn no_secret_is_in_any_answer_error_or_debug_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = CredentialStore::open(folder.path().join("c.json"), Vault::simulated()).unwrap();
    // Repeats all that it was sent, in every place where an answer can.
    let w = world_with(store, Some(ACCESS), |got, n| {
        let said = format!("{} {:?} {}", got.token(), got.body, percent(got.token()));
        match (got.is_refresh(), n % 5) {
            (true, 0) => Err(TransportError::Unknown(said)),
            (true, _) => answer(400, &[], &serde_json::json!({"error": "odd", "error_description": said}).to_string()),
            (false, 0) => Err(TransportError::Unknown(said)),
            (false, 1) => Err(TransportError::NotSent(said)),
            (false, 2) => Err(TransportError::Unusable { status: None, problem: said }),
            (false, 3) => expired(),
            (false, _) => answer(
                400,
                &[("x-echo", got.token()), ("set-cookie", "session-of-somebody"), ("authorization", got.token())],
                &said,
            ),
        }
    });
    let mut seen = format!("{:?} {:?} {:?}", w.connections, w.store, bindings());
    let mut kinds = std::collections::BTreeSet::new();
    for place in 0..40 {
        let connection = ["crm", "ae", "events"][place % 3];
        let repeat = [Repeat::Read, Repeat::Once][place % 2];
        let answers = w.all(vec![(w.permit(place), request(connection, repeat))]).await;
        seen += &format!("{answers:?}");
        match &answers[0] {
            Ok(response) => {
                seen += &String::from_utf8_lossy(&response.body);
                kinds.insert("response".to_owned());
            }
            Err(e) => {
                seen += &e.to_string();
                kinds.insert(format!("{e:?}").split(['(', ' ']).next().unwrap().to_owned());
            }
        }
        w.connections.mended("sf").await;
        w.clock.run_for(Duration::from_secs(3_600)).await;
    }
    assert!(kinds.len() >= 4, "enough happened: {kinds:?}");
    assert!(seen.contains("[secret]"));
    for secret in [ACCESS, REFRESH, CLIENT_SECRET, LIVESTORM, "session-of-somebody", &percent(ACCESS)] {
        let at = seen.find(secret);
        assert!(at.is_none(), "{secret} in …{}…", &seen[at.unwrap_or(0).saturating_sub(200)..][..300]);
    }
}

fn percent(text: &str) -> String {
    pipeline::encode(text)
}

// Dry runs

#[tokio::test]
async fn in_a_dry_run_reads_travel_and_writes_are_judged_noted_and_not_sent() {
    let w = world(|_, _| fine());
    let crm_alone = everything().into_iter().filter(|rule| rule.connection == "crm").collect();
    w.connections.install("one", bindings(), crm_alone, CallLimits::default(), Withheld::default()).unwrap();
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let rehearsal = Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    let ask = async |request: Request| rehearsal.perform(w.permit(0), request, runs.begin()).await.0;

    assert_eq!(status(&ask(read("crm")).await), 200);
    for repeat in [Repeat::Once, Repeat::Idempotent] {
        assert_eq!(ask(request("crm", repeat)).await, Err(SendError::DryRun));
        let refused = ask(request("ae", repeat)).await;
        assert!(matches!(refused, Err(SendError::Denied(_))), "{refused:?}");
    }
    assert_eq!(w.got().len(), 1, "the read alone was sent");
    let planned: Vec<_> = rehearsal.planned().into_iter().map(|p| (p.at, p.request.connection)).collect();
    assert_eq!(planned, [(runs.now(), "crm".into()), (runs.now(), "crm".into())]);
    assert!(!rehearsal.over().is_cancelled());
}

#[tokio::test]
async fn a_dry_run_is_over_at_a_connection_that_does_not_work_and_where_only_the_provider_could_go_on() {
    let w = world(|got, _| if got.uri.contains("pardot") { answer(503, &[], "") } else { fine() });
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let fresh = || Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    let rehearsal = fresh();
    let mut times = 0;
    while !rehearsal.over().is_cancelled() {
        let _ = rehearsal.perform(w.permit(0), read("crm"), runs.begin()).await;
        times += 1;
    }
    assert_eq!((times, w.got().len(), rehearsal.broken()), (9, 8, None));

    let rehearsal = fresh();
    let work = runs.begin();
    let asked = async { rehearsal.perform(w.permit(0), read("ae"), work).await };
    let (_, ()) = tokio::join!(asked, w.clock.run_until(Timestamp::MAX));
    assert_eq!(rehearsal.broken(), Some(("ae".into(), "the provider answered 503".into())));
    assert!(rehearsal.over().is_cancelled());
}
