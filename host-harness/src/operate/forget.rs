//! A person is forgotten: what is kept here and names them goes, and what comes about them later is dropped.
//!
//! Promises: said of each kind of thing how much of it went, and how much of other people's work still names them. Not here: how they
//! are found (`durable/forget.rs`); what stands at the providers, which only their own people delete.

use super::{Desk, OperateError, person};
use crate::{
    data_dir::Rows,
    durable::{Engine, EngineError, Forgotten},
    effect::Subject,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forgetting {
    pub installation: String,
    pub person: String,
    /// Rows in the files of streams that are read by themselves.
    #[serde(default)]
    pub rows: u64,
    #[serde(flatten)]
    pub gone: Forgotten,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whom {
    pub installation: String,
    pub person: String,
}

impl Desk {
    /// `also`: other stores of the same data directory; `rows`: its files of rows. Asked again, it deletes what has come to name them since.
    pub async fn forget(
        &self,
        installation: &str,
        email: &str,
        also: Option<&dyn Engine>,
        rows: Rows,
    ) -> Result<Forgetting, OperateError> {
        let person = person(email)?;
        let subject = Subject { kind: Subject::PERSON.into(), id: person.clone() };
        let mut gone = self.engine.forget(installation, &subject).await?;
        if let Some(other) = also {
            let more = other.forget(installation, &subject).await?;
            gone.runs += more.runs;
            gone.tasks += more.tasks;
            gone.lines += more.lines;
            gone.changes += more.changes;
            gone.state += more.state;
            gone.still_named += more.still_named;
        }
        let (of, whom) = (installation.to_owned(), person.clone());
        let of_rows = tokio::task::spawn_blocking(move || rows.forget(&of, &whom)).await;
        let of_rows = of_rows.map_err(|e| EngineError::Store(e.to_string()))??;
        gone.still_named += of_rows.still_named;
        Ok(Forgetting { installation: installation.into(), person, rows: of_rows.rows, gone })
    }

    /// What comes about them is taken in again. In another store they may never have been forgotten.
    pub async fn allow_again(
        &self,
        installation: &str,
        email: &str,
        also: Option<&dyn Engine>,
    ) -> Result<Whom, OperateError> {
        let person = person(email)?;
        let subject = Subject { kind: Subject::PERSON.into(), id: person.clone() };
        match self.engine.allow_again(installation, &subject).await {
            Err(EngineError::Unknown(_)) => {
                return Err(OperateError::NotForgotten { installation: installation.into(), person });
            }
            allowed => allowed?,
        }
        if let Some(other) = also {
            match other.allow_again(installation, &subject).await {
                Err(EngineError::Unknown(_)) => {}
                allowed => allowed?,
            }
        }
        Ok(Whom { installation: installation.into(), person })
    }
}
