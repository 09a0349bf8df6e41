//! `harness run`: one delivery against an installation, and all that is due there.
//!
//! Promises: what was taken in is durable before anything is done with it; what is left waits for the next call. Not here: how a
//! dry run sends nothing (`connections/rehearsal.rs`).

use super::{
    check, exit_codes,
    installed::{NO_ADDRESS, Opened, Place, body, source},
    interrupt::Interrupt,
    planned::{Planned, planned},
    timeline::{self, Moment, Timeline, tasks},
    work_off::{Patience, Waiting, WorkedOff, waiting, work_off},
};
use crate::{
    clock::{Clock, SimulatedClock, SystemClock, Timestamp},
    durable::{Accepted, Engine, KeptTask, TaskFilter, TaskId, TaskStatus, journal::Record},
    effect::SendError,
    ingress::{Refusal, signature::sign},
    installation::InstallationFile,
    operate,
    runtime::contract::{Signature, WebhookSource},
};
use anyhow::anyhow;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::ExitCode,
};

/// Handles one delivery: takes it in, does what is due, and tells what was done and what waits
///
/// The first time, the installation is checked as `harness check` does, and switched on if nothing stands in the way; otherwise
/// the delivery is not taken in. Tasks of the installation that were left by earlier calls go on as well. Given once more, a
/// delivery that was taken in before is known, and nothing is done twice.
///
/// A dry run reads for real, shows each write that would be sent, and sends none. It works on a copy of the data directory; time
/// leaps over whatever waits. All that it changes in the directory are tokens that a provider replaces meanwhile, and the key that
/// seals them, if there was none.
///
/// Examples:
///   harness run registration.json --installation acme.toml --dry-run
///   harness run registration.json --installation acme.toml --wait
///   curl -s https://example.org/last-delivery | harness run - --installation acme.toml --json | tail -n 1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The webhook's body as Livestorm sends it; `-` reads it from stdin
    payload: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The connector's webhook source that it comes by [default: the one that signs nothing]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Show what would be written, and write nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Go on until nothing is left to do; Ctrl-C ends it in order
    #[arg(long)]
    wait: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    installation: String,
    activated_at: String,
    dry_run: bool,
    /// Whether this delivery was taken in before.
    known: bool,
    happened: Vec<Moment>,
    /// In a dry run: what would have been sent, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    planned: Option<Vec<Planned>>,
    waiting: Vec<Waiting>,
    /// Dead letters that are new, and connections that do not work. Empty when all is well.
    problems: Vec<Problem>,
    interrupted: bool,
}

#[derive(Serialize, PartialEq, Eq)]
struct Problem {
    what: String,
    problem: String,
    remedy: String,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let body = body(&arguments.payload)?;
    let file = InstallationFile::read(&arguments.place.installation)?;
    let report = match arguments.dry_run {
        true => rehearsed(&arguments, &file, body).await?,
        false => {
            let opened = arguments.place.open(&file, arguments.source.as_deref()).await?;
            // Before anything is taken in: a mistake here is not the installation's.
            source(&opened.manifest, arguments.source.as_deref())?;
            if let Err(in_the_way) = check::switch_on(&opened, &file).await? {
                return refused(&in_the_way, arguments.json);
            }
            done(&arguments, &file, &opened, body).await?
        }
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        print_end(&mut out, &report)?;
    }
    Ok(ExitCode::from(match (report.problems.is_empty(), report.interrupted) {
        (_, true) => exit_codes::INTERRUPTED,
        (true, false) => exit_codes::WELL,
        (false, false) => exit_codes::NOT_WELL,
    }))
}

/// Nothing was taken in.
fn refused(in_the_way: &check::Checked, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(in_the_way)?)?;
    } else {
        in_the_way.print(&mut out)?;
    }
    eprintln!("Not switched on, and the delivery was not taken in: mend the above, then give it once more.");
    Ok(ExitCode::from(exit_codes::NOT_WELL))
}

async fn done(
    arguments: &Arguments,
    file: &InstallationFile,
    opened: &Opened,
    body: Vec<u8>,
) -> anyhow::Result<Report> {
    let engine = &*opened.host.engine;
    let mut timeline = Timeline::read_so_far(engine, &opened.id).await?;
    let dead_before = dead(engine, &opened.id).await?;
    let known = take_in(opened, arguments.source.as_deref(), file, body).await?;

    let patience = if arguments.wait { Patience::Endless } else { Patience::Short };
    let WorkedOff { happened, interrupted } = work_off(opened, &mut timeline, patience, !arguments.json).await?;

    let mut problems = dead_letters(engine, &opened.id, &dead_before).await?;
    problems.extend(broken_connections(engine, &opened.id).await?);
    let waiting = waiting(engine, &opened.id).await?;
    Ok(report(opened, known, happened, waiting, problems, interrupted))
}

async fn rehearsed(arguments: &Arguments, file: &InstallationFile, body: Vec<u8>) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let clock = SimulatedClock::new(SystemClock.now());
    let source = arguments.source.as_deref();
    let (opened, rehearsal) = arguments.place.rehearse(file, source, folder.path(), clock.clone()).await?;
    let engine = &*opened.host.engine;
    let mut timeline = Timeline::read_so_far(engine, &opened.id).await?;
    let dead_before = dead(engine, &opened.id).await?;
    let known = take_in(&opened, source, file, body).await?;

    let stop = rehearsal.over();
    let interrupt = Interrupt::heard_by(stop.clone());
    let serving = opened.host.start(stop.clone());
    clock.run_until(Timestamp::MAX).await;
    stop.cancel();
    serving.await??;

    let mut happened = timeline.read_on(engine, &opened.id).await?;
    // What became of records: here nothing did. What would, the planned writes say.
    happened.retain(|moment| moment.code.is_some());
    if !arguments.json {
        timeline::print(&mut std::io::stdout().lock(), &happened)?;
    }
    let mut problems = dead_letters(engine, &opened.id, &dead_before).await?;
    problems.extend(rehearsal.broken().map(|(connection, problem)| Problem {
        what: format!("connection {connection}"),
        problem,
        remedy: "Mend it, then try again; `harness check` looks at each connection".into(),
    }));
    let waiting = waiting(engine, &opened.id).await?;
    let planned = planned(engine, &opened.id, rehearsal.planned()).await?;
    let report = report(&opened, known, happened, waiting, problems, interrupt.was_heard());
    Ok(Report { dry_run: true, planned: Some(planned), ..report })
}

fn report(
    opened: &Opened,
    known: bool,
    happened: Vec<Moment>,
    waiting: Vec<Waiting>,
    problems: Vec<Problem>,
    interrupted: bool,
) -> Report {
    Report {
        installation: opened.id.clone(),
        activated_at: opened.activated_at.to_string(),
        dry_run: false,
        known,
        happened,
        planned: None,
        waiting,
        problems,
        interrupted,
    }
}

/// Whether it was taken in before.
async fn take_in(opened: &Opened, given: Option<&str>, file: &InstallationFile, body: Vec<u8>) -> anyhow::Result<bool> {
    let source = source(&opened.manifest, given)?;
    let headers = headers(source, file, &body, opened.host.clock.now())?;
    let bytes = body.len();
    match opened.host.ingress.receive(&opened.id, &source.name, NO_ADDRESS, &headers, body).await {
        Ok(Accepted::New(_)) => Ok(false),
        Ok(Accepted::Already(_) | Accepted::Forgotten) => Ok(true),
        Err(Refusal::TooLarge) => Err(anyhow!(
            "the payload has {bytes} bytes, and the source \"{}\" takes at most {}. Give one webhook's body",
            source.name,
            source.max_bytes
        )),
        Err(refusal) => Err(anyhow!("the delivery was not taken in: {refusal}")),
    }
}

/// Signs the body as its sender would.
fn headers(
    source: &WebhookSource,
    file: &InstallationFile,
    body: &[u8],
    now: Timestamp,
) -> anyhow::Result<Vec<(String, String)>> {
    let Signature::Digest(scheme) = &source.signature else { return Ok(vec![]) };
    let secret = file.signing_secrets(&source.name)?.into_iter().next().ok_or_else(|| {
        let name = &source.name;
        anyhow!(
            "what comes by \"{name}\" is signed, and the installation file has no secret to sign with. Add \
             [webhooks.signing_secrets] with {name} = [{{ env = \"NAME\" }}]"
        )
    })?;
    Ok(vec![sign(scheme, &secret, body, now)])
}

async fn dead(engine: &dyn Engine, id: &str) -> anyhow::Result<Vec<KeptTask>> {
    Ok(tasks(engine, id, TaskFilter { status: Some(TaskStatus::Dead) }).await?)
}

async fn dead_letters(engine: &dyn Engine, id: &str, before: &[KeptTask]) -> anyhow::Result<Vec<Problem>> {
    let before: BTreeSet<TaskId> = before.iter().map(|t| t.id).collect();
    let new = dead(engine, id).await?.into_iter().filter(|t| !before.contains(&t.id));
    let problem = |t: KeptTask| {
        let remedy = operate::remedy(&t);
        Problem { what: t.task.title, problem: t.failure.map(|f| f.problem).unwrap_or_default(), remedy }
    };
    Ok(new.map(problem).collect())
}

/// For an answer that stays the same until a person does something.
pub(super) fn remedy(error: &SendError) -> Option<&'static str> {
    match error {
        SendError::Unauthorized(_) => Some("Mend it, then start `harness run` again with --wait; nothing is lost"),
        SendError::NotSent(_) => {
            Some("See whether network and address are right, then start `harness run` again with --wait")
        }
        _ => None,
    }
}

/// What keeps waiting tasks from going on and needs a person, each once.
async fn broken_connections(engine: &dyn Engine, id: &str) -> anyhow::Result<Vec<Problem>> {
    let waiting = tasks(engine, id, TaskFilter { status: Some(TaskStatus::Waiting) }).await?;
    let mut titles: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for task in waiting {
        titles.entry(task.run).or_default().push(task.task.title);
    }
    let mut problems: Vec<Problem> = vec![];
    for (run, titles) in titles {
        let Some(run) = run else { continue };
        let answers = engine.tape(id, run).await?.entries.into_iter().filter_map(|record| match record {
            Record::Answer { answer, .. } => answer.err(),
            _ => None,
        });
        for error in answers {
            let Some(remedy) = remedy(&error) else { continue };
            let problem = Problem { what: titles.join("; "), problem: error.to_string(), remedy: remedy.into() };
            if !problems.iter().any(|p| p.problem == problem.problem) {
                problems.push(problem);
            }
        }
    }
    Ok(problems)
}

fn print_end(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    if report.known {
        writeln!(out, "This delivery was taken in before; nothing of it is done twice.")?;
    }
    if let Some(planned) = &report.planned {
        writeln!(
            out,
            "\nDry run: {} writes would be sent, none was.",
            planned.iter().map(Planned::writes).sum::<usize>()
        )?;
        for (number, write) in (1..).zip(planned) {
            write!(out, "\n{number:>3}. {write}")?;
        }
    }
    if !report.waiting.is_empty() {
        // What a task says of its waiting, it says by the clock that leaps.
        writeln!(out, "\nWaiting{}:", if report.dry_run { ", by the dry run's own clock" } else { "" })?;
        report.waiting.iter().try_for_each(|w| writeln!(out, "- {}", w.line()))?;
    }
    if !report.problems.is_empty() {
        writeln!(out, "\nProblems:")?;
        for p in &report.problems {
            writeln!(out, "- {}: {}\n  What to do: {}", p.what, p.problem, p.remedy)?;
        }
    }
    match (report.interrupted, report.waiting.is_empty() && report.problems.is_empty()) {
        (true, _) => writeln!(out, "\nEnded by Ctrl-C. What is left waits for the next `harness run`."),
        (false, true) => writeln!(out, "\nNothing is left to do."),
        (false, false) => Ok(()),
    }
}
