//! Questions asked in a session. `GET /v1/sessions/{id}/questions`; attributes as Livestorm's own analysis tool and the vendor's
//! reference have them [confirmed], but for the name of the flag that somebody answered by word of mouth, which is a switch. The type
//! `questions` is [inferred]. Not here: `questions_count` of a person, which is part of their attendance.

use super::{Livestorm, errors::Refusal, filters, includes::Includes, paging::page, resource, times};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::uuid,
        request::Call,
        unknowns::{LivestormUnknowns, SpokenAnswerField},
    },
};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    pub event_id: String,
    pub session_id: String,
    pub question: String,
    /// A person in that session.
    pub author_id: String,
    pub answer: Option<GivenAnswer>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct GivenAnswer {
    pub author_id: String,
    /// Nothing: by word of mouth.
    pub text: Option<String>,
    pub at: Timestamp,
}

impl Question {
    fn resource(&self, unknowns: &LivestormUnknowns) -> Value {
        let spoken = match unknowns.spoken_answer_field {
            SpokenAnswerField::RespondedOrally => "responded_orally",
            SpokenAnswerField::ResponseOrally => "response_orally",
        };
        let answer = self.answer.as_ref();
        let attributes = json!({
            "event_id": self.event_id,
            "session_id": self.session_id,
            "question": self.question,
            "response": answer.and_then(|answer| answer.text.as_ref()),
            "question_author_id": self.author_id,
            "response_author_id": answer.map(|answer| &answer.author_id),
            "created_at": self.created_at.seconds(),
            "updated_at": self.updated_at.seconds(),
            "responded_at": times::written(answer.map(|answer| answer.at), unknowns),
            spoken: answer.is_some_and(|answer| answer.text.is_none()),
        });
        resource("questions", &self.id, attributes)
    }
}

impl Livestorm {
    /// Gives the question's id; nothing where the asker is not in that session.
    pub fn ask_question(&mut self, session: &str, author: &str, question: &str) -> Option<String> {
        let now = self.clock.now();
        self.sessions.now(session)?;
        let asked = Question {
            id: uuid("question", &self.questions.len().to_string()),
            event_id: self.registration(session, author)?.event_id.clone(),
            session_id: session.to_owned(),
            question: question.to_owned(),
            author_id: author.to_owned(),
            answer: None,
            created_at: now,
            updated_at: now,
        };
        let id = asked.id.clone();
        self.questions.insert(id.clone(), now, asked);
        Some(id)
    }

    /// In writing or, without a text, by word of mouth. `false` where there is no such question, or who answers is not in its
    /// session.
    pub fn answer_question(&mut self, question: &str, author: &str, text: Option<&str>) -> bool {
        let now = self.clock.now();
        let session = self.questions.now(question).map(|asked| asked.session_id.clone());
        session.is_some_and(|session| self.registration(&session, author).is_some())
            && self.questions.change(question, now, |asked| {
                let text = text.map(str::to_owned);
                asked.answer = Some(GivenAnswer { author_id: author.to_owned(), text, at: now });
                asked.updated_at = now;
            })
    }
}

/// `GET /v1/sessions/{id}/questions`
pub(super) fn list(world: &World, call: &Call, session: &str, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.sessions.at(session, when).ok_or_else(Refusal::not_found)?;
    filters::known(call, &[], unknowns)?;
    let mut includes = Includes::read(call, &["asker", "responder", "people"], unknowns)?;
    let of_it = livestorm.questions.all_at(when).filter(|question| question.session_id == session);
    let (questions, meta) = page(call, of_it.collect(), unknowns)?;
    let mut rows = vec![];
    for question in questions {
        let mut row = question.resource(unknowns);
        let person = |id: &str| livestorm.person_in(session, id, when, unknowns);
        let asker = person(&question.author_id);
        let responder = question.answer.as_ref().and_then(|answer| person(&answer.author_id));
        if includes.has("asker") {
            includes.relate(&mut row, "asker", asker.clone());
        }
        if includes.has("responder") {
            includes.relate(&mut row, "responder", responder.clone());
        }
        if includes.has("people") {
            includes.relate_many(&mut row, "people", asker.into_iter().chain(responder).collect());
        }
        rows.push(row);
    }
    Ok(includes.body(json!(rows), Some(meta)))
}
