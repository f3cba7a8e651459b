//! What stands where a value is expected, and is none: code, templates, paths, numbers, names.
//!
//! Owns the look of such texts. It must never judge whether a value is secret.

use super::wording::letters_in_words;

/// Code, a template, a path or an address, which stands for a value but is none.
pub(super) fn is_expression(value: &str) -> bool {
    const PARTS: [&str; 18] = [
        "::",
        "*.",
        "${",
        "->",
        "=>",
        "()",
        "://",
        "%(",
        "{}",
        "{0}",
        "[0",
        "['",
        "[a-z",
        "a-z0-9",
        "process.env",
        "import.meta",
        "environ",
        "getenv",
    ];
    let lower = value.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || value.starts_with(['<', '{', '(', '['])
        || [
            "arn:", "./", "../", "//", "~/", "/usr", "/etc", "/home", "/var", "/opt", "/run",
            "/tmp", "/^", "$_",
        ]
        .iter()
        .any(|path| value.starts_with(path))
        || starts_format(value)
        || is_shell_variable(value)
        || is_call_or_path(value)
}

/// `%s` and its like, with nothing but signs after it.
pub(super) fn starts_format(value: &str) -> bool {
    let rest = ["%s", "%d", "%v", "%q", "%@"].iter().find_map(|format| value.strip_prefix(format));
    rest.is_some_and(|rest| !rest.starts_with(|char: char| char.is_ascii_alphanumeric()))
}

/// `$NAME` or `%NAME%`.
pub(super) fn is_shell_variable(value: &str) -> bool {
    let name = value
        .strip_prefix('$')
        .or_else(|| value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')));
    name.is_some_and(|name| {
        !name.starts_with(|char: char| char.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && (name.contains('_') || !name.contains(|char: char| char.is_ascii_digit()))
    })
}

/// `name(…`, `name[…`, `a.b.c` of words.
fn is_call_or_path(value: &str) -> bool {
    let end = value
        .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '?')))
        .unwrap_or(value.len());
    let (name, rest) = value.split_at(end);
    let is_name = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let called = rest.trim_start_matches('!').starts_with(['(', '[', '{']);
    let dotted = rest.is_empty()
        && name.contains('.')
        && name
            .split('.')
            .all(|part| part.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'));
    is_name && (called || (dotted && letters_in_words(name) * 2 >= name.len()))
}

/// Numbers with their signs, versions, dates, and a number with its unit (`12-digit`, `256bit`).
pub(super) fn is_number_like(value: &str) -> bool {
    let digits_first = value.trim_start_matches(['v', 'V', '<', '>', '=', '~']);
    let after = digits_first.trim_start_matches(|char: char| {
        char.is_ascii_digit() || matches!(char, '.' | ',' | '-' | '_' | ':' | '/' | '+' | '%')
    });
    let unit = after.trim_start_matches('-');
    after.len() < digits_first.len()
        && unit.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && (unit.is_empty() || letters_in_words(unit) * 2 >= unit.len() || unit.len() < 4)
}

/// Words that signs join, perhaps with a number: the name of something.
pub(super) fn is_words(value: &str) -> bool {
    let parts = || value.split(['_', '-', '.', ':', '/', '[', ']']).filter(|part| !part.is_empty());
    let is_word = |part: &str| part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number =
        |part: &str| part.trim_start_matches('v').bytes().all(|byte| byte.is_ascii_digit());
    parts().filter(|part| is_word(part)).count() >= 2
        && parts().all(|part| is_word(part) || is_number(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_templates_and_paths_are_expressions() {
        for text in [
            "os.environ",
            "config.db2.password",
            "getenv(\"X1\")",
            "format!(\"{a}\")",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "%DB_PASSWORD%",
            "%s",
            "<password1>",
            "/etc/keys/server1",
            "~/.pass1",
            "https://acme.test/1",
            "self->pass1",
            "process.env.API_KEY",
            "$_POST[",
        ] {
            assert!(is_expression(text), "{text}");
        }
    }

    #[test]
    fn passwords_with_signs_are_none() {
        for text in ["$v5dC8sdw!IE", "%xoq#MND", "a&&I^uwys46", "hvs.CAESIq8Zt2", "Kq8!xLm1)"] {
            assert!(!is_expression(text), "{text}");
        }
    }

    #[test]
    fn numbers_versions_dates_and_units_are_number_like() {
        for text in ["4096", "v1.24.3", "2024-01-15", "8-characters", "12-64", "256bit", "90%"] {
            assert!(is_number_like(text), "{text}");
        }
        for text in ["12ab34cd", "7f3Kq9Zx", "9d2f7c1b"] {
            assert!(!is_number_like(text), "{text}");
        }
    }

    #[test]
    fn joined_words_are_a_name() {
        assert!(is_words("my-app-tls-certificate-v2"));
        assert!(is_words("kubernetes.io/service-account"));
        assert!(!is_words("Jd83_kLmPq02-XzvBn47"));
        assert!(!is_words("summer"));
    }
}
