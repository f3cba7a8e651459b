//! `POST /v1/audio/transcriptions` and `translations`.
//!
//! Owns the forms of a transcript. Nobody listens: every recording lasts a second and says the same.

use super::{
    form::Form,
    problem::Problem,
    request::{Request, tokens_in},
    stream::stream_events,
};
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Value, json};

const TEXT: &str =
    "This transcript comes from the Portcullis sandbox: nobody has heard the recording.";

/// What is asked of a recording.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The words as they were said.
    Transcribe,
    /// The words in English.
    Translate,
}

/// Answers a recording, in a stream if the model can.
pub(super) fn create_transcript(
    task: Task,
    request: &HttpRequest,
    body: &Bytes,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(request, body)?;
    form.file("file")?;
    let request = Request::of_form(form, None)?;
    let model_streams = task == Task::Transcribe && !request.model().starts_with("whisper");
    if model_streams && request.switch("stream")? {
        return Ok(stream_events(events()));
    }
    let as_text =
        |text: String| Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text));
    match request.get("response_format").as_str() {
        None | Some("json") if task == Task::Translate => {
            Ok(HttpResponse::Ok().json(json!({ "text": TEXT })))
        }
        None | Some("json") => {
            Ok(HttpResponse::Ok().json(json!({ "text": TEXT, "usage": usage() })))
        }
        Some("verbose_json") => Ok(HttpResponse::Ok().json(verbose(task, &request))),
        Some("text") => as_text(format!("{TEXT}\n")),
        Some("srt") => as_text(format!("1\n00:00:00,000 --> 00:00:01,000\n{TEXT}\n\n")),
        Some("vtt") => as_text(format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{TEXT}\n\n")),
        Some(_) => Err(Problem::Invalid {
            param: "response_format",
            expected: "json, text, srt, verbose_json or vtt",
        }),
    }
}

fn events() -> Vec<Value> {
    let words = TEXT.split_inclusive(' ');
    let deltas = words.map(|word| json!({ "type": "transcript.text.delta", "delta": word }));
    let done = json!({ "type": "transcript.text.done", "text": TEXT, "usage": usage() });
    deltas.chain([done]).collect()
}

fn usage() -> Value {
    let (input, output) = (10, tokens_in(TEXT));
    json!({
        "type": "tokens",
        "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
        "input_token_details": { "audio_tokens": input, "text_tokens": 0 },
    })
}

fn verbose(task: Task, request: &Request) -> Value {
    let mut transcript = json!({
        "task": if task == Task::Transcribe { "transcribe" } else { "translate" },
        "language": "english",
        "duration": 1.0,
        "text": TEXT,
        "segments": [{
            "id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": TEXT, "tokens": [50_364],
            "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0,
            "no_speech_prob": 0.0,
        }],
    });
    let Some(members) = transcript.as_object_mut().filter(|_| task == Task::Transcribe) else {
        return transcript;
    };
    members.insert("usage".to_owned(), json!({ "type": "duration", "seconds": 1 }));
    if request.get("timestamp_granularities[]") == "word" {
        let words = TEXT.split(' ').map(|word| json!({ "word": word, "start": 0.0, "end": 1.0 }));
        members.insert("words".to_owned(), words.collect());
    }
    transcript
}
