//! An AppContext as its table holds it.
//!
//! Owns how lists and limits are written in columns.

use super::AppContextRow;
use crate::store::{StoreError, limits, schema::app_contexts};
use crate::types::UnixMillis;
use diesel::{Insertable, Queryable, Selectable};
use serde_json::json;

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = app_contexts, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) allowed_models: String,
    pub(super) provider_key: Option<String>,
    pub(super) requests_per_minute: Option<i64>,
    pub(super) monthly_requests: Option<i64>,
    pub(super) concurrent_streams: Option<i64>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) revoked_at: Option<i64>,
    pub(super) detectors: String,
}

pub(super) fn row_of(context: &AppContextRow) -> Row {
    let (requests_per_minute, monthly_requests, concurrent_streams) =
        limits::columns(context.limits);
    Row {
        id: context.id.clone(),
        name: context.name.clone(),
        allowed_models: json!(context.allowed_models).to_string(),
        provider_key: context.provider_key.clone(),
        requests_per_minute,
        monthly_requests,
        concurrent_streams,
        created_at: context.created_at.0,
        updated_at: context.updated_at.0,
        revoked_at: context.revoked_at.map(|at| at.0),
        detectors: json!(context.detectors).to_string(),
    }
}

pub(super) fn context_of(row: Row) -> Result<AppContextRow, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let columns = (row.requests_per_minute, row.monthly_requests, row.concurrent_streams);
    Ok(AppContextRow {
        id: row.id,
        name: row.name,
        allowed_models: serde_json::from_str(&row.allowed_models)
            .or(Err(corrupt("app_contexts.allowed_models")))?,
        provider_key: row.provider_key,
        detectors: serde_json::from_str(&row.detectors)
            .or(Err(corrupt("app_contexts.detectors")))?,
        limits: limits::of_columns(columns).ok_or(corrupt("the limits of app_contexts"))?,
        created_at: UnixMillis(row.created_at),
        updated_at: UnixMillis(row.updated_at),
        revoked_at: row.revoked_at.map(UnixMillis),
        last_call_at: None,
    })
}
