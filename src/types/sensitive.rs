//! `Sensitive<T>`: a value that must not be shown.
//!
//! Owns the rule that secrets and content have no `Display`, no `Serialize` and a `Debug` that says
//! nothing. It must never gain a conversion that hides the call to [`Sensitive::expose`].

use serde::{Deserialize, Deserializer};
use std::fmt;

/// A secret or a piece of content. The only way to the value is [`expose`](Self::expose) or
/// [`reveal`](Self::reveal), so that every use can be found by name.
#[derive(Clone, Eq, PartialEq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Borrows the value for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out.
    pub fn reveal(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sensitive<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing_about_the_value() {
        let secret = Sensitive::new("sk-canary");
        assert_eq!(format!("{secret:?} {:?}", Some(secret.clone())), "[redacted] Some([redacted])");
    }
}
