//! The gateway's own signing keys: rotation.
//!
//! Owns its order: the new key is known to every gateway before the old one stops signing, and the old
//! one verifies for as long as its last token lives.

use super::AdminError;
use crate::store::{KeyFiles, Store};
use crate::types::UnixMillis;

/// Tokens that were signed while the change was on its way, and clocks that differ.
const MARGIN_SECS: i64 = 60;

/// What a rotation did.
#[derive(Debug)]
pub struct Rotated {
    /// The key that signs from now on.
    pub kid: String,
    /// The keys that signed before it.
    pub retired: Vec<String>,
    /// Until when these verify.
    pub verify_until: UnixMillis,
}

/// Makes a new signing key for the gateway `node` and retires those that it had in these files. Every
/// gateway notices within a second.
pub fn rotate_signing_key(
    store: &Store,
    files: &KeyFiles,
    node: &str,
    token_ttl_secs: u64,
    actor: &str,
    now: UnixMillis,
) -> Result<Rotated, AdminError> {
    let new = files.create(now)?;
    let old = files.older()?;
    if old.iter().any(|key| key.kid() == new.kid()) {
        files.remove(new.kid())?;
        return Err(AdminError::ClockWentBack);
    }
    let registered = store.register_key(new.kid(), &new.jwk(), node, actor, now);
    if let Err(error) = registered {
        // A key that nobody knows of must not sign after the next start.
        files.remove(new.kid())?;
        return Err(error.into());
    }
    let ttl_secs = i64::try_from(token_ttl_secs).unwrap_or(i64::MAX - MARGIN_SECS);
    let verify_until = now.plus_secs(ttl_secs + MARGIN_SECS);
    let mut retired = Vec::new();
    for key in old {
        // One that never met this database is made known first: its tokens are good too.
        store.register_key(key.kid(), &key.jwk(), node, actor, now)?;
        store.retire_key(key.kid(), verify_until, actor, now)?;
        files.remove(key.kid())?;
        retired.push(key.kid().to_owned());
    }
    Ok(Rotated { kid: new.kid().to_owned(), retired, verify_until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::store;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);

    #[test]
    fn the_new_key_signs_and_the_old_one_verifies_until_its_last_token_ends() {
        let (data, store) = store();
        let files = KeyFiles::of(data.path());
        let first = files.load_or_create(UnixMillis(1)).unwrap();
        store.register_key("other", "{}", "gate", "start", UnixMillis(1)).unwrap();

        let rotated = rotate_signing_key(&store, &files, "gate", 3_600, "cli", NOW).unwrap();
        assert_eq!(rotated.retired, [first.kid()]);
        assert_eq!(rotated.verify_until, NOW.plus_secs(3_660));
        assert_eq!(files.load_or_create(NOW).unwrap().kid(), rotated.kid);
        assert!(files.older().unwrap().is_empty());
        let verifies = |at: UnixMillis| {
            let keys = store.verifying_keys(at).unwrap().into_iter();
            keys.map(|key| key.kid).collect::<Vec<_>>()
        };
        assert!(verifies(NOW).contains(&first.kid().to_owned()));
        let later = verifies(rotated.verify_until);
        assert!(later.contains(&rotated.kid) && !later.contains(&first.kid().to_owned()));
        assert!(later.contains(&"other".to_owned()), "of another gateway of the same name");
    }

    #[test]
    fn the_first_rotation_of_a_new_directory_only_makes_a_key() {
        let (data, store) = store();
        let files = KeyFiles::of(data.path());
        let rotated = rotate_signing_key(&store, &files, "gate", 3_600, "cli", NOW).unwrap();
        assert!(rotated.retired.is_empty());
        assert_eq!(files.load_or_create(NOW).unwrap().kid(), rotated.kid);
    }

    #[test]
    fn a_clock_that_went_back_does_not_let_an_old_key_win() {
        let (data, store) = store();
        let files = KeyFiles::of(data.path());
        files.create(NOW.plus_secs(60)).unwrap();
        let error = rotate_signing_key(&store, &files, "gate", 3_600, "cli", NOW).unwrap_err();
        assert!(error.to_string().contains("clock"), "{error}");
        assert!(store.verifying_keys(NOW).unwrap().is_empty());
        assert!(files.older().unwrap().is_empty(), "the new key's file is gone again");
    }
}
