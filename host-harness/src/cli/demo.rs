//! `harness demo`: plays a story from start to end over real loopback HTTP, on a simulated clock.

use super::{
    exit_codes,
    timeline::{Moment, Timeline, table, tasks, title},
};
use crate::{
    durable::{Engine, TaskFilter, TaskStatus},
    simulators::{Options, Snapshot, snapshot::ExternalActivitySeen},
    stage::{INSTALLATION, Played, Stage, Travel, observe, story::story},
};
use anyhow::Context;
use comfy_table::Table;
use oracle::Difference;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::ExitCode,
};

/// Plays a webinar's story through the real connector, against simulated APIs on this machine, in seconds
///
/// Hours pass on a simulated clock. In the end an oracle that knows only the story says what the world must be; each difference
/// is a problem.
///
/// Examples:
///   harness demo
///   harness demo --json | tail -n 1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// One JSON object instead of the timeline and the tables
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    campaigns: usize,
    lists: usize,
    prospects: usize,
    list_memberships: usize,
    /// Type -> how many.
    external_activities: BTreeMap<String, usize>,
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
    let story = story();
    let stage = Stage::set(&story, folder.path().join("demo.sqlite"), Options::default(), Travel::Http).await?;
    let host = stage.open_host(None).await?;
    stage.play(&story).await;

    let (snapshot, played) = (stage.simulators.world().snapshot(), stage.played());
    let told = Told::read(&*host.engine).await?;
    let expected = oracle::expected(&story, &played.sessions);
    let mut problems = oracle::enough(&expected);
    problems.extend(oracle::differences(&expected, &observe(&snapshot)));
    let mut problems: Vec<String> = problems.iter().map(Difference::to_string).collect();
    problems.extend(told.unfinished.iter().cloned());
    problems.extend(played.undelivered.iter().map(|u| format!("not delivered: {u}")));
    drop(host);
    stage.close_host().await;

    let summary = summary(&snapshot, &told, problems);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        print(&mut out, &snapshot, &played, told, &summary)?;
    }
    let code = if summary.problems.is_empty() { exit_codes::WELL } else { exit_codes::NOT_WELL };
    Ok(ExitCode::from(code))
}

/// What the engine can tell of the story.
struct Told {
    moments: Vec<Moment>,
    held: usize,
    left_out: usize,
    unfinished: Vec<String>,
}

impl Told {
    async fn read(engine: &dyn Engine) -> anyhow::Result<Told> {
        let moments = Timeline::default().read_on(engine, INSTALLATION).await?;
        let count = |is: fn(&str) -> bool| moments.iter().filter(|m| m.code.as_deref().is_some_and(is)).count();
        let (held, left_out) = (count(|code| code == "held"), count(|code| code.starts_with("left-out")));
        Ok(Told { moments, held, left_out, unfinished: unfinished(engine).await? })
    }
}

/// Tasks that are neither done nor waiting for a webhook's duplicate: each is a problem in a story that is over.
async fn unfinished(engine: &dyn Engine) -> anyhow::Result<Vec<String>> {
    let tasks = tasks(engine, INSTALLATION, TaskFilter::default()).await?;
    let tasks = tasks.into_iter().filter(|t| t.status != TaskStatus::Done);
    Ok(tasks
        .map(|t| {
            let why = t.failure.as_ref().map(|f| f.problem.clone()).or(t.waiting_for.clone()).unwrap_or_default();
            format!("{:?}: {}: {why}", t.status, t.task.title)
        })
        .collect())
}

fn summary(snapshot: &Snapshot, told: &Told, problems: Vec<String>) -> Summary {
    let mut external_activities = BTreeMap::new();
    for activity in &snapshot.external_activities {
        *external_activities.entry(activity.kind.clone()).or_default() += 1;
    }
    Summary {
        campaigns: snapshot.campaigns.len(),
        lists: snapshot.lists.len(),
        prospects: snapshot.prospects.len(),
        list_memberships: snapshot.list_memberships.len(),
        external_activities,
        requests: snapshot.requests.clone(),
        held: told.held,
        left_out: told.left_out,
        problems,
    }
}

fn print(
    out: &mut impl Write,
    snapshot: &Snapshot,
    played: &Played,
    told: Told,
    summary: &Summary,
) -> std::io::Result<()> {
    writeln!(out, "A webinar with two sessions, an on-demand course, and the people who register, attend and watch.")?;
    writeln!(out, "Simulated APIs over HTTP on this machine, a simulated clock, the real connector.\n")?;
    // What people did comes before what came of it in the same second.
    let happened = played.happened.iter();
    let happened = happened.map(|h| Moment { at: h.at, who: "Livestorm".into(), what: h.what.clone(), code: None });
    let mut moments: Vec<Moment> = happened.chain(told.moments).collect();
    moments.sort_by_key(|m| m.at.seconds());
    for m in moments {
        writeln!(out, "{}  {:<18}  {}", m.at.utc().format("%H:%M:%S"), m.who, m.what)?;
    }

    writeln!(out, "\nWhat Account Engagement now knows of each person")?;
    writeln!(out, "{}", people(snapshot))?;
    writeln!(out, "\nCalls per system")?;
    let mut calls = table(&["system", "calls"]);
    for (api, count) in &summary.requests {
        calls.add_row([title(api).to_owned(), count.to_string()]);
    }
    writeln!(out, "{calls}")?;
    writeln!(
        out,
        "\n{} registrations waited for their campaign and went on by themselves; {} people were left out.",
        summary.held, summary.left_out
    )?;
    match summary.problems.as_slice() {
        [] => writeln!(out, "The oracle finds no difference between this world and what the story says it must be."),
        problems => {
            writeln!(out, "\nProblems:")?;
            problems.iter().try_for_each(|p| writeln!(out, "- {p}"))
        }
    }
}

fn people(snapshot: &Snapshot) -> Table {
    let mut table = table(&["person", "company", "source campaign", "lists", "activities", "mapped fields"]);
    for p in &snapshot.prospects {
        let field = |name: &str| p.fields.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let source = p.source_campaign_name.clone().unwrap_or_default();
        let lists: BTreeSet<&str> =
            snapshot.list_memberships.iter().filter(|m| m.prospect_id == p.id).map(|m| m.list_name.as_str()).collect();
        // Of numbers the value says something; else it is the id of the session.
        let told = |a: &ExternalActivitySeen| match a.value.parse::<u64>() {
            Ok(number) => format!("{} {number}", a.kind),
            Err(_) => a.kind.clone(),
        };
        let activities: Vec<String> =
            snapshot.external_activities.iter().filter(|a| a.prospect_id == Some(p.id)).map(told).collect();
        let mapped = p.fields.iter().filter_map(|(name, value)| {
            let name = name.strip_suffix("__c")?.replace('_', " ");
            Some(format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        });
        table.add_row([
            format!("{}\n{} {}", p.email, field("firstName"), field("lastName")),
            field("company"),
            source,
            lists.into_iter().collect::<Vec<_>>().join("\n"),
            activities.join("\n"),
            mapped.collect::<Vec<_>>().join("\n"),
        ]);
    }
    table
}
