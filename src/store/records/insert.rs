//! Writing rows: a prepared statement for each on SQLite, COPY for all of them on Postgres.
//!
//! Owns the list of columns as they are written. Diesel's own insert walks a row of this width many times over, which
//! took longer than the database's share; here each value is written once. It must never overwrite a row.

use super::{super::schema::audit_records, row::RecordRow};
use diesel::{
    ExecuteCopyFromDsl as _, PgConnection, QueryResult, RunQueryDsl, SqliteConnection, copy_from,
    pg::CopyFormat,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::{DatabaseErrorKind, Error as DieselError},
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
    sqlite::Sqlite,
};
use std::{borrow::Cow, io::Write};

/// A row and its place.
pub(super) type Placed<'a> = (i64, RecordRow<'a>);

macro_rules! columns {
    (
        own { $($own:ident: $own_type:ty),+ $(,)? }
        $($group:ident { $($column:ident: $type:ty),+ $(,)? })+
    ) => {
        const INSERT: &str = concat!(
            "INSERT INTO audit_records (position",
            $(", ", stringify!($own),)+
            $($(", ", stringify!($column),)+)+
            ") VALUES (",
        );

        /// All columns but `position`.
        pub(super) const COLUMNS: &[&str] =
            &[$(stringify!($own),)+ $($(stringify!($column),)+)+];

        /// All columns.
        const WIDTH: i16 = 1 $(+ columns!(one $own))+ $($(+ columns!(one $column))+)+;

        fn bind<'b>(
            (position, row): &'b Placed<'_>,
            out: &mut AstPass<'_, 'b, Sqlite>,
        ) -> QueryResult<()> {
            out.push_bind_param::<BigInt, _>(position)?;
            $(
                out.push_sql(", ");
                out.push_bind_param::<$own_type, _>(&row.$own)?;
            )+
            $($(
                out.push_sql(", ");
                out.push_bind_param::<$type, _>(&row.$group.$column)?;
            )+)+
            Ok(())
        }

        fn put((position, row): &Placed<'_>, out: &mut Vec<u8>) {
            out.extend(WIDTH.to_be_bytes());
            position.put(out);
            $( row.$own.put(out); )+
            $($( row.$group.$column.put(out); )+)+
        }

        /// Postgres takes all rows in one stream, and works on it while we are still writing.
        pub(super) fn into_postgres(
            connection: &mut PgConnection,
            rows: &[Placed<'_>],
        ) -> QueryResult<()> {
            use audit_records::dsl;
            copy_from(dsl::audit_records)
                .from_raw_data(
                    (dsl::position, $(dsl::$own,)+ $($(dsl::$column,)+)+),
                    |out: &mut dyn Write| copy_rows(rows, put, out),
                )
                .with_format(CopyFormat::Binary)
                .execute(connection)?;
            Ok(())
        }
    };
    (one $column:ident) => { 1 };
}

columns! {
    own {
        id: Text,
        started_at: BigInt,
        node: Text,
        seq: BigInt,
        previous_hash: Binary,
        event_hash: Binary,
    }
    caller {
        agent_id: Nullable<Text>,
        agent_name: Nullable<Text>,
        agent_type: Nullable<Text>,
        roles: Text,
        permission: Nullable<Text>,
        session_id: Nullable<Text>,
        token_id: Nullable<Text>,
        app_context: Nullable<Text>,
        actor: Nullable<Text>,
        detail: Nullable<Text>,
        surface: Text,
    }
    call {
        tool_name: Text,
        mcp_server: Text,
        action: Text,
        target: Text,
        endpoint: Nullable<Text>,
        model: Nullable<Text>,
        message_count: Nullable<BigInt>,
        has_system_prompt: Nullable<Bool>,
        has_tools: Nullable<Bool>,
        tool_names: Text,
        stream: Nullable<Bool>,
    }
    decision {
        policy_result: Nullable<Text>,
        policy_rule: Nullable<Text>,
        policy_version: Nullable<Text>,
        policy_reason: Nullable<Text>,
        findings: Text,
        scan_extent: Text,
        scan_reason: Nullable<Text>,
        detection_version: Nullable<Text>,
        tools_removed: Text,
        trust_score: Nullable<BigInt>,
        risk_score: Nullable<BigInt>,
        risk_tier: Nullable<Text>,
    }
    answer {
        response_model: Nullable<Text>,
        status_code: Nullable<BigInt>,
        error_code: Nullable<Text>,
        finish_reason: Nullable<Text>,
        input_tokens: Nullable<BigInt>,
        output_tokens: Nullable<BigInt>,
        cached_tokens: Nullable<BigInt>,
        reasoning_tokens: Nullable<BigInt>,
        usage_source: Nullable<Text>,
        latency_ms: Nullable<BigInt>,
        time_to_first_byte_ms: Nullable<BigInt>,
        gateway_us: Nullable<BigInt>,
        request_bytes: Nullable<BigInt>,
        response_bytes: Nullable<BigInt>,
        outcome: Nullable<Text>,
        receipt_hash: Nullable<Binary>,
    }
}

/// SQLite runs in this process, so one prepared statement per row is the fastest.
pub(super) fn into_sqlite(
    connection: &mut SqliteConnection,
    rows: &[Placed<'_>],
) -> QueryResult<()> {
    for row in rows {
        Insert(row).execute(connection)?;
    }
    Ok(())
}

/// Writes rows in the binary form of COPY, which needs no escapes: a header, rows of counted values, an end.
pub(super) fn copy_rows<T>(
    rows: &[T],
    put: impl Fn(&T, &mut Vec<u8>),
    out: &mut dyn Write,
) -> QueryResult<()> {
    out.write_all(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0").map_err(broken)?;
    let mut data = Vec::new();
    for row in rows {
        data.clear();
        put(row, &mut data);
        out.write_all(&data).map_err(broken)?;
    }
    out.write_all(&(-1_i16).to_be_bytes()).map_err(broken)
}

/// The connection has gone: no fault of a row.
fn broken(error: std::io::Error) -> DieselError {
    let text = Box::new(error.to_string());
    DieselError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, text)
}

/// A value as COPY takes it: its length in bytes, then they; a length of -1 is null.
pub(super) trait Cell {
    fn put(&self, out: &mut Vec<u8>);
}

impl Cell for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_be_bytes().as_slice().put(out);
    }
}

impl Cell for bool {
    fn put(&self, out: &mut Vec<u8>) {
        [u8::from(*self)].as_slice().put(out);
    }
}

impl Cell for str {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_bytes().put(out);
    }
}

impl Cell for Cow<'_, str> {
    fn put(&self, out: &mut Vec<u8>) {
        str::put(self, out);
    }
}

impl Cell for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_slice().put(out);
    }
}

impl Cell for [u8] {
    fn put(&self, out: &mut Vec<u8>) {
        // What is too long for its length is too long for Postgres, which says so.
        out.extend(i32::try_from(self.len()).unwrap_or(i32::MAX).to_be_bytes());
        out.extend(self);
    }
}

impl<T: Cell> Cell for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(out),
            None => out.extend((-1_i32).to_be_bytes()),
        }
    }
}

struct Insert<'a>(&'a Placed<'a>);

impl QueryFragment<Sqlite> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INSERT);
        bind(self.0, &mut out)?;
        out.push_sql(")");
        Ok(())
    }
}

/// The statement is always the same, so it is kept prepared.
impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Insert<'_> {
    type SqlType = ();
}

impl<C> RunQueryDsl<C> for Insert<'_> {}
