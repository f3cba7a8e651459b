//! Trying the rules on a text that an administrator brings.
//!
//! Owns the only answer that says where in a text something was found. It is for the command line: the
//! findings of what passes through the gate have no places.

use super::judge::Place;
use super::profile::Profile;
use crate::types::{Action, Lifecycle, TextSurface};
use std::ops::Range;

/// What the rules find in one text.
#[derive(Debug)]
pub struct Trial {
    /// What was found, in the order of the text.
    pub hits: Vec<TrialHit>,
    /// What goes on; `None`: nothing, because it is stopped.
    pub text: Option<String>,
}

/// Something that was found.
#[derive(Debug)]
pub struct TrialHit {
    /// The rule's number.
    pub rule: usize,
    /// What is done about it.
    pub action: Action,
    /// Where its value stands, in bytes.
    pub range: Range<usize>,
}

/// Ordinary words, names, numbers and code: what most texts are like.
const ORDINARY_TEXT: &str = "Dear Ms Miller, could you tell me until 3 May 2026 whether order 4711-08/15 (EUR 1,299.00) was sent? \
    Write to me at post@example.org, or see https://example.org/orders?id=42. {\"user\": \"ann\", \"ok\": true, \"n\": 0.25}\n\
    fn main() { let path = \"/home/ann/data_01.csv\"; println!(\"{}\", path.len() + 7); } # see: SELECT * FROM a WHERE b = 'c';";

impl Profile {
    /// Lets this thread learn what ordinary texts are searched with, which the first text takes the time for otherwise.
    pub fn warm_up(&self) {
        for lifecycle in Lifecycle::ALL {
            for surface in TextSurface::ALL {
                self.try_on(*lifecycle, *surface, ORDINARY_TEXT);
            }
        }
    }

    /// Judges a whole text, as one that passes through the gate is judged.
    pub fn try_on(&self, lifecycle: Lifecycle, surface: TextSurface, text: &str) -> Trial {
        let mut hits = Vec::new();
        let judged = Place { profile: self, lifecycle, surface }.judge(text, &mut |hit, action| {
            hits.push(TrialHit { rule: hit.rule, action, range: hit.value.clone() });
        });
        hits.sort_by_key(|hit| (hit.range.start, hit.range.end, hit.rule));
        let mut redacted = text.to_owned();
        for redaction in judged.redactions.into_iter().rev() {
            redacted.replace_range(redaction.range, &redaction.label);
        }
        Trial { hits, text: (!judged.stops).then_some(redacted) }
    }
}
