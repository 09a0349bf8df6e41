//! Connections: the only place that knows hosts and credentials.
//!
//! A guest names a connection and a path. Here the request finds its address, is judged, waits for its turn, is signed, sent,
//! perhaps sent again, and its answer is cleaned: `pipeline.rs` is the way, the other files are its rules. Promises: one
//! answer for each request, of the last try; what may write twice is never sent twice (`retry.rs`); no secret in
//! any answer or error (`scrub.rs`). In a dry run another performer stands before this one, and no write gets this far
//! (`rehearsal.rs`). How an account comes by its grant: `sign_in.rs`. Not here: classes of calls and budgets (`runtime/`), what is
//! recorded (`durable/`).
//!
//! Attacks, defences and what is left: `README.md`.
//!
//! Invariant: nothing outside this folder knows a host name or a token.

pub mod addresses;
mod book;
pub mod client;
mod closed;
pub mod credentials;
pub mod envelope;
mod learned;
mod oauth;
mod pace;
mod pipeline;
pub mod policy;
pub mod profile;
pub mod rehearsal;
pub mod retry;
mod scrub;
pub mod sign_in;
pub mod transport;

pub use client::{AnyAddress, NetworkTransport, SocketTimes};
pub use closed::{Hold, Why};
pub use credentials::{CredentialError, CredentialStore, Declared, OAuth, Secret};
pub use envelope::Part;
pub use policy::EgressRule;
pub use profile::{Left, Provider};
pub use rehearsal::{PlannedWrite, Rehearsal};
pub use sign_in::{App, SignIn, SignInError};
pub use transport::{Transport, TransportError};

use crate::{
    clock::{self, Clock, Timestamp, Work},
    effect::{Answer, Performer, Permit, Repeat, Request, SendError},
    sync::plan::{Ledger, Quota},
};
use addresses::{AddressError, Origin};
use async_trait::async_trait;
use book::{NoStart, Patience, Start};
use closed::Change;
use credentials::Known;
use oauth::Grants;
use pace::{Gate, PaceNow};
use pipeline::{Permitted, Resolved, Sent};
use profile::Verdict;
use retry::{Outcome, Resend, Tries, WhyNot};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

/// More of an account's quota cannot be kept for others: something must be left for what it was bound for.
const RESERVE_MAX: u8 = 90;
/// When it is looked again whether more is left: a window that rolls gives some back all the time.
const RESERVE_AGAIN: Duration = Duration::from_secs(3600);
/// A token that is refused right after it was made will not be better after another refresh; a person may have mended it
/// after this.
const REFUSED_FRESH_FOR: Duration = Duration::from_secs(5 * 60);

/// What holds for every request. On by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Headers that a guest may give. One more is refused.
    pub headers_max: usize,
    /// Bytes of their names and values together.
    pub header_bytes_max: usize,
    /// Bytes of a request's purpose.
    pub purpose_bytes_max: usize,
    /// Bytes of path and query, encoded. Salesforce answers 414 or 431 above 16,384 (its limits page, confirmed).
    pub address_bytes_max: usize,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits {
            headers_max: 32,
            header_bytes_max: 8 * 1024,
            purpose_bytes_max: 64,
            address_bytes_max: 16 * 1024,
        }
    }
}

/// The limits of an installation's calls that are kept here. Names and senses are those of `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLimits {
    pub request_bytes: usize,
    pub response_bytes: usize,
    pub hold_ms: u64,
}

impl Default for CallLimits {
    fn default() -> CallLimits {
        CallLimits { request_bytes: 4 * 1024 * 1024, response_bytes: 4 * 1024 * 1024, hold_ms: 5_000 }
    }
}

/// What stands behind a connection's name in one installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    pub provider: Provider,
    /// Scheme, host, port; instead of the provider's own.
    #[serde(default)]
    pub address: Option<String>,
    /// The grant in the credential store. Connections with the same one share its token and its refresh.
    pub account: String,
    /// Account Engagement: which one.
    #[serde(default)]
    pub business_unit: Option<String>,
    /// The operator's word, never a customer's: the address, or whatever its name resolves to, may be private or
    /// loopback, and may be `http://`.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Of the account's quota, this share is left to others: the customer's other apps. Nothing is sent while less is left, as
    /// the provider's answers tell it (Livestorm and Salesforce do, Account Engagement does not). 0 to 90.
    #[serde(default)]
    pub reserve_percent: u8,
}

/// Why an installation cannot have these connections.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    #[error("connection `{connection}`: {problem}")]
    Address { connection: String, problem: AddressError },
    #[error("connection `{connection}`: {problem}")]
    BusinessUnit { connection: String, problem: String },
    #[error("connection `{connection}`: reserve_percent is {percent}. Give a share from 0 to {RESERVE_MAX}")]
    Reserve { connection: String, percent: u8 },
    #[error("egress rule {0}")]
    Rule(String),
    #[error("there is no installation `{0}` here")]
    NoInstallation(String),
}

/// What the connector of an installation does not see of what goes by, although it is no credential of an account.
#[derive(Clone, Debug, Default)]
pub struct Withheld {
    /// Of the address that its webhooks are sent to: the connector tells the provider the address, with a stand-in for this.
    pub address_secret: Option<SecretString>,
    /// Fields of answers that are withheld ([`Provider::withheld`]) unless the installation's settings ask for them by name.
    pub asked_for: Vec<&'static str>,
}

impl Withheld {
    pub fn of(address_secret: Option<SecretString>, settings: &str) -> Withheld {
        let fields = Provider::ALL.iter().flat_map(|provider| provider.withheld());
        Withheld { address_secret, asked_for: fields.copied().filter(|field| settings.contains(field)).collect() }
    }
}

/// A binding that was checked.
#[derive(Debug)]
struct Bound {
    provider: Provider,
    /// Nothing: the token answer tells.
    origin: Option<Origin>,
    account: String,
    business_unit: Option<String>,
    allow_private: bool,
    reserve_percent: u8,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Installation {
    bindings: BTreeMap<String, Arc<Bound>>,
    egress: Vec<EgressRule>,
    limits: CallLimits,
    withheld: Withheld,
}

/// How the account behind a connection is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub connection: String,
    pub provider: Provider,
    pub business_unit: Option<String>,
    pub quota: Option<Quota>,
    /// Requests left in the provider's window, as its last answer said. Not every provider says so.
    pub left: Option<u64>,
    pub in_flight_max: usize,
    /// What the account's refusals have taught, of the figures that hold for everybody's accounts.
    pub pace: PaceNow,
    /// Until when nothing is sent, and why.
    pub closed: Option<Hold>,
    /// What it does not work for, as its answers last showed: also where no time is known, or that is over and nobody has tried.
    pub closed_for: Option<Why>,
    /// Until then passes have spent their share of the quota.
    pub passes_wait_until: Option<Timestamp>,
}

/// One provider account: the provider, the grant, the business unit.
type Account = (Provider, String, Option<String>);

/// Marks a request as one to a private address over plain HTTP. For whoever plays the other side on this machine; what a guest
/// sends is marked by its binding alone.
pub fn to_private(mut request: http::Request<Vec<u8>>) -> http::Request<Vec<u8>> {
    request.extensions_mut().insert(client::Dial(addresses::Reach::PrivateOnly));
    request
}

pub struct Connections {
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    credentials: CredentialStore,
    grants: Grants,
    limits: ConnectionLimits,
    installations: RwLock<HashMap<String, Arc<Installation>>>,
    gates: Mutex<HashMap<Account, Arc<Gate>>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Connections {
    pub fn new(
        clock: Arc<dyn Clock>,
        transport: Arc<dyn Transport>,
        credentials: CredentialStore,
        limits: ConnectionLimits,
    ) -> Connections {
        let grants = Grants::new(clock.clone(), transport.clone(), credentials.clone());
        Connections {
            clock,
            transport,
            credentials,
            grants,
            limits,
            installations: RwLock::default(),
            gates: Mutex::default(),
        }
    }

    /// How many requests an account has left in its window, as its last answer said.
    pub fn left(&self, installation: &str, connection: &str) -> Option<Left> {
        self.installation(installation)?.bindings.get(connection)?.gate.left()
    }

    /// How the accounts of an installation are used at this moment, by everybody who shares them.
    pub fn usage(&self, installation: &str) -> Vec<Usage> {
        let Some(installation) = self.installation(installation) else { return vec![] };
        let now = self.clock.now();
        let usage = |(connection, bound): (&String, &Arc<Bound>)| Usage {
            connection: connection.clone(),
            provider: bound.provider,
            business_unit: bound.business_unit.clone(),
            quota: bound.provider.quota(),
            left: bound.gate.left().map(|left| left.requests),
            in_flight_max: bound.provider.pace().in_flight_max,
            pace: bound.gate.pace(now),
            closed: bound.gate.closed(now),
            closed_for: bound.gate.closed_for(),
            passes_wait_until: Some(bound.gate.ledger().until()).filter(|until| *until > now),
        };
        installation.bindings.iter().map(usage).collect()
    }

    /// What passes have spent of the account behind a connection, whoever reads.
    pub fn ledger(&self, installation: &str, connection: &str) -> Option<Arc<Ledger>> {
        Some(self.installation(installation)?.bindings.get(connection)?.gate.ledger())
    }

    /// Sets or replaces what an installation may use. Requests under way end under the old.
    pub fn install(
        &self,
        installation: &str,
        bindings: BTreeMap<String, Binding>,
        egress: Vec<EgressRule>,
        limits: CallLimits,
        withheld: Withheld,
    ) -> Result<(), InstallError> {
        if let Some(problem) = egress.iter().find_map(policy::problem) {
            return Err(InstallError::Rule(problem));
        }
        let bindings = bindings
            .into_iter()
            .map(|(name, binding)| Ok((name.clone(), Arc::new(self.bind(name, binding)?))))
            .collect::<Result<_, InstallError>>()?;
        let installed = Arc::new(Installation { bindings, egress, limits, withheld });
        self.installations_mut().insert(installation.to_owned(), installed);
        Ok(())
    }

    /// The connections of an installation once more, under other rules and a name of their own, until [`Connections::remove`].
    pub fn grant(&self, name: &str, installation: &str, egress: Vec<EgressRule>) -> Result<(), InstallError> {
        if let Some(problem) = egress.iter().find_map(policy::problem) {
            return Err(InstallError::Rule(problem));
        }
        let Some(of) = self.installation(installation) else {
            return Err(InstallError::NoInstallation(installation.into()));
        };
        let (bindings, limits, withheld) = (of.bindings.clone(), of.limits.clone(), of.withheld.clone());
        let granted = Installation { bindings, egress, limits, withheld };
        self.installations_mut().insert(name.to_owned(), Arc::new(granted));
        Ok(())
    }

    /// An address that webhooks are sent to, as the connector may know it.
    pub fn without_secret(&self, installation: &str, address: &str) -> String {
        let installed = self.installation(installation);
        let secret = installed.as_ref().and_then(|installed| installed.withheld.address_secret.as_ref());
        scrub::text(address, &Known::default().with_address(secret))
    }

    pub fn remove(&self, installation: &str) {
        self.installations_mut().remove(installation);
    }

    /// A person has connected the account, for the first time or anew. Durable on return. What was held against the old secret does
    /// not hold against this one: requests that come now go on at once.
    pub async fn connect(&self, account: &str, secret: Secret) -> Result<(), CredentialError> {
        let (store, name) = (self.credentials.clone(), account.to_owned());
        // Off the threads that serve. What is written there is whole even if this call is dropped.
        let put = tokio::task::spawn_blocking(move || store.put(&name, secret)).await;
        put.unwrap_or_else(|_| Err(CredentialError::Unwritten(account.into())))
    }

    /// A person has disconnected the account: what comes from now on, and what waits for its turn, is not sent. What is under way ends.
    /// Durable on return. Whether it was connected.
    pub async fn disconnect(&self, account: &str) -> Result<bool, CredentialError> {
        let (store, name) = (self.credentials.clone(), account.to_owned());
        let removed = tokio::task::spawn_blocking(move || store.remove(&name)).await;
        removed.unwrap_or_else(|_| Err(CredentialError::Unwritten(account.into())))
    }

    /// A person has mended the account at its provider: it is tried again at once.
    pub async fn mended(&self, account: &str) {
        self.grants.mended(account).await;
        let gates = self.gates.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        gates.iter().filter(|((_, grant, _), _)| grant == account).for_each(|(_, gate)| gate.accepted());
    }

    /// What this request carries if it would be let out, or the refusal that it would get.
    fn judge(&self, installation: &str, request: Request) -> Result<Vec<Part>, SendError> {
        let Some(installation) = self.installation(installation) else { return Err(switched_off()) };
        let resolved = Resolved::new(&installation, request, &self.limits)?;
        resolved.permit(&self.limits).map(|permitted| permitted.parts)
    }

    fn bind(&self, connection: String, binding: Binding) -> Result<Bound, InstallError> {
        let Binding { provider, address, account, business_unit, .. } = binding;
        let (allow_private, reserve_percent) = (binding.allow_private_addresses, binding.reserve_percent);
        if reserve_percent > RESERVE_MAX {
            return Err(InstallError::Reserve { connection, percent: reserve_percent });
        }
        let origin = address.as_deref().or(provider.default_origin());
        let origin = match origin.map(|text| Origin::parse(text, allow_private)).transpose() {
            Ok(origin) => origin,
            Err(problem) => return Err(InstallError::Address { connection, problem }),
        };
        let business_unit = match provider.business_unit(business_unit.as_deref()) {
            Ok(unit) => unit,
            Err(problem) => return Err(InstallError::BusinessUnit { connection, problem }),
        };
        let mut gates = self.gates.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let gate = gates.entry((provider, account.clone(), business_unit.clone()));
        let gate = gate.or_insert_with(|| Arc::new(Gate::new(provider.pace(), self.clock.clone()))).clone();
        Ok(Bound { provider, origin, account, business_unit, allow_private, reserve_percent, gate })
    }

    fn installations_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Arc<Installation>>> {
        self.installations.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn installation(&self, name: &str) -> Option<Arc<Installation>> {
        self.installations.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    /// From permission to answer, as often as it takes.
    async fn send(
        &self,
        permit: &Permit,
        permitted: &Permitted,
        limits: &CallLimits,
        mut work: Work,
    ) -> (Answer, Work) {
        let bound = &*permitted.bound;
        let gate = &*bound.gate;
        let request = &permitted.request;
        let hold = Duration::from_millis(limits.hold_ms);
        let mut tries = Tries::default();
        let mut stale = None;
        // What is answered if no time is left for another try.
        let mut last: Option<Answer> = None;
        loop {
            let access;
            (access, work) = self.grants.access(&bound.account, stale.take(), bound.allow_private, work).await;
            let mut access = match access {
                Ok(access) => access,
                Err(e) => return (Err(e), work),
            };
            if bound.origin.is_none() && access.instance_url.is_none() && access.refreshable && tries.refreshed == 0 {
                // Only a token answer tells the address.
                tries.refreshed = 1;
                stale = Some(access.generation);
                continue;
            }
            let held_until = self.clock.now().plus(hold);
            let patience = Patience { held_until, send_before: permit.send_before };
            let slot;
            (slot, work) = gate.admit(work, permit.lane, request.method, &request.path, patience).await;
            let slot = match slot {
                Ok(slot) => slot,
                Err(why) => return (last.unwrap_or_else(|| Err(why.into())), work),
            };
            // While this one waited another request may have refreshed it, or a person disconnected it.
            let known = match self.credentials.access_and_known(&bound.account) {
                Ok((newer, known)) => {
                    access = newer.filter(|_| !self.credentials.unsaved()).unwrap_or(access);
                    known
                }
                Err(e) => return (Err(SendError::Unauthorized(e.to_string())), work),
            };
            let authorised = match permitted.authorise(&access, known) {
                Ok(authorised) => authorised,
                Err(e) => return (Err(e), work),
            };
            let sent;
            (sent, work) = authorised.send(&slot, &*self.transport, limits.response_bytes, work).await;
            let now = self.clock.now();
            if let Some(left) = sent.as_ref().ok().and_then(|sent| sent.left(bound)) {
                gate.note_left(left);
                if let Some(reason) = left.is_others(bound.reserve_percent) {
                    gate.hold(now.plus(RESERVE_AGAIN), Why::Quota, &reason);
                }
            }
            let (outcome, answer) = judge(bound, request.repeat, sent, tries, slot.start(), now);
            match outcome {
                Outcome::NotSent | Outcome::NoAnswer => gate.failed(),
                _ => gate.answered(),
            }
            // Not before it is known what the answer means for whoever is handed it.
            drop(slot);
            match &outcome {
                Outcome::Settled => gate.accepted(),
                Outcome::TokenRefused { .. } if tries.refreshed > 0 => {
                    gate.refuse_fresh(access.generation, now.plus(REFUSED_FRESH_FOR));
                }
                Outcome::TokenRefused { .. } if gate.refused_fresh(access.generation, now) => return (answer, work),
                _ => {}
            }
            let until = match retry::may_resend(request.repeat, outcome, tries, hold, permit) {
                Err(WhyNot::WaitTooLong(wait))
                    if request.repeat != Repeat::Once && matches!(outcome, Outcome::ServerError { .. }) =>
                {
                    gate.hold(now.plus(wait), Why::Outage, "the provider is not available and says until when");
                    return (answer, work);
                }
                Err(_) => return (answer, work),
                Ok(Resend::After(delay)) => {
                    tries.resent += 1;
                    now.plus(delay)
                }
                Ok(Resend::Held(wait)) => {
                    tries.slowed += 1;
                    now.plus(wait)
                }
                Ok(Resend::Refreshed) => {
                    tries.refreshed += 1;
                    stale = Some(access.generation);
                    now
                }
            };
            // A refused token is mended by now: what it was answered says nothing of the request.
            let was_refused = matches!(outcome, Outcome::TokenRefused { .. });
            if until > permit.send_before {
                return (if was_refused { Err(NoStart::Over.into()) } else { answer }, work);
            }
            last = (!was_refused).then_some(answer);
            // A held account is waited for in `admit`, with all the others.
            if until > now && !matches!(outcome, Outcome::SlowDown(_)) {
                work = clock::sleep(&*self.clock, work, until).await;
            }
        }
    }
}

/// Tells whoever watches the process how an account stands now. It is shared: the installation is that which met it first.
fn tell(permit: &Permit, permitted: &Permitted, change: Change) {
    // A grant for one call has the installation's name and more.
    let installation = permit.installation.lines().next();
    let (connection, account) = (permitted.request.connection.as_str(), permitted.bound.account.as_str());
    match change {
        Change::Closed { why, said } => {
            tracing::warn!(installation, connection, account, why = why.word(), "{said}");
        }
        Change::Opened { was } => {
            tracing::info!(installation, connection, account, was = was.word(), "the account works again");
        }
    }
}

fn switched_off() -> SendError {
    SendError::Stopped("the installation has no connections: it is switched off".into())
}

/// What a sending came to, and what the guest is told if it is not sent again.
fn judge(
    bound: &Bound,
    repeat: Repeat,
    sent: Result<Sent, TransportError>,
    tries: Tries,
    start: Start,
    now: Timestamp,
) -> (Outcome, Answer) {
    let once = repeat == Repeat::Once;
    let sent = match sent {
        Ok(sent) => sent,
        Err(TransportError::NotSent(e)) => return (Outcome::NotSent, Err(SendError::NotSent(e))),
        Err(TransportError::Unknown(e)) => return (Outcome::NoAnswer, Err(SendError::Unknown(e))),
        Err(TransportError::Unusable { status, problem }) if once && status.is_none_or(|s| s >= 500) => {
            return (Outcome::Settled, Err(SendError::Unknown(problem)));
        }
        Err(TransportError::Unusable { status, problem }) => {
            return (Outcome::Settled, Err(SendError::Unusable { status, problem }));
        }
    };
    let status = sent.status();
    let throttled = |wait: Duration, why: Why, reason: String| {
        let until = now.plus(wait);
        bound.gate.hold(until, why, &reason);
        Err(SendError::Throttled { until, reason })
    };
    match sent.verdict(bound, now) {
        Verdict::TokenExpired(said) => {
            let refreshable = sent.refreshable();
            let after = if tries.refreshed > 0 { ", also after a refresh" } else { "" };
            let reason = format!(
                "account `{}`: its token was refused{after} ({said}). Check that its user may use the API and this account, \
                 then connect it again",
                bound.account
            );
            (Outcome::TokenRefused { refreshable }, Err(SendError::Unauthorized(reason)))
        }
        Verdict::Refused(reason) => {
            (Outcome::Settled, Err(SendError::Unauthorized(format!("account `{}`: {reason}", bound.account))))
        }
        Verdict::SlowDown(too_many, wait) => {
            bound.gate.refused(start, too_many);
            let reason = format!("{} asks to slow down", bound.provider);
            (Outcome::SlowDown(wait), throttled(wait.unwrap_or(retry::SLOW_DOWN_DEFAULT), Why::Pace, reason))
        }
        Verdict::QuotaGone { wait, reason } => (Outcome::QuotaGone, throttled(wait, Why::Quota, reason)),
        Verdict::InDoubt(said) if once => {
            (Outcome::ServerError { status: 504, retry_after: None }, Err(SendError::Unknown(said)))
        }
        Verdict::InDoubt(_) => {
            (Outcome::ServerError { status: 504, retry_after: None }, Ok(sent.scrub().into_response()))
        }
        Verdict::Plain if status >= 500 => {
            let outcome = Outcome::ServerError { status, retry_after: sent.retry_after(now) };
            let said = format!("{} answered {status}", bound.provider);
            (outcome, if once { Err(SendError::Unknown(said)) } else { Ok(sent.scrub().into_response()) })
        }
        Verdict::Plain => (Outcome::Settled, Ok(sent.scrub().into_response())),
    }
}

#[async_trait]
impl Performer for Connections {
    fn in_flight_max(&self, installation: &str, connection: &str) -> usize {
        let installed = self.installation(installation);
        let bound = installed.as_ref().and_then(|i| i.bindings.get(connection));
        bound.map_or(1, |b| b.provider.pace().in_flight_max)
    }

    async fn perform(&self, permit: Permit, request: Request, work: Work) -> (Answer, Work) {
        let Some(installation) = self.installation(&permit.installation) else {
            return (Err(switched_off()), work);
        };
        match Resolved::new(&installation, request, &self.limits).and_then(|r| r.permit(&self.limits)) {
            Ok(permitted) => {
                let (answer, work) = self.send(&permit, &permitted, &installation.limits, work).await;
                if let Some(change) = permitted.bound.gate.shown(&answer) {
                    tell(&permit, &permitted, change);
                }
                (answer, work)
            }
            Err(e) => (Err(e), work),
        }
    }
}

#[cfg(test)]
mod tests;
