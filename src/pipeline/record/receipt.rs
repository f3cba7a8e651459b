//! The receipt of a call: who has it can show what the record says of it.
//!
//! Owns the number and its form. It must never be written down: the record has its hash alone.

use crate::ledger::receipt_hash;
use crate::types::hex;
use actix_web::http::header::HeaderValue;

const BYTES: usize = 16;

/// 16 random bytes as 32 hexadecimal digits.
pub(super) struct Receipt(String);

impl Receipt {
    pub(super) fn new() -> Self {
        let mut bytes = [0; BYTES];
        // Without random bytes the process could not make ids either: they come from the same source.
        let drawn = getrandom::fill(&mut bytes);
        if drawn.is_err() {
            tracing::error!("the system gives no random bytes; a receipt is worthless");
        }
        Self(hex(&bytes))
    }

    /// What the record keeps.
    pub(super) fn hash(&self) -> Box<str> {
        receipt_hash(&self.0).into()
    }

    /// For the answer's head.
    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_receipts_differ_and_are_digits() {
        let (one, other) = (Receipt::new(), Receipt::new());
        assert_ne!(one.0, other.0);
        assert_eq!(one.0.len(), 32);
        assert!(one.0.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(one.to_header().unwrap(), one.0.as_str());
        assert_eq!(one.hash().len(), 64);
    }
}
