// Tries a text against the rules: what would be found, where, and what would go on. The text lives in this page alone;
// the gate judges it in memory.

import * as api from "../api.js";
import { el } from "../dom.js";
import { count } from "../format.js";
import { empty, failed, field, select, tag } from "../ui.js";
import { actionTag, severityOf } from "./rules.js";

const SURFACES = ["system", "user", "assistant", "tool_result", "name", "end_user", "metadata", "prediction", "suffix", "tool_definition",
  "tool_arguments", "response_format", "refusal", "reasoning", "transcript", "logprobs", "other"];
const VERDICTS = { allow: ["goes on as it is", "good"], log: ["goes on as it is", "good"], redact: ["goes on without what was found", "warn"], block: ["is stopped", "block"], quarantine: ["is stopped, and the agent with it", "bad"] };

/** `onRule(id)` shows a rule. Returns `{ node, offer({ agents, contexts }) }`. */
export function createTrial({ onRule }) {
  const text = el("textarea", { class: "input", rows: 7, spellcheck: "false", id: "try-text", placeholder: "Mail bob@example.org about project nightjar" });
  const whole = field("Text", text, { hint: "Judged in the gate's memory: never stored, never logged." });
  const choices = {
    lifecycle: select([["INGRESS", "to the provider"], ["EGRESS", "back to the caller"]], "INGRESS"),
    surface: select([["", "usual: user or assistant"], ...SURFACES]),
    app_context: select([["", "none"]]),
    agent: select([["", "anyone"]]),
  };
  const labels = { lifecycle: "Direction", surface: "Surface", app_context: "AppContext", agent: "Agent" };
  const answer = el("div", { class: "try-answer", id: "try-answer", role: "status" });
  const node = el("form", { class: "try", onsubmit: (event) => {
    event.preventDefault();
    run();
  }, onkeydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && run() },
  el("div", { class: "try-ask" }, whole.node,
    el("div", { class: "try-choices" }, Object.entries(choices).map(([name, input]) => field(labels[name], input).node)),
    el("div", {}, el("button", { type: "submit", class: "button button-primary", id: "try-run" }, "Try"))),
  answer);
  answer.append(empty("What would be found?", "Paste a text as a caller or a model might write it. Use invented values where you can."));

  async function run() {
    const asked = text.value;
    whole.setError(asked ? null : "Write a text first.");
    if (!asked) return text.focus();
    const said = Object.fromEntries(Object.entries(choices).map(([name, { value }]) => [name, value]).filter(([, value]) => value));
    try {
      const told = await api.tryDetections({ text: asked, ...said });
      answer.replaceChildren(...show(asked, told, onRule));
    } catch (error) {
      answer.replaceChildren(failed(error, run, "The text could not be judged"));
    }
  }

  return {
    node,
    offer({ agents, contexts }) {
      const fill = (name, items, first) => choices[name].replaceChildren(el("option", { value: "" }, first), ...items.map(([value, own]) => el("option", { value }, own)));
      fill("agent", agents.map(({ name }) => [name, name]), "anyone");
      fill("app_context", contexts.map(({ id, name }) => [id, name]), "none");
    },
  };
}

function show(text, { verdict, findings, redacted }, onRule) {
  const [words, tone] = VERDICTS[verdict] ?? [verdict, ""];
  return [
    el("p", { class: "try-verdict", dataset: { verdict } }, tag(verdict, tone), ` The text ${words}.`),
    el("pre", { class: "try-text", tabindex: "0", role: "region", aria: { label: "The text with what was found" } }, marked(text, findings)),
    findings.length === 0 ? el("p", { class: "muted" }, "Nothing was found.") : el("ul", { class: "try-found" }, findings.map((found) => el("li", {},
      el("button", { type: "button", class: "button button-link", onclick: () => onRule(found.rule) }, found.rule), " ",
      el("span", { class: "mono muted" }, found.type), " ", severityOf(found.severity), " ", actionTag(found.action),
      el("span", { class: "muted" }, ` characters ${count(found.start + 1)} to ${count(found.end)}`)))),
    redacted === null || redacted === text ? "" : el("div", { class: "stack try-go" }, el("h2", {}, "What would go on"), el("pre", { class: "try-text", tabindex: "0", role: "region", aria: { label: "What would go on" } }, redacted)),
  ].filter(Boolean);
}

/** The text in pieces, those that were found marked. */
function marked(text, findings) {
  const cuts = [...new Set([0, text.length, ...findings.flatMap(({ start, end }) => [start, end])])].sort((one, other) => one - other);
  return cuts.slice(1).map((end, at) => {
    const start = cuts[at];
    const over = findings.filter((found) => found.start <= start && found.end >= end);
    const piece = text.slice(start, end);
    if (over.length === 0) return piece;
    return el("mark", { dataset: { action: over.at(-1).action }, title: over.map(({ rule, action }) => `${rule}: ${action}`).join(", ") }, piece);
  });
}
