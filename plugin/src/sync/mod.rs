//! The truth path: sources that are read page by page, whatever webhooks said or missed. One file a source.
//!
//! Promises: a page reads, and writes nothing but its own state; a page that is asked for once more says the same again; a
//! cursor of another source, or of the future, is refused before anything is read. Not here: when a pass begins and how often
//! (the host), what becomes of the tasks (`flow/`).

mod backfill;
mod cursor;
pub mod form_submissions;
mod reconcile;
mod resync;
pub mod streams;

use crate::{
    executor::{Flow, Waves},
    host::{Context, Cost, Host, Interruption, Page, Source},
    settings::Settings,
    stop::Stop,
    text::fit,
    work::Work,
};

/// What a page is asked for with.
pub struct Asked<'a> {
    /// JSON, or empty. The same for all pages of a pass.
    pub parameters: &'a str,
    /// None: from the beginning.
    pub cursor: Option<&'a str>,
}

/// Why a page ends without its work done.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    Stop(Stop),
    BadCursor(String),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Halt::Stop(stop)
    }
}

impl From<Halt> for Interruption {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Stop(Stop::Later(wait)) => Interruption::Later(*wait),
            Halt::Stop(Stop::Failed(failure)) => Interruption::Failed(*failure),
            Halt::BadCursor(why) => Interruption::BadCursor(why),
        }
    }
}

pub fn sources(settings: &Settings) -> Vec<Source> {
    let mut sources = streams::sources();
    sources.extend([reconcile::source(), backfill::source(), resync::source()]);
    sources.extend(settings.registers_from_forms().then(form_submissions::source));
    sources
}

pub fn estimate(
    host: &dyn Host,
    context: &Context,
    settings: &Settings,
    source: &str,
    parameters: &str,
) -> Result<Vec<Cost>, Interruption> {
    let waves = Waves::default();
    let work = Work { host, waves: &waves, context, settings };
    let flow: Flow<'_, Result<Vec<Cost>, Halt>> = Box::pin(cost(&work, source, parameters));
    ended(waves.run(host, context.limits.wave, vec![flow]))
}

pub fn run(
    host: &dyn Host,
    context: &Context,
    settings: &Settings,
    source: &str,
    asked: &Asked<'_>,
) -> Result<Page, Interruption> {
    let waves = Waves::default();
    let work = Work { host, waves: &waves, context, settings };
    let flow: Flow<'_, Result<Page, Halt>> = Box::pin(page(&work, source, asked));
    ended(waves.run(host, context.limits.wave, vec![flow]))
}

fn ended<T>(mut ends: Vec<Result<T, Halt>>) -> Result<T, Interruption> {
    let none = || Err(Stop::bug("The page ended without a word".into()).into());
    ends.pop().unwrap_or_else(none).map_err(Into::into)
}

async fn cost(work: &Work<'_>, source: &str, parameters: &str) -> Result<Vec<Cost>, Halt> {
    match (source, streams::of(source)) {
        (_, Some(stream)) => streams::cost(work, stream).await,
        (reconcile::NAME, _) => reconcile::cost(work).await,
        (backfill::NAME, _) => backfill::cost(work, parameters).await,
        (resync::NAME, _) => resync::cost(work, parameters).await,
        (form_submissions::NAME, _) if work.settings.registers_from_forms() => Ok(form_submissions::cost()),
        _ => Err(unknown(source)),
    }
}

async fn page(work: &Work<'_>, source: &str, asked: &Asked<'_>) -> Result<Page, Halt> {
    match (source, streams::of(source)) {
        (_, Some(stream)) => streams::page(work, stream, asked).await,
        (reconcile::NAME, _) => reconcile::page(work, asked).await,
        (backfill::NAME, _) => backfill::page(work, asked).await,
        (resync::NAME, _) => resync::page(work, asked).await,
        (form_submissions::NAME, _) if work.settings.registers_from_forms() => {
            form_submissions::page(work, asked).await
        }
        _ => Err(unknown(source)),
    }
}

fn unknown(source: &str) -> Halt {
    Halt::BadCursor(format!("no such source: {}", fit(source, 64)))
}
