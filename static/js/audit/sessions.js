// Sessions: calls that belong together. Owns the list, and what the drawer shows of one session.

import * as api from "../api.js";
import { group } from "../drawer.js";
import { el } from "../dom.js";
import { NONE, count, duration, outcomeLabel } from "../format.js";
import { createPager } from "../pager.js";
import { link } from "../router.js";
import { createTable } from "../table.js";
import { empty, failed, loading, timeOf } from "../ui.js";
import { queryOf } from "./filter.js";
import { whatOf } from "./records.js";

const PAGE = 50;
const CALLS_SHOWN = 50;

const figure = (key, title, narrow, tone) => ({
  key, title, narrow, numeric: true, cell: (session) => el("span", { class: session[key] && tone }, count(session[key])),
});
const COLUMNS = [
  { key: "last", title: "Last call", cell: (session) => timeOf(session.last_at) },
  { key: "agent", title: "Agent", cell: (session) => agentOf(session) },
  { key: "id", title: "Session", mono: true, narrow: "s", cell: (session) => session.session_id },
  { key: "duration", title: "Duration", numeric: true, narrow: "m", cell: (session) => duration(session.duration_ms) },
  figure("calls", "Calls"), figure("denied", "Denied", "", "text-bad"), figure("blocked", "Blocked", "m", "text-block"), figure("findings", "With findings", "m"),
  { key: "tokens", title: "Tokens", narrow: "l", numeric: true, cell: (session) => count(session.input_tokens + session.output_tokens) },
];

const agentOf = ({ agent_name: name, agents }) => `${name ?? NONE}${agents > 1 ? ` and ${agents - 1} more` : ""}`;

/** Returns `{ node, load(params), setActive(id), stop() }`. */
export function createSessions({ onOpen }) {
  const table = createTable({
    label: "sessions", columns: COLUMNS, rowKey: (session) => session.session_id, onOpen: (session) => onOpen(session.session_id),
    empty: () => empty("No sessions", "Calls that belong together stand here. Agent and time of the filter count."),
  });
  const pager = createPager(table, async (query, signal) => {
    const { sessions, next } = await api.read("/audit/sessions", query, signal);
    return { rows: sessions, next };
  });
  const load = (params) => pager.load((now) => {
    const { agent, from, to } = queryOf(params, now);
    return { agent, from, to, limit: PAGE };
  });

  return { node: table.node, load, setActive: table.setActive, stop: pager.stop };
}

/** Shows a session with its latest calls in the drawer. */
export async function showSession(drawer, id) {
  const say = (body) => drawer.show(id, { title: "Session", body });
  const path = `/audit/sessions/${id.split("/").map(encodeURIComponent).join("/")}`;
  say(loading("Loading the session"));
  try {
    const [session, { events }] = await Promise.all([
      api.read(path), api.read("/audit/events", { session: id, order: "desc", limit: CALLS_SHOWN })]);
    if (drawer.id !== id) return;
    const records = link("audit", { session: id });
    say([
      group("Session", [
        ["session_id", id, { copy: id }], ["agent", agentOf(session)],
        ["first call", timeOf(session.first_at)], ["last call", timeOf(session.last_at)], ["duration", duration(session.duration_ms)],
        ["calls", el("a", { href: records }, `${count(session.calls)}${session.partial ? " latest" : ""}`)],
        ["denied", count(session.denied)], ["blocked", count(session.blocked)], ["with findings", count(session.findings)],
        ["input_tokens", count(session.input_tokens)], ["output_tokens", count(session.output_tokens)],
      ]),
      el("div", { class: "others" }, el("section", { class: "group" }, el("h3", {}, events.length < session.calls ? `Latest ${events.length} calls` : "Calls"),
        el("ul", {}, events.map((record) => el("li", {},
          el("a", { class: "other", dataset: { outcome: record.outcome }, href: link("audit", { session: id, id: record.id }) },
            el("span", { class: "outcome-dot", title: outcomeLabel(record.outcome) }), el("span", { class: "visually-hidden" }, outcomeLabel(record.outcome)),
            timeOf(record.started_at), el("span", { class: "other-model" }, whatOf(record)), el("span", { class: "muted" }, duration(record.latency_ms)))))))),
    ]);
  } catch (error) {
    if (drawer.id === id) say(failed(error, () => showSession(drawer, id)));
  }
}
