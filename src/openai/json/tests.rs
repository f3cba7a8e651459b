//! The scanner accepts exactly what serde_json accepts, minus what we refuse on purpose.

use super::*;
use proptest::prelude::*;

fn fault(text: impl AsRef<[u8]>) -> (usize, &'static str) {
    let error = Document::parse(text.as_ref()).map(|_| ()).expect_err("must be refused");
    (error.offset, error.reason)
}

#[test]
fn what_two_readers_could_read_differently_is_refused_with_its_place() {
    assert_eq!(fault(r#"{"model":"a","model":"b"}"#), (13, "a duplicate key"));
    assert_eq!(fault(r#"{"model":"a","mod\u0065l":"b"}"#), (13, "a duplicate key"));
    assert_eq!(fault(r#"[{"x":{"a":{},"a":1}}]"#), (14, "a duplicate key"));
    assert_eq!(fault("\u{feff}{}"), (0, "a byte order mark"));
    assert_eq!(fault(b"{\"a\":\"\xff\"}"), (6, "invalid UTF-8"));
    assert_eq!(fault(b"\xff\xfe{\0}\0"), (0, "invalid UTF-8"));
    assert_eq!(fault(b"{\0}\0"), (1, "a key is missing"));
    assert_eq!(fault("[NaN]"), (1, "a value is missing"));
    assert_eq!(fault("[-Infinity]"), (2, "a digit is missing"));
    assert_eq!(fault("[01]"), (2, "a number with a leading zero"));
    assert_eq!(fault(r#"["\ud800"]"#), (2, "an invalid escape or half of a surrogate pair"));
    assert_eq!(fault(r#"["\udc00\ud800"]"#), (2, "an invalid escape or half of a surrogate pair"));
    assert_eq!(fault("[\"a\nb\"]"), (3, "a control character in a string"));
    assert_eq!(fault("{} {}"), (3, "something after the end"));
    assert_eq!(fault("[1,]"), (3, "a value is missing"));
    assert_eq!(fault(r#"{"a":1,}"#), (7, "a key is missing"));
    assert_eq!(fault("[1}"), (2, "a comma or a bracket is missing"));
    assert_eq!(fault(r#"["a"#), (3, "the text ends in a string"));
    assert_eq!(fault(""), (0, "the text ends too early"));
}

#[test]
fn a_duplicate_is_found_among_many_keys_too() {
    let keys = |last: &str| {
        let many: String = (0..5_000).map(|number| format!("\"k{number}\":{number},")).collect();
        format!("{{{many}\"{last}\":0}}")
    };
    assert!(Document::parse(keys("other").as_bytes()).is_ok());
    assert_eq!(fault(keys("k17")).1, "a duplicate key");
    assert_eq!(fault(keys("\\u006b4999")).1, "a duplicate key");
}

#[test]
fn nesting_and_number_of_values_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(nested(128).as_bytes()).is_ok());
    assert_eq!(fault(nested(129)), (128, "nesting over 128 levels"));
    assert_eq!(fault("[".repeat(1_000_000)).1, "nesting over 128 levels");
    let many = format!("[{}0]", "0,".repeat(1 << 20));
    assert_eq!(fault(many).1, "more than a million values");
}

#[test]
fn values_are_found_by_their_spans() {
    let text = r#" {"a" : [1, "x\n\ud83d\ude00", {}], "b": null, "": {"c": true}} "#;
    let document = Document::parse(text.as_bytes()).unwrap();
    let entries: Vec<_> =
        document.root().entries().map(|(key, value)| (key.as_str().unwrap(), value)).collect();
    let names: Vec<_> = entries.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["a", "b", ""]);
    let items: Vec<_> = entries[0].1.items().collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[1].as_str().unwrap(), "x\n😀");
    assert_eq!(&text[items[2].span()], "{}");
    assert_eq!(&text[entries[2].1.span()], r#"{"c": true}"#);
    assert_eq!(entries[1].1.kind(), Kind::Null);
    assert_eq!(entries[1].1.items().count() + items[0].entries().count(), 0);
}

/// Rebuilds the value from the tape.
fn rebuild(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Array => value.items().map(rebuild).collect(),
        Kind::Object => value
            .entries()
            .map(|(key, item)| (key.as_str().unwrap().into_owned(), rebuild(item)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::String { .. } => value.as_str().unwrap().into(),
        _ => serde_json::from_str(&value.text[value.span()]).unwrap(),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i32>().prop_map(|number| (f64::from(number) / 8.0).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Both readers agree, but for the refusals that we add and the numbers that serde_json cannot hold.
fn check_agreement(bytes: &[u8]) {
    let ours = Document::parse(bytes);
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
    match (ours, theirs) {
        (Ok(document), Ok(value)) => assert_eq!(rebuild(document.root()), value),
        (Ok(_), Err(error)) => assert!(error.to_string().contains("number out of range")),
        (Err(error), Ok(_)) => assert_eq!(error.reason, "a duplicate key"),
        (Err(_), Err(_)) => {}
    }
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_alike(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        let text = text.unwrap();
        let document = Document::parse(&text).unwrap();
        prop_assert_eq!(rebuild(document.root()), value);
    }

    #[test]
    fn damaged_json_is_judged_as_serde_json_judges_it(
        value in any_json(), place: prop::sample::Index, byte in prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:\\u0e.-"[..])], insert: bool,
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = place.index(text.len());
        if insert { text.insert(at, byte) } else { text[at] = byte }
        check_agreement(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        check_agreement(&bytes);
    }

    #[test]
    fn arbitrary_token_soup_is_judged_as_serde_json_judges_it(text in r#"([\[\]{}:, ]|"a"|"\\u00[0-9]1"|"\\ud83d(\\ude00)?"|-?[01]{1,2}|[.]5|e[+-]?1|true|null){0,12}"#) {
        check_agreement(text.as_bytes());
    }
}
