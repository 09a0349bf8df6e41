//! An external activity: it cannot be corrected, taken back or told apart from its double, so each is sent once, ever.
//!
//! Promises: after an unknown outcome it is looked for first; where activities cannot be read back a person is asked, and no
//! second one is sent (RULES 17).

use super::{
    activity::Activity,
    calls::{CREATE_EXTERNAL_ACTIVITY, EXTERNAL_ACTIVITIES},
    errors::{ApiError, Verdict},
    id_of, query, time,
};
use crate::{
    calendar,
    call::ACCOUNT_ENGAGEMENT,
    domain::{email::Email, session::SessionId},
    executor::Flow,
    host::{Action, Instant, MINUTE, Subject},
    json,
    ledger::{Doubt, Fact, Judged, Once, Seen, Sending, once},
    stop::{Doing, Stop},
    text::lower,
    work::Work,
};
use serde_json::Value;

/// How far their clock may be off ours, and how late an answer that we gave up may have taken effect.
const SLACK: u64 = 10 * MINUTE;
const PAGES_MAX: usize = 50;

/// One activity of one person in one session.
pub struct One<'a> {
    pub session: &'a SessionId,
    pub email: &'a Email,
    /// The same, as it stands on the prospect.
    pub address: &'a str,
    pub activity: Activity,
    pub value: &'a str,
    pub at: Instant,
    /// The prospect was made just now, so it may not be known everywhere yet.
    pub prospect_is_young: bool,
}

fn ledger_key(session: &SessionId, email: &Email, activity: Activity) -> String {
    activity.fact().state_key(session, email.as_str())
}

/// Whether it was sent, or is about to be.
pub fn was_told(work: &Work<'_>, session: &SessionId, email: &Email, activity: Activity) -> bool {
    work.host.get(&ledger_key(session, email, activity)).is_some()
}

#[derive(Debug, PartialEq)]
pub enum Told {
    Yes,
    /// The prospect is there no more: look the person up anew.
    ProspectGone(ApiError),
}

/// Sends it, unless it was sent before. `may_be_gone`: nobody has looked the person up in this run.
pub async fn tell(work: &Work<'_>, one: &One<'_>, may_be_gone: bool) -> Result<Told, Stop> {
    let settings = &work.settings.account_engagement;
    let (extension, kind) = (settings.extension.as_str(), settings.activity_types.of(one.activity));
    let doing = Doing { what: one.activity.doing(), whom: one.email.as_str() };
    let subject = Subject::person(one.email.as_str());
    let body = json::object(vec![
        ("extension", extension.into()),
        ("type", kind.into()),
        ("email", one.address.into()),
        ("value", one.value.into()),
        // Never in the future (RULES 4).
        ("activityDate", time(one.at.min(work.now())).into()),
    ]);
    let fact = Fact { key: ledger_key(one.session, one.email, one.activity), subject: Some(subject.clone()), doing };
    let sending = Sending { call: &CREATE_EXTERNAL_ACTIVITY, query: &[], body: &body };
    let look = |doubt| -> Flow<'_, _> { Box::pin(look(work, doubt, &doing)) };
    match once(work, &fact, &look, &sending, judge).await? {
        Once::Written { id, fresh: true, .. } => {
            work.changed(ACCOUNT_ENGAGEMENT, "ExternalActivity", id.as_deref(), Action::Created, &subject, kind);
            Ok(Told::Yes)
        }
        Once::Planned => {
            work.changed(ACCOUNT_ENGAGEMENT, "ExternalActivity", None, Action::Created, &subject, kind);
            Ok(Told::Yes)
        }
        Once::Written { fresh: false, .. } => Ok(Told::Yes),
        Once::Refused(response) => {
            let error = ApiError::of(&response);
            let now = work.now();
            Err(match error.verdict() {
                Verdict::LookUpAnew | Verdict::Invalid if one.prospect_is_young => {
                    doing.later(now + MINUTE, &format!("the prospect is so young that it is not found yet ({})", error.said()))
                }
                Verdict::LookUpAnew | Verdict::Invalid if may_be_gone => return Ok(Told::ProspectGone(error)),
                Verdict::NeedsAttention(_) | Verdict::DropField | Verdict::LookUpAnew | Verdict::Invalid | Verdict::Done => {
                    doing.needs_attention(
                        &format!("{}.", error.said()),
                        &format!(
                            "See in Salesforce Setup > Marketing App Extensions whether the extension {extension} is assigned to \
                             this business unit, whether its activity type {kind} exists, and whether both are active in \
                             automations; or name others in the settings. Then retry."
                        ),
                    )
                }
                _ => error.stop(now, &doing),
            })
        }
    }
}

fn judge(response: &crate::host::Response) -> Judged {
    if response.is_success() {
        return Judged::Written(json::parse(&response.body).ok().as_ref().and_then(id_of));
    }
    ApiError::of(response).judged()
}

/// Is it there? Compared here: of the fields of an activity only its creation can be filtered.
async fn look(work: &Work<'_>, doubt: Doubt, doing: &Doing<'_>) -> Result<Seen, Stop> {
    let after = time(doubt.since.saturating_sub(SLACK));
    let before = time(doubt.until + SLACK);
    let filter =
        [("createdAtAfterOrEqualTo", after.as_str()), ("createdAtBeforeOrEqualTo", before.as_str()), ("limit", "1000")];
    let fields = "id,extension,type,email,value,activityDate,createdAt";
    let rows = match query(work, &EXTERNAL_ACTIVITIES, fields, &filter, PAGES_MAX, doing).await? {
        Ok(rows) => rows,
        Err(error) => {
            return Err(match error.verdict() {
                Verdict::Conflict | Verdict::SlowDown | Verdict::QuotaGone | Verdict::NotKnown | Verdict::SignIn => {
                    error.stop(work.now(), doing)
                }
                _ => not_readable(doubt.bodies.first().unwrap_or(&Value::Null), &error, doing),
            });
        }
    };
    let text = |row: &Value, name: &str| row.get(name).and_then(json::scalar).unwrap_or_default();
    let date = |row: &Value| calendar::parse(&text(row, "activityDate"));
    // Of one person in two sessions that end at the same time, two durations may be equal, but hardly in the same second.
    let same = |row: &Value, sent: &Value| {
        text(row, "type") == text(sent, "type")
            && text(row, "value") == text(sent, "value")
            && lower(&text(row, "email")) == lower(&text(sent, "email"))
            && date(row).is_none_or(|at| Some(at) == date(sent))
    };
    Ok(match rows.iter().find(|row| doubt.bodies.iter().any(|sent| same(row, sent))) {
        Some(row) => Seen::There(id_of(row)),
        None => Seen::NotThere,
    })
}

fn not_readable(body: &Value, error: &ApiError, doing: &Doing<'_>) -> Stop {
    let text = |name: &str| body.get(name).and_then(json::scalar).unwrap_or_default();
    doing.needs_attention(
        &format!(
            "The answer to an earlier attempt was lost, and activities cannot be read back ({}), so whether it took effect is \
             not known. It is not sent again: an activity cannot be removed.",
            error.said()
        ),
        &format!(
            "See whether the prospect {} has an activity {} with value {} on {}. If it has, nothing is missing and this can be \
             dismissed. To let the connector look by itself, give its user the ability to view external activities, then retry.",
            text("email"),
            text("type"),
            text("value"),
            text("activityDate"),
        ),
    )
}
