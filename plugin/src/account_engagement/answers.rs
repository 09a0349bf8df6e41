//! What somebody has answered in a form: it stands on the prospect and not on the activity [inferred; pardot reference 3.7].
//!
//! Promises: a prospect that is there no more is told as that, and not taken for one without answers.

use super::{
    calls::{PROSPECT, PROSPECTS},
    errors::{Verdict, field_meant},
    id_of, query,
};
use crate::{
    account_engagement::errors::ApiError,
    domain::email::Email,
    host::MINUTE,
    json,
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::{Map, Value};

/// The prospect by its id. `refused` takes a field that cannot be read, with Account Engagement's words. None: it is in the
/// recycle bin, or gone.
pub async fn read(
    work: &Work<'_>,
    id: &str,
    mut fields: Vec<String>,
    refused: &dyn Fn(&str, &str),
    doing: &Doing<'_>,
) -> Result<Option<Map<String, Value>>, Stop> {
    loop {
        let asked = ["id", "email", "isDeleted"].into_iter().chain(fields.iter().map(String::as_str));
        let asked = asked.collect::<Vec<_>>().join(",");
        let answer = work.send(PROSPECT.request(&[id], &[("fields", &asked)], None)).await;
        let now = work.now();
        let response = answer.map_err(|error| for_http(&error, now, doing))?;
        if response.is_success() {
            let not_json = |why: &str| doing.later(now + MINUTE, &format!("the prospect cannot be read ({why})"));
            return match json::parse(&response.body).map_err(|why| not_json(&why))? {
                // A read of one that was deleted shows it, and says so.
                Value::Object(row) => Ok(Some(row).filter(|row| row.get("isDeleted") != Some(&Value::Bool(true)))),
                other => Err(not_json(json::kind(&other))),
            };
        }
        let error = ApiError::of(&response);
        match error.verdict() {
            Verdict::LookUpAnew => return Ok(None),
            Verdict::DropField => {
                let sent: Vec<&str> = fields.iter().map(String::as_str).collect();
                let Some(field) = field_meant(&error, &sent) else { return Err(error.stop(now, doing)) };
                refused(&field, &error.said());
                fields.retain(|other| *other != field);
            }
            _ => return Err(error.stop(now, doing)),
        }
    }
}

/// Another prospect with the address: somebody may have merged the two.
pub async fn other(work: &Work<'_>, email: &Email, doing: &Doing<'_>) -> Result<Option<String>, Stop> {
    let filter = [("email", email.as_str()), ("orderBy", "lastActivityAt DESC"), ("limit", "1")];
    let rows = query(work, &PROSPECTS, "id,email", &filter, 1, doing).await?;
    let rows = rows.map_err(|error| error.stop(work.now(), doing))?;
    Ok(rows.first().and_then(id_of))
}
