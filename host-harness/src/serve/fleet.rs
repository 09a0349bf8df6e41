//! The installations of one process: which of them run, which do not, and why.
//!
//! Promises: a file that is wrong takes down nothing but itself, and what ran under its last good text goes on; nothing is switched on
//! while something stands in its way; how things stand is told at once, also while providers are asked. Not here: when files are
//! looked at (`serve`), what an installation does (`host`).

use super::folder::{self, Files, Stamps};
use crate::{
    activation::{self, CheckError, Connected},
    clock::Timestamp,
    connections::{CredentialError, CredentialStore},
    data_dir::{Accounts, DataDir, DataDirError, Rows},
    durable::EngineError,
    host::{Host, InstallError, Installation},
    ingress::Doorway,
    installation::{FileError, InstallationFile},
    operate::{self, Reader, StreamError},
    runtime::contract::{Finding, Manifest, Severity},
    sync::Pass,
};
use futures_util::stream::{self, StreamExt};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use utoipa::ToSchema;

/// What keeps one from running may be elsewhere than in its file, and be mended there.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// How many new ones are checked at once.
const CHECKS_MAX: usize = 8;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Fleet {
    pub host: Arc<Host>,
    pub data: DataDir,
    /// Of the streams that it reads by itself.
    pub rows: Rows,
    /// The host's.
    pub credentials: CredentialStore,
    /// Where webhooks reach this host. Nothing: none are made, and what happens is found by looking alone.
    public_address: Option<String>,
    /// Held by whoever changes what runs. The folder is read under it, so that no older reading undoes a newer one.
    changing: tokio::sync::Mutex<()>,
    members: Mutex<BTreeMap<PathBuf, Member>>,
    /// What does not run and is asked about, and by how many.
    lent: Mutex<BTreeMap<String, usize>>,
}

/// A file that has changed, or is due once more.
struct Found {
    path: PathBuf,
    text: Result<String, String>,
    before: Option<Member>,
}

/// See [`Fleet::lend`].
pub struct Lent {
    fleet: Arc<Fleet>,
    id: String,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (fleet, id) = (self.fleet.clone(), std::mem::take(&mut self.id));
        tokio::spawn(async move { fleet.give_back(&id).await });
    }
}

#[derive(Clone)]
struct Member {
    text: Result<String, String>,
    /// Of what its text refers to, as it was taken up.
    stamps: Stamps,
    looked_at: Timestamp,
    /// The id that its text gives.
    id: Option<String>,
    /// Another file has that id already.
    is_taken: bool,
    /// The id under which it runs.
    runs: Option<String>,
    status: Status,
}

/// How one file stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Its id. Nothing where the file cannot be read that far.
    pub installation: Option<String>,
    /// A broken one may run on.
    pub runs: bool,
    #[serde(flatten)]
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Status {
    Running,
    /// Not switched on: these stand in the way.
    Held {
        findings: Vec<Finding>,
    },
    /// The file, or what it names, is wrong. If it ran before, it runs on under its last good text.
    Broken {
        why: String,
        /// What the connector says of its settings, if that is it.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        findings: Vec<Finding>,
    },
}

impl Status {
    pub fn word(&self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Held { .. } => "held",
            Status::Broken { .. } => "broken",
        }
    }
}

/// Why an installation is not there.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("in streams.keep: {0}")]
    Stream(#[from] StreamError),
    #[error("the id \"{id}\" is taken by {}. Give one of them another id", .by.display())]
    Taken { id: String, by: PathBuf },
    #[error("other installations are being taken up just now. Ask again in a moment")]
    Busy,
}

impl From<AddError> for Status {
    fn from(error: AddError) -> Status {
        let why = error.to_string();
        let findings = match error {
            AddError::Install(InstallError::Settings(findings)) => findings,
            _ => vec![],
        };
        Status::Broken { why, findings }
    }
}

fn not_connected(account: &str) -> Finding {
    Finding {
        code: "account-not-connected".into(),
        severity: Severity::Blocker,
        place: format!("secrets.{account}"),
        problem: format!("Nobody has connected the account `{account}` yet, or for another app."),
        remedy: format!("Connect it with `harness connect {account}`, or by the admin interface."),
        fixable: false,
    }
}

impl Member {
    fn standing(&self, file: &Path) -> Standing {
        Standing {
            file: file.into(),
            installation: self.runs.clone().or_else(|| self.id.clone()),
            runs: self.runs.is_some(),
            status: self.status.clone(),
        }
    }

    fn is(&self, id: &str) -> bool {
        self.runs.as_deref() == Some(id)
    }

    /// A secret of it, or its component, is not what it was.
    fn refers_to_news(&self) -> bool {
        self.stamps != folder::stamps(self.stamps.iter().map(|(path, _)| path.clone()))
    }

    /// Whether no other file may have this id, be this one running or not.
    fn has(&self, id: &str) -> bool {
        self.is(id) || (self.id.as_deref() == Some(id) && !self.is_taken)
    }
}

/// What the connector can be asked about.
struct Prepared {
    manifest: Manifest,
    accounts: Accounts,
    door: Doorway,
    activated_at: Timestamp,
    address_secret: Option<SecretString>,
}

impl Fleet {
    pub fn new(host: Arc<Host>, data: DataDir, credentials: CredentialStore, public_address: Option<String>) -> Fleet {
        let (changing, members, lent) = Default::default();
        let rows = data.rows();
        host.runtime.keep_rows(Arc::new(rows.clone()));
        Fleet { host, data, rows, credentials, public_address, changing, members, lent }
    }

    /// Makes what runs equal to what the files of the folder say. Answers what has changed. `again`: one that is tried again if it
    /// does not run, though nothing has changed in its file.
    pub async fn look(&self, folder: &Path, again: Option<&str>) -> io::Result<Vec<Standing>> {
        let _changing = self.changing.lock().await;
        let files = folder::read(folder)?;
        if let Some(id) = again {
            let mut members = self.members();
            let meant = members.values_mut().filter(|member| member.is(id) || member.id.as_deref() == Some(id));
            meant.for_each(|member| member.looked_at = Timestamp(0));
        }
        Ok(self.apply(files).await)
    }

    /// Something that it needs was taken from it: with the next look it is tried once more although it runs. It runs on.
    pub async fn doubt(&self, id: &str) {
        let _changing = self.changing.lock().await;
        let mut members = self.members();
        for member in members.values_mut().filter(|member| member.is(id) && member.status == Status::Running) {
            member.status = Status::Broken { why: "it is looked at anew".into(), findings: vec![] };
        }
    }

    /// Takes up what needs nobody's answer: all that is switched on here. Before work begins: a run that was cut off goes on only
    /// where its installation is known.
    pub async fn begin(&self, folder: &Path) -> io::Result<Vec<Standing>> {
        let _changing = self.changing.lock().await;
        let (changed, _to_check) = self.take_up_known(folder::read(folder)?).await;
        Ok(changed)
    }

    pub fn standings(&self) -> Vec<Standing> {
        self.members().iter().map(|(file, member)| member.standing(file)).collect()
    }

    /// The file of this id, as it was last read. Of several that claim the id, the one that has it.
    pub fn member(&self, id: &str) -> Option<(Standing, Result<String, String>)> {
        let members = self.members();
        let claims = |(_, member): &(&PathBuf, &Member)| member.id.as_deref() == Some(id);
        let found = members.iter().find(|(_, member)| member.has(id)).or_else(|| members.iter().find(claims));
        found.map(|(file, member)| (member.standing(file), member.text.clone()))
    }

    /// What there is to say of it, whether or not it runs.
    pub async fn findings(self: &Arc<Self>, file: &InstallationFile) -> Result<Vec<Finding>, AddError> {
        let _lent = self.lend(file).await?;
        let Connected { accounts, .. } = activation::connected(file, file.accounts()?, &self.credentials)?;
        let component = self.host.runtime.compile(&file.component()?).map_err(InstallError::from)?;
        let manifest = self.host.runtime.describe(&component).await.map_err(InstallError::from)?;
        Ok(activation::findings(&self.host, file, &accounts, &manifest, &self.data).await?)
    }

    /// For questions to the connector about an installation that may not run: until this is dropped it is known to the host, and
    /// nothing of it goes on by that.
    pub async fn lend(self: &Arc<Self>, file: &InstallationFile) -> Result<Option<Lent>, AddError> {
        if self.runs(&file.id) {
            return Ok(None);
        }
        let changing = tokio::time::timeout(PATIENCE, self.changing.lock()).await;
        let _changing = changing.map_err(|_| AddError::Busy)?;
        if self.runs(&file.id) {
            return Ok(None);
        }
        *self.lent().entry(file.id.clone()).or_default() += 1;
        let lent = Lent { fleet: self.clone(), id: file.id.clone() };
        self.prepare(file).await?;
        Ok(Some(lent))
    }

    async fn give_back(&self, id: &str) {
        let _changing = self.changing.lock().await;
        {
            let mut lent = self.lent();
            let left = lent.get(id).copied().unwrap_or_default().saturating_sub(1);
            if left > 0 {
                lent.insert(id.into(), left);
                return;
            }
            lent.remove(id);
        }
        if !self.runs(id) {
            self.host.remove(id);
        }
    }

    /// What does not run, unless somebody asks about it just now.
    fn put_away(&self, id: &str) {
        if !self.lent().contains_key(id) {
            self.host.remove(id);
        }
    }

    pub fn runs(&self, id: &str) -> bool {
        self.members().values().any(|member| member.is(id))
    }

    async fn apply(&self, files: Files) -> Vec<Standing> {
        let before = self.members().clone();
        for (path, member) in before.iter().filter(|(path, _)| !files.contains_key(*path)) {
            self.members().remove(path);
            let file = path.display();
            match &member.runs {
                Some(id) => {
                    self.host.remove(id);
                    tracing::info!(installation = id, %file, "its file is gone, and nothing of it runs any more");
                }
                None => {
                    let id = member.id.as_deref().filter(|_| !member.is_taken);
                    tracing::info!(installation = id, %file, "a file is gone; nothing ran by it");
                }
            }
        }
        let (mut changed, to_check) = self.take_up_known(files).await;
        // Several at a time, since the provider of one may not answer; those that claim one id in their order.
        let checked = stream::iter(to_check.into_values()).map(|alike| async move {
            let mut changed = vec![];
            for found in alike {
                changed.extend(self.take_up(found).await);
            }
            changed
        });
        changed.extend(checked.buffer_unordered(CHECKS_MAX).collect::<Vec<_>>().await.into_iter().flatten());
        changed
    }

    /// What has changed, and what is left to be checked, by id.
    async fn take_up_known(&self, files: Files) -> (Vec<Standing>, BTreeMap<String, Vec<Found>>) {
        let (before, now) = (self.members().clone(), self.host.clock.now());
        let is_free = |id: &String| !before.values().any(|member| member.has(id));
        let is_due = |member: &Member| {
            let may_have_it = member.is_taken && member.id.as_ref().is_some_and(is_free);
            member.status != Status::Running && (may_have_it || member.looked_at.plus(AGAIN) <= now)
        };
        let (mut changed, mut to_check) = (vec![], BTreeMap::<String, Vec<Found>>::new());
        for (path, text) in files {
            let before = before.get(&path).cloned();
            let is_as_before = |member: &Member| member.text == text && !is_due(member) && !member.refers_to_news();
            if before.as_ref().is_some_and(is_as_before) {
                continue;
            }
            let found = Found { path, text, before };
            match self.to_be_checked(&found) {
                Some(id) => to_check.entry(id).or_default().push(found),
                None => changed.extend(self.take_up(found).await),
            }
        }
        (changed, to_check)
    }

    /// The id of one that is new here: its accounts are asked before it is switched on. All others need nobody's answer.
    fn to_be_checked(&self, found: &Found) -> Option<String> {
        let file = InstallationFile::parse(&found.path, found.text.as_ref().ok()?).ok()?;
        (!self.data.is_switched_on(&file.id).unwrap_or(true)).then_some(file.id)
    }

    /// How it stands now, if that is news.
    async fn take_up(&self, Found { path, text, before }: Found) -> Option<Standing> {
        let ran = before.as_ref().and_then(|member| member.runs.clone());
        let member = self.one(&path, text, ran).await;
        let news =
            (before.map(|before| before.status).as_ref() != Some(&member.status)).then(|| member.standing(&path));
        self.members().insert(path, member);
        news
    }

    /// All of which something may be kept here, whether or not their file is still there.
    pub fn kept(&self) -> Vec<String> {
        // What cannot be read now is said by whoever needs it.
        self.data.installations().unwrap_or_default()
    }

    fn lent(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.lent.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Member>> {
        // What is kept in it is whole between any two statements.
        self.members.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// `ran`: the id under which this file ran before.
    async fn one(&self, path: &Path, text: Result<String, String>, ran: Option<String>) -> Member {
        let looked_at = self.host.clock.now();
        let parsed = text.as_ref().map_err(Clone::clone);
        let parsed = parsed.and_then(|text| InstallationFile::parse(path, text).map_err(|e| e.to_string()));
        let file = match parsed {
            Ok(file) => file,
            Err(why) => {
                let status = Status::Broken { why, findings: vec![] };
                return Member { text, stamps: vec![], looked_at, id: None, is_taken: false, runs: ran, status };
            }
        };
        // Before it is read: what changes meanwhile is seen with the next look.
        let stamps = folder::stamps(file.refers_to());
        if let Some(before) = ran.as_ref().filter(|before| **before != file.id) {
            self.host.remove(before);
        }
        let ran = ran.filter(|before| *before == file.id);
        let added = self.add(path, &file).await;
        let is_taken = matches!(added, Err(AddError::Taken { .. }));
        let (runs, status) = match added {
            Ok(findings) if findings.is_empty() => (Some(file.id.clone()), Status::Running),
            Ok(findings) => {
                self.put_away(&file.id);
                (None, Status::Held { findings })
            }
            // A customer may take days to sign in; until then nothing is missing that was there.
            Err(AddError::Credential(CredentialError::NotConnected(accounts)))
                if ran.is_none() && self.data.is_switched_on(&file.id).is_ok_and(|is_on| !is_on) =>
            {
                (None, Status::Held { findings: accounts.iter().map(|account| not_connected(account)).collect() })
            }
            Err(e) => {
                // What it was prepared for has come to nothing. What stands under a taken id is another file's.
                if ran.is_none() && !is_taken {
                    self.put_away(&file.id);
                }
                (ran, e.into())
            }
        };
        Member { text, stamps, looked_at, id: Some(file.id), is_taken, runs, status }
    }

    /// What stands in the way of switching it on. Empty: it runs.
    async fn add(&self, path: &Path, file: &InstallationFile) -> Result<Vec<Finding>, AddError> {
        let by = self
            .members()
            .iter()
            .find(|(other, member)| *other != path && member.has(&file.id))
            .map(|(by, _)| by.clone());
        if let Some(by) = by {
            return Err(AddError::Taken { id: file.id.clone(), by });
        }
        let Prepared { manifest, accounts, door, activated_at, address_secret } = self.prepare(file).await?;
        if self.data.is_switched_on(&file.id)? {
            self.host.begin(&file.id, door);
            self.host.look_on(&file.id).await?;
            self.tell_addresses(&file.id, self.addresses(&file.id, &manifest, address_secret)).await?;
            self.keep(file).await?;
            return Ok(vec![]);
        }
        let findings = activation::findings(&self.host, file, &accounts, &manifest, &self.data).await?;
        if activation::is_blocked(&findings) {
            return Ok(findings);
        }
        // Up to the note nothing is awaited: no other one between the same accounts is judged meanwhile.
        self.data.note_activation(&file.id, activated_at)?;
        self.data.note_switched_on(&file.id, accounts)?;
        self.host.begin(&file.id, door);
        let addresses = self.addresses(&file.id, &manifest, address_secret);
        self.host.switch_on(&file.id, addresses.clone()).await?;
        self.data.note_told(&file.id, Some(activation::digest(&addresses)))?;
        self.keep(file).await?;
        Ok(vec![])
    }

    /// The file has another secret, or this host another address: webhooks at the old one reach nobody any more.
    async fn tell_addresses(&self, id: &str, addresses: BTreeMap<String, String>) -> Result<(), AddError> {
        let digest = activation::digest(&addresses);
        // Without an address there is nothing that could be set up in the place of what is there.
        if addresses.is_empty() || self.data.told()?.get(id) == Some(&digest) {
            return Ok(());
        }
        tracing::info!(installation = id, "its webhooks go to another address from here on");
        self.host.tell_addresses(id, addresses).await?;
        Ok(self.data.note_told(id, Some(digest))?)
    }

    /// Those of its streams that its file names are read by themselves from here on, the others are not. What goes on already is
    /// left as it is.
    async fn keep(&self, file: &InstallationFile) -> Result<(), AddError> {
        let (id, sources) = (&file.id, self.host.sources(&file.id));
        let reader = Reader { host: &self.host, data: &self.data, rows: Some(&self.rows), installation: id };
        for source in operate::streams(&sources) {
            if !file.keep.contains(&source.name) {
                self.rows.end(id, &source.name)?;
                continue;
            }
            let at = reader.next_at(source)?;
            let (since, cursor) = self.rows.begin(id, &source.name, self.host.clock.now())?;
            let pass = Pass::kept(&source.name, cursor, source.min_interval_ms, at, since);
            self.host.engine.accept(id, vec![pass.task(Some(at))]).await?;
        }
        Ok(())
    }

    async fn prepare(&self, file: &InstallationFile) -> Result<Prepared, AddError> {
        let Connected { names, accounts } = activation::connected(file, file.accounts()?, &self.credentials)?;
        let activated_at = self.data.activation(&file.id, None, self.host.clock.now())?;
        let address_secret = file.address_secret()?;
        let installation = Installation {
            id: file.id.clone(),
            settings: file.settings.clone(),
            activated_at,
            bindings: file.bindings(&names),
            address_secret: address_secret.clone(),
            signing_secrets: file.all_signing_secrets()?,
            takes_unsigned: file.takes_unsigned(),
        };
        let (manifest, door) = self.host.prepare(&file.component()?, installation).await?;
        operate::are_streams(&self.host.sources(&file.id), &file.keep)?;
        Ok(Prepared { manifest, accounts, door, activated_at, address_secret })
    }

    fn addresses(&self, id: &str, manifest: &Manifest, secret: Option<SecretString>) -> BTreeMap<String, String> {
        match (&self.public_address, secret) {
            (Some(public), Some(secret)) => activation::addresses(id, manifest, public, &secret),
            _ => BTreeMap::new(),
        }
    }
}
