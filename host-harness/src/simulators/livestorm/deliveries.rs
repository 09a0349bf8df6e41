//! What is posted to whom, when, and again. <https://developers.livestorm.co/docs/webhooks-1>.
//!
//! An occurrence is written down for each webhook that hears it at the moment in which it happens, and is due when
//! `Options::livestorm_webhooks` says. Promises: an answer of 400-456 or 500-511 is followed by five more attempts, after 30 s,
//! 1 min, 2.5 min, 6 min and 12 min, and then the webhook is disabled [confirmed]; an address that cannot be reached disables it too
//! (<https://support.livestorm.co/article/manage-your-webhooks-disabled>); webhooks of the native app are never signed
//! [confirmed]. What other statuses bring and how long an answer is waited for is [unknown]. Not here: the posting itself
//! (`simulators/poster.rs`); with nobody who posts, what waits is bounded and harms nobody.

use super::{
    Dialect, Livestorm, Occurrence, Role,
    subscriptions::{self, TRIGGERS},
    webhooks::signature,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::{draw, uuid},
        options::{Options, WebhookOptions},
        unknowns::{LivestormUnknowns, RetrySignature, UnlistedStatus, Unreachable},
    },
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Between an attempt in vain and the next. Confirmed, about.
const RETRY_AFTER_SECONDS: [u64; 5] = [30, 60, 150, 360, 720];
/// More that wait are dropped, and counted.
const WAITING_MAX: usize = 20_000;
/// The last ones that have ended are remembered.
const ENDED_MAX: usize = 1000;

/// Ids are never used again, in whatever world: the outcome of a delivery of an earlier world means nothing in this one.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// One POST to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: u64,
    /// Of the REST API or of the native app.
    pub subscription: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The first is 1.
    pub attempt: u32,
    /// No answer by then is none.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryOutcome {
    Answered(u16),
    /// It was reached, and did not answer in time.
    TimedOut,
    /// No connection, or no TLS, or it ended without an answer.
    NoAnswer,
}

/// A webhook of the native app: set up by hand, for one of its six triggers or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeWebhook {
    pub id: String,
    pub url: String,
    pub event: Option<String>,
    pub is_disabled: bool,
}

/// What the native app can be set up for: the first six.
pub const NATIVE_TRIGGERS: &[&str] = TRIGGERS.split_at(6).0;

/// How a delivery came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    Delivered,
    /// Not again, and the webhook stays.
    GivenUp,
    /// The last attempt failed, which disabled the webhook.
    Failed,
    /// Its webhook was disabled or deleted before.
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    pub at: String,
    /// Nothing while it is under way.
    pub outcome: Option<DeliveryOutcome>,
}

/// A delivery as whoever drives the simulators sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliverySeen {
    pub id: u64,
    pub webhook: String,
    pub event: &'static str,
    pub url: String,
    pub happened_at: String,
    /// Nothing once it has ended.
    pub due_at: Option<String>,
    pub attempts: Vec<Attempt>,
    pub end: Option<End>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveriesSeen {
    pub pending: Vec<DeliverySeen>,
    /// The newest last; no more than a thousand.
    pub ended: Vec<DeliverySeen>,
    /// Too many were waiting for these to be kept.
    pub not_kept: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    webhook: String,
    event: &'static str,
    url: String,
    body: Vec<u8>,
    dialect: Dialect,
    happened_at: Timestamp,
    due_at: Timestamp,
    attempts: Vec<(Timestamp, Option<DeliveryOutcome>)>,
}

impl Waiting {
    fn is_under_way(&self) -> bool {
        self.attempts.last().is_some_and(|(_, outcome)| outcome.is_none())
    }

    fn seen(&self, id: u64, end: Option<End>) -> DeliverySeen {
        DeliverySeen {
            id,
            webhook: self.webhook.clone(),
            event: self.event,
            url: self.url.clone(),
            happened_at: self.happened_at.to_string(),
            due_at: end.is_none().then(|| self.due_at.to_string()),
            attempts: self
                .attempts
                .iter()
                .map(|(at, outcome)| Attempt { at: at.to_string(), outcome: *outcome })
                .collect(),
            end,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// By id, which is the order in which they were written down.
    waiting: BTreeMap<u64, Waiting>,
    ended: VecDeque<DeliverySeen>,
    not_kept: u64,
    /// Of this world, for chance.
    written: u64,
    native: Vec<NativeWebhook>,
    /// As the world's options were when something last happened by a request or an act.
    pub unknowns: LivestormUnknowns,
    options: WebhookOptions,
}

impl Deliveries {
    fn write_down(
        &mut self,
        webhook: &Webhook,
        event: &'static str,
        body: &[u8],
        happened_at: Timestamp,
        from: Timestamp,
    ) {
        for _ in 0..if self.options.doubled { 2 } else { 1 } {
            if self.waiting.len() >= WAITING_MAX {
                self.not_kept += 1;
                continue;
            }
            let spread = u64::try_from(self.options.spread.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            let drawn = Duration::from_millis(draw(0, self.written) % spread);
            self.written += 1;
            let waiting = Waiting {
                webhook: webhook.id.clone(),
                event,
                url: webhook.url.clone(),
                body: body.to_vec(),
                dialect: webhook.dialect,
                happened_at,
                due_at: from.plus(self.options.lag).plus(drawn),
                attempts: vec![],
            };
            self.waiting.insert(NEXT_ID.fetch_add(1, Ordering::Relaxed), waiting);
        }
    }

    fn end(&mut self, id: u64, end: End) {
        if let Some(waiting) = self.waiting.remove(&id) {
            if self.ended.len() == ENDED_MAX {
                self.ended.pop_front();
            }
            self.ended.push_back(waiting.seen(id, Some(end)));
        }
    }

    /// What is under way stays until its outcome is known.
    fn drop_all_to(&mut self, webhook: &str) {
        let to = self.waiting.iter().filter(|(_, waiting)| waiting.webhook == webhook && !waiting.is_under_way());
        let ids: Vec<u64> = to.map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.end(id, End::Dropped));
    }
}

/// Whoever hears of an occurrence.
struct Webhook {
    id: String,
    url: String,
    dialect: Dialect,
}

impl Livestorm {
    /// What happens from here on is written down by these options.
    pub(in crate::simulators) fn follow(&mut self, options: &Options) {
        if self.deliveries.unknowns != options.unknowns.livestorm {
            self.deliveries.unknowns = options.unknowns.livestorm.clone();
        }
        if self.deliveries.options != options.livestorm_webhooks {
            self.deliveries.options = options.livestorm_webhooks.clone();
        }
    }

    /// Gives its id. `None`, and the reason, where the native app would not take it.
    pub fn add_native_webhook(&mut self, url: &str, event: Option<&str>, options: &Options) -> Result<String, String> {
        if let Some(why) = subscriptions::refused_url(url, options) {
            return Err(why.to_owned());
        }
        if event.is_some_and(|event| !NATIVE_TRIGGERS.contains(&event)) {
            return Err(format!("the native app has these events: {}", NATIVE_TRIGGERS.join(", ")));
        }
        let id = uuid("native-webhook", &self.deliveries.native.len().to_string());
        let webhook =
            NativeWebhook { id: id.clone(), url: url.to_owned(), event: event.map(str::to_owned), is_disabled: false };
        self.deliveries.native.push(webhook);
        Ok(id)
    }

    pub fn native_webhooks(&self) -> &[NativeWebhook] {
        &self.deliveries.native
    }

    /// Something happened, and is told from now on.
    pub(super) fn happened(&mut self, occurrence: &Occurrence) {
        self.happened_told_from(occurrence, self.clock.now());
    }

    /// Something happened that Livestorm finds out later. The body is written now all the same.
    pub(super) fn happened_told_from(&mut self, occurrence: &Occurrence, from: Timestamp) {
        let name = occurrence.name();
        let by_rest = self.subscriptions.all().filter(|known| known.is_heard() && known.event == name);
        let by_rest = by_rest.map(|known| Webhook {
            id: known.id.clone(),
            url: known.url.clone(),
            dialect: Dialect::RestManaged,
        });
        let is_for =
            |known: &&NativeWebhook| !known.is_disabled && known.event.as_ref().is_none_or(|event| event == name);
        let native = self.deliveries.native.iter().filter(is_for).filter(|_| self.is_native_news(occurrence));
        let native =
            native.map(|known| Webhook { id: known.id.clone(), url: known.url.clone(), dialect: Dialect::Native });
        let heard: Vec<Webhook> = by_rest.chain(native).collect();
        let now = self.clock.now();
        for webhook in heard {
            let unknowns = &self.deliveries.unknowns;
            if let Some(body) = self.webhook_body_of(occurrence, webhook.dialect, unknowns, Some(&webhook.id)) {
                self.deliveries.write_down(&webhook, name, &body, now, from);
            }
        }
    }

    /// To the native app a team member is no new registrant [inferred].
    fn is_native_news(&self, occurrence: &Occurrence) -> bool {
        match occurrence {
            Occurrence::Registered { session, person } => {
                self.registration(session, person).is_some_and(|known| known.role == Role::Participant)
            }
            _ => true,
        }
    }

    pub(super) fn forget_deliveries_to(&mut self, webhook: &str) {
        self.deliveries.drop_all_to(webhook);
    }

    fn is_heard(&self, webhook: &str) -> bool {
        match self.subscriptions.now(webhook) {
            Some(subscription) => subscription.is_heard(),
            None => self.deliveries.native.iter().any(|known| known.id == webhook && !known.is_disabled),
        }
    }

    fn disable(&mut self, webhook: &str) {
        self.disable_subscription(webhook);
        for native in self.deliveries.native.iter_mut().filter(|known| known.id == webhook) {
            native.is_disabled = true;
        }
        self.deliveries.drop_all_to(webhook);
    }
}

/// What an outcome is followed by.
enum Verdict {
    Delivered,
    Again,
    GiveUp,
    Disable,
}

fn verdict(outcome: DeliveryOutcome, unknowns: &LivestormUnknowns) -> Verdict {
    match outcome {
        DeliveryOutcome::Answered(200..=299) => Verdict::Delivered,
        DeliveryOutcome::Answered(400..=456 | 500..=511) | DeliveryOutcome::TimedOut => Verdict::Again,
        DeliveryOutcome::Answered(_) if unknowns.unlisted_status == UnlistedStatus::Retry => Verdict::Again,
        DeliveryOutcome::Answered(_) => Verdict::GiveUp,
        DeliveryOutcome::NoAnswer if unknowns.unreachable == Unreachable::AfterRetries => Verdict::Again,
        DeliveryOutcome::NoAnswer => Verdict::Disable,
    }
}

impl World {
    /// What is to be posted by now, the longest due first. Each is under way from here until [`World::delivery_ended`] tells what
    /// came of it, and its signature is of this moment, so nobody takes more than they can post at once.
    pub fn deliveries_due(&mut self, at_most: usize) -> Vec<Delivery> {
        let now = self.now();
        let waiting = self.livestorm.deliveries.waiting.iter();
        let due = waiting.filter(|(_, waiting)| waiting.due_at <= now && !waiting.is_under_way());
        let mut due: Vec<_> = due.map(|(id, waiting)| (waiting.due_at, *id)).collect();
        if due.len() > at_most {
            due.select_nth_unstable(at_most);
            due.truncate(at_most);
        }
        due.sort_unstable();
        due.into_iter().filter_map(|(_, id)| self.under_way(id, now)).collect()
    }

    fn under_way(&mut self, id: u64, now: Timestamp) -> Option<Delivery> {
        let WebhookOptions { secret, timeout, .. } = &self.options.livestorm_webhooks;
        let waiting = self.livestorm.deliveries.waiting.get_mut(&id)?;
        waiting.attempts.push((now, None));
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let signed_at = match self.options.unknowns.livestorm.retry_signature {
            RetrySignature::Renewed => now,
            RetrySignature::First => waiting.attempts.first().map_or(now, |(at, _)| *at),
        };
        if let (Some(secret), Dialect::RestManaged) = (secret, waiting.dialect) {
            let signed = signature(secret, signed_at.seconds(), &waiting.body);
            headers.push(("x-livestorm-signature".to_owned(), signed));
        }
        Some(Delivery {
            id,
            subscription: waiting.webhook.clone(),
            url: waiting.url.clone(),
            headers,
            body: waiting.body.clone(),
            attempt: u32::try_from(waiting.attempts.len()).unwrap_or(u32::MAX),
            timeout: *timeout,
        })
    }

    /// An id that is not under way is of another world, and means nothing.
    pub fn delivery_ended(&mut self, id: u64, outcome: DeliveryOutcome) {
        let (now, livestorm) = (self.clock.now(), &mut self.livestorm);
        let Some(waiting) = livestorm.deliveries.waiting.get_mut(&id).filter(|waiting| waiting.is_under_way()) else {
            return;
        };
        if let Some((_, slot)) = waiting.attempts.last_mut() {
            *slot = Some(outcome);
        }
        let (webhook, retry) = (waiting.webhook.clone(), RETRY_AFTER_SECONDS.get(waiting.attempts.len() - 1));
        let verdict = verdict(outcome, &self.options.unknowns.livestorm);
        match (verdict, retry) {
            (Verdict::Delivered, _) => livestorm.deliveries.end(id, End::Delivered),
            (Verdict::GiveUp, _) => livestorm.deliveries.end(id, End::GivenUp),
            _ if !livestorm.is_heard(&webhook) => livestorm.deliveries.end(id, End::Dropped),
            (Verdict::Again, Some(seconds)) => {
                let due_at = now.plus(Duration::from_secs(*seconds));
                livestorm.deliveries.waiting.entry(id).and_modify(|waiting| waiting.due_at = due_at);
            }
            (Verdict::Again | Verdict::Disable, _) => {
                livestorm.deliveries.end(id, End::Failed);
                livestorm.disable(&webhook);
            }
        }
    }

    /// When something is due next. Nothing, while all that waits is under way.
    pub fn next_delivery_at(&self) -> Option<Timestamp> {
        let waiting = self.livestorm.deliveries.waiting.values().filter(|waiting| !waiting.is_under_way());
        waiting.map(|waiting| waiting.due_at).min()
    }

    pub fn deliveries_seen(&self) -> DeliveriesSeen {
        let deliveries = &self.livestorm.deliveries;
        DeliveriesSeen {
            pending: deliveries.waiting.iter().map(|(id, waiting)| waiting.seen(*id, None)).collect(),
            ended: deliveries.ended.iter().cloned().collect(),
            not_kept: deliveries.not_kept,
        }
    }
}
