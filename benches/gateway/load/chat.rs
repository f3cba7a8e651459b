//! Chat calls: each connection asks again as soon as it has its answer.

use super::{RUN_UP, Sample, Tally, check_status, connect, watch};
use crate::{options::Options, payload, stats::micros, target::Target, wire::Wire};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

/// Loads `target` for as long as one measurement lasts; the upstream takes `delay` for each answer.
pub(crate) fn chat(
    target: &Target,
    options: &Options,
    headers: &str,
    connections: usize,
    delay: Duration,
) -> io::Result<Sample> {
    let headers = format!("{headers}{}: {}\r\n", payload::DELAY_US, delay.as_micros());
    let request = target.chat_request(&headers, payload::CHAT_REQUEST);
    let start = Instant::now() + RUN_UP;
    let end = start + options.window();
    thread::scope(|scope| {
        let ask = |_| connect(scope, || ask_on(target.address, &request, start, end));
        let asking = (0..connections).map(ask).collect::<io::Result<Vec<_>>>()?;
        watch(target, asking, start, Some(end))
    })
}

fn ask_on(address: SocketAddr, request: &[u8], start: Instant, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    let mut body = Vec::new();
    loop {
        let asked = Instant::now();
        let outcome = ask(&mut connection, address, request, &mut body);
        let answered = Instant::now();
        if let Err(error) = outcome {
            connection = None;
            tally.fail(&error);
            // A target that refuses at once must not be asked a million times.
            super::sleep_until(answered + Duration::from_millis(1));
        } else if answered >= start && answered < end {
            tally.delays.push(micros(answered - asked));
        }
        if answered >= end {
            return tally;
        }
    }
}

fn ask(
    connection: &mut Option<Wire>,
    address: SocketAddr,
    request: &[u8],
    body: &mut Vec<u8>,
) -> io::Result<()> {
    let wire = match connection {
        Some(wire) => wire,
        None => connection.insert(Wire::connect(address)?),
    };
    wire.send(request)?;
    let head = wire.head()?.ok_or(ErrorKind::UnexpectedEof)?;
    wire.body(head.body(), body)?;
    check_status(head.status())?;
    if body.as_slice() != payload::CHAT_ANSWER.as_bytes() {
        return Err(io::Error::other("the answer is not the upstream's"));
    }
    // A server may limit the calls per connection; the next call then pays for a new one.
    if head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *connection = None;
    }
    Ok(())
}
