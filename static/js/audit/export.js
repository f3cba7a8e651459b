// Takes records out as a file: asks how, streams the gate's answer to the disk, counts, and can be
// cancelled. Where the browser can write a file itself no more than a piece is held in memory.

import * as api from "../api.js";
import { el, setText } from "../dom.js";
import { bytes, count } from "../format.js";
import { bucketsOf } from "../period.js";
import { banner, button, openDialog, tag } from "../ui.js";

const FORMATS = [
  ["jsonl", "JSON lines", "Everything, with checkpoints: can be verified without the gate", "jsonl"],
  ["csv", "CSV", "A column per field, for spreadsheets", "csv"],
  ["ocsf", "OCSF", "API Activity events, for a SIEM or a data lake", "ocsf.jsonl"],
  ["cef", "CEF", "A line per record, for ArcSight and its like", "cef"],
];
/** Filters that sums are kept by. */
const SUMMED = ["agent", "model", "app_context", "endpoint"];
/** What else a sum can tell, by the one filter that asks for it. */
const COUNTED = { "kind=calls": "calls", "kind=failures": "failed", "policy_result=deny": "denied", "outcome=blocked": "blocked", "": "calls" };
const LONG_AGO = "2000-01-01";

/** How many records match as far as the sums say: null where they cannot. */
export async function expected(query, signal) {
  const { from, to, ...filter } = query;
  const set = Object.entries(filter).filter(([name, value]) => value && !SUMMED.includes(name)).map((pair) => pair.join("="));
  const member = set.length > 1 ? undefined : COUNTED[set.join("")];
  if (!member) return null;
  const summed = Object.fromEntries(SUMMED.map((name) => [name, filter[name]]));
  const now = Date.now();
  const { width } = bucketsOf({ range: "custom", from: Date.parse(from || LONG_AGO), to: to ? Date.parse(to) : now }, now);
  const { sums } = await api.read("/audit/summary", { ...summed, from: from || LONG_AGO, to, group: "time", width }, signal);
  return sums.reduce((sum, each) => sum + each[member], 0);
}

/** Asks for the format and exports what `query` finds. `words` says what that is. */
export function openExport({ query, words }) {
  const choices = FORMATS.map(([value, title, text], at) => {
    const input = el("input", { type: "radio", name: "format", value });
    input.checked = at === 0;
    return el("label", { class: "format" }, input, el("strong", {}, title), at === 0 ? tag("verifiable", "good") : null, el("span", { class: "muted" }, text));
  });
  const formats = el("fieldset", { class: "formats" }, el("legend", { class: "visually-hidden" }, "Format"), choices);
  const line = el("p", { role: "status", id: "export-progress" });
  const bar = el("progress", { aria: { label: "Export" } });
  const cancel = button("Cancel the export", () => running.abort(), { id: "export-cancel" });
  const progress = el("div", { class: "export-progress", hidden: true }, bar, cancel);
  const result = el("div");
  let running = new AbortController();
  let total = null;
  expected(query, running.signal).then((number) => {
    total = number;
    if (number !== null && line.textContent === "") setText(line, `About ${count(number)} records.`);
  }).catch(() => null);
  openDialog({
    title: "Export records", body: [el("p", {}, words), formats, line, progress, result],
    actions: [{ label: "Export", kind: "primary", run }], cancel: "Close", onClose: () => running.abort(),
  });

  async function run() {
    const [format, , , extension] = FORMATS.find(([value]) => value === formats.querySelector(":checked").value);
    const target = await openTarget(`portcullis-audit.${extension}`);
    if (target === null) return false;
    result.replaceChildren();
    running = new AbortController();
    formats.disabled = true;
    progress.hidden = false;
    try {
      const done = await stream({ ...query, format }, target, running.signal, show);
      show(done);
      result.replaceChildren(banner("good", `${count(done.records)} records exported`, format === "jsonl"
        ? "The file is whole. “portcullis audit verify --file” checks it without the gate." : "The answer came to its end."));
    } catch (error) {
      if (!running.signal.aborted) throw error;
      result.replaceChildren(banner("info", "Cancelled", "Nothing was saved."));
    } finally {
      formats.disabled = false;
      progress.hidden = true;
    }
    return false; // the result is to be read
  }

  function show({ records, size }) {
    bar.max = Math.max(total ?? 0, records) || 1;
    if (total === null) bar.removeAttribute("value");
    else bar.value = records;
    setText(line, `${count(records)}${total === null ? "" : ` of about ${count(total)}`} records, ${bytes(size)}`);
  }
}

/** Where the file goes: to the disk as it comes, or together at the end; null when the viewer chose none. */
async function openTarget(name) {
  if ("showSaveFilePicker" in window) {
    try {
      const handle = await window.showSaveFilePicker({ suggestedName: name });
      const file = await handle.createWritable();
      return { write: (piece) => file.write(piece), close: () => file.close(), abort: () => file.abort() };
    } catch (error) {
      if (error.name === "AbortError") return null;
    }
  }
  const pieces = [];
  return {
    write: (piece) => pieces.push(piece),
    close() {
      const url = URL.createObjectURL(new Blob(pieces));
      el("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    abort: () => (pieces.length = 0),
  };
}

async function stream(query, target, signal, show) {
  const counter = createCounter(query.format);
  let size = 0;
  let shownAt = 0;
  try {
    const reader = (await api.download("/audit/export", query, signal)).getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      await target.write(step.value);
      counter.take(step.value);
      size += step.value.length;
      if (performance.now() - shownAt < 100) continue;
      shownAt = performance.now();
      show({ records: counter.records, size });
    }
    if (!counter.isWhole()) throw new Error("The export broke off: its last line is missing. Try again.");
    await target.close();
    return { records: counter.records, size };
  } catch (error) {
    await Promise.resolve(target.abort()).catch(() => null);
    throw error.name === "TypeError" ? new Error("The export broke off. Nothing was saved; try again.") : error;
  }
}

/** Counts lines that are records: not heads, checkpoints and ends. Line breaks inside of a CSV field are quoted. */
function createCounter(format) {
  const decoder = new TextDecoder();
  const isOther = /^\{"(export|checkpoint|end)"/;
  let rest = "";
  let last = "";
  let records = format === "csv" ? -1 : 0; // the head
  let quotes = 0;
  function isRecord(line) {
    if (format === "csv") quotes += line.split('"').length - 1;
    return quotes % 2 === 0 && !(format === "jsonl" && isOther.test(line));
  }
  return {
    get records() {
      return Math.max(0, records);
    },
    take(piece) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop();
      if (lines.length > 0) last = lines.at(-1);
      records += lines.filter(isRecord).length;
    },
    isWhole: () => format !== "jsonl" || last.startsWith('{"end"'),
  };
}
