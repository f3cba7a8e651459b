// The list of exchanges that the page shows: newest first, one row per id, bounded. Pure.
//
// While it is held, new exchanges wait (and are counted) and rows stay where they are; rows that are
// already shown still finish in place.

export const LIMIT = 300;
export const MOST = 2_000;

/** Where `id` stands, or belongs, in rows sorted newest first. UUIDv7 sorts by time. */
function place(rows, id) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle].id > id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a record into sorted rows. A finished one is never replaced by its own beginning. */
function put(rows, record) {
  const at = place(rows, record.id);
  const known = rows[at]?.id === record.id;
  if (known && rows[at].outcome !== null && record.outcome === null) return;
  rows.splice(at, known ? 1 : 0, record);
}

function remove(rows, id) {
  const at = place(rows, id);
  if (rows[at]?.id === id) rows.splice(at, 1);
}

export class Exchanges {
  rows = [];
  limit = LIMIT;
  held = false;
  /** Whether rows fell off the old end, so that a cursor behind them leaves a gap. */
  trimmed = false;
  #waiting = [];
  #overflow = 0;
  #matches = () => true;

  get(id) {
    const row = this.rows[place(this.rows, id)];
    return row?.id === id ? row : null;
  }

  /** How many new exchanges wait behind a held list. */
  get waiting() {
    return this.#waiting.length + this.#overflow;
  }

  /** Takes a live record: begun or finished. */
  add(record) {
    if (!this.#matches(record)) {
      remove(this.rows, record.id);
      remove(this.#waiting, record.id);
      return;
    }
    if (!this.held || this.get(record.id)) {
      put(this.rows, record);
      if (!this.held) this.#trim();
      return;
    }
    put(this.#waiting, record);
    if (this.#waiting.length > this.limit) {
      this.#waiting.length = this.limit;
      this.#overflow += 1;
    }
  }

  /** Takes a page of history. `older` makes room for it. */
  addPage(records, { older = false } = {}) {
    if (older) this.limit = Math.min(MOST, Math.max(this.limit, this.rows.length + records.length));
    for (const record of records) {
      if (this.#matches(record)) put(this.rows, record);
    }
    this.#trim();
  }

  hold() {
    this.held = true;
  }

  /** Lets what waited in. */
  release() {
    this.held = false;
    for (const record of this.#waiting) put(this.rows, record);
    this.#waiting = [];
    this.#overflow = 0;
    this.#trim();
  }

  /** Starts again with another filter. What already matches stays until history answers. */
  refilter(matches, running) {
    this.#matches = matches;
    this.limit = LIMIT;
    this.release();
    this.rows = this.rows.filter(matches);
    for (const record of running) this.add(record);
  }

  /** Drops finished rows older than `id`: between them and a fresh page others may be missing. */
  cutBelow(id) {
    this.rows = this.rows.filter((row) => row.id >= id || row.outcome === null);
    this.trimmed = false;
  }

  #trim() {
    if (this.rows.length <= this.limit) return;
    this.rows.length = this.limit;
    this.trimmed = true;
  }
}
