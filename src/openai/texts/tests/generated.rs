//! Every string of any body is found once.

use super::*;

/// All strings of a document, keys included.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.push(key.clone());
            strings(value, found);
        }),
        _ => {}
    }
}

fn any_body() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "role",
            "content",
            "type",
            "text",
            "name",
            "tools",
            "function",
            "parameters",
            "input",
            "output",
            "data",
            "url",
            "image_url",
            "id",
            "status",
            "prompt",
            "variables",
            "metadata",
            "messages",
            "tool_calls",
            "arguments",
            "choices",
            "message",
            "logprobs",
            "result",
        ])
        .prop_map(str::to_owned),
        "[a-zé\"]{1,4}",
    ];
    let text = prop_oneof![
        prop::sample::select(vec!["user", "system", "message", "reasoning", "text"])
            .prop_map(str::to_owned),
        "[a-z0-9é\\\\\n😀]{0,8}",
    ];
    let leaf = prop_oneof![text.prop_map(Value::from), Just(Value::Null), Just(json!(7))];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_string_is_found_but_for_the_formats_own_words(body in any_body()) {
        let text = body.to_string();
        let document = crate::openai::json::Document::parse(text.as_bytes()).unwrap();
        for shape in [Shape::Body, Shape::Bodies, Shape::Line, Shape::Message] {
            let mut texts = Texts::default();
            let place = Place::new(shape, crate::types::TextSurface::Other);
            Walk { texts: &mut texts, offset: 0, trusts_ids: false }.value(document.root(), place);
            let mut missing = Vec::new();
            strings(&body, &mut missing);
            missing.retain(|text| !text.is_empty());
            for span in texts.spans() {
                let text = span.text(text.as_bytes());
                let place = missing.iter().position(|one| *one == text).expect("found twice");
                missing.remove(place);
            }
            prop_assert!(missing.iter().all(|text| is_own_word(text)), "{missing:?}");
        }
    }
}
