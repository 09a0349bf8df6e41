//! Where a stream is read: here, in a store of its own, or by the process that has the data directory. Not here: what is printed of it.

use crate::{
    admin::client::{Client, ClientError, segment},
    cli::installed::{Opened, Place, who_serves},
    clock::Timestamp,
    durable::EngineError,
    installation::InstallationFile,
    operate::{CostShown, PageAsk, PageGiven, Reader, StreamError, StreamShown, Streams},
};
use http::StatusCode;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) enum At {
    Here(Box<Opened>),
    There { client: Box<Client>, id: String },
}

pub(super) enum Told {
    Page(PageGiven),
    /// Not before then.
    Later {
        until: Timestamp,
        why: String,
    },
}

/// Each question once, wherever it is answered.
impl At {
    pub async fn of(place: &Place, file: &InstallationFile) -> anyhow::Result<At> {
        Ok(match who_serves(&place.data)? {
            Some(client) => At::There { client: Box::new(client), id: file.id.clone() },
            None => At::Here(Box::new(place.open_for_streams(file).await?)),
        })
    }

    pub fn is_there(&self) -> bool {
        matches!(self, At::There { .. })
    }

    /// Pages are read from here on.
    pub fn start(&self, stop: CancellationToken) -> Option<JoinHandle<Result<(), EngineError>>> {
        match self {
            At::Here(opened) => Some(opened.host.start(stop)),
            At::There { .. } => None,
        }
    }

    pub async fn stream(&self, name: &str) -> anyhow::Result<StreamShown> {
        let streams = match self {
            At::Here(opened) => reader(opened).streams(None).await?,
            At::There { client, id } => client.get(&path(id, "")).await?,
        };
        Ok(streams.one(name)?)
    }

    pub async fn cost(&self, name: &str) -> anyhow::Result<Vec<CostShown>> {
        let streams: Streams = match self {
            At::Here(opened) => reader(opened).streams(Some(name)).await?,
            At::There { client, id } => client.get(&path(id, &format!("?cost_of={}", segment(name)))).await?,
        };
        Ok(streams.one(name)?.cost.unwrap_or_default())
    }

    pub async fn page(&self, name: &str, ask: &PageAsk) -> anyhow::Result<Told> {
        match self {
            At::Here(opened) => Ok(match reader(opened).page(name, ask).await {
                Err(StreamError::Later(wait)) => Told::Later { until: wait.until, why: wait.reason },
                page => Told::Page(page?),
            }),
            At::There { client, id } => {
                match client.post(&path(id, &format!("/{}/pages", segment(name))), json!(ask)).await {
                    Err(ClientError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, problem })
                        if problem.not_before.is_some() =>
                    {
                        let until = problem.not_before.map(|at| at.0).unwrap_or_default();
                        Ok(Told::Later { until, why: problem.problem })
                    }
                    page => Ok(Told::Page(page?)),
                }
            }
        }
    }
}

fn reader(opened: &Opened) -> Reader<'_> {
    Reader { host: &opened.host, data: &opened.data, rows: None, installation: &opened.id }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/installations/{}/streams{rest}", segment(id))
}
