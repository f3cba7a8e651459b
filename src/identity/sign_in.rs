//! A sign-in at an identity provider, between its start and its end (OpenID Connect with PKCE, RFC 7636).
//!
//! Owns what binds the two ends to one browser: a random cookie, from which state, nonce and code verifier are
//! derived, so that nothing need be kept here meanwhile. Pure but for random bits.

use super::secret::{self, SecretError};
use crate::types::{Sensitive, UnixMillis};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a user may take at the provider.
pub const SIGN_IN_SECS: i64 = 600;

/// One user's way to the provider and back.
#[derive(Debug)]
pub struct SignInAttempt {
    cookie: Sensitive<String>,
}

impl SignInAttempt {
    /// A new one.
    pub fn begin(now: UnixMillis) -> Result<Self, SecretError> {
        let random = secret::random_text()?;
        Ok(Self { cookie: Sensitive::new(format!("{}.{random}", now.as_secs())) })
    }

    /// The one of this cookie, if the provider sent this browser back with its state and in time.
    pub fn resume(cookie: &str, state: &str, now: UnixMillis) -> Option<Self> {
        let (began, random) = cookie.split_once('.')?;
        let age = now.as_secs().checked_sub(began.parse().ok()?)?;
        let attempt = Self { cookie: Sensitive::new(cookie.to_owned()) };
        let is_its_state = bool::from(attempt.state().as_bytes().ct_eq(state.as_bytes()));
        let is_whole = random.len() >= 43;
        (is_whole && is_its_state && (0..SIGN_IN_SECS).contains(&age)).then_some(attempt)
    }

    /// What the browser keeps.
    pub const fn cookie(&self) -> &Sensitive<String> {
        &self.cookie
    }

    /// What the provider sends back with the browser.
    pub fn state(&self) -> String {
        self.derived("state")
    }

    /// What the ID token must carry.
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What shows at the token endpoint who began this.
    pub fn code_verifier(&self) -> Sensitive<String> {
        Sensitive::new(self.derived("code_verifier"))
    }

    /// The verifier's digest, which goes ahead (S256).
    pub fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.derived("code_verifier")))
    }

    fn derived(&self, what: &str) -> String {
        let key = Key::new(HMAC_SHA256, self.cookie.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(sign(&key, what.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

    #[test]
    fn an_attempt_is_resumed_by_its_own_browser_with_its_own_state_in_time() {
        let (one, other) = (SignInAttempt::begin(NOW).unwrap(), SignInAttempt::begin(NOW).unwrap());
        let cookie = one.cookie().expose();
        let resumed = SignInAttempt::resume(cookie, &one.state(), NOW.plus_secs(599)).unwrap();
        assert_eq!(resumed.nonce(), one.nonce());
        for (cookie, state, secs) in [
            (cookie.as_str(), other.state(), 0),
            (cookie, String::new(), 0),
            (cookie, one.state(), 600),
            (cookie, one.state(), -1),
            (other.cookie().expose(), one.state(), 0),
            ("", one.state(), 0),
        ] {
            assert!(SignInAttempt::resume(cookie, &state, NOW.plus_secs(secs)).is_none());
        }
        let later =
            cookie.replacen(&NOW.as_secs().to_string(), &(NOW.as_secs() + 9).to_string(), 1);
        assert!(SignInAttempt::resume(&later, &one.state(), NOW.plus_secs(601)).is_none());
    }

    #[test]
    fn what_is_derived_differs_and_the_challenge_is_that_of_rfc_7636() {
        let attempt = SignInAttempt::begin(NOW).unwrap();
        let verifier = attempt.code_verifier().reveal();
        let all = [attempt.state(), attempt.nonce(), verifier.clone(), attempt.code_challenge()];
        for (at, text) in all.iter().enumerate() {
            assert_eq!(text.len(), 43);
            assert!(!all[at + 1..].contains(text));
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        assert_eq!(attempt.code_challenge(), challenge);
    }
}
