//! Ctrl-C: the first one ends what is under way in order, the second one at once.

use super::exit_codes;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio_util::sync::CancellationToken;

pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on the first Ctrl-C cancels `stop`.
    pub fn heard_by(stop: CancellationToken) -> Interrupt {
        let heard = Arc::new(AtomicBool::new(false));
        let noted = heard.clone();
        tokio::spawn(async move {
            // Where no signal can be heard, Ctrl-C does what it does by default.
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            eprintln!("ending: what is under way ends first; Ctrl-C once more ends at once");
            noted.store(true, Ordering::SeqCst);
            stop.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(exit_codes::INTERRUPTED.into());
            }
        });
        Interrupt(heard)
    }

    pub fn was_heard(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
