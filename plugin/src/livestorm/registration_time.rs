//! When somebody registered. The legacy body does not say it, so it is read: once for each session of a batch by the time of
//! receipt, then by address for whom that did not show; else the time of receipt counts (RULES 4).

use super::{
    calls::SESSION_PEOPLE,
    errors::{Read, person, read_all},
    time,
};
use crate::{
    domain::{email::Email, registrant::Role, session::SessionId},
    host::{Instant, MINUTE, SECOND},
    json::At,
    stop::{Doing, Stop},
    work::Work,
};

/// A delivery can be late by Livestorm's five repeats, about 22 minutes.
/// <https://developers.livestorm.co/docs/webhooks-1>, confirmed.
const LATE_MAX: u64 = 30 * MINUTE;

/// What a row of the session tells beyond the delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub email: Email,
    pub registered_at: Option<Instant>,
    pub role: Option<Role>,
}

/// For the people of one session whose deliveries do not say it. `received_at`: the earliest of them.
pub async fn of_session(
    work: &Work<'_>,
    session: &SessionId,
    emails: &[Email],
    received_at: Instant,
) -> Result<Vec<Told>, Stop> {
    let since = (received_at.saturating_sub(LATE_MAX) / SECOND).to_string();
    let whom = format!("session {session}");
    let doing = Doing { what: "read when people registered", whom: &whom };
    let mut told = match rows(work, session, ("filter[created_since]", &since), &doing).await? {
        Ok(rows) => rows,
        Err(instead) => return without(work, session, &instead, &doing),
    };
    for email in emails {
        if !told.iter().any(|told| told.email == *email) {
            match rows(work, session, ("filter[email]", email.as_str()), &doing).await? {
                Ok(rows) => told.extend(rows),
                Err(instead) => {
                    without(work, session, &instead, &doing)?;
                    break;
                }
            }
        }
    }
    told.retain(|told| emails.contains(&told.email));
    Ok(told)
}

async fn rows(
    work: &Work<'_>,
    session: &SessionId,
    filter: (&str, &str),
    doing: &Doing<'_>,
) -> Result<Result<Vec<Told>, Read>, Stop> {
    let rows = match read_all(work, &SESSION_PEOPLE, &[session.as_str()], &[filter], doing).await? {
        Ok(rows) => rows,
        Err(instead) => return Ok(Err(instead)),
    };
    let told = |(email, attributes): (Email, At<'_>)| {
        let detail = attributes.object("registrant_detail").ok()?;
        let registered_at = time::parse(detail.get("created_at")).ok().flatten();
        Some(Told { email, registered_at, role: attributes.text_or_none("role").map(Role::from) })
    };
    Ok(Ok(rows.iter().filter_map(person).filter_map(told).collect()))
}

/// It cannot be read: the time of receipt is good enough, and said.
fn without(work: &Work<'_>, session: &SessionId, instead: &Read, doing: &Doing<'_>) -> Result<Vec<Told>, Stop> {
    let why = match instead {
        Read::Unknown => "Livestorm does not know the session",
        Read::NotAllowed(said) | Read::Refused(said) => said,
        Read::SignedOut(_) | Read::Body(_) => return Err(instead.stop(work.now(), doing)),
    };
    let message =
        format!("When people registered for session {session} cannot be read: {why}. The time of receipt is taken.");
    work.warn("registration-time-unknown", &message, Some(crate::host::Subject::session(session.as_str())));
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Level, Request},
        test_host::{TestHost, answer, ok, on_host},
    };
    use serde_json::{Value, json};

    fn row(email: &str, at: u64) -> Value {
        json!({"id": "P", "type": "people", "attributes": {"email": email, "role": "participant",
            "registrant_detail": {"session_id": "S1", "created_at": at}}})
    }

    fn query<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn one_read_for_the_session_and_one_for_each_who_was_not_in_it() {
        let host = TestHost::new(0, |request| {
            ok(&match query(request, "filter[email]") {
                None => json!({"data": [row("Ana@Example.org", 100), row("stranger@example.org", 5)], "meta": {"next_page": null}}),
                Some("late+x@example.org") => json!({"data": [row("late+x@example.org", 50)], "meta": {}}),
                Some(_) => json!({"data": [], "meta": {}}),
            }
            .to_string())
        });
        let emails = ["ana@example.org", "late+x@example.org", "gone@example.org"].map(|e| Email::parse(e).unwrap());
        let session = SessionId::parse("S1").unwrap();
        let told = on_host(&host, async |work| of_session(work, &session, &emails, 10_000_000).await).unwrap();
        let times: Vec<_> = told.iter().map(|told| (told.email.as_str(), told.registered_at)).collect();
        assert_eq!(times, [("ana@example.org", Some(100_000)), ("late+x@example.org", Some(50_000))]);
        let requests = host.requests();
        assert_eq!(requests.len(), 3);
        assert_eq!(query(&requests[0], "filter[created_since]"), Some("8200"));
    }

    #[test]
    fn where_it_cannot_be_read_the_time_of_receipt_is_taken_and_it_is_said() {
        for status in [404, 403, 400] {
            let host = TestHost::new(0, move |_| answer(status, "{}"));
            let emails = [Email::parse("ana@example.org").unwrap()];
            let session = SessionId::parse("S1").unwrap();
            let told = on_host(&host, async |work| of_session(work, &session, &emails, 1).await).unwrap();
            assert!(told.is_empty());
            assert_eq!(host.lines(Level::Warning), ["registration-time-unknown"]);
        }
    }
}
