//! How the record stands, as the database alone can tell: for a look without a running gateway.

use super::{
    Store, StoreError,
    schema::{audit_checkpoints, audit_set_aside, audited_changes, changes},
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, dsl::max};
use serde::Serialize;
use std::collections::HashMap;

/// What the database knows of the record.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RecordStatus {
    /// One chain per gateway, by name.
    pub chains: Vec<ChainStatus>,
    /// Records that it did not take.
    pub set_aside: i64,
    /// Administrative changes that have no record yet: a running gateway gives them theirs within a second.
    pub changes_waiting: i64,
}

/// Where a gateway's chain stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ChainStatus {
    /// The gateway.
    pub node: String,
    /// The place of its last record.
    pub seq: i64,
    /// Up to where checkpoints cover it; null before the first.
    pub signed_seq: Option<i64>,
    /// When the last one was signed.
    pub signed_at: Option<UnixMillis>,
}

impl Store {
    /// How the record stands. Each look is at what may have grown since the one before, never the other way round: so
    /// a change that is not told as waiting is counted in a chain, and no chain ends before its signature. (After a
    /// backup of the list of changes was restored, that holds once a gateway has looked at it.)
    pub fn record_status(&self) -> Result<RecordStatus, StoreError> {
        let mark: i64 = self.record.run(|connection| {
            Ok(audited_changes::table.select(audited_changes::seq).first(connection)?)
        })?;
        let changes_waiting = self.state.run(|connection| {
            let waiting = changes::table.filter(changes::seq.gt(mark)).count();
            Ok(waiting.get_result(connection)?)
        })?;
        let (signed, set_aside) = self.record.run(|connection| {
            use audit_checkpoints::dsl;
            let latest = dsl::audit_checkpoints.group_by(dsl::node);
            let signed: Vec<(String, Option<i64>, Option<i64>)> =
                latest.select((dsl::node, max(dsl::seq), max(dsl::signed_at))).load(connection)?;
            let set_aside: i64 = audit_set_aside::table.count().get_result(connection)?;
            Ok((signed, set_aside))
        })?;
        let heads = self.chain_heads()?;
        let signed: HashMap<String, (Option<i64>, Option<i64>)> =
            signed.into_iter().map(|(node, seq, at)| (node, (seq, at))).collect();
        let chains = heads.into_iter().map(|(node, head)| {
            let (signed_seq, at) = signed.get(&node).copied().unwrap_or_default();
            ChainStatus { node, seq: head.seq, signed_seq, signed_at: at.map(UnixMillis) }
        });
        Ok(RecordStatus { chains: chains.collect(), set_aside, changes_waiting })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{new_agent, on_both_databases},
        *,
    };

    const NOW: UnixMillis = UnixMillis(1_795_435_200_000);

    on_both_databases!(
        the_database_says_how_far_chains_and_changes_are,
        a_change_that_does_not_wait_is_in_a_chain,
    );

    fn the_database_says_how_far_chains_and_changes_are(store: &Store) {
        store.create_agent(&new_agent("one"), "cli", NOW).unwrap();
        let status = store.record_status().unwrap();
        assert_eq!((status.chains.len(), status.changes_waiting, status.set_aside), (0, 1, 0));
        store.audit_changes(&"node-1".into(), 9, NOW).unwrap();
        let status = store.record_status().unwrap();
        let chain =
            ChainStatus { node: "node-1".to_owned(), seq: 1, signed_seq: None, signed_at: None };
        assert_eq!((status.chains, status.changes_waiting), (vec![chain], 0));
    }

    fn a_change_that_does_not_wait_is_in_a_chain(store: &Store) {
        const CHANGES: i64 = 300;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..CHANGES {
                    store.create_agent(&new_agent(&number.to_string()), "cli", NOW).unwrap();
                    store.audit_changes(&"node-1".into(), 9, NOW).unwrap();
                }
            });
            while !writer.is_finished() {
                let there = store.latest_change().unwrap();
                let status = store.record_status().unwrap();
                let recorded: i64 = status.chains.iter().map(|chain| chain.seq).sum();
                assert!(there <= recorded + status.changes_waiting, "{there} changes: {status:?}");
            }
        });
    }
}
