//! Reading requests as loosely as the real API does.
//!
//! Owns the checks that every endpoint shares.

use super::{form::Form, models, problem::Problem};
use serde_json::Value;

/// A request's parameters.
pub(super) struct Request(Value);

impl Request {
    /// Reads the object and checks that its model is known.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        Self::of(object_in(body)?, None)
    }

    /// The same for an endpoint that has a model for those who name none.
    pub(super) fn parse_or(body: &[u8], model: &str) -> Result<Self, Problem> {
        Self::of(object_in(body)?, Some(model))
    }

    /// The texts of a form, as if they had been an object.
    pub(super) fn of_form(form: Form, model: Option<&str>) -> Result<Self, Problem> {
        Self::of(form.fields.into(), model)
    }

    /// Checks an object's model, which may have a default.
    pub(super) fn of(mut object: Value, default: Option<&str>) -> Result<Self, Problem> {
        if let (Some(members), Some(default)) = (object.as_object_mut(), default) {
            members.entry("model").or_insert_with(|| default.into());
        }
        let model = object.get("model").ok_or(Problem::Missing("model"))?.as_str();
        let model = model.ok_or(Problem::Invalid { param: "model", expected: "a string" })?;
        models::find(model).ok_or_else(|| Problem::UnknownModel(model.to_owned()))?;
        Ok(Self(object))
    }

    /// A member; null when absent.
    pub(super) fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// The model, which [`parse`](Self::parse) has checked.
    pub(super) fn model(&self) -> &str {
        self.get("model").as_str().unwrap_or_default()
    }

    /// A switch that is off when absent.
    pub(super) fn switch(&self, param: &'static str) -> Result<bool, Problem> {
        match self.get(param) {
            Value::Null => Ok(false),
            Value::Bool(on) => Ok(*on),
            _ => Err(Problem::Invalid { param, expected: "true or false" }),
        }
    }

    /// A positive number, if there is one.
    pub(super) fn count(&self, param: &'static str) -> Result<Option<usize>, Problem> {
        match self.get(param) {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .filter(|count| *count > 0)
                .and_then(|count| usize::try_from(count).ok())
                .map(Some)
                .ok_or(Problem::Invalid { param, expected: "a positive whole number" }),
        }
    }

    /// Whether a stream is to end with its token counts.
    pub(super) fn includes_usage(&self) -> Result<bool, Problem> {
        let options = self.get("stream_options");
        if !options.is_null() && !self.switch("stream")? {
            let expected = "it only together with 'stream': true";
            return Err(Problem::Invalid { param: "stream_options", expected });
        }
        Ok(options.get("include_usage").and_then(Value::as_bool).unwrap_or_default())
    }
}

/// The JSON object in a body.
pub(super) fn object_in(body: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|_not_json| Problem::NotJson)?;
    if value.is_object() { Ok(value) } else { Err(Problem::NotJson) }
}

/// The text of a message's content: a string, or the text parts of a list.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// A plausible number of tokens: four bytes each.
pub(super) fn tokens_in(text: &str) -> usize {
    text.len().div_ceil(4)
}
