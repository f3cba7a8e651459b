//! Reading the head of a provider's answer, as far as awc needs help with it.
//!
//! Owns two corrections of what the client below us gets wrong: an interim answer (1xx, RFC 9110 §15.2) is
//! not the answer, and an HTTP/1.1 answer without a length goes on until the connection closes (RFC 9112
//! §6.3). Pure; it must never look behind the head.

use httparse::{EMPTY_HEADER, Response, Status};

/// As many as the codec behind us reads.
const MAX_HEADERS: usize = 96;
/// Where the minor version stands in `HTTP/1.1 `.
pub(super) const MINOR_VERSION_AT: usize = "HTTP/1.".len();

/// What the bytes since the last request are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Head {
    /// Not yet whole.
    Incomplete,
    /// An interim answer of this length; another head follows.
    Interim(usize),
    /// The answer's head.
    Final {
        /// Only the close of the connection ends the body, and the head's version does not say so.
        ends_by_close: bool,
    },
    /// A switch of protocols, which nobody asked for.
    Switch,
    /// No head: left to the codec, which refuses it.
    Unreadable,
}

/// Reads the bytes that came since the last request.
pub(super) fn read(bytes: &[u8]) -> Head {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(Status::Partial) => return Head::Incomplete,
        Ok(Status::Complete(length)) => length,
        Err(_) => return Head::Unreadable,
    };
    match response.code.unwrap_or_default() {
        101 => return Head::Switch,
        100..=199 => return Head::Interim(length),
        204 | 304 => return Head::Final { ends_by_close: false },
        _ => {}
    }
    let delimits = |name: &str| {
        name.eq_ignore_ascii_case("content-length")
            || name.eq_ignore_ascii_case("transfer-encoding")
    };
    let is_delimited = response.headers.iter().any(|header| delimits(header.name));
    Head::Final { ends_by_close: !is_delimited && response.version == Some(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_head_is_told_apart() {
        let cases: [(&str, Head); 10] = [
            ("", Head::Incomplete),
            ("HTTP/1.1 200 OK\r\ncontent-le", Head::Incomplete),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
                Head::Final { ends_by_close: false },
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                Head::Final { ends_by_close: false },
            ),
            (
                "HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n<p>",
                Head::Final { ends_by_close: true },
            ),
            ("HTTP/1.0 200 OK\r\n\r\nhi", Head::Final { ends_by_close: false }),
            ("HTTP/1.1 204 No Content\r\n\r\n", Head::Final { ends_by_close: false }),
            ("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK", Head::Interim(40)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Head::Switch),
            ("<html>", Head::Unreadable),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
