// The panel beside a list with one thing in full; over the page where the screen is small. Owns opening, closing,
// focus and Esc; what stands in it is the page's.

import { copyButton, el, icon } from "./dom.js";
import { NONE } from "./format.js";

/** Where the drawer covers the page instead of standing beside it; drawer.css says the same. */
const SMALL = "(max-width: 960px)";

/**
 * Put `beside` (the page's own part) and `node` into one `el("div", { class: "split" }, beside, drawer.node)`.
 * `onClose({ byKey })` is told when the viewer closes it. Returns
 * `{ node, id, show(id, { title, actions, body, focus }), close(), stop() }`; `id` is null while closed.
 * Call `stop()` when the page goes.
 */
export function createDrawer({ beside, onClose = () => {} }) {
  const title = el("h2", { class: "drawer-title", id: "drawer-title", tabindex: "-1" });
  const actions = el("span", { class: "drawer-actions" });
  const content = el("div", { class: "drawer-content" });
  const close = el("button", {
    type: "button", class: "button button-quiet button-icon", id: "drawer-close", title: "Close (Esc)",
    aria: { label: "Close" }, onclick: (event) => leave(event.detail === 0),
  }, icon("close"));
  const node = el("div", { class: "drawer", id: "drawer", role: "dialog", hidden: true, aria: { labelledby: "drawer-title" }, onkeydown: onKey },
    el("div", { class: "drawer-head" }, title, actions, close), content);
  const small = matchMedia(SMALL);
  let id = null;
  let before = null;

  function onKey(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    leave(true);
  }

  // On a small screen nothing behind the drawer may be reached.
  function cover() {
    const modal = small.matches && id !== null;
    node.setAttribute("aria-modal", String(modal));
    for (const each of [beside, document.querySelector(".rail")]) if (each) each.inert = modal;
  }
  small.addEventListener("change", cover);

  function leave(byKey) {
    hide();
    onClose({ byKey });
  }

  function hide() {
    if (id === null) return;
    const had = node.contains(document.activeElement);
    id = null;
    node.hidden = true;
    node.parentElement?.classList.remove("has-drawer");
    content.replaceChildren();
    cover();
    if (had && before?.isConnected) before.focus({ preventScroll: true });
    before = null;
  }

  return {
    node,
    get id() {
      return id;
    },
    /** Shows a thing; with the same id again it only changes what is shown. */
    show(next, { title: text, actions: buttons = [], body, focus = false }) {
      const same = next === id;
      const scrolled = content.scrollTop;
      if (id === null) before = document.activeElement;
      id = next;
      node.dataset.id = next;
      title.replaceChildren(text);
      actions.replaceChildren(...buttons);
      content.replaceChildren(...[body].flat());
      content.scrollTop = same ? scrolled : 0;
      node.hidden = false;
      node.parentElement?.classList.add("has-drawer");
      cover();
      if (!same && (focus || small.matches)) title.focus();
    },
    close: hide,
    stop() {
      hide();
      small.removeEventListener("change", cover);
    },
  };
}

/**
 * A titled group of fields: `rows` are `[name, value, { copy, field }]`; null shows a dash, `copy` is the text
 * that its button copies, `field` names it for tests (the name, unless told).
 */
export function group(title, rows, ...more) {
  return el("section", { class: "group", dataset: { group: title.toLowerCase() } }, el("h3", {}, title),
    el("dl", { class: "fields" }, rows.filter(Boolean).map(fieldRow)), more);
}

function fieldRow([name, value, { copy = null, field = name } = {}]) {
  const shown = value === null || value === undefined || value === "" ? NONE : value;
  return el("div", { class: "field-row" }, el("dt", {}, name),
    el("dd", { class: shown === NONE ? "muted" : null, dataset: { field } },
      el("span", { class: copy ? "mono" : null }, shown), copy ? copyButton(`Copy ${name}`, () => copy) : null));
}
