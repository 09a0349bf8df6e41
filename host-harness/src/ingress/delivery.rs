//! A delivery as a task of the host's own kind.

use crate::{
    durable::{DELIVERY, INBOX},
    effect::{Delivery, Lane, Task},
};
use sha2::{Digest, Sha256};

/// Its name is a digest of source and body: the same delivery sent again is the same task, and two deliveries never wait for
/// each other.
pub fn delivery_task(delivery: &Delivery) -> Task {
    let mut digest = Sha256::new();
    digest.update(delivery.source.as_bytes());
    digest.update([0]);
    digest.update(&delivery.body);
    let id = hex::encode(digest.finalize());
    Task {
        kind: DELIVERY.into(),
        payload: serde_json::to_string(delivery).expect("a delivery is plain data"),
        ordering_key: format!("{INBOX}{id}"),
        dedupe_key: format!("{DELIVERY}/{id}"),
        lane: Lane::Prompt,
        not_before: None,
        title: format!("delivery from {} ({} bytes)", delivery.source, delivery.body.len()),
        subject: None,
    }
}
