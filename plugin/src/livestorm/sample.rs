//! The person whom a body is about, with all that it says of them: for the preview of a mapping. A webhook of either dialect,
//! or a row of the REST API.

use super::{
    admit::Wanted,
    resources::{self, PersonRow},
    webhook_json_api, webhook_legacy,
};
use crate::{
    host::Delivery,
    json::{self, At, Problem},
    mapping::source_path::Occasion,
    settings::Settings,
    values::Values,
};

#[derive(Debug, PartialEq)]
pub struct Sample {
    pub values: Values,
    /// What the body tells of.
    pub occasions: Vec<Occasion>,
}

pub fn of(delivery: &Delivery, settings: &Settings) -> Result<Sample, String> {
    let value = json::parse(&delivery.body)?;
    let wanted = Wanted::new(settings);
    let row = At::root(&value).and_then(|body| {
        if body.has("webinar") { legacy(&body, delivery, &wanted) } else { rest(&body, delivery, &wanted) }
    });
    let (row, has_attendance) = row.map_err(|problem| problem.to_string())?;
    let PersonRow { registration, attendance, replay } = row;
    let mut sample = Sample { values: registration.values, occasions: vec![Occasion::Registered] };
    if let Some(email) = &registration.email {
        sample.values.insert("person.email", email.as_str().into());
    }
    sample.values.insert("session.id", registration.session.to_string());
    for (source, text) in [("event.id", &registration.event_id), ("event.title", &registration.event_title)] {
        if let Some(text) = text {
            sample.values.insert(source, text.clone());
        }
    }
    if has_attendance {
        attendance.put(&mut sample.values);
        sample.occasions.push(Occasion::Ended);
    }
    if let Some(replay) = replay {
        replay.put(&mut sample.values);
        sample.occasions.push(Occasion::Watched);
    }
    Ok(sample)
}

/// A resource of type `people`, whatever tells of it. Of attendance, unless it was only just registered.
fn rest(body: &At<'_>, delivery: &Delivery, wanted: &Wanted<'_>) -> Result<(PersonRow, bool), Problem> {
    let resource = resources::resource(body)?;
    webhook_json_api::of_type(&resource, "people")?;
    let event = resource.object("meta")?.object("webhook")?.text_or_none("event");
    let row = resources::person(&resource, delivery.received_at, wanted.secrets)?;
    let has_attendance = event.as_deref() != Some("people.registered");
    Ok((row, has_attendance))
}

/// `attendee`, or the first of `attendees` when an event has ended.
fn legacy(body: &At<'_>, delivery: &Delivery, wanted: &Wanted<'_>) -> Result<(PersonRow, bool), Problem> {
    let webinar = body.object("webinar")?;
    let (attendee, has_attendance) = match webinar.get("attendees").and_then(|all| all.get(0)) {
        Some(first) => (At::within(first, "/webinar/attendees/0")?, true),
        None if body.has("attendee") => (body.object("attendee")?, false),
        None => return Err(body.problem("attendee", "a person")),
    };
    let registration = webhook_legacy::registration(&attendee, &webinar, delivery.received_at, wanted)?;
    let attendance = resources::attendance(&attendee, &attendee, "is_attendance")?;
    Ok((PersonRow { registration, attendance, replay: None }, has_attendance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::fixtures;

    fn sample(body: &str) -> Result<Sample, String> {
        let delivery = Delivery {
            source: "livestorm".into(),
            headers: vec![],
            body: body.into(),
            received_at: 0,
            verified: false,
        };
        of(&delivery, &Settings::default())
    }

    /// S1-18, S1-19, S1-23.
    #[test]
    fn every_body_about_a_person_is_a_sample() {
        let registrant = sample(fixtures::NEW_REGISTRANT).unwrap();
        assert_eq!(registrant.occasions, [Occasion::Registered]);
        assert_eq!(registrant.values["fields.first_name"], "John");
        assert_eq!(registrant.values["registration.ip_city"], "Paris");
        assert_eq!(registrant.values["event.title"], "Product demo");
        let attendee = sample(fixtures::EVENT_ENDS).unwrap();
        assert_eq!(attendee.occasions, [Occasion::Registered, Occasion::Ended]);
        for (source, expected) in [
            ("attendance.attended", "true"),
            ("attendance.rate", "100"),
            ("attendance.duration", "181"),
            ("attendance.messages", "0"),
            ("attendance.questions", "0"),
            ("attendance.votes", "0"),
            ("attendance.up_votes", "0"),
            // In the link of this body stands another address.
            ("person.email", "john@doe.com"),
        ] {
            assert_eq!(attendee.values[source], expected, "{source}");
        }
        let row = r#"{"id":"P1","type":"people","attributes":{"email":"ana@example.org","registrant_detail":{"session_id":"S1",
            "has_viewed_replay":true}}}"#;
        assert_eq!(sample(row).unwrap().occasions, [Occasion::Registered, Occasion::Ended, Occasion::Watched]);
    }

    /// S1-20.
    #[test]
    fn where_somebody_came_from_and_with_what_is_a_source() {
        let mut body: serde_json::Value = serde_json::from_str(fixtures::NEW_REGISTRANT).unwrap();
        for name in ["referrer", "utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"] {
            body["attendee"][name] = format!("the {name}").into();
        }
        let values = sample(&body.to_string()).unwrap().values;
        for (source, expected) in [
            ("referrer", "the referrer"),
            ("utm.source", "the utm_source"),
            ("utm.medium", "the utm_medium"),
            ("utm.term", "the utm_term"),
            ("utm.content", "the utm_content"),
            ("utm.campaign", "the utm_campaign"),
            ("registration.browser_name", "Chrome"),
            ("registration.browser_version", "90.0.4430.93"),
            ("registration.os_name", "Macintosh"),
            ("registration.os_version", "10.15.7"),
            ("registration.screen_width", "1440"),
            ("registration.screen_height", "900"),
            ("registration.ip_city", "Paris"),
            ("registration.ip_country_code", "FR"),
            ("registration.ip_country_name", "France"),
        ] {
            assert_eq!(values[source], expected, "{source}");
        }
    }

    #[test]
    fn every_other_body_is_told_by_what_is_missing() {
        for body in [fixtures::EVENT_CREATED, fixtures::SESSION_CREATED, fixtures::EVENT_PUBLISHED, "{}", "[]", "{"] {
            assert!(sample(body).is_err(), "{body}");
        }
        let why = sample(fixtures::SESSION_CREATED).unwrap_err();
        assert_eq!(why, "/data/type: people was expected, found \"sessions\"");
    }
}
