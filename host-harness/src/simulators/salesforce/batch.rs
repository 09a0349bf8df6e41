//! `POST /composite/batch`: up to 25 requests that know nothing of one another, each of which counts as a call.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-batch.html>
//!
//! With `haltOnError` the parts after a failed one are 412 BATCH_PROCESSING_HALTED; nothing is taken back; a part whose verb
//! or address cannot be read refuses the whole with 400, before anything is done [confirmed]. A part's version is 34.0 to
//! the request's own [confirmed], and its address may begin with it, as in the page's examples. That the request itself is
//! not counted beside its parts, that the parts inherit its headers, and the words of the refusals: [inferred].

use super::{
    CONTENT_TYPE,
    composite::{answered, flag, inner, invalid, text, unreadable, verb},
    errors::Refusal,
    sobjects, version_number,
};
use crate::simulators::{
    World,
    request::{Answer, Call, json},
};
use serde_json::{Value, json};

const PARTS_MAX: usize = 25;
const OLDEST: u32 = 34;

pub(super) fn handle(world: &mut World, outer: &Call, version: &str) -> Result<Answer, Refusal> {
    let mut body = sobjects::body(outer)?;
    let halts = flag(&body, "haltOnError", false)?;
    let Some(Value::Array(sent)) = body.remove("batchRequests") else { return Err(unreadable("batchRequests")) };
    if sent.is_empty() || sent.len() > PARTS_MAX {
        return Err(invalid(format!("A request has 1 to {PARTS_MAX} subrequests")));
    }
    let newest = version_number(version).unwrap_or_default();
    let mut parts = vec![];
    for part in &sent {
        let Some(part) = part.as_object() else { return Err(unreadable("batchRequests")) };
        let (method, url) = (verb(&text(part, "method")?)?, text(part, "url")?);
        let below = url.trim_start_matches('/');
        let below = below.strip_prefix("services/data/").unwrap_or(below);
        let wrong = || invalid(format!("The url of a subrequest is not valid: {url}"));
        let of = below.split(['/', '?']).next().and_then(version_number).ok_or_else(wrong)?;
        if !(OLDEST..=newest).contains(&of) {
            return Err(wrong());
        }
        let rich = part.get("richInput").filter(|body| !body.is_null());
        let mut headers = outer.headers.clone();
        headers.remove(http::header::CONTENT_LENGTH);
        parts.push(inner(outer, &method, &format!("/services/data/{below}"), &headers, rich).ok_or_else(wrong)?);
    }
    let (now, max) = (world.now(), world.options.limits.salesforce_calls_per_day);
    let (mut results, mut failed) = (vec![], false);
    for (n, part) in parts.iter().enumerate() {
        if failed && halts {
            let message = "Batch processing halted: a previous subrequest was unsuccessful.";
            let halted = json!([{ "errorCode": "BATCH_PROCESSING_HALTED", "message": message }]);
            results.push(json!({ "statusCode": 412, "result": halted }));
            continue;
        }
        let used_up = n > 0 && world.salesforce.requests_used() >= max;
        let answer = if used_up && !world.options.unknowns.salesforce.daily_limit_is_soft {
            Err(Refusal::requests_used_up())
        } else {
            if n > 0 {
                world.salesforce.requests.push_back(now);
            }
            match part.segments()[..] {
                ["services", "data", _, "composite", ..] => Err(Refusal::not_found()),
                _ => answered(world, part),
            }
        };
        let answer = answer.unwrap_or_else(|refusal| refusal.answer());
        failed |= answer.status().as_u16() >= 400;
        let result: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        results.push(json!({ "statusCode": answer.status().as_u16(), "result": result }));
    }
    Ok(json(200, CONTENT_TYPE, &json!({ "hasErrors": failed, "results": results })))
}
