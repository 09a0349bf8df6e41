//! What the commands about one installation share: where it is written down, where it is remembered, and a host with it.

use crate::{
    activation::{self, Connected},
    clock::{Clock, SimulatedClock, SystemClock, Timestamp},
    connections::{CredentialError, CredentialStore, NetworkTransport, Rehearsal, SocketTimes},
    data_dir::{Accounts, DataDir, DataDirError, Pace},
    durable::{
        EngineLimits, NoProbe, sqlite,
        sqlite::{Durability, SqliteEngine},
    },
    host::{Ground, Host, Installation},
    installation::InstallationFile,
    operate::{Desk, When},
    runtime::{
        Limits, Runtime,
        contract::{Context as CallContext, Manifest, Signature, WebhookSource},
    },
    sync::plan::Plan,
    vault::Vault,
};
use anyhow::{Context, anyhow, bail};
use secrecy::SecretString;
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

/// A desk for questions about the installation.
pub(super) struct AtDesk {
    pub id: String,
    pub desk: Desk,
    file: InstallationFile,
    /// Held until all is over.
    data: DataDir,
}

impl Kept {
    pub fn open(&self) -> anyhow::Result<AtDesk> {
        let file = InstallationFile::read(&self.installation)?;
        let (data, engine) = kept(&self.data, "so there is nothing to tell")?;
        let runtime = Arc::new(Runtime::new(Limits::default())?);
        let desk = Desk { engine: Arc::new(engine), runtime, clock: Arc::new(SystemClock) };
        Ok(AtDesk { id: file.id.clone(), desk, file, data })
    }
}

impl AtDesk {
    /// With its component, and the settings of its file: for what is played, or asked of the connector.
    pub async fn equipped(self) -> anyhow::Result<AtDesk> {
        let (runtime, file) = (&self.desk.runtime, &self.file);
        let component = runtime.compile(&file.component()?)?;
        let manifest = runtime.describe(&component).await?;
        let context = CallContext {
            installation: file.id.clone(),
            settings: file.settings.clone(),
            activated_at: self.data.activation(&file.id, None, SystemClock.now())?,
            connections: file.connections.keys().cloned().collect(),
            dry_run: false,
            limits: runtime.limits(),
        };
        // Nothing is read here, so nothing is paced.
        runtime.install(component, context, manifest.batch_tasks, Plan::default());
        Ok(self)
    }

    pub fn settings(&self) -> &str {
        &self.file.settings
    }
}

/// What is there: a look makes no store. `so`: what follows where nothing is.
pub(super) fn kept(path: &Path, so: &str) -> anyhow::Result<(DataDir, SqliteEngine)> {
    let store = DataDir::store_in(path);
    if !store.exists() {
        bail!(
            "nothing is kept in {} yet, {so}. `harness run` keeps it there; or give the directory that it was given with --data",
            path.display()
        );
    }
    let data = DataDir::open(path)?;
    let engine =
        SqliteEngine::open(&store, Arc::new(SystemClock), EngineLimits::default(), Durability::Full, Arc::new(NoProbe));
    let engine = engine.with_context(|| format!("the store {} cannot be opened", store.display()))?;
    Ok((data, engine))
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

    /// Where a stream's cursor is kept, unless it is given.
    pub fn pace(&self, stream: &str) -> anyhow::Result<Option<Pace>> {
        Ok(self.data.pace(&self.id, stream)?)
    }

    pub fn note_pace(&self, stream: &str, pace: &Pace) -> anyhow::Result<()> {
        Ok(self.data.note_pace(&self.id, stream, pace)?)
    }

    pub fn stream_file(&self, stream: &str) -> PathBuf {
        self.data.stream_file(&self.id, stream)
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
            Err(CredentialError::NotConnected(account)) => bail!(
                "the account `{account}` is not connected: nobody has signed in for it yet, or for another app. Connect it with: \
                 harness connect {account} --installation {} --data {}",
                self.installation.display(),
                self.data.display()
            ),
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
    Ok(host.install(&file.component()?, installation).await?)
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
