//! What an engine can tell of an installation, as lines for people: its run log, and what became of records at providers.

use crate::{
    clock::Timestamp,
    durable::{Engine, EngineError, KeptTask, TaskFilter},
    effect::{Action, Change, Subject},
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;
use std::io::Write;

/// A line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    /// The line's code in the run log; nothing for a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Reads on from where it has read before.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    line: Option<u64>,
    change: Option<u64>,
}

impl Timeline {
    /// Nothing of what is there already is read.
    pub async fn read_so_far(engine: &dyn Engine, installation: &str) -> Result<Timeline, EngineError> {
        let mut timeline = Timeline::default();
        timeline.read_on(engine, installation).await?;
        Ok(timeline)
    }

    /// What is new since the last call, in the order of its times.
    pub async fn read_on(&mut self, engine: &dyn Engine, installation: &str) -> Result<Vec<Moment>, EngineError> {
        let mut moments = vec![];
        loop {
            let lines = engine.log(installation, self.line).await?;
            let Some(last) = lines.last() else { break };
            self.line = Some(last.id);
            moments.extend(lines.into_iter().map(|l| {
                let what = match about(&l.line.subject) {
                    Some(whom) if !l.line.message.contains(whom) => format!("{whom}: {}", l.line.message),
                    _ => l.line.message,
                };
                Moment { at: l.at, who: "Connector".into(), what, code: Some(l.line.code) }
            }));
        }
        loop {
            let changes = engine.changes(installation, self.change).await?;
            let Some(last) = changes.last() else { break };
            self.change = Some(last.id);
            moments.extend(changes.into_iter().filter_map(|c| {
                let who = title(&c.change.connection).to_owned();
                Some(Moment { at: c.at, who, what: sentence(&c.change)?, code: None })
            }));
        }
        moments.sort_by_key(|m| m.at);
        Ok(moments)
    }
}

/// One line each.
pub(super) fn print(out: &mut impl Write, moments: &[Moment]) -> std::io::Result<()> {
    let mut line = |m: &Moment| writeln!(out, "{}  {:<18}  {}", m.at.utc().format("%F %T"), m.who, m.what);
    moments.iter().try_for_each(&mut line)?;
    out.flush()
}

/// Every task of an installation that is kept with this status, or with any.
pub(super) async fn tasks(
    engine: &dyn Engine,
    installation: &str,
    filter: TaskFilter,
) -> Result<Vec<KeptTask>, EngineError> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = engine.tasks(installation, filter, after).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(page);
    }
}

/// What became of a record, as somebody in marketing would say it. What was left out or failed is said by the connector's lines.
fn sentence(change: &Change) -> Option<String> {
    let whom = about(&change.subject).unwrap_or_default();
    let detail = change.detail.as_deref().unwrap_or_default();
    Some(match (change.object.as_str(), change.action) {
        (_, Action::Unchanged | Action::LeftOut | Action::Failed) => return None,
        ("Campaign", Action::Created) => format!("campaign \"{detail}\" is made"),
        ("Campaign", _) => format!("campaign \"{detail}\" has arrived"),
        ("List", _) => format!("list \"{detail}\" is made"),
        ("Prospect", Action::Created) => format!("{whom} is a new prospect"),
        ("Prospect", _) => format!("prospect {whom} is updated: {detail}"),
        ("Registrant", _) => format!("{whom} is registered by {detail}"),
        ("ListMembership", _) => format!("{whom} joins the list \"{detail}\""),
        ("ExternalActivity", _) => format!("{whom} has the activity {detail}"),
        ("CampaignMemberStatus", _) => format!("campaign \"{detail}\" has its statuses of members"),
        ("Lead" | "Contact", Action::Created) => format!("{whom} is a new {}", change.object.to_lowercase()),
        ("Lead" | "Contact", _) => format!("{} {whom} is updated: {detail}", change.object.to_lowercase()),
        ("Account", Action::Created) => format!("account \"{detail}\" is made"),
        ("Account", _) => format!("{whom} belongs to the account \"{detail}\""),
        ("CampaignMember", Action::Created) => format!("{whom} is a member of the campaign \"{detail}\""),
        ("CampaignMember", _) => format!("member {whom} of {detail}"),
        ("Webhook", Action::Created) => format!("the webhook {detail} is made"),
        ("Webhook", _) => format!("a webhook is {detail}"),
        (object, action) => format!("{object} {whom} {action:?} {detail}"),
    })
}

fn about(subject: &Option<Subject>) -> Option<&str> {
    subject.as_ref().filter(|s| s.kind == "person").map(|s| s.id.as_str())
}

/// A connection, as people call it.
pub(super) fn title(connection: &str) -> &str {
    match connection {
        "livestorm" => "Livestorm",
        "salesforce" => "Salesforce",
        "account-engagement" => "Account Engagement",
        other => other,
    }
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(140);
    table.set_header(header.to_vec());
    table
}

pub(super) fn as_text<S: serde::Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(at)
}
