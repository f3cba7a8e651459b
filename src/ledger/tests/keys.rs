//! Keys and checkpoints.

use super::super::{
    testing::{chain, checkpoint, signer, trusting},
    *,
};
use crate::types::{Sensitive, UnixMillis};

/// RFC 8032 §7.1, test 1, as openssl writes it.
const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
const RFC_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const RFC_PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";

#[test]
fn a_generated_key_survives_its_pem_form_and_shows_nothing() {
    let (key, pem) = Signer::generate().unwrap();
    let again = Signer::from_pem(pem.expose()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert!(pem.expose().lines().all(|line| line.len() <= 64));
    assert_eq!(format!("{key:?}"), format!("Signer {{ key_id: \"{}\", .. }}", key.key_id()));
}

#[test]
fn keys_of_other_tools_are_read_and_give_their_public_half() {
    let key = Signer::from_pem(OPENSSL).unwrap();
    assert_eq!(key.public_key().to_string(), RFC_PUBLIC);
    assert_eq!(PublicKey::parse(RFC_PUBLIC_PEM), Ok(key.public_key()));
    assert_eq!(PublicKey::parse(&format!(" {RFC_PUBLIC}\n")), Ok(key.public_key()));
    assert_eq!(key.key_id(), key.public_key().key_id());
    assert_eq!(key.key_id(), "21fe31dfa154a261");
}

#[test]
fn text_that_is_no_key_is_refused() {
    let cut = &OPENSSL[..OPENSSL.len() - 40];
    for text in ["", "nonsense", cut, RFC_PUBLIC, RFC_PUBLIC_PEM, &OPENSSL.replace("MC4C", "MC4B")]
    {
        assert_eq!(Signer::from_pem(text).err(), Some(LedgerError::NotPrivateKey), "{text}");
    }
    let wrong_prefix = RFC_PUBLIC_PEM.replace("MCow", "MCox");
    for text in ["", "nonsense", &RFC_PUBLIC[..40], OPENSSL, &wrong_prefix, "MTIz"] {
        assert_eq!(PublicKey::parse(text), Err(LedgerError::NotPublicKey), "{text}");
    }
}

#[test]
fn a_checkpoint_is_believed_only_unchanged_and_from_a_trusted_key() {
    let (key, other) = (signer(), signer());
    let signed = checkpoint(&key, &chain("node-1", 3)[2]);
    let keys = trusting(&key);
    assert_eq!(keys.check(&signed), Ok(()));
    assert_eq!(trusting(&other).check(&signed), Err(LedgerError::UnknownKey));
    assert_eq!(TrustedKeys::default().check(&signed), Err(LedgerError::UnknownKey));
    let bad = Err(LedgerError::BadSignature);
    let change = |change: fn(&mut Checkpoint)| {
        let mut changed = signed.clone();
        change(&mut changed);
        keys.check(&changed)
    };
    assert_eq!(change(|it| it.node.push('x')), bad);
    assert_eq!(change(|it| it.seq += 1), bad);
    assert_eq!(change(|it| it.event_hash = Hash::ZERO.to_string()), bad);
    assert_eq!(change(|it| it.kind = CheckpointKind::Retention), bad);
    assert_eq!(change(|it| it.signed_at = UnixMillis(it.signed_at.0 + 1)), bad);
    assert_eq!(change(|it| it.signature.clear()), bad);
    assert_eq!(change(|it| it.signature.insert(0, ' ')), bad);
    assert_eq!(change(|it| it.key_id = "0".repeat(16)), Err(LedgerError::UnknownKey));
    let forged = Checkpoint {
        key_id: key.key_id().to_owned(),
        ..checkpoint(&other, &chain("node-1", 3)[2])
    };
    assert_eq!(keys.check(&forged), bad);
}

#[test]
fn a_checkpoint_survives_its_json_form_and_only_that_is_read() {
    let signed = checkpoint(&signer(), &chain("node \"1\" é", 1)[0]);
    let json = signed.to_json();
    assert_eq!(Checkpoint::parse(json.as_bytes()), Some(signed));
    let others = [
        json.replace(':', ": "),
        json.replacen('{', "{\"more\":1,", 1),
        json.replacen("node", "nod\\u0065", 1),
        json.replace('Z', "+00:00"),
        format!("{json}\n"),
        String::new(),
    ];
    for other in others {
        assert_eq!(Checkpoint::parse(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn a_private_key_is_sensitive() {
    let (_, pem): (Signer, Sensitive<String>) = Signer::generate().unwrap();
    assert_eq!(format!("{pem:?}"), "[redacted]");
}
