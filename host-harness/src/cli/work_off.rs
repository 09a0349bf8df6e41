//! Lets an installation do what is due, and shows what comes of it.

use super::{
    installed::Opened,
    interrupt::Interrupt,
    timeline::{self, Moment, Timeline, tasks},
};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    durable::{Engine, TaskFilter, TaskStatus},
    operate,
    sync::Pass,
};
use serde::Serialize;
use std::{collections::BTreeSet, time::Duration};
use tokio_util::sync::CancellationToken;

/// What is due so soon after another is as good as due: the connector gathers registrations for a moment.
const SOON: Duration = Duration::from_secs(10);

/// How long is waited for what is due later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Short,
    /// Until nothing is left to do. What repeats by itself is never over, and is not waited for.
    Endless,
}

pub(super) struct WorkedOff {
    pub happened: Vec<Moment>,
    pub interrupted: bool,
}

/// `shown`: line by line, as it happens.
pub(super) async fn work_off(
    opened: &Opened,
    timeline: &mut Timeline,
    patience: Patience,
    shown: bool,
) -> anyhow::Result<WorkedOff> {
    let engine = &*opened.host.engine;
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let serving = opened.host.start(stop.clone());
    let (mut happened, mut said) = (vec![], BTreeSet::new());
    loop {
        // What is due and is not picked up is paused: nobody knows when that ends.
        let goes_on = tokio::select! {
            idle = engine.idle() => idle.is_ok_and(|next| next.is_some()),
            () = stop.cancelled() => false,
        };
        let new = timeline.read_on(engine, &opened.id).await?;
        if shown {
            timeline::print(&mut std::io::stdout().lock(), &new)?;
        }
        happened.extend(new);
        let waiting = waiting(engine, &opened.id).await?;
        let soon = SystemClock.now().plus(SOON);
        let next = waiting.iter().map(|waiting| waiting.until).min();
        let next = next.filter(|at| goes_on && !stop.is_cancelled() && (patience == Patience::Endless || *at <= soon));
        let Some(next) = next else { break };
        for waiting in waiting {
            let line = waiting.line();
            if waiting.until > soon && said.insert(line.clone()) {
                eprintln!("waiting: {line}");
            }
        }
        tokio::select! {
            _ = SystemClock.timer(next) => {}
            () = stop.cancelled() => {}
        }
    }
    stop.cancel();
    serving.await??;
    let last = timeline.read_on(engine, &opened.id).await?;
    if shown {
        timeline::print(&mut std::io::stdout().lock(), &last)?;
    }
    happened.extend(last);
    Ok(WorkedOff { happened, interrupted: interrupt.was_heard() })
}

/// What is still to be done, and when.
#[derive(Serialize)]
pub(super) struct Waiting {
    pub what: String,
    #[serde(serialize_with = "super::timeline::as_text")]
    pub until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Without the passes that repeat by themselves.
pub(super) async fn waiting(engine: &dyn Engine, id: &str) -> anyhow::Result<Vec<Waiting>> {
    let waiting = tasks(engine, id, TaskFilter { status: Some(TaskStatus::Waiting) }).await?;
    let waiting = waiting
        .into_iter()
        .filter(|t| Pass::of(&t.task).is_none_or(|pass| pass.every_ms.is_none()))
        .map(|t| Waiting { what: t.task.title, until: t.due, reason: t.waiting_for });
    Ok(waiting.collect())
}

impl Waiting {
    pub fn line(&self) -> String {
        format!("{} (until {})", operate::waiting(&self.what, self.reason.as_deref()), self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_says_once_that_it_is_held() {
        let waiting = |reason: Option<&str>| Waiting {
            what: "ana registered, held".into(),
            until: Timestamp(0),
            reason: reason.map(str::to_owned),
        };
        assert_eq!(waiting(Some("Held: ana, for S1")).line(), format!("Held: ana, for S1 (until {})", Timestamp(0)));
        assert_eq!(waiting(None).line(), format!("ana registered, held (until {})", Timestamp(0)));
    }
}
