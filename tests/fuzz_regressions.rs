//! The inputs of the fuzz targets, run without a fuzzer: the seeds, and whatever once broke a rule.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a failed test shows which input it was")]

#[path = "../fuzz/src/lib.rs"]
pub mod checks;

use checks::Check;
use std::{fs, path::Path};

/// Runs the inputs of one directory and says how many there were.
fn replay(directory: &Path, check: Check) -> usize {
    let Ok(inputs) = fs::read_dir(directory) else { return 0 };
    inputs
        .map(|input| {
            let path = input.unwrap().path();
            // Shown only if the check fails.
            eprintln!("{}", path.display());
            check(&fs::read(&path).unwrap());
        })
        .count()
}

#[test]
fn every_seed_and_everything_that_once_failed_passes() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (target, check) in checks::TARGETS {
        assert_ne!(replay(&fuzz.join("seeds").join(target), check), 0, "{target} has no seeds");
        replay(&fuzz.join("regressions").join(target), check);
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (target, _) in checks::TARGETS {
        assert!(manifest.contains(&format!("name = \"fuzz-{target}\"")), "{target}");
        assert!(fuzz.join(format!("fuzz_targets/{target}.rs")).is_file(), "{target}");
    }
}
