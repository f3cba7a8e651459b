//! The built-in templates: overrides that a field of work may start from.
//!
//! Owns their names and texts (`detect/templates/*.toml`). They select by type and class alone, so that
//! they fit whatever rules a file has.

use super::overrides::Unmatched;
use crate::detect::error::{DetectionError, Problems};
use crate::detect::rule::Override;
use crate::policy::SourceFile;
use toml_edit::Document;

/// A built-in set of overrides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Template {
    /// What `template = "…"` calls it.
    pub name: &'static str,
    /// Its overrides, as they would stand in `detections.toml`, with the reason of each.
    pub text: &'static str,
}

/// Every template, the default first.
pub const TEMPLATES: &[Template] = &[
    Template { name: "default", text: include_str!("../templates/default.toml") },
    Template { name: "healthcare", text: include_str!("../templates/healthcare.toml") },
    Template { name: "financial", text: include_str!("../templates/financial.toml") },
    Template { name: "government", text: include_str!("../templates/government.toml") },
    Template { name: "education", text: include_str!("../templates/education.toml") },
];

impl Template {
    /// Its first line, which says what it is for.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// Its overrides. That there are no errors is held by a test.
    pub(super) fn overrides(&self) -> Result<Vec<Override>, Vec<DetectionError>> {
        let file = SourceFile::new(format!("template {}", self.name), self.text);
        let mut problems = Problems::of(&file);
        let document = match Document::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                problems.add_whole(error.message().replace('\n', ", "), "mend the template");
                return Err(problems.into_errors());
            }
        };
        let tables = document.get("override").and_then(toml_edit::Item::as_array_of_tables);
        let overrides = tables
            .into_iter()
            .flat_map(|tables| tables.iter())
            .filter_map(|table| Some(Unmatched::read(table, &mut problems)?.unchecked()))
            .collect();
        if problems.count() == 0 { Ok(overrides) } else { Err(problems.into_errors()) }
    }
}
