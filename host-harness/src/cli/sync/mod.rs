//! `harness sync`: reads a stream, and gives its records to whoever takes them from stdout.
//!
//! Promises: a record is on stdout before the cursor behind it is kept, so whatever ends the command, the next one begins at the
//! page that was cut and gives no other record twice; a pass too early is refused, whatever state it would go on from. Not here:
//! what is read (the connector).

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
    data_dir::Pace,
    durable::{Accepted, LogLine, TaskFilter, TaskId, TaskStatus},
    effect::{Level, Wait},
    installation::InstallationFile,
    runtime::{
        Taken,
        contract::{Interruption, Page, Source},
    },
    sync::{Pass, plan::Spent},
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
/// file of --state. Whatever ends it, the next call goes on from the last page that was printed whole. Where what takes the records
/// may fail after they were printed, as a target of Singer may, give --state the last state that it has printed itself.
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
    let before = opened.pace(&source.name)?;
    let next_at = before
        .as_ref()
        .map(|pace| opened.host.runtime.next_pass(&opened.id, pace.began_at, source.min_interval_ms, &pace.spent));
    let pace = match before.filter(|_| under_way) {
        Some(pace) => pace,
        // Begun before its time, it is paid back after what came before it.
        None => Pace { began_at: next_at.unwrap_or(now).max(now), spent: Spent::default() },
    };
    if !under_way && pace.began_at > now {
        let next_at = pace.began_at;
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
    let end = reading.all(kept, pace, &mut printer).await;
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
                let left = left.map(|left| format!(", {} are left", left.requests)).unwrap_or_default();
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
    async fn all(&self, kept: Option<Kept>, mut pace: Pace, printer: &mut Printer<'_>) -> anyhow::Result<End> {
        let (host, name) = (&self.opened.host, &self.source.name);
        let taker = format!("{}-{}", SystemClock.now().0, std::process::id());
        let mut pages = host.runtime.take_pages(&taker);
        let mut progress = Progress::new(name);
        let cursor = kept.map(|kept| kept.cursor);
        let mut pass = Pass::taken(name, String::new(), cursor, Some(taker), pace.began_at);
        pass.spent = pace.spent.clone();
        let said_before = self.lines(None).await?.last().map(|line| line.id);
        loop {
            let accepted = host.engine.accept(&self.opened.id, vec![pass.task(None)]).await?;
            let [Accepted::New(task) | Accepted::Already(task)] = accepted[..] else { bail!("no page was asked for") };
            let Some(taken) = self.taken(&mut pages, pass.pages, said_before).await? else { return Ok(End::PutOff) };
            pace.spent = taken.spent.clone();
            self.opened.note_pace(name, &pace)?;
            let page = match taken.page {
                Ok(page) => page,
                Err(Interruption::Later(wait)) => {
                    if !self.waited(&wait).await {
                        return Ok(End::PutOff);
                    }
                    pass.spent = taken.spent;
                    continue;
                }
                Err(Interruption::BadCursor(why)) => bail!("{why}"),
                Err(Interruption::Failed(failure)) => bail!("{} {}", failure.problem, failure.remedy),
            };
            printer.records(&page.rows, SystemClock.now())?;
            if !self.is_durable(task, said_before).await? {
                return Ok(End::PutOff);
            }
            let kept = Kept { cursor: page.cursor.clone(), more: page.more };
            self.state.write(&kept)?;
            printer.state(&self.state.value(&kept))?;
            progress
                .page(page.rows.len(), host.connections.left(&self.opened.id, "livestorm").map(|left| left.requests));
            let Page { cursor, more, .. } = page;
            if !more || self.stop.is_cancelled() {
                progress.end();
                return Ok(if more { End::PutOff } else { End::Over });
            }
            pass = pass.next_page(cursor, taken.spent);
        }
    }

    /// The page of this number. None: somebody wants it to end.
    async fn taken(
        &self,
        pages: &mut UnboundedReceiver<Taken>,
        number: u64,
        said_before: Option<u64>,
    ) -> anyhow::Result<Option<Taken>> {
        loop {
            let taken = tokio::select! {
                biased;
                taken = pages.recv() => taken,
                () = self.stop.cancelled() => return Ok(None),
                idle = self.opened.host.engine.idle() => { idle?; pages.try_recv().ok() }
            };
            match taken {
                Some(taken) if taken.number == number => return Ok(Some(taken)),
                Some(_) => {}
                None => return Err(self.broken(said_before).await?),
            }
        }
    }

    /// False: nobody wants to sit and wait that long.
    async fn waited(&self, wait: &Wait) -> bool {
        eprintln!("waiting: {} (until {})", wait.reason, wait.until);
        if wait.until.since(SystemClock.now()) > SHORT {
            eprintln!("All that was read is kept. Call again from {} on; the pass goes on then.", wait.until);
            return false;
        }
        tokio::select! {
            _ = SystemClock.timer(wait.until) => true,
            () = self.stop.cancelled() => false,
        }
    }

    /// What the page remembers is kept. False: somebody wants it to end first; the page comes once more then.
    async fn is_durable(&self, task: TaskId, said_before: Option<u64>) -> anyhow::Result<bool> {
        let engine = &self.opened.host.engine;
        tokio::select! {
            biased;
            idle = engine.idle() => { idle?; }
            () = self.stop.cancelled() => return Ok(false),
        }
        let before = task.0.checked_sub(1).map(TaskId);
        let kept = engine.tasks(&self.opened.id, TaskFilter::default(), before).await?.into_iter().next();
        match kept.is_some_and(|kept| kept.id == task && kept.status == TaskStatus::Done) {
            true => Ok(true),
            false => Err(self.broken(said_before).await?),
        }
    }

    /// Nothing came: the connector broke off.
    async fn broken(&self, said_before: Option<u64>) -> anyhow::Result<anyhow::Error> {
        let lines = self.lines(said_before).await?;
        let said = lines.into_iter().rfind(|line| line.line.level >= Level::Warning);
        let said = said.map_or("no reason is in the log".into(), |line| line.line.message);
        Ok(anyhow!(
            "the page could not be read: {said}. What was printed before is kept; call again to go on from there"
        ))
    }

    async fn lines(&self, mut after: Option<u64>) -> anyhow::Result<Vec<LogLine>> {
        let mut all = vec![];
        loop {
            let lines = self.opened.host.engine.log(&self.opened.id, after).await?;
            let Some(last) = lines.last() else { return Ok(all) };
            after = Some(last.id);
            all.extend(lines);
        }
    }
}
