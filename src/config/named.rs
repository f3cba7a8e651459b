//! The sections whose names are free, `[provider_keys.NAME]` and `[issuers.NAME]`: one declaration
//! makes the typed structs, their key table and their builders.
//!
//! Owns these keys, the rule for names, and what the entries of one section must not share. It must
//! never hold how values are layered or shown.

use super::{
    ConfigError, Key,
    secrets::{Source, Target, Wanted},
    texts::Texts,
    value::{self, UnknownAgents},
};
use std::{collections::BTreeMap, path::PathBuf};

/// What stands for a name in the documentation.
pub(super) const NAME: &str = "NAME";

/// What a name may be.
pub(super) const NAME_RULE: &str = "1 to 32 of a-z, 0-9 and _, first a letter or digit";

/// A section with free names, and how the example calls an entry of it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) section: &'static str,
    pub(super) example: &'static str,
}

/// Declares sections: `key: type = "default", reader;`, with `, example "value"` where the default
/// alone would show nothing.
macro_rules! named_sections {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident ($example_name:literal): $struct:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:literal, $reader:expr $(, example $example:literal)?;
            )+
        }
    )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug)]
            pub struct $struct {
                $(
                    $(#[doc = $doc])+
                    #[doc = concat!(
                        "\n\nKey `", stringify!($section), ".NAME.", stringify!($key),
                        "`, default `\"", $default, "\"`."
                    )]
                    pub $key: $type,
                )+
            }

            impl $struct {
                /// Reads the keys of the entry at `entry`, such as `issuers.corp`.
                fn build(texts: &Texts, entry: &str) -> Result<Self, ConfigError> {
                    Ok(Self {
                        $($key: texts.read(&format!("{entry}.{}", stringify!($key)), $reader)?,)+
                    })
                }
            }
        )+

        /// Every setting of the sections with free names, in the order of the documentation.
        pub const NAMED_KEYS: &[Key] = &[
            $($(Key {
                path: concat!(stringify!($section), ".NAME.", stringify!($key)),
                default: $default,
                example: named_sections!(@example $default $(, $example)?),
                doc: concat!($($doc),+),
                secret: false,
            },)+)+
        ];

        pub(super) const NAMED: &[Named] = &[
            $(Named { section: stringify!($section), example: $example_name },)+
        ];
    };
    (@example $default:literal) => { $default };
    (@example $default:literal, $example:literal) => { $example };
}

named_sections! {
    /// A provider's key that the gate holds; exactly one of the two says where it is.
    provider_keys("team_a"): ProviderKeySettings {
        /// Environment variable that holds the key.
        env: Option<String> = "", value::variable, example "TEAM_A_OPENAI_KEY";
        /// File whose first line is the key.
        file: Option<PathBuf> = "", value::optional_path;
    }

    /// An issuer of agents' tokens besides the gate itself.
    issuers("corp"): IssuerSettings {
        /// `iss` of its tokens, an `https` URL. Required.
        issuer: String = "", value::issuer, example "https://login.example.com";
        /// `aud` that its tokens must carry. Required.
        audience: String = "", value::label, example "portcullis";
        /// URL of its keys (JWKS). Unset: its OpenID Connect metadata says where they are.
        jwks_url: Option<String> = "", value::jwks_url;
        /// How its tokens may be signed: `RS256`, `ES256`, `EdDSA`, with commas between them.
        algorithms: Vec<String> = "RS256,ES256,EdDSA", value::algorithms;
        /// Claim that says which agent it is.
        agent_claim: String = "sub", value::label;
        /// Claim that lists what the agent is at the issuer.
        roles_claim: String = "roles", value::label;
        /// Roles here for what that claim lists, `claim=role` with commas between them. Others count for nothing.
        role_map: Vec<(String, String)> = "", value::role_map, example "corp-dev=developer, corp-ops=operator";
        /// Type of the agents that come from it.
        agent_type: String = "autonomous", value::label;
        /// Agents that the gate does not know: `refuse`, or `create` at their first token.
        unknown_agents: UnknownAgents = "refuse", value::unknown_agents;
        /// PEM file of authorities to trust besides the public ones, for its keys and metadata.
        ca_file: Option<PathBuf> = "", value::optional_path;
    }
}

impl Texts {
    /// The issuers; no two of them, nor one and the gate itself, can have issued the same token.
    pub(super) fn issuers(&self) -> Result<BTreeMap<String, IssuerSettings>, ConfigError> {
        let mut issuers = BTreeMap::<String, IssuerSettings>::new();
        let own = self.read("auth.issuer", value::label)?;
        for (name, entry) in self.entries("issuers") {
            let settings = IssuerSettings::build(self, entry)?;
            let same = issuers.iter().find(|(_, other)| other.issuer == settings.issuer);
            let taken = same.map(|(other, _)| format!("issuers.{other}.issuer"));
            let taken = taken.or((own == settings.issuer).then(|| "auth.issuer".to_owned()));
            if let Some(taken) = taken {
                let path = format!("{entry}.issuer");
                return Err(self.refused(&path, &format!("another one than {taken}")));
            }
            issuers.insert(name.to_owned(), settings);
        }
        Ok(issuers)
    }

    /// Where the named keys of providers are to be read.
    pub(super) fn provider_keys(&self) -> Result<Vec<Wanted>, ConfigError> {
        let mut wanted = Vec::new();
        for (name, entry) in self.entries("provider_keys") {
            let settings = ProviderKeySettings::build(self, entry)?;
            let (key, source) = match (settings.env, settings.file) {
                (Some(variable), None) => ("env", Source::Variable(variable)),
                (None, Some(file)) => ("file", Source::File(file)),
                (Some(_), Some(_)) => {
                    let path = format!("{entry}.file");
                    return Err(self.refused(&path, &format!("nothing, as {entry}.env is set")));
                }
                (None, None) => {
                    let expected = format!("the name of a variable, or a path in {entry}.file");
                    return Err(self.missing(&format!("{entry}.env"), &expected));
                }
            };
            let target = Target::ProviderKey(name.to_owned());
            wanted.push(Wanted::new(self, &format!("{entry}.{key}"), target, source));
        }
        Ok(wanted)
    }
}

/// Whether an entry may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'_')
        && !name.starts_with('_')
}

/// The section with free names that `section` is.
pub(super) fn named(section: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.section == section)
}
