//! Checkpoints, and the keys that check them.

use super::{AdminState, Parameters, answer};
use crate::ledger::{Checkpoint, CheckpointKind};
use crate::store::AuditKey;
use actix_web::{HttpRequest, HttpResponse, web::Data};
use schemars::JsonSchema;
use serde::Serialize;

/// Checkpoints, and where to go on.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct Checkpoints {
    checkpoints: Vec<Checkpoint>,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
}

/// The public keys that sign checkpoints.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct AuditKeys {
    keys: Vec<AuditKey>,
}

/// `GET /api/v1/audit/checkpoints`: node, limit, after.
pub(in crate::http) async fn list_checkpoints(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    let read = |query: &mut Parameters| {
        let after = query.choice("after", parse_place, "the 'next' of a page")?;
        Ok((query.text("node"), query.limit()?, after))
    };
    answer(&request, &state, read, |store, (node, limit, after)| {
        let after = after.as_ref().map(|(seq, kind, node)| (node.as_str(), *seq, *kind));
        let checkpoints = store.checkpoints(node.as_deref(), after, limit)?;
        let is_full = u32::try_from(checkpoints.len()).is_ok_and(|count| count >= limit);
        let next = checkpoints.last().filter(|_| is_full).map(place);
        Ok(Checkpoints { checkpoints, next })
    })
    .await
}

/// `GET /api/v1/audit/keys`.
pub(in crate::http) async fn list_keys(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    let nothing = |_: &mut Parameters| Ok(());
    answer(&request, &state, nothing, |store, ()| Ok(AuditKeys { keys: store.audit_keys()? })).await
}

/// A checkpoint's place among all, for who pages: `7.regular.node-1`.
fn place(checkpoint: &Checkpoint) -> String {
    format!("{}.{}.{}", checkpoint.seq, checkpoint.kind, checkpoint.node)
}

fn parse_place(text: &str) -> Option<(i64, CheckpointKind, String)> {
    let (seq, rest) = text.split_once('.')?;
    let (kind, node) = rest.split_once('.')?;
    Some((seq.parse().ok()?, CheckpointKind::parse(kind)?, node.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_whatever_the_node_is_called() {
        let (seq, kind, node) = parse_place("7.regular.gate.example.com").unwrap();
        assert_eq!((seq, kind, &*node), (7, CheckpointKind::Regular, "gate.example.com"));
        for wrong in ["", "7", "7.regular", "x.regular.a", "7.other.a"] {
            assert!(parse_place(wrong).is_none(), "{wrong}");
        }
    }
}
