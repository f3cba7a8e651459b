//! Request bodies that come compressed: gzip and zstd, read piece by piece within a bound.
//!
//! Owns the defence against small bodies that unfold into huge ones. It must never let one grow
//! beyond the limit that it is given, nor take a body for whole whose end is missing or followed by
//! anything.

use bytes::BytesMut;
use flate2::write::MultiGzDecoder;
use std::{
    io::{self, Write},
    mem,
};
use zstd::stream::raw::{DParameter, Decoder as Frames, Operation};

/// A zstd frame may ask for a window of at most 8 MiB, as RFC 9659 has it.
const MAX_WINDOW_LOG: u32 = 23;

/// What is decoded at once.
const BLOCK_BYTES: usize = 32 * 1024;

/// Why a body cannot be read. Nothing more can be fed after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum DecodeError {
    /// It is larger than the limit.
    #[error("the decoded body is over the limit")]
    TooLarge,
    /// It is not what its `Content-Encoding` says, or not whole.
    #[error("the body is not what its Content-Encoding says")]
    Malformed,
}

/// Reads one encoded body.
pub(super) enum Decoder {
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zstd(Zstd),
}

/// Frames, one after the other.
pub(super) struct Zstd {
    frames: Frames<'static>,
    /// What was read so far ends where a frame ends.
    is_whole: bool,
    /// More may come without another byte read.
    holds_more: bool,
}

/// The body that is being written to, and the bytes that it may have.
#[derive(Default)]
pub(super) struct Sink {
    body: BytesMut,
    limit: usize,
    overflowed: bool,
}

impl Decoder {
    /// The decoder for a coding's name, in any case; `None` for one that we do not read.
    pub(super) fn for_encoding(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip(Box::new(MultiGzDecoder::new(Sink::default()))));
        }
        if !name.eq_ignore_ascii_case("zstd") {
            return None;
        }
        // Both fail only when memory is at its end.
        let mut frames = Frames::new().ok()?;
        frames.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).ok()?;
        Some(Self::Zstd(Zstd { frames, is_whole: false, holds_more: false }))
    }

    /// Decodes on from the rest of a piece of the body to the end of `out`, which never exceeds `limit` bytes: as
    /// much as one or two blocks. Says whether more may come of the rest.
    pub(super) fn step(
        &mut self,
        rest: &mut &[u8],
        out: &mut BytesMut,
        limit: usize,
    ) -> Result<bool, DecodeError> {
        match self {
            Self::Gzip(_) if rest.is_empty() => Ok(false),
            Self::Gzip(members) => {
                let read = into_sink(members, out, limit, |members| members.write(rest))?;
                *rest = rest.get(read..).filter(|_| read > 0).ok_or(DecodeError::Malformed)?;
                Ok(!rest.is_empty())
            }
            Self::Zstd(zstd) if rest.is_empty() && !zstd.holds_more => Ok(false),
            Self::Zstd(zstd) => zstd.decode_block(rest, out, limit),
        }
    }

    /// The body has ended: appends what is left, within the same limit, if the body was whole.
    pub(super) fn finish(mut self, out: &mut BytesMut, limit: usize) -> Result<(), DecodeError> {
        match &mut self {
            Self::Gzip(members) => into_sink(members, out, limit, MultiGzDecoder::try_finish),
            Self::Zstd(zstd) if zstd.is_whole => Ok(()),
            Self::Zstd(_) => Err(DecodeError::Malformed),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.body.len()) {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.body.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lends `out` to the decoder's sink while `write` runs.
fn into_sink<T>(
    members: &mut MultiGzDecoder<Sink>,
    out: &mut BytesMut,
    limit: usize,
    write: impl FnOnce(&mut MultiGzDecoder<Sink>) -> io::Result<T>,
) -> Result<T, DecodeError> {
    members.get_mut().limit = limit;
    mem::swap(&mut members.get_mut().body, out);
    let written = write(members);
    let sink = members.get_mut();
    mem::swap(&mut sink.body, out);
    match written {
        Ok(done) => Ok(done),
        Err(_) if sink.overflowed => Err(DecodeError::TooLarge),
        Err(_) => Err(DecodeError::Malformed),
    }
}

impl Zstd {
    fn decode_block(
        &mut self,
        rest: &mut &[u8],
        out: &mut BytesMut,
        limit: usize,
    ) -> Result<bool, DecodeError> {
        let mut block = [0; BLOCK_BYTES];
        let step = self.frames.run_on_buffers(rest, &mut block);
        let step = step.ok().ok_or(DecodeError::Malformed)?;
        let decoded = block.get(..step.bytes_written).unwrap_or_default();
        if decoded.len() > limit.saturating_sub(out.len()) {
            return Err(DecodeError::TooLarge);
        }
        out.extend_from_slice(decoded);
        *rest = rest.get(step.bytes_read..).unwrap_or_default();
        // Nothing is left to be said once a frame has ended, even if it just filled the block.
        self.is_whole = step.remaining == 0;
        self.holds_more = !self.is_whole && step.bytes_written == block.len();
        Ok(self.holds_more || !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    const NAMES: [&str; 2] = ["gzip", "zstd"];

    fn encode(name: &str, body: &[u8]) -> Vec<u8> {
        if name == "zstd" {
            return zstd::encode_all(body, 3).unwrap();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn decode<'a>(
        name: &str,
        pieces: impl IntoIterator<Item = &'a [u8]>,
        limit: usize,
    ) -> Result<BytesMut, DecodeError> {
        let mut decoder = Decoder::for_encoding(name).unwrap();
        let mut out = BytesMut::new();
        let mut decoded = Ok(());
        for mut piece in pieces {
            let mut goes_on = true;
            while let (true, Ok(())) = (goes_on, decoded) {
                let before = out.len();
                let step = decoder.step(&mut piece, &mut out, limit);
                assert!(
                    out.len() <= limit.min(before + 2 * BLOCK_BYTES),
                    "one step is a small one"
                );
                goes_on = step.unwrap_or_default();
                decoded = step.map(|_| ());
            }
        }
        decoded.and_then(|()| decoder.finish(&mut out, limit)).map(|()| out)
    }

    #[test]
    fn names_are_read_in_any_case_and_others_not_at_all() {
        for name in ["gzip", "GZIP", "x-gzip", "zstd", "Zstd"] {
            assert!(Decoder::for_encoding(name).is_some(), "{name}");
        }
        for name in ["", "identity", "br", "deflate", "compress", "gzip, zstd", " gzip"] {
            assert!(Decoder::for_encoding(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 8 * 1024 * 1024];
        for name in NAMES {
            let bomb = encode(name, &zeros);
            assert!(bomb.len() < zeros.len() / 900);
            assert_eq!(decode(name, [bomb.as_slice()], 100_000), Err(DecodeError::TooLarge));
            assert_eq!(decode(name, bomb.chunks(1_000), 100_000), Err(DecodeError::TooLarge));
            let bombs = encode(name, &[7; 60_000]).repeat(2);
            assert_eq!(decode(name, bombs.chunks(50), 100_000), Err(DecodeError::TooLarge));
            assert_eq!(decode(name, bombs.chunks(50), 120_000).unwrap().len(), 120_000);
        }
    }

    #[test]
    fn the_limit_itself_is_within_the_limit() {
        for (name, size) in NAMES.into_iter().flat_map(|name| {
            [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 10 * BLOCK_BYTES]
                .map(|size| (name, size))
        }) {
            let encoded = encode(name, &vec![b'x'; size]);
            assert_eq!(decode(name, [encoded.as_slice()], size).unwrap().len(), size);
            if size > 0 {
                let over = decode(name, [encoded.as_slice()], size - 1);
                assert_eq!(over, Err(DecodeError::TooLarge), "{name} {size}");
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_or_followed_by_anything_is_malformed() {
        let body: Vec<u8> = (0..2_000_u32).flat_map(u32::to_le_bytes).collect();
        for name in NAMES {
            let encoded = encode(name, &body);
            let (head, tail) = (40, encoded.len() - 40);
            for end in (0..head).chain((head..tail).step_by(97)).chain(tail..encoded.len()) {
                let cut = decode(name, encoded[..end].chunks(700), 100_000);
                assert_eq!(cut, Err(DecodeError::Malformed), "{name} {end}");
            }
            for tail in [
                b"\0".as_slice(),
                b"\n",
                b"\0\0\0\0\0\0\0\0\0\0\0\0",
                b"{\"model\":1}",
                b"\x1f\x8b",
            ] {
                let whole = [&encoded, tail].concat();
                for size in [1, 7, whole.len()] {
                    let read = decode(name, whole.chunks(size), 100_000);
                    assert_eq!(read, Err(DecodeError::Malformed), "{name} {tail:?} {size}");
                }
            }
        }
        let mut wrong = encode("gzip", &body);
        let sum = wrong.len() - 8;
        wrong[sum] ^= 1;
        assert_eq!(decode("gzip", [wrong.as_slice()], 100_000), Err(DecodeError::Malformed));
        assert_eq!(decode("gzip", [body.as_slice()], 100_000), Err(DecodeError::Malformed));
        assert_eq!(decode("zstd", [body.as_slice()], 100_000), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_zstd_window_over_8_mib_is_malformed() {
        let body = vec![b'x'; 9_000_000];
        let with_window = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        };
        let read = |encoded: Vec<u8>| decode("zstd", [encoded.as_slice()], body.len());
        assert_eq!(read(with_window(23)).unwrap().len(), body.len());
        assert_eq!(read(with_window(24)), Err(DecodeError::Malformed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_split_of_any_members_gives_what_was_encoded(
            bodies in prop::collection::vec(prop::collection::vec(0_u8..4, 0..40_000), 1..4),
            sizes in prop::collection::vec(1_usize..3_000, 1..20),
            name in prop::sample::select(NAMES.to_vec()),
        ) {
            let encoded: Vec<u8> = bodies.iter().flat_map(|body| encode(name, body)).collect();
            let mut rest = encoded.as_slice();
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(rest.len().min(*size));
                pieces.push(piece);
                rest = after;
            }
            let body = bodies.concat();
            prop_assert_eq!(decode(name, pieces, body.len()).unwrap(), body.as_slice());
        }

        #[test]
        fn no_bytes_break_a_decoder(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            at in 0_usize..200,
            name in prop::sample::select(NAMES.to_vec()),
        ) {
            let _ = decode(name, [bytes.as_slice()], 10_000);
            let mut changed = encode(name, &[1; 500]);
            let at = at % changed.len();
            changed[at] ^= 0x55;
            let _ = decode(name, changed.chunks(3), 10_000);
        }
    }
}
