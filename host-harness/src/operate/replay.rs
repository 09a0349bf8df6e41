//! A recorded run once more, offline: nothing is sent and nothing is kept.
//!
//! | played with                          | answers are found by                     | the report says                               |
//! |--------------------------------------|------------------------------------------|-----------------------------------------------|
//! | what it ran with                     | wave and place, the digest as the check  | the same, or where it went another way        |
//! | another component, or other settings | digest, as a multiset                    | what is removed, added, changed; what was asked |
//! |                                      |                                          | for and never recorded                        |
//!
//! With something else, a request that was not recorded is given the answer of one to the same address that is not asked for any more,
//! so that a changed value shows as that and the rest goes on; a write without such a one is answered as in a dry run, a read as not
//! sent.
//!
//! Promises: a run that does the same has no difference. Not here: what a difference means.

use super::{
    Desk, OperateError, RunKind,
    mask::Mask,
    played::{A_PAGE, Heard, Played, is_open},
    show::{document, place},
};
use crate::{
    clock::Timestamp,
    durable::{
        Tape,
        journal::{Divergence, Ending, Record, wave_input},
    },
    effect::{Answer, Ask, End, Entry, Input, Note, Outcome, Repeat, Reply, Request, Run, SendError, Step, Write},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use treediff::{
    tools::{ChangeType, Recorder},
    value::Key,
};
use utoipa::ToSchema;

/// What it is played with instead of what it ran with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instead {
    /// A component's bytes.
    pub component: Option<Vec<u8>>,
    /// One JSON document, as text.
    pub settings: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    pub installation: String,
    pub run: u64,
    /// Digests of the component that had it, and of the one that it was played with.
    pub component: String,
    pub played_with: String,
    /// Byte for byte where it is played with what it ran with; else without any difference.
    pub same: bool,
    /// How much was compared.
    pub requests: usize,
    pub told: usize,
    /// Where it went another way than is recorded, played with what it ran with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub divergence: Option<String>,
    pub differences: Vec<Difference>,
    pub never_recorded: Vec<String>,
    /// What the comparison does not cover.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    pub is: DifferenceKind,
    pub effect: EffectKind,
    /// Which one: an address, a key, a code, a task.
    pub name: String,
    /// Of something that changed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    Removed,
    Added,
    Changed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    Request,
    Memory,
    Line,
    Record,
    Outcome,
}

/// A value within, by its place. The values themselves where personal data is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ChangedField)]
pub struct Field {
    pub place: String,
    pub is: DifferenceKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Value>,
}

impl Desk {
    pub async fn replay(
        &self,
        installation: &str,
        run: u64,
        instead: Instead,
        personal: bool,
    ) -> Result<Replayed, OperateError> {
        let tape = self.recorded(installation, run).await?;
        let mask = Mask::new(&tape, personal);
        let not_played = |why: String| OperateError::NotPlayed { run, why };
        is_open(&tape).map_err(not_played)?;
        if RunKind::of(&tape.lead.key) == RunKind::Page {
            return Err(not_played(format!("{A_PAGE}. `harness show {run}` tells what it said")));
        }
        let own = self.its_component(&tape);
        let component = match &instead.component {
            Some(bytes) => self.runtime.compile(bytes)?,
            None => self.runtime.component(installation)?,
        };
        if let Some(settings) = &instead.settings {
            let findings = self.runtime.blockers(&component, settings).await?;
            if !findings.is_empty() {
                return Err(OperateError::RefusedSettings { run, findings });
            }
        }
        let mut remarks = vec![];
        // What it asked for is known only by playing it with its own component.
        let before = match &own {
            Ok(own) => Some(self.play(own, &tape).await.map_err(not_played)?),
            Err(why) => {
                remarks.push(format!(
                    "{why}: its requests are known by their digests alone, so a changed one shows as two"
                ));
                None
            }
        };
        let report = |same, played_with: &str| Replayed {
            installation: installation.into(),
            run,
            component: tape.lead.input.component.clone(),
            played_with: played_with.into(),
            same,
            requests: tape.entries.iter().filter(|record| matches!(record, Record::Answer { .. })).count(),
            told: tape.entries.iter().filter(|record| matches!(record, Record::Note(_))).count(),
            divergence: None,
            differences: vec![],
            never_recorded: vec![],
            remarks: vec![],
        };
        let is_own = component.digest == tape.lead.input.component;
        if let (Some(before), true, None) = (&before, is_own, &instead.settings) {
            let divergence = diverged(&tape, before, &mut remarks);
            let same = divergence.is_none();
            return Ok(Replayed { divergence, remarks, ..report(same, &component.digest) });
        }
        if !matches!(tape.end, Some(Ending::Outcomes(_))) {
            remarks.push("the run did not come to its end: what it would have done after that shows as added".into());
        }
        let mut lead = tape.lead.clone();
        if let Some(settings) = instead.settings {
            lead.input.context["settings"] = settings.into();
        }
        let guest = self.runtime.replay(&component, lead).map_err(not_played)?;
        let mut recording = Recording::new(&tape, before.as_ref());
        let (heard, end) = recording.answer(guest).await;
        let before = recording.effects(&tape);
        let (after, titles) = (effects(&heard), titles(&tape));
        let after = after.into_iter().chain(outcomes(&titles, Ok(&end))).collect();
        let differences = differences(before, after).into_iter().map(|one| masked(one, &mask, personal)).collect();
        let never_recorded: Vec<String> = recording.never.iter().map(|what| mask.text(what)).collect();
        let report = report(false, &component.digest);
        let report = Replayed { differences, never_recorded, remarks, ..report };
        Ok(Replayed { same: report.differences.is_empty() && report.never_recorded.is_empty(), ..report })
    }
}

/// Where it went another way. A run that did not come to its end of itself is compared as far as it is recorded.
fn diverged(tape: &Tape, played: &Played, remarks: &mut Vec<String>) -> Option<String> {
    let cut = match (&played.end, &tape.end) {
        (Ok(End::Outcomes(now)), Some(Ending::Outcomes(then))) => {
            return (now != then).then(|| "its tasks end otherwise than is recorded".into());
        }
        (Ok(End::Broken(now)), Some(Ending::Broken(then))) if now == then => return None,
        (Err(Divergence::NotRecorded { .. }), None) => "it is still under way".into(),
        (Err(Divergence::NotRecorded { .. }), Some(end)) if !matches!(end, Ending::Outcomes(_)) => end.to_string(),
        (Err(divergence), _) => return Some(divergence.to_string()),
        (Ok(_), Some(end)) => return Some(format!("it ends by itself; recorded is: {end}")),
        (Ok(_), None) => return Some("it ends, and no end is recorded".into()),
    };
    remarks.push(format!("it is the same as far as it is recorded: {cut}"));
    None
}

/// A recorded answer, and the request where it is known.
struct Kept {
    wave: u32,
    digest: String,
    request: Option<Request>,
    at: Timestamp,
    answer: Answer,
    is_used: bool,
}

/// A recording that answers somebody else.
struct Recording<'a> {
    kept: Vec<Kept>,
    heard: Option<&'a Played>,
    /// The memory as the run found it, as far as it looked; nothing: there was no such entry.
    memory: BTreeMap<String, Option<Entry>>,
    /// Prefixes that it looked through.
    scanned: Vec<String>,
    now: Timestamp,
    never: Vec<String>,
}

impl<'a> Recording<'a> {
    fn new(tape: &Tape, heard: Option<&'a Played>) -> Recording<'a> {
        let waves: Vec<&Vec<Request>> = heard.iter().flat_map(|played| &played.heard).filter_map(wave).collect();
        let request = |wave: u32, place: u32| Some(waves.get(wave as usize)?.get(place as usize)?.to_owned().clone());
        let mut kept = vec![];
        let (mut memory, mut scanned, mut written) = (BTreeMap::new(), vec![], vec![]);
        for record in &tape.entries {
            match record {
                Record::Answer { wave, place, digest, at, answer } => kept.push(Kept {
                    wave: *wave,
                    digest: digest.clone(),
                    request: request(*wave, *place),
                    at: *at,
                    answer: answer.clone(),
                    is_used: false,
                }),
                // What it wrote itself it would not have found.
                Record::Note(Note::Write(Write::Set(Entry { key, .. }) | Write::Delete(key))) => {
                    written.push(key.clone())
                }
                Record::State { ask: Ask::Get(keys), reply: Reply::Got(values) } => {
                    for (key, value) in keys.iter().zip(values).filter(|(key, _)| !written.contains(key)) {
                        let entry = |value: &String| Entry { key: key.clone(), value: value.clone(), subject: None };
                        memory.entry(key.clone()).or_insert_with(|| value.as_ref().map(entry));
                    }
                }
                Record::State { ask: Ask::Scan { prefix, .. }, reply: Reply::Scanned(entries) } => {
                    scanned.push(prefix.clone());
                    for entry in entries.iter().filter(|entry| !written.contains(&entry.key)) {
                        memory.insert(entry.key.clone(), Some(entry.clone()));
                    }
                }
                _ => {}
            }
        }
        Recording { kept, heard, memory, scanned, now: tape.lead.input.started_at, never: vec![] }
    }

    async fn answer(&mut self, mut run: Box<dyn Run>) -> (Vec<Heard>, End) {
        let (mut heard, mut input, mut number) = (vec![], Input::Start, 0);
        loop {
            let (notes, ask) = match run.step(input).await {
                Step::Asks { notes, ask } => (notes, Ok(ask)),
                Step::Finished { notes, end } => (notes, Err(end)),
            };
            for note in notes {
                match &note {
                    Note::Write(Write::Set(entry)) => drop(self.memory.insert(entry.key.clone(), Some(entry.clone()))),
                    Note::Write(Write::Delete(key)) => drop(self.memory.insert(key.clone(), None)),
                    _ => {}
                }
                heard.push(Heard::Note(note));
            }
            input = match ask {
                Err(end) => return (heard, end),
                Ok(Ask::Wave(requests)) => {
                    let answers = self.wave(number, &requests);
                    heard.push(Heard::Wave(requests));
                    number += 1;
                    wave_input(answers)
                }
                Ok(Ask::Get(keys)) => {
                    Input::Reply { at: None, reply: Reply::Got(keys.iter().map(|key| self.get(key)).collect()) }
                }
                Ok(Ask::Scan { prefix, after, limit }) => {
                    let reply = Reply::Scanned(self.scan(&prefix, after.as_deref(), limit as usize));
                    Input::Reply { at: None, reply }
                }
            };
        }
    }

    fn wave(&mut self, number: u32, requests: &[Request]) -> Vec<(Timestamp, Answer)> {
        let mut answers: Vec<Option<(Timestamp, Answer)>> = vec![None; requests.len()];
        // Those that were recorded as they are go first: no other may have their answers.
        for is_exact in [true, false] {
            for (request, answer) in requests.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
                *answer = if is_exact { self.recorded(request) } else { self.of_its_like(number, request) };
            }
        }
        let now = answers.iter().flatten().map(|(at, _)| *at).fold(self.now, Timestamp::max);
        self.now = now;
        let never = &mut self.never;
        let not = |request: &Request| {
            never.push(place(request));
            let nothing = "nothing is recorded that would answer it".to_owned();
            Err(if request.repeat == Repeat::Read { SendError::NotSent(nothing) } else { SendError::DryRun })
        };
        let mut not = not;
        requests.iter().zip(answers).map(|(request, answer)| answer.unwrap_or_else(|| (now, not(request)))).collect()
    }

    fn recorded(&mut self, request: &Request) -> Option<(Timestamp, Answer)> {
        let digest = request.digest();
        let kept = self.kept.iter_mut().find(|kept| !kept.is_used && kept.digest == digest)?;
        kept.request.get_or_insert_with(|| request.clone());
        Some(kept.take())
    }

    /// One to the same address, of the same wave rather than of another one.
    fn of_its_like(&mut self, wave: u32, request: &Request) -> Option<(Timestamp, Answer)> {
        let same = |of: &Request| {
            (&of.connection, of.method, &of.path) == (&request.connection, request.method, &request.path)
        };
        let is_like = |kept: &Kept| !kept.is_used && kept.request.as_ref().is_some_and(same);
        let at = self.kept.iter().position(|kept| kept.wave == wave && is_like(kept));
        let at = at.or_else(|| self.kept.iter().position(is_like))?;
        Some(self.kept[at].take())
    }

    fn get(&mut self, key: &str) -> Option<String> {
        let is_known =
            self.memory.contains_key(key) || self.scanned.iter().any(|prefix| key.starts_with(prefix.as_str()));
        if !is_known {
            self.never.push(format!("the memory under {key}"));
        }
        self.memory.get(key)?.as_ref().map(|entry| entry.value.clone())
    }

    fn scan(&mut self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Entry> {
        if !self.scanned.iter().any(|known| prefix.starts_with(known.as_str())) {
            self.never.push(format!("the memory under {prefix}…"));
        }
        let entries = self.memory.iter().filter(|(key, _)| key.starts_with(prefix));
        let entries = entries.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        entries.filter_map(|(_, entry)| entry.clone()).take(limit).collect()
    }

    /// What the recorded run did.
    fn effects(&self, tape: &Tape) -> Vec<Effect> {
        let mut before: Vec<Effect> = match self.heard {
            Some(played) => effects(&played.heard),
            None => {
                let request = |kept: &Kept| match &kept.request {
                    Some(request) => of_request(request),
                    None => Effect {
                        kind: EffectKind::Request,
                        name: format!("a request of wave {}, digest {}", kept.wave, kept.digest),
                        value: Value::Null,
                    },
                };
                let note = |record: &Record| match record {
                    Record::Note(note) => of_note(note),
                    _ => vec![],
                };
                self.kept.iter().map(request).chain(tape.entries.iter().flat_map(note)).collect()
            }
        };
        before.extend(outcomes(&titles(tape), Err(tape.end.as_ref())));
        before
    }
}

impl Kept {
    fn take(&mut self) -> (Timestamp, Answer) {
        self.is_used = true;
        (self.at, self.answer.clone())
    }
}

fn wave(heard: &Heard) -> Option<&Vec<Request>> {
    match heard {
        Heard::Wave(requests) => Some(requests),
        Heard::Note(_) => None,
    }
}

/// Something that a run did, as what can be compared.
#[derive(Clone, Debug, PartialEq)]
struct Effect {
    kind: EffectKind,
    name: String,
    value: Value,
}

fn effects(heard: &[Heard]) -> Vec<Effect> {
    let of = |heard: &Heard| match heard {
        Heard::Note(note) => of_note(note),
        Heard::Wave(requests) => requests.iter().map(of_request).collect(),
    };
    heard.iter().flat_map(of).collect()
}

fn of_request(request: &Request) -> Effect {
    let Request { query, headers, body, repeat, .. } = request;
    let value = json!({"query": query, "headers": headers, "repeat": repeat, "body": body.as_ref().map(document)});
    Effect { kind: EffectKind::Request, name: place(request), value }
}

fn of_note(note: &Note) -> Vec<Effect> {
    let effect = |kind, name: String, value| Effect { kind, name, value };
    match note {
        Note::Write(Write::Set(entry)) => {
            let value = serde_json::from_str(&entry.value).unwrap_or_else(|_| Value::from(entry.value.clone()));
            vec![effect(EffectKind::Memory, entry.key.clone(), value)]
        }
        Note::Write(Write::Delete(key)) => vec![effect(EffectKind::Memory, key.clone(), Value::Null)],
        Note::Log(line) => {
            let value = json!({"level": line.level, "message": line.message, "fields": line.fields});
            vec![effect(EffectKind::Line, line.code.clone(), value)]
        }
        Note::Changes(changes) => {
            let of = |change: &crate::effect::Change| {
                let whom = change.subject.as_ref().map(|subject| subject.id.as_str()).unwrap_or_default();
                let name = format!("{} of {whom}", change.object);
                let value = json!({"connection": change.connection, "id": change.id, "action": change.action,
                    "detail": change.detail});
                effect(EffectKind::Record, name, value)
            };
            changes.iter().map(of).collect()
        }
    }
}

/// The title of each task, by its number in the run.
fn titles(tape: &Tape) -> BTreeMap<u32, String> {
    tape.lead.input.assignments.iter().map(|one| (one.id, one.task.title.clone())).collect()
}

fn outcomes(titles: &BTreeMap<u32, String>, end: Result<&End, Option<&Ending>>) -> Vec<Effect> {
    let outcome = |(id, outcome): &(u32, Outcome)| Effect {
        kind: EffectKind::Outcome,
        name: titles.get(id).cloned().unwrap_or_default(),
        value: serde_json::to_value(outcome).unwrap_or_default(),
    };
    let whole = |why: &dyn std::fmt::Display| {
        vec![Effect { kind: EffectKind::Outcome, name: "the run".into(), value: why.to_string().into() }]
    };
    match end {
        Ok(End::Outcomes(outcomes)) | Err(Some(Ending::Outcomes(outcomes))) => outcomes.iter().map(outcome).collect(),
        Ok(End::Broken(why)) => whole(why),
        Err(Some(ending)) => whole(ending),
        Err(None) => vec![],
    }
}

/// Equal ones aside, as a multiset; of the rest, those of one name are one that changed.
fn differences(before: Vec<Effect>, mut after: Vec<Effect>) -> Vec<Difference> {
    let mut removed = vec![];
    for effect in before {
        match after.iter().position(|other| *other == effect) {
            Some(at) => drop(after.remove(at)),
            None => removed.push(effect),
        }
    }
    let mut all = vec![];
    for effect in removed {
        let same = |other: &Effect| (other.kind, &other.name) == (effect.kind, &effect.name);
        let (is, fields) = match after.iter().position(same) {
            Some(at) => (DifferenceKind::Changed, fields(&effect.value, &after.remove(at).value)),
            None => (DifferenceKind::Removed, vec![]),
        };
        all.push(Difference { is, effect: effect.kind, name: effect.name, fields });
    }
    let added = |effect: Effect| Difference {
        is: DifferenceKind::Added,
        effect: effect.kind,
        name: effect.name,
        fields: vec![],
    };
    all.extend(after.into_iter().map(added));
    all.sort_by_key(|difference| difference.effect);
    all
}

fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut recorder = Recorder::default();
    treediff::diff(before, after, &mut recorder);
    let place = |keys: &[Key]| {
        keys.iter()
            .map(|key| match key {
                Key::Index(at) => format!("/{at}"),
                Key::String(name) => format!("/{name}"),
            })
            .collect::<String>()
    };
    let field = |is, keys: &[Key], before: Option<&Value>, after: Option<&Value>| {
        Some(Field { place: place(keys), is, before: before.cloned(), after: after.cloned() })
    };
    recorder
        .calls
        .iter()
        .filter_map(|call| match call {
            ChangeType::Removed(keys, was) => field(DifferenceKind::Removed, keys, Some(was), None),
            ChangeType::Added(keys, is) => field(DifferenceKind::Added, keys, None, Some(is)),
            ChangeType::Modified(keys, was, is) => field(DifferenceKind::Changed, keys, Some(was), Some(is)),
            ChangeType::Unchanged(..) => None,
        })
        .collect()
}

fn masked(difference: Difference, mask: &Mask, personal: bool) -> Difference {
    let hide = |field: Field| Field {
        before: field.before.filter(|_| personal),
        after: field.after.filter(|_| personal),
        ..field
    };
    let fields = difference.fields.into_iter().map(hide).collect();
    Difference { name: mask.text(&difference.name), fields, ..difference }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        effect::{Lead, Method, Response, RunId, RunInput},
        operate::{RunFilter, RunStatus, What},
        simulators::Options,
        stage::{INSTALLATION, Stage, Travel, story},
        sync::Pass,
    };
    use std::time::Duration;

    fn effect(name: &str, value: Value) -> Effect {
        Effect { kind: EffectKind::Request, name: name.into(), value }
    }

    fn told(before: Vec<Effect>, after: Vec<Effect>) -> Vec<String> {
        let field = |field: &Field| format!("{} {:?}", field.place, field.is);
        let one = |one: Difference| {
            let fields = one.fields.iter().map(field).collect::<Vec<_>>().join(", ");
            format!("{} {:?} {fields}", one.name, one.is).trim_end().to_owned()
        };
        differences(before, after).into_iter().map(one).collect()
    }

    #[test]
    fn what_differs_is_told_and_order_is_no_difference() {
        let (a, b) = (effect("a", json!({"x": 1, "y": [1]})), effect("b", json!(2)));
        assert_eq!(told(vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]), Vec::<String>::new());
        // One of two equal ones is missing.
        assert_eq!(told(vec![a.clone(), a.clone()], vec![a.clone()]), ["a Removed"]);
        assert_eq!(told(vec![a.clone()], vec![a.clone(), b]), ["b Added"]);
        let changed = effect("a", json!({"x": 2, "y": [1], "z": true}));
        assert_eq!(told(vec![a], vec![changed]), ["a Changed /x Changed, /z Added"]);
    }

    fn tape(entries: Vec<Record>) -> Tape {
        let input =
            RunInput { component: "c".into(), context: Value::Null, started_at: Timestamp(1), assignments: vec![] };
        let lead = Lead { run: RunId(1), installation: "i".into(), key: "k".into(), input };
        Tape { lead, entries, end: None }
    }

    #[test]
    fn the_memory_is_as_the_run_found_it_and_not_as_it_left_it() {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into(), subject: None };
        let get = |key: &str, value: Option<&str>| Record::State {
            ask: Ask::Get(vec![key.into()]),
            reply: Reply::Got(vec![value.map(str::to_owned)]),
        };
        let scan = Record::State {
            ask: Ask::Scan { prefix: "s/".into(), after: None, limit: 9 },
            reply: Reply::Scanned(vec![entry("s/1", "one"), entry("s/2", "its own")]),
        };
        let set = |key: &str| Record::Note(Note::Write(Write::Set(entry(key, "its own"))));
        let entries = vec![
            get("a", None),
            set("a"),
            get("a", Some("its own")),
            set("b"),
            get("b", Some("its own")),
            set("s/2"),
            scan,
        ];
        let mut recording = Recording::new(&tape(entries), None);
        assert_eq!((recording.get("a"), recording.get("s/1"), recording.get("s/9")), (None, Some("one".into()), None));
        assert_eq!(recording.scan("s/", None, 9), [entry("s/1", "one")]);
        assert_eq!(recording.never, Vec::<String>::new());
        assert_eq!((recording.get("b"), recording.scan("t/", None, 9)), (None, vec![]));
        assert_eq!(recording.never, ["the memory under b", "the memory under t/…"]);
    }

    #[test]
    fn an_answer_is_given_once_to_the_request_that_it_was_or_to_one_of_its_like() {
        let request = |path: &str, name: &str, repeat| Request {
            connection: "crm".into(),
            method: Method::Post,
            path: vec![path.into()],
            query: vec![("name".into(), name.into())],
            headers: vec![],
            body: None,
            repeat,
            purpose: "p".into(),
        };
        let recorded =
            [request("a", "1", Repeat::Once), request("a", "2", Repeat::Once), request("b", "1", Repeat::Once)];
        let answer = |(place, request): (u32, &Request)| Record::Answer {
            wave: 0,
            place,
            digest: request.digest(),
            at: Timestamp(5 + u64::from(place)),
            answer: Ok(Response { status: 200 + u16::try_from(place).unwrap(), headers: vec![], body: vec![] }),
        };
        let tape = tape((0..).zip(&recorded).map(answer).collect());
        let played = Played { heard: vec![Heard::Wave(recorded.to_vec())], end: Ok(End::Outcomes(vec![])) };
        let mut recording = Recording::new(&tape, Some(&played));
        let asked = [
            request("a", "new", Repeat::Once),
            request("a", "1", Repeat::Once),
            request("a", "1", Repeat::Once),
            request("c", "1", Repeat::Read),
        ];
        let answers = recording.wave(0, &asked);
        let status =
            |(_, answer): &(Timestamp, Answer)| answer.as_ref().map(|answer| answer.status).map_err(Clone::clone);
        assert_eq!(status(&answers[0]), Ok(201), "the second's, since the first's is asked for as it was");
        assert_eq!(status(&answers[1]), Ok(200));
        assert_eq!(status(&answers[2]), Err(SendError::DryRun));
        assert!(matches!(status(&answers[3]), Err(SendError::NotSent(_))));
        assert_eq!(answers[3].0, Timestamp(6), "the guest's clock does not go back");
        assert_eq!(recording.never, ["crm POST /a", "crm POST /c"]);
    }

    /// As whoever serves many asks: on any thread.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_shown_by_what_it_said_and_is_not_played() {
        let (folder, story) = (tempfile::tempdir().unwrap(), story::story());
        let stage = Stage::set(&story, folder.path().join("s.sqlite"), Options::default(), Travel::InProcess);
        let stage = stage.await.unwrap();
        let host = stage.open_host(None).await.unwrap();
        let pass = Pass::taken("backfill", json!({"since": "2026-01-01"}).to_string(), None, None, stage.clock.now());
        host.engine.accept(INSTALLATION, vec![pass.task(None)]).await.unwrap();
        let nobody = Pass::taken("events", String::new(), None, Some("gone".into()), stage.clock.now());
        host.engine.accept(INSTALLATION, vec![nobody.task(None)]).await.unwrap();
        stage.clock.run_for(Duration::from_secs(60)).await;
        let desk = Desk { engine: host.engine.clone(), runtime: host.runtime.clone(), clock: host.clock.clone() };
        let asked = tokio::spawn(async move {
            let runs = desk.runs(INSTALLATION, &RunFilter::default()).await.unwrap().runs;
            let mut told = vec![];
            for run in runs {
                assert_eq!((run.kind, run.status), (RunKind::Page, RunStatus::Done));
                let refused =
                    desk.replay(INSTALLATION, run.run, Instead::default(), false).await.unwrap_err().to_string();
                assert!(refused.contains("a page is read again and not played again"), "{refused}");
                let shown = desk.show(INSTALLATION, run.run, false).await.unwrap();
                assert_eq!(shown.not_played.as_deref(), Some(A_PAGE));
                told.extend(shown.timeline.into_iter().map(|moment| moment.what));
            }
            told
        });
        let told = asked.await.unwrap();
        let said = |one: &What| matches!(one, What::Line { message, .. } if message.contains("whoever asked for this page is gone"));
        assert!(told.iter().any(said), "{told:?}");
        stage.close_host().await;
    }
}
