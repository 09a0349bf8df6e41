//! The server as it runs for months, on a clock that is moved.

use super::*;
use crate::{
    clock::{Clock, MovableClock, Timestamp},
    connections::{Binding, CallLimits, CredentialStore, EgressRule, Provider, Secret, Withheld},
    data_dir::DataDir,
    durable::{
        Accepted, Cancel, Engine, EngineLimits, NoProbe, TaskFilter,
        conformance::{DAY, task},
        sqlite::Durability,
    },
    effect::{Lane, Method, Performer, Permit, Repeat, Request, RunId},
    host::{Ground, Host},
    observe::heard::Heard,
    runtime::{Limits, Runtime},
    simulators::{Options, Simulators},
    vault::Vault,
};

const INSTALLATION: &str = "acme";

/// A fleet of one installation that was switched on once, and whose file is not there any more.
fn fleet(folder: &Path, clock: &MovableClock) -> Arc<Fleet> {
    let data = DataDir::open(folder).unwrap();
    data.note_activation(INSTALLATION, clock.now()).unwrap();
    let ground = Ground {
        clock: Arc::new(clock.clone()),
        transport: Simulators::new(Arc::new(clock.clone()), Options::default()).transport(),
        credentials: CredentialStore::in_memory(),
        vault: Vault::simulated(),
        durability: Durability::ProcessCrash,
        engine_limits: EngineLimits::default(),
        probe: Arc::new(NoProbe),
    };
    let credentials = ground.credentials.clone();
    let runtime = Arc::new(Runtime::new(Limits::default()).unwrap());
    let host = Host::open(&data.made_store().unwrap(), ground, runtime).unwrap();
    Arc::new(Fleet::new(Arc::new(host), data, credentials, None))
}

/// Over from now on.
async fn dead_letter(engine: &dyn Engine, name: &str) {
    let accepted = engine.accept(INSTALLATION, vec![task("a", "k", name)]).await.unwrap();
    let Accepted::New(id) = accepted[0] else { panic!("{name} was there before") };
    engine.cancel(INSTALLATION, Cancel::Task(id), "nobody wants it").await.unwrap();
}

/// Reads on until these are all that is kept.
async fn are_kept(engine: &dyn Engine, names: &[&str]) {
    let kept = async || engine.tasks(INSTALLATION, TaskFilter::default(), None).await.unwrap();
    let come_to = async {
        while kept().await.iter().map(|kept| kept.task.payload.as_str()).ne(names.iter().copied()) {
            tokio::task::yield_now().await;
        }
    };
    // Real time is only what tells that they never are.
    tokio::time::timeout(Duration::from_secs(60), come_to).await.expect("something else is kept");
}

#[tokio::test]
async fn what_is_over_is_taken_away_by_a_server_that_runs() {
    let (folder, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = MovableClock::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap());
    let fleet = fleet(folder.path(), &clock);
    let engine = fleet.host.engine.clone();
    dead_letter(&*engine, "first").await;
    clock.move_by(100 * DAY);
    dead_letter(&*engine, "second").await;
    clock.move_by(81 * DAY);
    dead_letter(&*engine, "third").await;

    let (listener, admin) = (listens().await, listens().await);
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (fleet, config, stop) = (fleet.clone(), config.path().to_owned(), stop.clone());
        async move { serve(fleet, &config, listener, (Router::new(), admin), Retention::default(), stop).await }
    });
    are_kept(&*engine, &["second", "third"]).await;
    clock.move_by(100 * DAY);
    are_kept(&*engine, &["third"]).await;
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// Nobody has connected its account, so it is held.
fn held(id: &str) -> String {
    format!(
        "id = \"{id}\"\n[connections.livestorm]\nprovider = \"livestorm\"\naccount = \"livestorm\"\n[secrets.livestorm]\n"
    )
}

#[tokio::test]
async fn an_id_is_its_first_files_alone_whether_or_not_that_runs_and_free_once_that_lets_go_of_it() {
    let (folder, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fleet = fleet(folder.path(), &MovableClock::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap()));
    let at = |name: &str| config.path().join(name);
    let looked = async || {
        fleet.look(config.path(), None).await.unwrap();
        let stands = |standing: &Standing| match &standing.status {
            Status::Broken { why, .. } if why.contains(" is taken by ") => format!("taken: {why}"),
            status => status.word().to_owned(),
        };
        fleet.standings().iter().map(stands).collect::<Vec<_>>()
    };
    let taken_by =
        |name: &str| format!("taken: the id \"twin\" is taken by {}. Give one of them another id", at(name).display());
    let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
    write("b.toml", &held("twin"));
    assert_eq!(looked().await, ["held"]);
    // One that comes before it by its name, and does not even get as far.
    for text in [held("twin"), held("twin") + "component = 1", held("twin") + "# once more"] {
        write("a.toml", &text);
        let expect = if text.contains("component") { "broken".into() } else { taken_by("b.toml") };
        assert_eq!(looked().await, [expect.as_str(), "held"]);
    }
    assert_eq!(fleet.member("twin").unwrap().0.file, at("b.toml"));
    write("b.toml", &held("other"));
    looked().await;
    assert_eq!(looked().await, ["held", "held"], "who let go of it is not waited for");
    write("b.toml", &held("twin"));
    assert_eq!(looked().await, ["held".to_owned(), taken_by("a.toml")]);
    std::fs::remove_file(at("a.toml")).unwrap();
    assert_eq!(looked().await, ["held"]);
    // Two that come together.
    std::fs::remove_file(at("b.toml")).unwrap();
    looked().await;
    write("a.toml", &held("twin"));
    write("b.toml", &held("twin"));
    assert_eq!(looked().await, ["held".to_owned(), taken_by("a.toml")]);
}

#[tokio::test]
async fn what_is_told_of_a_file_names_its_installation_or_no_installation() {
    let (folder, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fleet = fleet(folder.path(), &MovableClock::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap()));
    let heard = Heard::begin();
    let file = config.path().join("one.toml");
    let rows = [
        (held("one"), "installation=\"one\" file=", "WARN is not switched on: Nobody has connected"),
        ("id = ".into(), "file=", "ERROR "),
    ];
    for (text, named, begins) in rows {
        std::fs::write(&file, text).unwrap();
        look(&fleet, config.path(), None).await.unwrap();
        let came = heard.lines();
        std::fs::remove_file(&file).unwrap();
        look(&fleet, config.path(), None).await.unwrap();
        let went = heard.lines();
        assert!(came[0].starts_with(begins), "{came:?}");
        assert!(went[0].starts_with("INFO a file is gone; nothing ran by it "), "{went:?}");
        for line in came.iter().chain(&went).filter(|line| line.contains(" file=")) {
            assert!(
                line.contains(named) && line.contains("installation=") == named.contains("installation="),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn an_account_that_does_not_work_is_measured_for_as_long_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path(), &MovableClock::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap()));
    let (connections, clock, options) = (&fleet.host.connections, fleet.host.clock.clone(), Options::default());
    let (account, connection) = ("acme/livestorm".to_owned(), "livestorm".to_owned());
    let binding = Binding {
        provider: Provider::Livestorm,
        address: Some(options.base_url.clone()),
        account: account.clone(),
        business_unit: None,
        allow_private_addresses: true,
        reserve_percent: 0,
    };
    let reads = EgressRule {
        connection: connection.clone(),
        methods: vec![Method::Get],
        path: vec!["**".into()],
        body_fields: vec![],
        headers: vec![],
        reason: "a test".into(),
    };
    let bindings = [(connection.clone(), binding)].into();
    connections.install(INSTALLATION, bindings, vec![reads], CallLimits::default(), Withheld::default()).unwrap();
    let ask = async || {
        let request = Request {
            connection: connection.clone(),
            method: Method::Get,
            path: vec!["v1".into(), "ping".into()],
            query: vec![],
            headers: vec![],
            body: None,
            repeat: Repeat::Read,
            purpose: "try".into(),
        };
        let (lane, send_before) = (Lane::Prompt, Timestamp::MAX);
        let permit = Permit { installation: INSTALLATION.into(), run: RunId(1), wave: 0, place: 0, lane, send_before };
        connections.perform(permit, request, clock.begin()).await.0
    };
    let measured = async || {
        let text = metrics::text(&fleet).await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with("harness_account_closed"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(measured().await, Vec::<String>::new());
    assert!(ask().await.is_err());
    let expect = "harness_account_closed{installation=\"acme\",connection=\"livestorm\",why=\"sign-in\"} 1";
    assert_eq!(measured().await, [expect]);
    connections.connect(&account, Secret::Token(options.livestorm_token.clone().into())).await.unwrap();
    assert_eq!(ask().await.map(|response| response.status), Ok(200));
    assert_eq!(measured().await, Vec::<String>::new());
}

async fn listens() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}
