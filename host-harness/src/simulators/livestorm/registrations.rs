//! Registering by the API: one person at a time, changing what they answered, and taking them off.
//! <https://developers.livestorm.co/reference/post_sessions-id-people>.
//!
//! Promises: of the form only `email` must be answered [confirmed]; the answer is the whole person of that session, 201, whose
//! `registration_type` is `API` and who has no browser [confirmed]; what a row does is true at once, and read with the read lag.
//! Which status means what: <https://developers.livestorm.co/docs/requests> (402 allowance, 404 session, 409 exists, 422 rule).
//! Of a public event, whose form does not ask for an address, it may be left out, and the answer carries an anonymous one
//! [confirmed]. Not here: many at once (`jobs.rs`).

use super::{
    Livestorm, NewRegistrant, NotRegistered, Role, Utm,
    bodies::Body,
    errors::{CONTENT_TYPE, Refusal},
    events::USUAL_QUESTIONS,
    filters,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::uuid,
        lagged::Lagged,
        options::Options,
        request::{Answer, Call, json, no_content},
        unknowns::{EndedSession, LivestormUnknowns, Removal},
    },
};
use chrono::Datelike;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A text longer than a database column of the usual kind is no address.
const EMAIL_CHARS_MAX: usize = 255;

/// What a request says of a person: only what it names.
pub(super) struct Answers {
    body: Body,
    /// Id and value, the last of several with one id.
    fields: Vec<(String, Value)>,
    referrer: Option<Option<String>>,
    /// Source, medium, term, content, campaign.
    utm: [Option<Option<String>>; 5],
}

const UTM: [&str; 5] = ["utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"];

impl Answers {
    /// Attributes that are not known are left alone, a top-level `email` among them [confirmed that it is not in the schema].
    pub fn read(mut body: Body) -> Result<Answers, Refusal> {
        let mut fields: Vec<(String, Value)> = vec![];
        for field in body.list("fields")?.unwrap_or_default() {
            let (id, value) = field_of(&field).map_err(|why| body.wrong(why))?;
            fields.retain(|(known, _)| *known != id);
            fields.push((id, value));
        }
        let named = |name: &str| Ok(body.text(name)?.map(|text| text.map(str::to_owned)));
        let referrer = named("referrer")?;
        let mut utm = [const { None }; 5];
        for (slot, name) in utm.iter_mut().zip(UTM) {
            *slot = named(name)?;
        }
        Ok(Answers { body, fields, referrer, utm })
    }

    fn field(&self, id: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == id).map(|(_, value)| value)
    }

    /// One of the three of every form. A text or nothing.
    fn own(&self, id: &str) -> Result<Option<String>, Refusal> {
        match self.field(id) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(self.body.wrong(format!("The field '{id}' must be a text"))),
        }
    }

    fn email(&self) -> Result<Option<String>, Refusal> {
        let Some(email) = self.own("email")? else { return Ok(None) };
        match is_email(&email) {
            true => Ok(Some(email)),
            false if email.is_empty() => Err(self.blank_email()),
            false => Err(self.body.wrong("The field 'email' is invalid")),
        }
    }

    fn blank_email(&self) -> Refusal {
        self.body.wrong("The field 'email' can't be blank")
    }

    fn asked(&self) -> impl Iterator<Item = &(String, Value)> {
        self.fields.iter().filter(|(id, _)| !USUAL_QUESTIONS.contains(&id.as_str()))
    }

    /// `anonymous` is the address of who gives none, where nobody has to.
    pub fn registrant(self, anonymous: Option<String>) -> Result<NewRegistrant, Refusal> {
        let email = match anonymous {
            Some(anonymous) if self.own("email")?.unwrap_or_default().is_empty() => anonymous,
            _ => self.email()?.ok_or_else(|| self.blank_email())?,
        };
        let [source, medium, term, content, campaign] = self.utm.clone().map(Option::flatten);
        Ok(NewRegistrant {
            email,
            first_name: self.own("first_name")?.unwrap_or_default(),
            last_name: self.own("last_name")?.unwrap_or_default(),
            referrer: self.referrer.clone().flatten(),
            utm: Utm { source, medium, term, content, campaign },
            fields: self.asked().cloned().collect(),
            is_from_api: true,
            ..NewRegistrant::default()
        })
    }
}

/// `{"id", "value"}`, where a value is a text, a list of texts for several choices, null, or a yes or no for a consent.
fn field_of(field: &Value) -> Result<(String, Value), String> {
    let id = field.get("id").and_then(Value::as_str).ok_or("each of the fields must have an id")?;
    let value = field.get("value").cloned().unwrap_or_default();
    let fits = match &value {
        Value::Null | Value::String(_) | Value::Bool(_) => true,
        Value::Array(chosen) => chosen.iter().all(Value::is_string),
        Value::Number(_) | Value::Object(_) => false,
    };
    match fits {
        true => Ok((id.to_owned(), value)),
        false => Err(format!("The field '{id}' must be a text or a list of texts")),
    }
}

pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, domain)| !name.is_empty() && !domain.contains('@'));
    text.chars().count() <= EMAIL_CHARS_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && parts.is_some_and(|(_, domain)| domain.contains('.') && domain.split('.').all(|label| !label.is_empty()))
}

impl NotRegistered {
    pub(super) fn refusal(&self, unknowns: &LivestormUnknowns) -> Refusal {
        match self {
            NotRegistered::NoSession(_) => Refusal::not_found(),
            NotRegistered::Already(_) => Refusal::by_rule(unknowns.already_registered_status, self.to_string()),
            NotRegistered::NoField(_) => Refusal::by_rule(unknowns.unknown_field_status, self.to_string()),
        }
    }
}

impl Livestorm {
    /// By the API, with what the API minds besides. Gives the person's id.
    pub(super) fn register_by_api(
        &mut self,
        session: &str,
        new: NewRegistrant,
        options: &Options,
    ) -> Result<String, Refusal> {
        let unknowns = &options.unknowns.livestorm;
        let open = self.sessions.now(session).ok_or_else(Refusal::not_found)?;
        let over = open.ended_at.is_some() || open.canceled_at.is_some();
        if over && unknowns.ended_session == EndedSession::Refuse {
            return Err(Refusal::by_rule(422, "This session doesn't accept registrations anymore"));
        }
        if let Some(allowed) = options.limits.livestorm_contacts_per_month {
            let active = self.active_contacts();
            let is_active = self.person_id(&new.email).is_some_and(|person| active.contains(person.as_str()));
            if !is_active && active.len() as u64 >= allowed {
                return Err(Refusal::by_rule(402, "You have used all active contacts of this month"));
            }
        }
        self.register(session, new).map_err(|why| why.refusal(unknowns))
    }

    /// Of the next who gives none. Nothing, where the form asks for one. `<epoch>+<uuid>`, as a sample of the vendor's own shows.
    pub(super) fn anonymous_address(&self, session: &str) -> Option<String> {
        let event = self.events.now(&self.sessions.now(session)?.event_id)?;
        let number = self.registrations.get(session).map_or(0, Vec::len);
        let id = uuid("anonymous", &format!("{session}/{number}"));
        (!event.asks_for_email).then(|| format!("{}+{id}@unknown.livestorm.co", self.clock.now().seconds()))
    }

    /// Who has registered for anything in this calendar month [inferred].
    fn active_contacts(&self) -> BTreeSet<&str> {
        let month = |at: Timestamp| (at.utc().year(), at.utc().month());
        let this_month = month(self.clock.now());
        let all = self.registrations.values().flatten().map(Lagged::now);
        let participants = all.filter(|person| person.role == Role::Participant);
        participants
            .filter(|person| month(person.created_at) == this_month)
            .map(|person| person.person_id.as_str())
            .collect()
    }

    fn change_answers(
        &mut self,
        session: &str,
        person: &str,
        new: Answers,
        unknowns: &LivestormUnknowns,
    ) -> Result<(), Refusal> {
        let now = self.clock.now();
        let known = self.registration(session, person).ok_or_else(Refusal::not_found)?;
        let form = self.events.now(&known.event_id).map_or(&[][..], |event| &event.fields);
        let unasked =
            |id: &&String| !USUAL_QUESTIONS.contains(&id.as_str()) && !form.iter().any(|asked| asked.id == **id);
        if let Some(id) = new.fields.iter().map(|(id, _)| id).find(unasked) {
            return Err(NotRegistered::NoField(id.clone()).refusal(unknowns));
        }
        // An address is what a person is found by, so another address is another person [inferred].
        if new.email()?.is_some_and(|email| !email.eq_ignore_ascii_case(&known.email)) {
            return Err(Refusal::by_rule(422, "The field 'email' can't be changed"));
        }
        let (first_name, last_name) = (new.own("first_name")?, new.own("last_name")?);
        self.change_registration(session, person, now, |registration| {
            if let Some(name) = &first_name {
                registration.first_name.clone_from(name);
            }
            if let Some(name) = &last_name {
                registration.last_name.clone_from(name);
            }
            if let Some(referrer) = &new.referrer {
                registration.referrer.clone_from(referrer);
            }
            let utm = &mut registration.utm;
            let slots = [&mut utm.source, &mut utm.medium, &mut utm.term, &mut utm.content, &mut utm.campaign];
            for (slot, value) in slots.into_iter().zip(&new.utm) {
                if let Some(value) = value {
                    slot.clone_from(value);
                }
            }
            for (id, value) in new.asked() {
                registration.fields.retain(|(known, _)| known != id);
                registration.fields.push((id.clone(), value.clone()));
            }
            registration.updated_at = now;
        });
        Ok(())
    }

    /// Off this session or, as a switch says, off all of its event. `false` where they were not on it.
    fn take_off(&mut self, session: &str, person: &str, unknowns: &LivestormUnknowns) -> bool {
        let Some(event) = self.registration(session, person).map(|known| known.event_id.clone()) else { return false };
        let sessions: Vec<String> = match unknowns.removal {
            Removal::Session => vec![session.to_owned()],
            Removal::Event => {
                let all = self.sessions.all().filter(|session| session.event_id == event);
                all.map(|session| session.id.clone()).collect()
            }
        };
        sessions.iter().for_each(|session| {
            self.remove_registrant(session, person);
        });
        true
    }
}

/// `None`: none of these paths.
pub(super) fn route(world: &mut World, call: &Call, segments: &[&str]) -> Option<Result<Answer, Refusal>> {
    Some(match (call.method.as_str(), segments) {
        ("POST", ["v1", "sessions", session, "people"]) => register(world, call, session),
        ("DELETE", ["v1", "sessions", session, "people"]) => remove_by_email(world, call, session),
        ("PATCH", ["v1", "sessions", session, "people", person]) => change(world, call, session, person),
        ("DELETE", ["v1", "sessions", session, "people", person]) => remove(world, session, person),
        _ => return None,
    })
}

/// `POST /v1/sessions/{id}/people`
fn register(world: &mut World, call: &Call, session: &str) -> Result<Answer, Refusal> {
    world.livestorm.sessions.now(session).ok_or_else(Refusal::not_found)?;
    let answers = Answers::read(Body::with_attributes(call, "people", &world.options.unknowns.livestorm)?)?;
    let new = answers.registrant(world.livestorm.anonymous_address(session))?;
    let person = world.livestorm.register_by_api(session, new, &world.options)?;
    shown(world, 201, session, &person)
}

/// `PATCH /v1/sessions/{id}/people/{id}`: what is left out stays [inferred].
fn change(world: &mut World, call: &Call, session: &str, person: &str) -> Result<Answer, Refusal> {
    world.livestorm.registration(session, person).ok_or_else(Refusal::not_found)?;
    let unknowns = world.options.unknowns.livestorm.clone();
    let new = Answers::read(Body::with_attributes(call, "people", &unknowns)?)?;
    world.livestorm.change_answers(session, person, new, &unknowns)?;
    shown(world, 200, session, person)
}

/// As it is now, but for what nobody is told yet.
fn shown(world: &World, status: u16, session: &str, person: &str) -> Result<Answer, Refusal> {
    let mut people = world.livestorm.people_of(session, world.now());
    let known = people.find(|known| known.person_id == person).ok_or_else(Refusal::not_found)?;
    let resource = world.livestorm.person_resource(known, &world.options.unknowns.livestorm);
    Ok(json(status, CONTENT_TYPE, &json!({ "data": resource })))
}

/// `DELETE /v1/sessions/{id}/people?filter[email]=`
fn remove_by_email(world: &mut World, call: &Call, session: &str) -> Result<Answer, Refusal> {
    world.livestorm.sessions.now(session).ok_or_else(Refusal::not_found)?;
    let unknowns = world.options.unknowns.livestorm.clone();
    filters::known(call, &["email"], &unknowns)?;
    let Some(email) = filters::text(call, "email").filter(|email| !email.is_empty()) else {
        return Err(Refusal::bad_request("filter[email] is required"));
    };
    let found =
        world.livestorm.people_of(session, Timestamp::MAX).find(|known| unknowns.email_match.same(email, &known.email));
    let person = found.map(|known| known.person_id.clone()).ok_or_else(Refusal::not_found)?;
    remove(world, session, &person)
}

/// `DELETE /v1/sessions/{id}/people/{id}`
fn remove(world: &mut World, session: &str, person: &str) -> Result<Answer, Refusal> {
    let unknowns = world.options.unknowns.livestorm.clone();
    match world.livestorm.take_off(session, person, &unknowns) {
        true => Ok(no_content()),
        false => Err(Refusal::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_and_a_domain() {
        let long = format!("{}@example.org", "a".repeat(250));
        let rows = [
            ("ana@example.org", true),
            ("a+b.c@sub.example.org", true),
            ("josé@exämple.org", true),
            ("ana", false),
            ("ana@", false),
            ("@example.org", false),
            ("ana@example", false),
            ("ana@example..org", false),
            ("a@b@example.org", false),
            ("a na@example.org", false),
            (long.as_str(), false),
        ];
        for (text, is) in rows {
            assert_eq!(is_email(text), is, "{text}");
        }
    }
}
