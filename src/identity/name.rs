//! Names of agents, roles and agent types: one rule, `[a-z0-9][a-z0-9._-]{0,62}`.
//!
//! Owns that rule and says which part of it a name breaks. A name is also a word of `policy.csv`
//! and part of the policy's memo keys, so it must never hold a separator or a pattern's character.

use crate::types::hex;
use sha2::{Digest, Sha256};

const MAX_NAME_BYTES: usize = 63;

/// The bytes of a digest that tells apart names which would look alike: twice as many hex digits.
const DIGEST_BYTES: usize = 6;

/// Why a name cannot be given.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("{what} needs a name: 1 to 63 characters of a-z, 0-9, '.', '_' and '-'")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// Longer than 63 characters.
    #[error("the name of {what} has {bytes} bytes; 63 are the most")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// Does not begin with a letter or digit.
    #[error("the name of {what} must begin with a-z or 0-9, not with {character:?}")]
    BadStart {
        /// What was to be named.
        what: &'static str,
        /// How it begins.
        character: char,
    },
    /// Holds another character.
    #[error("the name of {what} may hold a-z, 0-9, '.', '_' and '-', but not {character:?}")]
    BadCharacter {
        /// What was to be named.
        what: &'static str,
        /// The first offending one.
        character: char,
    },
}

/// Whether an agent may be called so.
pub fn check_agent_name(name: &str) -> Result<(), NameError> {
    check(name, "an agent")
}

/// Whether a role may be called so.
pub fn check_role_name(name: &str) -> Result<(), NameError> {
    check(name, "a role")
}

/// Whether an AppContext may be called so.
pub fn check_app_context_name(name: &str) -> Result<(), NameError> {
    check(name, "an AppContext")
}

/// Whether an agent's type may be called so; the policy knows it as the role `type:<name>`.
pub fn check_agent_type(name: &str) -> Result<(), NameError> {
    check(name, "an agent type")
}

/// A name for the agent of an external subject: `corp.alice`, as close to the subject as the rule
/// allows. Always the same for the same subject; where a character was changed or cut, a digest of
/// the original keeps it apart from all others.
pub fn subject_to_name(issuer_name: &str, subject: &str) -> String {
    let wanted = format!("{issuer_name}.{subject}");
    // What ends like a digest gets one too, and so does what could be split in two ways.
    let unmistakable = !ends_with_digest(&wanted) && !issuer_name.contains('.');
    if unmistakable && check_agent_name(&wanted).is_ok() {
        return wanted;
    }
    subject_to_digest_name(issuer_name, subject)
}

/// The other name for the agent of an external subject, where [`subject_to_name`] gives one that means
/// something else already: `corp.alice-` and the digest. Some subjects have only this one.
pub fn subject_to_digest_name(issuer_name: &str, subject: &str) -> String {
    let digest = Sha256::digest(format!("{issuer_name}\0{subject}"));
    let digest = hex(digest.get(..DIGEST_BYTES).unwrap_or_default());
    let readable: String = format!("{issuer_name}.{subject}")
        .to_ascii_lowercase()
        .chars()
        .map(|character| if is_allowed(character) { character } else { '-' })
        .skip_while(|character| !is_plain(*character))
        .take(MAX_NAME_BYTES - 1 - 2 * DIGEST_BYTES)
        .collect();
    match readable.trim_end_matches(['.', '_', '-']) {
        "" => digest,
        readable => format!("{readable}-{digest}"),
    }
}

fn ends_with_digest(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, end)| {
        end.len() == 2 * DIGEST_BYTES && end.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

const fn is_plain(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

const fn is_allowed(character: char) -> bool {
    is_plain(character) || matches!(character, '.' | '_' | '-')
}

fn check(name: &str, what: &'static str) -> Result<(), NameError> {
    let Some(first) = name.chars().next() else { return Err(NameError::Empty { what }) };
    if let Some(character) = name.chars().find(|character| !is_allowed(*character)) {
        return Err(NameError::BadCharacter { what, character });
    }
    if !is_plain(first) {
        return Err(NameError::BadStart { what, character: first });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong { what, bytes: name.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_pass() {
        for name in ["a", "0", "research-bot", "team.a_1", &"x".repeat(63)] {
            assert_eq!(check_agent_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        let long = "x".repeat(64);
        for (name, reason) in [
            ("", "an agent needs a name"),
            ("Bot", "not 'B'"),
            ("a b", "not ' '"),
            ("a\n", "not '\\n'"),
            ("type:x", "not ':'"),
            ("gpt*", "not '*'"),
            ("böt", "not 'ö'"),
            ("-a", "must begin with"),
            (&long, "64 bytes"),
        ] {
            let text = check_agent_name(name).unwrap_err().to_string();
            assert!(text.contains(reason), "{name:?}: {text}");
        }
        assert!(check_role_name("R").unwrap_err().to_string().contains("a role"));
        assert!(check_agent_type("T").unwrap_err().to_string().contains("an agent type"));
    }

    #[test]
    fn a_subject_gives_its_agent_a_readable_name() {
        let long = "x".repeat(80);
        let table = [
            ("corp", "alice", "corp.alice"),
            ("corp", "alice@corp.example", "corp.alice-corp.example-"),
            ("corp", "auth0|5F7C", "corp.auth0-5f7c-"),
            ("Corp", "alice", "corp.alice-"),
            ("a.b", "c", "a.b.c-"),
            ("_", "Z", "z-"),
            ("corp", "alice-0123456789ab", "corp.alice-0123456789ab-"),
            ("corp", &long, &format!("corp.{}-", "x".repeat(45))),
        ];
        for (issuer_name, subject, expected) in table {
            let name = subject_to_name(issuer_name, subject);
            assert_eq!(check_agent_name(&name), Ok(()), "{name}");
            let digest = name.strip_prefix(expected).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(digest.len(), if expected.ends_with('-') { 12 } else { 0 }, "{name}");
        }
        assert_eq!(subject_to_name("", "é").len(), 12);
    }

    #[test]
    fn a_subject_has_another_name_where_its_first_one_is_no_good() {
        let name = subject_to_digest_name("corp", "alice");
        assert!(name.starts_with("corp.alice-"), "{name}");
        assert_eq!(check_agent_name(&name), Ok(()));
        let nobodys = subject_to_name("corp", name.strip_prefix("corp.").unwrap());
        assert_ne!(nobodys, name);
        assert_eq!(subject_to_digest_name("corp", "Alice"), subject_to_name("corp", "Alice"));
    }

    proptest! {
        #[test]
        fn different_subjects_have_different_names(
            first in ("[a-c.-]{0,4}", "[a-cA.é-]{0,4}|.{0,90}"),
            second in ("[a-c.-]{0,4}", "[a-cA.é-]{0,4}|.{0,90}"),
        ) {
            let name = subject_to_name(&first.0, &first.1);
            prop_assert_eq!(check_agent_name(&name), Ok(()));
            let other = subject_to_name(&second.0, &second.1);
            prop_assert_eq!(name == other, first == second);
            let nested = subject_to_name("corp", &name);
            prop_assert!(nested != name);
        }
    }
}
