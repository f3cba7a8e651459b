// Reads server-sent events with fetch, because EventSource shows neither a status nor lets us resume
// after our own reconnects. Owns the parser (pure) and the connection; knows nothing of records.

import { secondsOf } from "./api.js";

const SILENCE_MS = 45_000; // the server pings every 15 s
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const OFFLINE_AFTER = 4; // failures in a row

/**
 * A parser for the event-stream format. Feed it text as it arrives; each call returns the events
 * that became complete: `{ type, data, id }`, `id` being the last one seen.
 */
export function createParser() {
  let rest = "";
  let first = true;
  let id = "";
  let type = "";
  let data = [];

  function line(text, events) {
    if (text === "") {
      if (data.length > 0) events.push({ type: type || "message", data: data.join("\n"), id });
      type = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon === -1 ? text : text.slice(0, colon);
    let value = colon === -1 ? "" : text.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") type = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  return function feed(chunk) {
    const events = [];
    rest += chunk;
    if (first && rest !== "") {
      first = false;
      if (rest.startsWith("\uFEFF")) rest = rest.slice(1);
    }
    let start = 0;
    for (;;) {
      const end = nextBreak(rest, start);
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (end === -1 || (rest[end] === "\r" && end + 1 === rest.length)) break;
      line(rest.slice(start, end), events);
      start = rest[end] === "\r" && rest[end + 1] === "\n" ? end + 2 : end + 1;
    }
    rest = rest.slice(start);
    return events;
  };
}

function nextBreak(text, from) {
  const feed = text.indexOf("\n", from);
  const back = text.indexOf("\r", from);
  if (feed === -1 || back === -1) return Math.max(feed, back);
  return Math.min(feed, back);
}

/** The wait before attempt `failures` + 1, with jitter so that many dashboards do not return at once. */
export function backoffMs(failures, random = Math.random()) {
  const step = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1] ?? BACKOFF_MS[0];
  return Math.round(step * (0.75 + random / 2));
}

/**
 * Keeps a stream open for as long as it is wanted. `onEvent(event)`, `onUnauthorized()` and
 * `onState({ state, retryAt })`, state being connecting, live, reconnecting or offline.
 */
export function openEvents(url, { onEvent, onState, onUnauthorized }) {
  let closed = false;
  let failures = 0;
  let live = false;
  let lastId = "";
  let abort = null;
  let timer = 0;

  async function connect() {
    if (closed) return;
    clearTimeout(timer);
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => mine.abort(), SILENCE_MS);
    };
    let wait = null;
    try {
      heard();
      wait = await read(mine.signal, heard);
    } catch {
      // Whatever ended it, the answer is the same: try again.
    }
    clearTimeout(silence);
    if (!closed && abort === mine) retryLater(wait);
  }

  async function read(signal, heard) {
    // To follow is no use of a session: a page that nobody touches reconnects by itself.
    const headers = { accept: "text/event-stream", "x-portcullis-unattended": "1" };
    if (lastId !== "") headers["last-event-id"] = lastId;
    const response = await fetch(url, { headers, signal, credentials: "same-origin", cache: "no-store" });
    if (response.status === 401) {
      close();
      onUnauthorized();
      return null;
    }
    if (!response.ok || response.body === null) return secondsOf(response.headers.get("retry-after"));
    const feed = createParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return null;
      heard();
      if (!live) {
        failures = 0;
        say("live");
      }
      for (const event of feed(value)) {
        if (event.id !== "") lastId = event.id;
        onEvent(event);
      }
    }
  }

  function say(state, retryAt = null) {
    live = state === "live";
    onState({ state, retryAt });
  }

  function retryLater(waitSecs) {
    failures += 1;
    const wait = Math.max(backoffMs(failures), (waitSecs ?? 0) * 1000);
    const gone = navigator.onLine === false || failures >= OFFLINE_AFTER;
    say(gone ? "offline" : "reconnecting", Date.now() + wait);
    timer = setTimeout(connect, wait);
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    abort?.abort();
    removeEventListener("online", connect);
  }

  addEventListener("online", connect);
  say("connecting");
  connect();
  return { close, retry: connect };
}
