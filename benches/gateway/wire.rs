//! Just enough HTTP/1.1 for both ends of the benchmark: one blocking connection, heads, and bodies
//! framed by Content-Length or in chunks.
//!
//! It must stay far cheaper than what it measures: no parsing beyond what the benchmark asks for.

use memchr::memmem;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any answer takes; a target that is silent for so long counts as an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection with what was read from it and not yet used.
pub(crate) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    used: usize,
    scratch: Box<[u8; 16 * 1024]>,
}

/// The head of a request or an answer.
pub(crate) struct Head(String);

/// What is left to read of a body.
pub(crate) enum Body {
    /// So many bytes.
    Length(usize),
    /// Chunks up to an empty one.
    Chunked,
    /// Nothing.
    Ended,
}

impl Wire {
    /// Connects as a client, who gives up waiting after ten seconds.
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Self::accepted(stream)
    }

    /// Takes over a connection that a listener accepted; it may stay idle for ever.
    pub(crate) fn accepted(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, held: Vec::new(), used: 0, scratch: Box::new([0; 16 * 1024]) })
    }

    /// Sends all of `bytes`, in one segment where they fit.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads the next head; `None` when the peer closed instead.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        match self.until(b"\r\n\r\n") {
            Ok(head) => Ok(Some(Head(head))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.unread().is_empty() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Appends the next piece of the body to `out`: one chunk, or all of a body with a length.
    /// False once nothing is left.
    pub(crate) fn piece(&mut self, body: &mut Body, out: &mut Vec<u8>) -> io::Result<bool> {
        match *body {
            Body::Ended => return Ok(false),
            Body::Length(length) => {
                self.take(length, out)?;
                *body = Body::Ended;
            }
            Body::Chunked => {
                let line = self.until(b"\r\n")?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
                self.take(size, out)?;
                // After the data, or instead of trailers, stands an empty line.
                if !self.until(b"\r\n")?.is_empty() {
                    return Err(io::Error::other("a chunk does not end where it said"));
                }
                if size == 0 {
                    *body = Body::Ended;
                }
            }
        }
        Ok(!matches!(body, Body::Ended))
    }

    /// Reads a whole body into `out`, replacing what was there.
    pub(crate) fn body(&mut self, mut body: Body, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        while self.piece(&mut body, out)? {}
        Ok(())
    }

    fn unread(&self) -> &[u8] {
        self.held.get(self.used..).unwrap_or_default()
    }

    fn until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            if let Some(length) = memmem::find(self.unread(), end) {
                let text = self.unread().get(..length).unwrap_or_default();
                let text = String::from_utf8_lossy(text).into_owned();
                self.used += length + end.len();
                return Ok(text);
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        while self.unread().len() < length {
            self.fill()?;
        }
        out.extend_from_slice(self.unread().get(..length).unwrap_or_default());
        self.used += length;
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.held.drain(..self.used);
        self.used = 0;
        let count = self.stream.read(self.scratch.as_mut_slice())?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.held.extend_from_slice(self.scratch.get(..count).unwrap_or_default());
        Ok(())
    }
}

impl Head {
    /// The answer's status; 0 where the first line has none.
    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.split("\r\n").skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// How the body that follows is framed.
    pub(crate) fn body(&self) -> Body {
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        if let Some(length) = length {
            return Body::Length(length);
        }
        match self.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => Body::Chunked,
            _ => Body::Ended,
        }
    }
}

/// One call without a connection to keep: the status and the body.
pub(crate) fn call(address: SocketAddr, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut wire = Wire::connect(address)?;
    wire.send(request)?;
    let head = wire.head()?.ok_or(ErrorKind::UnexpectedEof)?;
    let mut body = Vec::new();
    wire.body(head.body(), &mut body)?;
    Ok((head.status(), body))
}

/// A request's bytes. `headers` are whole lines, each with its line end.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\
         Content-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
