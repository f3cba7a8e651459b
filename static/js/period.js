// A time range: as the address says it, and as the buckets that a chart is made of. Pure.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What can be chosen, by its name in the address. */
export const RANGES = { "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY };

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 43_200].map((minutes) => minutes * MINUTE);
const MOST_BUCKETS = 62;
/** The gate keeps minutes for two days; of a longer time than this they are too many to fetch. */
const MINUTES_KEPT = 47 * HOUR;
const MINUTES_FETCHED = 12 * HOUR;

/** `{ range, from, to }`: `range` is a name of `RANGES`, "custom", or `usual` where the address says nothing. */
export function read(params, now, usual) {
  const [from, to] = ["from", "to"].map((name) => Date.parse(params.get(name) ?? ""));
  if (!Number.isNaN(from) || !Number.isNaN(to)) return { range: "custom", from: from || 0, to: to || now };
  const range = params.get("range") in RANGES ? params.get("range") : usual;
  return { range, from: now - (RANGES[range] ?? 0), to: now };
}

const WIDTHS = { minute: MINUTE, hour: HOUR, day: DAY };

/**
 * The buckets of a time: `from` and `to` moved to their bounds, `step` long, that is `every` so many of `width`. The last may
 * be unfinished. `oldest` is what must be known in the same width.
 */
export function bucketsOf({ range, from, to }, now, oldest = from) {
  const span = Math.max(to - from, MINUTE);
  const byMinute = span <= MINUTES_FETCHED && oldest >= now - MINUTES_KEPT;
  const step = STEPS.find((each) => span / each <= MOST_BUCKETS && (byMinute || each >= HOUR)) ?? STEPS.at(-1);
  const end = Math.ceil(to / step) * step;
  const begin = range === "custom" ? Math.floor(from / step) * step : end - span;
  const width = step < HOUR ? "minute" : step < DAY ? "hour" : "day";
  return { from: begin, to: end, step, width, every: step / WIDTHS[width] };
}

/** The sum of rows, member by member: of counts, for percentiles cannot be added up. */
export function sumOf(rows) {
  const sum = {};
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) if (typeof value === "number") sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/** One sum for each bucket, an empty object where nothing happened. */
export function placeIn({ from, to, step }, rows) {
  const parts = Array.from({ length: Math.round((to - from) / step) }, () => ({}));
  for (const row of rows) {
    const at = Math.floor((Date.parse(row.at) - from) / step);
    if (at in parts) parts[at] = row;
  }
  return parts;
}

/** As the API and the address want it; "" for no bound. */
export const iso = (at) => (at ? new Date(at).toISOString() : "");

/** A moment for a field of the type datetime-local, in the viewer's zone. */
export function localField(at) {
  const zone = new Date(at).getTimezoneOffset() * MINUTE;
  return new Date(at - zone).toISOString().slice(0, 16);
}
