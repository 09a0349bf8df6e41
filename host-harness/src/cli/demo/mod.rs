//! `harness demo`: plays a story from start to end over real loopback HTTP, on a simulated clock.
//!
//! Here: what is played and told whatever the destination. What came of it in the end: a file a destination.

mod account_engagement;
mod calls;
mod forms;
mod salesforce;

use super::{
    counts::counted,
    exit_codes,
    timeline::{Moment, Timeline, table, tasks, title},
};
use crate::{
    durable::{Engine, KeptTask, TaskFilter, TaskStatus},
    effect::SYNC,
    simulators::Options,
    stage::{
        INSTALLATION, Played, Stage, Travel, observe,
        story::{forms_story, salesforce_story, story},
    },
};
use anyhow::Context;
use oracle::Difference;
use serde::Serialize;
use std::{collections::BTreeMap, io::Write, process::ExitCode};

/// Plays a webinar's story through the real connector, against simulated APIs on this machine, in seconds
///
/// Hours pass on a simulated clock. In the end an oracle that knows only the story says what the world must be; each difference
/// is a problem.
///
/// Examples:
///   harness demo
///   harness demo --json | tail -n 1
///   harness demo --destination salesforce
///   harness demo --flow pardot-forms
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Where people and what they did are sent
    #[arg(long, value_enum, default_value_t)]
    destination: Destination,
    /// By whose forms people register
    #[arg(long, value_enum, default_value_t, conflicts_with = "destination")]
    flow: Flow,
    /// One JSON object instead of the timeline and the tables
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Destination {
    /// Prospects, lists and external activities
    #[default]
    AccountEngagement,
    /// Leads, contacts and campaign members
    Salesforce,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Flow {
    /// By Livestorm's own
    #[default]
    LivestormForms,
    /// Also by forms of Account Engagement (Pardot)
    PardotForms,
}

/// What is told of any story.
#[derive(Serialize)]
struct Ending {
    /// Connection -> requests that reached its API.
    requests: BTreeMap<String, u64>,
    /// Registrations that waited for their campaign, and went on by themselves.
    held: usize,
    /// Registrations that were left out, each with a line that says why.
    left_out: usize,
    /// The oracle's differences, dead letters, and deliveries that nobody took. Empty when all is well.
    problems: Vec<String>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("no folder for the demo's store")?;
    let story = match (arguments.destination, arguments.flow) {
        (_, Flow::PardotForms) => forms_story(),
        (Destination::AccountEngagement, Flow::LivestormForms) => story(),
        (Destination::Salesforce, Flow::LivestormForms) => salesforce_story(oracle::Destination::SalesforceLeads),
    };
    let stage = Stage::set(&story, folder.path().join("demo.sqlite"), Options::default(), Travel::Http).await?;
    let host = stage.open_host(None).await?;
    stage.play(&story).await;

    let (snapshot, requests) = {
        let mut world = stage.simulators.world();
        (world.snapshot(), world.requests.clone())
    };
    let played = stage.played();
    let told = Told::read(&*host.engine).await?;
    let calls = calls::Calls::of(&*host.engine, &requests, &told.tasks).await?;
    let expected = oracle::expected(&story, &played.sessions);
    let mut problems = oracle::enough(&expected);
    problems.extend(oracle::differences(&expected, &observe(&snapshot)));
    let mut problems: Vec<String> = problems.iter().map(Difference::to_string).collect();
    problems.extend(told.unfinished());
    problems.extend(played.undelivered.iter().map(|u| format!("not delivered: {u}")));
    drop(host);
    stage.close_host().await;

    let is_well = problems.is_empty();
    let (held, left_out) = (told.held, told.left_out);
    let ending = Ending { requests: snapshot.requests.clone(), held, left_out, problems };
    let mut out = std::io::stdout().lock();
    let by_forms = arguments.flow == Flow::PardotForms;
    match (arguments.json, arguments.destination) {
        (true, _) if by_forms => writeln!(out, "{}", serde_json::to_string(&forms::summary(&snapshot, ending))?)?,
        (true, Destination::AccountEngagement) => {
            writeln!(out, "{}", serde_json::to_string(&account_engagement::summary(&snapshot, ending))?)?;
        }
        (true, Destination::Salesforce) => {
            writeln!(out, "{}", serde_json::to_string(&salesforce::summary(&snapshot, ending))?)?;
        }
        (false, destination) => {
            print_moments(&mut out, by_forms, &played, told.moments)?;
            match destination {
                _ if by_forms => forms::print(&mut out, &snapshot)?,
                Destination::AccountEngagement => account_engagement::print(&mut out, &snapshot)?,
                Destination::Salesforce => salesforce::print(&mut out, &snapshot, &calls)?,
            }
            print_ending(&mut out, &ending)?;
        }
    }
    let code = if is_well { exit_codes::WELL } else { exit_codes::NOT_WELL };
    Ok(ExitCode::from(code))
}

/// What the engine can tell of the story.
struct Told {
    moments: Vec<Moment>,
    held: usize,
    left_out: usize,
    tasks: Vec<KeptTask>,
}

impl Told {
    async fn read(engine: &dyn Engine) -> anyhow::Result<Told> {
        let moments = Timeline::default().read_on(engine, INSTALLATION).await?;
        let count = |is: fn(&str) -> bool| moments.iter().filter(|m| m.code.as_deref().is_some_and(is)).count();
        let (held, left_out) = (count(|code| code == "held"), count(|code| code.starts_with("left-out")));
        let tasks = tasks(engine, INSTALLATION, TaskFilter::default()).await?;
        Ok(Told { moments, held, left_out, tasks })
    }

    /// Tasks that are neither done nor waiting for a webhook's duplicate: each is a problem in a story that is over.
    fn unfinished(&self) -> impl Iterator<Item = String> {
        // What repeats by itself is never done.
        let tasks = self.tasks.iter().filter(|t| t.status != TaskStatus::Done && t.task.kind != SYNC);
        tasks.map(|t| {
            let why = t.failure.as_ref().map(|f| f.problem.clone()).or(t.waiting_for.clone()).unwrap_or_default();
            format!("{:?}: {}: {why}", t.status, t.task.title)
        })
    }
}

fn print_moments(out: &mut impl Write, by_forms: bool, played: &Played, told: Vec<Moment>) -> std::io::Result<()> {
    let what = match by_forms {
        true => "A webinar with two sessions, and people who register by forms of Account Engagement, or of Livestorm.",
        false => "A webinar with two sessions, an on-demand course, and the people who register, attend and watch.",
    };
    writeln!(out, "{what}")?;
    writeln!(out, "Simulated APIs over HTTP on this machine, a simulated clock, the real connector.\n")?;
    // What people did comes before what came of it in the same second.
    let happened = played.happened.iter();
    let happened = happened.map(|h| Moment { at: h.at, who: "Livestorm".into(), what: h.what.clone(), code: None });
    let mut moments: Vec<Moment> = happened.chain(told).collect();
    moments.sort_by_key(|m| m.at.seconds());
    for m in moments {
        writeln!(out, "{}  {:<18}  {}", m.at.utc().format("%H:%M:%S"), m.who, m.what)?;
    }
    Ok(())
}

fn waited(held: usize, left_out: usize) -> String {
    let held = counted(
        held,
        "registration waited for its campaign and went on by itself",
        "registrations waited for their campaign and went on by themselves",
    );
    format!("{held}; {} left out.", counted(left_out, "person was", "people were"))
}

fn print_ending(out: &mut impl Write, ending: &Ending) -> std::io::Result<()> {
    writeln!(out, "\nCalls per system")?;
    let mut calls = table(&["system", "calls"]);
    for (api, count) in &ending.requests {
        calls.add_row([title(api).to_owned(), count.to_string()]);
    }
    writeln!(out, "{calls}")?;
    writeln!(out, "\n{}", waited(ending.held, ending.left_out))?;
    match ending.problems.as_slice() {
        [] => writeln!(out, "The oracle finds no difference between this world and what the story says it must be."),
        problems => {
            writeln!(out, "\nProblems:")?;
            problems.iter().try_for_each(|p| writeln!(out, "- {p}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_and_who_was_left_out_is_told_of_one_as_of_many() {
        let one = "1 registration waited for its campaign and went on by itself; 1 person was left out.";
        let two = "2 registrations waited for their campaign and went on by themselves; 0 people were left out.";
        assert_eq!((waited(1, 1), waited(2, 0)), (one.into(), two.into()));
    }
}
