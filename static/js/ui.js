// The parts that pages are built from: states, tabs, forms, dialogs, menus, toasts. Owns their behaviour for mouse,
// keyboard and screen reader; knows no page and asks the gate nothing.

import { copyButton, el, icon, setText } from "./dom.js";
import { NONE, clock, utcMoment } from "./format.js";

const ROLES = ["viewer", "analyst", "policy_author", "admin"];
const TOAST_MS = 5_000;
let ids = 0;

/** An id that no other element has. */
export const freshId = (name) => `${name}-${(ids += 1)}`;

/** Whether who is signed in may do what needs `role`: each role includes those before it. */
export const can = (session, role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

/** Returns `control`; where the role is too small, disabled with that reason. */
export const need = (session, role, control) =>
  (can(session, role) ? control : disable(control, `This needs the role ${role.replace("_", " ")}.`));

/** Returns `control`, disabled for a reason that can be read on hover and focus; null enables it. */
export function disable(control, reason) {
  for (const [name, value] of Object.entries({ "aria-disabled": reason && "true", "aria-description": reason, title: reason })) {
    if (value) control.setAttribute(name, value);
    else control.removeAttribute(name);
  }
  return control;
}

// What is disabled with a reason takes the focus, but no click.
addEventListener("click", (event) => {
  if (!event.target.closest?.("[aria-disabled='true']")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

/** A moment in the viewer's zone, in UTC on hover; `show` is `clock` or `localMoment` of format.js. */
export const timeOf = (iso, show = clock) => (iso ? el("time", { datetime: iso, title: utcMoment(iso) }, show(iso)) : NONE);

/** A button. `kind`: "", primary, danger, quiet, link; `more` are properties of `el`. */
export const button = (label, onclick, { kind = "", picture, ...more } = {}) =>
  el("button", { type: "button", class: `button button-${kind}`, onclick, ...more }, picture ? icon(picture) : null, label);

/** A short word in a frame. `tone`: "", good, bad, warn, block, accent. */
export const tag = (text, tone = "") => el("span", { class: `tag ${tone && `tone-${tone}`}` }, text);

/** A message across the page. `tone`: bad, warn, good, accent; `body`: texts and nodes. */
export const banner = (tone, title, ...body) => el("div", { class: `banner tone-${tone}`, role: tone === "bad" ? "alert" : "status" },
  icon(tone === "good" ? "check" : "alert"),
  el("div", { class: "banner-body" }, el("p", { class: "banner-title" }, title),
    body.map((part) => (typeof part === "string" ? el("p", {}, part) : part))));

/** While something is fetched. */
export const loading = (what = "Loading", rows = 8) => el("div", { class: "skeleton", role: "status" },
  el("span", { class: "visually-hidden" }, what), Array.from({ length: rows }, () => el("div")));

/** Nothing there yet, or nothing that matches. `more`: what to do about it. */
export const empty = (title, text = "", ...more) => el("div", { class: "notice" }, el("h2", {}, title), el("p", {}, text), more);

/** It could not be fetched. */
export const failed = (error, retry, title = "This could not be loaded") => el("div", { class: "notice", role: "alert" },
  el("h2", {}, title), el("p", {}, error?.message), retry ? button("Try again", () => retry()) : null);

/**
 * Tabs. `items`: `[{ name, title, panel }]`, `title` text or node; `onPick(name)` after the viewer's choice.
 * Returns `{ node, list, panels, select(name), chosen }`: place `node`, or `list` and `panels` apart.
 */
export function tabs(label, items, onPick = () => {}) {
  const made = items.map(({ name, title, panel }) => {
    const id = freshId("tab");
    return {
      name,
      tab: el("button", { type: "button", class: "tab", role: "tab", id, dataset: { tab: name }, aria: { controls: `${id}-panel` }, onclick: () => pick(name) }, title),
      panel: el("div", { role: "tabpanel", id: `${id}-panel`, aria: { labelledby: id } }, panel),
    };
  });
  const self = { select, chosen: null, panels: made.map(({ panel }) => panel) };
  function select(name) {
    self.chosen = name;
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
  self.list = el("div", { class: "tabs", role: "tablist", aria: { label }, onkeydown: (event) =>
    walk(event, made.map(({ tab }) => tab), "ArrowRight", "ArrowLeft")?.click() }, made.map(({ tab }) => tab));
  select(items[0]?.name);
  self.node = el("div", {}, self.list, self.panels);
  return self;
}

/** Moves the focus in a list by its two keys, Home and End, round its ends; the element that has it then, or null. */
function walk(event, list, next, before) {
  const at = list.indexOf(document.activeElement);
  const to = { [next]: at + 1, [before]: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return null;
  event.preventDefault();
  const found = list.at(to % list.length);
  found.focus();
  return found;
}

/** A control with its label, hint and error. `group`: `input` holds several. Returns `{ node, input, setError(text | null) }`. */
export function field(label, input, { hint = null, group = false } = {}) {
  const id = (input.id ||= freshId("field"));
  const note = el("p", { class: "field-hint", id: `${id}-hint` }, hint);
  const error = el("p", { class: "field-error", id: `${id}-error` });
  const name = el(group ? "span" : "label", { class: "label", id: `${id}-label`, for: group ? null : id }, label);
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  if (group) input.setAttribute("aria-labelledby", name.id);
  return {
    node: el("div", { class: `field ${input.type === "checkbox" ? "field-check" : ""}` }, name, input, note, error),
    input,
    setError(text) {
      setText(error, text ?? "");
      if (!group) input.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}

const pairs = (options) => options.map((option) => (Array.isArray(option) ? option : [option, option]));

/** A select of values or `[value, text]`. */
export function select(options, value = "", properties = {}) {
  const node = el("select", { class: "input", ...properties }, pairs(options).map(([own, text]) => el("option", { value: own }, text)));
  node.value = value;
  return node;
}

/** `[control, read]` of a form's field. */
function control({ type = "text", value, options, ...more }) {
  if (type === "select") {
    const node = select(options, value, more);
    return [node, () => node.value];
  }
  if (type === "choices") {
    const boxes = pairs(options).map(([own, text]) => [el("input", { type: "checkbox", value: own, checked: value?.includes(own) }), text]);
    return [el("div", { class: "choices", role: "group" }, boxes.map(([box, text]) => el("label", { class: "choice" }, box, text))),
      () => boxes.filter(([box]) => box.checked).map(([box]) => box.value)];
  }
  const lines = type === "list";
  const node = lines || type === "textarea" ? el("textarea", { class: "input", rows: 4, spellcheck: "false", ...more })
    : el("input", { class: type === "checkbox" ? null : "input", type, autocomplete: "off", spellcheck: "false", ...more });
  if (type === "checkbox") node.checked = Boolean(value);
  else node.value = (lines ? value?.join("\n") : value) ?? "";
  return [node, () => {
    if (type === "checkbox") return node.checked;
    if (lines) return node.value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (type === "number") return node.value === "" ? null : Number(node.value);
    return type === "text" ? node.value.trim() : node.value;
  }];
}

/**
 * A form. `fields`: `[{ name, label, type, value, hint, required, options, … }]`; `type` is that of an input, or textarea,
 * select, checkbox, list (an array, one a line), choices (an array); the rest are attributes. Returns `{ node, inputs,
 * value(), setErrors({ name: text }) }`; `value()` is null, and marks them, while required ones are missing.
 * With `onSubmit(values)` it has its own button `submit`; else it is for a dialog.
 */
export function form({ fields, submit = "Save", onSubmit = null }) {
  const made = fields.map(({ label, hint, required, ...spec }) => {
    const [input, read] = control({ ...spec, "aria-required": required ? "true" : null });
    return { ...field(label, input, { hint, group: spec.type === "choices" }), name: spec.name, read, required };
  });
  function setErrors(errors) {
    for (const one of made) one.setError(errors?.[one.name]);
    made.find((one) => errors?.[one.name])?.input.focus();
  }
  function value() {
    const values = Object.fromEntries(made.map((one) => [one.name, one.read()]));
    const missing = made.filter(({ name, required }) => required && [null, ""].includes(values[name]?.length === 0 ? "" : values[name]));
    setErrors(Object.fromEntries(missing.map(({ name }) => [name, "This is needed."])));
    return missing.length === 0 ? values : null;
  }
  const trouble = el("div");
  const send = el("button", { type: "submit", class: "button button-primary" }, submit);
  const node = el(onSubmit ? "form" : "div", { class: "form", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    const values = value();
    if (values) busy(send, trouble, () => onSubmit(values));
  } }, made.map((one) => one.node), onSubmit ? [trouble, el("div", { class: "form-end" }, send)] : null);
  return { node, value, setErrors, inputs: Object.fromEntries(made.map(({ name, input }) => [name, input])) };
}

/** Runs `work` once at a time, marks the control, shows what went wrong in `place`. Whether it went well, and not to `false`. */
export async function busy(control, place, work) {
  if (control.ariaBusy === "true") return false;
  control.ariaBusy = "true";
  place.replaceChildren();
  try {
    return (await work()) !== false;
  } catch (error) {
    if (error.name !== "AbortError") place.replaceChildren(banner("bad", error.message));
    return false;
  } finally {
    control.ariaBusy = null;
  }
}

/**
 * A modal dialog. `actions`: `[{ label, kind, run }]`; `run` may be async, and keeps the dialog open by answering `false`
 * or by failing (which is shown). Enter runs the first. `cancel`: the label of the way out, null for none;
 * `wide` for code; `once`: it shows a secret, and asks before it goes by Escape or × with nothing of it copied.
 * Returns `{ node, close() }`.
 */
export function openDialog({ title, body, actions = [], cancel = "Cancel", wide = false, once = false, onClose = () => {} }) {
  const id = freshId("dialog");
  const trouble = el("div");
  const close = () => node.close();
  let isKept = !once;
  const leave = () => (isKept ? close() : confirm({
    title: "Close without copying it?", text: "It cannot be shown again: a lost one must be replaced by a new one.", action: "Close", run: close,
  }));
  const ends = actions.map(({ label, kind = "", run }, at) => {
    const start = async () => (await busy(own, trouble, run)) && close();
    const own = button(label, at === 0 ? null : start, { kind });
    if (at === 0) own.type = "submit";
    return { own, start };
  });
  const node = el("dialog", { class: `dialog ${wide ? "dialog-wide" : ""}`, aria: { labelledby: id }, onclose: () => {
    node.remove();
    onClose();
  }, ...(once && guard(leave, () => { isKept = true; })) }, el("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    ends[0]?.start();
  } },
  el("div", { class: "dialog-head" }, el("h2", { id }, title), button(icon("close"), leave, { kind: "quiet button-icon", aria: { label: "Close" } })),
  el("div", { class: "dialog-body" }, body, trouble),
  el("div", { class: "dialog-end" }, cancel ? button(cancel, close) : null, ends.map(({ own }) => own).reverse())));
  document.body.append(node);
  node.showModal();
  node.querySelector(".dialog-body :is(input, select, textarea)")?.focus();
  return { node, close };
}

/** What a dialog listens to that must not go by one stray key. */
function guard(leave, onCopied) {
  const stay = (event) => {
    event.preventDefault();
    leave();
  };
  const copied = ({ target }) => target.closest(".snippet") && onCopied();
  // A browser asks by `cancel` only once in a row, so the key is taken before it.
  return { oncancel: stay, onkeydown: (event) => event.key === "Escape" && stay(event), oncopied: copied, oncopy: copied };
}

/** Asks before `run(reason)` does something; with `reason` (a label) one must be given. Resolves to whether it was done. */
export const confirm = ({ title, text, action, run = () => {}, reason = null, kind = "danger" }) => new Promise((resolve) => {
  let done = false;
  const asked = form({ fields: reason ? [{ name: "reason", label: reason, required: true, maxlength: 500 }] : [] });
  openDialog({ title, body: [el("p", {}, text), asked.node], onClose: () => resolve(done), actions: [{ label: action, kind, run: async () => {
    const values = asked.value();
    if (values === null) return false;
    await run(values.reason);
    done = true;
  } }] });
});

const toasts = el("div", { class: "toasts", role: "status", popover: "manual" });

/** Says for a few seconds that something was done. `tone`: good, bad; `action`: `{ label, run }`. */
export function toast(text, { tone = "good", action = null } = {}) {
  if (!toasts.isConnected) document.body.append(toasts);
  const gone = () => {
    node.remove();
    if (toasts.childElementCount === 0) toasts.hidePopover();
  };
  const node = el("div", { class: `toast tone-${tone}` }, icon(tone === "good" ? "check" : "alert"), text,
    action ? button(action.label, () => (gone(), action.run()), { kind: "link" }) : null);
  toasts.append(node);
  toasts.showPopover();
  setTimeout(() => node.isConnected && gone(), TOAST_MS);
}

/**
 * A button with a menu. `items`: `[{ label, run, danger, disabled }]`, `disabled` being a reason, or a function that
 * gives them when it opens. Without `text` it is a small button with three dots.
 */
export function menuButton(label, items, { text = null } = {}) {
  const menu = el("div", { class: "menu", role: "menu", popover: "auto", aria: { label }, onkeydown: (event) => {
    event.stopPropagation();
    walk(event, [...menu.children], "ArrowDown", "ArrowUp");
    if (event.key === "Tab") menu.hidePopover();
  }, ontoggle: ({ newState }) => {
    const open = newState === "open";
    opener.ariaExpanded = String(open);
    if (!open) return;
    const at = opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(8, Math.min(text ? at.left : at.right - width, innerWidth - width - 8))}px`;
    menu.style.top = `${at.bottom + height + 12 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4}px`;
    menu.firstElementChild?.focus();
  } });
  const opener = button([text, icon(text ? "down" : "dots")], () => {
    menu.replaceChildren(...(typeof items === "function" ? items() : items).map(({ label: name, run, danger, disabled }) => disable(
      button(name, () => (menu.hidePopover(), run()), { kind: danger ? "danger" : "", role: "menuitem", tabindex: "-1" }), disabled)));
    menu.showPopover();
  }, { kind: text ? "" : "quiet button-icon", title: text ? null : label, aria: { haspopup: "menu", expanded: "false", label: text ?? label } });
  // A row below may open on a click.
  return el("span", { class: "menu-host", onclick: (event) => event.stopPropagation() }, opener, menu);
}

/** A secret that is shown this once. Nothing keeps it but this element. */
export const secretBox = (label, secret) => el("div", { class: "secret" },
  el("p", {}, el("strong", {}, label), " is shown only now: copy it."),
  codeBlock(label, secret));

/** Code with a copy button; `read` may give another text to copy than is shown. */
export const codeBlock = (label, text, read = () => text) => el("div", { class: "snippet" },
  el("pre", { tabindex: "0", role: "region", aria: { label } }, el("code", {}, text)), copyButton(`Copy: ${label}`, read));
