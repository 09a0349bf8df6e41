//! An installation is switched off for good, while the others go on. Promises: nothing is taken for it any more; its webhooks are taken
//! back at the provider first, for which it is given a moment; what could not be done is told. Not here: its file (`admin/`).

use super::fleet::Fleet;
use crate::{
    data_dir::DataDirError,
    durable::{Engine, EngineError, KeptTask, SYNC, TaskFilter, TaskStatus},
    operate::{tasks, waiting},
};
use std::time::Duration;

/// For what is to be done before it is off.
const MOMENT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);
/// What is due so soon after another is as good as due.
const SOON: Duration = Duration::from_secs(10);
/// Tasks that are told one by one.
const LINES_MAX: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// What came of it.
#[derive(Debug)]
pub struct Retired {
    /// Whether it was on.
    pub switched_off: bool,
    /// What is not done, and why if that is known. It waits for whoever installs it again.
    pub left: Vec<String>,
}

impl Fleet {
    pub async fn retire(&self, id: &str) -> Result<Retired, RetireError> {
        if !self.data.is_switched_on(id)? {
            return Ok(Retired { switched_off: false, left: vec![] });
        }
        let left = match self.runs(id) {
            true => self.taken_back(id).await?,
            false => vec!["It did not run, so its webhooks are still there. Remove them at the provider".into()],
        };
        self.data.note_switched_off(id)?;
        Ok(Retired { switched_off: true, left })
    }

    async fn taken_back(&self, id: &str) -> Result<Vec<String>, EngineError> {
        self.host.ingress.close(id);
        self.host.switch_off(id).await?;
        if self.host.engine.counts(id).await?.paused {
            let still = "It is paused, so nothing more was done, and its webhooks are still there. Remove them at the provider, or put \
                         the installation again, resume it, and remove it then";
            let open = open(&*self.host.engine, id).await?;
            return Ok(std::iter::once(still.to_owned()).chain(lines(&open)).collect());
        }
        let until = tokio::time::Instant::now() + MOMENT;
        loop {
            let open = open(&*self.host.engine, id).await?;
            let soon = self.host.clock.now().plus(SOON);
            let is_over = !open.iter().any(|kept| kept.status == TaskStatus::Running || kept.due <= soon);
            if is_over || tokio::time::Instant::now() > until {
                return Ok(lines(&open));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Reading stands still once it is switched off.
async fn open(engine: &dyn Engine, id: &str) -> Result<Vec<KeptTask>, EngineError> {
    let mut open = tasks(engine, id, TaskFilter { status: Some(TaskStatus::Waiting) }).await?;
    open.extend(tasks(engine, id, TaskFilter { status: Some(TaskStatus::Running) }).await?);
    open.retain(|kept| kept.task.kind != SYNC);
    Ok(open)
}

/// The first of them; of more, how many those are.
fn lines(open: &[KeptTask]) -> Vec<String> {
    let line = |kept: &KeptTask| waiting(&kept.task.title, kept.waiting_for.as_deref());
    let more = open.len().saturating_sub(LINES_MAX);
    let more = (more > 0).then(|| format!("And {more} more that wait"));
    open.iter().take(LINES_MAX).map(line).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        durable::TaskId,
        effect::{Lane, Task},
    };

    #[test]
    fn what_is_left_is_told_in_few_lines_and_once_that_it_is_held() {
        let task = Task {
            kind: "registrant".into(),
            payload: String::new(),
            ordering_key: "people".into(),
            dedupe_key: "1".into(),
            lane: Lane::Prompt,
            not_before: None,
            title: "ana registered, held".into(),
            subject: None,
        };
        let kept = |why: Option<&str>| KeptTask {
            id: TaskId(1),
            task: task.clone(),
            status: TaskStatus::Waiting,
            attempt: 1,
            generation: 1,
            admitted_at: Timestamp(0),
            due: Timestamp(0),
            waiting_for: why.map(str::to_owned),
            wake_on: None,
            failure: None,
            repeats: 0,
            run: None,
        };
        let two = [kept(Some("Held: ana, for S1")), kept(None)];
        assert_eq!(lines(&two), ["Held: ana, for S1", "ana registered, held"]);
        let all = |count| lines(&vec![kept(None); count]);
        assert_eq!((all(20).len(), all(21).len()), (20, 21));
        assert_eq!(
            (all(20).pop().unwrap(), all(25).pop().unwrap()),
            ("ana registered, held".into(), "And 5 more that wait".into())
        );
    }
}
