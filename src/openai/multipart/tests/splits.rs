//! Any split of the bytes gives the same result, and no bytes do harm.

use super::*;
use proptest::prelude::*;

#[test]
fn pieces_of_every_size_give_the_same_result() {
    let good = form(&[(PDF, b"\r\n--xy\r\n\r\n--xy--\r"), (MODEL, b"m"), (&named("purpose"), b"")]);
    let late = form(&[(MODEL, b"m"), (PDF, b"\r\n--xyz"), (MODEL, b"m")]);
    for body in [good, late] {
        let whole = outcome(&body, [&body[..]]);
        for size in 1..body.len() {
            assert_eq!(outcome(&body, body.chunks(size)), whole);
        }
        for at in 0..=body.len() {
            assert_eq!(outcome(&body, [&body[..at], &body[at..]]), whole);
        }
    }
}

/// Bytes of which a good share are nearly a form.
fn nearly_a_form() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: &[&[u8]] = &[
        b"\r\n",
        b"\r",
        b"\n",
        b"--xyz",
        b"\r\n--xyz\r\n",
        b"--xy",
        b"--",
        b"Content-Disposition: form-data; name=\"model\"\r\n\r\n",
        b"Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n",
        b"Content-Length: 1\r\n",
        b"v",
        b"\xff",
    ];
    let token = prop::sample::select(TOKENS);
    (any::<bool>(), prop::collection::vec(token, 0..16), any::<bool>()).prop_map(
        |(begins, tokens, ends)| {
            let begin = if begins { &b"--xyz\r\n"[..] } else { b"" };
            let end = if ends { &b"\r\n--xyz--\r\n"[..] } else { b"" };
            [begin, &tokens.concat(), end].concat()
        },
    )
}

proptest! {
    #[test]
    fn splits_do_not_matter(body in nearly_a_form(), cuts in prop::collection::vec(0..200usize, 0..6)) {
        let whole = outcome(&body, [&body[..]]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        prop_assert_eq!(outcome(&body, cuts.windows(2).map(|cut| &body[cut[0]..cut[1]])), whole.clone());
        prop_assert_eq!(outcome(&body, body.chunks(1)), whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
        let _ = read("xyz", &bytes);
        let _ = read("xyz", &form(&[(&text, &bytes)]));
        let _ = boundary(&text);
        let _ = boundary(&format!("multipart/form-data; {text}"));
    }

    #[test]
    fn a_file_comes_through_whatever_its_bytes(data in prop::collection::vec(any::<u8>(), 0..300), size in 1..80usize) {
        prop_assume!(memchr::memmem::find(&data, b"--xyz").is_none());
        let body = form(&[(MODEL, b"m"), (PDF, &data), (&named("purpose"), b"batch")]);
        let (finished, fields, file) = outcome(&body, body.chunks(size));
        prop_assert!(finished.is_ok());
        prop_assert_eq!(fields, [Some("m".to_owned()), Some("batch".to_owned()), None]);
        prop_assert_eq!(file, Some(data));
    }
}
