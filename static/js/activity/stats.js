// The figures above the list: all traffic of the last minutes, and what is running now. Redrawn once a second,
// whatever the traffic.

import { sparkline } from "../chart.js";
import { el, setText } from "../dom.js";
import { duration, shortCount, span } from "../format.js";

const FIGURES = [
  ["calls", "Calls", "Exchanges that finished; failed ones at the provider, or interrupted"],
  ["denials", "Denied", "Denied by identity, standing or policy, or blocked by a detection rule"],
  ["findings", "Findings", "What detection rules found in calls and answers"],
  ["tokens", "Tokens", "Input and output tokens"],
  ["p95", "p95 latency", "95 of 100 calls took no longer, from the first byte in to the last byte out"],
];

export function createStats() {
  const tiles = FIGURES.map(([name, label, title]) => {
    const value = el("span", { dataset: { stat: name } });
    const note = el("span", { class: "stat-note" });
    const spark = sparkline();
    return { name, value, note, spark, node: el("div", { class: `stat stat-${name}`, title }, el("dt", {}, label), el("dd", {}, value, note), spark.node) };
  });
  const running = el("dd", { dataset: { stat: "running" } });
  const runningTile = el("div", { class: "stat", title: "Exchanges in flight" }, el("dt", {}, "In flight"), running);
  const window = el("p", { class: "muted" });

  function update(tally, inFlight) {
    const { series, sums, coveredSecs } = tally.read(Date.now());
    for (const { name, node, value, note, spark } of tiles) {
      setText(value, name === "p95" ? duration(sums.p95) : shortCount(sums[name]));
      if (name === "calls") setText(note, sums.errors === 0 ? "" : `${shortCount(sums.errors)} failed`);
      node.classList.toggle("is-zero", !sums[name]);
      spark.update(series[name]);
    }
    setText(running, shortCount(inFlight));
    runningTile.classList.toggle("is-zero", inFlight === 0);
    setText(window, `All traffic, last ${span(coveredSecs)}`);
  }
  return { node: el("dl", { class: "stats" }, runningTile, tiles.map((tile) => tile.node)), window, update };
}
