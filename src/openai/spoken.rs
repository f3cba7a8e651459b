//! What a streamed answer has said, kept to be counted when the provider does not say.
//!
//! Owns the model's own words: running texts, what it thinks aloud, and the calls that it makes. It must never take
//! a text twice that events repeat, nor hold more than it is told to.

use super::{
    Endpoint,
    events::{CallPiece, Cut, EventCutter, EventTexts, TextKey, read_event},
};
use crate::types::TextSurface;
use bytes::Bytes;

/// More texts than any answer has.
const MOST_TEXTS: usize = 256;

/// Fed with a stream's bytes in any split. It has no `Debug`, because it holds content.
pub struct Spoken {
    endpoint: &'static Endpoint,
    cutter: EventCutter,
    texts: Vec<SpokenText>,
    bytes: usize,
    most_bytes: usize,
    is_all: bool,
}

/// One running text.
pub struct SpokenText {
    key: TextKey,
    /// The model thinks aloud.
    pub is_reasoning: bool,
    /// What it says.
    pub text: String,
}

impl Spoken {
    /// Nothing said yet; of what comes, at most this much is held.
    pub fn new(endpoint: &'static Endpoint, most_bytes: usize) -> Self {
        let (texts, cutter) = (Vec::new(), EventCutter::default());
        Self { endpoint, cutter, texts, bytes: 0, most_bytes, is_all: true }
    }

    /// Reads on.
    pub fn feed(&mut self, chunk: &Bytes) {
        let mut at = 0;
        while self.is_all
            && let Some(cut) = self.cutter.next(chunk, &mut at)
        {
            match cut {
                Cut::Event(event) => self.read(event.data()),
                Cut::Newline(_) => {}
                Cut::TooLarge => self.is_all = false,
            }
        }
        self.is_all &= self.held_bytes() <= self.most_bytes;
    }

    /// Whether nothing is missing.
    pub const fn is_all(&self) -> bool {
        self.is_all
    }

    /// What is held.
    pub fn held_bytes(&self) -> usize {
        self.bytes + self.cutter.held_bytes()
    }

    /// All texts. Of an event that breaks off nothing counts: no client could read it.
    pub fn texts(&self) -> &[SpokenText] {
        &self.texts
    }

    fn read(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match read_event(self.endpoint, data) {
            Some(found) => self.take(&found, data),
            None => self.is_all = false,
        }
    }

    fn take(&mut self, found: &EventTexts, data: &[u8]) {
        let mut thought_for = None;
        for text in &found.texts {
            let Some(key) = text.key.filter(|_| !text.is_name) else { continue };
            let is_reasoning = text.surface == TextSurface::Reasoning;
            // Some servers write one thought into several members of an event.
            let is_repeated = is_reasoning && thought_for == Some(key.output);
            if is_reasoning {
                thought_for = Some(key.output);
            }
            if !is_repeated && text.surface != TextSurface::Other {
                self.push(key, is_reasoning, &text.text(data));
            }
        }
        for call in &found.calls {
            self.take_call(call, data);
        }
    }

    fn take_call(&mut self, call: &CallPiece, data: &[u8]) {
        let key = call.key.arguments();
        if let Some(name) = &call.name {
            let of_name = TextKey { place: !key.place, ..key };
            let is_told = self.texts.iter().any(|text| text.key == of_name);
            if call.in_pieces || !is_told {
                self.push(of_name, false, name);
            }
        }
        if let Some(arguments) = &call.arguments {
            self.push(key, false, &arguments.text(data));
        }
    }

    fn push(&mut self, key: TextKey, is_reasoning: bool, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.bytes + piece.len() > self.most_bytes {
            self.is_all = false;
            return;
        }
        self.bytes += piece.len();
        if let Some(known) = self.texts.iter_mut().find(|text| text.key == key) {
            known.text.push_str(piece);
        } else if self.texts.len() < MOST_TEXTS {
            self.texts.push(SpokenText { key, is_reasoning, text: piece.to_owned() });
        } else {
            self.is_all = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::find;

    fn spoken(path: &str, stream: &str, size: usize) -> Spoken {
        let mut spoken = Spoken::new(find("POST", path, false).unwrap().endpoint, 1_000);
        let chunks = stream.as_bytes().chunks(size);
        chunks.for_each(|chunk| spoken.feed(&Bytes::copy_from_slice(chunk)));
        spoken
    }

    fn said(path: &str, events: &[&str]) -> Vec<(bool, String)> {
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let texts = |size| {
            let spoken = spoken(path, &stream, size);
            assert!(spoken.is_all());
            spoken.texts().iter().map(|it| (it.is_reasoning, it.text.clone())).collect::<Vec<_>>()
        };
        assert_eq!(texts(1), texts(stream.len()));
        texts(7)
    }

    fn text(text: &str) -> (bool, String) {
        (false, text.to_owned())
    }

    fn thought(text: &str) -> (bool, String) {
        (true, text.to_owned())
    }

    #[test]
    fn the_choices_of_a_chat_are_kept_apart_and_so_is_what_they_think() {
        let events = [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"model":"gpt-4o"}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"Bon"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"l\u006f"}},{"index":1,"delta":{"content":"jour"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"refusal":"No"},"logprobs":{"content":[{"token":"No"}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ];
        let expected = [thought("hm"), text("Hello"), text("Bonjour"), text("No")];
        assert_eq!(said("/chat/completions", &events), expected);
    }

    #[test]
    fn calls_are_said_by_name_and_arguments() {
        let events = [
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"look","arguments":""}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"go","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}"#,
        ];
        let expected = [text("look"), text(r#"{"at":1}"#), text("go"), text("{}")];
        assert_eq!(said("/chat/completions", &events), expected);
    }

    #[test]
    fn what_the_events_of_a_response_repeat_is_said_once() {
        let item = r#"{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}"#;
        let call =
            r#"{"type":"function_call","id":"f","call_id":"c","name":"look","arguments":"{}"}"#;
        let events = [
            r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#.to_owned(),
            r#"{"type":"response.reasoning_text.delta","item_id":"r","output_index":0,"content_index":0,"delta":"hm"}"#.to_owned(),
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"Hel"}"#.to_owned(),
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"lo"}"#.to_owned(),
            r#"{"type":"response.output_text.done","item_id":"m","output_index":1,"content_index":0,"text":"Hello"}"#.to_owned(),
            format!(r#"{{"type":"response.output_item.done","output_index":1,"item":{item}}}"#),
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"f","call_id":"c","name":"look","arguments":""}}"#.to_owned(),
            r#"{"type":"response.function_call_arguments.delta","item_id":"f","output_index":2,"delta":"{}"}"#.to_owned(),
            r#"{"type":"response.function_call_arguments.done","item_id":"f","output_index":2,"arguments":"{}"}"#.to_owned(),
            format!(r#"{{"type":"response.output_item.done","output_index":2,"item":{call}}}"#),
            format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","output":[{item},{call}]}}}}"#),
        ];
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let expected = [thought("hm"), text("Hello"), text("look"), text("{}")];
        assert_eq!(said("/responses", &events), expected);
    }

    #[test]
    fn a_completion_says_its_texts() {
        let events = [
            r#"{"choices":[{"index":0,"text":"One"}]}"#,
            r#"{"choices":[{"index":0,"text":" two"}]}"#,
        ];
        assert_eq!(said("/completions", &events), [text("One two")]);
    }

    #[test]
    fn what_breaks_off_is_not_said_and_what_is_too_much_or_unreadable_is_missing() {
        let event = |text: &str| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
        };
        let stream = event("Hello") + event(" you").trim_end();
        let half = spoken("/chat/completions", &stream, 5);
        assert!(half.is_all() && half.texts()[0].text == "Hello");
        let long =
            spoken("/chat/completions", &(event("Hello") + event(&"x".repeat(1_000)).as_str()), 64);
        assert!(!long.is_all() && long.texts()[0].text == "Hello");
        assert!(long.held_bytes() <= 1_064);
        let broken = spoken("/chat/completions", &(event("Hello") + "data: {]\n\n"), 64);
        assert!(!broken.is_all());
    }
}
