//! Keccak-256 as Ethereum has it, for messages of one block.
//!
//! Owns the permutation. It must never be used where a secret is at stake: it is for checksums.

use std::array;

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808A,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808B,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008A,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000A,
    0x0000_0000_8000_808B,
    0x8000_0000_0000_008B,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800A,
    0x8000_0000_8000_000A,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Where each lane goes, and how far it is turned on the way.
const STEPS: [(usize, u32); 24] = [
    (10, 1),
    (7, 3),
    (11, 6),
    (17, 10),
    (18, 15),
    (3, 21),
    (5, 28),
    (16, 36),
    (8, 45),
    (21, 55),
    (24, 2),
    (4, 14),
    (15, 27),
    (23, 41),
    (19, 56),
    (13, 8),
    (12, 25),
    (2, 43),
    (20, 62),
    (14, 18),
    (22, 39),
    (9, 61),
    (6, 20),
    (1, 44),
];

/// Bytes that one block takes, and one less fits with its padding.
const BLOCK: usize = 136;

/// The digest, or none for a message of more than one block.
pub(super) fn keccak_256(message: &[u8]) -> Option<[u8; 32]> {
    let mut block = [0; BLOCK];
    block.get_mut(..message.len())?.copy_from_slice(message);
    *block.get_mut(message.len())? = 1;
    block[BLOCK - 1] |= 0x80;
    let mut state = [0; 25];
    for (lane, bytes) in state.iter_mut().zip(block.as_chunks().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    ROUND_CONSTANTS.iter().for_each(|constant| round(&mut state, *constant));
    let mut digest = [0; 32];
    for (bytes, lane) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    Some(digest)
}

#[expect(clippy::indexing_slicing, reason = "every index is below 25 by its own arithmetic")]
fn round(state: &mut [u64; 25], constant: u64) {
    let columns: [u64; 5] = array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ state[x + 5 * y]));
    for (place, lane) in state.iter_mut().enumerate() {
        let x = place % 5;
        *lane ^= columns[(x + 4) % 5] ^ columns[(x + 1) % 5].rotate_left(1);
    }
    let mut moving = state[1];
    for (to, by) in STEPS {
        (moving, state[to]) = (state[to], moving.rotate_left(by));
    }
    for row in state.as_chunks_mut::<5>().0 {
        let before = *row;
        for (x, lane) in row.iter_mut().enumerate() {
            *lane ^= !before[(x + 1) % 5] & before[(x + 2) % 5];
        }
    }
    state[0] ^= constant;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let digest = keccak_256(b"").unwrap();
        assert_eq!(&digest[..8], &[0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c]);
        assert!(keccak_256(&[0; BLOCK]).is_none());
    }
}
