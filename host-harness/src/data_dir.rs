//! What is remembered between two processes beside the engine's store: the folder of `--data`.
//!
//! Promises: one process at a time has it; when an installation was switched on is noted once and never changed; only its
//! owner may read what is in it; credentials and deliveries are sealed in it, and who comes with another key, or with none, is told
//! so before anything is read or written.
//!
//! A key that nobody gave is made here, beside what it seals. That helps where a file gets out alone (a store that is sent to
//! somebody, a single file from a backup), and not where the whole directory does.

mod backup;
mod rows;

pub use backup::{Backup, backup};
pub use rows::{Gone, Keeping, Rows};

use crate::{
    clock::Timestamp,
    connections::{CredentialError, CredentialStore},
    disk,
    sync::plan::Spent,
    vault::{KEY_VARIABLE, Vault, VaultError},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("what is in {} cannot be opened: {problem}", .path.display())]
    Sealed { path: PathBuf, problem: VaultError },
    #[error(
        "what is in {} is sealed, and its key is not here. Give it in the environment variable {KEY_VARIABLE}, or in a file with \
         --key-file; without it credentials and deliveries that wait cannot be read by anybody", .0.display()
    )]
    NoKey(PathBuf),
    #[error(transparent)]
    Key(VaultError),
    #[error("{} may be read by others. Run: chmod 600 {}", .0.display(), .0.display())]
    OpenKey(PathBuf),
    #[error(
        "the data directory {} is in use by another process, and one at a time may use it. If that is `harness serve`, ask it (the \
         commands that can do so by themselves, the others as the guide's section on HTTP says). Else end it, or give another \
         directory with --data", .0.display()
    )]
    InUse(PathBuf),
    #[error("no copy can be made at {}: {why}. Give it another place with --to", .path.display())]
    NoPlace { path: PathBuf, why: &'static str },
    #[error("the data directory cannot be used: {}: {problem}. Give another one with --data", .path.display())]
    Unusable { path: PathBuf, problem: String },
    #[error(
        "`{installation}` was switched on at {noted}, as {} says, and that stands: what came before it would be judged \
         otherwise half-way. Leave --activated-at out, or use another --data for another installation", .path.display()
    )]
    OtherActivation { installation: String, noted: Timestamp, path: PathBuf },
}

/// The file of a key that nobody gave.
pub const KEY: &str = "key";
const STREAMS: &str = "streams.sqlite";
/// What the file `key-check` is sealed for: an empty text.
const CHECK: &str = "key-check";
/// See [`DataDir::told`].
const TOLD: &str = "addresses.json";
/// See [`AdminAt`].
const ADMIN: &str = "admin.json";

/// By connection, a digest that tells accounts apart.
pub type Accounts = BTreeMap<String, String>;

/// What a pass of a stream has cost so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// From then on it is paid back.
    pub began_at: Timestamp,
    pub spent: Spent,
    /// When the account has paid for it, with what others have spent of it before.
    #[serde(default)]
    pub paid_at: Timestamp,
    /// Pages read so far.
    #[serde(default)]
    pub pages: u64,
    /// It goes on.
    #[serde(default)]
    pub more: bool,
}

/// Where whoever finds the directory in use asks instead: the process that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminAt {
    pub address: SocketAddr,
    /// Where its token is kept; of one that was given otherwise, nothing.
    pub token_file: Option<PathBuf>,
}

pub struct DataDir {
    path: PathBuf,
    /// Held for as long as this lives.
    _lock: File,
}

impl DataDir {
    /// Makes the folder where there is none.
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        let lock = path.join("lock");
        private_folder(path)?;
        let file = private(&lock)?;
        match file.try_lock() {
            Ok(()) => {
                let data = DataDir { path: path.into(), _lock: file };
                // Whoever noted it is gone: nobody may be asked there, or shown the token, any more.
                data.forget_admin()?;
                Ok(data)
            }
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.into())),
            Err(TryLockError::Error(e)) => Err(unusable(&lock, e)),
        }
    }

    /// Where the process that has this directory is asked, if it has said so.
    pub fn admin_of(folder: &Path) -> Result<Option<AdminAt>, DataDirError> {
        read(&folder.join(ADMIN))
    }

    pub fn note_admin(&self, at: &AdminAt) -> Result<(), DataDirError> {
        write(&self.path.join(ADMIN), at)
    }

    pub fn forget_admin(&self) -> Result<(), DataDirError> {
        let file = self.path.join(ADMIN);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unusable(&file, e)),
            _ => Ok(()),
        }
    }

    /// The admin interface's own token, which is made where there is none.
    pub fn admin_token(&self) -> Result<(PathBuf, SecretString), DataDirError> {
        let path = self.path.join("admin-token");
        let token = match text(&path)?.map(Zeroizing::new) {
            Some(token) => token.trim().into(),
            None => {
                let token = Vault::new_key();
                disk::replace(&path, token.expose_secret().as_bytes()).map_err(|e| unusable(&path, e))?;
                token
            }
        };
        if fs::metadata(&path).is_ok_and(|metadata| disk::open_to_others(&metadata)) {
            return Err(DataDirError::OpenKey(path));
        }
        Ok((path, token))
    }

    /// The engine's file.
    pub fn store(&self) -> PathBuf {
        DataDir::store_in(&self.path)
    }

    /// The same for a folder that nobody has opened.
    pub fn store_in(folder: &Path) -> PathBuf {
        folder.join("harness.sqlite")
    }

    /// The engine's file, made where there is none. What SQLite makes beside it gets the same rights.
    pub fn made_store(&self) -> Result<PathBuf, DataDirError> {
        private(&self.store())?;
        Ok(self.store())
    }

    /// The engine's file for streams.
    pub fn made_store_of_streams(&self) -> Result<PathBuf, DataDirError> {
        let store = self.path.join(STREAMS);
        private(&store)?;
        Ok(store)
    }

    /// The same, where there is one.
    pub fn store_of_streams(&self) -> Option<PathBuf> {
        Some(self.path.join(STREAMS)).filter(|store| store.exists())
    }

    /// Where the cursor of an installation's stream is kept. Whoever has the folder leaves that to the taker.
    pub fn stream_file_in(folder: &Path, installation: &str, stream: &str) -> PathBuf {
        folder.join(format!("{installation}.{stream}.json"))
    }

    /// Of streams that are read by themselves.
    pub fn rows(&self) -> Rows {
        Rows::of(&self.path)
    }

    /// What reading a stream has cost, whatever cursor it was read from.
    pub fn pace(&self, installation: &str, stream: &str) -> Result<Option<Pace>, DataDirError> {
        read(&self.pace_file(installation, stream))
    }

    pub fn note_pace(&self, installation: &str, stream: &str, pace: &Pace) -> Result<(), DataDirError> {
        write(&self.pace_file(installation, stream), pace)
    }

    fn pace_file(&self, installation: &str, stream: &str) -> PathBuf {
        self.path.join(format!("{installation}.{stream}.pace.json"))
    }

    /// What seals here: the keys that were given, else the one in this directory, which is made where nothing was sealed yet. The
    /// first of several keys seals from now on.
    pub fn vault(&self, given: Option<Vault>) -> Result<Vault, DataDirError> {
        let check = self.path.join("key-check");
        let noted = text(&check)?;
        let vault = match given {
            Some(vault) => vault,
            None => self.own_key(noted.is_none())?,
        };
        if let Some(noted) = &noted {
            vault.open(CHECK, noted).map_err(|problem| DataDirError::Sealed { path: self.path.clone(), problem })?;
        }
        if !noted.is_some_and(|noted| vault.is_current(&noted)) {
            disk::replace(&check, vault.seal(CHECK, b"").as_bytes()).map_err(|e| unusable(&check, e))?;
        }
        Ok(vault)
    }

    fn own_key(&self, may_be_made: bool) -> Result<Vault, DataDirError> {
        let path = self.path.join(KEY);
        let key = match text(&path)?.map(Zeroizing::new) {
            Some(key) => key,
            None if may_be_made => {
                let key = Zeroizing::new(Vault::new_key().expose_secret().to_owned());
                disk::replace(&path, key.as_bytes()).map_err(|e| unusable(&path, e))?;
                key
            }
            None => return Err(DataDirError::NoKey(self.path.clone())),
        };
        if fs::metadata(&path).is_ok_and(|metadata| disk::open_to_others(&metadata)) {
            return Err(DataDirError::OpenKey(path));
        }
        Vault::of(&key, &path.display().to_string()).map_err(DataDirError::Key)
    }

    pub fn credentials(&self, vault: &Vault) -> Result<CredentialStore, CredentialError> {
        CredentialStore::open(self.path.join("credentials.json"), vault.clone())
    }

    /// When the installation was switched on: as noted here; else as given, or now.
    pub fn activation(
        &self,
        installation: &str,
        given: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Timestamp, DataDirError> {
        match (self.activations()?.get(installation), given) {
            (Some(noted), Some(given)) if *noted != given => Err(DataDirError::OtherActivation {
                installation: installation.into(),
                noted: *noted,
                path: self.activations_file(),
            }),
            (Some(noted), _) => Ok(*noted),
            // To the second: that is how it is shown, and how it is given again.
            (None, given) => Ok(Timestamp::from_seconds(given.unwrap_or(now).seconds())),
        }
    }

    /// All that were ever switched on here.
    pub fn installations(&self) -> Result<Vec<String>, DataDirError> {
        Ok(self.activations()?.into_keys().collect())
    }

    /// Whether it was ever switched on here: something of it may be kept.
    pub fn is_known(&self, installation: &str) -> Result<bool, DataDirError> {
        Ok(self.activations()?.contains_key(installation))
    }

    pub fn is_switched_on(&self, installation: &str) -> Result<bool, DataDirError> {
        Ok(self.switched_on()?.contains_key(installation))
    }

    /// Somebody has switched it off, and nobody on again.
    pub fn was_switched_off(&self, installation: &str) -> Result<bool, DataDirError> {
        Ok(self.activations()?.contains_key(installation) && !self.is_switched_on(installation)?)
    }

    /// What is switched on, each with the accounts behind its connections.
    pub fn switched_on(&self) -> Result<BTreeMap<String, Accounts>, DataDirError> {
        let file = self.switched_on_file();
        match read(&file)? {
            Some(switched_on) => Ok(switched_on),
            // Written by a version that noted activations alone.
            None => Ok(self.activations()?.into_keys().map(|id| (id, Accounts::new())).collect()),
        }
    }

    pub fn note_switched_on(&self, installation: &str, accounts: Accounts) -> Result<(), DataDirError> {
        let mut switched_on = self.switched_on()?;
        switched_on.insert(installation.into(), accounts);
        write(&self.switched_on_file(), &switched_on)
    }

    /// When it was switched on stays noted: what came before that is touched by no later installation either.
    pub fn note_switched_off(&self, installation: &str) -> Result<(), DataDirError> {
        let mut switched_on = self.switched_on()?;
        switched_on.remove(installation);
        write(&self.switched_on_file(), &switched_on)?;
        match self.told()?.contains_key(installation) {
            true => self.note_told(installation, None),
            false => Ok(()),
        }
    }

    /// The digest of the addresses that an installation's connector was told last.
    pub fn told(&self) -> Result<BTreeMap<String, String>, DataDirError> {
        Ok(read(&self.path.join(TOLD))?.unwrap_or_default())
    }

    pub fn note_told(&self, installation: &str, digest: Option<String>) -> Result<(), DataDirError> {
        let mut told = self.told()?;
        match digest {
            Some(digest) => told.insert(installation.into(), digest),
            None => told.remove(installation),
        };
        write(&self.path.join(TOLD), &told)
    }

    /// Notes what [`DataDir::activation`] said.
    pub fn note_activation(&self, installation: &str, at: Timestamp) -> Result<(), DataDirError> {
        let mut noted = self.activations()?;
        if noted.insert(installation.into(), at) == Some(at) {
            return Ok(());
        }
        let texts: BTreeMap<String, String> = noted.iter().map(|(id, at)| (id.clone(), at.to_string())).collect();
        write(&self.activations_file(), &texts)
    }

    fn switched_on_file(&self) -> PathBuf {
        self.path.join("switched-on.json")
    }

    fn activations_file(&self) -> PathBuf {
        self.path.join("activations.json")
    }

    fn activations(&self) -> Result<BTreeMap<String, Timestamp>, DataDirError> {
        let file = self.activations_file();
        let noted: BTreeMap<String, String> = read(&file)?.unwrap_or_default();
        let time = |(id, at): (String, String)| Timestamp::parse(&at).map(|at| (id, at)).ok_or(at);
        noted.into_iter().map(time).collect::<Result<_, _>>().map_err(|at| unusable(&file, format!("{at} is no time")))
    }
}

fn text(file: &Path) -> Result<Option<String>, DataDirError> {
    match fs::read_to_string(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|e| unusable(file, e)),
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, DataDirError> {
    let Some(text) = text(file)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| unusable(file, e))
}

/// Whole or not at all.
fn write(file: &Path, value: &impl Serialize) -> Result<(), DataDirError> {
    let text = serde_json::to_vec_pretty(value).expect("texts always become JSON");
    disk::replace(file, &text).map_err(|e| unusable(file, e))
}

/// Made where there is none, for its owner alone.
fn private_folder(path: &Path) -> Result<(), DataDirError> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    let made = !path.exists();
    folder.create(path).map_err(|e| unusable(path, e))?;
    match path.parent().filter(|above| made && !above.as_os_str().is_empty()) {
        Some(above) => disk::sync_folder(above).map_err(|e| unusable(above, e)),
        None => Ok(()),
    }
}

/// Opens a file, or makes one that only its owner may read.
fn private(path: &Path) -> Result<File, DataDirError> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|e| unusable(path, e))
}

fn unusable(path: &Path, problem: impl ToString) -> DataDirError {
    DataDirError::Unusable { path: path.into(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::InUse(_))));
        drop(first);
        DataDir::open(&path).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(DataDir::open(&folder.path().join("file")), Err(DataDirError::Unusable { .. })));
    }

    /// Whoever was killed has not taken its note away.
    #[test]
    fn where_somebody_serves_is_noted_for_as_long_as_the_folder_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let at = AdminAt { address: ([127, 0, 0, 1], 8081).into(), token_file: None };
        let noted = || DataDir::admin_of(folder.path()).unwrap();
        assert_eq!(noted(), None);
        let data = DataDir::open(folder.path()).unwrap();
        data.note_admin(&at).unwrap();
        assert_eq!(noted(), Some(at));
        assert!(DataDir::open(folder.path()).is_err() && noted().is_some(), "it is held");
        drop(data);
        DataDir::open(folder.path()).unwrap();
        assert_eq!(noted(), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_token_of_the_admin_interface_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let (path, token) = data.admin_token().unwrap();
        assert_eq!(data.admin_token().unwrap().1.expose_secret(), token.expose_secret());
        assert!(token.expose_secret().len() > 40);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(data.admin_token().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn an_installation_is_switched_on_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let now = at("2026-11-23T08:00:00.700Z");
        assert_eq!(data.activation("acme", None, now).unwrap(), at("2026-11-23T08:00:00Z"));
        let given = at("2026-11-20T00:00:00Z");
        assert_eq!(data.activation("acme", Some(given), now).unwrap(), given);
        assert!(!data.activations_file().exists(), "asked, not noted");
        assert!(!data.is_switched_on("acme").unwrap());
        data.note_activation("acme", given).unwrap();
        assert!(data.is_switched_on("acme").unwrap() && !data.is_switched_on("other").unwrap());
        data.note_activation("other", now).unwrap();
        let accounts: Accounts = [("livestorm".to_string(), "1".to_string())].into();
        data.note_switched_on("acme", accounts.clone()).unwrap();
        assert_eq!(data.switched_on().unwrap()["acme"], accounts);
        data.note_switched_off("acme").unwrap();
        assert!(!data.is_switched_on("acme").unwrap() && data.is_switched_on("other").unwrap());
        let was_switched_off = |id| data.was_switched_off(id).unwrap();
        assert!(was_switched_off("acme") && !was_switched_off("other") && !was_switched_off("never"));
        for again in [None, Some(given)] {
            assert_eq!(data.activation("acme", again, now).unwrap(), given);
        }
        let refused = data.activation("acme", Some(now), now).unwrap_err().to_string();
        assert!(refused.starts_with("`acme` was switched on at 2026-11-20T00:00:00Z"), "{refused}");
        fs::write(data.activations_file(), "{\"acme\": \"soon\"}").unwrap();
        assert!(data.activation("acme", None, now).unwrap_err().to_string().contains("soon is no time"));
    }

    /// `None`: no key is given.
    fn sealed_by(path: &Path, keys: Option<&[&str]>) -> Result<Vault, String> {
        let given = keys.map(|keys| Vault::of(&keys.join("\n"), "a test").unwrap());
        DataDir::open(path).unwrap().vault(given).map_err(|e| e.to_string())
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_nobody_gave_is_made_once_and_never_in_the_place_of_one_that_is_gone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path(), folder.path().join("key"));
        let sealed = sealed_by(path, None).unwrap().seal("a use", b"something");
        assert!(sealed_by(path, None).unwrap().open("a use", &sealed).is_ok(), "the same key");
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&key), mode(&path.join("key-check"))), (0o600, 0o600));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(sealed_by(path, None).unwrap_err().contains("chmod 600"));
        fs::remove_file(&key).unwrap();
        let said = sealed_by(path, None).unwrap_err();
        assert!(said.contains("its key is not here. Give it in the environment variable HARNESS_KEY"), "{said}");
        assert!(!key.exists(), "none is made");
        fs::write(&key, "hush-hush").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let said = sealed_by(path, None).unwrap_err();
        assert!(said.contains("key holds no key. A key is 32 bytes") && !said.contains("hush"), "{said}");
    }

    #[test]
    fn who_comes_with_another_key_is_told_and_a_key_is_replaced_by_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let (old, new) = (Vault::new_key(), Vault::new_key());
        let (old, new) = (old.expose_secret(), new.expose_secret());
        sealed_by(path, Some(&[old])).unwrap();
        assert!(!path.join("key").exists(), "it was given");
        let said = sealed_by(path, Some(&[new])).unwrap_err();
        assert!(said.contains("it was sealed with the key") && said.contains("HARNESS_KEY=new,old"), "{said}");
        assert!(sealed_by(path, None).unwrap_err().contains("its key is not here"));
        sealed_by(path, Some(&[new, old])).unwrap();
        sealed_by(path, Some(&[new])).unwrap();
        assert!(sealed_by(path, Some(&[old])).is_err(), "from then on the first of them seals");
    }
}
