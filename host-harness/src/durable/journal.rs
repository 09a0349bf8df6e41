//! What is recorded of a run, and how a recording is played. Promises: the same recording gives a fresh instance the same
//! answers; what does not fit is a typed divergence, never a guess. Pure. Not here: when records become durable and who
//! sends (the engine).
//!
//! A request is named by wave and place, both counted from 0 in the run. Its digest is the check, never the name: equal
//! requests of two waves would be mixed up. Entries stand in program order, and what is durable is always a
//! beginning of them; within a wave, begins and answers stand as they happened.
//!
//! Invariant: only `once` has a [`Record::Begin`]. A begin with no answer was interrupted: it may have taken effect.

use super::EngineError;
use crate::{
    clock::Timestamp,
    effect::{Answer, Ask, Change, End, Input, Lead, Line, Note, Outcome, Reply, Run, SendError, Step, Write},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One entry of the journal. Its entry 0, the input, is the [`Lead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    Note(Note),
    /// What the memory answered. A run that goes on would find the same in the table; a tape has no table.
    State {
        ask: Ask,
        reply: Reply,
    },
    Begin {
        wave: u32,
        place: u32,
        digest: String,
    },
    Answer {
        wave: u32,
        place: u32,
        digest: String,
        at: Timestamp,
        answer: Answer,
    },
}

/// As it is kept.
pub fn written<T: Serialize>(value: &T) -> Result<String, EngineError> {
    serde_json::to_string(value).map_err(|e| EngineError::Invalid(format!("it cannot be written down: {e}")))
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Outcomes(Vec<(u32, Outcome)>),
    /// A trap, a limit, a wrong list of outcomes, or a recording that did not fit.
    Broken(String),
    /// A person ended it.
    Cancelled(String),
    /// It was cut off, and its recording cannot be read, by this version of the host at least.
    Unreadable(String),
    /// Ended for no fault of its own: it is paused, or its component is no longer there to go on with it. Its tasks wait.
    GivenBack(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Outcomes(_) => f.write_str("done"),
            Ending::Broken(why) => f.write_str(why),
            Ending::Cancelled(why) => write!(f, "cancelled: {why}"),
            Ending::Unreadable(why) => write!(f, "its recording cannot be read: {why}"),
            Ending::GivenBack(why) => write!(f, "its tasks were given back: {why}"),
        }
    }
}

/// What a `once` is answered that was begun before the host stopped.
pub fn interrupted() -> Answer {
    Err(SendError::Unknown("the host stopped while the request was under way".into()))
}

/// The run does other than what is recorded of it: a bug of the connector, or a recording of something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    #[error(
        "the run diverged from its recording: wave {wave}, place {place} was the request {recorded} and is now {asked}"
    )]
    Request { wave: u32, place: u32, recorded: String, asked: String },
    #[error("the run diverged from its recording at entry {at}: recorded is {recorded}, now comes {came}")]
    Order { at: usize, recorded: &'static str, came: &'static str },
    #[error("the run diverged from its recording at entry {at}: it now tells or asks for something else ({kind})")]
    Content { at: usize, kind: &'static str },
    #[error("the run diverged from its recording: wave {wave} had a place {place}, now there are {places} requests")]
    NoSuchPlace { wave: u32, place: u32, places: usize },
    #[error("the recording ends at entry {at}, the run goes on")]
    NotRecorded { at: usize },
}

/// What is recorded of one wave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// By place; nothing where it is to be sent.
    pub answers: Vec<Option<(Timestamp, Answer)>>,
    /// Places that were begun and have no answer, in order. Their answer is `unknown`, and is to be recorded.
    pub interrupted: Vec<u32>,
}

/// A recording while it is played against a live run.
#[derive(Clone, Debug)]
pub struct Replay {
    recorded: Vec<Record>,
    at: usize,
}

impl Replay {
    pub fn new(recorded: Vec<Record>) -> Replay {
        Replay { recorded, at: 0 }
    }

    /// True where the note is recorded already; false where it is new.
    pub fn note(&mut self, note: &Note) -> Result<bool, Divergence> {
        match self.recorded.get(self.at) {
            None => return Ok(false),
            Some(Record::Note(recorded)) if recorded == note => {}
            Some(Record::Note(_)) => return Err(Divergence::Content { at: self.at, kind: "note" }),
            Some(other) => return Err(self.order(other, "note")),
        }
        self.at += 1;
        Ok(true)
    }

    /// The recorded reply to a question about the state; nothing where it is to be looked up.
    pub fn state(&mut self, asked: &Ask) -> Result<Option<Reply>, Divergence> {
        let reply = match self.recorded.get(self.at) {
            None => return Ok(None),
            Some(Record::State { ask, reply }) if ask == asked => reply.clone(),
            Some(Record::State { .. }) => return Err(Divergence::Content { at: self.at, kind: "state" }),
            Some(other) => return Err(self.order(other, "state")),
        };
        self.at += 1;
        Ok(Some(reply))
    }

    pub fn wave(&mut self, wave: u32, digests: &[String]) -> Result<Played, Divergence> {
        let mut answers = vec![None; digests.len()];
        let mut begun = vec![false; digests.len()];
        while let Some(record) = self.recorded.get(self.at) {
            let (place, digest) = match record {
                Record::Begin { wave: w, place, digest } | Record::Answer { wave: w, place, digest, .. }
                    if *w == wave =>
                {
                    (*place, digest)
                }
                _ => break,
            };
            let index = place as usize;
            let Some(asked) = digests.get(index) else {
                return Err(Divergence::NoSuchPlace { wave, place, places: digests.len() });
            };
            if asked != digest {
                return Err(Divergence::Request { wave, place, recorded: digest.clone(), asked: asked.clone() });
            }
            match record {
                Record::Answer { at, answer, .. } => answers[index] = Some((*at, answer.clone())),
                _ => begun[index] = true,
            }
            self.at += 1;
        }
        match self.recorded.get(self.at) {
            Some(other) if answers.iter().any(Option::is_none) => Err(self.order(other, "wave")),
            _ => {
                let interrupted = (0u32..).zip(&begun).zip(&answers);
                let interrupted = interrupted.filter(|((_, begun), answer)| **begun && answer.is_none());
                let interrupted = interrupted.map(|((place, _), _)| place).collect();
                Ok(Played { answers, interrupted })
            }
        }
    }

    pub fn end(&self) -> Result<(), Divergence> {
        self.recorded.get(self.at).map_or(Ok(()), |left| Err(self.order(left, "end")))
    }

    fn order(&self, recorded: &Record, came: &'static str) -> Divergence {
        let recorded = match recorded {
            Record::Note(_) => "note",
            Record::State { .. } => "state",
            Record::Begin { .. } | Record::Answer { .. } => "wave",
        };
        Divergence::Order { at: self.at, recorded, came }
    }
}

/// What a recording tells beside its requests: it is applied when the run ends, however it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The guest's clock at the entry heard last.
    now: Timestamp,
    pub writes: Vec<Write>,
    pub lines: Vec<(Timestamp, Line)>,
    pub changes: Vec<(Timestamp, Change)>,
}

impl Told {
    pub fn new(lead: &Lead) -> Told {
        Told { now: lead.input.started_at, writes: vec![], lines: vec![], changes: vec![] }
    }

    pub fn hear(&mut self, record: &Record) {
        match record {
            Record::Note(Note::Write(write)) => self.writes.push(write.clone()),
            Record::Note(Note::Log(line)) => self.lines.push((self.now, line.clone())),
            Record::Note(Note::Changes(changes)) => {
                self.changes.extend(changes.iter().map(|change| (self.now, change.clone())));
            }
            Record::Answer { at, .. } => self.now = self.now.max(*at),
            Record::State { .. } | Record::Begin { .. } => {}
        }
    }
}

/// A reply to a whole wave: the guest's clock goes to the last answer.
pub fn wave_input(answers: Vec<(Timestamp, Answer)>) -> Input {
    let at = answers.iter().map(|(at, _)| *at).max();
    Input::Reply { at, reply: Reply::Wave(answers.into_iter().map(|(_, answer)| answer).collect()) }
}

/// Plays a recording to a fresh run with no engine: nothing is sent, and no time passes. The answer is how the run ends now.
pub async fn play(recorded: Vec<Record>, run: &mut dyn Run) -> Result<End, Divergence> {
    let mut replay = Replay::new(recorded);
    let mut input = Input::Start;
    let mut wave = 0;
    let known = |replay: &mut Replay, notes: &[Note]| {
        let unheard = |note| replay.note(note).map(|known| !known);
        let missing = notes.iter().map(unheard).collect::<Result<Vec<_>, _>>()?.contains(&true);
        if missing { Err(Divergence::NotRecorded { at: replay.at }) } else { Ok(()) }
    };
    loop {
        input = match run.step(input).await {
            Step::Finished { notes, end } => {
                known(&mut replay, &notes)?;
                replay.end()?;
                return Ok(end);
            }
            Step::Asks { notes, ask: Ask::Wave(requests) } => {
                known(&mut replay, &notes)?;
                let digests: Vec<String> = requests.iter().map(|r| r.digest()).collect();
                let played = replay.wave(wave, &digests)?;
                wave += 1;
                let answers: Option<Vec<_>> = played.answers.into_iter().collect();
                wave_input(answers.ok_or(Divergence::NotRecorded { at: replay.at })?)
            }
            Step::Asks { notes, ask } => {
                known(&mut replay, &notes)?;
                let reply = replay.state(&ask)?.ok_or(Divergence::NotRecorded { at: replay.at })?;
                Input::Reply { at: None, reply }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Level, Response};

    fn note(code: &str) -> Note {
        Note::Log(Line { level: Level::Info, code: code.into(), message: code.into(), subject: None, fields: vec![] })
    }

    fn answer(wave: u32, place: u32, at: u64) -> Record {
        let answer = Ok(Response { status: 200, headers: vec![], body: vec![] });
        Record::Answer { wave, place, digest: format!("d{place}"), at: Timestamp(at), answer }
    }

    fn begin(wave: u32, place: u32) -> Record {
        Record::Begin { wave, place, digest: format!("d{place}") }
    }

    fn digests(count: u32) -> Vec<String> {
        (0..count).map(|place| format!("d{place}")).collect()
    }

    fn places(played: &Played) -> Vec<bool> {
        played.answers.iter().map(Option::is_some).collect()
    }

    #[test]
    fn a_wave_is_answered_interrupted_or_to_be_sent() {
        let mut replay = Replay::new(vec![begin(0, 1), begin(0, 2), answer(0, 2, 5), answer(0, 0, 6)]);
        let played = replay.wave(0, &digests(4)).unwrap();
        assert_eq!(places(&played), [true, false, true, false]);
        assert_eq!(played.interrupted, [1]);
        assert_eq!(replay.end(), Ok(()));
    }

    #[test]
    fn equal_requests_of_two_waves_are_told_apart_by_their_wave() {
        let mut replay = Replay::new(vec![answer(0, 0, 1), answer(1, 0, 2)]);
        assert_eq!(replay.wave(0, &digests(1)).unwrap().answers[0].as_ref().unwrap().0, Timestamp(1));
        assert_eq!(replay.wave(1, &digests(1)).unwrap().answers[0].as_ref().unwrap().0, Timestamp(2));
        assert_eq!(replay.wave(2, &digests(1)).unwrap().answers, [None]);
    }

    #[test]
    fn another_request_in_the_same_place_names_both_digests() {
        let mut replay = Replay::new(vec![begin(0, 0)]);
        let divergence = replay.wave(0, &["other".to_string()]).unwrap_err();
        let text = divergence.to_string();
        assert!(text.contains("d0") && text.contains("other"), "{text}");
    }

    #[test]
    fn whatever_does_not_fit_is_a_divergence() {
        let order = |recorded, came| Divergence::Order { at: 0, recorded, came };
        let ask = Ask::Get(vec!["k".into()]);
        let state = Record::State { ask: ask.clone(), reply: Reply::Got(vec![None]) };
        let replay = |record: Record| Replay::new(vec![record]);

        assert_eq!(replay(begin(0, 0)).note(&note("a")), Err(order("wave", "note")));
        assert_eq!(replay(Record::Note(note("a"))).note(&note("b")), Err(Divergence::Content { at: 0, kind: "note" }));
        assert_eq!(replay(Record::Note(note("a"))).wave(0, &digests(1)), Err(order("note", "wave")));
        assert_eq!(replay(answer(1, 0, 1)).wave(0, &digests(1)), Err(order("wave", "wave")));
        assert_eq!(
            replay(answer(0, 1, 1)).wave(0, &digests(1)),
            Err(Divergence::NoSuchPlace { wave: 0, place: 1, places: 1 })
        );
        assert_eq!(replay(Record::Note(note("a"))).state(&ask), Err(order("note", "state")));
        let other = Ask::Get(vec!["l".into()]);
        assert_eq!(replay(state.clone()).state(&other), Err(Divergence::Content { at: 0, kind: "state" }));
        assert_eq!(replay(state.clone()).state(&ask), Ok(Some(Reply::Got(vec![None]))));
        assert_eq!(replay(state).end(), Err(order("state", "end")));
    }

    #[test]
    fn an_empty_wave_leaves_the_recording_where_it_is() {
        let mut replay = Replay::new(vec![Record::Note(note("a"))]);
        assert_eq!(replay.wave(0, &[]), Ok(Played::default()));
        assert_eq!(replay.note(&note("a")), Ok(true));
        assert_eq!(replay.note(&note("b")), Ok(false));
    }

    #[test]
    fn a_line_has_the_time_that_the_guest_saw() {
        use crate::effect::{RunId, RunInput};
        let input = RunInput {
            component: "c".into(),
            context: serde_json::Value::Null,
            started_at: Timestamp(3),
            assignments: vec![],
        };
        let lead = Lead { run: RunId(1), installation: "i".into(), key: "k".into(), input };
        let mut told = Told::new(&lead);
        for record in [Record::Note(note("a")), answer(0, 1, 9), answer(0, 0, 8), Record::Note(note("b"))] {
            told.hear(&record);
        }
        let lines: Vec<_> = told.lines.iter().map(|(at, line)| (at.0, line.code.as_str())).collect();
        assert_eq!(lines, [(3, "a"), (9, "b")]);
    }

    #[test]
    fn records_survive_being_written_down() {
        let unknown = Record::Answer { wave: 1, place: 2, digest: "d".into(), at: Timestamp(4), answer: interrupted() };
        for record in [Record::Note(note("a")), begin(0, 1), answer(0, 1, 2), unknown] {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        }
    }
}
