// The policy: policy.csv as it is in force and as it is being changed. Joins the editor with what the gate says to the
// draft; decides which text the draft stands on and what happens when that changes under it.

import * as api from "../api.js";
import { copyButton, el, prose, setText } from "../dom.js";
import { count, localMoment } from "../format.js";
import { confLine, csvLine } from "../policy/colour.js";
import { changeCount, diffView } from "../policy/diff.js";
import { keepDraft, readDraft } from "../policy/draft.js";
import { createEditor } from "../policy/editor.js";
import { createExplain } from "../policy/explain.js";
import { merge } from "../policy/merge.js";
import { createVersions } from "../policy/versions.js";
import { createWhatIf } from "../policy/whatif.js";
import { replace } from "../router.js";
import { banner, button, can, disable, empty, failed, form, loading, need, openDialog, tabs, timeOf, toast } from "../ui.js";

const LINT_AFTER_MS = 250;
const TABS = ["editor", "changes", "what-if", "versions", "model"];
const ASKED = ["agent", "model", "tool", "permission"];

export function mount(host, { feed, session }, params) {
  const mayDraft = can(session, "analyst");
  let policy = null; // what is in force
  let base = null; // the text and version that the draft stands on
  let lint = { errors: [], warnings: [], valid: true };
  let abort = new AbortController();
  let linting = null;
  let timer = 0;
  let wanted = params;

  const lintState = el("div", { class: "lint-state", id: "lint", role: "status" });
  const editor = createEditor({ label: "policy.csv", colour: csvLine, describedBy: "lint", onInput: onEdit });
  const conf = createEditor({ label: "model.conf, read-only", colour: confLine });
  editor.area.readOnly = !mayDraft;
  conf.area.readOnly = true;
  const toLine = (line) => {
    choose("editor");
    editor.reveal(line, { focus: true });
  };
  const explain = createExplain({
    feed,
    onAsk: (question) => remember(question),
    onAnswer: (rules, deciding) => {
      const line = deciding && lineOfRule(deciding);
      editor.mark(rules.map(lineOfRule), line);
      if (pages.chosen === "editor" && line) editor.reveal(line);
    },
    onLine: (rule, line) => toLine(lineOfRule(rule) ?? line),
  });
  const whatIf = createWhatIf({ draft: () => wire(), trouble: () => (mayDraft ? firstError() : "This needs the role analyst."), onLine: toLine });
  const versions = createVersions({ session, current: () => policy, onRestored: (next) => settle(next) });
  const changes = el("div", { class: "changes" });
  const changesTitle = el("span", {}, "Changes");

  const save = button("Save…", openSave, { kind: "primary", id: "policy-save", hidden: true });
  const discard = button("Discard", openDiscard, { id: "policy-discard", hidden: true });
  const facts = el("dl", { class: "facts" });
  const banners = el("div", { class: "banners" });
  const pages = tabs("What to see of the policy", [
    { name: "editor", title: "Editor", panel: el("div", { class: "policy-desk" },
      el("div", { class: "policy-text" }, editor.node, el("div", { class: "policy-foot" }, lintState, copyButton("Copy the file", () => editor.text))),
      explain.node) },
    { name: "changes", title: changesTitle, panel: changes },
    { name: "what-if", title: "What-if", panel: whatIf.node },
    { name: "versions", title: "Versions", panel: versions.node },
    { name: "model", title: "model.conf", panel: conf.node },
  ], (name) => choose(name));
  const body = el("div", { class: "policy-body", hidden: true }, pages.node);
  const message = el("div", { class: "policy-message" });
  const onKey = (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault(); // the browser would save the page
    save.click();
  };
  host.replaceChildren(el("div", { class: "page policy", id: "policy", onkeydown: onKey },
    el("div", { class: "page-head" }, el("h1", {}, "Policy"), facts, el("div", { class: "page-actions" }, discard, save)),
    banners, message, body));

  // The gate's text may end its lines as Windows does; a textarea never does.
  const lf = (text) => text.replaceAll("\r\n", "\n");
  const wire = (text = editor.text) => (policy?.text.includes("\r\n") ? text.replaceAll("\n", "\r\n") : text);
  const isDirty = () => base !== null && editor.text !== base.text;
  const firstError = () => (lint.valid ? null : `${count(lint.errors.length)} of its lines are wrong. The editor shows them.`);

  function lineOfRule(rule) {
    const plain = (line) => line.split(",").map((part) => part.trim()).join(", ");
    return editor.text.split("\n").findIndex((line) => plain(line) === rule) + 1 || null;
  }

  async function load() {
    abort.abort();
    abort = new AbortController();
    if (policy === null) message.replaceChildren(loading("Loading the policy"));
    try {
      settle(await api.policy(abort.signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      if (policy === null) message.replaceChildren(failed(error, load, "The policy could not be loaded"));
    }
  }

  /** Takes what the gate says of the policy; a draft stays as it is. */
  function settle(next) {
    const first = policy === null;
    policy = next;
    const text = lf(textOnDisk(next));
    const kept = first ? readDraft(session.username) : null;
    if (kept && mayDraft) {
      base = { text: kept.base, version: kept.version };
      editor.setText(kept.text);
    }
    // Nothing was written, or just what has come.
    if (!isDirty() || editor.text === text) {
      base = { text, version: next.version };
      editor.setText(text);
    } else if (base.text === text) base.version = next.version;
    conf.setText(lf(next.model_text));
    message.replaceChildren();
    body.hidden = false;
    showFacts();
    onDraft();
    lintNow();
    if (pages.chosen === "versions") versions.load();
    if (first) follow(wanted);
  }

  /** The file as it stands on the disk: the one that was refused, where the gate could read it. */
  function textOnDisk({ error, text, model_file: model }) {
    return error?.text && baseName(error.file) !== baseName(model) ? error.text : text;
  }

  function showFacts() {
    facts.replaceChildren(
      fact("Version", policy.version, "version"),
      fact("In force since", timeOf(policy.loaded_at, localMoment), "loaded"),
      fact("State", policy.error ? "last change refused" : "in force", "state"));
    facts.dataset.state = policy.error ? "error" : "ok";
  }

  function showBanners() {
    const moved = isDirty() && base.text !== lf(textOnDisk(policy));
    const [line, version] = [wanted.get("line"), wanted.get("version")];
    const kinds = JSON.stringify([policy.error, moved && policy.version, line, version]);
    if (banners.dataset.kinds === kinds) return; // it would be read out again
    banners.dataset.kinds = kinds;
    banners.replaceChildren(
      ...(policy.error ? [refusal(policy.error, policy.version)] : []),
      ...(moved ? [movedBanner()] : []),
      ...(line && version && version !== policy.version ? [named("policy-moved", banner("warn", "The policy has changed since that decision",
        `Line ${line} was meant in version ${version}; it may say something else now.`))] : []),
      ...(mayDraft && !policy.writable && policy.why_not_writable ? [banner("info", "The policy cannot be saved from here", policy.why_not_writable)] : []));
  }

  function movedBanner() {
    return named("policy-conflict", banner("warn", "policy.csv has changed while you were writing",
      `Version ${policy.version} is in force now. Your draft is kept.`,
      el("div", { class: "banner-actions" },
        button("Put my changes on top", rebase),
        button("See what changed", showForeign),
        button("Discard my draft", () => openDiscard()))));
  }

  function rebase() {
    const theirs = lf(textOnDisk(policy));
    const { text, overlaps } = merge(base.text, editor.text, theirs);
    base = { text: theirs, version: policy.version };
    choose("editor");
    editor.setText(text, { undoable: true });
    onEdit();
    toast(overlaps === 0 ? "Your changes stand on the new text." : `In ${overlaps} ${overlaps === 1 ? "place" : "places"} both had changed the same lines: yours stand. Look at the changes.`,
      { tone: overlaps === 0 ? "good" : "warn" });
  }

  async function showForeign() {
    const box = el("div", {}, loading("Comparing", 4));
    openDialog({ title: "What changed while you were writing", wide: true, cancel: "Close", body: box,
      actions: [{ label: "Put my changes on top", kind: "primary", run: rebase }] });
    try {
      // Told from the draft's text to the one in force, so the signs are the other way round.
      const { lines } = await api.diffPolicy({ text: wire(base.text) });
      const turned = lines.map(({ mark, old, new: fresh, text }) => ({ mark: { "+": "-", "-": "+" }[mark] ?? mark, old: fresh, new: old, text }));
      box.replaceChildren(diffView({ lines: turned }, "What changed"));
    } catch (error) {
      box.replaceChildren(failed(error));
    }
  }

  function onEdit() {
    keepDraft(session.username, isDirty() ? { text: editor.text, base: base.text, version: base.version } : null);
    onDraft();
    clearTimeout(timer);
    timer = setTimeout(lintNow, LINT_AFTER_MS);
  }

  /** What hangs on whether there is a draft. */
  function onDraft() {
    const dirty = isDirty();
    if (!dirty) keepDraft(session.username, null);
    showBanners();
    whatIf.check();
    save.hidden = false;
    discard.hidden = !dirty;
    disable(save, whyNoSave(dirty));
    setText(changesTitle, dirty ? "Changes •" : "Changes");
    if (pages.chosen === "changes") showChanges();
  }

  function whyNoSave(dirty) {
    if (!can(session, "policy_author")) return "This needs the role policy author.";
    if (!policy.writable) return policy.why_not_writable ?? "The gate may not write its policy file.";
    if (!dirty) return "Nothing has been changed.";
    return lint.valid ? null : "Lines are wrong: they are marked in the editor.";
  }

  async function lintNow() {
    if (!mayDraft) return showLint(lintOf(policy));
    linting?.abort();
    const mine = new AbortController();
    linting = mine;
    try {
      showLint(await api.lintPolicy(wire(), mine.signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      showLint(isDirty() ? { valid: true, errors: [], warnings: [] } : lintOf(policy)); // the gate judges when it is saved
      lintState.replaceChildren(`The text could not be checked: ${error.message}`);
    }
  }

  function showLint(told) {
    lint = told;
    const notes = [
      ...told.errors.map(({ line, column, reason, remedy }) => ({ line, column, tone: "bad", text: [reason, remedy].filter(Boolean).join("; ") })),
      // A rule may stand there before the agents that it is for.
      ...told.warnings.map(({ line, kind, reason }) => ({ line, column: null, tone: kind === "unknown_role" ? "note" : "warn", text: reason })),
    ];
    editor.setNotes(notes.filter(({ line }) => line));
    editor.area.setAttribute("aria-invalid", String(!told.valid));
    const [first] = [...notes].sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
    const words = [["bad", "error"], ["warn", "warning"], ["note", "note"]].map(([tone, word]) => [notes.filter((note) => note.tone === tone).length, word])
      .filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}${number === 1 ? "" : "s"}`).join(", ");
    lintState.dataset.tone = ["bad", "warn"].find((tone) => notes.some((note) => note.tone === tone)) ?? "";
    lintState.replaceChildren(...(notes.length === 0 ? ["No problems found"] : [
      el("strong", {}, words), " ", first.line ? `Line ${first.line}: ` : "", ...prose(first.text), " ",
      first.line ? button("Next", () => toLine(nextNote(notes)), { kind: "link", aria: { label: "Next error, warning or note" } }) : ""]));
    onDraft();
  }

  function nextNote(notes) {
    const places = notes.map(({ line }) => line).filter(Boolean).sort((one, other) => one - other);
    return places.find((line) => line > editor.line) ?? places[0];
  }

  async function showChanges() {
    if (!isDirty()) return changes.replaceChildren(empty("No changes", "What you write in the editor is compared here with the policy in force."));
    try {
      const told = await api.diffPolicy({ text: wire() });
      changesTitle.replaceChildren("Changes ", changeCount(told));
      changes.replaceChildren(diffView(told, "Your changes"));
    } catch (error) {
      changes.replaceChildren(failed(error, showChanges));
    }
  }

  async function openSave() {
    const asked = form({ fields: [{ name: "reason", label: "Reason", required: true, maxlength: 256, hint: "Kept with the version and in the audit record." }] });
    const box = el("div", {}, loading("Comparing", 3));
    const { node } = openDialog({ title: "Save the policy", wide: true, body: [asked.node, box], actions: [{ label: "Save", kind: "primary", run: async () => {
      const values = asked.value();
      return values === null ? false : send(values.reason);
    } }] });
    node.id = "save-dialog";
    api.diffPolicy({ text: wire() }).then((told) => box.replaceChildren(el("h3", {}, "Changes ", changeCount(told)), diffView(told, "Your changes")),
      (error) => box.replaceChildren(failed(error)));
  }

  async function send(reason) {
    try {
      const next = await api.savePolicy({ text: wire(), base_version: base.version, reason });
      base = { text: editor.text, version: next.version };
      settle(next);
      toast(`Saved: version ${next.version} is in force.`);
    } catch (error) {
      if (error.code !== "policy_changed") throw error;
      // Somebody was faster: the page shows what changed, the draft stays.
      const version = error.detail?.current_version;
      const known = base.version;
      await load();
      if (policy.error === null || base.text !== lf(textOnDisk(policy)) || version === known) {
        return toast("The policy has changed while you were writing: nothing was saved. Look at it, then save again.", { tone: "warn" });
      }
      // A file that was refused has no version that we were told before; it is the text that we know.
      base.version = version;
      await send(reason);
    }
  }

  function openDiscard() {
    const lost = editor.text;
    editor.setText(lf(textOnDisk(policy)), { undoable: true });
    base = { text: editor.text, version: policy.version };
    onEdit();
    toast("The draft is discarded.", { action: { label: "Undo", run: () => {
      editor.setText(lost, { undoable: true });
      onEdit();
    } } });
  }

  function choose(name) {
    pages.select(name);
    remember({ tab: name === "editor" ? "" : name });
    if (name === "changes") showChanges();
    if (name === "versions") versions.load();
  }

  /** What stands in the address: the tab and the question. */
  function remember(change) {
    const now = Object.fromEntries(["tab", ...ASKED].map((name) => [name, wanted.get(name)]));
    wanted = new URLSearchParams(Object.entries({ ...now, ...change }).filter(([, value]) => value));
    replace("policy", Object.fromEntries(wanted));
  }

  /** Goes where the address says. */
  function follow(next) {
    wanted = next;
    const line = Number.parseInt(next.get("line") ?? "", 10);
    const question = Object.fromEntries(ASKED.map((name) => [name, next.get(name)]));
    pages.select(TABS.includes(next.get("tab")) ? next.get("tab") : "editor");
    if (pages.chosen === "changes") showChanges();
    if (pages.chosen === "versions") versions.load();
    showBanners();
    if (line > 0) {
      editor.mark([line], line);
      editor.reveal(line);
    }
    if (question.agent) explain.ask(question);
  }

  const stop = feed.listen((topic) => {
    if (topic === "policy") load();
  });
  api.agents().then(({ agents }) => explain.offer(agents.map(({ name }) => name)), () => explain.offer(feed.agents));
  load();
  return {
    update(next) {
      if (policy === null) wanted = next;
      else follow(next);
    },
    unmount() {
      stop();
      clearTimeout(timer);
      abort.abort();
      linting?.abort();
      whatIf.stop();
      versions.stop();
      editor.stop();
      conf.stop();
    },
  };
}

const baseName = (path) => (path ?? "").split(/[\\/]/).at(-1);
const fact = (name, value, id) => el("div", {}, el("dt", {}, name), el("dd", { dataset: { fact: id } }, value));
const named = (id, node) => Object.assign(node, { id });

/** What a viewer is told, who may not have the text checked: why the file was refused. */
const lintOf = ({ error }) => ({ valid: error === null, errors: error ? [error] : [], warnings: [] });

function refusal(error, version) {
  const place = [error.line && `line ${error.line}`, error.column && `column ${error.column}`].filter(Boolean).join(", ");
  return named("policy-error", banner("bad", `${baseName(error.file)} was not loaded${place ? `: ${place}` : ""}`,
    el("p", { dataset: { field: "reason" } }, prose(error.reason)),
    error.remedy ? el("p", { dataset: { field: "remedy" } }, prose(error.remedy)) : "",
    el("p", { class: "muted" }, `Every call is still decided by version ${version}. Refused `, timeOf(error.at, localMoment), ".")));
}
