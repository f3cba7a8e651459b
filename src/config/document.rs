//! The settings as documentation: the README's table and `portcullis.example.toml`.
//!
//! Owns the text forms of the key table, so that neither can go stale. Pure.

use super::{KEYS, Key};
use std::fmt::Write;

/// The README's configuration table.
pub fn markdown_table() -> String {
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for key in KEYS {
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
        let _ = write!(text, "\n# {}\n# {} = {}\n", key.doc.trim(), key.name(), toml_value(key));
    }
    text
}

fn toml_value(key: &Key) -> String {
    let bare = key.default.parse::<u64>().is_ok() || key.default.parse::<bool>().is_ok();
    if bare { key.default.to_owned() } else { format!("{:?}", key.default) }
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
        assert_eq!(table.lines().count(), KEYS.len() + 2);
        assert!(table.contains("| `server.bind` | `127.0.0.1:8000` | Address"));
        assert!(table.contains("| `upstream.api_key` | unset | Provider key"));
    }
}
