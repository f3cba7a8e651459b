//! What the shipped rules find, measured on the labelled corpus (`tests/data/corpus.jsonl`, made by
//! `tests/corpus/generate.py`): a table of precision and recall per group and family, with bars that must hold.
//!
//! `PORTCULLIS_CORPUS=FILE` measures another file of the same form; `PORTCULLIS_MISSES=1` prints what was missed and what
//! was found in error.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its table is its output"
)]

use portcullis::{
    detect::{Audience, Detections, Profile},
    policy::SourceFile,
    types::{Lifecycle, TextSurface},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

/// One line of the corpus.
#[derive(Deserialize)]
struct Sample {
    group: String,
    family: String,
    /// The type that must be found, or the group's name where any of its types will do; none in clean texts.
    label: Option<String>,
    surface: TextSurface,
    text: String,
}

#[derive(Clone, Copy, Default)]
struct Score {
    found: u32,
    missed: u32,
    clean: u32,
    false_hits: u32,
}

impl Score {
    fn recall(self) -> f64 {
        ratio(self.found, self.found + self.missed)
    }

    fn precision(self) -> f64 {
        ratio(self.found, self.found + self.false_hits)
    }

    fn false_rate(self) -> f64 {
        ratio(self.false_hits, self.clean)
    }

    fn add(&mut self, other: Self) {
        self.found += other.found;
        self.missed += other.missed;
        self.clean += other.clean;
        self.false_hits += other.false_hits;
    }
}

fn ratio(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn profile() -> Arc<Profile> {
    let text = fs::read_to_string(root().join("detections.toml")).unwrap();
    let detections = Detections::parse(&SourceFile::new("detections.toml", text), None).unwrap();
    let nobody = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
    Arc::new(detections).profile(&nobody)
}

fn samples() -> Vec<Sample> {
    let file = std::env::var_os("PORTCULLIS_CORPUS")
        .map_or_else(|| root().join("tests/data/corpus.jsonl"), std::path::PathBuf::from);
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Which group a detection type belongs to.
fn group_of(kind: &str) -> &'static str {
    match kind.split('_').next().unwrap() {
        "SECRET" => "SECRET",
        "PII" => "PII",
        "TOOL" => "TOOL",
        _ => "ADVERSARIAL",
    }
}

fn judge(profile: &Profile, sample: &Sample, tells: bool) -> Score {
    let trial = profile.try_on(Lifecycle::Ingress, sample.surface, &sample.text);
    let rules = profile.detections().rules();
    let kind_of = |rule: usize| &*rules.get(rule).unwrap().kind;
    let kinds: Vec<&str> = trial.hits.iter().map(|hit| kind_of(hit.rule)).collect();
    let mut score = Score::default();
    let Some(label) = &sample.label else {
        score.clean = 1;
        let hit = kinds.iter().any(|kind| group_of(kind) == sample.group);
        score.false_hits = u32::from(hit);
        if hit && tells {
            println!("FALSE  {} {kinds:?} {:?}", sample.group, sample.text);
        }
        return score;
    };
    let is_it = |kind: &&str| *kind == label || (*label == sample.group && group_of(kind) == label);
    if kinds.iter().any(is_it) {
        score.found = 1;
    } else {
        score.missed = 1;
        if tells {
            println!("MISSED {} {} {kinds:?} {:?}", sample.group, sample.family, sample.text);
        }
    }
    score
}

/// What a group must reach: recall, precision, and hits among clean texts at most.
const BARS: [(&str, f64, f64, f64); 4] = [
    ("SECRET", 0.95, 0.97, 0.03),
    ("PII", 0.95, 0.97, 0.03),
    ("ADVERSARIAL", 0.60, 0.90, 0.01),
    ("TOOL", 0.90, 0.95, 0.03),
];

#[test]
fn the_shipped_rules_reach_their_bars_on_the_labelled_corpus() {
    let profile = profile();
    let tells = std::env::var_os("PORTCULLIS_MISSES").is_some();
    let mut families: BTreeMap<(String, String), Score> = BTreeMap::new();
    let mut groups: BTreeMap<String, Score> = BTreeMap::new();
    for sample in samples() {
        let score = judge(&profile, &sample, tells);
        groups.entry(sample.group.clone()).or_default().add(score);
        families.entry((sample.group, sample.family)).or_default().add(score);
    }
    println!(
        "{:<12} {:<22} {:>6} {:>6} {:>7}  {:>6} {:>6} {:>7}",
        "group", "family", "texts", "found", "recall", "clean", "false", "rate"
    );
    let line = |group: &str, family: &str, it: Score| {
        println!(
            "{group:<12} {family:<22} {:>6} {:>6} {:>7.3}  {:>6} {:>6} {:>7.4}",
            it.found + it.missed,
            it.found,
            it.recall(),
            it.clean,
            it.false_hits,
            it.false_rate(),
        );
    };
    families.iter().for_each(|((group, family), score)| line(group, family, *score));
    let mut failed = Vec::new();
    for (group, score) in &groups {
        line(group, "ALL", *score);
        println!("{group:<12} precision {:.3}", score.precision());
        let bar = BARS.iter().find(|(name, ..)| name == group).unwrap();
        let (_, recall, precision, false_rate) = *bar;
        if score.recall() < recall
            || score.precision() < precision
            || score.false_rate() > false_rate
        {
            failed.push(group.clone());
        }
    }
    assert!(failed.is_empty(), "below the bars: {failed:?}");
}
