//! Taking tools out of a call.
//!
//! Owns what goes with a tool: its comma, and with the last one whatever the provider refuses
//! without tools. It must never leave a choice that forces what was taken out, nor touch another
//! byte.

use super::{push_name, push_names};
use crate::openai::{
    edits::{Edit, removals},
    fields::field,
    json::{Kind, Value},
};
use crate::types::Refusal;

/// The lists of tools, each with the field that chooses among them and one that goes with it.
const LISTS: [(&str, &str, &str); 2] = [
    ("tools", "tool_choice", "parallel_tool_calls"),
    ("functions", "function_call", "function_call"),
];

/// What takes the `denied` tools out of a body, in order and apart from each other.
pub(in crate::openai) fn removal(
    body: Value<'_>,
    denied: &[Box<str>],
) -> Result<Vec<Edit>, Refusal> {
    let mut edits = Vec::new();
    let mut members = Vec::new();
    for (list, choice, follower) in LISTS {
        let Some(tools) = field(body, list)? else { continue };
        let going = going(tools, list, denied)?;
        if !going.contains(&true) {
            continue;
        }
        let is_emptied = !going.contains(&false);
        let chosen = match field(body, choice)? {
            Some(choice) => without_choice(choice, denied, is_emptied)?,
            None => Vec::new(),
        };
        if is_emptied {
            members.extend([list, choice, follower]);
        } else {
            edits.extend(without_items(tools, going).into_iter().chain(chosen));
        }
    }
    edits.extend(without_members(body, &members));
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// Which tools of a list are denied by any of their names.
fn going(tools: Value<'_>, list: &'static str, denied: &[Box<str>]) -> Result<Vec<bool>, Refusal> {
    let is_going = |tool| {
        let mut names = Vec::new();
        match list {
            "functions" => push_name(&mut names, tool, list)?,
            _ => push_names(&mut names, tool)?,
        }
        Ok(names.iter().any(|name| denied.contains(name)))
    };
    tools.items().map(is_going).collect()
}

/// What a choice becomes. It is refused where it forces a tool that goes.
fn without_choice(
    choice: Value<'_>,
    denied: &[Box<str>],
    is_emptied: bool,
) -> Result<Vec<Edit>, Refusal> {
    if choice.kind() != Kind::Object {
        let is_forcing = choice.as_str().as_deref() == Some("required");
        return if is_forcing && is_emptied {
            Err(Refusal::ToolNotAllowed)
        } else {
            Ok(Vec::new())
        };
    }
    let allowed = field(choice, "allowed_tools")?.unwrap_or(choice);
    if let Some(tools) = field(allowed, "tools")? {
        let going = going(tools, "tools", denied)?;
        let leaves_none = is_emptied || !going.contains(&false);
        let mode = field(allowed, "mode")?.and_then(Value::as_str);
        return match (leaves_none, mode.as_deref()) {
            (true, Some("required")) => Err(Refusal::ToolNotAllowed),
            (true, _) => Ok(vec![Edit::replacement(choice.span(), "\"none\"")]),
            _ => Ok(without_items(tools, going)),
        };
    }
    let mut names = Vec::new();
    push_names(&mut names, choice)?;
    let kind = field(choice, "type")?.and_then(Value::as_str);
    let is_denied = |name: &str| denied.iter().any(|denied| **denied == *name);
    let forces_denied =
        names.iter().any(|name| is_denied(name)) || kind.as_deref().is_some_and(is_denied);
    if is_emptied || forces_denied { Err(Refusal::ToolNotAllowed) } else { Ok(Vec::new()) }
}

/// What takes some of an array's items out.
pub(in crate::openai) fn without_items(list: Value<'_>, going: Vec<bool>) -> Vec<Edit> {
    removals(list.items().map(Value::span).zip(going))
}

/// What takes the members of these names out of an object.
pub(in crate::openai) fn without_members(object: Value<'_>, names: &[&str]) -> Vec<Edit> {
    let member = |(key, value): (Value<'_>, Value<'_>)| {
        let goes = key.as_str().is_some_and(|key| names.contains(&key.as_ref()));
        (key.span().start..value.span().end, goes)
    };
    removals(object.entries().map(member))
}

#[cfg(test)]
mod tests;
