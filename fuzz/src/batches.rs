//! The input file of a batch.

use super::json::{self, Members};
use portcullis::openai::read_batch_file;
use std::collections::HashSet;

/// serde_json finds the same calls in its lines, each with a model that is known.
pub fn check(input: &[u8]) {
    let Ok(batch) = read_batch_file(input) else { return };
    let mut ids = HashSet::new();
    // Whatever a reader takes for the end of a line.
    for line in input.split(|byte| b"\r\n".contains(byte)).filter(|line| !line.is_empty()) {
        assert!(json::is_unambiguous(line));
        let line = Members::parse(line).unwrap();
        assert_eq!(line.text("method").as_deref(), Some("POST"));
        assert_eq!(line.text("url").as_deref(), batch.endpoint);
        assert!(ids.insert(line.text("custom_id").unwrap()));
        let model = line.object("body").unwrap().text("model");
        assert!(model.is_none_or(|model| batch.models.iter().any(|known| **known == *model)));
    }
    assert_eq!(u32::try_from(ids.len()).unwrap(), batch.requests);
}
