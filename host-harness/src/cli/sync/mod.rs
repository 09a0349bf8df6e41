//! `harness sync`: reads a stream, and gives its records to whoever takes them from stdout.
//!
//! Promises: a record is on stdout before the cursor behind it is kept, so whatever ends the command, the next one begins at the
//! page that was cut and gives no other record twice; a pass too early is refused. Not here: what is read (the connector).

mod format;
mod progress;
mod state_file;

use super::{
    exit_codes,
    installed::{Opened, Place},
    interrupt::Interrupt,
};
use crate::{
    clock::{Clock, SystemClock},
    effect::Level,
    installation::InstallationFile,
    runtime::{
        Taken,
        contract::{Interruption, Source},
    },
    sync::Pass,
};
use anyhow::{anyhow, bail};
use format::{Format, Printer};
use progress::Progress;
use state_file::{Kept, StateFile};
use std::{path::PathBuf, process::ExitCode, time::Duration};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

/// A wait that is not worth ending the command for.
const SHORT: Duration = Duration::from_secs(120);

/// Reads a stream of Livestorm (people, events, sessions) and prints its records, those that are new or changed
///
/// The first pass prints all; each later one prints what has changed since. Where it stood is kept in the data directory, or in the
/// file of --state. Whatever ends it, the next call goes on from the last page that was printed whole.
///
/// Records are one JSON object a line; what is gone has its key and `_sdc_deleted_at`. With --format singer they come in the messages
/// of the Singer specification (SCHEMA, RECORD, STATE), for any of its targets.
///
/// Livestorm's calls are few: a pass begins no sooner than 30 minutes after the one before, and later where that one took many. What
/// it will take is said before it begins.
///
/// Examples:
///   harness sync people --installation acme.toml > people.jsonl
///   harness sync sessions --installation acme.toml --full
///   harness sync people --installation acme.toml --state state.json --format singer | target-jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// people, events or sessions
    stream: String,
    #[command(flatten)]
    place: Place,
    /// Where it goes on from, and where that is kept [default: a file in the data directory]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How records are printed
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Begin anew: everything is read and printed
    #[arg(long)]
    full: bool,
    /// Do not wait for the time at which the next pass may begin
    #[arg(long)]
    now: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let opened = arguments.place.open_for_streams(&file).await?;
    let source = stream(&opened, &arguments.stream)?;
    let path = arguments.state.clone().unwrap_or_else(|| opened.stream_file(&source.name));
    let state = StateFile::new(path, &source.name);
    let kept = if arguments.full { None } else { state.read()? };
    let under_way = kept.as_ref().is_some_and(|kept| kept.more);
    let now = SystemClock.now();
    if let Some(next_at) = kept.as_ref().filter(|_| !under_way).map(|kept| kept.next_at).filter(|at| *at > now) {
        if !arguments.now {
            bail!(
                "{} may be read again from {next_at} on: a pass begins no sooner than {} minutes after the one before, and later \
                 where that one took many calls. Wait until then, or say --now",
                source.name,
                source.min_interval_ms / 60_000
            );
        }
        eprintln!("warning: begun before its time, {next_at}: the calls of this pass were not yet saved up");
    }
    let mut printer = Printer::new(arguments.format, &source)?;
    printer.begin()?;
    if !under_way {
        say_cost(&opened, &source).await?;
    }
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let serving = opened.host.start(stop.clone());
    let reading = Reading { opened: &opened, source: &source, state: &state, stop: &stop };
    let end = reading.all(kept, &mut printer).await;
    stop.cancel();
    serving.await??;
    Ok(ExitCode::from(match (end?, interrupt.was_heard()) {
        (_, true) => exit_codes::INTERRUPTED,
        (End::Over, false) => exit_codes::WELL,
        (End::PutOff, false) => exit_codes::NOT_WELL,
    }))
}

fn stream(opened: &Opened, name: &str) -> anyhow::Result<Source> {
    let sources = opened.host.sources(&opened.id);
    let streams = || sources.iter().filter(|source| !source.schema.is_empty());
    streams().find(|source| source.name == name).cloned().ok_or_else(|| {
        let names: Vec<&str> = streams().map(|source| source.name.as_str()).collect();
        anyhow!("there is no stream \"{name}\". Give one of these: {}", names.join(", "))
    })
}

async fn say_cost(opened: &Opened, source: &Source) -> anyhow::Result<()> {
    let host = &opened.host;
    match host.runtime.estimate(&opened.id, &source.name, "", &host.asker(), &*host.engine).await? {
        Ok(costs) => {
            for cost in costs {
                let left = opened.host.connections.left(&opened.id, &cost.connection);
                let left = left.map(|left| format!(", {left} are left")).unwrap_or_default();
                eprintln!("{}: {} to {} calls to {}{left}", source.name, cost.least, cost.most, cost.connection);
            }
            Ok(())
        }
        Err(Interruption::Later(wait)) => bail!("not now: {}. Try again from {} on", wait.reason, wait.until),
        Err(Interruption::BadCursor(why)) => bail!("{why}"),
        Err(Interruption::Failed(failure)) => bail!("{} {}", failure.problem, failure.remedy),
    }
}

enum End {
    Over,
    PutOff,
}

struct Reading<'a> {
    opened: &'a Opened,
    source: &'a Source,
    state: &'a StateFile<'a>,
    stop: &'a CancellationToken,
}

impl Reading<'_> {
    /// Page by page: printed, then durable, then the cursor is kept.
    async fn all(&self, kept: Option<Kept>, printer: &mut Printer<'_>) -> anyhow::Result<End> {
        let host = &self.opened.host;
        let taker = format!("{}-{}", SystemClock.now().0, std::process::id());
        let mut pages = host.runtime.take_pages(&taker);
        let mut progress = Progress::new(&self.source.name);
        let began_at = kept.as_ref().filter(|kept| kept.more).map_or(SystemClock.now(), |kept| kept.began_at);
        let cursor = kept.map(|kept| kept.cursor);
        let mut pass = Pass::taken(&self.source.name, String::new(), cursor, Some(taker), began_at);
        loop {
            host.engine.accept(&self.opened.id, vec![pass.task(None)]).await?;
            let Some(Taken { page, spent }) = self.page(&mut pages).await? else { return Ok(End::PutOff) };
            printer.records(&page.rows, SystemClock.now())?;
            // Until the page is durable.
            let _ = host.engine.idle().await?;
            let next_at = host.runtime.next_pass(&self.opened.id, began_at, self.source.min_interval_ms, &spent);
            let kept = Kept { cursor: page.cursor.clone(), more: page.more, began_at, next_at };
            self.state.write(&kept)?;
            printer.state(&self.state.value(&kept))?;
            progress.page(page.rows.len(), host.connections.left(&self.opened.id, "livestorm"));
            pass = pass.next_page(page.cursor, spent);
            if !page.more || self.stop.is_cancelled() {
                progress.end();
                return Ok(if page.more { End::PutOff } else { End::Over });
            }
        }
    }

    /// None: it is put off for longer than anybody wants to sit and wait.
    async fn page(&self, pages: &mut UnboundedReceiver<Result<Taken, Interruption>>) -> anyhow::Result<Option<Taken>> {
        loop {
            let given = tokio::select! {
                biased;
                given = pages.recv() => given,
                idle = self.opened.host.engine.idle() => { idle?; pages.try_recv().ok() }
                () = self.stop.cancelled() => return Ok(None),
            };
            match given {
                Some(Ok(taken)) => return Ok(Some(taken)),
                Some(Err(Interruption::Later(wait))) => {
                    let left = wait.until.since(SystemClock.now());
                    eprintln!("waiting: {} (until {})", wait.reason, wait.until);
                    if left > SHORT {
                        eprintln!(
                            "All that was read is kept. Call again from {} on; the pass goes on then.",
                            wait.until
                        );
                        return Ok(None);
                    }
                    tokio::select! {
                        _ = SystemClock.timer(wait.until) => {}
                        () = self.stop.cancelled() => return Ok(None),
                    }
                }
                Some(Err(Interruption::BadCursor(why))) => bail!("{why}"),
                Some(Err(Interruption::Failed(failure))) => bail!("{} {}", failure.problem, failure.remedy),
                None => bail!("{}", self.last_words().await?),
            }
        }
    }

    /// Nothing came: the connector broke off.
    async fn last_words(&self) -> anyhow::Result<String> {
        let (mut after, mut last) = (None, None);
        loop {
            let lines = self.opened.host.engine.log(&self.opened.id, after).await?;
            let Some(line) = lines.last() else { break };
            after = Some(line.id);
            last = lines.into_iter().rfind(|line| line.line.level >= Level::Warning).or(last);
        }
        let said = last.map_or("no reason is in the log".into(), |line| line.line.message);
        Ok(format!(
            "the page could not be read: {said}. What was printed before is kept; call again to go on from there"
        ))
    }
}
