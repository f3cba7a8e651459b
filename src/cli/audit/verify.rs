//! `portcullis audit verify`: the database, an export, or the proof of one call.
//!
//! Owns what is read and how the verdict is told. An export and a proof are verified without configuration or database:
//! an auditor has neither.

use super::super::{CliError, Context, Output};
use super::{filters::Range, plain, progress::Progress};
use crate::admin::{
    AdminError,
    audit::{self, Trust, shown},
};
use crate::app::open_store;
use crate::config::Config;
use crate::ledger::{Checkpoint, ExportVerifier, Proof, PublicKey, TrustedKeys, Verdict};
use crate::store::{CheckpointFile, known_audit_signer};
use clap::Args;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

const READ_BYTES: usize = 1 << 18;

#[derive(Args, Debug)]
#[command(
    after_help = "Without --file it reads the database and the checkpoints' file beside it, and trusts this gateway's own \
    key. With --file or --proof it opens neither.\n\
    Example: portcullis audit verify --file november.jsonl --public-key portcullis.pub"
)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    range: Range,
    /// Verify this export (jsonl; - is standard input)
    #[arg(long, value_name = "EXPORT", requires = "public_key", conflicts_with_all = ["from", "to", "proof"])]
    file: Option<PathBuf>,
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
    let verdict = match &verify.file {
        Some(path) => export(path, &verify)?,
        None => database(&context.load()?, verify, output)?,
    };
    tell(&verdict, output)
}

fn database(config: &Config, verify: Verify, output: &mut Output) -> Result<Verdict, CliError> {
    let (settings, data_dir) = (&config.audit, &config.data_dir);
    let own = known_audit_signer(settings.signing_key_file.as_deref(), data_dir);
    let own = own.map_err(AdminError::from)?.map(|signer| signer.public_key());
    let mut kept = kept(&verify.checkpoints)?;
    let file = CheckpointFile::of(settings.checkpoint_file.as_deref(), data_dir);
    kept.extend(file.read().map_err(refused)?);
    let known: Vec<_> = own.into_iter().chain(verify.public_key).collect();
    if known.is_empty() {
        let reason = "there is no key to trust: run it where the gateway's data directory is, or give --public-key";
        return Err(CliError::Refused(reason.to_owned()));
    }
    let store = open_store(config)?;
    let trust = Trust::new(known, &store, &config.server.node)?;
    if !output.is_json() {
        show_trust(&trust, output)?;
    }
    let range = verify.range;
    let range = (range.from.map(|moment| moment.0), range.to.map(|moment| moment.0));
    let mut progress = Progress::new(range.1.unwrap_or_else(crate::clock::now));
    let mut show = |records, reached| progress.records(records, reached);
    Ok(audit::verify(&store, range, &trust, kept, &mut show)?)
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

fn export(path: &Path, verify: &Verify) -> Result<Verdict, CliError> {
    let is_stdin = path == Path::new("-");
    let (mut file, all): (Box<dyn Read>, u64) = if is_stdin {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(file), bytes)
    };
    let mut verifier = ExportVerifier::new(trusted(verify), kept(&verify.checkpoints)?);
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
    verifier.finish().map_err(|error| in_file(path, &error))
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

fn kept(files: &[PathBuf]) -> Result<Vec<Checkpoint>, CliError> {
    let mut kept = Vec::new();
    for file in files {
        // A file that is not there holds no checkpoints, but somebody meant one that is.
        fs::metadata(file).map_err(|error| unreadable(file, &error))?;
        kept.extend(CheckpointFile::of(Some(file), Path::new("")).read().map_err(refused)?);
    }
    Ok(kept)
}

/// The verdict, and exit code 1 when something is wrong.
fn tell(verdict: &Verdict, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        output.object(&shown::verdict(verdict))?;
    } else {
        for node in &verdict.nodes {
            let (first, last) = (node.first_seq, node.last_seq);
            let signed = match node.last_checkpoint {
                Some(seq) => format!("signed up to {seq}, {} not covered", node.unprotected),
                None => "none of them covered by a checkpoint".to_owned(),
            };
            let name = plain(&node.node);
            output.line(format!("chain    {name}: records {first} to {last}, {signed}"))?;
        }
        for problem in &verdict.problems {
            output.line(format!("problem  {}", plain(&problem.to_string())))?;
        }
    }
    let Some(first) = verdict.problems.first() else {
        if !output.is_json() {
            output.line(format!("sound    {} records", verdict.records))?;
        }
        return Ok(());
    };
    let first = plain(&first.to_string());
    Err(CliError::Refused(format!("the record is not sound: {first}")))
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
