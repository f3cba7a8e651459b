//! Records, chains and keys for tests.

use super::{Checkpoint, CheckpointKind, Hash, Head, Signer, TrustedKeys, parse_hash};
use crate::types::{
    Action, DataClass, ExchangeId, Finding, Lifecycle, Outcome, Permission, PolicyResult, Record,
    Scan, ScanExtent, Severity, Surface, TextSurface, UnixMillis, UsageSource,
};
use std::borrow::Cow;
use uuid::Uuid;

/// Texts that are written in a way of their own, or might be.
const ODD: [&str; 16] = [
    "",
    "\"",
    "\\",
    "/",
    "\u{0}",
    "\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}",
    "\u{7f}\u{80}",
    "\u{2028}\u{2029}",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "é\u{301}",
    "😀",
    "</script>",
    "\\u0000",
    "null",
];

/// Arbitrary values, the same for the same seed.
pub(super) struct Dice {
    state: u64,
    /// Nothing is null, and no list is empty.
    is_full: bool,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed, is_full: false }
    }

    pub(super) const fn full(seed: u64) -> Self {
        Self { state: seed, is_full: true }
    }

    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.bits() % sides
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len().try_into().unwrap())).unwrap()]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.is_full || self.roll(4) > 0).then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let least = u64::from(self.is_full);
        (0..self.roll(4).max(least)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        self.list(|dice| match dice.roll(2) {
            0 => dice.pick(&ODD).to_owned(),
            _ => format!("gpt-{}", dice.roll(1_000)),
        })
        .concat()
    }

    fn cow(&mut self) -> Cow<'static, str> {
        Cow::Owned(self.text())
    }

    /// Up to what a database can hold, or beyond.
    fn count(&mut self) -> u64 {
        let shift = self.roll(64);
        self.bits() >> shift
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.roll(1 << 32)).unwrap()
    }

    fn finding(&mut self) -> Finding {
        Finding {
            rule: self.text().into(),
            kind: self.text().into(),
            class: self.pick(DataClass::ALL),
            severity: self.pick(Severity::ALL),
            lifecycle: self.pick(Lifecycle::ALL),
            surface: self.pick(TextSurface::ALL),
            action: self.pick(Action::ALL),
            count: self.small(),
            hmac: self.maybe(|dice| dice.text().into()),
        }
    }

    /// A record as no gate writes it.
    pub(super) fn record(&mut self) -> Record {
        Record {
            id: ExchangeId(Uuid::from_u64_pair(self.bits(), self.bits())),
            started_at: UnixMillis(1_795_233_600_000 + self.roll(1 << 40).cast_signed()),
            agent_id: self.maybe(|dice| dice.text().into()),
            agent_name: self.maybe(|dice| dice.text().into()),
            agent_type: self.maybe(|dice| dice.text().into()),
            roles: self.list(|dice| dice.text().into()).into(),
            permission: self.maybe(|dice| dice.pick(Permission::ALL)),
            session_id: self.maybe(|dice| dice.text().into()),
            token_id: self.maybe(|dice| dice.text().into()),
            app_context: self.maybe(|dice| dice.text().into()),
            actor: self.maybe(|dice| dice.text().into()),
            detail: self.maybe(|dice| dice.text().into()),
            surface: self.pick(Surface::ALL),
            tool_name: self.cow(),
            mcp_server: self.cow(),
            action: self.cow(),
            target: self.cow(),
            endpoint: self.maybe(Self::cow),
            model: self.maybe(|dice| dice.text().into()),
            response_model: self.maybe(|dice| dice.text().into()),
            message_count: self.maybe(Self::small),
            has_system_prompt: self.maybe(|dice| dice.roll(2) > 0),
            has_tools: self.maybe(|dice| dice.roll(2) > 0),
            tool_names: self.list(|dice| dice.text().into()),
            stream: self.maybe(|dice| dice.roll(2) > 0),
            policy_result: self.maybe(|dice| dice.pick(PolicyResult::ALL)),
            policy_rule: self.maybe(|dice| dice.text().into()),
            policy_version: self.maybe(|dice| dice.text().into()),
            policy_reason: self.maybe(Self::cow),
            findings: self.list(Self::finding),
            scan: Scan { extent: self.pick(ScanExtent::ALL), reason: self.maybe(Self::cow) },
            detection_version: self.maybe(|dice| dice.text().into()),
            tools_removed: self.list(|dice| dice.text().into()),
            trust_score: self.maybe(|dice| dice.bits().cast_signed()),
            risk_score: self.maybe(|dice| dice.bits().cast_signed()),
            risk_tier: self.maybe(Self::cow),
            status_code: self.maybe(|dice| u16::try_from(dice.roll(1 << 16)).unwrap()),
            error_code: self.maybe(Self::cow),
            finish_reason: self.maybe(|dice| dice.text().into()),
            input_tokens: self.maybe(Self::count),
            output_tokens: self.maybe(Self::count),
            cached_tokens: self.maybe(Self::count),
            reasoning_tokens: self.maybe(Self::count),
            usage_source: self.maybe(|dice| dice.pick(UsageSource::ALL)),
            latency_ms: self.maybe(Self::count),
            time_to_first_byte_ms: self.maybe(Self::count),
            gateway_us: self.maybe(Self::count),
            request_bytes: self.maybe(Self::count),
            response_bytes: self.maybe(Self::count),
            outcome: self.maybe(|dice| dice.pick(Outcome::ALL)),
            receipt_hash: self
                .maybe(|dice| Hash::of(&dice.bits().to_le_bytes()).to_string().into()),
            node: "node-1".into(),
            seq: self.maybe(|dice| dice.bits().cast_signed()),
            previous_hash: self.maybe(|dice| dice.text().into()),
            event_hash: self.maybe(|dice| dice.text().into()),
        }
    }
}

/// The records of a node from its first on.
pub(super) fn chain(node: &str, length: u64) -> Vec<Record> {
    let (mut dice, mut head) = (Dice::new(length), Head::GENESIS);
    let next = |_| {
        let mut record = Record { node: node.into(), ..dice.record() };
        head.append(&mut record);
        record
    };
    (0..length).map(next).collect()
}

/// Gives the records hashes that fit, as whoever can write to the database could.
pub(super) fn rehash(records: &mut [Record], mut head: Head) {
    records.iter_mut().for_each(|record| head.append(record));
}

/// Where the chain was after this record.
pub(super) fn head_at(record: &Record) -> Head {
    let event_hash = parse_hash(record.event_hash.as_deref().unwrap()).unwrap();
    Head { seq: record.seq.unwrap(), event_hash }
}

/// A regular checkpoint at this record.
pub(super) fn checkpoint(signer: &Signer, record: &Record) -> Checkpoint {
    sign(signer, record, CheckpointKind::Regular)
}

/// A checkpoint at this record.
pub(super) fn sign(signer: &Signer, record: &Record, kind: CheckpointKind) -> Checkpoint {
    signer.sign(&record.node, head_at(record), kind, UnixMillis(1_795_233_600_000))
}

/// A new key.
pub(super) fn signer() -> Signer {
    Signer::generate().unwrap().0
}

/// This key alone.
pub(super) fn trusting(signer: &Signer) -> TrustedKeys {
    [signer.public_key()].into_iter().collect()
}
