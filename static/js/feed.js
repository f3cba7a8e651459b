// What the gate tells us while we are signed in: live events joined with history. Owns the one
// stream and all state made from it, so that changing pages loses nothing. Knows no page.
//
// Listeners get a topic: "connection", "rows", "history", "record" (with the record), "policy", "detections".

import * as api from "./api.js";
import { openEvents } from "./events.js";
import { Exchanges, MOST } from "./activity/exchanges.js";
import * as filters from "./activity/filter.js";
import { Tally } from "./activity/tally.js";

const PAGE = 200;
const LARGEST_PAGE = 1_000;
const CHOICES = 300;
const RUNNING = 5_000;
const RECHECKED = 100;

export class Feed {
  connection = { state: "connecting", retryAt: null };
  history = { state: "loading", error: null, next: null, older: "idle" };
  exchanges = new Exchanges();
  tally = new Tally(Date.now());
  filter = filters.read(new URLSearchParams());
  /** Exchanges in flight by id, whatever the filter. */
  running = new Map();
  /** When we heard of a running record, on our own clock: the gate's may differ. */
  heard = new WeakMap();
  agents = new Set();
  models = new Set();
  paused = false;
  policy = { version: null, error: null };
  hello = null;
  heardAt = null;

  #listeners = new Set();
  #stream = null;
  #loading = null;
  #loadedOnce = false;
  #seeded = false;
  #onSignedOut;

  constructor(onSignedOut) {
    this.#onSignedOut = onSignedOut;
  }

  start() {
    this.#stream = openEvents(api.streamUrl, {
      onEvent: (event) => this.#take(event),
      onUnauthorized: () => this.#onSignedOut(),
      onState: (connection) => {
        this.connection = connection;
        if (connection.state === "live") this.heardAt = null;
        else this.heardAt ??= Date.now();
        // No stream yet is no reason to show nothing.
        if (connection.retryAt !== null && !this.#loadedOnce) this.load();
        this.#tell("connection");
      },
    });
  }

  stop() {
    this.#stream?.close();
    this.#loading?.abort();
    this.#listeners.clear();
  }

  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  retry() {
    this.#stream.retry();
    if (this.history.state === "error") this.load();
  }

  setPaused(paused) {
    this.paused = paused;
    this.#tell("connection");
  }

  setFilter(filter) {
    if (filters.isSame(filter, this.filter)) return;
    this.filter = filter;
    this.exchanges.refilter(filters.test(filter), this.running.values());
    this.#tell("rows");
    this.load();
  }

  /** Loads the newest page, under the present filter. */
  load() {
    this.history = { state: "loading", error: null, next: null, older: "idle" };
    return this.#fetch(null, PAGE, (page) => {
      this.exchanges.addPage(page.events);
      const oldest = page.events.at(-1);
      if (page.next !== null && oldest) this.exchanges.cutBelow(oldest.id);
      this.#seed(page);
      this.history = { state: "ready", error: null, next: page.next, older: "idle" };
    });
  }

  /** Loads what lies before the oldest row. */
  loadOlder() {
    // Rows that fell off since the cursor was given would leave a gap: read from the top again.
    const again = this.exchanges.trimmed;
    const after = again ? null : this.history.next;
    const limit = again ? LARGEST_PAGE : PAGE;
    this.history = { ...this.history, older: "loading" };
    return this.#fetch(after, limit, (page) => {
      this.exchanges.addPage(page.events, { older: true });
      if (again) this.exchanges.trimmed = false;
      this.history = { state: "ready", error: null, next: page.next, older: "idle" };
    });
  }

  get hasOlder() {
    const more = this.history.next !== null || this.exchanges.trimmed;
    return this.history.state === "ready" && more && this.exchanges.rows.length < MOST;
  }

  async #fetch(after, limit, accept) {
    this.#loadedOnce = true;
    this.#loading?.abort();
    const mine = new AbortController();
    this.#loading = mine;
    this.#tell("history");
    try {
      const filter = { ...filters.forServer(this.filter), kind: "calls" };
      const page = await api.exchanges({ filter, after, limit, signal: mine.signal });
      for (const record of page.events) this.#offer(record);
      accept(page);
      for (const record of page.events) this.#finish(record);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 401) return this.#onSignedOut();
      this.history = this.history.older === "loading"
        ? { ...this.history, older: "error" }
        : { state: "error", error, next: null, older: "idle" };
    }
    this.#tell("history");
    this.#tell("rows");
  }

  #take(event) {
    let value;
    try {
      value = JSON.parse(event.data);
    } catch {
      return; // not ours to judge; the next event may be fine
    }
    if (event.type === "exchange") this.#live(value, true);
    else if (event.type === "started") this.#live(value, false);
    else if (event.type === "lost") {
      this.load();
      this.#recheck();
    }
    else if (event.type === "detections") this.#tell("detections");
    else if (event.type === "policy") {
      this.policy = value;
      this.#tell("policy");
    } else if (event.type === "hello") {
      this.hello = value;
      if (!this.#loadedOnce || this.history.state === "error") this.load();
      this.#askPolicy();
      this.#tell("connection");
    }
  }

  /** Whether the last change was refused before we came, or while we were away. */
  async #askPolicy() {
    const policy = await api.policy().catch(() => null);
    if (policy === null) return;
    this.policy = { version: policy.version, error: policy.error };
    this.#tell("policy");
  }

  #live(record, finished) {
    if (finished) {
      this.#finish(record);
      this.tally.add(record, Date.now());
    } else if (this.running.size < RUNNING) {
      this.heard.set(record, performance.now());
      this.running.set(record.id, record);
    }
    this.#offer(record);
    this.exchanges.add(record);
    this.#tell("rows");
    this.#tell("record", record);
  }

  /** After a gap, asks for the end of what still seems to run. */
  async #recheck() {
    for (const id of [...this.running.keys()].slice(-RECHECKED)) {
      const record = await api.exchange(id).catch(() => null);
      if (record !== null) this.#live(record, record.outcome !== null);
    }
  }

  #finish(record) {
    this.running.delete(record.id);
  }

  /** Remembers values for the filters to offer. */
  #offer({ agent_name: agent, model }) {
    if (agent !== null && this.agents.size < CHOICES) this.agents.add(agent);
    if (model !== null && this.models.size < CHOICES) this.models.add(model);
  }

  /** The first unfiltered page tells about the minutes before we came. */
  #seed(page) {
    if (this.#seeded || !filters.isEmpty(this.filter)) return;
    this.#seeded = true;
    for (const record of page.events) {
      this.tally.add(record, Date.parse(record.started_at) + (record.latency_ms ?? 0));
    }
    const oldest = page.events.at(-1);
    const since = page.next === null || !oldest ? 0 : Date.parse(oldest.started_at);
    this.tally.since = Math.min(this.tally.since, since);
  }

  #tell(topic, detail) {
    for (const listener of this.#listeners) listener(topic, detail);
  }
}
