//! `harness sessions`: which sessions have a campaign, and why the others have none.

use super::{
    exit_codes,
    installed::Kept,
    timeline::{table, title},
};
use crate::operate::{Session, SessionRecord, Sessions};
use comfy_table::{ColumnConstraint, Table};
use std::{io::Write, process::ExitCode};

/// As Livestorm's own page of sessions says it.
const NO_CAMPAIGN: &str = "No campaign associated to the session";

/// Lists the sessions that the connector has met, each with its campaign, or with why it has none and what to do
///
/// The newest comes first. Told from what is kept: nobody is asked, nothing is changed, and no account is needed.
/// Ends with 3 where a session has no campaign and gets none before a person does something.
///
/// Examples:
///   harness sessions --installation acme.toml
///   harness sessions --installation acme.toml --json | jq '.sessions[] | select(.campaigns == [])'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    kept: Kept,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let sessions = arguments.kept.open()?.sessions().await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&sessions)?)?;
    } else {
        print(&mut out, &sessions)?;
    }
    Ok(ExitCode::from(if sessions.need_a_person == 0 { exit_codes::WELL } else { exit_codes::NOT_WELL }))
}

fn print(out: &mut impl Write, told: &Sessions) -> std::io::Result<()> {
    if told.sessions.is_empty() {
        return writeln!(out, "No session has been met yet: the first webhook of one brings it here.");
    }
    writeln!(out, "{}", in_a_table(&told.sessions))?;
    for session in &told.sessions {
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
    match told.need_a_person {
        0 => writeln!(out, "\nEvery session that should have a campaign has one, or gets it by itself."),
        1 => writeln!(out, "\n1 session gets no campaign before somebody does something: see above."),
        n => writeln!(out, "\n{n} sessions get no campaign before somebody does something: see above."),
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
            format!("{id}\nmet {} UTC", met_at.0.utc().format("%F %H:%M")),
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
fn in_lines(made: &[SessionRecord]) -> String {
    let mut lines: Vec<String> = vec![];
    for one in made {
        if !lines.contains(&one.name) {
            lines.push(one.name.clone());
        }
    }
    let place = |one: &SessionRecord| format!("{} {}", title(&one.connection), one.id.as_deref().unwrap_or_default());
    lines.extend(made.iter().map(place));
    lines.join("\n")
}
