//! The settings as documentation: the README's table and `portcullis.example.toml`.
//!
//! Owns the text forms of the key table, so that neither can go stale. Pure.

use super::{
    KEYS, Key, NAMED_KEYS,
    named::{NAME, named},
};
use std::fmt::Write;

/// The README's configuration table.
pub fn markdown_table() -> String {
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for key in KEYS.iter().chain(NAMED_KEYS) {
        let default =
            if key.default.is_empty() { "unset".to_owned() } else { format!("`{}`", key.default) };
        let doc = key.doc.trim();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{}` | {default} | {doc} |", key.path);
    }
    table
}

/// `portcullis.example.toml`: every key, commented out, with its default.
pub fn example_toml() -> String {
    let mut text = String::from(
        "# Portcullis: every setting with its default. Copy to portcullis.toml, or name it with\n\
         # --config, and uncomment what you change. The environment wins over this file:\n\
         # [server] bind is PORTCULLIS_SERVER__BIND. 'portcullis config' shows what is in effect.\n\
         # An empty text counts as unset.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            let _ = write!(text, "\n[{section}]");
        }
        write_key(&mut text, key);
    }
    text.push_str(
        "\n# Sections of which there may be any number, each with a name of its own. In the\n\
         # environment: PORTCULLIS_ISSUERS__CORP__AUDIENCE.\n",
    );
    for key in NAMED_KEYS {
        if key.section() != section {
            section = key.section();
            let first = section.trim_end_matches(NAME).trim_end_matches('.');
            let example = named(first).map_or(NAME, |named| named.example);
            let _ = write!(text, "\n# [{first}.{example}]");
        }
        write_key(&mut text, key);
    }
    text
}

fn write_key(text: &mut String, key: &Key) {
    let _ = write!(text, "\n# {}\n# {} = {}\n", key.doc.trim(), key.name(), toml_value(key));
}

fn toml_value(key: &Key) -> String {
    let is_decimal = |text: &str| text.contains('.') && text.parse::<f64>().is_ok();
    let bare = key.example.parse::<u64>().is_ok()
        || key.example.parse::<bool>().is_ok()
        || is_decimal(key.example);
    if bare { key.example.to_owned() } else { format!("{:?}", key.example) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, resolve};

    #[test]
    fn the_shipped_example_is_the_key_table() {
        let shipped = include_str!("../../portcullis.example.toml");
        assert_eq!(shipped, example_toml(), "write the right-hand text to portcullis.example.toml");
    }

    #[test]
    fn the_example_uncommented_is_the_default_configuration() {
        let example = example_toml();
        let settings = example.lines().map(|line| line.trim_start_matches("# "));
        let is_setting = |line: &str| line.contains(" = ") || line.ends_with(']');
        let text: Vec<&str> = settings.filter(|line| is_setting(line)).collect();
        let text = text.join("\n");
        let inputs = Inputs {
            file: Some(("example", &text)),
            environment: &[],
            overrides: &[],
            host_name: "h",
        };
        let values = resolve(&inputs).unwrap().values;
        for value in values {
            let unset = value.shown == "(unset)" || value.key == "server.node";
            assert_eq!(value.source.starts_with("example:"), !unset, "{value:?}");
        }
    }

    #[test]
    fn the_markdown_table_has_one_row_per_key() {
        let table = markdown_table();
        assert_eq!(table.lines().count(), KEYS.len() + NAMED_KEYS.len() + 2);
        assert!(table.contains("| `server.bind` | `127.0.0.1:8000` | Address"));
        assert!(table.contains("| `upstream.api_key` | unset | Provider key"));
        assert!(table.contains("| `issuers.NAME.algorithms` | `RS256,ES256,EdDSA` | How"));
    }
}
