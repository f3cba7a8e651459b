//! Ways to cut an input into the pieces in which it may arrive.

/// So many bytes arrive one by one; all of a long input would take too long.
const SINGLE_BYTES: usize = 160;

/// The input in single bytes (as far as that goes), and in pieces of several lengths that depend on it.
pub(super) fn of(input: &[u8]) -> [Vec<&[u8]>; 2] {
    // FNV-1a, then xorshift: the same input is always cut in the same way.
    let mut state = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut uneven = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = usize::try_from(state % 24).unwrap() + 1;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        uneven.push(piece);
        rest = after;
    }
    let (single, rest) = input.split_at(input.len().min(SINGLE_BYTES));
    [single.chunks(1).chain([rest]).collect(), uneven]
}
