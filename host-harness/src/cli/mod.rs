//! The command line: one file a subcommand. The help text of a command is the doc comment of its arguments.
//!
//! Promises: results on stdout, everything else on stderr; the exit code says what a script needs to know
//! ([`exit_codes`]). Invariant: only this folder prints.

mod backfill;
mod backup;
mod check;
mod completion;
mod connect;
mod counts;
mod demo;
mod discard;
mod disconnect;
pub mod exit_codes;
mod forget;
mod inspect;
mod install;
mod installed;
mod interrupt;
mod letters;
mod map;
mod pause;
mod person;
mod planned;
mod planned_parts;
mod replay;
mod resync;
mod retry;
mod run;
mod runs;
mod serve;
mod sessions;
mod show;
mod simulate;
mod sync;
mod telling;
mod timeline;
mod trials;
mod why;
mod work_off;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Runs the connector of Livestorm webinars into Account Engagement and Salesforce, and simulates their APIs.
#[derive(Debug, Parser)]
#[command(name = "harness", version, after_help = exit_codes::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Connect(connect::Arguments),
    Disconnect(disconnect::Arguments),
    Check(check::Arguments),
    Map(map::Arguments),
    Install(install::InstallArguments),
    Uninstall(install::UninstallArguments),
    Run(run::Arguments),
    Sessions(sessions::Arguments),
    Sync(sync::Arguments),
    Backfill(backfill::Arguments),
    Runs(runs::Arguments),
    Show(show::Arguments),
    Why(why::Arguments),
    Retry(retry::Arguments),
    Discard(discard::Arguments),
    Resync(resync::Arguments),
    Replay(replay::Arguments),
    Pause(pause::PauseArguments),
    Resume(pause::ResumeArguments),
    Forget(forget::Arguments),
    Serve(serve::Arguments),
    Backup(backup::Arguments),
    Simulate(simulate::Arguments),
    Inspect(inspect::Arguments),
    Completion(completion::Arguments),
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    // A wrong command line ends in here, with its own message and code.
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => return person::failed(&anyhow::Error::from(e).context("no threads to work with")),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Connect(arguments) => connect::run(arguments).await,
            Command::Disconnect(arguments) => disconnect::run(arguments).await,
            Command::Check(arguments) => check::run(arguments).await,
            Command::Map(arguments) => map::run(arguments).await,
            Command::Install(arguments) => install::install(arguments).await,
            Command::Uninstall(arguments) => install::uninstall(arguments).await,
            Command::Run(arguments) => run::run(arguments).await,
            Command::Sessions(arguments) => sessions::run(arguments).await,
            Command::Backfill(arguments) => backfill::run(arguments).await,
            Command::Sync(arguments) => sync::run(arguments).await,
            Command::Runs(arguments) => runs::run(arguments).await,
            Command::Show(arguments) => show::run(arguments).await,
            Command::Why(arguments) => why::run(arguments).await,
            Command::Retry(arguments) => retry::run(arguments).await,
            Command::Discard(arguments) => discard::run(arguments).await,
            Command::Resync(arguments) => resync::run(arguments).await,
            Command::Replay(arguments) => replay::run(arguments).await,
            Command::Pause(arguments) => pause::pause(arguments).await,
            Command::Resume(arguments) => pause::resume(arguments).await,
            Command::Forget(arguments) => forget::run(arguments).await,
            Command::Backup(arguments) => backup::run(arguments).await,
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Simulate(arguments) => simulate::run(arguments).await,
            Command::Inspect(arguments) => inspect::run(arguments).await,
            Command::Completion(arguments) => completion::run(arguments, Arguments::command()),
        }
    });
    done.unwrap_or_else(|e| match e.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        // Whoever read our output has seen enough.
        Some(std::io::ErrorKind::BrokenPipe) => ExitCode::from(exit_codes::WELL),
        _ => person::failed(&e),
    })
}
