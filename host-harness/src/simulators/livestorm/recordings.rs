//! Recordings of a session. `GET /v1/sessions/{id}/recordings?url_expires_in=`, from an hour to a week, and twelve hours where
//! nothing is said; attributes as in answers that a public client recorded [confirmed]. The address is signed anew at each reading;
//! a life outside the bounds is 400 [inferred]. Not here: the file itself, and transcripts, which have no call.

use super::{Livestorm, errors::Refusal, filters, includes::Includes, paging::page, resource};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid, request::Call},
};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

const LIFE_SECONDS: RangeInclusive<u64> = 3_600..=604_800;
const LIFE_SECONDS_DEFAULT: u64 = 43_200;

#[derive(Clone, Debug)]
pub struct Recording {
    pub id: String,
    pub event_id: String,
    pub session_id: String,
    pub file_name: String,
    /// Bytes.
    pub file_size: u64,
}

impl Recording {
    fn resource(&self, now: Timestamp, life_seconds: u64) -> Value {
        let signature = uuid("signature", &format!("{}/{}", self.id, now.seconds())).replace('-', "");
        let attributes = json!({
            "event_id": self.event_id,
            "session_id": self.session_id,
            "file_type": "video",
            "mime_type": "mp4",
            "file_size": self.file_size,
            "file_name": self.file_name,
            "url": format!(
                "https://recordings.livestorm.example/{}/{}?expires={}&signature={signature}",
                self.session_id,
                self.file_name,
                now.seconds() + life_seconds,
            ),
            "url_generated_at": now.seconds(),
            "url_expires_in": life_seconds,
        });
        resource("recordings", &self.id, attributes)
    }
}

impl Livestorm {
    /// Of a session that has ended, or one on demand. Gives its id; nothing where there is no such session, or it is to come.
    pub fn add_recording(&mut self, session: &str, file_size: u64) -> Option<String> {
        let now = self.clock.now();
        let recorded = self.sessions.now(session)?;
        if recorded.ended_at.is_none() && !self.is_on_demand(session) {
            return None;
        }
        let number = self.recordings.len();
        let recording = Recording {
            id: uuid("recording", &number.to_string()),
            event_id: recorded.event_id.clone(),
            session_id: session.to_owned(),
            file_name: format!("recording-{}.mp4", number + 1),
            file_size,
        };
        let id = recording.id.clone();
        self.recordings.insert(id.clone(), now, recording);
        Some(id)
    }
}

/// `GET /v1/sessions/{id}/recordings`
pub(super) fn list(world: &World, call: &Call, session: &str, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    livestorm.sessions.at(session, when).ok_or_else(Refusal::not_found)?;
    filters::known_with(call, &[], &["url_expires_in"], unknowns)?;
    let life_seconds = match call.param("url_expires_in").map(str::parse) {
        None => LIFE_SECONDS_DEFAULT,
        Some(Ok(seconds)) if LIFE_SECONDS.contains(&seconds) => seconds,
        Some(_) => return Err(Refusal::bad_request("url_expires_in must be from 3600 to 604800")),
    };
    let includes = Includes::read(call, &[], unknowns)?;
    let of_it = livestorm.recordings.all_at(when).filter(|recording| recording.session_id == session);
    let (recordings, meta) = page(call, of_it.collect(), unknowns)?;
    let rows: Vec<_> = recordings.into_iter().map(|recording| recording.resource(world.now(), life_seconds)).collect();
    Ok(includes.body(json!(rows), Some(meta)))
}
