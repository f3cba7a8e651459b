// What is scanned where: every endpoint with the parts of a call and of its answer that the rules see, and what they do not.

import * as api from "../api.js";
import { el } from "../dom.js";
import { createTable } from "../table.js";
import { tag } from "../ui.js";

/** Returns `{ node, load() }`; it is fetched once. */
export function createCoverage() {
  let loaded = false;
  const table = createTable({
    label: "What is scanned", rowKey: (row) => `${row.method} ${row.path}`,
    columns: [
      { key: "endpoint", title: "Endpoint", sort: true, cell: (row) => [el("strong", {}, row.endpoint), el("div", { class: "mono muted" }, `${row.method} ${row.path}`)] },
      { key: "ingress", title: "In the call", cell: (row) => parts(row.ingress) },
      { key: "egress", title: "In the answer", cell: (row) => parts(row.egress) },
      { key: "stream", title: "Stream", narrow: "m", cell: (row) => row.stream ?? el("span", { class: "muted" }, "no") },
      { key: "not_screened", title: "Not scanned", narrow: "s", cell: (row) => row.not_screened ?? el("span", { class: "muted" }, "nothing is left out") },
    ],
  });

  async function load() {
    if (loaded) return;
    table.setState("loading");
    try {
      table.setRows((await api.detectionCoverage()).endpoints);
      loaded = true;
    } catch (error) {
      table.setState("error", { error, retry: load });
    }
  }

  return { node: el("div", { class: "coverage" }, table.node), load };
}

function parts(list) {
  if (list.length === 0) return el("span", { class: "muted" }, "no text");
  return el("span", { class: "tags" }, list.map(({ surface, note }) => {
    const own = tag(surface);
    if (note) own.append(el("span", { class: "muted" }, note));
    return own;
  }));
}
