//! The tools that a call offers.
//!
//! Owns the reading of their names, from every place where a server might look for one, and taking
//! tools out of a call. It must never keep a tool's description or parameters.

mod removal;

pub(super) use removal::{removal, without_items, without_members};

use super::{
    fields::{any_field, field, malformed, name},
    json::{Kind, Value},
};
use crate::types::Refusal;

/// Four times what OpenAI takes.
pub(super) const MAX_TOOLS: usize = 512;

/// Names of all tools in `tools[]` and (older) `functions[]`, in order.
pub(super) fn tool_names(body: Value<'_>) -> Result<Vec<Box<str>>, Refusal> {
    let mut names = Vec::new();
    for tool in offered(body, "tools")? {
        push_names(&mut names, tool)?;
    }
    for function in offered(body, "functions")? {
        push_name(&mut names, function, "functions")?;
    }
    if names.len() > MAX_TOOLS {
        return Err(malformed("More than 512 tools.", "tools"));
    }
    // Where tools are taken out, these are acted on too.
    for follower in ["tool_choice", "parallel_tool_calls", "function_call"] {
        any_field(body, follower)?;
    }
    Ok(names)
}

fn offered<'d>(
    body: Value<'d>,
    param: &'static str,
) -> Result<impl Iterator<Item = Value<'d>>, Refusal> {
    let list = field(body, param)?;
    match list.map(Value::kind) {
        None | Some(Kind::Array) => Ok(list.into_iter().flat_map(Value::items)),
        Some(_) => Err(malformed("The field must be an array.", param)),
    }
}

/// All names of a tool; of one that holds others, theirs too.
fn push_names(names: &mut Vec<Box<str>>, tool: Value<'_>) -> Result<(), Refusal> {
    let count_before = names.len();
    for holder in ["function", "custom"] {
        if let Some(definition) = field(tool, holder)? {
            push_name(names, definition, "tools")?;
        }
    }
    if names.len() == count_before || field(tool, "name")?.is_some() {
        push_own_name(names, tool)?;
    }
    for inner in field(tool, "tools")?.into_iter().flat_map(Value::items) {
        push_names(names, inner)?;
    }
    Ok(())
}

/// A tool that is not a function is known by its own name, or by its type (`web_search`).
fn push_own_name(names: &mut Vec<Box<str>>, tool: Value<'_>) -> Result<(), Refusal> {
    if field(tool, "name")?.is_some() {
        return push_name(names, tool, "tools");
    }
    match field(tool, "type")? {
        Some(kind) => names.push(name(kind, "tools")?.into()),
        None => return Err(malformed("Each tool must be an object with a name.", "tools")),
    }
    Ok(())
}

fn push_name(
    names: &mut Vec<Box<str>>,
    holder: Value<'_>,
    param: &'static str,
) -> Result<(), Refusal> {
    let Some(value) = field(holder, "name")? else {
        return Err(malformed("Each tool must be an object with a name.", param));
    };
    names.push(name(value, param)?.into());
    Ok(())
}
