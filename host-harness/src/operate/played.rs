//! A recorded run, played to a fresh instance: what it asked for is nowhere else, since a journal keeps digests and answers.

use super::{Desk, OperateError};
use crate::{
    durable::{
        BODY_GONE, DELIVERY, EngineError, Tape,
        journal::{self, Divergence},
    },
    effect::{Ask, End, Input, Note, Request, Run, RunId, Step},
    runtime::Component,
};
use async_trait::async_trait;
use std::sync::Arc;

/// What a run told and asked, in program order. What it asked its memory is no effect.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    Note(Note),
    Wave(Vec<Request>),
}

/// A run with somebody who listens.
struct Overheard {
    run: Box<dyn Run>,
    heard: Vec<Heard>,
}

#[async_trait]
impl Run for Overheard {
    async fn step(&mut self, input: Input) -> Step {
        let step = self.run.step(input).await;
        let (Step::Asks { notes, .. } | Step::Finished { notes, .. }) = &step;
        self.heard.extend(notes.iter().cloned().map(Heard::Note));
        if let Step::Asks { ask: Ask::Wave(requests), .. } = &step {
            self.heard.push(Heard::Wave(requests.clone()));
        }
        step
    }
}

/// Nothing of it is recorded, by any engine.
pub(super) const A_PAGE: &str = "a page is read again and not played again, so its requests are not recorded";

/// As it was recorded, or where it went another way.
pub(super) struct Played {
    pub heard: Vec<Heard>,
    pub end: Result<End, Divergence>,
}

impl Desk {
    pub(super) async fn recorded(&self, installation: &str, run: u64) -> Result<Tape, OperateError> {
        self.engine.tape(installation, RunId(run)).await.map_err(|error| match error {
            EngineError::Unknown(_) => OperateError::NoSuchRun { installation: installation.into(), run },
            error => error.into(),
        })
    }

    /// The component that began the run, if it is the one that is installed; else why it cannot be played.
    pub(super) fn its_component(&self, tape: &Tape) -> Result<Arc<Component>, String> {
        is_open(tape)?;
        let component = self.runtime.component(&tape.lead.installation).map_err(|error| error.to_string())?;
        match component.digest == tape.lead.input.component {
            true => Ok(component),
            false => Err("another version of the connector is installed than the one that began this run".into()),
        }
    }

    pub(super) async fn play(&self, component: &Component, tape: &Tape) -> Result<Played, String> {
        let mut run = Overheard { run: self.runtime.replay(component, tape.lead.clone())?, heard: vec![] };
        let end = journal::play(tape.entries.clone(), &mut run).await;
        Ok(Played { heard: run.heard, end })
    }
}

/// What came in is sealed while it waits, and gone afterwards.
pub(super) fn is_open(tape: &Tape) -> Result<(), String> {
    match tape.lead.input.assignments.iter().any(|assignment| assignment.task.kind == DELIVERY) {
        true => Err(format!("it took in a delivery, and {BODY_GONE}")),
        false => Ok(()),
    }
}
