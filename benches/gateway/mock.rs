//! The mock upstream: an OpenAI-shaped chat endpoint whose timing the caller chooses by header.
//!
//! It runs as a process of its own, so that its CPU time is not anybody else's. One blocking thread
//! per connection, because a thread's sleep is accurate to some fifty microseconds, while a timer
//! wheel rounds to the millisecond and would hide the very delays that are to be measured.

#![expect(clippy::disallowed_methods, reason = "a thread of its own per connection may sleep")]

use crate::{
    payload,
    wire::{Head, Wire},
};
use memchr::memmem;
use std::{
    io::{self, Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

/// Threads only hold small buffers; hundreds of them should not weigh anything.
pub(crate) const STACK_BYTES: usize = 128 * 1024;

/// Prints the port on the first line of standard output, then serves until standard input ends,
/// which is when the benchmark that started it ends, however it does.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The standard library asks for 128 waiting connections, fewer than come at once.
    rustix::net::listen(&listener, 1024)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?.port())?;
    stdout.flush()?;
    thread::spawn(move || accept(&listener));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn accept(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        let Ok(wire) = Wire::accepted(stream) else { continue };
        // A connection that breaks is its client's to report; a thread that cannot start closes it.
        let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || converse(wire));
    }
}

fn converse(mut wire: Wire) -> io::Result<()> {
    let answer = chat_answer();
    let mut body = Vec::new();
    while let Some(head) = wire.head()? {
        wire.body(head.body(), &mut body)?;
        let delay = micros(&head, payload::DELAY_US);
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        if memmem::find(&body, br#""stream":true"#).is_some() {
            let counted = memmem::find(&body, br#""include_usage":true"#).is_some();
            stream(&mut wire, &head, counted)?;
        } else {
            wire.send(&answer)?;
        }
    }
    Ok(())
}

fn chat_answer() -> Vec<u8> {
    let body = payload::CHAT_ANSWER;
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends the chunks at fixed times after the start, so that a slow reader does not slow the pace.
fn stream(wire: &mut Wire, head: &Head, counted: bool) -> io::Result<()> {
    // `X-Accel-Buffering` tells nginx to pass chunks on at once, as one would configure it for SSE.
    wire.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n\
          Transfer-Encoding: chunked\r\n\r\n",
    )?;
    let chunks = head.header(payload::CHUNKS).and_then(|count| count.parse().ok()).unwrap_or(0);
    let interval = micros(head, payload::INTERVAL_US);
    let mut due = Instant::now();
    let (mut event, mut frame) = (Vec::new(), Vec::new());
    for index in 0..chunks {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += interval;
        event.clear();
        payload::write_event(index, payload::now(), counted, &mut event);
        write_chunk(&event, &mut frame)?;
        wire.send(&frame)?;
        frame.clear();
    }
    if counted {
        write_chunk(payload::USAGE.as_bytes(), &mut frame)?;
    }
    write_chunk(payload::DONE, &mut frame)?;
    frame.extend_from_slice(b"0\r\n\r\n");
    wire.send(&frame)
}

fn write_chunk(data: &[u8], frame: &mut Vec<u8>) -> io::Result<()> {
    write!(frame, "{:x}\r\n", data.len())?;
    frame.extend_from_slice(data);
    frame.extend_from_slice(b"\r\n");
    Ok(())
}

fn micros(head: &Head, name: &str) -> Duration {
    let micros = head.header(name).and_then(|value| value.parse().ok());
    Duration::from_micros(micros.unwrap_or(0))
}
