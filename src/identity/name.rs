//! Names of agents, roles and agent types: one rule, `[a-z0-9][a-z0-9._-]{0,62}`.
//!
//! Owns that rule and says which part of it a name breaks. A name is also a word of `policy.csv`
//! and part of the policy's memo keys, so it must never hold a separator or a pattern's character.

const MAX_NAME_BYTES: usize = 63;

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

/// Whether an agent's type may be called so; the policy knows it as the role `type:<name>`.
pub fn check_agent_type(name: &str) -> Result<(), NameError> {
    check(name, "an agent type")
}

fn check(name: &str, what: &'static str) -> Result<(), NameError> {
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let allowed = |character: char| plain(character) || matches!(character, '.' | '_' | '-');
    let Some(first) = name.chars().next() else { return Err(NameError::Empty { what }) };
    if let Some(character) = name.chars().find(|character| !allowed(*character)) {
        return Err(NameError::BadCharacter { what, character });
    }
    if !plain(first) {
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
}
