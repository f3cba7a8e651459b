//! SQL that is put together from pieces, for what Diesel's own words cannot say.
//!
//! Owns the binding of values: text is always bound, never part of the SQL. It must never be given SQL from outside.

use super::super::{connection::AnyConnection, records::RecordRow};
use diesel::{
    Connection, QueryResult, RunQueryDsl, SelectableHelper as _,
    dsl::AsSelect,
    expression::Expression,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Text},
};
use std::{borrow::Cow, marker::PhantomData};

/// What a query for either database is written for.
type Either = <AnyConnection as Connection>::Backend;

/// A record's columns.
type Columns = AsSelect<RecordRow<'static>, Either>;

/// The rows of [`Statement::records`]: position, beginning, and record.
pub(super) type Placed = (BigInt, BigInt, <Columns as Expression>::SqlType);

/// A statement whose rows have the types `ST`.
pub(super) struct Statement<ST> {
    pieces: Vec<Piece>,
    row: PhantomData<ST>,
}

enum Piece {
    Sql(Cow<'static, str>),
    Text(String),
    Number(i64),
    Columns(Columns),
}

impl Statement<Placed> {
    /// `SELECT` position, beginning, and all of a record.
    pub(super) fn records() -> Self {
        let mut statement = Self::new("SELECT audit_records.position, audit_records.started_at, ");
        statement.pieces.push(Piece::Columns(RecordRow::as_select()));
        statement
    }
}

impl<ST> Statement<ST> {
    /// Begins with this SQL.
    pub(super) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { pieces: vec![Piece::Sql(sql.into())], row: PhantomData }
    }

    /// Goes on with this SQL.
    pub(super) fn sql(&mut self, sql: impl Into<Cow<'static, str>>) -> &mut Self {
        self.pieces.push(Piece::Sql(sql.into()));
        self
    }

    /// Goes on with this text, bound.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.pieces.push(Piece::Text(super::super::clean(text)));
        self
    }

    /// Goes on with this number, bound.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.pieces.push(Piece::Number(number));
        self
    }
}

impl<ST> QueryFragment<Either> for Statement<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Either>) -> QueryResult<()> {
        // Planned anew each time: a plan for any value would be a bad one for most.
        out.unsafe_to_cache_prepared();
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Piece::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Piece::Columns(columns) => columns.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl<ST> QueryId for Statement<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<AnyConnection> for Statement<ST> {}
