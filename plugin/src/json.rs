//! JSON from outside: parsed with a bound on its depth, read with the place of whatever is wrong.
//!
//! Invariant: no input, however made, overflows the guest's stack of 64 KiB; what nests deeper than `DEPTH_MAX` is refused
//! before it is parsed.

use serde_json::{Map, Value};

/// Levels of arrays and objects. The deepest body of any of the three providers has 7.
pub const DEPTH_MAX: usize = 32;

/// Parses, or says what is wrong and where.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let depth = depth(bytes);
    if depth > DEPTH_MAX {
        return Err(format!("nested {depth} levels deep, at most {DEPTH_MAX} are read"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        // Said here and not by the library, whose texts for every case are two kilobytes of the component.
        let what = if error.is_eof() { "it ends too early" } else { "a character does not belong there" };
        format!("{what} (line {line}, column {column})")
    })
}

/// An object with these fields.
pub fn object(fields: Vec<(&str, Value)>) -> Value {
    let mut map = Map::new();
    for (name, value) in fields {
        map.insert(name.into(), value);
    }
    Value::Object(map)
}

/// Written without blanks.
pub fn text(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        match (quoted, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'[' | b'{') => {
                now += 1;
                most = most.max(now);
            }
            (false, b']' | b'}') => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// What a value is, for people.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Something that a reader needed was not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer.
    pub place: String,
    pub wanted: &'static str,
    pub found: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} was expected, found {}", self.place, self.wanted, self.found)
    }
}

/// An object and where it stands.
#[derive(Clone)]
pub struct At<'a> {
    pub place: String,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> At<'a> {
    pub fn root(value: &'a Value) -> Result<Self, Problem> {
        match value {
            Value::Object(map) => Ok(At { place: String::new(), map: Some(map) }),
            other => Err(Problem { place: "/".into(), wanted: "an object", found: kind(other).into() }),
        }
    }

    /// An object that stands somewhere else than under a name.
    pub fn within(value: &'a Value, place: &str) -> Result<Self, Problem> {
        At::root(value)
            .map(|at| At { place: place.into(), ..at })
            .map_err(|problem| Problem { place: place.into(), ..problem })
    }

    /// The value of a name; null and absent are the same.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.and_then(|map| map.get(name)).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn problem(&self, name: &str, wanted: &'static str) -> Problem {
        let found = self.get(name).map_or("nothing".to_string(), |value| kind(value).to_string());
        Problem { place: format!("{}/{name}", self.place), wanted, found }
    }

    /// The object of a name. Absent and null read like an empty one, so that what is missing is told at its own place.
    pub fn object(&self, name: &str) -> Result<At<'a>, Problem> {
        let place = format!("{}/{name}", self.place);
        match self.get(name) {
            None => Ok(At { place, map: None }),
            Some(Value::Object(map)) => Ok(At { place, map: Some(map) }),
            Some(_) => Err(self.problem(name, "an object")),
        }
    }

    /// A text that must be there. Numbers are taken as text: ids of either kind occur.
    pub fn text(&self, name: &str) -> Result<String, Problem> {
        match self.get(name).and_then(scalar) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.problem(name, "a text")),
        }
    }

    /// A text that may be missing; of a wrong type it is as good as missing.
    pub fn text_or_none(&self, name: &str) -> Option<String> {
        self.get(name).and_then(scalar).map(|text| text.trim().to_string()).filter(|text| !text.is_empty())
    }

    pub fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.into_iter().flatten()
    }
}

/// A text, number or boolean as text.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_too_deep_is_refused_before_it_is_parsed() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err_and(|why| why.contains("100000 levels")));
        let deep = format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(parse(deep.as_bytes()).is_ok());
        assert!(parse(format!("[{deep}]").as_bytes()).is_err());
    }

    #[test]
    fn brackets_within_a_text_do_not_nest() {
        assert_eq!(depth(br#"{"a":"[[[[\"[[","b":[1]}"#), 2);
    }

    #[test]
    fn a_wrong_type_is_told_with_its_place() {
        let value: Value = serde_json::json!({"data": {"attributes": {"created_at": []}}});
        let attributes = At::root(&value).unwrap().object("data").unwrap().object("attributes").unwrap();
        let problem = attributes.text("created_at").unwrap_err();
        assert_eq!(problem.to_string(), "/data/attributes/created_at: a text was expected, found an array");
        assert_eq!(
            attributes.text("id").unwrap_err().to_string(),
            "/data/attributes/id: a text was expected, found nothing"
        );
    }
}
