//! Reading requests as loosely as the real API does.
//!
//! Owns the checks that every endpoint shares.

use super::{models, problem::Problem};
use serde_json::Value;

/// The JSON object in a request's body.
pub(super) struct Request(Value);

impl Request {
    /// Reads the object and checks that its model is known.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(body).map_err(|_not_json| Problem::NotJson)?;
        let model = match value.as_object().ok_or(Problem::NotJson)?.get("model") {
            None => return Err(Problem::Missing("model")),
            Some(model) => model.as_str(),
        };
        let model = model.ok_or(Problem::Invalid { param: "model", expected: "a string" })?;
        models::find(model).ok_or_else(|| Problem::UnknownModel(model.to_owned()))?;
        Ok(Self(value))
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
