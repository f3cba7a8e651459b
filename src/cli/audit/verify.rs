//! `portcullis audit verify`: the database, an export, or the proof of one call.
//!
//! Owns what is read. An export and a proof are verified without configuration or database:
//! an auditor has neither.

mod told;

use super::super::{CliError, Context, Output};
use super::{filters::Range, plain, progress::Progress};
use crate::admin::audit::{Own, Trust};
use crate::app::open_existing_store;
use crate::config::Config;
use crate::ledger::{Checkpoint, ExportVerifier, Proof, PublicKey, Scope, TrustedKeys};
use crate::store::CheckpointFile;
use clap::Args;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};
use told::{Told, show_files};

const READ_BYTES: usize = 1 << 18;

#[derive(Args, Debug)]
#[command(
    after_help = "Without --file it reads the database and the checkpoints' file beside it, and trusts this gateway's own \
    key. With --file or --proof it opens neither. Each gateway has a key of its own: give all of them.\n\
    Example: portcullis audit verify --file november.jsonl --public-key portcullis.pub"
)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    range: Range,
    /// Verify this export (jsonl; - is standard input)
    #[arg(long, value_name = "EXPORT", requires = "public_key", conflicts_with_all = ["from", "to", "proof"])]
    file: Option<PathBuf>,
    /// Take an export of a time alone: its first line says which
    #[arg(long, requires = "file", conflicts_with = "picked")]
    part: bool,
    /// Take an export of chosen records too: its first line says which
    #[arg(long, requires = "file")]
    picked: bool,
    /// Verify this proof of one call
    #[arg(long, value_name = "FILE", requires = "public_key", conflicts_with_all = ["from", "to"])]
    proof: Option<PathBuf>,
    /// A file with the receipt that the proof must belong to
    #[arg(long, value_name = "FILE", requires = "proof")]
    receipt_file: Option<PathBuf>,
    /// Trust this key: base64, or a file with base64 or PEM; can be given more than once
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    public_key: Vec<PublicKey>,
    /// Checkpoints that were kept elsewhere, one JSON object a line; can be given more than once
    #[arg(long, value_name = "FILE", conflicts_with = "proof")]
    checkpoints: Vec<PathBuf>,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let content = match fs::read_to_string(text) {
        Ok(content) => content,
        Err(_) => text.to_owned(),
    };
    PublicKey::parse(&content).map_err(|error| error.to_string())
}

pub(super) fn run(context: &Context, verify: Verify, output: &mut Output) -> Result<(), CliError> {
    if let Some(path) = &verify.proof {
        return proof(path, &verify, output);
    }
    let told = match &verify.file {
        Some(path) => export(path, &verify)?,
        None => database(&context.load()?, verify, output)?,
    };
    told.tell(output)
}

fn database(config: &Config, verify: Verify, output: &mut Output) -> Result<Told, CliError> {
    let own = Own::read(config)?;
    let mut kept = Kept::read(&verify.checkpoints)?;
    if own.is_there {
        kept.files.push((own.file.clone(), own.checkpoints.len()));
    }
    if own.key.is_none() && verify.public_key.is_empty() {
        let reason = "there is no key to trust: run it where the gateway's data directory is, or give --public-key";
        return Err(CliError::Refused(reason.to_owned()));
    }
    let store = open_existing_store(config)?;
    let trust = own.trust(verify.public_key, &store)?;
    if !output.is_json() {
        show_trust(&trust, output)?;
        show_files(&kept.files, output)?;
    }
    let range = verify.range;
    let range = (range.from.map(|moment| moment.0), range.to.map(|moment| moment.0));
    let mut progress = Progress::new(range.1.unwrap_or_else(crate::clock::now));
    let mut show = |records, reached| {
        progress.records(records, reached);
        Ok(())
    };
    let files = kept.files;
    let mut verification = own.verify(&store, &trust, kept.checkpoints, crate::clock::now());
    verification.range = range;
    let verdict = verification.run(&mut show)?;
    Ok(Told { verdict, trust, files, export: None, expected: Scope::Whole })
}

fn show_trust(trust: &Trust, output: &mut Output) -> Result<(), CliError> {
    for key in &trust.known {
        output.line(format!("trusts   {key}"))?;
    }
    for (node, key) in &trust.of_others {
        output.line(format!("trusts   {key} of {}, as the database says", plain(node)))?;
    }
    Ok(())
}

fn export(path: &Path, verify: &Verify) -> Result<Told, CliError> {
    let is_stdin = path == Path::new("-");
    let (mut file, all): (Box<dyn Read>, u64) = if is_stdin {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(file), bytes)
    };
    let kept = Kept::read(&verify.checkpoints)?;
    let mut verifier =
        ExportVerifier::new(trusted(verify), kept.checkpoints).expect_signed(crate::clock::now());
    let mut progress = Progress::new(crate::clock::now());
    let (mut piece, mut read) = (vec![0; READ_BYTES], 0);
    loop {
        let bytes = file.read(&mut piece).map_err(|error| unreadable(path, &error))?;
        let Some(piece) = piece.get(..bytes).filter(|piece| !piece.is_empty()) else { break };
        verifier.feed(piece).map_err(|error| in_file(path, &error))?;
        read += u64::try_from(bytes).unwrap_or(0);
        progress.bytes(verifier.records(), read, all);
    }
    drop(progress);
    let header = verifier.header().cloned();
    let verdict = verifier.finish().map_err(|error| in_file(path, &error))?;
    let trust = Trust { known: verify.public_key.clone(), of_others: Vec::new() };
    let expected = match verify {
        Verify { picked: true, .. } => Scope::Picked,
        Verify { part: true, .. } => Scope::Part,
        _ => Scope::Whole,
    };
    Ok(Told { verdict, trust, files: kept.files, export: header, expected })
}

fn proof(path: &Path, verify: &Verify, output: &mut Output) -> Result<(), CliError> {
    let text = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let proof: Proof = serde_json::from_slice(&text).map_err(|error| in_file(path, &error))?;
    let receipt = verify
        .receipt_file
        .as_deref()
        .map(|file| fs::read_to_string(file).map_err(|error| unreadable(file, &error)));
    let receipt = receipt.transpose()?;
    proof
        .verify(&trusted(verify), receipt.as_deref().map(str::trim))
        .map_err(|error| in_file(path, &error))?;
    let (record, checkpoint) = (&proof.record, &proof.checkpoint);
    let signed_at = checkpoint.as_ref().map(|checkpoint| checkpoint.signed_at);
    if output.is_json() {
        return output.object(&json!({ "sound": true, "record": record, "signed_at": signed_at }));
    }
    let signed = signed_at.map(|at| format!(", signed {at}")).unwrap_or_default();
    let seq = record.seq.unwrap_or_default();
    output.line(format!(
        "sound    record {seq} of node {} ({}){signed}",
        plain(&record.node),
        record.id
    ))
}

fn trusted(verify: &Verify) -> TrustedKeys {
    verify.public_key.iter().copied().collect()
}

/// Checkpoints from outside of the database, and how many each file has.
#[derive(Default)]
struct Kept {
    checkpoints: Vec<Checkpoint>,
    files: Vec<(PathBuf, usize)>,
}

impl Kept {
    fn read(files: &[PathBuf]) -> Result<Self, CliError> {
        let mut kept = Self::default();
        for file in files {
            // A file that is not there holds no checkpoints, but somebody meant one that is.
            fs::metadata(file).map_err(|error| unreadable(file, &error))?;
            kept.add(&CheckpointFile::of(Some(file), Path::new("")))?;
        }
        Ok(kept)
    }

    fn add(&mut self, file: &CheckpointFile) -> Result<(), CliError> {
        let read = file.read().map_err(refused)?;
        self.files.push((file.path().to_owned(), read.len()));
        self.checkpoints.extend(read);
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::Refused(format!("{} cannot be read: {error}", path.display()))
}

fn in_file(path: &Path, error: &impl ToString) -> CliError {
    CliError::Refused(format!("{}: {}", path.display(), error.to_string()))
}

fn refused(error: impl ToString) -> CliError {
    CliError::Refused(error.to_string())
}
