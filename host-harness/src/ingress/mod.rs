//! Where webhooks arrive. Address, size and signature are checked before any guest code; the delivery is durable before the 2xx.
//!
//! Promises: what was answered with 2xx is in the store, sealed; what was refused was counted, with its reason, and not kept. Not
//! here: what a delivery means (the connector's `admit`, called later).

pub mod delivery;
pub mod server;
pub mod signature;

use crate::{
    clock::Clock,
    durable::{Accepted, Engine},
    effect::Delivery,
    runtime::contract::{Signature, WebhookSource},
    vault::Vault,
};
use delivery::delivery_task;
use secrecy::{ExposeSecret, SecretString};
use signature::SignatureError;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};
use subtle::ConstantTimeEq;

/// One installation's way in: the secret part of its address, and the secrets that its sources sign with.
#[derive(Clone, Debug)]
pub struct Doorway {
    /// The last segment of the address. Whoever knows it can send to an unsigned source. Nothing: nobody can send anything.
    pub address_secret: Option<SecretString>,
    pub sources: Vec<WebhookSource>,
    /// Several at a time, so that one can be replaced while deliveries are under way.
    pub signing_secrets: BTreeMap<String, Vec<SecretString>>,
    /// Whether sources that sign nothing are there at all.
    pub takes_unsigned: bool,
}

impl Doorway {
    /// The source at this address, for who knows its secret.
    fn source(&self, name: &str, address_secret: &str) -> Option<&WebhookSource> {
        let known = self.address_secret.as_ref()?.expose_secret().as_bytes().ct_eq(address_secret.as_bytes());
        let is_there = |source: &WebhookSource| self.takes_unsigned || source.signature != Signature::Unsigned;
        self.sources.iter().find(|s| bool::from(known) && s.name == name && is_there(s))
    }
}

/// Why a delivery was not taken. What it says goes into the answer, so it tells a stranger nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    #[error("no such address")]
    NoSuchAddress,
    #[error("the body is larger than this source may send")]
    TooLarge,
    #[error("the body did not arrive whole")]
    Incomplete,
    #[error("the signature is missing or wrong")]
    BadSignature,
    #[error("the signature's time is too far from now")]
    StaleSignature,
    #[error("it could not be stored; send it again")]
    NotStored,
}

impl Refusal {
    /// For a label.
    pub fn word(self) -> &'static str {
        match self {
            Refusal::NoSuchAddress => "no-such-address",
            Refusal::TooLarge => "too-large",
            Refusal::Incomplete => "incomplete",
            Refusal::BadSignature => "bad-signature",
            Refusal::StaleSignature => "stale-signature",
            Refusal::NotStored => "not-stored",
        }
    }

    /// The status that makes the sender do what is right: to send again is right only where nothing was stored.
    pub fn status(self) -> u16 {
        match self {
            Refusal::NoSuchAddress => 404,
            Refusal::TooLarge => 413,
            Refusal::Incomplete => 408,
            Refusal::BadSignature | Refusal::StaleSignature => 401,
            Refusal::NotStored => 503,
        }
    }
}

pub struct Ingress {
    clock: Arc<dyn Clock>,
    engine: Arc<dyn Engine>,
    vault: Vault,
    doors: RwLock<BTreeMap<String, Doorway>>,
    taken: Mutex<BTreeMap<String, u64>>,
    refused: Mutex<BTreeMap<(String, Refusal), u64>>,
    is_whole: AtomicBool,
}

impl Ingress {
    pub fn new(clock: Arc<dyn Clock>, engine: Arc<dyn Engine>, vault: Vault) -> Ingress {
        let (doors, taken, refused) = (RwLock::default(), Mutex::default(), Mutex::default());
        Ingress { clock, engine, vault, doors, taken, refused, is_whole: AtomicBool::new(true) }
    }

    pub fn open(&self, installation: &str, door: Doorway) {
        self.doors.write().unwrap_or_else(|p| p.into_inner()).insert(installation.into(), door);
    }

    pub fn close(&self, installation: &str) {
        self.doors.write().unwrap_or_else(|p| p.into_inner()).remove(installation);
    }

    /// Whether all installations that there should be are there. While one is missing, whoever sends to an unknown one is asked to
    /// send again.
    pub fn is_whole(&self, is_whole: bool) {
        self.is_whole.store(is_whole, Ordering::Relaxed);
    }

    fn unknown(&self) -> Refusal {
        if self.is_whole.load(Ordering::Relaxed) { Refusal::NoSuchAddress } else { Refusal::NotStored }
    }

    /// The most that this address takes, so that a server need not read further; nothing for who does not know the address.
    pub fn max_bytes(&self, installation: &str, source: &str, address_secret: &str) -> Result<u32, Refusal> {
        let doors = self.doors.read().unwrap_or_else(|p| p.into_inner());
        let door = doors.get(installation).ok_or_else(|| self.unknown())?;
        door.source(source, address_secret).map(|s| s.max_bytes).ok_or(Refusal::NoSuchAddress)
    }

    /// Durable on return. Header names in lower case.
    pub async fn receive(
        &self,
        installation: &str,
        source: &str,
        address_secret: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Accepted, Refusal> {
        let work = self.clock.begin();
        let taken = self.take(installation, source, address_secret, headers, body).await;
        match taken {
            Ok(_) => *self.taken.lock().unwrap_or_else(|p| p.into_inner()).entry(installation.into()).or_default() += 1,
            Err(refusal) => self.count(installation, refusal),
        }
        drop(work);
        taken
    }

    async fn take(
        &self,
        installation: &str,
        source: &str,
        address_secret: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Accepted, Refusal> {
        let now = self.clock.now();
        let delivery = {
            let doors = self.doors.read().unwrap_or_else(|p| p.into_inner());
            let door = doors.get(installation).ok_or_else(|| self.unknown())?;
            let wanted = door.source(source, address_secret).ok_or(Refusal::NoSuchAddress)?;
            if body.len() > wanted.max_bytes as usize {
                return Err(Refusal::TooLarge);
            }
            let secrets = door.signing_secrets.get(source).map(Vec::as_slice).unwrap_or_default();
            let signed = |now| signature::verify(&wanted.signature, secrets, headers, &body, now);
            // Where the machine's clock was set back, nobody knows which of the two is that of whoever signed.
            let verified = signed(now).or_else(|e| match e {
                SignatureError::Stale => signed(self.clock.of_machine()),
                e => Err(e),
            });
            let verified = verified.map_err(|e| match e {
                SignatureError::Stale => Refusal::StaleSignature,
                SignatureError::Missing | SignatureError::Wrong => Refusal::BadSignature,
            })?;
            let headers = headers.iter().filter(|(name, _)| wanted.headers.contains(name)).cloned().collect();
            Delivery { source: source.into(), headers, body, received_at: now, verified }
        };
        let task = delivery_task(&self.vault, installation, &delivery);
        let (engine, clock, installation) = (self.engine.clone(), self.clock.clone(), installation.to_owned());
        // In a task of its own: a sender that hangs up in between must not leave a stored delivery that nobody is told of.
        let accepting = tokio::spawn(async move {
            let _work = clock.begin();
            engine.accept(&installation, vec![task]).await
        });
        let accepted = accepting.await.map_err(|e| e.to_string()).and_then(|done| done.map_err(|e| e.to_string()));
        let accepted =
            accepted.inspect_err(|e| tracing::error!("a delivery could not be stored, and was not taken: {e}"));
        accepted.ok().and_then(|mut a| a.pop()).ok_or(Refusal::NotStored)
    }

    /// Also called by whoever refuses before the body is whole.
    pub fn count(&self, installation: &str, refusal: Refusal) {
        // Strangers choose the installation's name, so only known ones are counted by it.
        let known = self.doors.read().unwrap_or_else(|p| p.into_inner()).contains_key(installation);
        let name = if known { installation } else { "" };
        let mut refused = self.refused.lock().unwrap_or_else(|p| p.into_inner());
        *refused.entry((name.into(), refusal)).or_default() += 1;
    }

    /// How many were taken, by installation.
    pub fn taken(&self) -> BTreeMap<String, u64> {
        self.taken.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }

    /// How often what was refused, by installation; the unknown ones together under the empty name.
    pub fn refused(&self) -> BTreeMap<(String, Refusal), u64> {
        self.refused.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }
}
