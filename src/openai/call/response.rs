//! Reading the body of `POST /responses`.
//!
//! Owns what its items, instructions and tools say. It must never miss a model that a tool would
//! use.

use super::{body::read_messages, reading::Reading};
use crate::openai::{
    fields::{field, malformed, name},
    json::{Kind, Value},
    tools::tool_names,
};
use crate::types::Refusal;

/// What the provider makes images with where the tool names no model.
const IMAGE_TOOL_MODEL: &str = "gpt-image-1";

pub(super) fn read_response(root: Value<'_>, reading: &mut Reading) -> Result<(), Refusal> {
    let (count, has_system_item) = match field(root, "input")? {
        None => (None, false),
        Some(input) => match input.kind() {
            Kind::String { .. } => (Some(1), false),
            Kind::Array => {
                let (count, has_system_item) = read_messages(input, "input")?;
                (Some(count), has_system_item)
            }
            _ => return Err(malformed("The field must be a string or an array.", "input")),
        },
    };
    let has_instructions = field(root, "instructions")?.is_some();
    reading.facts.message_count = count;
    reading.facts.has_system_prompt = Some(has_system_item || has_instructions);
    reading.facts.tool_names = tool_names(root)?;
    reading.facts.has_tools = Some(!reading.facts.tool_names.is_empty());
    read_tool_models(root, reading)?;
    // The provider stores a response unless it is told not to.
    if field(root, "store")?.is_some_and(|store| store.kind() == Kind::False) {
        reading.stores_answer = false;
    }
    Ok(())
}

fn read_tool_models(root: Value<'_>, reading: &mut Reading) -> Result<(), Refusal> {
    let Some(tools) = field(root, "tools")? else { return Ok(()) };
    for tool in tools.items() {
        let kind = field(tool, "type")?.and_then(Value::as_str);
        match field(tool, "model")? {
            Some(model) => reading.imply_model(name(model, "tools")?.as_ref().into()),
            None if kind.as_deref() == Some("image_generation") => {
                reading.imply_model(IMAGE_TOOL_MODEL.into());
            }
            None => {}
        }
    }
    Ok(())
}
