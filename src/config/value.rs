//! Readers: from a setting's text to its value.
//!
//! Owns what is acceptable and says what would be. A reader must never repeat the text that it
//! refuses: whether that may be shown is the error's decision.

use crate::types::{Sensitive, text_enum};
use std::{borrow::Cow, net::SocketAddr, ops::RangeInclusive, path::PathBuf};
use url::Url;

/// What a reader expected instead, to follow "expected".
pub(super) type Expected = Cow<'static, str>;

text_enum! {
    /// How log lines look.
    LogFormat {
        /// For people.
        Text = "text",
        /// For collectors: one JSON object a line.
        Json = "json",
    }
}

/// A whole number within a range.
pub(super) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, Expected> {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!("a whole number from {} to {}", range.start(), range.end()).into()
        })
    }
}

/// `true` or `false`.
pub(super) fn switch(text: &str) -> Result<bool, Expected> {
    text.parse().ok().ok_or("true or false".into())
}

/// A file that need not be named.
pub(super) fn optional_path(text: &str) -> Result<Option<PathBuf>, Expected> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

/// A file or directory. Relative ones start at the working directory.
pub(super) fn path(text: &str) -> Result<PathBuf, Expected> {
    match text {
        "" => Err("a path".into()),
        text => Ok(PathBuf::from(text)),
    }
}

/// An IP address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().ok().ok_or(
        "an IP address and a port, such as 127.0.0.1:8000 or [::]:8000 (no host name)".into(),
    )
}

/// A short text without control characters.
pub(super) fn label(text: &str) -> Result<String, Expected> {
    let good = text.trim() == text
        && (1..=200).contains(&text.len())
        && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
        .ok_or("1 to 200 bytes of text without control characters or outer spaces".into())
}

/// `text` or `json`.
pub(super) fn log_format(text: &str) -> Result<LogFormat, Expected> {
    LogFormat::parse(text).ok_or("text or json".into())
}

/// An http or https URL, kept without its trailing slash.
pub(super) fn base_url(text: &str) -> Result<String, Expected> {
    let good = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic());
    (good && clean).then(|| text.trim_end_matches('/').to_owned()).ok_or(
        "an http:// or https:// URL without credentials, query or fragment, such as \
         https://api.openai.com/v1"
            .into(),
    )
}

/// A Postgres URL; nothing means SQLite.
pub(super) fn postgres_url(text: &str) -> Result<Option<Sensitive<String>>, Expected> {
    let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let good = text.is_empty() || (postgres && Url::parse(text).is_ok());
    if !good {
        return Err("postgres://USER:PASSWORD@HOST:PORT/DATABASE, or nothing for SQLite".into());
    }
    Ok(secret(text))
}

/// A provider key that fits into a header.
pub(super) fn provider_key(text: &str) -> Result<Option<Sensitive<String>>, Expected> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a key of visible ASCII characters, without spaces or line ends".into());
    }
    Ok(secret(text))
}

/// Any password that is one line.
pub(super) fn password(text: &str) -> Result<Option<Sensitive<String>>, Expected> {
    if text.len() > 1_024 || text.chars().any(char::is_control) {
        return Err("at most 1024 bytes without control characters or line ends".into());
    }
    Ok(secret(text))
}

/// A secret; empty means unset.
fn secret(text: &str) -> Option<Sensitive<String>> {
    (!text.is_empty()).then(|| Sensitive::new(text.to_owned()))
}
