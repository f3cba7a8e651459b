//! What a caller can show.

use super::super::{
    testing::{chain, checkpoint, signer, trusting},
    *,
};

const RECEIPT: &str = "00112233445566778899aabbccddeeff";

/// The proof of the second of four records, with the checkpoint at the last.
fn proof(signer: &Signer) -> Proof {
    let mut records = chain("node-1", 4);
    records[1].receipt_hash = Some(receipt_hash(RECEIPT).into());
    testing::rehash(&mut records, Head::GENESIS);
    Proof {
        record: records[1].clone(),
        following: records[2..].iter().map(|record| record_hash(record).to_string()).collect(),
        checkpoint: Some(checkpoint(signer, &records[3])),
        public_key: Some(signer.public_key().to_string()),
    }
}

#[test]
fn a_proof_convinces_whoever_trusts_the_key_and_has_the_receipt() {
    let key = signer();
    let proof = proof(&key);
    let sent = serde_json::to_string(&proof).unwrap();
    let received: Proof = serde_json::from_str(&sent).unwrap();
    assert_eq!(received, proof);
    assert_eq!(received.verify(&trusting(&key), Some(RECEIPT)), Ok(()));
    assert_eq!(received.verify(&trusting(&key), None), Ok(()));
    let unknown = Err(ProofError::NotTrusted(LedgerError::UnknownKey));
    assert_eq!(received.verify(&trusting(&signer()), None), unknown);
}

#[test]
fn a_receipt_is_hashed_as_its_text() {
    assert_eq!(
        receipt_hash("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn a_proof_with_anything_changed_convinces_nobody() {
    let key = signer();
    let refused = |expected: ProofError, change: &dyn Fn(&mut Proof)| {
        let mut changed = proof(&key);
        change(&mut changed);
        assert_eq!(changed.verify(&trusting(&key), Some(RECEIPT)), Err(expected));
    };
    refused(ProofError::WrongReceipt, &|it| it.record.receipt_hash = None);
    refused(ProofError::WrongReceipt, &|it| it.record.receipt_hash = Some(receipt_hash("").into()));
    refused(ProofError::Unchained, &|it| it.record.seq = None);
    refused(ProofError::Unchained, &|it| it.record.event_hash = Some("00".into()));
    refused(ProofError::Altered, &|it| it.record.target = "/elsewhere".into());
    refused(ProofError::Altered, &|it| it.record.seq = Some(3));
    refused(ProofError::NotSigned, &|it| it.checkpoint = None);
    refused(ProofError::NotCovered, &|it| drop(it.following.pop()));
    refused(ProofError::NotCovered, &|it| it.following.swap(0, 1));
    refused(ProofError::NotCovered, &|it| it.following.push("0".repeat(64)));
    refused(ProofError::NotCovered, &|it| it.following[0].push(' '));
    refused(ProofError::NotCovered, &|it| {
        it.checkpoint = Some(checkpoint(&key, &chain("node-2", 4)[3]));
    });
    refused(ProofError::NotTrusted(LedgerError::BadSignature), &|it| {
        if let Some(checkpoint) = &mut it.checkpoint {
            checkpoint.seq += 1;
        }
    });
    let wrong = proof(&key).verify(&trusting(&key), Some("another"));
    assert_eq!(wrong, Err(ProofError::WrongReceipt));
}
