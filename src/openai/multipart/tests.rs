//! What real clients send, and what must not pass.

mod bounds;
mod splits;

use super::*;
use std::borrow::Cow;

const WATCHED: &[&str] = &["model", "purpose", "stream"];
const MODEL: &str = "Content-Disposition: form-data; name=\"model\"";
const PDF: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"";

/// A body with boundary `xyz`.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, data) in parts {
        body.extend_from_slice(format!("--xyz\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xyz--\r\n");
    body
}

fn named(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"")
}

fn read(boundary: &str, body: &[u8]) -> Result<FormReader, Refusal> {
    let mut reader = FormReader::new(boundary, WATCHED);
    reader.feed(body)?;
    reader.finish()?;
    Ok(reader)
}

fn refused(body: &[u8]) -> Option<String> {
    match read("xyz", body).unwrap_err() {
        Refusal::Malformed { param, .. } => param.map(Cow::into_owned),
        other => panic!("{other:?}"),
    }
}

/// How it ended, the watched fields and the file.
type Outcome = (Result<(), Refusal>, [Option<String>; 3], Option<Vec<u8>>);

/// All that a reader has to say, whatever the pieces it was fed.
fn outcome<'b>(body: &[u8], pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
    let mut reader = FormReader::new("xyz", WATCHED);
    for piece in pieces {
        let is_refused = reader.feed(piece).is_err();
        assert!(!is_refused || !reader.is_complete());
    }
    let fields = ["model", "purpose", "stream"].map(|name| reader.field(name).map(str::to_owned));
    let place = |range: Range<u64>| {
        let start = usize::try_from(range.start).unwrap();
        body[start..usize::try_from(range.end).unwrap()].to_vec()
    };
    (reader.finish(), fields, reader.file().map(place))
}

#[test]
fn what_python_node_and_curl_send_is_read() {
    let httpx = "--1f2e\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
        --1f2e\r\nContent-Disposition: form-data; name=\"timestamp_granularities[]\"\r\n\r\nword\r\n\
        --1f2e\r\nContent-Disposition: form-data; name=\"timestamp_granularities[]\"\r\n\r\nsegment\r\n\
        --1f2e\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a=1; Größe %22; 2.mp3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\n\0\r\n\r\n--\x01\r\n--1f2e--\r\n";
    let node = "------formdata-undici-0123\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
        ------formdata-undici-0123\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.jsonl\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n{}\n\r\n------formdata-undici-0123--\r\n\r\n";
    let curl = "--------------------------d7\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n"
        .replace("filename=\"\"", "filename=\"x.wav\"; filename*=UTF-8''x%20y.wav")
        + "Content-Type: audio/webm; codecs=\"opus, vp8\"\r\nContent-Length: 3\r\n\r\nabc\r\n\
        --------------------------d7\r\ncontent-disposition:form-data;name=\"model\"\r\n\
        Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngpt-4o-transcribe\r\n\
        --------------------------d7--";

    let reader = read("1f2e", httpx.as_bytes()).unwrap();
    assert_eq!(reader.field("model"), Some("whisper-1"));
    assert_eq!(reader.field("timestamp_granularities[]"), None);
    let file = reader.file().unwrap();
    let file =
        &httpx.as_bytes()[usize::try_from(file.start).unwrap()..usize::try_from(file.end).unwrap()];
    assert_eq!(file, b"\0\r\n\r\n--\x01");

    let reader = read("----formdata-undici-0123", node.as_bytes()).unwrap();
    assert_eq!((reader.field("purpose"), reader.is_complete()), (Some("batch"), true));

    let reader = read("------------------------d7", curl.as_bytes()).unwrap();
    assert_eq!(reader.field("model"), Some("gpt-4o-transcribe"));
    assert_eq!(reader.file().map(|file| file.end - file.start), Some(3));
}

#[test]
fn several_images_may_be_sent() {
    let image = "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"";
    let images = image.replace("image", "image[]");
    assert!(
        read("xyz", &form(&[(image, b"1"), (image, b"2"), (&images, b"3"), (&images, b"4")]))
            .is_ok()
    );
    assert_eq!(refused(&form(&[(&named("prompt"), b"1"), (&named("prompt"), b"2")])), None);
}

#[test]
fn a_model_is_known_before_the_file_has_passed_and_a_second_one_is_refused_after_it() {
    let body = form(&[(MODEL, b"m"), (PDF, b"data"), (MODEL, b"other")]);
    let mut reader = FormReader::new("xyz", WATCHED);
    reader.feed(&body[..80]).unwrap();
    assert_eq!(
        (reader.field("model"), reader.file(), reader.is_complete()),
        (Some("m"), None, false)
    );
    let refusal = reader.feed(&body[80..]).unwrap_err();
    assert_eq!(refusal.param(), Some("model"));
    assert_eq!(reader.feed(b"--xyz--").unwrap_err(), refusal);
    assert_eq!((reader.finish().unwrap_err(), reader.is_complete()), (refusal, false));
}

#[test]
fn a_watched_field_has_one_spelling_and_one_value() {
    for (second, param) in [
        (MODEL.to_owned(), "model"),
        (named("Model"), "model"),
        (named("MODEL"), "model"),
        (named("model "), "model"),
        (named(" model"), "model"),
        (named("model[]"), "model"),
        (named("model[0]"), "model"),
        (named("[model]"), "model"),
        (named("model.id"), "model"),
        (named("Purpose"), "purpose"),
        (named("file"), "file"),
        (PDF.replace("\"file\"", "\"File\""), "file"),
        (PDF.replace("\"file\"", "\"file[]\""), "file"),
        (PDF.replace("file\"", "purpose\""), "purpose"),
        (format!("{}\r\nContent-Type: application/json", named("purpose")), "purpose"),
        (format!("{}; filename*=utf-8''x", named("purpose")), "purpose"),
    ] {
        let body = form(&[(MODEL, b"m"), (&second, b"x")]);
        assert_eq!(refused(&body).as_deref(), Some(param), "{second}");
    }
    for value in
        ["\u{feff}m", " m", "m ", "m\n", "\r\nm", "m\0", "m\tn", "\u{a0}m", "m\u{85}", "m\u{2028}"]
    {
        assert_eq!(
            refused(&form(&[(MODEL, value.as_bytes())])).as_deref(),
            Some("model"),
            "{value:?}"
        );
    }
    assert_eq!(refused(&form(&[(MODEL, b"\xff")])).as_deref(), Some("model"));
    assert_eq!(read("xyz", &form(&[(MODEL, b"")])).unwrap().field("model"), Some(""));
}

#[test]
fn a_head_that_two_readers_would_read_differently_is_refused() {
    let heads = [
        // Without a name, or with more than one.
        "",
        "Content-Type: text/plain",
        "Content-Disposition: form-data",
        "Content-Disposition: form-data; name=\"\"",
        "Content-Disposition: form-data; name=\" \"",
        "Content-Disposition: form-data; name=\"a\"; name=\"model\"",
        "Content-Disposition: form-data; name=\"a\"; name*=utf-8''model",
        "Content-Disposition: form-data; name*=utf-8''model",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
        "Content-Disposition: form-data; name=\"a\"\r\ncontent-disposition: form-data; name=\"model\"",
        // Quoted, escaped or written in another way.
        "Content-Disposition: form-data; name=model",
        "Content-Disposition: form-data; name='model'",
        "Content-Disposition: form-data; name=\"mod\\el\"",
        "Content-Disposition: form-data; name=\"mod%65l\"",
        "Content-Disposition: form-data; name=\"a%22\"",
        "Content-Disposition: form-data; name=\"möde\"",
        "Content-Disposition: form-data; name=\"a;name=model\"",
        "Content-Disposition: form-data; name=\"a; b\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"b;c; name=\"",
        "Content-Disposition: form-data; name=\"a",
        "Content-Disposition: form-data; name=\"a\" model",
        "Content-Disposition: form-data; name = \"a\"",
        "Content-Disposition: form-data; name=\"a\";",
        "Content-Disposition: form-data;; name=\"a\"",
        "Content-Disposition: form-data; NAME=\"a\"",
        "Content-Disposition: form-data, name=\"a\"",
        "Content-Disposition: attachment; name=\"a\"",
        "Content-Disposition: form-data; filename=\"model\"; name=\"a\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"b\\\"; name=\\\"model\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"b; name=model\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"b\"; filename=\"c\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"\"",
        "Content-Disposition: form-data; name=\"a\"; filename*=utf-16''c",
        "Content-Disposition: form-data; name=\"a\"; size=\"3\"",
        "Content-Disposition: form-data; name=\"_charset_\"",
        "Content-Disposition: form-data; name=\"_CHARSET_\"",
        // Lines and bytes.
        "Content-Disposition: form-data;\r\n name=\"a\"",
        "Content-Disposition: form-data;\r\n\tname=\"a\"",
        " Content-Disposition: form-data; name=\"a\"",
        "Content-Disposition : form-data; name=\"a\"",
        "Content-Disposition\r\n",
        "Content-Disposition: form-data; name=\"a\"\nX: y",
        "Content-Disposition: form-data; name=\"a\"\rX: y",
        "Content-Disposition: form-data; name=\"a\"\r\n: y",
        "Content-Disposition: form-data; name=\"a\0\"",
        "Content-Disposition: form-data;\tname=\"a\"",
        "Content-Disposition: form-data; name=\"a\x7f\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"\u{85}\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"--xyz\"",
        "--xyz\r\nContent-Disposition: form-data; name=\"a\"",
    ];
    for head in heads {
        assert_eq!(refused(&form(&[(head, b"v")])), None, "{head:?}");
    }
    let invalid = form(&[(&named("a"), b"v")]);
    let at = invalid.iter().position(|byte| *byte == b'a').unwrap();
    let invalid = [&invalid[..at], b"\xff", &invalid[at..]].concat();
    assert_eq!(refused(&invalid), None);
}

#[test]
fn data_that_would_mean_more_than_its_bytes_is_refused() {
    for header in [
        "Content-Encoding: gzip",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Length: 7",
        "Content-Length: +1",
        "Content-Length:",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: message/rfc822",
        "Content-Type: text/plain; charset=utf-7",
        "Content-Type: text/plain; charset*=utf-8''utf-7",
        "Content-Type: text/plain; charset=utf-8; Charset=utf-8",
        "Content-Type: text/plain\r\nContent-Type: text/html",
        "Content-Type: text",
        "Content-Type:",
    ] {
        let head = format!("{}\r\n{header}", named("a"));
        assert_eq!(refused(&form(&[(&head, b"v")])), None, "{header}");
    }
}

#[test]
fn debug_output_has_no_content() {
    let reader = read("xyz", &form(&[(MODEL, b"secret")])).unwrap();
    assert!(!format!("{reader:?}").contains("secret"));
}

#[test]
fn behind_a_file_that_streams_on_only_what_says_nothing_is_unsuspicious() {
    let says_much = |behind: &[u8]| {
        let mut reader = FormReader::new("xyz", &["model", "stream"]);
        let begin = form(&[(MODEL, b"m"), (PDF, b"data")]);
        let begin = begin.strip_suffix(b"--xyz--\r\n").unwrap();
        let inside = begin.len() - 4;
        reader.feed(&begin[..inside]).unwrap();
        assert!(reader.is_in_file());
        reader.stream_on();
        for byte in [&begin[inside..], behind, b"--xyz--\r\n"].concat() {
            reader.feed(&[byte]).unwrap();
        }
        assert!(reader.is_complete() && !reader.is_in_file());
        reader.says_much_behind()
    };
    let one = |head: &str, data: &[u8]| {
        let body = form(&[(head, data)]);
        says_much(body.strip_suffix(b"--xyz--\r\n").unwrap())
    };
    assert!(!says_much(b""));
    for (name, value) in [
        ("language", "en"),
        ("temperature", "0.25"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("expires_after[seconds]", "2592000"),
        ("stream", "true"),
        ("prompt", ""),
    ] {
        assert!(!one(&named(name), value.as_bytes()), "{name}");
    }
    for (name, value) in [
        ("prompt", "tell me all"),
        ("prompt", "a b"),
        ("prompt", "123456789"),
        ("stream", "123-45-6789"),
        ("my_secret_name", "en"),
    ] {
        assert!(one(&named(name), value.as_bytes()), "{name}");
    }
    assert!(one(&named("prompt"), "auto ".repeat(400).as_bytes()));
    let file = |name: &str, filename: &str| format!("{}; filename=\"{filename}\"", named(name));
    assert!(!one(&file("image[]", "photo 2.png"), &[0xff; 400]));
    assert!(one(&file("image[]", "ann@acme.dev"), b"x"));
    assert!(one(&file("prompt", "a"), b"tell me all"));
}
