//! `POST /v1/embeddings`.
//!
//! Owns vectors that mean nothing but behave: of length one, and equal for equal inputs.

use super::{problem::Problem, request::Request, request::tokens_in};
use actix_web::HttpResponse;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MAX_INPUTS: usize = 2_048;
const MAX_DIMENSIONS: usize = 3_072;

/// Answers one vector per input.
pub(super) fn create_embeddings(body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse(body)?;
    let inputs = inputs(request.get("input"))?;
    let dimensions = match request.count("dimensions")? {
        Some(dimensions) if dimensions > MAX_DIMENSIONS => {
            return Err(Problem::Invalid { param: "dimensions", expected: "at most 3072" });
        }
        Some(dimensions) => dimensions,
        None if request.model().starts_with("text-embedding-3-large") => 3_072,
        None => 1_536,
    };
    let as_base64 = match request.get("encoding_format").as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            let expected = "float or base64";
            return Err(Problem::Invalid { param: "encoding_format", expected });
        }
    };
    let prompt_tokens: usize = inputs.iter().map(|input| tokens_in(input)).sum();
    let embed = |(index, input): (usize, &String)| {
        let vector = unit_vector(input, dimensions);
        let embedding = if as_base64 {
            let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(embed).collect();
    Ok(HttpResponse::Ok().json(json!({
        "object": "list",
        "data": data,
        "model": request.model(),
        "usage": { "prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens },
    })))
}

/// A text, a list of texts, a list of tokens or a list of lists of tokens.
fn inputs(input: &Value) -> Result<Vec<String>, Problem> {
    let expected = "a string, a list of up to 2048 strings, or tokens";
    let wrong = Problem::Invalid { param: "input", expected };
    match input {
        Value::Null => Err(Problem::Missing("input")),
        Value::String(text) if !text.is_empty() => Ok(vec![text.clone()]),
        Value::Array(list) if list.is_empty() || list.len() > MAX_INPUTS => Err(wrong),
        Value::Array(list) if list.iter().all(Value::is_u64) => Ok(vec![input.to_string()]),
        Value::Array(list) => list
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(_) => Ok(item.to_string()),
                _ => Err(Problem::Invalid { param: "input", expected }),
            })
            .collect(),
        _ => Err(wrong),
    }
}

/// Numbers from SHA-256 in counter mode over the input, scaled to length one.
fn unit_vector(input: &str, dimensions: usize) -> Vec<f32> {
    let mut numbers: Vec<f32> = Vec::with_capacity(dimensions + 16);
    let mut counter: u32 = 0;
    while numbers.len() < dimensions {
        let block =
            Sha256::new().chain_update(counter.to_le_bytes()).chain_update(input).finalize();
        numbers.extend(block.chunks_exact(2).filter_map(|pair| match pair {
            [low, high] => Some(f32::from(u16::from_le_bytes([*low, *high])) - 32_767.5),
            _ => None,
        }));
        counter += 1;
    }
    numbers.truncate(dimensions);
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}
