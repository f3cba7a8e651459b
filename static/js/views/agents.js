// The agents: who may call, as what, and how they stand. Owns their table, their drawer and what an administrator
// does with them; a secret is handed to its dialog and kept nowhere.

import { createHistory } from "../agents/history.js";
import * as api from "../api.js";
import { NAME_HINT, changesOf, limitFields, limitRows, showCredentials } from "../credentials.js";
import { ask, createDirectory, moment, section, stateTag, summary, when } from "../directory.js";
import { el } from "../dom.js";
import { group } from "../drawer.js";
import { capital, count, localMoment, score, tierLabel } from "../format.js";
import { banner, confirm, form, timeOf, toast } from "../ui.js";

const TONES = { suspended: "warn", quarantined: "bad" };
const STATUSES = ["active", "suspended", "quarantined", "revoked"].map((name) => [name, capital(name)]);

export function mount(host, { session }, params) {
  const page = createDirectory(host, session, params, {
    page: "agents",
    title: "Agents",
    noun: ["agent", "agents"],
    load: async (signal) => (await api.agents(signal)).agents,
    keyOf: (agent) => agent.agent_id,
    words: (agent) => [agent.name, agent.agent_type, agent.owner ?? "", agent.client_id, ...agent.roles],
    filter: { name: "status", label: "Any status", options: STATUSES, of: (agent) => agent.status },
    sort: { key: "name", down: false },
    columns: [
      { key: "name", title: "Name", sort: true, cell: ({ name, owner }) => [el("strong", {}, name), owner ? el("span", { class: "muted" }, ` ${owner}`) : ""] },
      { key: "status", title: "Status", sort: true, cell: statusOf },
      { key: "roles", title: "Roles", narrow: "s", cell: ({ roles }) => roles.join(", ") || el("span", { class: "muted" }, "none") },
      { key: "agent_type", title: "Type", sort: true, narrow: "m" },
      { key: "trust_score", title: "Trust", sort: true, numeric: true, cell: (agent) => score(agent.trust_score), hint: "0 to 100: follows the agent's conduct" },
      { key: "risk_score", title: "Risk", sort: true, narrow: "m", cell: ({ risk_tier: tier }) => el("span", { class: "tier", dataset: { tier } }, tierLabel(tier)), hint: "Of its riskiest call; fades within a day" },
      { key: "calls", title: "Calls", sort: true, numeric: true, narrow: "l", cell: ({ calls }) => count(calls) },
      when("last_call_at", "Last call"),
    ],
    create: { label: "New agent", run: () => edit(null) },
    nothing: "An agent is a program or a person's assistant that calls models through this gate. Make one, and give its secret to the program.",
    detail,
  });
  const history = createHistory();

  function detail(agent) {
    return { title: agent.name, body: [
      summary(session, [statusOf(agent), el("span", { class: "muted" }, ` · ${agent.agent_type}`)], deedsOf(agent)),
      agent.quarantine && el("div", { class: "drawer-note" }, banner("bad", "In quarantine", agent.quarantine.reason,
        el("p", { class: "muted" }, "Since ", timeOf(agent.quarantine.at, localMoment), ". Every call is refused until a review lifts it."))),
      group("Trust and risk", [
        ["Trust", `${score(agent.trust_score)} of 100`, { field: "trust_score" }],
        ["Risk", `${score(agent.risk_score)}, ${tierLabel(agent.risk_tier).toLowerCase()}`, { field: "risk_score" }],
        ["Calls", count(agent.calls)],
        ["Violations", count(agent.violations)],
        agent.last_violation_at && moment("Last violation", agent.last_violation_at),
      ], history.trustOf(agent)),
      group("Identity", [
        ["Roles", agent.roles.join(", "), { field: "roles" }],
        ["Owner", agent.owner],
        ["Agent id", agent.agent_id, { copy: agent.agent_id }],
        ["Client id", agent.client_id, { copy: agent.client_id }],
        agent.identity && ["External", `${agent.identity.subject} at ${agent.identity.issuer}`],
        moment("Created", agent.created_at),
        moment("Changed", agent.updated_at),
      ]),
      group("Limits", limitRows(agent.limits)),
      section("Recent calls", history.callsOf(agent)),
    ].filter(Boolean) };
  }

  function deedsOf(agent) {
    const gone = agent.status === "revoked" ? "It is revoked, for good." : null;
    const held = agent.status === "quarantined";
    return [
      ["Edit", () => edit(agent), { unless: gone }],
      ["How to connect", () => connect(agent), { role: "viewer" }],
      agent.status === "suspended"
        ? ["Resume", () => resume(agent)]
        : ["Suspend", () => suspend(agent), { unless: gone ?? (held ? "It is in quarantine, which refuses its calls already." : null) }],
      held
        ? ["Lift quarantine", () => lift(agent), { kind: "primary" }]
        : ["Quarantine", () => quarantine(agent), { unless: gone }],
      ["New secret", () => rotate(agent), { unless: gone }],
      ["Revoke", () => revoke(agent), { kind: "danger", unless: gone }],
    ];
  }

  function connect({ name, client_id, roles }, secret = null, title = `How ${name} connects`) {
    showCredentials({
      title, surface: "agent", client_id, secret,
      note: roles.length === 0 && banner("warn", "It has no role", "Unless the policy names it itself, every call of it is denied."),
      text: secret
        ? "The gate keeps only a hash of the secret. Whoever has it can call as this agent."
        : "Put the agent's secret where the placeholder stands. A lost one cannot be shown again: make a new one.",
    });
  }

  async function edit(agent) {
    const known = await rolesKnown();
    const own = agent?.roles ?? [];
    const limits = limitFields(agent?.limits);
    const rare = agent === null && form({ fields: [...limits,
      { name: "issuer", label: "External issuer", placeholder: "none", hint: "Its name in the configuration, for agents that come with tokens of your identity provider." },
      { name: "subject", label: "Subject", placeholder: "none", maxlength: 256, hint: "Who the agent is there." }] });
    ask({
      title: agent ? `Change ${agent.name}` : "New agent", action: agent ? "Save" : "Create",
      fields: [
        agent === null && { name: "name", label: "Name", required: true, maxlength: 63, hint: NAME_HINT },
        agent === null && { name: "agent_type", label: "Type", placeholder: "interactive", list: "agent-types", hint: "interactive: a person is there; autonomous: it acts alone. The policy can treat them differently." },
        known.length > 0 && { name: "roles", label: "Roles", type: "choices", options: known, value: own },
        { name: "others", label: known.length > 0 ? "Other roles" : "Roles", required: agent === null && known.length === 0, value: own.filter((role) => !known.includes(role)).join(", "), placeholder: "none", hint: "Separated by commas. What a role may do stands in the policy; without a role every call is denied." },
        agent === null && { name: "owner", label: "Owner", placeholder: "nobody", maxlength: 256, hint: "Who answers for it." },
        ...(agent === null ? [] : limits),
      ],
      more: rare ? [types(), el("details", { class: "more" }, el("summary", {}, "Limits and external identity"), rare.node)] : [],
      run: ({ roles = [], others, ...values }, asked) => {
        const all = [...roles, ...others.split(/[\s,]+/).filter(Boolean)].sort();
        if (agent === null && all.length === 0) {
          asked.setErrors({ roles: "Choose one, or write another below: without a role every call is denied." });
          return false;
        }
        return agent ? save(agent, all, values) : create({ ...values, ...rare.value() }, all);
      },
    });
  }

  const types = () => el("datalist", { id: "agent-types" },
    [...new Set(["interactive", "autonomous", ...page.rows.map((agent) => agent.agent_type)])].map((value) => el("option", { value })));

  async function rolesKnown() {
    const policy = await api.policy().catch(() => null);
    const names = new Set(page.rows.map((agent) => agent.name));
    const held = page.rows.flatMap((agent) => agent.roles);
    return [...new Set([...rolesOf(policy?.text ?? ""), ...held])].filter((role) => !names.has(role)).sort();
  }

  async function create({ name, agent_type, owner, issuer, subject, ...limits }, roles) {
    const { client_id, client_secret } = await api.createAgent({
      name, roles, agent_type: agent_type || "interactive", owner: owner || null, identity: issuer || subject ? { issuer, subject } : null, limits,
    });
    page.open(name);
    connect({ name, client_id, roles }, client_secret, `${name} is registered`);
  }

  async function save(agent, roles, limits) {
    const change = changesOf({ ...agent.limits, roles: [...agent.roles].sort() }, { roles }, limits);
    if (change === null) return;
    page.put(await api.changeAgent(agent.agent_id, change));
    toast(`${agent.name} is changed`);
  }

  const suspend = (agent) => confirm({
    title: `Suspend ${agent.name}?`,
    text: "Its calls are refused with 403 from now on, and its open streams end. Nothing is lost: Resume lets it call again.",
    action: "Suspend", run: () => done(agent, "suspend", "is suspended"),
  });

  const resume = (agent) => done(agent, "resume", "may call again").catch((error) => toast(error.message, { tone: "bad" }));

  const quarantine = (agent) => confirm({
    title: `Put ${agent.name} in quarantine?`,
    text: "Its calls are refused with 403 from now on, its open streams end, and it loses its trust. Only a review lifts it.",
    reason: "Reason, for those who review it", action: "Quarantine", run: (reason) => done(agent, "quarantine", "is in quarantine", { reason }),
  });

  const revoke = (agent) => confirm({
    title: `Revoke ${agent.name} for good?`,
    text: "Its secret, its tokens and all its detection keys are worth nothing from now on, and its open streams end. There is no way back, and its name stays taken.",
    action: "Revoke", run: () => done(agent, "revoke", "is revoked"),
  });

  const rotate = (agent) => confirm({
    title: `Make a new secret for ${agent.name}?`,
    text: "The present secret is worth nothing from now on: the agent gets no token until it has the new one. Tokens that it holds stay good until they expire.",
    action: "Make a new secret",
    run: async () => connect(agent, (await api.doAgent(agent.agent_id, "rotate-secret")).client_secret, `${agent.name} has a new secret`),
  });

  const lift = (agent) => ask({
    title: `Lift the quarantine of ${agent.name}`, action: "Lift quarantine",
    text: `It was put there because: ${agent.quarantine.reason}. It may call again from now on.`,
    fields: [
      { name: "reason", label: "What the review found", required: true, maxlength: 500 },
      { name: "approve", label: "It did nothing wrong: give back trust", type: "checkbox", hint: "It gets 50 of trust, as far as its identity bears. Else it begins at 0." },
    ],
    run: (values) => done(agent, "lift-quarantine", "may call again", values),
  });

  async function done(agent, deed, text, body) {
    page.put(await api.doAgent(agent.agent_id, deed, body));
    toast(`${agent.name} ${text}`);
  }

  return page;
}

const statusOf = ({ status }) => stateTag(status, TONES[status]);

/** The roles that a policy speaks of. */
export function rolesOf(text) {
  const fields = text.split("\n").map((line) => line.split(",").map((field) => field.trim()));
  return fields.flatMap(([kind, subject, role]) => (kind === "g" ? [role] : /^p[23]?$/.test(kind) ? [subject] : []))
    .filter((role) => /^[\w.-]+$/.test(role ?? ""));
}
