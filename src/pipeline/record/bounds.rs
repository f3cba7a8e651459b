//! How much of a caller's own words a record keeps.
//!
//! Owns the bounds on what a caller may choose freely. It must never let a record's size be the caller's
//! choice.

use actix_web::http::Method;

const MAX_TOOL_NAMES: usize = 128;
const MAX_TOOL_NAME_BYTES: usize = 64;

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// The method, `OTHER` for one that HTTP does not know.
pub(super) fn action(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

/// The first names, each cut to its bound; a last entry says how many more there were.
pub(super) fn tool_names(names: &[Box<str>]) -> Vec<Box<str>> {
    let cut = |name: &str| name.split_at(name.floor_char_boundary(MAX_TOOL_NAME_BYTES)).0.into();
    let mut kept: Vec<_> = names.iter().take(MAX_TOOL_NAMES).map(|name| cut(name)).collect();
    if names.len() > kept.len() {
        kept.push(format!("…and {} more", names.len() - kept.len()).into());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_characters_and_the_rest_is_counted() {
        let names: Vec<Box<str>> =
            vec!["ä".repeat(32).into(), format!("x{}", "ä".repeat(99)).into()];
        let kept = tool_names(&names);
        assert_eq!(kept.first(), names.first());
        assert_eq!(kept.get(1).map(|name| name.len()), Some(63));
        let kept = tool_names(&vec!["n".repeat(256).into(); 512]);
        assert_eq!(kept.len(), MAX_TOOL_NAMES + 1);
        assert_eq!(kept.last().map(AsRef::as_ref), Some("…and 384 more"));
        assert_eq!(tool_names(&vec!["n".into(); 128]).len(), 128);
    }

    #[test]
    fn an_unknown_method_is_other() {
        assert_eq!(action(&Method::PATCH), "PATCH");
        for unknown in ["BREW", "get", &"X".repeat(1_000)] {
            assert_eq!(action(&Method::from_bytes(unknown.as_bytes()).unwrap()), "OTHER");
        }
    }
}
