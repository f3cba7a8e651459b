// What is scanned where: every endpoint with the parts of a call and of its answer that the rules see, and what they do not.

import * as api from "../api.js";
import { el } from "../dom.js";
import { createTable } from "../table.js";

/** Returns `{ node, load() }`; it is fetched once. */
export function createCoverage() {
  const streams = el("p", { class: "muted" });
  let usual = null;
  let loaded = false;
  const table = createTable({
    label: "What is scanned", rowKey: (row) => `${row.method} ${row.path}`,
    columns: [
      { key: "endpoint", title: "Endpoint", sort: true, cell: (row) => [el("strong", {}, row.endpoint), el("div", { class: "mono muted" }, `${row.method} ${row.path}`)] },
      { key: "ingress", title: "In the call", cell: (row) => parts(row.ingress) },
      { key: "egress", title: "In the answer", cell: (row) => parts(row.egress) },
      { key: "stream", title: "Stream", narrow: "m", cell: (row) => (row.stream ? (row.stream === usual ? "yes" : row.stream) : el("span", { class: "muted" }, "no")) },
      { key: "not_screened", title: "Not scanned", narrow: "s", cell: (row) => row.not_screened ?? el("span", { class: "muted" }, "nothing is left out") },
    ],
  });

  async function load() {
    if (loaded) return;
    table.setState("loading");
    try {
      const { endpoints } = await api.detectionCoverage();
      usual = endpoints.find(({ stream }) => stream)?.stream;
      if (usual) streams.replaceChildren(`A streamed answer is ${usual}.`);
      table.setRows(endpoints);
      loaded = true;
    } catch (error) {
      table.setState("error", { error, retry: load });
    }
  }

  return { node: el("div", { class: "coverage" }, streams, table.node), load };
}

function parts(list) {
  if (list.length === 0) return el("span", { class: "muted" }, "no text");
  return el("ul", {}, list.map(({ surface, note }) => el("li", {}, el("code", {}, surface), el("span", { class: "muted" }, ` ${note}`))));
}
