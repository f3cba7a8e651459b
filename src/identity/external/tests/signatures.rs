//! Signatures in other spellings and forms.

use super::*;
use std::slice;

/// The order of the group of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A signature of ES256 has two spellings that anybody can turn into each other: a second token, with
/// a digest of its own, for the same session. Those of RS256 and EdDSA have one.
#[test]
fn a_signature_that_was_respelled_is_still_the_same_session() {
    let mut claims = claims();
    claims["jti"] = Value::Null;
    let token = SIGNERS[1].issue(&claims);
    let [header, payload, signature] = parts(&token);
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (digit, order) in bytes[32..].iter_mut().zip(P256_ORDER).rev() {
        let difference = i32::from(order) - i32::from(*digit) - borrow;
        borrow = i32::from(difference < 0);
        *digit = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let respelled = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_ne!(respelled, token);
    assert_eq!(check(&respelled).unwrap(), check(&token).unwrap());
}

#[test]
fn base64_has_one_spelling_only() {
    for signer in &SIGNERS[1..] {
        let token = signer.issue(&claims());
        // 64 bytes are 86 characters, of which the last holds two bits and four that must be zero.
        let last = token.chars().last().unwrap();
        for replacement in
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars()
        {
            let respelled = format!("{}{replacement}", &token[..token.len() - 1]);
            assert_eq!(check(&respelled).is_ok(), replacement == last, "{replacement}");
        }
    }
}

#[test]
fn signatures_in_other_forms_or_of_nothing_are_refused() {
    let token = SIGNERS[1].issue(&claims());
    let [header, payload, signature] = parts(&token);
    let fixed = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = fixed.split_at(32);
    let zero = [0; 32];
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number[0] > 127 { &[0] } else { &[] };
        let length = u8::try_from(sign.len() + number.len()).unwrap();
        [&[2, length], sign, number].concat()
    };
    let numbers = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).unwrap()], &*numbers].concat();
    let table = [
        [zero, zero].concat(),
        [r, &zero].concat(),
        [&zero, s].concat(),
        [P256_ORDER, P256_ORDER].concat(),
        [r, &P256_ORDER].concat(),
        der,
        [s, r].concat(),
        fixed[..63].to_vec(),
        [&fixed, slice::from_ref(&0)].concat(),
    ];
    for bytes in table {
        let forged = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(&bytes));
        assert_eq!(check(&forged), Err(TokenError::BadSignature), "{bytes:?}");
    }
    for signer in [&SIGNERS[0], &SIGNERS[2]] {
        let token = signer.issue(&claims());
        let [header, payload, signature] = parts(&token);
        let length = URL_SAFE_NO_PAD.decode(signature).unwrap().len();
        for bytes in [vec![0; length], vec![0xff; length], vec![0; length + 1], vec![1]] {
            let forged = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(&bytes));
            assert_eq!(check(&forged), Err(TokenError::BadSignature));
        }
    }
}
