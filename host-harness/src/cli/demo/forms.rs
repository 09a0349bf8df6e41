//! The demo of people who register by forms of Account Engagement: which form belongs to what, whom Livestorm has registered, and prospects
//! without activities.

use super::{Ending, account_engagement::people};
use crate::{
    cli::timeline::table,
    simulators::{Snapshot, snapshot::FormSeen},
};
use comfy_table::Table;
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
pub(super) struct Summary {
    campaigns: usize,
    lists: usize,
    prospects: usize,
    list_memberships: usize,
    /// None, in this flow.
    external_activities: usize,
    forms: usize,
    submissions: usize,
    /// In Livestorm, however they came.
    registrants: usize,
    /// Of them, those whom the connector has registered.
    registered_by_forms: usize,
    #[serde(flatten)]
    ending: Ending,
}

/// A form was submitted.
const SUCCESS: u64 = 4;

fn submissions(snapshot: &Snapshot, of: impl Fn(Option<u64>, Option<u64>) -> bool) -> usize {
    let successes = snapshot.visitor_activities.iter().filter(|activity| activity.kind == SUCCESS);
    successes.filter(|activity| of(activity.form_id, activity.form_handler_id)).count()
}

pub(super) fn summary(snapshot: &Snapshot, ending: Ending) -> Summary {
    Summary {
        campaigns: snapshot.campaigns.len(),
        lists: snapshot.lists.len(),
        prospects: snapshot.prospects.len(),
        list_memberships: snapshot.list_memberships.len(),
        external_activities: snapshot.external_activities.len(),
        forms: snapshot.forms.len() + snapshot.form_handlers.len(),
        submissions: submissions(snapshot, |_, _| true),
        registrants: snapshot.registrants.len(),
        registered_by_forms: snapshot.registrants.iter().filter(|person| person.is_from_api).count(),
        ending,
    }
}

pub(super) fn print(out: &mut impl Write, snapshot: &Snapshot) -> std::io::Result<()> {
    writeln!(out, "\nForms of Account Engagement, and whom Livestorm has registered by them")?;
    writeln!(out, "{}", forms(snapshot))?;
    writeln!(out, "\nWho is registered in Livestorm")?;
    writeln!(out, "{}", registrants(snapshot))?;
    writeln!(out, "\nWhat Account Engagement now knows of each person")?;
    writeln!(out, "{}", people(snapshot))
}

fn forms(snapshot: &Snapshot) -> Table {
    let mut table = table(&["form", "campaign", "submitted"]);
    let mut row = |form: &FormSeen, what: &str, times: usize| {
        let campaign = form.campaign_name.clone().unwrap_or_default();
        table.add_row([format!("{} ({what} {})", form.name, form.id), campaign, times.to_string()]);
    };
    for form in &snapshot.forms {
        row(form, "form", submissions(snapshot, |id, _| id == Some(form.id)));
    }
    for handler in &snapshot.form_handlers {
        row(handler, "form handler", submissions(snapshot, |_, id| id == Some(handler.id)));
    }
    table
}

fn registrants(snapshot: &Snapshot) -> Table {
    let mut table = table(&["person", "session", "by"]);
    for person in &snapshot.registrants {
        let by = if person.is_from_api { "a form of Account Engagement" } else { "Livestorm's form" };
        let tied =
            |description: &Option<String>| description.as_ref().is_some_and(|text| text.contains(&person.session_id));
        let session = snapshot.campaigns.iter().find(|campaign| tied(&campaign.description));
        let session = session.map_or_else(|| person.session_id.clone(), |campaign| campaign.name.clone());
        table.add_row([person.email.clone(), session, by.to_owned()]);
    }
    table
}
