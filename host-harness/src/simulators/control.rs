//! What whoever tries a client does to the simulated world from outside, below `/simulators/`: look at it, move its clock, turn
//! switches, make things go wrong.
//!
//! Promises: answers are JSON; a refusal says what is wrong and what would be right; nothing here counts among the APIs'
//! requests. Refused with 403 is whoever calls by a name that is not this machine's, and a page of another site: a browser
//! that runs here must not be led to it. Not here: what the APIs themselves offer.

use super::{Simulators, faults::FaultPlan, request::Answer, request::json, unknowns::Unknowns};
use crate::clock::{Clock, MovableClock, Timestamp};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::{self, Next},
    routing::get,
};
use http::{HeaderMap, Method, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{net::IpAddr, time::Duration};

const CONTENT_TYPE: &str = "application/json";
const BODY_BYTES_MAX: usize = 4 << 20;
/// The requests that are told at once, newest first.
const REQUESTS_TOLD: usize = 1_000;

#[derive(Clone)]
struct Control {
    simulators: Simulators,
    clock: MovableClock,
}

pub(super) fn routes(simulators: Simulators, clock: MovableClock) -> axum::Router {
    axum::Router::new()
        .route("/simulators/world", get(world))
        .route("/simulators/requests", get(requests))
        .route("/simulators/clock", get(clock_shown).post(clock_moved))
        .route("/simulators/switches", get(switches).put(switches_turned))
        .route("/simulators/faults", get(faults).put(faults_planned))
        .route("/simulators/tokens/expire", axum::routing::post(tokens_expired))
        .layer(middleware::from_fn(guarded))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Control { simulators, clock })
}

type Told = http::Response<Body>;

fn told(status: u16, body: &Value) -> Told {
    let answer: Answer = json(status, CONTENT_TYPE, body);
    answer.map(Body::from)
}

fn wrong(status: u16, message: impl Into<String>) -> Told {
    told(status, &json!({ "error": message.into() }))
}

/// Whether the caller means this machine, and no other site sends it.
async fn guarded(request: Request, next: Next) -> Told {
    match allowed(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => wrong(403, why),
    }
}

fn allowed(method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if !is_here(host) {
        return Err("the world is moved from this machine alone: call it as localhost, or by its IP address");
    }
    match text(header::ORIGIN) {
        Some(origin) if origin.split_once("://").map(|(_, rest)| rest) != Some(host) => {
            Err("a page of another site may not move this world")
        }
        None if method != Method::GET && headers.contains_key("sec-fetch-site") && text(header::REFERER).is_none() => {
            Err("a page that does not say where it is from may not move this world")
        }
        _ => Ok(()),
    }
}

/// By name or by number, with or without a port. Any other name may have been made to lead here.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// A body, or what is wrong with it, with its place.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Told>> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let place = e.path().to_string();
        let place = if place == "." { String::new() } else { format!("{place}: ") };
        Box::new(wrong(400, format!("{place}{}", e.into_inner())))
    })
}

/// `GET /simulators/world`: everything that is true now, whatever lagging readers are shown.
async fn world(State(control): State<Control>) -> Told {
    let snapshot = control.simulators.world().snapshot();
    match serde_json::to_value(snapshot) {
        Ok(snapshot) => told(200, &snapshot),
        Err(e) => wrong(500, e.to_string()),
    }
}

/// `GET /simulators/requests`: the APIs' requests, newest first.
async fn requests(State(control): State<Control>) -> Told {
    let world = control.simulators.world();
    let requests = world.requests.iter().rev().take(REQUESTS_TOLD).map(|seen| {
        json!({
            "at": seen.at.to_string(),
            "api": seen.api,
            "method": seen.method,
            "path": seen.path,
            "status": seen.status,
        })
    });
    told(200, &json!({ "all": world.requests.len(), "newest": requests.collect::<Vec<_>>() }))
}

fn time(clock: &MovableClock) -> Value {
    json!({ "now": clock.now().to_string() })
}

async fn clock_shown(State(control): State<Control>) -> Told {
    told(200, &time(&control.clock))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Move {
    MoveBySeconds(u64),
    /// `2026-11-23T10:00:00Z`
    MoveTo(String),
}

/// `POST /simulators/clock` with `{"move_by_seconds": 600}` or `{"move_to": "2026-11-23T10:00:00Z"}`. Never back.
async fn clock_moved(State(control): State<Control>, body: Bytes) -> Told {
    let by = match read::<Move>(&body) {
        Err(wrong) => return *wrong,
        Ok(Move::MoveBySeconds(seconds)) => Duration::from_secs(seconds),
        Ok(Move::MoveTo(text)) => match Timestamp::parse(&text) {
            None => return wrong(400, format!("{text} is no time; one is written as 2026-11-23T10:00:00Z")),
            Some(to) if to < control.clock.now() => {
                return wrong(409, format!("it is {} already, and time does not go back", control.clock.now()));
            }
            Some(to) => to.since(control.clock.now()),
        },
    };
    // A day beyond what calendars write would be a world without times.
    if control.clock.now().plus(by) > Timestamp::from_seconds(253_402_300_799) {
        return wrong(400, "that is beyond the year 9999");
    }
    control.clock.move_by(by);
    told(200, &time(&control.clock))
}

async fn switches(State(control): State<Control>) -> Told {
    told(200, &json!(control.simulators.world().options.unknowns))
}

/// `PUT /simulators/switches`: what is left out stands as it does by default.
async fn switches_turned(State(control): State<Control>, body: Bytes) -> Told {
    match read::<Unknowns>(&body) {
        Err(wrong) => *wrong,
        Ok(unknowns) => {
            control.simulators.world().options.unknowns = unknowns;
            switches(State(control)).await
        }
    }
}

async fn faults(State(control): State<Control>) -> Told {
    told(200, &json!(control.simulators.world().faults))
}

/// `PUT /simulators/faults`: the whole plan; `{}` lets everything go well.
async fn faults_planned(State(control): State<Control>, body: Bytes) -> Told {
    match read::<FaultPlan>(&body) {
        Err(wrong) => *wrong,
        Ok(plan) => {
            control.simulators.world().faults = plan;
            faults(State(control)).await
        }
    }
}

/// `POST /simulators/tokens/expire`: every Salesforce access token; refreshing helps.
async fn tokens_expired(State(control): State<Control>) -> Told {
    control.simulators.world().expire_tokens();
    told(200, &json!({ "expired": true }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::Options;
    use std::sync::Arc;

    struct Served {
        control: Control,
    }

    impl Served {
        fn new() -> Served {
            let clock = MovableClock::new(Timestamp::from_seconds(1_795_420_800));
            let simulators = Simulators::new(Arc::new(clock.clone()), Options::default());
            Served { control: Control { simulators, clock } }
        }

        async fn read(told: Told) -> (u16, Value) {
            let status = told.status().as_u16();
            let bytes = axum::body::to_bytes(told.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap())
        }
    }

    #[tokio::test]
    async fn the_clock_goes_forward_and_says_why_it_does_not_otherwise() {
        let control = Served::new().control;
        let send = async |body: &str| {
            let moved = clock_moved(State(control.clone()), Bytes::copy_from_slice(body.as_bytes())).await;
            Served::read(moved).await
        };
        let (status, shown) = send(r#"{"move_by_seconds":3600}"#).await;
        assert_eq!(status, 200);
        assert!(shown["now"].as_str().unwrap().starts_with("2026-11-23T09:0"), "{shown}");
        assert_eq!(send(r#"{"move_to":"2026-11-23T10:00:00Z"}"#).await.0, 200);
        let rows = [
            (r#"{"move_to":"2026-11-23T08:00:00Z"}"#, 409, "does not go back"),
            (r#"{"move_to":"tomorrow"}"#, 400, "2026-11-23T10:00:00Z"),
            (r#"{"move_by_seconds":-1}"#, 400, "move_by_seconds"),
            (r#"{"move_by_seconds":18446744073709551615}"#, 400, "9999"),
            (r#"{"leap":1}"#, 400, "move_by_seconds"),
            ("", 400, "EOF"),
        ];
        for (body, status, says) in rows {
            let (answered, told) = send(body).await;
            assert_eq!(answered, status, "{body}");
            assert!(told["error"].as_str().unwrap().contains(says), "{body}: {told}");
        }
    }

    #[tokio::test]
    async fn switches_and_faults_are_read_back_as_they_were_set() {
        let control = Served::new().control;
        let body = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let set = switches_turned(State(control.clone()), body(r#"{"livestorm":{"monthly_header":"montly"}}"#)).await;
        assert_eq!(Served::read(set).await.1["livestorm"]["monthly_header"], "montly");
        let (status, told) =
            Served::read(switches_turned(State(control.clone()), body(r#"{"livestorm":{"tempo":1}}"#)).await).await;
        assert_eq!(status, 400);
        assert!(told["error"].as_str().unwrap().starts_with("livestorm.tempo: unknown field"), "{told}");
        let plan = r#"{"rules":[{"api":"livestorm","what":"cut-after-effect"}]}"#;
        assert_eq!(Served::read(faults_planned(State(control.clone()), body(plan)).await).await.0, 200);
        assert_eq!(control.simulators.world().faults.rules.len(), 1);
    }

    #[test]
    fn only_this_machine_and_its_own_pages_are_let_in() {
        let rows = [
            (&[("host", "127.0.0.1:8400")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "[::1]:8400")], true),
            (&[("host", "LOCALHOST:1"), ("origin", "http://LOCALHOST:1")], true),
            (&[("host", "rebound.example:8400")], false),
            (&[], false),
            (&[("host", "127.0.0.1:8400"), ("origin", "https://elsewhere.example")], false),
            (&[("host", "127.0.0.1:8400"), ("origin", "null")], false),
            (&[("host", "127.0.0.1:8400"), ("sec-fetch-site", "cross-site")], false),
        ];
        for (headers, let_in) in rows {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
                .collect();
            assert_eq!(allowed(&Method::POST, &headers).is_ok(), let_in, "{headers:?}");
        }
    }
}
