//! What may not come out of an answer, and what may not come in with a request. Pure.
//!
//! Providers repeat what they were sent: in error texts, in debugging headers, in the page of a proxy in between. So every known secret
//! of the account is taken out of headers, body and error texts, in the forms in which it is likely to appear: as it is,
//! percent-encoded, and as JSON with escaped slashes. Before injection a request of the guest is searched in the same
//! way: it cannot have a secret, unless something has gone wrong that must not go on.
//!
//! The address that webhooks are sent to has a secret part too, and a guest has to tell the provider the address. So it knows the
//! address with [`IN_ADDRESS`] in the place of the secret, which is filled in where the provider is told, and only there
//! ([`fill`]); in answers it becomes the same again, so that a guest knows its address when it sees it.
//!
//! Not covered: a secret that the provider changes before it repeats it (see README, residual risk).

use super::credentials::Known;
use crate::effect::Request;
use http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub const MARK: &str = "[secret]";
/// Stands for the secret part of the address that webhooks are sent to.
pub const IN_ADDRESS: &str = "{address-secret}";

/// Answer headers that carry credentials or belong to one hop.
const DROPPED: [&str; 15] = [
    "authentication-info",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
    "transfer-encoding",
    "www-authenticate",
    "x-api-key",
    "x-auth-token",
];

/// Each secret in each form, longest first, so that a short form never breaks a longer one. All are ASCII.
struct Forms {
    /// With what comes in its place.
    all: Vec<(String, &'static str)>,
    /// Which bytes a form begins with: an answer of megabytes is passed through once.
    first: [bool; 256],
}

impl Forms {
    fn of(known: &Known) -> Forms {
        let forms = |s: &str| {
            let strict = utf8_percent_encode(s, NON_ALPHANUMERIC).to_string();
            [s.to_owned(), super::pipeline::encode(s), strict, s.replace('/', "\\/")]
        };
        let marked = known.texts().map(|text| (text, MARK)).chain(known.address().map(|text| (text, IN_ADDRESS)));
        let marked = marked.flat_map(|(text, mark)| forms(text).map(|form| (form, mark)));
        let mut all: Vec<(String, &str)> = marked.filter(|(form, _)| !form.is_empty()).collect();
        all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        let mut first = [false; 256];
        all.iter().for_each(|(form, _)| first[usize::from(form.as_bytes()[0])] = true);
        Forms { all, first }
    }

    /// Where the next one begins, its length, and what comes in its place.
    fn find(&self, bytes: &[u8]) -> Option<(usize, usize, &'static str)> {
        bytes.iter().enumerate().filter(|(_, byte)| self.first[usize::from(**byte)]).find_map(|(at, _)| {
            let (form, mark) = self.all.iter().find(|(form, _)| bytes[at..].starts_with(form.as_bytes()))?;
            Some((at, form.len(), *mark))
        })
    }

    fn replace(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(mut found) = self.find(&bytes) else { return bytes };
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = &bytes[..];
        loop {
            let (at, length, mark) = found;
            clean.extend_from_slice(&rest[..at]);
            clean.extend_from_slice(mark.as_bytes());
            rest = &rest[at + length..];
            match self.find(rest) {
                Some(next) => found = next,
                None => break,
            }
        }
        clean.extend_from_slice(rest);
        clean
    }

    fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.replace(text.as_bytes().to_vec())).into_owned()
    }
}

pub(super) fn body(bytes: Vec<u8>, known: &Known) -> Vec<u8> {
    Forms::of(known).replace(without_fields(bytes, known.fields()))
}

/// Without the values of these fields, be they members of their names or `{"id": name, "value": ...}`. What is no JSON has none.
fn without_fields(bytes: Vec<u8>, fields: &[&str]) -> Vec<u8> {
    // Most answers have none, and are not read.
    let may_have = |field: &&&str| bytes.windows(field.len()).any(|window| window == field.as_bytes());
    let fields: Vec<&str> = fields.iter().filter(may_have).copied().collect();
    if fields.is_empty() {
        return bytes;
    }
    let Ok(mut value) = serde_json::from_slice(&bytes) else { return bytes };
    withhold(&mut value, &fields);
    value.to_string().into_bytes()
}

fn withhold(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| withhold(value, fields)),
        Value::Object(members) => {
            let is_one = members.get("id").and_then(Value::as_str).is_some_and(|id| fields.contains(&id));
            for (name, value) in members {
                if fields.contains(&name.as_str()) || is_one && name == "value" {
                    if !value.is_null() {
                        *value = MARK.into();
                    }
                } else {
                    withhold(value, fields);
                }
            }
        }
        _ => {}
    }
}

/// An error text, or any other.
pub(super) fn text(text: &str, known: &Known) -> String {
    Forms::of(known).text(text)
}

/// Lower-case names, in the order in which they came.
pub(super) fn headers(headers: &HeaderMap, known: &Known) -> Vec<(String, String)> {
    let forms = Forms::of(known);
    headers
        .iter()
        .filter(|(name, _)| !DROPPED.contains(&name.as_str()))
        .map(|(name, value)| (forms.text(name.as_str()), forms.text(&String::from_utf8_lossy(value.as_bytes()))))
        .collect()
}

/// A body that tells a provider where to send webhooks, as it goes out.
pub(super) fn fill(body: &[u8], known: &Known) -> Vec<u8> {
    let Some(secret) = known.address() else { return body.to_vec() };
    let secret = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let mut filled = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.windows(IN_ADDRESS.len()).position(|window| window == IN_ADDRESS.as_bytes()) {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(secret.as_bytes());
        rest = &rest[at + IN_ADDRESS.len()..];
    }
    filled.extend_from_slice(rest);
    filled
}

/// Whether a request of the guest has a secret in it.
pub(super) fn carries_secret(request: &Request, known: &Known) -> bool {
    let pairs = request.query.iter().chain(&request.headers).flat_map(|(name, value)| [name, value]);
    let texts = request.path.iter().chain(pairs).chain([&request.purpose, &request.connection]);
    let body = request.body.as_ref();
    let mut places: Vec<&[u8]> = texts.map(|t| t.as_bytes()).collect();
    places.extend(body.map(|b| b.content_type.as_bytes()));
    places.extend(body.map(|b| &b.bytes[..]));
    let forms = Forms::of(known);
    places.iter().any(|place| forms.find(place).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::credentials::{CredentialStore, Secret};
    use super::*;
    use crate::effect::{Body, Method, Repeat};
    use proptest::prelude::*;

    const TOKEN: &str = "00D5!AQ/a+b=.cd";

    fn known() -> Known {
        let store = CredentialStore::in_memory();
        store.put("a", Secret::Token(TOKEN.into())).unwrap();
        store.known("a")
    }

    fn request() -> Request {
        Request {
            connection: "crm".into(),
            method: Method::Post,
            path: vec!["a".into()],
            query: vec![],
            headers: vec![],
            body: None,
            repeat: Repeat::Read,
            purpose: "look".into(),
        }
    }

    #[test]
    fn a_secret_is_taken_out_in_every_form() {
        for form in [TOKEN, "00D5%21AQ%2Fa%2Bb%3D.cd", "00D5%21AQ%2Fa%2Bb%3D%2Ecd", "00D5!AQ\\/a+b=.cd"] {
            let said = format!("<p>bad token {form}, {form}{form}</p>");
            assert_eq!(text(&said, &known()), "<p>bad token [secret], [secret][secret]</p>");
            assert_eq!(body(said.into_bytes(), &known()), b"<p>bad token [secret], [secret][secret]</p>");
        }
    }

    #[test]
    fn headers_with_credentials_are_gone() {
        let mut map = HeaderMap::new();
        for name in DROPPED {
            map.insert(name, "x".parse().unwrap());
        }
        map.insert("x-echo", format!("Bearer {TOKEN}").parse().unwrap());
        map.insert("sforce-limit-info", "api-usage=18/5000".parse().unwrap());
        assert_eq!(
            headers(&map, &known()),
            [
                ("x-echo".to_owned(), "Bearer [secret]".to_owned()),
                ("sforce-limit-info".to_owned(), "api-usage=18/5000".to_owned())
            ]
        );
    }

    #[test]
    fn a_request_with_a_secret_anywhere_is_seen() {
        assert!(!carries_secret(&request(), &known()));
        let put: [fn(&mut Request, String); 6] = [
            |r, t| r.path.push(t),
            |r, t| r.query.push(("q".into(), t)),
            |r, t| r.query.push((t, String::new())),
            |r, t| r.headers.push(("x-a".into(), t)),
            |r, t| r.purpose = t,
            |r, t| r.body = Some(Body { content_type: "application/json".into(), bytes: t.into_bytes() }),
        ];
        for place in put {
            let mut r = request();
            place(&mut r, format!("x{TOKEN}y"));
            assert!(carries_secret(&r, &known()), "{r:?}");
        }
    }

    #[test]
    fn the_values_of_withheld_fields_are_taken_out_wherever_they_stand() {
        let known = Known::default().with_fields(vec!["key", "link"]);
        for (said, clean) in [
            (r#"{"a":[{"key":"x","link":null,"keys":"y"}]}"#, r#"{"a":[{"key":"[secret]","keys":"y","link":null}]}"#),
            (
                r#"[{"id":"key","value":"x"},{"id":"why","value":"key"}]"#,
                r#"[{"id":"key","value":"[secret]"},{"id":"why","value":"key"}]"#,
            ),
            (r#"{"link":{"key":7}}"#, r#"{"link":"[secret]"}"#),
            (r#"{"b" : 1.50}"#, r#"{"b" : 1.50}"#),
            ("<p>key</p>", "<p>key</p>"),
        ] {
            assert_eq!(String::from_utf8(body(said.into(), &known)).unwrap(), clean);
            assert_eq!(body(said.into(), &Known::default()), said.as_bytes());
        }
    }

    #[test]
    fn an_address_is_filled_in_and_comes_back_as_the_guest_knows_it() {
        let known = known().with_address(Some(&"made-up/secret".into()));
        let as_the_guest_has_it = r#"{"url":"https://h.example/hooks/i/s/{address-secret}"}"#;
        let filled = fill(as_the_guest_has_it.as_bytes(), &known);
        assert_eq!(filled, br#"{"url":"https://h.example/hooks/i/s/made%2Dup%2Fsecret"}"#);
        for form in ["made%2Dup%2Fsecret", "made-up%2Fsecret", "made-up/secret", r"made-up\/secret"] {
            let answered = as_the_guest_has_it.replace(IN_ADDRESS, form);
            assert_eq!(text(&answered, &known), as_the_guest_has_it, "{form}");
            let asked =
                Request { body: Some(Body { content_type: "a/b".into(), bytes: answered.into() }), ..request() };
            assert!(carries_secret(&asked, &known), "{form}");
        }
        assert_eq!(fill(as_the_guest_has_it.as_bytes(), &self::known()), as_the_guest_has_it.as_bytes());
    }

    proptest! {
        #[test]
        fn no_answer_keeps_a_secret(before in "[ -~]{0,20}", between in "[0D5!A]{0,6}", after in "[ -~]{0,20}") {
            let said = format!("{before}{TOKEN}{between}{TOKEN}{after}");
            let clean = String::from_utf8(body(said.into_bytes(), &known())).unwrap();
            prop_assert!(!clean.contains(TOKEN));
        }

        #[test]
        fn what_has_no_secret_is_left_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(body(bytes.clone(), &known()), bytes);
        }
    }
}
