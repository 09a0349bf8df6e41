//! The accounts' secrets: the one place that keeps them.
//!
//! Promises: a rotated refresh token is on the disk before the access token that came with it is given to anybody; nothing
//! here prints a secret. Not here: how a token is refreshed (`oauth.rs`) or comes to be (`sign_in.rs`), where it is put
//! (`profile/`), how the file is sealed (`vault.rs`).
//!
//! Invariant: the file is sealed, and replaced as a whole (temporary file, flush, rename), so that a crash leaves the old one or
//! the new one; only its owner may read it.
//!
//! An account here is one grant: connections with the same one share its token and its refresh. An installation's word for it is
//! not its name, since two installations may use one word: [`CredentialStore::declare`].

use super::sign_in::App;
use crate::{
    disk::{open_to_others, replace},
    vault::{Vault, VaultError},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

/// Shorter ones are refused: they would be found everywhere in answers, and nobody hands such out.
pub const SECRET_BYTES_MIN: usize = 8;
const TOO_SHORT: &str = "fewer than 8 characters";
/// Tokens of an account that are no longer used but still scrubbed: an answer may come late.
const FORMER_TOKENS_KEPT: usize = 8;
/// What the file is sealed for.
const USED_FOR: &str = "credentials";

/// What proves to a provider who is calling.
#[derive(Clone, Debug)]
pub enum Secret {
    /// A token that a person made at the provider. It cannot be refreshed.
    Token(SecretString),
    OAuth(Box<OAuth>),
}

impl Secret {
    /// Tells two secrets apart, and nothing of what they are.
    pub fn fingerprint(&self) -> String {
        let text = match self {
            Secret::Token(token) => token.expose_secret().to_owned(),
            Secret::OAuth(oauth) => {
                format!("{}\n{}\n{}", oauth.token_url, oauth.client_id, oauth.refresh_token.expose_secret())
            }
        };
        hex::encode(Sha256::digest(text))
    }
}

#[derive(Clone, Debug)]
pub struct OAuth {
    /// E.g. `https://login.salesforce.com/services/oauth2/token`; of Salesforce the login origin alone will do.
    pub token_url: String,
    pub client_id: String,
    /// A public app has none.
    pub client_secret: Option<SecretString>,
    pub refresh_token: SecretString,
    pub access_token: Option<SecretString>,
    /// Where the data calls go, as the last token answer said.
    pub instance_url: Option<String>,
}

/// An account as an installation declares it.
#[derive(Clone, Debug)]
pub enum Declared {
    /// The operator says where its secret is.
    Given(Secret),
    /// A token that a person brings with `harness connect`.
    Token,
    /// A person signs in with `harness connect`.
    App(App),
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("no credentials for account `{0}`. Connect the account")]
    NoAccount(String),
    #[error("accounts that are not connected, or for another app: `{}`. Connect each with `harness connect`", .0.join("`, `"))]
    NotConnected(Vec<String>),
    #[error(
        "the {part} of account `{account}` has {fault}. Give it alone, in one line: where the installation file refers to it, or to \
         `harness connect`"
    )]
    Malformed { account: String, part: &'static str, fault: &'static str },
    #[error("{} may be read by others. Run: chmod 600 {}", .0.display(), .0.display())]
    Open(PathBuf),
    #[error("the secret of account `{0}` was not written down. Connect the account again")]
    Unwritten(String),
    #[error("the credentials in {} cannot be opened: {problem}", .path.display())]
    Sealed { path: PathBuf, problem: VaultError },
    #[error("{}: {problem}", .path.display())]
    File { path: PathBuf, problem: String },
}

/// What a request needs of an account.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub token: SecretString,
    pub refreshable: bool,
    /// Grows whenever the account's secret changes: whoever is refused sees whether it has changed meanwhile.
    pub generation: u64,
    pub instance_url: Option<String>,
}

/// All that must not come out, of one account.
#[derive(Clone, Default)]
pub(super) struct Known {
    secrets: Vec<SecretString>,
    /// The secret part of the address that webhooks are sent to.
    address: Option<SecretString>,
    /// Of answers.
    fields: Vec<&'static str>,
}

impl Known {
    pub fn of(secrets: impl IntoIterator<Item = SecretString>) -> Known {
        Known { secrets: secrets.into_iter().collect(), ..Known::default() }
    }

    pub fn with_address(self, address: Option<&SecretString>) -> Known {
        Known { address: address.cloned(), ..self }
    }

    /// Names of fields whose values are taken out of answers.
    pub fn with_fields(self, fields: Vec<&'static str>) -> Known {
        Known { fields, ..self }
    }

    pub fn fields(&self) -> &[&'static str] {
        &self.fields
    }

    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(ExposeSecret::expose_secret)
    }

    pub fn address(&self) -> Option<&str> {
        self.address.as_ref().map(ExposeSecret::expose_secret)
    }
}

#[derive(Clone)]
pub struct CredentialStore(Arc<Store>);

struct Store {
    file: Option<(PathBuf, Vault)>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    accounts: BTreeMap<String, Account>,
    generation: u64,
    /// Memory knows more than the file: the last write failed.
    unsaved: bool,
}

struct Account {
    secret: Secret,
    generation: u64,
    former: VecDeque<SecretString>,
    /// SHA-256, as hex, of the refresh token that a person gave, and from which this grant has come by refreshes.
    grown_from: Option<String>,
    /// Whether it belongs on the disk: what a person gave can be given again, what a refresh brought cannot.
    kept: bool,
}

/// The form of what is sealed. Plain text on its way there and back: never kept, never printed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    Token(String),
    #[serde(rename = "oauth")]
    OAuth {
        token_url: String,
        client_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_secret: Option<String>,
        refresh_token: String,
        #[serde(default)]
        access_token: Option<String>,
        #[serde(default)]
        instance_url: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grown_from: Option<String>,
    },
}

impl From<&Account> for Written {
    fn from(account: &Account) -> Written {
        let open = |s: &SecretString| s.expose_secret().to_owned();
        match &account.secret {
            Secret::Token(token) => Written::Token(open(token)),
            Secret::OAuth(o) => Written::OAuth {
                token_url: o.token_url.clone(),
                client_id: o.client_id.clone(),
                client_secret: o.client_secret.as_ref().map(open),
                refresh_token: open(&o.refresh_token),
                access_token: o.access_token.as_ref().map(open),
                instance_url: o.instance_url.clone(),
                grown_from: account.grown_from.clone(),
            },
        }
    }
}

impl Written {
    /// The secret, and from which one it has grown.
    fn read(self) -> (Secret, Option<String>) {
        match self {
            Written::Token(token) => (Secret::Token(token.into()), None),
            Written::OAuth {
                token_url,
                client_id,
                client_secret,
                refresh_token,
                access_token,
                instance_url,
                grown_from,
            } => {
                let oauth = OAuth {
                    token_url,
                    client_id,
                    client_secret: client_secret.map(Into::into),
                    refresh_token: refresh_token.into(),
                    access_token: access_token.map(Into::into),
                    instance_url,
                };
                (Secret::OAuth(Box::new(oauth)), grown_from)
            }
        }
    }
}

impl Secret {
    /// By their names in an installation file.
    fn named_parts(&self) -> Vec<(&'static str, &SecretString)> {
        match self {
            Secret::Token(token) => vec![("token", token)],
            Secret::OAuth(o) => {
                let client_secret = o.client_secret.iter().map(|secret| ("client_secret", secret));
                let access_token = o.access_token.iter().map(|token| ("access_token", token));
                client_secret.chain([("refresh_token", &o.refresh_token)]).chain(access_token).collect()
            }
        }
    }

    fn parts(&self) -> Vec<&SecretString> {
        self.named_parts().into_iter().map(|(_, part)| part).collect()
    }

    /// `account`: as it is told to a person.
    fn well_formed(&self, account: &str) -> Result<(), CredentialError> {
        let fault = |secret: &SecretString| match secret.expose_secret() {
            text if text.len() < SECRET_BYTES_MIN => Some(TOO_SHORT),
            text if !text.bytes().all(|b| b.is_ascii_graphic()) => {
                Some("a space, or a character that no header can carry")
            }
            _ => None,
        };
        let wrong = self.named_parts().into_iter().find_map(|(part, secret)| Some((part, fault(secret)?)));
        wrong.map_or(Ok(()), |(part, fault)| Err(CredentialError::Malformed { account: account.into(), part, fault }))
    }
}

/// Under which name is kept what a person brings for an installation's account.
pub fn connected_name(installation: &str, account: &str) -> String {
    format!("{installation}/{account}")
}

impl CredentialStore {
    pub(super) fn is_on_disk(&self) -> bool {
        self.0.file.is_some()
    }

    /// Forgotten with the process: for tests and for the simulators.
    pub fn in_memory() -> CredentialStore {
        CredentialStore(Arc::new(Store { file: None, inner: Mutex::default() }))
    }

    /// Kept in this file, which need not exist yet. One that an earlier version wrote in clear, or that was sealed with a key that
    /// is to be replaced, is sealed anew at once.
    pub fn open(path: impl Into<PathBuf>, vault: Vault) -> Result<CredentialStore, CredentialError> {
        let path = path.into();
        let fail = |problem: String| CredentialError::File { path: path.clone(), problem };
        let mut inner = Inner::default();
        match fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(fail(e.to_string())),
            Ok(metadata) => {
                if open_to_others(&metadata) {
                    return Err(CredentialError::Open(path));
                }
                let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(|e| fail(e.to_string()))?;
                inner.unsaved = !vault.is_current(&text);
                // The parser's own words may quote what it read.
                let written = |bytes: &[u8]| {
                    serde_json::from_slice::<BTreeMap<String, Written>>(bytes).map_err(|e| {
                        fail(format!("not a file of credentials (line {}, column {})", e.line(), e.column()))
                    })
                };
                let written = match Vault::is_sealed(&text) {
                    true => {
                        let sealed = |problem| CredentialError::Sealed { path: path.clone(), problem };
                        written(vault.open(USED_FOR, &text).map_err(sealed)?.expose_secret())?
                    }
                    false => written(text.as_bytes())?,
                };
                for (name, written) in written {
                    let (secret, grown_from) = written.read();
                    secret.well_formed(&name)?;
                    inner.generation += 1;
                    let generation = inner.generation;
                    let former = VecDeque::new();
                    inner.accounts.insert(name, Account { secret, generation, former, grown_from, kept: true });
                }
            }
        }
        let store = CredentialStore(Arc::new(Store { file: Some((path, vault)), inner: Mutex::new(inner) }));
        store.flush()?;
        Ok(store)
    }

    /// Sets or replaces an account's secret. It is durable when this returns well.
    pub fn put(&self, account: &str, secret: Secret) -> Result<(), CredentialError> {
        secret.well_formed(account)?;
        let mut inner = self.lock();
        inner.set(account, secret, None, true);
        inner.unsaved = true;
        self.save(&mut inner)
    }

    /// An account as an installation declares it now, and the name under which its secret is kept. What a person is to bring must
    /// have been brought; what is said of its app holds from now on.
    ///
    /// One grant that is given to two installations is one account, since each refresh may spend the token of the one before; one
    /// word for two grants is two accounts.
    pub fn declare(&self, installation: &str, account: &str, declared: Declared) -> Result<String, CredentialError> {
        let app = match declared {
            Declared::Given(secret) => {
                secret.well_formed(account)?;
                let name = self.given_name(account, &secret);
                self.connect(&name, secret)?;
                return Ok(name);
            }
            Declared::Token => None,
            Declared::App(app) => Some(app),
        };
        let name = connected_name(installation, account);
        let mut inner = self.lock();
        let secret = inner.accounts.get_mut(&name).map(|account| &mut account.secret);
        match (secret, app) {
            (Some(Secret::Token(_)), None) => Ok(name),
            (Some(Secret::OAuth(grant)), Some(app)) if grant.client_id == app.client_id => {
                (grant.token_url, grant.client_secret) = (app.token_url, app.client_secret);
                Ok(name)
            }
            _ => Err(CredentialError::NotConnected(vec![name])),
        }
    }

    /// That of what has grown from it already, or a new one.
    fn given_name(&self, account: &str, secret: &Secret) -> String {
        let seed = match secret {
            Secret::Token(token) => digest(token),
            Secret::OAuth(grant) => digest(&grant.refresh_token),
        };
        let inner = self.lock();
        let grown = inner.accounts.iter().find(|(_, own)| own.grown_from.as_ref() == Some(&seed));
        grown.map_or_else(|| format!("{account}#{}", &seed[..8]), |(name, _)| name.clone())
    }

    /// The secret that a person has given for an account, once more or anew. A grant that has grown from this very refresh token
    /// is newer than it and stays; all else is replaced. Nothing is written to the disk before a refresh brings something.
    pub fn connect(&self, account: &str, given: Secret) -> Result<(), CredentialError> {
        given.well_formed(account)?;
        let mut inner = self.lock();
        let (secret, grown_from, kept) = match (given, inner.accounts.get(account)) {
            (Secret::OAuth(given), Some(Account { secret: Secret::OAuth(old), grown_from: Some(seed), kept, .. }))
                if *seed == digest(&given.refresh_token) =>
            {
                let OAuth { refresh_token, access_token, instance_url, .. } = *old.clone();
                let grown = OAuth { refresh_token, access_token, instance_url, ..*given };
                (Secret::OAuth(Box::new(grown)), Some(seed.clone()), *kept)
            }
            (Secret::OAuth(given), _) => {
                let seed = digest(&given.refresh_token);
                (Secret::OAuth(given), Some(seed), false)
            }
            (token, _) => (token, None, false),
        };
        inner.set(account, secret, grown_from, kept);
        Ok(())
    }

    /// It is gone from the disk when this returns well, and from memory in any case. Whether there was one.
    pub fn remove(&self, account: &str) -> Result<bool, CredentialError> {
        let mut inner = self.lock();
        let was_there = inner.accounts.remove(account).is_some();
        inner.unsaved |= was_there;
        self.save(&mut inner)?;
        Ok(was_there)
    }

    /// Tells whose it is, as far as a secret tells: two of the same are one account.
    pub fn whose(&self, account: &str) -> Option<String> {
        match &self.lock().accounts.get(account)?.secret {
            Secret::OAuth(grant) => grant.instance_url.as_ref().map(|url| hex::encode(Sha256::digest(url))),
            token => Some(token.fingerprint()),
        }
    }

    /// The names alone.
    pub fn accounts(&self) -> Vec<String> {
        self.lock().accounts.keys().cloned().collect()
    }

    pub(super) fn secret(&self, account: &str) -> Result<(Secret, u64), CredentialError> {
        let inner = self.lock();
        let found = inner.accounts.get(account).ok_or_else(|| CredentialError::NoAccount(account.into()))?;
        Ok((found.secret.clone(), found.generation))
    }

    /// Nothing where a refresh has to fetch the first token.
    pub(super) fn access(&self, account: &str) -> Result<Option<Access>, CredentialError> {
        self.access_and_known(account).map(|(access, _)| access)
    }

    /// What a request is signed with, and what its answer is searched for: of one moment, so that what signs is known.
    pub(super) fn access_and_known(&self, account: &str) -> Result<(Option<Access>, Known), CredentialError> {
        let inner = self.lock();
        let found = inner.accounts.get(account).ok_or_else(|| CredentialError::NoAccount(account.into()))?;
        let generation = found.generation;
        let access = match found.secret.clone() {
            Secret::Token(token) => Some(Access { token, refreshable: false, generation, instance_url: None }),
            Secret::OAuth(o) => {
                let OAuth { access_token, instance_url, .. } = *o;
                access_token.map(|token| Access { token, refreshable: true, generation, instance_url })
            }
        };
        Ok((access, Known::of(found.secret.parts().into_iter().chain(&found.former).cloned())))
    }

    pub(super) fn known(&self, account: &str) -> Known {
        self.access_and_known(account).map(|(_, known)| known).unwrap_or_default()
    }

    /// Keeps what a refresh brought, unless the account's secret was changed meanwhile. Blocks until it is on the disk.
    /// Where that fails it is kept in memory, and [`CredentialStore::flush`] tries again before anybody uses it.
    pub(super) fn rotate(&self, account: &str, generation: u64, new: OAuth) -> Result<(), CredentialError> {
        let secret = Secret::OAuth(Box::new(new));
        secret.well_formed(account)?;
        let mut inner = self.lock();
        if let Some(old) = inner.accounts.get(account).filter(|a| a.generation == generation) {
            let grown_from = old.grown_from.clone();
            inner.set(account, secret, grown_from, true);
            inner.unsaved = true;
        }
        self.save(&mut inner)
    }

    pub(super) fn unsaved(&self) -> bool {
        self.lock().unsaved
    }

    pub(super) fn flush(&self) -> Result<(), CredentialError> {
        let mut inner = self.lock();
        if inner.unsaved { self.save(&mut inner) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What a panic elsewhere leaves behind is whole: every change is one assignment.
        self.0.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn save(&self, inner: &mut Inner) -> Result<(), CredentialError> {
        let Some((path, vault)) = &self.0.file else {
            inner.unsaved = false;
            return Ok(());
        };
        let kept = inner.accounts.iter().filter(|(_, account)| account.kept);
        let written: BTreeMap<&String, Written> = kept.map(|(name, account)| (name, account.into())).collect();
        let bytes = Zeroizing::new(serde_json::to_vec(&written).expect("strings always become JSON"));
        replace(path, vault.seal(USED_FOR, &bytes).as_bytes())
            .map_err(|e| CredentialError::File { path: path.clone(), problem: e.to_string() })?;
        inner.unsaved = false;
        Ok(())
    }
}

impl Inner {
    fn set(&mut self, account: &str, secret: Secret, grown_from: Option<String>, kept: bool) {
        self.generation += 1;
        let mut former = VecDeque::new();
        if let Some(old) = self.accounts.remove(account) {
            former = old.former;
            former.extend(old.secret.parts().into_iter().cloned());
            while former.len() > FORMER_TOKENS_KEPT * 3 {
                former.pop_front();
            }
        }
        let generation = self.generation;
        self.accounts.insert(account.into(), Account { secret, generation, former, grown_from, kept });
    }
}

fn digest(token: &SecretString) -> String {
    hex::encode(Sha256::digest(token.expose_secret()))
}

impl fmt::Debug for CredentialStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialStore").field("accounts", &self.accounts()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn opened(path: impl Into<PathBuf>) -> Result<CredentialStore, CredentialError> {
        CredentialStore::open(path, Vault::simulated())
    }

    fn in_the_file(path: &Path) -> String {
        let text = fs::read_to_string(path).unwrap();
        String::from_utf8(Vault::simulated().open(USED_FOR, &text).unwrap().expose_secret().to_vec()).unwrap()
    }

    fn oauth(refresh: &str, access: Option<&str>) -> OAuth {
        OAuth {
            token_url: "https://login.salesforce.com".into(),
            client_id: "client".into(),
            client_secret: Some("client-secret-1".into()),
            refresh_token: refresh.into(),
            access_token: access.map(Into::into),
            instance_url: None,
        }
    }

    #[test]
    fn a_rotated_token_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let store = opened(&path).unwrap();
        store.put("sf", Secret::OAuth(Box::new(oauth("refresh-1-secret", None)))).unwrap();
        store.put("ls", Secret::Token("livestorm-token".into())).unwrap();
        let (_, generation) = store.secret("sf").unwrap();
        store.rotate("sf", generation, oauth("refresh-2-secret", Some("access-2-secret"))).unwrap();
        let again = opened(&path).unwrap();
        assert_eq!(again.accounts(), ["ls", "sf"]);
        let (secret, _) = again.secret("sf").unwrap();
        let Secret::OAuth(o) = secret else { panic!("an OAuth secret was stored") };
        assert_eq!(o.refresh_token.expose_secret(), "refresh-2-secret");
        assert_eq!(again.access("sf").unwrap().unwrap().token.expose_secret(), "access-2-secret");
        assert!(!folder.path().join("credentials.json.new").exists());
    }

    #[test]
    fn a_rotated_token_is_used_until_a_person_gives_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let given = |refresh: &str| Secret::OAuth(Box::new(oauth(refresh, None)));
        let used = |store: &CredentialStore| match store.secret("sf").unwrap().0 {
            Secret::OAuth(o) => o.refresh_token.expose_secret().to_owned(),
            Secret::Token(_) => panic!("a grant stays a grant"),
        };
        let store = opened(&path).unwrap();
        store.connect("ls", Secret::Token("made-up-token".into())).unwrap();
        store.connect("sf", given("refresh-1-secret")).unwrap();
        assert!(!path.exists(), "what a person gave is not written down");
        let (_, generation) = store.secret("sf").unwrap();
        store.rotate("sf", generation, oauth("refresh-2-secret", Some("access-2-secret"))).unwrap();
        let kept = in_the_file(&path);
        assert!(
            kept.contains("refresh-2-secret") && !kept.contains("made-up-token"),
            "what was given can be given again"
        );

        for (refresh, expect) in [("refresh-1-secret", "refresh-2-secret"), ("refresh-9-secret", "refresh-9-secret")] {
            let again = opened(&path).unwrap();
            again.connect("sf", given(refresh)).unwrap();
            assert_eq!(used(&again), expect);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = opened(&path).unwrap();
        fs::write(folder.path().join("c.json.new"), "left by a crash").unwrap();
        store.put("a", Secret::Token("token-token".into())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = opened(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn what_a_person_put_meanwhile_is_not_overwritten_by_a_refresh() {
        let store = CredentialStore::in_memory();
        store.put("sf", Secret::OAuth(Box::new(oauth("refresh-1-secret", None)))).unwrap();
        let (_, before) = store.secret("sf").unwrap();
        store.put("sf", Secret::OAuth(Box::new(oauth("refresh-9-secret", Some("access-9-secret"))))).unwrap();
        store.rotate("sf", before, oauth("refresh-2-secret", Some("access-2-secret"))).unwrap();
        assert_eq!(store.access("sf").unwrap().unwrap().token.expose_secret(), "access-9-secret");
    }

    #[test]
    fn a_token_that_is_no_longer_used_is_still_known() {
        let store = CredentialStore::in_memory();
        store.put("sf", Secret::OAuth(Box::new(oauth("refresh-1-secret", Some("access-1-secret"))))).unwrap();
        let (_, generation) = store.secret("sf").unwrap();
        store.rotate("sf", generation, oauth("refresh-2-secret", Some("access-2-secret"))).unwrap();
        let known = store.known("sf");
        let known: Vec<&str> = known.texts().collect();
        for secret in ["access-1-secret", "refresh-1-secret", "access-2-secret", "refresh-2-secret", "client-secret-1"]
        {
            assert!(known.contains(&secret), "{secret}");
        }
    }

    #[test]
    fn of_a_secret_that_cannot_be_one_is_told_which_part_and_what_is_wrong_with_it() {
        let (store, fine) = (CredentialStore::in_memory(), "made-up-refresh-token");
        let app = |secret: &str, refresh: &str, access: &str| {
            let client_secret = Some(secret.into());
            Secret::OAuth(Box::new(OAuth { client_secret, ..oauth(refresh, Some(access)) }))
        };
        let (short, odd) = ("fewer than 8 characters", "a space, or a character that no header can carry");
        assert_eq!((short, SECRET_BYTES_MIN), (TOO_SHORT, 8));
        for (secret, part, fault) in [
            (Secret::Token("hush".into()), "token", short),
            (Secret::Token("hush hush hush".into()), "token", odd),
            (app("hush", fine, fine), "client_secret", short),
            (app(fine, "hush\nhush", fine), "refresh_token", odd),
            (app(fine, fine, "hush"), "access_token", short),
        ] {
            let said = store.put("acme/sf", secret).unwrap_err().to_string();
            assert!(said.starts_with(&format!("the {part} of account `acme/sf` has {fault}. Give it alone")), "{said}");
            assert!(!said.contains("hush"), "{said}");
        }
        store.put("acme/sf", app(fine, fine, fine)).unwrap();
    }

    #[test]
    fn nothing_prints_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = opened(&path).unwrap();
        let secret = Secret::OAuth(Box::new(oauth("refresh-1-secret", Some("access-1-secret"))));
        let mut seen = format!("{secret:?}");
        store.put("sf", secret).unwrap();
        seen += &format!("{store:?} {:?}", store.access("sf").unwrap());
        seen += &format!("{:?}", store.put("x", Secret::Token("short".into())).unwrap_err());
        fs::write(&path, r#"{"sf":{"token":"a-secret-token","refresh-1-secret":1}}"#).unwrap();
        let broken = opened(&path).unwrap_err();
        seen += &format!("{broken} {broken:?}");
        for secret in ["refresh-1-secret", "access-1-secret", "client-secret-1", "a-secret-token", "short"] {
            assert!(!seen.contains(secret), "{seen}");
        }
    }

    #[test]
    fn what_could_not_be_saved_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let store = opened(inside.join("c.json")).unwrap();
        fs::remove_dir(&inside).unwrap();
        assert!(store.put("a", Secret::Token("token-token".into())).is_err());
        assert!(store.unsaved());
        assert!(store.flush().is_err());
        fs::create_dir(&inside).unwrap();
        store.flush().unwrap();
        assert!(!store.unsaved());
        assert_eq!(opened(inside.join("c.json")).unwrap().accounts(), ["a"]);
    }

    #[test]
    fn the_file_is_sealed_and_who_has_another_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = opened(&path).unwrap();
        store.put("sf", Secret::OAuth(Box::new(oauth("refresh-1-secret", Some("access-1-secret"))))).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(Vault::is_sealed(&text) && !text.contains("secret"), "{text}");
        let new = Vault::new_key();
        let vault = |keys: &str| Vault::of(keys, "a test").unwrap();
        let refused = CredentialStore::open(&path, vault(new.expose_secret())).unwrap_err().to_string();
        assert!(refused.contains("c.json cannot be opened: it was sealed with the key"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "and nothing is begun anew");

        // The key is replaced.
        let old = Vault::new_key();
        fs::write(&path, vault(old.expose_secret()).seal(USED_FOR, in_the_file(&path).as_bytes())).unwrap();
        let both = vault(&format!("{},{}", new.expose_secret(), old.expose_secret()));
        assert_eq!(CredentialStore::open(&path, both).unwrap().accounts(), ["sf"]);
        assert_eq!(CredentialStore::open(&path, vault(new.expose_secret())).unwrap().accounts(), ["sf"]);
    }

    #[test]
    fn what_an_earlier_version_wrote_in_clear_is_sealed_at_once_and_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let grown_from = digest(&"refresh-1-secret".into());
        let plain = serde_json::json!({ "sf": { "oauth": {
            "token_url": "https://login.salesforce.com", "client_id": "client", "client_secret": "client-secret-1",
            "refresh_token": "refresh-2-secret", "access_token": null, "instance_url": null, "grown_from": grown_from,
        } } });
        replace(&path, plain.to_string().as_bytes()).unwrap();
        let store = opened(&path).unwrap();
        assert!(Vault::is_sealed(&fs::read_to_string(&path).unwrap()));
        let given = Declared::Given(Secret::OAuth(Box::new(oauth("refresh-1-secret", None))));
        assert_eq!(store.declare("acme", "sf", given).unwrap(), "sf");
        let Secret::OAuth(grant) = store.secret("sf").unwrap().0 else { panic!("a grant stays a grant") };
        assert_eq!(grant.refresh_token.expose_secret(), "refresh-2-secret");
    }

    #[test]
    fn one_grant_given_twice_is_one_account_and_one_word_for_two_grants_is_two() {
        let store = CredentialStore::in_memory();
        let given = |installation: &str, refresh: &str| {
            let secret = Secret::OAuth(Box::new(oauth(refresh, None)));
            store.declare(installation, "sf", Declared::Given(secret)).unwrap()
        };
        let (acme, other) = (given("acme", "refresh-1-secret"), given("other", "refresh-2-secret"));
        assert!(acme != other && acme.starts_with("sf#") && acme.len() == 11, "{acme} {other}");
        let (_, generation) = store.secret(&acme).unwrap();
        store.rotate(&acme, generation, oauth("refresh-9-secret", Some("access-9-secret"))).unwrap();
        let by_another_word = Declared::Given(Secret::OAuth(Box::new(oauth("refresh-1-secret", None))));
        assert_eq!(store.declare("third", "crm", by_another_word).unwrap(), acme);
        assert_eq!(
            store.access(&acme).unwrap().unwrap().token.expose_secret(),
            "access-9-secret",
            "and goes on with it"
        );
        let token = |token: &str| store.declare("acme", "ls", Declared::Given(Secret::Token(token.into()))).unwrap();
        assert!(token("made-up-token-1") != token("made-up-token-2"));
        assert_eq!(connected_name("acme", "sf"), "acme/sf", "no given one has such a name, whatever the word");
    }

    #[test]
    fn an_account_that_a_person_connects_must_have_been_for_this_app() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let app = |id: &str, secret: Option<&str>| {
            Declared::App(App {
                client_id: id.into(),
                client_secret: secret.map(Into::into),
                token_url: "https://test.salesforce.com".into(),
                authorize_url: None,
            })
        };
        let store = opened(&path).unwrap();
        let refused = |name: &str, declared| {
            let (installation, account) = name.split_once('/').unwrap();
            matches!(store.declare(installation, account, declared), Err(CredentialError::NotConnected(_)))
        };
        assert!(refused("a/sf", app("client", None)) && refused("a/ls", Declared::Token));
        let grant = oauth("refresh-1-secret", Some("access-1-secret"));
        store.put("a/sf", Secret::OAuth(Box::new(OAuth { client_secret: None, ..grant }))).unwrap();
        store.put("a/ls", Secret::Token("made-up-token".into())).unwrap();
        assert!(refused("a/sf", app("another", None)) && refused("a/sf", Declared::Token));
        assert!(refused("a/ls", app("client", None)) && refused("b/sf", app("client", None)));

        let again = opened(&path).unwrap();
        assert_eq!(again.declare("a", "ls", Declared::Token).unwrap(), "a/ls");
        again.declare("a", "sf", app("client", Some("client-secret-9"))).unwrap();
        let Secret::OAuth(grant) = again.secret("a/sf").unwrap().0 else { panic!("a grant") };
        assert_eq!(grant.client_secret.unwrap().expose_secret(), "client-secret-9");
        assert_eq!(
            (grant.token_url.as_str(), grant.refresh_token.expose_secret()),
            ("https://test.salesforce.com", "refresh-1-secret")
        );
    }
}
