// Who administers: users with their roles and sessions. Owns their table, their drawer and what an administrator does
// with them; a password is handed to its dialog and kept nowhere.

import * as api from "../api.js";
import { ask, createDirectory, moment, stateTag, summary, when } from "../directory.js";
import { el } from "../dom.js";
import { group } from "../drawer.js";
import { count } from "../format.js";
import { link } from "../router.js";
import { confirm, openDialog, secretBox, toast } from "../ui.js";

const ROLES = {
  viewer: ["Viewer", "Sees everything but set-aside records and checkpoints."],
  analyst: ["Analyst", "Also exports and verifies, replays drafts of the policy, and tries texts against the rules."],
  policy_author: ["Policy author", "Also saves the policy and changes detection rules."],
  admin: ["Administrator", "Also manages agents, AppContexts, keys and users."],
};
const ROLE_OPTIONS = Object.entries(ROLES).map(([role, [title]]) => [role, title]);
const ROLE_HINT = "Each includes those before it.";
const roleLines = () => el("dl", { class: "role-lines" }, Object.values(ROLES).map(([title, may]) => el("div", {}, el("dt", {}, title), el("dd", {}, may))));

export function mount(host, { session }, params) {
  const page = createDirectory(host, session, params, {
    page: "users",
    title: "Users",
    noun: ["user", "users"],
    load: async (signal) => (await api.users(signal)).users,
    keyOf: (user) => user.username,
    words: (user) => [user.username, roleOf(user)],
    filter: { name: "role", label: "Any role", options: ROLE_OPTIONS, of: (user) => user.role },
    sort: { key: "username", down: false },
    columns: [
      { key: "username", title: "Name", sort: true, cell: (user) => [el("strong", {}, user.username), isOwn(user) ? el("span", { class: "muted" }, " you") : ""] },
      { key: "role", title: "Role", sort: (user) => Object.keys(ROLES).indexOf(user.role), cell: roleOf },
      { key: "disabled", title: "Status", narrow: "s", cell: stateOf },
      { key: "source", title: "Signs in with", sort: true, narrow: "m", cell: sourceOf },
      { key: "sessions", title: "Sessions", sort: true, numeric: true, narrow: "m", cell: (user) => count(user.sessions) },
      when("last_sign_in_at", "Last sign-in"),
    ],
    create: { label: "New user", run: () => create() },
    nothing: "Users sign in to this dashboard.",
    detail: (user) => ({ title: user.username, body: [
      summary(session, stateOf(user), deedsOf(user)),
      group("User", [
        ["Role", roleOf(user), { field: "role" }],
        ["May", ROLES[user.role]?.[1]],
        ["Signs in with", sourceOf(user), { field: "source" }],
        ["Sessions", count(user.sessions), { field: "sessions" }],
        moment("Last sign-in", user.last_sign_in_at),
        moment("Created", user.created_at),
        moment("Changed", user.updated_at),
      ], el("p", {}, el("a", { href: link("audit", { surface: "admin" }) }, "Administrative changes in the audit"))),
    ] }),
  });

  const isOwn = (user) => user.username === session.username;

  function deedsOf(user) {
    const own = isOwn(user) ? "This is you: another administrator must do it." : null;
    const configured = user.configured ? "It stands in the configuration." : null;
    const elsewhere = user.source === "oidc" ? "The identity provider decides it." : null;
    return [
      ["Change role", () => changeRole(user), { unless: own ?? configured ?? elsewhere }],
      isOwn(user)
        ? ["Change password", changePassword, { unless: elsewhere }]
        : ["Reset password", () => reset(user), { unless: elsewhere }],
      ["End sessions", () => endSessions(user), { unless: user.sessions === 0 ? "There are none." : null }],
      user.disabled
        ? ["Enable", () => change(user, { disabled: false }, "may sign in again")]
        : ["Disable", () => disable(user), { unless: own ?? configured }],
      ["Delete", () => remove(user), { kind: "danger", unless: own ?? configured }],
    ];
  }

  const create = () => ask({
    title: "New user", action: "Create",
    fields: [
      { name: "username", label: "Name", required: true, maxlength: 128 },
      { name: "role", label: "Role", type: "select", options: ROLE_OPTIONS, value: "viewer", hint: ROLE_HINT },
      { name: "password", label: "Password", type: "password", autocomplete: "new-password", placeholder: "a generated one", hint: "At least 12 characters. Left empty, the gate makes one and shows it once." },
    ],
    more: [roleLines()],
    run: async ({ username, role, password }) => {
      const made = await api.createUser({ username, role, password: password || null });
      page.open(username);
      if (made.password) showPassword(username, made.password);
      else toast(`${username} may sign in`);
    },
  });

  const changeRole = (user) => ask({
    title: `The role of ${user.username}`, text: "Its sessions end: it signs in anew with the new role.",
    fields: [{ name: "role", label: "Role", type: "select", options: ROLE_OPTIONS, value: user.role, hint: ROLE_HINT }],
    more: [roleLines()],
    run: (values) => change(user, values, "has a new role"),
  });

  const disable = (user) => confirm({
    title: `Disable ${user.username}?`, action: "Disable",
    text: "Its sessions end and it cannot sign in until it is enabled again.", run: () => change(user, { disabled: true }, "is disabled"),
  });

  const endSessions = (user) => confirm({
    title: `End the sessions of ${user.username}?`, action: "End sessions",
    text: isOwn(user) ? "You are signed out here too." : "It must sign in again everywhere.",
    run: async () => {
      const { sessions } = await api.doUser(user.username, "sign-out");
      toast(`Sessions of ${user.username} that ended: ${count(sessions)}`);
      page.open(user.username);
    },
  });

  const reset = (user) => confirm({
    title: `Reset the password of ${user.username}?`, action: "Reset password",
    text: "Its present password is worth nothing from now on, and its sessions end. The new one is shown once.",
    run: async () => showPassword(user.username, (await api.doUser(user.username, "reset-password")).password),
  });

  const remove = (user) => confirm({
    title: `Delete ${user.username}?`, action: "Delete",
    text: user.source === "oidc"
      ? "Its sessions end. It comes back with its next sign-in at the identity provider: disable it to keep it out."
      : "Its sessions end and it cannot sign in. What it did stays in the record.",
    run: async () => {
      await api.deleteUser(user.username);
      toast(`${user.username} is deleted`);
      page.open(null);
    },
  });

  async function change(user, what, text) {
    page.put(await api.changeUser(user.username, what));
    toast(`${user.username} ${text}`);
  }

  return page;
}

function showPassword(username, password) {
  openDialog({
    title: `The password of ${username}`, cancel: null, once: true, actions: [{ label: "Done", kind: "primary", run: () => {} }],
    body: [el("p", {}, "Hand it over in private; it can be changed after signing in."), secretBox("Password", password)],
  });
}

/** Asks for a new password of whoever is signed in. */
export const changePassword = () => ask({
  title: "Change your password", action: "Change password",
  fields: [["current", "Present password", "current-password"], ["next", "New password", "new-password"], ["again", "New password again", "new-password"]]
    .map(([name, label, autocomplete]) => ({ name, label, autocomplete, type: "password", required: true })),
  run: async ({ current, next, again }, asked) => {
    if (next !== again) {
      asked.setErrors({ again: "This is not the same." });
      return false;
    }
    await api.changePassword(current, next);
    toast("Your password is changed");
  },
});

const roleOf = ({ role }) => ROLES[role]?.[0] ?? role;
const sourceOf = ({ source }) => (source === "oidc" ? "identity provider" : "password");
const stateOf = ({ disabled }) => stateTag(disabled ? "disabled" : "active", disabled ? "warn" : "");
