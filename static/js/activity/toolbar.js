// The filter fields and the pause button. Owns its inputs; says what changed and decides nothing.

import { el, icon, setIcon, setText } from "../dom.js";
import { outcomes } from "../format.js";
import { button, select } from "../ui.js";
import { FIELDS, isEmpty } from "./filter.js";
import { createSaved } from "./saved.js";

const TYPING_MS = 200;

export function createToolbar({ onFilter, onSearchEnter, onPause }) {
  const search = el("input", {
    class: "input", id: "filter-q", type: "search", name: "q", placeholder: "Search or decision id",
    autocomplete: "off", spellcheck: "false", aria: { label: "Search exchanges", keyshortcuts: "/" },
  });
  const pick = (name, label, all, choices = []) => select([["", all], ...choices], "", { id: `filter-${name}`, name, aria: { label } });
  const agent = pick("agent", "Agent", "All agents");
  const model = pick("model", "Model", "All models");
  const result = pick("result", "Policy result", "Any result", [["allow", "Allow"], ["deny", "Deny"]]);
  const outcome = pick("outcome", "Outcome", "Any outcome", [["running", "Running"], ...outcomes]);
  const fields = { q: search, agent, model, result, outcome };

  const clear = button("Clear", () => {
    apply(Object.fromEntries(FIELDS.map((name) => [name, ""])));
    search.focus();
  }, { kind: "quiet", id: "filter-clear", hidden: true });
  const pauseIcon = icon("pause");
  const pauseLabel = el("span", {}, "Pause");
  const pause = button([pauseIcon, pauseLabel], onPause, { id: "pause", aria: { keyshortcuts: "p" } });

  let timer = 0;
  let offered = 0;
  const read = () => Object.fromEntries(FIELDS.map((name) => [name, fields[name].value.trim()]));
  function changed() {
    clearTimeout(timer);
    const filter = read();
    mark(filter);
    onFilter(filter);
  }
  function apply(filter) {
    set(filter);
    changed();
  }
  function mark(filter) {
    clear.hidden = isEmpty(filter);
    for (const name of FIELDS) fields[name].classList.toggle("is-set", filter[name] !== "");
  }
  function set(filter) {
    for (const name of FIELDS) {
      if (name === "agent" || name === "model") offer(fields[name], [filter[name]].filter(Boolean));
      if (fields[name].value.trim() !== filter[name]) fields[name].value = filter[name];
    }
    mark(filter);
  }
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(changed, TYPING_MS);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    changed();
    onSearchEnter(search.value);
  });
  for (const field of [agent, model, result, outcome]) field.addEventListener("change", changed);

  const end = el("div", { class: "toolbar-end" }, createSaved({ now: read, apply }), pause);
  const node = el("div", { class: "toolbar", role: "search", aria: { label: "Filter exchanges" } },
    el("div", { class: "toolbar-search" }, icon("search"), search),
    el("div", { class: "toolbar-filters" }, agent, model, result, outcome),
    clear,
    end);

  return {
    node,
    end,
    search,
    set,
    offer(agents, models) {
      if (offered === agents.size + models.size) return;
      offered = agents.size + models.size;
      offer(agent, agents);
      offer(model, models);
    },
    setPaused(paused) {
      setIcon(pauseIcon, paused ? "play" : "pause");
      setText(pauseLabel, paused ? "Resume" : "Pause");
      pause.classList.toggle("is-paused", paused);
    },
  };
}

/** Adds the values that a select does not have yet, in alphabetical order. */
function offer(field, values) {
  const known = new Set([...field.options].map((option) => option.value));
  for (const value of values) {
    if (known.has(value)) continue;
    const after = [...field.options].slice(1).find((option) => option.value > value);
    field.insertBefore(el("option", { value }, value), after ?? null);
  }
}
