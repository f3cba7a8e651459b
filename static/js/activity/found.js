// What detection found in a call, in one short line and in one long one. Pure.

import { tierLabel } from "../format.js";

const SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
const DONE = { log: "found", redact: "redacted", block: "blocked", quarantine: "quarantined" };

const badness = (finding) => [Object.keys(DONE).indexOf(finding.action), SEVERITIES.indexOf(finding.severity)];

/** The worst first: what was done counts before how severe it is. */
function byBadness(one, other) {
  const [done, severity] = badness(one);
  const [otherDone, otherSeverity] = badness(other);
  return otherDone - done || otherSeverity - severity;
}

/** What was done with a finding, as people say it. */
export const doneLabel = (action) => DONE[action] ?? action;

/** `{ text, title, severity }` of a record, or null where nothing was found and nothing removed. */
export function summaryOf(record) {
  const findings = [...(record.findings ?? [])].sort(byBadness);
  const removed = record.tools_removed ?? [];
  const parts = [];
  if (findings.length > 0) {
    const more = findings.length > 1 ? ` +${findings.length - 1}` : "";
    const [{ type, action }] = findings;
    parts.push(`${type}${action === "log" ? "" : ` ${doneLabel(action)}`}${more}`);
  }
  if (removed.length > 0) parts.push(`${removed.length === 1 ? removed[0] : `${removed.length} tools`} removed`);
  if (parts.length === 0) return null;
  const lines = findings.map((finding) =>
    `${finding.type} ×${finding.count}: ${finding.severity}, ${doneLabel(finding.action)}`);
  if (removed.length > 0) lines.push(`tools removed: ${removed.join(", ")}`);
  if (record.risk_tier) lines.push(`risk: ${tierLabel(record.risk_tier)}`);
  const severity = SEVERITIES[Math.max(...findings.map((finding) => SEVERITIES.indexOf(finding.severity)), 0)];
  return { text: parts.join(", "), title: lines.join("\n"), severity };
}
