// The rules of detection with what they do and how often they found something; one of them in full; and how they are
// changed. Owns the list, its filters and the dialogs; the page fetches and sends.

import { el } from "../dom.js";
import { clock, count, localMoment } from "../format.js";
import { link } from "../router.js";
import { createDrawer, group } from "../drawer.js";
import { createTable } from "../table.js";
import { button, empty, form, need, openDialog, select, tag, timeOf } from "../ui.js";

export const ACTIONS = ["allow", "log", "redact", "block", "quarantine"];
export const ACTION_TONES = { redact: "warn", block: "block", quarantine: "bad" };
export const CLASSES = ["NONE", "PII", "PHI", "FINANCIAL", "CREDENTIALS", "IP"];
export const SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
const RANGES = [["1", "Last hour"], ["24", "Last 24 hours"], ["168", "Last 7 days"], ["720", "Last 30 days"]];

export const severityOf = (severity) => el("span", { class: "severity", dataset: { severity } }, severity);
export const actionTag = (action) => tag(action, ACTION_TONES[action] ?? "");
const stateTag = (rule) => (rule.enabled ? actionTag(rule.action) : tag("off"));

/**
 * `onRange(hours)` fetches anew, `change(rule, change)` and `remove(rule, reason)` send. Returns
 * `{ node, show(view), fail(error, retry), wait(), open(id) }`.
 */
export function createRules({ session, contexts, onRange, onOpen, onAdd, change, remove }) {
  let view = null;
  const search = el("input", { class: "input rules-search", type: "search", placeholder: "Search by id, type or words", aria: { label: "Search the rules" }, oninput: filter });
  const pick = (label, options) => select([["", label], ...options], "", { aria: { label }, onchange: filter });
  const by = {
    class: pick("All classes", CLASSES),
    action: pick("All actions", ACTIONS),
    state: pick("All states", [["found", "Found something"], ["on", "Enabled"], ["off", "Disabled"], ["file", "Own rules"]]),
  };
  const range = select(RANGES, "24", { aria: { label: "Counted over" }, onchange: () => onRange(Number(range.value)) });
  const total = el("span", { class: "muted rules-total", role: "status" });
  const add = need(session, "policy_author", button("Add a rule", onAdd, { kind: "primary", picture: "plus", id: "rule-add" }));
  const table = createTable({
    label: "Rules of detection", rowKey: (rule) => rule.id, onOpen: (rule) => open(rule.id), sort: { key: "findings", down: true },
    empty: () => empty("No rule matches", "Change the filters to see others."),
    tone: (rule) => (rule.findings > 0 && rule.enabled ? ACTION_TONES[rule.action] ?? null : null),
    columns: [
      { key: "id", title: "Rule", sort: true, cell: (rule) => [el("strong", {}, rule.id), rule.source === "file" ? [" ", tag("own", "accent")] : []].flat() },
      { key: "type", title: "Type", sort: true, mono: true, narrow: "m" },
      { key: "severity", title: "Severity", narrow: "s", sort: (rule) => SEVERITIES.indexOf(rule.severity), cell: (rule) => severityOf(rule.severity) },
      { key: "lifecycle", title: "Direction", narrow: "l", cell: (rule) => ways(rule.lifecycle) },
      { key: "action", title: "Action", sort: (rule) => (rule.enabled ? ACTIONS.indexOf(rule.action) : -1), cell: (rule) => [stateTag(rule), exceptions(rule)] },
      { key: "findings", title: "Found", numeric: true, sort: true, cell: (rule) => foundLink(rule, view) },
      { key: "last_at", title: "Last", sort: true, narrow: "m", cell: (rule) => timeOf(rule.last_at, clock) },
    ],
  });
  const list = el("div", { class: "rules" },
    el("div", { class: "filters" }, search, Object.values(by), range, total, add), table.node);
  const drawer = createDrawer({ beside: list, onClose: () => (table.setActive(null), onOpen(null)) });

  function filter() {
    if (view === null) return;
    const words = search.value.trim().toLowerCase().split(/\s+/);
    const states = {
      "": () => true, found: (rule) => rule.findings > 0, on: (rule) => rule.enabled, off: (rule) => !rule.enabled, file: (rule) => rule.source === "file",
    };
    const rows = view.rules.filter((rule) => {
      const text = `${rule.id} ${rule.type} ${rule.class} ${rule.description ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word)) && (!by.class.value || rule.class === by.class.value)
        && (!by.action.value || rule.action === by.action.value) && states[by.state.value](rule);
    });
    table.setRows(rows);
    const all = view.rules.length;
    total.replaceChildren(`${rows.length === all ? "" : `${count(rows.length)} of `}${count(all)} ${all === 1 ? "rule" : "rules"}`);
  }

  function open(id) {
    const rule = view?.rules.find((each) => each.id === id);
    if (!rule) return;
    table.setActive(id);
    onOpen(id);
    const own = (label, act, more) => need(session, "policy_author", button(label, act, more));
    drawer.show(id, {
      title: id,
      actions: [
        own(rule.enabled ? "Disable" : "Enable", () => askState(rule), { id: "rule-state" }),
        own("Change action", () => askAction(rule), { id: "rule-action" }),
      ],
      body: detail(rule, view, rule.source === "file" ? own("Delete this rule", () => askRemoval(rule), { kind: "danger" }) : null),
    });
  }

  function ask(title, fields, label, run, more = {}) {
    const asked = form({ fields: [...fields, { name: "reason", label: "Reason", required: true, maxlength: 256 }] });
    openDialog({ title, body: [more.text ? el("p", {}, more.text) : "", asked.node], actions: [{ label, kind: more.kind ?? "primary", run: () => {
      const values = asked.value();
      return values === null ? false : run(values);
    } }] });
  }

  function askState(rule) {
    const [word, text] = rule.enabled
      ? ["Disable", "It is no longer looked for, in any call."] : ["Enable", `It is looked for again; what it finds: ${rule.action}.`];
    ask(`${word} ${rule.id}`, [], word, ({ reason }) => change(rule, { enabled: !rule.enabled, reason }), { text });
  }

  function askAction(rule) {
    ask(`Change what ${rule.id} does`, [
      { name: "deed", label: "Action", type: "select", options: [...ACTIONS, ["reset", "as the rest of the file says"]], value: rule.action },
      { name: "lifecycle", label: "Direction", type: "select", options: [["", "both ways"], ...Object.entries(WAYS)] },
      { name: "app_context", label: "For", type: "select", options: [["", "everyone"], ...contexts().map(({ id, name }) => [id, `AppContext ${name}`])] },
    ], "Change", ({ deed, lifecycle, app_context: context, reason }) => change(rule, {
      reason, ...(deed === "reset" ? { reset: true } : { action: deed }), ...(lifecycle ? { lifecycle } : {}), ...(context ? { app_context: context } : {}),
    }));
  }

  function askRemoval(rule) {
    ask(`Delete ${rule.id}`, [], "Delete", ({ reason }) => remove(rule, reason), { kind: "danger", text: "The rule is taken out of the file, with its examples." });
  }

  const node = el("div", { class: "split" }, list, drawer.node);
  return {
    node,
    show(next) {
      view = next;
      filter();
      if (drawer.id) open(drawer.id);
    },
    wait: () => table.setState("loading"),
    fail: (error, retry) => table.setState("error", { error, retry }),
    open,
    stop: drawer.stop,
  };
}

const WAYS = { INGRESS: "to the provider", EGRESS: "back" };
const ways = (lifecycle) => (lifecycle.length === 1 ? WAYS[lifecycle[0]] : "both ways");

function exceptions(rule) {
  const number = rule.app_contexts.length + rule.roles.length;
  return number > 0 ? el("span", { class: "muted", title: "Other actions for some: open the rule" }, ` +${number}`) : "";
}

function foundLink({ id, findings, exchanges }, { from, to }) {
  if (!findings) return el("span", { class: "muted" }, "0");
  const title = `The records behind it: ${count(exchanges)} ${exchanges === 1 ? "call" : "calls"}`;
  return el("a", { href: link("audit", { finding_rule: id, from, to }), title }, count(findings));
}

/** One action, or one for each way where they differ. */
function actionsOf({ action, actions }) {
  const { INGRESS: ingress, EGRESS: egress } = actions;
  if (!ingress || !egress || ingress === egress) return actionTag(action);
  return el("span", { class: "tags" }, actionTag(ingress), ` ${WAYS.INGRESS}, `, actionTag(egress), ` ${WAYS.EGRESS}`);
}

function detail(rule, view, removal) {
  const list = (values) => (values?.length ? el("span", { class: "tags" }, values.map((value) => tag(value))) : "all");
  const others = [...rule.app_contexts.map((each) => [each.id, actionsOf(each)]),
    ...rule.roles.map((each) => [[each.role, each.app_context].filter(Boolean).join(" in "), actionsOf(each)])];
  return [
    rule.description ? el("p", { class: "drawer-note" }, rule.description) : "",
    group("Found", [
      ["findings", foundLink(rule, view)],
      ["exchanges", count(rule.exchanges)],
      ["last", timeOf(rule.last_at, localMoment)],
    ]),
    group("Rule", [
      ["type", rule.type, { copy: rule.type }],
      ["state", rule.enabled ? "enabled" : "disabled"],
      ["action", actionsOf(rule)],
      ["severity", severityOf(rule.severity)],
      ["class", rule.class],
      ["risk_domain", rule.risk_domain],
      ["lifecycle", ways(rule.lifecycle)],
      ["surfaces", list(rule.surfaces)],
      ["examples", count(rule.examples)],
      ["longest match", rule.max_bytes ? `${count(rule.max_bytes)} bytes` : null],
      rule.only_app_contexts.length > 0 ? ["app_contexts", list(rule.only_app_contexts)] : null,
      ["source", rule.source === "file" ? "your own" : "comes with Portcullis"],
      ["line", count(rule.line)],
    ]),
    others.length > 0 ? group("Other actions for", others) : "",
    removal ? el("div", { class: "drawer-note" }, removal) : "",
  ];
}
