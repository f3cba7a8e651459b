//! What the commands show of rules and of what they found.

use super::super::{CliError, Output};
use crate::admin::detections::{TrialFinding, TrialView};
use crate::detect::{Coverage, Covered, DetectionError, Detections, Profile, Rule, TEMPLATES};
use crate::policy::Pattern;
use crate::types::Lifecycle;
use serde_json::{Map, Value, json};

/// The problems of a file, or how much of it is good.
pub(super) fn checked(
    file: &str,
    checked: &Result<Detections, Vec<DetectionError>>,
    output: &mut Output,
) -> Result<(), CliError> {
    let rules = checked.as_ref().map_or(&[][..], |detections| detections.rules());
    let examples: usize = rules.iter().map(|rule| rule.matches.len() + rule.clean.len()).sum();
    let errors = checked.as_ref().err().map_or(&[][..], Vec::as_slice);
    if output.is_json() {
        let (valid, rules) = (errors.is_empty(), rules.len());
        return output.object(&json!({
            "file": file, "valid": valid, "rules": rules, "examples": examples, "errors": errors,
        }));
    }
    for error in errors {
        output.line(error.to_string())?;
    }
    if errors.is_empty() {
        let (rules, examples) = (counted(rules.len(), "rule"), counted(examples, "example"));
        output.line(format!("{file}: {rules}, {examples}: all good"))?;
    }
    Ok(())
}

/// Each rule with what it does.
pub(super) fn list(
    profile: &Profile,
    kind: Option<&Pattern>,
    lifecycle: Option<Lifecycle>,
    output: &mut Output,
) -> Result<(), CliError> {
    let lifecycles = lifecycle.map_or_else(|| Lifecycle::ALL.to_vec(), |only| vec![only]);
    let rules = profile.detections().rules().iter().enumerate();
    let rules: Vec<_> =
        rules.filter(|(_, rule)| kind.is_none_or(|kind| kind.matches(&rule.kind))).collect();
    let action = |index: usize, rule: &Rule, lifecycle: Lifecycle| {
        let is_searched_for = rule.lifecycles.contains(&lifecycle);
        is_searched_for.then(|| profile.action(index, lifecycle).as_str())
    };
    if output.is_json() {
        let shown = |(index, rule): &(usize, &std::sync::Arc<Rule>)| {
            let actions: Map<String, Value> = lifecycles
                .iter()
                .map(|it| (it.as_str().to_owned(), json!(action(*index, rule, *it))))
                .collect();
            json!({
                "id": rule.id, "type": rule.kind, "class": rule.class, "severity": rule.severity,
                "line": rule.line, "actions": actions,
            })
        };
        return output.object(&json!({ "rules": rules.iter().map(shown).collect::<Vec<_>>() }));
    }
    let mut table = vec![["ID", "TYPE", "SEVERITY"].map(str::to_owned).to_vec()];
    if let Some(head) = table.first_mut() {
        head.extend(lifecycles.iter().map(ToString::to_string));
    }
    for (index, rule) in &rules {
        let mut row = vec![rule.id.to_string(), rule.kind.to_string(), rule.severity.to_string()];
        let actions = lifecycles.iter().map(|it| action(*index, rule, *it).unwrap_or("-"));
        row.extend(actions.map(str::to_owned));
        table.push(row);
    }
    columns(&table, output)
}

/// What was found in a text, and what would go on.
pub(super) fn trial(trial: &TrialView, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(trial);
    }
    let row = |found: &TrialFinding| {
        vec![
            found.rule.clone(),
            found.kind.clone(),
            found.severity.to_string(),
            found.action.to_string(),
            format!("{}..{}", found.start, found.end),
        ]
    };
    let rows: Vec<_> = trial.findings.iter().map(row).collect();
    if rows.is_empty() {
        output.line("nothing was found")?;
    }
    columns(&rows, output)?;
    match &trial.redacted {
        Some(text) => output.line(format!("\n{}", text.trim_end_matches('\n'))),
        None => output.line("\nstopped: nothing goes on"),
    }
}

/// What is scanned on which endpoint.
pub(super) fn coverage(coverage: &Coverage, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(coverage);
    }
    let texts = |covered: &[Covered]| {
        covered.iter().map(|it| format!("{}: {}", it.surface, it.note)).collect::<Vec<_>>()
    };
    for it in &coverage.endpoints {
        output.line(format!("{} {}", it.method, it.path))?;
        for (way, covered) in [("in ", &it.ingress), ("out", &it.egress)] {
            for text in texts(covered) {
                output.line(format!("  {way}  {text}"))?;
            }
        }
        for (what, text) in [("stream", &it.stream), ("not scanned", &it.not_screened)] {
            if let Some(text) = text {
                output.line(format!("  {what}: {text}"))?;
            }
        }
    }
    Ok(())
}

/// The templates by name.
pub(super) fn templates(output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        let templates: Vec<_> = TEMPLATES
            .iter()
            .map(|template| json!({ "name": template.name, "summary": template.summary() }))
            .collect();
        return output.object(&json!({ "templates": templates }));
    }
    let rows: Vec<_> = TEMPLATES
        .iter()
        .map(|template| vec![template.name.to_owned(), template.summary().to_owned()])
        .collect();
    columns(&rows, output)
}

/// Lines whose columns stand below each other.
fn columns(rows: &[Vec<String>], output: &mut Output) -> Result<(), CliError> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let widths: Vec<_> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        output.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// `1 rule`, `1,804 examples`.
fn counted(count: usize, what: &str) -> String {
    let digits = count.to_string();
    let mut number = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            number.push(',');
        }
        number.push(digit);
    }
    format!("{number} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_easy_to_read() {
        assert_eq!(counted(1, "rule"), "1 rule");
        assert_eq!(counted(312, "rule"), "312 rules");
        assert_eq!(counted(1_804, "example"), "1,804 examples");
        assert_eq!(counted(1_000_000, "example"), "1,000,000 examples");
    }
}
