//! The statuses that members of a session's campaign may have (S3-22). What is missing is added after the highest; the standard ones
//! and those of an administrator stay as they are, and so does the default.
//!
//! Promises: a status that is there is not made again; one that was renamed meanwhile is. Of a refused one the statuses are read
//! again, since the refusal names neither label nor order.
//! <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_campaignmemberstatus.htm>

use super::{
    calls::{CREATE_STATUSES, QUERY},
    errors::{About, ApiError, Verdict},
    search::every_page,
    soql,
};
use crate::{
    call::{PLACEHOLDER, SALESFORCE},
    domain::session::SessionId,
    host::{Action, Entry, HttpError, Instant, MINUTE, Subject},
    json::{self, scalar},
    ledger::READ_LAG,
    settings::{RemovedRegistrants, Settings},
    stop::{Doing, Stop, for_http},
    text,
    work::Work,
};
use serde_json::Value;

/// Room for what an administrator puts between.
const FIRST_ORDER: u64 = 10;

struct Wanted<'a> {
    label: &'a str,
    is_response: bool,
}

fn wanted(settings: &Settings) -> Vec<Wanted<'_>> {
    let statuses = &settings.salesforce.member_statuses;
    let removes = settings.removed_registrants == RemovedRegistrants::Remove;
    let removed = removes.then_some(Wanted { label: &statuses.removed, is_response: false });
    let always = [
        Wanted { label: &statuses.registered, is_response: settings.salesforce.registered_is_response },
        Wanted { label: &statuses.not_attended, is_response: false },
        Wanted { label: &statuses.attended, is_response: true },
    ];
    always.into_iter().chain(removed).collect()
}

pub async fn ensure(work: &Work<'_>, session: &SessionId, campaign: &str, name: &str) -> Result<(), Stop> {
    let doing = Doing { what: "make the statuses of its members", whom: name };
    // In a dry run the campaign is not there, and has none.
    let there = if campaign == PLACEHOLDER { Vec::new() } else { read(work, campaign, &doing).await? };
    let Some(body) = missing(work.settings, campaign, &there) else { return Ok(()) };
    let answer = work.send(CREATE_STATUSES.request(&[], &[], Some(&body))).await;
    let now = work.now();
    let response = match answer {
        Err(HttpError::DryRun) => return Ok(()),
        answer => answer.map_err(|error| for_http(&error, now, &doing))?,
    };
    if !response.is_success() {
        return Err(ApiError::of(&response).stop(now, &doing, About::Campaign));
    }
    let told = json::parse(&response.body).unwrap_or(Value::Null);
    let failed = |row: &Value| row.get("success").and_then(Value::as_bool) != Some(true);
    let refusal = told.as_array().into_iter().flatten().find(|row| failed(row));
    let Some(refusal) = refusal else {
        let subject = Subject::session(session.as_str());
        work.changed(SALESFORCE, "CampaignMemberStatus", None, Action::Created, &subject, name);
        return Ok(());
    };
    let error = ApiError::in_body(400, refusal.get("errors").unwrap_or(&Value::Null));
    if error.verdict() != Verdict::AlreadyThere {
        return Err(error.stop(now, &doing, About::Campaign));
    }
    // Made meanwhile, by us in an attempt whose answer was lost, or by an automation of the org.
    let there = read(work, campaign, &doing).await?;
    match missing(work.settings, campaign, &there) {
        None => {
            work.host.delete(&refused_key(campaign));
            Ok(())
        }
        Some(_) => Err(refused(work, session, campaign, &error, &doing)),
    }
}

/// Since when statuses are refused that no read shows.
fn refused_key(campaign: &str) -> String {
    text::state_key("statuses", &[campaign])
}

/// A read may be older than the refusal; one that is not, is a matter for a person.
fn refused(work: &Work<'_>, session: &SessionId, campaign: &str, error: &ApiError, doing: &Doing<'_>) -> Stop {
    let (key, now) = (refused_key(campaign), work.now());
    let since = work.host.get(&key).and_then(|text| text.parse().ok());
    let since: Instant = since.unwrap_or_else(|| {
        let subject = Some(Subject::session(session.as_str()));
        work.host.set(Entry { key: key.clone(), value: now.to_string(), subject });
        now
    });
    if now < since + 2 * READ_LAG {
        return doing.later(now + READ_LAG, &format!("the statuses changed while they were read ({})", error.said()));
    }
    work.host.delete(&key);
    let remedy = "Add the statuses of the connector's settings (/salesforce/member_statuses) to the campaign by hand, under \
                  Campaign Member Statuses, then retry.";
    doing.needs_attention(&format!("{}.", error.said()), remedy)
}

/// Label and order of each.
async fn read(work: &Work<'_>, campaign: &str, doing: &Doing<'_>) -> Result<Vec<(String, u64)>, Stop> {
    let query = format!(
        "SELECT Id, Label, SortOrder FROM CampaignMemberStatus WHERE CampaignId = {} ORDER BY SortOrder ASC",
        soql::quoted(campaign)
    );
    let answer = work.send(QUERY.request(&[], &[("q", &query)], None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, doing))?;
    if !response.is_success() {
        return Err(ApiError::of(&response).stop(now, doing, About::Campaign));
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Salesforce's answer is not JSON ({why})")))?;
    let rows = every_page(work, &body, doing).await?;
    let order = |row: &Value| row.get("SortOrder").and_then(Value::as_f64).unwrap_or_default();
    Ok(rows.iter().map(|row| (row.get("Label").and_then(scalar).unwrap_or_default(), order(row) as u64)).collect())
}

/// The collection that makes what is missing; nothing where all are there.
fn missing(settings: &Settings, campaign: &str, there: &[(String, u64)]) -> Option<Value> {
    let is_there = |label: &str| there.iter().any(|(other, _)| other.trim().eq_ignore_ascii_case(label.trim()));
    let highest = there.iter().map(|(_, order)| *order + 1).max().unwrap_or(0);
    let absent = wanted(settings).into_iter().filter(|wanted| !is_there(wanted.label));
    let record = |(order, wanted): (u64, Wanted<'_>)| {
        json::object(vec![
            ("attributes", json::object(vec![("type", "CampaignMemberStatus".into())])),
            ("CampaignId", campaign.into()),
            ("Label", wanted.label.into()),
            ("SortOrder", order.into()),
            ("HasResponded", wanted.is_response.into()),
            ("IsDefault", false.into()),
        ])
    };
    let records: Vec<Value> = (FIRST_ORDER.max(highest)..).zip(absent).map(record).collect();
    (!records.is_empty()).then(|| json::object(vec![("allOrNone", false.into()), ("records", records.into())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        story::state::sample,
        test_host::{TestHost, answer, ok, on_host},
    };
    use serde_json::json;
    use std::cell::Cell;

    fn labels(there: &[(&str, u64)]) -> Vec<(String, u64, bool)> {
        let there: Vec<_> = there.iter().map(|(label, order)| (label.to_string(), *order)).collect();
        let body = missing(&Settings::default(), "701A", &there).unwrap_or(json!({"records": []}));
        let told = |row: &Value| {
            let is_default = row["IsDefault"] == false && row["CampaignId"] == "701A";
            assert!(is_default, "{row}");
            (
                row["Label"].as_str().unwrap().to_string(),
                row["SortOrder"].as_u64().unwrap(),
                row["HasResponded"] == true,
            )
        };
        body["records"].as_array().unwrap().iter().map(told).collect()
    }

    /// S3-22.
    #[test]
    fn what_is_missing_is_added_after_the_highest() {
        let row = |label: &str, order, is_response| (label.to_string(), order, is_response);
        assert_eq!(
            labels(&[("Sent", 1), ("Responded", 2)]),
            [row("Registered", 10, false), row("Not attended", 11, false), row("Attended", 12, true)]
        );
        assert_eq!(
            labels(&[("Sent", 1), ("registered", 12), ("VIP", 40)]),
            [row("Not attended", 41, false), row("Attended", 42, true)]
        );
        assert_eq!(labels(&[("Registered", 1), ("Attended", 2), ("Not attended", 3)]), []);
    }

    const CAMPAIGN: &str = "701000000000001AAA";

    async fn ensured(work: &Work<'_>) -> Result<(), Stop> {
        super::ensure(work, &SessionId::parse("S1").unwrap(), CAMPAIGN, "Demo").await
    }

    /// Refuses every status, and shows these from the second read on, one a page.
    fn refusing(there_after: &'static [&'static str]) -> TestHost {
        let (reads, pages) = (Cell::new(0), Cell::new(0));
        TestHost::new(0, move |request| match request.purpose.as_str() {
            "query" | "query more" => {
                let is_first = request.purpose == "query";
                reads.set(reads.get() + usize::from(is_first));
                pages.set(if is_first { 0 } else { pages.get() + 1 });
                let labels = if reads.get() == 1 { &["Sent"][..] } else { there_after };
                let label = labels.get(pages.get()).copied().unwrap_or("Sent");
                let next = (pages.get() + 1 < labels.len())
                    .then(|| format!("/services/data/v62.0/query/01g-{}", pages.get() + 1));
                ok(&json!({"records": [{"Label": label, "SortOrder": 7.0}], "nextRecordsUrl": next}).to_string())
            }
            _ => ok(r#"[{"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE",
                "message":"duplicate value found: <unknown> duplicates value on record with id: <unknown>"}]}]"#),
        })
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_refused_statuses_is_still_read() {
        assert_eq!(sample("session/S1", &refused_key(CAMPAIGN)).parse(), Ok(1_644_845_200_000_u64));
    }

    #[test]
    fn a_refusal_that_names_nothing_is_looked_into_and_told_once_no_read_can_be_old() {
        let host = refusing(&["Registered", "Attended", "Not attended"]);
        assert_eq!((on_host(&host, ensured), host.requests().len()), (Ok(()), 5));
        let host = refusing(&["Registered"]);
        assert!(matches!(on_host(&host, ensured), Err(Stop::Later(wait)) if wait.until == READ_LAG));
        host.set_now(2 * READ_LAG);
        assert!(matches!(on_host(&host, ensured), Err(Stop::Failed(failure)) if failure.remedy.contains("by hand")));
        assert_eq!(host.state(&refused_key(CAMPAIGN)), None, "a retry begins anew");
        let hidden = TestHost::new(0, |_| answer(400, r#"[{"errorCode":"INVALID_TYPE","message":"not supported"}]"#));
        let end = on_host(&hidden, ensured);
        assert!(matches!(end, Err(Stop::Failed(failure)) if failure.remedy.contains("Marketing User")), "S3-34");
    }
}
