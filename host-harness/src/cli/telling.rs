//! What a process that serves tells while it does: on stderr, and to whoever collects traces. Not here: what is told (`observe`).

#[cfg(feature = "opentelemetry")]
use crate::observe::traces::Traces;
#[cfg(feature = "opentelemetry")]
use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub(super) struct Telling {
    #[cfg(feature = "opentelemetry")]
    traces: Traces,
}

impl Telling {
    /// One JSON object a line; text where somebody watches. `RUST_LOG` says how much.
    pub fn begin() -> anyhow::Result<Telling> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let told = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let told = match std::io::stderr().is_terminal() {
            true => told.boxed(),
            // Without the span: each event says of which run it is.
            false => told.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        };
        let all = tracing_subscriber::registry().with(filter).with(told);
        #[cfg(feature = "opentelemetry")]
        let traces = Traces::begin().context("traces cannot be sent")?;
        #[cfg(feature = "opentelemetry")]
        let all = all.with(traces.layer());
        all.init();
        Ok(Telling {
            #[cfg(feature = "opentelemetry")]
            traces,
        })
    }

    pub async fn end(self) {
        #[cfg(feature = "opentelemetry")]
        let _ = tokio::task::spawn_blocking(|| self.traces.end()).await;
    }
}
