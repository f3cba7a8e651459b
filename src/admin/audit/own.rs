//! What a gateway has beside the database to verify it with: its own key, and its file of checkpoints.
//!
//! Owns where both are found. It must never make either.

use super::{super::AdminError, Trust, Verification, verify};
use crate::config::Config;
use crate::ledger::{Checkpoint, PublicKey};
use crate::store::{CheckpointFile, Store, known_audit_signer};
use crate::types::UnixMillis;
use std::path::PathBuf;

/// A gateway's own means.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its name.
    pub node: String,
    /// The key that it signs with, when it has one.
    pub key: Option<PublicKey>,
    /// Where its checkpoints stand outside of the database.
    pub file: PathBuf,
    /// Whether that file is there.
    pub is_there: bool,
    /// What stands in it.
    pub checkpoints: Vec<Checkpoint>,
}

impl Own {
    /// Reads key and file as the configuration names them.
    pub fn read(config: &Config) -> Result<Self, AdminError> {
        let (settings, data_dir) = (&config.audit, &config.data_dir);
        let signer = known_audit_signer(settings.signing_key_file.as_deref(), data_dir)?;
        let file = CheckpointFile::of(settings.checkpoint_file.as_deref(), data_dir);
        Ok(Self {
            node: config.server.node.clone(),
            key: signer.map(|signer| signer.public_key()),
            file: file.path().to_owned(),
            is_there: file.path().exists(),
            checkpoints: file.read()?,
        })
    }

    /// Whom this gateway believes.
    pub fn trust(&self, more: Vec<PublicKey>, store: &Store) -> Result<Trust, AdminError> {
        Trust::new(self.key.into_iter().chain(more).collect(), store, &self.node)
    }

    /// The verification of the database with all of it, and with checkpoints that were kept elsewhere.
    pub fn verify<'a>(
        self,
        store: &'a Store,
        trust: &'a Trust,
        kept: Vec<Checkpoint>,
        now: UnixMillis,
    ) -> Verification<'a> {
        let is_lost = self.key.is_some() && !self.is_there;
        let mut verification = verify(store, trust, now);
        verification.kept = kept;
        verification.kept.extend(self.checkpoints);
        verification.lost_file_of = is_lost.then_some(self.node);
        verification
    }
}
