//! Where a stream is read. Not here: what is printed of it.

use crate::{
    cli::installed::{Opened, Place},
    clock::Timestamp,
    durable::EngineError,
    installation::InstallationFile,
    operate::{CostShown, PageAsk, PageGiven, Reader, StreamError, StreamShown},
};
use std::path::PathBuf;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) struct At {
    opened: Opened,
}

pub(super) enum Told {
    Page(PageGiven),
    /// Not before then.
    Later {
        until: Timestamp,
        why: String,
    },
}

impl At {
    pub async fn of(place: &Place, file: &InstallationFile) -> anyhow::Result<At> {
        Ok(At { opened: place.open_for_streams(file).await? })
    }

    fn reader(&self) -> Reader<'_> {
        Reader { host: &self.opened.host, data: &self.opened.data, installation: &self.opened.id }
    }

    /// Pages are read from here on.
    pub fn start(&self, stop: CancellationToken) -> Option<JoinHandle<Result<(), EngineError>>> {
        Some(self.opened.host.start(stop))
    }

    /// Where the cursor is kept, unless it is given.
    pub fn state_file(&self, stream: &str) -> PathBuf {
        self.opened.data.stream_file(&self.opened.id, stream)
    }

    pub async fn stream(&self, name: &str) -> anyhow::Result<StreamShown> {
        Ok(self.reader().streams(None).await?.one(name)?)
    }

    pub async fn cost(&self, name: &str) -> anyhow::Result<Vec<CostShown>> {
        Ok(self.reader().streams(Some(name)).await?.one(name)?.cost.unwrap_or_default())
    }

    pub async fn page(&self, name: &str, ask: &PageAsk) -> anyhow::Result<Told> {
        Ok(match self.reader().page(name, ask).await {
            Err(StreamError::Later(wait)) => Told::Later { until: wait.until, why: wait.reason },
            page => Told::Page(page?),
        })
    }
}
