//! The address of a Postgres server: checked, completed, and never shown.
//!
//! Owns what may be said about a failed connection. libpq quotes parts of an address that it cannot
//! read, and an unescaped password moves into other parts: so such addresses are refused before
//! libpq sees them, and the password is scrubbed from what libpq says.

use super::error::{StoreError, one_line};
use crate::types::Sensitive;
use std::borrow::Cow;

/// Applied where the operator's address does not say otherwise: fail in seconds, not in minutes.
const DEFAULTS: &[(&str, &str)] = &[
    ("connect_timeout", "5"),
    ("fallback_application_name", "portcullis"),
    ("keepalives_idle", "15"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

/// What libpq or the server says, and what to check then.
const REMEDIES: &[(&str, &str)] = &[
    ("password authentication failed", "check user name and password in DATABASE_URL"),
    ("no password supplied", "add a password to DATABASE_URL"),
    ("no pg_hba.conf entry", "admit this user and address in pg_hba.conf, or add sslmode=require"),
    ("could not translate host name", "check the host name in DATABASE_URL"),
    ("Connection refused", "check that Postgres runs and that host and port are right"),
    ("timeout expired", "check host, port and firewall"),
    ("server does not support SSL", "switch TLS on in Postgres, or set another sslmode"),
    ("certificate", "check sslmode and sslrootcert in DATABASE_URL"),
    ("does not exist", "create it, or correct DATABASE_URL"),
    ("too many clients", "raise max_connections in Postgres, or lower the pool size"),
];

/// A checked `postgres://` address.
#[derive(Clone, Debug)]
pub(super) struct PostgresAddress {
    url: Sensitive<String>,
    passwords: Sensitive<Vec<String>>,
}

impl PostgresAddress {
    /// Checks the form and adds the defaults. The errors quote nothing.
    pub(super) fn parse(url: &Sensitive<String>) -> Result<Self, StoreError> {
        let text = url.expose();
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or_else(|| {
                refused("DATABASE_URL must begin with postgres:// (unset means SQLite)")
            })?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user_info, hosts) = match place.rsplit_once('@') {
            Some((user_info, hosts)) => (user_info, hosts),
            None => ("", place),
        };
        let escaped = "write @ : / ? # and % in the user name or password of DATABASE_URL \
                       percent-encoded, e.g. @ as %40";
        let password = user_info.split_once(':').map_or("", |(_, password)| password);
        if user_info.contains(['@', '/', '#']) || password.contains(':') || query.contains('@') {
            return Err(refused(escaped));
        }
        let hosts = hosts.split('/').next().unwrap_or_default();
        if !hosts.split(',').all(has_numeric_port) || !is_percent_encoded(text) {
            return Err(refused(escaped));
        }
        let mut passwords = vec![password];
        passwords.extend(query.split('&').filter_map(|pair| match pair.split_once('=') {
            Some(("password" | "sslpassword", value)) => Some(value),
            _ => None,
        }));
        let passwords = passwords
            .into_iter()
            .flat_map(|raw| [raw.to_owned(), percent_decoded(raw).into_owned()])
            .filter(|password| !password.is_empty())
            .collect();
        Ok(Self {
            url: Sensitive::new(completed(text, query)),
            passwords: Sensitive::new(passwords),
        })
    }

    /// The address for libpq.
    pub(super) fn url(&self) -> &str {
        self.url.expose()
    }

    /// What may be said about a failed connection: libpq's first line without a password, and what
    /// to check.
    pub(super) fn explain(&self, message: &str) -> StoreError {
        let mut line = one_line(message);
        for password in self.passwords.expose() {
            line = line.replace(password.as_str(), "[redacted]");
        }
        let remedy = REMEDIES.iter().find(|(text, _)| message.contains(text));
        let remedy = remedy.map_or("check DATABASE_URL", |(_, remedy)| remedy);
        StoreError::Unavailable { reason: format!("{line}; {remedy}"), source: None }
    }
}

const fn refused(reason: &'static str) -> StoreError {
    StoreError::Address { reason }
}

/// Whether a `host:port` has digits behind its colon; anything else is a password gone astray.
fn has_numeric_port(host: &str) -> bool {
    let port = match host.rsplit_once(']') {
        Some((_, port)) => port.strip_prefix(':'),
        None => host.split_once(':').map(|(_, port)| port),
    };
    port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|piece| {
        let digits = piece.get(..2).unwrap_or_default();
        digits != "00" && u8::from_str_radix(digits, 16).is_ok() && !digits.starts_with('+')
    })
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        bytes.extend(u8::from_str_radix(digits, 16));
        bytes.extend_from_slice(rest.as_bytes());
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn completed(text: &str, query: &str) -> String {
    let mut url = text.to_owned();
    let mut separator = if text.contains('?') { '&' } else { '?' };
    if query.is_empty() && separator == '&' {
        url.pop();
        separator = '?';
    }
    for (name, value) in DEFAULTS {
        let is_given = query.split('&').any(|pair| pair.split('=').next() == Some(name));
        if !is_given {
            url.push(separator);
            url.push_str(name);
            url.push('=');
            url.push_str(value);
            separator = '&';
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<PostgresAddress, StoreError> {
        PostgresAddress::parse(&Sensitive::new(url.to_owned()))
    }

    #[test]
    fn defaults_are_added_and_the_operators_values_stay() {
        let address = parse("postgres://u:p@h/db?connect_timeout=2&sslmode=require").unwrap();
        assert!(
            address.url().starts_with("postgres://u:p@h/db?connect_timeout=2&sslmode=require&f")
        );
        assert!(!address.url().contains("connect_timeout=5"));
        let bare = parse("postgresql://h1:1,[::1]:2").unwrap();
        assert!(bare.url().starts_with("postgresql://h1:1,[::1]:2?connect_timeout=5&"));
        assert!(parse("postgres:///db?host=/run/postgresql").is_ok());
    }

    #[test]
    fn an_address_that_libpq_would_quote_is_refused_without_quoting_it() {
        for url in [
            "mysql://u:canary@h/db",
            "postgres://u:can@ary@h/db",
            "postgres://u:can/ary@h/db",
            "postgres://u:can:ary@h/db",
            "postgres://u:can?ary@h/db",
            "postgres://u:can#ary@h/db",
            "postgres://u:canary%zz@h/db",
            "postgres://u:canary%@h/db",
            "canary",
        ] {
            let error = parse(url).expect_err(url);
            assert!(matches!(error, StoreError::Address { .. }), "{url}");
            assert!(!format!("{error} {error:?}").contains("ary"), "{url}: {error:?}");
        }
    }

    #[test]
    fn a_password_is_scrubbed_from_what_libpq_says() {
        let address = parse("postgres://u:c%61nary@h/db?sslpassword=second").unwrap();
        let error = address.explain("failed: c%61nary canary second timeout expired\nagain canary");
        assert_eq!(
            error.to_string(),
            "the database is not available: failed: [redacted] [redacted] [redacted] timeout \
             expired; check host, port and firewall"
        );
        assert_eq!(format!("{address:?}").matches("[redacted]").count(), 2);
    }
}
