//! Why a flow does not go on, as the host is told it and as people read it.
//!
//! A message has four fields (what, whom, why, remedy), so that none is forgotten.

use crate::host::{Failure, FailureClass, HttpError, Instant, MINUTE, Outcome, SECOND, Wait};
use crate::text::fit;

/// A flow ended without its work done. `?` carries it outwards.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    Later(Box<Wait>),
    Failed(Box<Failure>),
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Later(wait) => Outcome::Later(*wait),
            Stop::Failed(failure) => Outcome::Failed(*failure),
        }
    }
}

impl Stop {
    /// Of ours, and about a task as a whole.
    pub fn bug(problem: String) -> Stop {
        let remedy = "This is for the makers of the connector: send them this text.";
        let class = FailureClass::Bug;
        Stop::Failed(Box::new(Failure { class, problem: fit(&problem, 2_000), remedy: remedy.into() }))
    }
}

/// What was going on, and for whom: `add to the list`, `ana@example.org`.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    pub what: &'a str,
    pub whom: &'a str,
}

impl Doing<'_> {
    pub fn later(&self, until: Instant, why: &str) -> Stop {
        let reason = fit(&format!("{} for {}: {why}", self.what, self.whom), 300);
        Stop::Later(Box::new(Wait { until, reason, wake_on: None, pause: None }))
    }

    /// As `later`, and nothing more is sent on the connection until then: the provider said so for the whole account.
    pub fn pause(&self, until: Instant, why: &str, connection: &str) -> Stop {
        let mut stop = self.later(until, why);
        if let Stop::Later(wait) = &mut stop {
            wait.pause = Some(connection.into());
        }
        stop
    }

    pub fn failed(&self, class: FailureClass, why: &str, remedy: &str) -> Stop {
        let problem = fit(&format!("Could not {} for {}. {why}", self.what, self.whom), 2_000);
        Stop::Failed(Box::new(Failure { class, problem, remedy: fit(remedy, 1_000) }))
    }

    pub fn needs_attention(&self, why: &str, remedy: &str) -> Stop {
        self.failed(FailureClass::NeedsAttention, why, remedy)
    }

    pub fn bug(&self, why: &str) -> Stop {
        let remedy =
            "This is for the makers of the connector: send them this text. Nothing was written by this attempt.";
        self.failed(FailureClass::Bug, why, remedy)
    }
}

/// What an error of the host means for a read or an idempotent write. A dry run never comes here: whoever writes takes its
/// placeholder before.
pub fn for_http(error: &HttpError, now: Instant, doing: &Doing<'_>) -> Stop {
    match error {
        HttpError::Throttled(throttle) => doing.later(throttle.until.max(now), &throttle.reason),
        HttpError::NotSent(why) => doing.later(now + MINUTE, &format!("the provider was not reached ({why})")),
        HttpError::Unknown(why) => doing.later(now + MINUTE, &format!("no usable answer came ({why})")),
        HttpError::Stopped(why) => doing.later(now + 5 * SECOND, &format!("this run had to end ({why})")),
        HttpError::Unauthorized(why) => {
            doing.later(now + 15 * MINUTE, &format!("the connection must be signed in again ({why})"))
        }
        HttpError::Denied(denial) => doing.needs_attention(
            &format!("The host does not let this request out: {} ({})", denial.rule, denial.layer),
            &denial.remedy,
        ),
        HttpError::Unusable(unusable) => {
            doing.later(now + 5 * MINUTE, &format!("the answer could not be used ({})", unusable.problem))
        }
        HttpError::DryRun => doing.bug("A read was answered as a dry run"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Denial, Throttle, Unusable};

    #[test]
    fn every_error_of_the_host_becomes_one_outcome() {
        let doing = Doing { what: "look the prospect up", whom: "ana@example.org" };
        let now = 1_000_000;
        let rows = [
            (HttpError::Throttled(Throttle { until: now + 7, reason: "quota".into() }), Some(now + 7)),
            (HttpError::NotSent("refused".into()), Some(now + MINUTE)),
            (HttpError::Unknown("time-out".into()), Some(now + MINUTE)),
            (HttpError::Stopped("requests".into()), Some(now + 5 * SECOND)),
            (HttpError::Unauthorized("refresh".into()), Some(now + 15 * MINUTE)),
            (HttpError::Unusable(Unusable { status: Some(200), problem: "5 MiB".into() }), Some(now + 5 * MINUTE)),
            (HttpError::Denied(Denial { layer: "operator".into(), rule: "r".into(), remedy: "allow".into() }), None),
        ];
        for (error, until) in rows {
            match for_http(&error, now, &doing) {
                Stop::Later(wait) => {
                    assert_eq!(Some(wait.until), until, "{error:?}");
                    assert!(wait.reason.contains("ana@example.org"), "{}", wait.reason);
                }
                Stop::Failed(failure) => {
                    assert_eq!(until, None, "{error:?}");
                    assert_eq!(failure.class, FailureClass::NeedsAttention);
                    assert!(failure.problem.contains("operator") && failure.remedy == "allow", "{failure:?}");
                }
            }
        }
    }

    #[test]
    fn texts_keep_to_the_limits_of_the_contract() {
        let whom = "é".repeat(3_000);
        let doing = Doing { what: "x", whom: &whom };
        let Stop::Later(wait) = doing.later(0, "y") else { panic!("later waits") };
        assert!(wait.reason.len() <= 300);
        let Stop::Failed(failure) = doing.needs_attention("y", &whom) else { panic!("fails") };
        assert!(failure.problem.len() <= 2_000 && failure.remedy.len() <= 1_000);
    }
}
