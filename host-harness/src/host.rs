//! One host: engine, runtime, connections and ingress, put together.
//!
//! Promises: what is installed here has passed the gate, its settings were validated by the connector, and it reaches nothing
//! that its egress rules do not name. Not here: anything that one of the parts decides.

use crate::{
    clock::{Clock, SimulatedClock, Timestamp},
    connections::{
        self, Binding, CallLimits, ConnectionLimits, Connections, CredentialStore, Provider, Rehearsal, Transport,
        Withheld,
    },
    durable::{
        self, Engine, EngineError, EngineLimits, NoProbe, Probe,
        sqlite::{Durability, SqliteEngine},
    },
    effect::{Driver, INBOX, Lane, Performer, TRIGGER, Task, Trigger},
    ingress::{Doorway, Ingress, delivery::Opening},
    observe::Told,
    runtime::{
        Asker, CallError, Refused, Runtime,
        contract::{Context, Finding, Manifest, Source},
    },
    sync::{
        self, Pass,
        plan::{self, Plan, Quota},
    },
    vault::Vault,
};
use secrecy::SecretString;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, RwLock},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A customer's installation of a connector.
#[derive(Clone, Debug)]
pub struct Installation {
    pub id: String,
    /// One JSON document, as text.
    pub settings: String,
    pub activated_at: Timestamp,
    /// By the name that the connector calls them by.
    pub bindings: BTreeMap<String, Binding>,
    /// The secret part of the address that webhooks are sent to.
    pub address_secret: Option<SecretString>,
    /// By webhook source.
    pub signing_secrets: BTreeMap<String, Vec<SecretString>>,
    pub takes_unsigned: bool,
}

/// A store for people alone: nothing of it runs.
pub fn engine(store: &Path, clock: Arc<dyn Clock>) -> Result<Arc<dyn Engine>, EngineError> {
    let (limits, probe) = (EngineLimits::default(), Arc::new(NoProbe));
    Ok(Arc::new(SqliteEngine::open(store, clock, limits, Durability::Full, probe)?))
}

/// What a host stands on.
pub struct Ground {
    pub clock: Arc<dyn Clock>,
    pub transport: Arc<dyn Transport>,
    pub credentials: CredentialStore,
    /// Seals deliveries while they wait.
    pub vault: Vault,
    pub durability: Durability,
    pub engine_limits: EngineLimits,
    pub probe: Arc<dyn Probe>,
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the settings are not accepted: {}", in_words(.0))]
    Settings(Vec<Finding>),
    #[error(
        "the connection `{name}` ({title}) is not bound, and the connector needs it. Bind a {provider} account to it"
    )]
    Unbound { name: String, title: String, provider: String },
    #[error("the connection `{name}` is bound to a {is} account, and the connector needs a {wanted} account there")]
    OtherProvider { name: String, is: Provider, wanted: String },
    #[error("the connector calls no connection `{0}`; remove the binding")]
    NoSuchConnection(String),
    #[error(transparent)]
    Connection(#[from] connections::InstallError),
}

/// Why nothing could be mended.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    #[error(transparent)]
    Grant(#[from] InstallError),
    #[error(transparent)]
    Call(#[from] CallError),
}

pub(crate) fn in_words(findings: &[Finding]) -> String {
    let words = |f: &Finding| match f.problem.starts_with(&f.place) {
        true => format!("{} {}", f.problem, f.remedy),
        false => format!("{}: {} {}", f.place, f.problem, f.remedy),
    };
    findings.iter().map(words).collect::<Vec<_>>().join("; ")
}

pub struct Host {
    pub clock: Arc<dyn Clock>,
    pub engine: Arc<dyn Engine>,
    pub runtime: Arc<Runtime>,
    pub connections: Arc<Connections>,
    pub ingress: Arc<Ingress>,
    vault: Vault,
    /// Instead of the connections, in a dry run. Then, and only then, the connector is told that it is one.
    rehearsal: Option<Arc<Rehearsal>>,
    /// By installation.
    sources: RwLock<BTreeMap<String, Vec<Source>>>,
}

impl Host {
    /// Opens the store at `file`, or makes it. Nothing runs yet. The runtime may be shared: it compiles a component once.
    pub fn open(file: &Path, ground: Ground, runtime: Arc<Runtime>) -> Result<Host, EngineError> {
        let clock = ground.clock.clone();
        Host::build(file, ground, clock, runtime)
    }

    /// Opens a store for a dry run. `clock` is that of its runs, and leaps; its requests keep that of `ground`.
    pub fn rehearse(
        file: &Path,
        ground: Ground,
        clock: SimulatedClock,
        runtime: Arc<Runtime>,
    ) -> Result<(Host, Arc<Rehearsal>), EngineError> {
        let clock = Arc::new(clock);
        let host = Host::build(file, ground, clock.clone(), runtime)?;
        let rehearsal = Arc::new(Rehearsal::new(host.connections.clone(), clock));
        Ok((Host { rehearsal: Some(rehearsal.clone()), ..host }, rehearsal))
    }

    fn build(file: &Path, ground: Ground, clock: Arc<dyn Clock>, runtime: Arc<Runtime>) -> Result<Host, EngineError> {
        let Ground { clock: of_requests, transport, credentials, vault, durability, engine_limits, probe } = ground;
        let engine: Arc<dyn Engine> =
            Arc::new(SqliteEngine::open(file, clock.clone(), engine_limits, durability, probe)?);
        let connections = Connections::new(of_requests, transport, credentials, ConnectionLimits::default());
        let ingress = Ingress::new(clock.clone(), engine.clone(), vault.clone());
        let (connections, ingress) = (Arc::new(connections), Arc::new(ingress));
        Ok(Host { clock, engine, runtime, connections, ingress, vault, rehearsal: None, sources: RwLock::default() })
    }

    /// From here on the installation's webhooks are taken and its tasks run. Installing again replaces settings and bindings.
    pub async fn install(&self, component: &[u8], installation: Installation) -> Result<Manifest, InstallError> {
        let (id, (manifest, door)) = (installation.id.clone(), self.prepare(component, installation).await?);
        self.begin(&id, door);
        Ok(manifest)
    }

    /// The connector can be asked about the installation. Nothing is taken for it, and what of it stands still is not looked at,
    /// before [`Host::begin`].
    pub async fn prepare(
        &self,
        component: &[u8],
        installation: Installation,
    ) -> Result<(Manifest, Doorway), InstallError> {
        let component = self.runtime.compile(component)?;
        let manifest = self.runtime.describe(&component).await?;
        check_bindings(&manifest, &installation)?;
        let blockers = self.runtime.blockers(&component, &installation.settings).await?;
        if !blockers.is_empty() {
            return Err(InstallError::Settings(blockers));
        }
        let egress = self.runtime.egress(&component, installation.settings.clone()).await?;
        let egress = egress.map_err(InstallError::Settings)?;
        let limits = self.runtime.limits();
        let Installation { id, settings, activated_at, bindings, address_secret, signing_secrets, takes_unsigned } =
            installation;
        let connections = bindings.keys().cloned().collect();
        let call_limits = CallLimits {
            request_bytes: limits.request_bytes as usize,
            response_bytes: limits.response_bytes as usize,
            hold_ms: limits.hold_ms.into(),
        };
        let quota = |(name, binding): (&String, &Binding)| Some((name.clone(), binding.provider.quota()?));
        let quotas: Vec<_> = bindings.iter().filter_map(quota).collect();
        let withheld = Withheld::of(address_secret.clone(), &settings);
        self.connections.install(&id, bindings, egress, call_limits, withheld)?;
        let dry_run = self.rehearsal.is_some();
        let context = Context { installation: id.clone(), settings, activated_at, connections, dry_run, limits };
        let sources = self.runtime.sources(&component, context.clone()).await?;
        let account =
            |(name, quota): (String, Quota)| self.connections.ledger(&id, &name).map(|ledger| (name, (quota, ledger)));
        let plan = Plan { accounts: quotas.into_iter().filter_map(account).collect(), share: plan::SHARE };
        self.runtime.install(component, context, manifest.batch_tasks, plan);
        self.sources.write().unwrap_or_else(|p| p.into_inner()).insert(id.clone(), sources);
        let sources = manifest.webhooks.clone();
        Ok((manifest, Doorway { address_secret, sources, signing_secrets, takes_unsigned }))
    }

    /// What was prepared goes on.
    pub fn begin(&self, installation: &str, door: Doorway) {
        self.ingress.open(installation, door);
        self.engine.installed(installation);
    }

    /// From here on nothing is taken for it and nothing of it runs; what is under way ends as given back, and all of it waits.
    pub fn remove(&self, installation: &str) {
        self.ingress.close(installation);
        self.runtime.remove(installation);
        self.connections.remove(installation);
        self.sources.write().unwrap_or_else(|p| p.into_inner()).remove(installation);
    }

    /// Runs what is due until `stop`, in a task of its own. A simulated clock stands still until it is under way.
    pub fn start(&self, stop: CancellationToken) -> JoinHandle<Result<(), EngineError>> {
        let performer: Arc<dyn Performer> = match &self.rehearsal {
            Some(rehearsal) => rehearsal.clone(),
            None => self.connections.clone(),
        };
        durable::start(self.engine.clone(), &*self.clock, Arc::new(Told(self.driver())), performer, stop)
    }

    /// Opens runs, also recorded ones: a delivery among them is sealed, and the runtime alone does not open it.
    pub fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(Opening { driver: self.runtime.clone(), vault: self.vault.clone() })
    }

    /// Mends what `check` called fixable by this code: with the installation's connections, under the rules that the connector
    /// asks for it alone, and for this call alone.
    pub async fn fix(&self, installation: &str, code: &str) -> Result<Result<Vec<Finding>, Finding>, FixError> {
        let egress = self.runtime.fix_egress(installation, code).await?.map_err(InstallError::Settings)?;
        // A name that no installation can have.
        let grant = format!("{installation}\n{code}");
        self.connections.grant(&grant, installation, egress).map_err(InstallError::Connection)?;
        let fixed = self.runtime.fix(installation, code, &grant, &self.asker()).await;
        self.connections.remove(&grant);
        Ok(fixed?)
    }

    /// What the connector can read by itself here.
    pub fn sources(&self, installation: &str) -> Vec<Source> {
        self.sources.read().unwrap_or_else(|p| p.into_inner()).get(installation).cloned().unwrap_or_default()
    }

    /// The customer switched it on, or on again: the connector is told where webhooks are to be sent to, by webhook source and without
    /// the secret part, and what repeats by itself begins, or goes on from where it stood.
    pub async fn switch_on(&self, installation: &str, addresses: BTreeMap<String, String>) -> Result<(), EngineError> {
        for source in self.sources(installation) {
            self.engine.resume(installation, Some(&sync::key(&source.name))).await?;
        }
        self.tell_addresses(installation, addresses).await?;
        self.look_on(installation).await
    }

    /// Where webhooks reach the installation from here on: the connector takes those back that it has set up at another address.
    pub async fn tell_addresses(
        &self,
        installation: &str,
        addresses: BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let hidden =
            |(source, address): (String, String)| (source, self.connections.without_secret(installation, &address));
        let addresses = addresses.into_iter().map(hidden).collect();
        let activated = trigger("activated", &Trigger::Activated { addresses, at: now }, now);
        self.engine.accept(installation, vec![activated]).await.map(|_| ())
    }

    /// What repeats by itself goes on, wherever it stood. Nothing happens where it does already.
    pub async fn look_on(&self, installation: &str) -> Result<(), EngineError> {
        let now = self.clock.now();
        let sources = self.sources(installation).into_iter().filter(repeats);
        let pass = |source: Source| Pass::repeating(&source.name, None, source.min_interval_ms, now).task(None);
        self.engine.accept(installation, sources.map(pass).collect()).await.map(|_| ())
    }

    /// The customer switches it off: nothing is read by itself any more, what was asked for and is under way included, and the
    /// connector takes back what it has set up at the provider. The connections are needed until the tasks of that are done.
    pub async fn switch_off(&self, installation: &str) -> Result<(), EngineError> {
        for source in self.sources(installation) {
            self.engine.pause(installation, Some(&sync::key(&source.name))).await?;
        }
        let at = self.clock.now();
        let task = trigger("deactivating", &Trigger::Deactivating { at }, at);
        self.engine.accept(installation, vec![task]).await.map(|_| ())
    }

    /// Who performs the requests of calls that are not journaled.
    pub fn asker(&self) -> Asker {
        Asker { clock: self.clock.clone(), performer: self.connections.clone() }
    }
}

/// A source that gives tasks alone and runs on a schedule needs nobody who takes its pages.
fn repeats(source: &Source) -> bool {
    source.scheduled && source.schema.is_empty()
}

fn trigger(what: &str, trigger: &Trigger, now: Timestamp) -> Task {
    Task {
        kind: TRIGGER.into(),
        payload: serde_json::to_string(trigger).expect("a trigger is plain data"),
        // One after another: switched off and on again is on.
        ordering_key: format!("{INBOX}{TRIGGER}"),
        dedupe_key: format!("{TRIGGER}/{what}/{}", now.0),
        lane: Lane::Prompt,
        not_before: None,
        title: format!("The installation is {what}"),
        subject: None,
    }
}

/// A connection may be bound only to an account of the provider that the connector was written for: the profile decides
/// what is injected and which answers mean what.
fn check_bindings(manifest: &Manifest, installation: &Installation) -> Result<(), InstallError> {
    for need in &manifest.connections {
        match installation.bindings.get(&need.name) {
            Some(binding) if Provider::parse(&need.provider) == Some(binding.provider) => {}
            Some(binding) => {
                return Err(InstallError::OtherProvider {
                    name: need.name.clone(),
                    is: binding.provider,
                    wanted: need.provider.clone(),
                });
            }
            None if !need.required => {}
            None => {
                return Err(InstallError::Unbound {
                    name: need.name.clone(),
                    title: need.title.clone(),
                    provider: need.provider.clone(),
                });
            }
        }
    }
    match installation.bindings.keys().find(|name| !manifest.connections.iter().any(|n| n.name == **name)) {
        Some(name) => Err(InstallError::NoSuchConnection(name.clone())),
        None => Ok(()),
    }
}
