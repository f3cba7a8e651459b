// What-if: the draft replayed on the records that are kept. Owns the range, the wait and the answer's tables; every
// row leads to the records behind it.

import * as api from "../api.js";
import { el } from "../dom.js";
import { clock, count, localMoment } from "../format.js";
import { link } from "../router.js";
import { createTable } from "../table.js";
import { banner, button, disable, empty, failed, select, tag, timeOf } from "../ui.js";
import { ruleOf } from "./colour.js";

const HOUR_MS = 3_600_000;
const RANGES = [["1", "Last hour"], ["24", "Last 24 hours"], ["168", "Last 7 days"], ["720", "Last 30 days"], ["", "All that is kept"]];
const SHOWN = 8;

/** `draft()` is the text to replay, `trouble()` why it cannot be, `onLine(line)` shows a line of it. */
export function createWhatIf({ draft, trouble, onLine }) {
  const range = select(RANGES, "168", { aria: { label: "Which records to replay" } });
  const start = button("Replay", run, { kind: "primary", id: "what-if-run" });
  const state = el("div", { class: "what-if-state" });
  const answer = el("div", { class: "what-if-answer" });
  const stale = el("div", {});
  let replayed = null;
  let abort = null;

  async function run() {
    if (abort) return abort.abort();
    const reason = trouble();
    if (reason) return state.replaceChildren(banner("warn", "The draft cannot be replayed", reason));
    const text = draft();
    abort = new AbortController();
    start.replaceChildren("Stop");
    const since = Date.now();
    const told = el("span", {}, "Replaying the records under the draft");
    const seconds = el("span", { class: "muted", aria: { hidden: "true" } });
    const timer = setInterval(() => seconds.replaceChildren(` ${Math.round((Date.now() - since) / 1000)} s`), 1_000);
    state.replaceChildren(el("div", { class: "what-if-wait", role: "status" }, el("progress", { aria: { label: "Replaying" } }), told, seconds));
    try {
      const from = range.value && new Date(since - Number(range.value) * HOUR_MS).toISOString();
      const told = await api.whatIf({ text, ...(from ? { from } : {}) }, abort.signal);
      replayed = text;
      state.replaceChildren();
      answer.replaceChildren(...show(told, onLine));
    } catch (error) {
      state.replaceChildren(...(error.name === "AbortError" ? [] : [failed(error, run, "The records could not be replayed")]));
    } finally {
      clearInterval(timer);
      abort = null;
      start.replaceChildren("Replay");
      check();
    }
  }

  /** The draft may have changed since it was replayed. */
  function check() {
    disable(start, abort ? null : trouble());
    const old = replayed !== null && replayed !== draft();
    if (old === stale.hasChildNodes()) return;
    stale.replaceChildren(...(old ? [banner("warn", "The draft has changed since", "What stands here was said of an earlier text.")] : []));
  }

  answer.append(empty("What would change?", "Replays the calls that were recorded, as if this text had been in force, and names every one that would have been decided otherwise. Nothing is changed by it. Without a draft, the policy in force is replayed: that tells which of its rules never matched."));
  return {
    node: el("div", { class: "what-if", id: "what-if" }, el("div", { class: "what-if-head" }, range, start), state, stale, answer),
    check,
    stop: () => abort?.abort(),
  };
}

function show(told, onLine) {
  const same = told.flipped_calls === 0 && told.tools.length === 0;
  const audit = (row) => link("audit", { agent: row.agent, model: row.model, from: told.from, to: told.to });
  return [
    told.complete ? null : banner("warn", "Not all records were replayed", "It took too long: choose a shorter range for the rest."),
    figures(told),
    same ? el("p", { class: "what-if-same" }, told.records === 0 ? "No call was recorded in this time."
      : `Every ${told.complete && told.undecidable.count === 0 ? "recorded call" : "call that could be replayed"} would have been decided as it was.`) : null,
    same ? null : el("div", { class: "sides" },
      side("Loses", "bad", told.losses, audit), side("Gains", "good", told.gains, audit)),
    told.flips.length === 0 ? null : section(`Calls that would flip`, flips(told, audit),
      told.more_flips ? "The rows with the most calls are shown." : null),
    told.tools.length === 0 ? null : section("Tools", tools(told),
      told.tools_total > told.tools.length ? `${count(told.tools_total)} in all; those with the most calls are shown.` : null),
    told.undecidable.count > 0 ? section("Not to be told", el("p", { class: "muted" }, `${count(told.undecidable.count)} records: ${told.undecidable.why}`)) : null,
    rules("Rules that no recorded call matched", told.never_matched, onLine, () => null),
    rules("Rules that change nothing", told.shadowed, onLine, (rule) => rule.by_line
      && ["covered by ", button(`line ${rule.by_line}`, () => onLine(rule.by_line), { kind: "link" }), " ", el("code", {}, ruleOf(rule.by_text))]),
  ].filter(Boolean);
}

function figures(told) {
  const figure = (name, value, tone) => el("div", { class: "what-if-figure", dataset: { tone, figure: name } }, el("dt", {}, name), el("dd", {}, value));
  return el("div", {}, el("dl", { class: "what-if-figures" },
    figure("records replayed", count(told.records)),
    figure("calls would flip", count(told.flipped_calls), told.flipped_calls > 0 ? "warn" : ""),
    figure("lose a model", count(told.losses_total), told.losses_total > 0 ? "bad" : ""),
    figure("gain a model", count(told.gains_total), told.gains_total > 0 ? "good" : "")),
  el("p", { class: "muted" }, told.from ? ["From ", timeOf(told.from, localMoment)] : "From the first record", " to ", timeOf(told.to, localMoment),
    `, version ${told.policy_version} against the draft.`));
}

function side(title, tone, list, audit) {
  const item = (row) => el("li", {}, el("a", { href: audit(row) }, el("strong", {}, row.agent ?? "no identity"), " ", row.model ?? "calls without a model"),
    el("span", { class: "muted" }, ` ${count(row.calls)} ${row.calls === 1 ? "call" : "calls"}`));
  const rest = list.slice(SHOWN).map(item);
  const box = el("ul", {}, list.slice(0, SHOWN).map(item));
  const more = rest.length === 0 ? null : button(`${count(rest.length)} more`, () => {
    box.append(...rest);
    more.remove();
  }, { kind: "link" });
  return el("section", { class: "side", dataset: { tone: list.length > 0 ? tone : "", side: title.toLowerCase() } }, el("h2", {}, title),
    list.length === 0 ? el("p", { class: "muted" }, "nobody") : box, more);
}

const section = (title, body, note = null) =>
  el("section", { class: "what-if-part" }, el("h2", {}, title), note ? el("p", { class: "muted" }, note) : null, body);

const turn = ({ before, after }) => el("span", { class: "turn" }, tag(before, before === "allow" ? "good" : "bad"), " → ", tag(after, after === "allow" ? "good" : "bad"));

function flips(told, audit) {
  const table = createTable({
    label: "Calls that would flip",
    rowKey: (row) => told.flips.indexOf(row),
    sort: { key: "calls", down: true },
    columns: [
      { key: "agent", title: "Agent", sort: true, cell: (row) => el("a", { href: audit(row) }, row.agent ?? "no identity") },
      { key: "model", title: "Model", sort: true, cell: (row) => row.model ?? "–" },
      { key: "endpoint", title: "Endpoint", sort: true, narrow: "l", cell: (row) => [row.endpoint, row.app_context ? el("span", { class: "muted" }, ` ${row.app_context}`) : ""] },
      { key: "turn", title: "Would be", cell: turn },
      { key: "calls", title: "Calls", numeric: true, sort: true, cell: (row) => count(row.calls) },
      { key: "rule", title: "Rule before → after", narrow: "m", cell: (row) => [row.rule_before, row.rule_after].map((rule, at) => el("div", { class: rule ? "mono" : "muted" }, at === 0 ? "" : "→ ", rule ?? "no rule")) },
      { key: "last_at", title: "Last", sort: true, narrow: "m", cell: (row) => el("a", { href: link("audit", { id: row.last_id }) }, timeOf(row.last_at, clock)) },
    ],
  });
  table.setRows(told.flips);
  return table.node;
}

function tools(told) {
  const word = (state) => tag(state, state === "allow" ? "good" : "bad");
  const table = createTable({
    label: "Tools that would be given or taken", rowKey: (row) => told.tools.indexOf(row),
    columns: [
      { key: "agent", title: "Agent", sort: true, cell: (row) => el("a", { href: link("audit", { agent: row.agent, from: told.from, to: told.to }) }, row.agent ?? "no identity") },
      { key: "tool", title: "Tool", sort: true, mono: true },
      { key: "turn", title: "Would be", cell: (row) => [word(row.before), " → ", word(row.after)] },
      { key: "calls", title: "Calls", numeric: true, sort: true, cell: (row) => count(row.calls) },
    ],
  });
  table.setRows(told.tools);
  return table.node;
}

function rules(title, list, onLine, more) {
  if (list.length === 0) return null;
  return section(title, el("ul", { class: "rule-list" }, list.map((rule) => el("li", {},
    button(`line ${rule.line}`, () => onLine(rule.line), { kind: "link" }), " ", el("code", {}, ruleOf(rule.text)), " ",
    el("span", { class: "muted" }, more(rule))))));
}
