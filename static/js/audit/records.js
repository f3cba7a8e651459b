// The records that match, newest first, page by page. Owns the list; the filter is the address's.

import * as api from "../api.js";
import { summaryOf } from "../activity/found.js";
import { changeText, isChange } from "../change.js";
import { el, icon } from "../dom.js";
import { NONE, count, duration, outcomeLabel } from "../format.js";
import { createPager } from "../pager.js";
import { createTable } from "../table.js";
import { empty, tag, timeOf } from "../ui.js";
import { queryOf } from "./filter.js";

const PAGE = 100;

/** What agents and AppContexts are called, by their ids. */
const names = new Map();

async function learnNames(signal) {
  const [{ agents }, { app_contexts: contexts }] = await Promise.all([api.agents(signal), api.contexts(signal)]);
  for (const { agent_id: id, name } of agents) names.set(id, name);
  for (const { id, name } of contexts) names.set(id, name);
}

/** What an agent asked for, or what an administrator did. */
export const whatOf = (record) =>
  isChange(record) ? changeText(record, names) : [record.model, record.endpoint].filter(Boolean).join(" · ") || record.target;

const COLUMNS = [
  { key: "time", title: "Time", cell: (record) => timeOf(record.started_at) },
  { key: "ended", title: "Outcome", cell: (record) => el("span", { class: "outcome", dataset: { outcome: record.outcome ?? "running" } },
    el("span", { class: "outcome-dot" }), el("span", { class: "outcome-label" }, outcomeLabel(record.outcome))) },
  { key: "who", title: "Who", cell: (record) => (isChange(record) ? [tag("admin"), ` ${record.actor ?? ""}`] : (record.agent_name ?? NONE)) },
  { key: "what", title: "What", cell: whatOf },
  { key: "code", title: "Status", narrow: "m", numeric: true, cell: (record) => record.status_code ?? NONE },
  { key: "found", title: "Found", narrow: "m", cell: (record) => foundIn(record) },
  { key: "tokens", title: "Tokens", narrow: "l", numeric: true, cell: (record) => tokensOf(record) },
  { key: "latency", title: "Latency", narrow: "l", numeric: true, cell: (record) => duration(record.latency_ms) },
];

function foundIn(record) {
  const found = summaryOf(record);
  return found ? el("span", { class: "findings", title: found.title, dataset: { severity: found.severity } }, icon("flag"), el("span", {}, found.text)) : "";
}

const tokensOf = ({ input_tokens: input, output_tokens: output }) =>
  input === null && output === null ? NONE : count((input ?? 0) + (output ?? 0));

/** Returns `{ node, load(params), setActive(id), get(id), stop() }`; `onOpen` is told a record, `onShown` how many stand there. */
export function createRecords({ onOpen, onShown }) {
  const table = createTable({
    label: "records", columns: COLUMNS, rowKey: ({ id }) => id, onOpen,
    tone: ({ outcome }) => ({ denied: "bad", blocked: "block", upstream_error: "warn", interrupted: "warn" })[outcome],
    empty: () => empty("Nothing matches", "No record of this time matches these filters."),
  });
  const pager = createPager(table, async (query, signal) => {
    const { events, next } = await api.read("/audit/events", query, signal);
    if (events.some(isChange)) await learnNames(signal).catch(() => null); // ids say enough
    return { rows: events, next };
  }, onShown);

  return {
    node: table.node,
    load: (params) => pager.load((now) => ({ ...queryOf(params, now), order: "desc", limit: PAGE })),
    setActive: table.setActive,
    get: (id) => pager.rows().find((row) => row.id === id),
    stop: pager.stop,
  };
}
