// Charts in SVG: figures over time as lines or stacked bars, named things by size, sparklines. Owns scales, axes,
// the readout under the pointer or the keyboard's cursor, and the words that say the same; knows no record.
//
// `series`: `[{ name, values, tone }]`, one value a step, null for a gap. `tone`: good, bad, warn, block,
// accent, muted, or 1 to 6 for things that mean nothing but themselves.

import { el, setText, svg } from "./dom.js";
import { shortCount } from "./format.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICKS = [1, 5, 15, 30].map((n) => n * SECOND).concat([1, 5, 15, 30].map((n) => n * MINUTE),
  [1, 3, 6, 12].map((n) => n * HOUR), [1, 2, 7, 14, 30, 90].map((n) => n * DAY));
const TICK_ROOM = 76;
const TOP = 8;
const BOTTOM = 20;
const LETTER = 6.4;

const dayOf = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const timeOf = (options) => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...options });
const minuteOf = timeOf({});
const secondOf = timeOf({ second: "2-digit" });
const fullOf = timeOf({ month: "short", day: "numeric" });

/**
 * Lines over time. `from` is the start of the first step (ISO or milliseconds), `step` its length in milliseconds,
 * `format(value)` the words of a figure, `height` in pixels. `onPick({ from, to })` (ISO) is told what the viewer
 * clicked, dragged over, or chose by keyboard (arrows, with Shift a range, Enter).
 * Returns `{ node, update({ series, from, step }) }`.
 */
export const lineChart = (options) => timeChart({ ...options, draw: drawLines, stacked: false });

/** Stacked bars over time; else like `lineChart`. */
export const barChart = (options) => timeChart({ ...options, draw: drawBars, stacked: true });

function timeChart({ title, draw, stacked, format = shortCount, height = 168, onPick = null, ...data }) {
  const plot = svg("svg", { "aria-hidden": "true", height });
  const tip = el("div", { class: "chart-tip", hidden: true });
  const words = el("p", { class: "visually-hidden" });
  const legend = el("ul", { class: "legend" });
  const scrub = el("div", {
    class: "chart-scrub", role: "slider", tabindex: "0", aria: { label: title, valuemin: "0" },
    onpointermove: (event) => point(event), onpointerdown: (event) => grab(event), onpointerup: () => drop(), onpointerleave: () => grabbed || show(null),
    onkeydown: onKey, onblur: () => show(null),
  });
  scrub.classList.toggle("can-pick", onPick !== null);
  const node = el("figure", { class: "chart" }, legend, el("div", { class: "chart-plot" }, plot, scrub, tip), words);
  let scale = null;
  let cursor = null;
  let anchor = null;
  let grabbed = false;

  function update(next) {
    data = { ...data, ...next };
    render();
  }

  function render() {
    const width = plot.parentElement.clientWidth;
    if (width === 0) return;
    const { series, step } = data;
    const from = new Date(data.from).getTime();
    const steps = Math.max(1, ...series.map(({ values }) => values.length));
    const totals = Array.from({ length: steps }, (_, at) => stacked
      ? series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0) : Math.max(0, ...series.map(({ values }) => values[at] ?? 0)));
    const levels = levelsOf(Math.max(...totals));
    const left = Math.ceil(Math.max(...levels.map((level) => format(level).length)) * LETTER) + 10;
    const top = levels.at(-1);
    scale = {
      left, from, step, steps, width, height,
      x: (at) => left + (at / steps) * (width - left - 1),
      y: (value) => height - BOTTOM - (value / top) * (height - BOTTOM - TOP),
    };
    plot.setAttribute("width", width);
    plot.replaceChildren(
      ...levels.flatMap((level) => [
        svg("path", { class: "chart-grid", d: `M${left} ${Math.round(scale.y(level)) + 0.5}H${width}` }),
        svg("text", { class: "chart-label", x: left - 6, y: scale.y(level) + 3.5, "text-anchor": "end" }, format(level))]),
      ...ticksOf(scale).map(([at, text]) => svg("text", { class: "chart-label", x: at, y: height - 5, "text-anchor": at < left + 20 ? "start" : at > width - 20 ? "end" : "middle" }, text)),
      svg("rect", { class: "chart-mark", y: TOP, height: height - BOTTOM - TOP, width: 0, visibility: "hidden" }),
      ...draw(series, scale));
    legend.replaceChildren(...(series.length > 1 ? series.map(({ name, tone }) => el("li", { class: `tone-${tone}` }, name)) : []));
    scrub.setAttribute("aria-valuemax", String(steps - 1));
    setText(words, sentences(series, scale, format));
    show(cursor === null ? null : Math.min(cursor, steps - 1));
  }

  /** Shows the readout of one step, or of none. */
  function show(at) {
    cursor = at;
    if (at === null) anchor = null;
    tip.hidden = at === null;
    const [first, last] = picked();
    const mark = plot.querySelector(".chart-mark");
    mark?.setAttribute("visibility", at === null ? "hidden" : "visible");
    scrub.setAttribute("aria-valuenow", String(at ?? 0));
    const moment = momentOf(scale, at ?? 0, at ?? 0);
    scrub.setAttribute("aria-valuetext", `${moment}: ${data.series.map(({ name, values }) => `${name} ${said(values[at ?? 0], format)}`).join(", ")}`);
    if (at === null || !mark) return;
    mark.setAttribute("x", scale.x(first));
    mark.setAttribute("width", scale.x(last + 1) - scale.x(first));
    tip.replaceChildren(el("p", { class: "muted" }, momentOf(scale, first, last)),
      el("dl", {}, data.series.map(({ name, values, tone }) => el("div", { class: `tone-${tone}` },
        el("dt", {}, name), el("dd", {}, said(values[at], format))))));
    const x = scale.x(at + 0.5);
    tip.style.left = x > scale.width / 2 ? "auto" : `${x + 14}px`;
    tip.style.right = x > scale.width / 2 ? `${scale.width - x + 14}px` : "auto";
  }

  const picked = () => (anchor === null ? [cursor, cursor] : [Math.min(anchor, cursor), Math.max(anchor, cursor)]);

  function pick() {
    if (cursor === null || onPick === null) return;
    const [first, last] = picked();
    const iso = (at) => new Date(scale.from + at * scale.step).toISOString();
    onPick({ from: iso(first), to: iso(last + 1) });
  }

  function point(event) {
    if (scale === null) return;
    const at = Math.floor(((event.offsetX - scale.left) / (scale.width - scale.left)) * scale.steps);
    if (!grabbed) anchor = null;
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

  new ResizeObserver(render).observe(plot.parentElement);
  return { node, update };
}

const said = (value, format) => (value === null || value === undefined ? "–" : format(value));

/** Round figures from 0 to at least `top`. */
function levelsOf(top) {
  const rough = Math.max(top, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const whole = top <= 4 ? 1 : step;
  return Array.from({ length: Math.max(1, Math.ceil(top / whole)) + 1 }, (_, at) => at * whole);
}

/** Where the time's labels stand, on round moments of the viewer's day. */
function ticksOf({ from, step, steps, left, width }) {
  const span = steps * step;
  const most = Math.max(1, (width - left) / TICK_ROOM);
  const every = TICKS.find((tick) => span / tick <= most) ?? TICKS.at(-1);
  const zone = new Date(from).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / every) * every + zone; at <= from + span; at += every) {
    const isMidnight = (at - zone) % DAY === 0;
    const text = every >= DAY || isMidnight ? dayOf.format(at) : (every < MINUTE ? secondOf : minuteOf).format(at);
    ticks.push([left + ((at - from) / span) * (width - left - 1), text]);
  }
  return ticks;
}

function momentOf(scale, first, last) {
  if (scale === null) return "";
  const begin = scale.from + first * scale.step;
  const end = scale.from + (last + 1) * scale.step;
  if (scale.step >= DAY && first === last) return dayOf.format(begin);
  const write = scale.step < MINUTE ? secondOf : minuteOf;
  return `${(scale.step < MINUTE ? secondOf : fullOf).format(begin)} – ${(end - begin > DAY ? fullOf : write).format(end)}`;
}

/** What the chart says, for those who do not see it. */
function sentences(series, scale, format) {
  return series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null && value !== undefined);
    if (known.length === 0) return `${name}: nothing.`;
    const most = Math.max(...known);
    const at = values.indexOf(most);
    return `${name}: at most ${format(most)}, at ${momentOf(scale, at, at)}; last ${format(known.at(-1))}.`;
  }).join(" ");
}

function drawLines(series, { x, y, steps }) {
  return series.flatMap(({ values, tone }, index) => {
    let pen = "M";
    let line = "";
    values.forEach((value, at) => {
      if (value === null || value === undefined) return (pen = "M");
      line += `${pen}${x(at + 0.5).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    });
    const known = values.map((value, at) => [value, at]).filter(([value]) => value !== null && value !== undefined);
    const alone = known.length === 1 ? [svg("circle", { class: `chart-dot tone-${tone}`, cx: x(known[0][1] + 0.5), cy: y(known[0][0]), r: 2.5 })] : [];
    const filled = series.length === 1 && known.length === steps && steps > 1
      ? [svg("path", { class: `chart-area tone-${tone}`, d: `${line}L${x(steps - 0.5)} ${y(0)}L${x(0.5)} ${y(0)}Z` })] : [];
    return [...filled, svg("path", { class: `chart-line tone-${tone} line-${index}`, d: line || "M0 0" }), ...alone];
  });
}

function drawBars(series, { x, y, steps }) {
  const gap = x(1) - x(0) > 4 ? 1 : 0;
  const below = Array.from({ length: steps }, () => 0);
  return series.map(({ values, tone }) => svg("path", {
    class: `chart-bar tone-${tone}`,
    d: values.map((value, at) => {
      if (!value) return "";
      const foot = y(below[at]);
      below[at] += value;
      const head = Math.min(y(below[at]), foot - 1);
      return `M${x(at).toFixed(1)} ${foot.toFixed(1)}V${head.toFixed(1)}H${(x(at + 1) - gap).toFixed(1)}V${foot.toFixed(1)}Z`;
    }).join("") || "M0 0",
  }));
}

/**
 * Named things by size: `items`: `[{ name, value, tone, href, title }]`; with `href` the row is a link, with
 * `onPick(name)` a button. Returns `{ node, update({ items }) }`.
 */
export function rankChart({ title, items = [], format = shortCount, onPick = null }) {
  const node = el("ol", { class: "rank", aria: { label: title } });
  function update({ items: next }) {
    const most = Math.max(1, ...next.map(({ value }) => value));
    node.replaceChildren(...next.map(({ name, value, tone = "accent", href, title: hint }) => el("li", {},
      el(href ? "a" : onPick ? "button" : "span", { class: `rank-row tone-${tone}`, href, title: hint, ...(onPick && !href ? { type: "button", onclick: () => onPick(name) } : {}) },
        el("span", { class: "rank-name" }, name), el("span", { class: "rank-value" }, format(value)),
        svg("svg", { class: "rank-bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { width: Math.max(0.5, (value / most) * 100), height: 4 }))))));
  }
  update({ items });
  return { node, update };
}

/** Bars without axes, beside a number that says the same. Returns `{ node, update(values) }`. */
export function sparkline({ values = [], tone = "muted", height = 24 } = {}) {
  const bars = svg("path", { class: "spark-bars" });
  const node = svg("svg", { class: `spark tone-${tone}`, preserveAspectRatio: "none", "aria-hidden": "true" }, bars);
  function update(next) {
    const top = Math.max(1, ...next);
    node.setAttribute("viewBox", `0 0 ${next.length || 1} ${height}`);
    bars.setAttribute("d", next.map((value, x) => (value ? `M${x + 0.5} ${height}v-${Math.max(1.5, (value / top) * (height - 1)).toFixed(1)}` : "")).join("") || "M0 0");
  }
  update(values);
  return { node, update };
}
