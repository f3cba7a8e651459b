//! The lines of a policy, and patterns beside names.

use portcullis::policy::{Pattern, SourceFile, lint};

/// Every problem is in a line of the file; and a pattern matches what a plain reading of it matches.
pub fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let lines = text.lines().count();
    for problem in lint(&SourceFile::new("policy.csv", text)) {
        let line = problem.line.map_or(0, |line| usize::try_from(line).unwrap());
        assert!(line <= lines, "{problem}");
    }
    // The name, then the pattern.
    let Some((name, text)) = text.split_once('\n') else { return };
    let Ok(pattern) = Pattern::parse(text) else { return };
    assert_eq!(pattern.as_str(), text);
    // The plain reading takes exponential time.
    if name.len() > 10 || text.len() > 24 {
        return;
    }
    let is_negated = text.starts_with('!');
    let body = text.strip_prefix('!').unwrap_or(text);
    assert_eq!(
        pattern.matches(name),
        fits(name.as_bytes(), body.as_bytes()) != is_negated,
        "{name:?} {text:?}"
    );
}

/// The plain reading: the alternatives are written out, and each is compared from left to right.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    written_out(pattern).iter().any(|pattern| fits_one(name, pattern))
}

fn fits_one(name: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, _) => name.is_empty(),
        (Some((b'*', rest)), _) if rest.starts_with(b"*") => fits_one(name, rest),
        (Some((b'*', rest)), _) => (0..=name.len()).any(|at| fits_one(&name[at..], rest)),
        (Some((b'?', rest)), Some((_, after))) => fits_one(after, rest),
        (Some((literal, rest)), Some((byte, after))) => literal == byte && fits_one(after, rest),
        (Some(_), None) => false,
    }
}

/// The pattern once for each way through its groups.
fn written_out(pattern: &[u8]) -> Vec<Vec<u8>> {
    let Some(open) = pattern.iter().position(|byte| *byte == b'(') else {
        return vec![pattern.to_vec()];
    };
    let mut depth = 0;
    let mut branch = open + 1;
    let mut branches = Vec::new();
    for at in open..pattern.len() {
        match pattern[at] {
            b'(' => depth += 1,
            b'|' if depth == 1 => {
                branches.push(branch..at);
                branch = at + 1;
            }
            b')' if depth == 1 => {
                branches.push(branch..at);
                let through =
                    |branch| [&pattern[..open], &pattern[branch], &pattern[at + 1..]].concat();
                return branches
                    .into_iter()
                    .flat_map(|branch| written_out(&through(branch)))
                    .collect();
            }
            b')' => depth -= 1,
            _ => {}
        }
    }
    unreachable!("a pattern that was read closes its groups")
}
