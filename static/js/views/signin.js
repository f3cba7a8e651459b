// The sign-in page. Owns the form; keeps nothing that was typed.

import * as api from "../api.js";
import { el, svg, setText } from "../dom.js";

export function mount(host, { onSignedIn, ended }) {
  const username = el("input", {
    class: "input", id: "username", name: "username", autocomplete: "username", autocapitalize: "none",
    spellcheck: "false", required: true,
  });
  const password = el("input", {
    class: "input", id: "password", name: "password", type: "password", autocomplete: "current-password",
    required: true, aria: { describedby: "signin-error" },
  });
  const reveal = el("button", {
    type: "button", class: "button button-quiet", id: "reveal", aria: { pressed: "false", label: "Show password" },
    onclick: () => {
      const shown = password.type === "text";
      password.type = shown ? "password" : "text";
      reveal.setAttribute("aria-pressed", String(!shown));
      setText(reveal, shown ? "Show" : "Hide");
    },
  }, "Show");
  const error = el("p", { id: "signin-error", role: "alert" });
  const errorBox = el("div", { class: "banner banner-bad", hidden: true }, error);
  const submit = el("button", { type: "submit", class: "button button-primary", id: "signin" }, "Sign in");
  const form = el("form", { class: "signin-form", novalidate: true, onsubmit: send },
    errorBox,
    el("div", { class: "field" }, el("label", { for: "username" }, "Username"), username),
    el("div", { class: "field" }, el("label", { for: "password" }, "Password"),
      el("div", { class: "signin-password" }, password, reveal)),
    submit);
  host.replaceChildren(el("main", { class: "signin" },
    el("div", { class: "signin-card" },
      el("div", { class: "signin-head" },
        svg("svg", { class: "mark mark-large", "aria-hidden": "true" }, svg("use", { href: "#i-mark" })),
        el("h1", {}, "Portcullis"),
        el("p", { class: "muted" }, ended ? "Your session ended. Sign in again." : "Sign in to see what your agents do.")),
      form,
      el("p", { class: "signin-help" },
        "The first start shows the password of admin on the terminal, once."))));
  document.title = "Sign in · Portcullis";
  username.focus();

  let timer = 0;
  async function send(event) {
    event.preventDefault();
    const missing = [username, password].find((input) => input.value === "");
    if (missing) return refuse(`Enter your ${missing.name}.`, missing);
    submit.disabled = true;
    setText(submit, "Signing in…");
    try {
      await api.signIn(username.value, password.value);
      await onSignedIn();
    } catch (failure) {
      ready();
      explain(failure);
    }
  }

  function explain(failure) {
    if (failure.status === 401) {
      password.value = "";
      refuse("Username or password is wrong.", password);
    } else if (failure.status === 429) {
      waitFor(failure.retryAfterSecs ?? 30);
    } else {
      refuse(failure.message, submit);
    }
  }

  function refuse(text, target) {
    errorBox.hidden = false;
    setText(error, text);
    const wrong = target === submit ? [] : [target];
    for (const input of [username, password]) input.setAttribute("aria-invalid", String(wrong.includes(input)));
    target.focus();
  }

  function waitFor(seconds) {
    const until = Date.now() + seconds * 1000;
    refuse(`Too many failed attempts. Wait ${seconds} s, then try again.`, submit);
    submit.disabled = true;
    clearInterval(timer);
    const show = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) return setText(submit, `Sign in (${left} s)`);
      clearInterval(timer);
      ready();
    };
    timer = setInterval(show, 500);
    show();
  }

  function ready() {
    submit.disabled = false;
    setText(submit, "Sign in");
  }

  return { unmount: () => clearInterval(timer) };
}
