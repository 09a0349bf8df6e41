//! One request taken apart, and answers put together. Promises: percent signs are resolved once, and `+` in a query is
//! a space, as every web framework reads it, so a client that forgets to encode a `+` is found out.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

pub type Answer = http::Response<Vec<u8>>;

/// The three services that stand behind one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    Livestorm,
    Salesforce,
    AccountEngagement,
}

impl Api {
    pub const ALL: [Api; 3] = [Api::Livestorm, Api::Salesforce, Api::AccountEngagement];

    pub fn name(self) -> &'static str {
        match self {
            Api::Livestorm => "livestorm",
            Api::Salesforce => "salesforce",
            Api::AccountEngagement => "account-engagement",
        }
    }

    /// Each has a path of its own, so that one port serves all three.
    pub fn of(segments: &[String]) -> Option<Api> {
        match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["v1", ..] | ["oauth", "authorize" | "token"] => Some(Api::Livestorm),
            ["services", "oauth2" | "data", ..] | ["id", ..] => Some(Api::Salesforce),
            // Below `api`, whatever the version; the second are the public addresses of its forms.
            ["api", ..] | ["l", _, _, _] => Some(Api::AccountEngagement),
            _ => None,
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many requests to this API are being served, this one included. Only a server can know; in the process a request
/// is over before the next begins.
#[derive(Clone, Copy, Debug)]
pub struct InFlight(pub usize);

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// As it was sent, without the query.
    pub path: String,
    /// The path's segments, decoded. A slash at the end makes no segment.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub in_flight: Option<usize>,
    /// Bytes of path and query, as they were sent.
    pub target_length: usize,
}

impl Call {
    pub fn new(request: http::Request<Vec<u8>>) -> Call {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let segments = path.split('/').filter(|s| !s.is_empty()).map(|s| decode(s, false)).collect();
        Call {
            method: head.method,
            segments,
            path,
            query: pairs(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
            target_length: head.uri.path_and_query().map_or(0, |target| target.as_str().len()),
            in_flight: head.extensions.get::<InFlight>().map(|InFlight(count)| *count),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The token after `Bearer `, whatever the case of that word (RFC 9110, section 11.1).
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The pairs of a form body.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }

    pub fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key, true), decode(value, true)))
        .collect()
}

fn decode(text: &str, plus_is_space: bool) -> String {
    let text = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// What may stand in a query unencoded.
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn answer(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_header(answer, header::CONTENT_TYPE.as_str(), content_type)
}

pub fn json(status: u16, content_type: &str, body: &Value) -> Answer {
    answer(status, content_type, body.to_string().into_bytes())
}

pub fn no_content() -> Answer {
    let mut answer = Answer::new(vec![]);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// A name or value that HTTP cannot carry is left out: fault plans are written by people.
pub fn with_header(mut answer: Answer, name: &str, value: &str) -> Answer {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_in_a_query_is_a_space_and_in_a_path_a_plus() {
        let request = http::Request::get("http://x.test/v1/a+b%2F?filter%5Bemail%5D=a+b%2Bc@d&x").body(vec![]).unwrap();
        let call = Call::new(request);
        assert_eq!(call.segments, ["v1", "a+b/"]);
        assert_eq!(call.param("filter[email]"), Some("a b+c@d"));
        assert_eq!(call.param("x"), Some(""));
        assert_eq!(call.target_length, "/v1/a+b%2F?filter%5Bemail%5D=a+b%2Bc@d&x".len());
    }

    #[test]
    fn the_path_decides_the_api() {
        let rows = [
            ("/v1/events", Some(Api::Livestorm)),
            ("/oauth/token", Some(Api::Livestorm)),
            ("/services/oauth2/token", Some(Api::Salesforce)),
            ("/services/data/v62.0/query", Some(Api::Salesforce)),
            ("/id/00D/005", Some(Api::Salesforce)),
            ("/api/v5/objects/lists", Some(Api::AccountEngagement)),
            ("/l/900001/2026-11-23/1b59f", Some(Api::AccountEngagement)),
            ("/l/900001/2026-11-23", None),
            ("/api/prospect/version/4/do/query", Some(Api::AccountEngagement)),
            ("/", None),
        ];
        for (path, api) in rows {
            let call = Call::new(http::Request::get(path).body(vec![]).unwrap());
            assert_eq!(Api::of(&call.segments), api, "{path}");
        }
    }
}
