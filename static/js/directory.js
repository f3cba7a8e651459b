// A page of named things: search, filter, table, drawer. Owns fetching them again and what stands in the address;
// the things themselves, and what can be done with them, are the page's.

import { lettersOn } from "./activity/keys.js";
import { el } from "./dom.js";
import { createDrawer } from "./drawer.js";
import { ago, capital, count, localMoment } from "./format.js";
import { replace } from "./router.js";
import { createTable } from "./table.js";
import { button, can, disable, empty, form, need, openDialog, select, tag, timeOf } from "./ui.js";

const REFRESH_MS = 10_000;

/**
 * Fills `host`. `spec`:
 *   page, fixed     the page's name and what always stands in its address
 *   title, head     the heading, or nodes instead of it
 *   noun            [one, many]
 *   load(signal)    the rows; again every ten seconds
 *   columns, sort, tone, keyOf(row)   as in table.js
 *   words(row)      what the search looks through
 *   filter          { name, label, options: [[value, text]], of(row) }
 *   create          { label, run() }, for administrators
 *   nothing         what an empty page says, and why one would make the first
 *   detail(row)     { title, body } of the drawer
 * Returns `{ rows, update(params), unmount(), put(row), open(key) }`: `put` shows a row that was changed, `open`
 * fetches all again and opens one.
 */
export function createDirectory(host, session, params, spec) {
  const { noun: [one, many], keyOf, filter, create } = spec;
  const search = el("input", {
    type: "search", class: "input", placeholder: `Search ${many}`, aria: { label: `Search ${many}` }, oninput: changed,
  });
  const picker = filter && select([["", filter.label], ...filter.options], "", { "aria-label": filter.label, onchange: changed });
  const tally = el("span", { class: "muted", role: "status" });
  const make = () => need(session, "admin", button(create.label, create.run, { kind: "primary" }));
  const table = createTable({
    label: many, columns: spec.columns, sort: spec.sort, tone: spec.tone, rowKey: keyOf, onOpen: (row) => choose(row, true),
    empty: () => rows.length > 0
      ? empty("Nothing matches", "", button("Show all", clear))
      : empty(`No ${many} yet`, spec.nothing, make()),
  });
  const list = el("div", { class: "page" },
    el("div", { class: "page-head" }, spec.head ?? el("h1", {}, spec.title), tally,
      el("div", { class: "page-tools" }, search, picker, make())),
    table.node);
  const drawer = createDrawer({ beside: list, onClose: () => choose(null) });
  host.replaceChildren(el("div", { class: "split" }, list, drawer.node));

  let rows = [];
  let loaded = false;
  let wanted = null; // the key, or another name, of the row that stands open
  let shown = null;
  let aborter = null;

  async function reload() {
    aborter?.abort();
    const own = aborter = new AbortController();
    if (!loaded) table.setState("loading");
    try {
      const fresh = await spec.load(own.signal);
      loaded = true;
      const before = new Map(rows.map((row) => [keyOf(row), row]));
      rows = fresh.map((row) => unchanged(before.get(keyOf(row)), row));
      render();
    } catch (error) {
      if (error.name !== "AbortError" && !loaded) table.setState("error", { error, retry: reload });
    }
  }

  function put(row) {
    const at = rows.findIndex((each) => keyOf(each) === keyOf(row));
    if (at >= 0) rows[at] = { ...rows[at], ...row };
    else rows.push(row);
    render();
  }

  function render() {
    const asked = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const left = rows.filter((row) => {
      const text = spec.words(row).join(" ").toLowerCase();
      return asked.every((word) => text.includes(word)) && (!picker?.value || filter.of(row) === picker.value);
    });
    table.setRows(left);
    tally.textContent = left.length === rows.length
      ? `${count(rows.length)} ${rows.length === 1 ? one : many}`
      : `${count(left.length)} of ${count(rows.length)} ${many}`;
    showWanted();
  }

  function showWanted(focus = false) {
    const row = wanted && rows.find((each) => keyOf(each) === wanted || each.name === wanted);
    if (!row) {
      shown = null;
      drawer.close();
      return table.setActive(null);
    }
    table.setActive(keyOf(row));
    if (row === shown) return;
    shown = row;
    const focused = drawer.node.contains(document.activeElement) && document.activeElement.textContent;
    drawer.show(keyOf(row), { ...spec.detail(row), focus });
    if (focused) [...drawer.node.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
  }

  function choose(row, focus = false) {
    wanted = row && keyOf(row);
    address();
    showWanted(focus);
  }

  function changed() {
    address();
    render();
  }

  function clear() {
    search.value = "";
    if (picker) picker.value = "";
    changed();
    search.focus();
  }

  function address() {
    replace(spec.page, { ...spec.fixed, q: search.value.trim(), ...(picker && { [filter.name]: picker.value }), id: wanted });
  }

  function update(next) {
    search.value = next.get("q") ?? "";
    if (picker) picker.value = next.get(filter.name) ?? "";
    wanted = next.get("id");
    if (!loaded) return;
    render();
    reload();
  }

  function onKey(event) {
    if (event.key !== "/" || !lettersOn() || event.target.closest?.("input, select, textarea, dialog")) return;
    event.preventDefault();
    search.focus();
  }

  document.addEventListener("keydown", onKey);
  const timer = setInterval(() => {
    if (!document.hidden && !document.querySelector("dialog[open]")) reload();
  }, REFRESH_MS);
  update(params);
  reload();
  return {
    update, put,
    get rows() {
      return rows;
    },
    open(key) {
      wanted = key;
      address();
      return reload();
    },
    unmount() {
      clearInterval(timer);
      document.removeEventListener("keydown", onKey);
      aborter?.abort();
      drawer.stop();
    },
  };
}

// An unchanged row stays the same object, so that nothing of it is drawn again.
const unchanged = (before, row) => (before && JSON.stringify(before) === JSON.stringify(row) ? before : row);

/**
 * The buttons of what can be done with a thing, `[label, run, { kind, unless, role }]`: `unless` is a reason that
 * bars it, `role` who may, administrators unless told.
 */
const deeds = (session, list) => el("div", { class: "deeds" },
  list.filter(Boolean).map(([label, run, { kind = "", unless = null, role = "admin" } = {}]) => {
    const own = button(label, run, { kind });
    return can(session, role) && unless ? disable(own, unless) : need(session, role, own);
  }));

/** The word for a state; in a frame when it is not the usual one. */
export const stateTag = (state, tone) => (state === "active" ? el("span", { class: "muted" }, "Active") : tag(capital(state), tone));

/** A column of moments, as how long ago they were. */
export const when = (key, title, more) =>
  ({ key, title, sort: true, numeric: true, narrow: "s", cell: (row) => timeOf(row[key], ago), ...more });

/** A moment in a drawer's group. */
export const moment = (title, iso) => [title, timeOf(iso, localMoment)];

/** A part of the drawer that is no list of fields. */
export const section = (title, ...body) => el("section", { class: "group" }, el("h3", {}, title), body);

/** The head of a drawer: how it stands, and what can be done about it. */
export const summary = (session, state, list) => el("div", { class: "drawer-summary" }, el("p", {}, state), deeds(session, list));

/** A dialog that asks and then does: `run(values, form)`, which may answer `false` or fail to keep it open. */
export function ask({ title, text = "", fields, more = [], action = "Save", run }) {
  const asked = form({ fields: fields.filter(Boolean) });
  openDialog({
    title,
    body: [text ? el("p", {}, text) : null, asked.node, ...more].filter(Boolean),
    actions: [{ label: action, kind: "primary", run: () => {
      const values = asked.value();
      return values !== null && run(values, asked);
    } }],
  });
}
