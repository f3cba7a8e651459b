//! What a stream says of itself at its beginning.
//!
//! Owns the few words that an event of ours must repeat to belong to the stream. It must never keep
//! content.

use crate::openai::json::{Document, Value};

/// No id or model is longer.
const LONGEST: usize = 256;

/// The answer's own id, model and time.
#[derive(Clone, Debug, Default)]
pub struct StreamHead {
    /// `id`.
    pub id: Option<Box<str>>,
    /// `model`.
    pub model: Option<Box<str>>,
    /// `created` or `created_at`, in seconds.
    pub created_secs: Option<i64>,
}

/// Reads it from an event's data; `None` where it is not told.
pub fn stream_head(data: &[u8]) -> Option<StreamHead> {
    let document = Document::parse(data).ok()?;
    let root = document.root();
    let answer = root.member("response").unwrap_or(root);
    let word = |name| answer.member(name).and_then(Value::as_str).filter(|it| it.len() <= LONGEST);
    let created = answer.member("created").or_else(|| answer.member("created_at"));
    let created = created.and_then(|it| std::str::from_utf8(data.get(it.span())?).ok());
    let whole_secs = created.and_then(|it| it.split('.').next()?.parse().ok());
    let id = word("id")?;
    Some(StreamHead {
        id: Some(id.into()),
        model: word("model").map(Into::into),
        created_secs: whole_secs,
    })
}
