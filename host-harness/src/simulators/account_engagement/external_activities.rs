//! External activities. <https://developer.salesforce.com/docs/marketing/pardot/guide/external-activities-v5.html>.
//! Extension and type must exist, be assigned and active
//! (<https://developer.salesforce.com/docs/marketing/pardot/guide/external-activity-guide.html>,
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/marketing-app-extensions.html>); several prospects of
//! an address: the one with the most recent activity [confirmed]. Nothing makes two equal posts one [inferred], and
//! nothing takes one back [confirmed].

use super::{
    body::Body,
    errors::Refusal,
    record::{Field, Filter, Object},
    zone,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        unknowns::{ActivityWithoutProspect, EqualActivity, UndocumentedProperty},
    },
};
use std::time::Duration;

pub(super) static EXTERNAL_ACTIVITY: Object = Object {
    path: "external-activities",
    fields: &["id", "extension", "type", "email", "value", "activityDate", "prospectId", "createdAt", "updatedAt"],
    relations: &[],
    filters: &[Filter::Time("createdAt")],
    sorts: &["id", "createdAt"],
};

/// Characters.
const VALUE_MAX: usize = 100;

#[derive(Clone, Debug)]
pub struct ExternalActivity {
    pub id: u64,
    pub extension: String,
    pub kind: String,
    pub email: String,
    pub value: String,
    pub activity_date: Timestamp,
    /// Nothing where it was taken and lost.
    pub prospect_id: Option<u64>,
    pub created_at: Timestamp,
}

impl ExternalActivity {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "extension" => Field::text(&self.extension),
            "type" => Field::text(&self.kind),
            "email" => Field::text(&self.email),
            "value" => Field::text(&self.value),
            "activityDate" => Field::time(self.activity_date),
            "prospectId" => Field::of(self.prospect_id),
            "createdAt" | "updatedAt" => Field::time(self.created_at),
            _ => Field::Null,
        }
    }
}

/// A marketing app extension, as an admin sets it up in Salesforce, which is where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// DeveloperName.
    pub name: String,
    /// "Active in Automations".
    pub is_active: bool,
    /// To this business unit.
    pub is_assigned: bool,
    pub types: Vec<ActivityType>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityType {
    /// DeveloperName.
    pub name: String,
    pub is_active: bool,
}

impl Extension {
    /// Assigned, and all of it active.
    pub fn ready(name: &str, types: &[&str]) -> Extension {
        let types = types.iter().map(|name| ActivityType { name: (*name).to_owned(), is_active: true }).collect();
        Extension { name: name.to_owned(), is_active: true, is_assigned: true, types }
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let unknowns = &world.options.unknowns.account_engagement;
    let mut known = vec!["extension", "type", "email", "value", "activityDate"];
    if unknowns.activity_salesforce_ids == UndocumentedProperty::Ignore {
        known.extend(["extensionSalesforceId", "typeSalesforceId"]);
    }
    let body = body.only(&known)?;
    let (extension, kind) = (body.required_text("extension")?, body.required_text("type")?);
    let (email, value) = (body.required_text("email")?, body.required_text("value")?);
    let now = world.now();
    let activity_date = match body.text("activityDate")? {
        None => now,
        Some(text) => {
            zone::read(&text, unknowns.zulu_time).ok_or_else(|| Refusal::message(7, "Invalid date time value"))?
        }
    };
    let unit = &world.account_engagement;
    let code = unknowns.activity_refused_code;
    let known = world.salesforce.extension(&extension, &world.options.business_unit_id);
    let known = known.filter(|e| e.is_active && e.is_assigned && unit.edition.has_external_activities());
    let known = known.ok_or_else(|| Refusal::about(code, "extension").status(400))?;
    if !known.types.iter().any(|known| known.name == kind && known.is_active) {
        return Err(Refusal::about(code, "type").status(400));
    }
    if value.chars().count() > VALUE_MAX {
        return Err(Refusal::about(code, "value").status(400));
    }
    let prospect_id = unit.latest_with(&email, unknowns.email_match, false);
    if prospect_id.is_none() && unknowns.activity_without_prospect == ActivityWithoutProspect::Refuse {
        return Err(Refusal::code(4));
    }
    let dated = body.text("activityDate")?.is_some();
    let same = |known: &&ExternalActivity| {
        let words = (&known.extension, &known.kind, &known.email, &known.value);
        words == (&extension, &kind, &email, &value) && dated && known.activity_date == activity_date
    };
    if unknowns.equal_activity == EqualActivity::AnswerTheFirst
        && let Some(first) = unit.external_activities.all().find(same)
    {
        return Ok(first.id);
    }
    let minute = now.minus(Duration::from_secs(60));
    let lately = unit.external_activities.all().rev().take_while(|known| known.created_at > minute).count();
    if unknowns.activities_per_minute > 0 && lately >= unknowns.activities_per_minute as usize {
        return Err(Refusal::code(66).status(unknowns.concurrency_status));
    }
    let moves = unknowns.activity_moves_last_activity;
    let unit = &mut world.account_engagement;
    if let (Some(prospect), true) = (prospect_id, moves) {
        unit.prospects.change(&prospect, now, |prospect| {
            prospect.first_activity_at.get_or_insert(activity_date);
            prospect.last_activity_at = prospect.last_activity_at.max(Some(activity_date));
        });
    }
    let id = 900_001 + unit.external_activities.len() as u64;
    let activity = ExternalActivity { id, extension, kind, email, value, activity_date, prospect_id, created_at: now };
    unit.external_activities.insert(id, now, activity);
    Ok(id)
}
