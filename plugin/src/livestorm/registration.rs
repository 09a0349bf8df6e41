//! Registers one person for a session, as somebody who came by another form than Livestorm's.
//!
//! Promises: who is registered already is registered; an answer that the form does not ask for is left out and the rest is sent;
//! every refusal ends with what to do about it. Not here: whom, and with which answers (`flow/form_submitted.rs`).

use super::{
    calls::{REGISTER, SESSION_PEOPLE},
    errors::{Verdict, person, read_all, verdict, words},
    resources::{self, Secrets},
};
use crate::{
    domain::{email::Email, registrant::Registration, session::SessionId},
    host::{FailureClass, HttpError, Instant, MINUTE, Response},
    json::{self, At},
    settings::EMAIL,
    stop::{Doing, Stop, for_http},
    text::lower,
    work::Work,
};
use serde_json::Value;

/// Answers that lead to a question, in the order of the settings.
pub type Answers = Vec<(String, Value)>;

#[derive(Debug, PartialEq)]
pub enum Registered {
    /// With what Livestorm says of the person, where that can be read.
    Now(Option<Box<Registration>>),
    /// It was so before.
    Before(Option<Box<Registration>>),
    /// A dry run.
    Planned,
}

/// `refused` takes the questions that this session's form does not ask, or whose answer it does not take, with Livestorm's words.
pub async fn register(
    work: &Work<'_>,
    session: &SessionId,
    email: &Email,
    mut answers: Answers,
    secrets: Secrets,
    refused: &dyn Fn(&str, &str),
    doing: &Doing<'_>,
) -> Result<Registered, Stop> {
    loop {
        let body = body(email, &answers);
        let answer = work.send(REGISTER.request(&[session.as_str()], &[], Some(&body))).await;
        let now = work.now();
        let response = match answer {
            Ok(response) => response,
            Err(HttpError::DryRun) => return Ok(Registered::Planned),
            Err(error) => return Err(for_http(&error, now, doing)),
        };
        let said = words(&response);
        match means(&response) {
            Means::Registered => return Ok(Registered::Now(told(&response.body, session, email, now, secrets))),
            Means::Already => return Ok(Registered::Before(row(work, session, email, secrets, doing).await?)),
            // Answers get fewer with every turn, so there is an end.
            Means::NotTaken(field) if answers.iter().any(|(id, _)| *id == field) => {
                refused(&field, &said);
                answers.retain(|(id, _)| *id != field);
            }
            other => return Err(stop(&other, &said, now, doing)),
        }
    }
}

/// Only `data.attributes.fields`: what else stands in the body is ignored.
fn body(email: &Email, answers: &Answers) -> Value {
    let field = |id: &str, value: Value| json::object(vec![("id", id.into()), ("value", value)]);
    let mut fields = vec![field(EMAIL, email.as_str().into())];
    fields.extend(answers.iter().map(|(id, value)| field(id, value.clone())));
    let attributes = json::object(vec![("fields", fields.into())]);
    json::object(vec![("data", json::object(vec![("type", "people".into()), ("attributes", attributes)]))])
}

#[derive(Debug, PartialEq)]
enum Means {
    Registered,
    Already,
    /// The answer to this question.
    NotTaken(String),
    Address,
    /// 402.
    Allowance,
    NotAllowed,
    SessionGone,
    /// A rule of the session: it is over or cancelled.
    Rule,
    Later,
    NotUnderstood,
}

/// What Livestorm's own bulk registration is matched by.
const ALREADY: [&str; 4] =
    ["already been invited", "already registered", "has already been taken", "already been registered"];

/// <https://developers.livestorm.co/docs/requests> says 409 of who is registered already; a client of 2021 saw 422. That a
/// question is not asked is told by a text whose status is nowhere said.
fn means(response: &Response) -> Means {
    let said = String::from_utf8_lossy(&response.body);
    let (small, status) = (lower(&said), response.status);
    match status {
        200..=299 => Means::Registered,
        409 => Means::Already,
        400 | 422 if ALREADY.iter().any(|text| small.contains(text)) => Means::Already,
        400 | 422 => match said.split("The field '").nth(1).and_then(|rest| rest.split_once('\'')) {
            Some((EMAIL, _)) => Means::Address,
            Some((field, _)) => Means::NotTaken(field.into()),
            None if status == 422 => Means::Rule,
            None => Means::NotUnderstood,
        },
        402 => Means::Allowance,
        _ => match verdict(status) {
            Verdict::NotAllowed => Means::NotAllowed,
            Verdict::Unknown => Means::SessionGone,
            Verdict::SlowDown | Verdict::Later => Means::Later,
            Verdict::Fine | Verdict::Bug => Means::NotUnderstood,
        },
    }
}

fn stop(means: &Means, said: &str, now: Instant, doing: &Doing<'_>) -> Stop {
    let said_so = format!("{said}.");
    let (class, remedy) = match means {
        Means::Later => return doing.later(now + MINUTE, said),
        Means::NotUnderstood | Means::Registered | Means::Already => return doing.bug(&said_so),
        Means::NotTaken(_) => (
            FailureClass::NeedsAttention,
            "See in Livestorm what the event's registration form wants, and in the settings under /answers what it is told; then \
             retry.",
        ),
        Means::Address => (
            FailureClass::Invalid,
            "Livestorm does not take this address. Correct it where the form has put it, or have the person submit the form again.",
        ),
        Means::Allowance => (
            FailureClass::NeedsAttention,
            "The active contacts of the month are used up in Livestorm. Have the allowance raised, or wait for the next month; then \
             retry.",
        ),
        Means::NotAllowed => (
            FailureClass::NeedsAttention,
            "Give the Livestorm token write access to Events (scope events:write; Account settings > Apps > API), then retry.",
        ),
        Means::SessionGone => (
            FailureClass::NeedsAttention,
            "Livestorm does not know the session: see whether it was deleted. Take its form off the web site, or tie it to the \
             campaign of another session; this person has to be told.",
        ),
        Means::Rule => (
            FailureClass::NeedsAttention,
            "See whether the session is over or cancelled: then take its form off the web site, or tie it to the campaign of another \
             session, and tell this person. Otherwise retry.",
        ),
    };
    doing.failed(class, &said_so, remedy)
}

/// The person in the answer to a registration; nothing where it cannot be told from it.
fn told(body: &[u8], session: &SessionId, email: &Email, now: Instant, secrets: Secrets) -> Option<Box<Registration>> {
    let body = json::parse(body).ok()?;
    let resource = At::root(&body).and_then(|body| resources::resource(&body)).ok()?;
    let registration = resources::registered(&resource, now, secrets).ok()?;
    let is_theirs = registration.session == *session && registration.email.as_ref() == Some(email);
    is_theirs.then(|| Box::new(registration))
}

/// The person's row, read back. What cannot be read is not needed: they are registered.
async fn row(
    work: &Work<'_>,
    session: &SessionId,
    email: &Email,
    secrets: Secrets,
    doing: &Doing<'_>,
) -> Result<Option<Box<Registration>>, Stop> {
    let filter = [("filter[email]", email.as_str())];
    let Ok(rows) = read_all(work, &SESSION_PEOPLE, &[session.as_str()], &filter, doing).await? else {
        return Ok(None);
    };
    let own = rows.iter().find(|row| person(row).is_some_and(|(address, _)| address == *email));
    let Some(own) = own.and_then(|row| At::root(row).ok()) else { return Ok(None) };
    let registration = resources::registered(&own, work.now(), secrets).ok();
    Ok(registration.filter(|registration| registration.session == *session).map(Box::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{TestHost, answer, on_host, unknown};
    use serde_json::json;
    use std::cell::RefCell;

    fn error(detail: &str) -> String {
        json!({"errors": [{"title": "Wrong", "detail": detail}]}).to_string()
    }

    #[test]
    fn every_answer_means_something() {
        let closed = error("This session doesn't accept registrations anymore");
        let rows = [
            (201, "{}".to_string(), Means::Registered),
            (409, "{}".into(), Means::Already),
            (422, error("ana@example.org has Already been registered"), Means::Already),
            (400, error("Email has already been taken"), Means::Already),
            (422, error("The field 'job_title' doesn't exist"), Means::NotTaken("job_title".into())),
            (400, error("The field 'topics' must be a text or a list of texts"), Means::NotTaken("topics".into())),
            (422, error("The field 'email' is invalid"), Means::Address),
            (422, closed, Means::Rule),
            (402, error("You have used all active contacts"), Means::Allowance),
            (401, "{}".into(), Means::NotAllowed),
            (403, "{}".into(), Means::NotAllowed),
            (404, "{}".into(), Means::SessionGone),
            (429, String::new(), Means::Later),
            (503, "<html>".into(), Means::Later),
            (400, "{}".into(), Means::NotUnderstood),
            (418, "{}".into(), Means::NotUnderstood),
        ];
        for (status, body, expected) in rows {
            assert_eq!(
                means(&Response { status, headers: vec![], body: body.clone().into() }),
                expected,
                "{status} {body}"
            );
        }
    }

    fn registered(answers: &'static [(u16, &'static str)]) -> (TestHost, Result<Registered, Stop>, Vec<String>) {
        let left = RefCell::new(answers.iter());
        let host = TestHost::new(1_000, move |request| match left.borrow_mut().next() {
            Some((0, _)) => unknown(),
            Some((status, body)) => answer(*status, body),
            None => panic!("{request:?}"),
        });
        let refused = RefCell::new(Vec::new());
        let end = on_host(&host, async |work| {
            let (session, email) = (SessionId::parse("S1").unwrap(), Email::parse("ana@example.org").unwrap());
            let answers = vec![("company".to_string(), json!("Example")), ("topics".into(), json!(["x", "y"]))];
            let refused = |field: &str, _: &str| refused.borrow_mut().push(field.to_string());
            let doing = Doing { what: "register", whom: "ana@example.org" };
            register(work, &session, &email, answers, Secrets::default(), &refused, &doing).await
        });
        (host, end, refused.into_inner())
    }

    #[test]
    fn an_answer_that_the_form_does_not_ask_for_is_left_out_and_the_rest_is_sent() {
        let (host, end, refused) = registered(&[
            (422, r#"{"errors":[{"detail":"The field 'company' doesn't exist"}]}"#),
            (400, r#"{"errors":[{"detail":"The field 'topics' doesn't exist"}]}"#),
            (201, "{}"),
        ]);
        assert_eq!((end, refused), (Ok(Registered::Now(None)), vec!["company".to_string(), "topics".into()]));
        let bodies: Vec<Value> = host
            .requests()
            .iter()
            .map(|request| serde_json::from_slice(&request.body.as_ref().unwrap().bytes).unwrap())
            .collect();
        let email = json!({"id": "email", "value": "ana@example.org"});
        let topics = json!({"id": "topics", "value": ["x", "y"]});
        let of = |fields: Value| json!({"data": {"type": "people", "attributes": {"fields": fields}}});
        let all = json!([email, {"id": "company", "value": "Example"}, topics]);
        assert_eq!(bodies, [of(all), of(json!([email, topics])), of(json!([email]))]);
    }

    #[test]
    fn who_is_registered_already_is_registered_and_read_back_where_that_can_be() {
        const ROW: &str = r#"{"data":[{"id":"P1","type":"people","attributes":{"email":"Ana@example.org","role":"participant",
            "registrant_detail":{"session_id":"S1","created_at":7}}}],"meta":{"next_page":null}}"#;
        let (_, end, _) = registered(&[(409, "{}"), (200, ROW)]);
        let Ok(Registered::Before(Some(registration))) = end else { panic!("{end:?}") };
        assert_eq!((registration.person(), registration.registered_at), ("ana@example.org", Some(7_000)));
        for instead in [(403, "{}"), (200, r#"{"data":[]}"#)] {
            let answers = Box::leak(Box::new([(422, r#"{"errors":[{"detail":"already registered"}]}"#), instead]));
            assert_eq!(registered(answers).1, Ok(Registered::Before(None)));
        }
        assert!(matches!(registered(&[(409, "{}"), (503, "")]).1, Err(Stop::Later(_))));
    }

    #[test]
    fn every_refusal_says_what_to_do_and_what_passes_is_waited_for() {
        let rows = [
            (402, "{}", FailureClass::NeedsAttention, "active contacts"),
            (403, "{}", FailureClass::NeedsAttention, "events:write"),
            (404, "{}", FailureClass::NeedsAttention, "deleted"),
            (422, r#"{"errors":[{"detail":"It is over"}]}"#, FailureClass::NeedsAttention, "over or cancelled"),
            (
                422,
                r#"{"errors":[{"detail":"The field 'x' can't be blank"}]}"#,
                FailureClass::NeedsAttention,
                "/answers",
            ),
            (400, r#"{"errors":[{"detail":"The field 'email' is invalid"}]}"#, FailureClass::Invalid, "address"),
            (400, "{}", FailureClass::Bug, "makers"),
        ];
        for (status, body, class, remedy) in rows {
            let (_, end, _) = registered(Box::leak(Box::new([(status, body)])));
            let Err(Stop::Failed(failure)) = end else { panic!("{status}: {end:?}") };
            assert_eq!(failure.class, class, "{status}");
            assert!(failure.remedy.contains(remedy) && failure.problem.contains("ana@example.org"), "{failure:?}");
        }
        for (status, body) in [(429, ""), (500, ""), (0, "")] {
            assert!(matches!(registered(Box::leak(Box::new([(status, body)]))).1, Err(Stop::Later(_))), "{status}");
        }
    }
}
