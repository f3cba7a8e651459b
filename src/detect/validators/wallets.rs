//! Addresses of cryptocurrencies.
//!
//! Owns their alphabets and checksums. It must never know a private key when it sees one.

use super::keccak::keccak_256;
use sha2::{Digest, Sha256};

const BITCOIN: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const RIPPLE: &[u8] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The first bytes of addresses that are in use: Bitcoin, Litecoin, Dogecoin, Dash, Zcash and Tron.
const VERSIONS: &[&[u8]] = &[
    &[0x00],
    &[0x05],
    &[0x30],
    &[0x32],
    &[0x1e],
    &[0x16],
    &[0x4c],
    &[0x10],
    &[0x1c, 0xb8],
    &[0x1c, 0xbd],
    &[0x41],
];

/// A base58 address of Bitcoin, Litecoin, Dogecoin, Dash, Zcash or Tron.
pub(super) fn base58check(value: &str) -> bool {
    let payload = checked(value, BITCOIN);
    payload.is_some_and(|payload| {
        VERSIONS
            .iter()
            .any(|version| payload.starts_with(version) && payload.len() == version.len() + 20)
    })
}

/// An address of the XRP ledger.
pub(super) fn ripple(value: &str) -> bool {
    checked(value, RIPPLE).is_some_and(|payload| payload.len() == 21 && payload.starts_with(&[0]))
}

/// A Solana address: a public key in base58, without a check.
pub(super) fn solana(value: &str) -> bool {
    base58(value, BITCOIN).is_some_and(|key| key.len() == 32)
}

/// A bech32 or bech32m address with a right checksum.
pub(super) fn bech32(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if value != lower && value != value.to_ascii_uppercase() {
        return false;
    }
    let Some((prefix, data)) = lower.rsplit_once('1') else { return false };
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let values = data.bytes().map(|byte| BECH32.iter().position(|c| *c == byte));
    let values: Option<Vec<u32>> = values.map(|place| u32::try_from(place?).ok()).collect();
    let Some(values) = values else { return false };
    let all = high.chain([0]).chain(low).chain(values);
    matches!(all.fold(1, bech32_step), 1 | 0x2bc8_30a3)
}

/// An Ethereum address whose capitals are its checksum (EIP-55).
pub(super) fn eip_55(value: &str) -> bool {
    let Some(address) = value.strip_prefix("0x").filter(|address| address.len() == 40) else {
        return false;
    };
    let Some(digest) = keccak_256(address.to_ascii_lowercase().as_bytes()) else { return false };
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    address.bytes().zip(nibbles).all(|(byte, nibble)| {
        byte.is_ascii_digit()
            || (byte.is_ascii_hexdigit() && byte.is_ascii_uppercase() == (nibble > 7))
    })
}

fn bech32_step(sum: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let (top, shifted) = (sum >> 25, (sum & 0x01ff_ffff) << 5 ^ value);
    GENERATOR
        .iter()
        .enumerate()
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(shifted, |sum, (_, step)| sum ^ step)
}

/// The payload of a base58 text, if its last four bytes are the check of the others.
fn checked(value: &str, alphabet: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = base58(value, alphabet)?;
    let check = bytes.split_off(bytes.len().checked_sub(4)?);
    let digest = Sha256::digest(Sha256::digest(&bytes));
    digest.starts_with(&check).then_some(bytes)
}

fn base58(value: &str, alphabet: &[u8]) -> Option<Vec<u8>> {
    let mut little_endian: Vec<u8> = Vec::with_capacity(40);
    for byte in value.bytes() {
        let mut carry = u32::try_from(alphabet.iter().position(|c| *c == byte)?).ok()?;
        for digit in &mut little_endian {
            carry += u32::from(*digit) * 58;
            [*digit, ..] = carry.to_le_bytes();
            carry >>= 8;
        }
        if carry > 0 {
            little_endian.push(u8::try_from(carry).ok()?);
        }
    }
    let zeros = value.bytes().take_while(|byte| alphabet.first() == Some(byte)).count();
    little_endian.extend(std::iter::repeat_n(0, zeros));
    little_endian.reverse();
    Some(little_endian)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE58: &[&str] = &[
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
        "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    ];
    const SEGWIT: &[&str] = &[
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ];
    const ETHEREUM: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn published_addresses_pass() {
        assert!(BASE58.iter().all(|address| base58check(address)));
        assert!(SEGWIT.iter().all(|address| bech32(address)));
        assert!(ripple("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"));
        assert!(solana("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"));
        assert!(eip_55(ETHEREUM) && eip_55("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"));
    }

    #[test]
    fn mixed_case_and_other_texts_fail() {
        assert!(
            !bech32("bc1Qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
                && !bech32("")
                && !base58check("")
        );
        assert!(!eip_55(&ETHEREUM.to_ascii_lowercase()) && !eip_55("0xzz") && !solana("abc"));
    }

    proptest! {
        #[test]
        fn one_wrong_character_fails(at in 0_usize..60, by in 1_usize..30) {
            let wrong = |address: &str, alphabet: &[u8], from: usize| {
                let mut bytes = address.as_bytes().to_vec();
                let at = from + at % (bytes.len() - from);
                let place = alphabet.iter().position(|c| *c == bytes[at]).unwrap();
                bytes[at] = alphabet[(place + by) % alphabet.len()];
                String::from_utf8(bytes).unwrap()
            };
            prop_assert!(!base58check(&wrong(BASE58[at % 4], BITCOIN, 0)));
            prop_assert!(!bech32(&wrong(SEGWIT[0], BECH32, 3)));
            prop_assert!(!ripple(&wrong("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", RIPPLE, 0)));
        }
    }
}
