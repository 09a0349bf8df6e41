//! The engine that compiles and runs components, and the gate that each passes first.
//!
//! Promises: a component that imports anything but our interfaces is refused, and the refusal names the import. A guest
//! that computes is interrupted every ten milliseconds. Not here: what an import does (`instance.rs`, `versions/`).

use super::{
    instance::{Caller, Ticks},
    versions::v0_1,
};
use sha2::{Digest, Sha256};
use std::{sync::atomic::Ordering, time::Duration};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::{Component as Compiled, Linker, types::ComponentItem},
};

/// How often a computing guest is interrupted, and so the unit of `Limits::computing_ticks`.
pub const TICK: Duration = Duration::from_millis(10);

/// The interfaces that a component may import, whatever else it wants.
pub const IMPORTS: [&str; 5] = [
    "ipaas:connector/types@0.1.0",
    "ipaas:connector/http@0.1.0",
    "ipaas:connector/state@0.1.0",
    "ipaas:connector/clock@0.1.0",
    "ipaas:connector/report@0.1.0",
];

/// Why a component is not run here.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("this is not a component that can be compiled: {0}")]
    NotAComponent(String),
    #[error(
        "the component imports `{import}`, and a connector may import nothing but {}. Build it for \
         wasm32-unknown-unknown, which brings no other imports",
        IMPORTS.join(", ")
    )]
    ForeignImport { import: String },
    #[error("the component does not implement the contract ipaas:connector@0.1.0: {0}")]
    NotAConnector(String),
}

/// A component that has passed the gate, ready to be instantiated for each call.
pub struct Component {
    pub digest: String,
    pub bytes: usize,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    pub(super) pre: v0_1::Pre,
}

/// Not `timed`: nobody is interrupted, and fuel alone ends a guest that computes for too long.
pub(super) fn engine(instances_max: u32, memory_bytes: usize, timed: bool) -> Result<(Engine, Ticks), wasmtime::Error> {
    let mut pool = PoolingAllocationConfig::new();
    // Each component of ours has one core instance with a memory and a few tables, and two or three small adapters.
    pool.total_component_instances(instances_max)
        .total_core_instances(instances_max * 4)
        .total_memories(instances_max)
        .total_tables(instances_max * 4)
        .total_stacks(instances_max)
        // So that one component cannot take what many need.
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_core_instances_per_component(4)
        .max_memory_size(memory_bytes)
        .linear_memory_keep_resident(128 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(true)
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let ticks = if timed { tick(&engine) } else { Ticks::default() };
    Ok((engine, ticks))
}

/// A thread of the operating system, not a task of the runtime that it polices; it ends with the engine.
fn tick(engine: &Engine) -> Ticks {
    let (weak, ticks) = (engine.weak(), Ticks::default());
    let counted = ticks.clone();
    std::thread::spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            counted.fetch_add(1, Ordering::Relaxed);
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
    ticks
}

/// The name of a component: SHA-256 of its bytes, as hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, Refused> {
    let compiled = Compiled::new(engine, bytes).map_err(|e| Refused::NotAComponent(format!("{e:#}")))?;
    let kind = compiled.component_type();
    let imports: Vec<String> = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
    if let Some(import) = imports.iter().find(|name| !IMPORTS.contains(&name.as_str())) {
        return Err(Refused::ForeignImport { import: import.clone() });
    }
    let exports = kind
        .exports(engine)
        .filter(|(_, e)| matches!(e.ty, ComponentItem::ComponentInstance(_)))
        .map(|(name, _)| name.to_owned())
        .collect();
    let mut linker: Linker<Caller> = Linker::new(engine);
    let pre = v0_1::link(&mut linker, &compiled).map_err(|e| Refused::NotAConnector(format!("{e:#}")))?;
    Ok(Component { digest: digest(bytes), bytes: bytes.len(), imports, exports, pre })
}
