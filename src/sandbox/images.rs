//! `/v1/images/generations`, `edits` and `variations`.
//!
//! Owns the one picture that there is: a single pixel.

use super::{
    form::Form,
    problem::Problem,
    request::{Request, tokens_in},
    stream::stream_events,
};
use crate::clock;
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Value, json};

const DEFAULT_MODEL: &str = "dall-e-2";
const MAX_IMAGES: usize = 10;
/// A PNG of one pixel, in base64.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk\
                   Jggg==";

/// `POST /v1/images/generations`.
pub(super) fn generate_images(body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse_or(body, DEFAULT_MODEL)?;
    prompted(&request, "image_generation")
}

/// `POST /v1/images/edits`.
pub(super) fn edit_images(request: &HttpRequest, body: &Bytes) -> Result<HttpResponse, Problem> {
    prompted(&form_with_image(request, body)?, "image_edit")
}

/// `POST /v1/images/variations`.
pub(super) fn vary_image(request: &HttpRequest, body: &Bytes) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(whole(&form_with_image(request, body)?)?))
}

fn form_with_image(request: &HttpRequest, body: &Bytes) -> Result<Request, Problem> {
    let form = Form::read(request, body)?;
    form.file("image")?;
    Request::of_form(form, Some(DEFAULT_MODEL))
}

/// Answers whole or, when asked to, as the events of this kind.
fn prompted(request: &Request, kind: &str) -> Result<HttpResponse, Problem> {
    request.get("prompt").as_str().ok_or(Problem::Missing("prompt"))?;
    if !request.switch("stream")? {
        return Ok(HttpResponse::Ok().json(whole(request)?));
    }
    let partial = request.get("partial_images").as_u64().unwrap_or_default().min(3);
    let mut events: Vec<Value> = (0..partial)
        .map(|index| event(kind, "partial_image", "partial_image_index", json!(index)))
        .collect();
    events.push(event(kind, "completed", "usage", usage(request, 1)));
    Ok(stream_events(events))
}

fn event(kind: &str, name: &str, member: &str, value: Value) -> Value {
    json!({
        "type": format!("{kind}.{name}"),
        "b64_json": PNG,
        "created_at": clock::now().as_secs(),
        "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png",
        member: value,
    })
}

fn whole(request: &Request) -> Result<Value, Problem> {
    let count = match request.count("n")? {
        Some(count) if count > MAX_IMAGES => {
            return Err(Problem::Invalid { param: "n", expected: "1 to 10" });
        }
        count => count.unwrap_or(1),
    };
    let created = clock::now().as_secs();
    if request.model().starts_with("dall-e") {
        // The sandbox has no place to link to: the address carries the picture itself.
        let image = match request.get("response_format").as_str() {
            Some("b64_json") => json!({ "b64_json": PNG }),
            _ => json!({ "url": format!("data:image/png;base64,{PNG}") }),
        };
        return Ok(json!({ "created": created, "data": vec![image; count] }));
    }
    Ok(json!({
        "created": created,
        "data": vec![json!({ "b64_json": PNG }); count],
        "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png",
        "usage": usage(request, count),
    }))
}

fn usage(request: &Request, images: usize) -> Value {
    let input = tokens_in(request.get("prompt").as_str().unwrap_or_default());
    let output = images * 272;
    json!({
        "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
        "input_tokens_details": { "image_tokens": 0, "text_tokens": input },
        "output_tokens_details": { "image_tokens": output, "text_tokens": 0 },
    })
}
