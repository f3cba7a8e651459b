// Which records are asked for: the filter's fields, as the address and the API name them, and their
// controls. Decides nothing.

import * as api from "../api.js";
import { el } from "../dom.js";
import { outcomes } from "../format.js";
import { iso, read } from "../period.js";
import { createPeriodField } from "../period_field.js";
import { button, freshId, select } from "../ui.js";

const KINDS = [
  ["", "Everything"], ["calls", "Calls"], ["findings", "With findings"], ["failures", "Failed calls"], ["changes", "Admin changes"],
];
const SURFACES = [["", "Any surface"], ["agent", "Agent tokens"], ["detection_key", "Detection keys"], ["admin", "Administration"]];
const CHOSEN = {
  kind: ["Kind", KINDS],
  app_context: ["AppContext", [["", "All AppContexts"]]],
  endpoint: ["Endpoint", [["", "All endpoints"], ["admin", "admin"]]],
  policy_result: ["Policy result", [["", "Any result"], ["allow", "Allowed"], ["deny", "Denied"]]],
  outcome: ["Outcome", [["", "Any outcome"], ...outcomes]],
  surface: ["Surface", SURFACES],
};
const TYPED = { agent: "Agent", model: "Model", finding: "Finding", finding_rule: "Rule", session: "Session" };
const ORDER = ["kind", "agent", "model", "app_context", "endpoint", "policy_result", "outcome", "finding", "finding_rule", "session", "surface"];
const OFFERED_DAYS = 30;

/** What the address asks for, as the API takes it. A time that ends now has no end. */
export function queryOf(params, now = Date.now()) {
  const { range, from, to } = read(params, now, "");
  const named = Object.fromEntries(ORDER.map((name) => [name, params.get(name) ?? ""]));
  return { ...named, from: range === "" ? "" : iso(from), to: range === "custom" ? (params.get("to") ?? "") : "" };
}

/** The controls. `onChange` is told the fields that are another now. Returns `{ node, set(params) }`. */
export function createFilter({ onChange }) {
  const time = createPeriodField({ usual: "", onChange });
  const changed = (name) => (event) => onChange({ [name]: event.target.value.trim() });
  const controls = Object.fromEntries(ORDER.map((name) => [name, (CHOSEN[name] ? chosen : typed)(name)]));
  const clear = button("Clear", () => onChange({ range: "", from: "", to: "", ...Object.fromEntries(ORDER.map((name) => [name, ""])) }), { kind: "quiet", id: "filter-clear" });
  const fields = el("div", { class: "filters", role: "search", aria: { label: "Filter records" } }, ORDER.map((name) => controls[name].node), clear);
  const fold = button("Filters", () => {
    const open = fields.classList.toggle("is-open");
    fold.setAttribute("aria-expanded", String(open));
  }, { class: "button filters-fold", aria: { expanded: "false" } });
  let offered = false;

  function chosen(name) {
    const [title, options] = CHOSEN[name];
    const input = select(options, "", { name, aria: { label: title }, onchange: changed(name) });
    return { node: input, input, offer: (value, text = value) => offer(input, value, text) };
  }

  function typed(name) {
    const list = el("datalist", { id: freshId("values") });
    const input = el("input", {
      class: "input", name, type: "search", list: list.id, placeholder: TYPED[name], autocomplete: "off", spellcheck: "false",
      aria: { label: TYPED[name] }, onchange: changed(name),
    });
    return { node: el("span", {}, input, list), input, offer: (value) => list.append(el("option", { value })) };
  }

  /** What there is to choose, once somebody looks: from the sums of the last weeks. */
  async function fill() {
    if (offered) return;
    offered = true;
    const from = iso(Date.now() - OFFERED_DAYS * 86_400_000);
    const sums = (group) => api.read("/audit/summary", { group, from }).then((answer) => answer.sums, () => []);
    const [contexts, rules, findings, ...groups] = await Promise.all([
      api.read("/app-contexts").then((answer) => answer.app_contexts, () => []),
      api.detectionRules().then((answer) => answer.rules, () => []), sums("finding"),
      ...["agent", "model", "endpoint"].map(sums)]);
    for (const { id, name } of contexts) controls.app_context.offer(id, name);
    for (const { id } of rules) controls.finding_rule.offer(id);
    for (const type of new Set(findings.map((each) => each.type))) controls.finding.offer(type);
    ["agent", "model", "endpoint"].forEach((name, at) => groups[at].forEach((sum) => sum.name && controls[name].offer(sum.name)));
  }

  return {
    node: el("div", {}, el("div", { class: "filters-time" }, time.node, fold), fields),
    set(params) {
      fill();
      time.set(params);
      let set = 0;
      for (const name of ORDER) {
        const { input, offer: add } = controls[name];
        const value = params.get(name) ?? "";
        if (CHOSEN[name]) add(value);
        input.value = value;
        input.classList.toggle("is-set", value !== "");
        set += value === "" ? 0 : 1;
      }
      clear.hidden = set === 0 && !["range", "from", "to"].some((name) => params.get(name));
      fold.replaceChildren(set === 0 ? "Filters" : `Filters (${set})`);
    },
  };
}

/** Adds a choice, or gives the one that is there its name. */
function offer(field, value, text) {
  const known = [...field.options].find((option) => option.value === value);
  if (!known) field.append(el("option", { value }, text));
  else if (text !== value) known.textContent = text;
}
