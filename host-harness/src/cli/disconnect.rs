//! `harness disconnect`: what was connected for an account is taken out of the data directory.
//!
//! Promises: what is kept of the installation stays, and what needs the account waits. Not here: taking the token back at its
//! provider, which only its owner can be sure to do.

use super::{
    connect::{AccountOf, given_by_the_file, not_bound},
    exit_codes,
    installed::who_serves,
};
use crate::{
    admin::{
        Disconnected,
        client::{Client, segment},
    },
    connections::{Declared, credentials::connected_name},
    data_dir::DataDir,
    installation::InstallationFile,
    vault::Vault,
};
use serde_json::json;
use std::{collections::BTreeSet, process::ExitCode};

/// Removes what was connected for an account
///
/// What needs the account waits, and says so, until somebody connects it again with `harness connect`; then it goes on where it
/// was. Webhooks are still taken by the `harness serve` that is running. At the provider the token stays good until it is withdrawn
/// there.
///
/// Examples:
///   harness disconnect salesforce --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    of: AccountOf,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.of.installation)?;
    let account = &arguments.of.account;
    let was_connected = match who_serves(&arguments.of.data)? {
        Some(client) => over_there(&client, &file.id, account).await?,
        None => {
            match file.account(account)? {
                Some(Declared::Token | Declared::App(_)) => {}
                Some(Declared::Given(_)) => return Err(given_by_the_file(account)),
                None => {
                    let bound: BTreeSet<&str> =
                        file.connections.values().map(|binding| binding.account.as_str()).collect();
                    return Err(not_bound(account, bound));
                }
            }
            let given = Vault::given(arguments.of.key_file.as_deref())?;
            let data = DataDir::open(&arguments.of.data)?;
            data.credentials(&data.vault(given)?)?.remove(&connected_name(&file.id, account))?
        }
    };
    let (shown, data) = (arguments.of.installation.display(), arguments.of.data.display());
    match was_connected {
        true => println!(
            "{account} is disconnected: what needs it waits. To connect it again: harness connect {account} --installation \
             {shown} --data {data}. Its token stays good until it is withdrawn at its provider"
        ),
        false => println!("{account} was not connected"),
    }
    Ok(ExitCode::from(exit_codes::WELL))
}

async fn over_there(client: &Client, id: &str, account: &str) -> anyhow::Result<bool> {
    let path = format!("/v1/installations/{}/accounts/{}/disconnect", segment(id), segment(account));
    let disconnected: Disconnected = client.post(&path, json!({})).await?;
    Ok(disconnected.was_connected)
}
