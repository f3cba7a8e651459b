// "Why?": asks the policy in force about one call and shows the decision with the rules that matched. Owns its form;
// the page marks the lines.

import * as api from "../api.js";
import { el } from "../dom.js";
import { button, field, freshId, select, tag } from "../ui.js";
import { ruleOf } from "./colour.js";

/** `onAnswer(texts, deciding)` gets the matched rules as the file says them. Returns `{ node, ask(question), offer() }`. */
export function createExplain({ feed, onAnswer, onAsk, onLine }) {
  const choices = { agent: el("datalist", { id: freshId("agents") }), model: el("datalist", { id: freshId("models") }) };
  const text = (name, placeholder) => el("input", {
    class: "input", name, autocomplete: "off", spellcheck: "false", placeholder, list: choices[name]?.id,
  });
  const fields = {
    agent: field("Agent", text("agent", "research-bot")),
    model: field("Model", text("model", "gpt-4o")),
    tool: field("Tool", text("tool", "shell_exec")),
    permission: field("Permission", select(["web:write", "web:read"], "web:write", { name: "permission" })),
  };
  const answer = el("div", { class: "explain-answer", role: "status" });
  const form = el("form", { class: "explain-form", id: "explain", onsubmit: (event) => {
    event.preventDefault();
    run();
  } }, Object.values(fields).map((each) => each.node), Object.values(choices),
  el("button", { type: "submit", class: "button" }, "Explain"));

  async function run() {
    const question = Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, input.value.trim()]).filter(([, value]) => value));
    fields.agent.setError(question.agent ? null : "Name an agent.");
    if (!question.agent) return fields.agent.input.focus();
    onAsk(question);
    try {
      show(await api.explainPolicy(question));
    } catch (error) {
      onAnswer([]);
      answer.replaceChildren(el("p", { class: "field-error" }, error.message));
    }
  }

  function show(told) {
    const quoted = told.matched.map(({ text: rule }) => ruleOf(rule));
    onAnswer(quoted, told.deciding_rule && ruleOf(told.deciding_rule));
    answer.replaceChildren(
      el("p", { class: "explain-result", dataset: { result: told.result } },
        tag(told.result, told.result === "allow" ? "good" : "bad"), " ", told.reason),
      el("h3", {}, told.matched.length === 0 ? "No rule matched" : "Rules that matched"),
      el("ul", { class: "explain-rules" }, told.matched.map(({ line, text: rule }) => el("li", { class: rule === told.deciding_rule ? "is-deciding" : "" },
        button(`line ${line}`, () => onLine(ruleOf(rule), line), { kind: "link" }), " ",
        el("code", {}, ruleOf(rule)), rule === told.deciding_rule ? el("span", { class: "muted" }, " decided") : null))),
      el("h3", {}, "Roles of the agent"), el("p", { class: "tags" }, told.roles.map((role) => tag(role))));
  }

  return {
    node: el("section", { class: "explain", aria: { label: "Explain a decision" } }, el("h2", {}, "Explain"),
      el("p", { class: "muted" }, "What the policy in force says to a call, and why."), form, answer),
    ask(question) {
      for (const [name, { input }] of Object.entries(fields)) if (question[name]) input.value = question[name];
      run();
    },
    offer(agents) {
      for (const [node, names] of [[choices.agent, agents], [choices.model, feed.models]]) {
        node.replaceChildren(...[...names].sort().map((value) => el("option", { value })));
      }
    },
  };
}
