//! What a connector says of itself and is told, in words that belong to no version of the contract. The meanings are
//! those of `wit/`.

pub use crate::effect::EgressRule;
use crate::{
    clock::Timestamp,
    effect::{Failure, Task, Wait},
    runtime::limits::Limits,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionNeed {
    pub name: String,
    pub provider: String,
    pub title: String,
    pub scopes: Vec<String>,
    pub required: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookSource {
    pub name: String,
    pub signature: Signature,
    pub headers: Vec<String>,
    pub max_bytes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    Unsigned,
    Digest(SignatureDigest),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureDigest {
    pub header: String,
    /// With `{timestamp}` and `{digest}` in their places.
    pub format: String,
    pub algorithm: Algorithm,
    pub parts: Vec<Part>,
    pub encoding: Encoding,
    pub tolerance_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    Sha256,
    HmacSha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Timestamp,
    Secret,
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    HexLower,
    Base64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    pub place: String,
    pub problem: String,
    pub remedy: String,
    pub fixable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Fine,
    Notice,
    Warning,
    Blocker,
}

/// One value that a setting may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    pub value: String,
    pub title: String,
    pub detail: Option<String>,
}

/// One value of a delivery, and what the settings make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappedValue {
    pub source: String,
    pub given: Option<String>,
    pub target: String,
    pub written: Option<String>,
    pub note: String,
}

/// Something that `sync` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    pub name: String,
    pub title: String,
    /// JSON Schema of a row; empty where there are none.
    pub schema: String,
    pub primary_key: Vec<String>,
    pub min_interval_ms: u64,
    pub parameters: String,
    pub scheduled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    Upsert,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub change: RowChange,
    /// JSON; of a deletion the primary key alone.
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<Row>,
    pub tasks: Vec<Task>,
    pub cursor: String,
    pub more: bool,
    /// Of the tasks.
    pub costs: Vec<Cost>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    pub connection: String,
    pub least: u64,
    pub most: u64,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    Later(Wait),
    BadCursor(String),
    Failed(Failure),
}

/// The installation that a call is made for, as it is recorded with the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub installation: String,
    /// One JSON document, as text.
    pub settings: String,
    pub activated_at: Timestamp,
    pub connections: Vec<String>,
    pub dry_run: bool,
    pub limits: Limits,
}
