//! Whether the connected user may write the objects that the settings need (S3-34).

use super::is;
use crate::{
    call::SALESFORCE,
    check::{Unread, body, fine, not_read, readable},
    host::{Answer, Finding, Severity},
    settings::{NewPeople, Settings},
};
use serde_json::Value;

pub fn objects(settings: &Settings) -> Vec<&'static str> {
    let account = (settings.salesforce.new_people == NewPeople::Contacts).then_some("Account");
    ["Lead", "Contact", "CampaignMember"].into_iter().chain(account).collect()
}

/// Whether records of it are made, and whether they are changed.
fn needed(settings: &Settings, object: &str) -> (bool, bool) {
    let people = settings.salesforce.new_people;
    match object {
        "Lead" => (people == NewPeople::Leads, true),
        "Contact" => (people == NewPeople::Contacts, true),
        "Account" => (true, false),
        _ => (true, true),
    }
}

/// `lead-writable` and its like, and in words what it is about.
fn code(object: &str) -> (&'static str, &'static str) {
    match object {
        "Lead" => ("lead-writable", "leads"),
        "Contact" => ("contact-writable", "contacts"),
        "Account" => ("account-writable", "accounts"),
        _ => ("campaign-member-writable", "campaign members"),
    }
}

/// And what the org tells of the object, if it does.
pub fn finding(settings: &Settings, object: &str, answer: &Answer) -> (Finding, Option<Value>) {
    let (code, plural) = code(object);
    let remedy = format!(
        "Give the connected user's profile the rights to read, create and edit {plural} (Salesforce Setup > Profiles > Object \
         Settings), or sign in as a System Administrator."
    );
    if let Err(why @ Unread::NotReached { .. }) = readable(SALESFORCE, answer) {
        let what = format!("What the connected user may do with {plural}");
        return (not_read(code, SALESFORCE, &what, &why, ""), None);
    }
    let blocker = |problem: &str| Finding::new(code, Severity::Blocker, SALESFORCE, problem, &remedy);
    let described = match body(SALESFORCE, Some(answer)) {
        Ok(described) => described,
        Err(why) => return (blocker(&format!("The connected user is not shown {plural}: {why}.")), None),
    };
    let (made, changed) = needed(settings, object);
    let lacks = |needed: bool, right: &str| needed && !is(&described, right);
    let finding = match (lacks(made, "createable"), lacks(changed, "updateable")) {
        (true, _) => blocker(&format!("The connected user may not make {plural}.")),
        (false, true) => blocker(&format!("The connected user may not change {plural}.")),
        _ => fine(code, SALESFORCE, &format!("The connected user may write {plural}.")),
    };
    (finding, Some(described))
}
