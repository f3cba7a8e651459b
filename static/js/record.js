// How the record fares: a banner on every page while the database or the disk does not take it.
// Owns the question to the gate and the words; shows nothing while all is well.

import * as api from "./api.js";
import { el } from "./dom.js";
import { bytes, clock, count } from "./format.js";
import { link } from "./router.js";
import { banner } from "./ui.js";

const ASK_EVERY_MS = 10_000;
const NEARLY_FULL = 0.8;

/** The banner's place, and `stop()` to end its questions. */
export function createRecordBanner() {
  const node = el("div", { class: "record-banner", id: "record-banner", role: "status" });
  const aborter = new AbortController();
  let shown = null;
  async function ask() {
    if (document.hidden) return;
    const status = await api.recordStatus(aborter.signal).catch(() => null);
    if (!status) return; // the connection's own sign says so
    const trouble = troubleOf(status);
    const text = JSON.stringify(trouble);
    if (text === shown) return; // it would be read out again
    shown = text;
    node.replaceChildren(...(trouble ? [banner(trouble.bad ? "bad" : "warn", trouble.title, trouble.text,
      el("a", { href: link("audit", { tab: "integrity" }) }, "How the record stands"))] : []));
  }
  const timer = setInterval(ask, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", ask);
  ask();
  return {
    node,
    stop() {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
      aborter.abort();
    },
  };
}

/** What an administrator must know, the worst first; null while all is well. */
export function troubleOf({ journal, records, store_away_since: since, checkpoint_file_fails: unsigned }) {
  const fill = `${bytes(journal.bytes)} of ${bytes(journal.most_bytes)}`;
  if (journal.disk_full) {
    return {
      bad: true, title: "The journal's disk is full: new calls are refused",
      text: "Make room on the disk; the gate goes on by itself.",
    };
  }
  if (journal.bytes >= NEARLY_FULL * journal.most_bytes) {
    return {
      bad: true, title: "The journal is nearly full",
      text: `${fill}. When it is full, new calls are refused. Bring the database back, or raise audit.journal_bytes.`,
    };
  }
  if (since) {
    return {
      bad: false, title: "The database takes no records",
      text: `Since ${clock(since)}. Calls are served; ${count(records.waiting)} records wait in the journal (${fill}).`,
    };
  }
  if (records.lost > 0) {
    return {
      bad: true, title: "Calls were served without a record",
      text: `${count(records.lost)} since the gate started: there was no room to write them down.`,
    };
  }
  if (unsigned) {
    return {
      bad: true, title: "Checkpoints cannot be written to their file",
      text: "Until they are, a change of the database cannot be shown from outside of it. See audit.checkpoint_file.",
    };
  }
  if (records.set_aside > 0) {
    return {
      bad: false, title: "Records were set aside",
      text: `${count(records.set_aside)} since the gate started. “portcullis audit set-aside” shows them and why.`,
    };
  }
  return null;
}
