//! Values that are written in base64: web tokens and the credentials of basic authentication.
//!
//! Owns the look inside. It must never keep what it decodes.

use super::secrets::not_placeholder;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// Base64 of `user:password`.
pub(super) fn basic_auth(value: &str) -> bool {
    let Ok(bytes) = BASE64.decode(value) else { return false };
    let Ok(text) = std::str::from_utf8(&bytes) else { return false };
    let Some((_, password)) = text.split_once(':') else { return false };
    password.len() >= 3 && !text.chars().any(char::is_control) && not_placeholder(password)
}

/// A JSON web token: its first part is a JSON object that names an algorithm.
pub(super) fn jwt(value: &str) -> bool {
    let Some(head) = value.split('.').next() else { return false };
    let Ok(bytes) = BASE64_URL.decode(head) else { return false };
    std::str::from_utf8(&bytes)
        .is_ok_and(|text| text.trim_start().starts_with('{') && text.contains("\"alg\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_a_user_and_a_password() {
        assert!(basic_auth("YWRhOnQ5SzJ4UTd2V3o0"));
        assert!(basic_auth("c3ZjOmszSmY5MkxtUXg"), "without its padding");
        assert!(!basic_auth("VW5kZXJzdGFuZGluZw=="), "no colon");
        assert!(!basic_auth("Understanding"), "no base64 of a text");
        assert!(!basic_auth("dXNlcjp5b3VyX3Bhc3N3b3Jk"), "a placeholder");
    }

    #[test]
    fn a_web_token_names_its_algorithm() {
        assert!(jwt("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x"));
        assert!(!jwt("eyJmb28iOiJiYXIifQ.e30.x"));
        assert!(!jwt("no.token.here"));
    }
}
