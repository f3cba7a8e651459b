//! Streams in any split: what reaches the client, what is found, what is cut.

mod calls;
mod chat;
mod passing;
mod plain;
mod responses;
mod splits;

use super::*;
use crate::detect::{Detections, detections::testing::profile_of, read};
use crate::openai::{self, ENDPOINTS};
use crate::policy::{Policy, SourceFile};
use serde_json::{Value, json};
use std::sync::LazyLock;

const INLINE: StreamSettings = StreamSettings { inline: true, held_bytes: 64 * 1024 };
const AFTER: StreamSettings = StreamSettings { inline: false, ..INLINE };

/// Rules that redact `secret` and `zebra` and stop at `bomb`, or only note them.
fn rules(redact: &str, block: &str) -> Arc<Profile> {
    let rule = |id: &str, boundary: &str, action: &str| {
        format!(
            "[[rule]]\nid = '{id}'\ntype = '{}'\nseverity = 'HIGH'\nkeywords = ['{id}']\nboundary = '{boundary}'\n\
             action = '{action}'\nmatches = ['{id}']\nclean = ['x']\n",
            id.to_uppercase()
        )
    };
    let rules = [
        rule("secret", "none", redact),
        rule("zebra", "word", redact),
        rule("bomb", "none", block),
    ];
    let text = rules.concat();
    let file = read(&SourceFile::new("detections.toml", text)).unwrap();
    profile_of(&Arc::new(Detections::build(file, None).unwrap()))
}

fn acting() -> Arc<Profile> {
    static ACTING: LazyLock<Arc<Profile>> = LazyLock::new(|| rules("redact", "block"));
    Arc::clone(&ACTING)
}

fn watching() -> Arc<Profile> {
    rules("log", "log")
}

fn endpoint(name: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|row| row.name == name).unwrap()
}

/// A policy that denies the tool `shell`.
fn no_shell() -> Option<Arc<ToolPolicy>> {
    let file = |name: &str, text: &str| SourceFile::new(name, text);
    let model = file("model.conf", include_str!("../../../model.conf"));
    let rules = file(
        "policy.csv",
        "p2, developer, web:*, allow\np, developer, *, allow\np3, developer, shell, deny\ng, bot, developer\n",
    );
    let policy = Policy::build(&model, &rules).unwrap();
    policy.tools_of("bot")
}

/// What a client got of a stream, and what was found.
struct Seen {
    bytes: String,
    stop: Option<StreamStop>,
    report: Report,
}

impl Seen {
    fn count(&self) -> u32 {
        self.report.tally.violations()
    }

    /// The data of the events, without comments and the end marker.
    fn events(&self) -> Vec<Value> {
        let bytes = self.bytes.replace("\r\n", "\n").replace('\r', "\n");
        let data = bytes.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    /// The text of one field of a choice's deltas.
    fn field(&self, choice: u64, field: &str) -> String {
        let events = self.events();
        let choices = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
        let own = choices.filter(|it| it["index"] == choice);
        own.filter_map(|it| it["delta"][field].as_str().or(it[field].as_str())).collect()
    }
}

fn screen_with(
    mut screen: StreamScreen,
    chunks: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Seen {
    let mut out = Vec::new();
    let mut stop = None;
    for chunk in chunks {
        stop = screen.feed(Bytes::copy_from_slice(chunk.as_ref()), &mut out).err();
        if stop.is_some() {
            break;
        }
    }
    if stop.is_none() {
        stop = screen.finish(&mut out).err();
    }
    if stop == Some(StreamStop::Violation) {
        let it = BlockedAnswer { id: "dec1", model: Some("gpt-4o"), created_secs: 7 };
        out.push(screen.blocked_event(&it));
    }
    Seen { bytes: String::from_utf8(out.concat()).unwrap(), stop, report: screen.report() }
}

fn inline(name: &str, stream: &str) -> Seen {
    screen_with(StreamScreen::new(acting(), None, endpoint(name), INLINE), [stream])
}

/// One chat chunk.
fn chunk(choices: Value) -> String {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5,
        "model": "gpt-4o", "choices": choices});
    format!("data: {chunk}\n\n")
}

fn delta(index: u64, delta: Value) -> String {
    chunk(json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": null}]))
}

fn finish(index: u64, reason: &str) -> String {
    chunk(json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": reason}]))
}

fn content(index: u64, text: &str) -> String {
    delta(index, json!({"content": text}))
}

/// A typed event.
fn typed(event: Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

const DONE: &str = "data: [DONE]\n\n";
