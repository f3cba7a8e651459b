//! A list of the provider's, as far as a principal may know it.
//!
//! Owns the filtering of lists of models and of objects. It must never let an entry through that has
//! no readable id, nor the id of one that is left out.

use super::json::{Document, Kind, Value};
use std::borrow::Cow;
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

/// Removes from a page of objects what is not to be kept, by its id, and names what is left as its
/// first and last. A page with nothing left says that it is the last one: from there nobody could go
/// on.
pub fn filter_page(body: &[u8], kept: impl FnMut(&str) -> bool) -> Result<Vec<u8>, UnreadableList> {
    let filtered = filter_list(body, kept)?;
    let Ok(document) = Document::parse(&filtered) else { return Err(UnreadableList) };
    let root = document.root();
    let entries = || root.member("data").into_iter().flat_map(Value::items);
    let id_of = |entry: Option<Value<'_>>| {
        let id = entry.and_then(|entry| entry.member("id")).map(Value::span);
        id.and_then(|id| filtered.get(id)).unwrap_or(b"null")
    };
    let (first, last) = (id_of(entries().next()), id_of(entries().last()));
    let mut edits = vec![("first_id", first), ("last_id", last)];
    if entries().next().is_none() {
        edits.push(("has_more", b"false"));
    }
    let place = |(name, text)| Some((root.member(name)?.span(), text));
    let mut edits: Vec<_> = edits.into_iter().filter_map(place).collect();
    edits.sort_by_key(|(place, _)| place.start);
    let mut page = Vec::with_capacity(filtered.len());
    let mut copied_to = 0;
    for (place, text) in edits {
        page.extend_from_slice(filtered.get(copied_to..place.start).unwrap_or_default());
        page.extend_from_slice(text);
        copied_to = place.end;
    }
    page.extend_from_slice(filtered.get(copied_to..).unwrap_or_default());
    Ok(page)
}

/// The id to go on behind, where a page says that there are more.
pub fn next_after(page: &[u8]) -> Option<String> {
    let document = Document::parse(page).ok()?;
    let root = document.root();
    root.member("has_more").filter(|more| more.kind() == Kind::True)?;
    let last = root.member("data")?.items().last()?;
    id(last).map(Cow::into_owned)
}

fn id(entry: Value<'_>) -> Option<Cow<'_, str>> {
    entry.member("id")?.as_str()
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

    #[test]
    fn a_page_tells_nothing_of_what_was_left_out() {
        let page = r#"{"first_id":"a","data":[{"id":"a"},{"id":"b"},{"id":"c"}],"last_id": "c" ,"has_more":true}"#;
        let only = |kept: &'static str| {
            let page = filter_page(page.as_bytes(), |id| kept.contains(id)).unwrap();
            String::from_utf8(page).unwrap()
        };
        assert_eq!(only("abc"), page);
        assert_eq!(
            only("b"),
            r#"{"first_id":"b","data":[{"id":"b"}],"last_id": "b" ,"has_more":true}"#
        );
        assert_eq!(only(""), r#"{"first_id":null,"data":[],"last_id": null ,"has_more":false}"#);
        assert_eq!(filter_page(br#"{"data":[{"id":"a"}]}"#, |_| false).unwrap(), br#"{"data":[]}"#);
        assert_eq!(filter_page(b"{}", |_| true), Err(UnreadableList));
    }

    #[test]
    fn a_page_that_is_not_the_last_one_is_gone_on_behind_its_last_entry() {
        for (page, after) in [
            (r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#, Some("b")),
            (r#"{"data":[{"id":"a"}],"has_more":false}"#, None),
            (r#"{"data":[{"id":"a"}]}"#, None),
            (r#"{"data":[{"id":7}],"has_more":true}"#, None),
            (r#"{"data":[],"has_more":true,"last_id":"x"}"#, None),
        ] {
            assert_eq!(next_after(page.as_bytes()).as_deref(), after, "{page}");
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
