//! The desk from which somebody outside drives the simulators: the paths below `/simulators/`, and the page at `/`.
//!
//! Promises: its requests are no requests to the APIs; a refusal says what is wrong and what would be right; what a
//! scenario lets happen happens at its time, however far the clock is moved at once. A web page from elsewhere cannot
//! use it: the `Host` must be an address of this machine or the one listened at, and an `Origin` must be the same.
//! Invariant: whoever holds both takes the desk's own state first, then the world.

pub mod accounts;
pub mod settings;

#[cfg(test)]
mod tests;

use super::{
    Simulators,
    faults::FaultPlan,
    options::Options,
    page,
    request::{Answer, Call, json as json_answer},
    scenario::{Act, Happening, Names, SCENARIOS, Scenario, Time},
    unknowns::Unknowns,
    world::World,
};
use crate::clock::{Clock, MovableClock, Timestamp};
use accounts::Accounts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use settings::Settings;
use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// The furthest that one request may move the clock.
const MOVE_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// What has happened is remembered so far back.
const HAPPENED_MAX: usize = 1000;

#[derive(Debug)]
pub struct Desk {
    pub(super) simulators: Simulators,
    pub(super) clock: MovableClock,
    /// As they were before any scenario.
    options: Options,
    listens_at: SocketAddr,
    on_stage: Mutex<OnStage>,
}

/// What is being played.
#[derive(Debug, Default)]
pub(super) struct OnStage {
    pub scenario: Option<Scenario>,
    names: Names,
    /// By the time at which each is due.
    pub due: VecDeque<(Timestamp, Happening)>,
    /// The newest last; no more than [`HAPPENED_MAX`].
    pub happened: VecDeque<Happened>,
    /// Happenings that could not be, and why.
    pub failed: Vec<String>,
}

/// Something of a scenario, or an act by hand.
#[derive(Debug)]
pub(super) struct Happened {
    pub at: Timestamp,
    pub what: Act,
    /// Why it could not be.
    pub failed: Option<String>,
}

impl OnStage {
    fn note(&mut self, at: Timestamp, what: Act, failed: Option<String>) {
        if self.happened.len() == HAPPENED_MAX {
            self.happened.pop_front();
        }
        self.happened.push_back(Happened { at, what, failed });
    }
}

/// What went wrong with a request to the desk.
struct Refused {
    status: u16,
    error: String,
}

fn refused(status: u16, error: impl Into<String>) -> Refused {
    Refused { status, error: error.into() }
}

type Told = Result<Value, Refused>;

impl Desk {
    pub fn new(clock: MovableClock, options: Options, listens_at: SocketAddr) -> Desk {
        let simulators = Simulators::new(Arc::new(clock.clone()), options.clone());
        Desk { simulators, clock, options, listens_at, on_stage: Mutex::default() }
    }

    pub fn simulators(&self) -> &Simulators {
        &self.simulators
    }

    pub(super) fn on_stage(&self) -> MutexGuard<'_, OnStage> {
        // Whoever panicked left plain records behind, which stay readable.
        self.on_stage.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The world begins anew, with this scenario or with none.
    pub fn begin(&self, scenario: Option<Scenario>) {
        let mut on_stage = self.on_stage();
        let mut options = self.options.clone();
        *on_stage = OnStage::default();
        let Some(scenario) = scenario else {
            *self.simulators.world() = World::new(Arc::new(self.clock.clone()), options);
            self.simulators.stir();
            return;
        };
        if let Some(Time(at)) = scenario.starts_at {
            self.clock.begin_anew(at);
        }
        let begins_at = self.clock.now();
        options.unknowns = scenario.switches.clone();
        options.faults = plan(scenario.faults.clone());
        scenario.options.set(&mut options);
        let mut world = World::new(Arc::new(self.clock.clone()), options);
        scenario.furnish(&mut world);
        let due = scenario.happening.iter().map(|happening| (happening.due(begins_at), happening.clone()));
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(at, _)| *at);
        on_stage.due = due.into();
        on_stage.scenario = Some(scenario);
        *self.simulators.world() = world;
        self.simulators.stir();
        self.play(&mut on_stage, None);
    }

    /// Lets happen what is due by now. To be called before a request is handled.
    pub fn catch_up(&self) {
        self.play(&mut self.on_stage(), None);
    }

    /// Moves the clock, and stops at each happening on the way.
    pub fn move_to(&self, at: Timestamp) {
        self.play(&mut self.on_stage(), Some(at));
    }

    fn play(&self, on_stage: &mut OnStage, until: Option<Timestamp>) {
        let mut world = self.simulators.world();
        loop {
            let limit = until.unwrap_or_default().max(self.clock.now());
            match on_stage.due.front() {
                Some((at, _)) if *at <= limit => {}
                _ => break,
            }
            let Some((at, happening)) = on_stage.due.pop_front() else { break };
            self.clock.move_to(at);
            let failed = happening.what.perform(&mut world, &mut on_stage.names).err();
            on_stage.failed.extend(failed.as_ref().map(|why| format!("{at}: {why}")));
            on_stage.note(at, happening.what, failed);
            self.simulators.stir();
        }
        if let Some(at) = until {
            self.clock.move_to(at);
        }
    }

    pub(super) fn next_happening_at(&self) -> Option<Timestamp> {
        self.on_stage().due.front().map(|(at, _)| *at)
    }

    /// `None`: the path is none of the desk's.
    pub fn answer(&self, call: &Call) -> Option<Answer> {
        let segments = call.segments();
        if !matches!(segments[..], [] | ["simulators", ..]) {
            return None;
        }
        let guarded = self.guard(call).map_err(|Refused { status, error }| refusal(status, &error));
        Some(match guarded {
            Err(refusal) => refusal,
            Ok(()) => match segments[..] {
                [] | ["simulators", "page", ..] => page::answer(self, call),
                _ => match self.told(call) {
                    Ok(told) => json_answer(200, "application/json", &told),
                    Err(Refused { status, error }) => refusal(status, &error),
                },
            },
        })
    }

    fn guard(&self, call: &Call) -> Result<(), Refused> {
        let host = call.header("host").unwrap_or_default();
        if !self.is_ours(host) {
            return Err(refused(
                403,
                format!("the Host {host:?} is no address of this machine; use http://{}", self.listens_at),
            ));
        }
        let same = |origin: &str| origin.eq_ignore_ascii_case(&format!("http://{host}"));
        let elsewhere = call.headers.contains_key("origin") && !call.header("origin").is_some_and(same)
            || call.header("sec-fetch-site") == Some("cross-site") && call.method != http::Method::GET;
        match elsewhere {
            true => {
                Err(refused(403, "a web page from elsewhere may not use this; open the page at / here, or use curl"))
            }
            false => Ok(()),
        }
    }

    /// A name could be pointed at this machine by anybody, an address could not.
    fn is_ours(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost")
            || literal
                .is_ok_and(|ip| ip.is_loopback() || ip == self.listens_at.ip() || self.listens_at.ip().is_unspecified())
    }

    fn told(&self, call: &Call) -> Told {
        let segments = call.segments();
        match (call.method.as_str(), &segments[1..]) {
            ("GET", []) => Ok(json!({ "paths": PATHS })),
            ("GET", ["world"]) => Ok(written(&self.simulators.world().snapshot())),
            ("GET", ["requests"]) => Ok(self.requests()),
            ("GET", ["clock"]) => Ok(self.shown()),
            ("POST", ["clock"]) => self.move_clock(read(&call.body)?),
            ("GET", ["switches"]) => Ok(written(&self.simulators.world().options.unknowns)),
            ("PUT", ["switches"]) => self.switch(read(&call.body)?),
            ("PATCH", ["switches"]) => {
                let mut switches = written(&self.simulators.world().options.unknowns);
                merge(&mut switches, read(&call.body)?);
                self.switch(read(switches.to_string().as_bytes())?)
            }
            ("GET", ["options"]) => Ok(written(&Settings::of(&self.simulators.world().options))),
            ("PUT" | "PATCH", ["options"]) => {
                let settings: Settings = read(&call.body)?;
                let mut world = self.simulators.world();
                settings.set(&mut world.options);
                Ok(written(&Settings::of(&world.options)))
            }
            ("GET", ["accounts"]) => Ok(written(&Accounts::of(&self.simulators.world()))),
            ("PUT", ["accounts"]) => self.set_up(read(&call.body)?),
            ("PATCH", ["accounts"]) => {
                let mut accounts = written(&Accounts::of(&self.simulators.world()));
                merge(&mut accounts, read(&call.body)?);
                self.set_up(read(accounts.to_string().as_bytes())?)
            }
            ("GET", ["faults"]) => Ok(written(&self.simulators.world().faults)),
            ("POST", ["faults"]) => {
                let more = plan(read(&call.body)?);
                let mut world = self.simulators.world();
                world.faults.rules.extend(more.rules);
                if more.seeded.is_some() {
                    world.faults.seeded = more.seeded;
                }
                Ok(written(&world.faults))
            }
            ("DELETE", ["faults"]) => {
                let mut world = self.simulators.world();
                world.faults = FaultPlan::default();
                Ok(written(&world.faults))
            }
            ("GET", ["scenario"]) => Ok(self.playing()),
            ("POST", ["scenario"]) => self.change_scenario(read(&call.body)?),
            ("POST", ["reset"]) => {
                let scenario = self.on_stage().scenario.clone();
                self.begin(scenario);
                Ok(self.playing())
            }
            ("GET", ["deliveries"]) => Ok(written(&self.simulators.world().deliveries_seen())),
            ("GET", ["livestorm", "native_webhooks"]) => Ok(self.native_webhooks()),
            ("POST", ["livestorm", "native_webhooks"]) => self.subscribe(read(&call.body)?),
            ("POST", [api @ ("livestorm" | "account-engagement"), act]) if is_act(api, act) => {
                self.act(act, read(&call.body)?)
            }
            (_, path) => {
                let path = format!("/simulators/{}", path.join("/"));
                let fits = |known: &&&str| known.split(' ').nth(1) == Some(&path);
                Err(match PATHS.iter().filter(fits).copied().collect::<Vec<_>>()[..] {
                    [] => refused(404, format!("there is no {path}; GET /simulators lists what there is")),
                    ref known => {
                        refused(405, format!("{} is not for this; there is {}", call.method, known.join(", ")))
                    }
                })
            }
        }
    }

    fn set_up(&self, accounts: Accounts) -> Told {
        let mut world = self.simulators.world();
        accounts.set(&mut world).map_err(|why| refused(409, why))?;
        Ok(written(&Accounts::of(&world)))
    }

    fn requests(&self) -> Value {
        let world = self.simulators.world();
        let rows = world.requests.iter().map(|seen| {
            json!({
                "at": seen.at.to_string(),
                "api": seen.api,
                "method": seen.method,
                "path": seen.path,
                "status": seen.status,
            })
        });
        json!({ "counts": world.request_counts(), "requests": rows.collect::<Vec<_>>() })
    }

    fn shown(&self) -> Value {
        let next = self.next_happening_at().map(|at| at.to_string());
        json!({ "now": self.clock.now().to_string(), "next_happening_at": next })
    }

    fn move_clock(&self, wanted: Move) -> Told {
        let now = self.clock.now();
        let at = match (wanted.move_by_seconds, wanted.move_to) {
            (Some(seconds), None) => now.plus(Duration::from_secs(seconds)),
            (None, Some(Time(at))) => at,
            _ => return Err(refused(400, "give either move_by_seconds or move_to")),
        };
        if at < now {
            return Err(refused(
                409,
                format!("the clock shows {now} and does not go back; /simulators/reset begins anew"),
            ));
        }
        if at.since(now) > MOVE_MAX {
            return Err(refused(400, "the clock moves by at most ten years at once"));
        }
        self.move_to(at);
        Ok(self.shown())
    }

    fn switch(&self, switches: Unknowns) -> Told {
        let told = written(&switches);
        self.simulators.world().options.unknowns = switches;
        Ok(told)
    }

    fn playing(&self) -> Value {
        let on_stage = self.on_stage();
        let playing = on_stage.scenario.as_ref();
        json!({
            "title": playing.map(|scenario| &scenario.title),
            "about": playing.map(|scenario| &scenario.about),
            "still_to_happen": on_stage.due.len(),
            "failed": on_stage.failed,
            "scenarios": SCENARIOS.map(|(name, _)| name),
        })
    }

    fn change_scenario(&self, wanted: Wanted) -> Told {
        let scenario = match (wanted.name, wanted.inline) {
            (Some(name), None) => Scenario::named(&name).map_err(|why| refused(404, why))?,
            (None, Some(inline)) => read(inline.to_string().as_bytes())?,
            _ => return Err(refused(400, "give either name or inline, a scenario as its file has it, in JSON")),
        };
        self.begin(Some(scenario));
        Ok(self.playing())
    }

    fn act(&self, name: &str, arguments: Value) -> Told {
        let act: Act = read(json!({ name: arguments }).to_string().as_bytes())?;
        let mut on_stage = self.on_stage();
        let done = act.perform(&mut self.simulators.world(), &mut on_stage.names).map_err(|why| refused(409, why));
        if done.is_ok() {
            on_stage.note(self.clock.now(), act, None);
        }
        self.simulators.stir();
        done
    }

    fn native_webhooks(&self) -> Value {
        let world = self.simulators.world();
        let rows = world.livestorm.native_webhooks().iter().map(|webhook| {
            json!({
                "id": webhook.id,
                "url": webhook.url,
                "event": webhook.event,
                "is_disabled": webhook.is_disabled,
            })
        });
        json!({ "native_webhooks": rows.collect::<Vec<_>>() })
    }

    /// What somebody sets up by hand in Livestorm's own "Webhooks" app.
    fn subscribe(&self, wanted: NativeWebhookWanted) -> Told {
        let mut world = self.simulators.world();
        let World { livestorm, options, .. } = &mut *world;
        let id = livestorm.add_native_webhook(&wanted.url, wanted.event.as_deref(), options);
        id.map(|id| json!({ "id": id, "url": wanted.url, "event": wanted.event })).map_err(|why| refused(400, why))
    }
}

/// Whether there is that act of that API: an act is asked for below the API in which it happens.
fn is_act(api: &str, act: &str) -> bool {
    PATHS.contains(&format!("POST /simulators/{api}/{act}").as_str())
}

const PATHS: &[&str] = &[
    "GET /simulators/world",
    "GET /simulators/deliveries",
    "GET /simulators/requests",
    "GET /simulators/clock",
    "POST /simulators/clock",
    "GET /simulators/switches",
    "PUT /simulators/switches",
    "PATCH /simulators/switches",
    "GET /simulators/options",
    "PUT /simulators/options",
    "PATCH /simulators/options",
    "GET /simulators/accounts",
    "PUT /simulators/accounts",
    "PATCH /simulators/accounts",
    "GET /simulators/faults",
    "POST /simulators/faults",
    "DELETE /simulators/faults",
    "GET /simulators/scenario",
    "POST /simulators/scenario",
    "POST /simulators/reset",
    "GET /simulators/livestorm/native_webhooks",
    "POST /simulators/livestorm/native_webhooks",
    "POST /simulators/livestorm/create-event",
    "POST /simulators/livestorm/publish",
    "POST /simulators/livestorm/schedule-session",
    "POST /simulators/livestorm/cancel-session",
    "POST /simulators/livestorm/register",
    "POST /simulators/livestorm/crowd",
    "POST /simulators/livestorm/start",
    "POST /simulators/livestorm/attend",
    "POST /simulators/livestorm/end",
    "POST /simulators/livestorm/watch",
    "POST /simulators/account-engagement/add-form",
    "POST /simulators/account-engagement/add-form-handler",
    "POST /simulators/account-engagement/submit-form",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    move_by_seconds: Option<u64>,
    move_to: Option<Time>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NativeWebhookWanted {
    url: String,
    /// Left out: all that the native app tells.
    event: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: Option<String>,
    inline: Option<Value>,
}

/// Chance never meets the refresh of a token, whoever wrote the plan.
fn plan(mut plan: FaultPlan) -> FaultPlan {
    plan.seeded = plan.seeded.and_then(|s| FaultPlan::seeded(s.seed, s.odds, s.except).seeded);
    plan
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    let mut from = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut from).map_err(|e| match e.path().to_string().as_str() {
        "." => refused(400, format!("the body is not what is asked for: {}", e.inner())),
        path => refused(400, format!("{path}: {}", e.inner())),
    })?;
    from.end().map_err(|e| refused(400, format!("the body goes on after its end: {e}")))?;
    Ok(read)
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value))
        }
        (into, from) => *into = from,
    }
}

fn refusal(status: u16, error: &str) -> Answer {
    json_answer(status, "application/json", &json!({ "error": error }))
}
