//! One session or one person is read again at the source, because somebody asks: what was missed comes, and what is written stays as
//! it is. Not here: what is read (the connector's source of this name).

use super::{Desk, OperateError, person};
use crate::{durable::Accepted, effect::Subject, sync::Pass};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The connector's source.
pub(super) const SOURCE: &str = "resync";
const SESSION_BYTES_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Resync)]
pub enum What {
    /// By its id at the source.
    Session(String),
    /// By address.
    Person(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resynced {
    pub installation: String,
    /// The task that reads.
    pub task: u64,
    /// False: the same was asked for before, and is not over yet.
    pub accepted: bool,
}

impl What {
    /// What it is about, and how the connector's source is asked for it.
    fn asked(&self) -> Result<(Subject, String), OperateError> {
        let (kind, id) = match self {
            What::Session(session) => ("session", self::session(session)?),
            What::Person(email) => (Subject::PERSON, person(email)?),
        };
        let parameters = Value::Object([(kind.to_owned(), Value::from(id.clone()))].into_iter().collect());
        Ok((Subject { kind: kind.into(), id }, parameters.to_string()))
    }
}

/// Any that a provider may have: whether there is such a session is for the connector to find out.
fn session(id: &str) -> Result<String, OperateError> {
    let id = id.trim();
    let is_one =
        !id.is_empty() && id.len() <= SESSION_BYTES_MAX && !id.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_one { Ok(id.into()) } else { Err(OperateError::NoSession) }
}

impl Desk {
    pub async fn resync(&self, installation: &str, what: &What) -> Result<Resynced, OperateError> {
        let sources = self.runtime.sources_of(installation).await?;
        if !sources.iter().any(|source| source.name == SOURCE) {
            return Err(OperateError::NoResync(SOURCE));
        }
        let (about, parameters) = what.asked()?;
        let pass = Pass::taken(SOURCE, parameters, None, None, self.clock.now());
        let pass = Pass { about: Some(about), ..pass };
        let accepted = self.engine.accept(installation, vec![pass.task(None)]).await?;
        let (task, accepted) = match (accepted.first(), what) {
            (Some(Accepted::New(task)), _) => (task.0, true),
            (Some(Accepted::Already(task)), _) => (task.0, false),
            (Some(Accepted::Forgotten) | None, What::Person(of) | What::Session(of)) => {
                return Err(OperateError::IsForgotten { installation: installation.into(), person: of.clone() });
            }
        };
        Ok(Resynced { installation: installation.into(), task, accepted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_read_again_is_one_session_or_one_person_however_it_is_written() {
        let rows = [
            (What::Session(" 71cfa73b-6fbe ".into()), "session", "71cfa73b-6fbe"),
            (What::Person(" Ana@Example.org".into()), "person", "ana@example.org"),
        ];
        for (what, kind, id) in rows {
            let (about, parameters) = what.asked().unwrap();
            assert_eq!((about.kind.as_str(), about.id.as_str()), (kind, id));
            assert_eq!(serde_json::from_str::<Value>(&parameters).unwrap(), json!({kind: id}));
        }
        for no in ["", "  ", "the demo of May", "a\nb", &"x".repeat(129)] {
            let error = What::Session(no.into()).asked().unwrap_err().to_string();
            assert!(error.contains("no id of a session"), "{error}");
        }
    }

    #[test]
    fn requests_for_others_do_not_stand_in_the_way_and_a_session_is_met_by_its_provider_alone() {
        let task = |what: What| {
            let (about, parameters) = what.asked().unwrap();
            let taken = Pass::taken(SOURCE, parameters, None, None, crate::clock::Timestamp(0));
            Pass { about: Some(about), ..taken }.task(None)
        };
        let key = |what: What| {
            let task = task(what);
            (task.dedupe_key, task.ordering_key)
        };
        let subject = task(What::Person("Ana@example.org".into())).subject.unwrap();
        assert_eq!((subject.kind.as_str(), subject.id.as_str()), ("person", "ana@example.org"));
        assert_eq!(task(What::Session("mistyped".into())).subject, None);
        let (ana, queue) = key(What::Person("ana@example.org".into()));
        assert_eq!(key(What::Person("Ana@example.org".into())).0, ana);
        let (other, same_queue) = key(What::Session("ana@example.org".into()));
        assert_ne!(other, ana);
        assert_eq!(queue, same_queue, "one page at a time is read all the same");
    }
}
