//! The webhooks at Livestorm that tell us: made when the connector is switched on, removed when it is switched off, made again when one
//! is missing or has fallen silent. All under one key.
//!
//! | task              | when                                             | what it does                                          |
//! |-------------------|--------------------------------------------------|-------------------------------------------------------|
//! | `set-up-webhooks` | switched on                                      | those that are missing are made                       |
//! | `check-webhooks`  | once a day, by the reconciliation                | the same, and what was missing is told                |
//! | `renew-webhooks`  | a registration was found that none had told of   | ours are deleted and made anew, at most once a day    |
//! | `remove-webhooks` | switched off, and not on again since             | ours are deleted, and no others                       |
//!
//! Livestorm disables a webhook whose address did not answer, and no flag says so: it is not listed any more, or it is and is silent.
//!
//! Promises: nothing is made twice, and a repeat changes nothing. Invariant: the address stands in tasks, in the state and in
//! the request alone; its secret part is the host's to fill in.

use crate::{
    call::LIVESTORM,
    domain::session::SessionId,
    executor::{self, Flow},
    host::{Action, Completion, DAY, Entry, HttpError, Instant, MINUTE, Response, Subject, Task},
    json::{self, At, scalar},
    ledger::{self, Doubt, Fact, Judged, Once, READ_LAG, Seen, Sending, once},
    livestorm::{
        calls::{DELETE_WEBHOOK, MAKE_WEBHOOK, WEBHOOKS},
        errors::{self, Read, Verdict, read_all, verdict},
        webhooks_needed,
    },
    manifest::{SOURCE_SIGNED, SOURCE_UNSIGNED},
    plain::{Plain, from_text, to_text},
    stop::{Doing, Stop, for_http},
    task::{self, Address, CHECK_WEBHOOKS, REMOVE_WEBHOOKS, RENEW_WEBHOOKS},
    work::Work,
};
use serde_json::Value;

const ADDRESSES: &str = "addresses";
/// When it was switched on and off last, as it was asked for.
const ON: &str = "on";
const OFF: &str = "off";
const DELETED: &str = "deleted";
const RENEWED: &str = "renewed";

const DOING: Doing<'_> = Doing { what: "set up the webhooks", whom: "the Livestorm workspace" };
const REMOVING: Doing<'_> = Doing { what: "remove the webhooks", whom: "the Livestorm workspace" };
const BY_HAND: &str = "Give the Livestorm token write access to Webhooks (Account settings > Apps > API), or sign in again, then \
                       retry. Until then the reconciliation finds what webhooks would tell, later.";

/// Where Livestorm is to send what it tells.
#[derive(Debug, Default, PartialEq)]
struct Addresses {
    addresses: Vec<Address>,
}

/// One that we have made.
#[derive(Clone, Debug, PartialEq)]
struct Made {
    id: String,
    at: Instant,
}

/// Those that Livestorm has deleted last, and when: a read may show them for a while.
#[derive(Debug, PartialEq)]
struct Deleted {
    ids: Vec<String>,
    at: Option<Instant>,
}

plain!(Addresses { addresses });
plain!(Made { id, at });
plain!(Deleted { ids, at });

/// As Livestorm lists it.
#[derive(Clone, Debug)]
struct Hook {
    id: String,
    event: String,
    url: String,
}

pub async fn step(work: &Work<'_>, of: &Task) -> Result<Completion, Stop> {
    match of.kind.as_str() {
        REMOVE_WEBHOOKS => remove(work, task::payload(of).map_err(Stop::bug)?).await?,
        CHECK_WEBHOOKS => check(work, task::payload(of).map_err(Stop::bug)?).await?,
        RENEW_WEBHOOKS => renew(work, task::payload(of).map_err(Stop::bug)?).await?,
        _ => set_up(work, task::payload(of).map_err(Stop::bug)?).await?,
    }
    Ok(Completion::default())
}

async fn set_up(work: &Work<'_>, task: task::SetUpWebhooks) -> Result<(), Stop> {
    if let Some(at) = task.at {
        // Both may wait for a token: what was asked for last is what holds.
        if read_note::<Instant>(work, OFF).is_some_and(|off_at| at < off_at) {
            work.info("webhooks-switched-off", "It was switched off since, so no webhooks are set up", None);
            return Ok(());
        }
        note(work, ON, &at);
    }
    note(work, ADDRESSES, &Addresses { addresses: task.addresses });
    work.host.delete(OFF);
    let Some(url) = address(work) else {
        let message = "The host has no public address for Livestorm to send to, so no webhooks are set up. What they would tell is \
                       found by the reconciliation, later";
        work.info("webhooks-no-address", message, None);
        return Ok(());
    };
    let (made, _) = ensure(work, &url).await?;
    let message = match made.len() {
        0 => "The webhooks at Livestorm are there already".into(),
        _ => format!("Webhooks were set up at Livestorm: {}", made.join(", ")),
    };
    work.info("webhooks-ready", &message, None);
    Ok(())
}

/// A day later: what is missing now was disabled, or somebody deleted it.
async fn check(work: &Work<'_>, task: task::CheckWebhooks) -> Result<(), Stop> {
    // Asked before the connector was switched off.
    if read_note::<Instant>(work, OFF).is_some_and(|off_at| task.at <= off_at) {
        return Ok(());
    }
    let Some(url) = address(work) else { return Ok(()) };
    work.host.delete(OFF);
    let (_, lost) = ensure(work, &url).await?;
    if !lost.is_empty() {
        let message = format!(
            "Livestorm had no webhook of ours any more for {}: it disables those whose address does not answer, or somebody has deleted \
             them. They are made again, and what they did not tell is found by the reconciliation",
            lost.join(", ")
        );
        work.warn("webhooks-made-again", &message, None);
    }
    Ok(())
}

/// A registration was found that no webhook has told of. Livestorm lists what it has disabled like any other, so that ours are made
/// anew.
async fn renew(work: &Work<'_>, task: task::RenewWebhooks) -> Result<(), Stop> {
    let now = work.now();
    let renewed_at: Option<Instant> = read_note(work, RENEWED);
    let Some(url) = address(work).filter(|_| work.host.get(OFF).is_none()) else { return Ok(()) };
    let made_at = read_note::<Made>(work, &made_key("people.registered")).map(|made| made.at);
    // It happened before there was a webhook that could have told it. None: they were deleted a moment ago, by an attempt that did
    // not come to its end.
    let is_before = made_at.is_some_and(|made_at| task.registered_at <= made_at);
    if is_before || renewed_at.is_some_and(|renewed_at| now < renewed_at + DAY) {
        return Ok(());
    }
    let message = format!(
        "Somebody registered for session {} and no webhook has told of it. The webhooks at Livestorm are made anew, in case it has \
         disabled them",
        task.session
    );
    work.warn("webhooks-renewed", &message, Some(Subject::session(task.session.as_str())));
    if made_at.is_some() {
        delete_ours(work).await?;
    }
    ensure(work, &url).await?;
    note(work, RENEWED, &now);
    Ok(())
}

async fn remove(work: &Work<'_>, task: task::RemoveWebhooks) -> Result<(), Stop> {
    let on_at: Option<Instant> = read_note(work, ON);
    if task.at.zip(on_at).is_some_and(|(at, on_at)| at < on_at) {
        work.info("webhooks-switched-on", "It was switched on again since, so the webhooks stay", None);
        return Ok(());
    }
    if read_note::<Addresses>(work, ADDRESSES).is_none() {
        return Ok(());
    }
    let doubts = work.host.scan("once/hook/", None, 100);
    if let Some(until) = doubts.iter().filter_map(|entry| ledger::in_doubt_until(work, &entry.key)).max() {
        return Err(REMOVING.later(until, "whether one was made is not known yet"));
    }
    let count = delete_ours(work).await?;
    doubts.iter().for_each(|entry| work.host.delete(&entry.key));
    note(work, OFF, &task.at.unwrap_or(work.now()));
    work.info("webhooks-removed", &format!("{count} webhooks of ours were removed at Livestorm"), None);
    Ok(())
}

/// The address that is registered: of the source that the settings choose.
fn address(work: &Work<'_>) -> Option<String> {
    let wanted = if work.settings.webhooks.signed { SOURCE_SIGNED } else { SOURCE_UNSIGNED };
    let addresses = read_note::<Addresses>(work, ADDRESSES)?.addresses;
    addresses.into_iter().find(|one| one.source == wanted).map(|one| one.url)
}

/// Makes what is missing. Which were made, and which of them had been made before.
async fn ensure(work: &Work<'_>, url: &str) -> Result<(Vec<&'static str>, Vec<&'static str>), Stop> {
    let hooks = listed(work, &DOING).await?;
    // Of ours at an address that is not the one any more.
    let old = hooks.iter().filter(|hook| hook.url != url && is_ours(work, hook)).map(|hook| hook.id.clone());
    let old: Vec<String> = old.collect();
    delete(work, old.clone(), &DOING).await?;
    let is_fresh = |made: &Made| work.now() < made.at + 2 * READ_LAG;
    let (mut made, mut lost) = (Vec::new(), Vec::new());
    for event in webhooks_needed(work.settings) {
        let key = made_key(event);
        // At an address that is not the one any more it is neither there nor lost.
        let before: Option<Made> = read_note(work, &key).filter(|before: &Made| !old.contains(&before.id));
        match hooks.iter().find(|hook| hook.url == url && hook.event == event) {
            Some(hook) => {
                ledger::settled(work, &once_key(event));
                if before.is_none_or(|before| before.id != hook.id) {
                    note(work, &key, &Made { id: hook.id.clone(), at: work.now() });
                }
            }
            // No read shows it yet.
            None if before.as_ref().is_some_and(is_fresh) => {}
            None => {
                make(work, event, url).await?;
                made.push(event);
                lost.extend(before.map(|_| event));
            }
        }
    }
    Ok((made, lost))
}

fn made_key(event: &str) -> String {
    format!("hook/{event}")
}

fn once_key(event: &str) -> String {
    format!("once/hook/{event}")
}

fn note<T: Plain>(work: &Work<'_>, key: &str, value: &T) {
    work.host.set(Entry { key: key.into(), value: to_text(value), subject: None });
}

fn read_note<T: Plain>(work: &Work<'_>, key: &str) -> Option<T> {
    from_text(&work.host.get(key)?).ok()
}

/// One webhook. Livestorm's answer to a second one like it is not known, so it is made once.
async fn make(work: &Work<'_>, event: &str, url: &str) -> Result<(), Stop> {
    let attributes = json::object(vec![("url", url.into()), ("event", event.into())]);
    let data = json::object(vec![("type", "webhooks".into()), ("attributes", attributes)]);
    let body = json::object(vec![("data", data)]);
    let fact = Fact { key: once_key(event), subject: None, doing: DOING };
    let look = |_: Doubt| -> Flow<'_, _> {
        Box::pin(async move {
            let hooks = listed(work, &DOING).await?;
            let found = hooks.into_iter().find(|hook| hook.url == url && hook.event == event);
            Ok(found.map_or(Seen::NotThere, |hook| Seen::There(Some(hook.id))))
        })
    };
    let sending = Sending { call: &MAKE_WEBHOOK, query: &[], body: &body };
    match once(work, &fact, &look, &sending, judge).await? {
        Once::Written { id, .. } => {
            let id = id.unwrap_or_default();
            note(work, &made_key(event), &Made { id: id.clone(), at: work.now() });
            ledger::settled(work, &fact.key);
            changed(work, Some(&id), Action::Created, event);
            Ok(())
        }
        Once::Planned => {
            changed(work, None, Action::Created, event);
            Ok(())
        }
        Once::Refused(response) => Err(refused(work, &response, url)),
    }
}

fn judge(response: &Response) -> Judged {
    match verdict(response.status) {
        Verdict::Fine => {
            let body = json::parse(&response.body).unwrap_or(Value::Null);
            match body.get("data").and_then(|data| data.get("id")).and_then(scalar) {
                Some(id) => Judged::Written(Some(id)),
                None => Judged::InDoubt("it was made, and its id was not told".into()),
            }
        }
        Verdict::Later => Judged::InDoubt(format!("Livestorm answered {}", response.status)),
        Verdict::Unknown | Verdict::NotAllowed | Verdict::SlowDown | Verdict::Bug => Judged::Refused,
    }
}

/// Without the address, should Livestorm quote it.
fn refused(work: &Work<'_>, response: &Response, url: &str) -> Stop {
    let words = errors::words(response).replace(url, "(the address)");
    // Quoted otherwise, or cut in the middle, it would not be found: then nothing is quoted at all.
    let secret = url.rsplit('/').next().unwrap_or_default();
    let hints = ["http", "/hooks/", secret.get(..6).unwrap_or("http")];
    let holds_it = hints.iter().any(|hint| words.contains(hint));
    let said = if holds_it { format!("Livestorm answered {}", response.status) } else { words };
    match verdict(response.status) {
        Verdict::SlowDown => DOING.later(work.now() + MINUTE, &said),
        Verdict::NotAllowed => DOING.needs_attention(&format!("{said}."), BY_HAND),
        _ => DOING.needs_attention(
            &format!("{said}."),
            "See in Livestorm whether there are webhooks of this connector that it does not list, and delete them; see that the host's \
             address is one that Livestorm can reach (HTTPS). Then retry. Until then the reconciliation finds what webhooks would tell, \
             later.",
        ),
    }
}

async fn listed(work: &Work<'_>, doing: &Doing<'_>) -> Result<Vec<Hook>, Stop> {
    let rows = match read_all(work, &WEBHOOKS, &[], &[], doing).await? {
        Ok(rows) => rows,
        Err(Read::NotAllowed(said)) => return Err(doing.needs_attention(&format!("{said}."), BY_HAND)),
        Err(other) => return Err(other.stop(work.now(), doing)),
    };
    let deleted = just_deleted(work);
    let hook = |row: &Value| {
        let row = At::root(row).ok()?;
        let attributes = row.object("attributes").ok()?;
        Some(Hook {
            id: row.text("id").ok()?,
            event: attributes.text("event").ok()?,
            url: attributes.text("url").ok()?,
        })
    };
    Ok(rows.iter().filter_map(hook).filter(|hook| !deleted.contains(&hook.id)).collect())
}

fn just_deleted(work: &Work<'_>) -> Vec<String> {
    let noted = read_note::<Deleted>(work, DELETED);
    let noted = noted.filter(|noted| noted.at.is_some_and(|at| work.now() < at + 2 * READ_LAG));
    noted.map(|noted| noted.ids).unwrap_or_default()
}

/// By its address, or by the id that was noted when it was made.
fn is_ours(work: &Work<'_>, hook: &Hook) -> bool {
    let addresses: Addresses = read_note(work, ADDRESSES).unwrap_or_default();
    addresses.addresses.iter().any(|one| one.url == hook.url) || made(work).contains(&hook.id)
}

fn made(work: &Work<'_>) -> Vec<String> {
    let entries = work.host.scan("hook/", None, 100);
    entries.iter().filter_map(|entry| from_text::<Made>(&entry.value).ok()).map(|made| made.id).collect()
}

/// All of ours, listed or noted. How many there were.
async fn delete_ours(work: &Work<'_>) -> Result<usize, Stop> {
    let hooks = listed(work, &REMOVING).await?;
    let mut ids: Vec<String> = hooks.iter().filter(|hook| is_ours(work, hook)).map(|hook| hook.id.clone()).collect();
    ids.extend(made(work));
    ids.sort_unstable();
    ids.dedup();
    let count = ids.len();
    delete(work, ids, &REMOVING).await?;
    work.host.scan("hook/", None, 100).iter().for_each(|entry| work.host.delete(&entry.key));
    Ok(count)
}

async fn delete(work: &Work<'_>, ids: Vec<String>, doing: &Doing<'_>) -> Result<(), Stop> {
    if ids.is_empty() {
        return Ok(());
    }
    let one = |id: &str| {
        let request = DELETE_WEBHOOK.request(&[id], &[], None);
        let id = id.to_string();
        let flow: Flow<'_, Result<(), Stop>> = Box::pin(async move {
            let answer = work.send(request).await;
            let response = match answer {
                Err(HttpError::DryRun) => {
                    changed(work, Some(&id), Action::Updated, "would be removed");
                    return Ok(());
                }
                answer => answer.map_err(|error| for_http(&error, work.now(), doing))?,
            };
            match verdict(response.status) {
                Verdict::Fine => changed(work, Some(&id), Action::Updated, "removed"),
                // Gone already.
                Verdict::Unknown => {}
                Verdict::SlowDown | Verdict::Later => {
                    return Err(doing.later(work.now() + MINUTE, &errors::words(&response)));
                }
                Verdict::NotAllowed | Verdict::Bug => {
                    return Err(doing.needs_attention(&format!("{}.", errors::words(&response)), BY_HAND));
                }
            }
            Ok(())
        });
        flow
    };
    let ends = executor::all(ids.iter().map(|id| one(id)).collect()).await;
    // One that was refused is still there, and is listed.
    let mut gone = just_deleted(work);
    gone.extend(ids.iter().zip(&ends).filter(|(_, end)| end.is_ok()).map(|(id, _)| id.clone()));
    gone.sort_unstable();
    gone.dedup();
    note(work, DELETED, &Deleted { ids: gone, at: Some(work.now()) });
    ends.into_iter().collect()
}

fn changed(work: &Work<'_>, id: Option<&str>, action: Action, detail: &str) {
    let subject = Subject { kind: "webhook".into(), id: crate::text::fit(detail, 320) };
    work.changed(LIVESTORM, "Webhook", id, action, &subject, detail);
}

/// The connector was switched on.
pub fn set_up_task(addresses: &[(String, String)], at: Instant) -> Task {
    let address = |(source, url): &(String, String)| Address { source: source.clone(), url: url.clone() };
    task::set_up_webhooks(addresses.iter().map(address).collect(), at)
}

/// What a registration that was found says of the webhooks: nothing, where Livestorm may still be telling it.
pub fn silence(session: &SessionId, registered_at: Instant) -> Task {
    task::renew_webhooks(&task::RenewWebhooks { session: session.clone(), registered_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::{sample, says};

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_webhooks_is_still_read() {
        let address = Address { source: "livestorm".into(), url: "https://hooks.example.org/made-up".into() };
        says("webhooks", ADDRESSES, &Addresses { addresses: vec![address] });
        says("webhooks", &made_key("people.registered"), &Made { id: "W1".into(), at: 1_644_845_100_000 });
        says("webhooks", DELETED, &Deleted { ids: vec!["W1".into()], at: None });
        says("webhooks", ON, &1_644_845_100_000_u64);
        says("webhooks", OFF, &1_644_846_000_000_u64);
        says("webhooks", RENEWED, &1_644_932_400_000_u64);
        assert!(sample("webhooks", &once_key("people.registered")).contains("sending"));
    }

    #[test]
    fn an_answer_is_made_refused_or_in_doubt() {
        let judge = |status, body: &str| judge(&Response { status, headers: vec![], body: body.into() });
        assert_eq!(judge(201, r#"{"data":{"id":"W1"}}"#), Judged::Written(Some("W1".into())));
        assert!(matches!(judge(201, "{}"), Judged::InDoubt(_)) && matches!(judge(502, "<html>"), Judged::InDoubt(_)));
        for status in [401, 403, 404, 409, 422, 429] {
            assert_eq!(judge(status, "{}"), Judged::Refused, "{status}");
        }
    }
}
