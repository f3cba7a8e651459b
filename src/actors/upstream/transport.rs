//! The transport below awc: TCP or TLS, on which an early end is an error and heads are as awc reads them.
//!
//! Owns four rules. When the provider closes the connection, reading fails instead of ending: awc takes a
//! closed connection for the end of a body, so a cut answer would look whole; only a body that is delimited by
//! the close itself may end so, and its reader knows that. An interim answer is left out: awc takes it for the
//! answer and gives the connection, with the real one still to come, to the next call. A head whose body ends
//! by close says so in its version. What the provider takes no more of, because it answered before the request's
//! end and closed, is swallowed: awc would report the failed write and never read the answer. TLS is done here, so
//! that the rules hold above it. It must never hold more than a head.

use super::head::{self, Head};
use super::provider::Tls;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use actix_web::{
    dev::Service,
    rt::net::{ActixStream, Ready, TcpStream},
};
use awc::http::Uri;
use bytes::{Buf, BytesMut};
use futures_util::future::LocalBoxFuture;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// A longer head is not read.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const READ_AT_ONCE: usize = 4 * 1024;

/// Opens connections that keep the rules. awc is given `http` addresses; whether there is TLS below is known
/// here.
#[derive(Clone)]
pub(super) struct Dial<S> {
    pub(super) tcp: S,
    pub(super) tls: Option<Tls>,
}

impl<S> Service<ConnectInfo<Uri>> for Dial<S>
where
    S: Service<
            ConnectInfo<Uri>,
            Response = Connection<Uri, TcpStream>,
            Error = ConnectError,
            Future: 'static,
        >,
{
    type Response = Connection<Uri, StrictStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx)
    }

    fn call(&self, target: ConnectInfo<Uri>) -> Self::Future {
        let (connecting, tls) = (self.tcp.call(target), self.tls.clone());
        Box::pin(async move {
            let (stream, uri) = connecting.await?.into_parts();
            stream.set_nodelay(true).map_err(ConnectError::Io)?;
            let wire = match tls {
                None => Wire::Plain(stream),
                Some(Tls { connector, name }) => {
                    let stream = connector.connect(name, stream).await.map_err(ConnectError::Io)?;
                    Wire::Tls(Box::new(stream))
                }
            };
            Ok(Connection::new(uri, StrictStream::new(wire)))
        })
    }
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls the same method of whichever stream there is.
macro_rules! on_wire {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match &mut $stream.wire {
            Wire::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Wire::Tls(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

/// A connection that keeps the rules.
#[derive(Debug)]
pub(super) struct StrictStream {
    wire: Wire,
    /// A request was written and the head of its answer has not been read.
    awaits_head: bool,
    /// The provider takes no more of the request, and may have answered it.
    swallows: bool,
    /// Read from the wire, not yet given out.
    pending: BytesMut,
}

impl StrictStream {
    fn new(wire: Wire) -> Self {
        Self { wire, awaits_head: true, swallows: false, pending: BytesMut::new() }
    }

    /// Reads from the wire; its end is an error.
    fn poll_wire(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        ready!(on_wire!(self, poll_read(cx, buffer)))?;
        if has_room && buffer.filled().len() == filled {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(()))
    }

    /// Reads until the answer's own head is pending.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.awaits_head {
            match head::read(&self.pending) {
                Head::Interim(length) => self.pending.advance(length),
                Head::Final { ends_by_close } => {
                    if let (true, Some(minor)) =
                        (ends_by_close, self.pending.get_mut(head::MINOR_VERSION_AT))
                    {
                        *minor = b'0';
                    }
                    self.awaits_head = false;
                }
                Head::Unreadable => self.awaits_head = false,
                Head::Switch => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Head::Incomplete if self.pending.len() > MAX_HEAD_BYTES => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Head::Incomplete => {
                    let mut bytes = [0; READ_AT_ONCE];
                    let mut buffer = ReadBuf::new(&mut bytes);
                    ready!(self.poll_wire(cx, &mut buffer))?;
                    self.pending.extend_from_slice(buffer.filled());
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// A connection on which a request broke off serves no other.
    fn begin_write(&mut self) -> io::Result<()> {
        if self.swallows {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.awaits_head = true;
        Ok(())
    }

    /// What a write came to. One that fails counts only where no answer has come before it.
    fn settle_write(
        &mut self,
        cx: &mut Context<'_>,
        written: io::Result<usize>,
        length: usize,
    ) -> Poll<io::Result<usize>> {
        let Err(failure) = written else { return Poll::Ready(written) };
        self.swallows = true;
        self.swallow(cx, length).map_err(|_no_answer| failure)
    }

    fn swallow(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        match self.poll_head(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(length)),
        }
    }

    /// Whether what is written still belongs to the request of which no more is taken. Once its answer's head was
    /// given out it is another one, and fails on the wire.
    fn is_given_up(&self) -> bool {
        self.swallows && (self.awaits_head || !self.pending.is_empty())
    }
}

impl AsyncRead for StrictStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_head(cx))?;
        if self.pending.is_empty() {
            return self.poll_wire(cx, buffer);
        }
        let length = self.pending.len().min(buffer.remaining());
        buffer.put_slice(self.pending.get(..length).unwrap_or_default());
        self.pending.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StrictStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_given_up() {
            return self.swallow(cx, bytes.len());
        }
        self.begin_write()?;
        let written = ready!(on_wire!(self, poll_write(cx, bytes)));
        self.settle_write(cx, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = bytes.iter().map(|slice| slice.len()).sum();
        if self.is_given_up() {
            return self.swallow(cx, length);
        }
        self.begin_write()?;
        let written = ready!(on_wire!(self, poll_write_vectored(cx, bytes)));
        self.settle_write(cx, written, length)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_given_up() {
            return self.swallow(cx, 0).map_ok(|_| ());
        }
        let flushed = ready!(on_wire!(self, poll_flush(cx)));
        self.settle_write(cx, flushed.map(|()| 0), 0).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_wire!(self, poll_shutdown(cx))
    }
}

impl ActixStream for StrictStream {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        match &self.wire {
            Wire::Plain(stream) => ActixStream::poll_read_ready(stream, cx),
            Wire::Tls(stream) => ActixStream::poll_read_ready(stream.get_ref().0, cx),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        match &self.wire {
            Wire::Plain(stream) => ActixStream::poll_write_ready(stream, cx),
            Wire::Tls(stream) => ActixStream::poll_write_ready(stream.get_ref().0, cx),
        }
    }
}
