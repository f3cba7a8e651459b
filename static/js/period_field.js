// The choice of a time range: some names, and a time of one's own. Owns its fields; what the choice
// means is period.js's, what it changes is the page's.

import { el } from "./dom.js";
import { RANGES, iso, localField, read } from "./period.js";
import { button } from "./ui.js";

const TITLES = { "1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", custom: "Custom", "": "Any time" };

/**
 * `usual` is the range when the address names none: a name of `RANGES`, or "" for any time. `onChange` is told
 * `{ range, from, to }` as they stand in the address. Returns `{ node, set(params) }`.
 */
export function createPeriodField({ usual, onChange }) {
  const names = [...(usual === "" ? [""] : []), ...Object.keys(RANGES), "custom"];
  const choices = names.map((name) => button(TITLES[name], () => choose(name), { dataset: { range: name }, aria: { pressed: "false" } }));
  const bounds = ["From", "To"].map((label) => el("input", { class: "input", type: "datetime-local", aria: { label } }));
  const own = el("form", { class: "period-own", hidden: true, onsubmit: apply }, bounds[0], el("span", { class: "muted" }, "to"), bounds[1],
    el("button", { class: "button" }, "Apply"));
  let shown = {};

  function choose(name) {
    if (name !== "custom") return onChange({ range: name === usual ? "" : name, from: "", to: "" });
    own.hidden = false;
    bounds[0].focus();
  }

  function apply(event) {
    event.preventDefault();
    const [from, to] = bounds.map(({ value }) => (value ? Date.parse(value) : 0));
    const wrong = to !== 0 && from >= to;
    bounds[1].setCustomValidity(wrong ? "The end must lie behind the beginning." : "");
    if (wrong) return bounds[1].reportValidity();
    if (from || to) onChange({ range: "", from: iso(from), to: iso(to) });
  }

  return {
    node: el("div", { class: "period" }, el("div", { class: "segments", role: "group", aria: { label: "Time" } }, choices), own),
    set(params) {
      shown = read(params, Date.now(), usual);
      for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.range === shown.range));
      own.hidden = shown.range !== "custom";
      const fill = [shown.from, shown.to];
      bounds.forEach((bound, at) => { bound.value = fill[at] && shown.range !== "" ? localField(fill[at]) : ""; });
    },
  };
}
