//! Reading a plain JSON answer as it passes by.
//!
//! Owns the verdict whether it arrived whole. It must never hold the answer back.

use super::skim::Skimmer;
use thiserror::Error;

pub use super::skim::AnswerFacts;

/// The answer ended before its JSON did.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the answer ended before its JSON did")]
pub struct Truncated;

/// Fed with the chunks of a JSON answer, in any split, while they go on to the client.
#[derive(Default)]
pub struct AnswerReader {
    skimmer: Skimmer,
}

impl AnswerReader {
    /// For an object that an earlier call has made: how that one failed is no error of this call.
    pub fn of_earlier_call() -> Self {
        Self { skimmer: Skimmer::of_earlier_call() }
    }

    /// Reads the next chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.skimmer.feed(0, chunk);
    }

    /// What is known so far.
    pub fn facts(&self) -> &AnswerFacts {
        self.skimmer.facts()
    }

    /// Whether the answer's JSON has reached its end.
    pub fn is_complete(&self) -> bool {
        self.skimmer.seen().is_complete
    }

    /// The facts, once the last chunk has been fed.
    pub fn finish(self) -> Result<AnswerFacts, Truncated> {
        if self.skimmer.seen().is_complete { Ok(self.skimmer.into_facts()) } else { Err(Truncated) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Usage;
    use proptest::prelude::*;

    const CHAT: &str = include_str!("testdata/chat.json");
    const ERROR: &str = include_str!("testdata/error.json");

    fn read(chunks: &[&[u8]]) -> Result<AnswerFacts, Truncated> {
        let mut reader = AnswerReader::default();
        chunks.iter().for_each(|chunk| reader.feed(chunk));
        reader.finish()
    }

    fn chat_facts() -> AnswerFacts {
        AnswerFacts {
            id: Some("chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT".into()),
            model: Some("gpt-4o-2024-08-06".into()),
            finish_reason: Some("tool_calls".into()),
            usage: Usage {
                input_tokens: Some(142),
                output_tokens: Some(87),
                cached_tokens: Some(0),
                reasoning_tokens: Some(0),
            },
            ..AnswerFacts::default()
        }
    }

    #[test]
    fn any_split_of_an_answer_gives_the_same_facts() {
        for at in 0..=CHAT.len() {
            let (one, other) = CHAT.as_bytes().split_at(at);
            assert_eq!(read(&[one, other]), Ok(chat_facts()), "split at {at}");
        }
        let bytes: Vec<&[u8]> = CHAT.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), Ok(chat_facts()));
    }

    #[test]
    fn an_answer_that_was_cut_anywhere_is_truncated() {
        for end in 0..CHAT.trim_end().len() {
            assert_eq!(read(&[&CHAT.as_bytes()[..end]]), Err(Truncated), "cut at {end}");
        }
    }

    #[test]
    fn an_error_is_known_by_its_code_and_type() {
        let facts = read(&[ERROR.as_bytes()]).unwrap();
        assert_eq!(facts.error_code.as_deref(), Some("model_not_found"));
        assert_eq!(facts.error_type.as_deref(), Some("invalid_request_error"));
        let facts = read(&[br#"{"error":{"message":"x","code":429,"type":null}}"#]).unwrap();
        assert_eq!(facts.error_code.as_deref(), Some("429"));
        assert_eq!(facts.error_type, None);
    }

    #[test]
    fn only_the_fields_in_their_places_count() {
        let facts = read(&[
            br#"{"choices":[{"message":{"model":"no","usage":{"prompt_tokens":9},"content":"\"}]}"},
            "finish_reason":"stop","index":0},{"index":1,"finish_reason":"length"}],"model":"org\/m\u00e9",
            "usage":{"details":{"prompt_tokens":8},"input_tokens":7,"output_tokens":1.5}}"#,
        ])
        .unwrap();
        assert_eq!(facts.model.as_deref(), Some("org/mé"));
        assert_eq!(facts.finish_reason.as_deref(), Some("stop"));
        assert_eq!(
            facts.usage,
            Usage { input_tokens: Some(7), output_tokens: None, ..Usage::default() }
        );
    }

    #[test]
    fn a_response_is_known_by_its_id_model_status_and_usage() {
        let facts = read(&[
            br#"{"id":"resp_1","object":"response","status":"incomplete","error":null,"model":"m","output":[{"id":"msg_1","status":"completed"}],
            "usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":4}}"#,
        ])
        .unwrap();
        assert_eq!(facts.id.as_deref(), Some("resp_1"));
        assert_eq!(facts.finish_reason.as_deref(), Some("incomplete"));
        assert_eq!(
            facts.usage,
            Usage {
                input_tokens: Some(3),
                output_tokens: Some(4),
                cached_tokens: Some(0),
                ..Usage::default()
            }
        );
        assert!(!facts.has_error());
        let failed =
            br#"{"id":"r","status":"failed","error":{"code":"server_error","message":"x"}}"#;
        let facts = read(&[failed]).unwrap();
        assert_eq!(facts.error_code.as_deref(), Some("server_error"));
    }

    #[test]
    fn what_the_provider_tells_of_its_cache_and_of_reasoning_is_kept_apart() {
        let told = Usage {
            input_tokens: Some(2_006),
            output_tokens: Some(300),
            cached_tokens: Some(1_920),
            reasoning_tokens: Some(256),
        };
        let chat = r#"{"cached_tokens":1,"usage":{"prompt_tokens":2006,"completion_tokens":300,"reasoning_tokens":2,
            "prompt_tokens_details":{"audio_tokens":3,"cached_tokens":1920,"x":{"cached_tokens":4}},
            "completion_tokens_details":{"reasoning_tokens":256,"audio_tokens":5}},"reasoning_tokens":6}"#;
        let response = r#"{"response":{"usage":{"input_tokens_details":{"cached_tokens":1920},"input_tokens":2006,
            "output_tokens_details":{"reasoning_tokens":256},"output_tokens":300},"id":"r"},"cached_tokens":7}"#;
        for answer in [chat, response] {
            assert_eq!(read(&[answer.as_bytes()]).unwrap().usage, told);
            let bytes: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes).unwrap().usage, told);
        }
        let embedding = br#"{"usage":{"prompt_tokens":8,"prompt_tokens_details":null}}"#;
        let told = Usage { input_tokens: Some(8), ..Usage::default() };
        assert_eq!(read(&[embedding]).unwrap().usage, told);
    }

    #[test]
    fn the_status_of_what_is_no_response_is_no_end_of_a_generation() {
        for object in ["file", "batch", "Response"] {
            let answer = format!(r#"{{"id":"x","status":"processed","object":"{object}"}}"#);
            assert_eq!(read(&[answer.as_bytes()]).unwrap().finish_reason, None, "{object}");
        }
        assert_eq!(read(&[br#"{"status":"completed"}"#]).unwrap().finish_reason, None);
    }

    #[test]
    fn how_an_earlier_call_failed_is_no_error_of_the_one_that_asks() {
        let mut reader = AnswerReader::of_earlier_call();
        reader.feed(br#"{"object":"response","error":{"code":"server_error","message":"x"},"status":"failed","id":"r"}"#);
        let facts = reader.finish().unwrap();
        assert!(!facts.has_error());
        assert_eq!(
            (facts.finish_reason.as_deref(), facts.id.as_deref()),
            (Some("failed"), Some("r"))
        );
    }

    #[test]
    fn whatever_a_later_call_may_name_is_known() {
        let inner = |answer: &str| -> Vec<String> {
            let bytes: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
            let facts = read(&bytes).unwrap();
            assert_eq!(facts, read(&[answer.as_bytes()]).unwrap());
            assert_eq!(facts.id.as_deref(), Some("r"));
            facts.inner_ids.iter().map(ToString::to_string).collect()
        };
        let response = r#"{"output":["x",[{"id":"no"}],{"type":"reasoning","id":"rs_1","summary":[{"id":"no"}]},
            {"id":"ci_1","container_id":"cntr_1","outputs":null}, {"id":7}],"object":"response","id":"r",
            "tools":[{"id":"no","container_id":"no"}],"status":"completed"}"#;
        assert_eq!(inner(response), ["rs_1", "ci_1", "cntr_1"]);
        let chat = r#"{"id":"r","choices":[{"index":0,"message":{"content":"id","audio":{"id":"audio_1","data":""},
            "id":"no","tool_calls":[{"id":"no"}]},"finish_reason":"stop"}],"audio":{"id":"no"}}"#;
        assert_eq!(inner(chat), ["audio_1"]);
        let many = format!(r#"{{"output":[{}]}}"#, vec![r#"{"id":"a"},{"id":"b"}"#; 600].join(","));
        assert_eq!(read(&[many.as_bytes()]).unwrap().inner_ids.len(), 512);
    }

    #[test]
    fn a_code_at_the_top_level_counts_only_in_an_error() {
        let facts = read(&[br#"{"code":"x","type":"thing"}"#]).unwrap();
        assert_eq!(facts, AnswerFacts::default());
        let facts = read(&[br#"{"code":"x","message":"m","type":"error"}"#]).unwrap();
        assert_eq!(facts.error_code.as_deref(), Some("x"));
        assert!(read(&[br#"{"type":"error","code":null}"#]).unwrap().has_error());
    }

    #[test]
    fn a_text_that_is_too_long_for_a_record_is_not_kept() {
        let answer = format!(r#"{{"model":"{}"}}"#, "m".repeat(257));
        assert_eq!(read(&[answer.as_bytes()]), Ok(AnswerFacts::default()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_splits_do_not_matter(
            bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "[{}\\[\\]\",:nl0-9\\\\ model]{0,200}".prop_map(String::into_bytes),
                r#"([{}\[\]:, ]|"(id|model|response|usage|error|status|type|code|choices|input_tokens)"|"error"|7|null){0,40}"#.prop_map(String::into_bytes)],
            size in 1usize..20,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(read(&chunks), read(&[&bytes]));
        }
    }
}
