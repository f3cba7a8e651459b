//! Whether a value can be a secret: no placeholder, no expression of a program, no word.
//!
//! Owns what a form alone cannot say about keys, tokens and passwords. It must never keep a value,
//! and never say whose it is.

use super::expressions::{
    is_expression, is_number_like, is_shell_variable, is_words, starts_format,
};
use super::wording::{changes, letters_in_words, longest_repeat};

/// What people write where a secret would stand.
const PLACEHOLDERS: [&str; 31] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "redacted",
    "insert",
    "replace",
    "goes_here",
    "goes-here",
    "notreal",
    "not_real",
    "not-real",
    "not-a-",
    "dummy",
    "sample",
    "****",
    "....",
    "xxxx",
    "your",
    "fake",
    "todo",
    "${",
    "{{",
    "}}",
    "$(",
    "<%",
    "#{",
    "…",
    "••",
    "___",
];

/// Names of methods, which stand where a sentence speaks about a secret.
const METHODS: [&str; 20] = [
    "sha1", "sha-", "sha2", "sha3", "sha5", "md5", "hmac", "pbkdf2", "argon2", "bcrypt", "scrypt",
    "base64", "utf-8", "utf8", "oauth2", "ed25519", "x509", "x25519", "aes-", "aes2",
];

/// Passwords that say nothing: the word itself, and the defaults that everybody knows.
const TRIVIAL: [&str; 36] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "secret",
    "user",
    "username",
    "admin",
    "root",
    "guest",
    "test",
    "demo",
    "postgres",
    "postgresql",
    "mysql",
    "mongo",
    "mongodb",
    "redis",
    "rabbitmq",
    "token",
    "key",
    "apikey",
    "api_key",
    "foo",
    "bar",
    "baz",
    "abc",
    "123",
    "string",
    "minioadmin",
    "x-oauth-basic",
    "none",
    "null",
    "hostname",
    "port",
];

/// A value that nobody wrote to be replaced.
pub(super) fn not_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    !PLACEHOLDERS.iter().any(|word| lower.contains(word)) && longest_repeat(&lower) < 9
}

/// A value that is not made of words: letters and digits in no order.
pub(super) fn random(value: &str) -> bool {
    changes(value) * 6 >= value.len() || letters_in_words(value) * 2 < value.len()
}

/// A token: no placeholder, no expression, not made of words, with letters and digits.
pub(super) fn token(value: &str) -> bool {
    let kinds = Kinds::of(value);
    let mixed = kinds.digits > 0 || (value.len() >= 16 && kinds.upper > 2 && kinds.lower > 2);
    let dense = value.len() >= 16 || kinds.digits >= 2;
    kinds.letters() > 2
        && mixed
        && dense
        && random(value)
        && !is_expression(value)
        && !is_number_like(value)
        && !is_words(value)
        && not_placeholder(value)
}

/// A password that was set: letters with digits or signs, and no expression, name or method.
pub(super) fn password(value: &str) -> bool {
    let kinds = Kinds::of(value);
    let inner = Kinds::of(
        value
            .trim_start_matches(['&', '*', '!', '@', '$', '-', '+', '^'])
            .trim_end_matches(['?', '!', '&', '*', ';', ',', ')', '…']),
    );
    let mixed_case = kinds.upper > 1 && kinds.lower > 1 && value.len() >= 8 && random(value);
    let varied = kinds.digits > 0 || inner.signs > 0 || kinds.signs > 1 || mixed_case;
    let lower = value.to_ascii_lowercase();
    value.chars().count() >= 6
        && !kinds.strange
        && (kinds.letters() > 0 || (kinds.digits > 0 && inner.signs > 0))
        && varied
        && not_placeholder(value)
        && !is_expression(value)
        && !is_number_like(value)
        && !is_words(&lower)
        && !is_trivial(&lower)
        && !METHODS.iter().any(|method| lower.contains(method))
}

/// A password that shows as one without a word of assignment before it.
pub(super) fn strong_password(value: &str) -> bool {
    let kinds = Kinds::of(value);
    let count = [kinds.upper, kinds.lower, kinds.digits, kinds.signs]
        .into_iter()
        .filter(|&of_kind| of_kind > 0)
        .count();
    count >= 3 && kinds.digits > 0 && kinds.letters() > 1 && value.len() >= 8 && password(value)
}

/// The password of an address or a connection string.
pub(super) fn url_password(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let plain_word =
        lower.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-');
    not_placeholder(value)
        && !TRIVIAL.contains(&lower.as_str())
        && !(plain_word && (lower.contains("password") || lower.contains("passwd")))
        && !(value.starts_with(['<', '[', '(']) && value.ends_with(['>', ']', ')']))
        && value.chars().any(char::is_alphanumeric)
        && !is_shell_variable(value)
        && !starts_format(value)
        && !value.contains(['{', '}'])
        && !value.contains("://")
}

/// Twelve to twenty-four words that are no sentence.
pub(super) fn seed_phrase(value: &str) -> bool {
    let count = value.split(' ').count();
    let sentence =
        ["the", "and", "for", "from", "are", "was", "has", "not", "its", "our", "into", "which"];
    matches!(count, 12 | 15 | 18 | 21 | 24)
        && !value.split(' ').any(|word| sentence.contains(&word))
}

/// How many characters of each kind a value has.
#[derive(Default)]
struct Kinds {
    upper: usize,
    lower: usize,
    digits: usize,
    /// Signs other than those that join names and numbers.
    signs: usize,
    /// Signs that no keyboard types into a password: dashes, quotation marks, arrows.
    strange: bool,
}

impl Kinds {
    fn of(value: &str) -> Self {
        value.chars().fold(Self::default(), |mut kinds, char| {
            match char {
                'A'..='Z' => kinds.upper += 1,
                'a'..='z' => kinds.lower += 1,
                '0'..='9' => kinds.digits += 1,
                '-' | '_' | '.' | ':' | '/' => {}
                '!'..='~' | '£' | '€' | '§' => kinds.signs += 1,
                _ if char.is_alphabetic() => kinds.lower += 1,
                _ => kinds.strange = true,
            }
            kinds
        })
    }

    fn letters(&self) -> usize {
        self.upper + self.lower
    }
}

/// A word for passwords, perhaps with one digit.
fn is_trivial(lower: &str) -> bool {
    let stem = lower.trim_end_matches(|char: char| char.is_ascii_digit());
    lower.len() - stem.len() < 2 && TRIVIAL.contains(&stem.trim_end_matches(['_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_replaced_is_a_placeholder() {
        for text in [
            "your_api_key",
            "<TOKEN_EXAMPLE>",
            "xxxxxxxxxxxx",
            "${TOKEN}",
            "********",
            "000000000000",
        ] {
            assert!(!not_placeholder(text), "{text}");
        }
        assert!(not_placeholder("q7Zt2Vb9Lx4Kd8Nw3Rj6"));
    }

    #[test]
    fn tokens_are_random_and_long() {
        for text in [
            "8f14e45fceea167a5a36dedd4bea2543",
            "q7Zt2Vb9Lx4Kd8",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "IftRutlZfOjUStEkQw",
        ] {
            assert!(token(text), "{text}");
        }
        for text in [
            "my-app-tls-certificate-v2",
            "kubernetes.io/service-account-token",
            "tokenizer.pad_token_id",
            "1234567890123456",
            "getToken(\"prod-2\")",
            "2024-01-15T10:00:00Z",
            "APIKeyHeader",
            "arn:aws:secretsmanager:eu-west-1:1:secret:db",
        ] {
            assert!(!token(text), "{text}");
        }
    }

    #[test]
    fn passwords_have_digits_or_signs_and_are_no_code() {
        for text in [
            "hunter2",
            "Summer2024!",
            "xK9#mP2$vL8q",
            "$v5dC8sdw!IE",
            "Blauwal77!",
            "password123",
            "Pässw0rt",
        ] {
            assert!(password(text), "{text}");
        }
        for text in [
            "string;",
            "required",
            "minimum",
            "********",
            "changeme1",
            "os.environ",
            "password1",
            "user.password2()",
            "new_password_2",
            "PBKDF2-SHA256",
            "12-digit",
            "test…",
            "pass2",
        ] {
            assert!(!password(text), "{text}");
        }
    }

    #[test]
    fn a_password_without_announcement_shows_three_kinds_of_signs() {
        assert!(strong_password("Zx81kq#77B"));
        assert!(strong_password("t9K2xQ7vWz4"));
        assert!(!strong_password("hunter22"));
        assert!(!strong_password("Base64Encoder1"));
    }

    #[test]
    fn addresses_may_have_passwords_of_letters_but_not_the_word_itself() {
        assert!(url_password("correcthorse"));
        assert!(url_password("p@ss#1"));
        for text in [
            "password",
            "PASSWORD",
            "mysecretpassword",
            "postgres",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "<password>",
            "%s",
            "{0}",
            "****",
        ] {
            assert!(!url_password(text), "{text}");
        }
    }

    #[test]
    fn a_seed_phrase_has_twelve_words_and_is_no_sentence() {
        assert!(seed_phrase(
            "orbit lemon canyon velvet quick tiger mango river pulse amber cactus wheel"
        ));
        assert!(!seed_phrase("orbit lemon canyon"));
        assert!(!seed_phrase(
            "write down the words that your wallet shows and keep them in a safe"
        ));
    }
}
