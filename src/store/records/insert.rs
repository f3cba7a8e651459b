//! Inserting rows: one statement for a row, or for a chunk of them, always prepared.
//!
//! Owns the list of columns as they are written. Diesel's own insert walks a row of this width many
//! times over, which took longer than the database's share; here each value is bound once. It must
//! never overwrite a row: one that is there already is left alone.

use super::row::RecordRow;
use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, Bool, HasSqlType, Nullable, Text},
};

/// `N` rows in one statement.
pub(super) struct InsertRows<'a, const N: usize>(pub(super) &'a [RecordRow; N]);

macro_rules! columns {
    (
        own { $($own:ident: $own_type:ty),+ $(,)? }
        $($group:ident { $($column:ident: $type:ty),+ $(,)? })+
    ) => {
        const INTO: &str = concat!(
            "INSERT INTO records (",
            $(stringify!($own), ", ",)+
            $($(stringify!($column), ", ",)+)+
            "node) VALUES ",
        );

        fn bind<'b, DB: Speaks>(
            row: &'b RecordRow,
            out: &mut AstPass<'_, 'b, DB>,
        ) -> QueryResult<()>
        where
            i64: ToSql<BigInt, DB>,
            bool: ToSql<Bool, DB>,
            String: ToSql<Text, DB>,
        {
            $(
                out.push_bind_param::<$own_type, _>(&row.$own)?;
                out.push_sql(", ");
            )+
            $($(
                out.push_bind_param::<$type, _>(&row.$group.$column)?;
                out.push_sql(", ");
            )+)+
            out.push_bind_param::<Text, _>(&row.node)
        }
    };
}

columns! {
    own {
        id: Text,
        started_at: BigInt,
        seq: Nullable<BigInt>,
        previous_hash: Nullable<Text>,
        event_hash: Nullable<Text>,
    }
    caller {
        agent_id: Nullable<Text>,
        agent_name: Nullable<Text>,
        agent_type: Nullable<Text>,
        roles: Text,
        permission: Nullable<Text>,
        session_id: Nullable<Text>,
        app_context: Nullable<Text>,
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
        usage_source: Nullable<Text>,
        latency_ms: Nullable<BigInt>,
        time_to_first_byte_ms: Nullable<BigInt>,
        gateway_us: Nullable<BigInt>,
        request_bytes: Nullable<BigInt>,
        response_bytes: Nullable<BigInt>,
        outcome: Nullable<Text>,
    }
}

/// A backend with our column types.
pub(super) trait Speaks:
    Backend + HasSqlType<BigInt> + HasSqlType<Bool> + HasSqlType<Text>
{
}

impl Speaks for diesel::sqlite::Sqlite {}
impl Speaks for diesel::pg::Pg {}

impl<DB: Speaks, const N: usize> QueryFragment<DB> for InsertRows<'_, N>
where
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut before = INTO;
        for row in self.0 {
            out.push_sql(before);
            out.push_sql("(");
            bind(row, &mut out)?;
            out.push_sql(")");
            before = ", ";
        }
        out.push_sql(" ON CONFLICT (id) DO NOTHING");
        Ok(())
    }
}

/// The statement depends on the number of rows alone, so it is kept prepared.
impl<const N: usize> QueryId for InsertRows<'_, N> {
    type QueryId = InsertRows<'static, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> Query for InsertRows<'_, N> {
    type SqlType = ();
}

impl<C, const N: usize> RunQueryDsl<C> for InsertRows<'_, N> {}
