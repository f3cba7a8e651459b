//! The rows as tables for the terminal and for Markdown, and as JSON. Pure.

use crate::{
    options::Options,
    plan::{Findings, Row, Scenario},
    stats::median,
};
use serde_json::json;
use std::fmt::{self, Write};

const CHAT: [&str; 11] = [
    "chat calls",
    "target",
    "req/s",
    "p50 µs",
    "p99 µs",
    "added p50",
    "added p99",
    "CPU µs/req",
    "× nginx",
    "peak MiB",
    "errors",
];
const STREAMS: [&str; 13] = [
    "streams",
    "target",
    "chunks/s",
    "1st byte µs",
    "added p50",
    "added p99",
    "chunk delay µs",
    "added p50",
    "added p99",
    "CPU µs/chunk",
    "× nginx",
    "peak MiB",
    "errors",
];

/// All that a run found out.
pub(crate) struct Report<'a> {
    /// How it was called.
    pub(crate) options: &'a Options,
    /// Where it ran, in words.
    pub(crate) machine: String,
    /// Who ran on which cores, in words.
    pub(crate) placing: String,
    /// What was found out.
    pub(crate) findings: Findings,
    /// Targets that could not be started, and why.
    pub(crate) missing: Vec<(&'static str, String)>,
}

impl Report<'_> {
    /// Whether any answer was wrong.
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.rows.iter().any(|row| row.errors > 0)
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let missing = self.missing.iter();
        let missing = missing.map(|(target, why)| json!({"target": target, "why": why}));
        let options = self.options;
        json!({
            "machine": self.machine,
            "placing": self.placing,
            "seconds": options.seconds,
            "rounds": options.rounds,
            "workers": options.workers,
            "chunks": options.chunks,
            "interval_ms": options.interval,
            "taken_by_others": self.findings.taken_by_others,
            "rows": self.findings.rows,
            "missing": missing.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// Two tables and what one has to know to read them.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        let is_chat = |row: &&Row| matches!(row.scenario, Scenario::Chat { .. });
        let (chat, streams): (Vec<_>, Vec<_>) = self.findings.rows.iter().partition(is_chat);
        self.write_table(&CHAT, &chat, chat_cells, &mut out)?;
        self.write_table(&STREAMS, &streams, stream_cells, &mut out)?;
        for note in self.notes() {
            writeln!(out, "- {note}")?;
        }
        Ok(out)
    }

    fn write_table(
        &self,
        header: &[&str],
        rows: &[&Row],
        cells: fn(&Row) -> Vec<String>,
        out: &mut String,
    ) -> fmt::Result {
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = vec![header.iter().map(ToString::to_string).collect::<Vec<_>>()];
        let mut last = None;
        for row in rows {
            let repeated = last.replace(row.scenario) == Some(row.scenario);
            let load = if repeated { String::new() } else { row.scenario.to_string() };
            table.push([vec![load, row.target.to_owned()], cells(row)].concat());
        }
        for (target, _) in &self.missing {
            table.push(vec![String::new(), (*target).to_owned(), "not run".to_owned()]);
        }
        write_aligned(&table, self.options.markdown, out)?;
        out.push('\n');
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let Options { seconds, rounds, workers, chunks, interval, .. } = self.options;
        let generator = median(self.findings.rows.iter().map(|row| row.generator_cpu_us));
        let mut notes = vec![
            self.machine.clone(),
            self.placing.clone(),
            format!("medians of {rounds} rounds; {seconds} s for chat calls each time; workers: {workers}"),
            "direct is the mock upstream itself, its CPU the mock's own; added is against direct in \
             the same round"
                .to_owned(),
            "without upstream delay the targets are saturated: what several connections then add is \
             mostly waiting in line, so read req/s and CPU there, and latency where the upstream \
             takes its time"
                .to_owned(),
            format!("streams have {chunks} chunks {interval} ms apart; a chunk's delay is counted \
                     from its sending by the mock"),
            format!("the load generator takes {generator:.1} µs of CPU per answer or chunk"),
        ];
        let others = self.findings.taken_by_others * 100.0;
        notes.push(format!("other programs took {others:.0} % of the machine meanwhile"));
        if others > 5.0 {
            notes.push("THE MACHINE WAS BUSY: measure again when it is quiet".to_owned());
        }
        if cfg!(debug_assertions) {
            notes.push("this is a development build: its figures mean little".to_owned());
        }
        for (target, why) in &self.missing {
            notes.push(format!("{target} was not run: {why}"));
        }
        for row in self.findings.rows.iter().filter(|row| row.errors > 0) {
            let (target, scenario, errors) = (row.target, row.scenario, row.errors);
            let error = row.error.as_deref().unwrap_or_default();
            notes.push(format!("ERRORS: {target}, {scenario}: {errors}, such as: {error}"));
        }
        notes
    }
}

fn chat_cells(row: &Row) -> Vec<String> {
    vec![
        whole(row.per_second),
        whole(row.p50_us),
        whole(row.p99_us),
        added(row.added_p50_us),
        added(row.added_p99_us),
        cpu(row),
        ratio(row.cpu_to_nginx),
        format!("{:.1}", row.peak_mib),
        errors(row),
    ]
}

fn stream_cells(row: &Row) -> Vec<String> {
    vec![
        whole(row.per_second),
        row.first_byte_p50_us.map(whole).unwrap_or_default(),
        added(row.added_first_byte_p50_us),
        added(row.added_first_byte_p99_us),
        whole(row.p50_us),
        added(row.added_p50_us),
        added(row.added_p99_us),
        cpu(row),
        ratio(row.cpu_to_nginx),
        format!("{:.1}", row.peak_mib),
        errors(row),
    ]
}

fn whole(value: f64) -> String {
    if value.is_finite() { format!("{value:.0}") } else { "–".to_owned() }
}

fn added(value: Option<f64>) -> String {
    value.map(|value| format!("{value:+.0}")).unwrap_or_default()
}

fn cpu(row: &Row) -> String {
    if row.cpu_half_range.is_finite() {
        format!("{:.1} ±{:.0}%", row.cpu_us, row.cpu_half_range * 100.0)
    } else {
        "–".to_owned()
    }
}

fn ratio(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

fn errors(row: &Row) -> String {
    if row.errors == 0 { "0".to_owned() } else { format!("!! {}", row.errors) }
}

/// Text to the left, figures to the right; the first line is the header.
fn write_aligned(table: &[Vec<String>], markdown: bool, out: &mut String) -> fmt::Result {
    let (open, close) = if markdown { ("| ", " |") } else { ("", "") };
    let between = if markdown { " | " } else { "  " };
    let columns = table.first().map_or(0, Vec::len);
    let cell = |line: &[String], column: usize| line.get(column).cloned().unwrap_or_default();
    let width = |column| table.iter().map(|line| cell(line, column).chars().count()).max();
    let widths = (0..columns).map(|column| width(column).unwrap_or(0)).collect::<Vec<_>>();
    for (number, line) in table.iter().enumerate() {
        let aligned = widths.iter().enumerate().map(|(column, &width)| match column {
            0 | 1 => format!("{:width$}", cell(line, column)),
            _ => format!("{:>width$}", cell(line, column)),
        });
        let line = aligned.collect::<Vec<_>>().join(between);
        writeln!(out, "{}", format!("{open}{line}{close}").trim_end())?;
        if number == 0 {
            let rules =
                widths.iter().enumerate().map(|(column, &width)| match (markdown, column) {
                    (false, _) | (true, 0 | 1) => "-".repeat(width),
                    (true, _) => format!("{}:", "-".repeat(width.saturating_sub(1))),
                });
            writeln!(out, "{open}{}{close}", rules.collect::<Vec<_>>().join(between))?;
        }
    }
    Ok(())
}
