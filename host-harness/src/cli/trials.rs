//! What tests ask of `serve` and no operator does: to die at a point, and to live faster.

use crate::{
    clock::{HurriedClock, Timestamp},
    durable::{Phase, Point, Probe},
};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(super) fn hurried(text: &str) -> Result<HurriedClock, String> {
    let parts = text.split_once(',').and_then(|(since, times)| Some((since.parse().ok()?, times.parse().ok()?)));
    match parts {
        Some((since, times)) if times > 0 => Ok(HurriedClock { since: Timestamp(since), times }),
        _ => Err("give it as SINCE,TIMES".into()),
    }
}

/// Where the process dies as if it were killed.
#[derive(Clone, Debug)]
pub(super) struct Death {
    /// Nothing: at any.
    phase: Option<Phase>,
    passed: Arc<AtomicU64>,
    number: u64,
}

pub(super) fn death(text: &str) -> Result<Death, String> {
    let wrong = || "give it as PHASE,NUMBER".to_owned();
    let (phase, number) = text.split_once(',').ok_or_else(wrong)?;
    let known = || serde_json::from_value(Value::from(phase)).map(Some);
    let phase = if phase == "any" { None } else { known().map_err(|_| wrong())? };
    Ok(Death { phase, passed: Arc::default(), number: number.parse().map_err(|_| wrong())? })
}

impl Probe for Death {
    fn reached(&self, point: &Point) -> bool {
        let counts = self.phase.is_none_or(|phase| phase == point.phase);
        if counts && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.number {
            // The last word of the process.
            tracing::error!("dies at {point}");
            std::process::abort();
        }
        true
    }
}
