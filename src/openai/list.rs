//! A list of the provider's, as far as a principal may know it.
//!
//! Owns the filtering of lists of models and of objects. It must never let an entry through that has
//! no readable id.

use super::json::{Document, Kind, Value};
use thiserror::Error;

/// The provider's list cannot be read, so it cannot be filtered.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the provider's list cannot be read")]
pub struct UnreadableList;

/// Removes from `data[]` what is not to be kept, by its id, with its comma. All other bytes stay as they were.
pub fn filter_list(
    body: &[u8],
    mut kept: impl FnMut(&str) -> bool,
) -> Result<Vec<u8>, UnreadableList> {
    let Ok(document) = Document::parse(body) else { return Err(UnreadableList) };
    let is_data = |(key, value): &(Value<'_>, Value<'_>)| {
        key.as_str().as_deref() == Some("data") && value.kind() == Kind::Array
    };
    let Some((_, data)) = document.root().entries().find(is_data) else {
        return Err(UnreadableList);
    };
    let mut filtered = Vec::with_capacity(body.len());
    // An entry leaves with what separates it from the entry before, or, as long as none before it
    // stays, from the entry after.
    let mut copied_to = 0;
    let mut last_end = None;
    let mut has_kept = false;
    for entry in data.items() {
        let span = entry.span();
        let is_kept = id(entry).is_some_and(|id| kept(&id));
        if is_kept && !has_kept && last_end.is_some() {
            copied_to = span.start;
        }
        if is_kept {
            filtered.extend_from_slice(body.get(copied_to..span.end).unwrap_or_default());
            copied_to = span.end;
            has_kept = true;
        } else {
            if last_end.is_none() {
                filtered.extend_from_slice(body.get(..span.start).unwrap_or_default());
            }
            copied_to = span.end;
        }
        last_end = Some(span.end);
    }
    filtered.extend_from_slice(body.get(copied_to..).unwrap_or_default());
    Ok(filtered)
}

fn id(entry: Value<'_>) -> Option<std::borrow::Cow<'_, str>> {
    let (_, id) = entry.entries().find(|(key, _)| key.as_str().as_deref() == Some("id"))?;
    id.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIST: &str = include_str!("testdata/models.json");

    fn filter(list: &str, permitted: impl FnMut(&str) -> bool) -> String {
        String::from_utf8(filter_list(list.as_bytes(), permitted).unwrap()).unwrap()
    }

    #[test]
    fn what_is_permitted_stays_byte_for_byte() {
        assert_eq!(filter(LIST, |_| true), LIST);
        let spaced = r#"{"data": [ {"id":"a"} , {"id":"b"},  {"id":"c"} ], "object":"list"}"#;
        let only = |kept: &'static str| filter(spaced, |id| kept.contains(id));
        assert_eq!(only("ab"), r#"{"data": [ {"id":"a"} , {"id":"b"} ], "object":"list"}"#);
        assert_eq!(only("bc"), r#"{"data": [ {"id":"b"},  {"id":"c"} ], "object":"list"}"#);
        assert_eq!(only("ac"), r#"{"data": [ {"id":"a"},  {"id":"c"} ], "object":"list"}"#);
        assert_eq!(only("c"), r#"{"data": [ {"id":"c"} ], "object":"list"}"#);
        assert_eq!(only(""), r#"{"data": [  ], "object":"list"}"#);
    }

    #[test]
    fn entries_without_a_readable_id_do_not_pass() {
        assert_eq!(
            filter(r#"{"data":[{"id":7},"x",{},{"id":"a"},null]}"#, |_| true),
            r#"{"data":[{"id":"a"}]}"#
        );
        assert_eq!(filter(r#"{"data":[]}"#, |_| true), r#"{"data":[]}"#);
        for unreadable in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":[{"id":"a","id":"b"}]}"#] {
            assert_eq!(filter_list(unreadable.as_bytes(), |_| true), Err(UnreadableList));
        }
    }

    proptest! {
        #[test]
        fn the_list_equals_the_filtered_value(kept in prop::collection::vec(any::<bool>(), 0..8), pretty: bool) {
            let entry = |index: usize| serde_json::json!({"id": index.to_string(), "object": "model"});
            let list = |keep: &dyn Fn(usize) -> bool| serde_json::json!({
                "data": (0..kept.len()).filter(|index| keep(*index)).map(entry).collect::<Vec<_>>(),
                "object": "list",
            });
            let all = list(&|_| true);
            let text = if pretty { serde_json::to_string_pretty(&all) } else { serde_json::to_string(&all) };
            let filtered = filter(&text.unwrap(), |id| kept[id.parse::<usize>().unwrap()]);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&filtered).unwrap(), list(&|index| kept[index]));
        }
    }
}
