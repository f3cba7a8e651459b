// A table of records: sorted by its heads, walked by keyboard, opened by Enter or a click, with its loading, empty
// and error states. Owns its elements; rows are plain objects of the caller, one element per key, rebuilt only when
// the object is another one.

import { el, icon } from "./dom.js";
import { banner, busy, button, empty as emptyState, failed, loading } from "./ui.js";

/**
 * `columns`: `[{ key, title, cell(row), sort, numeric, narrow, mono, hint }]`
 *   cell     text, node or array; without it `row[key]`
 *   sort     true (by `row[key]`) or a function of the row: what to sort by
 *   numeric  right-aligned figures
 *   narrow   left out where the table is narrow: "s" below 30 rem, "m" (or true) below 48, "l" below 64
 * `rowKey(row)` is the row's identity; `onOpen(row)` opens it (rows are then focusable); `empty` is a node
 * or `() => node` for no rows; `sort`: `{ key, down }` at the start; `tone(row)`: data-tone of the row (bad, warn, block).
 *
 * Returns `{ node, setRows(rows), setState("loading" | "ready" | "error", { error, retry }), setActive(key),
 * setMore(load | null, error), focus() }`. `setRows` means ready. `load` is called for the next page, or again after an error.
 */
export function createTable({ label, columns, rowKey, onOpen = null, empty = null, sort = null, tone = () => null }) {
  const made = new Map();
  let rows = [];
  let order = sort;
  let active = null;

  const heads = columns.map((column) => el("th", { scope: "col", class: classOf(column), title: column.hint },
    column.sort ? button([column.title, icon("sort")], () => sortBy(column), { kind: "head" }) : (column.title || el("span", { class: "visually-hidden" }, "Actions"))));
  const body = el("tbody", { onclick: onClick, onkeydown: onKey, onfocusin: onFocus });
  const table = el("table", { class: "table", role: onOpen ? "grid" : null, aria: { label } }, el("thead", {}, el("tr", {}, heads)), body);
  const state = el("div", { class: "table-state" });
  const foot = el("div", { class: "table-foot" });
  const node = el("div", { class: "table-box" },
    el("div", { class: "table-scroll", ...(onOpen ? {} : { tabindex: "0", role: "region", aria: { label } }) }, table), state, foot);

  function sortBy(column) {
    order = { key: column.key, down: order?.key === column.key ? !order.down : Boolean(column.numeric) };
    render();
  }

  function sorted() {
    const column = columns.find(({ key }) => key === order?.key);
    if (!column?.sort) return rows;
    const read = typeof column.sort === "function" ? column.sort : (row) => row[column.key];
    return [...rows].sort((one, other) => compare(read(one), read(other), order.down));
  }

  function render() {
    columns.forEach(({ key, sort: sorts }, at) => {
      if (sorts) heads[at].setAttribute("aria-sort", order?.key === key ? (order.down ? "descending" : "ascending") : "none");
    });
    const list = sorted();
    const wanted = new Set(list.map(rowKey));
    for (const [key, { tr }] of made) {
      if (wanted.has(key)) continue;
      tr.remove();
      made.delete(key);
    }
    let at = body.firstElementChild;
    for (const row of list) {
      const { tr } = elementOf(row);
      if (tr === at) at = at.nextElementSibling;
      else body.insertBefore(tr, at);
    }
    mark();
  }

  function elementOf(row) {
    const key = rowKey(row);
    const known = made.get(key) ?? { tr: el("tr", { dataset: { key } }), row: null };
    made.set(key, known);
    if (known.row === row) return known;
    known.row = row;
    const colour = tone(row);
    if (colour) known.tr.dataset.tone = colour;
    else delete known.tr.dataset.tone;
    known.tr.replaceChildren(...columns.map((column) => el("td", { class: classOf(column) }, column.cell ? column.cell(row) : row[column.key])));
    return known;
  }

  function mark() {
    if (!onOpen) return;
    const first = body.firstElementChild?.dataset.key;
    for (const [key, { tr }] of made) {
      tr.tabIndex = String(key) === String(active ?? first) || (!made.has(active) && String(key) === first) ? 0 : -1;
      tr.setAttribute("aria-selected", String(key === active));
    }
  }

  const rowOf = (target) => [...made.values()].find(({ tr }) => tr === target.closest("tr"));
  const isControl = (target) => target.closest("a, button, input, select, summary, label, .menu-host");

  function onClick(event) {
    if (!onOpen || isControl(event.target) || String(getSelection()) !== "") return;
    const found = rowOf(event.target);
    if (found) onOpen(found.row);
  }

  function onKey(event) {
    if (!onOpen || event.target.tagName !== "TR" || event.ctrlKey || event.metaKey || event.altKey) return;
    const list = [...body.children];
    const at = list.indexOf(event.target);
    const to = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      list[to]?.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onOpen(rowOf(event.target).row);
    }
  }

  function onFocus(event) {
    if (!onOpen || event.target.tagName !== "TR") return;
    for (const { tr } of made.values()) tr.tabIndex = tr === event.target ? 0 : -1;
  }

  function setState(name, { error, retry } = {}) {
    node.dataset.state = name;
    node.setAttribute("aria-busy", String(name === "loading"));
    const bare = rows.length === 0;
    table.hidden = bare;
    if (name === "error") {
      table.hidden = true;
      state.replaceChildren(failed(error, retry));
    } else if (!bare) state.replaceChildren();
    else if (name === "loading") state.replaceChildren(loading(`Loading ${label}`));
    else state.replaceChildren((typeof empty === "function" ? empty() : empty) ?? emptyState("Nothing here yet"));
  }

  return {
    node,
    setState,
    setRows(next) {
      rows = next;
      render();
      setState("ready");
    },
    /** Marks the row that stands open; null for none. */
    setActive(key) {
      active = key;
      mark();
    },
    /** Offers another page, also where none of the rows so far is shown; `load` may be async. */
    setMore(load, error = null) {
      if (!load) return foot.replaceChildren();
      if (rows.length === 0) state.replaceChildren(emptyState("Nothing so far", "There is more to look through."));
      const had = foot.contains(document.activeElement);
      const trouble = el("div", {}, error && banner("bad", "Loading failed", error.message));
      const more = button(error ? "Try again" : "Load more", () => busy(more, trouble, load));
      foot.replaceChildren(trouble, more);
      if (had) more.focus();
    },
    focus: () => (made.get(active)?.tr ?? body.firstElementChild)?.focus(),
  };
}

const classOf = ({ key, numeric, narrow, mono }) =>
  [`c-${key}`, numeric && "is-numeric", mono && "mono", narrow && `narrow-${narrow === true ? "m" : narrow}`].filter(Boolean).join(" ");

/** Blanks stand last, whichever way. */
function compare(one, other, down) {
  const blank = (value) => value === null || value === undefined || value === "";
  if (blank(one) || blank(other)) return blank(one) - blank(other);
  const way = typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other;
  return down ? -way : way;
}
