//! What tests ask of `serve` and no operator does: to die at a point, and to live faster.

use crate::{
    clock::{HurriedClock, Timestamp},
    durable::{Phase, Point, Probe},
    effect::RunId,
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

pub(super) fn hurried(text: &str) -> Result<HurriedClock, String> {
    let parts = text.split_once(',').and_then(|(since, times)| Some((since.parse().ok()?, times.parse().ok()?)));
    match parts {
        Some((since, times)) if times > 0 => Ok(HurriedClock { since: Timestamp(since), times }),
        _ => Err("give it as SINCE,TIMES".into()),
    }
}

/// Where the process dies as if it were killed: at the so-many-th point of these.
#[derive(Clone, Debug)]
pub(super) struct Death {
    at: Points,
    begun: Arc<Mutex<BTreeSet<(RunId, u32, u32)>>>,
    passed: Arc<AtomicU64>,
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Points {
    Any,
    /// The provider has answered what is sent once.
    Written,
    #[serde(untagged)]
    Of(Phase),
}

pub(super) fn death(text: &str) -> Result<Death, String> {
    let wrong = || "give it as PHASE,NUMBER".to_owned();
    let (at, number) = text.split_once(',').ok_or_else(wrong)?;
    let at = serde_json::from_value(Value::from(at)).map_err(|_| wrong())?;
    let number = number.parse().map_err(|_| wrong())?;
    Ok(Death { at, begun: Arc::default(), passed: Arc::default(), number })
}

impl Death {
    fn counts(&self, point: &Point) -> bool {
        let place = (point.run, point.wave, point.place);
        // What is kept in it is whole between any two statements.
        let mut begun = self.begun.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if point.phase == Phase::Begun {
            begun.insert(place);
        }
        match self.at {
            Points::Any => true,
            Points::Written => point.phase == Phase::Answered && begun.contains(&place),
            Points::Of(phase) => point.phase == phase,
        }
    }
}

impl Probe for Death {
    fn reached(&self, point: &Point) -> bool {
        if self.counts(point) && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.number {
            // The last word of the process.
            tracing::error!("dies at {point}");
            // As with kill -9, the kernel alone cleans up: nothing is dropped, flushed or closed, so the store's file is left as the
            // last write left it. It comes at once and to all threads, where a signal that is sent lets some go on for a while.
            std::process::abort();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_dies_at_the_so_many_th_point_of_its_kind() {
        let point = |place, phase| Point { run: RunId(7), wave: 1, place, phase };
        let passes =
            [point(0, Phase::Begun), point(1, Phase::Answered), point(0, Phase::Answered), point(0, Phase::Ended)];
        let counted = |text: &str| {
            let death = death(text).unwrap();
            passes.iter().map(|point| death.counts(point)).collect::<Vec<bool>>()
        };
        assert_eq!(counted("any,1"), [true; 4]);
        assert_eq!(counted("answered,1"), [false, true, true, false]);
        assert_eq!(counted("written,1"), [false, false, true, false]);
        assert!(death("never,1").is_err() && death("any").is_err() && death("any,some").is_err());
    }
}
