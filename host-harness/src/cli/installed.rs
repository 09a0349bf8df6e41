//! What the commands about one installation share: where it is written down, where it is remembered, and a host with it.

use crate::{
    activation::{self, Connected},
    admin::{
        Play, WhichLetters,
        client::{Client, segment},
    },
    clock::{Clock, SimulatedClock, SystemClock, Timestamp},
    connections::{CredentialError, CredentialStore, NetworkTransport, Rehearsal, SocketTimes},
    data_dir::{Accounts, DataDir, DataDirError},
    durable::{
        Engine, EngineLimits, NoProbe, Retention,
        sqlite::{self, Durability},
    },
    host::{self, Ground, Host, Installation},
    installation::InstallationFile,
    operate::{
        self, Desk, Discarding, Forgetting, Instead, Paused, Replayed, Resync, Resynced, Retrying, RunFilter, Runs,
        Sessions, Shown, Story, When, Which, Whom,
    },
    runtime::{
        Limits, Runtime,
        contract::{Context as CallContext, Manifest, Signature, WebhookSource},
    },
    sync::plan::Plan,
    vault::Vault,
};
use anyhow::{Context, anyhow, bail};
use secrecy::SecretString;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The installation file; fixtures/installations/sample.toml is a commented one
    #[arg(long, value_name = "FILE")]
    pub installation: PathBuf,
    /// Where its memory is kept; one process at a time may use it
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    pub data: PathBuf,
    /// The key that seals credentials and deliveries [default: of HARNESS_KEY, else made in DIR]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// When it was switched on, e.g. 2026-11-23T08:00:00Z; nothing from before is touched [default: as noted in DIR, else now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub activated_at: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "not a time; write it as 2026-11-23T08:00:00Z".into())
}

/// For commands that ask about what is kept, or have something of it done again: no account is needed, nothing is sent.
#[derive(Debug, clap::Args)]
pub(super) struct Kept {
    /// The installation file; its secrets are not looked up
    #[arg(long, value_name = "FILE")]
    pub installation: PathBuf,
    /// Where its memory is kept; one process at a time may use it
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    pub data: PathBuf,
}

/// Where questions about the installation are answered.
pub(super) struct AtDesk {
    pub file: InstallationFile,
    at: At,
}

enum At {
    Here {
        desk: Desk,
        /// Held until all is over.
        data: DataDir,
    },
    /// Another process has the directory, and serves.
    There(Client),
}

impl Kept {
    pub fn open(&self) -> anyhow::Result<AtDesk> {
        let file = InstallationFile::read(&self.installation)?;
        if let Some(client) = who_serves(&self.data)? {
            return Ok(AtDesk { file, at: At::There(client) });
        }
        let (data, engine) = kept(&self.data)?;
        Ok(AtDesk { file, at: At::Here { desk: desk(engine)?, data } })
    }
}

/// Where what this engine keeps is asked about, in this process.
pub(super) fn desk(engine: Arc<dyn Engine>) -> anyhow::Result<Desk> {
    let runtime = Arc::new(Runtime::new(Limits::default())?);
    Ok(Desk { engine, runtime, clock: Arc::new(SystemClock) })
}

/// Whoever has the directory, if it answers questions.
pub(super) fn who_serves(data: &Path) -> anyhow::Result<Option<Client>> {
    if DataDir::admin_of(data)?.is_none() {
        return Ok(None);
    }
    match DataDir::open(data) {
        Err(DataDirError::InUse(_)) => Ok(Client::of(data)?),
        // It was left behind by one that was killed.
        opened => Ok(opened.map(|_| None)?),
    }
}

/// Each question once, wherever it is answered.
impl AtDesk {
    /// When what is given again is done.
    pub fn goes(&self) -> &'static str {
        match &self.at {
            At::Here { .. } => "with the next `harness run` or `harness serve`",
            At::There(_) => "at once, with the `harness serve` that is running",
        }
    }

    pub async fn runs(&self, filter: &RunFilter) -> anyhow::Result<Runs> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.runs(&self.file.id, filter).await?),
            At::There(client) => Ok(client.get(&self.path(&format!("runs?{}", query(filter)?))).await?),
        }
    }

    pub async fn show(&self, run: u64, personal: bool) -> anyhow::Result<Shown> {
        match &self.at {
            At::Here { desk, data } => {
                self.equip(desk, data).await?;
                Ok(desk.show(&self.file.id, run, personal).await?)
            }
            At::There(client) => Ok(client.get(&self.path(&format!("runs/{run}?personal={personal}"))).await?),
        }
    }

    pub async fn sessions(&self) -> anyhow::Result<Sessions> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.sessions(&self.file.id).await?),
            At::There(client) => Ok(client.get(&self.path("sessions")).await?),
        }
    }

    pub async fn why(&self, email: &str) -> anyhow::Result<Story> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.why(&self.file.id, email).await?),
            At::There(client) => Ok(client.get(&self.path(&format!("people/{}", segment(email)))).await?),
        }
    }

    pub async fn retry(&self, which: Which) -> anyhow::Result<Retrying> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.retry(&self.file.id, which).await?),
            At::There(client) => Ok(client.post(&self.path("retry"), json!(WhichLetters::from(which))).await?),
        }
    }

    pub async fn discard(&self, which: Which) -> anyhow::Result<Discarding> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.discard(&self.file.id, which).await?),
            At::There(client) => Ok(client.post(&self.path("discard"), json!(WhichLetters::from(which))).await?),
        }
    }

    pub async fn resync(&self, what: &Resync) -> anyhow::Result<Resynced> {
        match &self.at {
            At::Here { desk, data } => {
                self.equip(desk, data).await?;
                Ok(desk.resync(&self.file.id, what).await?)
            }
            At::There(client) => Ok(client.post(&self.path("resync"), json!(what)).await?),
        }
    }

    pub async fn pause(&self) -> anyhow::Result<Paused> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.pause(&self.file.id).await?),
            At::There(client) => Ok(client.post(&self.path("pause"), json!({})).await?),
        }
    }

    pub async fn forget(&self, email: &str) -> anyhow::Result<Forgetting> {
        match &self.at {
            At::Here { desk, data } => {
                Ok(desk.forget(&self.file.id, email, streams(data)?.as_deref(), data.rows()).await?)
            }
            At::There(client) => Ok(client.delete(&self.path(&format!("people/{}", segment(email)))).await?),
        }
    }

    pub async fn allow_again(&self, email: &str) -> anyhow::Result<Whom> {
        match &self.at {
            At::Here { desk, data } => Ok(desk.allow_again(&self.file.id, email, streams(data)?.as_deref()).await?),
            At::There(client) => {
                let path = self.path(&format!("people/{}/allow-again", segment(email)));
                Ok(client.post(&path, json!({})).await?)
            }
        }
    }

    pub async fn resume(&self) -> anyhow::Result<Paused> {
        match &self.at {
            At::Here { desk, .. } => Ok(desk.resume(&self.file.id).await?),
            At::There(client) => Ok(client.post(&self.path("resume"), json!({})).await?),
        }
    }

    pub async fn replay(&self, run: u64, instead: Instead, personal: bool) -> anyhow::Result<Replayed> {
        match &self.at {
            At::Here { desk, data } => {
                self.equip(desk, data).await?;
                Ok(desk.replay(&self.file.id, run, instead, personal).await?)
            }
            At::There(client) => {
                let given = Play { settings: instead.settings, component: instead.component, personal };
                Ok(client.post(&self.path(&format!("runs/{run}/replay")), json!(given)).await?)
            }
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/installations/{}/{rest}", segment(&self.file.id))
    }

    /// With its component, and the settings of its file: for what is played, or asked of the connector.
    async fn equip(&self, desk: &Desk, data: &DataDir) -> anyhow::Result<()> {
        let (runtime, file) = (&desk.runtime, &self.file);
        let component = runtime.compile(&file.component()?)?;
        let manifest = runtime.describe(&component).await?;
        let context = CallContext {
            installation: file.id.clone(),
            settings: file.settings.clone(),
            activated_at: data.activation(&file.id, None, SystemClock.now())?,
            connections: file.connections.keys().cloned().collect(),
            dry_run: false,
            limits: runtime.limits(),
        };
        // Nothing is read here, so nothing is paced.
        runtime.install(component, context, manifest.batch_tasks, Plan::default());
        Ok(())
    }
}

/// What streams have left, where any was read here.
fn streams(data: &DataDir) -> anyhow::Result<Option<Arc<dyn Engine>>> {
    data.store_of_streams().map(|store| engine(&store)).transpose()
}

/// As an address carries it.
fn query(filter: &RunFilter) -> anyhow::Result<String> {
    let serde_json::Value::Object(fields) = serde_json::to_value(filter)? else { return Ok(String::new()) };
    let given = fields.into_iter().filter(|(_, value)| !value.is_null());
    let text = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
    let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", segment(&text(value)))).collect();
    Ok(pairs.join("&"))
}

/// What is there: a look makes no store.
fn kept(path: &Path) -> anyhow::Result<(DataDir, Arc<dyn Engine>)> {
    let store = DataDir::store_in(path);
    if !store.exists() {
        bail!(
            "nothing is kept in {} yet, so there is nothing to tell. `harness run` keeps it there; or give the directory that it was given with --data",
            path.display()
        );
    }
    let data = DataDir::open(path)?;
    Ok((data, engine(&store)?))
}

pub(super) fn engine(store: &Path) -> anyhow::Result<Arc<dyn Engine>> {
    host::engine(store, Arc::new(SystemClock))
        .with_context(|| format!("the store {} cannot be opened", store.display()))
}

/// A date, or a time.
pub(super) fn day_or_time(text: &str) -> Result<When, String> {
    let time = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Timestamp::parse(&time)
        .map(When)
        .ok_or_else(|| "not a date; write it as 2026-11-23, or with its time as 2026-11-23T08:00:00Z".into())
}

/// A host with the installation in it. Nothing runs yet.
pub(super) struct Opened {
    pub id: String,
    pub activated_at: Timestamp,
    pub manifest: Manifest,
    pub host: Host,
    pub accounts: Accounts,
    /// Held until all is over.
    pub data: DataDir,
}

impl Opened {
    pub fn is_switched_on(&self) -> anyhow::Result<bool> {
        Ok(self.data.is_switched_on(&self.id)?)
    }

    /// `harness uninstall` holds until `harness install`.
    pub fn was_switched_off(&self) -> anyhow::Result<bool> {
        Ok(self.data.was_switched_off(&self.id)?)
    }

    pub fn switch_on(&self) -> anyhow::Result<()> {
        self.data.note_activation(&self.id, self.activated_at)?;
        Ok(self.data.note_switched_on(&self.id, self.accounts.clone())?)
    }

    pub fn switch_off(&self) -> anyhow::Result<()> {
        Ok(self.data.note_switched_off(&self.id)?)
    }
}

/// Nothing listens there: a delivery is handed over in the process.
pub(super) const NO_ADDRESS: &str = "handed-over-in-the-process";

impl Place {
    /// For real. Whoever finds nothing in the way switches it on.
    pub async fn open(&self, file: &InstallationFile, source: Option<&str>) -> anyhow::Result<Opened> {
        self.open_with(file, source, DataDir::made_store).await
    }

    /// For reading streams: a store of its own, so that nothing else of the installation goes on meanwhile.
    pub async fn open_for_streams(&self, file: &InstallationFile) -> anyhow::Result<Opened> {
        self.open_with(file, None, DataDir::made_store_of_streams).await
    }

    async fn open_with(
        &self,
        file: &InstallationFile,
        source: Option<&str>,
        store: fn(&DataDir) -> Result<PathBuf, DataDirError>,
    ) -> anyhow::Result<Opened> {
        let Memory { data, vault, credentials, names, accounts } = self.memory(file)?;
        let activated_at = data.activation(&file.id, self.activated_at, SystemClock.now())?;
        let ground = ground(credentials, vault, Durability::Full);
        let store = store(&data)?;
        let host = Host::open(&store, ground, Arc::new(Runtime::new(Limits::default())?)).with_context(|| {
            format!("the store {} cannot be opened. Keep the file for whoever repairs it, and do not delete it: what is still to \
                     be done stands in it", store.display())
        })?;
        let manifest = install(&host, file, &names, activated_at, source).await?;
        // What is over goes with its time, whoever comes by.
        host.engine.sweep(&file.id, &Retention::default()).await?;
        Ok(Opened { id: file.id.clone(), activated_at, manifest, host, accounts, data })
    }

    /// For a dry run, on a copy of the memory in `folder`. Of the data directory nothing is changed but tokens that a provider
    /// gives anew: the old ones may be worth nothing from then on.
    pub async fn rehearse(
        &self,
        file: &InstallationFile,
        source: Option<&str>,
        folder: &Path,
        clock: SimulatedClock,
    ) -> anyhow::Result<(Opened, Arc<Rehearsal>)> {
        let Memory { data, vault, credentials, names, accounts } = self.memory(file)?;
        let activated_at = data.activation(&file.id, self.activated_at, SystemClock.now())?;
        let copy = folder.join("dry-run.sqlite");
        sqlite::copy(&data.store(), &copy)?;
        let ground = ground(credentials, vault, Durability::ProcessCrash);
        let (host, rehearsal) = Host::rehearse(&copy, ground, clock, Arc::new(Runtime::new(Limits::default())?))?;
        let manifest = install(&host, file, &names, activated_at, source).await?;
        Ok((Opened { id: file.id.clone(), activated_at, manifest, host, accounts, data }, rehearsal))
    }

    /// What the file refers to is looked up first: where that fails, no directory is made.
    fn memory(&self, file: &InstallationFile) -> anyhow::Result<Memory> {
        let declared = file.accounts()?;
        let given = Vault::given(self.key_file.as_deref())?;
        let data = DataDir::open(&self.data)?;
        let vault = data.vault(given)?;
        let credentials = data.credentials(&vault)?;
        match activation::connected(file, declared, &credentials) {
            Err(CredentialError::NotConnected(accounts)) => {
                let (file, data) = (self.installation.display(), self.data.display());
                let command = |account| format!("harness connect {account} --installation {file} --data {data}");
                bail!(
                    "accounts that are not connected, since nobody has signed in yet, or for another app: `{}`. Connect with: {}",
                    accounts.join("`, `"),
                    accounts.iter().map(command).collect::<Vec<_>>().join(" and: ")
                )
            }
            connected => {
                let Connected { names, accounts } = connected?;
                Ok(Memory { data, vault, credentials, names, accounts })
            }
        }
    }
}

/// The data directory, opened, with what is kept in it.
struct Memory {
    data: DataDir,
    vault: Vault,
    credentials: CredentialStore,
    /// Under which names they are kept, by the words of the file.
    names: BTreeMap<String, String>,
    accounts: Accounts,
}

pub(super) fn ground(credentials: CredentialStore, vault: Vault, durability: Durability) -> Ground {
    Ground {
        clock: Arc::new(SystemClock),
        transport: Arc::new(NetworkTransport::new(SocketTimes::default())),
        credentials,
        vault,
        durability,
        engine_limits: EngineLimits::default(),
        probe: Arc::new(NoProbe),
    }
}

async fn install(
    host: &Host,
    file: &InstallationFile,
    names: &BTreeMap<String, String>,
    activated_at: Timestamp,
    source: Option<&str>,
) -> anyhow::Result<Manifest> {
    let signing_secrets = match source {
        Some(source) => BTreeMap::from([(source.to_owned(), file.signing_secrets(source)?)]),
        None => BTreeMap::new(),
    };
    let installation = Installation {
        id: file.id.clone(),
        settings: file.settings.clone(),
        activated_at,
        bindings: file.bindings(names),
        address_secret: Some(SecretString::from(NO_ADDRESS)),
        signing_secrets,
        // Whoever hands it over is trusted.
        takes_unsigned: true,
    };
    let manifest = host.install(&file.component()?, installation).await?;
    operate::are_streams(&host.sources(&file.id), &file.keep).context("in streams.keep of the installation file")?;
    Ok(manifest)
}

/// The webhook source of this name; without one, the only source that signs nothing.
pub(super) fn source<'a>(manifest: &'a Manifest, given: Option<&str>) -> anyhow::Result<&'a WebhookSource> {
    let all: Vec<&str> = manifest.webhooks.iter().map(|w| w.name.as_str()).collect();
    let unsigned = || manifest.webhooks.iter().filter(|w| w.signature == Signature::Unsigned);
    match given {
        Some(name) => manifest.webhooks.iter().find(|w| w.name == name).ok_or_else(|| {
            anyhow!("the connector has no webhook source \"{name}\". Give one of these: {}", all.join(", "))
        }),
        None => match (unsigned().count(), unsigned().next()) {
            (1, Some(only)) => Ok(only),
            _ => Err(anyhow!("it is not clear where this came from. Give --source, one of: {}", all.join(", "))),
        },
    }
}

/// A webhook's body: a file's bytes, or for `-` all that comes from stdin.
pub(super) fn body(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut body = vec![];
        std::io::stdin().read_to_end(&mut body).context("stdin cannot be read to its end")?;
        return Ok(body);
    }
    std::fs::read(path).with_context(|| format!("the payload {} cannot be read", path.display()))
}
