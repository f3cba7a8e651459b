//! The words that every room shares: who calls, what is called, what we refuse, what we record.
//!
//! Owns plain values and their text forms. It must never do I/O, read a clock or know a crate of the
//! web stack, so that every room may import it.

pub mod actor;
mod call;
mod detection;
mod hex;
mod principal;
mod record;
mod refusal;
mod role;
mod sensitive;
mod timestamp;

pub use call::{CallFacts, Governed, ObjectKind, Permission, Surface};
pub use detection::{Action, DataClass, Finding, Lifecycle, RiskDomain, Severity, TextSurface};
pub use hex::hex;
pub use principal::{AgentStatus, AppContext, CallerLimits, Principal};
pub use record::{ExchangeId, Outcome, PolicyResult, Record, Scan, ScanExtent, Usage, UsageSource};
pub use refusal::{Fault, LimitKind, Refusal};
pub use role::Role;
pub use sensitive::Sensitive;
pub use timestamp::UnixMillis;

/// Declares an enum whose variants have one fixed text form, used in JSON, in the database and in
/// command-line output alike.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The fixed text form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the text form back; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    serde::de::Error::unknown_variant(&text, &[$($text),+])
                })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }
    };
}
pub(crate) use text_enum;
