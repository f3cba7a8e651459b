//! How a verdict is told: what was looked at, whose word counted for it, what is wrong.
//!
//! Owns the words and the exit code. What an export says of itself must never pass in silence.

use super::super::{
    super::{CliError, Output},
    plain,
};
use crate::admin::audit::{Trust, shown};
use crate::ledger::{ExportHeader, NodeVerdict, PublicKey, Scope, Verdict};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A verdict, and what it rests on.
pub(super) struct Told {
    pub(super) verdict: Verdict,
    pub(super) trust: Trust,
    /// The files of checkpoints that were read, and how many each has.
    pub(super) files: Vec<(PathBuf, usize)>,
    /// What an export says of itself.
    pub(super) export: Option<ExportHeader>,
    /// What it may say at most.
    pub(super) expected: Scope,
}

impl Told {
    /// The verdict, and exit code 1 when something is wrong.
    pub(super) fn tell(self, output: &mut Output) -> Result<(), CliError> {
        let refusal = self.refusal();
        if output.is_json() {
            output.object(&self.as_json(refusal.is_none()))?;
        } else {
            self.lines(output)?;
            if refusal.is_none() {
                output.line(format!("sound    {} records", self.verdict.records))?;
            }
        }
        refusal.map_or(Ok(()), |reason| Err(CliError::Refused(reason)))
    }

    fn refusal(&self) -> Option<String> {
        if let Some(first) = self.verdict.problems.first() {
            return Some(format!("the record is not sound: {}", plain(&first.to_string())));
        }
        let header = self.export.as_ref()?;
        let flag = match (header.scope, self.expected) {
            (Scope::Part, Scope::Whole) => "--part",
            (Scope::Picked, Scope::Whole | Scope::Part) => "--picked",
            _ => return None,
        };
        let said = said_of_itself(header);
        Some(format!(
            "this is not the whole record: the export holds {said}; {flag} takes it as that"
        ))
    }

    fn lines(&self, output: &mut Output) -> Result<(), CliError> {
        if let Some(header) = &self.export {
            let (said, node) = (said_of_itself(header), plain(&header.node));
            output.line(format!("export   {said}; written by {node}, as its first line says"))?;
            show_files(&self.files, output)?;
        }
        for node in &self.verdict.nodes {
            output.line(chain(node))?;
        }
        for problem in &self.verdict.problems {
            output.line(format!("problem  {}", plain(&problem.to_string())))?;
        }
        Ok(())
    }

    fn as_json(&self, is_sound: bool) -> Value {
        let mut told = json!(shown::verdict(&self.verdict));
        let files = self.files.iter();
        let files = files.map(|(file, count)| json!({ "file": file, "checkpoints": count }));
        if let Some(members) = told.as_object_mut() {
            members.insert("sound".to_owned(), json!(is_sound));
            members.insert("trusted".to_owned(), trusted(&self.trust));
            members.insert("checkpoint_files".to_owned(), files.collect());
            members.insert("export".to_owned(), self.export.as_ref().map_or(Value::Null, header));
        }
        told
    }
}

pub(super) fn show_files(files: &[(PathBuf, usize)], output: &mut Output) -> Result<(), CliError> {
    files.iter().try_for_each(|(path, checkpoints)| {
        output.line(format!("reads    {checkpoints} checkpoints from {}", path.display()))
    })
}

/// `records 1 to 9, signed up to 9, 0 not covered`
fn chain(node: &NodeVerdict) -> String {
    let (first, last) = (node.first_seq, node.last_seq);
    let signed = match node.last_checkpoint {
        Some(seq) => format!("signed up to {seq}, {} not covered", node.unprotected),
        None => "none of them covered by a checkpoint".to_owned(),
    };
    format!("chain    {}: records {first} to {last}, {signed}", plain(&node.node))
}

/// `a part of the record (from=…, to=…)`
fn said_of_itself(header: &ExportHeader) -> String {
    let what = match header.scope {
        Scope::Whole => "the whole record",
        Scope::Part => "a part of the record",
        Scope::Picked => "picked records",
    };
    let filters: Vec<_> =
        header.filters.iter().map(|(name, value)| plain(&format!("{name}={value}"))).collect();
    let filters = filters.join(", ");
    if filters.is_empty() { what.to_owned() } else { format!("{what} ({filters})") }
}

fn header(header: &ExportHeader) -> Value {
    json!({
        "node": header.node,
        "scope": header.scope,
        "from": header.filters.get("from"),
        "to": header.filters.get("to"),
        "filters": header.filters,
    })
}

/// Whose checkpoints were believed, for which node (null: for all), and who vouches for the key.
fn trusted(trust: &Trust) -> Value {
    let shown = |key: &PublicKey, node: Option<&str>, source: &str| {
        let (id, key) = (key.key_id(), key.to_string());
        json!({ "key_id": id, "public_key": key, "node": node, "source": source })
    };
    let known = trust.known.iter().map(|key| shown(key, None, "local"));
    let others = trust.of_others.iter().map(|(node, key)| shown(key, Some(node), "database"));
    known.chain(others).collect()
}
