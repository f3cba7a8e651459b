// What callers need to call: their secret, shown this once, and programs that use it. The secret lives in the
// dialog's elements alone and goes with them. Also the limits of callers, as words and as fields.

import * as api from "./api.js";
import { copyButton, el } from "./dom.js";
import { NONE, count } from "./format.js";
import { codeBlock, failed, openDialog, secretBox, tabs } from "./ui.js";

const KINDS = {
  agent: { placeholder: "CLIENT_SECRET", label: "Client secret" },
  detection_key: { placeholder: "DETECTION_KEY", label: "Detection key" },
};

/** A dialog with snippets, below `note`; with `secret` in them, and in a box of its own, when there is one. */
export function showCredentials({ title, text, surface, secret = null, client_id: id = null, note = null }) {
  const { placeholder, label } = KINDS[surface];
  const place = el("div", { class: "snippets" });
  async function load() {
    try {
      const { snippets } = await api.snippets({ surface, ...(id && { client_id: id }) });
      place.replaceChildren(tabs("Programs", snippets.map(({ id, title: name, code }) =>
        ({ name: id, title: name, panel: codeBlock(name, secret ? code.replaceAll(placeholder, secret) : code) }))).node);
    } catch (error) {
      place.replaceChildren(failed(error, load, "The snippets could not be loaded"));
    }
  }
  load();
  openDialog({
    title, wide: true, cancel: null, once: secret !== null, actions: [{ label: "Done", kind: "primary", run: () => {} }],
    body: [note, el("p", {}, text), id ? el("p", { class: "client-id" }, "Client id", el("code", {}, id), copyButton("Copy client id", () => id)) : null, secret ? secretBox(label, secret) : null, place].filter(Boolean),
  });
}

export const NAME_HINT = "Lower-case letters, digits and . _ - only. It cannot be changed later.";

const LIMITS = [
  ["requests_per_minute", "Requests per minute"],
  ["monthly_requests", "Requests per month"],
  ["concurrent_streams", "Concurrent streams"],
];

/** Rows for a drawer's group. */
export const limitRows = (limits) => LIMITS.map(([name, label]) => [label, limits[name] === null ? NONE : count(limits[name]), { field: name }]);

/** Fields for a form; their values are a change of limits as the API takes it. */
export const limitFields = (limits) => LIMITS.map(([name, label]) =>
  ({ name, label, type: "number", min: "1", value: limits?.[name] ?? "", placeholder: "no limit of its own" }));

/** What a change consists of, as the API takes it: null lifts a limit. Null when nothing is different. */
export function changesOf(before, after, limits) {
  const different = (values) => Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name] ?? null));
  const changed = different(after);
  const moved = different(limits);
  if (moved.length > 0) changed.push(["limits", Object.fromEntries(moved)]);
  return changed.length > 0 ? Object.fromEntries(changed) : null;
}
