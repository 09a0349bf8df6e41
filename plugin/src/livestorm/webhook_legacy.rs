//! The dialect with `webinar` and `attendee`: ISO 8601, no event name, no session id but in `room_link?s=`. The shape tells
//! the trigger (payloads 3 to 6 of Livestorm's help page on webhooks).

use super::{
    admit::Wanted,
    resources::{self, Address},
    time, webhook_json_api,
};
use crate::{
    domain::{registrant::Registration, session::SessionId},
    host::{Admission, Instant},
    json::{At, Problem},
    task,
    values::Values,
};

pub fn admit(body: &At<'_>, received_at: Instant, wanted: &Wanted<'_>) -> Result<Admission, Problem> {
    let webinar = body.object("webinar")?;
    if body.has("attendee") {
        let registration = registration(&body.object("attendee")?, &webinar, received_at, wanted)?;
        return Ok(Admission::Tasks(vec![task::register(registration, wanted.settings)]));
    }
    // Of a shape that we do not know nothing is claimed.
    let event_id = webinar.text("identify")?;
    match (webinar.has("ended_at"), webinar.has("started_at")) {
        (true, _) => {
            let ended_at =
                time::parse(webinar.get("ended_at")).map_err(|wanted| webinar.problem("ended_at", wanted))?;
            let session = session(&webinar)?;
            Ok(Admission::Tasks(vec![task::session_ended(&session, Some(event_id), ended_at, received_at)]))
        }
        (false, true) => Ok(Admission::Ignored(format!(
            "`event starts` is understood and nothing follows from it: {}",
            super::SESSION_STARTED
        ))),
        (false, false) => Ok(webhook_json_api::published(event_id, received_at, wanted)),
    }
}

fn session(webinar: &At<'_>) -> Result<SessionId, Problem> {
    let link = webinar.text("room_link")?;
    resources::session_of_link(&link).ok_or_else(|| Problem {
        place: format!("{}/room_link", webinar.place),
        wanted: "an address with a session id (s=)",
        found: "one without".into(),
    })
}

/// Somebody of `attendee`, or of `attendees` in the body of an end.
pub fn registration(
    attendee: &At<'_>,
    webinar: &At<'_>,
    received_at: Instant,
    wanted: &Wanted<'_>,
) -> Result<Registration, Problem> {
    let session = session(webinar)?;
    // Checked although nothing is taken from it: it is no registration time, it can lie before the event existed [S1-16].
    time::parse(attendee.get("created_at")).map_err(|wanted| attendee.problem("created_at", wanted))?;
    let mut values = Values::default();
    resources::answers(attendee.get("fields"), &mut values);
    resources::tracking(attendee, &mut values);
    resources::names(attendee, &mut values);
    wanted.secrets.put(attendee, &mut values);
    let person_id = attendee.text_or_none("identify");
    let Address { email, problem: email_problem, as_typed: email_as_typed } =
        resources::address(attendee, person_id.as_deref())?;
    Ok(Registration {
        session,
        event_id: webinar.text_or_none("identify"),
        event_title: webinar.text_or_none("title"),
        person_id,
        email,
        email_problem,
        email_as_typed,
        role: None,
        guest_speaker: None,
        registered_at: None,
        received_at,
        values,
    })
}
