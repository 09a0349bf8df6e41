//! A campaign follows its session: the date that it was moved to, and that it was cancelled (RULES 11).
//!
//! Promises: a name that somebody else has given stays; nothing is sent that changes nothing (RULES 28), so a repeat sends nothing.

use super::{
    calls::{QUERY, UPDATE_CAMPAIGN},
    campaign::known,
    errors::{About, ApiError, Verdict},
    soql,
};
use crate::{
    call::SALESFORCE,
    domain::session::SessionId,
    flow::naming::Name,
    host::{Action, HttpError, MINUTE, Subject},
    json::{self, scalar},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::{Map, Value};

/// Of the standard values of the picklist; an administrator may have taken it out.
const ABORTED: &str = "Aborted";

/// The session's campaign under its new date.
pub async fn date(work: &Work<'_>, session: &SessionId, before: &Name, after: &Name) -> Result<(), Stop> {
    let full = after.campaign();
    let doing = Doing { what: "move the campaign", whom: &full };
    let Some((id, stands)) = stands(work, session, &doing).await? else { return Ok(()) };
    let mut wanted = vec![("StartDate", Value::from(after.date())), ("EndDate", Value::from(after.date()))];
    let is_ours = text(&stands, "Name") == before.campaign();
    if is_ours {
        wanted.push(("Name", full.as_str().into()));
    } else if text(&stands, "Name") != full {
        let message = format!("The campaign {} was renamed by somebody and keeps its name", text(&stands, "Name"));
        work.info("campaign-name-kept", &message, Some(Subject::session(session.as_str())));
    }
    change(work, session, &id, changes(&stands, wanted), &full, &doing).await
}

/// Its session was cancelled, and the customer wants it so.
pub async fn abort(work: &Work<'_>, session: &SessionId, name: &str) -> Result<(), Stop> {
    let doing = Doing { what: "abort the campaign", whom: name };
    let Some((id, stands)) = stands(work, session, &doing).await? else { return Ok(()) };
    let wanted = vec![("Status", ABORTED.into()), ("IsActive", false.into())];
    change(work, session, &id, changes(&stands, wanted), name, &doing).await
}

fn text(row: &Value, field: &str) -> String {
    row.get(field).and_then(scalar).unwrap_or_default()
}

/// Of what is wanted, what is not so yet.
fn changes(stands: &Value, wanted: Vec<(&str, Value)>) -> Map<String, Value> {
    let is_other = |(field, value): &(&str, Value)| stands.get(*field).unwrap_or(&Value::Null) != value;
    wanted.into_iter().filter(is_other).map(|(field, value)| (field.to_string(), value)).collect()
}

/// Its id, and how it stands there. None: it was deleted, or is only planned.
async fn stands(work: &Work<'_>, session: &SessionId, doing: &Doing<'_>) -> Result<Option<(String, Value)>, Stop> {
    let Some(id) = known(work) else { return Ok(None) };
    let query =
        format!("SELECT Id, Name, StartDate, EndDate, Status, IsActive FROM Campaign WHERE Id = {}", soql::quoted(&id));
    let answer = work.send(QUERY.request(&[], &[("q", &query)], None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, doing))?;
    if !response.is_success() {
        return Err(ApiError::of(&response).stop(now, doing, About::Campaign));
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Salesforce's answer is not JSON ({why})")))?;
    let row = body.get("records").and_then(|rows| rows.get(0)).cloned();
    if row.is_none() {
        gone(work, session, doing.whom);
    }
    Ok(row.map(|row| (id, row)))
}

fn gone(work: &Work<'_>, session: &SessionId, name: &str) {
    let message = format!("The campaign {name} is not in Salesforce any more, so it does not follow its session");
    work.warn("campaign-gone", &message, Some(Subject::session(session.as_str())));
}

async fn change(
    work: &Work<'_>,
    session: &SessionId,
    id: &str,
    mut changes: Map<String, Value>,
    name: &str,
    doing: &Doing<'_>,
) -> Result<(), Stop> {
    let subject = Subject::session(session.as_str());
    while !changes.is_empty() {
        let body = Value::Object(changes.clone());
        let answer = work.send(UPDATE_CAMPAIGN.request(&[id], &[], Some(&body))).await;
        let now = work.now();
        let response = match answer {
            Err(HttpError::DryRun) => break,
            answer => answer.map_err(|error| for_http(&error, now, doing))?,
        };
        if response.is_success() {
            break;
        }
        let error = ApiError::of(&response);
        match error.verdict() {
            Verdict::Gone => {
                gone(work, session, name);
                return Ok(());
            }
            Verdict::FieldRefused if error.is_about("Status") && changes.remove("Status").is_some() => {
                let message = format!("The campaign {name} keeps its status: {}", error.said());
                work.warn("campaign-status-refused", &message, Some(subject.clone()));
            }
            _ => return Err(error.stop(now, doing, About::Campaign)),
        }
    }
    if !changes.is_empty() {
        let fields: Vec<&str> = changes.keys().map(String::as_str).collect();
        let detail = format!("{name}: {}", fields.join(", "));
        work.changed(SALESFORCE, "Campaign", Some(id), Action::Updated, &subject, &detail);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_so_already_is_not_sent() {
        let stands = json!({"Name": "Demo", "StartDate": "2026-11-22", "EndDate": null, "IsActive": true});
        let wanted = |date: Value| vec![("StartDate", date.clone()), ("EndDate", date)];
        let sent = |wanted| Value::Object(changes(&stands, wanted));
        assert_eq!(sent(wanted(json!("2026-11-22"))), json!({"EndDate": "2026-11-22"}));
        assert_eq!(sent(wanted(json!(null))), json!({"StartDate": null}));
        assert_eq!(sent(vec![("IsActive", true.into()), ("Name", "Demo".into())]), json!({}));
    }
}
