//! What an answer of Livestorm means. By the HTTP status: `code` and `status` in the body are now numbers, now words, and
//! an answer from 500 on can be an HTML page.

use super::paging;
use crate::{
    call::Call,
    domain::email::Email,
    host::{HttpError, Instant, MINUTE, Response},
    json::{self, At},
    stop::{Doing, Stop, for_http},
    text,
    work::Work,
};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// 404.
    Unknown,
    /// 401 and 403: the vendor's pages disagree about which of them a missing scope is.
    NotAllowed,
    SlowDown,
    /// Overloaded or broken.
    Later,
    Bug,
}

pub fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Fine,
        401 | 403 => Verdict::NotAllowed,
        404 => Verdict::Unknown,
        429 => Verdict::SlowDown,
        408 | 425 | 500.. => Verdict::Later,
        _ => Verdict::Bug,
    }
}

/// Livestorm's own words, where there are any.
pub fn words(response: &Response) -> String {
    let said = json::parse(&response.body).ok().and_then(|body| {
        let error = body.get("errors")?.get(0)?.clone();
        let at = At::root(&error).ok()?;
        at.text_or_none("detail").or_else(|| at.text_or_none("title"))
    });
    match said {
        Some(said) => format!("Livestorm answered {}: {}", response.status, text::fit(&said, 300)),
        None => format!("Livestorm answered {}", response.status),
    }
}

/// What came of a read. Whoever cannot use another than a body ends with `Read::stop`.
pub enum Read {
    Body(Value),
    Unknown,
    NotAllowed(String),
    /// The connection must be signed in again.
    SignedOut(HttpError),
    /// 400 and its like.
    Refused(String),
}

impl Read {
    pub fn stop(&self, now: Instant, doing: &Doing<'_>) -> Stop {
        match self {
            Read::Body(_) => doing.bug("An answer of Livestorm was not understood"),
            Read::Unknown => doing.needs_attention("Livestorm does not know it.", "See in Livestorm whether it was deleted."),
            Read::NotAllowed(said) => doing.needs_attention(
                &format!("{said}."),
                "Give the Livestorm token read access to Events (Account settings > Apps > API), or sign in again, then retry.",
            ),
            Read::SignedOut(error) => for_http(error, now, doing),
            Read::Refused(said) => doing.bug(said),
        }
    }
}

/// Reads. What passes by itself (overloaded, not reached, throttled) stops the flow.
pub async fn read(
    work: &Work<'_>,
    call: &Call,
    ids: &[&str],
    query: &[(&str, &str)],
    doing: &Doing<'_>,
) -> Result<Read, Stop> {
    let response = match work.send(call.request(ids, query, None)).await {
        Ok(response) => response,
        Err(error @ HttpError::Unauthorized(_)) => return Ok(Read::SignedOut(error)),
        Err(error) => return Err(for_http(&error, work.now(), doing)),
    };
    let now = work.now();
    match verdict(response.status) {
        Verdict::Fine => match json::parse(&response.body) {
            Ok(body) => Ok(Read::Body(body)),
            Err(why) => Err(doing.later(now + MINUTE, &format!("Livestorm's answer is not JSON ({why})"))),
        },
        Verdict::Unknown => Ok(Read::Unknown),
        Verdict::NotAllowed => Ok(Read::NotAllowed(words(&response))),
        Verdict::SlowDown | Verdict::Later => Err(doing.later(now + MINUTE, &words(&response))),
        Verdict::Bug => Ok(Read::Refused(words(&response))),
    }
}

/// All rows of a list, page by page; or what came instead of the list.
pub async fn read_all(
    work: &Work<'_>,
    call: &Call,
    ids: &[&str],
    filter: &[(&str, &str)],
    doing: &Doing<'_>,
) -> Result<Result<Vec<Value>, Read>, Stop> {
    let mut rows = Vec::new();
    let mut page = Some(0);
    while let Some(number) = page {
        let number_text = number.to_string();
        let mut query = vec![("page[number]", number_text.as_str()), ("page[size]", paging::PAGE_SIZE_MAX)];
        query.extend(filter);
        let mut body = match read(work, call, ids, &query, doing).await? {
            Read::Body(body) => body,
            // Past the last page: rows were taken away meanwhile.
            Read::Refused(_) if number > 0 => break,
            other => return Ok(Err(other)),
        };
        page = At::root(&body).ok().and_then(|body| paging::next(&body, number));
        match body.get_mut("data").map(Value::take) {
            Some(Value::Array(page_rows)) => rows.extend(page_rows),
            None | Some(Value::Null) => {}
            Some(other) => return Err(doing.bug(&format!("Livestorm's answer: /data is {}", json::kind(&other)))),
        }
    }
    Ok(Ok(rows))
}

/// The address of a row of people or users, and the row's attributes.
pub fn person(row: &Value) -> Option<(Email, At<'_>)> {
    let attributes = At::root(row).ok()?.object("attributes").ok()?;
    Some((Email::parse(&attributes.text_or_none("email")?).ok()?, attributes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_a_verdict() {
        let rows = [
            (200, Verdict::Fine),
            (204, Verdict::Fine),
            (400, Verdict::Bug),
            (401, Verdict::NotAllowed),
            (403, Verdict::NotAllowed),
            (404, Verdict::Unknown),
            (408, Verdict::Later),
            (422, Verdict::Bug),
            (429, Verdict::SlowDown),
            (500, Verdict::Later),
            (503, Verdict::Later),
        ];
        for (status, expected) in rows {
            assert_eq!(verdict(status), expected, "{status}");
        }
    }

    #[test]
    fn words_of_any_shape_are_told_and_html_is_not() {
        let say = |status, body: &str| words(&Response { status, headers: vec![], body: body.into() });
        let body = r#"{"errors":[{"title":"Bad","detail":"Session not found","code":"404","status":"not_found"}]}"#;
        assert_eq!(say(404, body), "Livestorm answered 404: Session not found");
        assert_eq!(say(500, "<html>"), "Livestorm answered 500");
    }
}
