//! A delivery as a task of the host's own kind: sealed while it waits, opened for its run alone.
//!
//! Promises: a body, and with it the links by which people join, is in no store in clear, also while its delivery waits or was
//! refused; the same delivery is the same task, however it was sealed. Not here: how it is sealed (`vault.rs`), how long it is
//! kept (`durable`).

use crate::{
    durable::{DELIVERY, INBOX},
    effect::{Delivery, Driver, Lane, Lead, Run, Task},
    vault::Vault,
};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Its name is a digest of source and body as they arrived: the same delivery sent again is the same task, and two deliveries
/// never wait for each other.
pub fn delivery_task(vault: &Vault, installation: &str, delivery: &Delivery) -> Task {
    let mut digest = Sha256::new();
    digest.update(delivery.source.as_bytes());
    digest.update([0]);
    digest.update(&delivery.body);
    let id = hex::encode(digest.finalize());
    let ordering_key = format!("{INBOX}{id}");
    let payload = serde_json::to_vec(delivery).expect("a delivery is plain data");
    Task {
        kind: DELIVERY.into(),
        payload: vault.seal(&used_for(installation, &ordering_key), &payload),
        ordering_key,
        dedupe_key: format!("{DELIVERY}/{id}"),
        lane: Lane::Prompt,
        not_before: None,
        title: format!("delivery from {} ({} bytes)", delivery.source, delivery.body.len()),
        subject: None,
    }
}

/// Another installation's delivery, or another one of this, is not opened in its place.
fn used_for(installation: &str, ordering_key: &str) -> String {
    format!("{DELIVERY}\n{installation}\n{ordering_key}")
}

/// A driver whose deliveries are sealed, and which need not know of it.
pub struct Opening {
    pub driver: Arc<dyn Driver>,
    pub vault: Vault,
}

#[async_trait]
impl Driver for Opening {
    fn prepare(&self, installation: &str) -> Option<(String, serde_json::Value)> {
        self.driver.prepare(installation)
    }

    fn batch_tasks(&self, installation: &str, key: &str) -> usize {
        self.driver.batch_tasks(installation, key)
    }

    async fn open(&self, mut lead: Lead) -> Result<Box<dyn Run>, String> {
        let (vault, installation) = (&self.vault, &lead.installation);
        // One that an earlier version has kept in clear goes through as it is.
        let tasks = lead.input.assignments.iter_mut().map(|assignment| &mut assignment.task);
        for task in tasks.filter(|task| task.kind == DELIVERY && Vault::is_sealed(&task.payload)) {
            let opened = vault.open(&used_for(installation, &task.ordering_key), &task.payload);
            let opened = opened.map_err(|e| format!("a kept delivery cannot be opened: {e}"))?;
            let text = std::str::from_utf8(opened.expose_secret());
            task.payload = text.map_err(|_| "a kept delivery is no text")?.to_owned();
        }
        self.driver.open(lead).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        effect::{Assignment, RunId, RunInput},
    };
    use std::sync::Mutex;

    const BODY: &str = r#"{"connection_link":"https://app.example/join?key=hush-hush","email":"ana@example.org"}"#;

    fn delivery(source: &str, at: u64) -> Delivery {
        let body = BODY.as_bytes().to_vec();
        Delivery { source: source.into(), headers: vec![], body, received_at: Timestamp(at), verified: false }
    }

    fn lead(installation: &str, task: Task) -> Lead {
        let assignments = vec![Assignment { id: 0, task, attempt: 1, admitted_at: Timestamp(0) }];
        let input =
            RunInput { component: "c".into(), context: serde_json::Value::Null, started_at: Timestamp(0), assignments };
        Lead { run: RunId(1), installation: installation.into(), key: "inbox/1".into(), input }
    }

    /// Keeps what it was given to open.
    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    #[async_trait]
    impl Driver for Seen {
        fn prepare(&self, _: &str) -> Option<(String, serde_json::Value)> {
            None
        }
        fn batch_tasks(&self, _: &str, _: &str) -> usize {
            1
        }
        async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String> {
            self.0.lock().unwrap().push(lead.input.assignments[0].task.payload.clone());
            Err("it was opened".into())
        }
    }

    async fn opened(vault: &Vault, lead: Lead) -> (String, Option<String>) {
        let seen = Arc::new(Seen::default());
        let said = Opening { driver: seen.clone(), vault: vault.clone() }.open(lead).await.err().unwrap();
        let payload = seen.0.lock().unwrap().pop();
        (said, payload)
    }

    #[tokio::test]
    async fn a_delivery_is_sealed_until_it_is_run_and_the_same_one_is_the_same_task() {
        let vault = Vault::of(Vault::new_key().expose_secret(), "a test").unwrap();
        let (first, again) =
            (delivery_task(&vault, "acme", &delivery("s", 1)), delivery_task(&vault, "acme", &delivery("s", 2)));
        assert_eq!((&first.dedupe_key, &first.ordering_key), (&again.dedupe_key, &again.ordering_key));
        assert_ne!(first.payload, again.payload);
        assert_ne!(first.dedupe_key, delivery_task(&vault, "acme", &delivery("other", 1)).dedupe_key);
        assert!(Vault::is_sealed(&first.payload) && first.is_hosts_own(), "{first:?}");
        let kept = serde_json::to_string(&first).unwrap();
        assert!(!kept.contains("hush") && !kept.contains("ana@") && !kept.contains("Y29ubmVjdGlvbl9saW5r"), "{kept}");

        let (said, payload) = opened(&vault, lead("acme", first.clone())).await;
        assert_eq!(said, "it was opened");
        assert_eq!(serde_json::from_str::<Delivery>(&payload.unwrap()).unwrap(), delivery("s", 1));

        for (of, vault) in [("other", vault.clone()), ("acme", Vault::simulated())] {
            let (said, payload) = opened(&vault, lead(of, first.clone())).await;
            assert!(said.starts_with("a kept delivery cannot be opened: it "), "{said}");
            assert_eq!(payload, None);
        }
    }

    #[tokio::test]
    async fn what_an_earlier_version_kept_in_clear_is_run_all_the_same() {
        let plain = serde_json::to_string(&delivery("s", 1)).unwrap();
        let task = Task { payload: plain.clone(), ..delivery_task(&Vault::simulated(), "acme", &delivery("s", 1)) };
        assert_eq!(opened(&Vault::simulated(), lead("acme", task)).await.1, Some(plain));
    }
}
