//! What is asked and what is answered: the mock upstream sends it, the load generator expects it,
//! byte for byte.
//!
//! Sizes and shapes are those of everyday chat calls. Nothing in the texts may look like a secret or
//! personal data, so that every target sees ordinary traffic.

use memchr::memmem;
use std::{
    io::Write,
    time::{Duration, SystemTime},
};

/// Request header: how long the mock waits before the first byte, in microseconds.
pub(crate) const DELAY_US: &str = "x-bench-delay-us";
/// Request header: how many chunks a stream has.
pub(crate) const CHUNKS: &str = "x-bench-chunks";
/// Request header: how far apart the chunks are, in microseconds.
pub(crate) const INTERVAL_US: &str = "x-bench-interval-us";

/// The chat call: half a kilobyte.
pub(crate) const CHAT_REQUEST: &str = concat!(
    r#"{"model":"gpt-4o-mini","temperature":0.2,"max_tokens":256,"messages":[{"role":"system","#,
    r#""content":"You are a careful assistant in a newsroom. Answer in plain words, name what "#,
    r#"you do not know, and keep to three sentences."},{"role":"user","content":"Our readers ask "#,
    r#"why the river rose so quickly last week although it hardly rained in the city. Please "#,
    r#"explain what a catchment is, how snow melt upstream matters, and what the gauge at the old "#,
    r#"bridge can tell them tomorrow."}]}"#
);

/// The same call, streamed.
pub(crate) const STREAM_REQUEST: &str = concat!(
    r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"system","content":"You are a "#,
    r#"careful assistant in a newsroom."},{"role":"user","content":"Why did the river rise so "#,
    r#"quickly last week although it hardly rained in the city?"}]}"#
);

/// The answer to the chat call: nine tenths of a kilobyte.
pub(crate) const CHAT_ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"#,
    r#""model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","#,
    r#""content":"A catchment is all the land whose water ends up in the same river, so rain and "#,
    r#"melting snow far away can raise the water at your bridge even under a clear sky. Last week "#,
    r#"warm wind melted several days of snow in the hills within hours, and that water needed "#,
    r#"about a day to reach the city. The gauge at the old bridge shows how high the river stands "#,
    r#"now; together with the gauges upstream it tells you what to expect tomorrow, though not "#,
    r#"how long the high water will last.","refusal":null},"logprobs":null,"#,
    r#""finish_reason":"stop"}],"usage":{"prompt_tokens":96,"completion_tokens":108,"#,
    r#""total_tokens":204,"prompt_tokens_details":{"cached_tokens":0}},"#,
    r#""system_fingerprint":"fp_bench"}"#
);

/// The stream's last event.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// The event before it, for callers who asked for token counts.
pub(crate) const USAGE: &str = concat!(
    r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,"#,
    r#""model":"gpt-4o-mini-2024-07-18","choices":[],"#,
    r#""usage":{"prompt_tokens":48,"completion_tokens":100,"total_tokens":148}}"#,
    "\n\n"
);

/// In front of a chunk's send time, written as sixteen hexadecimal digits.
const STAMP: &[u8] = br#""system_fingerprint":"fp_"#;

const WORDS: [&str; 8] =
    [" the", " water", " rose", " because", " snow", " melted", " far", " upstream."];

/// Appends chunk `index` of a stream to `out`, with its send time. With `counted`, as a caller who
/// asked for token counts gets it.
pub(crate) fn write_event(index: usize, sent: u64, counted: bool, out: &mut Vec<u8>) {
    let word = WORDS.get(index % WORDS.len()).copied().unwrap_or_default();
    let usage = if counted { r#","usage":null"# } else { "" };
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\
         \"created\":1760000000,\"model\":\"gpt-4o-mini-2024-07-18\",\
         \"system_fingerprint\":\"fp_{sent:016x}\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\"{word}\"}},\"logprobs\":null,\"finish_reason\":null}}]{usage}}}\n\n"
    );
}

/// The send time in a chunk.
pub(crate) fn sent_at(event: &[u8]) -> Option<u64> {
    let start = memmem::find(event, STAMP)? + STAMP.len();
    let digits = std::str::from_utf8(event.get(start..start + 16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// Now, in nanoseconds, on a clock that both processes share.
pub(crate) fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Time since a stamp; zero should the clock have been set back.
pub(crate) fn since(sent: u64) -> Duration {
    Duration::from_nanos(now().saturating_sub(sent))
}
