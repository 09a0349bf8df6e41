//! The installation file: what an operator writes down of one customer's installation, in TOML.
//!
//! Promises: a mistake is told with its file, its place, what is wrong and what to write instead; a secret stands there by
//! reference alone (an environment variable, or a file) or is brought by `harness connect`, and no message repeats a value of
//! the file that may be one.
//! Not here: what the settings mean (the connector), where a refreshed token is kept (`connections/credentials.rs`).
//!
//! A commented example is `fixtures/installations/sample.toml`. Relative paths are relative to the file.

use crate::connections::{App, Binding, Declared, OAuth, Provider, Secret};
use secrecy::SecretString;
use serde::Deserialize;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

const IN_CLEAR: &str = "a secret, or something in its place, stands here in clear";
const BY_REFERENCE: &str = "Write { env = \"NAME\" } for an environment variable, or { file = \"path\" } for a file that \
                            holds nothing else";
/// As `types.wit` has it.
const ID_BYTES_MAX: usize = 64;
/// A shorter secret of the address can be guessed, and whoever has it sends webhooks in Livestorm's name.
const ADDRESS_SECRET_BYTES_MIN: usize = 16;
/// How alike two names are that somebody may have mixed up: 1 is equal.
const ALIKE: f64 = 0.8;

/// What is wrong with an installation file, or with what it refers to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{place}: {problem}. {remedy}", .file.display())]
pub struct FileError {
    file: PathBuf,
    /// With its comma, e.g. `, line 3, connections.salesforce`. Empty for the file as a whole.
    place: String,
    problem: String,
    remedy: String,
}

/// An installation, as it is written down. Nothing of it is resolved yet.
#[derive(Clone, Debug)]
pub struct InstallationFile {
    path: PathBuf,
    pub id: String,
    component: Option<PathBuf>,
    /// One JSON document, as text.
    pub settings: String,
    /// By the name that the connector calls them by.
    pub connections: BTreeMap<String, Binding>,
    accounts: BTreeMap<String, Account>,
    webhooks: Webhooks,
    /// Streams that `harness serve` reads by itself, and keeps the rows of.
    pub keep: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    component: Option<PathBuf>,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    connections: BTreeMap<String, Binding>,
    #[serde(default)]
    secrets: BTreeMap<String, WrittenAccount>,
    #[serde(default)]
    webhooks: Webhooks,
    #[serde(default)]
    streams: Streams,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Streams {
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    token: Option<Reference>,
    client_id: Option<Text>,
    client_secret: Option<Reference>,
    refresh_token: Option<Reference>,
    token_url: Option<Text>,
    authorize_url: Option<Text>,
}

/// Without a token, or a refresh token, a person connects it.
#[derive(Clone, Debug)]
enum Account {
    Token(Option<Reference>),
    OAuth {
        client_id: Text,
        client_secret: Option<Reference>,
        refresh_token: Option<Reference>,
        token_url: Text,
        authorize_url: Option<Text>,
    },
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    address_secret: Option<Reference>,
    unsigned: Option<bool>,
    /// By webhook source; several at a time, so that one can be replaced.
    #[serde(default)]
    signing_secrets: BTreeMap<String, Vec<Reference>>,
}

/// Where a secret is. Exactly one of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    env: Option<String>,
    file: Option<PathBuf>,
}

/// What is no secret may stand in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text, { env = \"NAME\" } or { file = \"path\" }")]
enum Text {
    Plain(String),
    Reference(Reference),
}

impl InstallationFile {
    pub fn read(path: &Path) -> Result<InstallationFile, FileError> {
        let text = fs::read_to_string(path).map_err(|e| FileError {
            file: path.into(),
            place: String::new(),
            problem: format!("the installation file cannot be read: {e}"),
            remedy: "Give the path of an installation file; fixtures/installations/sample.toml is a commented one"
                .into(),
        })?;
        InstallationFile::parse(path, &text)
    }

    /// `text`: what stands in the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<InstallationFile, FileError> {
        let at = |place: &str, problem: String, remedy: &str| FileError {
            file: path.into(),
            place: if place.is_empty() { String::new() } else { format!(", {place}") },
            problem,
            remedy: remedy.into(),
        };
        let parsed = toml::Deserializer::parse(text).map_err(|e| {
            at(&line(text, &e), format!("this is not TOML: {}", e.message()), "Correct it there, or shortly before")
        })?;
        let written: Written = serde_path_to_error::deserialize(parsed).map_err(|e| {
            let place = match e.path().to_string().as_str() {
                "." => line(text, e.inner()),
                path => format!("{}, {path}", line(text, e.inner())),
            };
            let (problem, remedy) = in_words(&e.path().to_string(), e.inner().message());
            at(&place, problem, &remedy)
        })?;

        let id = written.id;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if id.is_empty() || id.len() > ID_BYTES_MAX || !id.chars().all(plain) {
            let remedy = format!("Use at most {ID_BYTES_MAX} letters, digits, `-`, `_` and `.`");
            return Err(at("id", format!("\"{}\" is no name for an installation", id.escape_default()), &remedy));
        }
        let mut accounts = BTreeMap::new();
        for (name, account) in written.secrets {
            let account = account.checked().map_err(|(part, problem, remedy)| {
                let part = if part.is_empty() { part.to_owned() } else { format!(".{part}") };
                at(&format!("secrets.{name}{part}"), problem, remedy)
            })?;
            accounts.insert(name, account);
        }
        for (source, secrets) in &written.webhooks.signing_secrets {
            for secret in secrets {
                secret
                    .checked()
                    .map_err(|(problem, remedy)| at(&format!("webhooks.signing_secrets.{source}"), problem, remedy))?;
            }
        }
        if let Some(Err((problem, remedy))) = written.webhooks.address_secret.as_ref().map(Reference::checked) {
            return Err(at("webhooks.address_secret", problem, remedy));
        }
        for (name, binding) in &written.connections {
            if !accounts.contains_key(&binding.account) {
                let place = format!("connections.{name}.account");
                let problem = format!("no secrets are given for the account \"{}\"", binding.account);
                let remedy = match alike(&binding.account, accounts.keys().map(String::as_str)) {
                    Some(other) => format!("Did you mean \"{other}\"?"),
                    None => format!("Add a table [secrets.{}] that says where they are", binding.account),
                };
                return Err(at(&place, problem, &remedy));
            }
            if matches!(accounts.get(&binding.account), Some(Account::Token(None)))
                && binding.provider != Provider::Livestorm
            {
                let problem = format!("{} is signed in to by way of an app, and none is named", binding.provider);
                return Err(at(
                    &format!("secrets.{}", binding.account),
                    problem,
                    "Give its `client_id` and `token_url`",
                ));
            }
        }
        let settings = json(toml::Value::Table(written.settings))
            .map_err(|number| at("settings", format!("{number} is no number of JSON"), "Write a finite one"))?;
        Ok(InstallationFile {
            path: path.into(),
            id,
            component: written.component,
            settings: settings.to_string(),
            connections: written.connections,
            accounts,
            webhooks: written.webhooks,
            keep: written.streams.keep,
        })
    }

    /// The connector's bytes: those of `component`, or the ones that this program carries with it.
    pub fn component(&self) -> Result<Cow<'static, [u8]>, FileError> {
        let Some(component) = &self.component else { return Ok(Cow::Borrowed(crate::CONNECTOR)) };
        let component = self.beside(component);
        fs::read(&component).map(Cow::Owned).map_err(|e| {
            let problem = format!("{} cannot be read: {e}", component.display());
            self.at("component", problem, "Correct the path, or leave `component` out for the bundled connector")
        })
    }

    /// The files that it refers to: those of its secrets, and its component.
    pub fn refers_to(&self) -> Vec<PathBuf> {
        let accounts = self.accounts.values().flat_map(Account::references);
        let webhooks = self.webhooks.address_secret.iter().chain(self.webhooks.signing_secrets.values().flatten());
        let files = accounts.chain(webhooks).filter_map(|reference| reference.file.as_ref()).chain(&self.component);
        files.map(|file| self.beside(file)).collect()
    }

    /// The accounts that connections are bound to, by the name that they have in this file.
    pub fn accounts(&self) -> Result<BTreeMap<String, Declared>, FileError> {
        let bound = self.connections.values().filter_map(|binding| self.accounts.get_key_value(&binding.account));
        bound.map(|(name, account)| Ok((name.clone(), self.declared(name, account)?))).collect()
    }

    /// One of them.
    pub fn account(&self, name: &str) -> Result<Option<Declared>, FileError> {
        let is_bound = self.connections.values().any(|binding| binding.account == name);
        let account = self.accounts.get(name).filter(|_| is_bound);
        account.map(|account| self.declared(name, account)).transpose()
    }

    /// The connections, bound to the accounts by the names under which their secrets are kept.
    pub fn bindings(&self, names: &BTreeMap<String, String>) -> BTreeMap<String, Binding> {
        let bound = |binding: &Binding| {
            let account = names.get(&binding.account).unwrap_or(&binding.account).clone();
            Binding { account, ..binding.clone() }
        };
        self.connections.iter().map(|(name, binding)| (name.clone(), bound(binding))).collect()
    }

    fn declared(&self, name: &str, account: &Account) -> Result<Declared, FileError> {
        let place = |part: &str| format!("secrets.{name}.{part}");
        let secret = |part: &str, reference: &Option<Reference>| {
            reference.as_ref().map(|r| Ok(SecretString::from(self.look_up(&place(part), r)?))).transpose()
        };
        Ok(match account {
            Account::Token(token) => match secret("token", token)? {
                Some(token) => Declared::Given(Secret::Token(token)),
                None => Declared::Token,
            },
            Account::OAuth { client_id, client_secret, refresh_token, token_url, authorize_url } => {
                let page =
                    authorize_url.as_ref().map(|url| self.sign_in_url(&place("authorize_url"), url)).transpose()?;
                let app = App {
                    client_id: self.text(&place("client_id"), client_id)?,
                    client_secret: secret("client_secret", client_secret)?,
                    token_url: self.sign_in_url(&place("token_url"), token_url)?,
                    authorize_url: page,
                };
                match secret("refresh_token", refresh_token)? {
                    Some(refresh_token) => Declared::Given(Secret::OAuth(Box::new(OAuth {
                        token_url: app.token_url,
                        client_id: app.client_id,
                        client_secret: app.client_secret,
                        refresh_token,
                        access_token: None,
                        instance_url: None,
                    }))),
                    None => Declared::App(app),
                }
            }
        })
    }

    /// The secret part of the address that webhooks are sent to, if the file names one.
    pub fn address_secret(&self) -> Result<Option<SecretString>, FileError> {
        let place = "webhooks.address_secret";
        let Some(reference) = &self.webhooks.address_secret else { return Ok(None) };
        let secret = self.look_up(place, reference)?;
        if secret.len() < ADDRESS_SECRET_BYTES_MIN {
            let problem = format!("it has fewer than {ADDRESS_SECRET_BYTES_MIN} characters, so it could be guessed");
            return Err(self.at(place, problem, "Make one with: openssl rand -hex 16"));
        }
        Ok(Some(secret.into()))
    }

    /// Whether a delivery that nobody signed is taken: unless the file says so, only while it has no secret to sign with.
    pub fn takes_unsigned(&self) -> bool {
        self.webhooks.unsigned.unwrap_or(self.webhooks.signing_secrets.is_empty())
    }

    /// By webhook source.
    pub fn all_signing_secrets(&self) -> Result<BTreeMap<String, Vec<SecretString>>, FileError> {
        let sources = self.webhooks.signing_secrets.keys();
        sources.map(|source| Ok((source.clone(), self.signing_secrets(source)?))).collect()
    }

    /// What this webhook source signs with. None are given: empty.
    pub fn signing_secrets(&self, source: &str) -> Result<Vec<SecretString>, FileError> {
        let place = format!("webhooks.signing_secrets.{source}");
        let given = self.webhooks.signing_secrets.get(source).into_iter().flatten();
        given.map(|reference| Ok(self.look_up(&place, reference)?.into())).collect()
    }

    fn text(&self, place: &str, text: &Text) -> Result<String, FileError> {
        match text {
            Text::Plain(text) => Ok(text.clone()),
            Text::Reference(reference) => self.look_up(place, reference),
        }
    }

    fn sign_in_url(&self, place: &str, text: &Text) -> Result<String, FileError> {
        let url = self.text(place, text)?;
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(url);
        }
        let problem = "this is no address to sign in at".into();
        Err(self.at(place, problem, "Write it like https://login.salesforce.com/services/oauth2/token"))
    }

    fn look_up(&self, place: &str, reference: &Reference) -> Result<String, FileError> {
        let found = match reference {
            Reference { file: Some(file), .. } => {
                let file = self.beside(file);
                fs::read_to_string(&file).map_err(|e| {
                    let problem = format!("the secret's file {} cannot be read: {e}", file.display());
                    self.at(place, problem, "Put the secret there, and let this user read it")
                })?
            }
            Reference { env, .. } => {
                let name = env.as_deref().unwrap_or_default();
                env::var(name).map_err(|_| {
                    let problem = format!("the environment variable `{name}` is not set, or is no text");
                    self.at(place, problem, &format!("Set it before the command: export {name}=..."))
                })?
            }
        };
        match found.trim() {
            "" => Err(self.at(place, "there is nothing in it".into(), "Put the secret there")),
            secret => Ok(secret.to_owned()),
        }
    }

    fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn at(&self, place: &str, problem: String, remedy: &str) -> FileError {
        FileError { file: self.path.clone(), place: format!(", {place}"), problem, remedy: remedy.into() }
    }
}

impl Account {
    fn references(&self) -> Vec<&Reference> {
        match self {
            Account::Token(token) => token.iter().collect(),
            Account::OAuth { client_id, client_secret, refresh_token, token_url, authorize_url } => {
                let texts = [client_id, token_url].into_iter().chain(authorize_url);
                let texts = texts.filter_map(|text| match text {
                    Text::Plain(_) => None,
                    Text::Reference(reference) => Some(reference),
                });
                texts.chain(client_secret).chain(refresh_token).collect()
            }
        }
    }
}

/// A part of the account, what is wrong with it, and what to do.
type Fault = (&'static str, String, &'static str);

impl WrittenAccount {
    fn checked(self) -> Result<Account, Fault> {
        let WrittenAccount { token, client_id, client_secret, refresh_token, token_url, authorize_url } = self;
        let reference = |part: &'static str, reference: Reference| {
            reference.checked().map_err(|(problem, remedy)| (part, problem, remedy))?;
            Ok(reference)
        };
        let text = |part: &'static str, text: Text| match text {
            Text::Reference(r) => reference(part, r).map(Text::Reference),
            plain => Ok(plain),
        };
        let of_an_app = client_secret.is_some() || refresh_token.is_some() || authorize_url.is_some();
        match (token, client_id, token_url) {
            (token, None, None) if !of_an_app => {
                Ok(Account::Token(token.map(|token| reference("token", token)).transpose()?))
            }
            (None, Some(client_id), Some(token_url)) => Ok(Account::OAuth {
                client_id: text("client_id", client_id)?,
                client_secret: client_secret.map(|r| reference("client_secret", r)).transpose()?,
                refresh_token: refresh_token.map(|r| reference("refresh_token", r)).transpose()?,
                token_url: text("token_url", token_url)?,
                authorize_url: authorize_url.map(|url| text("authorize_url", url)).transpose()?,
            }),
            _ => Err((
                "",
                "an account has either a token or an app, and all of it".into(),
                "Give `token` alone (Livestorm), or `client_id`, `client_secret` and `token_url` (Salesforce). What a person is to \
                 bring with `harness connect`, `token` or `refresh_token`, is left out",
            )),
        }
    }
}

impl Reference {
    fn checked(&self) -> Result<(), (String, &'static str)> {
        match (&self.env, &self.file) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => Err(("a secret is in one place".into(), BY_REFERENCE)),
        }
    }
}

fn line(text: &str, error: &toml::de::Error) -> String {
    // The parser's own way of showing it repeats the line, and with it perhaps a secret.
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
    format!("line {}", before.matches('\n').count() + 1)
}

/// Problem and remedy in words for people. Of a value under `secrets` and `webhooks` nothing is repeated.
fn in_words(path: &str, message: &str) -> (String, String) {
    let secret = path.starts_with("secrets") || path.starts_with("webhooks");
    if secret && !message.starts_with("unknown field") && !message.starts_with("missing field") {
        return (IN_CLEAR.into(), BY_REFERENCE.into());
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let remedy = match message.starts_with("unknown") {
        true => {
            let given = names.next().unwrap_or_default();
            let known: Vec<&str> = names.collect();
            alike(given, known.iter().copied())
                .map_or_else(|| format!("Known here: {}", known.join(", ")), |other| format!("Did you mean `{other}`?"))
        }
        false => "Correct it; fixtures/installations/sample.toml shows every key".into(),
    };
    let problem = message.split(", expected").next().filter(|_| message.starts_with("unknown")).unwrap_or(message);
    (problem.replace("unknown field", "there is no key").replace("unknown variant", "there is no"), remedy)
}

fn alike<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|name| (strsim::jaro_winkler(given, name), name));
    scored.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// The number that JSON cannot have, if there is one.
fn json(value: toml::Value) -> Result<serde_json::Value, f64> {
    use serde_json::Value;
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(number).ok_or(number)?),
        toml::Value::Boolean(yes) => Value::Bool(yes),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(values) => Value::Array(values.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(name, v)| Ok::<_, f64>((name, json(v)?))).collect::<Result<_, _>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Provider;

    const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/installations/sample.toml");

    fn parse(text: &str) -> Result<InstallationFile, FileError> {
        InstallationFile::parse(Path::new("acme.toml"), text)
    }

    #[test]
    fn the_sample_is_an_installation() {
        let sample = InstallationFile::read(Path::new(SAMPLE)).unwrap();
        assert_eq!(sample.id, "example-customer");
        let providers: Vec<Provider> = sample.connections.values().map(|b| b.provider).collect();
        assert_eq!(providers, [Provider::AccountEngagement, Provider::Livestorm, Provider::Salesforce]);
        let settings: serde_json::Value = serde_json::from_str(&sample.settings).unwrap();
        assert_eq!(settings["left_out"]["domains"], serde_json::json!(["customer.example"]));
        assert_eq!(sample.component().unwrap(), crate::CONNECTOR);
        let missing = sample.accounts().unwrap_err().to_string();
        assert!(missing.contains("SECRET` is not set, or is no text. Set it before"), "{missing}");
    }

    /// Without a connection to Account Engagement.
    #[test]
    fn the_sample_with_salesforce_as_its_destination_is_an_installation() {
        let file = SAMPLE.replace("sample.toml", "salesforce.toml");
        let sample = InstallationFile::read(Path::new(&file)).unwrap();
        let providers: Vec<Provider> = sample.connections.values().map(|b| b.provider).collect();
        assert_eq!(providers, [Provider::Livestorm, Provider::Salesforce]);
        let settings: serde_json::Value = serde_json::from_str(&sample.settings).unwrap();
        assert_eq!(settings["destination"], "salesforce");
    }

    #[test]
    fn a_mistake_has_its_place_and_its_remedy_and_no_secret_is_repeated() {
        let head = "id = \"acme\"\n";
        let rows = [
            ("id = ", "acme.toml, line 1: this is not TOML: "),
            ("id = \"a b\"", "acme.toml, id: \"a b\" is no name for an installation. Use at most 64 letters"),
            ("componnent = 1", "line 2, componnent: there is no key `componnent`. Did you mean `component`?"),
            ("hat = 1", "there is no key `hat`. Known here: id, component, settings, connections, secrets, webhooks"),
            (
                "[connections.crm]\nprovider = \"salesfroce\"\naccount = \"a\"",
                "line 3, connections.crm.provider: there is no `salesfroce`. Did you mean `salesforce`?",
            ),
            ("[connections.crm]\nprovider = \"salesforce\"", "connections.crm: missing field `account`. Correct it"),
            (
                "[connections.crm]\nprovider = \"salesforce\"\naccount = \"salesfroce\"\n\
                 [secrets.salesforce]\ntoken = { env = \"X\" }",
                "connections.crm.account: no secrets are given for the account \"salesfroce\". Did you mean \"salesforce\"?",
            ),
            (
                "[connections.crm]\nprovider = \"salesforce\"\naccount = \"crm\"",
                "no secrets are given for the account \"crm\". Add a table [secrets.crm]",
            ),
            ("[secrets.a]\ntoken = \"hush-hush\"", "line 3, secrets.a.token: a secret, or something in its place"),
            ("[secrets.a]\ntoken = 7777777777", "secrets.a.token: a secret, or something in its place"),
            ("[secrets]\na = \"hush-hush\"", "line 3, secrets.a: a secret, or something in its place"),
            ("secrets = \"hush-hush\"", "line 2, secrets: a secret, or something in its place"),
            ("[secrets.a]\ntoken = { enw = \"X\" }", "secrets.a.token.enw: there is no key `enw`. Did you mean `env`?"),
            (
                "[secrets.a]\ntoken = { env = \"X\", file = \"y\" }",
                "secrets.a.token: a secret is in one place. Write {",
            ),
            ("[secrets.a]\ntoken = {}", "secrets.a.token: a secret is in one place. Write {"),
            (
                "[secrets.a]\nclient_id = \"x\"",
                "secrets.a: an account has either a token or an app, and all of it. Give",
            ),
            (
                "[secrets.a]\ntoken = { env = \"X\" }\nrefresh_token = { env = \"Y\" }",
                "secrets.a: an account has either a token or an app, and all of it. Give",
            ),
            (
                "[connections.crm]\nprovider = \"salesforce\"\naccount = \"crm\"\n[secrets.crm]",
                "secrets.crm: Salesforce is signed in to by way of an app, and none is named. Give its `client_id`",
            ),
            (
                "[webhooks]\naddress_secret = \"hush-hush\"",
                "webhooks.address_secret: a secret, or something in its place",
            ),
            ("[streams]\nkep = []", "streams.kep"),
            ("[settings]\nx = nan", "acme.toml, settings: NaN is no number of JSON. Write a finite one"),
        ];
        for (text, expect) in rows {
            let text = if text.starts_with("id") { text.to_owned() } else { format!("{head}{text}") };
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.contains(expect), "{text}\n{said}\n{expect}");
            assert!(!said.contains("hush") && !said.contains("77777"), "{said}");
        }
    }

    #[test]
    fn what_the_file_refers_to_is_beside_it_and_is_looked_up_when_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.toml");
        let text = "id = \"acme\"\ncomponent = \"c.wasm\"\n\
                    [connections.livestorm]\nprovider = \"livestorm\"\naccount = \"l\"\n\
                    [secrets.l]\ntoken = { file = \"token\" }\n\
                    [secrets.unused]\ntoken = { env = \"NOBODY_SETS_THIS\" }\n\
                    [webhooks.signing_secrets]\ns = [{ file = \"token\" }]";
        let file = InstallationFile::parse(&path, text).unwrap();
        let named = |file: &InstallationFile| {
            let beside = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            file.refers_to().into_iter().map(beside).collect::<Vec<_>>()
        };
        assert_eq!(named(&file), ["token", "token", "c.wasm"]);
        let app = "id = \"acme\"\n[secrets.s]\nclient_id = { file = \"id\" }\nclient_secret = { file = \"secret\" }\n\
                   refresh_token = { file = \"refresh\" }\ntoken_url = { file = \"url\" }\nauthorize_url = { file = \"page\" }\n\
                   [webhooks]\naddress_secret = { file = \"address\" }";
        let app = InstallationFile::parse(&path, app).unwrap();
        assert_eq!(named(&app), ["id", "url", "page", "secret", "refresh", "address"]);

        let said = file.accounts().unwrap_err().to_string();
        assert!(said.contains("secrets.l.token: the secret's file") && said.contains("token cannot be read"), "{said}");
        let said = file.component().unwrap_err().to_string();
        assert!(said.contains("c.wasm cannot be read") && said.contains("leave `component` out"), "{said}");

        std::fs::write(folder.path().join("token"), " \n").unwrap();
        assert!(file.accounts().unwrap_err().to_string().contains("there is nothing in it. Put the secret there"));
        std::fs::write(folder.path().join("token"), "made-up-token\n").unwrap();
        assert_eq!(file.accounts().unwrap().keys().collect::<Vec<_>>(), ["l"]);
        assert_eq!((file.signing_secrets("s").unwrap().len(), file.signing_secrets("t").unwrap().len()), (1, 0));
        assert!(file.address_secret().unwrap().is_none());
        assert!(!format!("{:?}", file.accounts()).contains("made-up-token"));
    }

    #[test]
    fn a_secret_of_the_address_that_could_be_guessed_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let text = "id = \"acme\"\n[webhooks]\naddress_secret = { file = \"hook\" }";
        let file = InstallationFile::parse(&folder.path().join("acme.toml"), text).unwrap();
        for (bytes, is_taken) in [(1, false), (ADDRESS_SECRET_BYTES_MIN - 1, false), (ADDRESS_SECRET_BYTES_MIN, true)] {
            let secret = "%".repeat(bytes);
            std::fs::write(folder.path().join("hook"), format!("{secret}\n")).unwrap();
            let said = file.address_secret().map(|secret| secret.is_some()).map_err(|e| e.to_string());
            let Err(said) = said else {
                assert!(is_taken, "{bytes}");
                continue;
            };
            let expect = "acme.toml, webhooks.address_secret: it has fewer than 16 characters";
            assert!(
                !is_taken && said.contains(expect) && said.ends_with(". Make one with: openssl rand -hex 16"),
                "{said}"
            );
            assert!(!said.contains(&secret), "{said}");
        }
    }

    #[test]
    fn what_a_person_brings_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "made-up-secret").unwrap();
        let file = |salesforce: &str| {
            let text = format!(
                "id = \"acme\"\n[connections.livestorm]\nprovider = \"livestorm\"\naccount = \"livestorm\"\n\
                 [connections.crm]\nprovider = \"salesforce\"\naccount = \"sf\"\n[secrets.livestorm]\n\
                 [secrets.sf]\nclient_id = \"made-up-id\"\n{salesforce}"
            );
            InstallationFile::parse(&folder.path().join("acme.toml"), &text).unwrap()
        };
        let public = file("token_url = \"https://login.salesforce.com\"");
        assert!(matches!(public.accounts().unwrap()["livestorm"], Declared::Token));
        let Declared::App(app) = &public.accounts().unwrap()["sf"] else { panic!("nobody has signed in") };
        assert!(app.client_secret.is_none() && app.authorize_url.is_none() && app.client_id == "made-up-id");
        let names = BTreeMap::from([("sf".to_string(), "acme/sf".to_string())]);
        assert_eq!(public.bindings(&names)["crm"].account, "acme/sf");
        assert!(public.account("sf").unwrap().is_some() && public.account("unused").unwrap().is_none());
        assert_eq!(public.connections["crm"].account, "sf");

        let secret = "token_url = \"https://a.example/t\"\nclient_secret = { file = \"secret\" }\n";
        let app = &file(&format!("{secret}authorize_url = \"https://a.example/in\"")).accounts().unwrap()["sf"];
        assert!(matches!(app, Declared::App(app) if app.client_secret.is_some() && app.authorize_url.is_some()));
        let given = &file(&format!("{secret}refresh_token = {{ file = \"secret\" }}")).accounts().unwrap()["sf"];
        assert!(matches!(given, Declared::Given(Secret::OAuth(_))));
        let said = file(&format!("{secret}authorize_url = \"a.example\"")).accounts().unwrap_err().to_string();
        assert!(said.contains("secrets.sf.authorize_url: this is no address to sign in at"), "{said}");
    }
}
