//! What a back-fill is asked with. Promises: nothing is read before it is understood, and what is wrong names the parameter and what
//! it should be.

use super::super::Halt;
use crate::{
    calendar::{self, moment},
    domain::session::SessionId,
    host::{FailureClass, Instant},
    json,
    stop::Doing,
    text::fit,
};
use serde_json::Value;

pub const SCHEMA: &str = include_str!("parameters.schema.json");

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub since: Instant,
    pub event: Option<String>,
}

pub fn read(text: &str, now: Instant) -> Result<Request, Halt> {
    let value = json::parse(text.as_bytes()).map_err(|why| wrong(&format!("They are not JSON ({why})")))?;
    let Value::Object(fields) = value else { return Err(wrong("They are no JSON object")) };
    if let Some(name) = fields.keys().find(|name| !["since", "event"].contains(&name.as_str())) {
        return Err(wrong(&format!("There is no parameter `{}`", fit(name, 64))));
    }
    let Some(text) = fields.get("since") else { return Err(wrong("`since` is missing")) };
    let since = text.as_str().and_then(since);
    let since = since.ok_or_else(|| wrong(&format!("`since` is {}, which is no date", shown(text))))?;
    if since > now {
        return Err(wrong(&format!("`since` is {}, which lies in the future", moment(since))));
    }
    let event = match fields.get("event") {
        None | Some(Value::Null) => None,
        // As plain as the id of a session: it stands in an address.
        Some(id) => match id.as_str().map(|id| SessionId::parse(id).map(String::from)) {
            Some(Ok(id)) => Some(id),
            _ => return Err(wrong(&format!("`event` is {}, which is no id of an event", shown(id)))),
        },
    };
    Ok(Request { since, event })
}

fn since(text: &str) -> Option<Instant> {
    match text.len() {
        10 => calendar::parse(&format!("{text}T00:00:00Z")),
        _ => calendar::parse(text),
    }
}

fn shown(value: &Value) -> String {
    fit(&json::text(value), 60)
}

fn wrong(why: &str) -> Halt {
    let doing = Doing { what: "fill in past sessions", whom: "the Livestorm workspace" };
    let why = format!("{why}. Nothing was read or written.");
    let remedy = "Give `since` as a date that is past (2026-11-01, or 2026-11-01T08:00:00Z), and where only one event is meant \
                  `event` with its id in Livestorm.";
    Halt::Stop(doing.failed(FailureClass::Invalid, &why, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    const NOW: Instant = 1_795_359_600_000;

    #[test]
    fn a_request_is_a_date_and_perhaps_an_event() {
        let midnight = 1_795_305_600_000;
        let rows = [
            (r#"{"since": "2026-11-22"}"#, Request { since: midnight, event: None }),
            (r#"{"since": "2026-11-22T01:00:00+01:00", "event": null}"#, Request { since: midnight, event: None }),
            (r#"{"since": "2026-11-22T15:00:00Z", "event": "E1"}"#, Request { since: NOW, event: Some("E1".into()) }),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text, NOW), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_names_the_parameter_and_what_it_should_be() {
        let rows = [
            ("", "not JSON"),
            ("[]", "no JSON object"),
            ("{}", "`since` is missing"),
            (r#"{"since": "soon"}"#, "`since` is \"soon\", which is no date"),
            (r#"{"since": 1795359600}"#, "`since` is 1795359600, which is no date"),
            (r#"{"since": "2026-13-01"}"#, "no date"),
            (r#"{"since": "2026-11-23"}"#, "`since` is 2026-11-23 00:00 UTC, which lies in the future"),
            (r#"{"since": "2026-11-01", "until": "2026-11-02"}"#, "no parameter `until`"),
            (r#"{"since": "2026-11-01", "event": "../users"}"#, "`event` is \"../users\", which is no id of an event"),
            (r#"{"since": "2026-11-01", "event": 7}"#, "no id of an event"),
        ];
        for (text, expected) in rows {
            let Err(Halt::Stop(Stop::Failed(failure))) = read(text, NOW) else { panic!("{text}") };
            assert_eq!(failure.class, FailureClass::Invalid);
            assert!(failure.problem.contains(expected) && failure.remedy.contains("2026-11-01"), "{failure:?}");
        }
    }
}
