//! Counts that OpenAI has published, in its cookbook's "How to count tokens with tiktoken".

use super::*;

fn tokenizer(model: &str) -> Tokenizer {
    Tokenizer::for_model(model).unwrap()
}

#[test]
fn texts_have_the_tokens_that_the_provider_counts() {
    for (text, older, newer) in [
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
        ("", 0, 0),
    ] {
        assert_eq!(tokenizer("gpt-4").count(text), older, "{text}");
        assert_eq!(tokenizer("gpt-4o").count(text), newer, "{text}");
    }
}

#[test]
fn words_that_mean_something_to_a_model_are_text_like_any_other() {
    assert!(tokenizer("gpt-4o").count("<|endoftext|>") > 1);
}

#[test]
fn only_models_that_think_out_of_sight_say_so() {
    assert!(tokenizer("o3-mini").thinks_unseen() && tokenizer("gpt-5").thinks_unseen());
    assert!(!tokenizer("gpt-4o").thinks_unseen() && !tokenizer("gpt-4").thinks_unseen());
}
