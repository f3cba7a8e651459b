//! Who makes changes without being a user.
//!
//! Owns these names, as the list of changes has them. No user may be called so: changes would be taken for another's.

/// Whoever uses the command line on the gate's host.
pub const CLI: &str = "cli";
/// The rules of detection, by the trust that agents lose.
pub const DETECTION: &str = "detection";
/// Whoever edits the policy's file by hand.
pub const FILE: &str = "file";
/// The gate, when it follows its configuration.
pub const GATE: &str = "portcullis";
/// The identity provider, by what it says of its users.
pub const PROVIDER: &str = "oidc";
/// The gate, when it makes its keys known.
pub const SERVER: &str = "server";

/// All of them.
pub const ALL: [&str; 6] = [CLI, DETECTION, FILE, GATE, PROVIDER, SERVER];
