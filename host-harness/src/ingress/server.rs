//! The webhook server: `POST /hooks/{installation}/{source}/{secret}`.

use super::{Ingress, Refusal};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`. Requests under way are answered first.
pub async fn serve(ingress: Arc<Ingress>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(ingress)).with_graceful_shutdown(stop.cancelled_owned()).await
}

pub fn router(ingress: Arc<Ingress>) -> Router {
    Router::new().route("/hooks/{installation}/{source}/{secret}", post(hook)).with_state(ingress)
}

async fn hook(
    State(ingress): State<Arc<Ingress>>,
    Path((installation, source, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    let outcome = match read(&ingress, &installation, &source, &secret, body).await {
        Ok(body) => {
            let headers: Vec<(String, String)> = headers
                .iter()
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
                .collect();
            ingress.receive(&installation, &source, &secret, &headers, body).await
        }
        Err(refusal) => {
            ingress.count(&installation, refusal);
            Err(refusal)
        }
    };
    match outcome {
        Ok(_) => (StatusCode::ACCEPTED, "kept\n".into()),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("{refusal}\n"))
        }
    }
}

/// No more of a body is held in memory than its source may send, none of a stranger's, and none for longer than this.
const BODY_TIME: Duration = Duration::from_secs(10);

async fn read(
    ingress: &Ingress,
    installation: &str,
    source: &str,
    secret: &str,
    body: Body,
) -> Result<Vec<u8>, Refusal> {
    let max = ingress.max_bytes(installation, source, secret)?;
    match tokio::time::timeout(BODY_TIME, to_bytes(body, max as usize)).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(e)) if is_limit(&e) => Err(Refusal::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Refusal::Incomplete),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        if e.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = e.source();
    }
    false
}
