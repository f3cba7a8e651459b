// Counts what finished over the last minutes, in small buckets of bounded size. Pure; callers pass the time in.

const BUCKET_MS = 5_000;
const BUCKETS = 60;
const REMEMBERED = 4_000;
const FINENESS = 40; // of the latencies' logarithms: within 1.3 %

// What the sums of the overview count as failed too: a call that the gate rejected is its caller's mistake.
const ERRORS = new Set(["upstream_error", "interrupted"]);
const FIGURES = ["calls", "denials", "errors", "findings", "tokens"];

const nothing = () => ({ ...Object.fromEntries(FIGURES.map((name) => [name, 0])), latencies: new Map() });

export class Tally {
  #buckets = new Map();
  #seen = new Set();
  /** Since when we know of everything that finished. */
  since;

  constructor(now) {
    this.since = now;
  }

  /** Counts a finished call once, however often it is told; administrators' changes are no calls. */
  add(record, at) {
    if (this.#seen.has(record.id) || record.surface === "admin") return;
    this.#remember(record.id);
    const number = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.get(number) ?? nothing();
    this.#buckets.set(number, bucket);
    bucket.calls += 1;
    if (record.outcome === "denied" || record.outcome === "blocked") bucket.denials += 1;
    if (ERRORS.has(record.outcome)) bucket.errors += 1;
    for (const finding of record.findings ?? []) bucket.findings += finding.count;
    bucket.tokens += (record.input_tokens ?? 0) + (record.output_tokens ?? 0);
    const latency = Math.round(Math.log1p(record.latency_ms ?? 0) * FINENESS);
    bucket.latencies.set(latency, (bucket.latencies.get(latency) ?? 0) + 1);
  }

  /** The newest buckets, oldest first, as one series per figure (and `p95`), with their sums (and the p95 of all). */
  read(now) {
    const last = Math.floor(now / BUCKET_MS);
    for (const number of this.#buckets.keys()) {
      if (number <= last - BUCKETS) this.#buckets.delete(number);
    }
    const buckets = Array.from({ length: BUCKETS }, (_, at) => this.#buckets.get(last - BUCKETS + 1 + at) ?? nothing());
    const series = Object.fromEntries(FIGURES.map((name) => [name, buckets.map((bucket) => bucket[name])]));
    const sums = Object.fromEntries(FIGURES.map((name) => [name, series[name].reduce((sum, value) => sum + value, 0)]));
    series.p95 = buckets.map((bucket) => p95([bucket]));
    sums.p95 = p95(buckets);
    const covered = Math.min(BUCKETS * BUCKET_MS, Math.max(BUCKET_MS, now - this.since));
    return { series, sums, coveredSecs: Math.round(covered / 1000) };
  }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
  }
}

/** The latency that 95 % of the calls stay below, in milliseconds; null without calls. */
function p95(buckets) {
  const counts = buckets.flatMap(({ latencies }) => [...latencies]).sort(([one], [other]) => other - one);
  let above = buckets.reduce((sum, { calls }) => sum + calls, 0) * 0.05;
  for (const [latency, times] of counts) {
    above -= times;
    if (above < 0) return Math.expm1(latency / FINENESS);
  }
  return null;
}
