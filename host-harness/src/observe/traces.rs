//! Spans for whoever collects them: OpenTelemetry over HTTP (OTLP), with the cargo feature `opentelemetry`.
//!
//! Where to: `OTEL_EXPORTER_OTLP_ENDPOINT`, else http://localhost:4318; plain http to this machine and private addresses alone. Promises:
//! what is told on stderr and no more, so no person and no secret; who does not listen holds nothing up. Without the feature:
//! nothing is here.

use crate::connections::{AnyAddress, NetworkTransport, SocketTimes, Transport};
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracerProvider, Tracer},
};
use std::{fmt, sync::Arc};
use tokio::runtime::Handle;
use tracing_opentelemetry::OpenTelemetryLayer;

/// A collector answers a few bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What is sent until it is ended.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends with the threads of this call.
    pub fn begin() -> Result<Traces, ExporterBuildError> {
        Traces::over(Arc::new(AnyAddress(NetworkTransport::new(SocketTimes::default()))))
    }

    fn over(transport: Arc<dyn Transport>) -> Result<Traces, ExporterBuildError> {
        let posting = Posting { transport, threads: Handle::current() };
        let exporter = SpanExporter::builder().with_http().with_http_client(posting).build()?;
        let resource = Resource::builder().with_service_name("harness").build();
        Ok(Traces(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
    }

    pub fn layer<S>(&self) -> OpenTelemetryLayer<S, Tracer>
    where
        S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("harness"))
    }

    /// What is not sent yet goes first. Not on a thread that serves: it waits.
    pub fn end(self) {
        // Who does not listen any more has nothing of it.
        let _ = self.0.shutdown();
    }
}

struct Posting {
    transport: Arc<dyn Transport>,
    threads: Handle,
}

impl fmt::Debug for Posting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Posting")
    }
}

#[async_trait]
impl HttpClient for Posting {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (transport, request) = (self.transport.clone(), request.map(|body| body.to_vec()));
        // Spans are sent from a thread that knows no sockets.
        let sent = self.threads.spawn(async move { transport.send(request, ANSWER_BYTES_MAX).await });
        Ok(sent.await??.map(Bytes::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::TransportError;
    use std::sync::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Default)]
    struct Collector(Mutex<Vec<http::Request<Vec<u8>>>>);

    #[async_trait]
    impl Transport for Collector {
        async fn send(
            &self,
            request: http::Request<Vec<u8>>,
            _: usize,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            self.0.lock().unwrap().push(request);
            Ok(http::Response::new(vec![]))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_is_a_span_with_what_was_told_in_it() {
        let collector = Arc::new(Collector::default());
        let traces = Traces::over(collector.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(traces.layer()), || {
            let span = tracing::info_span!("run", installation = "acme", run = 7);
            span.in_scope(|| tracing::info!("the run ends"));
        });
        tokio::task::spawn_blocking(|| traces.end()).await.unwrap();
        let got = collector.0.lock().unwrap();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].uri().to_string(), "http://localhost:4318/v1/traces");
        let body = String::from_utf8_lossy(got[0].body());
        for told in ["harness", "run", "installation", "acme", "the run ends"] {
            assert!(body.contains(told), "{told}");
        }
    }
}
