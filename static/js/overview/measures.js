// What the overview counts: of a sum, in words, and which records are behind a figure. Pure.

import { count, duration, inUnit, micros, shortCount } from "../format.js";

const plain = (name) => (sum) => sum[name] ?? 0;
const known = (name) => (sum) => sum[name] ?? null;
const tokens = (sum) => plain("input_tokens")(sum) + plain("output_tokens")(sum);
const others = (sum) => Math.max(0, (sum.calls ?? 0) - (sum.denied ?? 0) - (sum.blocked ?? 0) - (sum.failed ?? 0));

/** Sums of an older Portcullis know how long calls took together, but no percentiles; nor do too many sums. */
export const isUntold = (sum) => sum.latency_ms > 0 && known("latency_p95_ms")(sum) === null;
export const UNTOLD = "Not known: calls before the upgrade, or too many names to add up in this time";

const CALLS = { kind: "calls" };

/** A time of which 95 of 100 calls needed no more; `spread` of a sum says more of it. Such figures are not added up. */
const time = (name, unit, format, axis) => ({
  axis,
  of: known(`${name}_p95_${unit}`), format, records: CALLS,
  spread: (sum) => isUntold(sum) ? UNTOLD : ["p50", "p95", "p99"].map((p) => `${p} ${format(sum[`${name}_${p}_${unit}`])}`).join(", "),
  lines: [["p50", "2"], ["p95", "accent"], ["p99", "muted", true]].map(([p, tone, quiet]) => [p, tone, known(`${name}_${p}_${unit}`), quiet]),
});

/** `of` a sum is the figure, `records` the filter of what is behind it; `exact` is the figure in full. */
export const MEASURES = {
  calls: { title: "Calls", of: plain("calls"), records: CALLS },
  denied: { title: "Denied", hint: "By the policy", of: plain("denied"), records: { policy_result: "deny" } },
  blocked: { title: "Blocked", hint: "Stopped by a detection rule", of: plain("blocked"), records: { outcome: "blocked" } },
  failed: { title: "Failed", hint: "At the provider, or interrupted", of: plain("failed"), records: { kind: "failures" } },
  findings: { title: "Findings", hint: "Of detection rules; a call can have several", of: plain("findings"), records: { kind: "findings" } },
  tokens: { title: "Tokens", hint: "Input and output", of: tokens, records: CALLS },
  latency: { ...time("latency", "ms", duration, inUnit([1_000, "s"], [1, "ms"])), title: "p95 latency", hint: "95 of 100 whole calls, to the last byte, took no longer" },
  gateway: { ...time("gateway", "us", micros, inUnit([1_000, "ms"], [1, "µs"])), title: "p95 in the gate", hint: "The gate’s own share: in 95 of 100 calls it took no longer before they went on" },
};
for (const measure of Object.values(MEASURES)) {
  measure.exact = measure.format ?? count;
  measure.format ??= shortCount;
}

const PERCENTILES = "Half of the calls took no longer than p50, 95 of 100 no longer than p95; to within 5 %.";

/** The charts: `measure` gives words and records; `series` are `[name, tone, of, quiet]`. */
export const CHARTS = [
  { title: "Calls", measure: "calls", about: "Other calls were answered, or rejected for a mistake of their caller.", series: [
    ["Other calls", "accent", others], ["Failed", "warn", plain("failed")], ["Blocked", "block", plain("blocked")], ["Denied", "bad", plain("denied")]] },
  { title: "Tokens", measure: "tokens", series: [["Input", "1", plain("input_tokens")], ["Output", "2", plain("output_tokens")]] },
  { title: "Findings", measure: "findings", series: [["Findings", "warn", plain("findings")]] },
  { title: "Denied by the policy", measure: "denied", series: [["Denied", "bad", plain("denied")]] },
  { title: "Latency", measure: "latency", about: `Whole calls, to the last byte. ${PERCENTILES}`, series: MEASURES.latency.lines },
  { title: "The gate’s own share", measure: "gateway", about: `What the gate took before a call went on. ${PERCENTILES}`, series: MEASURES.gateway.lines },
];

/** What ranks can be ordered by. */
export const RANKED = ["calls", "tokens", "denied", "blocked", "findings", "latency"];

/** `{ text, title }`: how a figure differs from the one before; null where there is nothing to compare. */
export function changeOf(name, is, was) {
  if (!was || is === null) return null;
  const change = Math.round(((is - was) / was) * 100);
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
  return {
    text: change > 999 ? `×${shortCount(Math.round(is / was))}` : `${sign}${Math.abs(change)} %`,
    title: `${MEASURES[name].exact(was)} in the same time before`,
  };
}
