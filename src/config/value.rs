//! Readers: from a setting's text to its value.
//!
//! Owns what is acceptable and says what would be. A reader must never repeat the text that it
//! refuses: whether that may be shown is the error's decision.

mod points;

pub(super) use points::{points, points_list};

use crate::types::{Sensitive, text_enum};
use std::{borrow::Cow, net::SocketAddr, ops::RangeInclusive, path::PathBuf};
use url::{Host, Url};

const SIGNATURE_ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

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

text_enum! {
    /// What happens to endpoints that the gate does not know.
    UnknownEndpoints {
        /// They are refused.
        Deny = "deny",
        /// They are forwarded, unread but recorded.
        ForwardUnscreened = "forward_unscreened",
    }
}

text_enum! {
    /// What happens to the first token of an agent that the gate does not know.
    UnknownAgents {
        /// It is refused: an administrator creates the agent.
        Refuse = "refuse",
        /// The agent is created.
        Create = "create",
    }
}

text_enum! {
    /// When a streamed answer is judged by rules that redact or block.
    StreamDetection {
        /// Before it passes: what may still become a match is held back.
        Inline = "inline",
        /// When it has passed.
        After = "after",
    }
}

text_enum! {
    /// What a record survives before its answer goes on.
    Durability {
        /// The end of the process; of the machine, but for the last 10 ms.
        Process = "process",
        /// The end of the machine: the journal is synced first.
        Disk = "disk",
    }
}

text_enum! {
    /// What happens to calls that there is no room to record.
    WhenFull {
        /// They are refused with 503.
        Refuse = "refuse",
        /// They are served, and counted as lost to the record.
        Serve = "serve",
    }
}

text_enum! {
    /// What a stopped call is answered with.
    BlockedStatus {
        /// An answer of its endpoint that says so; where there is none, 451.
        Answer = "200",
        /// 451 always.
        Refusal = "451",
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

/// `deny` or `forward_unscreened`.
pub(super) fn unknown_endpoints(text: &str) -> Result<UnknownEndpoints, Expected> {
    UnknownEndpoints::parse(text).ok_or("deny or forward_unscreened".into())
}

/// `inline` or `after`.
pub(super) fn durability(text: &str) -> Result<Durability, Expected> {
    Durability::parse(text).ok_or("process or disk".into())
}

pub(super) fn when_full(text: &str) -> Result<WhenFull, Expected> {
    WhenFull::parse(text).ok_or("refuse or serve".into())
}

pub(super) fn stream_detection(text: &str) -> Result<StreamDetection, Expected> {
    StreamDetection::parse(text).ok_or("inline or after".into())
}

/// `200` or `451`.
pub(super) fn blocked_status(text: &str) -> Result<BlockedStatus, Expected> {
    BlockedStatus::parse(text).ok_or("200 or 451".into())
}

/// `refuse` or `create`.
pub(super) fn unknown_agents(text: &str) -> Result<UnknownAgents, Expected> {
    UnknownAgents::parse(text).ok_or("refuse or create".into())
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
