// The frame around every page: the rail with the pages and what concerns them all, help, banners. Owns no state
// beyond the theme; shows what the session and the feed say.

import { SHORTCUTS, lettersOn, setLetters } from "./activity/keys.js";
import { el, icon, setIcon, setText, svg } from "./dom.js";
import { createRecordBanner } from "./record.js";
import { link } from "./router.js";
import { button, can, openDialog } from "./ui.js";
import { changePassword } from "./views/users.js";

const THEMES = ["auto", "light", "dark"];
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };
const THEME_NAMES = { auto: "as the system", light: "light", dark: "dark" };
const STATES = {
  connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "Offline", paused: "Paused",
};

export function createShell({ session, feed, pages, onSignOut }) {
  const main = el("main", { class: "main", id: "main", tabindex: "-1" });
  const shown = pages.filter((page) => !page.role || can(session, page.role));
  const nav = new Map(shown.map((page) => [page.name, el("a", { href: link(page.name), title: page.title, dataset: { page: page.name } },
    icon(page.name), el("span", { class: "rail-label" }, page.title))]));
  const alert = el("span", { class: "nav-alert", hidden: true }, icon("alert"),
    el("span", { class: "visually-hidden" }, "the last change was refused"));
  nav.get("policy")?.append(alert);
  const connection = createConnection();
  const record = createRecordBanner();
  const here = el("span");
  const opener = button([icon("menu"), el("span", { class: "visually-hidden" }, "Pages, now"), here], () => setOpen(!rail.classList.contains("is-open")),
    { kind: "quiet rail-menu", aria: { expanded: "false", controls: "rail-body" } });

  const rail = el("header", { class: "rail" },
    el("div", { class: "rail-head" },
      el("a", { class: "brand", href: link("activity"), aria: { label: "Portcullis, live activity" } },
        svg("svg", { class: "mark", "aria-hidden": "true" }, svg("use", { href: "#i-mark" })),
        el("span", { class: "brand-name rail-label" }, "Portcullis")),
      opener,
      session.sandbox
        ? el("span", { class: "tag tone-warn", id: "sandbox", title: "Answers come from a built-in upstream, not from a provider" }, "Sandbox")
        : null,
      connection.node),
    el("div", { class: "rail-body", id: "rail-body" },
      el("nav", { class: "nav", aria: { label: "Pages" } }, groupsOf(shown).map(([title, group]) =>
        el("div", { class: "nav-group", role: "group", aria: { label: title } },
          el("p", { class: "nav-title", aria: { hidden: "true" } }, title), group.map((page) => nav.get(page.name))))),
      el("div", { class: "rail-foot" },
        el("p", { class: "rail-node rail-label muted" },
          "Gateway ", el("span", { id: "node" }, session.node), " · version ", el("span", { id: "version" }, session.version)),
        el("div", { class: "rail-tools" }, createThemeButton(),
          button(icon("help"), help, { kind: "quiet button-icon", id: "help", title: "Keyboard shortcuts (?)", aria: { label: "Keyboard shortcuts" } })),
        el("div", { class: "who", id: "who" },
          el("span", { class: "rail-label who-text" },
            el("span", { class: "visually-hidden" }, "Signed in as "),
            el("span", { class: "who-name" }, session.username),
            el("span", { class: "who-role muted" }, session.role.replace("_", " "))),
          session.source === "password"
            ? button(icon("contexts"), changePassword, { kind: "quiet button-icon", id: "password", title: "Change your password", aria: { label: "Change your password" } })
            : null,
          button(icon("exit"), onSignOut, { kind: "quiet button-icon", id: "signout", title: "Sign out", aria: { label: "Sign out" } })))));
  const skip = el("a", {
    class: "button skip", href: "#main",
    onclick: (event) => {
      event.preventDefault(); // the address holds the filters
      main.focus();
    },
  }, "Skip to content");

  function setOpen(open) {
    rail.classList.toggle("is-open", open);
    opener.setAttribute("aria-expanded", String(open));
  }

  const stop = feed.listen((topic) => {
    if (topic === "connection") connection.show(feed);
    if (topic === "policy") alert.hidden = !feed.policy.error;
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  function onKey(event) {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "?" && !typing && lettersOn()) help();
    if (event.key === "Escape" && rail.classList.contains("is-open")) {
      setOpen(false);
      opener.focus();
    }
  }
  function onClick(event) {
    if (!opener.contains(event.target)) setOpen(false);
  }
  connection.show(feed);

  return {
    nodes: [skip, rail, record.node, main],
    main,
    setPage(page) {
      for (const [name, anchor] of nav) {
        if (name === page.name) anchor.setAttribute("aria-current", "page");
        else anchor.removeAttribute("aria-current");
      }
      setText(here, page.title);
      document.title = `${page.title} · Portcullis`;
    },
    stop() {
      stop();
      connection.stop();
      record.stop();
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("click", onClick);
    },
  };
}

/** `[title, pages]` in the order of the list. */
function groupsOf(pages) {
  const groups = new Map();
  for (const page of pages) groups.set(page.group, [...(groups.get(page.group) ?? []), page]);
  return [...groups];
}

function createConnection() {
  const label = el("span", { class: "connection-label", role: "status" });
  // The countdown would be read out every second, so it stands outside of the status.
  const countdown = el("span", { class: "muted", aria: { hidden: "true" } });
  const node = el("div", { class: "connection", id: "connection" }, el("span", { class: "connection-dot" }), label, countdown);
  let retryAt = null;
  function count() {
    const left = retryAt === null ? 0 : Math.ceil((retryAt - Date.now()) / 1000);
    setText(countdown, left > 1 ? `${left} s` : "");
  }
  const timer = setInterval(count, 500);
  return {
    node,
    show({ connection, paused }) {
      const state = connection.state === "live" && paused ? "paused" : connection.state;
      retryAt = connection.retryAt;
      node.dataset.state = state;
      node.title = STATES[state];
      setText(label, STATES[state]);
      count();
    },
    stop: () => clearInterval(timer),
  };
}

function createThemeButton() {
  const root = document.documentElement;
  const picture = icon("auto");
  const control = button(picture, next, { kind: "quiet button-icon", id: "theme" });
  function show() {
    const theme = root.dataset.theme;
    setIcon(picture, THEME_ICONS[theme] ?? "auto");
    control.title = `Theme: ${THEME_NAMES[theme] ?? THEME_NAMES.auto}`;
    control.setAttribute("aria-label", control.title);
  }
  function next() {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    root.dataset.theme = theme;
    localStorage.setItem("portcullis.theme", theme);
    show();
  }
  show();
  return control;
}

function help() {
  if (document.querySelector("dialog[open]")) return;
  const letters = el("input", { type: "checkbox", id: "letters", onchange: () => setLetters(letters.checked) });
  letters.checked = lettersOn();
  openDialog({
    title: "Keyboard shortcuts",
    body: [
      el("dl", { class: "shortcuts" }, SHORTCUTS.flatMap(([keys, text]) => [
        el("dt", {}, keys.map((key) => el("kbd", {}, key))), el("dd", {}, text)])),
      el("label", { class: "choice" }, letters, "Use single-letter keys"),
    ],
    cancel: "Close",
  });
}
