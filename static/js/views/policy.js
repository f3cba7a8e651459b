// The policy in force, read-only: policy.csv and model.conf with line numbers, and what was wrong
// with the last change when the gate refused it.

import * as api from "../api.js";
import { copyButton, el, icon } from "../dom.js";
import { localMoment, utcMoment } from "../format.js";
import { confLine, csvLine } from "../policy/colour.js";

export function mount(host, { feed }, params) {
  const head = el("div", { class: "policy-head" }, el("h1", {}, "Policy"));
  const facts = el("dl", { class: "facts" });
  const banner = el("div", { class: "policy-banner" });
  const csv = createTab("csv");
  const conf = createTab("conf");
  const tabs = [csv, conf];
  const list = el("div", { class: "tabs", role: "tablist", aria: { label: "Policy files" }, hidden: true }, tabs.map((tab) => tab.tab));
  const message = el("div", { class: "list-message" });
  host.replaceChildren(el("div", { class: "policy", id: "policy" },
    head, facts, banner, list, message, tabs.map((tab) => tab.panel)));

  let wanted = wantedLine(params);
  let wantedVersion = params.get("version");
  let shown = null;
  let abort = null;

  async function load() {
    abort?.abort();
    abort = new AbortController();
    if (shown === null) message.replaceChildren(el("p", { class: "notice", role: "status" }, "Loading the policy"));
    try {
      shown = await api.policy(abort.signal);
      message.replaceChildren();
      show(shown);
    } catch (error) {
      if (error.name === "AbortError") return;
      message.replaceChildren(el("div", { class: "notice", role: "alert" },
        el("h2", {}, "The policy could not be loaded"), el("p", {}, error.message),
        el("button", { type: "button", class: "button", onclick: load }, "Try again")));
    }
  }

  function show(policy) {
    const { error } = policy;
    facts.replaceChildren(
      ...fact("Version", policy.version, "version"),
      ...fact("Loaded", el("time", { datetime: policy.loaded_at, title: utcMoment(policy.loaded_at) }, localMoment(policy.loaded_at)), "loaded"),
      ...fact("State", error ? "last change refused" : "in force", "state"));
    facts.dataset.state = error ? "error" : "ok";
    const moved = wanted !== null && wantedVersion !== null && wantedVersion !== policy.version;
    banner.replaceChildren(
      ...(error ? [errorBanner(error, policy.version)] : []),
      ...(moved ? [movedBanner(wanted, wantedVersion)] : []));
    const inModel = error !== null && baseName(error.file) === baseName(policy.model_file);
    // A gate that tells the refused text shows it; else the mark stands in the text in force.
    const refused = error?.text ?? null;
    csv.fill(policy.file, inModel ? policy.text : (refused ?? policy.text), csvLine, inModel ? null : error, wanted);
    conf.fill(policy.model_file, inModel ? (refused ?? policy.model_text) : policy.model_text, confLine, inModel ? error : null, null);
    list.hidden = false;
    select(inModel && wanted === null ? conf : (tabs.find((tab) => tab.chosen) ?? csv));
    if (wanted !== null) csv.reveal();
  }

  function select(tab) {
    for (const each of tabs) each.choose(each === tab);
  }
  for (const each of tabs) each.tab.addEventListener("click", () => select(each));
  list.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = csv.chosen ? conf : csv;
    select(other);
    other.tab.focus();
  });

  const stop = feed.listen((topic) => {
    if (topic === "policy") load();
  });
  load();
  return {
    update(next) {
      wanted = wantedLine(next);
      wantedVersion = next.get("version");
      if (shown !== null) show(shown);
    },
    unmount() {
      stop();
      abort?.abort();
    },
  };
}

const baseName = (path) => (path ?? "").split(/[\\/]/).at(-1);

function wantedLine(params) {
  const line = Number.parseInt(params.get("line") ?? "", 10);
  return line > 0 ? line : null;
}

function fact(name, value, id) {
  return [el("div", {}, el("dt", {}, name), el("dd", { dataset: { fact: id } }, value))];
}

function movedBanner(line, version) {
  return el("div", { class: "banner banner-warn", id: "policy-moved", role: "status" }, icon("alert"),
    el("div", { class: "banner-body" },
      el("p", { class: "banner-title" }, "The policy has changed since that decision"),
      el("p", {}, `Line ${line} was meant in version ${version}; it may say something else now.`)));
}

function errorBanner(error, version) {
  const place = [error.line && `line ${error.line}`, error.column && `column ${error.column}`].filter(Boolean).join(", ");
  return el("div", { class: "banner banner-bad", id: "policy-error", role: "alert" }, icon("alert"),
    el("div", { class: "banner-body" },
      el("p", { class: "banner-title" }, `${baseName(error.file)} was not loaded${place ? `: ${place}` : ""}`),
      el("p", { dataset: { field: "reason" } }, error.reason),
      error.remedy ? el("p", { dataset: { field: "remedy" } }, error.remedy) : null,
      el("p", { class: "muted" },
        `Every call is still decided by version ${version}${error.text ? "" : ", shown below; the file on disk differs"}. Refused `,
        el("time", { datetime: error.at, title: utcMoment(error.at) }, localMoment(error.at)), ".")));
}

function createTab(id) {
  const tab = el("button", {
    type: "button", class: "tab", role: "tab", id: `tab-${id}`, aria: { controls: `panel-${id}`, selected: "false" },
  });
  const code = el("ol", { class: "code" });
  const box = el("div", { class: "code-box", tabindex: "0", role: "region" }, code);
  let text = "";
  const panel = el("div", { class: "panel", role: "tabpanel", id: `panel-${id}`, hidden: true, aria: { labelledby: `tab-${id}` } },
    box, copyButton("Copy the file", () => text));
  return {
    tab,
    panel,
    get chosen() {
      return tab.getAttribute("aria-selected") === "true";
    },
    choose(on) {
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      panel.hidden = !on;
    },
    fill(file, content, colour, error, wanted) {
      text = content;
      tab.replaceChildren(baseName(file), error ? icon("alert") : "");
      tab.classList.toggle("has-error", error !== null);
      box.setAttribute("aria-label", `${baseName(file)}, read-only`);
      const lines = content.replace(/\r?\n$/, "").split(/\r?\n/);
      code.replaceChildren(...lines.flatMap((line, at) => lineOf(at + 1, line, colour, error, wanted)));
      if (error) this.reveal();
    },
    /** Brings the marked line into sight. */
    reveal() {
      code.querySelector(".is-error, .is-wanted")?.scrollIntoView({ block: "nearest" });
    },
  };
}

function lineOf(number, text, colour, error, wanted) {
  const wrong = error?.line === number;
  const line = el("li", {
    class: `code-line${wrong ? " is-error" : ""}${wanted === number ? " is-wanted" : ""}`, dataset: { line: number },
  },
  el("span", { class: "code-number", aria: { hidden: "true" } }, String(number)),
  el("code", {}, colour(text).map(([name, piece]) => el("span", { class: name }, piece))));
  if (!wrong) return [line];
  const indent = error.column ? `${" ".repeat(error.column - 1)}^ ` : "";
  return [line, el("li", { class: "code-note" },
    el("span", { class: "code-number", aria: { hidden: "true" } }), el("code", {}, indent + error.reason))];
}
