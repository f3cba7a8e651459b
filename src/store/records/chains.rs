//! Where each node's chain ends, as the database knows it.
//!
//! Owns the table of ends. An end must never move back, and never on its own: it moves with the records that it ends.

use super::super::{
    Store, StoreError,
    connection::AnyConnection,
    schema::audit_chains::{self, dsl},
};
use crate::{
    ledger::{Hash, Head},
    types::Record,
};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    upsert::excluded,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

impl Store {
    /// Where each node's chain ends.
    pub fn chain_heads(&self) -> Result<Vec<(String, Head)>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = self
            .record
            .run(|connection| Ok(dsl::audit_chains.order(dsl::node).load(connection)?))?;
        rows.into_iter().map(|(node, seq, hash)| Ok((node, head(seq, hash)?))).collect()
    }

    /// Lets a chain go on from `known` when the database has less of it, as after the restoring of a backup: so what is
    /// missing shows, and no two records ever have the same place. Says whether there was less.
    pub fn restore_head(&self, node: &str, known: Head) -> Result<bool, StoreError> {
        self.record.write(None, |connection| {
            super::append::lock_order(connection)?;
            let has_less = read(connection, node)?.seq < known.seq;
            if has_less {
                write(connection, node, known)?;
            }
            Ok(has_less)
        })
    }
}

/// Chains the records, each to its node's last; returns where the chains end then.
pub(super) fn chain(
    connection: &mut AnyConnection,
    records: &mut [&mut Arc<Record>],
) -> Result<Vec<(String, Head)>, StoreError> {
    let mut heads: BTreeMap<Arc<str>, Head> = BTreeMap::new();
    for record in records {
        let record = Arc::make_mut(record);
        let node = Arc::clone(&record.node);
        let head = match heads.entry(node) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let head = read(connection, new.key())?;
                new.insert(head)
            }
        };
        head.append(record);
    }
    Ok(heads.into_iter().map(|(node, head)| (node.to_string(), head)).collect())
}

fn read(connection: &mut AnyConnection, node: &str) -> Result<Head, StoreError> {
    let row: Option<(i64, Vec<u8>)> = dsl::audit_chains
        .find(node)
        .select((dsl::seq, dsl::event_hash))
        .first(connection)
        .optional()?;
    row.map_or(Ok(Head::GENESIS), |(seq, hash)| head(seq, hash))
}

fn head(seq: i64, event_hash: Vec<u8>) -> Result<Head, StoreError> {
    let corrupt = StoreError::Corrupt { what: "audit_chains.event_hash" };
    let event_hash = event_hash.try_into().map(Hash).or(Err(corrupt))?;
    Ok(Head { seq, event_hash })
}

pub(super) fn write(
    connection: &mut AnyConnection,
    node: &str,
    head: Head,
) -> Result<(), StoreError> {
    let upsert = diesel::insert_into(audit_chains::table)
        .values((
            dsl::node.eq(node),
            dsl::seq.eq(head.seq),
            dsl::event_hash.eq(head.event_hash.0.to_vec()),
        ))
        .on_conflict(dsl::node)
        .do_update()
        .set((dsl::seq.eq(excluded(dsl::seq)), dsl::event_hash.eq(excluded(dsl::event_hash))));
    match connection {
        AnyConnection::Sqlite(sqlite) => upsert.execute(sqlite)?,
        AnyConnection::Postgres(postgres) => upsert.execute(postgres)?,
    };
    Ok(())
}
