//! Which objects an answer tells of.
//!
//! Owns the reading of their ids from whole answers. It must never take one from where content may
//! stand.

use super::json::{Document, Kind, Value};

/// The ids that a whole answer tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObjectIds {
    /// The object itself; a list has none.
    pub id: Option<String>,
    /// The files with results and failures, of a batch or of each batch in a list.
    pub output_files: Vec<String>,
}

/// Reads the ids of an object, or of a list's entries; `None` where the answer is not JSON that can
/// be read.
pub fn object_ids(answer: &[u8]) -> Option<ObjectIds> {
    let document = Document::parse(answer).ok()?;
    let root = document.root();
    if root.kind() != Kind::Object {
        return None;
    }
    let listed = root.entries().filter(|(key, _)| key.as_str().as_deref() == Some("data"));
    let objects = listed.flat_map(|(_, data)| data.items()).chain([root]);
    let mut ids = ObjectIds { id: text(root, "id"), output_files: Vec::new() };
    for object in objects {
        let files = ["output_file_id", "error_file_id"].map(|key| text(object, key));
        ids.output_files.extend(files.into_iter().flatten());
    }
    Some(ids)
}

fn text(object: Value<'_>, key: &str) -> Option<String> {
    let (_, value) = object.entries().find(|(own, _)| own.as_str().as_deref() == Some(key))?;
    value.as_str().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_tells_its_id_and_a_batch_its_files() {
        let batch = br#"{"id":"batch_1","input_file_id":"file-in","output_file_id":"file-out","error_file_id":null}"#;
        let ids = object_ids(batch).unwrap();
        assert_eq!(ids.id.as_deref(), Some("batch_1"));
        assert_eq!(ids.output_files, ["file-out"]);
        let list = br#"{"object":"list","data":[{"id":"b1","output_file_id":"o1"},{"id":"b2","error_file_id":"e2"}]}"#;
        let ids = object_ids(list).unwrap();
        assert_eq!((ids.id, ids.output_files), (None, vec!["o1".to_owned(), "e2".to_owned()]));
        for unreadable in ["", "[]", "{", r#"{"id":"a","id":"b"}"#] {
            assert_eq!(object_ids(unreadable.as_bytes()), None);
        }
    }
}
