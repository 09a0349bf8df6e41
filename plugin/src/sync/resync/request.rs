//! What is asked for. Promises: nothing is read before it is understood, and what is wrong says what it should be.

use super::super::Halt;
use crate::{
    domain::{email::Email, session::SessionId},
    host::FailureClass,
    json,
    stop::Doing,
    text::fit,
};
use serde_json::Value;

pub const SCHEMA: &str = include_str!("parameters.schema.json");

#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Session(SessionId),
    Person(Email),
}

pub fn read(text: &str) -> Result<Request, Halt> {
    let value = json::parse(text.as_bytes()).map_err(|why| wrong(&format!("They are not JSON ({why})")))?;
    let Value::Object(fields) = value else { return Err(wrong("They are no JSON object")) };
    let mut fields = fields.iter();
    let (Some((name, value)), None) = (fields.next(), fields.next()) else {
        return Err(wrong("One of `session` and `person` is to be given, and nothing else"));
    };
    let text = value.as_str().unwrap_or_default();
    let not = |what: &str| wrong(&format!("`{name}` is {}, which is no {what}", fit(&json::text(value), 60)));
    match name.as_str() {
        "session" => SessionId::parse(text).map(Request::Session).map_err(|_| not("id of a session")),
        // Nothing of it is quoted: it may be an address all the same.
        "person" => Email::parse(text).map(Request::Person).map_err(|_| wrong("`person` is no address")),
        name => Err(wrong(&format!("There is no parameter `{}`", fit(name, 64)))),
    }
}

fn wrong(why: &str) -> Halt {
    let doing = Doing { what: "begin a new reading", whom: "the Livestorm workspace" };
    let why = format!("{why}. Nothing was read or written.");
    let remedy = "Give `session` with the id of a session in Livestorm, or `person` with an address (ana@example.org).";
    Halt::Stop(doing.failed(FailureClass::Invalid, &why, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    #[test]
    fn a_request_is_a_session_or_a_person() {
        let session = Request::Session(SessionId::parse("S1").unwrap());
        let person = Request::Person(Email::parse("ana@example.org").unwrap());
        assert_eq!(read(r#"{"session": "S1"}"#), Ok(session));
        assert_eq!(read(r#"{"person": "Ana@Example.org"}"#), Ok(person));
    }

    #[test]
    fn what_is_wrong_says_what_it_should_be() {
        let rows = [
            ("", "not JSON"),
            ("[]", "no JSON object"),
            ("{}", "One of `session` and `person`"),
            (r#"{"session": "S1", "person": "ana@example.org"}"#, "One of `session` and `person`"),
            (r#"{"event": "E1"}"#, "no parameter `event`"),
            (r#"{"session": "../users"}"#, "`session` is \"../users\", which is no id of a session"),
            (r#"{"session": 7}"#, "`session` is 7, which is no id"),
            (r#"{"person": "ana at example"}"#, "`person` is no address"),
        ];
        for (text, expected) in rows {
            let Err(Halt::Stop(Stop::Failed(failure))) = read(text) else { panic!("{text}") };
            assert_eq!(failure.class, FailureClass::Invalid);
            assert!(failure.problem.contains(expected) && failure.remedy.contains("ana@example.org"), "{failure:?}");
        }
    }
}
