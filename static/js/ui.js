// The parts that every page is built from: states, tags, tabs, forms, dialogs, menus, toasts. Owns
// their behaviour for mouse, keyboard and screen reader; knows no page and asks the gate nothing.

import { copyButton, el, icon, setText } from "./dom.js";
import { NONE, clock, utcMoment } from "./format.js";

const ROLES = ["viewer", "analyst", "policy_author", "admin"];
const ROLE_NAMES = { viewer: "viewer", analyst: "analyst", policy_author: "policy author", admin: "administrator" };
const TOAST_MS = 5_000;
let ids = 0;

/** An id that no other element has. */
export const freshId = (name) => `${name}-${(ids += 1)}`;

/** Whether who is signed in may do what needs `role`: each role includes those before it. */
export const can = (session, role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

/** Returns `control`, disabled with the reason where the role is too small. It stays focusable, so that the reason can be read. */
export function need(session, role, control) {
  return can(session, role) ? control : disable(control, `This needs the role ${ROLE_NAMES[role]}.`);
}

/** Returns `control`, disabled for this reason; `null` enables it again. */
export function disable(control, reason) {
  if (reason) control.setAttribute("aria-disabled", "true");
  else control.removeAttribute("aria-disabled");
  control.title = reason ?? "";
  control.setAttribute("aria-description", reason ?? "");
  return control;
}

// What is disabled with a reason takes the focus, but no click.
addEventListener("click", (event) => {
  if (!event.target.closest?.("[aria-disabled='true']")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

/** A moment in the viewer's zone, in UTC on hover; `show` is of format.js: clock, localMoment. */
export function timeOf(iso, show = clock) {
  return iso ? el("time", { datetime: iso, title: utcMoment(iso) }, show(iso)) : NONE;
}

/** A button. `kind`: "", primary, danger, quiet, link; `more` are properties of `el`. */
export function button(label, onclick, { kind = "", picture, ...more } = {}) {
  return el("button", { type: "button", class: `button ${kind && `button-${kind}`}`, onclick, ...more },
    picture ? icon(picture) : null, label);
}

/** A short word in a frame. `tone`: "", good, bad, warn, block, accent. */
export const tag = (text, tone = "") => el("span", { class: `tag ${tone && `tag-${tone}`}` }, text);

/** A message across the page. `tone`: bad, warn, good, info. */
export function banner(tone, title, ...body) {
  return el("div", { class: `banner banner-${tone}`, role: tone === "bad" ? "alert" : "status" },
    icon(tone === "good" ? "check" : "alert"),
    el("div", { class: "banner-body" }, el("p", { class: "banner-title" }, title),
      body.map((part) => (typeof part === "string" ? el("p", {}, part) : part))));
}

/** While something is fetched. */
export function loading(what = "Loading", rows = 8) {
  return el("div", { class: "skeleton", role: "status" },
    el("span", { class: "visually-hidden" }, what), Array.from({ length: rows }, () => el("div")));
}

/** Nothing there yet, or nothing that matches. `more`: what to do about it. */
export function empty(title, text = "", ...more) {
  return el("div", { class: "notice" }, el("h2", {}, title), text ? el("p", {}, text) : null, more);
}

/** It could not be fetched. */
export function failed(error, retry, title = "This could not be loaded") {
  return el("div", { class: "notice", role: "alert" }, el("h2", {}, title), el("p", {}, error?.message ?? String(error)),
    retry ? button("Try again", () => retry()) : null);
}

/**
 * Tabs. `items`: `[{ name, title, panel }]`, `title` text or node; `onPick(name)` after a choice of the viewer.
 * Returns `{ node, list, panels, select(name), chosen }`; place `node`, or `list` and `panels` apart.
 */
export function tabs(label, items, onPick = () => {}) {
  const made = items.map(({ name, title, panel }) => {
    const id = freshId(`tab-${name}`);
    const tab = el("button", { type: "button", class: "tab", role: "tab", id, dataset: { tab: name }, aria: { controls: `${id}-panel` } }, title);
    return { name, tab, panel: el("div", { role: "tabpanel", id: `${id}-panel`, aria: { labelledby: id } }, panel) };
  });
  let chosen = null;
  function select(name) {
    chosen = name;
    for (const each of made) {
      const on = each.name === name;
      each.tab.setAttribute("aria-selected", String(on));
      each.tab.tabIndex = on ? 0 : -1;
      each.panel.hidden = !on;
    }
  }
  function pick(name) {
    select(name);
    onPick(name);
  }
  for (const { name, tab } of made) tab.addEventListener("click", () => pick(name));
  const list = el("div", { class: "tabs", role: "tablist", aria: { label }, onkeydown: (event) => {
    const to = stepOf(event.key, made.findIndex((each) => each.name === chosen), made.length, "ArrowRight", "ArrowLeft");
    if (to === null) return;
    event.preventDefault();
    pick(made[to].name);
    made[to].tab.focus();
  } }, made.map(({ tab }) => tab));
  select(items[0]?.name);
  const panels = made.map(({ panel }) => panel);
  return { node: el("div", { class: "tabbed" }, list, panels), list, panels, select, get chosen() { return chosen; } };
}

/** Where a key leads in a list: the next place, round its ends, or null. */
function stepOf(key, at, count, next, before) {
  if (count === 0) return null;
  return { [next]: (at + 1) % count, [before]: (at + count - 1) % count, Home: 0, End: count - 1 }[key] ?? null;
}

/**
 * A labelled control with its hint and its error. Returns `{ node, input, setError(text | null) }`.
 * Give `input`, any control, or a group that holds some.
 */
export function field(label, input, { hint = null, group = false } = {}) {
  input.id ||= freshId("field");
  const notes = [hint && el("p", { class: "field-hint", id: `${input.id}-hint` }, hint), el("p", { class: "field-error", id: `${input.id}-error` })];
  input.setAttribute("aria-describedby", notes.filter(Boolean).map((note) => note.id).join(" "));
  const name = el(group ? "span" : "label", group ? { class: "label", id: `${input.id}-label` } : { for: input.id }, label);
  if (group) input.setAttribute("aria-labelledby", name.id);
  return {
    node: el("div", { class: "field" }, name, input, notes),
    input,
    setError(text) {
      setText(notes[1], text ?? "");
      if (!group) input.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}

/** A select of `[value, text]` or plain values. */
export function select(options, value = "", properties = {}) {
  const node = el("select", { class: "input", ...properties },
    options.map((option) => {
      const [own, text] = Array.isArray(option) ? option : [option, option];
      return el("option", { value: own }, text);
    }));
  node.value = value;
  return node;
}

const BUILDERS = {
  textarea: ({ value = "", rows = 4, ...more }) => {
    const node = el("textarea", { class: "input", rows, spellcheck: "false", ...more });
    node.value = value;
    return [node, () => node.value];
  },
  /** One entry a line; an array. */
  list: ({ value = [], ...more }) => {
    const [node, read] = BUILDERS.textarea({ value: value.join("\n"), ...more });
    return [node, () => read().split("\n").map((line) => line.trim()).filter(Boolean)];
  },
  select: ({ value, options, ...more }) => {
    const node = select(options, value ?? "", more);
    return [node, () => node.value];
  },
  checkbox: ({ value = false, ...more }) => {
    const node = el("input", { type: "checkbox", ...more });
    node.checked = value;
    return [node, () => node.checked];
  },
  /** Several of some; an array. */
  choices: ({ value = [], options, name }) => {
    const boxes = options.map((option) => (Array.isArray(option) ? option : [option, option])).map(([own, text]) => {
      const box = el("input", { type: "checkbox", name, value: own });
      box.checked = value.includes(own);
      return [box, el("label", { class: "choice" }, box, text)];
    });
    return [el("div", { class: "choices", role: "group" }, boxes.map(([, label]) => label)),
      () => boxes.filter(([box]) => box.checked).map(([box]) => box.value)];
  },
};

function input({ type = "text", value = "", ...more }) {
  const node = el("input", { class: "input", type, autocomplete: "off", spellcheck: "false", ...more });
  node.value = value;
  return [node, () => (type === "number" ? (node.value === "" ? null : Number(node.value)) : node.value.trim())];
}

/**
 * A form. `fields`: `[{ name, label, type, value, hint, required, options, … }]`; `type` is that of an
 * input, or textarea, list (an array, one a line), select, checkbox, choices (an array); the rest are attributes.
 * Returns `{ node, inputs, value(), setErrors({ name: text }), focus() }`; `value()` marks what is
 * required and missing and is null then. With `onSubmit(values)` it is a form with its own button
 * `submit`; else place it in a dialog.
 */
export function form({ fields, submit = "Save", onSubmit = null, kind = "primary" }) {
  const made = new Map(fields.map(({ label, hint, required, ...spec }) => {
    const [control, read] = (BUILDERS[spec.type] ?? input)({ ...spec, ...(required ? { "aria-required": "true" } : {}) });
    const own = field(label, control, { hint, group: spec.type === "choices" });
    own.node.classList.toggle("field-check", spec.type === "checkbox");
    control.dataset.name = spec.name;
    return [spec.name, { ...own, read, required }];
  }));
  const trouble = el("div");
  function setErrors(errors = {}) {
    for (const [name, one] of made) one.setError(errors?.[name] ?? null);
    made.get(Object.keys(errors ?? {})[0])?.input.focus();
  }
  function value() {
    const values = Object.fromEntries([...made].map(([name, one]) => [name, one.read()]));
    const missing = [...made].filter(([name, one]) => one.required && isBlank(values[name]));
    setErrors(Object.fromEntries(missing.map(([name]) => [name, "This is needed."])));
    return missing.length === 0 ? values : null;
  }
  const body = [...made.values()].map((one) => one.node);
  const send = onSubmit && el("button", { type: "submit", class: `button button-${kind}` }, submit);
  const node = onSubmit === null ? el("div", { class: "form" }, body) : el("form", {
    class: "form", novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      const values = value();
      if (values) busy(send, trouble, () => onSubmit(values));
    },
  }, body, trouble, el("div", { class: "form-end" }, send));
  return {
    node, value, setErrors,
    inputs: Object.fromEntries([...made].map(([name, one]) => [name, one.input])),
    focus: () => made.values().next().value?.input.focus(),
  };
}

const isBlank = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** Runs `work` with the button off; shows what went wrong in `place`. Whether it went well, and not to `false`. */
export async function busy(control, place, work) {
  if (control.getAttribute("aria-busy") === "true") return false;
  control.setAttribute("aria-busy", "true");
  place.replaceChildren();
  try {
    return (await work()) !== false;
  } catch (error) {
    if (error.name !== "AbortError") place.replaceChildren(banner("bad", error.message ?? String(error)));
    return false;
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/**
 * A modal dialog. `actions`: `[{ label, kind, run }]`; `run` may be async: it keeps the dialog open by
 * answering `false` or by failing (the error is shown). Enter runs the first action. `cancel` is the label of the way
 * out, null for none. Returns `{ node, close() }`. `wide` for code and diffs.
 */
export function openDialog({ title, body, actions = [], cancel = "Cancel", wide = false, onClose = () => {} }) {
  const id = freshId("dialog");
  const trouble = el("div");
  const close = () => node.close();
  const buttons = actions.map(({ label, kind = "", run }, at) => {
    const own = el("button", { type: at === 0 ? "submit" : "button", class: `button ${kind && `button-${kind}`}` }, label);
    const start = async () => (await busy(own, trouble, run)) && close();
    if (at > 0) own.addEventListener("click", start);
    return { own, start };
  });
  const node = el("dialog", { class: `dialog ${wide ? "dialog-wide" : ""}`, aria: { labelledby: id }, onclose: () => {
    node.remove();
    onClose();
  } }, el("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    buttons[0]?.start();
  } },
  el("div", { class: "dialog-head" }, el("h2", { id }, title),
    button(icon("close"), close, { kind: "quiet button-icon", aria: { label: "Close" } })),
  el("div", { class: "dialog-body" }, body, trouble),
  el("div", { class: "dialog-end" }, cancel ? button(cancel, close) : null, buttons.map(({ own }) => own).reverse())));
  document.body.append(node);
  node.showModal();
  node.querySelector(".dialog-body :is(input, select, textarea)")?.focus();
  return { node, close };
}

/**
 * Asks before something is done. `run(reason)` does it; with `reason` (a label) a reason must be given.
 * `kind` is "danger" unless told. Resolves to whether it was done.
 */
export function confirm({ title, text, action, run = () => {}, reason = null, kind = "danger" }) {
  return new Promise((resolve) => {
    let done = false;
    const asked = form({ fields: reason ? [{ name: "reason", label: reason, required: true, maxlength: 500 }] : [] });
    openDialog({
      title,
      body: [el("p", {}, text), asked.node],
      actions: [{ label: action, kind, run: async () => {
        const values = asked.value();
        if (values === null) return false;
        await run(values.reason);
        done = true;
      } }],
      onClose: () => resolve(done),
    });
  });
}

let toasts = null;

/** Says that something was done, for a few seconds. `action`: `{ label, run }`. */
export function toast(text, { tone = "good", action = null } = {}) {
  toasts ??= el("div", { class: "toasts", role: "status", popover: "manual" });
  if (!toasts.isConnected) document.body.append(toasts);
  const gone = () => {
    clearTimeout(timer);
    node.remove();
    if (toasts.childElementCount === 0) toasts.hidePopover();
  };
  const node = el("div", { class: `toast toast-${tone}` }, icon(tone === "good" ? "check" : "alert"), el("span", {}, text),
    action ? button(action.label, () => (gone(), action.run()), { kind: "link" }) : null);
  toasts.append(node);
  toasts.showPopover();
  const timer = setTimeout(gone, TOAST_MS);
}

/**
 * A button with a menu. `items`: `[{ label, run, danger, disabled }]`, `disabled` being the reason; or a function
 * that gives them when the menu opens. Without `text` it is a small button with three dots.
 */
export function menuButton(label, items, { text = null } = {}) {
  const id = freshId("menu");
  const menu = el("div", { class: "menu", id, role: "menu", popover: "auto", aria: { label }, onkeydown: onKey, ontoggle: (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return menu.replaceChildren();
    place();
    menu.firstElementChild?.focus();
  } });
  const opener = el("button", {
    type: "button", class: text ? "button" : "button button-quiet button-icon", title: text ? null : label,
    aria: { haspopup: "menu", expanded: "false", ...(text ? {} : { label }) },
    onclick: (event) => {
      event.stopPropagation(); // a row under it may open on a click
      menu.replaceChildren(...(typeof items === "function" ? items() : items).map(itemOf));
      menu.showPopover();
    },
  }, text, icon(text ? "down" : "dots"));
  function itemOf({ label: name, run, danger, disabled }) {
    const own = el("button", { type: "button", class: danger ? "menu-item is-danger" : "menu-item", role: "menuitem", tabindex: "-1", onclick: () => {
      menu.hidePopover();
      run();
    } }, name);
    return disabled ? disable(own, disabled) : own;
  }
  function place() {
    const at = opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(8, Math.min(at.left, at.right - width, innerWidth - width - 8))}px`;
    menu.style.top = `${at.bottom + height + 12 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4}px`;
  }
  function onKey(event) {
    event.stopPropagation();
    const list = [...menu.children];
    const to = stepOf(event.key, list.indexOf(document.activeElement), list.length, "ArrowDown", "ArrowUp");
    if (to === null) return event.key === "Tab" && menu.hidePopover();
    event.preventDefault();
    list[to].focus();
  }
  return el("span", { class: "menu-host", onclick: (event) => event.stopPropagation() }, opener, menu);
}

/** A secret that is shown this once, with its copy button. Nothing keeps it but this element. */
export function secretBox(label, secret) {
  return el("div", { class: "secret" },
    el("div", { class: "secret-head" }, el("span", { class: "label" }, label), el("span", { class: "muted" }, "Shown once: copy it now.")),
    el("div", { class: "secret-row" }, el("code", { tabindex: "0", role: "textbox", aria: { readonly: "true", label } }, secret), copyButton(`Copy ${label}`, () => secret)));
}

/** Code with a copy button. `read` may give another text to copy than is shown. */
export function codeBlock(label, text, read = () => text) {
  return el("div", { class: "snippet" },
    el("pre", { tabindex: "0", role: "region", aria: { label } }, el("code", {}, text)), copyButton(`Copy: ${label}`, read));
}
