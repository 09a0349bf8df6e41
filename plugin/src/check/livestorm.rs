//! What is looked at in Livestorm: the token, what it may read, which webhooks are set up, and whether registration forms ask for
//! what Salesforce wants of a lead.

use super::{Part, Unread, body, fine, not_read, readable, rows, text};
use crate::{
    call::LIVESTORM,
    host::{Answer, Finding, Response, Severity},
    livestorm::{
        calls::{EVENTS, PING, USERS, WEBHOOKS},
        paging, webhooks_needed,
    },
    mapping::{
        self, Transform,
        source_path::FIELDS,
        target_field::{Object, salesforce::COMPANY},
    },
    settings::{Destination, NewPeople, Settings},
};
use serde_json::Value;

pub const SIGN_IN: &str = "Make an API token in Livestorm (Account settings > Apps > API) with read access to Events and Admin \
                           and write access to Webhooks, \
                           and enter it for this connection.";
const WEBHOOKS_REMEDY: &str = "They are made when the connector is switched on, where the token has write access to Webhooks and \
                               the host has an address that Livestorm can reach. Set up a webhook for each of these by hand \
                               otherwise. In the \"Webhooks\" card of Account settings > Apps they are called Session created, New registrant and Event ends; replays are told by webhooks \
                               of the REST API alone.";

pub fn part(settings: &Settings) -> Part {
    let one = [("page[number]", "0"), ("page[size]", "1")];
    let forms = [("page[number]", "0"), ("page[size]", paging::PAGE_SIZE_MAX)];
    Part {
        connection: LIVESTORM,
        requests: vec![
            PING.request(&[], &[], None),
            EVENTS.request(&[], if wants_company(settings) { &forms } else { &one }, None),
            USERS.request(&[], &one, None),
            WEBHOOKS.request(&[], &[], None),
        ],
        judge,
    }
}

pub fn seen(_: &Response) -> String {
    "The token is taken.".into()
}

fn judge(settings: &Settings, answers: &[Answer]) -> Vec<Finding> {
    let [events, users, webhooks] = answers else { return Vec::new() };
    let mut findings = vec![scopes(events, users), hooks(settings, webhooks)];
    // An unreadable answer is told with the scopes.
    if let Some(events) = body(LIVESTORM, Some(events)).ok().filter(|_| wants_company(settings)) {
        findings.push(company(settings, &events));
    }
    findings
}

/// Salesforce makes no lead without a company; of who has none, it takes the fallback.
fn wants_company(settings: &Settings) -> bool {
    settings.destination == Destination::Salesforce && settings.salesforce.new_people == NewPeople::Leads
}

/// S3-9: the forms of events that people may still register for, as far as one page shows them.
fn company(settings: &Settings, events: &Value) -> Finding {
    let code = "company-on-form";
    let fallback = &settings.salesforce.fallback_company;
    let rules = mapping::rules(&settings.mapping, Object::Lead);
    let rule = rules.iter().find(|rule| rule.target == COMPANY);
    if rule.is_some_and(|rule| rule.transforms.iter().any(|transform| matches!(transform, Transform::Default(_)))) {
        return fine(code, LIVESTORM, "The mapping writes a company where none was given.");
    }
    let asked: Vec<&str> = rule.iter().flat_map(|rule| rule.reads()).filter_map(|it| it.strip_prefix(FIELDS)).collect();
    let is_over = |row: &&Value| {
        ["ended", "not_started", "cancelled"].contains(&text(&row["attributes"], "scheduling_status").as_str())
    };
    let open: Vec<&Value> = rows(events, "data").filter(|row| !is_over(row)).map(|row| &row["attributes"]).collect();
    let is_asked = |event: &&&Value| {
        let is_needed = |row: &Value| row.get("required").and_then(Value::as_bool) == Some(true);
        rows(event, "fields").any(|row| asked.contains(&text(row, "id").as_str()) && is_needed(row))
    };
    let without: Vec<&&Value> = open.iter().filter(|event| !is_asked(event)).collect();
    if open.is_empty() {
        return fine(code, LIVESTORM, "No event is open whose registration form could be looked at for Company.");
    }
    let Some(first) = without.first() else {
        let seen =
            format!("Company is mandatory on the registration forms of all {} events that are open.", open.len());
        return fine(code, LIVESTORM, &seen);
    };
    let problem = format!(
        "Company is not seen as mandatory on the registration forms of {} of {} open events, \"{}\" for one. Salesforce makes no lead \
         without a company: of whoever gives none it is \"{fallback}\".",
        without.len(),
        open.len(),
        text(first, "title"),
    );
    let remedy = "In Livestorm, edit the registration form of each event, add Company and make it mandatory.";
    Finding::new(code, Severity::Notice, LIVESTORM, &problem, remedy)
}

fn scopes(events: &Answer, users: &Answer) -> Finding {
    let refused = |answer| readable(LIVESTORM, answer).err();
    if let Some(why @ Unread::NotReached { .. }) = [events, users].into_iter().find_map(refused) {
        return not_read("livestorm-scopes", LIVESTORM, "What the token may read", &why, "");
    }
    match (refused(events), refused(users)) {
        (Some(why), _) => Finding::new(
            "livestorm-scopes",
            Severity::Blocker,
            LIVESTORM,
            &format!("The token may not read events and sessions: {why}."),
            SIGN_IN,
        ),
        (None, Some(why)) => Finding::new(
            "livestorm-scopes",
            Severity::Warning,
            LIVESTORM,
            &format!(
                "The token may not read who belongs to the team ({why}), so team members who register are not left out."
            ),
            "Give the token read access to Admin, or list the team's addresses or domains in /left_out.",
        ),
        (None, None) => {
            fine("livestorm-scopes", LIVESTORM, "The token may read events, sessions, people and the team.")
        }
    }
}

/// Webhooks of the native app are shown nowhere, so what is missing here may be set up there.
fn hooks(settings: &Settings, webhooks: &Answer) -> Finding {
    let notice =
        |problem: &str| Finding::new("livestorm-webhooks", Severity::Notice, LIVESTORM, problem, WEBHOOKS_REMEDY);
    let body = match body(LIVESTORM, Some(webhooks)) {
        Ok(body) => body,
        Err(why) => {
            let needed = webhooks_needed(settings).join(", ");
            let mut told = notice(&format!("Which webhooks are set up cannot be read: {why}. Needed are {needed}."));
            if let Unread::NotReached { remedy, .. } = why {
                told.remedy = remedy;
            }
            return told;
        }
    };
    let set_up: Vec<String> =
        rows(&body, "data").map(|row| text(row.get("attributes").unwrap_or(row), "event")).collect();
    let missing: Vec<&str> =
        webhooks_needed(settings).into_iter().filter(|event| !set_up.iter().any(|name| name == event)).collect();
    if missing.is_empty() {
        return fine(
            "livestorm-webhooks",
            LIVESTORM,
            "Webhooks for sessions, registrants, ends and replays are set up.",
        );
    }
    notice(&format!(
        "Livestorm's REST API shows no webhook for {}. Those of its \"Webhooks\" card are not shown there.",
        missing.join(", ")
    ))
}
