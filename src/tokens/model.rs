//! Which models share a vocabulary.
//!
//! Owns the names. It must never take a model for another whose name only begins alike.

/// Models with one vocabulary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    /// `cl100k_base`.
    Cl100k,
    /// `o200k_base`.
    O200k {
        /// They think in tokens that they do not show.
        thinks_unseen: bool,
    },
}

const CL100K: &[&str] = &["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada"];

const O200K: &[&str] = &["gpt-4o", "gpt-4.1", "gpt-4.5", "chatgpt-4o", "gpt-5-chat", "gpt-oss"];

const O200K_UNSEEN: &[&str] = &["gpt-5", "o1", "o3", "o4", "codex-mini"];

impl Family {
    /// The family of a model, which may stand behind its provider's name (`openai/gpt-4o`) or be a tuned one
    /// (`ft:gpt-4o:…`).
    pub(super) fn of(model: &str) -> Option<Self> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let is_one_of = |names: &[&str]| names.iter().any(|known| is_named(name, known));
        if is_one_of(O200K) {
            Some(Self::O200k { thinks_unseen: false })
        } else if is_one_of(O200K_UNSEEN) {
            Some(Self::O200k { thinks_unseen: true })
        } else if is_one_of(CL100K) {
            Some(Self::Cl100k)
        } else {
            None
        }
    }
}

/// Whether it is this model or a variant of it.
fn is_named(name: &str, known: &str) -> bool {
    let rest = name.strip_prefix(known);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_and_variants_of_it() {
        const SEEN: Option<Family> = Some(Family::O200k { thinks_unseen: false });
        const UNSEEN: Option<Family> = Some(Family::O200k { thinks_unseen: true });
        const OLDER: Option<Family> = Some(Family::Cl100k);
        for (model, family) in [
            ("gpt-4o", SEEN),
            ("gpt-4o-mini-2024-07-18", SEEN),
            ("openai/gpt-4o", SEEN),
            ("ft:gpt-4o-mini-2024-07-18:acme::abc", SEEN),
            ("chatgpt-4o-latest", SEEN),
            ("gpt-4.1-nano", SEEN),
            ("gpt-4.5-preview", SEEN),
            ("gpt-5-chat-latest", SEEN),
            ("gpt-oss:20b", SEEN),
            ("gpt-oss-120b", SEEN),
            ("gpt-5", UNSEEN),
            ("gpt-5.1-codex", UNSEEN),
            ("o1-preview", UNSEEN),
            ("o3", UNSEEN),
            ("o4-mini", UNSEEN),
            ("gpt-4", OLDER),
            ("gpt-4-turbo-2024-04-09", OLDER),
            ("gpt-3.5-turbo", OLDER),
            ("gpt-35-turbo", OLDER),
            ("text-embedding-3-small", OLDER),
            ("text-embedding-ada-002", OLDER),
            ("text-embedding-004", None),
            ("gpt-4oo", None),
            ("gpt-40", None),
            ("o365", None),
            ("o3d-large", None),
            ("my-gpt-4o", None),
            ("llama-3.3-70b", None),
            ("davinci-002", None),
            ("", None),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
