//! Who a request is, after authentication, whichever way it came.
//!
//! Owns the caller's identity as the policy sees it. It must never carry a credential.

use super::{Surface, text_enum};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

text_enum! {
    /// Whether an agent may call at all.
    AgentStatus {
        /// May call.
        Active = "active",
        /// Switched off by an administrator, can be resumed.
        Suspended = "suspended",
        /// Switched off by enforcement until an administrator reviews.
        Quarantined = "quarantined",
        /// Switched off for good.
        Revoked = "revoked",
    }
}

/// An authenticated caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    /// The agent's id (a UUID as text).
    pub agent_id: Arc<str>,
    /// The agent's name, unique, `[a-z0-9][a-z0-9._-]{0,62}`.
    pub agent_name: Arc<str>,
    /// `interactive`, `autonomous`, …; the policy sees it as the role `type:<agent_type>`.
    pub agent_type: Arc<str>,
    /// The roles stored with the agent; `g` lines of the policy add to them.
    pub roles: Arc<[Arc<str>]>,
    /// The session: the token's `jti`, or the detection key's id.
    pub session_id: Arc<str>,
    /// The AppContext, where the caller came with a detection key.
    pub app_context: Option<Arc<AppContext>>,
    /// The door through which the caller came.
    pub surface: Surface,
    /// Name, type and roles in one string: equal subjects get equal decisions.
    pub subject: Arc<str>,
}

/// A named place of use, to which detection keys belong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppContext {
    /// `ac_…`.
    pub id: Arc<str>,
    /// Unique.
    pub name: Arc<str>,
    /// The models that may be used through it, as patterns of the policy; empty: all.
    pub allowed_models: Arc<[Box<str>]>,
    /// The detection rules that its calls are screened with: ids, `type:PATTERN` or `class:CLASS`; empty: all.
    pub detectors: Arc<[Box<str>]>,
    /// Id and lists in one string: equal keys get equal decisions.
    pub policy_key: Arc<str>,
    /// The name of the provider key in the configuration that replaces the caller's.
    pub provider_key: Option<Arc<str>>,
}

impl AppContext {
    /// A context with its policy key. The separators cannot occur in ids, patterns or selectors.
    pub fn new(
        id: Arc<str>,
        name: Arc<str>,
        allowed_models: Arc<[Box<str>]>,
        detectors: Arc<[Box<str>]>,
        provider_key: Option<Arc<str>>,
    ) -> Self {
        let mut policy_key = id.to_string();
        for pattern in allowed_models.iter() {
            policy_key.push('\n');
            policy_key.push_str(pattern);
        }
        for selector in detectors.iter() {
            policy_key.push('\t');
            policy_key.push_str(selector);
        }
        Self { id, name, allowed_models, detectors, policy_key: policy_key.into(), provider_key }
    }
}

/// How much a caller may ask for; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CallerLimits {
    /// Requests in any minute, in bursts of at most as many.
    pub requests_per_minute: Option<u32>,
    /// Requests in a calendar month (UTC).
    pub monthly_requests: Option<u64>,
    /// Streams open at the same time.
    pub concurrent_streams: Option<u32>,
}

impl Principal {
    /// Joins name, type and roles into the key that policy memos use. The separator cannot occur
    /// in names, types or roles.
    pub fn subject_of(agent_name: &str, agent_type: &str, roles: &[Arc<str>]) -> Arc<str> {
        let mut subject = format!("{agent_name}\ntype:{agent_type}");
        for role in roles {
            subject.push('\n');
            subject.push_str(role);
        }
        subject.into()
    }
}
