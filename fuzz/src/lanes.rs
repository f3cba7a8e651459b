//! Texts in pieces, and what the rules find in them.

use super::splits;
use portcullis::{
    detect::{Audience, Detections, Lane, Profile, Tally, judge, read},
    policy::SourceFile,
    types::{Lifecycle, TextSurface},
};
use std::sync::{Arc, OnceLock};

/// Of every kind one: a value within a match, context before it, no boundary, a folded one.
const RULES: &str = r#"
[[rule]]
id = "value"
type = "SECRET_GENERIC"
severity = "HIGH"
pattern = '(?i)pwd[ ]{0,2}=[ ]{0,2}(?P<value>[a-z0-9!]{3,9})'
action = "redact"
matches = ['pwd=abc']
clean = ['pwd=']
[[rule]]
id = "context"
type = "PII_NATIONAL_ID"
severity = "HIGH"
pattern = '[0-9]{3,12}'
context = ["id"]
priority = 60
action = "redact"
matches = ['id 123']
clean = ['123']
[[rule]]
id = "anywhere"
type = "CUSTOM"
severity = "LOW"
boundary = "none"
pattern = '<[a-zé]{0,20}>'
action = "redact"
matches = ['<>']
clean = ['<']
[[rule]]
id = "folded"
type = "PROMPT_INJECTION"
severity = "HIGH"
view = "folded"
pattern = 'ignore (?:all|the) rules?'
action = "redact"
matches = ['Ignore  the rule']
clean = ['ignore rules']
[[rule]]
id = "noted"
type = "PII_EMAIL"
severity = "LOW"
pattern = '[a-z.]{1,20}@[a-z]{1,20}'
action = "log"
matches = ['a@b']
clean = ['@b']
"#;

/// However a text is cut, what goes on and what is found are what the whole would give.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let profile = profile();
    let mut tally = Tally::new();
    let judged = judge(profile, Lifecycle::Egress, TextSurface::Assistant, &text, &mut tally);
    let mut redacted = text.clone().into_owned();
    for redaction in judged.redactions.iter().rev() {
        redacted.replace_range(redaction.range.clone(), &redaction.label);
    }
    let found = counts(tally);
    for pieces in splits::of(text.as_bytes()) {
        let mut lane = Lane::new(profile, Lifecycle::Egress, TextSurface::Assistant, true);
        let (mut out, mut tally) = (String::new(), Tally::new());
        let (mut from, mut to) = (0, 0);
        for piece in pieces {
            to += piece.len();
            // A lane gets whole characters.
            let Some(piece) = text.get(from..to) else { continue };
            lane.push(piece, &mut out, &mut tally).unwrap();
            from = to;
        }
        lane.finish(&mut out, &mut tally).unwrap();
        assert_eq!(out, redacted, "{text:?}");
        assert_eq!(counts(tally), found, "{text:?}");
        assert_eq!(lane.held_bytes(), 0);
    }
}

fn profile() -> &'static Arc<Profile> {
    static PROFILE: OnceLock<Arc<Profile>> = OnceLock::new();
    PROFILE.get_or_init(|| {
        let file = read(&SourceFile::new("detections.toml", RULES)).unwrap();
        let detections = Arc::new(Detections::build(file, None).unwrap());
        let anybody = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
        detections.profile(&anybody)
    })
}

/// How often each rule was found.
fn counts(tally: Tally) -> Vec<(Box<str>, u32)> {
    let findings = tally.into_findings().into_iter();
    let mut counts: Vec<_> = findings.map(|finding| (finding.rule, finding.count)).collect();
    counts.sort();
    counts
}
