// What an agent did: its trust as a line, and its last calls. Owns fetching both, for the one agent that stands open.

import * as api from "../api.js";
import { lineChart } from "../chart.js";
import { el } from "../dom.js";
import { outcomeLabel } from "../format.js";
import { link } from "../router.js";
import { loading, timeOf } from "../ui.js";

const TRUST_DAYS = 30;
const TRUST_STEPS = 120;
const RECENT = 8;
const DAY_MS = 86_400_000;

/** Nodes that fill themselves, and again when the agent has called since. */
export function createHistory() {
  let made = { id: null };
  function of(agent) {
    const id = agent.agent_id;
    if (made.id !== id) made = { id, trust: el("div", { class: "trust" }, loading("Loading its trust", 3)), calls: el("div", {}, loading("Loading its calls", 3)) };
    const state = [agent.calls, agent.trust_score, agent.last_call_at].join();
    if (made.state !== state) {
      made.state = state;
      const own = made;
      fill(own.trust, drawTrust(agent));
      fill(own.calls, listCalls(agent));
    }
    return made;
  }
  return { trustOf: (agent) => of(agent).trust, callsOf: (agent) => of(agent).calls };
}

const fill = (place, content) => content.then(
  (node) => place.replaceChildren(node),
  (error) => place.replaceChildren(el("p", { class: "text-bad" }, error.message)));

async function drawTrust(agent) {
  const now = Date.now();
  const born = new Date(agent.created_at).getTime();
  const from = Math.max(now - TRUST_DAYS * DAY_MS, born);
  const { points, complete } = await api.trustOf(agent.agent_id, new Date(from).toISOString());
  if (points.length === 0) return el("p", { class: "muted" }, "No calls to draw yet.");
  const step = Math.max(1, (now - from) / TRUST_STEPS);
  const values = Array.from({ length: TRUST_STEPS }, () => null);
  let at = 0;
  let last = complete && from === born ? 0 : null; // every agent begins at 0
  values.forEach((_, index) => { // trust holds until a call changes it
    while (at < points.length && new Date(points[at].at).getTime() <= from + (index + 1) * step) last = points[at++].trust_score / 100;
    values[index] = last;
  });
  values[TRUST_STEPS - 1] = agent.trust_score / 100;
  const { node } = lineChart({
    title: "Trust over time", series: [{ name: "Trust", values, tone: "accent" }], from, step, height: 120,
    format: (value) => String(Math.round(value * 100) / 100),
  });
  return el("div", {}, node, complete ? null : el("p", { class: "muted" }, "Drawn from its newest calls."));
}

async function listCalls({ name }) {
  const { events } = await api.exchanges({ filter: { agent: name }, limit: RECENT });
  if (events.length === 0) return el("p", { class: "muted" }, "It has not called yet.");
  return el("div", {},
    el("ol", { class: "calls" }, events.map((event) => el("li", {},
      el("a", { href: link("audit", { agent: name, id: event.id }) }, timeOf(event.started_at)),
      el("span", { class: "calls-what" }, event.model ?? event.endpoint ?? event.target),
      el("span", { class: "calls-end", dataset: { outcome: event.outcome ?? "running" } }, outcomeLabel(event.outcome))))),
    el("p", {}, el("a", { href: link("audit", { agent: name }) }, "All its calls in the audit")));
}
