//! How our types lie in columns. A column that cannot be what it is makes [`EngineError::Corrupt`], never a panic.

use crate::{
    clock::Timestamp,
    durable::{EngineError, TaskId, TaskStatus},
    effect::{Lane, RunId},
};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::de::DeserializeOwned;

/// SQLite counts to 2^63; a time beyond that is as good as never.
macro_rules! column {
    ($($type:ident),*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(i64::try_from(self.0).unwrap_or(i64::MAX)))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let number = value.as_i64()?;
                u64::try_from(number).map($type).map_err(|_| FromSqlError::OutOfRange(number))
            }
        }
    )*};
}

/// A number that has no other name.
#[derive(Clone, Copy)]
pub(super) struct Count(pub u64);

column!(Timestamp, TaskId, RunId, Count);

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, EngineError> {
    serde_json::from_str(text).map_err(|e| EngineError::Corrupt(e.to_string()))
}

pub(super) fn status_text(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Waiting => "waiting",
        TaskStatus::Running => "running",
        TaskStatus::Done => "done",
        TaskStatus::Dead => "dead",
    }
}

pub(super) fn status_of(text: &str) -> Result<TaskStatus, EngineError> {
    Ok(match text {
        "waiting" => TaskStatus::Waiting,
        "running" => TaskStatus::Running,
        "done" => TaskStatus::Done,
        "dead" => TaskStatus::Dead,
        other => return Err(EngineError::Corrupt(format!("a task has the status {other:?}"))),
    })
}

pub(super) fn lane_of(number: i64) -> Result<Lane, EngineError> {
    Ok(match number {
        0 => Lane::Prompt,
        1 => Lane::Bulk,
        other => return Err(EngineError::Corrupt(format!("a task has the lane {other}"))),
    })
}
