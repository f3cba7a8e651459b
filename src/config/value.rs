//! Readers: from a setting's text to its value.
//!
//! Owns what is acceptable and says what would be. A reader must never repeat the text that it
//! refuses: whether that may be shown is the error's decision.

mod points;
mod words;

pub(super) use points::{points, points_list};
pub use words::{
    BlockedStatus, Durability, LogFormat, StreamDetection, UnknownAgents, UnknownEndpoints,
    WhenFull,
};
pub(super) use words::{
    blocked_status, durability, log_format, stream_detection, unknown_agents, unknown_endpoints,
    when_full,
};

use super::Network;
use crate::types::{Role, Sensitive};
use std::{borrow::Cow, net::SocketAddr, ops::RangeInclusive, path::PathBuf};
use url::{Host, Url};

const SIGNATURE_ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// What a reader expected instead, to follow "expected".
pub(crate) type Expected = Cow<'static, str>;

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

/// A number of which 0 means that there is no limit.
pub(super) fn limit<T: TryFrom<u64>>(most: u64) -> impl Fn(&str) -> Result<Option<T>, Expected> {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| *number <= most);
        let expected = || format!("a whole number from 0 to {most}, 0 for no limit").into();
        match number {
            Some(0) => Ok(None),
            Some(number) => T::try_from(number).ok().map(Some).ok_or_else(expected),
            None => Err(expected()),
        }
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
pub(crate) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().ok().ok_or(
        "an IP address and a port, such as 127.0.0.1:8000 or [::]:8000 (no host name)".into(),
    )
}

/// Networks with commas between them.
pub(super) fn networks(text: &str) -> Result<Vec<Network>, Expected> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let networks: Option<Vec<_>> = text.split(',').map(|it| Network::parse(it.trim())).collect();
    networks.ok_or(
        "addresses or networks with commas between them, such as 127.0.0.1, 10.0.0.0/8".into(),
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

/// An http or https URL, kept without its trailing slash.
pub(super) fn base_url(text: &str) -> Result<String, Expected> {
    let good = web_url(text).is_some_and(|url| url.query().is_none());
    good.then(|| text.trim_end_matches('/').to_owned()).ok_or(
        "an http:// or https:// URL without credentials, query or fragment, such as \
         https://api.openai.com/v1"
            .into(),
    )
}

/// Where clients reach the gate, without a trailing slash; nothing where it is not said.
pub(super) fn public_url(text: &str) -> Result<Option<String>, Expected> {
    let unset = text.is_empty();
    let good = unset || web_url(text).is_some_and(|url| url.query().is_none());
    good.then(|| (!unset).then(|| text.trim_end_matches('/').to_owned())).ok_or(
        "an http:// or https:// URL without credentials, query or fragment, such as \
         https://gate.example.com"
            .into(),
    )
}

/// An issuer's identifier, kept as it is: tokens carry the very same text.
pub(super) fn issuer(text: &str) -> Result<String, Expected> {
    let good = web_url(text).is_some_and(|url| is_private(&url) && url.query().is_none());
    good.then(|| text.to_owned()).ok_or(
        "an https:// URL without credentials, query or fragment, as in the tokens' iss \
         (http:// only on this host)"
            .into(),
    )
}

/// The same, or nothing.
pub(super) fn optional_issuer(text: &str) -> Result<Option<String>, Expected> {
    if text.is_empty() { Ok(None) } else { issuer(text).map(Some) }
}

/// A short text without control characters, or nothing.
pub(super) fn optional_label(text: &str) -> Result<Option<String>, Expected> {
    if text.is_empty() { Ok(None) } else { label(text).map(Some) }
}

/// What an identity provider is asked for (RFC 6749 §3.3): at least `openid`.
pub(super) fn scopes(text: &str) -> Result<String, Expected> {
    let is_token = |token: &str| {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        !token.is_empty() && token.bytes().all(plain)
    };
    let good = text.split(' ').all(is_token) && text.split(' ').any(|token| token == "openid");
    good.then(|| text.to_owned()).ok_or("openid and other scopes with a space between them".into())
}

/// Where an issuer's keys are; nothing means that its metadata says so.
pub(super) fn jwks_url(text: &str) -> Result<Option<String>, Expected> {
    let unset = text.is_empty();
    let good = unset || web_url(text).is_some_and(|url| is_private(&url));
    good.then(|| (!unset).then(|| text.to_owned()))
        .ok_or("an https:// URL without credentials or fragment (http:// only on this host)".into())
}

/// A web address without credentials and fragment, free of what URLs are cleaned of silently.
fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let good = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    good.then_some(url)
}

/// Whether nobody else can listen or answer: TLS, or a way that does not leave this host.
fn is_private(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// The ways to sign a token that an issuer may use.
pub(super) fn algorithms(text: &str) -> Result<Vec<String>, Expected> {
    let list: Vec<&str> = text.split(',').map(str::trim).collect();
    let good = list.iter().all(|name| SIGNATURE_ALGORITHMS.contains(name));
    good.then(|| list.into_iter().map(str::to_owned).collect())
        .ok_or("one or more of RS256, ES256 and EdDSA, with commas between them".into())
}

/// Pairs of what a token says and the role that it stands for.
pub(super) fn role_map(text: &str) -> Result<Vec<(String, String)>, Expected> {
    let pair = |text: &str| {
        // A role's name holds no '='; what a token says may.
        let (said, role) = text.rsplit_once('=')?;
        let (said, role) = (said.trim(), role.trim());
        (!said.is_empty() && !role.is_empty()).then(|| (said.to_owned(), role.to_owned()))
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let pairs: Option<Vec<_>> = text.split(',').map(pair).collect();
    pairs.ok_or("claim=role pairs with commas between them, such as corp-dev=developer".into())
}

/// Pairs of what a token says and the role of the user.
pub(super) fn user_roles(text: &str) -> Result<Vec<(String, Role)>, Expected> {
    let pairs = role_map(text).ok().and_then(|pairs| {
        let pair = |(said, role): (String, String)| Some((said, Role::parse(&role)?));
        pairs.into_iter().map(pair).collect::<Option<Vec<_>>>()
    });
    pairs.ok_or(
        "claim=role pairs with commas between them, such as gate-admins=admin; roles are viewer, \
         analyst, policy_author and admin"
            .into(),
    )
}

/// The name of a variable of the environment, or nothing.
pub(super) fn variable(text: &str) -> Result<Option<String>, Expected> {
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit());
    good.then(|| (!text.is_empty()).then(|| text.to_owned()))
        .ok_or("the name of an environment variable".into())
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
