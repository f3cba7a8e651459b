//! Screening: the only maker of [`Screened`], without which nothing is forwarded.
//!
//! Owns the verdict on what goes in and comes out. No detection rules exist yet, so a screened call
//! says plainly that nothing was scanned. It must never keep or name the text that it sees.

mod decoded;
mod detections;
mod error;
mod file;
mod fold;
mod judge;
mod lane;
mod profile;
mod rule;
mod scanner;
mod stream;
mod tally;
mod validators;

pub use rule::{Boundary, Override, Rule, View};

use crate::openai::UNKNOWN_ENDPOINT;
use crate::policy::Permitted;
use crate::types::{Governed, Scan, ScanExtent};
use std::borrow::Cow;

/// How far before a match its context reaches.
pub const CONTEXT_BYTES: usize = 128;

/// The longest match that a rule may have.
pub const MAX_MATCH_BYTES: usize = 16 * 1024;

/// A call that was authorised and screened: what the upstream actor accepts.
#[derive(Debug)]
pub struct Screened<C> {
    call: C,
    scan: Scan,
}

impl<C> Screened<C> {
    /// The call.
    pub fn call(&self) -> &C {
        &self.call
    }

    /// What was screened.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }
}

/// Screens an authorised call. With no rules it passes as it came, and the scan says `none`.
pub fn screen<C: Governed>(permitted: Permitted<C>) -> Screened<C> {
    let reason = if permitted.call().facts().endpoint == UNKNOWN_ENDPOINT {
        "the endpoint is not known: its call is forwarded unread"
    } else {
        "no detection rules are configured"
    };
    let scan = Scan { extent: ScanExtent::None, reason: Some(Cow::Borrowed(reason)) };
    Screened { call: permitted.into_call(), scan }
}
