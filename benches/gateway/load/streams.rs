//! Streams, side by side, from first to last chunk.

use super::{RUN_UP, Sample, Tally, check_status, connect, sleep_until, watch};
use crate::{
    options::Options,
    payload,
    stats::{count, micros},
    target::Target,
    wire::Wire,
};
use memchr::memmem;
use std::{
    io::{self, ErrorKind},
    thread,
    time::Instant,
};

/// A short stream on every connection comes first, all at once too, so that a proxy has as many
/// connections to the upstream as it will need.
const WARM_UP_CHUNKS: usize = 10;

/// Streams start spread over so many intervals, as streams do that know nothing of each other: begun
/// all at once they would measure how the load generator copes with that. The number is odd and no
/// multiple of five so that, with round numbers of streams, no two of them send at the same time.
const START_INTERVALS: f64 = 21.0;

/// A request for a stream, and how many chunks it has.
struct Plan {
    request: Vec<u8>,
    chunks: usize,
}

/// Loads `target` with its streams.
pub(crate) fn streams(target: &Target, options: &Options, headers: &str) -> io::Result<Sample> {
    let interval = options.interval();
    let plan = |chunks: usize| {
        let (name, pace, micros) = (payload::CHUNKS, payload::INTERVAL_US, interval.as_micros());
        let headers = format!("{headers}{name}: {chunks}\r\n{pace}: {micros}\r\n");
        Plan { request: target.chat_request(&headers, payload::STREAM_REQUEST), chunks }
    };
    let (warm_up, plan) = (&plan(WARM_UP_CHUNKS), &plan(options.chunks));
    let start = Instant::now() + RUN_UP * 2 + interval * 10;
    let stagger = interval.mul_f64(START_INTERVALS / count(options.streams).max(1.0));
    thread::scope(|scope| {
        let read = |index: usize| {
            let begin = start + stagger.mul_f64(count(index));
            connect(scope, move || {
                let mut tally = Tally::default();
                let mut read = || {
                    let mut wire = Wire::connect(target.address)?;
                    read_stream(&mut wire, warm_up, &mut Tally::default())?;
                    sleep_until(begin);
                    read_stream(&mut wire, plan, &mut tally)
                };
                if let Err(error) = read() {
                    tally.fail(&error);
                }
                tally
            })
        };
        let reading = (0..options.streams).map(read).collect::<io::Result<Vec<_>>>()?;
        watch(target, reading, start, None)
    })
}

fn read_stream(wire: &mut Wire, plan: &Plan, tally: &mut Tally) -> io::Result<()> {
    let asked = Instant::now();
    wire.send(&plan.request)?;
    let head = wire.head()?.ok_or(ErrorKind::UnexpectedEof)?;
    check_status(head.status())?;
    let mut body = head.body();
    let (mut text, mut expected) = (Vec::new(), Vec::new());
    let (mut chunks, mut done) = (0, false);
    loop {
        let more = wire.piece(&mut body, &mut text)?;
        while let Some(length) = memmem::find(&text, b"\n\n") {
            let event = text.drain(..length + 2).collect::<Vec<u8>>();
            let Some(sent) = payload::sent_at(&event) else {
                done = event == payload::DONE;
                continue;
            };
            tally.delays.push(micros(payload::since(sent)));
            if chunks == 0 {
                tally.first_bytes.push(micros(asked.elapsed()));
            }
            expected.clear();
            payload::write_event(chunks, sent, false, &mut expected);
            if event != expected {
                return Err(io::Error::other("a chunk is not the upstream's"));
            }
            chunks += 1;
        }
        if !more {
            break;
        }
    }
    if chunks != plan.chunks || !done || !text.is_empty() {
        return Err(io::Error::other(format!("the stream ended after {chunks} chunks")));
    }
    Ok(())
}
