//! What the ledger promises: one form of a record, and no change that goes unseen.

mod canonical;
mod export;
mod keys;
mod proof;
mod verifier;

use super::*;

#[test]
fn a_hash_survives_its_text_form_and_only_that_is_read() {
    let hash = Hash::of(b"portcullis");
    let text = hash.to_string();
    assert_eq!(parse_hash(&text), Some(hash));
    assert_eq!(parse_hash(&"0".repeat(64)), Some(Hash::ZERO));
    for other in
        [&text[1..], &text.to_uppercase(), &text.replace(&text[..1], "g"), "", &" ".repeat(64)]
    {
        assert_eq!(parse_hash(other), None, "{other}");
    }
}

#[test]
fn the_chain_is_what_the_documentation_says() {
    let mut record = testing::Dice::new(1).record();
    let mut head = Head::GENESIS;
    head.append(&mut record);
    let content = Sha256::digest(canonical(&record));
    let link = Sha256::digest([[0; 32], content.into()].concat());
    assert_eq!(record.seq, Some(1));
    assert_eq!(record.previous_hash, Some("0".repeat(64).into()));
    assert_eq!(record.event_hash, Some(hex(&link).into()));
    assert_eq!(head, Head { seq: 1, event_hash: Hash(link.into()) });
}
