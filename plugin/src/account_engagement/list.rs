//! One list a session. Promises: found again by id after a rename, never made twice, and none that somebody else made is
//! taken (RULES 9, 10). Not here: who is in it (`list_membership.rs`).

use super::{
    Written,
    calls::{CREATE_LIST, LIST, LISTS, RENAME_LIST},
    errors::{ApiError, Verdict},
    id_of, id_value, query, time, written,
};
use crate::{
    call::{ACCOUNT_ENGAGEMENT, PLACEHOLDER},
    domain::session::SessionId,
    executor::Flow,
    flow::naming::Name,
    host::{Action, MINUTE, Subject},
    json,
    ledger::{Doubt, Fact, Judged, Once, Seen, Sending, once},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::Value;

const LEDGER_KEY: &str = "once/list";
const NAMES_TRIED_MAX: u32 = 20;

/// Carried by every list that we make, so that it can be told.
pub fn description(session: &SessionId) -> String {
    format!("Registrants of Livestorm session {session}, kept by the Livestorm connector")
}

/// The id of the session's list.
pub async fn ensure(work: &Work<'_>, session: &SessionId, name: &Name, campaign: &str) -> Result<String, Stop> {
    let full = name.campaign();
    let doing = Doing { what: "make the list", whom: &full };
    let subject = Subject::session(session.as_str());
    let description = description(session);
    let fact = Fact { key: LEDGER_KEY.into(), subject: Some(subject.clone()), doing };
    let (mut short, mut number) = (false, 1);
    for _ in 0..NAMES_TRIED_MAX {
        let list_name = name.list(short, number);
        let body = json::object(vec![
            ("name", list_name.as_str().into()),
            ("description", description.as_str().into()),
            ("campaignId", id_value(campaign)),
        ]);
        let sending = Sending { call: &CREATE_LIST, query: &[("fields", "id")], body: &body };
        let look = |doubt| -> Flow<'_, _> { Box::pin(look(work, &description, doubt, &doing)) };
        match once(work, &fact, &look, &sending, judge).await? {
            Once::Written { id: Some(id), fresh, .. } => {
                if fresh {
                    work.changed(ACCOUNT_ENGAGEMENT, "List", Some(&id), Action::Created, &subject, &list_name);
                }
                return Ok(id);
            }
            Once::Planned => {
                work.changed(ACCOUNT_ENGAGEMENT, "List", None, Action::Created, &subject, &list_name);
                return Ok(PLACEHOLDER.into());
            }
            Once::Written { id: None, .. } => return Err(doing.bug("The list was made and no id of it is known")),
            Once::Refused(response) => {
                let error = ApiError::of(&response);
                match error.verdict() {
                    Verdict::NameTooLong if !short => short = true,
                    Verdict::NameInUse => number += 1,
                    _ => return Err(error.stop(work.now(), &doing)),
                }
            }
        }
    }
    let remedy = "Rename or delete lists of this name that are not used, then retry.";
    Err(doing.needs_attention(&format!("{NAMES_TRIED_MAX} names for it are in use."), remedy))
}

/// The session was moved: the name follows, as long as it is one of those that we gave.
pub async fn rename(work: &Work<'_>, session: &SessionId, list: &str, before: &Name, after: &Name) -> Result<(), Stop> {
    let whom = after.campaign();
    let doing = Doing { what: "rename the list", whom: &whom };
    let subject = Subject::session(session.as_str());
    if list == PLACEHOLDER {
        return Ok(());
    }
    let answer = work.send(LIST.request(&[list], &[("fields", "id,name,isDeleted")], None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, &doing))?;
    let gone = |what: &str| {
        work.warn("list-not-renamed", &format!("The list of session {session} {what}"), Some(subject.clone()));
        Ok(())
    };
    if !response.is_success() {
        let error = ApiError::of(&response);
        return match error.verdict() {
            Verdict::LookUpAnew | Verdict::ListGone => gone("is there no more, so it is not renamed"),
            _ => Err(error.stop(now, &doing)),
        };
    }
    let told = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Account Engagement's answer is not JSON ({why})")))?;
    let name = told.get("name").and_then(json::scalar).unwrap_or_default();
    let forms = |name: &Name| -> Vec<String> {
        (1..=NAMES_TRIED_MAX).flat_map(|n| [name.list(false, n), name.list(true, n)]).collect()
    };
    if forms(after).contains(&name) {
        return Ok(());
    }
    if !forms(before).contains(&name) {
        return gone(&format!("was renamed to \"{name}\" by somebody, and keeps that name"));
    }
    let (mut short, mut number) = (false, 1);
    for _ in 0..NAMES_TRIED_MAX {
        let wanted = after.list(short, number);
        let body = json::object(vec![("name", wanted.as_str().into())]);
        let answer = work.send(RENAME_LIST.request(&[list], &[], Some(&body))).await;
        match written(answer, work.now(), &doing)? {
            Written::Answer(response) if !response.is_success() => {
                let error = ApiError::of(&response);
                match error.verdict() {
                    Verdict::NameTooLong if !short => short = true,
                    Verdict::NameInUse => number += 1,
                    _ => return Err(error.stop(work.now(), &doing)),
                }
            }
            _ => {
                work.changed(ACCOUNT_ENGAGEMENT, "List", Some(list), Action::Updated, &subject, &wanted);
                return Ok(());
            }
        }
    }
    gone("keeps its name, since all forms of the new one are in use")
}

/// An answer without an id leaves it in doubt: the look finds the list by its description.
fn judge(response: &crate::host::Response) -> Judged {
    if !response.is_success() {
        return ApiError::of(response).judged();
    }
    match json::parse(&response.body).ok().as_ref().and_then(id_of) {
        Some(id) => Judged::Written(Some(id)),
        None => Judged::InDoubt("the list was made, and its id was not told".into()),
    }
}

/// Was it made after all? By time and our description; the name may be any of those tried.
async fn look(work: &Work<'_>, description: &str, doubt: Doubt, doing: &Doing<'_>) -> Result<Seen, Stop> {
    let since = time(doubt.since.saturating_sub(5 * MINUTE));
    let filter = [("createdAtAfterOrEqualTo", since.as_str()), ("orderBy", "id ASC"), ("limit", "1000")];
    let rows = query(work, &LISTS, "id,name,description,createdAt", &filter, 20, doing).await?;
    let rows = rows.map_err(|error| error.stop(work.now(), doing))?;
    let ours = |row: &&Value| row.get("description").and_then(Value::as_str) == Some(description);
    Ok(match rows.iter().find(ours).and_then(id_of) {
        Some(id) => Seen::There(Some(id)),
        None => Seen::NotThere,
    })
}
