//! REST resources and the JSON:API webhooks share their shapes. Read with much tolerance: nulls, numbers as texts, absent
//! names. What is needed and missing is told with its place.

use super::time;
use crate::{
    calendar,
    domain::{
        attendance::Attendance,
        email::Email,
        event::Event,
        registrant::{Registration, Role},
        replay_view::ReplayView,
        session::{Session, SessionId, Status},
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
        status: match instant(&attributes, "canceled_at")? {
            Some(_) => Status::Canceled,
            None => attributes.text_or_none("status").unwrap_or_default().into(),
        },
        created_at: instant(&attributes, "created_at")?,
        estimated_started_at: instant(&attributes, "estimated_started_at")?,
        ended_at: instant(&attributes, "ended_at")?,
        breakout_of: attributes.text_or_none("breakout_room_parent_session_id"),
        updated_at: instant(&attributes, "updated_at")?,
    })
}

/// A resource of type `events`.
pub fn event(resource: &At<'_>) -> Result<Event, Problem> {
    let attributes = resource.object("attributes")?;
    Ok(Event {
        id: resource.text("id")?,
        title: attributes.text_or_none("title").unwrap_or_default(),
        scheduling: attributes.text_or_none("scheduling_status").map(Into::into),
        owner: attributes
            .object("owner")
            .and_then(|owner| owner.object("attributes"))
            .ok()
            .and_then(|owner| owner.text_or_none("email")),
        tags: Vec::new(),
    })
}

/// The titles of the tags that came along with a resource, under `included`.
pub fn tags(body: &Value) -> Vec<String> {
    let included = body.get("included").and_then(Value::as_array).into_iter().flatten();
    let tags = included.filter(|one| one.get("type").and_then(Value::as_str) == Some("tags"));
    let titles = tags.filter_map(|tag| At::root(tag).ok()?.object("attributes").ok()?.text_or_none("title"));
    titles.collect()
}

/// A person in a session: what a row, or a webhook, tells of them at that moment.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRow {
    pub registration: Registration,
    pub attendance: Attendance,
    /// None: not watched.
    pub replay: Option<ReplayView>,
}

/// Which secrets a mapping has asked for by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Secrets {
    pub connection_link: bool,
    pub password_key: bool,
}

impl Secrets {
    pub fn put(self, detail: &At<'_>, values: &mut Values) {
        for (wanted, path, name) in [
            (self.connection_link, source_path::CONNECTION_LINK, "connection_link"),
            (self.password_key, source_path::PASSWORD_KEY, "password_key"),
        ] {
            if wanted {
                put(values, Some(path.into()), detail.get(name));
            }
        }
    }
}

/// A resource of type `people` within a session. Attendance stands within `registrant_detail`, the counts beside it.
pub fn person(resource: &At<'_>, received_at: Instant, secrets: Secrets) -> Result<PersonRow, Problem> {
    let attributes = resource.object("attributes")?;
    let detail = attributes.object("registrant_detail")?;
    let registration = registration(resource, &attributes, &detail, received_at, secrets)?;
    let attendance = attendance(&detail, &attributes, "attended")?;
    Ok(PersonRow { registration, attendance, replay: replay(resource) })
}

/// The registration alone, whatever the rest of the resource looks like.
pub fn registered(resource: &At<'_>, received_at: Instant, secrets: Secrets) -> Result<Registration, Problem> {
    let attributes = resource.object("attributes")?;
    let detail = attributes.object("registrant_detail")?;
    registration(resource, &attributes, &detail, received_at, secrets)
}

/// That it was watched is what counts. The unit of the time is on no vendor's page, so a form that is new to us is no time.
pub fn replay(resource: &At<'_>) -> Option<ReplayView> {
    let attributes = resource.object("attributes").ok()?;
    let viewed = attributes.object("registrant_detail").is_ok_and(|detail| flag(&detail, "has_viewed_replay"));
    if !viewed && !attributes.has("replay_view_detail") {
        return None;
    }
    let view = attributes.object("replay_view_detail").ok();
    Some(ReplayView { watched_at: view.and_then(|view| instant(&view, "watched_at").ok().flatten()) })
}

fn flag(at: &At<'_>, name: &str) -> bool {
    at.text_or_none(name).as_deref() == Some("true")
}

/// `attended` in REST and JSON:API, `is_attendance` in the legacy body.
pub fn attendance(detail: &At<'_>, counts: &At<'_>, attended: &str) -> Result<Attendance, Problem> {
    let number = |at: &At<'_>, name: &str| -> Result<Option<u64>, Problem> {
        let Some(text) = at.text_or_none(name) else { return Ok(None) };
        let whole = text.split('.').next().unwrap_or_default();
        whole.parse().map(Some).map_err(|_| at.problem(name, "a number of at least 0"))
    };
    let count = |name: &str| number(counts, name).map(Option::unwrap_or_default);
    Ok(Attendance {
        attended: flag(detail, attended),
        rate: detail.text_or_none("attendance_rate"),
        duration: number(detail, "attendance_duration")?,
        messages: count("messages_count")?,
        questions: count("questions_count")?,
        votes: count("votes_count")?,
        up_votes: count("up_votes_count")?,
    })
}

fn registration(
    resource: &At<'_>,
    attributes: &At<'_>,
    detail: &At<'_>,
    received_at: Instant,
    secrets: Secrets,
) -> Result<Registration, Problem> {
    let session = if detail.has("session_id") {
        session_id(detail, "session_id")?
    } else {
        // Absent in lists of an event; the link of the person names it. Only the id is taken out of it.
        let link = detail.text_or_none("connection_link").unwrap_or_default();
        session_of_link(&link).ok_or_else(|| detail.problem("session_id", "a session id"))?
    };
    let mut values = Values::default();
    answers(detail.get("fields"), &mut values);
    tracking(detail, &mut values);
    names(attributes, &mut values);
    secrets.put(detail, &mut values);
    let registered_at = instant(detail, "created_at")?;
    if let Some(at) = registered_at {
        values.insert("registration.registered_at", format!("{}Z", calendar::iso(at)));
    }
    let person_id = resource.text_or_none("id");
    let Address { email, problem: email_problem, as_typed: email_as_typed } =
        address(attributes, person_id.as_deref())?;
    Ok(Registration {
        session,
        event_id: detail.text_or_none("event_id"),
        event_title: None,
        person_id,
        email,
        email_problem,
        email_as_typed,
        role: attributes.text_or_none("role").map(Role::from),
        guest_speaker: detail.has("is_guest_speaker").then(|| flag(detail, "is_guest_speaker")),
        registered_at,
        received_at,
        values,
    })
}

/// The address of a person.
#[derive(Debug, Default, PartialEq)]
pub struct Address {
    pub email: Option<Email>,
    /// Why there is no usable one.
    pub problem: Option<String>,
    pub as_typed: Option<String>,
}

/// Neither address nor id: nobody could be told apart.
pub fn address(person: &At<'_>, person_id: Option<&str>) -> Result<Address, Problem> {
    let given = person.get("email");
    let text = match given {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => return Err(person.problem("email", "a text")),
    };
    match Email::parse(&text) {
        Ok(email) => {
            let as_typed = Some(text.trim().to_string()).filter(|text| *text != email.as_str());
            Ok(Address { email: Some(email), problem: None, as_typed })
        }
        Err(_) if person_id.is_none() => Err(person.problem("email", "an e-mail address, or an id of the person,")),
        Err(why) => Ok(Address { problem: Some(why.to_string()), ..Address::default() }),
    }
}

/// First and last name stand beside the form's answers; they go before what the form calls so.
pub fn names(person: &At<'_>, values: &mut Values) {
    for name in ["first_name", "last_name"] {
        put(values, source_path::field(name), person.get(name));
    }
    put(values, Some("person.timezone".into()), person.get("timezone"));
}

/// Where they came from and with what: the legacy body has it in `attendee`, all else in `registrant_detail`.
pub fn tracking(at: &At<'_>, values: &mut Values) {
    for name in ["source", "medium", "term", "content", "campaign"] {
        put(values, Some(format!("utm.{name}")), at.get(&format!("utm_{name}")));
    }
    put(values, Some(source_path::REFERRER.into()), at.get("referrer"));
    put(values, Some("registration.type".into()), at.get("registration_type"));
    for name in [
        "ip_city",
        "ip_country_code",
        "ip_country_name",
        "browser_name",
        "browser_version",
        "os_name",
        "os_version",
        "screen_width",
        "screen_height",
    ] {
        put(values, Some(format!("registration.{name}")), at.get(name));
    }
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
    use proptest::prelude::*;
    use serde_json::json;

    /// S1-11: payload 1, in which 0 means that it has not happened.
    #[test]
    fn an_event_is_read_from_the_body_of_its_creation() {
        let body: Value = serde_json::from_str(crate::test_host::fixtures::EVENT_CREATED).unwrap();
        let read = resource(&At::root(&body).unwrap()).unwrap();
        let event = event(&read).unwrap();
        assert_eq!(event.title, "New event webhook");
        assert_eq!(event.owner.as_deref(), Some("james.doe@livestorm.co"));
        assert!(event.scheduling.is_some_and(|scheduling| scheduling != crate::domain::event::Scheduling::OnDemand));
        let attributes = read.object("attributes").unwrap();
        assert_eq!(instant(&attributes, "created_at"), Ok(Some(1_643_710_217_000)));
        assert_eq!(instant(&attributes, "published_at"), Ok(None));
    }

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
                ended_at: None,
                breakout_of: None,
                updated_at: None,
            }
        );
    }

    /// S1-22.
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
    fn attendance_stands_within_and_counts_beside_the_detail_and_is_read_as_given() {
        let row = |detail: Value, beside: Value| {
            let mut body = json!({"id": "P1", "attributes": {"email": "ana@example.org", "registrant_detail": {"session_id": "S1"}}});
            for (into, more) in [("/attributes/registrant_detail", detail), ("/attributes", beside)] {
                let map = body.pointer_mut(into).unwrap().as_object_mut().unwrap();
                map.extend(more.as_object().unwrap().clone());
            }
            person(&At::root(&body).unwrap(), 0, Secrets::default())
        };
        // 181 s in a session of 91 s with a rate of 100, as in the vendor's own sample (S1-18).
        let read = row(
            json!({"attended": true, "attendance_rate": 100, "attendance_duration": 181}),
            json!({"messages_count": 3, "questions_count": "1", "votes_count": null}),
        );
        let expected = Attendance {
            attended: true,
            rate: Some("100".into()),
            duration: Some(181),
            messages: 3,
            questions: 1,
            ..Attendance::default()
        };
        assert_eq!(read.map(|row| (row.attendance, row.replay)), Ok((expected, None)));
        // Each count is another, so that none can stand in the place of another one.
        let counts = json!({"messages_count": 3, "questions_count": "1", "votes_count": 5, "up_votes_count": "7"});
        let read = row(json!({"attended": true}), counts).unwrap().attendance;
        assert_eq!((read.messages, read.questions, read.votes, read.up_votes), (3, 1, 5, 7));
        let read =
            row(json!({"attended": false, "attendance_rate": "12.5", "attendance_duration": 1.9}), json!({})).unwrap();
        assert_eq!(
            (read.attendance.attended, read.attendance.rate.as_deref(), read.attendance.duration),
            (false, Some("12.5"), Some(1))
        );
        for at in [json!(1_760_090_000), json!("2025-10-10T09:53:20Z"), json!(1_760_090_000_000_u64)] {
            let read =
                row(json!({"has_viewed_replay": true}), json!({"replay_view_detail": {"watched_at": at}})).unwrap();
            assert_eq!(read.replay, Some(ReplayView { watched_at: Some(1_760_090_000_000) }));
        }
        let seen = row(json!({"has_viewed_replay": true}), json!({"replay_view_detail": null})).unwrap();
        assert_eq!(seen.replay, Some(ReplayView { watched_at: None }));
        let wrong = row(json!({"attendance_duration": "long"}), json!({})).unwrap_err();
        assert_eq!(wrong.place, "/attributes/registrant_detail/attendance_duration");
    }

    /// S1-21: what lets anybody join as that person is taken by explicit choice alone.
    #[test]
    fn a_secret_is_read_where_it_was_asked_for_by_name_and_nowhere_else() {
        let body = json!({"id": "P1", "attributes": {"email": "ana@example.org", "registrant_detail": {"session_id": "S1",
            "password_key": "k", "connection_link": "https://app.livestorm.co/p/E1/live?key=k"}}});
        let read = |secrets| person(&At::root(&body).unwrap(), 0, secrets).unwrap().registration.values;
        assert!(read(Secrets::default()).is_empty());
        let link = read(Secrets { connection_link: true, password_key: false });
        assert_eq!(link.names(), ["secret.connection_link"]);
    }

    /// S1-15.
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
