//! Dead letters go again, and what was put off goes on before its time.

use super::{Desk, OperateError, letters::Which, pages};
use crate::durable::{EngineError, KeptTask, TaskFilter, TaskId, TaskStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, btree_map::Entry};
use utoipa::ToSchema;

/// One answer for each, in their order. None: nothing waited for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retrying {
    pub installation: String,
    pub tasks: Vec<Retried>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retried {
    pub task: u64,
    pub what: String,
    pub went_again: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
}

impl Desk {
    pub async fn retry(&self, installation: &str, which: Which) -> Result<Retrying, OperateError> {
        let (engine, meant) = (&*self.engine, self.meant(installation, which).await?);
        let mut tasks = vec![];
        for KeptTask { id, task, .. } in meant {
            let refused = match engine.retry(installation, id).await {
                Ok(()) => None,
                Err(EngineError::Invalid(why)) => Some(why),
                Err(error) => return Err(error.into()),
            };
            tasks.push(Retried { task: id.0, what: task.title, went_again: refused.is_none(), refused });
        }
        Ok(Retrying { installation: installation.into(), tasks })
    }

    /// A connection was mended: what waits because it did not work goes on now. How many tasks those are.
    pub async fn goes_on(&self, installation: &str) -> Result<u64, OperateError> {
        let filter = TaskFilter { status: Some(TaskStatus::Waiting) };
        let waiting = pages::tasks(&*self.engine, installation, filter).await?;
        let mut gone_on = 0;
        for (task, _) in self.signed_out(installation, &waiting).await? {
            match self.engine.retry(installation, task).await {
                Ok(()) => gone_on += 1,
                // It has gone on by itself meanwhile.
                Err(EngineError::Invalid(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone_on)
    }

    /// Those of the tasks that were put off by a connection that needs a person, and in which words.
    pub(super) async fn signed_out(
        &self,
        installation: &str,
        tasks: &[KeptTask],
    ) -> Result<Vec<(TaskId, String)>, OperateError> {
        let (mut met, mut signed_out) = (BTreeMap::new(), vec![]);
        for kept in tasks.iter().filter(|kept| kept.is_put_off()) {
            let Some(run) = kept.run else { continue };
            let why = match met.entry(run) {
                Entry::Occupied(met) => met.into_mut(),
                Entry::Vacant(new) => new.insert(self.refused_sign_in(installation, run).await?),
            };
            signed_out.extend(why.clone().map(|why| (kept.id, why)));
        }
        Ok(signed_out)
    }
}
