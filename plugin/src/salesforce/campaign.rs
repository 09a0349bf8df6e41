//! One campaign a session, made at once (S2-42). Promises: never twice; one that was there before is never taken (S2-66); it
//! carries the session's id in its description, so that it can be told after an unknown outcome (RULES 10).

use super::{
    calls::{CREATE_CAMPAIGN, QUERY},
    errors::{About, ApiError, Verdict},
    search::every_page,
    soql,
};
use crate::{
    call::{PLACEHOLDER, SALESFORCE},
    domain::session::SessionId,
    executor::Flow,
    flow::naming::Name,
    host::{Action, Instant, MINUTE, Response, Subject},
    json,
    ledger::{self, Doubt, Fact, Judged, Once, Seen, Sending, once},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::{Map, Value};

pub use super::campaign_changes::{abort, date};

const LEDGER_KEY: &str = "once/campaign";
/// A standard value of the picklist; an administrator may have taken it out.
const TYPE: &str = "Webinar";

/// Carried by every campaign that we make.
pub fn description(session: &SessionId) -> String {
    format!("Livestorm session {session}, made by the Livestorm connector")
}

/// The session of one of our campaigns, by its description.
pub fn session_of(description: &str) -> Option<&str> {
    description.strip_prefix("Livestorm session ")?.strip_suffix(", made by the Livestorm connector")
}

/// Whether it is made, or may be.
pub fn is_begun(work: &Work<'_>) -> bool {
    work.host.get(LEDGER_KEY).is_some()
}

/// The id of the campaign that was made.
pub fn known(work: &Work<'_>) -> Option<String> {
    ledger::id_of(work, LEDGER_KEY)
}

pub struct Made {
    pub id: String,
    /// When, at the earliest: from here on Account Engagement may show it.
    pub at: Instant,
}

/// The session's campaign in Salesforce.
pub async fn ensure(work: &Work<'_>, session: &SessionId, name: &Name) -> Result<Made, Stop> {
    let full = name.campaign();
    let doing = Doing { what: "make the campaign", whom: &full };
    let subject = Subject::session(session.as_str());
    let fact = Fact { key: LEDGER_KEY.into(), subject: Some(subject.clone()), doing };
    let mut with_type = true;
    loop {
        let body = body(work, session, name, with_type);
        let sending = Sending { call: &CREATE_CAMPAIGN, query: &[], body: &body };
        let look = |doubt| -> Flow<'_, _> { Box::pin(look(work, session, &full, doubt, &doing)) };
        match once(work, &fact, &look, &sending, judge).await? {
            Once::Written { id: Some(id), fresh, at } => {
                if fresh {
                    work.changed(SALESFORCE, "Campaign", Some(&id), Action::Created, &subject, &full);
                }
                return Ok(Made { id, at });
            }
            Once::Planned => {
                work.changed(SALESFORCE, "Campaign", None, Action::Created, &subject, &full);
                return Ok(Made { id: PLACEHOLDER.into(), at: work.now() });
            }
            Once::Written { id: None, .. } => return Err(doing.bug("The campaign was made and no id of it is known")),
            Once::Refused(response) => {
                let error = ApiError::of(&response);
                if !(with_type && error.verdict() == Verdict::FieldRefused && error.is_about("Type")) {
                    return Err(error.stop(work.now(), &doing, About::Campaign));
                }
                with_type = false;
                let message = format!("The campaign {full} is made without the type {TYPE}: {}", error.said());
                work.warn("campaign-without-type", &message, Some(subject.clone()));
            }
        }
    }
}

fn body(work: &Work<'_>, session: &SessionId, name: &Name, with_type: bool) -> Value {
    let settings = &work.settings.salesforce_campaign;
    let mut body = Map::new();
    let mut put = |field: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            body.insert(field.into(), value.into());
        }
    };
    put("Name", Some(name.campaign()));
    put("Type", with_type.then(|| TYPE.into()));
    put("StartDate", name.date());
    put("EndDate", name.date());
    put("Description", Some(description(session)));
    put("RecordTypeId", settings.record_type_id.clone());
    put("ParentId", settings.parent_id.clone());
    body.insert("IsActive".into(), true.into());
    Value::Object(body)
}

fn judge(response: &Response) -> Judged {
    if !response.is_success() {
        return ApiError::of(response).judged();
    }
    let body = json::parse(&response.body).unwrap_or(Value::Null);
    match body.get("id").and_then(json::scalar) {
        Some(id) => Judged::Written(Some(id)),
        None => Judged::InDoubt("the campaign was made, and its id was not told".into()),
    }
}

/// Was it made after all? By name and time; the description can be read and not filtered.
async fn look(work: &Work<'_>, session: &SessionId, name: &str, doubt: Doubt, doing: &Doing<'_>) -> Result<Seen, Stop> {
    let query = format!(
        "SELECT Id, Description FROM Campaign WHERE Name = {} AND CreatedDate >= {} ORDER BY CreatedDate ASC, Id ASC LIMIT 200",
        soql::quoted(name),
        soql::time(doubt.since.saturating_sub(5 * MINUTE)),
    );
    let answer = work.send(QUERY.request(&[], &[("q", &query)], None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, doing))?;
    if !response.is_success() {
        return Err(ApiError::of(&response).stop(now, doing, About::Campaign));
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Salesforce's answer is not JSON ({why})")))?;
    let ours = description(session);
    let rows = every_page(work, &body, doing).await?;
    let mut ids = rows
        .iter()
        .filter(|row| row.get("Description").and_then(Value::as_str) == Some(ours.as_str()))
        .filter_map(|row| row.get("Id").and_then(json::scalar));
    Ok(ids.next().map_or(Seen::NotThere, |id| Seen::There(Some(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{TestHost, ok, on_host};
    use serde_json::json;

    /// A page may be shorter than asked; ours may stand on any.
    #[test]
    fn ours_is_found_on_whatever_page_it_stands() {
        let session = SessionId::parse("S1").unwrap();
        let ours = description(&session);
        let host = TestHost::new(0, move |request| {
            ok(&match request.purpose.as_str() {
                "query" => json!({"records": [{"Id": "701A", "Description": "somebody else's"}],
                    "nextRecordsUrl": "/services/data/v62.0/query/01g-1"}),
                _ => json!({"records": [{"Id": "701B", "Description": ours}]}),
            }
            .to_string())
        });
        let doubt = Doubt { since: 0, until: 0, bodies: vec![] };
        let doing = Doing { what: "make the campaign", whom: "Demo" };
        let seen = on_host(&host, async |work| look(work, &session, "Demo", doubt, &doing).await);
        assert_eq!(seen, Ok(Seen::There(Some("701B".into()))));
    }
}
