//! What is looked at in Account Engagement: the unit and its edition, what its user may see, Connected Campaigns, mapped fields.

use super::{Part, Unread, body, fine, not_read, readable, rows, text};
use crate::{
    account_engagement::calls::{
        ACCOUNT, CAMPAIGNS, CUSTOM_FIELDS, EXTERNAL_ACTIVITIES, LISTS, PROSPECTS, VISITOR_ACTIVITIES,
    },
    call::ACCOUNT_ENGAGEMENT,
    host::{Answer, Finding, Response, Severity},
    json,
    mapping::{
        self,
        target_field::{self, Kind, Object},
    },
    settings::Settings,
    text::nearest,
};
use serde_json::Value;

pub const SIGN_IN: &str = "If Salesforce refuses the sign-in too, mend that first. Otherwise check the business unit id (Salesforce Setup > Business Unit Setup), the host (pi.pardot.com, or \
                           pi.demo.pardot.com for sandboxes and developer orgs), the scope pardot_api, and that the connected \
                           user belongs to this business unit.";
/// Of editions with external activities (S2-3).
const EDITIONS: [&str; 4] = ["plus", "advanced", "premium", "ultimate"];

pub fn part(settings: &Settings) -> Part {
    let one = |call: &crate::call::Call, fields: &str| call.request(&[], &[("fields", fields), ("limit", "1")], None);
    Part {
        connection: ACCOUNT_ENGAGEMENT,
        requests: vec![
            ACCOUNT.request(&[], &[("fields", "id,company,level")], None),
            ACCOUNT.request(&[], &[("fields", "id,company,level")], None),
            CAMPAIGNS.request(
                &[],
                &[("fields", "id,name,salesforceId"), ("orderBy", "id DESC"), ("limit", "1000")],
                None,
            ),
            CUSTOM_FIELDS.request(&[], &[("fields", CUSTOM_FIELD), ("limit", "1000")], None),
            one(&PROSPECTS, "id"),
            one(&LISTS, "id"),
            one(if settings.registers_from_forms() { &VISITOR_ACTIVITIES } else { &EXTERNAL_ACTIVITIES }, "id"),
        ],
        judge,
    }
}

/// What is asked of a custom field.
pub const CUSTOM_FIELD: &str = "id,name,fieldId,apiFieldId,type,isRecordMultipleResponses";

/// S2-39: the id of the unit is right if this is the company that was meant.
pub fn seen(response: &Response) -> String {
    let body = json::parse(&response.body).unwrap_or(Value::Null);
    let told = |name: &str| Some(text(&body, name)).filter(|text| !text.is_empty()).unwrap_or("not told".into());
    format!(
        "The business unit belongs to \"{}\" (id {}, edition {}). Compare this with the one that you mean.",
        told("company"),
        told("id"),
        told("level")
    )
}

fn judge(settings: &Settings, answers: &[Answer]) -> Vec<Finding> {
    let [account, campaigns, custom_fields, abilities @ ..] = answers else { return Vec::new() };
    let mut findings =
        vec![edition(account), connected_campaigns(campaigns), self::abilities(settings, campaigns, abilities)];
    findings.extend(mapped_fields(settings, custom_fields));
    findings.extend(answer_fields(settings, custom_fields));
    findings.push(Finding::new(
        "lightning-app",
        Severity::Notice,
        ACCOUNT_ENGAGEMENT,
        "Whether the Lightning App of Account Engagement is in use cannot be read.",
        "See in Salesforce whether the App Launcher shows Account Engagement, and use that and not the classic app.",
    ));
    findings
}

fn edition(account: &Answer) -> Finding {
    let code = "edition";
    let level = match body(ACCOUNT_ENGAGEMENT, Some(account)) {
        Ok(body) => text(&body, "level"),
        Err(why) => {
            return not_read(code, ACCOUNT_ENGAGEMENT, "The edition", &why, "It must be Plus, Advanced or Premium.");
        }
    };
    let known = level.to_ascii_lowercase();
    if EDITIONS.iter().any(|edition| known.contains(edition)) {
        return fine(code, ACCOUNT_ENGAGEMENT, &format!("The edition {level} has external activities."));
    }
    let problem =
        format!("The edition of the business unit is {level}; external activities need Plus, Advanced or Premium.");
    // How editions are spelt is on no vendor's page: one that is not known here blocks nobody.
    let severity =
        if known.contains("growth") || known.contains("standard") { Severity::Blocker } else { Severity::Warning };
    Finding::new(code, severity, ACCOUNT_ENGAGEMENT, &problem, "Upgrade the edition, or connect another business unit.")
}

/// S2-5, S2-40: seen working, if any campaign has come over.
fn connected_campaigns(campaigns: &Answer) -> Finding {
    let code = "connected-campaigns";
    let remedy = "Switch Connected Campaigns on (Account Engagement Settings > Connectors > Salesforce > Connected Campaigns), and \
                  see that the connector is not paused. Make a campaign in Salesforce: it shows here within half an hour.";
    let body = match body(ACCOUNT_ENGAGEMENT, Some(campaigns)) {
        Ok(body) => body,
        Err(why) => return not_read(code, ACCOUNT_ENGAGEMENT, "Campaigns", &why, remedy),
    };
    let came = rows(&body, "values").filter(|row| !text(row, "salesforceId").is_empty()).count();
    if came > 0 {
        return fine(
            code,
            ACCOUNT_ENGAGEMENT,
            &format!("Connected Campaigns works: {came} campaigns have come from Salesforce."),
        );
    }
    let problem = "No campaign of Salesforce has come to Account Engagement yet, so whether Connected Campaigns works is not seen.";
    Finding::new(code, Severity::Warning, ACCOUNT_ENGAGEMENT, problem, remedy)
}

/// What the user may see can be tried; what they may make cannot, without making something.
fn abilities(settings: &Settings, campaigns: &Answer, others: &[Answer]) -> Finding {
    let by_forms = settings.registers_from_forms();
    let (last, needed) = match by_forms {
        true => ("visitors", "visitors (view), forms and form handlers (view)"),
        false => ("external activities", "external activities (view, create)"),
    };
    let names = ["campaigns", "prospects", "lists", last];
    let mut refused: Vec<String> = Vec::new();
    for (name, answer) in names.iter().zip(std::iter::once(campaigns).chain(others)) {
        match readable(ACCOUNT_ENGAGEMENT, answer) {
            Ok(_) => {}
            // It may be seen in a minute.
            Err(why @ Unread::NotReached { .. }) => {
                return not_read("abilities", ACCOUNT_ENGAGEMENT, name, &why, "");
            }
            Err(other) => refused.push(format!("{name} ({other})")),
        }
    }
    let remedy = format!(
        "Give the connected user's role in Account Engagement these abilities: campaigns (view), prospects (view, view those not \
         assigned to them, create), lists (view, create), {needed}."
    );
    if refused.is_empty() {
        let problem = format!(
            "The connected user may see campaigns, prospects, lists and {last}. Whether they may make them, and see prospects of \
             others, cannot be read."
        );
        return Finding::new("abilities", Severity::Notice, ACCOUNT_ENGAGEMENT, &problem, &remedy);
    }
    let problem = format!("The connected user may not see {}.", refused.join(", "));
    // Without activities to look at, an unknown outcome is left to a person; all else works.
    let severity = if !by_forms && refused.iter().all(|name| name.starts_with("external")) {
        Severity::Warning
    } else {
        Severity::Blocker
    };
    Finding::new("abilities", severity, ACCOUNT_ENGAGEMENT, &problem, &remedy)
}

/// Custom fields that answers are taken from, where people register by forms of Account Engagement.
fn answer_fields(settings: &Settings, custom_fields: &Answer) -> Vec<Finding> {
    // What cannot be read is told with the mapped fields, if there are any.
    let Some(body) = body(ACCOUNT_ENGAGEMENT, Some(custom_fields)).ok().filter(|_| settings.registers_from_forms())
    else {
        return Vec::new();
    };
    let known: Vec<String> = rows(&body, "values").map(api_name).collect();
    let mut findings = Vec::new();
    for (number, answer) in settings.answers.0.iter().enumerate() {
        let source = &answer.source;
        if target_field::is_custom(source) && !known.contains(source) {
            let place = format!("/answers/{number}/source");
            let problem =
                format!("{place}: prospects have no custom field {source}, so {} is not answered.", answer.target);
            let remedy = nearest(source, known.iter().map(String::as_str)).map_or_else(
                || "Take it out, or make the field in Account Engagement.".into(),
                |near| format!("Did you mean \"{near}\"?"),
            );
            findings.push(Finding::new("answer-field-missing", Severity::Warning, &place, &problem, &remedy));
        }
    }
    findings
}

/// One finding for each mapped custom field that does not fit, or one that all do.
fn mapped_fields(settings: &Settings, custom_fields: &Answer) -> Vec<Finding> {
    let rules = &settings.mapping.prospect;
    let custom: Vec<(usize, &str)> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| (number, rule.target.as_str()))
        .filter(|(_, target)| target_field::is_custom(target))
        .collect();
    let code = "mapped-fields";
    let place = "/mapping/prospect";
    if custom.is_empty() {
        return vec![fine(code, place, "No custom field is mapped.")];
    }
    let body = match body(ACCOUNT_ENGAGEMENT, Some(custom_fields)) {
        Ok(body) => body,
        Err(why) => return vec![not_read(code, place, "Custom fields", &why, "Compare the mapped fields by hand.")],
    };
    let fields: Vec<(String, String)> =
        rows(&body, "values").map(|row| (api_name(row), text(row, "type").to_ascii_lowercase())).collect();
    let findings: Vec<Finding> = custom
        .iter()
        .filter_map(|(number, target)| {
            let place = format!("{place}/{number}/target");
            let known = fields.iter().find(|(name, _)| name == target);
            let Some((_, kind)) = known else {
                let problem = format!("{place}: prospects have no custom field {target}.");
                let remedy = nearest(target, fields.iter().map(|(name, _)| name.as_str())).map_or_else(
                    || "Make it in Account Engagement Settings > Object and Field Configuration > Prospect Fields, or map another.".into(),
                    |near| format!("Did you mean \"{near}\"?"),
                );
                return Some(Finding::new("mapped-field-missing", Severity::Warning, &place, &problem, &remedy));
            };
            let made = mapping::kind_of(&settings.mapping, Object::Prospect, target);
            let (problem, remedy) = match kind.as_str() {
                "number" if made != Kind::Number => {
                    (format!("{target} is a number, and what is mapped to it need not be one."), "Add the transform `number`.")
                }
                "date" if made != Kind::Text => (format!("{target} is a date, and a {made:?} is mapped to it."), "Map a date."),
                "multi-select" | "checkbox" => (
                    format!("{target} holds several values: it is written, but cannot be read first, so the policy when_empty writes nothing."),
                    "Nothing is to be done with the policy always.",
                ),
                _ => return None,
            };
            Some(Finding::new("mapped-field-kind", Severity::Notice, &place, &format!("{place}: {problem}"), remedy))
        })
        .collect();
    if findings.is_empty() {
        return vec![fine(code, place, &format!("All {} mapped custom fields are there.", custom.len()))];
    }
    findings
}

/// `Topics__c`; older answers have the id without the ending alone.
pub fn api_name(row: &Value) -> String {
    let api = text(row, "apiFieldId");
    if api.is_empty() { format!("{}__c", text(row, "fieldId")) } else { api }
}
