//! A stage for stories: the simulated world, a clock that runs by itself, and a host that knows none of it.
//!
//! The demo and the end-to-end tests play stories here. Promises: what happens in Livestorm happens at its time, whatever
//! becomes of the host; a delivery that was not taken is sent again as Livestorm sends it; the host can be dropped at any
//! point and another opened on the same file. Not here: what must come of a story (the oracle says that).

mod forms;
mod observe;
mod play;
pub mod salesforce;
mod settings;
pub mod story;

pub use observe::observe;
pub use play::{Happened, Played};

use crate::{
    clock::{Clock, SimulatedClock, Timestamp},
    connections::{Binding, CredentialStore, NetworkTransport, OAuth, Provider, Secret, SocketTimes, Transport},
    durable::{EngineError, EngineLimits, NoProbe, Probe, sqlite::Durability},
    host::{Ground, Host, InstallError, Installation},
    runtime::{CallError, Limits, Runtime},
    simulators::{
        Options, Simulators,
        account_engagement::{Extension, NewCustomField, NewProspect},
        livestorm::NewTeamMember,
    },
    vault::Vault,
};
use oracle::Story;
use secrecy::SecretString;
use settings::{kind_of, settings_of};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::RwLock, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub const INSTALLATION: &str = "demo";
/// What the customer's admin has set up in Account Engagement, under the connector's default names.
pub const EXTENSION: &str = "Livestorm";
pub const ACTIVITY_TYPES: [&str; 8] = [
    "people_registered",
    "session_attended",
    "session_not_attended",
    "attendance_duration",
    "messages_sent",
    "questions_asked",
    "watched_replay",
    "watched_on_demand",
];
/// Where people register by forms, which are looked for.
const LOOKS_FOR: Duration = Duration::from_secs(2 * 3600);
const HOOKS: &str = "https://hooks.example.org/hooks/demo";
const ADDRESS_SECRET: &str = "simulated-address-secret";
const SIGNING_SECRET: &str = "simulated-signing-secret";

/// One engine for all stages of a process: the connector is compiled once. Each host has a runtime of its own beside it.
static RUNTIME: LazyLock<Result<Arc<Runtime>, String>> =
    LazyLock::new(|| Runtime::new(Limits::default()).map(Arc::new).map_err(|e| e.to_string()));
/// Another one for stages where everything goes in turn.
static IN_TURN: LazyLock<Result<Arc<Runtime>, String>> =
    LazyLock::new(|| Runtime::untimed(Limits::default()).map(Arc::new).map_err(|e| e.to_string()));

#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the stage could not be built: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

/// How requests and webhooks travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Called in the process: thousands of stories a minute.
    InProcess,
    /// Over loopback HTTP, as other people's clients would.
    Http,
}

pub struct Stage {
    pub clock: SimulatedClock,
    pub simulators: Simulators,
    file: PathBuf,
    settings: String,
    /// What the story says of the customer, which stands in the settings too.
    customer: Story,
    activated_at: Timestamp,
    credentials: CredentialStore,
    transport: Arc<dyn Transport>,
    http: Option<HttpStage>,
    /// The host of this moment. Deliveries go to it while it serves, and hold this for as long as it handles them: whoever
    /// takes it out has waited for them, so that nothing of the old host has the file when the next one opens it.
    live: Arc<RwLock<Option<Live>>>,
    played: Arc<Mutex<Played>>,
    /// The customer has switched the installation off: no host of this stage begins with anything that repeats.
    is_over: AtomicBool,
    /// What repeats by itself does so here, for so long after the last thing that anybody does.
    looks_for: Option<Duration>,
    /// Where webhooks are to be sent to, as Livestorm is told. Word of a story goes the way that the story says.
    addresses: BTreeMap<String, String>,
    /// No thread and no time of day has a say in the order of things.
    in_turn: bool,
}

struct HttpStage {
    base_url: String,
    ingress_port: u16,
    stop: CancellationToken,
}

struct Live {
    host: Arc<Host>,
    serving: JoinHandle<Result<(), EngineError>>,
    stop: CancellationToken,
}

impl Stage {
    /// Sets the scene of a story: the world before it, and a store at `file` that may be there already.
    pub async fn set(story: &Story, file: PathBuf, options: Options, travel: Travel) -> Result<Stage, StageError> {
        let begins_at = Timestamp::from_seconds(story.begins_at);
        let earliest = story.prospects.iter().filter_map(|p| p.last_active_before).max().unwrap_or(0);
        let earliest = earliest.max(salesforce::reaches_back(story));
        let before = begins_at.minus(Duration::from_secs(earliest + 1));
        let clock = SimulatedClock::new(before);
        let simulators = Simulators::new(Arc::new(clock.clone()), options);
        {
            let mut world = simulators.world();
            world.set_extension(Extension::ready(EXTENSION, &ACTIVITY_TYPES));
            for mapped in story.mapping.iter().filter(|mapped| mapped.target.ends_with("__c")) {
                let field = NewCustomField::new(&mapped.target, kind_of(&mapped.source));
                world.account_engagement.add_custom_field(field);
            }
            for email in &story.team {
                world.livestorm.add_team_member(NewTeamMember {
                    email: email.clone(),
                    first_name: "Erin".into(),
                    last_name: "Sato".into(),
                    role: crate::simulators::livestorm::TeamRole::Host,
                    pending_invite: false,
                });
            }
            for prior in &story.prospects {
                let ago = prior.last_active_before.map(|s| begins_at.minus(Duration::from_secs(s)));
                world.account_engagement.add_prospect(NewProspect {
                    fields: prior.fields.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect(),
                    last_activity_at: ago,
                    created_at: before,
                    ..NewProspect::new(&prior.email)
                });
            }
            salesforce::set(&mut world, story)?;
        }
        clock.run_until(begins_at).await;
        let (transport, http) = match travel {
            Travel::InProcess => (simulators.transport(), None),
            Travel::Http => {
                let (transport, http) = over_http(&simulators).await?;
                (transport, Some(http))
            }
        };
        let credentials = credentials(&simulators)?;
        let forms = story.destination == oracle::Destination::AccountEngagementForms;
        Ok(Stage {
            clock,
            simulators,
            file,
            settings: settings_of(story, "{}"),
            customer: Story { acts: vec![], ..story.clone() },
            activated_at: begins_at,
            credentials,
            transport,
            http,
            live: Arc::default(),
            played: Arc::default(),
            is_over: AtomicBool::new(false),
            looks_for: forms.then_some(LOOKS_FOR),
            addresses: BTreeMap::new(),
            in_turn: false,
        })
    }

    /// With other settings than none, beside what the story says of the customer. Before the host is opened.
    pub fn with_settings(mut self, settings: &str) -> Stage {
        self.settings = settings_of(&self.customer, settings);
        self
    }

    /// Switched on at another second than the story's first. Before the host is opened.
    pub fn activated_at(mut self, seconds: u64) -> Stage {
        self.activated_at = Timestamp::from_seconds(seconds);
        self
    }

    /// With what repeats by itself, for so long after the last thing that anybody does. Before the host is opened.
    pub fn looking_for(mut self, after: Duration) -> Stage {
        self.looks_for = Some(after);
        self.addresses =
            [(play::UNSIGNED_SOURCE.into(), format!("{HOOKS}/{}/{ADDRESS_SECRET}", play::UNSIGNED_SOURCE))].into();
        self
    }

    /// Things follow from their causes alone: the same story, played again on one thread, leaves the same journal. Before the host
    /// is opened.
    pub fn in_turn(mut self) -> Stage {
        self.in_turn = true;
        self
    }

    fn base_url(&self) -> String {
        self.http.as_ref().map_or_else(|| self.simulators.world().options.base_url.clone(), |h| h.base_url.clone())
    }

    /// Opens a host on the file and lets it serve. A host that was open is dropped first, as if its process had died.
    pub async fn open_host(&self, probe: Option<Arc<dyn Probe>>) -> Result<Arc<Host>, StageError> {
        self.close_host().await;
        let (runtime, durability) = match self.in_turn {
            true => (&IN_TURN, Durability::ProcessCrashInTurn),
            false => (&RUNTIME, Durability::ProcessCrash),
        };
        let runtime = Arc::new(runtime.as_ref().map_err(|e| StageError::Other(e.clone()))?.beside());
        let ground = Ground {
            clock: Arc::new(self.clock.clone()),
            transport: self.transport.clone(),
            credentials: self.credentials.clone(),
            vault: Vault::simulated(),
            durability,
            engine_limits: EngineLimits::default(),
            probe: probe.unwrap_or_else(|| Arc::new(NoProbe)),
        };
        let work = self.clock.begin();
        let host = Arc::new(Host::open(&self.file, ground, runtime)?);
        host.install(crate::CONNECTOR, self.installation()).await?;
        let stop = CancellationToken::new();
        if let Some(http) = &self.http {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", http.ingress_port)).await?;
            let (ingress, stop) = (host.ingress.clone(), stop.clone());
            tokio::spawn(async move { crate::ingress::server::serve(ingress, listener, stop).await });
        }
        // What repeats by itself goes on from where it stood. In other stories nothing does: whoever switched on is not told.
        if self.looks_for.is_some() {
            match self.is_over.load(Ordering::SeqCst) {
                true => host.switch_off(INSTALLATION).await?,
                false => host.switch_on(INSTALLATION, self.addresses.clone()).await?,
            }
        }
        let serving = host.start(stop.clone());
        *self.live.write().await = Some(Live { host: host.clone(), serving, stop });
        drop(work);
        Ok(host)
    }

    /// Ends the host, in order if it still serves.
    pub async fn close_host(&self) {
        let live = self.live.write().await.take();
        if let Some(live) = live {
            live.stop.cancel();
            let _ = live.serving.await;
        }
    }

    /// Waits until the host has stopped by itself, and says why. Only a probe makes it.
    pub async fn stopped(&self) -> Option<EngineError> {
        let live = self.live.write().await.take()?;
        let end = live.serving.await;
        live.stop.cancel();
        end.ok()?.err()
    }

    fn installation(&self) -> Installation {
        let options = self.simulators.world().options.clone();
        let address = self.base_url();
        let binding = |provider, account: &str| Binding {
            provider,
            address: Some(address.clone()),
            account: account.into(),
            business_unit: None,
            allow_private_addresses: true,
            reserve_percent: 0,
        };
        let mut bindings = BTreeMap::from([
            ("livestorm".to_string(), binding(Provider::Livestorm, "livestorm")),
            ("salesforce".to_string(), binding(Provider::Salesforce, "salesforce")),
        ]);
        // Where Salesforce is the destination, nobody has signed in to Account Engagement.
        if !self.customer.destination.is_salesforce() {
            let unit = binding(Provider::AccountEngagement, "salesforce");
            let unit = Binding { business_unit: Some(options.business_unit_id), ..unit };
            bindings.insert("account-engagement".to_string(), unit);
        }
        Installation {
            id: INSTALLATION.into(),
            settings: self.settings.clone(),
            activated_at: self.activated_at,
            bindings,
            address_secret: Some(SecretString::from(ADDRESS_SECRET)),
            signing_secrets: BTreeMap::from([(
                play::SIGNED_SOURCE.to_string(),
                vec![SecretString::from(SIGNING_SECRET)],
            )]),
            takes_unsigned: true,
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(http) = &self.http {
            http.stop.cancel();
        }
    }
}

fn credentials(simulators: &Simulators) -> Result<CredentialStore, StageError> {
    let options = simulators.world().options.clone();
    let salesforce = options.salesforce;
    let store = CredentialStore::in_memory();
    let kept = |e: crate::connections::CredentialError| StageError::Other(e.to_string());
    store.put("livestorm", Secret::Token(SecretString::from(options.livestorm_token))).map_err(kept)?;
    let grant = OAuth {
        token_url: options.base_url,
        client_id: salesforce.client_id,
        client_secret: Some(SecretString::from(salesforce.client_secret)),
        refresh_token: SecretString::from(salesforce.refresh_token),
        access_token: None,
        instance_url: None,
    };
    store.put("salesforce", Secret::OAuth(Box::new(grant))).map_err(kept)?;
    Ok(store)
}

async fn over_http(simulators: &Simulators) -> Result<(Arc<dyn Transport>, HttpStage), StageError> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    simulators.world().options.base_url = base_url.clone();
    let stop = CancellationToken::new();
    tokio::spawn({
        let (simulators, stop) = (simulators.clone(), stop.clone());
        async move { simulators.listen(listener, stop).await }
    });
    // Bound once and given back, so that every host of the stage is reached at the same address.
    let ingress_port = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
    Ok((Arc::new(NetworkTransport::new(SocketTimes::default())), HttpStage { base_url, ingress_port, stop }))
}

#[cfg(test)]
mod tests;
