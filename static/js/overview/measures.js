// What the overview counts: of a sum, in words, and which records are behind a figure. Pure.

import { count, duration, micros, shortCount } from "../format.js";

const plain = (name) => (sum) => sum[name] ?? 0;
const average = (name) => (sum) => (sum.calls ? sum[name] / sum.calls : null);
const tokens = (sum) => plain("input_tokens")(sum) + plain("output_tokens")(sum);
const answered = (sum) => Math.max(0, (sum.calls ?? 0) - (sum.denied ?? 0) - (sum.blocked ?? 0) - (sum.failed ?? 0));

const CALLS = { kind: "calls" };

/** `of` a sum is the figure, `records` the filter of what is behind it; `exact` is the figure in full. */
export const MEASURES = {
  calls: { title: "Calls", of: plain("calls"), records: CALLS },
  denied: { title: "Denied", hint: "By the policy", of: plain("denied"), records: { policy_result: "deny" } },
  blocked: { title: "Blocked", hint: "Stopped by a detection rule", of: plain("blocked"), records: { outcome: "blocked" } },
  failed: { title: "Failed", hint: "At the provider, or interrupted", of: plain("failed"), records: { kind: "failures" } },
  findings: { title: "Findings", hint: "Of detection rules; a call can have several", of: plain("findings"), records: { kind: "findings" } },
  tokens: { title: "Tokens", hint: "Input and output", of: tokens, records: CALLS },
  latency: { title: "Average latency", hint: "Of whole calls, to the last byte", of: average("latency_ms"), format: duration, records: CALLS },
  gateway: {
    title: "Gate’s own share", hint: "Average of what the gate took itself before a call went on", of: average("gateway_us"),
    format: (us) => micros(Math.round(us)), records: CALLS,
  },
};
for (const measure of Object.values(MEASURES)) {
  measure.exact = measure.format ?? count;
  measure.format ??= shortCount;
}

/** The charts: `measure` gives words and records; `series` are `[name, tone, of]`. */
export const CHARTS = [
  { title: "Calls", measure: "calls", series: [
    ["Answered", "accent", answered], ["Failed", "warn", plain("failed")], ["Blocked", "block", plain("blocked")], ["Denied", "bad", plain("denied")]] },
  { title: "Tokens", measure: "tokens", series: [["Input", "1", plain("input_tokens")], ["Output", "2", plain("output_tokens")]] },
  { title: "Findings", measure: "findings", series: [["Findings", "warn", plain("findings")]] },
  { title: "Denied by the policy", measure: "denied", series: [["Denied", "bad", plain("denied")]] },
  { title: "Average latency", measure: "latency", lines: true, series: [["Average latency", "accent", MEASURES.latency.of]] },
  { title: "Of it the gate’s own share, average", measure: "gateway", lines: true, series: [["Gate’s own share", "2", MEASURES.gateway.of]] },
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
