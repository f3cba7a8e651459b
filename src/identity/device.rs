//! The mark of a browser in which somebody has signed in before (a device cookie).
//!
//! Owns its form: a random number and its MAC under the user's stored password hash, so that nothing else need be
//! kept, and another password makes all marks worthless. It opens nothing: it only tells a user's own browser from
//! strangers when sign-ins have failed too often. Pure but for random bits.

use super::secret::{self, SecretError};
use crate::types::Sensitive;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A new mark for a browser of this user.
pub fn mark(
    username: &str,
    password_hash: &Sensitive<String>,
) -> Result<Sensitive<String>, SecretError> {
    let number = secret::random_text()?;
    let mac = sign(&key(password_hash), message(username, &number).as_bytes());
    Ok(Sensitive::new(format!("{number}.{}", URL_SAFE_NO_PAD.encode(mac))))
}

/// Whether this is a mark of a browser of this user.
pub fn is_marked(mark: &str, username: &str, password_hash: &Sensitive<String>) -> bool {
    let Some((number, mac)) = mark.split_once('.') else { return false };
    let Ok(mac) = URL_SAFE_NO_PAD.decode(mac) else { return false };
    verify(&key(password_hash), message(username, number).as_bytes(), &mac).is_ok()
}

fn key(password_hash: &Sensitive<String>) -> Key {
    Key::new(HMAC_SHA256, password_hash.expose().as_bytes())
}

fn message(username: &str, number: &str) -> String {
    format!("device\0{username}\0{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_good_for_its_user_and_password_alone() {
        let hash = |text: &str| Sensitive::new(text.to_owned());
        let made = mark("ann", &hash("one")).unwrap().reveal();
        assert!(is_marked(&made, "ann", &hash("one")));
        assert!(!is_marked(&made, "bob", &hash("one")));
        assert!(!is_marked(&made, "ann", &hash("two")));
        let (number, mac) = made.split_once('.').unwrap();
        for forged in ["", ".", "x.y", number, &format!("A{number}.{mac}"), &format!("{number}.")] {
            assert!(!is_marked(forged, "ann", &hash("one")), "{forged}");
        }
        assert_ne!(made, mark("ann", &hash("one")).unwrap().reveal());
    }
}
