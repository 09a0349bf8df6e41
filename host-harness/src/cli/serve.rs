//! `harness serve`: many installations in one process, until it is told to end.

use super::{
    exit_codes,
    installed::ground,
    interrupt::Interrupt,
    telling::Telling,
    trials::{Death, death, hurried},
};
use crate::{
    activation,
    admin::{self, Admin, token::Token},
    clock::HurriedClock,
    connections::{NetworkTransport, SocketTimes},
    data_dir::{AdminAt, DataDir},
    durable::{Retention, sqlite::Durability},
    host::Host,
    runtime::{Limits, Runtime},
    serve::{self, fleet::Fleet},
    vault::Vault,
};
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
/// The admin interface (--admin, this machine alone) installs, connects, pauses and tells, over HTTP; with the token that is made
/// in the data directory (admin-token), unless one is given. Commands that ask about installations go through it by themselves while
/// this runs. docs/admin-api.json describes it.
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
    /// Where the admin interface is listened for; an address of this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    admin: SocketAddr,
    /// The admin interface's token [default: of HARNESS_ADMIN_TOKEN, else made in DIR]
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    #[command(flatten)]
    keep: Keep,
    /// For tests of crashes: the process dies where runs pass this phase for the so-many-th time, e.g. answered,3. Phases beside those
    /// of a run: any; written, where what is sent once is answered
    #[arg(long, hide = true, value_name = "PHASE,NUMBER", value_parser = death)]
    die_at: Option<Death>,
    /// For trying out in minutes what takes hours: since SINCE (milliseconds since 1970) time runs so many times as fast
    #[arg(long, hide = true, value_name = "SINCE,TIMES", value_parser = hurried)]
    hurry: Option<HurriedClock>,
}

/// What is over is taken away every hour. What waits, what runs, and what the connector remembers stays.
#[derive(Debug, clap::Args)]
struct Keep {
    /// Days for which recordings of runs are kept: what `show` and `replay` tell
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..))]
    keep_runs: u64,
    /// MiB of them that an installation has at most; the oldest go first
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..))]
    keep_runs_max: u64,
    /// Days for which lines, changes and dead letters are kept: what `why` tells
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..))]
    keep_log: u64,
}

impl Keep {
    fn retention(&self) -> Retention {
        let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
        let (runs, log) = (days(self.keep_runs), days(self.keep_log));
        Retention {
            runs,
            log,
            dead: log,
            journal_bytes_max: self.keep_runs_max.saturating_mul(1 << 20),
            ..Retention::default()
        }
    }
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { config, data, key_file, listen, public_address, admin, admin_token_file, keep, die_at, hurry } =
        arguments;
    if let Some(why) = public_address.as_deref().and_then(activation::not_public) {
        bail!("{why}");
    }
    if !admin.ip().is_loopback() {
        bail!(
            "the admin interface speaks plain HTTP, so it listens on this machine alone, and {admin} is reached from others. Give \
             --admin 127.0.0.1:8081, and put a reverse proxy with TLS before it"
        );
    }
    let told = Telling::begin()?;
    let data = DataDir::open(&data)?;
    let vault = data.vault(Vault::given(key_file.as_deref())?)?;
    let credentials = data.credentials(&vault)?;
    let store = data.made_store()?;
    let runtime = Arc::new(Runtime::new(Limits::default())?);
    let mut ground = ground(credentials.clone(), vault, Durability::Full);
    if let Some(death) = die_at {
        ground.probe = Arc::new(death);
    }
    if let Some(clock) = hurry {
        ground.clock = Arc::new(clock);
    }
    let host = Host::open(&store, ground, runtime).with_context(|| {
        format!("the store {} cannot be opened. Keep the file for whoever repairs it, and do not delete it: what is still to be done \
                 stands in it", store.display())
    })?;
    let listener = bind(listen, "--listen").await?;
    let (token, token_file) = token(&data, admin_token_file)?;
    let admin = bind(admin, "--admin").await?;
    let admin_at = admin.local_addr()?;
    data.note_admin(&AdminAt { address: admin_at, token_file })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening at http://{}", listener.local_addr()?)?;
    writeln!(out, "admin interface at http://{admin_at}")?;
    out.flush()?;
    drop(out);
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let fleet = Arc::new(Fleet::new(Arc::new(host), data, credentials, public_address));
    let transport = Arc::new(NetworkTransport::new(SocketTimes::default()));
    let router = admin::router(Arc::new(Admin::new(fleet.clone(), config.clone(), token, transport, admin_at)));
    let served = serve::serve(fleet.clone(), &config, listener, (router, admin), keep.retention(), stop).await;
    fleet.data.forget_admin()?;
    told.end().await;
    served?;
    Ok(ExitCode::from(if interrupt.was_heard() { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

async fn bind(at: SocketAddr, argument: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| {
        format!("nothing can listen at {at}; give another address with {argument}, or port 0 for any that is free")
    })
}

/// And where others find it, if it is in a file.
fn token(data: &DataDir, given: Option<PathBuf>) -> anyhow::Result<(Token, Option<PathBuf>)> {
    if let Some(file) = given {
        return Ok((Token::read(&file)?, Some(std::path::absolute(file)?)));
    }
    if let Some(token) = Token::of_environment()? {
        return Ok((token, None));
    }
    let (file, token) = data.admin_token()?;
    let shown = file.display().to_string();
    Ok((Token::of(token.expose_secret(), &shown)?, Some(std::path::absolute(file)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    /// With nothing, all would be taken away within the hour.
    #[test]
    fn something_of_what_is_over_is_kept() {
        for option in ["--keep-runs", "--keep-runs-max", "--keep-log"] {
            for (number, is_taken) in [("0", false), ("-1", false), ("1", true), ("365", true)] {
                let command = Keep::augment_args(clap::Command::new("serve"));
                let given = format!("{option}={number}");
                assert_eq!(command.try_get_matches_from(["serve", &given]).is_ok(), is_taken, "{given}");
            }
        }
    }
}
