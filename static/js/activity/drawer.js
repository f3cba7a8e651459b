// One exchange in full. Owns the panel and its grouping of the record's fields; every field of the
// record is shown under the name that the API gives it, also one that we do not know yet.

import { copyButton, el, icon, svg } from "../dom.js";
import {
  NONE, bytes, count, duration, localMoment, micros, outcomeLabel, score, tierLabel, utcMoment,
} from "../format.js";
import { link } from "../router.js";
import { doneLabel } from "./found.js";

const GROUPS = [
  ["Identity", ["agent_name", "agent_id", "agent_type", "roles", "session_id", "token_id", "app_context", "surface"]],
  ["Call", ["tool_name", "mcp_server", "action", "target", "endpoint", "model", "message_count",
    "has_system_prompt", "has_tools", "tool_names", "stream", "request_bytes"]],
  ["Policy", ["policy_result", "policy_rule", "policy_reason", "policy_version", "permission", "tools_removed"]],
  ["Detection", ["findings", "scan", "detection_version", "trust_score", "risk_score", "risk_tier"]],
  ["Answer", ["outcome", "status_code", "error_code", "response_model", "finish_reason", "input_tokens",
    "output_tokens", "cached_tokens", "reasoning_tokens", "usage_source", "response_bytes"]],
  ["Timing", ["started_at", "gateway_us", "time_to_first_byte_ms", "latency_ms"]],
  ["Integrity", ["id", "node", "seq", "previous_hash", "event_hash", "receipt_hash"]],
];
const KNOWN = new Set(GROUPS.flatMap(([, names]) => names));
const COPIED = new Set([
  "id", "agent_id", "session_id", "token_id", "app_context", "previous_hash", "event_hash", "receipt_hash",
]);

const SHOW = {
  started_at: (iso) => el("span", {},
    el("time", { datetime: iso, title: utcMoment(iso) }, localMoment(iso)),
    el("br"), el("span", { class: "muted mono" }, utcMoment(iso))),
  latency_ms: duration,
  time_to_first_byte_ms: duration,
  gateway_us: micros,
  request_bytes: bytes,
  response_bytes: bytes,
  input_tokens: count,
  output_tokens: count,
  cached_tokens: count,
  reasoning_tokens: count,
  message_count: count,
  trust_score: score,
  risk_score: score,
  risk_tier: tierLabel,
  policy_result: (result) => el("span", { class: `result result-${result}` }, result),
  policy_rule: showRule,
  scan: (scan) => [scan.extent, scan.reason].filter(Boolean).join(", "),
  findings: (findings) => findings.length === 0 ? NONE : el("ul", { class: "findings-list" },
    findings.map(showFinding)),
};

export function createDrawer({ onClose }) {
  const title = el("h2", { class: "drawer-title", id: "drawer-title", tabindex: "-1" });
  const content = el("div", { class: "drawer-content" });
  let record = null;
  const json = copyButton("Copy the record as JSON", () => JSON.stringify(record, null, 2), "JSON");
  const close = el("button", {
    type: "button", class: "button button-quiet button-icon", id: "drawer-close", title: "Close (Esc)",
    aria: { label: "Close" }, onclick: onClose,
  }, icon("close"));
  const node = el("div", {
    class: "drawer", id: "drawer", role: "dialog", hidden: true, aria: { labelledby: "drawer-title" },
  }, el("div", { class: "drawer-head" }, title, json, close), content);

  function open(head, ...body) {
    title.replaceChildren(...head);
    content.replaceChildren(...body);
    node.hidden = false;
  }

  return {
    node,
    title,
    get id() {
      return node.hidden ? null : node.dataset.id;
    },
    show(next) {
      const same = node.dataset.id === next.id && !node.hidden;
      const scrolled = content.scrollTop;
      record = next;
      json.hidden = false;
      node.dataset.id = next.id;
      node.dataset.outcome = next.outcome ?? "running";
      open(["Exchange"], summary(next), groups(next));
      content.scrollTop = same ? scrolled : 0;
    },
    /** Shows words instead of a record: it is being fetched, or cannot be. */
    say(id, text) {
      node.dataset.id = id;
      delete node.dataset.outcome;
      json.hidden = true;
      open(["Exchange"], el("p", { class: "drawer-note muted" }, text), el("p", { class: "drawer-note mono" }, id));
    },
    hide() {
      node.hidden = true;
      record = null;
    },
  };
}

function summary(record) {
  return el("div", { class: "drawer-summary" },
    el("p", { class: "drawer-outcome" },
      el("span", { class: "outcome-dot" }),
      el("strong", {}, outcomeLabel(record.outcome)),
      el("span", { class: "muted" }, [record.status_code, record.error_code].filter(Boolean).join(" "))),
    el("p", { class: "drawer-call" }, `${record.action} ${record.target}`),
    el("p", { class: "muted" },
      [record.agent_name ?? "no identity", record.model].filter(Boolean).join(" → ")),
    timeline(record));
}

// Where the time went: until the first byte, and from there to the last.
function timeline({ latency_ms: whole, time_to_first_byte_ms: first }) {
  if (!whole || first === null) return null;
  const at = Math.min(99, Math.max(1, (first / whole) * 100));
  return el("div", { class: "timeline", aria: { hidden: "true" } },
    svg("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none" },
      svg("rect", { class: "timeline-wait", width: at, height: 6 }),
      svg("rect", { class: "timeline-rest", x: at + 0.4, width: Math.max(0, 99.6 - at), height: 6 })),
    el("p", {},
      el("span", {}, `first byte ${duration(first)}`),
      el("span", {}, `end ${duration(whole)}`)));
}

function groups(record) {
  const rest = Object.keys(record).filter((name) => !KNOWN.has(name));
  const all = rest.length === 0 ? GROUPS : [...GROUPS, ["Other", rest]];
  return el("div", {}, all.map(([name, names]) =>
    el("section", { class: "group", dataset: { group: name.toLowerCase() } },
      el("h3", {}, name),
      el("dl", { class: "fields" }, names.map((field) => fieldOf(field, record))))));
}

function fieldOf(name, record) {
  const value = record[name] ?? null;
  const shown = value === null ? NONE : (SHOW[name] ?? plain)(value, record);
  return el("div", { class: "field-row" },
    el("dt", {}, name),
    el("dd", { class: shown === NONE ? "muted" : null, dataset: { field: name } },
      el("span", { class: COPIED.has(name) && value !== null ? "mono" : null }, shown),
      COPIED.has(name) && value !== null ? copyButton(`Copy ${name}`, () => value) : null));
}

function plain(value) {
  if (Array.isArray(value)) return value.length === 0 ? NONE : value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// One finding with all its fields; what it found is nowhere to be had.
function showFinding(finding) {
  const { type, count: times, action, severity, rule, hmac, ...rest } = finding;
  return el("li", {},
    el("p", {},
      el("strong", {}, type), ` ×${times} `,
      el("span", { class: "tag severity", dataset: { severity } }, severity), " ",
      el("span", { class: "tag" }, doneLabel(action))),
    el("p", { class: "muted" }, [rule, ...Object.values(rest)].filter(Boolean).join(", ")),
    hmac ? el("p", { class: "mono muted" }, hmac) : null);
}

function showRule(rule, record) {
  const line = /^line (\d+)/.exec(rule)?.[1];
  if (!line) return rule;
  return el("span", {},
    el("a", { href: link("policy", { line, version: record.policy_version }) }, `line ${line}`),
    el("code", {}, rule.slice(`line ${line}`.length)));
}
