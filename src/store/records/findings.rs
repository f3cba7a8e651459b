//! What was found, one row per record and type, for questions by type.
//!
//! Owns how findings are summed up to such rows. It must never hold more than the record itself says.

use super::{
    super::{
        connection::AnyConnection,
        schema::audit_findings::{self, dsl},
    },
    insert::{Cell as _, copy_rows},
};
use crate::types::{Record, Severity};
use diesel::{
    ExecuteCopyFromDsl as _, ExpressionMethods as _, QueryResult, RunQueryDsl as _, copy_from,
    pg::CopyFormat,
};
use std::{collections::BTreeMap, io::Write};

struct Row<'a> {
    position: i64,
    kind: &'a str,
    /// The worst.
    severity: Severity,
    count: i64,
}

/// Writes what was found in these records.
pub(super) fn write<'a>(
    connection: &mut AnyConnection,
    records: impl Iterator<Item = (i64, &'a Record)>,
) -> QueryResult<()> {
    let rows: Vec<Row<'_>> = records.flat_map(|(position, record)| of(position, record)).collect();
    match connection {
        _ if rows.is_empty() => {}
        AnyConnection::Sqlite(sqlite) => {
            for row in rows {
                diesel::insert_into(audit_findings::table)
                    .values((
                        dsl::finding_type.eq(row.kind),
                        dsl::position.eq(row.position),
                        dsl::severity.eq(row.severity.as_str()),
                        dsl::count.eq(row.count),
                    ))
                    .execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(postgres) => {
            copy_from(dsl::audit_findings)
                .from_raw_data(audit_findings::table, |out: &mut dyn Write| {
                    copy_rows(&rows, Row::put, out)
                })
                .with_format(CopyFormat::Binary)
                .execute(postgres)?;
        }
    }
    Ok(())
}

/// One row per type.
fn of(position: i64, record: &Record) -> impl Iterator<Item = Row<'_>> {
    let mut kinds: BTreeMap<&str, (Severity, i64)> = BTreeMap::new();
    for finding in &record.findings {
        let (worst, count) = kinds.entry(&finding.kind).or_insert((finding.severity, 0));
        if rank(finding.severity) > rank(*worst) {
            *worst = finding.severity;
        }
        *count += i64::from(finding.count);
    }
    kinds.into_iter().map(move |(kind, (severity, count))| Row { position, kind, severity, count })
}

/// Severities are declared from low to critical.
fn rank(severity: Severity) -> Option<usize> {
    Severity::ALL.iter().position(|known| *known == severity)
}

impl Row<'_> {
    /// The columns in the order of the table.
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(4_i16.to_be_bytes());
        self.kind.put(out);
        self.position.put(out);
        self.severity.as_str().put(out);
        self.count.put(out);
    }
}
