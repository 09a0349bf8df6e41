//! A job, and how it is told.
//! <https://developer.salesforce.com/docs/platform/api-asynch/guide/get-job-info.html>

use super::csv::Format;
use crate::{
    clock::Timestamp,
    simulators::salesforce::{Salesforce, describe::ObjectType, time},
};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Insert,
    Update,
    Upsert,
    Delete,
}

impl Operation {
    pub const ALL: [Operation; 4] = [Operation::Insert, Operation::Update, Operation::Upsert, Operation::Delete];

    pub fn name(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Update => "update",
            Operation::Upsert => "upsert",
            Operation::Delete => "delete",
        }
    }
}

/// What somebody has done with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// Its rows are written; until then it says that it is at work.
    Closed(Timestamp),
    Aborted,
}

/// A row of the upload, with what became of it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Empty where there is no record.
    pub id: String,
    pub created: bool,
    /// Nothing where it went well.
    pub error: Option<String>,
    pub values: Vec<String>,
}

#[derive(Clone, Debug)]
pub(in crate::simulators::salesforce) struct Job {
    pub(super) id: String,
    pub(super) object: &'static ObjectType,
    pub(super) operation: Operation,
    pub(super) external_id_field: Option<String>,
    pub(super) assignment_rule: Option<String>,
    pub(super) format: Format,
    /// Such as `v62.0`, of the request that made it.
    pub(super) version: String,
    pub(super) created_at: Timestamp,
    pub(super) modified_at: Timestamp,
    pub(super) stage: Stage,
    pub(super) data: Option<String>,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// Rows that nobody has looked at.
    pub(super) unprocessed: Vec<Vec<String>>,
    /// Why the job as a whole has failed.
    pub(super) failure: Option<String>,
}

impl Job {
    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        match self.stage {
            Stage::Open => "Open",
            Stage::Aborted => "Aborted",
            Stage::Closed(until) if now < until => "InProgress",
            Stage::Closed(_) if self.failure.is_some() => "Failed",
            Stage::Closed(_) => "JobComplete",
        }
    }

    /// What is told of a job at every call.
    pub(super) fn told(&self, state: &str) -> Value {
        let mut told = json!({
            "id": self.id,
            "operation": self.operation.name(),
            "object": self.object.name,
            "createdById": Salesforce::user_id(),
            "createdDate": time(self.created_at),
            "systemModstamp": time(self.modified_at),
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version.trim_start_matches('v').parse::<f64>().unwrap_or_default(),
            "lineEnding": self.format.line_ending.name(),
            "columnDelimiter": self.format.delimiter.name(),
        });
        if let Some(field) = &self.external_id_field {
            told["externalIdFieldName"] = json!(field);
        }
        if let Some(rule) = &self.assignment_rule {
            told["assignmentRuleId"] = json!(rule);
        }
        if self.stage == Stage::Open {
            // Without a slash before it, as in captured answers.
            told["contentUrl"] = json!(format!("services/data/{}/jobs/ingest/{}/batches", self.version, self.id));
        }
        told
    }

    /// With how far it has come.
    pub(super) fn told_in_full(&self, now: Timestamp) -> Value {
        let state = self.state(now);
        let mut told = self.told(state);
        told["jobType"] = json!("V2Ingest");
        let at_work = state == "InProgress";
        let failed = self.rows.iter().filter(|row| row.error.is_some()).count();
        told["numberRecordsProcessed"] = json!(if at_work { 0 } else { self.rows.len() });
        told["numberRecordsFailed"] = json!(if at_work { 0 } else { failed });
        for name in ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"] {
            told[name] = json!(0);
        }
        if let Some(failure) = self.failure.as_ref().filter(|_| state == "Failed") {
            told["errorMessage"] = json!(failure);
        }
        told
    }
}
