//! What the use cases' tests share.

use super::{
    ConfiguredNames, LimitChange, NewAgentRequest, Provisioned, USUAL_AGENT_TYPE, create_agent,
};
use crate::policy::{Policy, SourceFile};
use crate::store::{Store, StoreOptions};
use crate::types::UnixMillis;
use tempfile::TempDir;

/// A store in a directory that lives as long as the first value.
pub(super) fn store() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_owned();
    let store = Store::open(&StoreOptions { database_url: None, data_dir, pool_size: 2 }).unwrap();
    (directory, store)
}

/// A policy that knows the role `developer`.
pub(super) fn policy() -> Policy {
    let model = SourceFile::new("model.conf", include_str!("../../model.conf"));
    let rules = "p, developer, *, allow\np2, developer, web:write, allow\n";
    Policy::build(&model, &SourceFile::new("policy.csv", rules)).unwrap()
}

/// What an administrator would say of an ordinary agent.
pub(super) fn ordinary(name: &str) -> NewAgentRequest {
    NewAgentRequest {
        name: name.to_owned(),
        agent_type: USUAL_AGENT_TYPE.to_owned(),
        roles: vec!["developer".to_owned()],
        owner: None,
        identity: None,
        limits: LimitChange::default(),
    }
}

/// Registers an ordinary agent.
pub(super) fn agent(store: &Store, name: &str) -> Provisioned {
    let names = ConfiguredNames::default();
    create_agent(store, &policy(), &names, ordinary(name), "cli", UnixMillis(1)).unwrap()
}
