//! Prompts whose tokens OpenAI's cookbook tells: what its formula and the provider itself counted.

use super::*;
use crate::openai::{Call, ReadOptions, find};

const JARGON: &str = r#"{"model":"gpt-4o","messages":[
{"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
{"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
{"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
{"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
{"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
{"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;

const WEATHER: &str = r#"{"model":"gpt-4o","messages":[
{"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
{"role":"user","content":"What's the weather like in San Francisco?"}],
"tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location",
"parameters":{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
"unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}]}"#;

fn tokens(body: &str, model: &str) -> Option<u64> {
    let options =
        ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: true };
    let route = find("POST", "/chat/completions", false).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let call = Call::read(route, None, None, body, options).unwrap();
    input_tokens(&call.prompt().unwrap(), Tokenizer::for_model(model).unwrap())
}

#[test]
fn a_chat_costs_what_the_provider_says_that_it_costs() {
    assert_eq!(tokens(JARGON, "gpt-4"), Some(129));
    assert_eq!(tokens(JARGON, "gpt-3.5-turbo-0613"), Some(129));
    assert_eq!(tokens(JARGON, "gpt-4o"), Some(124));
}

#[test]
fn functions_cost_what_the_provider_says_that_they_cost() {
    assert_eq!(tokens(WEATHER, "gpt-4"), Some(105));
    assert_eq!(tokens(WEATHER, "gpt-4o"), Some(101));
}

fn heard(path: &str, chunks: &[&str], kept: Kept) -> Heard {
    let endpoint = find("POST", path, false).unwrap().endpoint;
    let spoken = Spoken::new(endpoint, MOST_SPOKEN);
    let mut heard = Heard { prompt: None, unread: BytesMut::new(), spoken, kept };
    for chunk in chunks {
        assert!(heard.take(&Bytes::copy_from_slice(chunk.as_bytes())));
    }
    heard
}

fn event(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

fn plenty() -> Kept {
    crate::pipeline::Budget::new(1 << 24, 1).keep()
}

#[test]
fn an_answer_counts_the_same_whether_it_was_read_meanwhile_or_not() {
    let tokenizer = Tokenizer::for_model("gpt-4o").unwrap();
    let events: Vec<String> = (0..2_000).map(|word| event(&format!(" word{word}"))).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let text: String = (0..2_000).map(|word| format!(" word{word}")).collect();
    let one_by_one = heard("/chat/completions", &events, plenty());
    assert!(one_by_one.unread.len() <= MOST_UNREAD && one_by_one.spoken.held_bytes() > 0);
    let at_once = heard("/chat/completions", &[&events.concat()], plenty());
    for heard in [one_by_one, at_once] {
        let count = Box::new(heard).count(tokenizer, false).unwrap();
        assert_eq!(count.usage.output_tokens, Some(tokenizer.count(&text)));
        assert_eq!((count.usage.input_tokens, count.is_all), (None, false));
    }
}

#[test]
fn what_finds_no_room_is_not_counted() {
    let budget = crate::pipeline::Budget::new(64 * 1024, 1);
    let mut heard = heard("/chat/completions", &[&event("Hello")], budget.keep());
    let long = event(&"word ".repeat(2_000));
    let fitted =
        (0..8).take_while(|_| heard.take(&Bytes::copy_from_slice(long.as_bytes()))).count();
    assert!(fitted < 3, "a quarter of the budget is 16 KiB");
}

#[test]
fn a_provider_that_refuses_at_once_has_said_nothing_to_count() {
    let tokenizer = Tokenizer::for_model("gpt-4o").unwrap();
    let error = "data: {\"error\":{\"code\":\"insufficient_quota\"}}\n\n";
    let refused = Box::new(heard("/chat/completions", &[error], plenty()));
    assert_eq!(refused.count(tokenizer, true), None);
    let broke_off = Box::new(heard("/chat/completions", &[&event("Hello"), error], plenty()));
    assert_eq!(broke_off.count(tokenizer, true).unwrap().usage.output_tokens, Some(1));
}

#[test]
fn what_a_model_thinks_aloud_is_counted_apart_and_what_it_hides_is_missing() {
    let thought = r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"Let me see"}}]}"#;
    let chunks = [&format!("{thought}\n\n"), &event("Hello")];
    let count = |model| {
        let heard = heard("/chat/completions", &chunks.map(String::as_str), plenty());
        Box::new(heard).count(Tokenizer::for_model(model).unwrap(), false).unwrap()
    };
    let usage = count("gpt-oss-120b").usage;
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (Some(4), Some(3)));
    assert!(!count("o3").is_all);
}
