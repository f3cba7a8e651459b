//! `portcullis audit export`.

use super::super::{CliError, Context, Output, output::warn};
use super::{
    filters::{Filters, Range, choices},
    progress::Progress,
};
use crate::admin::audit::{self, ExportRequest};
use crate::app::open_existing_store;
use crate::export::Format;
use crate::store::Store;
use clap::Args;
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

#[derive(Args, Debug)]
#[command(
    after_help = "Of all formats only jsonl can be verified: portcullis audit verify --file.\n\
    Example: portcullis audit export --from 2026-11-01 --to 2026-12-01 --out november.jsonl"
)]
pub(in crate::cli) struct Export {
    /// jsonl, csv, ocsf (API Activity) or cef
    #[arg(long, default_value = "jsonl", value_parser = format)]
    format: Format,
    /// Write to this file instead of standard output; it appears when it is whole
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only records of this gateway
    #[arg(long)]
    node: Option<String>,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    filters: Filters,
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| choices(Format::ALL))
}

pub(super) fn run(context: &Context, export: Export, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() && export.out.is_none() {
        let reason = "--json says what became of an export, so it needs --out FILE: without, the export itself is \
            written here, as --format says";
        return Err(CliError::Refused(reason.to_owned()));
    }
    let config = context.load()?;
    let store = open_existing_store(&config)?;
    let query = export.filters.query(export.range, &store)?;
    let last = query.to.unwrap_or_else(crate::clock::now);
    let progress = Progress::new(last);
    let request = ExportRequest { format: export.format, query, node: export.node };
    let work = Work { store, node: config.server.node, request, progress };
    let Some(path) = export.out else {
        // What is written here is the export and nothing else.
        work.write_to(&mut io::stdout().lock())?;
        return Ok(());
    };
    let records = write_file(&path, work).map_err(|error| match error {
        CliError::Io(error) => CliError::Refused(format!("{}: {error}", path.display())),
        other => other,
    })?;
    if output.is_json() {
        return output.object(&json!({ "records": records, "file": path }));
    }
    output.line(format!("{records} records in {}", path.display()))
}

struct Work {
    store: Store,
    node: String,
    request: ExportRequest,
    progress: Progress,
}

impl Work {
    /// Writes everything, and says how many records there were.
    fn write_to(mut self, sink: &mut impl Write) -> Result<u64, CliError> {
        let mut export = audit::Export::new(self.request);
        while let Some(chunk) = export.next_chunk(&self.store, &self.node)? {
            sink.write_all(&chunk)?;
            if let Some(reached) = export.reached() {
                self.progress.records(export.records(), reached);
            }
        }
        sink.flush()?;
        drop(self.progress);
        if export.unreadable() > 0 {
            let left_out = export.unreadable();
            warn(&format!(
                "{left_out} rows are no records and were left out: `portcullis audit verify` names them"
            ));
        }
        Ok(export.records())
    }
}

/// Half an export must not be taken for a whole one: it is written under another name. What is no file, such as a pipe,
/// is written to as it is.
fn write_file(path: &Path, work: Work) -> Result<u64, CliError> {
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if is_special {
        return work.write_to(&mut OpenOptions::new().write(true).open(path)?);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let new = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    let mut sink: BufWriter<&File> = BufWriter::new(new.as_file());
    let records = work.write_to(&mut sink)?;
    drop(sink);
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(records)
}
