//! What the connector may ask of its host, and the words that both speak. Plain types, so that everything but `glue.rs`
//! compiles and is tested natively. They say the same as `wit/`, where each is explained.
//!
//! Invariant: nothing here knows a host name, a token or a clock of its own.

/// Milliseconds since 1970-01-01T00:00:00 UTC.
pub type Instant = u64;

pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// All that pure code may ask for. `send_all` is reached through `executor::Waves` alone.
pub trait Host {
    fn send_all(&self, requests: Vec<Request>) -> Vec<Answer>;
    fn get(&self, key: &str) -> Option<String>;
    /// In the order of `keys`, at most 1,000.
    fn get_many(&self, keys: &[String]) -> Vec<Option<String>>;
    /// Entries whose key begins with `prefix`, sorted by the key's bytes, after the key `after`; at most `limit`, at most 1,000.
    fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry>;
    fn set(&self, entry: Entry);
    fn delete(&self, key: &str);
    fn now(&self) -> Instant;
    fn log(&self, line: Line);
    fn changes(&self, changes: Vec<Change>);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What a second sending would do at the provider. `Once` is written by `ledger.rs` and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Read,
    Idempotent,
    Once,
}

#[derive(Clone, Debug, PartialEq)]
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

#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum HttpError {
    Denied(Denial),
    NotSent(String),
    Unknown(String),
    Unusable(Unusable),
    Throttled(Throttle),
    Unauthorized(String),
    Stopped(String),
    DryRun,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    pub layer: String,
    pub rule: String,
    pub remedy: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unusable {
    pub status: Option<u16>,
    pub problem: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    pub until: Instant,
    pub reason: String,
}

pub type Answer = Result<Response, HttpError>;

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub value: String,
    pub subject: Option<Subject>,
}

/// What a call is about. Whatever holds personal data names its person here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    pub kind: String,
    pub id: String,
}

impl Subject {
    pub fn person(id: &str) -> Self {
        Self { kind: "person".into(), id: crate::text::fit(id, 320) }
    }

    pub fn session(id: &str) -> Self {
        Self { kind: "session".into(), id: crate::text::fit(id, 320) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    pub installation: String,
    pub settings: String,
    pub activated_at: Instant,
    pub connections: Vec<String>,
    pub dry_run: bool,
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub run_ms: u32,
    pub requests: u32,
    pub wave: u32,
    pub request_bytes: u32,
    pub response_bytes: u32,
    pub wave_bytes: u32,
    pub hold_ms: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub kind: String,
    pub payload: String,
    pub ordering_key: String,
    pub dedupe_key: String,
    pub lane: Lane,
    pub not_before: Option<Instant>,
    pub title: String,
    pub subject: Option<Subject>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Prompt,
    Bulk,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub id: u32,
    pub task: Task,
    pub attempt: u32,
    pub admitted_at: Instant,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done(Completion),
    Later(Wait),
    Failed(Failure),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    pub follow_ups: Vec<Task>,
    pub wakes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub until: Instant,
    pub reason: String,
    pub wake_on: Option<String>,
    pub pause: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub class: FailureClass,
    pub problem: String,
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    NeedsAttention,
    Invalid,
    Bug,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Webhook(Delivery),
    /// By webhook source, and when.
    Activated(Vec<(String, String)>, Instant),
    SettingsChanged,
    /// Since when.
    Deactivating(Instant),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub source: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub received_at: Instant,
    pub verified: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    Tasks(Vec<Task>),
    Ignored(String),
    Refused(String),
}

/// Something that `sync` reads: rows for whoever takes them, or tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub name: String,
    pub title: String,
    pub schema: String,
    pub primary_key: Vec<String>,
    pub min_interval_ms: u64,
    pub parameters: String,
    pub scheduled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowChange {
    Upsert,
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub change: RowChange,
    /// JSON; of a deletion the primary key alone.
    pub value: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub rows: Vec<Row>,
    pub tasks: Vec<Task>,
    /// Where the next page, or the next pass, begins.
    pub cursor: String,
    /// False: the pass is over.
    pub more: bool,
    /// Of the tasks.
    pub costs: Vec<Cost>,
}

/// What a pass, and the tasks that follow from it, cost in requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    pub connection: String,
    pub least: u64,
    pub most: u64,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq)]
pub enum Interruption {
    Later(Wait),
    BadCursor(String),
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub level: Level,
    pub code: String,
    pub message: String,
    pub subject: Option<Subject>,
    pub fields: Vec<(String, String)>,
}

impl Line {
    /// A sentence for the run log: at most 1,000 bytes, its subject beside it.
    pub fn new(level: Level, code: &str, message: &str, subject: Option<Subject>) -> Self {
        Self {
            level,
            code: crate::text::fit(code, 64),
            message: crate::text::fit(message, 1_000),
            subject,
            fields: Vec::new(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Created,
    Updated,
    Linked,
    Unchanged,
    LeftOut,
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub connection: String,
    pub object: String,
    pub id: Option<String>,
    pub action: Action,
    pub subject: Option<Subject>,
    pub detail: Option<String>,
}

/// One value that a setting may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub value: String,
    pub title: String,
    pub detail: Option<String>,
}

/// One value of a delivery, and what the settings make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedValue {
    pub source: String,
    pub given: Option<String>,
    pub target: String,
    pub written: Option<String>,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    pub place: String,
    pub problem: String,
    pub remedy: String,
    pub fixable: bool,
}

impl Finding {
    pub fn new(code: &str, severity: Severity, place: &str, problem: &str, remedy: &str) -> Self {
        Self {
            code: crate::text::fit(code, 64),
            severity,
            place: crate::text::fit(place, 300),
            problem: crate::text::fit(problem, 1_000),
            remedy: crate::text::fit(remedy, 1_000),
            fixable: false,
        }
    }

    /// Of the settings, at `place`.
    pub fn wrong(place: &str, problem: &str, remedy: &str) -> Self {
        Self::new("settings-wrong", Severity::Blocker, place, problem, remedy)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Fine,
    Notice,
    Warning,
    Blocker,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub title: String,
    pub description: String,
    pub connections: Vec<ConnectionNeed>,
    pub webhooks: Vec<WebhookSource>,
    pub settings_schema: String,
    pub batch_tasks: u32,
    pub batch_bytes: u32,
    pub give_up_ms: u64,
    pub exclusive: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionNeed {
    pub name: String,
    pub provider: String,
    pub title: String,
    pub scopes: Vec<String>,
    pub required: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSource {
    pub name: String,
    pub signature: Signature,
    pub headers: Vec<String>,
    pub max_bytes: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Signature {
    Unsigned,
    Digest(Digest),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Digest {
    pub header: String,
    pub format: String,
    pub algorithm: Algorithm,
    pub parts: Vec<Part>,
    pub encoding: Encoding,
    pub tolerance_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    HmacSha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Timestamp,
    Secret,
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    HexLower,
    Base64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EgressRule {
    pub connection: String,
    pub methods: Vec<Method>,
    pub path: Vec<String>,
    pub body_fields: Vec<String>,
    pub headers: Vec<String>,
    pub reason: String,
}
