// Filters that the viewer gave a name. Owns their place in this browser's storage and the menu that offers them.

import { form, menuButton, openDialog } from "../ui.js";
import { isEmpty, isSame, read } from "./filter.js";

const SETTING = "portcullis.filters";
const MOST = 30;

/** `[{ name, filter }]`; what others wrote there counts as nothing. */
function load() {
  try {
    return JSON.parse(localStorage.getItem(SETTING) ?? "[]").map(({ name, filter }) =>
      ({ name: String(name), filter: read(new URLSearchParams(filter)) })).slice(0, MOST);
  } catch {
    return [];
  }
}

const store = (filters) => localStorage.setItem(SETTING, JSON.stringify(filters));

/** The menu. `now()` is the present filter, `apply(filter)` shows another. */
export function createSaved({ now, apply }) {
  function save() {
    const asked = form({ fields: [{ name: "name", label: "Name", required: true, maxlength: 40 }] });
    openDialog({ title: "Save this filter", body: asked.node, actions: [{ label: "Save", kind: "primary", run: () => {
      const name = asked.value()?.name;
      if (!name) return false;
      store([...load().filter((each) => each.name !== name), { name, filter: now() }].slice(-MOST));
    } }] });
  }
  return menuButton("Saved filters", () => {
    const filters = load();
    const present = filters.find(({ filter }) => isSame(filter, now()));
    return [
      ...filters.map((each) => ({ label: each === present ? `✓ ${each.name}` : each.name, run: () => apply(each.filter) })),
      { label: "Save this filter…", run: save, disabled: isEmpty(now()) ? "Nothing is filtered." : null },
      ...(present ? [{ label: `Forget “${present.name}”`, danger: true, run: () => store(filters.filter((each) => each !== present)) }] : []),
    ];
  }, { text: "Saved" });
}
