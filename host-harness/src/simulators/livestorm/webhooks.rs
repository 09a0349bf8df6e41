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
        unknowns::{LegacyPersonId, LivestormUnknowns, WebhookText},
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

/// Webhooks are written from what is, not from what lagging readers see.
const TRUTH: Timestamp = Timestamp::MAX;

/// Something that a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    EventCreated { event: String },
    EventPublished { event: String },
    SessionCreated { session: String },
    SessionStarted { session: String },
    SessionEnded { session: String },
    Registered { session: String, person: String },
    Attended { session: String, person: String },
    NotAttended { session: String, person: String },
    WatchedReplay { session: String, person: String },
    JobEnded { job: String },
}

impl Occurrence {
    /// The trigger's name in `meta.webhook.event`.
    pub fn name(&self) -> &'static str {
        match self {
            Occurrence::EventCreated { .. } => "event.created",
            Occurrence::EventPublished { .. } => "event.published",
            Occurrence::SessionCreated { .. } => "session.created",
            Occurrence::SessionStarted { .. } => "session.started",
            Occurrence::SessionEnded { .. } => "session.ended",
            Occurrence::Registered { .. } => "people.registered",
            Occurrence::Attended { .. } => "people.attended",
            Occurrence::NotAttended { .. } => "people.not_attended",
            Occurrence::WatchedReplay { .. } => "people.watched_replay",
            Occurrence::JobEnded { .. } => "job.ended",
        }
    }
}

impl Livestorm {
    /// The body that tells of an occurrence, compact as on the wire: the truth of this moment, whatever readers are shown.
    /// Nothing where the occurrence names what does not exist, or the dialect has no word for it.
    pub fn webhook_body(
        &self,
        occurrence: &Occurrence,
        dialect: Dialect,
        unknowns: &LivestormUnknowns,
    ) -> Option<Vec<u8>> {
        self.webhook_body_of(occurrence, dialect, unknowns, None)
    }

    /// Of this webhook, or of the first that hears of it.
    pub(super) fn webhook_body_of(
        &self,
        occurrence: &Occurrence,
        dialect: Dialect,
        unknowns: &LivestormUnknowns,
        webhook: Option<&str>,
    ) -> Option<Vec<u8>> {
        let body = match dialect {
            Dialect::RestManaged => {
                self.enveloped(self.resource_of(occurrence, unknowns)?, occurrence, dialect, webhook)
            }
            Dialect::Native => match occurrence {
                Occurrence::EventCreated { .. } | Occurrence::SessionCreated { .. } => {
                    self.enveloped(self.resource_of(occurrence, unknowns)?, occurrence, dialect, webhook)
                }
                Occurrence::EventPublished { event } => {
                    let mut webinar = legacy_webinar(self.events.now(event)?);
                    webinar["nb_registered"] = Value::Null;
                    json!({ "webinar": webinar })
                }
                Occurrence::SessionStarted { session } => {
                    json!({ "webinar": self.legacy_session(self.sessions.now(session)?)? })
                }
                Occurrence::SessionEnded { session } => {
                    json!({ "webinar": self.legacy_ended(self.sessions.now(session)?, unknowns)? })
                }
                Occurrence::Registered { session, person } => {
                    let session = self.sessions.now(session)?;
                    let attendee =
                        self.legacy_attendee(self.registration(&session.id, person)?, "attendee", unknowns)?;
                    let mut webinar = self.legacy_session(session)?;
                    if let Some(webinar) = webinar.as_object_mut() {
                        webinar.remove("started_at");
                    }
                    json!({ "attendee": attendee, "webinar": webinar })
                }
                Occurrence::Attended { .. }
                | Occurrence::NotAttended { .. }
                | Occurrence::WatchedReplay { .. }
                | Occurrence::JobEnded { .. } => return None,
            },
        };
        let body = body.to_string();
        let body = match unknowns.webhook_text {
            WebhookText::Plain => body,
            WebhookText::Escaped => escaped(&body),
        };
        Some(body.into_bytes())
    }

    /// The resource as REST gives it.
    fn resource_of(&self, occurrence: &Occurrence, unknowns: &LivestormUnknowns) -> Option<Value> {
        Some(match occurrence {
            Occurrence::EventCreated { event } | Occurrence::EventPublished { event } => {
                self.event_resource(self.events.now(event)?, TRUTH, unknowns)
            }
            Occurrence::SessionCreated { session }
            | Occurrence::SessionStarted { session }
            | Occurrence::SessionEnded { session } => {
                self.session_resource(self.sessions.now(session)?, TRUTH, unknowns)
            }
            Occurrence::Registered { session, person }
            | Occurrence::Attended { session, person }
            | Occurrence::NotAttended { session, person }
            | Occurrence::WatchedReplay { session, person } => {
                self.person_resource(self.registration(session, person)?, unknowns)
            }
            Occurrence::JobEnded { job } => self.jobs.now(job)?.resource(unknowns),
        })
    }

    /// JSON:API with `meta` inside `data` [confirmed].
    fn enveloped(
        &self,
        mut resource: Value,
        occurrence: &Occurrence,
        dialect: Dialect,
        webhook: Option<&str>,
    ) -> Value {
        let name = occurrence.name();
        let made = || self.subscriptions.all().find(|subscription| subscription.event == name);
        let made = webhook.or_else(|| made().map(|subscription| subscription.id.as_str()));
        let id = made.map_or_else(|| uuid("webhook", name), str::to_owned);
        let mut webhook = json!({ "id": id, "event": name });
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

    /// A person without an event name, a session id or a role [confirmed]. `of` is the body that it stands in: one person's
    /// `identify` differs between the bodies of the documents [spec S1-17].
    fn legacy_attendee(&self, person: &Registration, of: &str, unknowns: &LivestormUnknowns) -> Option<Value> {
        let event = self.events.now(&person.event_id)?;
        let identify = match unknowns.legacy_person_id {
            LegacyPersonId::SameAsRest => person.person_id.clone(),
            LegacyPersonId::Other => uuid(of, &person.person_id),
        };
        let answered = event.fields.iter().filter_map(|asked| person.fields.iter().find(|(id, _)| *id == asked.id));
        let fields: serde_json::Map<String, Value> = answered.cloned().collect();
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
        Some(attendee)
    }

    /// The event by one of its sessions, whose id is the `s=` of the room link [confirmed].
    fn legacy_session(&self, session: &Session) -> Option<Value> {
        let mut webinar = legacy_webinar(self.events.now(&session.event_id)?);
        webinar["nb_registered"] = json!(self.people_of(&session.id, TRUTH).count());
        webinar["room_link"] = json!(session.room_link());
        webinar["estimated_started_at"] = json!(session.estimated_started_at.map(iso));
        webinar["started_at"] = json!(session.started_at.map(iso));
        Some(webinar)
    }

    fn legacy_ended(&self, session: &Session, unknowns: &LivestormUnknowns) -> Option<Value> {
        let mut webinar = self.legacy_session(session)?;
        let mut attendees = vec![];
        let listed = |person: &&Registration| unknowns.absentees_listed || person.attendance.is_some();
        for person in self.people_of(&session.id, TRUTH).filter(listed) {
            let attendance = person.attendance.clone().unwrap_or_default();
            let mut attendee = self.legacy_attendee(person, "attendee-at-the-end", unknowns)?;
            attendee["is_attendance"] = json!(person.attendance.is_some());
            attendee["attendance_rate"] = json!(person.attendance_rate);
            attendee["attendance_duration"] = json!(attendance.seconds);
            attendee["messages_count"] = json!(attendance.messages);
            attendee["questions_count"] = json!(attendance.questions);
            attendee["votes_count"] = json!(attendance.votes);
            attendee["up_votes_count"] = json!(attendance.up_votes);
            attendees.push(attendee);
        }
        webinar["ended_at"] = json!(session.ended_at.map(iso));
        webinar["duration"] = json!(session.length().map(|length| length.as_secs()));
        webinar["nb_attended"] = json!(self.people_of(&session.id, TRUTH).filter(|p| p.attendance.is_some()).count());
        webinar["attendees"] = json!(attendees);
        Some(webinar)
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

/// JSON in ASCII alone: outside of texts there is nothing else anyway.
fn escaped(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        match c {
            c if c.is_ascii() => text.push(c),
            c => text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
        text
    })
}

pub(super) fn iso(at: Timestamp) -> String {
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
