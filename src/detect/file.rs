//! Reading `detections.toml`.
//!
//! Owns the file's grammar and reports every problem, not only the first, each at its line and column. It
//! must never change in silence what an administrator wrote: what is not understood is an error.

mod fields;
mod overrides;
mod rule;
mod templates;

pub use templates::{TEMPLATES, Template};

use super::error::{DetectionError, Problems};
use super::rule::{Override, Rule};
use crate::policy::SourceFile;
use crate::types::hex;
use fields::{Fields, Found};
use overrides::Unmatched;
use rule::read_rule;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use toml_edit::Document;

const KEYS: &[&str] = &["template", "rule", "override"];
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
const MAX_RULES: usize = 2_000;
const MAX_OVERRIDES: usize = 2_000;

/// A file that was read without a problem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleFile {
    /// 12 hexadecimal digits that change with the file.
    pub version: Arc<str>,
    /// The template that it starts from.
    pub template: &'static str,
    /// The rules, in the file's order.
    pub rules: Vec<Rule>,
    /// The template's overrides, then the file's.
    pub overrides: Vec<Override>,
}

/// Reads the rules. Whether their patterns can be compiled is seen when they are.
pub fn read(file: &SourceFile) -> Result<RuleFile, Vec<DetectionError>> {
    let mut problems = Problems::of(file);
    let read = read_into(file, &mut problems);
    match read.filter(|_| problems.count() == 0) {
        Some(read) => Ok(read),
        None => Err(problems.into_errors()),
    }
}

fn read_into(file: &SourceFile, problems: &mut Problems<'_>) -> Option<RuleFile> {
    if file.text.len() > MAX_FILE_BYTES {
        let reason = format!("{} bytes; {MAX_FILE_BYTES} are the most", file.text.len());
        problems.add_whole(reason, "remove rules that you do not need");
        return None;
    }
    let document = match Document::parse(file.text.as_str()) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.add(at, error.message().replace('\n', ", "), "mend the TOML here");
            return None;
        }
    };
    let mut top = Fields::of("the file", document.as_table(), KEYS, problems);
    let template = if top.has("template") {
        top.word("template", TEMPLATES, |template| template.name)
    } else {
        TEMPLATES.first().copied()
    };
    let rule_tables: Vec<_> = top.tables("rule").collect();
    let override_tables: Vec<_> = top.tables("override").collect();
    if rule_tables.is_empty() {
        let remedy =
            "restore the shipped file, or to look for nothing, override [\"*\"] with \"allow\"";
        problems.add_whole("there is no [[rule]], so nothing would be found", remedy);
    }
    limit("rules", rule_tables.len(), MAX_RULES, problems);
    limit("overrides", override_tables.len(), MAX_OVERRIDES, problems);
    let rules: Vec<_> =
        rule_tables.into_iter().filter_map(|table| read_rule(table, problems)).collect();
    let unmatched: Vec<_> =
        override_tables.into_iter().filter_map(|table| Unmatched::read(table, problems)).collect();
    refuse_repeated_ids(&rules, problems);
    // Rules that could not be read would only make selectors look wrong that are not.
    if problems.count() > 0 {
        return None;
    }
    let rules: Vec<Rule> = rules.into_iter().map(|found| found.value).collect();
    let template = template?;
    let mut overrides = match template.overrides() {
        Ok(overrides) => overrides,
        Err(errors) => {
            problems.extend(errors);
            return None;
        }
    };
    overrides.extend(unmatched.into_iter().map(|it| it.check(&rules, problems)));
    Some(RuleFile { version: version_of(file), template: template.name, rules, overrides })
}

fn limit(what: &str, count: usize, most: usize, problems: &mut Problems<'_>) {
    if count > most {
        problems.add_whole(format!("{count} {what}; {most} are the most"), "remove some");
    }
}

fn refuse_repeated_ids(rules: &[Found<Rule>], problems: &mut Problems<'_>) {
    let mut lines = HashMap::new();
    for Found { value: rule, at } in rules {
        if let Some(line) = lines.insert(&rule.id, rule.line) {
            let reason = format!("the id '{}' stands already in the rule of line {line}", rule.id);
            problems.add(*at, reason, "give one of them another");
        }
    }
}

/// 12 hexadecimal digits that change with the file.
pub fn version_of(file: &SourceFile) -> Arc<str> {
    let digest = Sha256::digest(&file.text);
    hex(digest.get(..6).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests;
