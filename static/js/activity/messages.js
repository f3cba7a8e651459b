// What the activity page says in words: nothing yet, nothing found, loading, failed, offline.

import { el } from "../dom.js";
import { clock } from "../format.js";
import { link } from "../router.js";
import { banner, button, empty, failed, loading } from "../ui.js";
import { createWelcome } from "./welcome.js";

/** What stands where the rows would: `welcome`, `loading`, `nothing`, `error`, or "" for nothing. */
export function messageOf(kind, feed, session) {
  return {
    welcome: () => createWelcome(session),
    loading: () => loading("Loading exchanges"),
    nothing: () => empty("Nothing matches", "No exchange that we looked at matches these filters. New ones appear here by themselves."),
    error: () => failed(feed.history.error, () => feed.load(), "The history could not be loaded"),
  }[kind]?.() ?? "";
}

export function offlineAlert(feed) {
  const asOf = feed.heardAt === null ? null : clock(feed.heardAt).replace(/\.\d+$/, "");
  return banner("bad", "The gate cannot be reached",
    `${asOf ? `What you see is as of ${asOf}. ` : ""}The page goes on trying by itself.`,
    el("p", {}, button("Try now", () => feed.retry(), { id: "retry" })));
}

export const policyAlert = () => banner("bad", "The last policy change was not loaded",
  el("p", {}, "The gate keeps the last good policy. ", el("a", { href: link("policy") }, "See what is wrong")));
