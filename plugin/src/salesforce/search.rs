//! Contacts, leads and accounts of many people in one call: up to five queries, each as long as an address may be.
//!
//! Promises: every page of every answer is read. Not here: which record is meant (`person.rs`).
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-query.html>

use super::{
    calls::{QUERY_MORE, SEARCH},
    describe::{self, Org},
    errors::{About, ApiError},
    soql,
};
use crate::{
    host::{MINUTE, Response, SECOND},
    json::{self, scalar},
    mapping::{
        self,
        target_field::{Object, salesforce::COMPANY},
    },
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::Value;

/// Of one query, encoded. An address has at most 16,384 bytes, what stands before the query included.
pub const QUERY_BYTES_MAX: usize = 14_000;
/// Queries of one composite call.
pub const QUERIES_MAX: usize = 5;
/// What stands around a list, encoded.
const CONDITIONS_BYTES: usize = 250;
/// A campaign's id in a list, encoded.
const CAMPAIGN_BYTES: usize = 27;

/// How much of a query is left for addresses, so that a batch is one call: the columns are those of the mapping at most.
pub fn room(work: &Work<'_>, campaigns: usize) -> usize {
    let columns = |object: Object| -> usize {
        mapping::fields(&work.settings.mapping, object).iter().map(|field| field.len() + "Code%2C%20".len()).sum()
    };
    let person = columns(Object::Lead).max(columns(Object::Contact));
    let taken = person + columns(Object::CampaignMember) + campaigns * CAMPAIGN_BYTES + 2 * CONDITIONS_BYTES;
    QUERY_BYTES_MAX.saturating_sub(taken)
}

#[derive(Default)]
pub struct Wanted<'a> {
    pub emails: Vec<&'a str>,
    /// Records that a duplicate rule has named.
    pub ids: Vec<&'a str>,
    /// Whose members are told with the people.
    pub campaigns: Vec<&'a str>,
    pub companies: Vec<&'a str>,
}

#[derive(Debug, Default)]
pub struct Rows {
    pub contacts: Vec<Value>,
    pub leads: Vec<Value>,
    pub accounts: Vec<Value>,
}

/// How much of a query an entry of a list takes.
pub fn bytes(entry: &str) -> usize {
    soql::encoded(&soql::quoted(entry)).len() + 3
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Contacts,
    Leads,
    Accounts,
}

pub async fn search(work: &Work<'_>, org: &Org, wanted: &Wanted<'_>, doing: &Doing<'_>) -> Result<Rows, Stop> {
    let mut rows = Rows::default();
    for queries in queries(work, org, wanted).chunks(QUERIES_MAX) {
        let part = |(place, (_, query)): (usize, &(Of, String))| {
            json::object(vec![
                ("method", "GET".into()),
                ("url", format!("/services/data/v62.0/query?q={}", soql::encoded(query)).into()),
                ("referenceId", format!("q{place}").into()),
            ])
        };
        let parts: Vec<Value> = queries.iter().enumerate().map(part).collect();
        let body = json::object(vec![("allOrNone", false.into()), ("compositeRequest", parts.into())]);
        let answer = work.send(SEARCH.request(&[], &[], Some(&body))).await;
        let response = answer.map_err(|error| for_http(&error, work.now(), doing))?;
        let told = parsed(work, &response, doing)?;
        for (place, (of, _)) in queries.iter().enumerate() {
            let part = told.get("compositeResponse").and_then(|all| all.get(place)).unwrap_or(&Value::Null);
            let status = part.get("httpStatusCode").and_then(Value::as_u64).unwrap_or(500);
            let body = part.get("body").unwrap_or(&Value::Null);
            if !(200..300).contains(&status) {
                return Err(refused(work, u16::try_from(status).unwrap_or(500), body, doing));
            }
            let all = every_page(work, body, doing).await?;
            match of {
                Of::Contacts => rows.contacts.extend(all),
                Of::Leads => rows.leads.extend(all),
                Of::Accounts => rows.accounts.extend(all),
            }
        }
    }
    Ok(rows)
}

fn parsed(work: &Work<'_>, response: &Response, doing: &Doing<'_>) -> Result<Value, Stop> {
    let now = work.now();
    let body = json::parse(&response.body);
    if !response.is_success() {
        return Err(refused(work, response.status, &body.unwrap_or(Value::Null), doing));
    }
    body.map_err(|why| doing.later(now + MINUTE, &format!("Salesforce's answer is not JSON ({why})")))
}

/// A field that was there a day ago is gone or hidden now: what is known of the fields is asked anew.
fn refused(work: &Work<'_>, status: u16, body: &Value, doing: &Doing<'_>) -> Stop {
    let error = ApiError::in_body(status, body);
    if error.code == "INVALID_FIELD" && describe::forget(work) {
        return doing.later(work.now() + 10 * SECOND, &format!("the fields are read anew ({})", error.said()));
    }
    error.stop(work.now(), doing, About::Person)
}

/// A page may be shorter than asked, and leads on by an address without a host; it is absent on the last.
pub async fn every_page(work: &Work<'_>, first: &Value, doing: &Doing<'_>) -> Result<Vec<Value>, Stop> {
    let records = |body: &Value| body.get("records").and_then(Value::as_array).cloned().unwrap_or_default();
    let next = |body: &Value| {
        let address = body.get("nextRecordsUrl").and_then(scalar)?;
        address.rsplit('/').next().map(str::to_string)
    };
    let (mut rows, mut more) = (records(first), next(first));
    while let Some(cursor) = more {
        let answer = work.send(QUERY_MORE.request(&[&cursor], &[], None)).await;
        let response = answer.map_err(|error| for_http(&error, work.now(), doing))?;
        let body = parsed(work, &response, doing)?;
        rows.extend(records(&body));
        more = next(&body).filter(|next| *next != cursor);
    }
    Ok(rows)
}

fn queries(work: &Work<'_>, org: &Org, wanted: &Wanted<'_>) -> Vec<(Of, String)> {
    let mut queries = Vec::new();
    let order = "ORDER BY CreatedDate ASC, Id ASC";
    for (of, object) in [(Of::Contacts, Object::Contact), (Of::Leads, Object::Lead)] {
        let head = head(work, org, object, &wanted.campaigns);
        let before = soql::encoded(&head).len() + CONDITIONS_BYTES;
        for entries in chunks(&wanted.emails, before) {
            let emails = soql::list(entries);
            queries.push((of, format!("{head} WHERE Email IN ({emails}) {order}")));
            if of == Of::Contacts {
                // What converted leads became, whatever address it has now.
                let became =
                    format!("SELECT ConvertedContactId FROM Lead WHERE IsConverted = true AND Email IN ({emails})");
                queries.push((of, format!("{head} WHERE Id IN ({became}) {order}")));
            }
        }
        for entries in chunks(&wanted.ids, before) {
            queries.push((of, format!("{head} WHERE Id IN ({}) {order}", soql::list(entries))));
        }
    }
    let persons = if org.contact.has("IsPersonAccount") { " AND IsPersonAccount = false" } else { "" };
    for names in chunks(&wanted.companies, 200) {
        let list = soql::list(names);
        queries.push((
            Of::Accounts,
            format!("SELECT Id, Name, CreatedDate FROM Account WHERE Name IN ({list}){persons} {order}"),
        ));
    }
    queries
}

fn head(work: &Work<'_>, org: &Org, object: Object, campaigns: &[&str]) -> String {
    let mapped = |object: Object| {
        let mut mapped = mapping::fields(&work.settings.mapping, object);
        mapped.retain(|field| object != Object::Contact || *field != COMPANY);
        org.of(object).readable(mapped)
    };
    let mut columns: Vec<String> = ["Id", "Email", "CreatedDate"].map(str::to_string).into();
    match object {
        Object::Lead => columns.extend(["IsConverted", "ConvertedContactId"].map(str::to_string)),
        _ if org.contact.has("IsPersonAccount") => columns.push("IsPersonAccount".into()),
        _ => {}
    }
    columns.extend(mapped(object));
    if !campaigns.is_empty() {
        let mut member: Vec<String> = ["Id", "CampaignId", "Status"].map(str::to_string).into();
        member.extend(org.member.replay.clone());
        member.extend(mapped(Object::CampaignMember));
        distinct(&mut member);
        let list = soql::list(campaigns.iter().copied());
        columns.push(format!("(SELECT {} FROM CampaignMembers WHERE CampaignId IN ({list}))", member.join(", ")));
    }
    distinct(&mut columns);
    format!("SELECT {} FROM {}", columns.join(", "), object.name())
}

/// A field that is asked for twice is refused.
fn distinct(columns: &mut Vec<String>) {
    let all = std::mem::take(columns);
    for column in all {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
}

/// As many as fit. `before`: what stands around the list.
fn chunks<'a>(entries: &[&'a str], before: usize) -> Vec<Vec<&'a str>> {
    let mut chunks: Vec<Vec<&str>> = Vec::new();
    let mut left = 0;
    for entry in entries {
        let bytes = bytes(entry);
        match chunks.last_mut().filter(|_| bytes <= left) {
            Some(chunk) => chunk.push(entry),
            None => {
                chunks.push(vec![entry]);
                left = QUERY_BYTES_MAX.saturating_sub(before);
            }
        }
        left = left.saturating_sub(bytes);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_query_is_short_enough_and_everybody_is_in_one(
            names in prop::collection::vec("[a-zé' ]{0,250}", 0..300), before in 0usize..4_000
        ) {
            let entries: Vec<&str> = names.iter().map(String::as_str).collect();
            let chunks = chunks(&entries, before);
            prop_assert_eq!(chunks.concat(), entries);
            for chunk in chunks {
                let encoded = soql::encoded(&soql::list(chunk.iter().copied())).len();
                prop_assert!(chunk.len() == 1 || encoded + before <= QUERY_BYTES_MAX);
            }
        }
    }
}
