//! One run from its beginning to its end: its tasks, what it told, each request with what came back, and how each task ended.
//!
//! The requests are had by playing the recording to a fresh instance. Where the component is another one by now, a request is shown by
//! its place alone, and the answer says so.

use super::{
    Desk, OperateError, RunKind, RunStatus, When,
    letters::remedy,
    mask::Mask,
    pages,
    played::{A_PAGE, Heard},
    runs::Facts,
    words::{sentence, title},
};
use crate::{
    clock::Timestamp,
    durable::{
        KeptChange, LogLine, Tape, TaskFilter, TaskStatus,
        journal::{Ending, Record},
    },
    effect::{Answer, Body, Level, Method, Note, Outcome, Repeat, Request, Response, Task},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    pub installation: String,
    pub run: u64,
    pub kind: RunKind,
    /// Runs of one key are one after another.
    pub key: String,
    pub begun: When,
    pub status: RunStatus,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// The digest of the component that had it.
    pub component: String,
    pub tasks: Vec<ShownTask>,
    pub timeline: Vec<Moment>,
    /// Why requests are told by their place alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_played: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShownTask {
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
    pub attempt: u32,
    /// Nothing: the run did not come to its end.
    pub end: Option<TaskEnd>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum TaskEnd {
    Done { follow_ups: Vec<String> },
    PutOff { until: When, why: String },
    Failed { problem: String, remedy: String },
}

/// What happened then. A request stands where it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    pub at: When,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[schema(as = Happened)]
pub enum What {
    Line {
        level: Level,
        code: String,
        message: String,
        /// Where personal data is asked for.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        fields: Vec<(String, String)>,
    },
    /// What became of a record.
    Record {
        connection: String,
        object: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<String>,
        message: String,
    },
    Request {
        connection: String,
        method: Method,
        path: String,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        query: Vec<Parameter>,
        purpose: String,
        repeat: Repeat,
        status: Option<u16>,
        /// Why there is no status.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
        /// Where personal data is asked for.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sent: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        received: Option<Value>,
    },
    /// A request of which no more is known.
    Answer {
        wave: u32,
        place: u32,
        status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
    },
}

/// A part of a query. Its value where personal data is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Parameter {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

impl Desk {
    /// `personal`: with addresses, names, and what was sent and received.
    pub async fn show(&self, installation: &str, run: u64, personal: bool) -> Result<Shown, OperateError> {
        let tape = self.recorded(installation, run).await?;
        let mut mask = Mask::new(&tape, personal);
        let played = match self.its_component(&tape) {
            _ if RunKind::of(&tape.lead.key) == RunKind::Page => Err(A_PAGE.into()),
            Ok(component) => self.play(&component, &tape).await,
            Err(why) => Err(why),
        };
        // One that did not come to its end goes on where its recording ends.
        let came_to_its_end = matches!(tape.end, Some(Ending::Outcomes(_)));
        let played = played.and_then(|played| match played.end {
            Err(divergence) if came_to_its_end => Err(divergence.to_string()),
            _ => Ok(played.heard),
        });
        let (timeline, not_played) = match played {
            Ok(heard) => {
                for request in heard.iter().filter_map(wave).flatten() {
                    request.body.iter().for_each(|body| mask.learn(&body.bytes));
                }
                (Telling::new(&tape, &mask, personal).played(&heard), None)
            }
            Err(why) if tape.entries.is_empty() => {
                let lines = pages::lines(&*self.engine, installation).await?;
                let changes = pages::changes(&*self.engine, installation).await?;
                (Telling::new(&tape, &mask, personal).kept(lines, changes), Some(why))
            }
            Err(why) => (Telling::new(&tape, &mask, personal).recorded(), Some(why)),
        };
        // By the words of today: with the command that gives it again.
        let dead = pages::tasks(&*self.engine, installation, TaskFilter { status: Some(TaskStatus::Dead) }).await?;
        let dead = dead.iter().filter(|kept| kept.run == Some(tape.lead.run));
        let remedies = dead.map(|kept| (kept.task.dedupe_key.as_str(), remedy(kept))).collect();
        let facts = Facts::of(&tape);
        let input = &tape.lead.input;
        Ok(Shown {
            installation: installation.into(),
            run,
            kind: RunKind::of(&tape.lead.key),
            key: mask.text(&tape.lead.key),
            begun: When(input.started_at),
            status: facts.status,
            why: facts.why.map(|why| mask.text(&why)),
            component: input.component.clone(),
            tasks: tasks(&tape, &mask, &remedies),
            timeline,
            not_played,
        })
    }
}

fn wave(heard: &Heard) -> Option<&Vec<Request>> {
    match heard {
        Heard::Wave(requests) => Some(requests),
        Heard::Note(_) => None,
    }
}

/// `remedies`: of those that are dead letters still, by dedupe key.
fn tasks(tape: &Tape, mask: &Mask, remedies: &BTreeMap<&str, String>) -> Vec<ShownTask> {
    let ends: BTreeMap<u32, &Outcome> = match &tape.end {
        Some(Ending::Outcomes(outcomes)) => outcomes.iter().map(|(id, outcome)| (*id, outcome)).collect(),
        _ => BTreeMap::new(),
    };
    let end = |task: &Task, outcome: &Outcome| match outcome {
        Outcome::Done(completion) => {
            TaskEnd::Done { follow_ups: completion.follow_ups.iter().map(|task| mask.text(&task.title)).collect() }
        }
        Outcome::Later(wait) => TaskEnd::PutOff { until: When(wait.until), why: mask.text(&wait.reason) },
        Outcome::Failed(failure) => {
            let remedy = remedies.get(task.dedupe_key.as_str()).unwrap_or(&failure.remedy);
            TaskEnd::Failed { problem: mask.text(&failure.problem), remedy: mask.text(remedy) }
        }
    };
    let task = |assignment: &crate::effect::Assignment| ShownTask {
        what: mask.text(&assignment.task.title),
        about: assignment.task.subject.as_ref().map(|subject| mask.text(&subject.id)),
        attempt: assignment.attempt,
        end: ends.get(&assignment.id).map(|outcome| end(&assignment.task, outcome)),
    };
    tape.lead.input.assignments.iter().map(task).collect()
}

struct Telling<'a> {
    tape: &'a Tape,
    mask: &'a Mask,
    personal: bool,
    /// The guest's clock.
    now: Timestamp,
    timeline: Vec<Moment>,
}

impl<'a> Telling<'a> {
    fn new(tape: &'a Tape, mask: &'a Mask, personal: bool) -> Telling<'a> {
        Telling { tape, mask, personal, now: tape.lead.input.started_at, timeline: vec![] }
    }

    fn say(&mut self, at: Timestamp, what: What) {
        self.timeline.push(Moment { at: When(at), what });
    }

    /// With the requests of a run that was played.
    fn played(mut self, heard: &[Heard]) -> Vec<Moment> {
        let tape = self.tape;
        let answers: BTreeMap<(u32, u32), (Timestamp, &Answer)> = tape.entries.iter().filter_map(answer).collect();
        let mut wave = 0;
        for heard in heard {
            match heard {
                Heard::Note(note) => self.note(note),
                Heard::Wave(requests) => {
                    for (place, request) in (0u32..).zip(requests) {
                        let answer = answers.get(&(wave, place)).copied();
                        self.now = self.now.max(answer.map_or(self.now, |(at, _)| at));
                        let at = answer.map_or(self.now, |(at, _)| at);
                        let what = self.request(request, answer.map(|(_, answer)| answer));
                        self.say(at, what);
                    }
                    wave += 1;
                }
            }
        }
        self.timeline
    }

    /// Without them.
    fn recorded(mut self) -> Vec<Moment> {
        let tape = self.tape;
        for record in &tape.entries {
            match record {
                Record::Note(note) => self.note(note),
                Record::Answer { wave, place, at, answer, .. } => {
                    self.now = self.now.max(*at);
                    let (status, error) = self.ended(Some(answer));
                    self.say(*at, What::Answer { wave: *wave, place: *place, status, error });
                }
                Record::State { .. } | Record::Begin { .. } => {}
            }
        }
        self.timeline
    }

    /// Where nothing is recorded: what is in the log of it.
    fn kept(mut self, lines: Vec<LogLine>, changes: Vec<KeptChange>) -> Vec<Moment> {
        let run = self.tape.lead.run;
        for kept in lines.into_iter().filter(|kept| kept.run == Some(run)) {
            self.now = kept.at;
            self.note(&Note::Log(kept.line));
        }
        for kept in changes.into_iter().filter(|kept| kept.run == run) {
            self.now = kept.at;
            self.note(&Note::Changes(vec![kept.change]));
        }
        self.timeline.sort_by_key(|moment| moment.at);
        self.timeline
    }

    fn note(&mut self, note: &Note) {
        let mask = self.mask;
        match note {
            // The connector's own memory is no news for people.
            Note::Write(_) => {}
            Note::Log(line) => {
                let fields = if self.personal { line.fields.clone() } else { vec![] };
                let (code, message) = (line.code.clone(), mask.text(&line.message));
                self.say(self.now, What::Line { level: line.level, code, message, fields });
            }
            Note::Changes(changes) => {
                for change in changes {
                    let Some(message) = sentence(change) else { continue };
                    let (connection, object) = (change.connection.clone(), change.object.clone());
                    let (id, message) = (change.id.clone(), mask.text(&message));
                    self.say(self.now, What::Record { connection, object, id, message });
                }
            }
        }
    }

    fn request(&self, request: &Request, answer: Option<&Answer>) -> What {
        let (status, error) = self.ended(answer);
        let value = |value: &str| self.personal.then(|| value.to_owned());
        let received = answer.and_then(|answer| answer.as_ref().ok()).filter(|_| self.personal);
        What::Request {
            connection: request.connection.clone(),
            method: request.method,
            path: self.mask.text(&format!("/{}", request.path.join("/"))),
            query: request.query.iter().map(|(name, v)| Parameter { name: name.clone(), value: value(v) }).collect(),
            purpose: self.mask.text(&request.purpose),
            repeat: request.repeat,
            status,
            error,
            sent: request.body.as_ref().filter(|_| self.personal).map(document),
            received: received.and_then(body),
        }
    }

    fn ended(&self, answer: Option<&Answer>) -> (Option<u16>, Option<String>) {
        match answer {
            Some(Ok(response)) => (Some(response.status), None),
            Some(Err(error)) => (None, Some(self.mask.text(&error.to_string()))),
            None => (None, Some("no answer is recorded".into())),
        }
    }
}

/// By wave and place.
type Answered<'a> = ((u32, u32), (Timestamp, &'a Answer));

fn answer(record: &Record) -> Option<Answered<'_>> {
    match record {
        Record::Answer { wave, place, at, answer, .. } => Some(((*wave, *place), (*at, answer))),
        _ => None,
    }
}

fn body(response: &Response) -> Option<Value> {
    let body = Body { content_type: "an answer".into(), bytes: response.body.clone() };
    (!response.body.is_empty()).then(|| document(&body))
}

/// A body's JSON, or how much there is of something else.
pub(super) fn document(body: &Body) -> Value {
    let other = || Value::from(format!("{} bytes of {}", body.bytes.len(), body.content_type));
    serde_json::from_slice(&body.bytes).unwrap_or_else(|_| other())
}

/// A request's address, for people.
pub(super) fn place(request: &Request) -> String {
    format!("{} {} /{}", title(&request.connection), request.method, request.path.join("/"))
}
