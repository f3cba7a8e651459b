//! Standard output: lines for people, or one JSON object for programs.

use super::CliError;
use serde::Serialize;
use std::io::{IsTerminal, Stdout, Write};

/// Where a command's result goes.
pub(super) struct Output {
    json: bool,
    stdout: Stdout,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, stdout: std::io::stdout() }
    }

    /// Whether the caller asked for JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person looks at it.
    pub(super) fn is_terminal(&self) -> bool {
        self.stdout.is_terminal()
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) -> Result<(), CliError> {
        let mut stdout = self.stdout.lock();
        writeln!(stdout, "{}", text.as_ref())?;
        Ok(stdout.flush()?)
    }

    pub(super) fn object(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
        self.line(text)
    }
}

/// A line on standard error that changes nothing of the result.
pub(super) fn warn(warning: &str) {
    // A closed standard error must not keep a new secret from being shown.
    let _ = writeln!(std::io::stderr(), "portcullis: warning: {warning}");
}
