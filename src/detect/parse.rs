//! From the text of `detections.toml` to rules that can be used.
//!
//! Owns the order: read, compile, try each rule on its own examples. Rules that fail one of the three are
//! never put in force.

use super::detections::{CorrelationKey, Detections, FailedExample};
use super::error::DetectionError;
use super::file::read;
use crate::policy::SourceFile;

impl Detections {
    /// Reads, compiles and tries the rules; all problems of the first step that has any.
    pub fn parse(
        file: &SourceFile,
        key: Option<CorrelationKey>,
    ) -> Result<Self, Vec<DetectionError>> {
        let problem = |(line, reason, remedy)| DetectionError {
            file: file.name.clone(),
            line: Some(line),
            column: None,
            reason,
            remedy,
        };
        let detections = Self::build(read(file)?, key)
            .map_err(|problems| problems.into_iter().map(problem).collect::<Vec<_>>())?;
        let failed = detections.failed_examples();
        if failed.is_empty() {
            return Ok(detections);
        }
        Err(failed.iter().map(|failed| problem(detections.describe(failed))).collect())
    }

    fn describe(&self, failed: &FailedExample) -> (u32, String, String) {
        let id = self.rules().get(failed.rule).map_or("", |rule| &*rule.id);
        let number = failed.example_index.saturating_add(1);
        let (reason, remedy) = if failed.expected_match {
            (
                format!("'{id}' does not find text {number} of its 'matches'"),
                "widen the rule, or change the text",
            )
        } else {
            (
                format!("'{id}' finds something in text {number} of its 'clean'"),
                "narrow the rule, or change the text",
            )
        };
        (failed.line, reason, remedy.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "[[rule]]\nid = \"nightjar\"\ntype = \"CUSTOM\"\nseverity = \"HIGH\"\n\
        pattern = 'nightjar'\nmatches = ['a nightjar', 'an owl']\nclean = ['a bird', 'the nightjar']\n";

    fn errors(text: &str) -> Vec<String> {
        let Err(errors) = Detections::parse(&SourceFile::new("d.toml", text), None) else {
            return Vec::new();
        };
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_that_fails_its_examples_is_refused_at_its_line() {
        assert_eq!(
            errors(&format!("\n{RULE}")),
            [
                "d.toml:2: 'nightjar' does not find text 2 of its 'matches'; widen the rule, or \
                 change the text",
                "d.toml:2: 'nightjar' finds something in text 2 of its 'clean'; narrow the rule, or \
                 change the text"
            ]
        );
    }

    #[test]
    fn each_step_has_its_own_errors() {
        assert_eq!(errors("x = 1\n").len(), 2);
        let good = RULE.replace(", 'an owl'", "").replace(", 'the nightjar'", "");
        assert!(errors(&good).is_empty());
    }

    #[test]
    fn the_guides_examples_are_good() {
        let guide = include_str!("../../docs/detections.md");
        let examples: Vec<_> = guide
            .split("```toml\n")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("```")?.0))
            .collect();
        assert_eq!(examples.len(), 3);
        let (rules, overrides): (Vec<&str>, Vec<&str>) =
            examples.into_iter().partition(|example| example.contains("[[rule]]"));
        let found = errors(&rules.concat());
        assert!(found.is_empty(), "{found:?}");
        // The others show overrides alone, of these and of the rules that are shipped.
        let shipped = include_str!("../../detections.toml");
        let found = errors(&[shipped, &rules.concat(), &overrides.concat()].join("\n"));
        assert!(found.is_empty(), "{found:?}");
    }
}
