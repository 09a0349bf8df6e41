//! WIT types in, our types out, and back. The only file that knows wit-bindgen.
//!
//! Invariant: no decision is made here.

// The generated bindings speak the canonical ABI.
#![allow(unsafe_code)]

use crate::{connector, host as ours};

wit_bindgen::generate!({ path: "../wit", world: "connector" });

use exports::ipaas::connector::{manifest, on_trigger, preflight, sync};
use ipaas::connector::{clock, http, report, state, types};

/// Smaller than the one of the standard library.
#[global_allocator]
static ALLOCATOR: talc::TalckWasm = unsafe { talc::TalckWasm::new_global() };

struct Guest;
export!(Guest);

/// The imports, as pure code asks for them.
struct Imports;

impl ours::Host for Imports {
    fn send_all(&self, requests: Vec<ours::Request>) -> Vec<ours::Answer> {
        let requests: Vec<http::Request> = requests.into_iter().map(Into::into).collect();
        http::send_all(&requests).into_iter().map(|answer| answer.map(Into::into).map_err(Into::into)).collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        state::get(key)
    }

    fn get_many(&self, keys: &[String]) -> Vec<Option<String>> {
        state::get_many(keys)
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<ours::Entry> {
        all(state::scan(prefix, after, limit))
    }

    fn set(&self, entry: ours::Entry) {
        state::set(&entry.into());
    }

    fn delete(&self, key: &str) {
        state::delete(key);
    }

    fn now(&self) -> ours::Instant {
        clock::now()
    }

    fn log(&self, line: ours::Line) {
        report::log(&report::Line {
            level: match line.level {
                ours::Level::Debug => report::Level::Debug,
                ours::Level::Info => report::Level::Info,
                ours::Level::Warning => report::Level::Warning,
                ours::Level::Error => report::Level::Error,
            },
            code: line.code,
            message: line.message,
            subject: line.subject.map(Into::into),
            fields: line.fields,
        });
    }

    fn changes(&self, changes: Vec<ours::Change>) {
        let change = |change: ours::Change| report::Change {
            connection: change.connection,
            object: change.object,
            id: change.id,
            action: match change.action {
                ours::Action::Created => report::Action::Created,
                ours::Action::Updated => report::Action::Updated,
                ours::Action::Linked => report::Action::Linked,
                ours::Action::Unchanged => report::Action::Unchanged,
                ours::Action::LeftOut => report::Action::LeftOut,
                ours::Action::Failed => report::Action::Failed,
            },
            subject: change.subject.map(Into::into),
            detail: change.detail,
        };
        report::changes(&changes.into_iter().map(change).collect::<Vec<_>>());
    }
}

/// A panic is told in the run log before the trap. Only for calls that may log.
fn tell_panics() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.to_string();
        ours::Host::log(&Imports, ours::Line::new(ours::Level::Error, "panic", &message, None));
    }));
}

impl manifest::Guest for Guest {
    fn describe() -> manifest::Manifest {
        connector::describe().into()
    }

    fn validate(settings: String) -> Vec<types::Finding> {
        all(connector::validate(&settings))
    }

    fn egress(settings: String) -> Result<Vec<manifest::EgressRule>, Vec<types::Finding>> {
        connector::egress(&settings).map(all).map_err(all)
    }

    fn fix_egress(settings: String, code: String) -> Result<Vec<manifest::EgressRule>, Vec<types::Finding>> {
        connector::fix_egress(&settings, &code).map(all).map_err(all)
    }
}

impl preflight::Guest for Guest {
    fn check(context: types::Context) -> Vec<types::Finding> {
        tell_panics();
        all(connector::check(&Imports, &context.into()))
    }

    fn options(_: types::Context, setting: String) -> Result<Vec<preflight::Choice>, types::Finding> {
        tell_panics();
        connector::options(&Imports, &setting).map(all).map_err(Into::into)
    }

    fn fix(context: types::Context, code: String) -> Result<Vec<types::Finding>, types::Finding> {
        tell_panics();
        connector::fix(&Imports, &context.into(), &code).map(all).map_err(Into::into)
    }
}

impl on_trigger::Guest for Guest {
    fn preview(
        context: types::Context,
        delivery: on_trigger::Delivery,
    ) -> Result<Vec<on_trigger::MappedValue>, types::Finding> {
        connector::preview(&context.into(), &delivery.into()).map(all).map_err(Into::into)
    }

    fn admit(context: types::Context, trigger: on_trigger::Trigger) -> on_trigger::Admission {
        let trigger = match trigger {
            on_trigger::Trigger::Webhook(delivery) => ours::Trigger::Webhook(delivery.into()),
            on_trigger::Trigger::Activated(activation) => ours::Trigger::Activated(activation.addresses, activation.at),
            on_trigger::Trigger::SettingsChanged => ours::Trigger::SettingsChanged,
            on_trigger::Trigger::Deactivating(at) => ours::Trigger::Deactivating(at),
        };
        match connector::admit(&context.into(), &trigger) {
            ours::Admission::Tasks(tasks) => on_trigger::Admission::Tasks(all(tasks)),
            ours::Admission::Ignored(why) => on_trigger::Admission::Ignored(why),
            ours::Admission::Refused(why) => on_trigger::Admission::Refused(why),
        }
    }

    fn handle(context: types::Context, batch: Vec<on_trigger::Assignment>) -> Vec<(u32, on_trigger::Outcome)> {
        tell_panics();
        let assignment = |one: on_trigger::Assignment| ours::Assignment {
            id: one.id,
            task: one.task.into(),
            attempt: one.attempt,
            admitted_at: one.admitted_at,
        };
        let batch: Vec<ours::Assignment> = batch.into_iter().map(assignment).collect();
        let ends = connector::handle(&Imports, &context.into(), &batch);
        ends.into_iter().map(|(id, outcome)| (id, outcome.into())).collect()
    }
}

impl sync::Guest for Guest {
    fn sources(context: types::Context) -> Vec<sync::Source> {
        all(connector::sources(&context.into()))
    }

    fn estimate(
        context: types::Context,
        source: String,
        parameters: String,
    ) -> Result<Vec<sync::Cost>, sync::Interruption> {
        tell_panics();
        connector::estimate(&Imports, &context.into(), &source, &parameters).map(all).map_err(Into::into)
    }

    fn run(
        context: types::Context,
        source: String,
        parameters: String,
        cursor: Option<String>,
    ) -> Result<sync::Page, sync::Interruption> {
        tell_panics();
        let page = connector::sync(&Imports, &context.into(), &source, &parameters, cursor.as_deref());
        page.map(Into::into).map_err(Into::into)
    }
}

fn all<A: Into<B>, B>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(Into::into).collect()
}

// Types in.

impl From<types::Subject> for ours::Subject {
    fn from(subject: types::Subject) -> Self {
        Self { kind: subject.kind, id: subject.id }
    }
}

impl From<on_trigger::Delivery> for ours::Delivery {
    fn from(delivery: on_trigger::Delivery) -> Self {
        Self {
            source: delivery.source,
            headers: delivery.headers,
            body: delivery.body,
            received_at: delivery.received_at,
            verified: delivery.verified,
        }
    }
}

impl From<types::Context> for ours::Context {
    fn from(context: types::Context) -> Self {
        let limits = context.limits;
        Self {
            installation: context.installation,
            settings: context.settings,
            activated_at: context.activated_at,
            connections: context.connections,
            dry_run: context.dry_run,
            limits: ours::Limits {
                run_ms: limits.run_ms,
                requests: limits.requests,
                wave: limits.wave,
                request_bytes: limits.request_bytes,
                response_bytes: limits.response_bytes,
                wave_bytes: limits.wave_bytes,
                hold_ms: limits.hold_ms,
            },
        }
    }
}

impl From<types::Task> for ours::Task {
    fn from(task: types::Task) -> Self {
        Self {
            kind: task.kind,
            payload: task.payload,
            ordering_key: task.ordering_key,
            dedupe_key: task.dedupe_key,
            lane: match task.lane {
                types::Lane::Prompt => ours::Lane::Prompt,
                types::Lane::Bulk => ours::Lane::Bulk,
            },
            not_before: task.not_before,
            title: task.title,
            subject: task.subject.map(Into::into),
        }
    }
}

impl From<http::Response> for ours::Response {
    fn from(response: http::Response) -> Self {
        Self { status: response.status, headers: response.headers, body: response.body }
    }
}

impl From<http::Error> for ours::HttpError {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::Denied(denial) => {
                Self::Denied(ours::Denial { layer: denial.layer, rule: denial.rule, remedy: denial.remedy })
            }
            http::Error::NotSent(why) => Self::NotSent(why),
            http::Error::Unknown(why) => Self::Unknown(why),
            http::Error::Unusable(unusable) => {
                Self::Unusable(ours::Unusable { status: unusable.status, problem: unusable.problem })
            }
            http::Error::Throttled(throttle) => {
                Self::Throttled(ours::Throttle { until: throttle.until, reason: throttle.reason })
            }
            http::Error::Unauthorized(why) => Self::Unauthorized(why),
            http::Error::Stopped(why) => Self::Stopped(why),
            http::Error::DryRun => Self::DryRun,
        }
    }
}

impl From<state::Entry> for ours::Entry {
    fn from(entry: state::Entry) -> Self {
        Self { key: entry.key, value: entry.value, subject: entry.subject.map(Into::into) }
    }
}

// Types out.

impl From<ours::Source> for sync::Source {
    fn from(source: ours::Source) -> Self {
        Self {
            name: source.name,
            title: source.title,
            schema: source.schema,
            primary_key: source.primary_key,
            min_interval_ms: source.min_interval_ms,
            parameters: source.parameters,
            scheduled: source.scheduled,
        }
    }
}

impl From<ours::Page> for sync::Page {
    fn from(page: ours::Page) -> Self {
        Self {
            rows: all(page.rows),
            tasks: all(page.tasks),
            cursor: page.cursor,
            more: page.more,
            costs: all(page.costs),
        }
    }
}

impl From<ours::Row> for sync::Row {
    fn from(row: ours::Row) -> Self {
        let change = match row.change {
            ours::RowChange::Upsert => sync::Change::Upsert,
            ours::RowChange::Delete => sync::Change::Delete,
        };
        Self { change, value: row.value }
    }
}

impl From<ours::Cost> for sync::Cost {
    fn from(cost: ours::Cost) -> Self {
        Self { connection: cost.connection, least: cost.least, most: cost.most }
    }
}

impl From<ours::Interruption> for sync::Interruption {
    fn from(interruption: ours::Interruption) -> Self {
        match interruption {
            ours::Interruption::Later(wait) => Self::Later(wait.into()),
            ours::Interruption::BadCursor(why) => Self::BadCursor(why),
            ours::Interruption::Failed(failure) => Self::Failed(failure.into()),
        }
    }
}

impl From<ours::Choice> for preflight::Choice {
    fn from(choice: ours::Choice) -> Self {
        Self { value: choice.value, title: choice.title, detail: choice.detail }
    }
}

impl From<ours::MappedValue> for on_trigger::MappedValue {
    fn from(mapped: ours::MappedValue) -> Self {
        Self {
            source: mapped.source,
            given: mapped.given,
            target: mapped.target,
            written: mapped.written,
            note: mapped.note,
        }
    }
}

impl From<ours::Subject> for types::Subject {
    fn from(subject: ours::Subject) -> Self {
        Self { kind: subject.kind, id: subject.id }
    }
}

impl From<ours::Entry> for state::Entry {
    fn from(entry: ours::Entry) -> Self {
        Self { key: entry.key, value: entry.value, subject: entry.subject.map(Into::into) }
    }
}

impl From<ours::Method> for types::Method {
    fn from(method: ours::Method) -> Self {
        match method {
            ours::Method::Get => Self::Get,
            ours::Method::Post => Self::Post,
            ours::Method::Put => Self::Put,
            ours::Method::Patch => Self::Patch,
            ours::Method::Delete => Self::Delete,
        }
    }
}

impl From<ours::Request> for http::Request {
    fn from(request: ours::Request) -> Self {
        Self {
            connection: request.connection,
            method: request.method.into(),
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body.map(|body| http::Body { content_type: body.content_type, bytes: body.bytes }),
            repeat: match request.repeat {
                ours::Repeat::Read => http::Repeat::Read,
                ours::Repeat::Idempotent => http::Repeat::Idempotent,
                ours::Repeat::Once => http::Repeat::Once,
            },
            purpose: request.purpose,
        }
    }
}

impl From<ours::Task> for types::Task {
    fn from(task: ours::Task) -> Self {
        Self {
            kind: task.kind,
            payload: task.payload,
            ordering_key: task.ordering_key,
            dedupe_key: task.dedupe_key,
            lane: match task.lane {
                ours::Lane::Prompt => types::Lane::Prompt,
                ours::Lane::Bulk => types::Lane::Bulk,
            },
            not_before: task.not_before,
            title: task.title,
            subject: task.subject.map(Into::into),
        }
    }
}

impl From<ours::Wait> for types::Wait {
    fn from(wait: ours::Wait) -> Self {
        Self { until: wait.until, reason: wait.reason, wake_on: wait.wake_on, pause: wait.pause }
    }
}

impl From<ours::Failure> for types::Failure {
    fn from(failure: ours::Failure) -> Self {
        Self {
            class: match failure.class {
                ours::FailureClass::NeedsAttention => types::FailureClass::NeedsAttention,
                ours::FailureClass::Invalid => types::FailureClass::Invalid,
                ours::FailureClass::Bug => types::FailureClass::Bug,
            },
            problem: failure.problem,
            remedy: failure.remedy,
        }
    }
}

impl From<ours::Outcome> for on_trigger::Outcome {
    fn from(outcome: ours::Outcome) -> Self {
        match outcome {
            ours::Outcome::Done(completion) => {
                Self::Done(on_trigger::Completion { follow_ups: all(completion.follow_ups), wakes: completion.wakes })
            }
            ours::Outcome::Later(wait) => Self::Later(wait.into()),
            ours::Outcome::Failed(failure) => Self::Failed(failure.into()),
        }
    }
}

impl From<ours::Finding> for types::Finding {
    fn from(finding: ours::Finding) -> Self {
        Self {
            code: finding.code,
            severity: match finding.severity {
                ours::Severity::Fine => types::Severity::Fine,
                ours::Severity::Notice => types::Severity::Notice,
                ours::Severity::Warning => types::Severity::Warning,
                ours::Severity::Blocker => types::Severity::Blocker,
            },
            place: finding.place,
            problem: finding.problem,
            remedy: finding.remedy,
            fixable: finding.fixable,
        }
    }
}

impl From<ours::EgressRule> for manifest::EgressRule {
    fn from(rule: ours::EgressRule) -> Self {
        Self {
            connection: rule.connection,
            methods: all(rule.methods),
            path: rule.path,
            body_fields: rule.body_fields,
            headers: rule.headers,
            reason: rule.reason,
        }
    }
}

impl From<ours::Manifest> for manifest::Manifest {
    fn from(ours: ours::Manifest) -> Self {
        Self {
            name: ours.name,
            version: ours.version,
            title: ours.title,
            description: ours.description,
            connections: all(ours.connections),
            webhooks: all(ours.webhooks),
            settings_schema: ours.settings_schema,
            batch_tasks: ours.batch_tasks,
            batch_bytes: ours.batch_bytes,
            give_up_ms: ours.give_up_ms,
            exclusive: ours.exclusive,
        }
    }
}

impl From<ours::ConnectionNeed> for manifest::ConnectionNeed {
    fn from(need: ours::ConnectionNeed) -> Self {
        Self {
            name: need.name,
            provider: need.provider,
            title: need.title,
            scopes: need.scopes,
            required: need.required,
        }
    }
}

impl From<ours::WebhookSource> for manifest::WebhookSource {
    fn from(source: ours::WebhookSource) -> Self {
        Self {
            name: source.name,
            signature: match source.signature {
                ours::Signature::Unsigned => manifest::Signature::Unsigned,
                ours::Signature::Digest(digest) => manifest::Signature::Digest(digest.into()),
            },
            headers: source.headers,
            max_bytes: source.max_bytes,
        }
    }
}

impl From<ours::Digest> for manifest::Digest {
    fn from(digest: ours::Digest) -> Self {
        let part = |part: ours::Part| match part {
            ours::Part::Timestamp => manifest::Part::Timestamp,
            ours::Part::Secret => manifest::Part::Secret,
            ours::Part::Body => manifest::Part::Body,
        };
        Self {
            header: digest.header,
            format: digest.format,
            algorithm: match digest.algorithm {
                ours::Algorithm::Sha256 => manifest::Algorithm::Sha256,
                ours::Algorithm::HmacSha256 => manifest::Algorithm::HmacSha256,
            },
            parts: digest.parts.into_iter().map(part).collect(),
            encoding: match digest.encoding {
                ours::Encoding::HexLower => manifest::Encoding::HexLower,
                ours::Encoding::Base64 => manifest::Encoding::Base64,
            },
            tolerance_ms: digest.tolerance_ms,
        }
    }
}
