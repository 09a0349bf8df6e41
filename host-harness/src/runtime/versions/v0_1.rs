//! ipaas:connector@0.1.0. Generated types on one side, plain ones on the other, and nothing decided in between.

use crate::{
    clock::Timestamp,
    effect::{self, Answer},
    runtime::{contract, instance::Caller, limits::Limits},
    sync::Pass,
};
use wasmtime::{
    Store,
    component::{Component, HasSelf, Linker},
};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "connector",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use bindings::{
    Connector, ConnectorPre,
    exports::ipaas::connector::{manifest, on_trigger, preflight, sync},
    ipaas::connector::{clock, http, report, state, types},
};

pub type Result<T> = wasmtime::Result<T>;

/// A component whose imports are resolved.
#[derive(Clone)]
pub struct Pre(ConnectorPre<Caller>);

pub(in crate::runtime) fn link(linker: &mut Linker<Caller>, component: &Component) -> Result<Pre> {
    Connector::add_to_linker::<_, HasSelf<_>>(linker, |caller| caller)?;
    Ok(Pre(ConnectorPre::new(linker.instantiate_pre(component)?)?))
}

/// The exports, each on a fresh instance. They own what they are given: a call borrows nothing of its driver.
impl Pre {
    pub(in crate::runtime) async fn describe(self, mut store: Store<Caller>) -> Result<contract::Manifest> {
        let guest = self.0.instantiate_async(&mut store).await?;
        Ok(guest.ipaas_connector_manifest().call_describe(&mut store).await?.into())
    }

    pub(in crate::runtime) async fn validate(
        self,
        mut store: Store<Caller>,
        settings: String,
    ) -> Result<Vec<contract::Finding>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        Ok(list(guest.ipaas_connector_manifest().call_validate(&mut store, &settings).await?))
    }

    pub(in crate::runtime) async fn egress(
        self,
        mut store: Store<Caller>,
        settings: String,
    ) -> Result<std::result::Result<Vec<contract::EgressRule>, Vec<contract::Finding>>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        Ok(guest.ipaas_connector_manifest().call_egress(&mut store, &settings).await?.map(list).map_err(list))
    }

    pub(in crate::runtime) async fn check(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
    ) -> Result<Vec<contract::Finding>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        Ok(list(guest.ipaas_connector_preflight().call_check(&mut store, &context.into()).await?))
    }

    pub(in crate::runtime) async fn options(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        setting: String,
    ) -> Result<std::result::Result<Vec<contract::Choice>, contract::Finding>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let preflight = guest.ipaas_connector_preflight();
        Ok(preflight.call_options(&mut store, &context.into(), &setting).await?.map(list).map_err(Into::into))
    }

    pub(in crate::runtime) async fn fix_egress(
        self,
        mut store: Store<Caller>,
        settings: String,
        code: String,
    ) -> Result<std::result::Result<Vec<contract::EgressRule>, Vec<contract::Finding>>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let manifest = guest.ipaas_connector_manifest();
        Ok(manifest.call_fix_egress(&mut store, &settings, &code).await?.map(list).map_err(list))
    }

    pub(in crate::runtime) async fn fix(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        code: String,
    ) -> Result<std::result::Result<Vec<contract::Finding>, contract::Finding>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let preflight = guest.ipaas_connector_preflight();
        Ok(preflight.call_fix(&mut store, &context.into(), &code).await?.map(list).map_err(Into::into))
    }

    pub(in crate::runtime) async fn sources(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
    ) -> Result<Vec<contract::Source>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        Ok(list(guest.ipaas_connector_sync().call_sources(&mut store, &context.into()).await?))
    }

    pub(in crate::runtime) async fn estimate(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        source: String,
        parameters: String,
    ) -> Result<std::result::Result<Vec<contract::Cost>, contract::Interruption>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let sync = guest.ipaas_connector_sync();
        let costs = sync.call_estimate(&mut store, &context.into(), &source, &parameters).await?;
        Ok(costs.map(list).map_err(Into::into))
    }

    pub(in crate::runtime) async fn page(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        pass: Pass,
    ) -> Result<std::result::Result<contract::Page, contract::Interruption>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let Pass { source, parameters, cursor, .. } = pass;
        let sync = guest.ipaas_connector_sync();
        let page = sync.call_run(&mut store, &context.into(), &source, &parameters, cursor.as_deref()).await?;
        Ok(page.map(Into::into).map_err(Into::into))
    }

    pub(in crate::runtime) async fn preview(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        delivery: effect::Delivery,
    ) -> Result<std::result::Result<Vec<contract::MappedValue>, contract::Finding>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let trigger = guest.ipaas_connector_on_trigger();
        Ok(trigger.call_preview(&mut store, &context.into(), &delivery.into()).await?.map(list).map_err(Into::into))
    }

    pub(in crate::runtime) async fn admit(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        trigger: effect::Trigger,
    ) -> Result<Admission> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let trigger = match trigger {
            effect::Trigger::Webhook(delivery) => on_trigger::Trigger::Webhook(delivery.into()),
            effect::Trigger::Activated { addresses, at } => {
                let addresses = addresses.into_iter().collect();
                on_trigger::Trigger::Activated(on_trigger::Activation { addresses, at: at.0 })
            }
            effect::Trigger::Deactivating { at } => on_trigger::Trigger::Deactivating(at.0),
        };
        let admission = guest.ipaas_connector_on_trigger().call_admit(&mut store, &context.into(), &trigger).await?;
        Ok(match admission {
            on_trigger::Admission::Tasks(tasks) => Admission::Tasks(list(tasks)),
            on_trigger::Admission::Ignored(why) => Admission::Ignored(why),
            on_trigger::Admission::Refused(why) => Admission::Refused(why),
        })
    }

    pub(in crate::runtime) async fn handle(
        self,
        mut store: Store<Caller>,
        context: contract::Context,
        batch: Vec<effect::Assignment>,
    ) -> Result<Vec<(u32, effect::Outcome)>> {
        let guest = self.0.instantiate_async(&mut store).await?;
        let batch: Vec<on_trigger::Assignment> = list(batch);
        let outcomes = guest.ipaas_connector_on_trigger().call_handle(&mut store, &context.into(), &batch).await?;
        Ok(outcomes.into_iter().map(|(id, outcome)| (id, outcome.into())).collect())
    }
}

/// What the connector makes of a delivery.
pub enum Admission {
    Tasks(Vec<effect::Task>),
    Ignored(String),
    Refused(String),
}

fn list<A, B: From<A>>(from: Vec<A>) -> Vec<B> {
    from.into_iter().map(B::from).collect()
}

// The imports.

impl types::Host for Caller {}

impl http::Host for Caller {
    async fn send(&mut self, request: http::Request) -> Result<std::result::Result<http::Response, http::Error>> {
        let mut answers = self.send_all(vec![request.into()]).await?;
        answers.pop().map(answer).ok_or_else(|| wasmtime::format_err!("one request has one answer"))
    }

    async fn send_all(
        &mut self,
        requests: Vec<http::Request>,
    ) -> Result<Vec<std::result::Result<http::Response, http::Error>>> {
        Ok(Caller::send_all(self, list(requests)).await?.into_iter().map(answer).collect())
    }
}

impl state::Host for Caller {
    async fn get(&mut self, key: String) -> Result<Option<String>> {
        Ok(Caller::get_many(self, vec![key]).await?.pop().flatten())
    }

    async fn get_many(&mut self, keys: Vec<String>) -> Result<Vec<Option<String>>> {
        Caller::get_many(self, keys).await
    }

    async fn set(&mut self, entry: state::Entry) -> Result<()> {
        self.write_many(vec![effect::Write::Set(entry.into())])
    }

    async fn set_many(&mut self, entries: Vec<state::Entry>) -> Result<()> {
        self.write_many(entries.into_iter().map(|e| effect::Write::Set(e.into())).collect())
    }

    async fn delete(&mut self, key: String) -> Result<()> {
        self.write_many(vec![effect::Write::Delete(key)])
    }

    async fn scan(&mut self, prefix: String, after: Option<String>, limit: u32) -> Result<Vec<state::Entry>> {
        Ok(list(Caller::scan(self, prefix, after, limit).await?))
    }
}

impl clock::Host for Caller {
    async fn now(&mut self) -> Result<u64> {
        Ok(Caller::now(self)?.0)
    }
}

impl report::Host for Caller {
    async fn log(&mut self, line: report::Line) -> Result<()> {
        Caller::log(self, line.into())
    }

    async fn changes(&mut self, changes: Vec<report::Change>) -> Result<()> {
        Caller::changes(self, list(changes))
    }
}

// From here on: one word of the contract, one word of ours.

fn answer(answer: Answer) -> std::result::Result<http::Response, http::Error> {
    answer.map(|r| http::Response { status: r.status, headers: r.headers, body: r.body }).map_err(http::Error::from)
}

macro_rules! same_cases {
    ($from:ty => $to:ty: $($case:ident),+ $(,)?) => {
        impl From<$from> for $to {
            fn from(from: $from) -> $to {
                match from { $(<$from>::$case => <$to>::$case),+ }
            }
        }
    };
}

macro_rules! same_fields {
    ($from:ty => $to:ty: $($field:ident),+ $(,)?) => {
        impl From<$from> for $to {
            fn from(from: $from) -> $to {
                Self { $($field: from.$field.into()),+ }
            }
        }
    };
}

same_cases!(types::Method => effect::Method: Get, Post, Put, Patch, Delete);
same_cases!(http::Repeat => effect::Repeat: Read, Idempotent, Once);
same_cases!(types::Lane => effect::Lane: Prompt, Bulk);
same_cases!(effect::Lane => types::Lane: Prompt, Bulk);
same_cases!(types::FailureClass => effect::FailureClass: NeedsAttention, Invalid, Bug);
same_cases!(types::Severity => contract::Severity: Fine, Notice, Warning, Blocker);
same_cases!(report::Level => effect::Level: Debug, Info, Warning, Error);
same_cases!(report::Action => effect::Action: Created, Updated, Linked, Unchanged, LeftOut, Failed);
same_cases!(manifest::Algorithm => contract::Algorithm: Sha256, HmacSha256);
same_cases!(manifest::Part => contract::Part: Timestamp, Secret, Body);
same_cases!(manifest::Encoding => contract::Encoding: HexLower, Base64);

same_fields!(types::Subject => effect::Subject: kind, id);
same_fields!(effect::Subject => types::Subject: kind, id);
same_fields!(types::Failure => effect::Failure: class, problem, remedy);
same_fields!(types::Finding => contract::Finding: code, severity, place, problem, remedy, fixable);
same_fields!(preflight::Choice => contract::Choice: value, title, detail);
same_fields!(on_trigger::MappedValue => contract::MappedValue: source, given, target, written, note);
same_fields!(manifest::ConnectionNeed => contract::ConnectionNeed: name, provider, title, scopes, required);
same_cases!(sync::Change => contract::RowChange: Upsert, Delete);
same_fields!(sync::Source => contract::Source: name, title, schema, primary_key, min_interval_ms, parameters, scheduled);
same_fields!(sync::Row => contract::Row: change, value);
same_fields!(sync::Cost => contract::Cost: connection, least, most);
same_fields!(manifest::WebhookSource => contract::WebhookSource: name, signature, headers, max_bytes);

impl From<effect::Delivery> for on_trigger::Delivery {
    fn from(d: effect::Delivery) -> Self {
        on_trigger::Delivery {
            source: d.source,
            headers: d.headers,
            body: d.body,
            received_at: d.received_at.0,
            verified: d.verified,
        }
    }
}

impl From<http::Request> for effect::Request {
    fn from(r: http::Request) -> Self {
        effect::Request {
            connection: r.connection,
            method: r.method.into(),
            path: r.path,
            query: r.query,
            headers: r.headers,
            body: r.body.map(|b| effect::Body { content_type: b.content_type, bytes: b.bytes }),
            repeat: r.repeat.into(),
            purpose: r.purpose,
        }
    }
}

impl From<effect::SendError> for http::Error {
    fn from(e: effect::SendError) -> Self {
        match e {
            effect::SendError::Denied(d) => {
                http::Error::Denied(http::Denial { layer: d.layer, rule: d.rule, remedy: d.remedy })
            }
            effect::SendError::NotSent(why) => http::Error::NotSent(why),
            effect::SendError::Unknown(why) => http::Error::Unknown(why),
            effect::SendError::Unusable { status, problem } => {
                http::Error::Unusable(http::Unusable { status, problem })
            }
            effect::SendError::Throttled { until, reason } => {
                http::Error::Throttled(http::Throttle { until: until.0, reason })
            }
            effect::SendError::Unauthorized(why) => http::Error::Unauthorized(why),
            effect::SendError::Stopped(why) => http::Error::Stopped(why),
            effect::SendError::DryRun => http::Error::DryRun,
        }
    }
}

impl From<state::Entry> for effect::Entry {
    fn from(e: state::Entry) -> Self {
        effect::Entry { key: e.key, value: e.value, subject: e.subject.map(Into::into) }
    }
}

impl From<effect::Entry> for state::Entry {
    fn from(e: effect::Entry) -> Self {
        state::Entry { key: e.key, value: e.value, subject: e.subject.map(Into::into) }
    }
}

impl From<report::Line> for effect::Line {
    fn from(l: report::Line) -> Self {
        effect::Line {
            level: l.level.into(),
            code: l.code,
            message: l.message,
            subject: l.subject.map(Into::into),
            fields: l.fields,
        }
    }
}

impl From<report::Change> for effect::Change {
    fn from(c: report::Change) -> Self {
        effect::Change {
            connection: c.connection,
            object: c.object,
            id: c.id,
            action: c.action.into(),
            subject: c.subject.map(Into::into),
            detail: c.detail,
        }
    }
}

impl From<types::Task> for effect::Task {
    fn from(t: types::Task) -> Self {
        effect::Task {
            kind: t.kind,
            payload: t.payload,
            ordering_key: t.ordering_key,
            dedupe_key: t.dedupe_key,
            lane: t.lane.into(),
            not_before: t.not_before.map(Timestamp),
            title: t.title,
            subject: t.subject.map(Into::into),
        }
    }
}

impl From<effect::Task> for types::Task {
    fn from(t: effect::Task) -> Self {
        types::Task {
            kind: t.kind,
            payload: t.payload,
            ordering_key: t.ordering_key,
            dedupe_key: t.dedupe_key,
            lane: t.lane.into(),
            not_before: t.not_before.map(|at| at.0),
            title: t.title,
            subject: t.subject.map(Into::into),
        }
    }
}

impl From<effect::Assignment> for on_trigger::Assignment {
    fn from(a: effect::Assignment) -> Self {
        on_trigger::Assignment { id: a.id, task: a.task.into(), attempt: a.attempt, admitted_at: a.admitted_at.0 }
    }
}

impl From<on_trigger::Outcome> for effect::Outcome {
    fn from(o: on_trigger::Outcome) -> Self {
        match o {
            on_trigger::Outcome::Done(c) => {
                effect::Outcome::Done(effect::Completion { follow_ups: list(c.follow_ups), wakes: c.wakes, then: None })
            }
            on_trigger::Outcome::Later(w) => effect::Outcome::Later(w.into()),
            on_trigger::Outcome::Failed(f) => effect::Outcome::Failed(f.into()),
        }
    }
}

impl From<sync::Page> for contract::Page {
    fn from(p: sync::Page) -> Self {
        contract::Page {
            rows: list(p.rows),
            tasks: list(p.tasks),
            cursor: p.cursor,
            more: p.more,
            costs: list(p.costs),
        }
    }
}

impl From<sync::Interruption> for contract::Interruption {
    fn from(i: sync::Interruption) -> Self {
        match i {
            sync::Interruption::Later(w) => contract::Interruption::Later(w.into()),
            sync::Interruption::BadCursor(why) => contract::Interruption::BadCursor(why),
            sync::Interruption::Failed(f) => contract::Interruption::Failed(f.into()),
        }
    }
}

impl From<types::Wait> for effect::Wait {
    fn from(w: types::Wait) -> Self {
        effect::Wait { until: Timestamp(w.until), reason: w.reason, wake_on: w.wake_on, pause: w.pause }
    }
}

impl From<Limits> for types::Limits {
    fn from(l: Limits) -> Self {
        types::Limits {
            run_ms: l.run_ms,
            requests: l.requests,
            wave: l.wave,
            request_bytes: l.request_bytes,
            response_bytes: l.response_bytes,
            wave_bytes: l.wave_bytes,
            hold_ms: l.hold_ms,
        }
    }
}

impl From<contract::Context> for types::Context {
    fn from(c: contract::Context) -> Self {
        types::Context {
            installation: c.installation,
            settings: c.settings,
            activated_at: c.activated_at.0,
            connections: c.connections,
            dry_run: c.dry_run,
            limits: c.limits.into(),
        }
    }
}

impl From<manifest::Manifest> for contract::Manifest {
    fn from(m: manifest::Manifest) -> Self {
        contract::Manifest {
            name: m.name,
            version: m.version,
            title: m.title,
            description: m.description,
            connections: list(m.connections),
            webhooks: list(m.webhooks),
            settings_schema: m.settings_schema,
            batch_tasks: m.batch_tasks,
            batch_bytes: m.batch_bytes,
            give_up_ms: m.give_up_ms,
            exclusive: m.exclusive,
        }
    }
}

impl From<manifest::Signature> for contract::Signature {
    fn from(s: manifest::Signature) -> Self {
        match s {
            manifest::Signature::Unsigned => contract::Signature::Unsigned,
            manifest::Signature::Digest(d) => contract::Signature::Digest(contract::SignatureDigest {
                header: d.header,
                format: d.format,
                algorithm: d.algorithm.into(),
                parts: list(d.parts),
                encoding: d.encoding.into(),
                tolerance_ms: d.tolerance_ms,
            }),
        }
    }
}

impl From<manifest::EgressRule> for contract::EgressRule {
    fn from(r: manifest::EgressRule) -> Self {
        contract::EgressRule {
            connection: r.connection,
            methods: list(r.methods),
            path: r.path,
            body_fields: r.body_fields,
            headers: r.headers,
            reason: r.reason,
        }
    }
}
