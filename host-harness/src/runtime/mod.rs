//! Runs connectors: compiles a component once, gives each call a store of its own, and makes of what a guest imports the
//! effects that a driver answers.
//!
//! Promises: a component with foreign imports is refused; limits are on; a guest that traps, spins or answers wrongly is
//! a broken run in words, never an error of the host. Not here: what a request does (`connections`), what of a run is kept
//! (`durable`).

pub mod contract;
mod engine;
mod instance;
mod limits;
mod outcomes;
mod page;
mod versions;

pub use engine::{Component, IMPORTS, Refused};
pub use limits::Limits;
pub use page::Taken;

use crate::{
    clock::{Clock, Timestamp, Work},
    durable::{DELIVERY, Engine, EngineError, INBOX, SOURCES, SYNC},
    effect::{
        Ask, Completion, Delivery, Driver, End, Failure, FailureClass, Input, Lane, Lead, Level, Line, Note, Outcome,
        Performer, Permit, Reply, Run, RunId, Step, Task, Trigger,
    },
    sync::{
        self, Keeper, Pass,
        plan::{Plan, Spent},
    },
};
use async_trait::async_trait;
use contract::{Choice, Context, Cost, EgressRule, Finding, Interruption, Manifest, MappedValue, Severity, Source};
use instance::{Call, Coroutine, Next, Rights};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, RwLock},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;
use versions::v0_1::{Admission, Pre};

/// Instances that may live at the same time in one process. A run that waits for an answer keeps its own, so there are more than
/// the engine's live runs (`EngineLimits::runs_max`), with room for calls that are not journaled.
const INSTANCES_MAX: u32 = 64;

/// The runtime of one host: its engine, and which component serves which installation.
pub struct Runtime {
    engine: wasmtime::Engine,
    ticks: instance::Ticks,
    limits: Limits,
    installed: RwLock<BTreeMap<String, Installed>>,
    /// By digest: a component is compiled once, however many install it.
    compiled: Arc<Mutex<BTreeMap<String, Arc<Component>>>>,
    takers: Arc<page::Takers>,
    keeper: OnceLock<Arc<dyn Keeper>>,
}

#[derive(Clone)]
struct Installed {
    component: Arc<Component>,
    context: Context,
    batch_tasks: usize,
    plan: Plan,
}

/// What a call that is not journaled could not do.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the engine cannot run it: {0}")]
    Engine(String),
    #[error("the connector failed: {0}")]
    Broken(String),
    #[error("there is no installation `{0}` here")]
    NoInstallation(String),
}

impl Runtime {
    pub fn new(limits: Limits) -> Result<Runtime, CallError> {
        Runtime::with(limits, true)
    }

    /// Without `computing-ticks`: a guest is ended by its fuel alone, and never steps aside for another because of the time of
    /// day. For plays of which every moment is to be the same again.
    pub fn untimed(limits: Limits) -> Result<Runtime, CallError> {
        Runtime::with(limits, false)
    }

    fn with(limits: Limits, timed: bool) -> Result<Runtime, CallError> {
        let (engine, ticks) = engine::engine(INSTANCES_MAX, limits.memory_bytes, timed).map_err(engine_error)?;
        Ok(Runtime {
            engine,
            ticks,
            limits,
            installed: RwLock::default(),
            compiled: Arc::default(),
            takers: Arc::default(),
            keeper: OnceLock::new(),
        })
    }

    /// Another host's runtime in this process: the same engine and compiled components, and none of the installations.
    pub fn beside(&self) -> Runtime {
        Runtime {
            engine: self.engine.clone(),
            ticks: self.ticks.clone(),
            limits: self.limits,
            installed: RwLock::default(),
            compiled: self.compiled.clone(),
            takers: Arc::default(),
            keeper: OnceLock::new(),
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Compiles a component, if it passes the gate.
    pub fn compile(&self, bytes: &[u8]) -> Result<Arc<Component>, Refused> {
        let digest = engine::digest(bytes);
        // Held while compiling: whoever wants the same component at the same time waits instead of compiling it too.
        let mut compiled = self.compiled.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(component) = compiled.get(&digest) {
            return Ok(component.clone());
        }
        let component = Arc::new(engine::compile(&self.engine, bytes)?);
        compiled.insert(digest, component.clone());
        Ok(component)
    }

    /// From here on the component serves this installation. `batch_tasks`: as its manifest says.
    pub fn install(&self, component: Arc<Component>, context: Context, batch_tasks: u32, plan: Plan) {
        let batch_tasks = usize::try_from(batch_tasks).unwrap_or(usize::MAX).max(1);
        let installed = Installed { component, batch_tasks, plan, context: context.clone() };
        self.installed.write().unwrap_or_else(|p| p.into_inner()).insert(context.installation, installed);
    }

    /// It is there no more: its tasks wait until it is installed again.
    pub fn remove(&self, installation: &str) {
        self.installed.write().unwrap_or_else(|p| p.into_inner()).remove(installation);
    }

    fn installed(&self, installation: &str) -> Result<Installed, CallError> {
        let all = self.installed.read().unwrap_or_else(|p| p.into_inner());
        all.get(installation).cloned().ok_or_else(|| CallError::NoInstallation(installation.into()))
    }

    pub async fn describe(&self, component: &Component) -> Result<Manifest, CallError> {
        self.pure(component, Pre::describe).await
    }

    pub async fn validate(&self, component: &Component, settings: String) -> Result<Vec<Finding>, CallError> {
        self.pure(component, |pre, store| pre.validate(store, settings)).await
    }

    /// What of the settings keeps it from working with them.
    pub async fn blockers(&self, component: &Component, settings: &str) -> Result<Vec<Finding>, CallError> {
        let mut findings = self.validate(component, settings.to_owned()).await?;
        findings.retain(|finding| finding.severity == Severity::Blocker);
        Ok(findings)
    }

    pub async fn egress(
        &self,
        component: &Component,
        settings: String,
    ) -> Result<Result<Vec<EgressRule>, Vec<Finding>>, CallError> {
        self.pure(component, |pre, store| pre.egress(store, settings)).await
    }

    /// The preflight of an installation.
    pub async fn check(&self, installation: &str, asker: &Asker) -> Result<Vec<Finding>, CallError> {
        let i = self.installed(installation)?;
        let context = i.context.clone();
        self.looking(&i, asker, |pre, store| pre.check(store, context)).await
    }

    /// What the connector offers for a setting, or why nothing.
    pub async fn options(
        &self,
        installation: &str,
        setting: &str,
        asker: &Asker,
    ) -> Result<Result<Vec<Choice>, Finding>, CallError> {
        let (i, setting) = (self.installed(installation)?, setting.to_owned());
        let context = i.context.clone();
        self.looking(&i, asker, |pre, store| pre.options(store, context, setting)).await
    }

    /// What may leave while [`Runtime::fix`] mends what this code names. None: it cannot be mended.
    pub async fn fix_egress(
        &self,
        installation: &str,
        code: &str,
    ) -> Result<Result<Vec<EgressRule>, Vec<Finding>>, CallError> {
        let (i, code) = (self.installed(installation)?, code.to_owned());
        let settings = i.context.settings.clone();
        self.pure(&i.component, |pre, store| pre.fix_egress(store, settings, code)).await
    }

    /// `grant`: the name under which the connections know what may leave in this call.
    pub async fn fix(
        &self,
        installation: &str,
        code: &str,
        grant: &str,
        asker: &Asker,
    ) -> Result<Result<Vec<Finding>, Finding>, CallError> {
        let (i, code) = (self.installed(installation)?, code.to_owned());
        let context = i.context.clone();
        let asked = Asked { rights: Rights::Mend, grant, memory: None };
        self.asking(&i, asked, asker, |pre, store| pre.fix(store, context, code)).await
    }

    /// What the settings would make of a delivery. Looks nowhere.
    pub async fn preview(
        &self,
        installation: &str,
        delivery: Delivery,
    ) -> Result<Result<Vec<MappedValue>, Finding>, CallError> {
        let i = self.installed(installation)?;
        let context = i.context.clone();
        self.pure(&i.component, |pre, store| pre.preview(store, context, delivery)).await
    }

    /// What the connector can read by itself.
    pub async fn sources(&self, component: &Component, context: Context) -> Result<Vec<Source>, CallError> {
        self.pure(component, |pre, store| pre.sources(store, context)).await
    }

    /// What a pass will cost, with the tasks that follow from it. Sees what the source remembers; what it writes is dropped.
    pub async fn estimate(
        &self,
        installation: &str,
        source: &str,
        parameters: &str,
        asker: &Asker,
        engine: &dyn Engine,
    ) -> Result<Result<Vec<Cost>, Interruption>, CallError> {
        let (i, source, parameters) = (self.installed(installation)?, source.to_owned(), parameters.to_owned());
        let (context, grant, key) = (i.context.clone(), i.context.installation.as_str(), sync::key(&source));
        let asked = Asked { rights: Rights::Read, grant, memory: Some((engine, &key)) };
        self.asking(&i, asked, asker, |pre, store| pre.estimate(store, context, source, parameters)).await
    }

    /// From here on the pages of passes with this taker are given here, until this is dropped.
    pub fn take_pages(&self, taker: &str) -> UnboundedReceiver<Taken> {
        self.takers.add(taker)
    }

    /// From here on it keeps the rows of passes that repeat by themselves. One for good.
    pub fn keep_rows(&self, keeper: Arc<dyn Keeper>) {
        // A second one is of the same directory.
        let _ = self.keeper.set(keeper);
    }

    /// When a pass that began then, and spent this, may begin again.
    pub fn next_pass(&self, installation: &str, began_at: Timestamp, every_ms: u64, spent: &Spent) -> Timestamp {
        let plan = self.installed(installation).map(|i| i.plan).unwrap_or_default();
        plan.next(began_at, Duration::from_millis(every_ms), spent)
    }

    /// A call whose imports all trap.
    async fn pure<T, F, G>(&self, component: &Component, call: F) -> Result<T, CallError>
    where
        F: FnOnce(Pre, wasmtime::Store<instance::Caller>) -> G,
        G: Future<Output = wasmtime::Result<T>> + Send + 'static,
    {
        let ticks = self.ticks.clone();
        let with = Call { rights: Rights::None, limits: self.limits, now: Timestamp(0), ticks };
        let pre = component.pre.clone();
        let mut guest = Coroutine::new(&self.engine, with, |store| call(pre, store)).map_err(engine_error)?;
        match guest.step(Input::Start).await {
            Next::Finished { result, .. } => result.map_err(CallError::Broken),
            Next::Asks { .. } => Err(CallError::Broken("it asked for something where every import traps".into())),
        }
    }

    /// A call that may look.
    async fn looking<T, F, G>(&self, installed: &Installed, asker: &Asker, call: F) -> Result<T, CallError>
    where
        F: FnOnce(Pre, wasmtime::Store<instance::Caller>) -> G,
        G: Future<Output = wasmtime::Result<T>> + Send + 'static,
    {
        let asked = Asked { rights: Rights::Look, grant: &installed.context.installation, memory: None };
        self.asking(installed, asked, asker, call).await
    }

    /// A call whose requests are performed at once, under this grant, and of which nothing is recorded.
    async fn asking<T, F, G>(
        &self,
        installed: &Installed,
        asked: Asked<'_>,
        asker: &Asker,
        call: F,
    ) -> Result<T, CallError>
    where
        F: FnOnce(Pre, wasmtime::Store<instance::Caller>) -> G,
        G: Future<Output = wasmtime::Result<T>> + Send + 'static,
    {
        let (now, ticks) = (asker.clock.now(), self.ticks.clone());
        let Asked { rights, grant, memory } = asked;
        let with = Call { rights, limits: self.limits, now, ticks };
        let pre = installed.component.pre.clone();
        let mut guest = Coroutine::new(&self.engine, with, |store| call(pre, store)).map_err(engine_error)?;
        let (mut input, mut wave) = (Input::Start, 0);
        loop {
            match guest.step(input).await {
                Next::Finished { result, .. } => return result.map_err(CallError::Broken),
                Next::Asks { ask: Ask::Wave(requests), .. } => {
                    let send_before = now.plus(Duration::from_millis(self.limits.run_ms.into()));
                    let sent = requests.into_iter().enumerate().map(|(place, request)| {
                        let permit = Permit {
                            installation: grant.to_owned(),
                            run: RunId(0),
                            wave,
                            place: u32::try_from(place).unwrap_or(u32::MAX),
                            // A person waits for what these calls say.
                            lane: Lane::Prompt,
                            send_before,
                        };
                        let work = asker.clock.begin();
                        async move { asker.performer.perform(permit, request, work).await.0 }
                    });
                    let answers = futures_util::future::join_all(sent).await;
                    wave += 1;
                    input = Input::Reply { at: Some(asker.clock.now()), reply: Reply::Wave(answers) };
                }
                Next::Asks { ask, .. } => {
                    // Without a memory the rights keep it from asking; answered so that a bug is a message and no hang.
                    let none = || CallError::Broken("it asked for state where that traps".into());
                    let (engine, key) = memory.ok_or_else(none)?;
                    let reply = remembered(engine, &installed.context.installation, key, ask).await;
                    input = Input::Reply { at: None, reply: reply.map_err(|e| CallError::Engine(e.to_string()))? };
                }
            }
        }
    }
}

/// What a call that is not journaled may do, under whose grant, and which memory it sees.
struct Asked<'a> {
    rights: Rights,
    grant: &'a str,
    memory: Option<(&'a dyn Engine, &'a str)>,
}

async fn remembered(engine: &dyn Engine, installation: &str, key: &str, ask: Ask) -> Result<Reply, EngineError> {
    match ask {
        Ask::Get(names) => {
            let mut values = Vec::with_capacity(names.len());
            for name in names {
                let entries = engine.state(installation, key, &name, None).await?;
                values.push(entries.into_iter().find(|entry| entry.key == name).map(|entry| entry.value));
            }
            Ok(Reply::Got(values))
        }
        Ask::Scan { prefix, after, limit } => {
            let mut entries = engine.state(installation, key, &prefix, after.as_deref()).await?;
            entries.truncate(limit as usize);
            Ok(Reply::Scanned(entries))
        }
        Ask::Wave(_) => Err(EngineError::Invalid("a wave is no question about state".into())),
    }
}

/// Who performs the requests of a call that is not journaled.
pub struct Asker {
    pub clock: Arc<dyn Clock>,
    pub performer: Arc<dyn Performer>,
}

fn engine_error(e: wasmtime::Error) -> CallError {
    CallError::Engine(format!("{e:#}"))
}

#[async_trait]
impl Driver for Runtime {
    fn prepare(&self, installation: &str) -> Option<(String, serde_json::Value)> {
        let i = self.installed(installation).ok()?;
        let context = serde_json::to_value(&i.context).expect("a context is plain data");
        Some((i.component.digest.clone(), context))
    }

    fn batch_tasks(&self, installation: &str, key: &str) -> usize {
        match self.installed(installation) {
            Ok(i) if !key.starts_with(INBOX) && !key.starts_with(SOURCES) => i.batch_tasks,
            _ => 1,
        }
    }

    async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String> {
        let i = self.installed(&lead.installation).map_err(|e| e.to_string())?;
        if i.component.digest != lead.input.component {
            return Err("another version of the connector is installed than the one that began this run".into());
        }
        self.begin(&i.component, i.plan.clone(), lead)
    }
}

impl Runtime {
    /// The component that serves this installation.
    pub fn component(&self, installation: &str) -> Result<Arc<Component>, CallError> {
        Ok(self.installed(installation)?.component)
    }

    /// What the connector can read by itself for this installation.
    pub async fn sources_of(&self, installation: &str) -> Result<Vec<Source>, CallError> {
        let i = self.installed(installation)?;
        self.sources(&i.component, i.context).await
    }

    /// A recorded run from its start, with the component that had it or with another one, to be given recorded answers: nothing is
    /// sent. Not a page: nothing is recorded of it.
    pub fn replay(&self, component: &Component, lead: Lead) -> Result<Box<dyn Run>, String> {
        self.begin(component, Plan::default(), lead)
    }

    fn begin(&self, component: &Component, plan: Plan, lead: Lead) -> Result<Box<dyn Run>, String> {
        let context: Context = serde_json::from_value(lead.input.context).map_err(|e| e.to_string())?;
        // As recorded: a replay under other limits would ask otherwise.
        let (limits, now, pre) = (context.limits, lead.input.started_at, component.pre.clone());
        let ticks = self.ticks.clone();
        let mut batch = lead.input.assignments;
        if batch.iter().any(|a| a.task.is_hosts_own()) {
            let (Some(own), true) = (batch.pop(), batch.is_empty()) else {
                return Err("a task of the host's own runs alone".into());
            };
            let id = own.id;
            if own.task.kind == SYNC {
                let pass: Pass = kept(&own.task)?;
                if context.dry_run {
                    return Ok(Box::new(page::Nothing {
                        id,
                        why: "a dry run shows no pass that repeats by itself",
                        then: None,
                    }));
                }
                if pass.taker.as_ref().is_some_and(|taker| !self.takers.has(taker)) {
                    return Ok(Box::new(page::Nothing { id, why: "whoever asked for this page is gone", then: None }));
                }
                let keeper = self.keeper.get().filter(|_| pass.kept.is_some()).cloned();
                match &keeper {
                    Some(keeper) if !keeper.wants(&context.installation, &pass) => {
                        return Ok(Box::new(page::Nothing { id, why: "its rows are not kept any more", then: None }));
                    }
                    None if pass.kept.is_some() => {
                        return Ok(Box::new(page::Nothing::until_it_is_kept(id, &pass, now)));
                    }
                    _ => {}
                }
                let with = Call { rights: Rights::Read, limits, now, ticks };
                let (of, installation) = (pass.clone(), context.installation.clone());
                let guest = Coroutine::new(&self.engine, with, |store| pre.page(store, context, of))
                    .map_err(|e| format!("{e:#}"))?;
                let (sent, takers) = (Spent::default(), self.takers.clone());
                let paid_at = None;
                let reading =
                    page::Reading { guest, id, installation, limits, pass, sent, plan, now, takers, keeper, paid_at };
                return Ok(Box::new(reading));
            }
            let trigger = match own.task.kind.as_str() {
                DELIVERY => Trigger::Webhook(kept(&own.task)?),
                _ => kept(&own.task)?,
            };
            let with = Call { rights: Rights::None, limits, now, ticks };
            let guest = Coroutine::new(&self.engine, with, |store| pre.admit(store, context, trigger))
                .map_err(|e| format!("{e:#}"))?;
            return Ok(Box::new(Admit { guest, id, limits }));
        }
        let ids = batch.iter().map(|a| a.id).collect();
        let with = Call { rights: Rights::All, limits, now, ticks };
        let guest = Coroutine::new(&self.engine, with, |store| pre.handle(store, context, batch))
            .map_err(|e| format!("{e:#}"))?;
        Ok(Box::new(Handle { guest, ids, limits }))
    }
}

/// What the host's own task holds.
fn kept<T: serde::de::DeserializeOwned>(task: &Task) -> Result<T, String> {
    serde_json::from_str(&task.payload).map_err(|e| format!("a kept {}: {e}", task.kind))
}

/// A run of `on-trigger.handle`.
struct Handle {
    guest: Coroutine<Vec<(u32, Outcome)>>,
    ids: Vec<u32>,
    limits: Limits,
}

#[async_trait]
impl Run for Handle {
    async fn step(&mut self, input: Input) -> Step {
        match self.guest.step(input).await {
            Next::Asks { notes, ask } => Step::Asks { notes, ask },
            Next::Finished { notes, result } => {
                let end = match result.and_then(|o| outcomes::checked(o, &self.ids, &self.limits)) {
                    Ok(outcomes) => End::Outcomes(outcomes),
                    Err(why) => End::Broken(why),
                };
                Step::Finished { notes, end }
            }
        }
    }
}

/// A run of `on-trigger.admit`: what it makes of a delivery are the follow-ups of the delivery's task.
struct Admit {
    guest: Coroutine<Admission>,
    id: u32,
    limits: Limits,
}

#[async_trait]
impl Run for Admit {
    async fn step(&mut self, input: Input) -> Step {
        match self.guest.step(input).await {
            Next::Asks { notes, ask } => Step::Asks { notes, ask },
            Next::Finished { mut notes, result } => {
                let outcome = result.map(|admission| match admission {
                    Admission::Tasks(follow_ups) => Outcome::Done(Completion { follow_ups, ..Completion::default() }),
                    Admission::Ignored(why) => {
                        notes.push(Note::Log(Line {
                            level: Level::Info,
                            code: "ignored".into(),
                            message: why,
                            subject: None,
                            fields: vec![],
                        }));
                        Outcome::Done(Completion::default())
                    }
                    Admission::Refused(why) => Outcome::Failed(Failure {
                        class: FailureClass::Invalid,
                        problem: format!("a delivery was not understood: {why}"),
                        remedy: "it is kept as it arrived; retry it when the connector or the sender is mended".into(),
                    }),
                });
                let end = match outcome.and_then(|o| outcomes::checked(vec![(self.id, o)], &[self.id], &self.limits)) {
                    Ok(outcomes) => End::Outcomes(outcomes),
                    Err(why) => End::Broken(why),
                };
                Step::Finished { notes, end }
            }
        }
    }
}

/// So that a call that is not journaled holds the clock while it computes.
impl Asker {
    pub fn work(&self) -> Work {
        self.clock.begin()
    }
}
