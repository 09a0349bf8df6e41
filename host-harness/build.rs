//! Makes the connector that the binary carries with it. `HARNESS_COMPONENT=path` takes a built one instead.

#[path = "build/guest.rs"]
mod guest;

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/guest.rs");
    println!("cargo::rerun-if-env-changed=HARNESS_COMPONENT");
    let given = env::var_os("HARNESS_COMPONENT").map(PathBuf::from);
    guest::or_exit(match given {
        Some(path) => take(&path),
        None => guest::build("plugin", "plugin", "connector.wasm"),
    });
}

fn take(path: &PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    let component = fs::read(path).map_err(|e| format!("HARNESS_COMPONENT={}: {e}", path.display()))?;
    guest::write_if_changed(&PathBuf::from(env::var("OUT_DIR")?).join("connector.wasm"), &component)
}
