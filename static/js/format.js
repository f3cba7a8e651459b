// Turns values into the words and figures that people read. Pure; knows no page.

export const NONE = "–";

const plain = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Active, of active. */
export const capital = (word) => word[0].toUpperCase() + word.slice(1);

const two = (number) => String(number).padStart(2, "0");

/** 14:02:11.084 in the viewer's zone; with the day in front when it is not today. */
export function clock(iso, now = new Date()) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return NONE;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() !== now.toDateString()) return `${day.format(at)} ${time}`;
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** Date and time in the viewer's zone and manner. */
export function localMoment(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? NONE : moment.format(at);
}

/** Nov 21, 2026 in the viewer's zone and manner. */
export const date = (iso) => whole.format(new Date(iso));

/** 2026-11-21 04:00:00.123 UTC */
export function utcMoment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return NONE;
  return `${at.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** now, 5 min. ago, in 3 days */
export function ago(iso, now = Date.now()) {
  const secs = (new Date(iso).getTime() - now) / 1000;
  if (Number.isNaN(secs)) return NONE;
  const [unit, size] = UNITS.find(([, least]) => Math.abs(secs) >= least) ?? ["second", Infinity];
  return relative.format(Math.trunc(secs / size), unit);
}

/** 84 ms, 1.24 s, 2 min 05 s */
export function duration(ms) {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
}

/** The time of a call that still runs: one decimal is enough, it moves. */
export function elapsed(ms) {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** 85 µs, 1.2 ms */
export function micros(us) {
  if (us === null || us === undefined) return NONE;
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(1)} ms`;
}

/** For axes: gives values in the one unit that suits the largest of them, `units` being `[size, name]`, the largest first. */
export const inUnit = (...units) => (top) => {
  const [size, name] = units.find(([least]) => top >= least) ?? units.at(-1);
  return (value) => `${plain.format(value / size)} ${name}`;
};

/** 1,234 */
export function count(number) {
  return number === null || number === undefined ? NONE : plain.format(number);
}

/** 1,234 and from there 12.3K, 4.5M */
export function shortCount(number) {
  return number < 10_000 ? plain.format(number) : compact.format(number);
}

/** 512 B, 3.4 kB, 4.3 GB */
export function bytes(number) {
  if (number === null || number === undefined) return NONE;
  if (number < 1000) return `${number} B`;
  if (number < 1_000_000) return `${(number / 1000).toFixed(1)} kB`;
  if (number < 1_000_000_000) return `${(number / 1_000_000).toFixed(1)} MB`;
  return `${(number / 1_000_000_000).toFixed(1)} GB`;
}

/** Scores are stored in hundredths. */
export function score(hundredths) {
  return hundredths === null || hundredths === undefined ? NONE : (hundredths / 100).toFixed(2);
}

/** 40 s, 5 min */
export function span(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

const OUTCOMES = {
  completed: "Completed",
  blocked: "Blocked",
  denied: "Denied",
  rejected: "Rejected",
  cancelled: "Cancelled",
  upstream_error: "Upstream error",
  interrupted: "Interrupted",
};

/** Every outcome with its label, in the order in which filters offer them. */
export const outcomes = Object.entries(OUTCOMES);

/** The label of an outcome; null is an exchange in flight. */
export function outcomeLabel(outcome) {
  return outcome === null ? "Running" : (OUTCOMES[outcome] ?? outcome);
}

const TIERS = { low: "Low", medium: "Medium", high: "High", critical: "Critical" };

/** The label of a risk tier. */
export function tierLabel(tier) {
  return tier === null || tier === undefined ? NONE : (TIERS[tier] ?? tier);
}

/** The label of a policy result. */
export function resultLabel(result) {
  return result === "allow" ? "Allow" : result === "deny" ? "Deny" : NONE;
}
