//! Boundaries, and how much a form may hold.

use super::*;

#[test]
fn a_boundary_that_is_not_plainly_a_delimiter_is_refused() {
    let good = String::from_utf8(form(&[(MODEL, b"m"), (PDF, b"data")])).unwrap();
    assert!(read("xyz", good.as_bytes()).is_ok());
    for (old, new) in [
        // Line ends.
        ("\r\n", "\n"),
        ("\r\n", "\r"),
        ("m\r\n--xyz", "m\n--xyz"),
        ("m\r\n--xyz", "m\r--xyz"),
        ("m\r\n--xyz", "m--xyz"),
        ("\r\n--xyz\r\n", "\r\n--xyz\n"),
        ("l\"\r\n\r\nm\r\n--xyz", "l\"\r\n\r\n--xyz"),
        // Blanks, and longer and shorter boundaries.
        ("--xyz\r\n", "--xyz \r\n"),
        ("--xyz\r\n", "--xyz\t\r\n"),
        ("--xyz\r\n", "--xyzz\r\n"),
        ("--xyz\r\n", "--xyz-\r\n"),
        ("--xyz\r\n", "--xy\r\n"),
        ("--xyz\r\n", "--XYZ\r\n"),
        ("data", "da--xyzta"),
        ("data", "da\n--xyz\nContent-Disposition: form-data; name=\"model\"\n\nother\n--xyz--\n"),
        // The beginning and the end.
        (
            "--xyz\r\nContent-Disposition: form-data; name=\"model\"",
            "\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"",
        ),
        (
            "--xyz\r\nContent-Disposition: form-data; name=\"model\"",
            "Hello\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"",
        ),
        ("--xyz--\r\n", "--xyz--x\r\n"),
        ("--xyz--\r\n", "--xyz--\r\n--xyz--\r\n"),
        (
            "--xyz--\r\n",
            "--xyz--\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother\r\n--xyz--\r\n",
        ),
        ("--xyz--\r\n", "--xyz-"),
        ("--xyz--\r\n", "--xyz\r\n"),
        ("\r\n--xyz--\r\n", ""),
    ] {
        let body = good.replacen(old, new, if old == "\r\n" { 99 } else { 1 });
        assert_ne!(body, good, "{old:?} {new:?}");
        assert_eq!(refused(body.as_bytes()), None, "{old:?} {new:?}");
    }
    assert_eq!(refused(b""), None);
    assert!(read("xyz", b"--xyz--").unwrap().is_complete());
}

#[test]
fn a_form_has_its_limits() {
    let value = "m".repeat(64 * 1024);
    assert!(read("xyz", &form(&[(MODEL, value.as_bytes())])).is_ok());
    let longer = form(&[(MODEL, format!("{value}m").as_bytes())]);
    assert_eq!(refused(&longer).as_deref(), Some("model"));
    let unwatched = value.repeat(4);
    assert!(read("xyz", &form(&[(&named("prompt"), unwatched.as_bytes())])).is_ok());

    let many: Vec<(String, &[u8])> =
        (0..65).map(|n| (named(&format!("n{n}")), &b"v"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(head, data)| (head.as_str(), *data)).collect();
    assert!(read("xyz", &form(&many[..64])).is_ok());
    assert_eq!(refused(&form(&many)), None);

    let long = |bytes: usize| format!("{}; filename=\"{}\"", named("a"), "f".repeat(bytes));
    assert!(read("xyz", &form(&[(&long(8000), b"v")])).is_ok());
    assert_eq!(refused(&form(&[(&long(9000), b"v")])), None);
    assert_eq!(refused(&form(&[(&named(&"n".repeat(257)), b"v")])), None);
}

#[test]
fn a_boundary_is_taken_from_a_plain_content_type_only() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=xyz", "xyz"),
        (
            "multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxk",
            "----WebKitFormBoundary7MA4YWxk",
        ),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"a=b:c\"", "a=b:c"),
    ] {
        assert_eq!(boundary(content_type).unwrap(), expected);
    }
    let long = "b".repeat(70);
    assert_eq!(boundary(&format!("multipart/form-data; boundary={long}")).unwrap(), long);
    for parameters in [
        "",
        ";",
        "; boundary",
        "; boundary=",
        "; boundary=\"\"",
        "; boundary=a; boundary=b",
        "; boundary=a; Boundary=a",
        "; boundary=a, multipart/form-data; boundary=b",
        "; boundary=a;",
        ";; boundary=a",
        "; boundary = a",
        "; boundary=a b",
        "; boundary=\"a b\"",
        "; boundary=\"a",
        "; boundary=\"a\\b\"",
        "; boundary=a:b",
        "; boundary=a/b",
        "; boundary=é",
        "; boundary*=utf-8''a",
        "; boundary*0=a",
        "; boundary=a; charset=utf-16",
        "; boundary=a; x=y",
        "; boundary=a\t",
    ] {
        let refusal = boundary(&format!("multipart/form-data{parameters}")).unwrap_err();
        assert_eq!(refusal.status(), 400, "{parameters}");
    }
    assert_eq!(
        boundary(&format!("multipart/form-data; boundary={long}b")).unwrap_err().status(),
        400
    );
    for other in
        ["", "application/json", "multipart/mixed; boundary=a", "multipart/form-data-x; boundary=a"]
    {
        assert_eq!(boundary(other).unwrap_err().status(), 415, "{other}");
    }
}
