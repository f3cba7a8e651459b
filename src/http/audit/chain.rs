//! Checkpoints, and the keys that check them.

use super::{AdminState, Parameters, answer};
use crate::admin::audit::shown;
use crate::ledger::{Checkpoint, CheckpointKind};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::json;

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
        Ok(json!({ "checkpoints": checkpoints, "next": next }))
    })
    .await
}

/// `GET /api/v1/audit/keys`.
pub(in crate::http) async fn list_keys(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    answer(
        &request,
        &state,
        |_| Ok(()),
        |store, ()| {
            let keys: Vec<_> = store.audit_keys()?.iter().map(shown::key).collect();
            Ok(json!({ "keys": keys }))
        },
    )
    .await
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
