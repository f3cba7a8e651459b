//! Screening a streamed answer.
//!
//! Owns the two ways of it. Where a rule may change or stop the answer, or a tool may be denied, whole
//! events are held, and of each text what is not settled yet; everywhere else the bytes go on at once, and
//! what they say is judged beside them. It must never let out a byte of a value that a rule acts on, and
//! never let time alone release anything.

mod calls;
mod held;
mod passing;
mod plain;
mod release;
mod texts;

pub use plain::TextScreen;

use super::{profile::Profile, tally::Tally};
use crate::openai::{BlockedAnswer, Endpoint, Unread};
use crate::policy::ToolPolicy;
use crate::types::{Lifecycle, Scan, ScanExtent};
use bytes::Bytes;
use held::Held;
use passing::Passing;
use std::{borrow::Cow, sync::Arc};
use texts::Texts;
use thiserror::Error;

/// How answers are screened.
#[derive(Clone, Copy, Debug)]
pub struct StreamSettings {
    /// Judge before a text goes on; otherwise after it.
    pub inline: bool,
    /// The most that is held of one answer.
    pub held_bytes: usize,
}

/// Why an answer is cut.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum StreamStop {
    /// A rule blocks it, or puts its agent into quarantine.
    #[error("a rule stops the answer")]
    Violation,
    /// It cannot be judged without holding more than is allowed.
    #[error("held text reached its bound")]
    TooMuchHeld,
    /// An event cannot be read, so nobody can say what is in it.
    #[error("an event could not be read")]
    Unreadable,
}

/// What was found in an answer.
pub struct Report {
    /// The findings.
    pub tally: Tally,
    /// What was screened.
    pub scan: Scan,
    /// The names of the tools whose calls were taken out.
    pub tools_removed: Vec<Box<str>>,
}

/// Why a scan is not full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gap {
    NothingWatches,
    Unreadable,
    TooMuchHeld,
    Stopped,
    Unread(Unread),
}

impl Gap {
    fn reason(self) -> &'static str {
        match self {
            Self::NothingWatches => "no rule looks at answers",
            Self::Unreadable => "an event could not be read",
            Self::TooMuchHeld => "held text reached its bound",
            Self::Stopped => "the answer was stopped before its end",
            Self::Unread(unread) => unread.as_str(),
        }
    }
}

fn scan(gap: Option<Gap>) -> Scan {
    let extent = match gap {
        None => ScanExtent::Full,
        Some(Gap::NothingWatches) => ScanExtent::None,
        Some(_) => ScanExtent::Partial,
    };
    Scan { extent, reason: gap.map(|gap| Cow::Borrowed(gap.reason())) }
}

/// Whether this profile lets a text go on only after it was judged.
fn holds(profile: &Profile, settings: StreamSettings) -> bool {
    settings.inline && profile.acts(Lifecycle::Egress)
}

enum Way {
    /// Nothing looks at the answer.
    Unread,
    Passing(Box<Passing>),
    Held(Box<Held>),
}

/// Fed with the provider's chunks in any split; gives what goes to the client. It has no `Debug`,
/// because it holds pieces of content.
///
/// Where texts are held, this much changes beside the texts themselves: token probabilities are
/// emptied, since they repeat the text; what is left of a text at its end goes out in a copy of its
/// last event, and the numbers of the events after that one are higher by one; a call of a denied tool is
/// taken out, and the indexes of those after it are lower by one.
pub struct StreamScreen {
    way: Way,
    endpoint: &'static Endpoint,
}

impl StreamScreen {
    /// `tools`: what the policy says of tools, where it says anything.
    pub fn new(
        profile: Arc<Profile>,
        tools: Option<Arc<ToolPolicy>>,
        endpoint: &'static Endpoint,
        settings: StreamSettings,
    ) -> Self {
        let holds = holds(&profile, settings);
        let watches = profile.watches(Lifecycle::Egress);
        let way = if holds || tools.is_some() {
            let texts = Texts::new(profile, holds);
            Way::Held(Box::new(Held::new(texts, tools, endpoint, settings.held_bytes)))
        } else if watches {
            Way::Passing(Box::new(Passing::new(Texts::new(profile, false), endpoint)))
        } else {
            Way::Unread
        };
        Self { way, endpoint }
    }

    /// Takes the next bytes of the stream and appends what may go on now. After an error nothing more
    /// may be fed; what was appended before it may still go out.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if chunk.is_empty() {
            return Ok(());
        }
        match &mut self.way {
            Way::Unread => out.push(chunk),
            Way::Passing(passing) => passing.feed(chunk, out),
            Way::Held(held) => return held.feed(&chunk, out),
        }
        Ok(())
    }

    /// The provider's body has ended: judges and gives out what is left.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        match &mut self.way {
            Way::Unread => {}
            Way::Passing(passing) => passing.finish(),
            Way::Held(held) => return held.finish(out),
        }
        Ok(())
    }

    /// Whether a comment or an event of ours may be put in now, as far as this screen knows: where it
    /// holds events, the client has whole ones only; where it does not read, the editor's word counts.
    pub fn at_boundary(&self) -> bool {
        match &self.way {
            Way::Unread | Way::Held(_) => true,
            Way::Passing(passing) => passing.at_boundary(),
        }
    }

    /// Whether everything fed so far is judged and given out: nothing would come of the end.
    pub fn is_settled(&self) -> bool {
        match &self.way {
            Way::Unread => true,
            Way::Passing(passing) => passing.at_boundary(),
            Way::Held(held) => held.is_settled(),
        }
    }

    /// What was found so far; takes it out. To be asked once, at the end, however that came.
    pub fn report(&mut self) -> Report {
        match &mut self.way {
            Way::Unread => Report {
                tally: Tally::new(),
                scan: scan(Some(Gap::NothingWatches)),
                tools_removed: Vec::new(),
            },
            Way::Passing(passing) => passing.report(),
            Way::Held(held) => held.report(),
        }
    }

    /// What ends the stream after [`StreamStop::Violation`].
    pub fn blocked_event(&self, it: &BlockedAnswer<'_>) -> Bytes {
        match &self.way {
            Way::Held(held) => held.blocked_event(it),
            _ => crate::openai::blocked_event(self.endpoint, it, &Default::default()),
        }
    }
}

#[cfg(test)]
mod tests;
