//! Compiles a crate of this workspace for WebAssembly and makes the result a component.
//!
//! A cargo inside a cargo: it gets a target directory of its own, and nothing of what the outer one set for the host's
//! code (flags, wrappers, coverage, profile, target). Shared by the build scripts of the host and of the tests.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Reports the error in cargo's way and ends.
pub fn or_exit<T>(result: Result<T, Box<dyn Error>>) -> T {
    result.unwrap_or_else(|e| {
        for line in e.to_string().lines() {
            println!("cargo::error={line}");
        }
        std::process::exit(1)
    })
}

/// Compiles `package`, whose sources lie in `folder` below the workspace, and writes the component to `OUT_DIR/file`.
pub fn build(package: &str, folder: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = manifest.parent().ok_or("no workspace above the crate")?;
    // <target>/<profile>/build/<crate>/out: shared by dev, test, clippy and release, so a guest is compiled once.
    let guest_dir = out.ancestors().nth(4).ok_or("unexpected OUT_DIR")?.join("guest");

    // Never a path that may be missing: cargo would then run this every time.
    for input in [&format!("{folder}/src"), &format!("{folder}/Cargo.toml"), "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    ensure_target()?;

    let mut cargo = cargo_for_guest();
    cargo
        .current_dir(root)
        .args(["rustc", "--locked", "--lib", "--crate-type=cdylib", "--profile=guest"])
        .arg(format!("--package={package}"))
        .arg(format!("--target={TARGET}"))
        .arg("--target-dir")
        .arg(&guest_dir)
        // Rust's shadow stack is 1 MiB unless told: every fresh instance would have to clear it. Relocations are padded
        // unless told: that is a tenth of the component.
        .args(["--", "-Clink-arg=-zstack-size=65536", "-Clink-arg=--compress-relocations"]);
    if !cargo.status()?.success() {
        return Err(format!("{package} does not compile for wasm32 (the compiler's messages are above)").into());
    }

    let module = fs::read(guest_dir.join(TARGET).join("guest").join(format!("{package}.wasm")))?;
    let component = wit_component::ComponentEncoder::default().module(&module)?.validate(true).encode()?;
    write_if_changed(&out.join(file), &component)
}

pub fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    if fs::read(file).ok().as_deref() != Some(bytes) {
        fs::write(file, bytes)?;
    }
    Ok(())
}

/// The cargo that runs us, without what it was told for the host.
fn cargo_for_guest() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        let keep = ["CARGO_HOME", "CARGO_MAKEFLAGS"].contains(&&*name)
            || ["CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TERM_", "CARGO_SOURCE_"]
                .iter()
                .any(|p| name.starts_with(p));
        let hosts = name.starts_with("CARGO")
            || ["RUSTFLAGS", "RUSTC", "RUSTDOC", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_LINKER", "LLVM_PROFILE_FILE"]
                .contains(&&*name);
        if hosts && !keep {
            command.env_remove(&key);
        }
    }
    // Panic messages name source files; those of crates would begin with a folder of this machine.
    if let Some(home) = cargo_home() {
        command.env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=cargo", home.display()));
    }
    command
}

fn cargo_home() -> Option<PathBuf> {
    let default = || env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(default)
}

/// Adds the compilation target where rustup can; else says what to run.
fn ensure_target() -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let installed = || -> Result<bool, Box<dyn Error>> {
        let o = Command::new(&rustc).args(["--print=target-libdir", "--target", TARGET]).output()?;
        Ok(Path::new(String::from_utf8(o.stdout)?.trim()).is_dir())
    };
    if installed()? {
        return Ok(());
    }
    let toolchain = env::var("RUSTUP_TOOLCHAIN").ok();
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    if let Some(t) = &toolchain {
        rustup.args(["--toolchain", t]);
    }
    let said = match rustup.output() {
        Ok(o) if o.status.success() && installed()? => return Ok(()),
        // rustup's last line is noise; the one that begins with `error` says what is wrong.
        Ok(o) => String::from_utf8_lossy(&o.stderr)
            .lines()
            .find(|l| l.starts_with("error"))
            .unwrap_or("rustup failed")
            .to_owned(),
        Err(e) => e.to_string(),
    };
    let at = toolchain.map(|t| format!(" --toolchain {t}")).unwrap_or_default();
    Err(format!(
        "the connector needs Rust's {TARGET} target, and it could not be added ({said}).\nRun: rustup target add {TARGET}{at}"
    )
    .into())
}
