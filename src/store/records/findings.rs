//! What was found, one row per record and rule, for questions by rule and by type.
//!
//! Owns how findings are summed up to such rows. It must never hold more than the record itself says.

use super::{
    super::{
        connection::AnyConnection,
        schema::audit_findings::{self, dsl},
    },
    insert::{Cell as _, copy_rows},
};
use crate::types::{Finding, Record, Severity};
use diesel::{
    ExecuteCopyFromDsl as _, ExpressionMethods as _, QueryResult, RunQueryDsl as _, copy_from,
    pg::CopyFormat,
};
use std::{collections::BTreeMap, io::Write, iter};

struct Row<'a> {
    rule: &'a str,
    position: i64,
    kind: &'a str,
    /// 1 in one row of each record and type, otherwise 0: these are the records with a finding of the type.
    first_of_type: i64,
    /// The worst of the type in the record.
    severity: Severity,
    count: i64,
}

/// What was found of one type.
struct Kind<'a> {
    worst: Severity,
    rules: BTreeMap<&'a str, i64>,
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
                        dsl::rule.eq(row.rule),
                        dsl::position.eq(row.position),
                        dsl::finding_type.eq(row.kind),
                        dsl::first_of_type.eq(row.first_of_type),
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

/// One row per rule.
fn of(position: i64, record: &Record) -> impl Iterator<Item = Row<'_>> {
    let mut kinds: BTreeMap<&str, Kind<'_>> = BTreeMap::new();
    for Finding { rule, kind, severity, count, .. } in &record.findings {
        let none = Kind { worst: *severity, rules: BTreeMap::new() };
        let found = kinds.entry(kind).or_insert(none);
        if rank(*severity) > rank(found.worst) {
            found.worst = *severity;
        }
        *found.rules.entry(rule).or_default() += i64::from(*count);
    }
    kinds.into_iter().flat_map(move |(kind, Kind { worst: severity, rules })| {
        let first = iter::once(1).chain(iter::repeat(0));
        rules.into_iter().zip(first).map(move |((rule, count), first_of_type)| Row {
            rule,
            position,
            kind,
            first_of_type,
            severity,
            count,
        })
    })
}

/// Severities are declared from low to critical.
fn rank(severity: Severity) -> Option<usize> {
    Severity::ALL.iter().position(|known| *known == severity)
}

impl Row<'_> {
    /// The columns in the order of the table.
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(6_i16.to_be_bytes());
        self.rule.put(out);
        self.position.put(out);
        self.kind.put(out);
        self.first_of_type.put(out);
        self.severity.as_str().put(out);
        self.count.put(out);
    }
}
