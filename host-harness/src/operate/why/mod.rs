//! One person's story across sessions, as somebody in marketing would read it: what arrived, what was done in which record, what was
//! not and why, what waits, and where it stands.
//!
//! Promises: it goes by the words of the contract alone, and knows no payload and no state. What is told about the person is theirs;
//! what is told about a session is theirs where one of their tasks names it, and a session's own failure is told with its people's
//! stories, since it is what they wait for. An address that nobody knows is told as that, with what was looked through.

mod stands;

use super::{
    Desk, OperateError, When,
    letters::remedy,
    pages,
    pages::is_about,
    person,
    words::{sentence, title, waiting},
};
use crate::{
    durable::{
        DELIVERY, EngineError, KeptChange, KeptTask, LogLine, SYNC, TaskFilter, TaskStatus, dead_letter,
        journal::Record,
    },
    effect::{Action, Level, RunId, SendError, Subject},
};
use serde::{Deserialize, Serialize};
use stands::{Standing, Unknown};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Not,
};
use utoipa::ToSchema;

/// Letters that somebody may have mixed up in an address.
const ALIKE_MAX: usize = 2;
/// As the connector's lines begin that say of somebody that nothing is written.
const LEFT_OUT: &str = "left-out";
/// The field of a line that says what a person may do about it.
const REMEDY: &str = "remedy";
/// The providers' words for what is made of a session.
const MADE: [&str; 2] = ["Campaign", "List"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Story {
    pub installation: String,
    pub person: String,
    pub known: bool,
    pub searched: Searched,
    /// Somebody who is known and is written nearly like this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alike: Option<String>,
    /// The oldest first; what waits and what failed at the end.
    pub told: Vec<Told>,
    /// Where it stands, and what to do.
    pub stands: String,
    /// Nothing goes on before somebody does something.
    pub needs_a_person: bool,
}

/// How much was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Searched {
    pub tasks: usize,
    pub lines: usize,
    pub changes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    pub at: When,
    pub kind: ToldKind,
    /// Where it was done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connection: Option<String>,
    pub what: String,
    /// Of something that failed, or that was left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
    /// Of something that waits: it goes on no sooner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<When>,
    /// Of something that waits: once what it waits for is there, it goes on before that.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub wakes: bool,
    /// More of it: `show`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToldKind {
    /// News of the person.
    Arrived,
    /// The connector's word on the way.
    Noted,
    Done,
    NotDone,
    Waits,
    /// A dead letter.
    Failed,
}

impl Desk {
    pub async fn why(&self, installation: &str, email: &str) -> Result<Story, OperateError> {
        let engine = &*self.engine;
        let known = Known {
            person: person(email)?,
            tasks: pages::tasks(engine, installation, TaskFilter::default()).await?,
            lines: pages::lines(engine, installation).await?,
            changes: pages::changes(engine, installation).await?,
        };
        let names = known.names();
        let mut told = known.past(&names);
        let open = known.open(&names);
        let is_known = !told.is_empty() || !open.is_empty();
        let searched = Searched { tasks: known.tasks.len(), lines: known.lines.len(), changes: known.changes.len() };
        let alike = if is_known { None } else { known.alike() };
        let (person, unread) = (known.person.as_str(), known.unread());
        let (stands, needs_a_person) = match is_known {
            true => {
                let broken = self.broken(installation, &open).await?;
                let is_paused = engine.counts(installation).await?.paused;
                Standing { person, told: &told, open: &open, broken, is_paused, unread }.said()
            }
            false => {
                let subject = Subject { kind: Subject::PERSON.into(), id: person.into() };
                let is_forgotten = engine.is_forgotten(installation, &subject).await?;
                let unknown = Unknown { person, searched, alike: alike.as_deref(), is_forgotten, unread };
                (unknown.to_string(), true)
            }
        };
        told.extend(open.into_iter().map(|open| open.told));
        let person = known.person;
        Ok(Story {
            installation: installation.into(),
            person,
            known: is_known,
            searched,
            alike,
            told,
            stands,
            needs_a_person,
        })
    }

    /// What keeps a run of theirs from its provider, where only a person can change that.
    async fn broken(&self, installation: &str, open: &[Open]) -> Result<Option<String>, OperateError> {
        let runs: BTreeSet<u64> =
            open.iter().filter(|open| open.told.kind == ToldKind::Waits).filter_map(|open| open.told.run).collect();
        for run in runs {
            if let Some(why) = self.refused_sign_in(installation, RunId(run)).await? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Whether this run met a connection that needs a person, as far as it is still kept.
    pub(super) async fn refused_sign_in(&self, installation: &str, run: RunId) -> Result<Option<String>, OperateError> {
        let tape = match self.engine.tape(installation, run).await {
            Err(EngineError::Unknown(_) | EngineError::Corrupt(_)) => return Ok(None),
            tape => tape?,
        };
        Ok(tape.entries.into_iter().find_map(|record| match record {
            Record::Answer { answer: Err(error @ SendError::Unauthorized(_)), .. } => Some(error.to_string()),
            _ => None,
        }))
    }
}

struct Known {
    person: String,
    tasks: Vec<KeptTask>,
    lines: Vec<LogLine>,
    changes: Vec<KeptChange>,
}

/// Something that waits or failed.
#[derive(Clone, Debug)]
struct Open {
    told: Told,
    /// About the person, and not about one of their sessions.
    is_theirs: bool,
}

/// The campaign's name, by session.
type Names = BTreeMap<String, String>;

impl Known {
    fn is_theirs(&self, subject: &Option<Subject>) -> bool {
        is_about(subject, Subject::PERSON, &self.person)
    }

    fn names(&self) -> Names {
        let campaigns =
            self.changes.iter().filter(|kept| kept.change.object == "Campaign" && is_there(kept.change.action));
        let name = |kept: &KeptChange| {
            let session = kept.change.subject.as_ref().filter(|subject| subject.kind == "session")?;
            Some((session.id.clone(), kept.change.detail.clone()?))
        };
        campaigns.filter_map(name).collect()
    }

    /// What has happened.
    fn past(&self, names: &Names) -> Vec<Told> {
        let mut told = vec![];
        let theirs: Vec<&KeptTask> = self.tasks.iter().filter(|kept| self.is_theirs(&kept.task.subject)).collect();
        // The same work once more, e.g. after it waited, has a key that begins with that of the first.
        let is_again = |kept: &KeptTask| {
            let begins = |other: &&KeptTask| {
                kept.task.dedupe_key.strip_prefix(&other.task.dedupe_key).is_some_and(|rest| rest.starts_with('/'))
            };
            theirs.iter().any(begins)
        };
        // That somebody had them read again is no news of them.
        let is_news = |kept: &&&KeptTask| !is_again(kept) && kept.task.kind != SYNC;
        for kept in theirs.iter().filter(is_news) {
            told.push(Told {
                run: None,
                ..plain(When(kept.admitted_at), ToldKind::Arrived, named(&kept.task.title, names))
            });
        }
        let dead: Vec<&str> = theirs.iter().filter_map(|kept| Some(kept.failure.as_ref()?.problem.as_str())).collect();
        let sessions = self.sessions();
        // What a session waited for was given up: they are told as well.
        let is_told = |kept: &&LogLine| {
            let LogLine { line, .. } = kept;
            self.is_theirs(&line.subject) || line.code == dead_letter::DISCARDED && is_of(&line.subject, &sessions)
        };
        for LogLine { run, at, line, .. } in self.lines.iter().filter(is_told) {
            // Told at the end, with its remedy.
            if dead.iter().any(|problem| line.message.contains(problem)) {
                continue;
            }
            let is_left =
                line.code.starts_with(LEFT_OUT) || line.code == dead_letter::DISCARDED || line.level >= Level::Warning;
            let kind = if is_left { ToldKind::NotDone } else { ToldKind::Noted };
            let remedy = line.fields.iter().find(|(name, _)| name == REMEDY).map(|(_, remedy)| remedy.clone());
            told.push(Told {
                remedy,
                run: run.map(|run| run.0),
                ..plain(When(*at), kind, named(&line.message, names))
            });
        }
        for KeptChange { run, at, change, .. } in
            self.changes.iter().filter(|kept| self.is_theirs(&kept.change.subject))
        {
            let said = sentence(change).map(|sentence| (ToldKind::Done, sentence));
            let detail = change.detail.as_deref().unwrap_or_default();
            let left = || {
                let is_said =
                    self.lines.iter().any(|kept| kept.run == Some(*run) && kept.line.message.contains(detail));
                let is_left = matches!(change.action, Action::LeftOut | Action::Failed) && !is_said;
                is_left.then(|| (ToldKind::NotDone, format!("{} is not written: {detail}", change.object)))
            };
            let Some((kind, what)) = said.or_else(left) else { continue };
            let connection = Some(title(&change.connection).to_owned());
            told.push(Told { connection, run: Some(run.0), ..plain(When(*at), kind, named(&what, names)) });
        }
        told.sort_by_key(|one| one.at);
        told
    }

    /// What waits, then what failed.
    fn open(&self, names: &Names) -> Vec<Open> {
        let sessions = self.sessions();
        let is_meant = |kept: &&KeptTask| self.is_theirs(&kept.task.subject) || is_of(&kept.task.subject, &sessions);
        let (mut waits, mut failed) = (vec![], vec![]);
        for kept in self.tasks.iter().filter(is_meant) {
            let (at, what) = (When(kept.admitted_at), named(&kept.task.title, names));
            let (run, is_theirs) = (kept.run.map(|run| run.0), self.is_theirs(&kept.task.subject));
            match (kept.status, &kept.failure) {
                (TaskStatus::Dead, Some(failure)) if !self.is_over(kept) => {
                    let what = format!("{what}: {}", named(&failure.problem, names));
                    let told = Told { remedy: Some(remedy(kept)), run, ..plain(at, ToldKind::Failed, what) };
                    failed.push(Open { told, is_theirs });
                }
                (TaskStatus::Waiting | TaskStatus::Running, _) => {
                    let why = kept.waiting_for.as_ref().map(|why| named(why, names));
                    let until = Some(When(kept.due));
                    let wakes = kept.wake_on.is_some();
                    let told = Told { until, wakes, run, ..plain(at, ToldKind::Waits, waiting(&what, why.as_deref())) };
                    waits.push(Open { told, is_theirs });
                }
                _ => {}
            }
        }
        waits.extend(failed);
        waits
    }

    /// Deliveries that nobody has read yet: whom they are about is not known.
    fn unread(&self) -> usize {
        let is_unread = |kept: &&KeptTask| kept.task.kind == DELIVERY && kept.status == TaskStatus::Waiting;
        self.tasks.iter().filter(is_unread).count()
    }

    /// Those that the person's tasks name.
    fn sessions(&self) -> BTreeSet<&str> {
        let subjects = self.tasks.iter().map(|kept| &kept.task.subject);
        let subjects = subjects.chain(self.lines.iter().map(|kept| &kept.line.subject));
        let subjects = subjects.chain(self.changes.iter().map(|kept| &kept.change.subject));
        let all: BTreeSet<&str> =
            subjects.flatten().filter(|of| of.kind == "session").map(|of| of.id.as_str()).collect();
        let theirs = self.tasks.iter().filter(|kept| self.is_theirs(&kept.task.subject));
        theirs.filter_map(|kept| kept.task.dedupe_key.split('/').find_map(|part| all.get(part).copied())).collect()
    }

    /// Somebody has mended it since: the same kind of work about it was done later, or what it was to make is made.
    fn is_over(&self, dead: &KeptTask) -> bool {
        let subject = &dead.task.subject;
        let is_same = |kept: &&KeptTask| kept.task.kind == dead.task.kind && &kept.task.subject == subject;
        let of_session = subject.as_ref().is_some_and(|subject| subject.kind == "session");
        let is_made = |kept: &KeptChange| {
            MADE.contains(&kept.change.object.as_str())
                && is_there(kept.change.action)
                && &kept.change.subject == subject
                && dead.run.is_some_and(|run| kept.run > run)
        };
        let was_done = |kept: &KeptTask| kept.id > dead.id && kept.status == TaskStatus::Done;
        of_session && (self.tasks.iter().filter(is_same).any(was_done) || self.changes.iter().any(is_made))
    }

    fn alike(&self) -> Option<String> {
        let subjects = self.tasks.iter().map(|kept| &kept.task.subject);
        let subjects = subjects.chain(self.lines.iter().map(|kept| &kept.line.subject)).flatten();
        let people: BTreeSet<&str> = subjects.filter(|of| of.is_person()).map(|of| of.id.as_str()).collect();
        let scored = people.into_iter().map(|other| (strsim::damerau_levenshtein(&self.person, other), other));
        scored.filter(|(letters, _)| *letters <= ALIKE_MAX).min().map(|(_, other)| other.into())
    }
}

fn is_of(subject: &Option<Subject>, sessions: &BTreeSet<&str>) -> bool {
    subject.as_ref().is_some_and(|of| of.kind == "session" && sessions.contains(of.id.as_str()))
}

fn is_there(action: Action) -> bool {
    !matches!(action, Action::LeftOut | Action::Failed)
}

fn plain(at: When, kind: ToldKind, what: String) -> Told {
    Told { at, kind, connection: None, what, remedy: None, until: None, wakes: false, run: None }
}

/// A session by its campaign's name: nobody knows it by its id.
fn named(text: &str, names: &Names) -> String {
    let name = |text: String, (id, name): (&String, &String)| {
        let quoted = format!("\"{name}\"");
        [format!("\"{id}\""), format!("session {id}"), id.clone()]
            .iter()
            .fold(text, |text, id| text.replace(id, &quoted))
    };
    names.iter().filter(|(id, _)| text.contains(id.as_str())).fold(text.to_owned(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_told_by_its_campaign_however_it_is_named() {
        let names = [("S1-id".to_string(), "Product demo".to_string())].into();
        let rows = [
            ("ana registered for session S1-id", "ana registered for \"Product demo\""),
            ("registered for \"S1-id\": see session S1-id", "registered for \"Product demo\": see \"Product demo\""),
            ("See what S1-id waits for", "See what \"Product demo\" waits for"),
            ("session S2-id", "session S2-id"),
        ];
        for (text, expected) in rows {
            assert_eq!(named(text, &names), expected);
        }
    }
}
