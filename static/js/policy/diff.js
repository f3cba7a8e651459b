// Shows what differs between two texts, as the gate's answer tells it. Long runs without a change are folded.

import { el } from "../dom.js";
import { count } from "../format.js";
import { csvLine } from "./colour.js";

const AROUND = 3;
const MARKS = { "+": ["added", "added: "], "-": ["removed", "removed: "], " ": ["same", ""] };

/** `+2 −1`, the signs in words for who listens. */
export function changeCount({ added, removed }) {
  return el("span", { class: "change-count" },
    el("span", { class: "plus", aria: { hidden: "true" } }, `+${count(added)}`), " ",
    el("span", { class: "minus", aria: { hidden: "true" } }, `−${count(removed)}`),
    el("span", { class: "visually-hidden" }, `${count(added)} lines added, ${count(removed)} removed`));
}

/** The lines of a diff, `{ lines: [{ mark, old, new, text }] }`. */
export function diffView({ lines }, label) {
  const near = new Array(lines.length).fill(false);
  lines.forEach(({ mark }, at) => {
    if (mark !== " ") near.fill(true, Math.max(0, at - AROUND), at + AROUND + 1);
  });
  const list = el("ol", { class: "diff" });
  for (let at = 0; at < lines.length;) {
    let end = at;
    while (end < lines.length && near[end] === near[at]) end += 1;
    const piece = lines.slice(at, end);
    list.append(...(near[at] ? piece.map(lineOf) : [fold(piece)]));
    at = end;
  }
  return el("div", { class: "diff-box", tabindex: "0", role: "region", aria: { label } }, list);
}

function fold(piece) {
  const row = el("li", { class: "diff-fold" }, el("button", { type: "button", class: "button button-link", onclick: () => {
    row.replaceWith(...piece.map(lineOf));
  } }, `${count(piece.length)} unchanged ${piece.length === 1 ? "line" : "lines"}`));
  return row;
}

function lineOf({ mark, old, new: fresh, text }) {
  const [kind, word] = MARKS[mark];
  return el("li", { class: "diff-line", dataset: { kind } },
    el("span", { class: "diff-number", aria: { hidden: "true" } }, String(old ?? "")),
    el("span", { class: "diff-number", aria: { hidden: "true" } }, String(fresh ?? "")),
    el("span", { class: "diff-mark", aria: { hidden: "true" } }, mark),
    el("code", {}, el("span", { class: "visually-hidden" }, word), csvLine(text).map(([name, part]) => el("span", { class: name }, part))));
}
