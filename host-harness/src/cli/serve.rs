//! `harness serve`: many installations in one process, until it is told to end.

use super::{exit_codes, installed::ground, interrupt::Interrupt};
use crate::{
    activation,
    data_dir::DataDir,
    durable::sqlite::Durability,
    host::Host,
    runtime::{Limits, Runtime},
    serve::{self, fleet::Fleet},
    vault::Vault,
};
use anyhow::{Context, bail};
use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Runs many installations: takes their webhooks, does what is due, and looks for what webhooks missed
///
/// One installation file each in --config (*.toml). A file that is added, changed or removed is taken up within seconds, without a
/// restart; one that is wrong takes down nothing but itself, what ran before it runs on, and the log says why. An installation is
/// checked first and switched on where nothing stands in the way; one that is held is tried again every 15 minutes.
///
/// Webhooks come to POST /hooks/INSTALLATION/SOURCE/SECRET, where SECRET is webhooks.address_secret of the file. With
/// --public-address they are made at Livestorm. TLS is for the reverse proxy in front of it; admin-guide.md has a recipe.
/// GET /healthz says whether the process is well, GET /metrics what it measures (Prometheus).
///
/// SIGTERM and Ctrl-C end it in order: nothing new is taken, what was begun is ended. Killed at once it loses nothing.
///
/// Examples:
///   harness serve --config installations --public-address https://hooks.example.org
///   harness serve --config installations --listen 127.0.0.1:9000 --data /var/lib/harness
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The folder of installation files
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Where its memory is kept; one process at a time may use it
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    data: PathBuf,
    /// The key that seals credentials and deliveries [default: of HARNESS_KEY, else made in DIR]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where webhooks are listened for
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where webhooks reach this host, e.g. https://hooks.example.org
    #[arg(long, value_name = "URL")]
    public_address: Option<String>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { config, data, key_file, listen, public_address } = arguments;
    if let Some(why) = public_address.as_deref().and_then(activation::not_public) {
        bail!("{why}");
    }
    tell_on_stderr();
    let data = DataDir::open(&data)?;
    let vault = data.vault(Vault::given(key_file.as_deref())?)?;
    let credentials = data.credentials(&vault)?;
    let store = data.made_store()?;
    let runtime = Arc::new(Runtime::new(Limits::default())?);
    let host = Host::open(&store, ground(credentials.clone(), vault, Durability::Full), runtime).with_context(|| {
        format!("the store {} cannot be opened. Keep the file for whoever repairs it, and do not delete it: what is still to be done \
                 stands in it", store.display())
    })?;
    let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| {
        format!("nothing can listen at {listen}; give another address with --listen, or port 0 for any that is free")
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening at http://{}", listener.local_addr()?)?;
    out.flush()?;
    drop(out);
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let fleet = Arc::new(Fleet::new(Arc::new(host), data, credentials, public_address));
    serve::serve(fleet, &config, listener, stop).await?;
    Ok(ExitCode::from(if interrupt.was_heard() { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

/// One JSON object a line; text where somebody watches. `RUST_LOG` says how much.
fn tell_on_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => told.init(),
        false => told.json().flatten_event(true).init(),
    }
}
