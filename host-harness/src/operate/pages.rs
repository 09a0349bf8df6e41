//! An engine's pages, read to their end.

use crate::{
    durable::{Engine, EngineError, KeptChange, KeptTask, LogLine, RunSummary, TaskFilter},
    effect::Subject,
};

/// Page after page, each after the last of the one before.
macro_rules! to_the_end {
    ($after:ident => $page:expr) => {{
        let (mut all, mut $after) = (vec![], None);
        loop {
            let page = $page.await?;
            let Some(last) = page.last() else { return Ok(all) };
            $after = Some(last.id);
            all.extend(page);
        }
    }};
}

/// Every task of an installation that is kept with this status, or with any; the oldest first, like all here.
pub async fn tasks(engine: &dyn Engine, of: &str, filter: TaskFilter) -> Result<Vec<KeptTask>, EngineError> {
    to_the_end!(after => engine.tasks(of, filter, after))
}

pub(super) async fn runs(engine: &dyn Engine, of: &str) -> Result<Vec<RunSummary>, EngineError> {
    to_the_end!(after => engine.runs(of, after))
}

pub(super) async fn lines(engine: &dyn Engine, of: &str) -> Result<Vec<LogLine>, EngineError> {
    to_the_end!(after => engine.log(of, after))
}

pub(super) async fn changes(engine: &dyn Engine, of: &str) -> Result<Vec<KeptChange>, EngineError> {
    to_the_end!(after => engine.changes(of, after))
}

/// Whether something is about this one: the kind and the id that the connector gives.
pub(super) fn is_about(subject: &Option<Subject>, kind: &str, id: &str) -> bool {
    subject.as_ref().is_some_and(|subject| subject.kind == kind && subject.id == id)
}
