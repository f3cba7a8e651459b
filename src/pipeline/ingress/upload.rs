//! Forms: read as far as their fields go, the file behind them streams through.
//!
//! Owns the choice between holding an upload and letting it through, and the reading of what passes. It must never
//! let the last bytes of an upload go before the whole was found to be what was authorised.

use super::{
    Body, Incoming, Unread, announced, malformed, pace::Pace, read_aside, stop_of, too_large,
};
use crate::openai::{Call, FormReader, ReadOptions, Route, boundary, must_be_held, watched_fields};
use crate::pipeline::{Gate, Inbound, Stop, record::Exchange};
use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt,
    stream::{LocalBoxStream, unfold},
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

/// What is told who writes a text behind a file that is on its way already.
const FIELDS_FIRST: &str =
    "A field stands behind the file, where it cannot be judged. Put all fields before the file.";

/// The rest of an upload, on its way to the provider.
pub(in crate::pipeline) struct Tail {
    /// The bytes behind the head.
    pub(in crate::pipeline) rest: LocalBoxStream<'static, Result<Bytes, UploadEnded>>,
    /// The whole upload's length, where the client announced it.
    pub(in crate::pipeline) length: Option<u64>,
    why: Rc<RefCell<Option<Stop>>>,
    /// Whether a rule could act on what stands in a field.
    refuses_fields: Rc<Cell<bool>>,
}

/// The upload ended early; the provider's call ends with it, and [`Tail::why`] says why.
#[derive(Debug, thiserror::Error)]
#[error("the upload was ended")]
pub(in crate::pipeline) struct UploadEnded;

impl Tail {
    /// Kept to ask, after the call failed, whether the upload was the reason.
    pub(in crate::pipeline) fn why(&self) -> Rc<RefCell<Option<Stop>>> {
        Rc::clone(&self.why)
    }

    /// Ends the upload where a field that says something comes behind the file: a rule could act on it.
    pub(in crate::pipeline) fn refuse_fields(&self) {
        self.refuses_fields.set(true);
    }
}

/// Reads a form until its call is known, or to its end where it must be held.
pub(super) async fn read(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
    route: Route,
    query: Option<&str>,
    content_type: Option<&str>,
    options: ReadOptions,
) -> Result<Incoming, Stop> {
    let (settings, limit) = (&gate.settings, gate.settings.upload_limit);
    let length = announced(inbound.request.headers());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let boundary = boundary(content_type.unwrap_or_default())?;
    let mut reader = FormReader::new(&boundary, watched_fields(route.endpoint));
    let mut pace = Pace::new(settings.body_timeout);
    let mut held = settings.budget.upload(&exchange.principal().agent_id);
    let mut head = BytesMut::new();
    let waiting_since = Instant::now();
    let mut streams = false;
    while let Some(chunk) = pace.next(&mut inbound.payload).await? {
        if head.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        if !held.take(chunk.len()) {
            return Err(stop_of(Unread::NoRoom, limit));
        }
        reader.feed(&chunk)?;
        head.extend_from_slice(&chunk);
        // Until its file begins, further fields may come: all that stands before it is judged.
        streams = must_be_held(route.endpoint, &reader) == Some(false) && reader.is_in_file();
        if streams {
            reader.stream_on();
            break;
        }
    }
    // What ends with its head is whole, and is read as such.
    let next = if streams { pace.next(&mut inbound.payload).await? } else { None };
    exchange.note_wait(waiting_since.elapsed());
    let body = Body { bytes: head.freeze(), held };
    let Some(next) = next else {
        let (query, content_type) = (query.map(str::to_owned), content_type.map(str::to_owned));
        let call = read_aside(exchange, body, move |body| {
            reader.finish()?;
            let (query, content_type) = (query.as_deref(), content_type.as_deref());
            Call::read_form(route, query, content_type, &reader, body, options)
        });
        return Ok(Incoming { call: call.await?, tail: None });
    };
    reader.feed(&next)?;
    let passed = body.bytes.len() + next.len();
    if passed > limit {
        return Err(too_large(limit));
    }
    exchange.note_body(passed, body.held);
    let call = Call::read_form(route, query, content_type, &reader, body.bytes, options)?;
    let payload = std::mem::replace(&mut inbound.payload, Payload::None);
    let passing = Passing::new(payload, pace, reader, next, passed, limit);
    exchange.note_upload(Rc::clone(&passing.uploaded));
    Ok(Incoming { call, tail: Some(passing.into_tail(length)) })
}

/// An upload that streams through.
struct Passing {
    payload: Payload,
    pace: Pace,
    reader: FormReader,
    /// Read, and held back until the next chunk, or the end, has been read as well.
    next: Option<Bytes>,
    passed: usize,
    limit: usize,
    uploaded: Rc<Cell<u64>>,
    why: Rc<RefCell<Option<Stop>>>,
    refuses_fields: Rc<Cell<bool>>,
}

impl Passing {
    fn new(
        payload: Payload,
        pace: Pace,
        reader: FormReader,
        next: Bytes,
        passed: usize,
        limit: usize,
    ) -> Self {
        let (uploaded, why, refuses_fields) = Default::default();
        Self {
            payload,
            pace,
            reader,
            next: Some(next),
            passed,
            limit,
            uploaded,
            why,
            refuses_fields,
        }
    }

    fn into_tail(self, length: Option<usize>) -> Tail {
        self.uploaded.set(u64::try_from(self.passed).unwrap_or(u64::MAX));
        let (why, refuses_fields) = (Rc::clone(&self.why), Rc::clone(&self.refuses_fields));
        let rest = unfold(Some(self), |passing| async move {
            let mut passing = passing?;
            match passing.step().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(passing))),
                Ok(None) => None,
                Err(stop) => {
                    passing.why.replace(Some(stop));
                    Some((Err(UploadEnded), None))
                }
            }
        });
        let length = length.and_then(|length| u64::try_from(length).ok());
        Tail { rest: rest.boxed_local(), length, why, refuses_fields }
    }

    fn check_fields(&self) -> Result<(), Stop> {
        let is_refused = self.refuses_fields.get() && self.reader.says_much_behind();
        if is_refused { Err(malformed(FIELDS_FIRST)) } else { Ok(()) }
    }

    /// The next chunk that may go on.
    async fn step(&mut self) -> Result<Option<Bytes>, Stop> {
        loop {
            self.check_fields()?;
            let Some(chunk) = self.pace.next(&mut self.payload).await? else {
                self.reader.finish()?;
                return Ok(self.next.take());
            };
            self.passed += chunk.len();
            if self.passed > self.limit {
                return Err(too_large(self.limit));
            }
            self.uploaded.set(u64::try_from(self.passed).unwrap_or(u64::MAX));
            self.reader.feed(&chunk)?;
            self.check_fields()?;
            if let Some(ready) = self.next.replace(chunk) {
                return Ok(Some(ready));
            }
        }
    }
}
