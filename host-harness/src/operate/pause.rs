//! An installation stands still, and goes on (RULES 27). What arrives meanwhile is taken and kept; nothing is written; the time in
//! which it stood still does not count for what is put off.

use super::{Desk, OperateError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    pub installation: String,
    pub paused: bool,
}

impl Desk {
    pub async fn pause(&self, installation: &str) -> Result<Paused, OperateError> {
        self.engine.pause(installation, None).await?;
        Ok(Paused { installation: installation.into(), paused: true })
    }

    /// What was kept is worked off in its order.
    pub async fn resume(&self, installation: &str) -> Result<Paused, OperateError> {
        self.engine.resume(installation, None).await?;
        Ok(Paused { installation: installation.into(), paused: false })
    }
}
