//! Taking tools out of a call.
//!
//! Owns what goes with a tool: its comma, and with the last one whatever the provider refuses
//! without tools. It must never leave a choice that forces what was taken out, nor touch another
//! byte.

use super::{SEARCH, push_name, push_names};
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
    let mut edits = without_input_tools(body, denied)?;
    let input_is_edited = !edits.is_empty();
    let mut members = Vec::new();
    for (list, choice, follower) in LISTS {
        let tools = field(body, list)?;
        let going = tools.map_or(Ok(Vec::new()), |tools| going(tools, list, denied))?;
        // A choice may also be among what came with the input.
        if !going.contains(&true) && (list != "tools" || !input_is_edited) {
            continue;
        }
        let is_emptied = is_emptied(&going);
        let chosen = match field(body, choice)? {
            Some(choice) => without_choice(choice, denied, is_emptied)?,
            None => Vec::new(),
        };
        if is_emptied {
            members.extend([list, choice, follower]);
        } else {
            edits.extend(tools.map(|tools| without_items(tools, going)).unwrap_or_default());
            edits.extend(chosen);
        }
    }
    let (options, search) = SEARCH;
    if denied.iter().any(|name| **name == *search) {
        members.push(options);
    }
    edits.extend(without_members(body, &members));
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// What takes tools out of the items of the input that bring them along; an item that was made for
/// nothing else goes with the last of them.
fn without_input_tools(body: Value<'_>, denied: &[Box<str>]) -> Result<Vec<Edit>, Refusal> {
    let Some(input) = field(body, "input")? else { return Ok(Vec::new()) };
    let mut edits = Vec::new();
    let mut items_going = Vec::new();
    for item in input.items() {
        let tools = field(item, "tools")?;
        let going = tools.map_or(Ok(Vec::new()), |tools| going(tools, "tools", denied))?;
        let brings_tools =
            field(item, "type")?.and_then(Value::as_str).as_deref() == Some("additional_tools");
        let goes = brings_tools && is_emptied(&going);
        items_going.push(goes);
        if let Some(tools) = tools.filter(|_| !goes) {
            edits.extend(without_items(tools, going));
        }
    }
    edits.extend(without_items(input, items_going));
    Ok(edits)
}

/// Whether tools of a list go, and none of it stays.
fn is_emptied(going: &[bool]) -> bool {
    going.contains(&true) && !going.contains(&false)
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
    let forces_denied = names.iter().any(|name| denied.contains(name));
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
