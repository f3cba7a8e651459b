//! The canonical form of a record (RFC 8785): sorted members, no spaces, one way to write each value.
//!
//! Owns the order of the members and the list of what a database cannot hold. A field of the record must never be left
//! out of either: a new one does not compile before it is in the list below.

use crate::types::{
    Action, DataClass, ExchangeId, Finding, Lifecycle, Outcome, Permission, PolicyResult, Record,
    Scan, ScanExtent, Severity, Surface, TextSurface, UnixMillis, UsageSource,
};
use serde::Serialize;
use std::{borrow::Cow, ops::RangeInclusive, sync::Arc};
use uuid::Uuid;

/// The greatest whole number that RFC 8785 knows, whose numbers are doubles.
const MOST_EXACT: i64 = (1 << 53) - 1;

/// What RFC 3339 can say: the years 1970 to 9999.
const MOMENTS: RangeInclusive<i64> = 0..=253_402_300_799_999;

/// About what a record takes.
const USUAL_BYTES: usize = 2_048;

/// The canonical form of a record without `previous_hash` and `event_hash`: what its hash is made of.
pub fn canonical(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    write_content(record, &mut out);
    out
}

/// Appends the record as JSON: all fields in canonical form.
pub fn write_record(record: &Record, out: &mut Vec<u8>) {
    record.write_members(out, |_, _| true);
}

/// Appends the record as JSON that is read back as the same record: in the order of the canonical form, without what is
/// null. Much of a record is, above all when its exchange begins.
pub fn write_known(record: &Record, out: &mut Vec<u8>) {
    record.write_members(out, |_, is_null| !is_null);
}

/// Appends what [`canonical`] returns.
pub(super) fn write_content(record: &Record, out: &mut Vec<u8>) {
    record.write_members(out, |name, _| !matches!(name, "previous_hash" | "event_hash"));
}

/// Brings a record into the form in which it can be stored, as [`Head::append`](super::Head::append) says.
pub(super) fn make_storable(record: &mut Record) {
    let receipt = record.receipt_hash.take();
    record.receipt_hash = receipt.filter(|hash| super::parse_hash(hash).is_some());
    record.mend();
}

/// Whether the canonical form tells the record's moment from all others.
pub(super) fn is_storable(record: &Record) -> bool {
    MOMENTS.contains(&record.started_at.0)
}

/// A part of a record.
trait Part {
    /// Appends the canonical form.
    fn write(&self, out: &mut Vec<u8>);

    /// What a database cannot hold becomes what it can.
    fn mend(&mut self) {}

    /// Whether its form is `null`.
    fn is_null(&self) -> bool {
        false
    }
}

/// Declares the members of a type, sorted by their names.
macro_rules! members {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    ($type:ident { $($field:ident $(= $name:literal)?),+ $(,)? } $(without null $($optional:ident),+)?) => {
        impl $type {
            /// Whether a member that came later is null: then it is left out, as if there were no such member.
            #[inline]
            fn is_left_out(&self, _name: &str) -> bool {
                false $($(|| (_name == stringify!($optional) && self.$optional.is_none()))+)?
            }

            #[inline]
            fn write_members(&self, out: &mut Vec<u8>, is_wanted: impl Fn(&str, bool) -> bool) {
                // Names every field, so that none is forgotten.
                let Self { $($field),+ } = self;
                let mut separator = b'{';
                $(if is_wanted(members!(@name $field $($name)?), $field.is_null())
                    && !self.is_left_out(members!(@name $field $($name)?))
                {
                    out.push(std::mem::replace(&mut separator, b','));
                    out.extend_from_slice(concat!("\"", members!(@name $field $($name)?), "\":").as_bytes());
                    $field.write(out);
                })+
                out.push(b'}');
            }
        }

        impl Part for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.write_members(out, |_, _| true);
            }

            fn mend(&mut self) {
                let Self { $($field),+ } = self;
                $($field.mend();)+
            }
        }
    };
}

members! { Record {
    action, actor, agent_id, agent_name, agent_type, app_context, cached_tokens, detail, detection_version,
    endpoint, error_code, event_hash, findings, finish_reason, gateway_us, has_system_prompt,
    has_tools, id, input_tokens, latency_ms, mcp_server, message_count, model, node, outcome,
    output_tokens, permission, policy_reason, policy_result, policy_rule, policy_version,
    previous_hash, reasoning_tokens, receipt_hash, request_bytes, response_bytes, response_model,
    risk_score, risk_tier, roles, scan, seq, session_id, started_at, status_code, stream, surface,
    target, time_to_first_byte_ms, token_id, tool_name, tool_names, tools_removed, trust_score,
    usage_source,
} without null actor, detail }
members! { Finding {
    action, class, count, hmac, lifecycle, rule, severity, surface, kind = "type",
} }
members! { Scan { extent, reason } }

/// Parts that serde writes canonically as they are, and that every database holds.
macro_rules! plain {
    ($($type:ty),+ $(,)?) => {
        $(impl Part for $type {
            fn write(&self, out: &mut Vec<u8>) {
                write_plain(self, out);
            }
        })+
    };
}

plain! { bool, u16, u32 }

/// Fixed words.
macro_rules! words {
    ($($type:ty),+ $(,)?) => {
        $(impl Part for $type {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(self.as_str(), out);
            }
        })+
    };
}

words! {
    Action, DataClass, Lifecycle, Outcome, Permission, PolicyResult, ScanExtent, Severity, Surface,
    TextSurface, UsageSource,
}

impl Part for ExchangeId {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()), out);
    }
}

/// Texts: serde_json escapes what RFC 8785 escapes, and as it does.
macro_rules! texts {
    ($($type:ty),+) => {
        $(impl Part for $type {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(self, out);
            }

            fn mend(&mut self) {
                if has_nul(self) {
                    *self = self.replace('\0', "\u{fffd}").into();
                }
            }
        })+
    };
}

texts!(Arc<str>, Box<str>, Cow<'static, str>);

impl Part for UnixMillis {
    fn write(&self, out: &mut Vec<u8>) {
        write_plain(self, out);
    }

    fn mend(&mut self) {
        self.0 = self.0.clamp(*MOMENTS.start(), *MOMENTS.end());
    }
}

impl Part for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        write_plain(self, out);
    }

    fn mend(&mut self) {
        *self = (*self).min(MOST_EXACT.unsigned_abs());
    }
}

impl Part for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        write_plain(self, out);
    }

    fn mend(&mut self) {
        *self = (*self).clamp(-MOST_EXACT, MOST_EXACT);
    }
}

impl<T: Part> Part for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(part) => part.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn mend(&mut self) {
        if let Some(part) = self {
            part.mend();
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<T: Part> Part for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_list(self, out);
    }

    fn mend(&mut self) {
        self.iter_mut().for_each(Part::mend);
    }
}

impl Part for Arc<[Arc<str>]> {
    fn write(&self, out: &mut Vec<u8>) {
        write_list(self, out);
    }

    fn mend(&mut self) {
        if self.iter().any(|text| has_nul(text)) {
            let mut texts = self.to_vec();
            texts.mend();
            *self = texts.into();
        }
    }
}

fn write_plain<T: Serialize + ?Sized>(part: &T, out: &mut Vec<u8>) {
    // Cannot fail: these parts have a JSON form, and a vector takes everything.
    let _ = serde_json::to_writer(out, part);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Looks at all bytes instead of ending with the first: so many are looked at together.
    let is_special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return write_plain(text, out);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn write_list<T: Part>(list: &[T], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, part) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        part.write(out);
    }
    out.push(b']');
}

fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}
