//! The dialect with `data`: names itself in `data.meta.webhook.event`, times in epoch seconds. *Event created* and *session
//! created* of the native app, and everything of the webhooks that REST manages.

use super::{admit::Wanted, resources};
use crate::{
    calendar,
    domain::replay_view::ReplayView,
    host::{Admission, Instant},
    json::{At, Problem},
    settings::CampaignWhen,
    task,
};

/// Names that Livestorm knows and that nothing follows from, with the reason.
/// <https://developers.livestorm.co/docs/webhooks-1>; `job.created` in older texts.
const WITHOUT_CONSEQUENCE: [(&str, &str); 4] = [
    ("event.created", super::EVENT_CREATED),
    ("session.started", super::SESSION_STARTED),
    ("job.ended", "the connector starts no jobs"),
    ("job.created", "the connector starts no jobs"),
];

pub fn admit(body: &At<'_>, received_at: Instant, wanted: &Wanted<'_>) -> Result<Admission, Problem> {
    let resource = body.object("data")?;
    let within = resource.object("meta")?.object("webhook")?;
    let event = match within.text("event") {
        Ok(event) => event,
        Err(problem) => body.object("meta")?.object("webhook")?.text("event").map_err(|_| problem)?,
    };
    match event.as_str() {
        "session.created" => {
            of_type(&resource, "sessions")?;
            Ok(Admission::Tasks(vec![task::session_created(resources::session(&resource)?)]))
        }
        "people.registered" => {
            of_type(&resource, "people")?;
            let registration = resources::registered(&resource, received_at, wanted.secrets)?;
            Ok(Admission::Tasks(vec![task::register(registration, wanted.settings)]))
        }
        "session.ended" => {
            of_type(&resource, "sessions")?;
            let session = resources::session(&resource)?;
            Ok(Admission::Tasks(vec![task::session_ended(
                &session.id,
                session.event_id,
                session.ended_at,
                received_at,
            )]))
        }
        // Told a person each, after the end: all of them bring the one read about (RULES 6).
        "people.attended" | "people.not_attended" => {
            of_type(&resource, "people")?;
            let row = resources::registered(&resource, received_at, wanted.secrets)?;
            Ok(Admission::Tasks(vec![task::session_ended(&row.session, row.event_id, None, received_at)]))
        }
        "people.watched_replay" => {
            of_type(&resource, "people")?;
            let registration = resources::registered(&resource, received_at, wanted.secrets)?;
            let replay = resources::replay(&resource).unwrap_or(ReplayView { watched_at: None });
            Ok(Admission::Tasks(vec![task::replay(registration, replay, wanted.settings)]))
        }
        "event.published" => {
            of_type(&resource, "events")?;
            Ok(published(resource.text("id")?, received_at, wanted))
        }
        name => Ok(Admission::Ignored(match WITHOUT_CONSEQUENCE.iter().find(|(known, _)| *known == name) {
            Some((_, why)) => format!("`{name}` is understood and nothing follows from it: {why}"),
            None => format!("`{}` is no event that this connector knows", crate::text::fit(name, 100)),
        })),
    }
}

/// The body names no session, so the event's sessions are read, where anything waits for this.
pub fn published(event_id: String, received_at: Instant, wanted: &Wanted<'_>) -> Admission {
    match wanted.settings.campaign_when() {
        CampaignWhen::EventPublished => {
            Admission::Tasks(vec![task::event_published(&event_id, &calendar::day(received_at))])
        }
        CampaignWhen::SessionCreated => Admission::Ignored(format!(
            "An event was published and nothing follows from it: {}",
            super::EVENT_PUBLISHED
        )),
    }
}

pub fn of_type(resource: &At<'_>, wanted: &'static str) -> Result<(), Problem> {
    match resource.text_or_none("type") {
        Some(found) if found != wanted => {
            let found = format!("\"{}\"", crate::text::fit(&found, 60));
            Err(Problem { place: format!("{}/type", resource.place), wanted, found })
        }
        _ => Ok(()),
    }
}
