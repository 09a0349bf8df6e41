//! What is written in the chat of a session. `GET /v1/sessions/{id}/chat_messages`, with an underscore; attributes as Livestorm's
//! own analysis tool reads them [confirmed], the type is a switch. Not here: `messages_count` of a person, which is part of their
//! attendance.

use super::{Livestorm, Role, errors::Refusal, filters, includes::Includes, paging::page, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid, request::Call, unknowns::ChatMessageType},
};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct ChatMessage {
    pub id: String,
    pub session_id: String,
    /// A person in that session.
    pub author_id: String,
    pub text: String,
    pub created_at: Timestamp,
    pub from_guest_speaker: bool,
    pub from_team_member: bool,
}

impl ChatMessage {
    fn resource(&self, kind: ChatMessageType) -> Value {
        let kind = match kind {
            ChatMessageType::ChatMessages => "chat_messages",
            ChatMessageType::Messages => "messages",
        };
        let attributes = json!({
            "author_id": self.author_id,
            "text_content": self.text,
            "html_content": format!("<p>{}</p>", escaped(&self.text)),
            "created_at": self.created_at.seconds(),
            "from_guest_speaker": self.from_guest_speaker,
            "from_team_member": self.from_team_member,
        });
        resource(kind, &self.id, attributes)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Livestorm {
    /// Somebody who is registered writes into the chat. Gives the message's id; nothing where they are not in that session.
    pub fn write_in_chat(&mut self, session: &str, author: &str, text: &str) -> Option<String> {
        let now = self.clock.now();
        self.sessions.now(session)?;
        let person = self.registration(session, author)?;
        let message = ChatMessage {
            id: uuid("chat-message", &self.chat_messages.len().to_string()),
            session_id: session.to_owned(),
            author_id: author.to_owned(),
            text: text.to_owned(),
            created_at: now,
            from_guest_speaker: person.is_guest_speaker,
            from_team_member: person.role == Role::TeamMember,
        };
        let id = message.id.clone();
        self.chat_messages.insert(id.clone(), now, message);
        Some(id)
    }
}

/// `GET /v1/sessions/{id}/chat_messages`
pub(super) fn list(world: &World, call: &Call, session: &str, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.sessions.at(session, when).ok_or_else(Refusal::not_found)?;
    filters::known(call, &[], unknowns)?;
    let mut includes = Includes::read(call, &["people"], unknowns)?;
    let of_it = livestorm.chat_messages.all_at(when).filter(|message| message.session_id == session);
    let (messages, meta) = page(call, of_it.collect(), unknowns)?;
    let mut rows = vec![];
    for message in messages {
        let mut row = message.resource(unknowns.chat_message_type);
        if includes.has("people") {
            let author = livestorm.person_in(session, &message.author_id, when, unknowns);
            includes.relate(&mut row, "people", author);
        }
        rows.push(row);
    }
    Ok(includes.body(json!(rows), Some(meta)))
}
