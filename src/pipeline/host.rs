//! The `Host` of a request.
//!
//! Owns what may stand in it (RFC 9110 §7.2, RFC 3986 §3.2). It decides nothing here and is never passed on, but one
//! that is none means that whoever stands before us may have read another request.

use super::Stop;
use crate::types::Refusal;
use actix_web::http::header::{self, HeaderMap};
use std::{borrow::Cow, net::Ipv6Addr};

/// Refuses a `Host` that cannot be one. HTTP/1.0 needs none.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Stop> {
    let mut hosts = headers.get_all(header::HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(()),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        _ => Err(Stop::Refused(Refusal::Malformed {
            message: Cow::Borrowed("Send exactly one Host header: a name or address, and a port."),
            param: None,
        })),
    }
}

fn is_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_none_or(is_port) && is_name(name)
}

fn is_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
    }
    // Unreserved characters; percent-encoded names are nobody's.
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["gate", "gate.example.com:8000", "127.0.0.1", "[::1]:80", "[::1]", "", "g_1:"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "user:secret@gate",
            "gate/path",
            "gate?x",
            "gate#x",
            "gate:80:80",
            "gate:x",
            "gate:123456",
            "a b",
            "gate, evil",
            "[::1",
            "::1",
            "[gate]",
            "g%41te",
            "gäte",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
        assert!(!is_host(b"\xff"));
    }
}
