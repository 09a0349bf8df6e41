//! SC-1 to SC-6: what this software was to be made of, as far as it can be seen from outside. How it behaves is in the other tests.

use crate::support::sources::read;
use host_harness::{
    CONNECTOR,
    runtime::{IMPORTS, Limits, Runtime},
};
use std::path::Path;

/// SC-1, SC-3: it reaches nothing but what the host gives, since it imports nothing but the contract.
#[test]
fn the_connector_is_a_component_that_imports_the_contract_alone_and_exports_both_interfaces() {
    // As each component begins: a format of its own, layer 1.
    assert_eq!(CONNECTOR[..8], *b"\0asm\x0d\0\x01\0");
    let component = Runtime::new(Limits::default()).unwrap().compile(CONNECTOR).unwrap();
    let exports = |name: &str| component.exports.iter().any(|export| export.contains(&format!("/{name}@")));
    assert!(exports("on-trigger") && exports("sync"), "{:?}", component.exports);
    let foreign: Vec<_> = component.imports.iter().filter(|name| !IMPORTS.contains(&name.as_str())).collect();
    assert!(!component.imports.is_empty() && foreign.is_empty(), "{foreign:?}");
}

/// SC-2: what its code brings along is a list that one can read: dates, JSON, digests. SC-4: with what both are built.
#[test]
fn the_connector_needs_no_system_and_both_are_built_with_the_crates_that_were_named() {
    let dependencies = |manifest: &str, of: &str| -> Vec<String> {
        let text = read(manifest);
        let part = text.split(&format!("\n[{of}]\n")).nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
        part.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
    };
    let connector = dependencies("plugin/Cargo.toml", "dependencies");
    assert_eq!(connector, ["chrono", "serde", "serde_json", "sha2"]);
    let as_wasm = dependencies("plugin/Cargo.toml", "target.'cfg(target_family = \"wasm\")'.dependencies");
    assert_eq!(as_wasm, ["talc", "wit-bindgen"]);
    let host = dependencies("host-harness/Cargo.toml", "dependencies");
    for name in ["anyhow", "chrono", "serde", "serde_json", "wasmtime"] {
        assert!(host.iter().any(|named| named == name), "{name}: {host:?}");
    }
    assert!(!host.iter().any(|name| name == "plugin"), "the host knows the connector by the contract alone");
}

/// SC-5.
#[test]
fn whoever_opens_the_tree_finds_what_was_asked_for() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["Cargo.toml", "wit", "plugin", "host-harness", "fixtures", "tests", "README.md"] {
        assert!(top.join(name).exists(), "{name}");
    }
}
