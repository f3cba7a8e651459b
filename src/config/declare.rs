//! The declaration of settings: one list makes the typed structs, the key table and the builder.
//!
//! Owns the macro; the list is in `config/keys.rs`. It must never know a setting.

/// Declares the configuration: `key: type = "default", reader;`, with `, secret` where it is one. A section may end
/// with a table within it: `[name]`, its documentation, its type and its keys.
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
                $(
                    [$inner:ident]
                    $(#[doc = $inner_doc:literal])+
                    $inner_struct:ident {
                        $(
                            $(#[doc = $sub_doc:literal])+
                            $sub:ident: $sub_type:ty = $sub_default:literal, $sub_reader:expr
                                $(, $sub_secret:ident)?;
                        )+
                    }
                )?
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
                $($(#[doc = $inner_doc])+ pub $inner: $inner_struct,)?
            }

            $(
                $(#[doc = $inner_doc])+
                #[derive(Clone, Debug)]
                pub struct $inner_struct {
                    $(
                        $(#[doc = $sub_doc])+
                        #[doc = concat!(
                            "\n\nKey `", stringify!($section), ".", stringify!($inner), ".",
                            stringify!($sub), "`, default `\"", $sub_default, "\"`."
                        )]
                        pub $sub: $sub_type,
                    )+
                }
            )?
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
            $(
                $(Key {
                    path: concat!(stringify!($section), ".", stringify!($key)),
                    default: $default,
                    example: $default,
                    doc: concat!($($doc),+),
                    secret: settings!(@is_secret $($secret)?),
                },)+
                $($(Key {
                    path: concat!(
                        stringify!($section), ".", stringify!($inner), ".", stringify!($sub)
                    ),
                    default: $sub_default,
                    example: $sub_default,
                    doc: concat!($($sub_doc),+),
                    secret: settings!(@is_secret $($sub_secret)?),
                },)+)?
            )+
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
                        $($inner: $inner_struct {
                            $($sub: texts.read(
                                concat!(
                                    stringify!($section), ".", stringify!($inner), ".",
                                    stringify!($sub)
                                ),
                                $sub_reader,
                            )?,)+
                        },)?
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
