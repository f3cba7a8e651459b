// One list of the overview: agents, models, … by size, the first few until all are asked for.

import { rankChart } from "../chart.js";
import { el, setText } from "../dom.js";
import { button } from "../ui.js";

const SHOWN = 8;

/** Returns `{ node, show(items, format) }`; items are those of a rank chart, without a value they are left out. */
export function createRank(name, title, note = null) {
  const chart = el("div");
  const none = el("p", { class: "muted" }, "Nothing in this time.");
  const more = button("", () => {
    open = !open;
    draw();
  }, { kind: "link" });
  let open = false;
  let list = [];
  let format;

  function draw() {
    chart.replaceChildren(rankChart({ title, items: open ? list : list.slice(0, SHOWN), format }).node);
    none.hidden = list.length > 0;
    more.hidden = list.length <= SHOWN;
    setText(more, open ? "Show fewer" : `Show all ${list.length}`);
  }

  return {
    node: el("section", { class: "card", dataset: { rank: name } }, el("h3", {}, title), note, chart, none, more),
    show(items, words) {
      format = words;
      list = items.filter(({ value }) => value !== null).sort((one, other) => other.value - one.value);
      draw();
    },
  };
}
