//! Tokens that expire: refreshed when refused, by one at a time.
//!
//! No token answer tells when its token ends, so there is nothing to refresh by the clock. Promises: one refresh of an account
//! at a time; whoever finds the token changed meanwhile uses the new one; what a refresh brought is durable before it
//! is used; a refresh that has begun ends, even if who asked for it is gone (the old refresh token may be spent by then). Not
//! here: when a token counts as refused (`profile/`), how a grant comes to be (`sign_in.rs`).
//!
//! Invariant: the account's lock is not held while waiting for a time.

use super::{
    addresses::Origin,
    client::Dial,
    credentials::{Access, CredentialError, CredentialStore, Known, OAuth, Secret},
    pipeline::encode,
    scrub,
    transport::{Transport, TransportError},
};
use crate::{
    clock::{self, Clock, Timestamp, Work},
    effect::SendError,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Token answers are a kilobyte or two.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Of Salesforce: where tokens are given, below the origin.
pub(super) const TOKEN_PATH: &str = "services/oauth2/token";
/// Sendings of one refresh: the first, and three more where the provider is busy or silent.
const TRIES_MAX: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// When a login server that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(30);
/// A refused grant stays refused until a person connects it anew; in between it is tried this seldom.
const REFUSED_FOR: Duration = Duration::from_secs(5 * 60);

#[derive(Clone)]
pub struct Grants(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    store: CredentialStore,
    accounts: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Grant>>>>,
}

/// What is known of a grant beside its secret. Its lock is the single flight.
#[derive(Default)]
struct Grant {
    refused: Option<Refusal>,
}

struct Refusal {
    generation: u64,
    until: Timestamp,
    reason: String,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NoToken {
    /// A person has to connect the account anew.
    Refused(String),
    NotNow(String),
}

/// What one sending of a refresh came to.
enum Said {
    Tokens(Box<OAuth>),
    Busy(String),
    Refused(String),
}

/// The form of a token answer. Plain text on its way into [`OAuth`]: never kept, never printed.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub instance_url: Option<String>,
}

/// Why a login server gave no token.
#[derive(Deserialize)]
pub(super) struct Refused {
    pub error: String,
    #[serde(default)]
    pub error_description: String,
}

impl Refused {
    pub fn of(answer: &http::Response<Vec<u8>>) -> Option<Refused> {
        serde_json::from_slice(answer.body()).ok()
    }

    /// Its own words, for people.
    pub fn said(&self, known: &Known) -> String {
        let text = scrub::text(&format!("{}: {}", self.error, self.error_description), known);
        text.chars().filter(|c| !c.is_control()).take(200).collect()
    }

    /// Where what was shown is the matter, the caller knows better what that was.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self.error.as_str() {
            "invalid_client_id" | "invalid_client" | "unauthorized_client" => {
                "The app behind it was removed or has another secret. Correct client id and secret, then connect again"
            }
            "inactive_user" => "Its user was deactivated. Connect it with an active user",
            "inactive_org" => "Its org was deactivated. Ask the administrator",
            "invalid_app_access" => "Its administrator does not allow the app. Ask them to",
            _ => return None,
        })
    }
}

impl Grants {
    pub fn new(clock: Arc<dyn Clock>, transport: Arc<dyn Transport>, store: CredentialStore) -> Grants {
        Grants(Arc::new(Inner { clock, transport, store, accounts: Mutex::default() }))
    }

    /// The account's token: the one at hand, or a new one where there is none or the one of generation `stale` was refused.
    pub async fn access(
        &self,
        account: &str,
        stale: Option<u64>,
        allow_private: bool,
        work: Work,
    ) -> (Result<Access, SendError>, Work) {
        let inner = &self.0;
        match inner.store.access(account) {
            Ok(Some(access)) if stale != Some(access.generation) && !inner.store.unsaved() => {
                return (Ok(access), work);
            }
            Ok(_) => {}
            Err(e) => return (Err(SendError::Unauthorized(e.to_string())), work),
        }
        let task = tokio::spawn({
            let (inner, account) = (inner.clone(), account.to_owned());
            async move { inner.renew(&account, stale, allow_private, work).await }
        });
        match task.await {
            Ok((Ok(access), work)) => (Ok(access), work),
            Ok((Err(NoToken::Refused(reason)), work)) => (Err(SendError::Unauthorized(reason)), work),
            Ok((Err(NoToken::NotNow(reason)), work)) => {
                (Err(SendError::Throttled { until: inner.clock.now().plus(AGAIN), reason }), work)
            }
            Err(_) => {
                (Err(SendError::NotSent(format!("the refresh of account `{account}` broke off"))), inner.clock.begin())
            }
        }
    }

    /// A person has mended it: what was refused is tried again at once.
    pub async fn mended(&self, account: &str) {
        self.0.grant(account).lock().await.refused = None;
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grants").field(&self.0.store).finish()
    }
}

impl Inner {
    fn grant(&self, account: &str) -> Arc<tokio::sync::Mutex<Grant>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        accounts.entry(account.to_owned()).or_default().clone()
    }

    async fn renew(
        &self,
        account: &str,
        stale: Option<u64>,
        allow_private: bool,
        mut work: Work,
    ) -> (Result<Access, NoToken>, Work) {
        let grant = self.grant(account);
        let mut tries = 0;
        loop {
            {
                let mut grant = grant.lock().await;
                match self.renew_once(&mut grant, account, stale, allow_private).await {
                    Ok(access) => return (Ok(access), work),
                    Err(NoToken::NotNow(_)) if tries + 1 < TRIES_MAX => {}
                    Err(why) => return (Err(why), work),
                }
            }
            // The lock is free meanwhile: whoever comes first after the wait refreshes, and the others find it done.
            work = clock::sleep(&*self.clock, work, self.clock.now().plus(FIRST_DELAY * 2u32.pow(tries))).await;
            tries += 1;
        }
    }

    async fn renew_once(
        &self,
        grant: &mut Grant,
        account: &str,
        stale: Option<u64>,
        allow_private: bool,
    ) -> Result<Access, NoToken> {
        // An earlier refresh that could not be written down is written down first.
        self.saved(|store| store.flush()).await?;
        let gone = |e: CredentialError| NoToken::Refused(e.to_string());
        if let Some(access) = self.store.access(account).map_err(gone)?
            && stale != Some(access.generation)
        {
            return Ok(access);
        }
        let (secret, generation) = self.store.secret(account).map_err(gone)?;
        let Secret::OAuth(oauth) = secret else {
            return Err(NoToken::Refused(format!("the token of account `{account}` was refused; bind a new one")));
        };
        if let Some(refusal) = &grant.refused
            && refusal.generation == generation
            && self.clock.now() < refusal.until
        {
            return Err(NoToken::Refused(refusal.reason.clone()));
        }
        match self.ask(account, &oauth, allow_private).await {
            Said::Tokens(new) => {
                let name = account.to_owned();
                self.saved(move |store| store.rotate(&name, generation, *new)).await?;
                grant.refused = None;
                let access = self.store.access(account).map_err(gone)?;
                access.ok_or_else(|| NoToken::NotNow(format!("account `{account}` was replaced meanwhile")))
            }
            Said::Busy(why) => Err(NoToken::NotNow(why)),
            Said::Refused(reason) => {
                let until = self.clock.now().plus(REFUSED_FOR);
                grant.refused = Some(Refusal { generation, until, reason: reason.clone() });
                Err(NoToken::Refused(reason))
            }
        }
    }

    /// Writes to the disk, off the threads that serve.
    async fn saved(
        &self,
        write: impl FnOnce(&CredentialStore) -> Result<(), CredentialError> + Send + 'static,
    ) -> Result<(), NoToken> {
        let store = self.store.clone();
        // What is in memory alone takes no time, and no other thread, whose haste would order things.
        let written = match store.is_on_disk() {
            true => tokio::task::spawn_blocking(move || write(&store)).await,
            false => Ok(write(&store)),
        };
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(NoToken::NotNow(format!("a new token could not be stored, so it is not used: {e}"))),
            Err(_) => Err(NoToken::NotNow("a new token could not be stored, so it is not used".into())),
        }
    }

    async fn ask(&self, account: &str, oauth: &OAuth, allow_private: bool) -> Said {
        let known = self.store.known(account);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", oauth.refresh_token.expose_secret()),
            ("client_id", oauth.client_id.as_str()),
        ];
        let request = match request(&oauth.token_url, &form, oauth.client_secret.as_ref(), allow_private) {
            Ok(request) => request,
            Err(why) => return Said::Refused(format!("account `{account}`: {why}")),
        };
        let answer = match self.transport.send(request, ANSWER_BYTES_MAX).await {
            Ok(answer) => answer,
            Err(TransportError::NotSent(e) | TransportError::Unknown(e)) => {
                let e = scrub::text(&e, &known);
                return Said::Busy(format!("the login server of account `{account}` does not answer: {e}"));
            }
            Err(TransportError::Unusable { problem, .. }) => {
                let e = scrub::text(&problem, &known);
                return Said::Busy(format!("the login server of account `{account}` answers nonsense: {e}"));
            }
        };
        judge(account, oauth, &answer, &known)
    }
}

/// A form for a login server. Salesforce's origin alone names its token address.
pub(super) fn request(
    token_url: &str,
    form: &[(&str, &str)],
    client_secret: Option<&SecretString>,
    allow_private: bool,
) -> Result<http::Request<Vec<u8>>, String> {
    let (scheme, rest) = token_url.split_once("://").ok_or("the token address has no scheme")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let origin = Origin::parse(&format!("{scheme}://{host}"), allow_private).map_err(|e| e.to_string())?;
    let path = if path.is_empty() { TOKEN_PATH } else { path };
    let secret = client_secret.map(|secret| ("client_secret", secret.expose_secret()));
    let body: Vec<String> =
        form.iter().copied().chain(secret).map(|(name, value)| format!("{name}={}", encode(value))).collect();
    http::Request::post(format!("{}/{path}", origin.as_str()))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .extension(Dial(origin.reach()))
        .body(body.join("&").into_bytes())
        .map_err(|_| "the token address is malformed".into())
}

fn judge(account: &str, oauth: &OAuth, answer: &http::Response<Vec<u8>>, known: &Known) -> Said {
    let status = answer.status().as_u16();
    if (200..300).contains(&status) {
        let Ok(new) = serde_json::from_slice::<Tokens>(answer.body()) else {
            return Said::Busy(format!("the login server of account `{account}` answered {status} without a token"));
        };
        return Said::Tokens(Box::new(OAuth {
            access_token: Some(new.access_token.into()),
            refresh_token: new.refresh_token.map(Into::into).unwrap_or_else(|| oauth.refresh_token.clone()),
            instance_url: new.instance_url.or_else(|| oauth.instance_url.clone()),
            ..oauth.clone()
        }));
    }
    let refused = Refused::of(answer);
    let said = refused.as_ref().map(|r| r.said(known));
    match (status, refused, said) {
        // Two refreshes met at the provider: another process of ours, or one of a customer's tools. Not a lost connection.
        (_, Some(r), Some(said))
            if r.error == "invalid_grant"
                && (r.error_description.contains("already being processed")
                    || r.error_description == "expired authorization code") =>
        {
            Said::Busy(format!("account `{account}` is being refreshed by somebody else ({said})"))
        }
        (429 | 500.., ..) => Said::Busy(format!("the login server of account `{account}` answered {status}")),
        (_, Some(r), Some(said)) => {
            let remedy = r.remedy().unwrap_or(match r.error.as_str() {
                "invalid_grant" => "Its permission was withdrawn or has ended. Connect the account again",
                _ => "Connect the account again",
            });
            Said::Refused(format!("account `{account}` cannot sign in ({said}). {remedy}"))
        }
        _ => Said::Refused(format!(
            "account `{account}` cannot sign in (the login server answered {status}). Check its address, then connect again"
        )),
    }
}
