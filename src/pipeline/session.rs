//! Which session a call says that it belongs to.
//!
//! Owns the headers that name one, and which of them comes first. It must never take a name that could not stand in a
//! record, nor hold back the header: the provider gets it as it came.

use actix_web::http::header::HeaderMap;
use std::sync::Arc;

/// The session, in a caller's own words.
const SESSION: &str = "x-session-id";

/// The trace that a call is a part of (W3C Trace Context).
const TRACE: &str = "traceparent";

/// What frameworks and tools send of themselves or are told to send.
const FRAMEWORKS: [&str; 6] = [
    // Helicone.
    "helicone-session-id",
    // Codex, in both of its spellings.
    "session-id",
    "session_id",
    // OpenCode.
    "x-session-affinity",
    "x-opencode-session",
    // NVIDIA Dynamo.
    "x-dynamo-session-id",
];

/// The longest name of a session.
const LONGEST: usize = 128;

/// The session that the headers name; `None` where they name none that can be taken.
pub(super) fn named(headers: &HeaderMap) -> Option<Arc<str>> {
    let named = |header| headers.get(header)?.to_str().ok().filter(|name| is_name(name));
    let trace = || headers.get(TRACE)?.to_str().ok().and_then(trace_id);
    let of_framework = || FRAMEWORKS.into_iter().find_map(named);
    named(SESSION).or_else(trace).or_else(of_framework).map(Arc::from)
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The trace of `00-<trace>-<parent>-<flags>`, or of a later version that begins alike.
fn trace_id(value: &str) -> Option<&str> {
    let mut parts = value.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_said = |part: &str| part.bytes().any(|byte| byte != b'0');
    let is_whole = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
    let is_one = version != "00" || parts.next().is_none();
    let is_named = is_hex(trace, 32) && is_hex(parent, 16) && is_said(trace) && is_said(parent);
    (is_whole && is_one && is_named).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn session(pairs: &[(&str, &str)]) -> Option<String> {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        });
        named(&pairs.collect()).map(|name| name.to_string())
    }

    #[test]
    fn the_callers_own_word_comes_first_then_the_trace_then_the_framework() {
        let all =
            [("session_id", "c"), ("helicone-session-id", "h"), (TRACE, PARENT), (SESSION, "own")];
        for (left, expected) in [(4, "own"), (3, TRACE_ID), (2, "h"), (1, "c")] {
            assert_eq!(session(&all[..left]).as_deref(), Some(expected));
        }
        assert_eq!(session(&[]), None);
        for framework in FRAMEWORKS {
            assert_eq!(session(&[(framework, "f")]).as_deref(), Some("f"), "{framework}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_passed_over() {
        let longest = "x".repeat(LONGEST);
        assert_eq!(session(&[(SESSION, &longest)]), Some(longest.clone()));
        assert_eq!(session(&[(SESSION, "order:7/ü")]), None);
        for unfit in ["", " ", "two words", "tab\there", "ü", &format!("{longest}x")] {
            assert_eq!(
                session(&[(SESSION, unfit), (TRACE, PARENT)]).as_deref(),
                Some(TRACE_ID),
                "{unfit}"
            );
        }
    }

    #[test]
    fn a_trace_counts_only_as_the_standard_writes_it() {
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes";
        assert_eq!(session(&[(TRACE, later)]).as_deref(), Some(TRACE_ID));
        for broken in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "0af7651916cd43dd8448eb211c80319c",
            "",
        ] {
            assert_eq!(session(&[(TRACE, broken)]), None, "{broken}");
        }
    }
}
