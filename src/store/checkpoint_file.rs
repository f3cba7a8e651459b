//! The checkpoints' file: one JSON object a line, only ever appended to.
//!
//! Owns the second place of every checkpoint, outside of the database: who rewrites the database does not rewrite this.
//! It must never change a line.

use crate::ledger::Checkpoint;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const FILE: &str = "checkpoints.jsonl";
/// No checkpoint is nearly as long.
const MOST_LINE_BYTES: u64 = 8_192;

/// The file.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    path: PathBuf,
}

/// The file cannot be read or written, or a line of it is no checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct CheckpointFileError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl CheckpointFile {
    /// The configured file, else `checkpoints.jsonl` in the data directory.
    pub fn of(configured: Option<&Path>, data_dir: &Path) -> Self {
        Self { path: configured.map_or_else(|| data_dir.join(FILE), Path::to_owned) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can be written; it is made if it is missing.
    pub fn check(&self) -> Result<(), CheckpointFileError> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        opened.map(drop).map_err(|error| self.failed(error))
    }

    /// Appends a line and waits until the disk has it.
    pub fn append(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointFileError> {
        let written = || -> io::Result<()> {
            let mut line = serde_json::to_vec(checkpoint)?;
            line.push(b'\n');
            let options =
                OpenOptions::new().read(true).append(true).create(true).mode(0o600).to_owned();
            let mut file = options.open(&self.path)?;
            remove_half_a_line(&mut file)?;
            file.write_all(&line)?;
            file.sync_data()
        };
        written().map_err(|error| self.failed(error))
    }

    /// Every checkpoint, in the order in which they were written; none where there is no file.
    pub fn read(&self) -> Result<Vec<Checkpoint>, CheckpointFileError> {
        let mut checkpoints = Vec::new();
        self.each(|checkpoint| checkpoints.push(checkpoint))?;
        Ok(checkpoints)
    }

    /// The same, one after the other: the file grows for ever. A last line that was cut by the end of a process is left
    /// out.
    pub fn each(&self, mut show: impl FnMut(Checkpoint)) -> Result<(), CheckpointFileError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| self.failed(error))?,
        };
        let (mut lines, mut line, mut number) = (BufReader::new(file), Vec::new(), 0);
        while lines.read_until(b'\n', &mut line).map_err(|error| self.failed(error))? > 0 {
            number += 1;
            match serde_json::from_slice(&line) {
                Ok(checkpoint) => show(checkpoint),
                Err(_) if !line.ends_with(b"\n") => {}
                Err(error) => {
                    return Err(self.failed(format!("line {number} is no checkpoint: {error}")));
                }
            }
            line.clear();
        }
        Ok(())
    }

    fn failed(&self, reason: impl ToString) -> CheckpointFileError {
        CheckpointFileError { path: self.path.clone(), reason: reason.to_string() }
    }
}

/// What a process left that ended while it wrote.
fn remove_half_a_line(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MOST_LINE_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    if tail.last().is_none_or(|last| *last == b'\n') {
        return Ok(());
    }
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    file.set_len(from + u64::try_from(whole).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::CheckpointKind, types::UnixMillis};
    use std::fs;

    fn checkpoint(seq: i64) -> Checkpoint {
        Checkpoint {
            node: "node-1".to_owned(),
            seq,
            event_hash: "00".repeat(32),
            kind: CheckpointKind::Regular,
            signed_at: UnixMillis(1_795_233_600_000),
            key_id: "0123456789abcdef".to_owned(),
            signature: "c2lnbmF0dXJl".to_owned(),
        }
    }

    #[test]
    fn what_is_appended_is_read_in_order_and_without_a_file_there_is_nothing() {
        let data = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(None, data.path());
        assert_eq!(file.read().unwrap(), []);
        file.append(&checkpoint(1)).unwrap();
        file.append(&checkpoint(2)).unwrap();
        assert_eq!(file.read().unwrap(), [checkpoint(1), checkpoint(2)]);
    }

    #[test]
    fn a_line_that_was_cut_at_the_end_is_left_out_and_one_in_the_middle_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(None, data.path());
        file.append(&checkpoint(1)).unwrap();
        let whole = fs::read(file.path()).unwrap();
        fs::write(file.path(), [&whole[..], &whole[..20]].concat()).unwrap();
        assert_eq!(file.read().unwrap(), [checkpoint(1)]);
        file.append(&checkpoint(2)).unwrap();
        assert_eq!(file.read().unwrap(), [checkpoint(1), checkpoint(2)], "half a line is removed");
        fs::write(file.path(), [&whole[..20], b"\n", &whole[..]].concat()).unwrap();
        let error = file.read().unwrap_err().to_string();
        assert!(error.contains("checkpoints.jsonl: line 1 is no checkpoint"), "{error}");
    }
}
