//! The provider of the laws: what really happened, how often, and when.

use crate::{
    clock::{Clock, SimulatedClock, Timestamp, Work, sleep},
    effect::{Answer, Method, Performer, Permit, Repeat, Request, Response},
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at: Timestamp,
    pub permit: Permit,
    pub request: Request,
}

pub struct World {
    clock: SimulatedClock,
    pub arrivals: Mutex<Vec<Arrival>>,
    /// `once` effects by their path: what a law counts.
    effects: Mutex<BTreeMap<String, usize>>,
    delay_ms: AtomicU64,
    in_flight_max: AtomicUsize,
    flying: Mutex<BTreeMap<String, Flying>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flying {
    now: usize,
    most: usize,
}

impl World {
    pub fn new(clock: SimulatedClock) -> World {
        World {
            clock,
            arrivals: Mutex::default(),
            effects: Mutex::default(),
            delay_ms: AtomicU64::new(20),
            in_flight_max: AtomicUsize::new(5),
            flying: Mutex::default(),
        }
    }

    /// How long an answer takes.
    pub fn answers_after(&self, delay: Duration) {
        self.delay_ms.store(delay.as_millis() as u64, SeqCst);
    }

    pub fn takes_at_once(&self, max: usize) {
        self.in_flight_max.store(max, SeqCst);
    }

    pub fn effects(&self) -> BTreeMap<String, usize> {
        self.effects.lock().unwrap().clone()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().clone()
    }

    /// How often this was asked: method and path.
    pub fn asked(&self, what: &str) -> usize {
        self.arrivals().iter().filter(|a| format!("{} {}", a.request.method, a.request.path.join("/")) == what).count()
    }

    /// The most that were ever under way side by side on a connection.
    pub fn most_in_flight(&self, connection: &str) -> usize {
        self.flying.lock().unwrap().get(connection).copied().unwrap_or_default().most
    }

    fn effect(&self, request: &Request) -> u16 {
        let mut effects = self.effects.lock().unwrap();
        let what = request.path.join("/");
        match (request.repeat, request.method) {
            (Repeat::Once, _) => {
                *effects.entry(what).or_default() += 1;
                201
            }
            (_, Method::Get) if !effects.contains_key(&what) => 404,
            _ => 200,
        }
    }
}

#[async_trait]
impl Performer for World {
    fn in_flight_max(&self, _: &str, _: &str) -> usize {
        self.in_flight_max.load(SeqCst)
    }

    async fn perform(&self, permit: Permit, request: Request, work: Work) -> (Answer, Work) {
        let now = self.clock.now();
        let connection = request.connection.clone();
        {
            let mut flying = self.flying.lock().unwrap();
            let flying = flying.entry(connection.clone()).or_default();
            flying.now += 1;
            flying.most = flying.most.max(flying.now);
        }
        // A guard, since an engine that dies drops its requests under way.
        let landed = Landed { world: self, connection };
        let status = self.effect(&request);
        self.arrivals.lock().unwrap().push(Arrival { at: now, permit, request });
        let delay = Duration::from_millis(self.delay_ms.load(SeqCst));
        let work = sleep(&self.clock, work, now.plus(delay)).await;
        drop(landed);
        (Ok(Response { status, headers: vec![], body: vec![] }), work)
    }
}

struct Landed<'a> {
    world: &'a World,
    connection: String,
}

impl Drop for Landed<'_> {
    fn drop(&mut self) {
        if let Some(flying) = self.world.flying.lock().unwrap().get_mut(&self.connection) {
            flying.now -= 1;
        }
    }
}
