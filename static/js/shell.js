// The frame around every page: header, navigation, footer, help. Owns no state of its own beyond
// the theme; shows what the session and the feed say.

import { SHORTCUTS, lettersOn, setLetters } from "./activity/keys.js";
import { el, icon, setIcon, setText, svg } from "./dom.js";
import { createRecordBanner } from "./record.js";
import { link } from "./router.js";

const THEMES = ["auto", "light", "dark"];
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };
const THEME_NAMES = { auto: "as the system", light: "light", dark: "dark" };
const STATES = {
  connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "Offline", paused: "Paused",
};

export function createShell({ session, feed, pages, onSignOut }) {
  const main = el("main", { class: "main", id: "main", tabindex: "-1" });
  const nav = new Map(pages.map((page) => [page.name, el("a", { href: link(page.name), dataset: { page: page.name } }, page.title)]));
  const alert = el("span", { class: "nav-alert", hidden: true }, icon("alert"),
    el("span", { class: "visually-hidden" }, "the last change was refused"));
  nav.get("policy")?.append(alert);
  const connection = createConnection();
  const help = createHelp();
  const record = createRecordBanner();

  const header = el("header", { class: "header" },
    el("a", { class: "brand", href: link("activity"), aria: { label: "Portcullis, live activity" } },
      svg("svg", { class: "mark", "aria-hidden": "true" }, svg("use", { href: "#i-mark" })),
      el("span", { class: "brand-name" }, "Portcullis")),
    el("nav", { class: "nav", aria: { label: "Pages" } }, [...nav.values()]),
    el("div", { class: "header-end" },
      session.sandbox
        ? el("span", { class: "tag tag-sandbox", id: "sandbox", title: "Answers come from a built-in upstream, not from a provider" }, "Sandbox")
        : null,
      connection.node,
      createThemeButton(),
      el("span", { class: "who", id: "who" },
        el("span", { class: "visually-hidden" }, "Signed in as "),
        el("span", { class: "who-name" }, session.username),
        el("span", { class: "who-role muted" }, session.role)),
      el("button", {
        type: "button", class: "button button-quiet button-exit", id: "signout", aria: { label: "Sign out" },
        title: "Sign out", onclick: onSignOut,
      }, icon("exit"), el("span", { class: "exit-label" }, "Sign out"))));
  const footer = el("footer", { class: "footer" },
    el("span", { id: "node" }, session.node),
    el("span", { id: "version" }, `Portcullis ${session.version}`),
    el("button", { type: "button", class: "button button-quiet footer-end", id: "help", onclick: help.open },
      "Keyboard shortcuts ", el("kbd", {}, "?")));
  const skip = el("a", {
    class: "button skip", href: "#main",
    onclick: (event) => {
      event.preventDefault(); // the address holds the filters
      main.focus();
    },
  }, "Skip to content");

  const stop = feed.listen((topic) => {
    if (topic === "connection") connection.show(feed);
    if (topic === "policy") alert.hidden = !feed.policy.error;
  });
  document.addEventListener("keydown", onKey);
  function onKey(event) {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "?" && !typing && lettersOn()) help.open();
  }
  connection.show(feed);

  return {
    nodes: [skip, header, record.node, main, footer, help.node],
    main,
    setPage(page) {
      for (const [name, anchor] of nav) {
        if (name === page.name) anchor.setAttribute("aria-current", "page");
        else anchor.removeAttribute("aria-current");
      }
      document.title = `${page.title} · Portcullis`;
    },
    stop() {
      stop();
      connection.stop();
      record.stop();
      document.removeEventListener("keydown", onKey);
    },
  };
}

function createConnection() {
  const label = el("span", { role: "status" });
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
      setText(label, STATES[state]);
      count();
    },
    stop: () => clearInterval(timer),
  };
}

function createThemeButton() {
  const root = document.documentElement;
  const picture = icon("auto");
  const button = el("button", { type: "button", class: "button button-quiet button-icon", id: "theme", onclick: next }, picture);
  function show() {
    const theme = root.dataset.theme;
    setIcon(picture, THEME_ICONS[theme] ?? "auto");
    button.title = `Theme: ${THEME_NAMES[theme] ?? THEME_NAMES.auto}`;
    button.setAttribute("aria-label", button.title);
  }
  function next() {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    root.dataset.theme = theme;
    localStorage.setItem("portcullis.theme", theme);
    show();
  }
  show();
  return button;
}

function createHelp() {
  const letters = el("input", { type: "checkbox", id: "letters", onchange: () => setLetters(letters.checked) });
  const node = el("dialog", { id: "shortcuts", aria: { labelledby: "shortcuts-title" } },
    el("div", { class: "shortcuts-head" },
      el("h2", { id: "shortcuts-title" }, "Keyboard shortcuts"),
      el("button", {
        type: "button", class: "button button-quiet button-icon", aria: { label: "Close" }, onclick: () => node.close(),
      }, icon("close"))),
    el("dl", { class: "shortcuts-list" }, SHORTCUTS.flatMap(([keys, text]) => [
      el("dt", {}, keys.map((key) => el("kbd", {}, key))), el("dd", {}, text)])),
    el("label", { class: "check" }, letters, "Use single-letter keys"));
  return {
    node,
    open() {
      letters.checked = lettersOn();
      node.showModal();
    },
  };
}
