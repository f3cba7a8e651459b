// AppContexts, the named places of use, and the detection keys that call through them. Owns their two tables, their
// drawers and what an administrator does with them; a key is handed to its dialog and kept nowhere.

import * as api from "../api.js";
import { NAME_HINT, changesOf, limitFields, limitRows, showCredentials } from "../credentials.js";
import { ask, createDirectory, moment, section, stateTag, summary, when } from "../directory.js";
import { el } from "../dom.js";
import { group } from "../drawer.js";
import { date } from "../format.js";
import { link } from "../router.js";
import { confirm, timeOf, toast } from "../ui.js";

const SHOWS = { contexts: ["AppContexts", contextsPage], keys: ["Detection keys", keysPage] };
const SPANS = [["now", "Now"], ["1h", "In an hour"], ["1d", "In a day"], ["7d", "In a week"], ["30d", "In 30 days"], ["90d", "In 90 days"]];

export function mount(host, { session }, params) {
  const showIn = (from) => (from.get("show") === "keys" ? "keys" : "contexts");
  let show = null;
  let page = null;
  function update(next) {
    if (showIn(next) === show) return page.update(next);
    page?.unmount();
    show = showIn(next);
    const head = el("h1", { class: "switch" }, Object.entries(SHOWS).map(([name, [title]]) =>
      el("a", { href: link("contexts", { show: name === "keys" ? name : null }), "aria-current": name === show ? "page" : null }, title)));
    page = SHOWS[show][1](host, session, next, head);
  }
  update(params);
  return { update, unmount: () => page.unmount() };
}

function contextsPage(host, session, params, head) {
  const page = createDirectory(host, session, params, {
    page: "contexts",
    head,
    noun: ["AppContext", "AppContexts"],
    load: async (signal) => {
      const [{ app_contexts: contexts }, { keys }] = await Promise.all([api.contexts(signal), api.keys(signal)]);
      return contexts.map((context) => ({ ...context, keys: keys.filter((key) => key.app_context_id === context.id) }));
    },
    keyOf: (context) => context.id,
    words: (context) => [context.name, context.id, ...context.allowed_models, ...context.detectors],
    sort: { key: "name", down: false },
    columns: [
      { key: "name", title: "Name", sort: true, cell: ({ name }) => el("strong", {}, name) },
      { key: "revoked_at", title: "Status", sort: true, cell: stateOf },
      { key: "allowed_models", title: "Models", narrow: "s", cell: (context) => listed(context.allowed_models, "all") },
      { key: "detectors", title: "Detectors", narrow: "l", cell: (context) => listed(context.detectors, "all") },
      { key: "provider_key", title: "Provider key", narrow: "m", cell: (context) => context.provider_key ?? muted("the caller's") },
      { key: "keys", title: "Keys", numeric: true, sort: (context) => activeOf(context).length, cell: (context) => activeOf(context).length },
      when("last_call_at", "Last call"),
    ],
    create: { label: "New AppContext", run: () => edit(null) },
    nothing: "An AppContext is a place of use, such as one application: it narrows models, chooses detectors and sets limits for the keys made in it.",
    detail: (context) => ({ title: context.name, body: [
      summary(session, stateOf(context), [
        ["Edit", () => edit(context), { unless: goneOf(context) }],
        ["New key", () => newKey(context.name, page.open), { unless: goneOf(context) }],
        ["Revoke", () => revoke(context), { kind: "danger", unless: goneOf(context) }],
      ]),
      group("Use", [
        ["Models", lines(context.allowed_models, "all"), { field: "allowed_models" }],
        ["Detectors", lines(context.detectors, "all"), { field: "detectors" }],
        ["Provider key", context.provider_key ?? "the caller's", { field: "provider_key" }],
        ["Id", context.id, { copy: context.id }],
        moment("Created", context.created_at),
        moment("Changed", context.updated_at),
      ]),
      group("Limits", limitRows(context.limits)),
      section("Detection keys",
        el("ol", { class: "calls" }, context.keys.map((key) => el("li", {},
          el("a", { href: link("contexts", { show: "keys", id: key.id }), class: "mono" }, shortKey(key)), el("span", { class: "calls-what" }, key.agent), stateOf(key)))),
        el("p", {}, el("a", { href: link("audit", { app_context: context.id }) }, "All its calls in the audit"))),
    ] }),
  });

  const edit = (context) => ask({
    title: context ? `Change ${context.name}` : "New AppContext", action: context ? "Save" : "Create",
    fields: [
      context === null && { name: "name", label: "Name", required: true, maxlength: 63, hint: NAME_HINT },
      { name: "allowed_models", label: "Models", type: "list", rows: 3, value: context?.allowed_models, placeholder: "all", hint: "Patterns such as gpt-4o*, one a line." },
      { name: "detectors", label: "Detectors", type: "list", rows: 3, value: context?.detectors, placeholder: "all", hint: "A rule's id, type:PII_* or class:CREDENTIALS, one a line." },
      { name: "provider_key", label: "Provider key", value: context?.provider_key ?? "", placeholder: "the caller's", hint: "A name in [provider_keys] of the configuration." },
      ...limitFields(context?.limits),
    ],
    run: async ({ name, allowed_models, detectors, provider_key, ...limits }) => {
      const use = { allowed_models, detectors, provider_key: provider_key || null };
      if (context === null) return page.open((await api.createContext({ name, ...use, limits })).id);
      const change = changesOf({ ...context, ...context.limits }, use, limits);
      if (change === null) return;
      page.put(await api.changeContext(context.id, change));
      toast(`${context.name} is changed`);
    },
  });

  const revoke = (context) => confirm({
    title: `Revoke ${context.name} for good?`,
    text: `Its ${activeOf(context).length} active keys are worth nothing from now on, and their open streams end. There is no way back, and its name stays taken.`,
    action: "Revoke",
    run: async () => {
      await api.revokeContext(context.id);
      toast(`${context.name} is revoked`);
      page.open(context.id);
    },
  });

  return page;
}

function keysPage(host, session, params, head) {
  const page = createDirectory(host, session, params, {
    page: "contexts",
    fixed: { show: "keys" },
    head,
    noun: ["key", "keys"],
    load: async (signal) => (await api.keys(signal)).keys,
    keyOf: (key) => key.id,
    words: (key) => [shortKey(key), key.app_context, key.agent, key.id],
    filter: { name: "state", label: "Any state", options: ["active", "expired", "revoked"], of: (key) => key.state },
    sort: { key: "created_at", down: true },
    columns: [
      { key: "last4", title: "Key", mono: true, cell: shortKey },
      { key: "state", title: "State", sort: true, cell: stateOf },
      { key: "agent", title: "Agent", sort: true },
      { key: "app_context", title: "AppContext", sort: true, narrow: "s" },
      when("created_at", "Created", { narrow: "m" }),
      when("expires_at", "Expires", { cell: (key) => (key.expires_at ? timeOf(key.expires_at, date) : muted("never")) }),
    ],
    create: { label: "New key", run: () => newKey("", page.open) },
    nothing: "A detection key lets one agent call through one AppContext, with no token to fetch first.",
    detail: (key) => ({ title: shortKey(key), body: [
      summary(session, stateOf(key), [
        ["How to connect", () => showCredentials({ title: "How to call with a detection key", surface: "detection_key", text: "Put the key where the placeholder stands. A lost one cannot be shown again: make a new one." }), { role: "viewer" }],
        ["Set its end", () => expire(key), { unless: goneOf(key) }],
        ["Revoke", () => revoke(key), { kind: "danger", unless: goneOf(key) }],
      ]),
      group("Key", [
        ["Agent", el("a", { href: link("agents", { id: key.agent_id }) }, key.agent), { field: "agent" }],
        ["AppContext", el("a", { href: link("contexts", { id: key.app_context_id }) }, key.app_context), { field: "app_context" }],
        ["Id", key.id, { copy: key.id }],
        moment("Created", key.created_at),
        key.expires_at ? moment("Expires", key.expires_at) : ["Expires", "never"],
        key.revoked_at && moment("Revoked", key.revoked_at),
      ]),
    ] }),
  });

  const expire = (key) => ask({
    title: `When ${shortKey(key)} ends`,
    text: "From then on new calls with it are refused; streams that run go on. This can also prolong it.",
    fields: [{ name: "at", label: "It ends", type: "select", options: SPANS, value: "7d" }],
    run: ({ at }) => done(key, "expire", at === "now" ? "has ended" : "has a new end", at === "now" ? { now: true } : { in: at }),
  });

  const revoke = (key) => confirm({
    title: `Revoke ${shortKey(key)} for good?`,
    text: `${key.agent}'s calls with it are refused from now on, and their open streams end. There is no way back.`,
    action: "Revoke", run: () => done(key, "revoke", "is revoked"),
  });

  async function done(key, deed, text, body) {
    page.put(await api.doKey(key.id, deed, body));
    toast(`${shortKey(key)} ${text}`);
  }

  return page;
}

/** Asks for whom and where, makes a key and shows it this once; `open(id)` then shows it in the list. */
async function newKey(context, open) {
  let places;
  let agents;
  try {
    [{ app_contexts: places }, { agents }] = await Promise.all([api.contexts(), api.agents()]);
  } catch (error) {
    return toast(error.message, { tone: "bad" });
  }
  const pick = (name, label, list, value) => {
    const options = list.filter((each) => !each.revoked_at && each.status !== "revoked").map((each) => each.name);
    return { name, label, type: "select", required: true, options, value: value || options[0], hint: options.length > 0 ? null : `There is no ${label} yet: make one first.` };
  };
  ask({
    title: "New detection key", action: "Create",
    fields: [
      pick("agent", "Agent", agents),
      pick("app_context", "AppContext", places, context),
      { name: "expires_in", label: "Good for", value: "90d", placeholder: "until it is revoked", hint: "Such as 12h, 90d or 4w." },
    ],
    run: async ({ agent, app_context, expires_in }) => {
      const { id, key } = await api.createKey({ agent, app_context, expires_in: expires_in || null });
      open(id);
      showCredentials({
        title: `A key for ${agent}`, surface: "detection_key", secret: key,
        text: `It calls as ${agent} through ${app_context}. The gate keeps only a hash of it.`,
      });
    },
  });
}

const shortKey = ({ last4 }) => `detect_live_…${last4}`;
const muted = (text) => el("span", { class: "muted" }, text);
const listed = (list, none) => (list.length === 0 ? muted(none) : list.join(", "));
const lines = (list, none) => (list.length === 0 ? none : list.flatMap((each) => [el("code", {}, each), el("br")]));
const activeOf = ({ keys }) => keys.filter(({ state }) => state === "active");
const goneOf = (it) => (it.revoked_at || it.state === "revoked" ? "It is revoked, for good." : null);

function stateOf(it) {
  const state = it.state ?? (it.revoked_at ? "revoked" : "active");
  return stateTag(state, state === "expired" ? "warn" : "");
}
