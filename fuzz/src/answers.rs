//! A plain answer in any pieces, and as a list.

use super::{
    json::{self, Members},
    splits,
};
use portcullis::openai::{AnswerFacts, AnswerReader, Truncated, filter_list, object_ids};

/// The longest name that is kept, as it is written.
const MAX_NAME_BYTES: usize = 256;

/// Pieces do not matter; what serde_json finds in a whole answer is found; a filtered list is a list.
pub fn check(input: &[u8]) {
    let whole = read([input]);
    for pieces in splits::of(input) {
        assert_eq!(read(pieces), whole, "pieces of the answer are read otherwise than the whole");
    }
    if let Some(members) = Members::parse(input).filter(|_| json::is_unambiguous(input)) {
        check_facts(&whole.unwrap(), &members, input);
    }
    if let Some(ids) = object_ids(input) {
        assert_eq!(ids.id, Members::parse(input).unwrap().text("id"));
    }
    check_list(input);
}

fn read<'i>(pieces: impl IntoIterator<Item = &'i [u8]>) -> Result<AnswerFacts, Truncated> {
    let mut reader = AnswerReader::default();
    pieces.into_iter().for_each(|piece| reader.feed(piece));
    reader.finish()
}

fn check_facts(facts: &AnswerFacts, members: &Members<'_>, input: &[u8]) {
    // Our reader knows no key by another spelling, and takes the facts of an inner response for the answer's own.
    if input.contains(&b'\\') || members.get("response").is_some() {
        return;
    }
    let kept = |name: &str| members.text(name).filter(|text| text.len() <= MAX_NAME_BYTES);
    assert_eq!(facts.id.as_deref(), kept("id").as_deref());
    assert_eq!(facts.model.as_deref(), kept("model").as_deref());
    let usage = members.object("usage").unwrap_or(Members(Vec::new()));
    let tokens = |names: [&str; 2]| match names.map(|name| usage.get(name)) {
        [Some(count), None] | [None, Some(count)] => Some(count.parse().ok()),
        [None, None] => Some(None),
        [Some(_), Some(_)] => None,
    };
    if let Some(count) = tokens(["prompt_tokens", "input_tokens"]) {
        assert_eq!(facts.usage.input_tokens, count);
    }
    if let Some(count) = tokens(["completion_tokens", "output_tokens"]) {
        assert_eq!(facts.usage.output_tokens, count);
    }
}

fn check_list(input: &[u8]) {
    let mut ids = Vec::new();
    let Ok(all) = filter_list(input, |id| {
        ids.push(id.to_owned());
        true
    }) else {
        return;
    };
    assert_eq!(listed(&all), ids);
    let none = filter_list(input, |_| false).unwrap();
    assert!(listed(&none).is_empty());
    for first in [0, 1] {
        let mut entry = 0;
        let half = filter_list(input, |_| {
            entry += 1;
            entry % 2 != first
        });
        let kept: Vec<String> = ids.iter().skip(first).step_by(2).cloned().collect();
        assert_eq!(listed(&half.unwrap()), kept);
    }
}

/// The ids of a list's entries, all of which must have one.
fn listed(list: &[u8]) -> Vec<String> {
    assert!(json::is_unambiguous(list), "a filtered list is not JSON");
    let list = Members::parse(list).unwrap();
    let entries: Vec<Members<'_>> = serde_json::from_str(list.get("data").unwrap()).unwrap();
    entries.iter().map(|entry| entry.text("id").unwrap()).collect()
}
