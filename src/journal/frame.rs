//! One frame in bytes.
//!
//! A frame is MARK, checksum, length, kind, segment of the beginning, id, payload; integers are little-endian. The
//! checksum is over all behind it and starts from the segment's salt, so that a frame counts only in its own segment.
//! The mark has a byte that is never part of a record's JSON: behind damage, the next frame is found by looking for it.

use crate::ledger::write_known;
use crate::types::{ExchangeId, Record};
use std::ops::Range;
use uuid::Uuid;

const MARK: [u8; 4] = [0xff, b'P', b'J', b'1'];
/// Where the bytes begin that the checksum is over.
const CHECKED_FROM: usize = 8;
const BEGUN_IN_AT: usize = 13;
const HEADER_BYTES: usize = 33;

/// No frame is larger.
pub(super) const MAX_FRAME_BYTES: u64 = 256 * 1024;

/// No two frames begin within so many bytes.
pub(super) const LEAST_DISTANCE: u32 = 32;

/// What a frame says of its exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Begin,
    End,
}

/// A frame on its way into a segment.
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// The segment with the beginning of this end; 0 if there is none.
    pub(super) begun_in: u32,
    bytes: Vec<u8>,
}

/// A frame that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) begun_in: u32,
    pub(super) id: ExchangeId,
    /// Where the payload is, from the frame's first byte.
    pub(super) payload: Range<usize>,
}

/// What stands at the beginning of some bytes.
pub(super) enum Reading {
    Whole(Found),
    /// So many bytes could be a frame.
    Short(usize),
    Broken,
}

impl Frame {
    /// The frame of a record, or why it cannot be one.
    pub(super) fn of(kind: Kind, begun_in: u32, record: &Record) -> Result<Self, String> {
        let mut bytes = Vec::with_capacity(4 * 1024);
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&[0; 8]);
        bytes.push(match kind {
            Kind::Begin => b'B',
            Kind::End => b'E',
        });
        bytes.extend_from_slice(&begun_in.to_le_bytes());
        bytes.extend_from_slice(record.id.0.as_bytes());
        write_known(record, &mut bytes);
        let mut frame = Self { kind, begun_in, bytes };
        let size = frame.size();
        if u64::from(size) > MAX_FRAME_BYTES {
            return Err(format!("the record {} has {size} bytes", record.id));
        }
        frame.put(CHECKED_FROM, &size.to_le_bytes());
        Ok(frame)
    }

    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// The bytes, made for one segment.
    pub(super) fn sealed(&mut self, segment: u32, salt: u32) -> &[u8] {
        if self.kind == Kind::Begin {
            self.begun_in = segment;
            self.put(BEGUN_IN_AT, &segment.to_le_bytes());
        }
        let checked = self.bytes.get(CHECKED_FROM..).unwrap_or_default();
        let checksum = checksum(salt, checked).to_le_bytes();
        self.put(MARK.len(), &checksum);
        &self.bytes
    }

    fn put(&mut self, at: usize, value: &[u8; 4]) {
        if let Some(place) = self.bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }
}

/// Reads the frame at the beginning of these bytes.
pub(super) fn read(bytes: &[u8], salt: u32) -> Reading {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        let length = bytes.len().min(MARK.len());
        let begins_so = bytes.get(..length) == MARK.get(..length);
        return if begins_so { Reading::Short(HEADER_BYTES) } else { Reading::Broken };
    };
    let Some((found, sum, size)) = read_header(header) else { return Reading::Broken };
    let Some(frame) = bytes.get(..size) else { return Reading::Short(size) };
    match frame.get(CHECKED_FROM..) {
        Some(checked) if checksum(salt, checked) == sum => Reading::Whole(found),
        _ => Reading::Broken,
    }
}

fn read_header(header: &[u8; HEADER_BYTES]) -> Option<(Found, u32, usize)> {
    let (mark, rest) = header.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let (begun_in, id) = rest.split_first_chunk::<4>()?;
    let kind = match kind {
        b'B' => Kind::Begin,
        b'E' => Kind::End,
        _ => return None,
    };
    let size = u32::from_le_bytes(*size);
    let length = usize::try_from(size).ok()?;
    if *mark != MARK || u64::from(size) > MAX_FRAME_BYTES || length < HEADER_BYTES {
        return None;
    }
    let found = Found {
        kind,
        begun_in: u32::from_le_bytes(*begun_in),
        id: ExchangeId(Uuid::from_slice(id).ok()?),
        payload: HEADER_BYTES..length,
    };
    Some((found, u32::from_le_bytes(*sum), length))
}

/// How many bytes to leave out to reach what may be the next frame.
pub(super) fn distance_to_mark(bytes: &[u8]) -> usize {
    let starts = memchr::memchr_iter(MARK[0], bytes);
    let mut candidates = starts.filter(|at| {
        let rest = bytes.get(*at..).unwrap_or_default();
        let length = rest.len().min(MARK.len());
        rest.get(..length) == MARK.get(..length)
    });
    candidates.next().unwrap_or(bytes.len())
}

fn checksum(salt: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes);
    hasher.finalize()
}
