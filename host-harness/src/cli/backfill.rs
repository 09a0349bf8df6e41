//! `harness backfill`: sessions from before the installation was switched on, because somebody asks for them.
//!
//! Promises: what it will cost is said before it begins; Ctrl-C, a crash or a used-up quota lose nothing, and the next call goes on;
//! nothing is done twice. Not here: which sessions, and what is written of them (the connector).

use super::{
    check,
    counts::calls,
    exit_codes,
    installed::{Opened, Place},
    timeline::{Timeline, tasks},
    work_off::{Patience, work_off},
};
use crate::{
    durable::{Accepted, Cancel, KeptTask, SYNC, TaskFilter, TaskStatus},
    installation::InstallationFile,
    operate,
    runtime::contract::{Cost, Interruption},
    sync::Pass,
};
use anyhow::bail;
use serde_json::json;
use std::process::ExitCode;

const SOURCE: &str = "backfill";
const DAY_SECONDS: f64 = 86_400.0;

/// Fills in past sessions: campaigns, people and what they did, with the dates at which it happened
///
/// Without this the connector touches nothing from before it was switched on. First it is said how many calls it will take at each
/// provider, and how many days that is at the share of the quota that such work has. Then it goes on until all is done; Ctrl-C
/// stops it in order, and the same command goes on later. What is there already is not made again.
///
/// Examples:
///   harness backfill --since 2026-09-01 --installation acme.toml --dry-run
///   harness backfill --since 2026-09-01 --installation acme.toml
///   harness backfill --since 2026-09-01 --event 71cfa73b-6fbe-4f55-b219-28f4b195ae94 --installation acme.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Sessions that took place since then, e.g. 2026-09-01
    #[arg(long, value_name = "DATE")]
    since: String,
    /// Of this event alone
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Say what it will cost, and begin nothing
    #[arg(long)]
    dry_run: bool,
    /// End one that is under way; what is written stays
    #[arg(long, conflicts_with = "dry_run")]
    stop: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let opened = arguments.place.open(&file, None).await?;
    let parameters = match &arguments.event {
        Some(event) => json!({"since": arguments.since, "event": event}),
        None => json!({"since": arguments.since}),
    };
    let parameters = parameters.to_string();
    let under_way = under_way(&opened).await?;
    if arguments.stop {
        return stop(&opened, under_way).await;
    }
    if let Some((_, pass)) = under_way.as_ref().filter(|(_, pass)| pass.parameters != parameters) {
        bail!(
            "another back-fill is under way, with {}. Let that one end: give its command again; or end it with --stop",
            pass.parameters
        );
    }
    if under_way.is_none() {
        say_cost(&opened, &parameters).await?;
    }
    if arguments.dry_run {
        println!("Nothing was begun.");
        return Ok(ExitCode::from(exit_codes::WELL));
    }
    if let Err(in_the_way) = check::switch_on(&opened, &file).await? {
        in_the_way.print(&mut std::io::stdout().lock())?;
        eprintln!("Not begun: mend the above, then give this once more.");
        return Ok(ExitCode::from(exit_codes::NOT_WELL));
    }
    let engine = &*opened.host.engine;
    let mut timeline = Timeline::read_so_far(engine, &opened.id).await?;
    let dead_before = dead(&opened).await?.len();
    if under_way.is_none() {
        let pass = Pass::taken(SOURCE, parameters, None, None, opened.host.clock.now());
        let accepted = engine.accept(&opened.id, vec![pass.task(None)]).await?;
        debug_assert!(matches!(accepted[..], [Accepted::New(_)]));
    }
    let end = work_off(&opened, &mut timeline, Patience::Endless, true).await?;
    let dead = dead(&opened).await?.split_off(dead_before);
    for task in &dead {
        let problem = task.failure.as_ref().map(|f| f.problem.as_str()).unwrap_or_default();
        let remedy = operate::remedy(task);
        println!("not done: {}: {problem}\n  What to do: {remedy}", task.task.title);
    }
    match (end.interrupted, dead.is_empty()) {
        (true, _) => println!("Stopped. Give the same command again, and it goes on."),
        (false, true) => println!("All is filled in."),
        (false, false) => {}
    }
    Ok(ExitCode::from(match (end.interrupted, dead.is_empty()) {
        (true, _) => exit_codes::INTERRUPTED,
        (false, true) => exit_codes::WELL,
        (false, false) => exit_codes::NOT_WELL,
    }))
}

async fn under_way(opened: &Opened) -> anyhow::Result<Option<(KeptTask, Pass)>> {
    for status in [TaskStatus::Waiting, TaskStatus::Running] {
        for task in tasks(&*opened.host.engine, &opened.id, TaskFilter { status: Some(status) }).await? {
            let pass = (task.task.kind == SYNC).then(|| Pass::of(&task.task)).flatten();
            if let Some(pass) = pass.filter(|pass| pass.source == SOURCE) {
                return Ok(Some((task, pass)));
            }
        }
    }
    Ok(None)
}

async fn stop(opened: &Opened, under_way: Option<(KeptTask, Pass)>) -> anyhow::Result<ExitCode> {
    match under_way {
        Some((task, pass)) => {
            opened.host.engine.cancel(&opened.id, Cancel::Task(task.id), "the back-fill was stopped").await?;
            println!("The back-fill with {} is ended. What it wrote stays.", pass.parameters);
        }
        None => println!("No back-fill is under way."),
    }
    Ok(ExitCode::from(exit_codes::WELL))
}

async fn dead(opened: &Opened) -> anyhow::Result<Vec<KeptTask>> {
    Ok(tasks(&*opened.host.engine, &opened.id, TaskFilter { status: Some(TaskStatus::Dead) }).await?)
}

async fn say_cost(opened: &Opened, parameters: &str) -> anyhow::Result<()> {
    let host = &opened.host;
    match host.runtime.estimate(&opened.id, SOURCE, parameters, &host.asker(), &*host.engine).await? {
        Ok(costs) => {
            for cost in &costs {
                println!("{}", line(opened, cost));
            }
            Ok(())
        }
        Err(Interruption::Later(wait)) => bail!("not now: {}. Try again from {} on", wait.reason, wait.until),
        Err(Interruption::BadCursor(why)) => bail!("{why}"),
        Err(Interruption::Failed(failure)) => bail!("{} {}", failure.problem, failure.remedy),
    }
}

fn line(opened: &Opened, cost: &Cost) -> String {
    let spent = [(cost.connection.clone(), cost.most)].into();
    let begin = crate::clock::Timestamp(0);
    let days = opened.host.runtime.next_pass(&opened.id, begin, 0, &spent).since(begin).as_secs_f64() / DAY_SECONDS;
    let days = match days {
        days if days < 0.1 => String::new(),
        days => format!(", which is {days:.1} days at its share of the quota"),
    };
    format!("{}: {}{days}", cost.connection, calls(cost.least, cost.most))
}
