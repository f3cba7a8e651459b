//! The keys of checkpoints: Ed25519, one per gateway.
//!
//! Owns their generation, their text forms and the checking of signatures. It must never show a private key.

use super::{Checkpoint, CheckpointKind, Hash, Head};
use crate::types::{Sensitive, UnixMillis, hex};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    fmt,
};

/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410).
const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const PRIVATE_PEM: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];
const PUBLIC_PEM: [&str; 2] = ["-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"];

/// The bytes of a public key's digest that name it.
const KEY_ID_BYTES: usize = 8;

/// Why there is no key, or no trust in a checkpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// No key could be generated.
    #[error("a signing key cannot be generated")]
    Generation,
    /// The text is not a key that we sign with.
    #[error("not an Ed25519 private key in PEM form")]
    NotPrivateKey,
    /// The text is not a public key.
    #[error("not an Ed25519 public key: 32 bytes in base64, or PEM")]
    NotPublicKey,
    /// The checkpoint is signed with a key that is not trusted.
    #[error("the checkpoint is signed with a key that is not trusted")]
    UnknownKey,
    /// The key is trusted, but not for this node.
    #[error("the checkpoint is signed with a key that is not trusted for its node")]
    NotItsKey,
    /// The signature is not that of the key.
    #[error("the checkpoint's signature is wrong")]
    BadSignature,
}

/// A key that signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
    key_id: String,
}

impl Signer {
    /// A new key, and its PEM form (PKCS#8) for a file that only we may read.
    pub fn generate() -> Result<(Self, Sensitive<String>), LedgerError> {
        let pair = Ed25519KeyPair::generate().map_err(|_unspecified| LedgerError::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_unspecified| LedgerError::Generation)?;
        let [begin, end] = PRIVATE_PEM;
        // 48 bytes: one line of base64.
        let pem = Sensitive::new(format!("{begin}\n{}\n{end}\n", STANDARD.encode(der.as_ref())));
        Ok((Self::from_pem(pem.expose())?, pem))
    }

    /// Reads what [`generate`](Self::generate) returned, or any Ed25519 key in PKCS#8 PEM form.
    pub fn from_pem(pem: &str) -> Result<Self, LedgerError> {
        let der = from_pem(pem, PRIVATE_PEM).ok_or(LedgerError::NotPrivateKey)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|_rejected| LedgerError::NotPrivateKey)?;
        let bytes = pair.public_key().as_ref().try_into();
        let public = PublicKey(bytes.map_err(|_length| LedgerError::NotPrivateKey)?);
        Ok(Self { pair, public, key_id: public.key_id() })
    }

    /// The name of the key, as checkpoints give it.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The half that everybody may know.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// States that the node's chain ended so at this moment.
    pub fn sign(&self, node: &str, head: Head, kind: CheckpointKind, at: UnixMillis) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            node: node.to_owned(),
            seq: head.seq,
            event_hash: head.event_hash.to_string(),
            kind,
            signed_at: at,
            key_id: self.key_id.clone(),
            signature: String::new(),
        };
        checkpoint.signature = STANDARD.encode(self.pair.sign(&checkpoint.message()));
        checkpoint
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The public half of a key. It displays as base64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Reads the 32 bytes in base64, or the key in PEM form (SubjectPublicKeyInfo).
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let bytes = match from_pem(text, PUBLIC_PEM) {
            Some(der) => der.strip_prefix(&SPKI_PREFIX).map(<[u8]>::to_vec),
            None => STANDARD.decode(text.trim()).ok(),
        };
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        key.ok_or(LedgerError::NotPublicKey)
    }

    /// The name of the key: 16 hexadecimal digits.
    pub fn key_id(&self) -> String {
        let Hash(digest) = Hash::of(&self.0);
        hex(digest.get(..KEY_ID_BYTES).unwrap_or_default())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

/// The keys whose checkpoints are believed. Those that they are collected from may sign for every node.
#[derive(Debug, Default)]
pub struct TrustedKeys(HashMap<String, TrustedKey>);

#[derive(Debug)]
struct TrustedKey {
    key: ParsedPublicKey,
    /// The nodes that it may sign for; `None`: all.
    nodes: Option<BTreeSet<String>>,
}

impl TrustedKeys {
    /// Trusts a key too, but for this node alone.
    pub fn trust_for(&mut self, key: PublicKey, node: &str) {
        match self.0.entry(key.key_id()) {
            Entry::Occupied(mut known) => {
                known.get_mut().nodes.iter_mut().for_each(|nodes| {
                    nodes.insert(node.to_owned());
                });
            }
            Entry::Vacant(new) => {
                let nodes = Some(BTreeSet::from([node.to_owned()]));
                if let Ok(key) = ParsedPublicKey::new(&ED25519, key.0) {
                    new.insert(TrustedKey { key, nodes });
                }
            }
        }
    }

    /// Whether a key signed this checkpoint that is trusted for its node.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), LedgerError> {
        let TrustedKey { key, nodes } =
            self.0.get(&checkpoint.key_id).ok_or(LedgerError::UnknownKey)?;
        let signature = STANDARD
            .decode(&checkpoint.signature)
            .map_err(|_not_base64| LedgerError::BadSignature)?;
        key.verify_sig(&checkpoint.message(), &signature)
            .map_err(|_unspecified| LedgerError::BadSignature)?;
        let is_its_key = nodes.as_ref().is_none_or(|nodes| nodes.contains(&checkpoint.node));
        if is_its_key { Ok(()) } else { Err(LedgerError::NotItsKey) }
    }

    /// Where the chain was, if a trusted key says so.
    pub(super) fn head(&self, checkpoint: &Checkpoint) -> Result<Head, LedgerError> {
        self.check(checkpoint)?;
        checkpoint.head().ok_or(LedgerError::BadSignature)
    }
}

impl FromIterator<PublicKey> for TrustedKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        let parsed = |key: PublicKey| {
            // Bytes that are no key sign nothing, so there is nothing to believe.
            let parsed = ParsedPublicKey::new(&ED25519, key.0).ok()?;
            Some((key.key_id(), TrustedKey { key: parsed, nodes: None }))
        };
        Self(keys.into_iter().filter_map(parsed).collect())
    }
}

/// The bytes between the two lines.
fn from_pem(text: &str, [begin, end]: [&str; 2]) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(begin)?.strip_suffix(end)?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}
