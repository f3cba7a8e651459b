// Counts what finished over the last minutes, in small buckets. Pure; callers pass the time in.

const BUCKET_MS = 5_000;
export const BUCKETS = 60;
const REMEMBERED = 4_000;

const ERRORS = new Set(["rejected", "upstream_error", "interrupted"]);

const nothing = () => ({ calls: 0, denials: 0, errors: 0, tokens: 0 });

export class Tally {
  #buckets = new Map();
  #seen = new Set();
  /** Since when we know of everything that finished. */
  since;

  constructor(now) {
    this.since = now;
  }

  /** Counts a finished record once, however often it is told. */
  add(record, at) {
    if (this.#seen.has(record.id)) return;
    this.#remember(record.id);
    const number = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.get(number) ?? nothing();
    this.#buckets.set(number, bucket);
    bucket.calls += 1;
    if (record.outcome === "denied" || record.outcome === "blocked") bucket.denials += 1;
    if (ERRORS.has(record.outcome)) bucket.errors += 1;
    bucket.tokens += (record.input_tokens ?? 0) + (record.output_tokens ?? 0);
  }

  /** The newest buckets, oldest first, as one series per figure, with their sums. */
  read(now) {
    const last = Math.floor(now / BUCKET_MS);
    for (const number of this.#buckets.keys()) {
      if (number <= last - BUCKETS) this.#buckets.delete(number);
    }
    const series = { calls: [], denials: [], errors: [], tokens: [] };
    const sums = nothing();
    for (let number = last - BUCKETS + 1; number <= last; number += 1) {
      const bucket = this.#buckets.get(number);
      for (const name of Object.keys(sums)) {
        const value = bucket?.[name] ?? 0;
        series[name].push(value);
        sums[name] += value;
      }
    }
    const covered = Math.min(BUCKETS * BUCKET_MS, Math.max(BUCKET_MS, now - this.since));
    return { series, sums, coveredSecs: Math.round(covered / 1000) };
  }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
  }
}
