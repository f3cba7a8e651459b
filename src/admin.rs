//! What administrators do: one file per group of commands, shared by the HTTP surface and the CLI.
//!
//! Owns the rules of the use cases (names, one-time secrets, sign-in). Everything here blocks and runs
//! on blocking threads or in the CLI. It must never return a stored secret: only a new one, once.

mod agents;
mod app_contexts;
pub mod audit;
mod configured;
mod detection_keys;
pub mod detections;
mod error;
mod lifetime;
mod limit_change;
mod oidc;
pub mod policy;
mod quarantine;
pub mod shown;
mod sign_in;
mod signing_keys;
mod snippets;
mod source_file;
#[cfg(test)]
mod testing;
mod trust_history;
mod users;

pub use agents::{
    Agent, AgentChangeRequest, IdentityRequest, NewAgentRequest, Provisioned, USUAL_AGENT_TYPE,
    change_agent, create_agent, find_agent, revoke_session, rotate_secret, set_limits, set_roles,
    set_status,
};
pub use app_contexts::{
    AppContextChangeRequest, AppContextRow, NewAppContextRequest, change_app_context,
    create_app_context, find_app_context, revoke_app_context,
};
pub use configured::ConfiguredNames;
pub use detection_keys::{
    KeyState, ListedKey, NewKey, NewKeyRequest, create_key, expire_key, list_keys, revoke_key,
};
pub use error::{AdminError, InvalidRequest, NameConflict};
pub use lifetime::Lifetime;
pub use limit_change::LimitChange;
pub use oidc::{ExternalSignIn, sign_in_external};
pub use quarantine::{LiftRequest, QuarantineRequest, lift_quarantine, quarantine_agent};
pub use sign_in::{
    SignedIn, ensure_administrator, knows_device, look_at_session, session_of, sign_in, sign_out,
};
pub use signing_keys::{Rotated, rotate_signing_key};
pub use snippets::{
    CLIENT_SECRET, DETECTION_KEY, Snippet, SnippetRequest, Snippets, curl_of_environment,
    python_of_environment, snippets,
};
use source_file::replace_written_down;
pub use source_file::{SourceFileError, why_not_writable};
pub use trust_history::{TrustHistory, TrustPoint, trust_history};
pub use users::{
    ListedUser, NewUserRequest, PasswordRequest, UserChangeRequest, change_own_password,
    change_user, create_user, delete_user, find_user, list_users, reset_password,
    sign_out_everywhere,
};
