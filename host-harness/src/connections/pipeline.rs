//! The way of a request: `Resolved -> Permitted -> Authorised -> Sent -> Scrubbed`.
//!
//! Each step is a type that only the step before can make, so a step that is left out does not compile: nothing is sent
//! that no rule covers, nothing is given to a guest that was not scrubbed. A second try begins again at `Permitted`.
//!
//! One encoding policy: all but `A-Z a-z 0-9 - . _ ~` is percent-encoded, in segments and in queries (`+` becomes `%2B`, a
//! space `%20`), so no server reads anything into it.

use super::{
    Bound, CallLimits, ConnectionLimits, Installation, Withheld,
    addresses::Origin,
    client::Dial,
    credentials::{Access, Known},
    envelope::{self, Part},
    pace::Slot,
    policy,
    profile::{Left, Seen, Verdict, retry_after},
    scrub,
    transport::{Transport, TransportError},
};
use crate::{
    clock::{Timestamp, Work},
    effect::{Denial, Repeat, Request, Response, SendError},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{sync::Arc, time::Duration};

/// The host's own: a guest that names one is refused. The method overrides are among them since they would turn a
/// permitted POST into something else.
const OWNED_HEADERS: [&str; 18] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];
/// Query names by which servers let a POST be another method. Salesforce knows the first.
const METHOD_OVERRIDES: [&str; 2] = ["_HttpMethod", "_method"];

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A request of good form to a connection that is bound.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    installation: &'a Installation,
    bound: Arc<Bound>,
    request: Request,
    address: String,
}

/// A request that the rules cover, with all that it carries.
#[derive(Debug)]
pub(super) struct Permitted {
    pub bound: Arc<Bound>,
    pub request: Request,
    pub parts: Vec<Part>,
    /// Path and query, encoded.
    address: String,
    withheld: Withheld,
}

/// A request as it goes out, with credentials in it. Not printable.
pub(super) struct Authorised {
    request: http::Request<Vec<u8>>,
    known: Known,
    refreshable: bool,
    carries: bool,
}

/// An answer as it came. Not printable, not for guests.
pub(super) struct Sent {
    answer: http::Response<Vec<u8>>,
    known: Known,
    refreshable: bool,
    carries: bool,
}

/// An answer that a guest may see.
#[derive(Debug)]
pub(super) struct Scrubbed(Response);

impl<'a> Resolved<'a> {
    pub fn new(
        installation: &'a Installation,
        request: Request,
        limits: &ConnectionLimits,
    ) -> Result<Resolved<'a>, SendError> {
        let Some(bound) = installation.bindings.get(&request.connection) else {
            return Err(SendError::Denied(Denial {
                layer: "installation".into(),
                rule: format!("connection `{}` is not bound", request.connection.escape_default()),
                remedy: "Bind an account to it in this installation".into(),
            }));
        };
        let address = address(&request);
        form(&request, bound, &address, limits, &installation.limits).map_err(SendError::Denied)?;
        Ok(Resolved { installation, bound: bound.clone(), request, address })
    }

    /// One judge for the request and for each that it carries: what is refused alone is refused inside another.
    pub fn permit(self, limits: &ConnectionLimits) -> Result<Permitted, SendError> {
        let parts = self.judged(limits).map_err(SendError::Denied)?;
        let withheld = self.installation.withheld.clone();
        Ok(Permitted { bound: self.bound, request: self.request, parts, address: self.address, withheld })
    }

    fn judged(&self, limits: &ConnectionLimits) -> Result<Vec<Part>, Denial> {
        let Resolved { installation, bound, request, .. } = self;
        let provider = bound.provider;
        let covered =
            |request: &Request| policy::decide(&installation.egress, request, &|path| provider.envelope(path));
        covered(request)?;
        let parts = envelope::open(provider, request)?;
        envelope::each(&parts, &|part| {
            form(part, bound, &address(part), limits, &installation.limits)?;
            covered(part)
        })?;
        if request.repeat == Repeat::Read {
            envelope::only_reads(provider, request, &parts)?;
        }
        Ok(parts)
    }
}

fn address(request: &Request) -> String {
    let path: String = request.path.iter().flat_map(|s| ["/".to_owned(), encode(s)]).collect();
    let query: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    match (path.as_str(), query.is_empty()) {
        ("", true) => "/".to_owned(),
        (_, true) => path,
        _ => format!("{}?{}", if path.is_empty() { "/" } else { &path }, query.join("&")),
    }
}

fn form(
    request: &Request,
    bound: &Bound,
    address: &str,
    limits: &ConnectionLimits,
    call: &CallLimits,
) -> Result<(), Denial> {
    broken(request, bound, address, limits, call).map_err(|(rule, remedy)| Denial {
        layer: "form".into(),
        rule,
        remedy: remedy.into(),
    })
}

/// The checks of `wit/http.wit`: what is broken, and what to do.
fn broken(
    request: &Request,
    bound: &Bound,
    address: &str,
    limits: &ConnectionLimits,
    call: &CallLimits,
) -> Result<(), (String, &'static str)> {
    for segment in &request.path {
        let dots = |text: &str| text.split(['/', '\\']).any(|part| part == "." || part == "..");
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        if segment.is_empty() || dots(segment) || dots(&decoded) {
            return Err((
                format!("a path segment is `{}`", segment.escape_default()),
                "Give each segment on its own, not encoded, without `.` and `..`",
            ));
        }
        if segment.chars().any(char::is_control) {
            return Err(("a path segment has a control character".into(), "Leave it out"));
        }
    }
    for (name, _) in &request.query {
        if METHOD_OVERRIDES.iter().any(|m| name.eq_ignore_ascii_case(m)) {
            return Err((
                format!("the query has `{}`, which would change the method", name.escape_default()),
                "Send the request with the method that is meant",
            ));
        }
    }
    if address.len() > limits.address_bytes_max {
        return Err((
            format!("path and query have {} bytes; {} are allowed", address.len(), limits.address_bytes_max),
            "Ask for fewer things at once",
        ));
    }
    if request.headers.len() > limits.headers_max {
        return Err((
            format!("{} headers; {} are allowed", request.headers.len(), limits.headers_max),
            "Send fewer headers",
        ));
    }
    let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if header_bytes > limits.header_bytes_max {
        return Err((
            format!("{header_bytes} bytes of headers; {} are allowed", limits.header_bytes_max),
            "Send shorter headers",
        ));
    }
    for (name, value) in &request.headers {
        let shown = name.escape_default();
        // Also refuses capitals.
        if HeaderName::from_lowercase(name.as_bytes()).is_err() {
            return Err((format!("`{shown}` is no header name in lower case"), "Write it in lower case"));
        }
        if OWNED_HEADERS.contains(&name.as_str()) || bound.provider.account_headers().contains(&name.as_str()) {
            return Err((format!("header `{shown}` belongs to the host"), "Leave it out"));
        }
        if HeaderValue::from_str(value).is_err() {
            return Err((
                format!("the value of header `{shown}` has a character that no header may have"),
                "Leave out line breaks and whatever is not ASCII",
            ));
        }
    }
    if request.purpose.len() > limits.purpose_bytes_max {
        return Err((
            format!("a purpose of {} bytes; {} are allowed", request.purpose.len(), limits.purpose_bytes_max),
            "Use a few fixed words",
        ));
    }
    if let Some(body) = &request.body {
        if body.bytes.len() > call.request_bytes {
            return Err((
                format!(
                    "a body of {} bytes; {} are allowed (limits.request-bytes)",
                    body.bytes.len(),
                    call.request_bytes
                ),
                "Send fewer records at once",
            ));
        }
        if body.content_type.is_empty() || HeaderValue::from_str(&body.content_type).is_err() {
            return Err(("the content type of the body is none".into(), "For JSON: application/json"));
        }
    }
    Ok(())
}

impl Permitted {
    /// Looks for secrets first: a guest that has one got it in a way that must not go on.
    pub fn authorise(&self, access: &Access, known: Known) -> Result<Authorised, SendError> {
        let fields = self.bound.provider.withheld().iter().filter(|field| !self.withheld.asked_for.contains(field));
        let known = known.with_address(self.withheld.address_secret.as_ref()).with_fields(fields.copied().collect());
        let clean = |request: &Request| !scrub::carries_secret(request, &known);
        if !clean(&self.request) || !envelope::all(&self.parts, &clean) {
            return Err(SendError::Denied(Denial {
                layer: "form".into(),
                rule: "the request carries a credential of its account".into(),
                remedy: "Credentials are the host's to add. Find out where the connector has it from".into(),
            }));
        }
        let unusable = |what: &str| {
            SendError::Denied(Denial {
                layer: "installation".into(),
                rule: format!("connection `{}` {what}", self.request.connection),
                remedy: "Give the connection its `address`, or connect its account again".into(),
            })
        };
        let learned;
        let origin = match (&self.bound.origin, &access.instance_url) {
            (Some(origin), _) => origin,
            (None, Some(url)) => {
                learned = Origin::parse(url, self.bound.allow_private)
                    .map_err(|e| unusable(&format!("was given an address by its provider that cannot be used: {e}")))?;
                &learned
            }
            (None, None) => return Err(unusable("has no address, and its provider gave none")),
        };
        let body = self.request.body.as_ref().map(|body| body.bytes.as_slice()).unwrap_or_default();
        let body = match self.bound.provider.is_told_addresses(&self.request) {
            true => scrub::fill(body, &known),
            false => body.to_vec(),
        };
        let mut request = http::Request::new(body);
        *request.uri_mut() =
            format!("{}{}", origin.as_str(), self.address).parse().map_err(|_| unusable("has a malformed address"))?;
        *request.method_mut() = http::Method::from_bytes(self.request.method.as_str().as_bytes())
            .map_err(|_| unusable("was asked for an unknown method"))?;
        *request.headers_mut() = self.headers(access).map_err(|_| unusable("has a token that no header can carry"))?;
        request.extensions_mut().insert(Dial(origin.reach()));
        Ok(Authorised { request, known, refreshable: access.refreshable, carries: !self.parts.is_empty() })
    }

    fn headers(&self, access: &Access) -> Result<HeaderMap, http::Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.request.headers {
            headers.append(HeaderName::from_lowercase(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        if let Some(body) = &self.request.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&body.content_type)?);
        }
        self.bound.provider.inject(&mut headers, access, self.bound.business_unit.as_deref())?;
        Ok(headers)
    }
}

impl Authorised {
    /// Only with a slot: nothing goes out faster than the account allows.
    pub async fn send(
        self,
        _slot: &Slot,
        transport: &dyn Transport,
        body_bytes_max: usize,
        work: Work,
    ) -> (Result<Sent, TransportError>, Work) {
        let Authorised { request, known, refreshable, carries } = self;
        let (answer, work) = transport.send_at_work(request, body_bytes_max, work).await;
        let sent = match answer {
            // The network has counted already; another transport may not have.
            Ok(answer) if answer.body().len() > body_bytes_max => Err(TransportError::Unusable {
                status: Some(answer.status().as_u16()),
                problem: format!("the answer has more than {body_bytes_max} bytes (limits.response-bytes)"),
            }),
            Ok(answer) => Ok(Sent { answer, known, refreshable, carries }),
            Err(TransportError::NotSent(e)) => Err(TransportError::NotSent(scrub::text(&e, &known))),
            Err(TransportError::Unknown(e)) => Err(TransportError::Unknown(scrub::text(&e, &known))),
            Err(TransportError::Unusable { status, problem }) => {
                Err(TransportError::Unusable { status, problem: scrub::text(&problem, &known) })
            }
        };
        (sent, work)
    }
}

impl Sent {
    pub fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    pub fn refreshable(&self) -> bool {
        self.refreshable
    }

    pub fn verdict(&self, bound: &Bound, now: Timestamp) -> Verdict {
        bound.provider.classify(Seen {
            now,
            status: self.status(),
            headers: self.answer.headers(),
            body: self.answer.body(),
            refreshable: self.refreshable,
            carries: self.carries,
        })
    }

    /// Requests that the account has left in its window, where the answer says so.
    pub fn left(&self, bound: &Bound) -> Option<Left> {
        bound.provider.left(self.answer.headers())
    }

    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        retry_after(now, self.answer.headers())
    }

    pub fn scrub(self) -> Scrubbed {
        let Sent { answer, known, .. } = self;
        let (head, body) = answer.into_parts();
        Scrubbed(Response {
            status: head.status.as_u16(),
            headers: scrub::headers(&head.headers, &known),
            body: scrub::body(body, &known),
        })
    }
}

impl Scrubbed {
    pub fn into_response(self) -> Response {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        connections::{pace::Gate, profile::Provider},
        effect::{Body, Method},
    };
    use proptest::prelude::*;

    fn request() -> Request {
        Request {
            connection: "ae".into(),
            method: Method::Post,
            path: vec!["a".into()],
            query: vec![],
            headers: vec![],
            body: None,
            repeat: Repeat::Read,
            purpose: "look".into(),
        }
    }

    fn bound() -> Bound {
        Bound {
            provider: Provider::AccountEngagement,
            origin: None,
            account: "sf".into(),
            business_unit: None,
            allow_private: false,
            reserve_percent: 0,
            gate: Arc::new(Gate::new(Provider::AccountEngagement.pace(), Arc::new(SystemClock))),
        }
    }

    fn check(change: impl FnOnce(&mut Request), expect: Option<&str>) {
        let mut r = request();
        change(&mut r);
        let limits = ConnectionLimits::default();
        let got = form(&r, &bound(), &address(&r), &limits, &CallLimits::default());
        assert_eq!(got.as_ref().err().map(|denial| denial.rule.as_str()), expect);
    }

    #[test]
    fn a_path_leads_nowhere_else() {
        for (segment, refused) in [
            ("", true),
            (".", true),
            ("..", true),
            ("../x", true),
            ("a/../b", true),
            ("a\\..\\b", true),
            ("%2e%2E", true),
            ("%2e%2e%2fx", true),
            ("...", false),
            ("a.b", false),
            ("AC/DC", false),
            ("100%", false),
            ("ana+list@example.org", false),
        ] {
            let mut r = request();
            r.path = vec![segment.into()];
            let limits = ConnectionLimits::default();
            let got = form(&r, &bound(), &address(&r), &limits, &CallLimits::default());
            assert_eq!(got.is_err(), refused, "{segment}");
        }
        check(|r| r.path = vec!["a\r\nb".into()], Some("a path segment has a control character"));
    }

    #[test]
    fn headers_of_the_host_are_the_hosts() {
        for name in OWNED_HEADERS.into_iter().chain(["pardot-business-unit-id"]) {
            let says = format!("header `{name}` belongs to the host");
            check(|r| r.headers = vec![(name.into(), "x".into())], Some(&says));
        }
        check(|r| r.headers = vec![("sforce-auto-assign".into(), "FALSE".into())], None);
        check(
            |r| r.headers = vec![("Authorization".into(), "x".into())],
            Some("`Authorization` is no header name in lower case"),
        );
        check(|r| r.headers = vec![("a b".into(), "x".into())], Some("`a b` is no header name in lower case"));
        check(
            |r| r.headers = vec![("x-a".into(), "x\r\nhost: y".into())],
            Some("the value of header `x-a` has a character that no header may have"),
        );
    }

    #[test]
    fn a_method_cannot_be_smuggled() {
        for name in ["_HttpMethod", "_httpmethod", "_method"] {
            let says = format!("the query has `{name}`, which would change the method");
            check(|r| r.query = vec![(name.into(), "DELETE".into())], Some(&says));
        }
    }

    #[test]
    fn one_over_each_limit_is_refused() {
        let (limits, call) = (ConnectionLimits::default(), CallLimits::default());
        let header = |n: usize| (format!("x-{n}"), String::new());
        check(|r| r.headers = (0..limits.headers_max).map(header).collect(), None);
        check(|r| r.headers = (0..=limits.headers_max).map(header).collect(), Some("33 headers; 32 are allowed"));
        let long = |n: usize| vec![("x-a".to_owned(), "v".repeat(n))];
        check(|r| r.headers = long(limits.header_bytes_max - 3), None);
        check(|r| r.headers = long(limits.header_bytes_max - 2), Some("8193 bytes of headers; 8192 are allowed"));
        check(|r| r.purpose = "p".repeat(limits.purpose_bytes_max), None);
        check(|r| r.purpose = "p".repeat(limits.purpose_bytes_max + 1), Some("a purpose of 65 bytes; 64 are allowed"));
        let body = |n: usize| Some(Body { content_type: "text/csv".into(), bytes: vec![0; n] });
        check(|r| r.body = body(call.request_bytes), None);
        let over = format!(
            "a body of {} bytes; {} are allowed (limits.request-bytes)",
            call.request_bytes + 1,
            call.request_bytes
        );
        check(|r| r.body = body(call.request_bytes + 1), Some(&over));
        check(|r| r.path = vec!["p".repeat(limits.address_bytes_max - 1)], None);
        check(
            |r| r.path = vec!["p".repeat(limits.address_bytes_max)],
            Some("path and query have 16385 bytes; 16384 are allowed"),
        );
        let nothing = Some(Body { content_type: String::new(), bytes: vec![] });
        check(|r| r.body = nothing, Some("the content type of the body is none"));
    }

    #[test]
    fn everything_is_encoded_in_one_way() {
        let mut r = request();
        r.path = vec!["ana+list@example.org".into(), "a/b c".into(), "\u{e9}%2F".into()];
        r.query = vec![("page[number]".into(), "0".into()), ("q".into(), "Email = 'a+b@c.d' & 1".into())];
        assert_eq!(
            address(&r),
            "/ana%2Blist%40example.org/a%2Fb%20c/%C3%A9%252F\
             ?page%5Bnumber%5D=0&q=Email%20%3D%20%27a%2Bb%40c.d%27%20%26%201"
        );
        r.path.clear();
        r.query.clear();
        assert_eq!(address(&r), "/");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_as_it_was(segment in "\\PC{1,20}", value in "\\PC{0,20}") {
            let r = Request { path: vec![segment.clone()], query: vec![("q".into(), value.clone())], ..request() };
            let uri: http::Uri = format!("https://h.example{}", address(&r)).parse().unwrap();
            prop_assert_eq!(percent_decode_str(&uri.path()[1..]).decode_utf8().unwrap(), segment);
            let query = uri.query().unwrap().strip_prefix("q=").unwrap();
            prop_assert!(!query.contains(['&', '=', '+', '#', ' ']));
            prop_assert_eq!(percent_decode_str(query).decode_utf8().unwrap(), value);
        }
    }
}
