//! Secrets: made from random bits, kept as hashes.
//!
//! Owns the forms of ids, client secrets, detection keys, administrators' tokens and passwords. It must
//! never compare a secret byte by byte, nor hand one out unwrapped.

use crate::types::Sensitive;
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How client secrets begin, so that scanners of repositories and logs can find them.
pub const CLIENT_SECRET_PREFIX: &str = "pcs_";

/// How administrators' access tokens begin.
pub const ACCESS_TOKEN_PREFIX: &str = "pca_";

/// How detection keys begin.
pub const DETECTION_KEY_PREFIX: &str = "detect_live_";

/// Letters and digits that nobody mistakes for each other: 32 of them, so five bits each.
const READABLE: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The operating system gave no random bits.
    #[error("the operating system gives no random bits: {0}")]
    NoRandomness(#[from] getrandom::Error),
    /// The password could not be hashed.
    #[error("the password cannot be hashed: {0}")]
    Hashing(#[from] argon2::password_hash::Error),
}

/// A new client id: `agent_` and 80 random bits. Not a secret.
pub fn generate_client_id() -> Result<String, SecretError> {
    Ok(format!("agent_{}", readable::<16>()?))
}

/// A new id for an AppContext: `ac_` and 80 random bits. Not a secret.
pub fn generate_app_context_id() -> Result<String, SecretError> {
    Ok(format!("ac_{}", readable::<16>()?))
}

/// A new id for a detection key: `key_` and 80 random bits. Not a secret, and not part of the key.
pub fn generate_key_id() -> Result<String, SecretError> {
    Ok(format!("key_{}", readable::<16>()?))
}

/// A new detection key with 256 random bits.
pub fn generate_detection_key() -> Result<Sensitive<String>, SecretError> {
    prefixed(DETECTION_KEY_PREFIX)
}

/// A new client secret with 256 random bits.
pub fn generate_client_secret() -> Result<Sensitive<String>, SecretError> {
    prefixed(CLIENT_SECRET_PREFIX)
}

/// A new access token for an administrator, with 256 random bits.
pub fn generate_access_token() -> Result<Sensitive<String>, SecretError> {
    prefixed(ACCESS_TOKEN_PREFIX)
}

/// A new password with 100 random bits, made to be read and typed: `4k2vq-9m0ax-…`.
pub fn generate_password() -> Result<Sensitive<String>, SecretError> {
    let groups = [readable::<5>()?, readable::<5>()?, readable::<5>()?, readable::<5>()?].join("-");
    Ok(Sensitive::new(groups))
}

/// The stored form of a secret that we generated. A plain hash is enough: nobody guesses 256 bits.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether this is the secret behind the hash, in a time that does not depend on the answer.
pub fn verify(secret: &str, expected: &[u8; 32]) -> bool {
    hash(secret).ct_eq(expected).into()
}

/// The stored form of a password: Argon2id with OWASP's parameters (19 MiB, two passes) and its own
/// salt, as a PHC string. Takes tens of milliseconds: call it off the event loops.
pub fn hash_password(password: &str) -> Result<Sensitive<String>, SecretError> {
    let stored = Argon2::default().hash_password(password.as_bytes())?;
    Ok(Sensitive::new(stored.to_string()))
}

/// Whether this is the password behind the PHC string. As slow as [`hash_password`].
pub fn verify_password(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
}

/// Takes as long as [`verify_password`] and is always false: for users that do not exist.
pub fn verify_nobodys_password(password: &str) -> bool {
    let mut unused = [0; 32];
    let hashed = Argon2::default().hash_password_into(password.as_bytes(), &[0; 16], &mut unused);
    // The comparison keeps the work from being removed as unused.
    hashed.is_ok() && bool::from(unused.ct_eq(&[0; 32]))
}

/// 256 random bits as text that fits into an address.
pub(super) fn random_text() -> Result<String, SecretError> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}

fn prefixed(prefix: &str) -> Result<Sensitive<String>, SecretError> {
    Ok(Sensitive::new(format!("{prefix}{}", random_text()?)))
}

fn readable<const LENGTH: usize>() -> Result<String, SecretError> {
    let mut bits = [0; LENGTH];
    getrandom::fill(&mut bits)?;
    // 32 divides 256, so every character is as likely as the others.
    let character = |byte: u8| READABLE.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(bits.into_iter().filter_map(character).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn generated_secrets_are_long_prefixed_and_never_repeat() {
        let secrets: HashSet<String> =
            (0..100).map(|_| generate_client_secret().unwrap().reveal()).collect();
        assert_eq!(secrets.len(), 100);
        for secret in secrets {
            let random = secret.strip_prefix("pcs_").unwrap();
            assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
        }
        assert!(generate_access_token().unwrap().expose().starts_with("pca_"));
        let detection_key = generate_detection_key().unwrap().reveal();
        let random = detection_key.strip_prefix("detect_live_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
    }

    #[test]
    fn ids_say_what_they_are_of() {
        let table = [
            (generate_client_id(), "agent_"),
            (generate_app_context_id(), "ac_"),
            (generate_key_id(), "key_"),
        ];
        for (id, prefix) in table {
            let id = id.unwrap();
            let random = id.strip_prefix(prefix).unwrap();
            assert!(random.len() == 16 && random.bytes().all(|it| READABLE.contains(&it)), "{id}");
        }
    }

    #[test]
    fn a_secret_matches_its_own_hash_only() {
        let stored = hash("pcs_one");
        assert!(verify("pcs_one", &stored));
        assert!(!verify("pcs_two", &stored));
        assert!(!verify("", &stored));
    }

    #[test]
    fn a_password_matches_its_own_salted_hash_only() {
        let password = generate_password().unwrap().reveal();
        assert_eq!(password.len(), 23);
        let stored = hash_password(&password).unwrap().reveal();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(&stored, hash_password(&password).unwrap().expose(), "each has its own salt");
        assert!(verify_password(&password, &stored));
        assert!(!verify_password("other", &stored));
        assert!(!verify_password(&password, "not a hash"));
        assert!(!verify_nobodys_password(&password));
    }
}
