//! The dialect with `data`: names itself in `data.meta.webhook.event`, times in epoch seconds. *Event created* and *session
//! created* of the native app, and everything of the webhooks that REST manages.

use super::resources;
use crate::{
    host::{Admission, Instant},
    json::{At, Problem},
    task,
};

/// Names that Livestorm knows and that nothing follows from here.
/// <https://developers.livestorm.co/docs/webhooks-1>; `job.created` in older texts.
const UNDERSTOOD: [&str; 9] = [
    "event.created",
    "event.published",
    "session.started",
    "session.ended",
    "people.attended",
    "people.not_attended",
    "people.watched_replay",
    "job.ended",
    "job.created",
];

pub fn admit(body: &At<'_>, received_at: Instant) -> Result<Admission, Problem> {
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
            let registration = resources::registration(&resource, received_at)?;
            Ok(Admission::Tasks(vec![task::register(registration)]))
        }
        name if UNDERSTOOD.contains(&name) => {
            Ok(Admission::Ignored(format!("`{name}` is understood; this connector does not act on it")))
        }
        name => {
            Ok(Admission::Ignored(format!("`{}` is no event that this connector knows", crate::text::fit(name, 100))))
        }
    }
}

fn of_type(resource: &At<'_>, wanted: &'static str) -> Result<(), Problem> {
    match resource.text_or_none("type") {
        Some(found) if found != wanted => {
            let found = format!("\"{}\"", crate::text::fit(&found, 60));
            Err(Problem { place: format!("{}/type", resource.place), wanted, found })
        }
        _ => Ok(()),
    }
}
