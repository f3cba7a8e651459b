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

/// The search that a chat asks for by options of its own is a tool like any other.
const SEARCH: (&str, &str) = ("web_search_options", "web_search");

/// Names of all tools in `tools[]` and (older) `functions[]`, in order, and of those that items of
/// the input bring along.
pub(super) fn tool_names(body: Value<'_>) -> Result<Vec<Box<str>>, Refusal> {
    let mut names = Vec::new();
    for tool in offered(body, "tools")? {
        push_names(&mut names, tool)?;
    }
    for function in offered(body, "functions")? {
        push_name(&mut names, function, "functions")?;
    }
    for tools in offered_in_input(body)? {
        tools.items().try_for_each(|tool| push_names(&mut names, tool))?;
    }
    let (options, search) = SEARCH;
    if field(body, options)?.is_some() {
        names.push(search.into());
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

/// The lists of tools that items of a response's input bring along.
fn offered_in_input(body: Value<'_>) -> Result<Vec<Value<'_>>, Refusal> {
    let mut lists = Vec::new();
    for item in field(body, "input")?.into_iter().flat_map(Value::items) {
        match field(item, "tools")? {
            None => {}
            Some(list) if list.kind() == Kind::Array => lists.push(list),
            Some(_) => return Err(malformed("The field must be an array.", "tools")),
        }
    }
    Ok(lists)
}

/// All names of a tool; of one that holds others, theirs too. What is neither a function nor a custom
/// tool is known by its type (`web_search`), whatever else it calls itself.
fn push_names(names: &mut Vec<Box<str>>, tool: Value<'_>) -> Result<(), Refusal> {
    let count_before = names.len();
    for holder in ["function", "custom"] {
        if let Some(definition) = field(tool, holder)? {
            push_name(names, definition, "tools")?;
        }
    }
    for own in ["name", "server_label"] {
        if let Some(value) = field(tool, own)? {
            names.push(name(value, "tools")?.into());
        }
    }
    for allowed in allowed_names(tool)? {
        names.push(name(allowed, "tools")?.into());
    }
    let has_name = names.len() > count_before;
    match field(tool, "type")?.map(|kind| name(kind, "tools")).transpose()? {
        Some(kind) if has_name && matches!(&*kind, "function" | "custom") => {}
        Some(kind) => names.push(kind.into()),
        None if has_name => {}
        None => return Err(malformed("Each tool must be an object with a name.", "tools")),
    }
    for inner in field(tool, "tools")?.into_iter().flat_map(Value::items) {
        push_names(names, inner)?;
    }
    Ok(())
}

/// The tools of a server that may be called: a list of names, or an object that holds one.
fn allowed_names(tool: Value<'_>) -> Result<impl Iterator<Item = Value<'_>>, Refusal> {
    let allowed = field(tool, "allowed_tools")?;
    let within = match allowed {
        Some(filter) => field(filter, "tool_names")?,
        None => None,
    };
    Ok(within.or(allowed).into_iter().flat_map(Value::items))
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
