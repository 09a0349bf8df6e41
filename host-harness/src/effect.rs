//! What a guest may ask and what it is answered: the words that the durable run, the runtime and the connections share.
//!
//! A run is a coroutine of effects. The [`Driver`] opens one, [`Run::step`] takes it to its next question, the engine has
//! each request performed by the [`Performer`] and answers. Promises: every word here is plain data that can be recorded
//! and played again. Not here: WIT types (`runtime`), tables (`durable`), addresses and secrets (`connections`).
//!
//! The names and meanings are those of the contract; `wit/` is the specification.

use crate::clock::{Timestamp, Work};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};
use utoipa::ToSchema;

/// The kinds of the host's own tasks, and how their keys begin: a delivery or another trigger that waits for `admit`, and a page
/// of a source that waits to be read.
pub const DELIVERY: &str = "delivery";
pub const TRIGGER: &str = "trigger";
pub const INBOX: &str = "inbox/";
pub const SYNC: &str = "sync";
pub const SOURCES: &str = "sync/";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a second sending would do at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    Read,
    Idempotent,
    Once,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub connection: String,
    pub method: Method,
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    pub repeat: Repeat,
    pub purpose: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    pub content_type: String,
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

impl Request {
    /// SHA-256 of the canonical request, as hex: whether a resumed run asks the same as before. A check, never a name.
    pub fn digest(&self) -> String {
        let mut headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        headers.sort();
        let body = self.body.as_ref().map(|b| (&b.content_type, hex::encode(Sha256::digest(&b.bytes))));
        let canonical = (&self.connection, self.method, &self.path, &self.query, headers, body, self.repeat);
        let text = serde_json::to_vec(&canonical).expect("strings and lists always become JSON");
        hex::encode(Sha256::digest(text))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
}

/// One thing that may leave: the record of the same name in `wit/manifest.wit`. What a request carries needs rules of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressRule {
    pub connection: String,
    pub methods: Vec<Method>,
    /// One pattern a segment: a literal, `*` for one segment, `**` last for any rest, none included.
    pub path: Vec<String>,
    /// Top-level names in a JSON body (for a list of records: of each record); `*` for all, and for what is not JSON.
    pub body_fields: Vec<String>,
    /// Headers beyond those that the host owns.
    pub headers: Vec<String>,
    /// For the customer: what leaves by this and why.
    pub reason: String,
}

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum SendError {
    #[error("refused by the {}: {}. {}", .0.layer, .0.rule, .0.remedy)]
    Denied(Denial),
    #[error("nothing was sent: {0}")]
    NotSent(String),
    #[error("it is not known whether it took effect: {0}")]
    Unknown(String),
    #[error("the answer cannot be used: {problem}")]
    Unusable { status: Option<u16>, problem: String },
    #[error("to be sent no sooner than {until}: {reason}")]
    Throttled { until: Timestamp, reason: String },
    #[error("the connection needs a person: {0}")]
    Unauthorized(String),
    #[error("the call may send nothing more: {0}")]
    Stopped(String),
    #[error("dry run: this would have been sent")]
    DryRun,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// `manifest`, `operator`, `installation`, `class`, `budget` or `form`.
    pub layer: String,
    pub rule: String,
    pub remedy: String,
}

pub type Answer = Result<Response, SendError>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    pub kind: String,
    pub id: String,
}

impl Subject {
    /// The kind of one that is somebody, by address.
    pub const PERSON: &str = "person";

    pub fn is_person(&self) -> bool {
        self.kind == Subject::PERSON
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    Prompt,
    Bulk,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub kind: String,
    pub payload: String,
    pub ordering_key: String,
    pub dedupe_key: String,
    pub lane: Lane,
    pub not_before: Option<Timestamp>,
    pub title: String,
    pub subject: Option<Subject>,
}

impl Task {
    /// A task that no connector gives.
    pub fn is_hosts_own(&self) -> bool {
        match self.kind.as_str() {
            DELIVERY | TRIGGER => self.ordering_key.starts_with(INBOX),
            SYNC => self.ordering_key.starts_with(SOURCES),
            _ => false,
        }
    }

    /// What keeps it from being a connector's task (`wit/types.wit`), in words. The host's own task always has a fault:
    /// a connector that gave one could forge a delivery.
    pub fn fault(&self) -> Option<String> {
        let of = format!("of \"{}\"", self.title.chars().take(60).collect::<String>());
        if self.kind.is_empty() || self.kind.chars().any(char::is_uppercase) {
            return Some(format!("`kind` {of} is \"{}\", not a word in lower case", self.kind));
        }
        if self.ordering_key.is_empty() {
            return Some(format!("`ordering-key` {of} is empty"));
        }
        let is_own_kind = [DELIVERY, TRIGGER, SYNC].contains(&self.kind.as_str());
        if is_own_kind || [INBOX, SOURCES].iter().any(|own| self.ordering_key.starts_with(own)) {
            let own = "the kinds `delivery`, `trigger` and `sync`, and ordering keys that begin with `inbox/` or `sync/`, are the \
                       host's own";
            return Some(format!("{own}, and {of} has one"));
        }
        let subject = |part: fn(&Subject) -> &String| self.subject.as_ref().map_or(0, |s| part(s).len());
        let bounds = [
            ("kind", self.kind.len(), 64),
            ("payload", self.payload.len(), 64 << 10),
            ("ordering-key", self.ordering_key.len(), 128),
            ("dedupe-key", self.dedupe_key.len(), 200),
            ("title", self.title.len(), 200),
            ("subject.kind", subject(|s| &s.kind), 32),
            ("subject.id", subject(|s| &s.id), 320),
        ];
        let (name, size, max) = bounds.into_iter().find(|(_, size, max)| size > max)?;
        Some(format!("`{name}` {of} has {size} bytes, at most {max} are allowed"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub id: u32,
    pub task: Task,
    /// 1 at first; counts attempts that ended in a bug, a trap or a limit.
    pub attempt: u32,
    pub admitted_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done(Completion),
    Later(Wait),
    Failed(Failure),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    pub follow_ups: Vec<Task>,
    pub wakes: Vec<String>,
    /// The host's own task that goes on where this one ends. No connector can give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<Task>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub until: Timestamp,
    pub reason: String,
    pub wake_on: Option<String>,
    pub pause: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{problem}")]
pub struct Failure {
    pub class: FailureClass,
    pub problem: String,
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    NeedsAttention,
    Invalid,
    Bug,
}

/// A webhook as it arrived: the payload of the host's own task. Size and signature are checked before it is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub source: String,
    pub headers: Vec<(String, String)>,
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    pub received_at: Timestamp,
    pub verified: bool,
}

/// What happened to an installation: the payload of the host's own task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    Webhook(Delivery),
    Activated {
        /// By webhook source.
        addresses: BTreeMap<String, String>,
        at: Timestamp,
    },
    Deactivating {
        at: Timestamp,
    },
}

/// One entry of an ordering key's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub value: String,
    pub subject: Option<Subject>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    Set(Entry),
    Delete(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

/// A line of the customer's run log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub level: Level,
    pub code: String,
    pub message: String,
    pub subject: Option<Subject>,
    pub fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Created,
    Updated,
    Linked,
    Unchanged,
    LeftOut,
    Failed,
}

/// What became of one record at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub connection: String,
    pub object: String,
    pub id: Option<String>,
    pub action: Action,
    pub subject: Option<Subject>,
    pub detail: Option<String>,
}

/// What a guest tells on its way, in program order, and waits for no answer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    Write(Write),
    Log(Line),
    Changes(Vec<Change>),
}

/// What a guest asks and waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    Wave(Vec<Request>),
    Get(Vec<String>),
    Scan { prefix: String, after: Option<String>, limit: u32 },
}

/// The answer to the [`Ask`] of the same name: as many as were asked for, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Wave(Vec<Answer>),
    Got(Vec<Option<String>>),
    Scanned(Vec<Entry>),
}

/// What a run is given to go on with.
#[derive(Clone, Debug)]
pub enum Input {
    Start,
    /// `at` is what the guest's clock shows from here on: for a wave, the time of its last answer, the recorded one when it is
    /// played again. State answers do not move the clock.
    Reply {
        at: Option<Timestamp>,
        reply: Reply,
    },
}

#[derive(Clone, Debug)]
pub enum Step {
    Asks { notes: Vec<Note>, ask: Ask },
    Finished { notes: Vec<Note>, end: End },
}

#[derive(Clone, Debug)]
pub enum End {
    /// One for each assignment: who opens the run has checked it.
    Outcomes(Vec<(u32, Outcome)>),
    /// A trap, a limit, or a wrong list of outcomes, in words for people.
    Broken(String),
}

/// Who a run is, and all that it depends on but the answers. Recorded before the first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    pub run: RunId,
    pub installation: String,
    pub key: String,
    pub input: RunInput,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInput {
    /// Digest of the component that began the run. Another one never continues it.
    pub component: String,
    /// The contract's context, as the driver gave it. Opaque to the engine.
    pub context: serde_json::Value,
    pub started_at: Timestamp,
    pub assignments: Vec<Assignment>,
}

impl RunInput {
    /// Bulk where all of its tasks are.
    pub fn lane(&self) -> Lane {
        let is_bulk = self.assignments.iter().all(|assignment| assignment.task.lane == Lane::Bulk);
        if is_bulk { Lane::Bulk } else { Lane::Prompt }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Knows how to run a batch of tasks. Implemented by the runtime; tests bring their own.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Component digest and context for a run of this installation that begins now; nothing where the installation
    /// is unknown. Its tasks wait.
    fn prepare(&self, installation: &str) -> Option<(String, serde_json::Value)>;

    /// The most tasks of this key that one run takes, at least 1.
    fn batch_tasks(&self, installation: &str, key: &str) -> usize;

    /// A fresh run. No I/O of the guest happens before the first step. An error counts as a broken run.
    async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String>;
}

/// One run, from its start or, after a crash, from its start again with what is recorded.
#[async_trait]
pub trait Run: Send {
    /// Goes on to the next question or to the end. The same inputs give the same steps. Not called after the end.
    async fn step(&mut self, input: Input) -> Step;
}

/// The right to send one request: which one it is, in the words of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    pub installation: String,
    pub run: RunId,
    pub wave: u32,
    pub place: u32,
    /// How urgent it is: prompt requests of an account go before bulk ones.
    pub lane: Lane,
    /// Waiting for pace or a retry goes no further than this; then the answer is `stopped`.
    pub send_before: Timestamp,
}

/// Sends requests. Implemented by the connections; tests bring their own.
#[async_trait]
pub trait Performer: Send + Sync {
    /// How many requests of this connection are sent side by side: as many are begun in the journal at once.
    fn in_flight_max(&self, installation: &str, connection: &str) -> usize;

    /// Sends, repeats where that is safe, and answers. Gives the work back that it was handed; while it waits for a time
    /// it holds none.
    async fn perform(&self, permit: Permit, request: Request, work: Work) -> (Answer, Work);
}

/// Bytes in JSON: the text where they are one, else base64 behind a mark.
mod bytes {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Base64 { base64: String },
    }

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.serialize(s),
            Err(_) => Form::Base64 { base64: STANDARD.encode(bytes) }.serialize(s),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Form::deserialize(d)? {
            Form::Text(text) => text.into_bytes(),
            Form::Base64 { base64 } => STANDARD.decode(base64).map_err(D::Error::custom)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(headers: &[(&str, &str)], query: &[(&str, &str)]) -> Request {
        let pairs = |p: &[(&str, &str)]| p.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Request {
            connection: "crm".into(),
            method: Method::Get,
            path: vec!["a".into()],
            query: pairs(query),
            headers: pairs(headers),
            body: None,
            repeat: Repeat::Read,
            purpose: "look".into(),
        }
    }

    #[test]
    fn a_digest_minds_the_order_of_the_query_and_not_that_of_the_headers() {
        let a = [("a", "1"), ("b", "2")];
        let b = [("b", "2"), ("a", "1")];
        assert_eq!(request(&a, &[]).digest(), request(&b, &[]).digest());
        assert_ne!(request(&[], &a).digest(), request(&[], &b).digest());
    }

    #[test]
    fn a_digest_does_not_mind_the_case_of_a_headers_name() {
        let digest = |headers| request(headers, &[]).digest();
        assert_eq!(digest(&[("A", "1"), ("b", "2")]), digest(&[("a", "1"), ("B", "2")]));
        assert_ne!(digest(&[("a", "x")]), digest(&[("a", "X")]));
    }

    #[test]
    fn each_bound_of_a_task_is_named_one_beyond_it() {
        let task = Task {
            kind: "k".repeat(64),
            payload: "p".repeat(64 << 10),
            ordering_key: "o".repeat(128),
            dedupe_key: "d".repeat(200),
            lane: Lane::Prompt,
            not_before: None,
            title: "t".repeat(200),
            subject: Some(Subject { kind: "s".repeat(32), id: "i".repeat(320) }),
        };
        assert_eq!(task.fault(), None);
        let of = |change: &dyn Fn(&mut Task)| {
            let mut changed = task.clone();
            change(&mut changed);
            changed.fault().unwrap()
        };
        let faults = [
            ("`kind`", of(&|t| t.kind.clear())),
            ("lower case", of(&|t| t.kind = "Register".into())),
            ("`kind`", of(&|t| t.kind.push('k'))),
            ("host's own", of(&|t| t.kind = DELIVERY.into())),
            ("`payload`", of(&|t| t.payload.push('p'))),
            ("`ordering-key`", of(&|t| t.ordering_key.clear())),
            ("`ordering-key`", of(&|t| t.ordering_key.push('o'))),
            ("host's own", of(&|t| t.ordering_key = format!("{INBOX}1"))),
            ("host's own", of(&|t| t.kind = SYNC.into())),
            ("host's own", of(&|t| t.ordering_key = format!("{SOURCES}people"))),
            ("`dedupe-key`", of(&|t| t.dedupe_key.push('d'))),
            ("`title`", of(&|t| t.title.push('t'))),
            ("`subject.kind`", of(&|t| t.subject.iter_mut().for_each(|s| s.kind.push('s')))),
            ("`subject.id`", of(&|t| t.subject.iter_mut().for_each(|s| s.id.push('i')))),
        ];
        for (name, fault) in faults {
            assert!(fault.contains(name), "{name}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn any_body_survives_the_journal(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let before = Response { status: 200, headers: vec![], body };
            let text = serde_json::to_string(&before).unwrap();
            prop_assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), before);
        }
    }
}
