// One exchange in full, for the drawer of any page: every field of the record under the name that the API gives
// it, also one that we do not know yet; where it stands in its chain; the session's other calls.

import * as api from "./api.js";
import { doneLabel } from "./activity/found.js";
import { changeText, changedOf, isChange } from "./change.js";
import { copyButton, el, svg } from "./dom.js";
import { createDrawer, group } from "./drawer.js";
import {
  NONE, bytes, count, duration, localMoment, micros, outcomeLabel, score, tierLabel, utcMoment,
} from "./format.js";
import { link } from "./router.js";
import { tag, timeOf } from "./ui.js";

const GROUPS = [
  ["Identity", ["agent_name", "agent_id", "agent_type", "roles", "session_id", "token_id", "app_context", "surface"]],
  ["Call", ["tool_name", "mcp_server", "action", "target", "endpoint", "model", "message_count",
    "has_system_prompt", "has_tools", "tool_names", "stream", "request_bytes"]],
  ["Policy", ["policy_result", "policy_rule", "policy_reason", "policy_version", "permission", "tools_removed"]],
  ["Detection", ["findings", "scan", "detection_version", "trust_score", "risk_score", "risk_tier"]],
  ["Answer", ["outcome", "status_code", "error_code", "response_model", "finish_reason", "input_tokens",
    "output_tokens", "cached_tokens", "reasoning_tokens", "usage_source", "response_bytes"]],
  ["Timing", ["started_at", "gateway_us", "time_to_first_byte_ms", "latency_ms"]],
];
const INTEGRITY = ["id", "node", "seq", "previous_hash", "event_hash", "receipt_hash"];
const CHANGE = ["actor", "action", "target", "surface", "started_at", "outcome"];
const KNOWN = new Set(GROUPS.flatMap(([, names]) => names).concat(INTEGRITY));
const COPIED = new Set([
  "id", "agent_id", "session_id", "token_id", "app_context", "previous_hash", "event_hash", "receipt_hash",
]);
const SESSION_CALLS = 20;
const STORED_MS = 300;
const STORED_MOST_MS = 5_000;
const UNKNOWN = "No finished exchange has this id. It may still be running, or be older than the records that are kept.";

const SHOW = {
  started_at: (iso) => el("span", {}, timeOf(iso, localMoment), el("br"), el("span", { class: "muted mono" }, utcMoment(iso))),
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
  agent_name: (name, { agent_id: id }) => el("a", { href: link("agents", { id }) }, name),
  policy_result: (result) => el("span", { class: result === "deny" ? "text-bad" : null }, result),
  policy_rule: showRule,
  scan: (scan) => [scan.extent, scan.reason].filter(Boolean).join(", "),
  findings: (findings) => findings.length === 0 ? NONE : el("ul", { class: "findings-list" }, findings.map(showFinding)),
};

/**
 * A drawer (drawer.js) for exchanges. `onClose({ byKey })`; `onOpen(id)` when the viewer goes on to another call.
 * Returns `{ node, panel, id, show(record, focus), find(id, focus), close(), stop() }`; `find` fetches the record.
 */
export function createExchangeDrawer({ beside, onClose, onOpen = () => {} }) {
  const drawer = createDrawer({ beside, onClose });
  const others = el("div", { class: "others" });
  let session = null; // whose calls stand in `others`
  let timer = 0;

  function show(record, focus = false) {
    clearTimeout(timer);
    const same = drawer.id === record.id;
    const detail = el("div", { dataset: { outcome: record.outcome ?? "running" } }, summary(record), groups(record), others);
    drawer.show(record.id, { title: isChange(record) ? "Change" : "Exchange", body: detail, focus, actions: [
      copyButton("Copy the record as JSON", () => JSON.stringify(record, null, 2), "JSON")] });
    if (!same || session !== record.session_id) showSession(record);
    if (record.outcome !== null && (record.seq ?? null) === null) later(record.id, STORED_MS);
  }

  /** A live record does not know its place in the chain: it is read again when it should be stored. */
  function later(id, wait) {
    timer = setTimeout(async () => {
      const stored = await api.exchange(id).catch(() => null);
      if (drawer.id !== id) return;
      if ((stored?.seq ?? null) !== null) show(stored);
      else if (wait < STORED_MOST_MS) later(id, wait * 2);
    }, wait);
  }

  async function find(id, focus = false) {
    say(id, "Looking for this exchange…", focus);
    try {
      const record = await api.exchange(id);
      if (drawer.id === id) show(record);
    } catch (error) {
      if (drawer.id === id) say(id, error.status === 404 ? UNKNOWN : error.message);
    }
  }

  function say(id, text, focus) {
    clearTimeout(timer);
    session = null;
    drawer.show(id, { title: "Exchange", focus, body: [el("p", { class: "drawer-note muted" }, text), el("p", { class: "drawer-note mono" }, id)] });
  }

  async function showSession({ id, session_id: wanted }) {
    session = wanted;
    others.replaceChildren();
    if (!wanted) return;
    const page = await api.exchanges({ filter: { session: wanted }, limit: SESSION_CALLS + 1 }).catch((error) => ({ error }));
    if (drawer.id !== id) return;
    const calls = page.events?.filter((record) => record.id !== id).slice(0, SESSION_CALLS);
    others.replaceChildren(el("section", { class: "group" }, el("h3", {}, "The session’s other calls"),
      page.error || calls.length === 0 ? el("p", { class: "muted" }, page.error?.message ?? "None.") : el("ul", {}, calls.map(otherCall)),
      page.next ? el("a", { href: link("audit", { session: wanted }) }, "All calls of the session") : null));
  }

  const otherCall = (record) => el("li", {}, el("button", {
    type: "button", class: "other", dataset: { outcome: record.outcome }, onclick: () => onOpen(record.id),
  }, timeOf(record.started_at), el("span", { class: "outcome-dot" }), el("span", {}, outcomeLabel(record.outcome)),
  el("span", { class: "other-model" }, record.model ?? record.endpoint ?? NONE), duration(record.latency_ms)));

  return {
    node: drawer.node,
    panel: drawer, // for what is no exchange
    get id() {
      return drawer.id;
    },
    show,
    find,
    close: drawer.close,
    stop() {
      clearTimeout(timer);
      drawer.stop();
    },
  };
}

function summary(record) {
  if (isChange(record)) return el("div", { class: "drawer-summary" }, el("strong", {}, changeText(record)), el("p", { class: "muted" }, "by ", record.actor));
  return el("div", { class: "drawer-summary" },
    el("p", { class: "drawer-outcome" },
      el("span", { class: "outcome-dot" }),
      el("strong", {}, outcomeLabel(record.outcome)),
      el("span", { class: "muted" }, [record.status_code, record.error_code].filter(Boolean).join(" "))),
    el("p", { class: "drawer-call" }, `${record.action} ${record.target}`),
    el("p", { class: "muted" },
      [record.agent_name ?? "no identity", record.model].filter(Boolean).join(" → ")),
    record.policy_result === "deny" ? el("p", { class: "text-bad" }, record.policy_reason)
      : record.policy_rule ? el("p", { class: "muted" }, "Allowed by ", showRule(record.policy_rule, record)) : null,
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
  if (isChange(record)) {
    return [group("Change", CHANGE.map((name) => [name, valueOf(name, record)])), group("Detail", changedOf(record)), integrity(record)];
  }
  const rest = Object.keys(record).filter((name) => !KNOWN.has(name));
  const all = rest.length === 0 ? GROUPS : [...GROUPS, ["Other", rest]];
  return [...all.map(([title, names]) => group(title, fieldsOf(names, record))), integrity(record)];
}

const integrity = (record) => group("Integrity", fieldsOf(INTEGRITY, record), chainNote(record));

const fieldsOf = (names, record) =>
  names.map((name) => [name, valueOf(name, record), { copy: COPIED.has(name) ? record[name] : null }]);

function valueOf(name, record) {
  const value = record[name] ?? null;
  return value === null ? null : (SHOW[name] ?? plain)(value, record);
}

function plain(value) {
  if (Array.isArray(value)) return value.length === 0 ? NONE : value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function chainNote({ seq, node, outcome }) {
  return el("p", { class: "chain-note muted" }, seq ?? null
    ? `Record ${count(seq)} of the chain of ${node}.`
    : outcome === null ? "It joins the chain when it ends." : "It is on its way into the chain.");
}

// One finding with all its fields; what it found is nowhere to be had.
function showFinding(finding) {
  const { type, count: times, action, severity, rule, hmac, ...rest } = finding;
  return el("li", {},
    el("p", {}, el("strong", {}, type), ` ×${times} `, tag(severity, TONES[severity]), " ", tag(doneLabel(action))),
    el("p", { class: "muted" }, [rule, ...Object.values(rest)].filter(Boolean).join(", ")),
    hmac ? el("p", { class: "mono muted" }, hmac) : null);
}

const TONES = { MEDIUM: "warn", HIGH: "bad", CRITICAL: "bad" };

function showRule(rule, record) {
  const line = /^line (\d+)/.exec(rule)?.[1];
  if (!line) return rule;
  return el("span", {},
    el("a", { href: link("policy", { line, version: record.policy_version }) }, `line ${line}`),
    el("code", {}, rule.slice(`line ${line}`.length)));
}
