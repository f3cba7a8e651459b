// The figures above the list: all traffic of the last minutes, and what is running now. Redrawn once
// a second, whatever the traffic.

import { el, svg, setText } from "../dom.js";
import { shortCount, span } from "../format.js";
import { BUCKETS } from "./tally.js";

const HEIGHT = 24;
const FIGURES = [
  ["calls", "Calls", "Exchanges that finished"],
  ["denials", "Denied", "Denied by identity, standing or policy, or blocked by a detection rule"],
  ["errors", "Errors", "Rejected by the gate, failed at the provider, or interrupted"],
  ["tokens", "Tokens", "Input and output tokens"],
];

export function createStats() {
  const tiles = FIGURES.map(([name, label, title]) => {
    const value = el("dd", { class: "stat-value", dataset: { stat: name } }, "0");
    const bars = svg("path", { class: "spark-bars" });
    const chart = svg("svg", {
      class: "spark", viewBox: `0 0 ${BUCKETS} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
    }, bars);
    const node = el("div", { class: `stat stat-${name}`, title }, el("dt", {}, label), value, chart);
    return { name, node, value, bars };
  });
  const running = el("dd", { class: "stat-value", dataset: { stat: "running" } }, "0");
  const runningTile = el("div", { class: "stat stat-running", title: "Exchanges in flight" },
    el("dt", {}, "Running now"), running);
  const window = el("p", { class: "stats-window muted" });
  const node = el("dl", { class: "stats" }, runningTile, tiles.map((tile) => tile.node));

  function update(tally, inFlight) {
    const { series, sums, coveredSecs } = tally.read(Date.now());
    for (const { name, node: tile, value, bars } of tiles) {
      setText(value, shortCount(sums[name]));
      tile.classList.toggle("is-zero", sums[name] === 0);
      bars.setAttribute("d", draw(series[name]));
    }
    setText(running, shortCount(inFlight));
    runningTile.classList.toggle("is-zero", inFlight === 0);
    setText(window, `All traffic, last ${span(coveredSecs)}`);
  }
  return { node, window, update };
}

function draw(values) {
  const top = Math.max(1, ...values);
  return values.map((value, x) => {
    const height = Math.max(1.5, (value / top) * (HEIGHT - 1));
    return value === 0 ? "" : `M${x + 0.5} ${HEIGHT}v-${height.toFixed(1)}`;
  }).join("");
}
