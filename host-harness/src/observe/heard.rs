//! For tests: what is told, in lines, e.g. `WARN the run ends installation="acme" failed=2`.

use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing::{
    Dispatch,
    dispatcher::{self, DefaultGuard},
};

/// Hears what is told on this thread until it is dropped.
pub struct Heard {
    told: Arc<Mutex<Vec<u8>>>,
    _listening: DefaultGuard,
    /// Of one alone, an event that another thread tells first, where nobody listens, is taken for one that nobody wants.
    _second: Dispatch,
}

struct Ear(Arc<Mutex<Vec<u8>>>);

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Heard {
    pub fn begin() -> Heard {
        let told = Arc::new(Mutex::default());
        let ear = told.clone();
        let listener = || {
            let ear = ear.clone();
            let lines = tracing_subscriber::fmt().with_writer(move || Ear(ear.clone()));
            Dispatch::new(lines.without_time().with_target(false).with_ansi(false).finish())
        };
        let _second = listener();
        Heard { _listening: dispatcher::set_default(&listener()), _second, told }
    }

    /// What was told since it was asked last.
    pub fn lines(&self) -> Vec<String> {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        String::from_utf8(told).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}
