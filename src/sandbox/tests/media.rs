//! Moderations, recordings, speech and pictures.

use super::{STANDARD, post, start};
use base64::Engine;
use serde_json::{Value, json};

#[test]
fn moderations_find_nothing_in_each_input() {
    for (input, results) in
        [(json!("a"), 1), (json!(["a", "b"]), 2), (json!([{"type": "text", "text": "a"}]), 1)]
    {
        let reply = post("/moderations", &json!({ "input": input })).json();
        assert_eq!(reply["model"], "omni-moderation-latest");
        let found = reply["results"].as_array().unwrap();
        assert_eq!(found.len(), results);
        assert_eq!(found[0]["flagged"], false);
        assert_eq!(found[0]["categories"].as_object().unwrap().len(), 13);
    }
    assert_eq!(post("/moderations", &json!({})).status, 400);
}

#[test]
fn transcripts_come_in_every_format() {
    let sandbox = start().unwrap();
    for (format, begins) in [
        ("json", "{\"text\":\"This transcript"),
        ("verbose_json", "{"),
        ("text", "This transcript"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nThis"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nThis"),
    ] {
        for path in ["/audio/transcriptions", "/audio/translations"] {
            let fields = [("model", "whisper-1"), ("response_format", format)];
            let reply = sandbox.post_form(path, &fields, ("file", "RIFF"));
            assert!(reply.text.starts_with(begins), "{path} {format} {}", reply.text);
            let is_json = reply.headers.get("content-type").unwrap() == "application/json";
            assert_eq!(is_json, format.ends_with("json"));
        }
    }
    let fields = [("model", "whisper-1"), ("response_format", "doc")];
    assert_eq!(sandbox.post_form("/audio/translations", &fields, ("file", "")).status, 400);
    let no_model = sandbox.post_form("/audio/transcriptions", &[], ("file", ""));
    assert_eq!((no_model.status, &no_model.json()["error"]["param"]), (400, &json!("model")));
}

#[test]
fn a_transcript_is_streamed_by_models_that_can() {
    let sandbox = start().unwrap();
    let ask = |model: &str| {
        let fields = [("model", model), ("stream", "true")];
        sandbox.post_form("/audio/transcriptions", &fields, ("file", "RIFF"))
    };
    let whole = ask("whisper-1").json();
    let mut events = ask("gpt-4o-transcribe").events();
    let done = events.pop().unwrap();
    assert_eq!((&done["type"], &done["text"]), (&json!("transcript.text.done"), &whole["text"]));
    let deltas: String = events.iter().map(|event| event["delta"].as_str().unwrap()).collect();
    assert_eq!(done["text"], deltas);
}

#[test]
fn speech_is_silence_in_every_format() {
    for (format, magic) in [
        ("mp3", &b"\xFF\xF3"[..]),
        ("aac", b"\xFF\xF1"),
        ("flac", b"fLaC"),
        ("opus", b"OggS"),
        ("wav", b"RIFF"),
        ("pcm", b"\0\0"),
    ] {
        let body = json!({ "model": "tts-1", "voice": "alloy", "input": "Hi",
                           "response_format": format });
        let reply = post("/audio/speech", &body);
        assert!(reply.bytes.starts_with(magic), "{format}");
        let content_type = reply.headers.get("content-type").unwrap().to_str().unwrap();
        assert!(content_type.starts_with("audio/"), "{content_type}");
    }
    let body = json!({ "model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hi",
                       "stream_format": "sse" });
    let events = post("/audio/speech", &body).events();
    assert!(STANDARD.decode(events[0]["audio"].as_str().unwrap()).unwrap().len() > 50);
    assert_eq!(events[1]["type"], "speech.audio.done");
    let no_voice = post("/audio/speech", &json!({ "model": "tts-1", "input": "Hi" }));
    assert_eq!(no_voice.json()["error"]["param"], "voice");
}

#[test]
fn pictures_are_addresses_or_bytes_as_each_model_has_them() {
    let generate = |extra: Value| {
        let mut body = json!({ "prompt": "A cat" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        post("/images/generations", &body)
    };
    let addresses = generate(json!({ "n": 2 })).json();
    assert_eq!(addresses["data"].as_array().unwrap().len(), 2);
    let url = addresses["data"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/png;base64,iVBOR"), "{url}");
    for extra in [json!({ "response_format": "b64_json" }), json!({ "model": "gpt-image-1" })] {
        let image = generate(extra).json()["data"][0]["b64_json"].clone();
        let bytes = STANDARD.decode(image.as_str().unwrap()).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.ends_with(b"IEND\xAE\x42\x60\x82"));
    }
    assert_eq!(generate(json!({ "n": 11 })).status, 400);
    let streamed =
        generate(json!({ "model": "gpt-image-1", "stream": true, "partial_images": 2 })).events();
    let types: Vec<_> = streamed.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let partial = "image_generation.partial_image";
    assert_eq!(types, [partial, partial, "image_generation.completed"]);
}

#[test]
fn pictures_are_edited_and_varied_from_forms() {
    let sandbox = start().unwrap();
    let fields = [("prompt", "A cat"), ("n", "2")];
    for (path, file) in
        [("/images/edits", "image"), ("/images/edits", "image[]"), ("/images/variations", "image")]
    {
        let reply = sandbox.post_form(path, &fields, (file, "PNG")).json();
        assert_eq!(reply["data"].as_array().unwrap().len(), 2, "{path}");
    }
    let fields = [("prompt", "A cat"), ("model", "gpt-image-1"), ("stream", "true")];
    let events = sandbox.post_form("/images/edits", &fields, ("image", "PNG")).events();
    assert_eq!(events[0]["type"], "image_edit.completed");
    assert_eq!(sandbox.post_form("/images/edits", &[], ("image", "PNG")).status, 400);
    assert_eq!(sandbox.post_form("/images/variations", &[], ("mask", "PNG")).status, 400);
}
