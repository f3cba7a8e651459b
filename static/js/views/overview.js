// What went through the gate in a time: sums, charts and ranks. Every figure is a link to its records.
// Owns the time, the filter and the refreshing; the sums are the gate's.

import * as api from "../api.js";
import { barChart, lineChart } from "../chart.js";
import { el, setText } from "../dom.js";
import { NONE, clock, count, shortCount } from "../format.js";
import { CHARTS, MEASURES, UNTOLD, RANKED, changeOf, isUntold } from "../overview/measures.js";
import { createRank } from "../overview/rank.js";
import { bucketsOf, iso, placeIn, read, sumOf } from "../period.js";
import { createPeriodField } from "../period_field.js";
import { link } from "../router.js";
import { banner, button, empty, failed, loading, select } from "../ui.js";

const USUAL = "24h";
const REFRESH_MS = { minute: 10_000, hour: 30_000, day: 120_000 };
const GROUPS = {
  agent: ["Agents", "All agents", "not known"], model: ["Models", "All models", "no model"],
  app_context: ["AppContexts", "All AppContexts", "no AppContext"], endpoint: ["Endpoints", "All endpoints", "not known"],
};

export function mount(host, _, params) {
  let period;
  let buckets;
  let answers = null;
  let measure = "calls";
  let names = new Map();
  let aborter = new AbortController();
  let timer = 0;

  const time = createPeriodField({ usual: USUAL, onChange: (wanted) => go(wanted) });
  const updated = el("span", { class: "muted", id: "updated" });
  const filters = Object.fromEntries(Object.entries(GROUPS).map(([group, [title, all]]) =>
    [group, select([["", all]], "", { name: group, aria: { label: title }, onchange: (event) => go({ [group]: event.target.value }) })]));
  const note = el("div", {}, loading("Loading the figures"));
  const figures = Object.entries(MEASURES).map(([name, { title, hint }]) => createFigure(name, title, hint));
  const charts = CHARTS.map(createChart);
  const ranks = Object.entries(GROUPS).map(([group, [title]]) => [group, createRank(group, title)]);
  const everything = el("p", { class: "muted" }, "Of all calls, whatever the filter.");
  const types = createRank("finding", "Findings by type", everything);
  const measures = el("div", { class: "segments", role: "group", aria: { label: "Order by" } },
    RANKED.map((name) => button(MEASURES[name].title, () => rankBy(name), { dataset: { measure: name } })));
  const body = el("div", { class: "stack", hidden: true },
    el("ul", { class: "figures" }, figures.map(({ node }) => node)),
    el("div", { class: "cards" }, charts.map(({ node }) => node)),
    el("div", { class: "page-head" }, el("h2", {}, "By whom and what"), measures),
    el("div", { class: "cards cards-narrow" }, ranks.map(([, { node }]) => node), types.node));
  host.replaceChildren(el("div", { class: "page", id: "overview" },
    el("div", { class: "page-head" }, el("h1", {}, "Overview"), updated, time.node),
    el("div", { class: "filters" }, Object.values(filters)), note, body));

  const filter = () => Object.fromEntries(Object.keys(GROUPS).map((name) => [name, params.get(name) ?? ""]));
  const go = (wanted) => { location.hash = link("overview", { ...Object.fromEntries(params), ...wanted }); };

  /** The address of the records behind a figure. */
  function records(name, more = {}) {
    return link("audit", { from: iso(buckets.from), to: iso(buckets.to), ...filter(), ...MEASURES[name].records, ...more });
  }

  function createFigure(name, title, hint) {
    const value = el("strong", { class: "figure-value", dataset: { figure: name } }, NONE);
    const change = el("span", { class: "figure-change muted" });
    const anchor = el("a", { class: "figure", title: hint }, el("span", { class: "figure-title" }, title), value, change);
    return { name, value, change, anchor, node: el("li", {}, anchor) };
  }

  function createChart(spec) {
    const chart = (MEASURES[spec.measure].lines ? lineChart : barChart)({
      title: `${spec.title}, over time`, series: [], from: 0, step: 1, format: MEASURES[spec.measure].format, axis: MEASURES[spec.measure].axis,
      onPick: (range) => { location.hash = records(spec.measure, range); },
    });
    const unknown = el("p", { class: "muted", hidden: true }, `${UNTOLD}.`);
    return { spec, chart, unknown, node: el("section", { class: "card", dataset: { chart: spec.measure } }, el("h2", {}, spec.title), chart.node,
      spec.about ? el("p", { class: "muted" }, spec.about) : null, unknown) };
  }

  async function load() {
    clearTimeout(timer);
    aborter.abort();
    aborter = new AbortController();
    const { signal } = aborter;
    const now = Date.now();
    period = read(params, now, USUAL);
    buckets = bucketsOf(period, now, 2 * period.from - period.to);
    time.set(params);
    body.setAttribute("aria-busy", "true");
    try {
      answers = await ask(signal);
      // A time without a beginning begins with the first call.
      if (period.from === 0) buckets.from = Math.min(buckets.to - buckets.step, ...answers.over.sums.map(({ at }) => Date.parse(at)));
      show();
      setText(updated, `Updated ${clock(new Date()).slice(0, 8)}`);
    } catch (error) {
      if (signal.aborted) return;
      body.hidden = answers === null;
      note.replaceChildren(answers === null ? failed(error, load) : banner("warn", "These figures are not the latest", error.message));
    }
    body.setAttribute("aria-busy", "false");
    // Where the time has an end, nothing more comes.
    if (period.to >= now) timer = setTimeout(refresh, REFRESH_MS[buckets.width]);
  }

  async function ask(signal) {
    const { from, to, width, every } = buckets;
    const summary = (query) => api.read("/audit/summary", query, signal);
    const sums = (query) => summary(query).then((answer) => answer.sums);
    const bounds = { from: new Date(from).toISOString(), to: iso(to) }; // the gate must not choose a beginning
    const [contexts, over, before, findings, ...groups] = await Promise.all([
      api.read("/app-contexts", {}, signal).then((answer) => answer.app_contexts),
      summary({ ...filter(), ...bounds, width, every, group: "time" }),
      period.from === 0 ? null : summary({ ...filter(), from: iso(from - (to - from)), to: iso(from), width, every, group: "time" }),
      sums({ ...bounds, group: "finding" }),
      ...Object.keys(GROUPS).map((group) => sums({ ...filter(), ...bounds, width, group })),
    ]);
    names = new Map(contexts.map(({ id, name }) => [id, name]));
    return { over, before, findings, groups };
  }

  function refresh() {
    if (document.hidden) timer = setTimeout(refresh, 1_000);
    else load();
  }

  function show() {
    const sum = answers.over.total;
    body.hidden = !sum.calls;
    note.replaceChildren(...(sum.calls ? [] : [empty("No calls in this time", "Figures stand here as soon as agents call through the gate.")]));
    for (const { name, value, change, anchor } of figures) {
      const { of, format, exact, spread, hint } = MEASURES[name];
      const figure = of(sum);
      anchor.href = records(name);
      setText(value, figure === null ? NONE : format(figure));
      value.title = spread?.(sum) ?? exact(figure);
      if (spread) anchor.setAttribute("aria-description", `${hint}; ${value.title}`);
      const changed = compare(name);
      setText(change, changed?.text ?? "");
      change.title = changed?.title ?? "";
    }
    const parts = placeIn(buckets, answers.over.sums);
    for (const { spec, chart, unknown } of charts) {
      chart.update({ from: buckets.from, step: buckets.step, series: spec.series.map(([name, tone, of, quiet]) => ({ name, tone, quiet, values: parts.map(of) })) });
      unknown.hidden = !MEASURES[spec.measure].spread || !parts.some(isUntold);
    }
    Object.keys(GROUPS).forEach((group, at) => offer(group, answers.groups[at]));
    rankBy(measure);
  }

  /** Like with like: the bucket that is not over yet is left out of counts on both sides. */
  function compare(name) {
    const { of, spread } = MEASURES[name];
    if (answers.before === null) return null;
    if (spread) return changeOf(name, of(answers.over.total), of(answers.before.total));
    const unfinished = buckets.to > Date.now() ? buckets.step : 0;
    const until = ({ sums }, end) => of(sumOf(sums.filter(({ at }) => Date.parse(at) < end - unfinished)));
    return changeOf(name, until(answers.over, buckets.to), until(answers.before, buckets.from));
  }

  /** The choices of a filter: what was called in this time. */
  function offer(group, sums) {
    const field = filters[group];
    const chosen = params.get(group) ?? "";
    const known = new Set([...field.options].map(({ value }) => value));
    for (const value of [chosen, ...sums.map(({ name }) => name)]) {
      if (value !== "" && !known.has(value)) field.append(el("option", { value }, names.get(value) ?? value));
      known.add(value);
    }
    field.value = chosen;
    field.classList.toggle("is-set", chosen !== "");
  }

  function rankBy(name) {
    measure = name;
    for (const each of measures.children) each.setAttribute("aria-pressed", String(each.dataset.measure === name));
    if (answers === null) return;
    const { of, format, exact, spread, title } = MEASURES[name];
    ranks.forEach(([group, rank], at) => rank.show(answers.groups[at].map((sum) => ({
      name: sum.name === "" ? GROUPS[group][2] : (names.get(sum.name) ?? sum.name),
      value: spread ? of(sum) : of(sum) || null,
      title: `${sum.name || GROUPS[group][2]}: ${spread?.(sum) ?? `${title.toLowerCase()} ${exact(of(sum))}`}, calls ${count(sum.calls)}`,
      href: sum.name === "" ? undefined : records(name, { [group]: sum.name }), // what has no name cannot be asked for
    })), format));
    everything.hidden = Object.values(filter()).every((value) => value === "");
    types.show([...Map.groupBy(answers.findings, ({ type }) => type)].map(([type, sums]) => ({
      name: type, value: sumOf(sums).findings || null, title: `${type}, in ${count(sumOf(sums).exchanges)} calls`,
      href: link("audit", { from: iso(buckets.from), to: iso(buckets.to), finding: type }),
    })), shortCount);
  }

  load();
  return {
    update(next) {
      params = next;
      answers = null; // of another time, or of others
      load();
    },
    unmount() {
      clearTimeout(timer);
      aborter.abort();
    },
  };
}
