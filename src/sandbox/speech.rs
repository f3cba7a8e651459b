//! `POST /v1/audio/speech`.
//!
//! Owns a moment of silence in every format.

use super::{
    problem::Problem,
    request::{Request, tokens_in},
    stream::stream_events,
};
use actix_web::HttpResponse;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

/// A tenth of a second at 24,000 samples of two bytes a second.
const SILENCE: [u8; 4_800] = [0; 4_800];
/// One frame of MPEG-2 layer III, 24 ms.
const MP3_FRAME: &str = "//MUxAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// One ADTS frame of AAC-LC, 43 ms.
const AAC_FRAME: &str = "//FYgAIf/CEASZACGQAjgA==";
/// The head of a stream without samples.
const FLAC: &str = "ZkxhQ4AAACIQABAAAAAAAAAABdwA8AAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// An Ogg file with one packet of silence, 20 ms.
const OPUS: &str = "T2dnUwACAAAAAAAAAAABAAAAAAAAAMUarfcBE09wdXNIZWFkAQEAAMBdAAAAAABPZ2dTAAAAAAAAAAAAAAEAAAAB\
                    AAAAIXqpKgEXT3B1c1RhZ3MHAAAAc2FuZGJveAAAAABPZ2dTAATAAwAAAAAAAAEAAAACAAAAKZOw3QED+P/+";

/// Answers silence, whole or as events.
pub(super) fn create_speech(body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse(body)?;
    let input = request.get("input").as_str().ok_or(Problem::Missing("input"))?;
    if request.get("voice").is_null() {
        return Err(Problem::Missing("voice"));
    }
    let format = request.get("response_format").as_str().unwrap_or("mp3");
    let (content_type, audio) = audio(format).ok_or(Problem::Invalid {
        param: "response_format",
        expected: "mp3, opus, aac, flac, wav or pcm",
    })?;
    if request.get("stream_format") != "sse" {
        return Ok(HttpResponse::Ok().content_type(content_type).body(audio));
    }
    let (input_tokens, output_tokens) = (tokens_in(input), 2);
    let usage = json!({
        "input_tokens": input_tokens, "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    });
    Ok(stream_events(vec![
        json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(audio) }),
        json!({ "type": "speech.audio.done", "usage": usage }),
    ]))
}

fn audio(format: &str) -> Option<(&'static str, Vec<u8>)> {
    let decoded = |text: &str| STANDARD.decode(text).unwrap_or_default();
    Some(match format {
        "mp3" => ("audio/mpeg", decoded(MP3_FRAME).repeat(5)),
        "aac" => ("audio/aac", decoded(AAC_FRAME).repeat(3)),
        "flac" => ("audio/flac", decoded(FLAC)),
        "opus" => ("audio/opus", decoded(OPUS)),
        "wav" => ("audio/wav", wav()),
        "pcm" => ("audio/pcm", SILENCE.to_vec()),
        _ => return None,
    })
}

/// One channel, 16 bits, 24 kHz.
fn wav() -> Vec<u8> {
    let length = u32::try_from(SILENCE.len()).unwrap_or_default();
    let format = [16, 0, 0, 0, 1, 0, 1, 0, 0xC0, 0x5D, 0, 0, 0x80, 0xBB, 0, 0, 2, 0, 16, 0];
    [
        &b"RIFF"[..],
        &(length + 36).to_le_bytes(),
        b"WAVEfmt ",
        &format,
        b"data",
        &length.to_le_bytes(),
        &SILENCE,
    ]
    .concat()
}
