//! `harness sync`: reads a stream, and gives its records to whoever takes them from stdout.
//!
//! Promises: a record is on stdout before the cursor behind it is kept, so whatever ends the command, the next one begins at the
//! page that was cut and gives no other record twice; a pass too early is refused, whatever state it would go on from. Not here:
//! what is read (the connector), when and in which pages (`operate`).

mod format;
mod place;
mod progress;
mod state_file;

use super::{counts::calls, exit_codes, installed::Place, interrupt::Interrupt};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    data_dir::{DataDir, Keeping},
    installation::InstallationFile,
    operate::{PageAsk, PageGiven, StreamError, StreamShown},
};
use anyhow::bail;
use format::{Format, Printer};
use place::{At, Told};
use progress::Progress;
use state_file::{Kept, StateFile};
use std::{path::PathBuf, process::ExitCode, time::Duration};
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
/// While `harness serve` has the data directory, it is asked for the pages, and reads them beside all else that it does. It has a memory
/// of its own, so where a stream was read without it before, or the other way round, everything is printed once more.
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
    let at = At::of(&arguments.place, &file).await?;
    let stream = at.stream(&arguments.stream).await?;
    if let Some(Keeping { file, .. }) = &stream.kept {
        return Err(StreamError::Kept { stream: stream.name.clone(), file: file.clone() }.into());
    }
    let kept_here = || DataDir::stream_file_in(&arguments.place.data, &file.id, &stream.name);
    let path = arguments.state.clone().unwrap_or_else(kept_here);
    let state = StateFile::new(path, &stream.name);
    let kept = if arguments.full { None } else { state.read()? };
    let is_of_there = at.is_there();
    let kept = kept.filter(|kept| {
        let is_same = kept.served == is_of_there;
        if !is_same {
            let other = if kept.served { "by" } else { "without" };
            eprintln!(
                "{}: it was read {other} `harness serve` before, and that memory is another one: everything is told once more",
                stream.name
            );
        }
        is_same
    });
    let under_way = kept.as_ref().is_some_and(|kept| kept.more);
    let next_at = stream.next_at;
    let too_early = !under_way && next_at.0 > SystemClock.now();
    if too_early && !arguments.now {
        bail!(
            "{} may be read again from {next_at} on: a pass begins no sooner than {} minutes after the one before, and later \
             where that one took many calls. Wait until then, or say --now",
            stream.name,
            stream.least_interval_minutes
        );
    }
    if too_early {
        eprintln!("warning: begun before its time, {next_at}: the calls of this pass were not yet saved up");
    }
    let printer = Printer::new(arguments.format, &stream);
    printer.begin()?;
    if !under_way {
        for cost in at.cost(&stream.name).await? {
            let left = cost.left.map(|left| format!(", {left} are left")).unwrap_or_default();
            eprintln!("{}: {} to {}{left}", stream.name, calls(cost.least, cost.most), cost.connection);
        }
    }
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    let serving = at.start(stop.clone());
    let reading = Reading { at: &at, stream: &stream, state: &state, stop: &stop };
    let end = reading.all(kept, arguments.now, &printer).await;
    stop.cancel();
    if let Some(serving) = serving {
        serving.await??;
    }
    Ok(ExitCode::from(match (end?, interrupt.was_heard()) {
        (_, true) => exit_codes::INTERRUPTED,
        (End::Over, false) => exit_codes::WELL,
        (End::PutOff, false) => exit_codes::NOT_WELL,
    }))
}

enum End {
    Over,
    PutOff,
}

struct Reading<'a> {
    at: &'a At,
    stream: &'a StreamShown,
    state: &'a StateFile<'a>,
    stop: &'a CancellationToken,
}

impl Reading<'_> {
    /// Page by page: durable, then printed, then the cursor is kept.
    async fn all(&self, kept: Option<Kept>, now: bool, printer: &Printer<'_>) -> anyhow::Result<End> {
        let name = &self.stream.name;
        let mut progress = Progress::new(name);
        let (cursor, more) = kept.map(|kept| (kept.cursor, kept.more)).unzip();
        let mut ask = PageAsk { cursor, more: Some(more.unwrap_or_default()), now };
        loop {
            let told = tokio::select! {
                biased;
                told = self.at.page(name, &ask) => told?,
                // Whoever asks again is told the page again.
                () = self.stop.cancelled() => return Ok(End::PutOff),
            };
            let PageGiven { rows, cursor, more, left, .. } = match told {
                Told::Page(page) => page,
                Told::Later { until, why } => {
                    if !self.waited(until, &why).await {
                        return Ok(End::PutOff);
                    }
                    // What has begun goes on.
                    ask.more = Some(true);
                    continue;
                }
            };
            let records = rows.len();
            printer.records(rows, SystemClock.now())?;
            let kept = Kept { cursor: cursor.clone(), more, served: self.at.is_there() };
            self.state.write(&kept)?;
            printer.state(&self.state.value(&kept))?;
            progress.page(records, left.into_values().next());
            if !more || self.stop.is_cancelled() {
                progress.end();
                return Ok(if more { End::PutOff } else { End::Over });
            }
            ask = PageAsk { cursor: Some(cursor), more: Some(true), now: false };
        }
    }

    /// False: nobody wants to sit and wait that long.
    async fn waited(&self, until: Timestamp, why: &str) -> bool {
        eprintln!("waiting: {why} (until {until})");
        if until.since(SystemClock.now()) > SHORT {
            eprintln!("All that was read is kept. Call again from {until} on; the pass goes on then.");
            return false;
        }
        tokio::select! {
            _ = SystemClock.timer(until) => true,
            () = self.stop.cancelled() => false,
        }
    }
}
