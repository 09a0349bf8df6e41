//! The exports as plain functions. `glue.rs` turns WIT types into ours and calls these; tests call them as they are.

use crate::{
    check,
    executor::{Flow, Waves},
    flow::{await_campaign, registered, session_scheduled},
    host::{
        Admission, Assignment, Choice, Completion, Context, Cost, EgressRule, Failure, FailureClass, Finding, Host,
        Interruption, Manifest, Outcome, Page, Source, Trigger,
    },
    livestorm, manifest,
    settings::{self, Settings},
    stop::Stop,
    task::{self, AWAIT_CAMPAIGN, CAMPAIGN_FOUND, ENSURE_SESSION, REGISTER, SESSION_CREATED, SESSION_READY},
    text::fit,
    work::Work,
};

pub fn describe() -> Manifest {
    manifest::describe()
}

pub fn validate(settings: &str) -> Vec<Finding> {
    manifest::validate(settings)
}

pub fn egress(settings: &str) -> Result<Vec<EgressRule>, Vec<Finding>> {
    manifest::egress(settings)
}

pub fn check(host: &dyn Host, context: &Context) -> Vec<Finding> {
    check::check(host, context)
}

pub fn options(setting: &str) -> Result<Vec<Choice>, Finding> {
    Err(check::not_offered(setting, "offers no choices for this setting: write the value"))
}

pub fn fix(code: &str) -> Result<Vec<Finding>, Finding> {
    Err(check::not_offered(code, "mends nothing by itself"))
}

pub fn sources() -> Vec<Source> {
    Vec::new()
}

pub fn estimate(source: &str) -> Result<Vec<Cost>, Interruption> {
    Err(no_such_source(source))
}

pub fn run(source: &str) -> Result<Page, Interruption> {
    Err(no_such_source(source))
}

fn no_such_source(source: &str) -> Interruption {
    Interruption::BadCursor(format!("no such source: {}", fit(source, 64)))
}

pub fn admit(trigger: &Trigger) -> Admission {
    match trigger {
        Trigger::Webhook(delivery)
            if [manifest::SOURCE_UNSIGNED, manifest::SOURCE_SIGNED].contains(&delivery.source.as_str()) =>
        {
            livestorm::admit::admit(delivery)
        }
        Trigger::Webhook(delivery) => Admission::Refused(format!("no such source: {}", fit(&delivery.source, 64))),
        Trigger::Activated(_) => Admission::Ignored("switched on; work begins with the next delivery".into()),
        Trigger::SettingsChanged => Admission::Ignored("the new settings are used from the next task on".into()),
        Trigger::Deactivating => Admission::Ignored("nothing is to be taken back".into()),
    }
}

/// The work of a batch of one ordering key: one outcome for each assignment, in its order.
pub fn handle(host: &dyn Host, context: &Context, batch: &[Assignment]) -> Vec<(u32, Outcome)> {
    let settings = match settings::parse(&context.settings) {
        Ok(settings) => settings,
        Err(findings) => {
            let failure = unusable_settings(&findings);
            return batch.iter().map(|one| (one.id, Outcome::Failed(failure.clone()))).collect();
        }
    };
    let mut ends = by_kind(host, context, &settings, batch);
    batch
        .iter()
        .map(|one| {
            let place = ends.iter().position(|(id, _)| *id == one.id);
            let outcome = match place.map(|place| ends.swap_remove(place).1) {
                Some(Ok(completion)) => Outcome::Done(completion),
                Some(Err(stop)) => stop.into(),
                None => Outcome::Failed(bug(format!("The task of kind {} got no outcome", one.task.kind))),
            };
            (one.id, outcome)
        })
        .collect()
}

type Ends = Vec<(u32, Result<Completion, Stop>)>;

/// *Session-ready* before the registrations that it sets free, *await-campaign* as one poll, the steps of one session one
/// after another.
fn by_kind(host: &dyn Host, context: &Context, settings: &Settings, batch: &[Assignment]) -> Ends {
    let waves = Waves::default();
    let work = Work { host, waves: &waves, context, settings };
    let mut ends = Ends::new();

    for one in batch.iter().filter(|one| one.task.kind == SESSION_READY) {
        let end = task::payload(&one.task).map(|ready| registered::session_ready(&work, &ready));
        ends.push((one.id, end.map_err(unreadable)));
    }

    let mut waiting = Vec::new();
    for one in batch.iter().filter(|one| one.task.kind == AWAIT_CAMPAIGN) {
        match task::payload::<task::AwaitCampaign>(&one.task) {
            Ok(await_campaign) => waiting.push((one.id, await_campaign)),
            Err(why) => ends.push((one.id, Err(unreadable(why)))),
        }
    }
    if !waiting.is_empty() {
        let (ids, waiting): (Vec<u32>, Vec<_>) = waiting.into_iter().unzip();
        let flow: Flow<'_, _> = Box::pin(await_campaign::all(&work, &waiting));
        let all = waves.run(host, context.limits.wave, vec![flow]).into_iter().flatten();
        ends.extend(ids.into_iter().zip(all));
    }

    let session_steps: Flow<'_, Ends> = Box::pin(async {
        let mut ends = Ends::new();
        for one in batch {
            if let Some(end) = session_step(&work, one).await {
                ends.push((one.id, end));
            }
        }
        ends
    });
    ends.extend(waves.run(host, context.limits.wave, vec![session_steps]).into_iter().flatten());

    let mut registrations = Vec::new();
    for one in batch.iter().filter(|one| one.task.kind == REGISTER) {
        match task::payload::<task::Register>(&one.task) {
            Ok(register) => registrations.push(registered::One {
                id: one.id,
                register,
                dedupe_key: one.task.dedupe_key.clone(),
                admitted_at: one.admitted_at,
            }),
            Err(why) => ends.push((one.id, Err(unreadable(why)))),
        }
    }
    ends.extend(registered::all(&work, registrations));

    for one in batch.iter().filter(|one| !KINDS.contains(&one.task.kind.as_str())) {
        let why = format!("This version of the connector does not know tasks of kind {}", fit(&one.task.kind, 64));
        ends.push((one.id, Err(unreadable(why))));
    }
    ends
}

const KINDS: [&str; 6] = [SESSION_CREATED, ENSURE_SESSION, CAMPAIGN_FOUND, AWAIT_CAMPAIGN, SESSION_READY, REGISTER];

/// None: not a step of a session.
async fn session_step(work: &Work<'_>, one: &Assignment) -> Option<Result<Completion, Stop>> {
    Some(match one.task.kind.as_str() {
        SESSION_CREATED => match task::payload(&one.task) {
            Ok(payload) => session_scheduled::created(work, payload).await,
            Err(why) => Err(unreadable(why)),
        },
        ENSURE_SESSION => match task::payload(&one.task) {
            Ok(payload) => session_scheduled::ensure(work, payload).await,
            Err(why) => Err(unreadable(why)),
        },
        CAMPAIGN_FOUND => match task::payload(&one.task) {
            Ok(payload) => session_scheduled::campaign_found(work, payload).await,
            Err(why) => Err(unreadable(why)),
        },
        _ => return None,
    })
}

fn unreadable(why: String) -> Stop {
    Stop::Failed(Box::new(bug(why)))
}

fn bug(problem: String) -> Failure {
    let remedy = "This is for the makers of the connector: send them this text.";
    Failure { class: FailureClass::Bug, problem: fit(&problem, 2_000), remedy: remedy.into() }
}

fn unusable_settings(findings: &[Finding]) -> Failure {
    let problems: Vec<&str> = findings.iter().map(|finding| finding.problem.as_str()).collect();
    let remedies: Vec<&str> = findings.iter().map(|finding| finding.remedy.as_str()).collect();
    Failure {
        class: FailureClass::NeedsAttention,
        problem: fit(&format!("The settings cannot be used. {}", problems.join(" ")), 2_000),
        remedy: fit(&format!("{} Then retry.", remedies.join(" ")), 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Delivery, Lane, Severity, Task},
        test_host::{TestHost, context},
    };

    fn assignment(id: u32, kind: &str, payload: &str) -> Assignment {
        let task = Task {
            kind: kind.into(),
            payload: payload.into(),
            ordering_key: "people".into(),
            dedupe_key: format!("{kind}/{id}"),
            lane: Lane::Prompt,
            not_before: None,
            title: String::new(),
            subject: None,
        };
        Assignment { id, task, attempt: 1, admitted_at: 0 }
    }

    #[test]
    fn every_assignment_gets_one_outcome_whatever_is_in_it() {
        let host = TestHost::new(0, |_| panic!("nothing is sent"));
        let kinds = KINDS.iter().copied().chain(["something-new", ""]);
        let batch: Vec<_> = (0u32..).zip(kinds).map(|(id, kind)| assignment(id, kind, r#"{"wrong": 1}"#)).collect();
        let ends = handle(&host, &context(), &batch);
        assert_eq!(ends.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
        for (_, outcome) in ends {
            assert!(matches!(outcome, Outcome::Failed(Failure { class: FailureClass::Bug, .. })), "{outcome:?}");
        }
    }

    #[test]
    fn settings_that_cannot_be_used_need_attention() {
        let host = TestHost::new(0, |_| panic!("nothing is sent"));
        let context = Context { settings: r#"{"left_out": {"domain": []}}"#.into(), ..context() };
        let ends = handle(&host, &context, &[assignment(7, REGISTER, "{}")]);
        let [(7, Outcome::Failed(failure))] = &ends[..] else { panic!("{ends:?}") };
        assert_eq!(failure.class, FailureClass::NeedsAttention);
        assert!(failure.remedy.contains("\"domains\""), "{failure:?}");
    }

    #[test]
    fn what_is_not_offered_says_so() {
        assert_eq!(options("/x").unwrap_err().code, "not-offered");
        assert_eq!(fix("x").unwrap_err().severity, Severity::Notice);
        assert_eq!(run("people"), Err(Interruption::BadCursor("no such source: people".into())));
        assert!(estimate("people").is_err() && sources().is_empty());
    }

    #[test]
    fn only_declared_sources_are_admitted() {
        let delivery = |source: &str| {
            Trigger::Webhook(Delivery {
                source: source.into(),
                headers: vec![],
                body: b"{}".to_vec(),
                received_at: 0,
                verified: false,
            })
        };
        assert_eq!(admit(&delivery("other")), Admission::Refused("no such source: other".into()));
        assert!(matches!(admit(&delivery("livestorm-signed")), Admission::Refused(why) if why.starts_with("/:")));
        assert!(matches!(admit(&Trigger::SettingsChanged), Admission::Ignored(_)));
    }
}
