//! What the process answers over HTTP. Promises: whoever sends slowly, or nothing, takes one connection for a while and no more;
//! what is under way is answered before the end.

use super::{fleet::Fleet, metrics};
use crate::ingress::server;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

/// For the head of a request; for its body `ingress::server` has one.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// More wait in the backlog of the listener.
const CONNECTIONS_MAX: usize = 1_000;
/// For what is under way at the end.
const FAREWELL: Duration = Duration::from_secs(15);

pub(super) fn router(fleet: Arc<Fleet>) -> Router {
    let own = Router::new().route("/healthz", get(health)).route("/metrics", get(measured));
    own.with_state(fleet.clone()).merge(server::router(fleet.host.ingress.clone()))
}

/// The process is well: it takes deliveries. An installation that is not is no reason to start the process anew.
async fn health(State(fleet): State<Arc<Fleet>>) -> impl IntoResponse {
    let standings = fleet.standings();
    let count = |word: &str| standings.iter().filter(|standing| standing.status.word() == word).count();
    let told = json!({"status": "ok", "installations": {
        "running": count("running"), "held": count("held"), "broken": count("broken"),
    }});
    ([(header::CONTENT_TYPE, "application/json")], told.to_string())
}

async fn measured(State(fleet): State<Arc<Fleet>>) -> impl IntoResponse {
    match metrics::text(&fleet).await {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], format!("{e}\n")),
    }
}

/// Serves until `stop`.
pub(super) async fn listen(router: Router, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Whoever has said all they have to say, and closes that direction, still hears the answer.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).half_close(true);
    let (connections, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let Ok(place) = connections.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // No more descriptors, or a connection that was gone at once: others come.
                Err(e) => {
                    tracing::warn!("a connection could not be taken: {e}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            // Whoever breaks off is answered nothing.
            drop(connection.await);
            drop(place);
        });
    }
    drop(listener);
    drop(tokio::time::timeout(FAREWELL, graceful.shutdown()).await);
    Ok(())
}
