//! Which tools a caller may not use.
//!
//! Owns the answer for one subject and one version of the policy. It must never let a tool pass
//! that could not be judged.

use super::engine::{Answer, Engine};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// More names than that are not remembered: a caller chooses them.
const MAX_REMEMBERED: usize = 1_024;

/// A longer name is denied unread, so that nobody can make us work.
const MAX_TOOL_BYTES: usize = 256;

/// The rule, or the reason, that denies a tool.
type Verdict = Option<Arc<str>>;

/// What the `p3` lines say to one subject. Tools are allowed unless a line denies them.
pub struct ToolPolicy {
    engine: Arc<Engine>,
    roles: Vec<Arc<str>>,
    memo: Mutex<HashMap<Box<str>, Verdict>>,
}

impl ToolPolicy {
    /// `None` where no line speaks of tools.
    pub(super) fn of(engine: &Arc<Engine>, roles: Vec<Arc<str>>) -> Option<Arc<Self>> {
        if engine.rules().is_empty() {
            return None;
        }
        Some(Arc::new(Self { engine: Arc::clone(engine), roles, memo: Mutex::default() }))
    }

    /// The rule that denies this tool, e.g. `line 9: p3, developer, shell_*, deny`.
    pub fn denies(&self, tool: &str) -> Option<Arc<str>> {
        if tool.len() > MAX_TOOL_BYTES {
            return Some("a tool's name of more than 256 bytes is denied unread".into());
        }
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = memo.get(tool) {
            return verdict.clone();
        }
        let verdict = self.ask(tool);
        if memo.len() < MAX_REMEMBERED {
            memo.insert(tool.into(), verdict.clone());
        }
        verdict
    }

    fn ask(&self, tool: &str) -> Verdict {
        match self.engine.ask(&self.roles, tool) {
            Answer::Denied(rule) => Some(Arc::clone(&rule.text)),
            Answer::Failed(error) => {
                Some(format!("denied because the policy could not be evaluated: {error}").into())
            }
            Answer::Allowed(_) | Answer::Silent => None,
        }
    }
}

impl fmt::Debug for ToolPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolPolicy").field("roles", &self.roles).finish_non_exhaustive()
    }
}
