//! Signed checkpoints and the public keys that check them, as the database keeps them.
//!
//! Owns both tables. It must never replace a checkpoint or a key: the first one of a place stays.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::{
        audit_checkpoints::{self, dsl},
        audit_keys,
    },
};
use crate::{
    ledger::{Checkpoint, CheckpointKind},
    types::UnixMillis,
};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
    Queryable, RunQueryDsl as _, Selectable, SelectableHelper as _,
};
use schemars::JsonSchema;
use serde::Serialize;

/// Rows that are read at once.
const PAGE: i64 = 1_000;

/// The public half of a key that signs checkpoints.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AuditKey {
    /// How checkpoints name it.
    pub key_id: String,
    /// Ed25519, 32 bytes, base64.
    pub public_key: String,
    /// The gateway that signs with it.
    pub node: String,
    /// When it was registered.
    pub created_at: UnixMillis,
}

impl Store {
    /// Keeps a checkpoint; one that is there already stays.
    pub fn insert_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.record.write(None, |connection| put_checkpoint(connection, checkpoint))
    }

    /// Checkpoints of one node or of all, in the order of node, place and kind, behind `after`. Those that cannot be read
    /// are passed over: [`unreadable_checkpoints`](Self::unreadable_checkpoints) names them.
    pub fn checkpoints(
        &self,
        node: Option<&str>,
        after: Option<(&str, i64, CheckpointKind)>,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let after = after.map(|(node, seq, kind)| (clean(node), seq, kind.as_str().to_owned()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut checkpoints = Vec::new();
        self.each_checkpoint(node, after, |row| {
            match row.read() {
                Some(checkpoint) => checkpoints.push(checkpoint),
                None => tracing::warn!(node = row.node, seq = row.seq, "unreadable checkpoint"),
            }
            checkpoints.len() < limit
        })?;
        Ok(checkpoints)
    }

    /// Node and place of the checkpoints that somebody has changed: their rows hold what no gateway wrote.
    pub fn unreadable_checkpoints(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let mut unreadable = Vec::new();
        self.each_checkpoint(None, None, |row| {
            if row.read().is_none() {
                unreadable.push((row.node, row.seq));
            }
            true
        })?;
        Ok(unreadable)
    }

    /// Gives `take` the rows behind `after`, until it has enough.
    fn each_checkpoint(
        &self,
        node: Option<&str>,
        mut after: Option<(String, i64, String)>,
        mut take: impl FnMut(Row) -> bool,
    ) -> Result<(), StoreError> {
        loop {
            let rows = self.record.run(|connection| page(connection, node, after.as_ref()))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some((last.node.clone(), last.seq, last.kind.clone()));
            for row in rows {
                if !take(row) {
                    return Ok(());
                }
            }
        }
    }

    /// The first regular checkpoint that covers this place of a node's chain.
    pub fn checkpoint_from(&self, node: &str, seq: i64) -> Result<Option<Checkpoint>, StoreError> {
        let row: Option<Row> = self.record.run(|connection| {
            Ok(dsl::audit_checkpoints
                .filter(dsl::node.eq(clean(node)).and(dsl::seq.ge(seq)))
                .filter(dsl::kind.eq(CheckpointKind::Regular.as_str()))
                .order(dsl::seq)
                .select(Row::as_select())
                .first(connection)
                .optional()?)
        })?;
        let corrupt = StoreError::Corrupt { what: "audit_checkpoints.document" };
        row.map(|row| row.read().ok_or(corrupt)).transpose()
    }

    /// Makes a key known to all who verify; one that is there already stays.
    pub fn register_audit_key(
        &self,
        key_id: &str,
        public_key: &str,
        node: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let insert = diesel::insert_into(audit_keys::table)
            .values((
                audit_keys::key_id.eq(clean(key_id)),
                audit_keys::public_key.eq(clean(public_key)),
                audit_keys::node.eq(clean(node)),
                audit_keys::created_at.eq(now.0),
            ))
            .on_conflict_do_nothing();
        self.record.write(None, |connection| {
            match connection {
                AnyConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
                AnyConnection::Postgres(postgres) => insert.execute(postgres)?,
            };
            Ok(())
        })
    }

    /// All keys, oldest first.
    pub fn audit_keys(&self) -> Result<Vec<AuditKey>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = self.record.run(|connection| {
            let order = (audit_keys::created_at, audit_keys::key_id);
            Ok(audit_keys::table.order(order).load(connection)?)
        })?;
        Ok(rows
            .into_iter()
            .map(|(key_id, public_key, node, created_at)| AuditKey {
                key_id,
                public_key,
                node,
                created_at: UnixMillis(created_at),
            })
            .collect())
    }
}

/// Keeps a checkpoint within a transaction.
pub(super) fn put_checkpoint(
    connection: &mut AnyConnection,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(audit_checkpoints::table)
        .values((
            dsl::node.eq(clean(&checkpoint.node)),
            dsl::seq.eq(checkpoint.seq),
            dsl::kind.eq(checkpoint.kind.as_str()),
            dsl::signed_at.eq(checkpoint.signed_at.0),
            dsl::document.eq(checkpoint.to_json()),
        ))
        .on_conflict_do_nothing();
    match connection {
        AnyConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
        AnyConnection::Postgres(postgres) => insert.execute(postgres)?,
    };
    Ok(())
}

/// The retention checkpoints of a chain, in its order.
pub(super) fn retained(
    connection: &mut AnyConnection,
    node: &str,
) -> Result<Vec<Stored>, StoreError> {
    let rows: Vec<Row> = dsl::audit_checkpoints
        .filter(dsl::node.eq(node))
        .filter(dsl::kind.eq(CheckpointKind::Retention.as_str()))
        .order(dsl::seq)
        .select(Row::as_select())
        .load(connection)?;
    Ok(rows.iter().map(|row| Stored { seq: row.seq, checkpoint: row.read() }).collect())
}

/// A checkpoint where the database says that it stands.
pub(super) struct Stored {
    pub(super) seq: i64,
    /// `None` when it cannot be read.
    pub(super) checkpoint: Option<Checkpoint>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_checkpoints)]
struct Row {
    node: String,
    seq: i64,
    kind: String,
    document: String,
}

impl Row {
    /// The checkpoint; `None` when it is none, or one of another place.
    fn read(&self) -> Option<Checkpoint> {
        let checkpoint = Checkpoint::parse(self.document.as_bytes())?;
        let is_here = checkpoint.seq == self.seq && checkpoint.kind.as_str() == self.kind;
        (is_here && clean(&checkpoint.node) == self.node).then_some(checkpoint)
    }
}

/// The next rows in the order of node, place and kind.
fn page(
    connection: &mut AnyConnection,
    node: Option<&str>,
    after: Option<&(String, i64, String)>,
) -> Result<Vec<Row>, StoreError> {
    let mut select = dsl::audit_checkpoints
        .select(Row::as_select())
        .order((dsl::node, dsl::seq, dsl::kind))
        .limit(PAGE)
        .into_boxed();
    if let Some(node) = node {
        select = select.filter(dsl::node.eq(clean(node)));
    }
    if let Some((node, seq, kind)) = after {
        let same_seq = dsl::seq.eq(seq).and(dsl::kind.gt(kind));
        let same_node = dsl::node.eq(node).and(dsl::seq.gt(seq).or(same_seq));
        select = select.filter(dsl::node.gt(node).or(same_node));
    }
    Ok(select.load(connection)?)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};
    use diesel::connection::SimpleConnection as _;

    on_both_databases!(
        checkpoints_come_in_pages_and_are_never_replaced,
        the_checkpoint_of_a_record_is_the_first_regular_one_from_it_on,
        keys_are_listed_and_never_replaced,
        a_changed_checkpoint_is_passed_over_and_named,
    );

    fn checkpoint(node: &str, seq: i64, kind: CheckpointKind) -> Checkpoint {
        Checkpoint {
            node: node.to_owned(),
            seq,
            event_hash: "00".repeat(32),
            kind,
            signed_at: UnixMillis(1_795_435_200_000),
            key_id: "0123456789abcdef".to_owned(),
            signature: "c2ln".to_owned(),
        }
    }

    fn checkpoints_come_in_pages_and_are_never_replaced(store: &Store) {
        let all = [
            checkpoint("node-1", 5, CheckpointKind::Regular),
            checkpoint("node-1", 5, CheckpointKind::Retention),
            checkpoint("node-1", 40, CheckpointKind::Regular),
            checkpoint("node-2", 3, CheckpointKind::Regular),
        ];
        for checkpoint in all.iter().rev() {
            store.insert_checkpoint(checkpoint).unwrap();
        }
        let other = Checkpoint { signature: "b3RoZXI".to_owned(), ..all[0].clone() };
        store.insert_checkpoint(&other).unwrap();

        let mut seen: Vec<Checkpoint> = Vec::new();
        loop {
            let after = seen.last().map(|last| (last.node.as_str(), last.seq, last.kind));
            let page = store.checkpoints(None, after, 1).unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, all);
        assert_eq!(store.checkpoints(Some("node-2"), None, 9).unwrap(), all[3..]);
    }

    fn the_checkpoint_of_a_record_is_the_first_regular_one_from_it_on(store: &Store) {
        for (seq, kind) in [
            (5, CheckpointKind::Regular),
            (7, CheckpointKind::Retention),
            (9, CheckpointKind::Regular),
        ] {
            store.insert_checkpoint(&checkpoint("node-1", seq, kind)).unwrap();
        }
        let from = |seq| store.checkpoint_from("node-1", seq).unwrap().map(|found| found.seq);
        assert_eq!([from(1), from(5), from(6), from(10)], [Some(5), Some(5), Some(9), None]);
        assert_eq!(store.checkpoint_from("node-2", 1).unwrap(), None);
    }

    fn a_changed_checkpoint_is_passed_over_and_named(store: &Store) {
        let all: Vec<_> =
            (1..=5).map(|seq| checkpoint("node-1", seq, CheckpointKind::Regular)).collect();
        all.iter().for_each(|checkpoint| store.insert_checkpoint(checkpoint).unwrap());
        let change = |set: &str, seq| {
            let sql = format!("UPDATE audit_checkpoints SET {set} WHERE seq = {seq}");
            store.record.run(|connection| Ok(connection.batch_execute(&sql)?)).unwrap();
        };
        assert_eq!(store.unreadable_checkpoints().unwrap(), []);
        change("document = '{}'", 2);
        change("kind = 'x'", 3);
        // A reader who goes on behind what this says would never come to an end.
        change(&format!("document = '{}'", all[0].to_json()), 4);
        let first = store.checkpoints(None, None, 1).unwrap();
        let after = Some(("node-1", 1, CheckpointKind::Regular));
        assert_eq!(
            (&first[..], &store.checkpoints(None, after, 1).unwrap()[..]),
            (&all[..1], &all[4..])
        );
        let named = [2, 3, 4].map(|seq| ("node-1".to_owned(), seq));
        assert_eq!(store.unreadable_checkpoints().unwrap(), named);
    }

    fn keys_are_listed_and_never_replaced(store: &Store) {
        store.register_audit_key("b", "key-b", "node-2", UnixMillis(2)).unwrap();
        store.register_audit_key("a", "key-a", "node-1", UnixMillis(1)).unwrap();
        store.register_audit_key("a", "other", "node-3", UnixMillis(3)).unwrap();
        let key = |id: &str, node: &str, at| AuditKey {
            key_id: id.to_owned(),
            public_key: format!("key-{id}"),
            node: node.to_owned(),
            created_at: UnixMillis(at),
        };
        assert_eq!(store.audit_keys().unwrap(), [key("a", "node-1", 1), key("b", "node-2", 2)]);
    }
}
