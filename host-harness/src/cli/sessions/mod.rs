//! `harness sessions`: which sessions have a campaign, and why the others have none.
//!
//! Promises: reads what is kept, asks nobody and changes nothing. Not here: what the records mean (`records.rs`).

mod records;

use super::{
    exit_codes,
    installed::kept,
    run::remedy,
    timeline::{table, tasks, title},
};
use crate::{
    durable::{Engine, TaskFilter, journal::Record},
    effect::RunId,
    installation::InstallationFile,
};
use comfy_table::{ColumnConstraint, Table};
use records::{Kind, Made, Records, Session};
use serde::Serialize;
use std::{io::Write, path::PathBuf, process::ExitCode};

/// As Livestorm's own page of sessions says it.
const NO_CAMPAIGN: &str = "No campaign associated to the session";

/// Lists the sessions that the connector has met, each with its campaign, or with why it has none and what to do
///
/// The newest comes first. Told from what earlier calls of `harness run` have kept: nobody is asked, and nothing is changed.
/// Ends with 3 where a session has no campaign and gets none before a person does something.
///
/// Examples:
///   harness sessions --installation acme.toml
///   harness sessions --installation acme.toml --json | jq '.sessions[] | select(.campaigns == [])'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The installation file; fixtures/installations/sample.toml is a commented one
    #[arg(long, value_name = "FILE")]
    installation: PathBuf,
    /// Where its memory is kept; one process at a time may use it
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    data: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    installation: String,
    /// The newest first.
    sessions: Vec<Session>,
    /// How many have no campaign, and get none before a person does something.
    need_a_person: usize,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.installation)?;
    let (_data, engine) = kept(&arguments.data, "so no session has been met")?;
    let sessions = read(&*engine, &file.id).await?;
    let need_a_person = sessions.iter().filter(|session| session.needs_a_person()).count();
    let report = Report { installation: file.id, sessions, need_a_person };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        report.print(&mut out)?;
    }
    Ok(ExitCode::from(if need_a_person == 0 { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

async fn read(engine: &dyn Engine, id: &str) -> anyhow::Result<Vec<Session>> {
    let mut records = Records::default();
    let mut after = None;
    loop {
        let changes = engine.changes(id, after).await?;
        let Some(last) = changes.last() else { break };
        after = Some(last.id);
        changes.into_iter().for_each(|change| records.change(change));
    }
    let mut after = None;
    loop {
        let lines = engine.log(id, after).await?;
        let Some(last) = lines.last() else { break };
        after = Some(last.id);
        lines.into_iter().for_each(|line| records.line(line));
    }
    tasks(engine, id, TaskFilter::default()).await?.into_iter().for_each(|task| records.task(task));
    let mut sessions = records.sessions();
    for session in sessions.iter_mut().filter(|session| !session.has_campaign()) {
        for why in session.why.iter_mut().filter(|why| why.kind == Kind::Waiting) {
            let Some(run) = why.run else { continue };
            if let Some((problem, remedy)) = broken(engine, id, run).await? {
                (why.kind, why.problem, why.remedy) = (Kind::Failed, problem, remedy.into());
            }
        }
    }
    Ok(sessions)
}

/// What kept a run from its provider, where only a person can change that.
async fn broken(engine: &dyn Engine, id: &str, run: RunId) -> anyhow::Result<Option<(String, &'static str)>> {
    let answers = engine.tape(id, run).await?.entries.into_iter().filter_map(|record| match record {
        Record::Answer { answer, .. } => answer.err(),
        _ => None,
    });
    Ok(answers.into_iter().find_map(|error| Some((error.to_string(), remedy(&error)?))))
}

impl Report {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.sessions.is_empty() {
            return writeln!(out, "No session has been met yet: the first webhook of one brings it here.");
        }
        writeln!(out, "{}", in_a_table(&self.sessions))?;
        for session in &self.sessions {
            let Session { id, why, .. } = session;
            match session.has_campaign() {
                true if why.is_empty() => continue,
                true => writeln!(out, "\n{id}: it has a campaign, and something of it is not done")?,
                false => writeln!(out, "\n{id}: {NO_CAMPAIGN}")?,
            }
            for why in why {
                writeln!(out, "  Why: {}\n  What to do: {}", why.problem, why.remedy)?;
            }
        }
        match self.need_a_person {
            0 => writeln!(out, "\nEvery session that should have a campaign has one, or gets it by itself."),
            1 => writeln!(out, "\n1 session gets no campaign before somebody does something: see above."),
            n => writeln!(out, "\n{n} sessions get no campaign before somebody does something: see above."),
        }
    }
}

fn in_a_table(sessions: &[Session]) -> Table {
    let mut table = table(&["session", "campaign", "list", "people", "in Livestorm", "tasks"]);
    // What is typed again elsewhere must not be broken.
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    for session in sessions {
        let Session { id, met_at, people, registrants, tasks, .. } = session;
        let campaign = if session.has_campaign() { in_lines(&session.campaigns) } else { NO_CAMPAIGN.into() };
        table.add_row([
            format!("{id}\nmet {} UTC", met_at.utc().format("%F %H:%M")),
            campaign,
            in_lines(&session.lists),
            counts([(people.there, "there"), (people.waiting, "waiting"), (people.failed, "failed")]),
            registrants.map_or("not listed yet".into(), |count| format!("{count} registered")),
            counts([(tasks.done, "done"), (tasks.waiting, "waiting"), (tasks.failed, "failed")]),
        ]);
    }
    table
}

/// The first always; of the others what is not nothing.
fn counts(of: [(usize, &str); 3]) -> String {
    let told = of.iter().enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
    told.map(|(_, (count, word))| format!("{count} {word}")).collect::<Vec<_>>().join("\n")
}

/// Each name, and below it where it is.
fn in_lines(made: &[Made]) -> String {
    let mut lines: Vec<String> = vec![];
    for one in made {
        if !lines.contains(&one.name) {
            lines.push(one.name.clone());
        }
    }
    let place = |one: &Made| format!("{} {}", title(&one.connection), one.id.as_deref().unwrap_or_default());
    lines.extend(made.iter().map(place));
    lines.join("\n")
}
