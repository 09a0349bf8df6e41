//! What Livestorm posts when something happens, in both of its dialects.
//!
//! The native app sends JSON:API for a created event or session, and the legacy `webinar`/`attendee` form otherwise, as
//! the six bodies of <https://support.livestorm.co/article/119-webhooks> show (`fixtures/livestorm/webhooks_native/`);
//! REST-managed webhooks send JSON:API throughout (<https://developers.livestorm.co/docs/webhooks-1>), name their
//! organisation [inferred from public clients], and can be signed. Not here: who delivers, when, and again.

use super::{Livestorm, events::Event, people::BROWSER, people::PLACE, people::Registration, sessions::Session};
use crate::{
    clock::Timestamp,
    simulators::{
        ids::uuid,
        unknowns::{LegacyPersonId, LivestormUnknowns},
    },
};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The "Webhooks" app, set up by hand. Never signed.
    Native,
    /// Made by `POST /v1/webhooks`.
    RestManaged,
}

/// Something that a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    EventCreated { event: String },
    EventPublished { event: String },
    SessionCreated { session: String },
    Registered { session: String, person: String },
}

impl Occurrence {
    /// The trigger's name in `meta.webhook.event`.
    pub fn name(&self) -> &'static str {
        match self {
            Occurrence::EventCreated { .. } => "event.created",
            Occurrence::EventPublished { .. } => "event.published",
            Occurrence::SessionCreated { .. } => "session.created",
            Occurrence::Registered { .. } => "people.registered",
        }
    }
}

impl Livestorm {
    /// The body that tells of an occurrence, compact as on the wire, from the state of this moment. Nothing where the
    /// occurrence names what does not exist.
    pub fn webhook_body(
        &self,
        occurrence: &Occurrence,
        dialect: Dialect,
        unknowns: &LivestormUnknowns,
    ) -> Option<Vec<u8>> {
        let now = self.clock.now();
        let resource = match (occurrence, dialect) {
            (Occurrence::EventCreated { event }, _) | (Occurrence::EventPublished { event }, Dialect::RestManaged) => {
                self.event_resource(self.events.now(event)?, now)
            }
            (Occurrence::SessionCreated { session }, _) => self.session_resource(self.sessions.now(session)?, now),
            (Occurrence::Registered { session, person }, Dialect::RestManaged) => {
                self.person_resource(self.registration(session, person)?)
            }
            (Occurrence::EventPublished { event }, Dialect::Native) => {
                let mut webinar = legacy_webinar(self.events.now(event)?);
                webinar["nb_registered"] = Value::Null;
                return Some(json!({ "webinar": webinar }).to_string().into_bytes());
            }
            (Occurrence::Registered { session, person }, Dialect::Native) => {
                let session = self.sessions.now(session)?;
                let person = self.registration(&session.id, person)?;
                return Some(self.legacy_registered(session, person, unknowns)?.to_string().into_bytes());
            }
        };
        Some(self.enveloped(resource, occurrence, dialect).to_string().into_bytes())
    }

    /// JSON:API with `meta` inside `data` [confirmed].
    fn enveloped(&self, mut resource: Value, occurrence: &Occurrence, dialect: Dialect) -> Value {
        let name = occurrence.name();
        let mut webhook = json!({ "id": uuid("webhook", name), "event": name });
        match (dialect, resource["attributes"].as_object_mut()) {
            (Dialect::RestManaged, _) => webhook["organization_id"] = json!(self.organization_id),
            (Dialect::Native, Some(attributes)) => {
                // Younger than the native app's bodies, which do not have them.
                attributes.remove("detailed_registration_page_enabled");
                attributes.remove("name");
            }
            (Dialect::Native, None) => {}
        }
        resource["meta"] = json!({ "webhook": webhook });
        json!({ "data": resource })
    }

    /// `attendee` and `webinar`, with neither an event name nor a session id: that is the `s=` of the room link [confirmed].
    fn legacy_registered(
        &self,
        session: &Session,
        person: &Registration,
        unknowns: &LivestormUnknowns,
    ) -> Option<Value> {
        let event = self.events.now(&session.event_id)?;
        let identify = match unknowns.legacy_person_id {
            LegacyPersonId::SameAsRest => person.person_id.clone(),
            LegacyPersonId::Other => uuid("attendee", &person.person_id),
        };
        let custom = event.fields.iter().filter_map(|asked| person.fields.iter().find(|(id, _)| *id == asked.id));
        let fields: serde_json::Map<String, Value> = custom.cloned().collect();
        let key = person.password_key().unwrap_or_default();
        let mut attendee = json!({
            "identify": identify,
            "created_at": iso(person.person_created_at),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "avatar_link": null,
            "referrer": person.referrer,
            "utm_source": person.utm.source,
            "utm_medium": person.utm.medium,
            "utm_term": person.utm.term,
            "utm_content": person.utm.content,
            "utm_campaign": person.utm.campaign,
            "password_key": key,
            "fields": fields,
            "connection_link": person.connection_link().split("&s=").next(),
        });
        for (name, value) in BROWSER.iter().chain(&PLACE) {
            attendee[*name] = json!(value);
        }
        let mut webinar = legacy_webinar(event);
        webinar["nb_registered"] = json!(self.people_of(&session.id, self.clock.now()).count());
        webinar["room_link"] = json!(session.room_link());
        webinar["estimated_started_at"] = json!(session.estimated_started_at.map(iso));
        Some(json!({ "attendee": attendee, "webinar": webinar }))
    }
}

fn legacy_webinar(event: &Event) -> Value {
    json!({
        "identify": event.id,
        "title": event.title,
        "slug": event.slug,
        "created_at": iso(event.created_at),
        "estimated_duration": event.estimated_duration_minutes * 60,
        "registration_link": event.registration_link(),
        "published_at": event.published_at.map(iso),
    })
}

fn iso(at: Timestamp) -> String {
    at.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The value of `x-livestorm-signature` on a REST-managed webhook: `<seconds>,<hex>`, where the digest is a plain SHA-256
/// of seconds, secret and body, one after the other (<https://developers.livestorm.co/docs/webhook-signatures>;
/// the order [inferred from public clients]).
pub fn signature(secret: &str, seconds: u64, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(seconds.to_string());
    digest.update(secret);
    digest.update(body);
    format!("{seconds},{}", hex::encode(digest.finalize()))
}
