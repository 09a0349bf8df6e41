//! Ctrl-C, or SIGTERM: the first one ends what is under way in order, the second one at once.

use super::exit_codes;
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
            if !asked_to_end().await {
                return;
            }
            // Nobody may be there to read it, and it ends all the same.
            let _ = writeln!(std::io::stderr(), "ending: what is under way ends first; Ctrl-C once more ends at once");
            noted.store(true, Ordering::SeqCst);
            stop.cancel();
            if asked_to_end().await {
                std::process::exit(exit_codes::INTERRUPTED.into());
            }
        });
        Interrupt(heard)
    }

    pub fn was_heard(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// False where no signal can be heard.
async fn asked_to_end() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else { return tokio::signal::ctrl_c().await.is_ok() };
        tokio::select! {
            heard = tokio::signal::ctrl_c() => heard.is_ok(),
            heard = terminated.recv() => heard.is_some(),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
