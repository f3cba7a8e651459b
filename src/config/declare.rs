//! The declaration of settings: one list makes the typed structs, the key table and the builder.
//!
//! Owns the macro; the list is in `config/keys.rs`. It must never know a setting.

/// Declares the configuration: `key: type = "default", reader;`, with `, secret` where it is one.
macro_rules! settings {
    (
        $(#[doc = $top_doc:literal])+
        $top:ident: $top_type:ty = $top_default:literal, $top_reader:expr;
        $(
            $(#[doc = $section_doc:literal])+
            $section:ident: $struct:ident {
                $(
                    $(#[doc = $doc:literal])+
                    $key:ident: $type:ty = $default:literal, $reader:expr $(, $secret:ident)?;
                )+
            }
        )+
    ) => {
        /// The effective configuration.
        #[derive(Clone, Debug)]
        pub struct Config {
            $(#[doc = $top_doc])+
            #[doc = concat!("\n\nKey `", stringify!($top), "`, default `", $top_default, "`.")]
            pub $top: $top_type,
            $($(#[doc = $section_doc])+ pub $section: $struct,)+
            /// Providers' keys that stand in the gate, by name; read from where `[provider_keys]`
            /// says when the configuration is loaded.
            pub provider_keys: BTreeMap<String, Sensitive<String>>,
            /// Issuers of agents' tokens besides the gate itself, by name.
            pub issuers: BTreeMap<String, IssuerSettings>,
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug)]
            pub struct $struct {
                $(
                    $(#[doc = $doc])+
                    #[doc = concat!(
                        "\n\nKey `", stringify!($section), ".", stringify!($key),
                        "`, default `\"", $default, "\"`."
                    )]
                    pub $key: $type,
                )+
            }
        )+

        /// Every setting, in the order of the documentation.
        pub const KEYS: &[Key] = &[
            Key {
                path: stringify!($top),
                default: $top_default,
                example: $top_default,
                doc: concat!($($top_doc),+),
                secret: false,
            },
            $($(Key {
                path: concat!(stringify!($section), ".", stringify!($key)),
                default: $default,
                example: $default,
                doc: concat!($($doc),+),
                secret: settings!(@is_secret $($secret)?),
            },)+)+
        ];

        impl Config {
            /// Reads every key's winning text into its type; keys of providers are not yet read.
            pub(super) fn build(texts: &Texts) -> Result<Self, ConfigError> {
                Ok(Self {
                    $top: texts.read(stringify!($top), $top_reader)?,
                    $($section: $struct {
                        $($key: texts.read(
                            concat!(stringify!($section), ".", stringify!($key)),
                            $reader,
                        )?,)+
                    },)+
                    provider_keys: BTreeMap::new(),
                    issuers: texts.issuers()?,
                })
            }
        }
    };
    (@is_secret secret) => { true };
    (@is_secret) => { false };
}
pub(super) use settings;
