//! REST resources and the JSON:API webhooks share their shapes. Read with much tolerance: nulls, numbers as texts, absent
//! names. What is needed and missing is told with its place.

use super::time;
use crate::{
    domain::{
        email::Email,
        event::Event,
        registrant::{Registration, Role},
        session::{Session, SessionId},
    },
    host::Instant,
    json::{At, Problem, scalar},
    mapping::source_path,
    values::Values,
};
use serde_json::Value;

/// The resource of a body: under `data`, or the body itself.
pub fn resource<'a>(body: &At<'a>) -> Result<At<'a>, Problem> {
    if body.has("data") { body.object("data") } else { Ok(body.clone()) }
}

fn instant(at: &At<'_>, name: &str) -> Result<Option<Instant>, Problem> {
    time::parse(at.get(name)).map_err(|wanted| {
        let found = at.get(name).map_or_else(String::new, |value| crate::text::fit(&crate::json::text(value), 40));
        Problem { place: format!("{}/{name}", at.place), wanted, found }
    })
}

pub fn session_id(at: &At<'_>, name: &str) -> Result<SessionId, Problem> {
    let text = at.text(name).map_err(|problem| Problem { wanted: "a session id", ..problem })?;
    SessionId::parse(&text).map_err(|_| Problem {
        place: format!("{}/{name}", at.place),
        wanted: "a session id (at most 100 plain characters)",
        found: format!("\"{}\"", crate::text::fit(&text, 60)),
    })
}

/// A resource of type `sessions`.
pub fn session(resource: &At<'_>) -> Result<Session, Problem> {
    let attributes = resource.object("attributes")?;
    Ok(Session {
        id: session_id(resource, "id")?,
        // One schema of the vendor says `event_type_id`, every example `event_id`.
        event_id: attributes.text_or_none("event_id").or_else(|| attributes.text_or_none("event_type_id")),
        status: attributes.text_or_none("status").unwrap_or_default().into(),
        created_at: instant(&attributes, "created_at")?,
        estimated_started_at: instant(&attributes, "estimated_started_at")?,
        breakout_of: attributes.text_or_none("breakout_room_parent_session_id"),
    })
}

/// A resource of type `events`.
pub fn event(resource: &At<'_>) -> Result<Event, Problem> {
    let attributes = resource.object("attributes")?;
    Ok(Event {
        id: resource.text("id")?,
        title: attributes.text_or_none("title").unwrap_or_default(),
        scheduling: attributes.text_or_none("scheduling_status").map(Into::into),
    })
}

/// A resource of type `people` within a session.
pub fn registration(resource: &At<'_>, received_at: Instant) -> Result<Registration, Problem> {
    let attributes = resource.object("attributes")?;
    let detail = attributes.object("registrant_detail")?;
    let session = if detail.has("session_id") {
        session_id(&detail, "session_id")?
    } else {
        // Absent in lists of an event; the link of the person names it. Only the id is taken out of it.
        let link = detail.text_or_none("connection_link").unwrap_or_default();
        session_of_link(&link).ok_or_else(|| detail.problem("session_id", "a session id"))?
    };
    let mut values = Values::default();
    answers(detail.get("fields"), &mut values);
    tracking(&detail, &mut values);
    names(&attributes, &mut values);
    let person_id = resource.text_or_none("id");
    let (email, email_problem) = address(&attributes, person_id.as_deref())?;
    Ok(Registration {
        session,
        event_id: detail.text_or_none("event_id"),
        event_title: None,
        person_id,
        email,
        email_problem,
        role: attributes.text_or_none("role").map(Role::from),
        registered_at: instant(&detail, "created_at")?,
        received_at,
        values,
    })
}

/// The usable address, or why there is none. Neither address nor id: nobody could be told apart.
pub fn address(person: &At<'_>, person_id: Option<&str>) -> Result<(Option<Email>, Option<String>), Problem> {
    let given = person.get("email");
    let text = match given {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => return Err(person.problem("email", "a text")),
    };
    match Email::parse(&text) {
        Ok(email) => Ok((Some(email), None)),
        Err(_) if person_id.is_none() => Err(person.problem("email", "an e-mail address, or an id of the person,")),
        Err(why) => Ok((None, Some(why.to_string()))),
    }
}

/// First and last name stand beside the form's answers; they go before what the form calls so.
pub fn names(person: &At<'_>, values: &mut Values) {
    for name in ["first_name", "last_name"] {
        put(values, source_path::field(name), person.get(name));
    }
}

pub fn tracking(at: &At<'_>, values: &mut Values) {
    for name in ["source", "medium", "term", "content", "campaign"] {
        put(values, Some(source_path::utm(name)), at.get(&format!("utm_{name}")));
    }
    put(values, Some(source_path::REFERRER.into()), at.get("referrer"));
}

/// The form's answers: an array of `{id, value}` (REST, JSON:API) or an object (legacy).
pub fn answers(fields: Option<&Value>, values: &mut Values) {
    match fields {
        Some(Value::Array(fields)) => {
            for field in fields {
                if let Some(id) = field.get("id").and_then(scalar) {
                    put(values, source_path::field(&id), field.get("value"));
                }
            }
        }
        Some(Value::Object(fields)) => {
            for (id, value) in fields {
                put(values, source_path::field(id), Some(value));
            }
        }
        _ => {}
    }
}

fn put(values: &mut Values, path: Option<String>, value: Option<&Value>) {
    if let (Some(path), Some(text)) = (path, value.and_then(written))
        && path != "fields.email"
    {
        values.insert(&path, text);
    }
}

/// One text for one answer; several choices are joined by `; `. Nothing for an empty one.
fn written(value: &Value) -> Option<String> {
    let text = match value {
        Value::Array(choices) => choices.iter().filter_map(written).collect::<Vec<_>>().join("; "),
        other => scalar(other)?.trim().to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// The session id in `…/live?s=<id>`.
pub fn session_of_link(link: &str) -> Option<SessionId> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let id = query.split('&').find_map(|pair| pair.strip_prefix("s="))?;
    SessionId::parse(&decoded(id)?).ok()
}

/// `%2B` and its like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Status;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_session_is_read_whatever_is_null_or_a_text() {
        let body = json!({"data": {"id": "S1", "attributes": {
            "event_type_id": "E1", "status": "rehearsal", "created_at": "1644845096", "estimated_started_at": null}}});
        let read = session(&resource(&At::root(&body).unwrap()).unwrap()).unwrap();
        assert_eq!(
            read,
            Session {
                id: SessionId::parse("S1").unwrap(),
                event_id: Some("E1".into()),
                status: Status::Other("rehearsal".into()),
                created_at: Some(1_644_845_096_000),
                estimated_started_at: None,
                breakout_of: None,
            }
        );
    }

    #[test]
    fn answers_of_every_shape_become_text_and_empty_ones_nothing() {
        let mut values = Values::default();
        answers(
            Some(&json!([
                {"id": "topics", "value": ["x", " y ", ""]}, {"id": "none", "value": []}, {"id": "age", "value": 41},
                {"id": "agreed", "value": true}, {"id": "blank", "value": "  "}, {"id": "null", "value": null},
                {"id": "password_key", "value": "k"}, {"value": "no id"}, 7])),
            &mut values,
        );
        answers(Some(&json!({"company": "Example", "connection_link": "https://x"})), &mut values);
        let expected = [("age", "41"), ("agreed", "true"), ("company", "Example"), ("topics", "x; y")];
        let expected: Values = expected.iter().map(|(id, value)| (format!("fields.{id}"), value.to_string())).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn a_session_id_is_found_in_a_link() {
        let rows = [
            ("https://app.livestorm.co/p/E1/live?s=fqa1475e-fe2d", Some("fqa1475e-fe2d")),
            ("https://app.livestorm.co/p/E1/live?email=a%40b&key=k&s=S%2D1#x", Some("S-1")),
            ("https://app.livestorm.co/p/E1/live?email=a%40b&key=k", None),
            ("https://app.livestorm.co/p/E1/live?s=", None),
            ("https://app.livestorm.co/p/E1/live?s=%2", None),
            ("https://app.livestorm.co/p/E1/live?s=a%2Fb", None),
            ("", None),
        ];
        for (link, id) in rows {
            assert_eq!(session_of_link(link).as_ref().map(SessionId::as_str), id, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_link_ends_it(link in ".*\\?s=.*") {
            let _ = session_of_link(&link);
        }
    }
}
