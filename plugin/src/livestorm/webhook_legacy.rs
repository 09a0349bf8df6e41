//! The dialect with `webinar` and `attendee`: ISO 8601, no event name, no session id but in `room_link?s=`. The shape tells
//! the trigger (payloads 3 to 6 of Livestorm's help page on webhooks).

use super::{resources, time};
use crate::{
    domain::registrant::Registration,
    host::{Admission, Instant},
    json::{At, Problem},
    task,
    values::Values,
};

pub fn admit(body: &At<'_>, received_at: Instant) -> Result<Admission, Problem> {
    let webinar = body.object("webinar")?;
    if body.has("attendee") {
        let registration = registration(&body.object("attendee")?, &webinar, received_at)?;
        return Ok(Admission::Tasks(vec![task::register(registration)]));
    }
    let trigger = match (webinar.has("ended_at"), webinar.has("started_at")) {
        (true, _) => "event ends",
        (false, true) => "event starts",
        (false, false) => "event is published",
    };
    // Of a shape that we do not know nothing is claimed.
    webinar.text("identify")?;
    Ok(Admission::Ignored(format!("`{trigger}` is understood; this connector does not act on it")))
}

fn registration(attendee: &At<'_>, webinar: &At<'_>, received_at: Instant) -> Result<Registration, Problem> {
    let link = webinar.text("room_link")?;
    let session = resources::session_of_link(&link).ok_or_else(|| Problem {
        place: format!("{}/room_link", webinar.place),
        wanted: "an address with a session id (s=)",
        found: "one without".into(),
    })?;
    // Checked although nothing is taken from it: it is no registration time, it can lie before the event existed [S1-16].
    time::parse(attendee.get("created_at")).map_err(|wanted| attendee.problem("created_at", wanted))?;
    let mut values = Values::default();
    resources::answers(attendee.get("fields"), &mut values);
    resources::tracking(attendee, &mut values);
    resources::names(attendee, &mut values);
    let person_id = attendee.text_or_none("identify");
    let (email, email_problem) = resources::address(attendee, person_id.as_deref())?;
    Ok(Registration {
        session,
        event_id: webinar.text_or_none("identify"),
        event_title: webinar.text_or_none("title"),
        person_id,
        email,
        email_problem,
        role: None,
        registered_at: None,
        received_at,
        values,
    })
}
