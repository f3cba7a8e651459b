//! Records that are deleted, a chunk of each chain at once.
//!
//! Owns the deletion with all that belongs to a record. It must never delete behind what is signed for.

use super::{
    super::{
        super::{
            StoreError,
            connection::AnyConnection,
            schema::{audit_records, audit_set_aside},
        },
        statement::Statement,
    },
    CHUNK, Sealer, Swept, moment, ours,
    seal::{End, seal},
};
use crate::types::UnixMillis;
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    sql_types::BigInt,
};

/// Of each chain that is ours to sign for, the oldest records below a position: as many as go at once.
pub(super) fn remove(
    connection: &mut AnyConnection,
    below: i64,
    sealer: &Sealer<'_>,
    now: UnixMillis,
) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    for node in ours(connection, below, sealer, now)? {
        chunk(connection, &node, below, sealer, &mut swept)?;
    }
    Ok(swept)
}

fn chunk(
    connection: &mut AnyConnection,
    node: &str,
    below: i64,
    sealer: &Sealer<'_>,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    use audit_records::dsl;
    let next: Option<i64> = dsl::audit_records
        .filter(dsl::node.eq(node))
        .filter(dsl::position.lt(below))
        .order(dsl::position)
        .select(dsl::position)
        .offset(CHUNK)
        .first(connection)
        .optional()?;
    let end = End { position: next.unwrap_or(below), at: moment(below) };
    let Some(sealed) = seal(connection, node, end, sealer, swept)? else { return Ok(()) };
    let gone = dsl::audit_records
        .filter(dsl::position.lt(end.position))
        .filter(dsl::node.eq(node))
        .filter(dsl::seq.le(sealed));
    remove_findings(connection, node, sealed, end.position)?;
    let records = diesel::delete(gone).execute(connection)?;
    let aside = remove_set_aside(connection, node, sealed, end.position)?;
    swept.records += u64::try_from(records + aside).unwrap_or_default();
    swept.more |= next.is_some();
    Ok(())
}

/// What was found in the records that go.
fn remove_findings(
    connection: &mut AnyConnection,
    node: &str,
    sealed: i64,
    end: i64,
) -> Result<(), StoreError> {
    let mut statement: Statement<BigInt> =
        Statement::new("DELETE FROM audit_findings WHERE position < ");
    statement.number(end);
    statement.sql(" AND position IN (SELECT position FROM audit_records WHERE position < ");
    statement.number(end).sql(" AND node = ").text(node);
    statement.sql(" AND seq <= ").number(sealed).sql(")");
    statement.execute(connection)?;
    Ok(())
}

/// What was set aside of a chain, up to where it is signed for.
pub(super) fn remove_set_aside(
    connection: &mut AnyConnection,
    node: &str,
    sealed: i64,
    end: i64,
) -> Result<usize, StoreError> {
    let gone = audit_set_aside::table
        .filter(audit_set_aside::position.lt(end))
        .filter(audit_set_aside::node.eq(node))
        .filter(audit_set_aside::seq.le(sealed));
    Ok(diesel::delete(gone).execute(connection)?)
}
