//! SC-6: a hundred installations on one host; what one of them has to do, and whose providers do not answer, is no matter of the others.
//!
//! Each has accounts of its own, an answer takes a fifth of a second, and one that does not come is waited for as long as over a
//! socket. All of it in simulated time, so what is compared is exact.

use crate::support::*;
use async_trait::async_trait;
use host_harness::{
    CONNECTOR,
    clock::{Clock, SimulatedClock, Timestamp, Work, sleep},
    connections::{Binding, CredentialStore, OAuth, Provider, Secret, SocketTimes, Transport, TransportError},
    durable::{EngineLimits, NoProbe, TaskFilter, TaskStatus, sqlite::Durability},
    host::{Ground, Host, Installation},
    runtime::{Limits, Runtime},
    simulators::{
        Options, Simulators,
        livestorm::{Dialect, NewEvent, NewRegistrant, NewSession, Occurrence},
    },
    vault::Vault,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// From a request to its answer.
const LATENCY: Duration = Duration::from_millis(200);
const TOKEN_PATH: &str = "/services/oauth2/token";
const ADDRESS_SECRET: &str = "made-up-address-secret";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::untimed(Limits::default()).unwrap());

/// What one installation meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    /// Somebody registers.
    Quiet,
    /// A hundred people do, within ten seconds.
    Loud,
    /// Somebody registers, and no request is answered but by the login server.
    Down,
    /// It is installed, and nothing happens.
    Nothing,
}

/// The way to all simulators, by host name.
struct Switchboard {
    clock: SimulatedClock,
    ways: BTreeMap<String, (Arc<dyn Transport>, Lot)>,
}

#[async_trait]
impl Transport for Switchboard {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.ways[request.uri().host().unwrap()].0.send(request, body_bytes_max).await
    }

    async fn send_at_work(
        &self,
        request: http::Request<Vec<u8>>,
        body_bytes_max: usize,
        work: Work,
    ) -> (Result<http::Response<Vec<u8>>, TransportError>, Work) {
        let (way, lot) = &self.ways[request.uri().host().unwrap()];
        if *lot == Lot::Down && request.uri().path() != TOKEN_PATH {
            let work = sleep(&self.clock, work, self.clock.now().plus(SocketTimes::default().total)).await;
            return (Err(TransportError::Unknown("no answer came in time".into())), work);
        }
        let work = sleep(&self.clock, work, self.clock.now().plus(LATENCY)).await;
        (way.send(request, body_bytes_max).await, work)
    }
}

struct Tenant {
    name: String,
    lot: Lot,
    /// When the first registers, in milliseconds after the beginning.
    at: u64,
    simulators: Simulators,
}

impl Tenant {
    fn new(number: u64, lot: Lot, at: u64, clock: &SimulatedClock) -> Tenant {
        let name = format!("t{number:03}");
        let options = Options { base_url: format!("http://{name}.test"), ..Options::default() };
        let simulators = Simulators::new(Arc::new(clock.clone()), options);
        Tenant { name, lot, at, simulators }
    }

    fn installation(&self, credentials: &CredentialStore) -> Installation {
        let options = self.simulators.world().options.clone();
        let account = |provider: &str| format!("{}-{provider}", self.name);
        credentials.put(&account("livestorm"), Secret::Token(options.livestorm_token.into())).unwrap();
        let grant = OAuth {
            token_url: options.base_url.clone(),
            client_id: options.salesforce.client_id,
            client_secret: Some(options.salesforce.client_secret.into()),
            refresh_token: options.salesforce.refresh_token.into(),
            access_token: None,
            instance_url: None,
        };
        credentials.put(&account("salesforce"), Secret::OAuth(Box::new(grant))).unwrap();
        let binding = |name: &str, provider| {
            let address = Some(options.base_url.clone());
            let account = account(name);
            (
                name.to_owned(),
                Binding {
                    provider,
                    address,
                    account,
                    business_unit: None,
                    allow_private_addresses: true,
                    reserve_percent: 0,
                },
            )
        };
        Installation {
            id: self.name.clone(),
            settings: r#"{"destination":"salesforce","salesforce":{"new_people":"leads"}}"#.into(),
            activated_at: Timestamp::from_seconds(BEGINS_AT),
            bindings: [binding("livestorm", Provider::Livestorm), binding("salesforce", Provider::Salesforce)].into(),
            address_secret: Some(ADDRESS_SECRET.into()),
            signing_secrets: BTreeMap::new(),
            takes_unsigned: true,
        }
    }

    fn session(&self) -> String {
        let mut world = self.simulators.world();
        let event = world.livestorm.create_event(NewEvent { title: "Product demo".into(), ..NewEvent::default() });
        world.livestorm.publish(&event);
        let starts_at = Some(Timestamp::from_seconds(BEGINS_AT + 48 * HOUR));
        world.livestorm.create_session(&event, NewSession { starts_at, ..NewSession::default() })
    }

    /// Somebody registers; the body of the webhook that tells of it.
    fn registers(&self, session: &str, number: u64) -> Vec<u8> {
        let mut world = self.simulators.world();
        let email = format!("p{number}@example.org");
        let new = NewRegistrant { email, last_name: "Lima".into(), ..NewRegistrant::default() };
        let person = world.livestorm.register(session, new).unwrap();
        let registered = Occurrence::Registered { session: session.into(), person };
        let unknowns = world.options.unknowns.livestorm.clone();
        world.livestorm.webhook_body(&registered, Dialect::Native, &unknowns).unwrap()
    }
}

/// What became of the tenants.
struct Ended {
    /// Of each to whom something happened and who is not down: from the first webhook to the last change in Salesforce.
    took: BTreeMap<u64, Duration>,
    /// Records made or changed for each of these.
    changes: BTreeMap<u64, usize>,
    tasks_open: BTreeMap<u64, usize>,
}

/// `lots`: what each meets, and when.
async fn lives(lots: &[(Lot, u64)]) -> Ended {
    let clock = SimulatedClock::new(Timestamp::from_seconds(BEGINS_AT));
    let tenants: Vec<Tenant> =
        lots.iter().zip(0..).map(|((lot, at), number)| Tenant::new(number, *lot, *at, &clock)).collect();
    let way = |tenant: &Tenant| (format!("{}.test", tenant.name), (tenant.simulators.transport(), tenant.lot));
    let switchboard = Switchboard { clock: clock.clone(), ways: tenants.iter().map(way).collect() };
    let credentials = CredentialStore::in_memory();
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground {
        clock: Arc::new(clock.clone()),
        transport: Arc::new(switchboard),
        credentials: credentials.clone(),
        vault: Vault::simulated(),
        durability: Durability::ProcessCrashInTurn,
        engine_limits: EngineLimits::default(),
        probe: Arc::new(NoProbe),
    };
    let host = Host::open(&folder.path().join("host.sqlite"), ground, Arc::new(RUNTIME.beside())).unwrap();
    for tenant in &tenants {
        host.install(CONNECTOR, tenant.installation(&credentials)).await.unwrap();
    }
    let stop = CancellationToken::new();
    let serving = host.start(stop.clone());
    let sessions: Vec<String> = tenants.iter().map(Tenant::session).collect();
    let mut happens: Vec<(u64, usize, u64)> = vec![];
    for (nth, tenant) in tenants.iter().enumerate() {
        let people = match tenant.lot {
            Lot::Loud => 100,
            Lot::Quiet | Lot::Down => 1,
            Lot::Nothing => 0,
        };
        happens.extend((0..people).map(|number| (tenant.at + 100 * number, nth, number)));
    }
    happens.sort_unstable();
    let begins_at = Timestamp::from_seconds(BEGINS_AT);
    for (at, nth, number) in happens {
        clock.run_until(begins_at.plus(Duration::from_millis(at))).await;
        let tenant = &tenants[nth];
        let body = tenant.registers(&sessions[nth], number);
        host.ingress.receive(&tenant.name, "livestorm", ADDRESS_SECRET, &[], body).await.unwrap();
    }
    clock.run_for(Duration::from_secs(HOUR)).await;
    let (mut took, mut made, mut tasks_open) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (tenant, number) in tenants.iter().zip(0..) {
        let kept = host.engine.tasks(&tenant.name, TaskFilter::default(), None).await.unwrap();
        let open = kept.iter().filter(|kept| kept.status != TaskStatus::Done).count();
        tasks_open.insert(number, open);
        if matches!(tenant.lot, Lot::Quiet | Lot::Loud) {
            assert_eq!(open, 0, "{}: {kept:#?}", tenant.name);
            let changes = host.engine.changes(&tenant.name, None).await.unwrap();
            let objects: BTreeSet<&str> = changes.iter().map(|kept| kept.change.object.as_str()).collect();
            assert!(objects.contains("CampaignMember"), "{objects:?}");
            made.insert(number, changes.len());
            let last = changes.iter().map(|kept| kept.at).max().unwrap();
            took.insert(number, last.since(begins_at.plus(Duration::from_millis(tenant.at))));
        }
    }
    stop.cancel();
    clock.run_for(Duration::from_secs(HOUR)).await;
    serving.await.unwrap().unwrap();
    Ended { took, changes: made, tasks_open }
}

/// By how much each quiet one ended later because of those who are not quiet.
async fn delays(lots: &[(Lot, u64)]) -> (BTreeMap<u64, Duration>, Ended) {
    let only_quiet = |(lot, at): &(Lot, u64)| (if *lot == Lot::Quiet { Lot::Quiet } else { Lot::Nothing }, *at);
    let alone = lives(&lots.iter().map(only_quiet).collect::<Vec<_>>()).await;
    let beside = lives(lots).await;
    let delay = |(number, took): (&u64, &Duration)| (*number, beside.took[number].saturating_sub(*took));
    (alone.took.iter().map(delay).collect(), beside)
}

/// Spread over ten minutes, and never in one moment.
fn quiet(number: u64) -> (Lot, u64) {
    (Lot::Quiet, 1 + (number * 37 % 100) * 6_007)
}

#[tokio::test]
async fn who_has_a_hundred_times_the_load_and_whose_provider_is_gone_delay_nobody_else() {
    let mut lots: Vec<_> = (0..98).map(quiet).collect();
    lots.extend([(Lot::Loud, 10_000), (Lot::Down, 5_000)]);
    let (delays, beside) = delays(&lots).await;
    assert_eq!(delays.len(), 98);
    let delayed: Vec<_> = delays.iter().filter(|(_, delay)| **delay > Duration::ZERO).collect();
    assert!(delayed.is_empty(), "{delayed:?}");
    assert!(beside.changes[&98] > 50 * beside.changes[&0], "{:?}", beside.changes);
    assert!(beside.tasks_open[&99] > 0, "what is to be done for the one whose provider is gone still waits");
}

/// More than there are places for, from one moment on. Whoever has something to do then waits for as long as a run may wait for
/// its provider, once; then it is known who is slow, and nobody waits.
#[tokio::test]
async fn sixty_whose_providers_are_gone_delay_the_others_once_and_then_no_more() {
    let mut lots: Vec<_> = (0..40).map(|number| quiet(number * 5 / 2)).collect();
    lots.extend((0..60).map(|number| (Lot::Down, 7 * number)));
    let (delays, beside) = delays(&lots).await;
    let at = |number: &u64| Duration::from_millis(lots[*number as usize].1);
    let mut shown: Vec<_> = delays.iter().map(|(number, delay)| (at(number), *delay)).collect();
    shown.sort();
    let late: Vec<_> =
        shown.iter().filter(|(at, delay)| *delay > if *at < KNOWN { ONCE } else { Duration::ZERO }).collect();
    assert!(late.is_empty(), "{late:?}");
    assert!(beside.tasks_open.range(40..).all(|(_, open)| *open > 0));
}

/// By then it is known who is slow.
const KNOWN: Duration = Duration::from_secs(90);
/// A run may wait for a minute, and for the answer to a request that it sent at the end of it.
const ONCE: Duration = Duration::from_secs(90);
