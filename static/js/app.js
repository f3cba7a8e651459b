// The entrance: is somebody signed in, and which page is wanted. Owns the list of pages.
//
// A page is a module with `mount(host, { feed, session }, params)` that returns `update(params)` and
// `unmount()`. To add one, write it in views/ and name it here; the navigation follows. Its icon is `i-<name>` in
// index.html; with `role` it is there only for those who have it.

import * as api from "./api.js";
import { el } from "./dom.js";
import { Feed } from "./feed.js";
import { watch } from "./router.js";
import { createShell } from "./shell.js";
import { can, failed, toast } from "./ui.js";
import * as activity from "./views/activity.js";
import * as agents from "./views/agents.js";
import * as audit from "./views/audit.js";
import * as contexts from "./views/contexts.js";
import * as detections from "./views/detections.js";
import * as overview from "./views/overview.js";
import * as policy from "./views/policy.js";
import * as signin from "./views/signin.js";
import * as users from "./views/users.js";

const PAGES = [
  { name: "activity", title: "Live activity", group: "Watch", mount: activity.mount },
  { name: "overview", title: "Overview", group: "Watch", mount: overview.mount },
  { name: "policy", title: "Policy", group: "Decide", mount: policy.mount },
  { name: "detections", title: "Detections", group: "Decide", mount: detections.mount },
  { name: "agents", title: "Agents", group: "Manage", mount: agents.mount },
  { name: "contexts", title: "AppContexts and keys", group: "Manage", mount: contexts.mount },
  { name: "users", title: "Users", group: "Manage", role: "admin", mount: users.mount },
  { name: "audit", title: "Audit", group: "Prove", mount: audit.mount },
];

const RETRY_MS = 5_000;

const host = document.getElementById("app");
let leave = () => {};

async function enter({ ended = false } = {}) {
  let session;
  try {
    session = await api.session();
  } catch (error) {
    if (error.status === 401) return showSignIn(ended);
    return showUnreachable(error);
  }
  showPages(session);
}

function showSignIn(ended) {
  leave();
  const view = signin.mount(host, { ended, onSignedIn: enter });
  leave = view.unmount;
}

function showUnreachable(error) {
  leave();
  const timer = setTimeout(enter, RETRY_MS);
  host.replaceChildren(el("main", { class: "boot" }, failed(error, enter, "Portcullis")));
  leave = () => clearTimeout(timer);
}

function showPages(session) {
  leave();
  const feed = new Feed(() => enter({ ended: true }));
  const shell = createShell({ session, feed, pages: PAGES, onSignOut: signOut });
  host.replaceChildren(...shell.nodes);
  let page = null;
  let view = null;
  const stopRoutes = watch(({ name, params }) => {
    const wanted = PAGES.find((each) => each.name === name && (!each.role || can(session, each.role))) ?? PAGES[0];
    if (wanted === page) return view.update(params);
    closeDialogs();
    view?.unmount();
    page = wanted;
    shell.setPage(page);
    view = page.mount(shell.main, { feed, session }, params);
  });
  feed.start();
  leave = () => {
    closeDialogs();
    stopRoutes();
    view.unmount();
    shell.stop();
    feed.stop();
    leave = () => {};
  };
}

async function signOut() {
  try {
    await api.signOut();
  } catch (error) {
    if (error.status !== 401) return toast(`You are still signed in: ${error.message}`, { tone: "bad" });
  }
  showSignIn(false);
}

/** Dialogs stand outside of the pages: whoever comes next must neither see nor be held up by one. */
function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

enter();
