//! The models that the sandbox pretends to have.
//!
//! Owns the list. Dated versions of a listed model (`gpt-4o-2024-08-06`) are known as well.

use super::problem::Problem;
use actix_web::HttpResponse;
use serde_json::{Value, json};

/// Ids with the time of their release, in seconds since 1970.
const MODELS: &[(&str, i64)] = &[
    ("chatgpt-4o-latest", 1_723_515_131),
    ("dall-e-2", 1_698_798_177),
    ("dall-e-3", 1_698_785_189),
    ("gpt-3.5-turbo", 1_677_610_602),
    ("gpt-3.5-turbo-instruct", 1_692_901_427),
    ("gpt-4", 1_687_882_411),
    ("gpt-4-turbo", 1_712_361_441),
    ("gpt-4.1", 1_744_316_542),
    ("gpt-4.1-mini", 1_744_318_173),
    ("gpt-4.1-nano", 1_744_321_707),
    ("gpt-4o", 1_715_367_049),
    ("gpt-4o-mini", 1_721_172_741),
    ("gpt-4o-mini-transcribe", 1_742_068_596),
    ("gpt-4o-mini-tts", 1_742_403_959),
    ("gpt-4o-transcribe", 1_742_068_463),
    ("gpt-5", 1_754_425_777),
    ("gpt-5-mini", 1_754_425_928),
    ("gpt-5-nano", 1_754_426_384),
    ("gpt-image-1", 1_745_517_030),
    ("o1", 1_734_375_816),
    ("o3", 1_744_225_308),
    ("o3-mini", 1_737_146_383),
    ("o4-mini", 1_744_225_351),
    ("omni-moderation-latest", 1_731_689_265),
    ("text-embedding-3-large", 1_705_953_180),
    ("text-embedding-3-small", 1_705_948_997),
    ("text-embedding-ada-002", 1_671_217_299),
    ("text-moderation-latest", 1_690_886_400),
    ("tts-1", 1_681_940_951),
    ("tts-1-hd", 1_699_046_015),
    ("whisper-1", 1_677_532_384),
];

/// `GET /v1/models`.
pub(super) fn list_models() -> HttpResponse {
    let models: Vec<Value> = MODELS.iter().map(|(id, created)| model(id, *created)).collect();
    HttpResponse::Ok().json(json!({ "object": "list", "data": models }))
}

/// `GET /v1/models/{id}`.
pub(super) fn show_model(id: &str) -> Result<HttpResponse, Problem> {
    let created = find(id).ok_or_else(|| Problem::UnknownModel(id.to_owned()))?;
    Ok(HttpResponse::Ok().json(model(id, created)))
}

/// When a model was released, if it is one that we know.
pub(super) fn find(id: &str) -> Option<i64> {
    let is_date = |rest: &str| {
        rest.strip_prefix('-')
            .is_some_and(|date| date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()))
    };
    let is_version =
        |known: &str| id.strip_prefix(known).is_some_and(|rest| rest.is_empty() || is_date(rest));
    MODELS.iter().find(|(known, _)| is_version(known)).map(|(_, created)| *created)
}

fn model(id: &str, created: i64) -> Value {
    json!({ "id": id, "object": "model", "created": created, "owned_by": "portcullis-sandbox" })
}
