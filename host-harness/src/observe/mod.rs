//! What a process tells of its runs while they go, one structured event each.
//!
//! Promises: no personal data and no secret, so that a log may go wherever logs go; whom it was about and in which words stands in the
//! installation's own run log. A run that goes on after a crash tells its beginning again. Not here: where events are written to
//! (whoever starts the process), what is counted (`serve/metrics.rs`), accounts that do not work (`connections/`).

#[cfg(test)]
pub mod heard;
#[cfg(feature = "opentelemetry")]
pub mod traces;

use crate::effect::{Driver, End, FailureClass, Input, Lead, Level, Line, Note, Outcome, Run, RunId, Step};
use async_trait::async_trait;
use std::sync::Arc;
use tracing::{Instrument, Span};

/// A driver whose runs are told.
pub struct Told<D: ?Sized>(pub Arc<D>);

#[async_trait]
impl<D: Driver + ?Sized> Driver for Told<D> {
    fn prepare(&self, installation: &str) -> Option<(String, serde_json::Value)> {
        self.0.prepare(installation)
    }

    fn batch_tasks(&self, installation: &str, key: &str) -> usize {
        self.0.batch_tasks(installation, key)
    }

    async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String> {
        let (installation, id) = (lead.installation.clone(), lead.run);
        let opened = self.0.open(lead).await;
        match opened {
            Ok(run) => {
                let span = tracing::info_span!("run", installation, run = id.0);
                Ok(Box::new(ToldRun { run, installation, id, span }))
            }
            Err(why) => {
                tracing::error!(installation, run = id.0, "the run could not begin");
                Err(why)
            }
        }
    }
}

struct ToldRun {
    run: Box<dyn Run>,
    installation: String,
    id: RunId,
    /// From its first step to its last, the waiting in between included.
    span: Span,
}

#[async_trait]
impl Run for ToldRun {
    async fn step(&mut self, input: Input) -> Step {
        let step = self.run.step(input).instrument(self.span.clone()).await;
        let (notes, end) = match &step {
            Step::Asks { notes, .. } => (notes, None),
            Step::Finished { notes, end } => (notes, Some(end)),
        };
        self.span.in_scope(|| {
            notes.iter().for_each(|note| self.note(note));
            if let Some(end) = end {
                self.end(end);
            }
        });
        step
    }
}

impl ToldRun {
    fn note(&self, note: &Note) {
        let (installation, run) = (self.installation.as_str(), self.id.0);
        match note {
            Note::Write(_) => {}
            Note::Log(Line { level, code, .. }) => match level {
                Level::Error => tracing::error!(installation, run, code, "the connector tells"),
                Level::Warning => tracing::warn!(installation, run, code, "the connector tells"),
                Level::Info => tracing::info!(installation, run, code, "the connector tells"),
                Level::Debug => tracing::debug!(installation, run, code, "the connector tells"),
            },
            Note::Changes(changes) => {
                for change in changes {
                    let (connection, object, action) = (&change.connection, &change.object, change.action);
                    tracing::info!(installation, run, connection, object, ?action, "a record");
                }
            }
        }
    }

    fn end(&self, end: &End) {
        let (installation, run) = (self.installation.as_str(), self.id.0);
        match end {
            End::Outcomes(outcomes) => {
                let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| is(outcome)).count();
                let done = count(|outcome| matches!(outcome, Outcome::Done(_)));
                let later = count(|outcome| matches!(outcome, Outcome::Later(_)));
                let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
                match failed {
                    0 => tracing::info!(installation, run, done, later, failed, "the run ends"),
                    _ => {
                        let classes = classes(outcomes);
                        tracing::warn!(
                            installation,
                            run,
                            done,
                            later,
                            failed,
                            classes,
                            "the run ends; what failed waits for a person"
                        );
                    }
                }
            }
            End::Broken(_) => tracing::error!(installation, run, "the run breaks off; its tasks go again"),
        }
    }
}

/// How many failed in which way, e.g. `needs_attention=2, invalid=1`. In no more words: those of a failure may name people.
fn classes(outcomes: &[(u32, Outcome)]) -> String {
    let is = |outcome: &Outcome, class| matches!(outcome, Outcome::Failed(failure) if failure.class == class);
    let counted = |(word, class): (&str, FailureClass)| {
        let count = outcomes.iter().filter(|(_, outcome)| is(outcome, class)).count();
        (count > 0).then(|| format!("{word}={count}"))
    };
    let all = [
        ("needs_attention", FailureClass::NeedsAttention),
        ("invalid", FailureClass::Invalid),
        ("bug", FailureClass::Bug),
    ];
    all.into_iter().filter_map(counted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{heard::Heard, *};
    use crate::effect::{Completion, Failure};
    use FailureClass::*;

    /// Ends at once.
    struct Ends(Vec<(u32, Outcome)>);

    #[async_trait]
    impl Run for Ends {
        async fn step(&mut self, _: Input) -> Step {
            Step::Finished { notes: vec![], end: End::Outcomes(self.0.clone()) }
        }
    }

    #[tokio::test]
    async fn what_failed_is_told_by_its_classes_and_in_no_words_of_its_own() {
        let heard = Heard::begin();
        let rows: [(&[FailureClass], Option<&str>); 4] = [
            (&[], None),
            (&[NeedsAttention], Some("needs_attention=1")),
            (&[Invalid, NeedsAttention, NeedsAttention], Some("needs_attention=2, invalid=1")),
            (&[Bug, Invalid], Some("invalid=1, bug=1")),
        ];
        for (failed, expect) in rows {
            let failure = |class: &FailureClass| {
                let (problem, remedy) = ("Ana Example is not there.".into(), "Ask ana@example.org.".into());
                Outcome::Failed(Failure { class: *class, problem, remedy })
            };
            let done = [Outcome::Done(Completion::default())];
            let outcomes = (0..).zip(done.into_iter().chain(failed.iter().map(failure))).collect();
            let (installation, span) = ("acme".into(), tracing::Span::none());
            ToldRun { run: Box::new(Ends(outcomes)), installation, id: RunId(7), span }.step(Input::Start).await;
            let begins = if expect.is_some() { "WARN" } else { "INFO" };
            let [line] = &heard.lines()[..] else { panic!("one line") };
            assert!(
                line.starts_with(&format!("{begins} the run ends")) && !line.to_lowercase().contains("ana"),
                "{line}"
            );
            let classes = expect.map(|classes| format!(" failed={} classes=\"{classes}\"", failed.len()));
            assert!(line.ends_with(&classes.unwrap_or(" failed=0".into())), "{line}");
        }
    }
}
