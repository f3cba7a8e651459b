//! Which headers travel, in both directions.
//!
//! Owns the list of those that do not: hop-by-hop ones (RFC 9110 §7.6.1), those named in `Connection`,
//! our credentials, our cookie and everything of ours, and what makes another request of the one that was authorised.
//! All others pass unchanged, repeated ones included.

use crate::types::ExchangeId;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

/// The id of exchange, decision and record.
pub const DECISION: HeaderName = HeaderName::from_static("x-portcullis-decision");
/// The receipt: with it the caller gets the proof of its call.
pub const RECEIPT: HeaderName = HeaderName::from_static("x-portcullis-receipt");
/// Present when the answer comes from the built-in sandbox.
pub const SANDBOX: HeaderName = HeaderName::from_static("x-portcullis-sandbox");
/// The caller's provider key on the agent surface.
pub(super) const OPENAI_KEY: HeaderName = HeaderName::from_static("x-openai-key");
/// The caller's credential on the detection-key surface.
pub(super) const DETECTION_KEY: HeaderName = HeaderName::from_static("x-detection-key");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const OURS: &str = "x-portcullis-";
/// The dashboard's session cookie.
const COOKIE: &str = "portcullis_session";

const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Set anew for the provider, or not wanted there.
const NOT_TO_PROVIDER: [HeaderName; 9] = [
    header::HOST,
    header::AUTHORIZATION,
    OPENAI_KEY,
    DETECTION_KEY,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::ACCEPT_ENCODING,
    header::RANGE,
    header::EXPECT,
];

/// Some servers take another method or path from these than the request has.
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// Name the account that pays, or are another key to one.
const ACCOUNT: [HeaderName; 4] = [
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-api-key"),
];

/// Set anew for the client, or said of the provider's address and not of ours.
const NOT_TO_CLIENT: [HeaderName; 3] =
    [header::CONTENT_LENGTH, header::ALT_SVC, header::STRICT_TRANSPORT_SECURITY];

/// The client's headers as the provider gets them, but for the provider key. A body that came without a
/// type gets the one that it was read as.
pub(super) fn to_provider(headers: &HeaderMap, content_type: Option<&str>) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 4);
    let named = Named::in_connection_of(headers);
    for (name, value) in headers {
        if NOT_TO_PROVIDER.contains(name) || OVERRIDES.contains(name) || stays(name, &named) {
            continue;
        }
        if *name == header::COOKIE {
            if let Some(value) = without_our_cookie(value) {
                passed.append(header::COOKIE, value);
            }
            continue;
        }
        passed.append(name.clone(), value.clone());
    }
    passed.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let missing = content_type.filter(|_| !passed.contains_key(header::CONTENT_TYPE));
    if let Some(content_type) = missing.and_then(|text| HeaderValue::from_str(text).ok()) {
        passed.insert(header::CONTENT_TYPE, content_type);
    }
    passed
}

/// With the gate's own key, the account that pays is not the caller's to choose.
pub(super) fn remove_account(headers: &mut HeaderMap) {
    for name in ACCOUNT {
        headers.remove(name);
    }
}

/// The provider's headers as the client gets them, with the decision's id.
pub(super) fn to_client(
    headers: &HeaderMap,
    id: ExchangeId,
    receipt: Option<HeaderValue>,
    sandbox: bool,
) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 4);
    let named = Named::in_connection_of(headers);
    for (name, value) in headers {
        if !NOT_TO_CLIENT.contains(name) && !stays(name, &named) && !sets_our_cookie(name, value) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed.insert(DECISION, decision(id));
    if let Some(receipt) = receipt {
        passed.insert(RECEIPT, receipt);
    }
    if sandbox {
        passed.insert(SANDBOX, HeaderValue::from_static("true"));
    }
    passed
}

/// An id as a header's value.
pub(super) fn decision(id: ExchangeId) -> HeaderValue {
    HeaderValue::from_str(&id.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// `Bearer <key>`, marked as sensitive.
pub(super) fn bearer(key: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn stays(name: &HeaderName, named: &Named<'_>) -> bool {
    HOP_BY_HOP.contains(name) || name.as_str().starts_with(OURS) || named.contains(name)
}

/// The header names listed in `Connection`; almost always none but `keep-alive` or `close`.
struct Named<'a>(Vec<&'a str>);

impl<'a> Named<'a> {
    fn in_connection_of(headers: &'a HeaderMap) -> Self {
        let values = headers.get_all(header::CONNECTION).filter_map(|value| value.to_str().ok());
        let names = values.flat_map(|value| value.split(',')).map(str::trim);
        Self(names.filter(|name| !matches!(*name, "" | "keep-alive" | "close")).collect())
    }

    fn contains(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|named| name.as_str().eq_ignore_ascii_case(named))
    }
}

fn sets_our_cookie(name: &HeaderName, value: &HeaderValue) -> bool {
    *name == header::SET_COOKIE
        && value.as_bytes().trim_ascii_start().starts_with(COOKIE.as_bytes())
}

fn without_our_cookie(value: &HeaderValue) -> Option<HeaderValue> {
    let Ok(text) = value.to_str() else { return Some(value.clone()) };
    if !text.contains(COOKIE) {
        return Some(value.clone());
    }
    let is_ours = |pair: &&str| pair.split('=').next().is_some_and(|name| name.trim() == COOKIE);
    let others: Vec<_> = text.split(';').filter(|pair| !is_ours(pair)).map(str::trim).collect();
    HeaderValue::from_str(&others.join("; ")).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    fn names(headers: &HeaderMap) -> Vec<String> {
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn credentials_hop_by_hop_and_named_headers_stay_here() {
        let passed = to_provider(
            &headers(&[
                ("host", "gate"),
                ("authorization", "Bearer agent"),
                ("x-openai-key", "sk-1"),
                ("x-detection-key", "detect_live_1"),
                ("x-portcullis-anything", "1"),
                ("connection", "keep-alive, X-Private"),
                ("x-private", "1"),
                ("te", "trailers"),
                ("transfer-encoding", "chunked"),
                ("accept-encoding", "gzip"),
                ("range", "bytes=0-1"),
                ("content-type", "application/json"),
                ("x-stainless-lang", "python"),
            ]),
            None,
        );
        assert_eq!(names(&passed), ["accept-encoding", "content-type", "x-stainless-lang"]);
        assert_eq!(passed.get("accept-encoding").unwrap(), "identity");
    }

    #[test]
    fn repeated_headers_survive_in_both_directions() {
        let twice =
            headers(&[("x-tag", "a"), ("x-tag", "b"), ("set-cookie", "c"), ("set-cookie", "d")]);
        assert_eq!(to_provider(&twice, None).get_all("x-tag").count(), 2);
        let id = ExchangeId(uuid::Uuid::nil());
        assert_eq!(to_client(&twice, id, None, false).get_all("set-cookie").count(), 2);
    }

    #[test]
    fn no_header_makes_another_request_of_a_call_or_names_another_account() {
        let sent = headers(&[
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Method-Override", "DELETE"),
            ("X-HTTP-Method", "DELETE"),
            ("X-Original-URL", "/v1/files"),
            ("X-Rewrite-URL", "/v1/files"),
            ("OpenAI-Organization", "org"),
            ("OpenAI-Project", "proj"),
            ("api-key", "k"),
            ("x-api-key", "k"),
            ("x-tag", "a"),
        ]);
        let mut passed = to_provider(&sent, None);
        let own = ["accept-encoding", "api-key", "openai-organization", "openai-project"];
        assert_eq!(names(&passed), [own.as_slice(), &["x-api-key", "x-tag"]].concat());
        remove_account(&mut passed);
        assert_eq!(names(&passed), ["accept-encoding", "x-tag"]);
    }

    #[test]
    fn only_our_own_cookie_is_taken_out() {
        let passed = to_provider(&headers(&[("cookie", "a=1; portcullis_session=x; b=2")]), None);
        assert_eq!(passed.get("cookie").unwrap(), "a=1; b=2");
        let passed = to_provider(&headers(&[("cookie", "portcullis_session=x")]), None);
        assert!(passed.get("cookie").is_none());
    }

    #[test]
    fn a_provider_key_is_marked_as_sensitive() {
        assert_eq!(format!("{:?}", bearer("sk-1").unwrap()), "Sensitive");
    }
}
