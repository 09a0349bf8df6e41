//! May an installation be switched on, and where are its webhooks to be sent to? The same answer for whoever asks: a command, or
//! the process that serves.

use crate::{
    connections::{Binding, CredentialError, CredentialStore, Declared},
    data_dir::{Accounts, DataDir, DataDirError},
    host::{FixError, Host, InstallError},
    installation::{FileError, InstallationFile},
    runtime::{
        CallError, Refused,
        contract::{Finding, Manifest, Severity},
    },
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The accounts of an installation, as the credential store knows them.
pub struct Connected {
    /// Under which names their secrets are kept, by the words of the file.
    pub names: BTreeMap<String, String>,
    pub accounts: Accounts,
}

/// What the file declares of its accounts, in the credential store. [`CredentialError::NotConnected`]: those for which nobody
/// has signed in, all of them and by the words of the file.
pub fn connected(
    file: &InstallationFile,
    declared: BTreeMap<String, Declared>,
    credentials: &CredentialStore,
) -> Result<Connected, CredentialError> {
    let (mut names, mut not_connected) = (BTreeMap::new(), vec![]);
    for (account, declared) in &declared {
        match credentials.declare(&file.id, account, declared.clone()) {
            Err(CredentialError::NotConnected(_)) => not_connected.push(account.clone()),
            name => drop(names.insert(account.clone(), name?)),
        }
    }
    if !not_connected.is_empty() {
        return Err(CredentialError::NotConnected(not_connected));
    }
    let secret = |account: &String| match declared.get(account)? {
        Declared::Given(secret) => Some(secret.fingerprint()),
        Declared::Token | Declared::App(_) => credentials.whose(names.get(account)?),
    };
    // A business unit is told by its id. Of a workspace or an org no file says who it is: the same secret is the same account.
    let account = |(name, binding): (&String, &Binding)| {
        let unit = binding.business_unit.as_ref().map(|unit| unit.get(..15).unwrap_or(unit).to_owned());
        let who = unit.or_else(|| secret(&binding.account))?;
        let text = format!("{}\n{}\n{who}", binding.provider, binding.address.as_deref().unwrap_or_default());
        Some((name.clone(), hex::encode(Sha256::digest(text))))
    };
    let accounts = file.connections.iter().filter_map(account).collect();
    Ok(Connected { names, accounts })
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// What there is to say of an installation that is installed in the host: of the settings first, then of the world, then of others here.
pub async fn findings(
    host: &Host,
    file: &InstallationFile,
    accounts: &Accounts,
    manifest: &Manifest,
    data: &DataDir,
) -> Result<Vec<Finding>, CheckError> {
    let component = host.runtime.compile(&file.component()?)?;
    let mut findings = host.runtime.validate(&component, file.settings.clone()).await?;
    findings.extend(host.runtime.check(&file.id, &host.asker()).await?);
    findings.extend(rivalry(&file.id, accounts, manifest, data)?);
    Ok(findings)
}

/// Mends at the provider what is fixable by this code, or says why not.
pub async fn mend(host: &Host, id: &str, code: &str) -> Result<Result<Vec<Finding>, Vec<Finding>>, FixError> {
    match host.fix(id, code).await {
        Ok(mended) => Ok(mended.map_err(|why| vec![why])),
        Err(FixError::Grant(InstallError::Settings(why))) => Ok(Err(why)),
        Err(e) => Err(e),
    }
}

pub fn is_blocked(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Blocker)
}

/// RULES 20. S2-45: a second flow between the same accounts doubles everything.
fn rivalry(id: &str, own: &Accounts, manifest: &Manifest, data: &DataDir) -> Result<Option<Finding>, DataDirError> {
    let has_all = |other: &Accounts, group: &Vec<String>| {
        group.iter().all(|name| own.get(name).is_some_and(|own| other.get(name) == Some(own)))
    };
    let mut others = data.switched_on()?.into_iter().filter(|(other, _)| other != id);
    let rival = others.find(|(_, other)| manifest.exclusive.iter().any(|group| has_all(other, group)));
    Ok(rival.map(|(other, _)| Finding {
        code: "other-flow-active".into(),
        severity: Severity::Blocker,
        place: "connections".into(),
        problem: format!(
            "`{other}` is switched on and connects the same accounts. With both, every campaign and every record would be made twice."
        ),
        remedy: format!("Switch one of them off: harness uninstall --installation FILE, with the file of `{other}`; where `harness serve` runs, \
             DELETE /v1/installations/{other} does it."),
        fixable: false,
    }))
}

/// Where webhooks reach this host, by webhook source. `public`: the host's own address, e.g. `https://hooks.example.org`.
pub fn addresses(id: &str, manifest: &Manifest, public: &str, secret: &SecretString) -> BTreeMap<String, String> {
    let secret = utf8_percent_encode(secret.expose_secret(), NON_ALPHANUMERIC).to_string();
    let public = public.trim_end_matches('/');
    let address = |source: &str| format!("{public}/hooks/{id}/{source}/{secret}");
    manifest.webhooks.iter().map(|source| (source.name.clone(), address(&source.name))).collect()
}

/// By what addresses are told from others, without their secret.
pub fn digest(addresses: &BTreeMap<String, String>) -> String {
    let text: Vec<String> = addresses.iter().map(|(source, address)| format!("{source} {address}")).collect();
    hex::encode(Sha256::digest(text.join("\n")))
}

/// Why webhooks cannot be sent there.
pub fn not_public(public: &str) -> Option<String> {
    // A host on this machine is for simulators on this machine.
    let begins_well = ["https://", "http://127.0.0.1"].iter().any(|begin| public.starts_with(begin));
    (!begins_well || public.contains(['?', '#', '@'])).then(|| {
        format!(
            "\"{public}\" is no address that Livestorm sends webhooks to. Give the https address of this host, e.g. \
             https://hooks.example.org"
        )
    })
}
