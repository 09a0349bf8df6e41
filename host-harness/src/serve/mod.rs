//! One process, many installations: what turns a folder of installation files into software that runs.
//!
//! ```text
//! folder of files ──> fleet ──> host: engine, connections, doors
//! POST /hooks/...  ─────────────────> doors ─> durable ─> 2xx
//! GET /healthz, /metrics
//! /v1/... (another address)  ───────> admin ─> fleet, folder
//! ```
//!
//! Promises: what is changed in the folder is taken up without a restart; on `stop` nothing new is taken, what was begun is ended or
//! waits for the next start. Not here: TLS (the reverse proxy before it), what an installation does (`host`).

pub mod fleet;
pub mod folder;
mod http;
mod metrics;
pub mod retire;

use crate::{
    clock,
    durable::{EngineError, Retention, Swept},
};
use axum::Router;
use fleet::{Fleet, Standing, Status};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often what is over is taken away, by the host's clock.
const SWEEP: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the folder of installation files {} cannot be read: {problem}. Give another one with --config", .folder.display())]
    Folder { folder: PathBuf, problem: String },
    #[error("the store cannot be worked on any more: {0}. Nothing that was taken is lost; mend it and start again")]
    Engine(#[from] EngineError),
    #[error("it cannot listen any more: {0}")]
    Listen(#[from] std::io::Error),
    #[error("a part of the server broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Serves until `stop`. `admin`: what operators ask, and where.
pub async fn serve(
    fleet: Arc<Fleet>,
    config: &Path,
    listener: TcpListener,
    admin: (Router, TcpListener),
    keep: Retention,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let unreadable = |e: std::io::Error| ServeError::Folder { folder: config.into(), problem: e.to_string() };
    // Until all are there, who is unknown is asked to send again.
    fleet.host.ingress.is_whole(false);
    fleet.begin(config).await.map_err(unreadable)?.iter().for_each(tell);
    let engine_stops = CancellationToken::new();
    let mut working = fleet.host.start(engine_stops.clone());
    let watching = tokio::spawn(watch(fleet.clone(), config.to_owned(), stop.clone()));
    let sweeping = tokio::spawn(sweep(fleet.clone(), keep, stop.clone()));
    let listening = tokio::spawn(http::listen(http::router(fleet.clone()), listener, stop.clone()));
    let asked = tokio::spawn(http::listen(admin.0, admin.1, stop.clone()));
    let early = tokio::select! {
        () = stop.cancelled() => None,
        end = &mut working => Some(end),
    };
    tracing::info!("it ends: nothing new is taken, what was begun is ended");
    stop.cancel();
    watching.await?;
    sweeping.await?;
    listening.await??;
    asked.await??;
    engine_stops.cancel();
    let end = match early {
        Some(end) => end,
        None => working.await,
    };
    Ok(end??)
}

async fn watch(fleet: Arc<Fleet>, config: PathBuf, stop: CancellationToken) {
    let mut complained = false;
    while !stop.is_cancelled() {
        match look(&fleet, &config, None).await {
            Ok(()) => complained = false,
            // What runs goes on.
            Err(e) if !complained => {
                complained = true;
                tracing::error!(folder = %config.display(), "the folder of installation files cannot be read: {e}");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Of all that were ever switched on here: what is kept of one that is gone goes with its time, too.
async fn sweep(fleet: Arc<Fleet>, keep: Retention, stop: CancellationToken) {
    let clock = fleet.host.clock.clone();
    let mut work = clock.begin();
    while !stop.is_cancelled() {
        let next = clock.now().plus(SWEEP);
        for installation in fleet.kept() {
            match fleet.host.engine.sweep(&installation, &keep).await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(swept) => {
                    let Swept { done, dead, runs, lines, changes } = swept;
                    tracing::info!(installation, done, dead, runs, lines, changes, "what was over is taken away");
                }
                // The next one does it; what needs the store says so itself.
                Err(e) => tracing::warn!(installation, "what is over could not be taken away: {e}"),
            }
        }
        work = tokio::select! {
            work = clock::sleep(&*clock, work, next) => work,
            () = stop.cancelled() => return,
        };
    }
}

/// Takes up what has changed in the folder. `again`: see [`Fleet::look`].
pub async fn look(fleet: &Fleet, config: &Path, again: Option<&str>) -> std::io::Result<()> {
    let changed = fleet.look(config, again).await?;
    let broken = fleet.standings().iter().any(|s| matches!(s.status, Status::Broken { .. }));
    fleet.host.ingress.is_whole(!broken);
    // Whoever reads that it runs finds it so.
    changed.iter().for_each(tell);
    Ok(())
}

fn tell(standing: &Standing) {
    let (file, id) = (standing.file.display(), standing.installation.as_deref());
    match &standing.status {
        Status::Running => tracing::info!(installation = id, %file, "runs"),
        Status::Held { findings } => {
            for finding in findings.iter().filter(|f| f.severity == crate::runtime::contract::Severity::Blocker) {
                tracing::warn!(installation = id, %file, code = finding.code, "is not switched on: {} {}", finding.problem, finding.remedy);
            }
        }
        Status::Broken { why, .. } => tracing::error!(installation = id, %file, "{why}"),
    }
}

#[cfg(test)]
mod tests;
