//! What authentication starts from: our keys, the issuers outside, every caller's standing.
//!
//! Owns the order: a key that signs is known to every gateway before it is used. It must never start with an issuer
//! whose settings cannot be used.

use super::AppError;
use crate::actors::auth::{AuthActor, AuthSettings, AuthSnapshot, ExternalIssuer, Terms};
use crate::config::Config;
use crate::identity::KeySet;
use crate::store::{KeyFiles, Store};
use crate::types::CallerLimits;
use std::sync::Arc;

/// Who makes keys known, in the list of changes.
const SERVER: &str = crate::types::actor::SERVER;

/// Reads keys and standings, and makes our public key known.
pub(super) fn load(
    config: &Config,
    store: &Store,
) -> Result<(AuthSettings, AuthSnapshot), AppError> {
    let now = crate::clock::now();
    let key_files = KeyFiles::of(&config.data_dir);
    let key = key_files.load_or_create(now)?;
    // Keys of a release that kept all files: they sign no more, and their tokens are soon over.
    let ends = now.plus_secs(i64::try_from(config.auth.token_ttl_secs).unwrap_or(i64::MAX));
    for old in key_files.older()? {
        store.register_key(old.kid(), &old.jwk(), &config.server.node, SERVER, now)?;
        store.retire_key(old.kid(), ends, SERVER, now)?;
        key_files.remove(old.kid())?;
    }
    store.register_key(key.kid(), &key.jwk(), &config.server.node, SERVER, now)?;
    let issuers = config.issuers.iter().map(|(name, issuer)| ExternalIssuer::of(name, issuer));
    let settings = AuthSettings {
        tokens: config.auth.clone(),
        terms: Terms {
            limits: CallerLimits {
                requests_per_minute: config.limits.requests_per_minute,
                monthly_requests: config.limits.monthly_requests,
                concurrent_streams: config.limits.concurrent_streams,
            },
            trust: Arc::new(config.trust.clone()),
        },
        issuers: issuers.collect::<Result<_, _>>()?,
        key_files,
    };
    let snapshot = AuthActor::load(store, &settings, KeySet::new(key), now)?;
    Ok((settings, snapshot))
}
