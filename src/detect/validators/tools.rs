//! What the arguments of a tool would touch: the roots of a system, or every row of a table.
//!
//! Owns the reading of shell and SQL words that a form alone cannot judge. It must never run or
//! resolve anything.

/// Directories whose loss or opening ends a system.
const SYSTEM: [&str; 19] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "opt", "proc", "root", "sbin",
    "srv", "sys", "usr", "var", "Users", "System", "Library",
];

/// Directories below which nothing is a user's own.
const SYSTEM_THROUGHOUT: [&str; 8] = ["bin", "boot", "dev", "etc", "lib", "lib64", "sbin", "sys"];

/// One of the words names the root, a home, everything here, or a directory of the system.
pub(super) fn system_target(value: &str) -> bool {
    value.split_ascii_whitespace().any(is_system_target)
}

/// A `DELETE` or `UPDATE` of every row: nothing narrows it.
pub(super) fn whole_table(value: &str) -> bool {
    let flat = value
        .replace("\\n", " ")
        .replace("\\r", " ")
        .replace("\\t", " ")
        .replace(['\\', '"', '`'], " ")
        .to_ascii_lowercase();
    let words: Vec<&str> = flat.split_ascii_whitespace().collect();
    let narrowed =
        words.iter().any(|word| matches!(*word, "where" | "limit" | "using" | "join" | "on"));
    match words.as_slice() {
        ["delete", "from", rest @ ..] => {
            !narrowed && matches!(rest, [_] | [_, "returning", ..] | [_, "cascade"])
        }
        ["update", _, "set", ..] | ["update", "only", _, "set", ..] => !narrowed,
        _ => false,
    }
}

fn is_system_target(word: &str) -> bool {
    let path = word.trim_matches(['"', '\'', '\\', '`', '}', ')', ',']);
    if path.starts_with('-') || path.is_empty() {
        return false;
    }
    let path = path.trim_end_matches("/*").trim_end_matches("/.*");
    let bare = path.trim_end_matches('/');
    if matches!(
        bare,
        "" | "*" | "." | ".." | ".*" | "~" | "$HOME" | "${HOME}" | "~root" | "/." | "/.."
    ) {
        return true;
    }
    let Some(below) = bare.strip_prefix('/') else { return false };
    let mut parts = below.split('/').filter(|part| !part.is_empty());
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    match (first, second, third) {
        (Some(first), None, None) => SYSTEM.contains(&first) || first.contains('*'),
        (Some("home" | "Users" | "root"), Some(_), None) => true,
        (Some("usr" | "var"), Some(second), None) => !matches!(second, "tmp" | "cache"),
        (Some(first), Some(_), None) => SYSTEM_THROUGHOUT.contains(&first),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_homes_and_system_directories_are_targets() {
        for text in [
            "/",
            "/*",
            "~",
            "~/",
            "$HOME/*",
            ".",
            "*",
            "/etc",
            "/etc/passwd",
            "/usr/lib",
            "/home/ada",
            "build /",
            "\\\"/\\\"",
        ] {
            assert!(system_target(text), "{text}");
        }
        for text in [
            "./build",
            "node_modules dist",
            "/tmp/x",
            "/home/ada/work/out",
            "/srv/app/data",
            "-v",
            "README.md",
        ] {
            assert!(!system_target(text), "{text}");
        }
    }

    #[test]
    fn a_statement_that_nothing_narrows_is_of_all_rows() {
        for text in [
            "DELETE FROM users",
            "delete\\nfrom `users`",
            "UPDATE users SET role = 'admin'",
            "DELETE FROM users RETURNING id",
        ] {
            assert!(whole_table(text), "{text}");
        }
        for text in [
            "DELETE FROM users WHERE id = 7",
            "delete from the list what is old",
            "UPDATE t SET a = 1\\nWHERE id = 3",
        ] {
            assert!(!whole_table(text), "{text}");
        }
    }
}
