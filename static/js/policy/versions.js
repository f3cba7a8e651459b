// The kept versions of policy.csv: who saved them, when and why; what each changed; and the way back. Owns its list.

import * as api from "../api.js";
import { el } from "../dom.js";
import { localMoment } from "../format.js";
import { createPager } from "../pager.js";
import { createTable } from "../table.js";
import { can, empty, failed, form, loading, need, openDialog, tabs, tag, timeOf, toast } from "../ui.js";
import { csvLine } from "./colour.js";
import { changeCount, diffView } from "./diff.js";
import { createEditor } from "./editor.js";

const PAGE = 50;

/** `current()` is the policy in force; `onRestored(policy)` gets the new one. Returns `{ node, load(), stop() }`. */
export function createVersions({ session, current, onRestored }) {
  const table = createTable({
    label: "Versions of policy.csv",
    rowKey: (row) => row.id,
    onOpen: open,
    empty: () => empty("No versions yet", "Every change from here on is kept, whoever makes it and wherever."),
    columns: [
      { key: "version", title: "Version", cell: (row) => [el("code", {}, row.version), row.current ? [" ", tag("in force", "good")] : []].flat() },
      { key: "reason", title: "Reason", cell: (row) => row.reason || el("span", { class: "muted" }, unreasoned(row)) },
      { key: "author", title: "By" , narrow: "s" },
      { key: "at", title: "When", cell: (row) => timeOf(row.at, localMoment), narrow: "m" },
      { key: "change", title: "Change", numeric: true, cell: changeCount },
    ],
  });

  const pager = createPager(table, async (query, signal) => {
    const { versions, next } = await api.policyVersions(query, signal);
    return { rows: versions, next };
  });

  async function open(row) {
    const body = el("div", { class: "version" }, loading("Loading the version", 4));
    const asked = form({ fields: [{ name: "reason", label: "Reason for going back", required: true, maxlength: 256 }] });
    const { node } = openDialog({
      title: `Version ${row.version}`, wide: true, body: [facts(row), body, row.current || !can(session, "policy_author") ? "" : asked.node],
      cancel: "Close",
      actions: row.current ? [] : [{ label: "Roll back to this", kind: "primary", run: async () => {
        const values = asked.value();
        if (values === null) return false;
        onRestored(await api.restorePolicy(row.id, { base_version: current().version, ...values }));
        toast(`Version ${row.version} is in force again.`);
      } }],
    });
    const act = node.querySelector(".dialog-end .button-primary");
    if (act) need(session, "policy_author", act);
    try {
      body.replaceChildren(await views(row));
    } catch (error) {
      body.replaceChildren(failed(error));
    }
  }

  async function views(row) {
    const [{ text }, { versions: [before] }] = await Promise.all([
      api.policyVersion(row.id), api.policyVersions({ after: row.id, limit: 1 })]);
    const compared = can(session, "analyst");
    const [change, back] = await Promise.all([
      compared && before ? api.diffPolicy({ text, against: before.id }) : null,
      compared && !row.current ? api.diffPolicy({ text }) : null]);
    const whole = createEditor({ label: `policy.csv, version ${row.version}`, colour: csvLine });
    whole.area.readOnly = true;
    whole.setText(text);
    return tabs("What to see of this version", [
      back && { name: "back", title: ["What going back would change ", changeCount(back)], panel: diffView(back, "What going back would change") },
      change && { name: "change", title: ["What it changed ", changeCount(change)], panel: diffView(change, "What this version changed") },
      { name: "text", title: "Text", panel: whole.node },
    ].filter(Boolean)).node;
  }

  return { node: table.node, load: () => pager.load(() => ({ limit: PAGE })), stop: pager.stop };
}

/** Why a version is there that nobody gave a reason for. */
const unreasoned = ({ id, author }) => (author !== "file" ? "none given" : Number(id) === 1 ? "found at the first start" : "changed in the file");

function facts(row) {
  return el("p", { class: "muted" }, `${row.author}, `, timeOf(row.at, localMoment), row.reason ? `: ${row.reason}` : "");
}
