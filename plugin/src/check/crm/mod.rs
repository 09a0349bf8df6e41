//! What is looked at in Salesforce where it is the destination itself: what the connected user may write, required and mapped
//! fields, and the field for replays.
//!
//! Promises: two waves of requests, of which the second needs the first to know who the user is. What an org tells of an object
//! may have a megabyte, so each is an answer of its own and no part of one call. Not here: the settings' own mistakes.

mod fields;
pub mod replay;
mod required;
mod rights;

use super::{Part, body, fine, not_read, rows, salesforce as common, text};
use crate::{
    call::SALESFORCE,
    host::{Answer, Finding, Request, Severity},
    json,
    salesforce::{
        calls::{DESCRIBE, DESCRIBE_CAMPAIGN, LIMITS, QUERY, USERINFO},
        soql,
    },
    settings::{Duplicates, NewPeople, Settings},
};
use serde_json::Value;

const DUPLICATE_RULES: &str = "SELECT SobjectType, MasterLabel FROM DuplicateRule WHERE IsActive = true";

/// What an answer is about.
enum About {
    User,
    Campaigns,
    Ours,
    DuplicateRules,
    Object(&'static str),
    RecordType(String),
    Parent,
}

pub fn part(settings: &Settings) -> Part {
    let asked = asked(settings).into_iter().map(|(_, request)| request);
    Part {
        connection: SALESFORCE,
        requests: [LIMITS.request(&[], &[], None)].into_iter().chain(asked).collect(),
        judge,
    }
}

/// Who the user is comes first: the second wave begins with it.
fn asked(settings: &Settings) -> Vec<(About, Request)> {
    let query = |soql: &str| QUERY.request(&[], &[("q", soql)], None);
    let mut asked = vec![
        (About::User, USERINFO.request(&[], &[], None)),
        (About::Campaigns, DESCRIBE_CAMPAIGN.request(&[], &[], None)),
        (About::Ours, query(common::CAMPAIGNS)),
        (About::DuplicateRules, query(DUPLICATE_RULES)),
    ];
    let objects = rights::objects(settings).into_iter();
    asked.extend(objects.map(|object| (About::Object(object), DESCRIBE.request(&[object], &[], None))));
    let chosen = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    if let Some(id) = chosen(&settings.salesforce_campaign.record_type_id) {
        let soql = format!("SELECT Id, Name, SobjectType, IsActive FROM RecordType WHERE Id = {}", soql::quoted(&id));
        asked.push((About::RecordType(id), query(&soql)));
    }
    if let Some(id) = chosen(&settings.salesforce_campaign.parent_id) {
        asked.push((About::Parent, query(&format!("SELECT Id, Name FROM Campaign WHERE Id = {}", soql::quoted(&id)))));
    }
    asked
}

fn judge(settings: &Settings, answers: &[Answer]) -> Vec<Finding> {
    let about = asked(settings).into_iter().map(|(about, _)| about);
    let told: Vec<(About, &Answer)> = about.zip(answers).collect();
    let campaigns = told.iter().find_map(|(about, answer)| matches!(about, About::Campaigns).then_some(*answer));
    let described = campaigns.and_then(|answer| body(SALESFORCE, Some(answer)).ok()).unwrap_or(Value::Null);
    let mut findings = Vec::new();
    let mut objects: Vec<(&'static str, Value)> = Vec::new();
    for (about, answer) in &told {
        match about {
            About::User => {}
            About::Campaigns => {
                findings.push(common::createable(answer));
                findings.extend(campaign_type(&described));
            }
            About::Ours => findings.push(common::other_flow(answer)),
            About::DuplicateRules => findings.push(duplicate_rules(settings, answer)),
            About::Object(object) => {
                let (finding, body) = rights::finding(settings, object, answer);
                findings.push(finding);
                objects.extend(body.map(|body| (*object, body)));
            }
            About::RecordType(id) => findings.push(record_type(id, &described, answer)),
            About::Parent => findings.push(parent(answer)),
        }
    }
    findings.extend(required::findings(settings, &described, &objects));
    findings.extend(fields::findings(settings, &objects));
    findings.extend(features(&objects));
    if let Some((_, members)) = objects.iter().find(|(object, _)| *object == replay::MEMBER) {
        findings.push(replay::finding(settings, members));
    }
    findings
}

fn is(row: &Value, name: &str) -> bool {
    row.get(name).and_then(Value::as_bool) == Some(true)
}

fn field<'a>(described: &'a Value, name: &str) -> Option<&'a Value> {
    rows(described, "fields").find(|row| text(row, "name") == name)
}

/// The values of a picklist that can be chosen.
fn values(field: &Value) -> Vec<String> {
    let active = |row: &&Value| row.get("active").and_then(Value::as_bool) != Some(false);
    rows(field, "picklistValues").filter(active).map(|row| text(row, "value")).collect()
}

/// Whether the field takes none but its values.
fn is_restricted(field: &Value) -> bool {
    text(field, "type") == "picklist" && is(field, "restrictedPicklist")
}

/// S3-17.
fn campaign_type(described: &Value) -> Option<Finding> {
    let field = field(described, "Type")?;
    let values = values(field);
    if values.iter().any(|value| value == "Webinar") {
        return None;
    }
    let problem = if is_restricted(field) {
        format!(
            "The type Webinar is none of the types of campaigns ({}): new campaigns get the default type.",
            values.join(", ")
        )
    } else {
        "The type Webinar is not in the picklist of campaigns: new campaigns have it all the same.".to_string()
    };
    let remedy = "Add Webinar to the picklist (Salesforce Setup > Object Manager > Campaign > Fields > Type).";
    Some(Finding::new("campaign-type", Severity::Notice, SALESFORCE, &problem, remedy))
}

fn duplicate_rules(settings: &Settings, answer: &Answer) -> Finding {
    let code = "duplicate-rules";
    let place = "/salesforce/duplicates";
    let effect = match settings.salesforce.duplicates {
        Duplicates::Save => {
            "whoever meets such a rule is saved beside the other, if the rule allows that, and reported if not"
        }
        Duplicates::Report => "whoever meets such a rule is kept back and reported",
    };
    let remedy = "See Salesforce Setup > Duplicate Rules: a rule that allows saving, with an alert, keeps nobody back.";
    let body = match body(SALESFORCE, Some(answer)) {
        Ok(body) => body,
        Err(why) => {
            let problem = format!("Which duplicate rules are active cannot be read: {why}. As it is set, {effect}.");
            return Finding::new(code, Severity::Notice, place, &problem, remedy);
        }
    };
    let concerned = |row: &&Value| {
        let of = text(row, "SobjectType");
        ["Lead", "Contact", "Account"].contains(&of.as_str())
            && (of != "Account" || settings.salesforce.new_people == NewPeople::Contacts)
    };
    let named = |row: &Value| format!("{} ({})", text(row, "MasterLabel"), text(row, "SobjectType"));
    let active: Vec<String> = rows(&body, "records").filter(concerned).map(named).collect();
    if active.is_empty() {
        return fine(code, place, "No duplicate rule is active.");
    }
    let problem = format!("Duplicate rules are active: {}. As it is set, {effect}.", active.join(", "));
    Finding::new(code, Severity::Notice, place, &problem, remedy)
}

fn record_type(id: &str, described: &Value, answer: &Answer) -> Finding {
    let (code, place) = ("record-type", "/salesforce_campaign/record_type_id");
    let remedy = "Copy the id of an active record type from Salesforce Setup > Object Manager > Campaign > Record Types, and give the \
                  connected user's profile the right to it.";
    let body = match body(SALESFORCE, Some(answer)) {
        Ok(body) => body,
        Err(why) => return not_read(code, place, "The record type of new campaigns", &why, remedy),
    };
    let blocker = |problem: &str| Finding::new(code, Severity::Blocker, place, problem, remedy);
    let Some(found) = rows(&body, "records").next() else {
        return blocker(&format!("There is no record type {id}, or the connected user does not see it."));
    };
    let name = text(found, "Name");
    if text(found, "SobjectType") != "Campaign" {
        return blocker(&format!(
            "The record type {name} is one of {}, and not of Campaign.",
            text(found, "SobjectType")
        ));
    }
    let long = text(found, "Id");
    let mut told = rows(described, "recordTypeInfos").filter(|row| text(row, "recordTypeId") == long);
    if text(found, "IsActive") == "false"
        || told.any(|row| row.get("available").and_then(json::scalar).as_deref() == Some("false"))
    {
        return blocker(&format!("The connected user may not use the record type {name}, or it is not active."));
    }
    fine(code, place, &format!("New campaigns have the record type {name}."))
}

fn parent(answer: &Answer) -> Finding {
    let (code, place) = ("parent-campaign", "/salesforce_campaign/parent_id");
    let remedy = "Copy the id from the address of a campaign that the connected user sees, or leave the setting empty.";
    match body(SALESFORCE, Some(answer)) {
        Err(why) => not_read(code, place, "The parent of new campaigns", &why, remedy),
        Ok(body) => match rows(&body, "records").next() {
            Some(row) => fine(code, place, &format!("The parent of new campaigns is {}.", text(row, "Name"))),
            None => {
                let problem = "The parent of new campaigns is not there, or the connected user does not see it.";
                Finding::new(code, Severity::Blocker, place, problem, remedy)
            }
        },
    }
}

/// What the org has switched on that changes what is written.
fn features(objects: &[(&'static str, Value)]) -> Vec<Finding> {
    let has = |object: &str, name: &str| {
        objects.iter().any(|(of, described)| *of == object && field(described, name).is_some())
    };
    let mut findings = Vec::new();
    if has("Lead", "CountryCode") || has("Contact", "MailingCountryCode") {
        let problem =
            "Picklists of states and countries are on: the code that fits is written, and what fits none is left out.";
        findings.push(fine("state-country-picklists", SALESFORCE, problem));
    }
    if has("Contact", "IsPersonAccount") {
        let problem = "Person accounts are on. Whoever is one is matched by their contact; what Salesforce refuses of their name there \
                       stays as it is.";
        let remedy = "Nothing is to be done.";
        findings.push(Finding::new("person-accounts", Severity::Notice, SALESFORCE, problem, remedy));
    }
    findings
}

#[cfg(test)]
mod tests;
