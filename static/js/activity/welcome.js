// What the activity page shows before there is anything to show: where the first call comes from.

import { el } from "../dom.js";
import { link } from "../router.js";

export function createWelcome({ sandbox }) {
  return el("section", { class: "notice", id: "empty", aria: { labelledby: "empty-title" } },
    el("h2", { id: "empty-title" }, "No calls yet"),
    el("p", {}, "An agent gets a secret and ready snippets for Python, Node, LangChain and curl. Its calls appear here while they run."),
    el("p", {}, el("a", { class: "button button-primary", href: link("agents") }, "Create an agent")),
    sandbox ? el("p", {}, "This gate is a sandbox: it answers by itself, without a provider and without a key.") : null);
}
