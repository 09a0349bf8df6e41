//! The router as it is asked, without a socket: on a host of the simulated APIs that nobody serves, on a clock that runs by itself.

mod streams;

use super::*;
use crate::{
    clock::{self, Clock, SimulatedClock, Timestamp, Work},
    connections::{CredentialStore, TransportError},
    data_dir::DataDir,
    durable::{EngineError, EngineLimits, NoProbe, Probe, sqlite::Durability},
    host::{Ground, Host},
    runtime::{Limits, Runtime},
    simulators::{Options, Simulators, account_engagement::Extension},
    stage::{ACTIVITY_TYPES, EXTENSION},
    vault::Vault,
};
use async_trait::async_trait;
use axum::{body::Body, http::Method};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::LazyLock, time::Duration};
use tempfile::TempDir;
use tower::ServiceExt;

const TOKEN: &str = "made-up-token-of-the-admin-interface";
/// One for all tests: it compiles the connector once.
static RUNTIME: LazyLock<Arc<Runtime>> = LazyLock::new(|| Arc::new(Runtime::new(Limits::default()).unwrap()));

/// What is in this folder, as a process opens it.
fn opened(
    folder: &Path,
    clock: &SimulatedClock,
    transport: Arc<dyn Transport>,
    probe: Arc<dyn Probe>,
) -> Result<Arc<Admin>, EngineError> {
    let data = DataDir::open(&folder.join("data")).unwrap();
    let credentials = CredentialStore::in_memory();
    let ground = Ground {
        clock: Arc::new(clock.clone()),
        transport: transport.clone(),
        credentials: credentials.clone(),
        vault: Vault::simulated(),
        durability: Durability::ProcessCrash,
        engine_limits: EngineLimits::default(),
        probe,
    };
    let host = Host::open(&data.made_store().unwrap(), ground, Arc::new(RUNTIME.beside()))?;
    let fleet = Arc::new(Fleet::new(Arc::new(host), data, credentials, None));
    let (token, at) = (Token::of(TOKEN, "a test").unwrap(), ([127, 0, 0, 1], 8081).into());
    Ok(Arc::new(Admin::new(fleet, folder.join("installations"), token, transport, at)))
}

/// Each answer takes so long.
struct Dawdling {
    way: Arc<dyn Transport>,
    clock: SimulatedClock,
    by: Duration,
}

#[async_trait]
impl Transport for Dawdling {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.way.send(request, max).await
    }

    async fn send_at_work(
        &self,
        request: http::Request<Vec<u8>>,
        max: usize,
        work: Work,
    ) -> (Result<http::Response<Vec<u8>>, TransportError>, Work) {
        let work = clock::sleep(&self.clock, work, self.clock.now().plus(self.by)).await;
        (self.way.send(request, max).await, work)
    }
}

struct Bench {
    clock: SimulatedClock,
    simulators: Simulators,
    folder: TempDir,
    router: Router,
    admin: Arc<Admin>,
}

impl Bench {
    async fn new() -> Bench {
        Bench::dawdling(Duration::ZERO).await
    }

    async fn dawdling(by: Duration) -> Bench {
        let clock = SimulatedClock::new(Timestamp::parse("2026-11-23T08:00:00Z").unwrap());
        let simulators = Simulators::new(Arc::new(clock.clone()), Options::default());
        simulators.world().set_extension(Extension::ready(EXTENSION, &ACTIVITY_TYPES));
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("installations");
        fs::create_dir(&config).unwrap();
        let options = simulators.world().options.clone();
        for (name, text) in [
            ("livestorm-token", &options.livestorm_token),
            ("client-secret", &options.salesforce.client_secret),
            ("refresh-token", &options.salesforce.refresh_token),
        ] {
            fs::write(config.join(name), text).unwrap();
        }
        let way = match by {
            Duration::ZERO => simulators.transport(),
            by => Arc::new(Dawdling { way: simulators.transport(), clock: clock.clone(), by }),
        };
        let admin = opened(folder.path(), &clock, way, Arc::new(NoProbe)).unwrap();
        Bench { clock, simulators, folder, router: router(admin.clone()), admin }
    }

    /// The text of an installation file of this id.
    fn text(&self, id: &str) -> String {
        let options = self.simulators.world().options.clone();
        let connection = |name: &str, account: &str, more: &str| {
            let at = format!("address = \"{}\"\nallow_private_addresses = true", options.base_url);
            format!("[connections.{name}]\nprovider = \"{name}\"\naccount = \"{account}\"\n{at}\n{more}\n")
        };
        [
            format!("id = \"{id}\"\n"),
            connection("livestorm", "livestorm", ""),
            connection("salesforce", "salesforce", ""),
            connection(
                "account-engagement",
                "salesforce",
                &format!("business_unit = \"{}\"", options.business_unit_id),
            ),
            "[secrets.livestorm]\ntoken = { file = \"livestorm-token\" }\n".into(),
            format!(
                "[secrets.salesforce]\nclient_id = \"{}\"\nclient_secret = {{ file = \"client-secret\" }}\n\
                 refresh_token = {{ file = \"refresh-token\" }}\ntoken_url = \"{}\"\n",
                options.salesforce.client_id, options.base_url
            ),
        ]
        .concat()
    }

    /// Nobody has brought anything for it.
    fn unconnected(&self, id: &str) -> String {
        let left_out = ["token = { file = \"livestorm-token\" }\n", "refresh_token = { file = \"refresh-token\" }\n"];
        left_out.iter().fold(self.text(id), |text, line| text.replace(line, ""))
    }

    /// The clock runs for as long as it takes.
    async fn in_time<T: Send + 'static>(&self, asked: impl Future<Output = T> + Send + 'static) -> T {
        let asking = tokio::spawn(asked);
        while !asking.is_finished() {
            self.clock.run_until(Timestamp::MAX).await;
            tokio::task::yield_now().await;
        }
        asking.await.unwrap()
    }

    async fn look(&self) {
        let admin = self.admin.clone();
        self.in_time(async move { admin.look(None).await }).await.unwrap();
    }

    /// Status, headers and body.
    async fn answered(&self, request: http::Request<Body>) -> (StatusCode, HeaderMap, String) {
        let answer = self.in_time(self.router.clone().oneshot(request)).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, headers, String::from_utf8(body.into()).unwrap())
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = http::Request::builder().method(method).uri(path).header("host", "127.0.0.1:8081");
        let request = request.header("authorization", format!("Bearer {TOKEN}")).body(body.into()).unwrap();
        let (status, _, body) = self.answered(request).await;
        (status.as_u16(), serde_json::from_str(&body).unwrap_or_else(|e| panic!("{path}: {e}: {body}")))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, body.to_string()).await
    }

    async fn put(&self, id: &str, text: &str) -> (u16, Value) {
        self.ask(Method::PUT, &format!("/v1/installations/{id}"), text.to_owned()).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("installations").join(name)
    }
}

#[tokio::test]
async fn who_does_not_show_the_token_from_this_machine_is_answered_nothing() {
    let bench = Bench::new().await;
    let bearer = format!("Bearer {TOKEN}");
    let rows: [(&[(&str, &str)], u16); 10] = [
        (&[("host", "127.0.0.1:8081")], 401),
        (&[("host", "127.0.0.1:8081"), ("authorization", "Bearer made-up-other-token-of-somebody")], 401),
        (&[("host", "127.0.0.1:8081"), ("authorization", TOKEN)], 401),
        (&[("host", "127.0.0.1:8081"), ("authorization", &bearer)], 200),
        (&[("host", "localhost"), ("authorization", &bearer)], 200),
        (&[("host", "[::1]:8081"), ("authorization", &bearer)], 200),
        (&[("authorization", &bearer)], 403),
        (&[("host", "127.0.0.1.example.org"), ("authorization", &bearer)], 403),
        (&[("host", "192.168.1.7:8081"), ("authorization", &bearer)], 403),
        (&[("host", "localhost"), ("authorization", &bearer), ("origin", "http://localhost")], 403),
    ];
    for (headers, expected) in rows {
        for path in ["/v1/installations", "/v1/openapi.json"] {
            let request =
                headers.iter().fold(http::Request::get(path), |request, (name, value)| request.header(*name, *value));
            let (status, told, body) = bench.answered(request.body(Body::empty()).unwrap()).await;
            assert_eq!(status.as_u16(), expected, "{headers:?}: {body}");
            assert_eq!(told.contains_key("www-authenticate"), expected == 401);
            if expected != 200 {
                let problem: Problem = serde_json::from_str(&body).unwrap();
                assert!(!problem.remedy.is_empty() && !body.contains(TOKEN), "{body}");
            }
        }
    }
    // Also where there is nothing: who has no token learns nothing of what there is.
    let nothing = http::Request::get("/v1/nothing").header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(bench.answered(nothing).await.0.as_u16(), 401);
    assert_eq!(bench.get("/v1/nothing").await.0, 404);
    assert_eq!(bench.ask(Method::PATCH, "/v1/installations", Body::empty()).await.0, 405);
    let large = vec![b'a'; BODY_BYTES_MAX + 1];
    assert_eq!(bench.ask(Method::PUT, "/v1/installations/acme", large).await.0, 413);
}

#[tokio::test]
async fn of_an_installation_that_nobody_knows_nothing_is_answered_or_changed() {
    let bench = Bench::new().await;
    let rows = [
        (Method::GET, "", json!({})),
        (Method::DELETE, "", json!({})),
        (Method::POST, "/check", json!({})),
        (Method::GET, "/fixes/some", json!({})),
        (Method::POST, "/fixes/some", json!({})),
        (Method::GET, "/settings/schema", json!({})),
        (Method::POST, "/settings/options", json!({"setting": "/mapping"})),
        (Method::POST, "/pause", json!({})),
        (Method::POST, "/resume", json!({})),
        (Method::GET, "/sessions", json!({})),
        (Method::GET, "/runs", json!({})),
        (Method::GET, "/runs/1", json!({})),
        (Method::POST, "/runs/1/replay", json!({})),
        (Method::POST, "/retry", json!({"all_failed": true})),
        (Method::POST, "/discard", json!({"all_failed": true})),
        (Method::POST, "/resync", json!({"session": "s"})),
        (Method::GET, "/people/ana@example.org", json!({})),
        (Method::DELETE, "/people/ana@example.org", json!({})),
        (Method::POST, "/people/ana@example.org/allow-again", json!({})),
        (Method::GET, "/streams", json!({})),
        (Method::POST, "/streams/people/pages", json!({})),
        (Method::GET, "/accounts", json!({})),
        (Method::GET, "/usage", json!({})),
        (Method::POST, "/accounts/livestorm/token", json!({"token": "made-up-token"})),
        (Method::POST, "/accounts/salesforce/sign-in", json!({})),
        (Method::POST, "/accounts/livestorm/disconnect", json!({})),
    ];
    let described = serde_json::to_value(description()).unwrap();
    let of_one =
        described["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v1/installations/"));
    let methods: usize = of_one.map(|(_, item)| item.as_object().unwrap().len()).sum();
    assert_eq!(rows.len() + 1, methods, "all but PUT");
    for (method, path, body) in rows {
        let (status, problem) =
            bench.ask(method.clone(), &format!("/v1/installations/nobody{path}"), body.to_string()).await;
        assert_eq!(status, 404, "{method} {path}: {problem}");
        assert_eq!(problem["problem"], "there is no installation `nobody` here", "{method} {path}");
    }
    assert_eq!(bench.get("/v1/installations").await, (200, json!({"installations": []})));
}

#[tokio::test]
async fn whatever_cannot_be_read_of_a_request_is_told_in_one_form_with_what_to_do() {
    let bench = Bench::new().await;
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let acme = "/v1/installations/acme";
    for (method, path, body, status) in [
        (Method::GET, format!("{acme}/runs/abc"), "", 400),
        (Method::GET, format!("{acme}/runs/-1"), "", 400),
        (Method::GET, format!("{acme}/people/%FF"), "", 400),
        (Method::GET, format!("{acme}/runs?limit=-1"), "", 400),
        (Method::POST, format!("{acme}/pause/more"), "", 404),
        (Method::PATCH, acme.into(), "", 405),
        (Method::PUT, acme.into(), long.as_str(), 413),
    ] {
        let (answered, problem) = bench.ask(method, &path, body.to_owned()).await;
        let says = |part: &str| problem[part].as_str().is_some_and(|text| text.len() > 10);
        assert!(answered == status && says("problem") && says("remedy"), "{path}: {answered} {problem}");
    }
}

/// Whoever mistypes one would take an answer to another question for theirs.
#[tokio::test]
async fn a_parameter_of_the_query_that_a_call_does_not_know_is_refused_with_those_that_it_knows() {
    let bench = Bench::new().await;
    bench.put("acme", &bench.text("acme")).await;
    let knows_none = "Leave it out: this call knows none";
    for (method, path, remedy) in [
        (Method::GET, "/installations/acme/runs?limt=5", "Known here: person, since, status, limit"),
        (Method::GET, "/installations/acme/runs?limit=5&hush%3D=hush", "Known here: person, since, status, limit"),
        (Method::GET, "/installations/acme/runs/1?personnal=true", "Known here: personal"),
        (Method::GET, "/installations/acme/streams?cost=people", "Known here: cost_of"),
        (Method::POST, "/installations/acme/runs/1/replay?personal=true", knows_none),
        (Method::POST, "/installations/acme/retry?all_failed", knows_none),
        (Method::PUT, "/installations/acme?force=true", knows_none),
        (Method::DELETE, "/installations/acme?dry_run=true", knows_none),
        (Method::GET, "/installations?limit=1", knows_none),
        (Method::GET, "/openapi.json?version=3", knows_none),
    ] {
        let (status, problem) = bench.ask(method, &format!("/v1{path}"), Body::empty()).await;
        assert!(status == 400 && problem["remedy"] == remedy, "{path}: {status} {problem}");
        let named = path.split(['?', '&']).next_back().unwrap().split('=').next().unwrap().replace("%3D", "=");
        assert!(problem["problem"].as_str().unwrap().contains(&format!("parameter `{named}`")), "{path}: {problem}");
    }
    for (method, path, status) in [
        (Method::GET, "/installations/acme/runs?", 200),
        (Method::GET, "/installations/acme/runs?limit=1", 200),
        (Method::GET, "/installations/acme/runs?limit=0", 400),
        (Method::GET, "/installations/acme/runs/99?personal=true", 404),
        (Method::PATCH, "/installations?limit=1", 405),
        (Method::GET, "/nothing?limit=1", 404),
    ] {
        let (answered, body) = bench.ask(method, &format!("/v1{path}"), Body::empty()).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(status != 400 || body["problem"].as_str().unwrap().contains("at least 1"), "{path}: {body}");
    }
    // To the page that ends a sign-in a provider adds what it likes. The one who reads it is a person in a browser.
    for query in ["state=guessed&iss=https%3A%2F%2Flogin.example.org", "state=%FF&code=%FF%FE", "%%%", ""] {
        let request = http::Request::get(format!("{RETURN}?{query}")).body(Body::empty()).unwrap();
        let (status, _, page) = bench.answered(request).await;
        assert!(status == 404 && page.contains("Begin again"), "{query}: {status} {page}");
    }
}

#[tokio::test]
async fn a_file_that_is_put_is_taken_up_at_once_and_the_answer_says_how_it_stands() {
    let bench = Bench::new().await;
    let (status, standing) = bench.put("acme", &bench.text("acme")).await;
    assert_eq!((status, &standing["status"], &standing["runs"]), (200, &json!("running"), &json!(true)), "{standing}");
    assert_eq!(fs::read_to_string(bench.file("acme.toml")).unwrap(), bench.text("acme"));
    let (_, one) = bench.get("/v1/installations/acme").await;
    assert_eq!((&one["installation"], &one["text"]), (&json!("acme"), &json!(bench.text("acme"))));

    // S2-45: the same accounts.
    let (status, held) = bench.put("second", &bench.text("second")).await;
    assert_eq!((status, &held["status"], &held["runs"]), (200, &json!("held"), &json!(false)), "{held}");
    let is_rivalry = |finding: &&Value| finding["code"] == "other-flow-active";
    assert!(held["findings"].as_array().unwrap().iter().any(|finding| is_rivalry(&finding)), "{held}");
    let (status, resync) = bench.post("/v1/installations/second/resync", json!({"session": "s"})).await;
    assert_eq!(status, 409, "{resync}");

    // What ran runs on.
    let wrong = bench.text("acme").replacen("[connections", "[settings]\nlist_name = 7\n[connections", 1);
    let (_, broken) = bench.put("acme", &wrong).await;
    assert_eq!((&broken["status"], &broken["runs"]), (&json!("broken"), &json!(true)), "{broken}");
    assert!(!broken["findings"].as_array().unwrap().is_empty(), "{broken}");
    let (_, all) = bench.get("/v1/installations").await;
    assert_eq!(all["installations"].as_array().unwrap().len(), 2);

    let rows = [
        ("acme", "id = ".to_owned(), 400, "this is not TOML"),
        ("acme", bench.text("other"), 400, "the text is that of `other`"),
        (".acme", bench.text(".acme"), 400, "begin with a dot"),
        (
            "third",
            bench.text("third").replace("{ file = \"refresh-token\" }", "\"hush-hush\""),
            400,
            "stands here in clear",
        ),
    ];
    for (id, text, expected, said) in rows {
        let (status, problem) = bench.put(id, &text).await;
        assert_eq!(status, expected, "{problem}");
        assert!(problem["problem"].as_str().unwrap().contains(said), "{problem}");
        assert!(!problem["remedy"].as_str().unwrap().is_empty() && !problem.to_string().contains("hush"), "{problem}");
    }
    assert_eq!(fs::read_to_string(bench.file("acme.toml")).unwrap(), wrong, "what is refused changes nothing");
    assert!(!bench.file("third.toml").exists() && !bench.file(".acme.toml").exists());

    // A file whose name is not its id.
    fs::write(bench.file("odd.toml"), bench.text("fourth")).unwrap();
    let (status, problem) = bench.put("odd", &bench.text("odd")).await;
    assert_eq!(status, 409, "{problem}");
    bench.look().await;
    bench.put("fourth", &format!("# changed\n{}", bench.text("fourth"))).await;
    assert!(
        fs::read_to_string(bench.file("odd.toml")).unwrap().starts_with("# changed")
            && !bench.file("fourth.toml").exists()
    );
}

/// Nobody serves here, so nothing can be taken back at a provider; a held one has nothing to be taken back.
#[tokio::test]
async fn a_secret_that_changes_alone_is_taken_up() {
    let bench = Bench::new().await;
    bench.put("acme", &bench.text("acme")).await;
    let token = bench.folder.path().join("installations/livestorm-token");
    let status = async || bench.get("/v1/installations/acme").await.1["status"].clone();
    let good = fs::read_to_string(&token).unwrap();
    for (text, expected) in [("", "broken"), (&good, "running")] {
        fs::write(&token, text).unwrap();
        bench.look().await;
        assert_eq!(status().await, expected);
    }
    fs::remove_file(&token).unwrap();
    bench.look().await;
    let (_, told) = bench.get("/v1/installations/acme").await;
    assert_eq!((&told["status"], &told["runs"]), (&json!("broken"), &json!(true)), "{told}");
}

#[tokio::test]
async fn an_installation_that_is_uninstalled_is_gone_with_its_file() {
    let bench = Bench::new().await;
    bench.put("acme", &bench.text("acme")).await;
    bench.put("second", &bench.text("second")).await;
    let (status, gone) = bench.ask(Method::DELETE, "/v1/installations/second", Body::empty()).await;
    assert_eq!((status, gone), (200, json!({"installation": "second", "switched_off": false, "left": []})));
    assert!(!bench.file("second.toml").exists());
    assert_eq!(bench.get("/v1/installations/second").await.0, 404);
    assert_eq!(bench.get("/v1/installations/acme").await.1["runs"], true);

    // What stands still is not waited for.
    assert_eq!(bench.post("/v1/installations/acme/pause", json!({})).await.0, 200);
    let (status, gone) = bench.ask(Method::DELETE, "/v1/installations/acme", Body::empty()).await;
    assert_eq!((status, &gone["switched_off"]), (200, &json!(true)), "{gone}");
    assert!(gone["left"][0].as_str().unwrap().starts_with("It is paused"), "{gone}");
}

/// Else one whose provider is slow keeps all the others from beginning. RULES 20: between the same accounts one runs, though nothing
/// stands in the way of any while it is looked at.
#[tokio::test]
async fn new_installations_are_looked_at_side_by_side_and_one_of_them_runs_between_the_same_accounts() {
    let time_for = async |ids: &[&str]| {
        let bench = Bench::dawdling(Duration::from_secs(1)).await;
        for id in ids {
            fs::write(bench.file(&format!("{id}.toml")), bench.text(id)).unwrap();
        }
        let began = bench.clock.now();
        bench.look().await;
        let standings = bench.admin.fleet.standings();
        assert_eq!(standings.len(), ids.len());
        assert_eq!(standings.iter().filter(|standing| standing.runs).count(), 1, "{standings:?}");
        bench.clock.now().since(began)
    };
    let (alone, many) = (time_for(&["a"]).await, time_for(&["a", "b", "c", "d"]).await);
    assert!(alone >= Duration::from_secs(2) && many < alone * 3, "{alone:?} {many:?}");
}

#[tokio::test]
async fn a_form_for_settings_is_told_what_it_needs_before_anything_runs() {
    let bench = Bench::new().await;
    // Held: there is no extension yet.
    assert!(bench.simulators.world().remove_extension(EXTENSION));
    let (_, held) = bench.put("acme", &bench.text("acme")).await;
    assert_eq!(held["status"], "held", "{held}");
    let (status, schema) = bench.get("/v1/installations/acme/settings/schema").await;
    assert!(status == 200 && schema["properties"]["mapping"].is_object(), "{schema}");
    let (status, told) =
        bench.post("/v1/installations/acme/settings/options", json!({"setting": "/mapping/prospect/0/target"})).await;
    assert_eq!(status, 200, "{told}");
    assert!(told["choices"].as_array().unwrap().iter().any(|choice| choice["value"] == "jobTitle"), "{told}");
    let (status, problem) = bench.post("/v1/installations/acme/settings/options", json!({"setting": "/no/such"})).await;
    assert!(status == 409 && problem["findings"][0]["code"].is_string(), "{status} {problem}");
    assert_eq!(bench.post("/v1/installations/acme/settings/options", json!({"seting": ""})).await.0, 400);

    let (status, checked) = bench.post("/v1/installations/acme/check", json!({})).await;
    assert!(status == 200 && checked["blockers"].as_u64() > Some(0), "{checked}");
    let fixable = checked["findings"].as_array().unwrap().iter().find(|finding| finding["fixable"] == true).unwrap();
    let fix = format!("/v1/installations/acme/fixes/{}", fixable["code"].as_str().unwrap());
    let (status, told) = bench.get(&fix).await;
    assert!(status == 200 && told["allowed"][0]["reason"].is_string(), "{told}");
    let (status, mended) = bench.post(&fix, json!({})).await;
    assert!(status == 200 && mended["refused"] == json!([]), "{mended}");
    for method in [Method::GET, Method::POST] {
        let (status, none) = bench.ask(method, "/v1/installations/acme/fixes/no-such", Body::empty()).await;
        assert!(status == 404 && none["problem"].as_str().unwrap().contains("nothing `no-such`"), "{none}");
        assert!(none["remedy"].as_str().unwrap().contains("findings that are fixable"), "{none}");
    }
    // Whoever asks about it leaves nothing behind that could go on by itself.
    bench.look().await;
    assert!(!bench.admin.fleet.runs("acme") && bench.admin.fleet.host.runtime.component("acme").is_err());

    // Once nothing is in the way, the check that finds that switches it on.
    bench.simulators.world().set_extension(Extension::ready(EXTENSION, &ACTIVITY_TYPES));
    let (_, checked) = bench.post("/v1/installations/acme/check", json!({})).await;
    assert_eq!(checked["blockers"], 0, "{checked}");
    assert!(bench.admin.fleet.runs("acme"));
    let (_, usage) = bench.get("/v1/installations/acme/usage").await;
    let livestorm = &usage["accounts"].as_array().unwrap().iter().find(|one| one["connection"] == "livestorm").unwrap();
    assert_eq!((&livestorm["quota_requests"], &livestorm["account"]), (&json!(10_000), &json!("livestorm")), "{usage}");
    assert!(livestorm["left"].as_u64() < Some(10_000), "{usage}");
    let pace = [&livestorm["rate_percent"], &livestorm["in_flight_now_max"], &livestorm["slow_downs"]];
    assert_eq!(pace, [&json!(100), &livestorm["in_flight_max"], &json!(0)], "{usage}");
}

#[tokio::test]
async fn what_was_done_is_told_as_the_desk_tells_it() {
    let bench = Bench::new().await;
    bench.put("acme", &bench.text("acme")).await;
    let at = |path: &str| format!("/v1/installations/acme/{path}");
    let desk = bench.admin.desk();
    let (_, runs) =
        bench.get(&at("runs?limit=5&since=2026-11-01T00:00:00Z&person=ana%40example.org&status=failed")).await;
    assert_eq!(runs, json!({"installation": "acme", "runs": [], "more": false, "dead_letters": []}));
    let (_, sessions) = bench.get(&at("sessions")).await;
    assert_eq!(sessions, json!({"installation": "acme", "sessions": [], "need_a_person": 0}));
    let (_, story) = bench.get(&at("people/Ana@example.org")).await;
    assert_eq!(story, serde_json::to_value(desk.why("acme", "ana@example.org").await.unwrap()).unwrap());
    assert_eq!(bench.post(&at("pause"), json!({})).await, (200, json!({"installation": "acme", "paused": true})));
    assert_eq!(bench.post(&at("resume"), json!({})).await, (200, json!({"installation": "acme", "paused": false})));
    assert_eq!(
        bench.post(&at("retry"), json!({"all_failed": true})).await,
        (200, json!({"installation": "acme", "tasks": []}))
    );
    assert_eq!(
        bench.post(&at("discard"), json!({"all_failed": true})).await,
        (200, json!({"installation": "acme", "tasks": []}))
    );
    for whom in ["ana@example.org", "ben@example.org"] {
        let (status, resynced) = bench.post(&at("resync"), json!({"person": whom})).await;
        assert_eq!((status, &resynced["accepted"]), (200, &json!(true)), "{resynced}");
    }
    bench.ask(Method::DELETE, &at("people/dan@example.org"), "{}").await;

    let rows = [
        (bench.get(&at("runs?status=odd")).await, 400, "status"),
        (bench.get(&at("runs?since=soon")).await, 400, "soon is no time"),
        (bench.get(&at("runs/99")).await, 404, "there is no run 99 of `acme`"),
        (bench.get(&at("people/ana")).await, 400, "is no address of a person"),
        (bench.post(&at("retry"), json!({})).await, 400, "which dead letters"),
        (bench.post(&at("retry"), json!({"run": 1, "task": 2})).await, 400, "which dead letters"),
        (bench.post(&at("retry"), json!({"task": 99})).await, 404, "there is no task 99"),
        (bench.post(&at("discard"), json!({})).await, 400, "which dead letters"),
        (bench.post(&at("discard"), json!({"task": 99})).await, 404, "there is no task 99"),
        (bench.post(&at("resync"), json!({"person": "ana"})).await, 400, "is no address of a person"),
        (bench.post(&at("resync"), json!({"person": "dan@example.org"})).await, 409, "was forgotten in `acme`"),
        (bench.post(&at("resync"), json!({"session": ""})).await, 400, "no id of a session"),
        (bench.post(&at("resync"), json!({"anybody": "ana"})).await, 400, "not what is asked for"),
        (bench.post(&at("runs/99/replay"), json!({})).await, 404, "there is no run 99"),
    ];
    for ((status, problem), expected, said) in rows {
        assert_eq!(status, expected, "{problem}");
        assert!(problem["problem"].as_str().unwrap().contains(said), "{said}: {problem}");
    }
    // What is kept of one that is no longer there can still be asked for.
    bench.admin.fleet.data.note_activation("former", Timestamp(0)).unwrap();
    assert_eq!(bench.get("/v1/installations/former/runs").await.0, 200);
    assert_eq!(bench.get("/v1/installations/former").await.0, 404);
}

#[tokio::test]
async fn what_a_person_brings_goes_in_and_never_comes_out() {
    let bench = Bench::new().await;
    let (_, held) = bench.put("acme", &bench.unconnected("acme")).await;
    let missing: Vec<_> = held["findings"].as_array().unwrap().iter().map(|f| [&f["code"], &f["place"]]).collect();
    let each = ["secrets.livestorm", "secrets.salesforce"].map(|place| [json!("account-not-connected"), json!(place)]);
    assert_eq!((&held["status"], json!(missing)), (&json!("held"), json!(each)));
    // Nothing is missing that was there: who is unknown is told so, and not to send again.
    let unknown = bench.admin.fleet.host.ingress.receive("nobody", "livestorm", "s", &[], vec![]).await;
    assert_eq!(unknown.map(drop).unwrap_err(), crate::ingress::Refusal::NoSuchAddress);
    let at = |path: &str| format!("/v1/installations/acme/accounts{path}");
    let needs = async || {
        let (_, told) = bench.get(&at("")).await;
        let of =
            |one: &Value| (one["account"].as_str().unwrap().to_owned(), one["needs"].clone(), one["connected"].clone());
        told["accounts"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let expected = |connected: [bool; 2]| {
        vec![
            ("livestorm".to_owned(), json!("token"), json!(connected[0])),
            ("salesforce".to_owned(), json!("sign-in"), json!(connected[1])),
        ]
    };
    assert_eq!(needs().await, expected([false, false]));
    let rows = [
        (bench.post(&at("/salesforce/token"), json!({"token": "made-up-token"})).await, 409, "somebody signs in to it"),
        (bench.post(&at("/livestorm/sign-in"), json!({})).await, 409, "no app to sign in to"),
        (
            bench.post(&at("/salesforce/sign-in"), json!({"callback": "http://hush.example.org"})).await,
            400,
            "of this machine alone",
        ),
        (bench.post(&at("/other/token"), json!({"token": "made-up-token"})).await, 404, "no connection is bound"),
        (bench.post(&at("/livestorm/token"), json!({"token": "hush"})).await, 400, "fewer than 8 characters"),
        (bench.post(&at("/livestorm/token"), json!({"token": 77777777})).await, 400, "there is no token"),
        (bench.post(&at("/livestorm/token"), json!({"hush-hush": 1})).await, 400, "there is no token"),
    ];
    for ((status, problem), expected, said) in rows {
        assert_eq!(status, expected, "{problem}");
        assert!(problem["problem"].as_str().unwrap().contains(said), "{said}: {problem}");
        assert!(!problem.to_string().contains("hush") && !problem.to_string().contains("7777"), "{problem}");
    }
    let token = bench.simulators.world().options.livestorm_token.clone();
    let (status, connected) = bench.post(&at("/livestorm/token"), json!({"token": token})).await;
    assert_eq!((status, connected), (200, json!({"installation": "acme", "account": "livestorm", "at": null})));
    assert_eq!(needs().await, expected([true, false]));

    // There and back.
    let callback = "http://localhost:8081/v1/sign-in/return".to_owned();
    bench.simulators.world().salesforce.tokens.sign_in.redirect_uris = vec![callback.clone()];
    let back = async |address: &str| {
        let query = address.split_once('?').unwrap().1;
        let request = http::Request::get(format!("{RETURN}?{query}")).header("host", "admin.example.org");
        bench.answered(request.body(Body::empty()).unwrap()).await
    };
    let (status, begun) = bench.post(&at("/salesforce/sign-in"), json!({})).await;
    assert_eq!((status, &begun["callback"]), (200, &json!(callback)), "{begun}");
    let follow = |begun: &Value| {
        let request = http::Request::get(begun["link"].as_str().unwrap()).body(vec![]).unwrap();
        let answer = bench.simulators.handle(request).unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    let address = follow(&begun);
    let forged = format!("{callback}?code=made-up-code&state=guessed");
    let (status, _, page) = back(&forged).await;
    assert!(status == 404 && page.contains("Begin again"), "{page}");
    let (status, headers, page) = back(&address).await;
    assert!(status == 200 && page.starts_with("Signed in."), "{page}");
    assert!(headers["cache-control"] == "no-store" && headers["referrer-policy"] == "no-referrer", "{headers:?}");
    assert_eq!(back(&address).await.0, 404, "once");
    assert_eq!(needs().await, expected([true, true]));
    bench.look().await;
    let (_, one) = bench.get("/v1/installations/acme").await;
    assert_eq!(one["status"], "running", "{one}");

    // Too late, and not at all.
    let (_, begun) = bench.post(&at("/salesforce/sign-in"), json!({})).await;
    let late = follow(&begun);
    bench.clock.run_until(bench.clock.now().plus(Duration::from_secs(15 * 60))).await;
    assert_eq!(back(&late).await.0, 404);
    let (_, begun) = bench.post(&at("/salesforce/sign-in"), json!({})).await;
    let state = begun["link"].as_str().unwrap().split("state=").nth(1).unwrap().split('&').next().unwrap();
    let (status, _, page) = back(&format!("{callback}?error=access_denied&state={state}")).await;
    assert!(status == 409 && page.contains("has to allow it"), "{page}");
}

/// Whoever makes a client of the description names its calls by them.
#[test]
fn each_call_has_a_name_of_its_own() {
    let described = serde_json::to_value(description()).unwrap();
    let items = described["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<&str> = items.map(|call| call["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(all > 20 && names.len() == all, "{names:?}");
}

/// `UPDATE_API=1 cargo test --lib -- the_description` writes it anew.
#[test]
fn the_description_that_is_checked_in_is_that_of_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/admin-api.json");
    let text = description().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_API").is_some() {
        fs::write(file, &text).unwrap();
    }
    let is = fs::read_to_string(file).unwrap_or_default();
    assert!(
        is == text,
        "docs/admin-api.json is not that of the code: UPDATE_API=1 cargo test --lib -- the_description"
    );
}
