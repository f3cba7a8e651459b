//! How far a long command is: one line on standard error that is written again and again.
//!
//! Owns that line. It must never appear anywhere but on a terminal.

use crate::types::UnixMillis;
use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

const SHOW_EVERY: Duration = Duration::from_millis(200);
/// To the line's beginning, and everything there away.
const CLEAR: &str = "\r\x1b[K";

pub(in crate::cli) struct Progress {
    is_shown: bool,
    began: Instant,
    shown: Option<Instant>,
    /// When the first records were written.
    first: Option<UnixMillis>,
    /// Up to when records can be.
    last: UnixMillis,
}

impl Progress {
    /// Records up to `last` will come.
    pub(in crate::cli) fn new(last: UnixMillis) -> Self {
        let is_shown = std::io::stderr().is_terminal();
        Self { is_shown, began: Instant::now(), shown: None, first: None, last }
    }

    /// So many records were read, up to those written at `reached`.
    pub(in crate::cli) fn records(&mut self, records: u64, reached: UnixMillis) {
        let (first, last) = (*self.first.get_or_insert(reached), self.last);
        self.show(records, || {
            let (done, all) = (reached.0 - first.0, last.0 - first.0);
            let percent = if all > 0 { (done.saturating_mul(100) / all).clamp(0, 100) } else { 0 };
            format!(", up to {reached}, {percent} %")
        });
    }

    /// So many records were read, and so many bytes of all.
    pub(in crate::cli) fn bytes(&mut self, records: u64, read: u64, all: u64) {
        self.show(records, || match read.saturating_mul(100).checked_div(all) {
            Some(percent) => format!(", {} %", percent.min(100)),
            None => String::new(),
        });
    }

    fn show(&mut self, records: u64, place: impl FnOnce() -> String) {
        let is_soon = self.shown.is_some_and(|shown| shown.elapsed() < SHOW_EVERY);
        if !self.is_shown || is_soon {
            return;
        }
        let millis = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(records) * 1_000 / millis;
        let place = place();
        self.shown = Some(Instant::now());
        // Nobody looks at a closed terminal.
        let _ = write!(std::io::stderr(), "{CLEAR}{records} records, {rate}/s{place}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}
