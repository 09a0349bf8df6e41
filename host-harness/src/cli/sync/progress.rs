//! How far a pass is, on stderr: while it is a terminal line by line over itself, else only at the end.

use std::{
    io::{IsTerminal, Write},
    time::Instant,
};

pub(super) struct Progress<'a> {
    name: &'a str,
    since: Instant,
    records: usize,
    pages: usize,
    left: Option<u64>,
    is_terminal: bool,
}

impl Progress<'_> {
    pub fn new(name: &str) -> Progress<'_> {
        let is_terminal = std::io::stderr().is_terminal();
        Progress { name, since: Instant::now(), records: 0, pages: 0, left: None, is_terminal }
    }

    /// `left`: requests that the account has left, where its answers say so.
    pub fn page(&mut self, records: usize, left: Option<u64>) {
        self.records += records;
        self.pages += 1;
        self.left = left;
        if self.is_terminal {
            eprint!("\r{}  ", self.line());
            // A line that does not come is no reason to stop.
            let _ = std::io::stderr().flush();
        }
    }

    pub fn end(&self) {
        let (before, line) = (if self.is_terminal { "\r" } else { "" }, self.line());
        eprintln!("{before}{line}  ");
    }

    fn line(&self) -> String {
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let left = self.left.map(|left| format!(", {left} calls left")).unwrap_or_default();
        let rate = self.pages as f64 / seconds;
        format!("{}: {} records, {} pages, {rate:.1} pages/s{left}", self.name, self.records, self.pages)
    }
}
