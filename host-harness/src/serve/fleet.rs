//! The installations of one process: which of them run, which do not, and why.
//!
//! Promises: a file that is wrong takes down nothing but itself, and what ran under its last good text goes on; nothing is switched on
//! while something stands in its way. Not here: when files are looked at (`serve`), what an installation does (`host`).

use super::folder::Files;
use crate::{
    activation::{self, CheckError, Connected},
    clock::Timestamp,
    connections::{CredentialError, CredentialStore},
    data_dir::{DataDir, DataDirError},
    durable::EngineError,
    host::{Host, InstallError, Installation},
    installation::{FileError, InstallationFile},
    runtime::contract::{Finding, Manifest},
};
use secrecy::SecretString;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;

/// What keeps one from running may be elsewhere than in its file, and be mended there.
const AGAIN: Duration = Duration::from_secs(15 * 60);

pub struct Fleet {
    pub host: Arc<Host>,
    data: DataDir,
    /// The host's.
    credentials: CredentialStore,
    /// Where webhooks reach this host. Nothing: none are made, and what happens is found by looking alone.
    public_address: Option<String>,
    members: Mutex<BTreeMap<PathBuf, Member>>,
}

struct Member {
    text: Result<String, String>,
    looked_at: Timestamp,
    /// The id under which it runs.
    runs: Option<String>,
    status: Status,
}

/// How one file stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub file: PathBuf,
    pub installation: Option<String>,
    #[serde(flatten)]
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
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

#[derive(Debug, thiserror::Error)]
enum AddError {
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
    #[error("the id \"{id}\" is taken by {}. Give one of them another id", .by.display())]
    Taken { id: String, by: PathBuf },
}

impl Fleet {
    pub fn new(host: Arc<Host>, data: DataDir, credentials: CredentialStore, public_address: Option<String>) -> Fleet {
        Fleet { host, data, credentials, public_address, members: Mutex::default() }
    }

    /// Makes what runs equal to what the files say. Answers what has changed.
    pub async fn apply(&self, files: Files) -> Vec<Standing> {
        let mut members = self.members.lock().await;
        let gone: Vec<PathBuf> = members.keys().filter(|path| !files.contains_key(*path)).cloned().collect();
        for path in gone {
            let id = members.remove(&path).and_then(|member| member.runs).unwrap_or_default();
            self.host.remove(&id);
            tracing::info!(installation = id, file = %path.display(), "its file is gone, and nothing of it runs any more");
        }
        let now = self.host.clock.now();
        let mut changed = vec![];
        for (path, text) in files {
            let before = members.get(&path);
            let is_due = |member: &Member| member.status != Status::Running && member.looked_at.plus(AGAIN) <= now;
            if before.is_some_and(|member| member.text == text && !is_due(member)) {
                continue;
            }
            let ran = before.and_then(|member| member.runs.clone());
            let said = before.map(|member| member.status.clone());
            let others = members.iter().filter(|(other, _)| **other != path);
            let taken: BTreeMap<String, PathBuf> =
                others.filter_map(|(other, member)| Some((member.runs.clone()?, other.clone()))).collect();
            let (runs, status) = self.one(&path, &text, ran, &taken).await;
            if said.as_ref() != Some(&status) {
                changed.push(Standing { file: path.clone(), installation: runs.clone(), status: status.clone() });
            }
            members.insert(path, Member { text, looked_at: now, runs, status });
        }
        changed
    }

    pub async fn standings(&self) -> Vec<Standing> {
        let members = self.members.lock().await;
        let standing = |(file, member): (&PathBuf, &Member)| Standing {
            file: file.clone(),
            installation: member.runs.clone(),
            status: member.status.clone(),
        };
        members.iter().map(standing).collect()
    }

    /// `ran`: the id under which this file ran before.
    async fn one(
        &self,
        path: &Path,
        text: &Result<String, String>,
        ran: Option<String>,
        taken: &BTreeMap<String, PathBuf>,
    ) -> (Option<String>, Status) {
        let parsed = text.as_ref().map_err(Clone::clone);
        let parsed = parsed.and_then(|text| InstallationFile::parse(path, text).map_err(|e| e.to_string()));
        let file = match parsed {
            Ok(file) => file,
            Err(why) => return (ran, Status::Broken { why }),
        };
        if let Some(before) = ran.as_ref().filter(|before| **before != file.id) {
            self.host.remove(before);
        }
        let ran = ran.filter(|before| *before == file.id);
        match self.add(&file, taken).await {
            Ok(findings) if findings.is_empty() => (Some(file.id), Status::Running),
            Ok(findings) => {
                self.host.remove(&file.id);
                (None, Status::Held { findings })
            }
            Err(e) => (ran, Status::Broken { why: e.to_string() }),
        }
    }

    /// What stands in the way of switching it on. Empty: it runs.
    async fn add(&self, file: &InstallationFile, taken: &BTreeMap<String, PathBuf>) -> Result<Vec<Finding>, AddError> {
        if let Some(by) = taken.get(&file.id) {
            return Err(AddError::Taken { id: file.id.clone(), by: by.clone() });
        }
        let Connected { names, accounts } = activation::connected(file, file.accounts()?, &self.credentials)?;
        let now = self.host.clock.now();
        let activated_at = self.data.activation(&file.id, None, now)?;
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
        let manifest = self.host.install(&file.component()?, installation).await?;
        if self.data.is_switched_on(&file.id)? {
            self.host.look_on(&file.id).await?;
            return Ok(vec![]);
        }
        let findings = activation::findings(&self.host, file, &accounts, &manifest, &self.data).await?;
        if activation::is_blocked(&findings) {
            return Ok(findings);
        }
        self.data.note_activation(&file.id, activated_at)?;
        self.data.note_switched_on(&file.id, accounts)?;
        self.host.switch_on(&file.id, self.addresses(&file.id, &manifest, address_secret)).await?;
        Ok(vec![])
    }

    fn addresses(&self, id: &str, manifest: &Manifest, secret: Option<SecretString>) -> BTreeMap<String, String> {
        match (&self.public_address, secret) {
            (Some(public), Some(secret)) => activation::addresses(id, manifest, public, &secret),
            _ => BTreeMap::new(),
        }
    }
}
