//! The head of a call: method and path, query, content type, each in a line of the input.

use bytes::Bytes;
use portcullis::openai::{Call, ReadOptions, boundary, find};

/// A path that is known leads to one row; one that is not is never spelled so that it means more than one.
pub fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let (method, path) =
        lines.next().and_then(|line| line.split_once(' ')).unwrap_or(("GET", text));
    let query = lines.next();
    let content_type = lines.next();
    let body = Bytes::from(lines.collect::<Vec<_>>().join("\n"));
    if let Ok(boundary) = boundary(content_type.unwrap_or_default()) {
        assert!(
            (1..=70).contains(&boundary.len())
                && boundary.bytes().all(|byte| byte.is_ascii_graphic())
        );
    }
    let known = find(method, path, false);
    let Ok(route) = find(method, path, true) else {
        return assert!(known.is_err(), "what is known is refused where more is allowed");
    };
    assert!(route.upstream_path.starts_with('/'));
    assert!(
        route.upstream_path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte))
    );
    assert!(!route.upstream_path.split('/').any(|segment| [".", ".."].contains(&segment)));
    if let Ok(known) = known {
        assert_eq!((known.endpoint, &known.path_model), (route.endpoint, &route.path_model));
        let again = find(method, &known.upstream_path, false).unwrap();
        assert_eq!(again.endpoint, known.endpoint);
        assert_eq!((again.path_model, again.object_id), (known.path_model, known.object_id));
    }
    let options = ReadOptions {
        request_stream_usage: false,
        collect_references: false,
        collect_texts: false,
    };
    let path = route.upstream_path.clone();
    if let Ok(call) = Call::read(route, query, content_type, body, options) {
        let after = call.target().strip_prefix(&*path).unwrap();
        assert_eq!(after.strip_prefix('?').unwrap_or_default(), query.unwrap_or_default());
        assert!(after.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
    }
}
