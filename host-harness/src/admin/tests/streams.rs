//! Streams over HTTP, on a host that serves: time runs on while somebody waits for an answer.

use super::*;
use crate::durable::{Phase, Point};
use crate::simulators::{
    Api,
    faults::{Fault, FaultPlan, FaultRule, Selector},
    livestorm::{NewEvent, NewRegistrant, NewSession},
};
use std::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

struct Served {
    bench: Bench,
    session: String,
    _stop: DropGuard,
}

impl Served {
    /// `acme` runs, with a session tomorrow that nobody has registered for.
    async fn new() -> Served {
        Served::with("").await
    }

    /// With this in its file, too.
    async fn with(more: &str) -> Served {
        let bench = Bench::new().await;
        let (_, put) = bench.put("acme", &(bench.text("acme") + more)).await;
        assert_eq!(put["status"], "running", "{put}");
        let session = {
            let starts_at = Some(bench.clock.now().plus(Duration::from_secs(86_400)));
            let mut world = bench.simulators.world();
            let event = world.livestorm.create_event(NewEvent::default());
            world.livestorm.publish(&event);
            world.livestorm.create_session(&event, NewSession { starts_at, ..NewSession::default() })
        };
        let stop = CancellationToken::new();
        drop(bench.admin.fleet.host.start(stop.clone()));
        Served { bench, session, _stop: stop.drop_guard() }
    }

    fn register(&self, email: &str) {
        let new = NewRegistrant { email: email.into(), ..NewRegistrant::default() };
        self.bench.simulators.world().livestorm.register(&self.session, new).unwrap();
    }

    async fn asked(&self, method: Method, path: &str, body: String) -> (u16, HeaderMap, Value) {
        let request = http::Request::builder().method(method).uri(path).header("host", "127.0.0.1:8081");
        let request = request.header("authorization", format!("Bearer {TOKEN}")).body(Body::from(body)).unwrap();
        let asking = tokio::spawn(self.bench.router.clone().oneshot(request));
        while !asking.is_finished() {
            self.bench.clock.run_for(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
        let answer = asking.await.unwrap().unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap())
    }

    async fn put(&self, more: &str) -> Value {
        let text = self.bench.text("acme") + more;
        self.asked(Method::PUT, "/v1/installations/acme", text).await.2
    }

    async fn hours(&self, hours: u64) {
        self.bench.clock.run_for(Duration::from_secs(3_600 * hours)).await;
    }

    /// Whose records are in the file.
    fn kept(&self) -> Vec<String> {
        let file = self.bench.folder.path().join("data/rows/acme/people.jsonl");
        let record = |line: &str| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_owned();
        fs::read_to_string(file).unwrap_or_default().lines().map(record).collect()
    }

    /// How the host's own reading of people stands.
    async fn keeping(&self) -> Value {
        let (_, _, told) = self.asked(Method::GET, "/v1/installations/acme/streams", String::new()).await;
        told["streams"][0]["kept"].clone()
    }

    async fn page(&self, ask: Value) -> (u16, HeaderMap, Value) {
        self.asked(Method::POST, "/v1/installations/acme/streams/people/pages", ask.to_string()).await
    }

    /// To the end of the pass, by the cursor alone. Its rows, and the cursor after it.
    async fn pass(&self, mut ask: Value) -> (Vec<Value>, Value) {
        let mut rows = vec![];
        loop {
            let (status, _, page) = self.page(ask).await;
            assert_eq!(status, 200, "{page}");
            rows.extend(page["rows"].as_array().unwrap().iter().cloned());
            if page["more"] == false {
                return (rows, page["cursor"].clone());
            }
            ask = json!({"cursor": page["cursor"]});
        }
    }
}

fn emails(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["value"]["email"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_is_read_page_by_page_and_nothing_is_skipped_whichever_cursor_is_given_again() {
    let served = Served::new().await;
    ["ana@example.org", "bo@example.org"].iter().for_each(|email| served.register(email));
    let (rows, first) = served.pass(json!({})).await;
    assert_eq!(emails(&rows), ["ana@example.org", "bo@example.org"]);
    assert!(rows.iter().all(|row| row["change"] == "upsert"), "{rows:?}");

    let (status, headers, early) = served.page(json!({"cursor": first})).await;
    assert_eq!(status, 429, "{early}");
    assert!(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 60, "{headers:?}");
    assert!(early["not_before"].is_string() && early["remedy"].as_str().unwrap().contains("now"), "{early}");

    let (rows, second) = served.pass(json!({"cursor": first, "now": true})).await;
    assert!(rows.is_empty(), "{rows:?}");
    served.register("cy@example.org");
    let (rows, _) = served.pass(json!({"cursor": second, "now": true})).await;
    assert_eq!(emails(&rows), ["cy@example.org"]);
    // Whoever lost the answers asks again from where they stood.
    for lost in [&second, &first] {
        let (rows, _) = served.pass(json!({"cursor": lost, "now": true})).await;
        assert_eq!(emails(&rows), ["cy@example.org"]);
    }
    let (rows, _) = served.pass(json!({"now": true})).await;
    assert_eq!(rows.len(), 3, "without a cursor everything");
    // What all of that took is waited for: it is one sum.
    let wait = |told: &Value| Timestamp::parse(told.as_str().unwrap()).unwrap().since(served.bench.clock.now());
    let (_, _, told) = served.asked(Method::GET, "/v1/installations/acme/streams", String::new()).await;
    assert!(wait(&told["streams"][0]["next_at"]) > Duration::from_secs(3_600), "{told}");
}

#[tokio::test]
async fn the_streams_are_told_with_when_they_may_be_read_and_what_that_will_cost() {
    let served = Served::new().await;
    served.register("ana@example.org");
    let list = async |query: &str| {
        let path = format!("/v1/installations/acme/streams{query}");
        let (status, _, told) = served.asked(Method::GET, &path, String::new()).await;
        (status, told)
    };
    let (status, told) = list("").await;
    assert_eq!(status, 200, "{told}");
    let streams = told["streams"].as_array().unwrap();
    let of = |name: &str| {
        let found = streams.iter().map(|stream| (&stream["name"], &stream[name]));
        found.map(|(name, value)| (name.as_str().unwrap(), value.clone())).collect::<Vec<_>>()
    };
    let keys = [("people", json!(["email"])), ("events", json!(["id"])), ("sessions", json!(["id"]))];
    assert_eq!(of("primary_key"), keys);
    assert!(streams.iter().all(|stream| stream["schema"]["properties"].is_object()), "{told}");
    assert!(streams.iter().all(|stream| stream["least_interval_minutes"] == 30), "{told}");
    assert!(streams.iter().all(|stream| stream["last_pass"].is_null() && stream.get("cost").is_none()), "{told}");
    let (_, told) = list("?cost_of=people").await;
    let cost = &told["streams"][0]["cost"][0];
    assert!(cost["connection"] == "livestorm" && cost["least"].as_u64() > Some(0), "{told}");
    assert!(cost["left"].as_u64() < Some(10_000) && told["streams"][1].get("cost").is_none(), "{told}");

    served.pass(json!({})).await;
    let (_, told) = list("").await;
    let last = &told["streams"][0]["last_pass"];
    assert!(last["more"] == false && last["calls"]["livestorm"].as_u64() >= Some(2), "{told}");
    assert!(told["streams"][1]["last_pass"].is_null(), "{told}");
}

#[tokio::test]
async fn what_is_no_page_is_refused_with_what_to_do() {
    let served = Served::new().await;
    let (status, _, told) = served.asked(Method::POST, "/v1/installations/acme/pause", "{}".into()).await;
    assert_eq!(status, 200, "{told}");
    let paused = served.page(json!({})).await;
    served.asked(Method::POST, "/v1/installations/acme/resume", "{}".into()).await;
    let at = |path: &str| format!("/v1/installations/{path}");
    let rows = [
        (paused, 409, "is paused", "Resume it"),
        (served.page(json!({"cursor": "nonsense"})).await, 400, "cursor cannot be used", "begin anew"),
        (served.page(json!({"cursr": "c"})).await, 400, "not what is asked for", "openapi.json"),
        (
            served.asked(Method::POST, &at("acme/streams/persons/pages"), "{}".into()).await,
            404,
            "no stream \"persons\"",
            "people, events, sessions",
        ),
        (
            served.asked(Method::GET, &at("acme/streams?cost_of=persons"), String::new()).await,
            404,
            "no stream \"persons\"",
            "people, events, sessions",
        ),
        (
            served.asked(Method::GET, &at("nobody/streams"), String::new()).await,
            404,
            "no installation `nobody`",
            "lists those",
        ),
    ];
    for ((status, _, problem), expected, said, remedy) in rows {
        assert_eq!(status, expected, "{problem}");
        assert!(problem["problem"].as_str().unwrap().contains(said), "{said}: {problem}");
        assert!(problem["remedy"].as_str().unwrap().contains(remedy), "{remedy}: {problem}");
    }
    // What is no longer there does not run.
    served.bench.admin.fleet.data.note_activation("former", Timestamp(0)).unwrap();
    let (status, _, problem) = served.asked(Method::GET, &at("former/streams"), String::new()).await;
    assert_eq!(status, 409, "{problem}");
}

/// And nothing is lost by it: the same page comes once the provider answers.
#[tokio::test]
async fn what_the_provider_does_not_give_is_told_as_that_and_asked_for_again() {
    let served = Served::new().await;
    served.register("ana@example.org");
    let answers = |status: u16, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let what = Fault::Answer { status, headers, body: "{}".into() };
        let rule = FaultRule { on: Selector::api(Api::Livestorm), skip: 0, times: 100, what };
        served.bench.simulators.world().faults = FaultPlan::rules([rule]);
    };
    answers(403, &[]);
    let (status, _, refused) = served.page(json!({})).await;
    assert!(status == 502 && !refused["remedy"].as_str().unwrap().is_empty(), "{status} {refused}");
    // The calls of the account are waited for, the ones of its other passes too, and not half an hour.
    let (status, headers, early) = served.page(json!({})).await;
    assert_eq!(status, 429, "{early}");
    let seconds = |headers: &HeaderMap| headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    assert!((500..1_700).contains(&seconds(&headers)), "{headers:?}");
    answers(429, &[("retry-after", "3600")]);
    let (status, headers, later) = served.page(json!({"now": true})).await;
    assert_eq!(status, 503, "{later}");
    assert!(later["not_before"].is_string() && (3_000..3_700).contains(&seconds(&headers)), "{later} {headers:?}");
    served.bench.simulators.world().faults = FaultPlan::default();
    served.hours(2).await;
    assert_eq!(emails(&served.pass(json!({})).await.0), ["ana@example.org"]);
}

const KEEP: &str = "[streams]\nkeep = [\"people\"]\n";

#[tokio::test]
async fn a_stream_that_is_kept_is_read_by_itself_by_nobody_else_and_goes_on_where_it_stood() {
    let served = Served::with(KEEP).await;
    ["ana@example.org", "bo@example.org"].iter().for_each(|email| served.register(email));
    served.bench.clock.run_for(Duration::from_secs(20 * 60)).await;
    assert_eq!(served.kept(), ["ana@example.org", "bo@example.org"]);
    let keeping = served.keeping().await;
    let time = |of: &Value| Timestamp::parse(of.as_str().unwrap()).unwrap();
    let apart = time(&keeping["next_at"]).since(time(&keeping["last_page_at"]));
    assert!(apart > Duration::from_secs(25 * 60) && keeping["more"] == false && keeping["rows"] == 2, "{keeping}");
    assert!(keeping.get("trouble").is_none(), "{keeping}");
    let (status, _, refused) = served.page(json!({"now": true})).await;
    assert!(status == 409 && refused["remedy"].as_str().unwrap().contains("rows/acme/people.jsonl"), "{refused}");

    served.register("cy@example.org");
    served.hours(3).await;
    assert_eq!(served.kept()[2..], ["cy@example.org"]);

    // Whoever does not want it kept any more reads it as before, and what was told stays.
    assert_eq!(served.put("").await["status"], "running");
    served.register("di@example.org");
    served.hours(5).await;
    assert_eq!((served.kept().len(), served.keeping().await), (3, Value::Null));
    assert_eq!(served.pass(json!({"now": true})).await.0.len(), 4);
    served.put(KEEP).await;
    served.hours(24).await;
    assert_eq!(served.kept()[3..], ["di@example.org"], "from where it stood");

    let broken = served.put("[streams]\nkeep = [\"persons\"]\n").await;
    let why = broken["why"].as_str().unwrap();
    assert!(why.contains("no stream \"persons\"") && why.contains("people, events, sessions"), "{broken}");
    assert_eq!(broken["runs"], true);
}

#[tokio::test]
async fn why_a_stream_is_not_read_is_told_and_it_is_read_once_that_is_mended() {
    let served = Served::with(KEEP).await;
    served.register("ana@example.org");
    // The file of its rows cannot be made.
    let folder = served.bench.folder.path().join("data/rows");
    fs::write(&folder, "").unwrap();
    served.hours(2).await;
    let keeping = served.keeping().await;
    let trouble = keeping["trouble"].as_str().unwrap();
    assert!(trouble.contains("tried again in an hour: its rows could not be kept"), "{keeping}");
    fs::remove_file(&folder).unwrap();
    served.hours(2).await;
    assert_eq!(served.kept(), ["ana@example.org"]);
    assert!(served.keeping().await.get("trouble").is_none());
}

/// Stands in for the death of the process where a run ends whose rows are on the disk and which the engine does not know as done.
struct DiesWithRows {
    file: PathBuf,
    /// How many there were at the last death.
    left: Mutex<usize>,
}

impl Probe for DiesWithRows {
    fn reached(&self, point: &Point) -> bool {
        let rows = fs::read_to_string(&self.file).unwrap_or_default().lines().count();
        let mut left = self.left.lock().unwrap();
        let dies = point.phase == Phase::Ending && rows > *left;
        if dies {
            *left = rows;
        }
        !dies
    }
}

#[tokio::test]
async fn dead_between_the_rows_and_the_cursor_it_writes_the_page_again_in_its_own_place() {
    let Served { bench, session, .. } = Served::new().await;
    let Bench { clock, simulators, folder, admin, router } = bench;
    drop((admin, router));
    // One more than a page tells.
    let all: Vec<String> = (0..301).map(|person| format!("p{person}@example.org")).collect();
    for email in &all {
        let new = NewRegistrant { email: email.clone(), ..NewRegistrant::default() };
        simulators.world().livestorm.register(&session, new).unwrap();
    }
    let file = folder.path().join("data/rows/acme/people.jsonl");
    let probe = Arc::new(DiesWithRows { file: file.clone(), left: Mutex::default() });
    let mut deaths = vec![];
    let text = fs::read_to_string(folder.path().join("installations/acme.toml")).unwrap() + KEEP;
    fs::write(folder.path().join("installations/acme.toml"), text).unwrap();
    loop {
        // Whoever is dead has let go of the directory.
        let admin = loop {
            match opened(folder.path(), &clock, simulators.transport(), probe.clone()) {
                Ok(admin) => break admin,
                Err(_) => clock.run_for(Duration::from_millis(100)).await,
            }
            tokio::task::yield_now().await;
        };
        let looking = tokio::spawn(async move { admin.look(None).await.map(|()| admin) });
        while !looking.is_finished() {
            clock.run_for(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
        let admin = looking.await.unwrap().unwrap();
        let serving = admin.fleet.host.start(CancellationToken::new());
        clock.run_for(Duration::from_secs(15 * 60)).await;
        if !serving.is_finished() {
            serving.abort();
            break;
        }
        assert!(matches!(serving.await.unwrap(), Err(EngineError::Stopped(_))));
        deaths.push(fs::read_to_string(&file).unwrap().lines().count());
        assert!(deaths.len() <= 2, "a page stands there more than once: {deaths:?}");
    }
    assert_eq!(deaths, [300, 301]);
    let record = |line: &str| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_owned();
    let mut told: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(record).collect();
    told.sort();
    let mut all = all;
    all.sort();
    assert_eq!(told, all);
}
