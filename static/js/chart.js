// Charts in SVG: figures over time as lines or stacked bars, named things by size, sparklines. Owns scales, axes, the
// readout under pointer and keyboard, and the words that say the same; knows no record.
//
// `series`: `[{ name, values, tone, quiet }]`, one value a step, null for a gap. `tone`: good, bad, warn, block, accent,
// muted, or 1 to 6 for what means nothing but itself. What is `quiet` is read out, and not drawn.

import { el, setText, svg } from "./dom.js";
import { NONE, shortCount } from "./format.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICKS = [1_000, 5_000, 15_000, 30_000, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];
const TICK_ROOM = 76;
const TOP = 8;
const BOTTOM = 20;
const LETTER = 6.4;

const written = (options) => new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const day = { month: "short", day: "numeric" };
const minute = { hour: "2-digit", minute: "2-digit" };
const DATE = written(day);
const TIME = written(minute);
const SECONDS = written({ ...minute, second: "2-digit" });
const BOTH = written({ ...day, ...minute });

/**
 * Lines over time. `from`: the start of the first step (ISO or milliseconds), `step`: its length in milliseconds,
 * `format(value)`, `axis(top)` gives that of the axis, `height` in pixels. `onPick({ from, to })` (ISO) tells what the viewer clicked, dragged over, or chose
 * by keyboard (arrows, with Shift a range, Enter). Returns `{ node, update({ series, from, step }) }`.
 */
export const lineChart = (options) => timeChart(options, lines, (values) => Math.max(0, ...values));

/** Stacked bars over time; else like `lineChart`. */
export const barChart = (options) => timeChart(options, bars, (values) => values.reduce((sum, value) => sum + value, 0));

function timeChart({ title, format = shortCount, axis = () => format, height = 168, onPick = null, ...data }, draw, sizeOf) {
  const plot = svg("svg", { "aria-hidden": "true", height });
  const tip = el("div", { class: "chart-tip", hidden: true });
  const words = el("p", { class: "visually-hidden" });
  const legend = el("ul", { class: "legend" });
  const scrub = el("div", {
    class: `chart-scrub ${onPick ? "can-pick" : ""}`, role: "slider", tabindex: "0", aria: { label: title, valuemin: 0, valuenow: 0 },
    onpointermove: point, onpointerdown: grab, onpointerup: drop, onpointerleave: () => grabbed || show(null), onkeydown: onKey, onblur: () => show(null),
  });
  const box = el("div", { class: "chart-plot" }, plot, scrub, tip);
  const mark = svg("rect", { class: "chart-mark", y: TOP, height: height - BOTTOM - TOP });
  let scale = null;
  let cursor = null; // the step that is read
  let anchor = null; // where a range began
  let grabbed = false;

  function render() {
    const width = box.clientWidth;
    if (width === 0) return;
    const { series, step } = data;
    const from = Number(new Date(data.from));
    const drawn = series.filter(({ quiet }) => !quiet);
    const steps = Math.max(1, ...series.map(({ values }) => values.length));
    const levels = levelsOf(Math.max(...Array.from({ length: steps }, (_, at) => sizeOf(drawn.map(({ values }) => values[at] ?? 0)))));
    const write = axis(levels.at(-1));
    const left = Math.ceil(Math.max(...levels.map((level) => write(level).length)) * LETTER) + 10;
    scale = {
      left, from, step, steps, width,
      x: (at) => left + (at / steps) * (width - left - 1),
      y: (value) => height - BOTTOM - (value / levels.at(-1)) * (height - BOTTOM - TOP),
    };
    plot.setAttribute("width", width);
    plot.replaceChildren(
      ...levels.flatMap((level) => [
        svg("path", { class: "chart-grid", d: `M${left} ${Math.round(scale.y(level)) + 0.5}H${width}` }),
        label(left - 6, scale.y(level) + 3.5, "end", write(level))]),
      ...ticksOf(scale).map(([x, text]) => label(x, height - 5, x < left + 20 ? "start" : x > width - 20 ? "end" : "middle", text)),
      mark, ...draw(drawn, scale));
    legend.replaceChildren(...(drawn.length > 1 ? drawn.map(({ name, tone }) => el("li", { class: `tone-${tone}` }, name)) : []));
    scrub.ariaValueMax = String(steps - 1);
    setText(words, series.map(({ name, values }) => {
      const most = Math.max(...values.filter(isKnown));
      const at = values.indexOf(most);
      return at === -1 ? `${name}: nothing.` : `${name}: at most ${format(most)}, ${momentOf(scale, at, at)}.`;
    }).join(" "));
    show(cursor === null ? null : Math.min(cursor, steps - 1));
  }

  const range = () => [Math.min(anchor ?? cursor, cursor), Math.max(anchor ?? cursor, cursor)];

  /** Reads one step out, or none. */
  function show(at) {
    cursor = at;
    if (at === null) anchor = null;
    tip.hidden = at === null;
    mark.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (scale === null) return;
    const [first, last] = range();
    const read = ({ values }) => (isKnown(values[at ?? 0]) ? format(values[at ?? 0]) : NONE);
    scrub.ariaValueNow = String(at ?? 0);
    scrub.ariaValueText = `${momentOf(scale, first ?? 0, last ?? 0)}: ${data.series.map((one) => `${one.name} ${read(one)}`).join(", ")}`;
    if (at === null) return;
    mark.setAttribute("x", scale.x(first));
    mark.setAttribute("width", scale.x(last + 1) - scale.x(first));
    tip.replaceChildren(el("p", { class: "muted" }, momentOf(scale, first, last)),
      el("dl", {}, data.series.map((one) => el("div", { class: `tone-${one.tone}` }, el("dt", {}, one.name), el("dd", {}, read(one))))));
    const x = scale.x(at + 0.5);
    const isRight = x > scale.width / 2;
    tip.style.left = isRight ? "auto" : `${x + 14}px`;
    tip.style.right = isRight ? `${scale.width - x + 14}px` : "auto";
  }

  function pick() {
    if (cursor === null || onPick === null) return;
    const [first, last] = range();
    const iso = (at) => new Date(scale.from + at * scale.step).toISOString();
    onPick({ from: iso(first), to: iso(last + 1) });
  }

  function point({ offsetX }) {
    if (scale === null) return;
    if (!grabbed) anchor = null;
    const at = Math.floor(((offsetX - scale.left) / (scale.width - scale.left)) * scale.steps);
    show(Math.max(0, Math.min(scale.steps - 1, at)));
  }

  function grab(event) {
    if (onPick === null || event.button !== 0) return;
    point(event);
    anchor = cursor;
    grabbed = true;
    scrub.setPointerCapture(event.pointerId);
  }

  function drop() {
    if (!grabbed) return;
    grabbed = false;
    pick();
    show(null);
  }

  function onKey(event) {
    if (scale === null) return;
    const last = scale.steps - 1;
    const to = {
      ArrowLeft: Math.max(0, (cursor ?? scale.steps) - 1), ArrowRight: Math.min(last, (cursor ?? -1) + 1), Home: 0, End: last,
    }[event.key];
    if (to !== undefined) {
      anchor = event.shiftKey ? (anchor ?? cursor) : null;
      show(to);
    } else if (event.key === "Enter") pick();
    else if (event.key === "Escape" && cursor !== null) show(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  new ResizeObserver(render).observe(box);
  return {
    node: el("figure", { class: "chart" }, legend, box, words),
    update(next) {
      Object.assign(data, next);
      render();
    },
  };
}

const isKnown = (value) => value !== null && value !== undefined;
const label = (x, y, anchor, text) => svg("text", { class: "chart-label", x, y, "text-anchor": anchor }, text);

/** Round figures from 0 to at least `top`. */
function levelsOf(top) {
  const rough = Math.max(top, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = top <= 4 ? 1 : [1, 2, power > 1 ? 2.5 : 5, 5, 10].find((n) => n * power >= rough) * power;
  return Array.from({ length: Math.max(1, Math.ceil(top / step)) + 1 }, (_, at) => at * step);
}

/** Where the time's labels stand: on round moments of the viewer's day. */
function ticksOf({ from, step, steps, left, width }) {
  const span = steps * step;
  const every = TICKS.find((tick) => span / tick <= Math.max(1, (width - left) / TICK_ROOM)) ?? TICKS.at(-1);
  const zone = new Date(from).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / every) * every + zone; at <= from + span; at += every) {
    const write = (at - zone) % DAY === 0 ? DATE : every < MINUTE ? SECONDS : TIME;
    ticks.push([left + ((at - from) / span) * (width - left - 1), write.format(at)]);
  }
  return ticks;
}

function momentOf({ from, step }, first, last) {
  const begin = from + first * step;
  const end = from + (last + 1) * step;
  if (step >= DAY && first === last) return DATE.format(begin);
  if (step < MINUTE) return `${SECONDS.format(begin)} – ${SECONDS.format(end)}`;
  return `${BOTH.format(begin)} – ${(end - begin > DAY ? BOTH : TIME).format(end)}`;
}

function lines(series, { x, y, steps }) {
  return series.flatMap(({ values, tone }, index) => {
    const place = (at) => `${x(at + 0.5).toFixed(1)} ${y(values[at]).toFixed(1)}`;
    // A gap lifts the pen; a value between two gaps is a dot: a line of no length with round ends.
    const alone = (at) => isKnown(values[at]) && !isKnown(values[at - 1]) && !isKnown(values[at + 1]);
    const line = values.map((value, at) => (isKnown(value) ? `${isKnown(values[at - 1]) ? "L" : "M"}${place(at)}` : "")).join("") || "M0 0";
    const dots = values.map((_, at) => (alone(at) ? `M${place(at)}h0` : "")).join("");
    const area = series.length === 1 && values.length === steps && values.every(isKnown)
      ? [svg("path", { class: `chart-area tone-${tone}`, d: `${line}L${x(steps - 0.5)} ${y(0)}H${x(0.5)}Z` })] : [];
    return [...area, svg("path", { class: `chart-line tone-${tone} line-${index}`, d: line }), svg("path", { class: `chart-line chart-dots tone-${tone}`, d: dots })];
  });
}

function bars(series, { x, y, steps }) {
  const gap = x(1) - x(0) > 4 ? 1 : 0;
  const below = Array.from({ length: steps }, () => 0);
  return series.map(({ values, tone }) => svg("path", { class: `chart-bar tone-${tone}`, d: values.map((value, at) => {
    if (!value) return "";
    const foot = y(below[at]);
    below[at] += value;
    return `M${x(at).toFixed(1)} ${foot.toFixed(1)}V${Math.min(y(below[at]), foot - 1).toFixed(1)}H${(x(at + 1) - gap).toFixed(1)}V${foot.toFixed(1)}Z`;
  }).join("") || "M0 0" }));
}

/** Named things by size. `items`: `[{ name, value, tone, href, title }]`; a link where there is `href`. Returns `{ node, update({ items }) }`. */
export function rankChart({ title, items = [], format = shortCount }) {
  const node = el("ol", { class: "rank", aria: { label: title } });
  function update({ items: next }) {
    const most = Math.max(1, ...next.map(({ value }) => value));
    node.replaceChildren(...next.map(({ name, value, tone = "accent", href, title: hint }) => el("li", {},
      el(href ? "a" : "span", { class: `rank-row tone-${tone}`, href, title: hint },
        el("span", { class: "rank-name" }, name), el("span", { class: "rank-value" }, format(value)),
        svg("svg", { class: "rank-bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { width: Math.max(0.5, (value / most) * 100), height: 4 }))))));
  }
  update({ items });
  return { node, update };
}

const SPARK = 24;

/** Bars without axes, beside a number that says the same. Returns `{ node, update(values) }`. */
export function sparkline({ values = [], tone = "muted" } = {}) {
  const path = svg("path", { class: "spark-bars" });
  const node = svg("svg", { class: `spark tone-${tone}`, preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  function update(next) {
    const top = Math.max(1, ...next);
    node.setAttribute("viewBox", `0 0 ${next.length || 1} ${SPARK}`);
    path.setAttribute("d", next.map((value, x) => (value ? `M${x + 0.5} ${SPARK}v-${Math.max(1.5, (value / top) * (SPARK - 1)).toFixed(1)}` : "")).join("") || "M0 0");
  }
  update(values);
  return { node, update };
}
