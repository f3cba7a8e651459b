// The rules of detection: what is looked for, what is done, how often it was found. Joins the list, the trial and the
// coverage; owns what is in force and every change of it.

import * as api from "../api.js";
import { createCoverage } from "../detections/coverage.js";
import { openAdd } from "../detections/add.js";
import { createRules } from "../detections/rules.js";
import { createTrial } from "../detections/try.js";
import { el } from "../dom.js";
import { count, localMoment } from "../format.js";
import { replace } from "../router.js";
import { banner, can, disable, tabs, timeOf, toast } from "../ui.js";

const HOUR_MS = 3_600_000;

export function mount(host, { feed, session }, params) {
  let status = null; // what is in force
  let rules = null;
  let hours = 24;
  let contexts = [];
  let wanted = params;
  let abort = new AbortController();

  const list = createRules({
    session, contexts: () => contexts,
    onRange: (next) => {
      hours = next;
      load();
    },
    onOpen: (rule) => remember({ rule }),
    onAdd: () => openAdd((rule) => change(() => api.addDetectionRule({ ...rule, ...basis() }), `${rule.id} is in force.`)),
    change: (rule, what) => change(() => api.changeDetectionRule(rule.id, { ...what, ...basis() }), `${rule.id} is changed.`),
    remove: (rule, reason) => change(() => api.deleteDetectionRule(rule.id, { ...basis(), reason }), `${rule.id} is deleted.`),
  });
  const trial = createTrial({ onRule: (id) => {
    choose("rules");
    list.open(id);
  } });
  const coverage = createCoverage();
  const facts = el("dl", { class: "facts" });
  const banners = el("div", { class: "banners" });
  const pages = tabs("What to see of the detections", [
    { name: "rules", title: "Rules", panel: list.node },
    { name: "try", title: "Try a text", panel: trial.node },
    { name: "coverage", title: "Coverage", panel: coverage.node },
  ], choose);
  host.replaceChildren(el("div", { class: "page detections", id: "detections" },
    el("div", { class: "page-head" }, el("h1", {}, "Detections"), facts), banners, pages.node));

  const basis = () => ({ base_version: rules.version });

  async function load() {
    abort.abort();
    abort = new AbortController();
    if (rules === null) list.wait();
    try {
      const from = new Date(Date.now() - hours * HOUR_MS).toISOString();
      [status, rules] = await Promise.all([api.detections(abort.signal), api.detectionRules({ from }, abort.signal)]);
      showStatus();
      const first = !list.node.dataset.ready;
      list.node.dataset.ready = "yes";
      list.show(rules);
      if (first && wanted.get("rule")) list.open(wanted.get("rule"));
    } catch (error) {
      if (error.name !== "AbortError" && rules === null) list.fail(error, load);
    }
  }

  function showStatus() {
    const fact = (name, value, id) => el("div", {}, el("dt", {}, name), el("dd", { dataset: { fact: id } }, value));
    facts.replaceChildren(fact("Version", status.version, "version"), fact("Template", status.template, "template"),
      fact("In force since", timeOf(status.loaded_at, localMoment), "loaded"));
    const add = list.node.querySelector("#rule-add");
    if (add && can(session, "policy_author")) disable(add, status.writable ? null : status.why_not_writable);
    const { error } = status;
    const kinds = JSON.stringify([error, status.writable]);
    if (banners.dataset.kinds === kinds) return; // it would be read out again
    banners.dataset.kinds = kinds;
    banners.replaceChildren(
      ...(error ? [refusal(error, status)] : []),
      ...(can(session, "policy_author") && !status.writable && status.why_not_writable ? [banner("info", "The rules cannot be changed from here", status.why_not_writable)] : []));
  }

  /** Sends a change; where somebody was faster, shows what is in force now and says so. */
  async function change(send, done) {
    try {
      await send();
    } catch (error) {
      if (error.status === 409) await load();
      throw error;
    }
    await load();
    toast(done);
  }

  function choose(name) {
    pages.select(name);
    remember({ tab: name === "rules" ? null : name });
    if (name === "coverage") coverage.load();
  }

  function remember(what) {
    const now = { tab: wanted.get("tab"), rule: wanted.get("rule"), ...what };
    wanted = new URLSearchParams(Object.entries(now).filter(([, value]) => value));
    replace("detections", now);
  }

  function follow(next) {
    wanted = next;
    const tab = next.get("tab");
    pages.select(["try", "coverage"].includes(tab) ? tab : "rules");
    if (tab === "coverage") coverage.load();
    if (next.get("rule")) list.open(next.get("rule"));
  }

  const stop = feed.listen((topic) => {
    if (topic === "detections") load();
  });
  load();
  follow(params);
  Promise.allSettled([api.agents(), api.contexts()]).then(([agents, own]) => {
    contexts = own.value?.app_contexts ?? [];
    trial.offer({ agents: agents.value?.agents ?? [], contexts });
  });
  return {
    update: follow,
    unmount() {
      stop();
      abort.abort();
      list.stop();
    },
  };
}

/** Why the file on the disk is not in force. */
function refusal({ errors, at }, { file, version }) {
  const shown = errors.slice(0, 3).map(({ line, column, reason, remedy }) => el("li", {},
    el("strong", {}, [line && `line ${line}`, column && `column ${column}`].filter(Boolean).join(", ")), " ", [reason, remedy].filter(Boolean).join("; ")));
  const node = banner("bad", `${(file ?? "detections.toml").split(/[\\/]/).at(-1)} was not loaded`,
    el("ul", {}, shown), errors.length > shown.length ? `And ${count(errors.length - shown.length)} more.` : "",
    el("p", { class: "muted" }, `Every call is still judged by version ${version}. Refused `, timeOf(at, localMoment), "."));
  node.id = "detections-error";
  return node;
}
