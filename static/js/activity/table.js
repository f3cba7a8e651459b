// The rows of the activity list. Owns their elements: one per id, reused, changed only where the
// record changed. Reads no layout, so that a frame costs what changed and nothing else.

import { changeText, isChange } from "../change.js";
import { el, icon, setText } from "../dom.js";
import { NONE, clock, count, duration, elapsed, outcomeLabel, resultLabel, tierLabel, utcMoment } from "../format.js";
import { summaryOf } from "./found.js";

const COLUMNS = [
  ["time", "Time"],
  ["agent", "Agent"],
  ["model", "Model"],
  ["endpoint", "Endpoint"],
  ["result", "Result"],
  ["outcome", "Outcome"],
  ["found", "Found"],
  ["risk", "Risk"],
  ["input", "Tokens in"],
  ["output", "Tokens out"],
  ["latency", "Latency"],
];
const SPARE = 200;
const CALM = 3; // more new rows than this at once are not highlighted

export class Table {
  node;
  head;
  body;
  activeId = null;
  #rows = new Map();
  #spare = [];
  #heard;

  constructor(heard) {
    this.#heard = heard;
    this.head = el("div", { class: "grid-head", role: "rowgroup" },
      el("div", { class: "grid-row grid-row-head", role: "row" },
        COLUMNS.map(([name, label]) =>
          el("div", { class: `cell c-${name}`, role: "columnheader" }, label))));
    this.body = el("div", { class: "grid-body", role: "rowgroup", id: "rows" });
    this.node = el("div", {
      class: "grid", role: "grid", id: "exchanges", aria: { label: "Exchanges, newest first", readonly: "true" },
    }, this.head, this.body);
  }

  /** Makes the page show exactly these records, in this order. */
  render(records) {
    const wanted = new Set(records.map((record) => record.id));
    for (const [id, row] of this.#rows) {
      if (!wanted.has(id)) this.#retire(id, row);
    }
    const isFirst = this.#rows.size === 0;
    const added = [];
    let at = this.body.firstElementChild;
    for (const record of records) {
      let row = this.#rows.get(record.id);
      if (row === undefined) {
        row = this.#spare.pop() ?? makeRow();
        this.#rows.set(record.id, row);
        added.push(row);
      }
      if (row.record !== record) this.#fill(row, record);
      if (row.node === at) at = at.nextElementSibling;
      else this.body.insertBefore(row.node, at);
    }
    const calm = !isFirst && added.length <= CALM;
    for (const row of added) row.node.classList.toggle("is-new", calm);
    this.#markActive();
  }

  /** Moves the times of running rows on. */
  tick(running) {
    const now = performance.now();
    for (const id of running) {
      const row = this.#rows.get(id);
      if (row && row.record.outcome === null) setText(row.cells.latency, this.#elapsed(row.record, now));
    }
  }

  /** Makes one row the keyboard's, or none. */
  setActive(id) {
    const before = this.#rows.get(this.activeId);
    if (before && id !== this.activeId) {
      before.node.tabIndex = -1;
      before.node.removeAttribute("aria-selected");
    }
    this.activeId = id;
    this.#markActive();
  }

  /** Whether there is such a row. */
  focusActive() {
    const row = this.#rows.get(this.activeId);
    row?.node.focus({ preventScroll: true });
    row?.node.scrollIntoView({ block: "nearest" });
    return row !== undefined;
  }

  #markActive() {
    const active = this.#rows.get(this.activeId);
    if (active) {
      active.node.tabIndex = 0;
      active.node.setAttribute("aria-selected", "true");
      this.#unmarkEntry();
      return;
    }
    // Without an active row, the first one lets the keyboard in.
    const first = this.body.firstElementChild;
    if (this.entry !== first) {
      this.#unmarkEntry();
      if (first) first.tabIndex = 0;
      this.entry = first;
    }
  }

  #unmarkEntry() {
    if (this.entry && this.entry.dataset.id !== this.activeId) this.entry.tabIndex = -1;
    this.entry = null;
  }

  #retire(id, row) {
    row.node.remove();
    row.node.tabIndex = -1;
    row.node.removeAttribute("aria-selected");
    row.record = null;
    this.#rows.delete(id);
    if (this.#spare.length < SPARE) this.#spare.push(row);
  }

  #fill(row, record) {
    const { node, cells } = row;
    row.record = record;
    const outcome = record.outcome ?? "running";
    if (node.dataset.id !== record.id) node.dataset.id = record.id;
    if (node.dataset.outcome !== outcome) node.dataset.outcome = outcome;
    const result = record.policy_result ?? "none";
    if (node.dataset.result !== result) node.dataset.result = result;
    if (cells.time.dateTime !== record.started_at) {
      cells.time.dateTime = record.started_at;
      cells.time.title = utcMoment(record.started_at);
      setText(cells.time, clock(record.started_at));
    }
    setText(cells.agent, record.agent_name ?? record.agent_id ?? record.actor ?? NONE);
    setText(cells.model, record.model ?? (isChange(record) ? changeText(record) : NONE));
    setText(cells.endpoint, record.endpoint ?? record.target ?? NONE);
    setText(cells.result, resultLabel(record.policy_result));
    setText(cells.status, String(record.status_code ?? ""));
    setText(cells.outcome, outcomeLabel(record.outcome));
    setText(cells.input, count(record.input_tokens));
    setText(cells.output, count(record.output_tokens));
    setText(cells.latency, record.outcome === null
      ? this.#elapsed(record, performance.now())
      : duration(record.latency_ms));
    const risk = record.risk_tier ?? "none";
    if (node.dataset.risk !== risk) node.dataset.risk = risk;
    setText(cells.risk, tierLabel(record.risk_tier));
    this.#fillFound(cells, record);
  }

  #fillFound({ found, findings, foundText }, record) {
    const summary = summaryOf(record);
    findings.hidden = summary === null;
    found.title = summary?.title ?? "";
    setText(foundText, summary?.text ?? "");
    if (summary) findings.dataset.severity = summary.severity;
  }

  #elapsed(record, now) {
    const since = this.#heard.get(record);
    return since === undefined ? NONE : elapsed(now - since);
  }
}

function makeRow() {
  const time = el("time");
  const status = el("span", { class: "c-status" });
  const outcome = el("span");
  const foundText = el("span");
  const findings = el("span", { class: "findings", hidden: true }, icon("flag"), foundText);
  const cells = { time, outcome, findings, foundText, status };
  const parts = {
    time: [time],
    outcome: [el("span", { class: "outcome-dot" }), outcome, status],
    found: [findings],
  };
  const node = el("div", { class: "grid-row row", role: "row", tabindex: "-1" },
    COLUMNS.map(([name]) => {
      const cell = el("div", { class: `cell c-${name}`, role: "gridcell" }, parts[name] ?? []);
      cells[name] ??= cell;
      return cell;
    }));
  return { node, cells, record: null };
}
