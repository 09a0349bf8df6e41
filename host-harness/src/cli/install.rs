//! `harness install` and `harness uninstall`: an installation is switched on, and off again.
//!
//! Promises: nothing is switched on while something stands in the way; both may be given again; what was linked stays linked.

use super::{
    check, exit_codes,
    installed::{Opened, Place},
    interrupt::Interrupt,
    run::SOON,
    timeline::{Moment, Timeline, print},
};
use crate::{
    clock::{Clock, SystemClock},
    durable::SYNC,
    installation::InstallationFile,
};
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use std::{collections::BTreeMap, process::ExitCode};
use tokio_util::sync::CancellationToken;
use url::Url;

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
    public_address: Option<Url>,
}

/// Switches an installation off: its webhooks at Livestorm are removed, and nothing is looked for any more
///
/// What it made stays: campaigns, lists, people, and which session each belongs to. Installed again, it goes on with them.
///
/// Example:
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
    let addresses = addresses(&opened, &file, arguments.public_address.as_ref())?;
    if let Err(in_the_way) = check::switch_on(&opened, &file, true).await? {
        in_the_way.print(&mut std::io::stdout().lock())?;
        eprintln!("Not switched on: mend the above, then give this once more.");
        return Ok(ExitCode::from(exit_codes::NOT_WELL));
    }
    let end = worked_off(&opened, opened.host.switch_on(&opened.id, addresses)).await?;
    println!("{} is switched on.", opened.id);
    Ok(end)
}

pub async fn uninstall(arguments: UninstallArguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let opened = arguments.place.open(&file, None).await?;
    if !opened.is_switched_on()? {
        println!("{} is not switched on; nothing is to be taken back.", opened.id);
        return Ok(ExitCode::from(exit_codes::WELL));
    }
    let end = worked_off(&opened, opened.host.switch_off(&opened.id)).await?;
    opened.switch_off()?;
    println!("{} is switched off. What it made stays, and is gone on with when it is installed again.", opened.id);
    Ok(end)
}

/// By webhook source.
fn addresses(
    opened: &Opened,
    file: &InstallationFile,
    public: Option<&Url>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let Some(public) = public else { return Ok(BTreeMap::new()) };
    if public.scheme() != "https" && public.host_str() != Some("127.0.0.1") {
        bail!("Livestorm sends webhooks to https addresses alone; {public} is none. Give the address of your TLS proxy");
    }
    let secret = file.address_secret()?.context(
        "the installation file gives no secret for the address: whoever knows the address could send webhooks. Add \
         address_secret = { env = \"NAME\" } to [webhooks]",
    )?;
    let address = |source: &str| -> anyhow::Result<String> {
        let mut url = public.clone();
        let segments = ["hooks", &opened.id, source, secret.expose_secret()];
        let add = |mut path: url::PathSegmentsMut<'_>| {
            path.pop_if_empty().extend(segments);
        };
        url.path_segments_mut().map(add).map_err(|()| anyhow::anyhow!("{public} is no address of a server"))?;
        Ok(url.into())
    };
    let sources = opened.manifest.webhooks.iter();
    sources.map(|source| Ok((source.name.clone(), address(&source.name)?))).collect()
}

/// Does what follows from a switch, and waits for nothing that is due later.
async fn worked_off(
    opened: &Opened,
    switched: impl Future<Output = Result<(), crate::durable::EngineError>>,
) -> anyhow::Result<ExitCode> {
    let engine = &*opened.host.engine;
    let mut timeline = Timeline::default();
    timeline.read_on(engine, &opened.id).await?;
    switched.await?;
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let serving = opened.host.start(stop.clone());
    loop {
        let next = tokio::select! {
            next = engine.idle() => next?,
            () = stop.cancelled() => None,
        };
        let new: Vec<Moment> = timeline.read_on(engine, &opened.id).await?;
        print(&mut std::io::stdout().lock(), &new)?;
        let Some(next) = next.filter(|at| *at <= SystemClock.now().plus(SOON)) else { break };
        tokio::select! {
            _ = SystemClock.timer(next) => {}
            () = stop.cancelled() => {}
        }
    }
    stop.cancel();
    serving.await??;
    let code = if interrupt.was_heard() { exit_codes::INTERRUPTED } else { exit_codes::WELL };
    Ok(ExitCode::from(code))
}
