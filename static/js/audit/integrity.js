// Whether the record is whole: how it stands, its verification, and what was signed. Owns the
// questions to the gate and their words; judges nothing itself.

import * as api from "../api.js";
import { copyButton, el, setText } from "../dom.js";
import { bytes, count, duration, localMoment } from "../format.js";
import { link } from "../router.js";
import { createTable } from "../table.js";
import { banner, button, can, empty, failed, need, timeOf } from "../ui.js";
import { queryOf } from "./filter.js";

const ASK_MS = 500;
/** Checkpoints are read from the oldest on: from so many records before the last one. */
const LATEST = 500;
const SHOWN = 20;

/** Returns `{ node, load(params), stop() }`. */
export function createIntegrity({ session }) {
  let aborter = new AbortController();
  let range = {};
  const facts = el("dl", { class: "facts" });
  const verdict = el("div", { class: "stack", id: "verdict", role: "status" });
  const start = need(session, "analyst", button("Verify", () => verify(), { kind: "primary", id: "verify" }));
  const scope = el("p", { class: "muted", id: "verify-scope" });
  const mayAll = can(session, "analyst");
  const none = () => empty(mayAll ? "No checkpoint yet" : "Checkpoints need the role analyst");
  const checkpoints = createTable({ label: "checkpoints", empty: none, rowKey: ({ node, seq, kind }) => `${node} ${seq} ${kind}`, columns: [
    { key: "at", title: "Signed", cell: ({ signed_at }) => timeOf(signed_at) },
    { key: "seq", title: "Up to record", numeric: true, cell: ({ seq }) => count(seq) },
    { key: "kind", title: "Kind" },
    { key: "node", title: "Gateway" },
    { key: "hash", title: "Hash", mono: true, narrow: "m", cell: ({ event_hash: hash }) => [hash.slice(0, 16), "… ", copyButton("Copy the hash", () => hash)] },
  ] });
  const keys = createTable({ label: "public keys", rowKey: ({ key_id: id }) => id, columns: [
    { key: "node", title: "Gateway" },
    { key: "public_key", title: "Public key", mono: true, cell: ({ public_key: key }) => [key, " ", copyButton("Copy the public key", () => key)] },
    { key: "created_at", title: "Since", narrow: "m", cell: ({ created_at: at }) => timeOf(at, localMoment) },
  ] });
  const aside = el("div");
  const node = el("div", { class: "stack integrity" },
    el("div", { class: "cards" },
      el("section", { class: "card" }, el("h2", {}, "The record now"), facts),
      el("section", { class: "card stack" }, el("div", { class: "card-head" }, el("h2", {}, "Verification"), start), scope, verdict)),
    aside,
    el("section", { class: "card" }, el("h2", {}, "Keys"), el("p", { class: "muted" }, "Keep them where you will look for them: they check an export without the gate."), keys.node),
    el("section", { class: "card" }, el("h2", {}, "Latest checkpoints"), checkpoints.node));

  async function load(params) {
    aborter.abort();
    aborter = new AbortController();
    const { signal } = aborter;
    const { from, to } = queryOf(params);
    range = { from: from || undefined, to: to || undefined };
    setText(scope, from || to ? `Of what was written${timeWords(from, to)}.` : "Of the whole record. Choose a time above to verify a part of it.");
    try {
      const status = await api.recordStatus(signal);
      showFacts(status);
      const from = Math.max(0, (status.checkpoint?.seq ?? 0) - LATEST);
      const ask = async (table, path, query, rows) => {
        table.setState("loading");
        await api.read(path, query, signal).then((answer) => table.setRows(rows(answer)),
          (error) => signal.aborted || table.setState("error", { error }));
      };
      await Promise.all([
        ask(keys, "/audit/keys", {}, (answer) => answer.keys),
        ...(mayAll ? [
          ask(checkpoints, "/audit/checkpoints", { limit: 1000, after: from && `${from}.regular.` }, (answer) => answer.checkpoints.reverse().slice(0, SHOWN)),
          status.records.set_aside > 0 ? showAside(signal) : null,
          start.disabled ? null : follow().catch(() => null), // none yet is no trouble
        ] : [checkpoints.setRows([])]),
      ]);
    } catch (error) {
      if (!signal.aborted) facts.replaceChildren(failed(error, () => load(params)));
    }
  }

  function showFacts({ node: gateway, records, journal, checkpoint, store_away_since: since }) {
    const rows = [
      ["Gateway", gateway],
      ["Database", since ? el("span", { class: "text-bad" }, "away since ", timeOf(since)) : el("span", { class: "text-good" }, "takes records")],
      ["Stored since the start", count(records.stored)],
      ["Waiting", count(records.waiting)],
      ["Set aside", count(records.set_aside)],
      ["Lost", el("span", { class: records.lost ? "text-bad" : null }, count(records.lost))],
      ["Journal", `${bytes(journal.bytes)} of ${bytes(journal.most_bytes)}`],
      ["Last checkpoint", checkpoint ? el("span", {}, `record ${count(checkpoint.seq)}, `, timeOf(checkpoint.signed_at)) : "none since the start"],
    ];
    facts.replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  async function showAside(signal) {
    const { set_aside: list } = await api.read("/audit/set-aside", { limit: 50 }, signal);
    aside.replaceChildren(banner("warn", "Records that the database did not take", ...list.map(({ id, seq, reason }) => `${id} (${seq}): ${reason}`)));
  }

  async function verify() {
    start.disabled = true;
    try {
      await api.verify(range).catch((error) => {
        if (error.status !== 409) throw error; // one runs already: it is shown
      });
      await follow();
    } catch (error) {
      if (!aborter.signal.aborted) verdict.replaceChildren(failed(error, verify, "The record could not be verified"));
    }
    start.disabled = false;
  }

  /** Shows the last verification, until it is done. */
  async function follow() {
    const { signal } = aborter;
    for (;;) {
      const run = await api.read("/audit/verify", {}, signal);
      if (run.state === "failed") throw new Error(run.error);
      if (run.state === "done") return verdict.replaceChildren(...wordsOf(run));
      verdict.replaceChildren(el("progress", { aria: { label: "Verification" } }), el("p", {}, `${count(run.records)} records read…`));
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }

  return { node, load, stop: () => aborter.abort() };
}

const timeWords = (from, to) => [from && ` from ${localMoment(from)}`, to && ` to ${localMoment(to)}`].filter(Boolean).join("");

/** What a verification found. */
function wordsOf({ verdict, from, to, started_at: began, finished_at: ended }) {
  const took = el("p", {}, `${count(verdict.records)} records${timeWords(from, to)}, in ${duration(Date.parse(ended) - Date.parse(began))}, `, timeOf(ended), ".");
  const [first, ...others] = verdict.problems;
  const unprotected = verdict.nodes.reduce((sum, node) => sum + node.unprotected, 0);
  if (!first) {
    return [banner("good", "Sound: nothing was altered, removed, inserted or moved", took,
      unprotected > 0 ? `${count(unprotected)} of them came after the last checkpoint and are not covered yet.` : "Checkpoints cover all of them.")];
  }
  const more = verdict.problems.length - 1 + verdict.further_problems;
  return [banner("bad", "Not sound", el("p", {}, ...problemOf(first)), took),
    more > 0 ? el("details", {}, el("summary", {}, `${count(more)} more ${more === 1 ? "problem" : "problems"}`),
      el("ul", { class: "problems" }, others.map((problem) => el("li", {}, ...problemOf(problem))))) : ""];
}

const problemOf = ({ message, id }) => [
  `${message[0].toUpperCase()}${message.slice(1)}. `, id ? el("a", { href: link("audit", { id }) }, "Show the record") : ""];
