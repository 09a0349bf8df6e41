//! The exports as plain functions. `glue.rs` turns WIT types into ours and calls these; tests call them as they are.

use crate::{
    check,
    executor::{Flow, Waves},
    flow::{
        await_campaign, event_published, fill, form_submitted, people, reading, session_changed, session_ended,
        session_scheduled, webhooks,
    },
    host::{
        Admission, Assignment, Choice, Completion, Context, Cost, Delivery, EgressRule, Failure, FailureClass, Finding,
        Host, Interruption, Manifest, MappedValue, Outcome, Page, Severity, Source, Trigger,
    },
    livestorm, manifest, mapping,
    settings::{self, Settings},
    stop::Stop,
    sync,
    task::{
        self, ATTENDANCE, AWAIT_CAMPAIGN, CAMPAIGN_FOUND, CHECK_WEBHOOKS, ENSURE_SESSION, EVENT_PUBLISHED,
        FILL_SESSION, FORGET_PEOPLE, FORM_SUBMITTED, READ_PAGE, READ_PEOPLE, REGISTER, REMOVE_WEBHOOKS, REMOVED,
        RENEW_WEBHOOKS, REPLAY, SESSION_CHANGED, SESSION_CREATED, SESSION_ENDED, SESSION_READY, SET_UP_WEBHOOKS,
        SETTLE_READ, UNREADABLE,
    },
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

pub fn fix_egress(settings: &str, code: &str) -> Result<Vec<EgressRule>, Vec<Finding>> {
    settings::parse(settings).map(|_| check::fix::egress(code))
}

pub fn options(host: &dyn Host, setting: &str) -> Result<Vec<Choice>, Finding> {
    check::options::options(host, setting)
}

pub fn fix(host: &dyn Host, context: &Context, code: &str) -> Result<Vec<Finding>, Finding> {
    let settings = settings::parse(&context.settings).map_err(first)?;
    check::fix::fix(host, &settings, code)
}

/// What the settings would make of the person whom a delivery is about.
pub fn preview(context: &Context, delivery: &Delivery) -> Result<Vec<MappedValue>, Finding> {
    let settings = settings::parse(&context.settings).map_err(first)?;
    let sample = livestorm::sample::of(delivery, &settings).map_err(|why| {
        let remedy = "Take the body of a webhook or a row of the REST API that is about a person: a registration, an attendance or \
                      a replay.";
        Finding::new("no-sample", Severity::Blocker, "/", &format!("Nothing can be shown of this body: {why}."), remedy)
    })?;
    Ok(mapping::preview::rows(&settings.mapping, settings.objects(), &sample.values, &sample.occasions))
}

/// Of settings that cannot be used, what is told first.
fn first(findings: Vec<Finding>) -> Finding {
    let none =
        || Finding::new("settings-wrong", Severity::Blocker, "/", "The settings cannot be used.", "Correct them.");
    findings.into_iter().next().unwrap_or_else(none)
}

pub fn sources(context: &Context) -> Vec<Source> {
    // Settings that cannot be used are told by the passes.
    sync::sources(&settings::parse(&context.settings).unwrap_or_default())
}

/// What a pass will cost, before it begins.
pub fn estimate(host: &dyn Host, context: &Context, source: &str, parameters: &str) -> Result<Vec<Cost>, Interruption> {
    let settings = settings::parse(&context.settings).map_err(|found| failed(&found))?;
    sync::estimate(host, context, &settings, source, parameters)
}

/// One page of a source.
pub fn sync(
    host: &dyn Host,
    context: &Context,
    source: &str,
    parameters: &str,
    cursor: Option<&str>,
) -> Result<Page, Interruption> {
    let settings = settings::parse(&context.settings).map_err(|found| failed(&found))?;
    sync::run(host, context, &settings, source, &sync::Asked { parameters, cursor })
}

fn failed(findings: &[Finding]) -> Interruption {
    Interruption::Failed(unusable_settings(findings))
}

fn no_such_source(source: &str) -> String {
    format!("no such source: {}", fit(source, 64))
}

pub fn admit(context: &Context, trigger: &Trigger) -> Admission {
    match trigger {
        Trigger::Webhook(delivery)
            if [manifest::SOURCE_UNSIGNED, manifest::SOURCE_SIGNED].contains(&delivery.source.as_str()) =>
        {
            // Settings that cannot be used are told by the tasks, which can be retried; a delivery is taken in any case.
            livestorm::admit::admit(delivery, &settings::parse(&context.settings).unwrap_or_default())
        }
        Trigger::Webhook(delivery) => Admission::Refused(no_such_source(&delivery.source)),
        Trigger::Activated(addresses, at) => Admission::Tasks(vec![webhooks::set_up_task(addresses, *at)]),
        Trigger::SettingsChanged => Admission::Ignored("the new settings are used from the next task on".into()),
        Trigger::Deactivating(at) => Admission::Tasks(vec![task::remove_webhooks(*at)]),
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
                None => Outcome::from(Stop::bug(format!("The task of kind {} got no outcome", one.task.kind))),
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
    let (mut ends, mut waiting, mut steps) = (Ends::new(), Vec::new(), Vec::new());
    let (mut people, mut forms) = (Vec::new(), Vec::new());
    for one in batch {
        let task = &one.task;
        let read = match task.kind.as_str() {
            SESSION_READY => {
                task::payload(task).map(|ready| ends.push((one.id, Ok(people::session_ready(&work, &ready)))))
            }
            AWAIT_CAMPAIGN => task::payload(task).map(|payload| waiting.push((one.id, payload))),
            SESSION_CREATED | SESSION_CHANGED | ENSURE_SESSION | CAMPAIGN_FOUND | SESSION_ENDED | READ_PEOPLE
            | READ_PAGE | SETTLE_READ | FORGET_PEOPLE | UNREADABLE | FILL_SESSION | EVENT_PUBLISHED
            | SET_UP_WEBHOOKS | CHECK_WEBHOOKS | RENEW_WEBHOOKS | REMOVE_WEBHOOKS => {
                steps.push(one);
                Ok(())
            }
            REGISTER | ATTENDANCE | REPLAY | REMOVED => task::payload(task).map(|person| {
                people.push(people::One { id: one.id, task: task.clone(), person, admitted_at: one.admitted_at });
            }),
            FORM_SUBMITTED => task::payload(task).map(|submitted| {
                forms.push(form_submitted::One {
                    id: one.id,
                    task: task.clone(),
                    submitted,
                    admitted_at: one.admitted_at,
                });
            }),
            kind => Err(format!("This version of the connector does not know tasks of kind {}", fit(kind, 64))),
        };
        if let Err(why) = read {
            ends.push((one.id, Err(Stop::bug(why))));
        }
    }
    let flow: Flow<'_, Ends> = Box::pin(async {
        let mut ends = await_campaign::all(&work, waiting).await;
        // Read one by one, each after the one before it has written what it remembers.
        let mut pages = reading::PAGES_A_RUN;
        for one in steps {
            let end = match one.task.kind.as_str() {
                EVENT_PUBLISHED => event_published::all(&work, &one.task).await,
                SET_UP_WEBHOOKS | CHECK_WEBHOOKS | RENEW_WEBHOOKS | REMOVE_WEBHOOKS => {
                    webhooks::step(&work, &one.task).await
                }
                SESSION_CREATED => session_changed::created(&work, &one.task).await,
                SESSION_CHANGED => session_changed::changed(&work, &one.task).await,
                SESSION_ENDED => session_ended::ended(&work, &one.task).await,
                FILL_SESSION => fill::fill(&work, &one.task).await,
                READ_PEOPLE | READ_PAGE | SETTLE_READ | FORGET_PEOPLE | UNREADABLE => {
                    reading::step(&work, &one.task, &mut pages).await
                }
                _ => match session_scheduled::step(&work, &one.task) {
                    Ok(step) => session_scheduled::advance(&work, step).await,
                    Err(why) => Err(why),
                },
            };
            ends.push((one.id, end));
        }
        ends
    });
    ends.extend(waves.run(host, context.limits.wave, vec![flow]).into_iter().flatten());
    ends.extend(form_submitted::all(&work, forms));
    ends.extend(people::all(&work, people));
    ends
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
        host::{Lane, Task},
        test_host::{TestHost, context},
    };

    const KINDS: [&str; 22] = [
        SESSION_CREATED,
        ENSURE_SESSION,
        CAMPAIGN_FOUND,
        AWAIT_CAMPAIGN,
        SESSION_READY,
        SESSION_ENDED,
        SESSION_CHANGED,
        SET_UP_WEBHOOKS,
        CHECK_WEBHOOKS,
        RENEW_WEBHOOKS,
        READ_PEOPLE,
        READ_PAGE,
        SETTLE_READ,
        FORGET_PEOPLE,
        UNREADABLE,
        EVENT_PUBLISHED,
        REGISTER,
        ATTENDANCE,
        REPLAY,
        REMOVED,
        FORM_SUBMITTED,
        FILL_SESSION,
    ];

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
        assert_eq!(ends.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
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
        let host = TestHost::new(0, |_| panic!("nothing is sent"));
        assert_eq!(options(&host, "/x").map_err(|finding| finding.code), Err("not-offered".into()));
        assert_eq!(fix(&host, &context(), "x").map_err(|finding| finding.severity), Err(Severity::Notice));
        assert_eq!(no_such_source("people"), "no such source: people");
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
        let admit = |trigger| admit(&context(), &trigger);
        assert_eq!(admit(delivery("other")), Admission::Refused("no such source: other".into()));
        assert!(matches!(admit(delivery("livestorm-signed")), Admission::Refused(why) if why.starts_with("/:")));
        assert!(matches!(admit(Trigger::SettingsChanged), Admission::Ignored(_)));
    }
}
