// The record: search and export, sessions, and whether it is whole. Joins filter, tabs and drawer; the
// address is the state.

import { createFilter, queryOf } from "../audit/filter.js";
import { openExport } from "../audit/export.js";
import { createIntegrity } from "../audit/integrity.js";
import { createRecords } from "../audit/records.js";
import { createSessions, showSession } from "../audit/sessions.js";
import { el, setText } from "../dom.js";
import { createExchangeDrawer } from "../exchange.js";
import { count, localMoment } from "../format.js";
import { link } from "../router.js";
import { button, need, tabs } from "../ui.js";

const NOT_FILTER = new Set(["tab", "id"]);

export function mount(host, { session }, params) {
  const shown = el("span", { class: "muted", id: "shown", role: "status" });
  const records = createRecords({
    onOpen: ({ id }) => go({ id }),
    onShown: (number, more) => setText(shown, number === null ? "" : `${count(number)}${more ? "+" : ""} ${number === 1 && !more ? "record" : "records"}`),
  });
  const sessions = createSessions({ onOpen: (id) => go({ id }) });
  const integrity = createIntegrity({ session });
  const parts = { records, sessions, integrity };
  const filter = createFilter({ onChange: (change) => go({ ...change, id: "" }) });
  const take = need(session, "analyst", button("Export", () => openExport({ query: queryOf(params), words: wordsOf(queryOf(params)) }), { id: "export" }));
  const find = el("input", {
    class: "input", type: "search", id: "find", placeholder: "Decision id", autocomplete: "off", spellcheck: "false",
    aria: { label: "Open a record by its decision id" }, onchange: () => find.value.trim() && go({ tab: "", id: find.value.trim() }),
  });
  const tabbed = tabs("Audit", [
    { name: "records", title: "Records", panel: records.node },
    { name: "sessions", title: "Sessions", panel: sessions.node },
    { name: "integrity", title: "Integrity", panel: integrity.node },
  ], (name) => go({ tab: name === "records" ? "" : name, id: "" }));
  const page = el("div", { class: "page", id: "audit" },
    el("div", { class: "page-head" }, el("h1", {}, "Audit"), shown, find, take), filter.node, tabbed.node);
  const drawer = createExchangeDrawer({ beside: page, onClose: () => go({ id: "" }), onOpen: (id) => go({ tab: "", id }) });
  host.replaceChildren(el("div", { class: "split" }, page, drawer.node));
  let loaded = null;

  const tabOf = () => (params.get("tab") in parts ? params.get("tab") : "records");
  const go = (change) => { location.hash = link("audit", { ...Object.fromEntries(params), ...change }); };

  function show() {
    const tab = tabOf();
    filter.set(params);
    page.dataset.tab = tab;
    shown.hidden = take.hidden = find.hidden = tab !== "records";
    tabbed.select(tab);
    // The open record is no reason to ask for the list again.
    const asked = JSON.stringify([tab, [...params].filter(([name]) => !NOT_FILTER.has(name))]);
    if (asked !== loaded) parts[tab].load(params);
    loaded = asked;
    const id = params.get("id");
    if (!id) drawer.close();
    else if (drawer.id !== id) open(tab, id);
    parts[tab].setActive?.(id);
  }

  function open(tab, id) {
    const known = records.get(id);
    if (tab === "sessions") showSession(drawer.panel, id);
    else if (known) drawer.show(known, true);
    else drawer.find(id, true);
  }

  show();
  return {
    update(next) {
      params = next;
      show();
    },
    unmount() {
      drawer.stop();
      for (const part of Object.values(parts)) part.stop();
    },
  };
}

/** What an export holds, in words. */
function wordsOf({ from, to, ...filter }) {
  const named = Object.entries(filter).filter(([, value]) => value).map(([name, value]) => `${name.replace("_", " ")} ${value}`);
  const time = [from && `from ${localMoment(from)}`, to && `to ${localMoment(to)}`].filter(Boolean).join(" ");
  return [named.length === 0 ? "All records" : `Records with ${named.join(", ")}`, time].filter(Boolean).join(" ").concat(".");
}
