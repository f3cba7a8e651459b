// The sign-in page: a password, or whom the gate trusts to say who somebody is. Owns the form; keeps
// nothing that was typed.

import * as api from "../api.js";
import { el, svg, setText } from "../dom.js";
import { parse, replace } from "../router.js";

const ELSEWHERE = {
  busy: "Too many sign-ins failed. Wait a minute, then try again.",
  denied: "The sign-in was cancelled, or {} refused it. Try again.",
  expired: "The sign-in took too long, or began in another browser. Try again.",
  not_allowed: "{} knows you, but this gate gives you no role. Ask its administrator.",
  provider: "{} could not be asked. Try again; if it stays so, the gate's log says why.",
};

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
  const errorBox = el("div", { class: "banner tone-bad", hidden: true }, error);
  const submit = el("button", { type: "submit", class: "button button-primary", id: "signin" }, "Sign in");
  const form = el("form", { class: "signin-form", novalidate: true, onsubmit: send },
    el("div", { class: "field" }, el("label", { for: "username" }, "Username"), username),
    el("div", { class: "field" }, el("label", { for: "password" }, "Password"),
      el("div", { class: "signin-password" }, password, reveal)),
    submit);
  const elsewhere = el("div", { class: "signin-elsewhere", hidden: true });
  const help = el("p", { class: "signin-help" }, "The first start shows the password of admin on the terminal, once; without a terminal it is in the file ", el("code", {}, "data/admin-password"), ".");
  host.replaceChildren(el("main", { class: "signin" },
    el("div", { class: "signin-card" },
      el("div", { class: "signin-head" },
        svg("svg", { class: "mark mark-large", "aria-hidden": "true" }, svg("use", { href: "#i-mark" })),
        el("h1", {}, "Portcullis"),
        ended ? el("p", { id: "signin-ended", role: "status" }, "Your session ended. Sign in again.")
          : el("p", { class: "muted" }, "Sign in to see what your agents do.")),
      errorBox, form, elsewhere, help)));
  document.title = "Sign in · Portcullis";
  username.focus();

  let timer = 0;
  offer();

  /** The other ways in. A gate that does not say has the password alone. */
  async function offer() {
    const { name, params } = parse(location.hash);
    const failed = params.get("sign_in_error");
    const { password: byPassword, oidc } = await api.signInOptions().catch(() => ({ password: true, oidc: null }));
    if (oidc) {
      elsewhere.append(
        byPassword ? el("p", { class: "signin-or" }, "or") : "",
        el("a", { class: byPassword ? "button" : "button button-primary", id: "signin-oidc", href: oidc.url },
          `Sign in with ${oidc.name}`));
    }
    elsewhere.hidden = !oidc;
    form.hidden = help.hidden = !byPassword;
    if (failed === null) return;
    const text = ELSEWHERE[failed] ?? "The sign-in failed. Try again.";
    say(text.replace("{}", oidc?.name ?? "The provider"));
    replace(name); // a reload is no new failure
  }

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

  function say(text) {
    errorBox.hidden = false;
    setText(error, text);
  }

  function refuse(text, target) {
    say(text);
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
