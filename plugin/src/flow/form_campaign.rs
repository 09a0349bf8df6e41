//! Which session a form's campaign belongs to (S2-46). By the id of the campaign: as it was noted when the session was linked, or
//! else as the description of the campaign in Salesforce says, which every campaign of the connector carries.
//!
//! Promises: a campaign is looked at once; one that the connector did not make is told once, and left alone. Not here: that the
//! session is linked to this very campaign, which `form_submitted` compares, since somebody may have cloned one of ours.

use crate::{
    account_engagement::{
        calls::CAMPAIGN,
        errors::{ApiError, Verdict},
    },
    call::PLACEHOLDER,
    domain::session::SessionId,
    host::{Entry, Instant, MINUTE, Subject},
    json,
    plain::{from_text, to_text},
    salesforce::{
        calls::QUERY,
        campaign::session_of,
        errors::{About, ApiError as SalesforceError},
        soql,
    },
    stop::{Doing, Stop, for_http},
    text::{self, fit},
    work::Work,
};

/// A campaign that Account Engagement names in an activity and does not know is one that its reads do not show yet, for so long.
const SHOWN_AFTER: u64 = 10 * MINUTE;

/// What is remembered of a campaign of Account Engagement. None: it is not one of the connector's.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    pub session: Option<SessionId>,
}

plain!(Campaign { session });

fn key(campaign: &str) -> String {
    text::state_key("campaign", &[campaign])
}

pub fn note(work: &Work<'_>, campaign: &str, session: Option<&SessionId>) {
    // A dry run's.
    if campaign == PLACEHOLDER {
        return;
    }
    let (key, value) = (key(campaign), to_text(&Campaign { session: session.cloned() }));
    if work.host.get(&key).as_ref() != Some(&value) {
        let subject = session.map(|session| Subject::session(session.as_str()));
        work.host.set(Entry { key, value, subject });
    }
}

/// The session that the campaign is, or claims to be, of.
pub async fn session(work: &Work<'_>, campaign: &str, submitted_at: Instant) -> Result<Option<SessionId>, Stop> {
    let doing = Doing { what: "see whose campaign this is", whom: campaign };
    if let Some(noted) = work.host.get(&key(campaign)).and_then(|text| from_text::<Campaign>(&text).ok()) {
        return Ok(noted.session);
    }
    let seen = look(work, campaign, submitted_at, &doing).await?;
    note(work, campaign, seen.session.as_ref());
    if seen.session.is_none() {
        let message = format!(
            "Forms of the campaign {} are left alone: the connector did not make it. To register people by them, choose the \
             campaign of a session as the form's campaign in Account Engagement.",
            seen.name
        );
        work.info("form-left-alone", &message, None);
    }
    Ok(seen.session)
}

struct Seen {
    session: Option<SessionId>,
    /// For people.
    name: String,
}

async fn look(work: &Work<'_>, campaign: &str, submitted_at: Instant, doing: &Doing<'_>) -> Result<Seen, Stop> {
    let fields = [("fields", "id,name,salesforceId")];
    let answer = work.send(CAMPAIGN.request(&[campaign], &fields, None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, doing))?;
    let foreign = |name: String| Ok(Seen { session: None, name });
    if !response.is_success() {
        let error = ApiError::of(&response);
        return match error.verdict() {
            Verdict::LookUpAnew if now >= submitted_at + SHOWN_AFTER => foreign(campaign.into()),
            Verdict::LookUpAnew => Err(doing.later(now + MINUTE, &error.said())),
            _ => Err(error.stop(now, doing)),
        };
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Account Engagement's answer is not JSON ({why})")))?;
    let said = |name: &str| body.get(name).and_then(json::scalar).filter(|text| !text.is_empty());
    let name = match said("name") {
        Some(name) => format!("\"{}\" ({campaign})", fit(&name, 200)),
        None => campaign.into(),
    };
    let Some(salesforce_id) = said("salesforceId") else { return foreign(name) };
    let query = format!("SELECT Id, Description FROM Campaign WHERE Id = {}", soql::quoted(&salesforce_id));
    let answer = work.send(QUERY.request(&[], &[("q", &query)], None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, doing))?;
    if !response.is_success() {
        return Err(SalesforceError::of(&response).stop(now, doing, About::Campaign));
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Salesforce's answer is not JSON ({why})")))?;
    let description = body.get("records").and_then(|rows| rows.get(0)?.get("Description")?.as_str());
    let session = description.and_then(session_of).and_then(|id| SessionId::parse(id).ok());
    Ok(Seen { session, name })
}

/// Somebody has cloned the campaign of a session, with its description: it is not the session's.
pub fn is_a_copy(work: &Work<'_>, campaign: &str, session: &SessionId) {
    note(work, campaign, None);
    let message = format!(
        "Forms of the campaign {campaign} are left alone: its description names session {session}, whose campaign is another one. \
         Whoever cloned it should change the description; a form registers people by the campaign that the connector made."
    );
    work.warn("form-left-alone", &message, Some(Subject::session(session.as_str())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Answer, Host, Level},
        story::state::says,
        test_host::{TestHost, answer, ok, on_host},
    };

    const OURS: &str =
        r#"{"records":[{"Id":"701","Description":"Livestorm session S1, made by the Livestorm connector"}]}"#;

    fn looked(campaign: fn() -> Answer, description: &'static str) -> (TestHost, Result<Option<SessionId>, Stop>) {
        let host = TestHost::new(SHOWN_AFTER, move |request| match request.purpose.as_str() {
            "query" => ok(description),
            _ => campaign(),
        });
        let seen = on_host(&host, async |work| session(work, "7", 1).await);
        (host, seen)
    }

    /// S2-46.
    #[test]
    fn a_campaign_is_told_by_the_description_that_the_connector_gave_it_and_looked_at_once() {
        let connected = || ok(r#"{"id":7,"name":"Demo","salesforceId":"701000000000001AAA"}"#);
        let ours = SessionId::parse("S1").ok();
        let (host, seen) = looked(connected, OURS);
        assert_eq!(seen, Ok(ours.clone()));
        assert!(host.requests()[1].query[0].1.ends_with("WHERE Id = '701000000000001AAA'"));
        assert_eq!((on_host(&host, async |work| session(work, "7", 1).await), host.requests().len()), (Ok(ours), 2));
        for foreign in
            [r#"{"records":[]}"#, r#"{"records":[{"Description":null}]}"#, r#"{"records":[{"Description":"S1"}]}"#]
        {
            let (host, seen) = looked(connected, foreign);
            assert_eq!(seen, Ok(None));
            assert_eq!(on_host(&host, async |work| session(work, "7", 1).await), Ok(None));
            assert_eq!((host.lines(Level::Info), host.requests().len()), (vec!["form-left-alone".to_string()], 2));
        }
        let (host, seen) = looked(|| ok(r#"{"id":7,"name":"Demo","salesforceId":null}"#), "");
        assert_eq!((seen, host.requests().len()), (Ok(None), 1));
    }

    #[test]
    fn a_campaign_that_is_not_shown_yet_is_waited_for_and_not_for_ever() {
        let gone = || answer(404, r#"{"code":109,"message":"not found"}"#);
        let (host, seen) = looked(gone, "");
        assert!(matches!(seen, Err(Stop::Later(_))) && host.get(&key("7")).is_none());
        host.set_now(SHOWN_AFTER + 1);
        assert_eq!(on_host(&host, async |work| session(work, "7", 1).await), Ok(None));
        assert!(matches!(looked(|| answer(403, "{}"), "").1, Err(Stop::Failed(_))));
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_campaign_is_still_read() {
        says("people", &key("7"), &Campaign { session: SessionId::parse("S1").ok() });
        says("people", &key("8"), &Campaign { session: None });
    }
}
