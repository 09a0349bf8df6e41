//! `harness install` and `harness uninstall`: an installation is switched on, and off again.
//!
//! Promises: nothing is switched on while something stands in the way; both may be given again; what was linked stays linked.

use super::{
    check, exit_codes,
    installed::{Opened, Place},
    timeline::Timeline,
    work_off::{Patience, WorkedOff, waiting, work_off},
};
use crate::{activation, installation::InstallationFile};
use anyhow::{Context, bail};
use std::{collections::BTreeMap, process::ExitCode};

/// Switches an installation on: checks it, has its webhooks made at Livestorm, and begins to look for what they miss
///
/// Refused while a blocker of `harness check` stands, and while another installation of this data directory connects the same
/// accounts: each would write everything a second time.
///
/// Webhooks need the public address at which `POST /hooks/...` of this host is reached; its secret part stands in the installation
/// file (webhooks.address_secret). Without an address none are made, and what happens is found by looking alone.
///
/// Given again it repairs: webhooks that are gone are made anew, and nothing is made twice.
///
/// Examples:
///   harness install --installation acme.toml --public-address https://hooks.example.org
///   harness install --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct InstallArguments {
    #[command(flatten)]
    place: Place,
    /// Where webhooks reach this host, e.g. https://hooks.example.org
    #[arg(long, value_name = "URL")]
    public_address: Option<String>,
}

/// Switches an installation off: its webhooks at Livestorm are removed, and nothing is looked for any more
///
/// What it made stays: campaigns, lists, people, and which session each belongs to. Installed again, it goes on with them.
///
/// Examples:
///   harness uninstall --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct UninstallArguments {
    #[command(flatten)]
    place: Place,
}

pub async fn install(arguments: InstallArguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let opened = arguments.place.open(&file, None).await?;
    let addresses = addresses(&opened, &file, arguments.public_address.as_deref())?;
    if let Err(in_the_way) = check::switch_on_again(&opened, &file).await? {
        in_the_way.print(&mut std::io::stdout().lock())?;
        eprintln!("Not switched on: mend the above, then give this once more.");
        return Ok(ExitCode::from(exit_codes::NOT_WELL));
    }
    let mut timeline = Timeline::read_so_far(&*opened.host.engine, &opened.id).await?;
    opened.host.switch_on(&opened.id, addresses).await?;
    let end = work_off(&opened, &mut timeline, Patience::Short, true).await?;
    println!("{} is switched on.", opened.id);
    finished(&opened, &end).await
}

pub async fn uninstall(arguments: UninstallArguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let opened = arguments.place.open(&file, None).await?;
    if !opened.is_switched_on()? && !opened.was_switched_off()? {
        println!("{} is not switched on; nothing is to be taken back.", opened.id);
        return Ok(ExitCode::from(exit_codes::WELL));
    }
    let mut timeline = Timeline::read_so_far(&*opened.host.engine, &opened.id).await?;
    // Once more, where something was left undone.
    opened.host.switch_off(&opened.id).await?;
    let end = work_off(&opened, &mut timeline, Patience::Short, true).await?;
    opened.switch_off()?;
    println!("{} is switched off. What it made stays, and is gone on with when it is installed again.", opened.id);
    finished(&opened, &end).await
}

/// What could not be done at once is told.
async fn finished(opened: &Opened, end: &WorkedOff) -> anyhow::Result<ExitCode> {
    let waiting = waiting(&*opened.host.engine, &opened.id).await?;
    for waiting in &waiting {
        println!("waiting: {}", waiting.line());
    }
    Ok(ExitCode::from(if end.interrupted { exit_codes::INTERRUPTED } else { exit_codes::WELL }))
}

/// By webhook source.
fn addresses(
    opened: &Opened,
    file: &InstallationFile,
    public: Option<&str>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let Some(public) = public else { return Ok(BTreeMap::new()) };
    if let Some(why) = activation::not_public(public) {
        bail!("{why}");
    }
    let secret = file.address_secret()?.context(
        "the installation file gives no secret for the address: whoever knows the address could send webhooks. Add \
         address_secret = { env = \"NAME\" } to [webhooks]",
    )?;
    Ok(activation::addresses(&opened.id, &opened.manifest, public, &secret))
}
